"""Both passes of a term: what the forward one keeps, box by box, and which parameters the backward one reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
from jax.interpreters import partial_eval

from lenses.combinators.parts import Tied
from lenses.compile import Compiled
from lenses.rules.rule import Rule
from lenses.typed import Cell, Circuit, Typed

from ..overlays.keeping import Kept, traced
from ..scene import Address

Path = tuple[str, ...]


@dataclass(frozen=True)
class Passes:
    """The two passes of a term under a rule: what boxes keep, the addresses of all boxes and parts that have a
    residual of their own, and the paths of the parameters that the backward pass reads."""

    kept: dict[Address, Kept]
    wholes: frozenset[Address]
    read: frozenset[Path]


def passes(term: Typed, rule: Rule) -> Passes:
    """Traces both passes at the term's own space, without batch axes; nothing is computed."""
    there = traced(term, rule)
    read = _read(there.net, *there.inputs, there.outputs if rule.keeps_outputs else None, there.tape)
    return Passes(there.kept, there.wholes, read)


def _read(net: Compiled, params: Any, state: Any, key: Any, outputs: Any, tape: Any) -> frozenset[Path]:
    """The paths of the parameters that the backward pass reads."""
    shapes = tuple(a.sizes for a in net.dom)
    changes = [jax.ShapeDtypeStruct(a.change.sizes, a.change.dtype) for a in net.cod if a.change is not None]

    def back(params: Any, state: Any, key: Any, outputs: Any, tape: Any, changes: Any) -> Any:
        return net._backward((params, state, key), outputs, tape, changes, shapes)

    jaxpr = jax.make_jaxpr(back)(params, state, key, outputs, tape, changes)
    _, used = partial_eval.dce_jaxpr(jaxpr.jaxpr, [True] * len(jaxpr.jaxpr.outvars))
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]]
    return frozenset(tuple(str(step.key) for step in path) for path, use in zip(paths, used, strict=False) if use)


def paths(circuit: Circuit, address: Address = (), path: Path = ()) -> Iterator[tuple[Address, Cell, Path]]:
    """Every cell of a circuit and of the parts in it: where it stands, and where its parameters do."""
    for cell in circuit.cells:
        here = (*address, cell.index)
        own = path if cell.whole or not cell.name else (*path, cell.name)
        if isinstance(cell.box, Tied):
            own = (cell.box.name,)
        yield here, cell, own
        if cell.inner is not None:
            yield from paths(cell.inner, here, own)
