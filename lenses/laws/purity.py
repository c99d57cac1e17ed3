"""Is a box what it says: the same function each time, of the types that its typing rule gives?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..interpret import Cx, Env, Side
from ..rules.rule import backprop
from ..spaces import Array, IndexElement, Space
from ..syntax import shorten
from ..typed import Cell, Circuit, Typed
from .compare import Verdict
from .points import points


def leaf_cells(circuit: Circuit) -> Iterator[Cell]:
    """The cells of a graph, those inside of parts and repeats too."""
    for cell in circuit.cells:
        if cell.inner is None:
            yield cell
        else:
            yield from leaf_cells(cell.inner)


@dataclass(frozen=True)
class Purity:
    """The claim that every box of a term is a function: called twice, it gives the same, of the type it was given."""

    term: Typed

    def verdict(self, seed: int = 0) -> Verdict:
        """Traces and runs each box three times on one input."""
        tried = 0
        for cell in leaf_cells(self.term.circuit):
            with np.errstate(all="ignore"):
                said = _suspicion(cell, seed)
            tried += 1
            if said:
                return Verdict("fails", f"{shorten(cell.box, 60)}: {said}", tried)
        return Verdict("holds", f"on {tried} boxes", tried)


def _suspicion(cell: Cell, seed: int) -> str | None:
    rng = np.random.default_rng(seed)
    xs = [x[0] for x in points(cell.dom, rng, ("normal",))]
    params = {p.name: _fill(p.array, rng) for p in cell.ports if p.kind == "param"}
    states = {p.name: abs(_fill(p.array, rng)) for p in cell.ports if p.kind == "state"}
    key = jax.random.key(0) if cell.keyed else None
    programs, values = [], []
    for _ in range(3):

        def call(params: Any, xs: Any) -> Any:
            return cell.box.run(Cx(cell, Env(backprop)), Side(params, states, key), xs)[0]

        program, shapes = jax.make_jaxpr(call, return_shape=True)(params, xs)
        programs.append((str(program), [np.asarray(c).tobytes() for c in program.consts if _plain(c)]))
        values.append(call(params, xs))
        came = [(s.shape, s.dtype) for s in shapes]
        expected = [(a.sizes, a.dtype) for a in cell.cod]
        if came != expected:
            wire = next((i for i, (c, e) in enumerate(zip(came, expected, strict=False)) if c != e), len(expected))
            shown = [f"{dtype.name}{list(shape)}" for shape, dtype in came]
            return (
                f"on call {len(values)} output {wire} is {', '.join(shown) or 'nothing'}, "
                f"but its type says {cell.cod!r}; a box must return the same shapes each time"
            )
    for later in values[1:]:
        for wire, (y, z) in enumerate(zip(values[0], later, strict=True)):
            if not np.array_equal(np.asarray(y), np.asarray(z), equal_nan=np.asarray(y).dtype.kind == "f"):
                return f"called again on the same inputs, output {wire} is another; it is not pure"
    if any(p != programs[0] for p in programs[1:]):
        return "traced again, it is another program; it is not pure: it reads or changes something outside"
    return None


def _plain(x: Any) -> bool:
    return not jnp.issubdtype(getattr(x, "dtype", np.float64), jax.dtypes.prng_key)


def _fill(array: Array, rng: np.random.Generator) -> Any:
    if isinstance(array.element, IndexElement):
        return np.zeros(array.sizes, array.dtype)
    return points(Space([array]), rng, ("normal",))[0][0]
