"""Measures: the numbers that overlays show. Bytes alive between columns, work of boxes, bytes kept for the way back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import jax

from lenses.compile import Compiled
from lenses.interpret import Batched, Evened, Levelled
from lenses.rules.recompute import RecomputeClause
from lenses.rules.rule import Clause, Rule, backprop
from lenses.spaces import Array, Space
from lenses.terms import Box
from lenses.typed import Cell, Circuit, Typed

from ..layout import Laid
from ..plan import Node
from ..scene import Address


def amount(n: float, unit: str = "") -> str:
    """A number of things in three digits: 3.5 kB, 1.2 M."""
    prefix, *more = ("", "k", "M", "G", "T", "P", "E")
    while n >= 999.5 and more:
        n, prefix, more = n / 1000, more[0], more[1:]
    return f"{n:.3g} {prefix}{unit}".strip()


# -- memory ----------------------------------------------------------------------------------


def nbytes(arrays: Sequence[Array]) -> int:
    """The bytes of arrays: of each the product of its axes times the size of an element."""
    return sum(a.size * a.dtype.itemsize for a in arrays)


def alive(laid: Laid, gap: int) -> list[Array]:
    """The arrays in the gap after a column, from the top."""
    return [laid.arrays[w] for w in laid.columns[gap + 1].order]


def peak(laid: Laid) -> int:
    """The most bytes alive at once, in a gap or within an opened part."""
    gaps = range(len(laid.columns) - 1)
    return max(chain((nbytes(alive(laid, k)) for k in gaps), (inside(laid, k) for k in gaps)), default=0)


def inside(laid: Laid, place: int) -> int:
    """The most bytes alive within a column: in its opened parts and beside them; 0 if it has no such part.

    Where a part is one step of a loop, all that it steps through is alive beside it.
    """
    items = laid.columns[place].items
    if all(item.laid is None for item in items):
        return 0
    total = 0
    for item in items:
        if item.node is None:
            total += nbytes([laid.arrays[w] for w in item.wires])
        elif item.laid is None:
            total += max(nbytes(item.node.dom), nbytes(item.node.cod))
        else:
            node, part = item.node, item.laid.plan
            outer, inner = nbytes(node.dom) + nbytes(node.cod), nbytes(part.dom) + nbytes(part.cod)
            total += peak(item.laid) + max(outer - inner, 0)
    return total


# -- work ------------------------------------------------------------------------------------

MOVES = frozenset(
    (
        "bitcast_convert_type", "broadcast_in_dim", "concatenate", "convert_element_type", "copy", "copy_p",
        "device_put", "dynamic_slice", "dynamic_update_slice", "expand_dims", "gather", "iota", "pad", "reshape",
        "rev", "select_n", "slice", "split", "squeeze", "stop_gradient", "transpose",
    )
)  # fmt: skip
"""The primitives of JAX that move numbers and compute none."""


def work(node: Node) -> int:
    """The multiplications and additions of a box or of an equation of a JAX function."""
    if isinstance(node.box, Box):
        return node.box.flops(Space(node.dom))
    return _equation(node.box) if hasattr(node.box, "primitive") else 0


def _equation(eqn: Any) -> int:
    """Products by their axes, reductions by what comes in, others by what goes out; a loop without a length once."""
    parts = [sub for v in eqn.params.values() for sub in (v if isinstance(v, list | tuple) else [v])]
    bodies = [getattr(sub, "jaxpr", sub) for sub in parts if hasattr(sub, "eqns") or hasattr(sub, "jaxpr")]
    if bodies:
        works = [sum(map(_equation, body.eqns)) for body in bodies]
        return eqn.params.get("length", 1) * (max(works) if eqn.primitive.name == "cond" else sum(works))
    name, sizes = eqn.primitive.name, [math.prod(v.aval.shape) for v in eqn.outvars]
    if name == "dot_general":
        left = eqn.invars[0].aval.shape
        return 2 * sizes[0] * math.prod(left[k] for k in eqn.params["dimension_numbers"][0][0])
    if name == "conv_general_dilated":
        kernel, out = eqn.invars[1].aval.shape, eqn.params["dimension_numbers"].rhs_spec[0]
        return 2 * sizes[0] * math.prod(kernel) // kernel[out]
    if name.startswith("reduce"):
        return math.prod(eqn.invars[0].aval.shape)
    return 0 if name in MOVES else sum(sizes)


# -- what is kept and what is done again -------------------------------------------------------


def kept(typed: Typed, rule: Rule = backprop) -> dict[Address, int]:
    """The bytes that each box keeps for the backward pass, by its address; their sum is that of `Compiled.kept`."""
    net = Compiled(typed, rule)
    key = jax.eval_shape(lambda: jax.random.key(0))
    params, state = jax.eval_shape(net.init, key), jax.eval_shape(net.init_state, key)
    xs = [jax.ShapeDtypeStruct(a.sizes, a.dtype) for a in net.dom]
    program, (_, _, tape) = jax.make_jaxpr(net._forward, return_shape=True)(params, state, key, xs)
    leaves, tree = jax.tree.flatten(tape)
    variables = program.jaxpr.outvars[len(program.jaxpr.outvars) - len(leaves) :]
    numbered = jax.tree.unflatten(tree, range(len(leaves)))
    seen: set[Any] = set(program.jaxpr.invars[: len(jax.tree.leaves(params))])
    found: dict[Address, int] = {}
    for address, part in _residuals(net.circuit, numbered, net.rule, ()):
        for k in jax.tree.leaves(part):
            variable = variables[k]
            if not hasattr(variable, "val") and variable not in seen:  # no constant, and not counted before
                seen.add(variable)
                found[address] = found.get(address, 0) + leaves[k].size * leaves[k].dtype.itemsize
    return found


def _residuals(circuit: Circuit, tape: Sequence[Any], rule: Rule, above: Address) -> Iterator[tuple[Address, Any]]:
    """What each box keeps: of a part whose tape has an entry for each box inside, what these keep."""
    for cell, entry in zip(circuit.cells, tape, strict=True):
        here = (*above, cell.index)
        while isinstance(entry, Batched | Levelled | Evened):
            entry = entry.tape if isinstance(entry, Evened) else entry.kept
        plain = type(rule.clause(cell.box)) in (Clause, RecomputeClause) and not recomputes(cell, rule)
        inner = cell.inner
        if inner is not None and plain and isinstance(entry, list) and len(entry) == len(inner.cells):
            yield from _residuals(inner, entry, rule, here)
        else:
            yield here, entry


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
