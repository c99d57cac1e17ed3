"""Is a box what it says: one function, of the types that its typing rule gives, with a backward pass to match?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import LensError
from ..interpret import Cx, Env, Side
from ..rules.rule import backprop
from ..spaces import Array, IndexElement, Space
from ..syntax import shorten
from ..typed import Cell, Circuit, Typed
from .compare import Verdict
from .points import points


def all_cells(circuit: Circuit) -> Iterator[Cell]:
    """The cells of a graph, and those inside of them."""
    for cell in circuit.cells:
        yield cell
        if cell.inner is not None:
            yield from all_cells(cell.inner)


def leaf_cells(circuit: Circuit) -> Iterator[Cell]:
    """The cells of a graph that have no term inside, those inside of parts and repeats too."""
    return (cell for cell in all_cells(circuit) if cell.inner is None)


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


@dataclass(frozen=True)
class Derivable:
    """The claim that every box of a term has a backward pass, which gives changes of the right shapes."""

    term: Typed

    def verdict(self, seed: int = 0) -> Verdict:
        """Traces forward and backward pass of each box; the shapes traced are those for every input."""
        tried = 0
        for cell in leaf_cells(self.term.circuit):
            said = _underivable(cell, seed)
            tried += 1
            if said:
                return Verdict("fails", f"{shorten(cell.box, 60)}: {said}", tried)
        return Verdict("proved", f"the shapes of {tried} boxes, traced for all inputs at once", tried)


def _underivable(cell: Cell, seed: int) -> str | None:
    changes = cell.cod.change
    if not len(changes):
        return None
    rng = np.random.default_rng(seed)
    xs = [x[0] for x in points(cell.dom, rng, ("normal",))]
    ds = iter([d[0] for d in points(changes, rng, ("normal",))])
    dys = [None if a.change is None else next(ds) for a in cell.cod]
    ports = {p.name: p.array for p in cell.ports if p.kind == "param"}
    params = {name: _fill(array, rng) for name, array in ports.items()}
    states = {p.name: abs(_fill(p.array, rng)) for p in cell.ports if p.kind == "state"}
    key = jax.random.key(0) if cell.keyed else None

    def call(params: Any, xs: Any, dys: Any) -> Any:
        cx, side = Cx(cell, Env(backprop)), Side(params, states, key)
        _, _, kept = cell.box.forward(cx, side, xs)
        return cell.box.backward(cx, side, kept, dys)

    try:
        found, dxs = jax.eval_shape(call, params, xs, dys)
    except LensError as error:
        return str(error).splitlines()[0]
    except Exception as error:  # a box's own code, or an operation that JAX does not differentiate
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        return f"it has no derivative: {type(error).__name__}: {first}"
    if len(dxs) != len(cell.dom):
        return f"its backward pass gives {len(dxs)} changes for {len(cell.dom)} inputs"
    for i, (d, a) in enumerate(zip(dxs, cell.dom, strict=True)):
        if d is not None and a.change is not None and d.shape != a.sizes:
            return f"its backward pass gives {d.dtype.name}{list(d.shape)} for input {i}, which is {a!r}"
    for name, d in found.items():
        if name in ports and d is not None and d.shape != ports[name].sizes:
            return f"its backward pass gives {d.dtype.name}{list(d.shape)} for the parameter {name}, {ports[name]!r}"
    return None


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
        for given in (shapes, values[-1]):
            came = [(tuple(y.shape), y.dtype) for y in given]
            expected = [(a.sizes, a.dtype) for a in cell.cod]
            if came != expected:
                wire = next((i for i, (c, e) in enumerate(zip(came, expected, strict=False)) if c != e), len(expected))
                shown = [f"{dtype.name}{list(shape)}" for shape, dtype in came]
                return (
                    f"output {wire} is {', '.join(shown) or 'nothing'}, but its type says {cell.cod!r}; "
                    "a box must return the same shapes each time it is called"
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
