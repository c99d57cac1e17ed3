"""What the differentiator does to each class of boxes: the value, and the linear map at that point.

It is a table over box classes, with JAX's own linearisation for any box that has no clause. A clause is
given the context of the box, its parameters, its inputs, and which of these can change; it returns the
outputs and a `Local` from the changes of those parameters and inputs to the changes of the outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ..boxes.linear import Dense, Weighted
from ..boxes.normalisation import LayerNorm, RMSNorm
from ..boxes.reductions import Softmax
from ..boxes.structure import Add, Check, Copy, Discard
from ..functor import Table
from ..terms import Box
from .blocks import diagonal, matrix, unit
from .closed import normalised, softmax
from .local import Local, adding, copying, ending, structured
from .point import Point

Clause = Callable[[Point], tuple[list[Any], Local]]


def by_jax(at: Point) -> tuple[list[Any], Local]:
    """Any box: `jax.linearize` of its meaning, and the transpose of that."""
    box, moving = at.cx.cell.box, at.moving
    if box.elementwise and not at.learned and all(a == at.cod[0] for a in at.dom):
        return elementwise(at)
    others: list[Any] = []

    def real(*xs: Any) -> Any:
        ys, rest = at.function(*xs)
        others.extend(jax.lax.stop_gradient(v) for v in rest)
        return ys

    ys, linear = jax.linearize(real, *moving)
    rest = at.function(*moving)[1] if others else []
    back = jax.linear_transpose(linear, *moving)

    def push(xs: Sequence[Any]) -> Sequence[Any]:
        try:
            return linear(*xs)
        except TypeError as error:
            if "custom_vjp" not in str(error):
                raise
            # A function that says its own way back says no way forward: that is the transpose.
            (out,) = jax.linear_transpose(lambda ds: back(ds), ys)(tuple(xs))
            return out

    return at.outputs(ys, rest), Local(at.name, at.dom, at.cod, push, lambda ds: back(list(ds)))


def elementwise(at: Point) -> tuple[list[Any], Local]:
    """A box that acts on each number by itself: its map is a diagonal for each input."""
    real, back, others = jax.vjp(at.function, *at.moving, has_aux=True)
    diagonals = back([jnp.ones_like(y) for y in real])
    blocks = {(0, i): diagonal(d) for i, d in enumerate(diagonals)}
    return at.outputs(real, others), structured(at.name, at.dom, at.cod, blocks)


def unless_learned(clause: Clause) -> Clause:
    """The clause where no parameters of the box move, and JAX's linearisation where some do."""
    return lambda at: by_jax(at) if at.learned else clause(at)


def weighted(at: Point) -> tuple[list[Any], Local]:
    """A box that is linear in its input, a bias aside, at weights that do not move."""
    box, weight = at.cx.cell.box, at.side["weight"]
    assert isinstance(box, Weighted)
    ys, _ = box.run(at.cx, at.side, at.xs)
    return list(ys), Local(
        box.label,
        at.dom,
        at.cod,
        lambda xs: [box.map(at.cx, weight, xs[0])],
        lambda ds: [box.pull_input(at.cx, weight, ds[0])],
    )


def affine(at: Point) -> tuple[list[Any], Local]:
    """A dense box: where it acts on all axes its map is one matrix, its weight."""
    ys, local = weighted(at)
    box = at.cx.cell.box
    assert isinstance(box, Dense)
    if at.dom[0].rank != box.axes:
        return ys, local
    weight = jnp.reshape(at.side["weight"], (at.dom[0].size, at.cod[0].size))
    return ys, structured(box.label, at.dom, at.cod, {(0, 0): matrix(weight.T)})


def copy(at: Point) -> tuple[list[Any], Local]:
    """Copy is linear."""
    return [at.xs[0]] * len(at.cx.cod), copying(at.dom, len(at.cx.cod))


def discard(at: Point) -> tuple[list[Any], Local]:
    """So is discard,"""
    return [], ending(at.dom)


def add(at: Point) -> tuple[list[Any], Local]:
    """and the sum, of which summands that cannot change leave the changes of the others as they are."""
    ys, _ = at.cx.cell.box.run(at.cx, at.side, at.xs)
    return list(ys), adding(at.cod, len(at.inputs))


def check(at: Point) -> tuple[list[Any], Local]:
    """A check of types is the identity; what cannot change comes out as it went in, and changes by nothing."""
    outs = [o for o, a in enumerate(at.cx.cod) if a.real]
    blocks = {(outs.index(i), k): unit(at.dom[k].size) for k, i in enumerate(at.inputs)}
    return list(at.xs), structured("identity", at.dom, at.cod, blocks)


CLAUSES: Table[Clause] = Table(
    {
        Box: by_jax,
        **{kind: unless_learned(clause) for kind, clause in ((Dense, affine), (Weighted, weighted))},
        **{kind: unless_learned(normalised) for kind in (LayerNorm, RMSNorm)},
        Softmax: softmax,
        Copy: copy,
        Discard: discard,
        Add: add,
        Check: check,
    }
)
"""The differentiator, as a table over box classes."""


def local(at: Point) -> tuple[list[Any], Local]:
    """The outputs of a box at a point, and its linear map there."""
    clause = CLAUSES.get(at.cx.cell.box)
    assert clause is not None
    return clause(at)
