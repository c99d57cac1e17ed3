"""What a compiled program keeps from its forward pass for the backward one, box by box, out of its tape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
from jax.interpreters import partial_eval

from lenses.combinators.parts import Tied
from lenses.compile import Compiled, compile
from lenses.rules.rule import Rule
from lenses.typed import Cell, Circuit, Typed

from ..overlays import measures
from ..scene import Address

Path = tuple[str, ...]


@dataclass(frozen=True)
class Kept:
    """What one box keeps: `arrays` in words, their `size` in bytes, and the `bytes` that no earlier box has kept."""

    address: Address
    arrays: tuple[str, ...]
    size: int
    bytes: int
    of: tuple[Address, ...] = ()
    """The earlier boxes that have kept some of it."""


@dataclass(frozen=True)
class Passes:
    """The two passes of a term under a rule: what boxes keep, the addresses of all boxes and parts that have a
    residual of their own, and the paths of the parameters that the backward pass reads."""

    kept: dict[Address, Kept]
    wholes: frozenset[Address]
    read: frozenset[Path]


def passes(term: Typed, rule: Rule) -> Passes:
    """Traces both passes at the term's own space, without batch axes; nothing is computed."""
    net = compile(term, rule=rule)
    key = jax.eval_shape(lambda: jax.random.key(0))
    params, state = jax.eval_shape(net.init, key), jax.eval_shape(net.init_state, key)
    xs = [jax.ShapeDtypeStruct(a.sizes, a.dtype) for a in net.dom]
    jaxpr, out = jax.make_jaxpr(net._forward, return_shape=True)(params, state, key, xs)
    outputs, _, tape = out
    given = set(jaxpr.jaxpr.invars[: len(jax.tree.leaves(params))])
    variables = jaxpr.jaxpr.outvars[len(jax.tree.leaves(out[:2])) :]
    named = jax.tree.unflatten(jax.tree.structure(tape), variables)
    kept: dict[Address, Kept] = {}
    first: dict[Any, Address] = {}
    wholes: set[Address] = set()
    for address, residual in measures._residuals(net.circuit, named, net.rule, ()):
        found = [v for v in jax.tree.leaves(residual) if not hasattr(v, "val") and v not in given]
        wholes.add(address)
        if found:
            new = [v for v in dict.fromkeys(found) if v not in first]
            old = tuple(dict.fromkeys(first[v] for v in found if v in first))
            first |= dict.fromkeys(new, address)
            words = tuple(v.aval.str_short() for v in found)
            kept[address] = Kept(address, words, sum(map(_bytes, found)), sum(map(_bytes, new)), old)
    read = _read(net, params, state, key, outputs if rule.keeps_outputs else None, tape)
    return Passes(kept, frozenset(wholes), read)


def _bytes(variable: Any) -> int:
    return variable.aval.size * variable.aval.dtype.itemsize


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
