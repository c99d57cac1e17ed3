"""Both passes of a term: what the forward one keeps, box by box; what the backward one reads and gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Literal
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
    residual of their own, and the paths of the parameters that the backward pass reads and of those that it changes."""

    kept: dict[Address, Kept]
    wholes: frozenset[Address]
    read: frozenset[Path]
    changed: frozenset[Path]


def passes(term: Typed, rule: Rule) -> Passes:
    """Traces both passes at the term's own space, without batch axes; nothing is computed."""
    there = traced(term, rule)
    ways = _ways(there.net, *there.inputs, there.outputs if rule.keeps_outputs else None, there.tape)
    return Passes(there.kept, there.wholes, *ways)


def _ways(
    net: Compiled, params: Any, state: Any, key: Any, outputs: Any, tape: Any
) -> tuple[frozenset[Path], frozenset[Path]]:
    """The paths of the parameters that the backward pass reads, and of those to which it gives a change."""
    shapes = tuple(a.sizes for a in net.dom)
    changes = [jax.ShapeDtypeStruct(a.change.sizes, a.change.dtype) for a in net.cod if a.change is not None]

    def back(params: Any, state: Any, key: Any, outputs: Any, tape: Any, changes: Any) -> Any:
        return net._backward((params, state, key), outputs, tape, changes, shapes)

    jaxpr = jax.make_jaxpr(back)(params, state, key, outputs, tape, changes)
    _, used = partial_eval.dce_jaxpr(jaxpr.jaxpr, [True] * len(jaxpr.jaxpr.outvars))
    made = _reached(jaxpr.jaxpr, [True] * len(jaxpr.jaxpr.invars))  # what is filled up with zeros comes of nothing
    leaves = [path for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]]
    paths = [tuple(str(step.key) for step in path) for path in leaves]
    read, changed = ({p for p, found in zip(paths, way, strict=False) if found} for way in (used, made))
    return frozenset(read), frozenset(changed)


def _reached(program: Any, given: Sequence[bool]) -> list[bool]:
    """Which results of a program come of the inputs that are `given`."""
    reached = {v for v, come in zip(program.invars, given, strict=True) if come}
    for eqn in program.eqns:
        ins = [not isinstance(a, Literal) and a in reached for a in eqn.invars]
        inner = eqn.params.get("jaxpr")
        if eqn.primitive.name == "scan":
            first = eqn.params["num_consts"]
            carried = slice(first, first + eqn.params["num_carry"])
            outs: list[bool] = []
            while True:
                outs = _reached(inner.jaxpr, ins)
                after = [a or b for a, b in zip(ins[carried], outs, strict=False)]
                if after == ins[carried]:
                    break
                ins[carried] = after
        elif isinstance(inner, ClosedJaxpr) and len(inner.jaxpr.invars) == len(ins):
            outs = _reached(inner.jaxpr, ins)
        else:
            outs = [any(ins)] * len(eqn.outvars)
        reached |= {v for v, come in zip(eqn.outvars, outs, strict=True) if come}
    return [not isinstance(a, Literal) and a in reached for a in program.outvars]


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
