"""What a compiled program keeps from its forward pass for the backward one, box by box, and what it runs again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from lenses.combinators.loops import Steps
from lenses.compile import Compiled, compile
from lenses.interpret import Batched, Evened, Levelled
from lenses.rules.recompute import RecomputeClause
from lenses.rules.rule import Clause, Rule, backprop
from lenses.typed import Cell, Circuit, Typed

from ..scene import Address


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
class Traced:
    """The forward pass of a term under a rule, at shapes: what it reads, gives and keeps.

    `inputs` are the parameters, states and the key; `wholes` the addresses of all boxes and parts that have
    a residual of their own, and `kept` what those among them keep that keep something.
    """

    net: Compiled
    inputs: tuple[Any, Any, Any]
    outputs: Any
    tape: Any
    kept: dict[Address, Kept]
    wholes: frozenset[Address]


def traced(typed: Typed, rule: Rule) -> Traced:
    """Traces the forward pass at the term's own space, without batch axes; nothing is computed."""
    net = compile(typed, rule=rule)
    key = jax.eval_shape(lambda: jax.random.key(0))
    params, state = jax.eval_shape(net.init, key), jax.eval_shape(net.init_state, key)
    xs = [jax.ShapeDtypeStruct(a.sizes, a.dtype) for a in net.dom]
    program, out = jax.make_jaxpr(net._forward, return_shape=True)(params, state, key, xs)
    outputs, _, tape = out
    given = set(program.jaxpr.invars[: len(jax.tree.leaves(params))])
    variables = program.jaxpr.outvars[len(jax.tree.leaves(out[:2])) :]
    named = jax.tree.unflatten(jax.tree.structure(tape), variables)
    kept: dict[Address, Kept] = {}
    first: dict[Any, Address] = {}
    wholes: set[Address] = set()
    for address, residual in residuals(net.circuit, named, net.rule):
        wholes.add(address)
        found = [v for v in jax.tree.leaves(residual) if not hasattr(v, "val") and v not in given]
        if found:
            new = [v for v in dict.fromkeys(found) if v not in first]
            old = tuple(dict.fromkeys(first[v] for v in found if v in first))
            first |= dict.fromkeys(new, address)
            words = tuple(v.aval.str_short() for v in found)
            kept[address] = Kept(address, words, sum(map(_bytes, found)), sum(map(_bytes, new)), old)
    return Traced(net, (params, state, key), outputs, tape, kept, frozenset(wholes))


def _bytes(variable: Any) -> int:
    return variable.aval.size * variable.aval.dtype.itemsize


def residuals(circuit: Circuit, tape: Sequence[Any], rule: Rule, above: Address = ()) -> Iterator[tuple[Address, Any]]:
    """The residual of each box on a tape: of a part whose entry has one for each box inside, those of these."""
    for cell, entry in zip(circuit.cells, tape, strict=True):
        here = (*above, cell.index)
        while isinstance(entry, Batched | Levelled | Evened | Steps):
            if isinstance(entry, Steps):
                entry = entry.at(entry.arrays)
            else:
                entry = entry.tape if isinstance(entry, Evened) else entry.kept
        plain = type(rule.clause(cell.box)) in (Clause, RecomputeClause) and not recomputes(cell, rule)
        inner = cell.inner
        if inner is not None and plain and isinstance(entry, list) and len(entry) == len(inner.cells):
            yield from residuals(inner, entry, rule, here)
        else:
            yield here, entry


def kept(typed: Typed, rule: Rule = backprop) -> dict[Address, int]:
    """The bytes that each box keeps for the backward pass, by its address; their sum is that of `Compiled.kept`."""
    return {address: what.bytes for address, what in traced(typed, rule).kept.items() if what.bytes}


def recomputed(typed: Typed, rule: Rule) -> list[Address]:
    """The addresses of the parts that a rule runs again on the way back, the outermost alone."""

    def search(circuit: Circuit, above: Address) -> Iterator[Address]:
        for cell in circuit.cells:
            here = (*above, cell.index)
            if recomputes(cell, rule):
                yield here
            elif cell.inner is not None:
                yield from search(cell.inner, here)

    return list(search(typed.circuit, ()))


def recomputes(cell: Cell, rule: Rule) -> bool:
    """Whether a rule runs a part again on the way back."""
    clause = rule.clause(cell.box)
    return isinstance(clause, RecomputeClause) and (not clause.names or cell.box.label in clause.names)
