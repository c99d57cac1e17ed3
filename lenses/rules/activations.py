"""Guided backprop and the straight-through estimator: backprop with another clause for activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from ..boxes.pointwise import Relu, sign, step
from .rule import Backward, Clause, Forward, Rule

if TYPE_CHECKING:
    from ..interpret import Cx, Side


class GuidedClause(Clause):
    """What is positive of the change goes on, where the input was positive."""

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return super().backward(cx, p, kept, [jnp.maximum(ds[0], 0)])


class Guided(Rule):
    """Backprop with the clause of relu changed; messages no longer meet additively at it."""

    additive = False


def guided() -> Rule:
    """Guided backprop (Springenberg et al. 2015): at each relu only positive changes go on.

    Copy is not natural at a relu: the positive part of a sum is not the sum of positive parts.
    """
    return Guided("guided", {Relu: GuidedClause()})


class StraightThroughClause(Clause):
    """The change goes on where the input is within 1 of the threshold."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        return (cx.cell.box.apply(cx, p, *xs),), {}, jnp.abs(xs[0]) <= 1

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return {}, [jnp.where(kept, ds[0], 0)]


def straight_through() -> Rule:
    """The straight-through estimator (Bengio et al. 2013): step and sign pass changes on where |x| <= 1.

    Their true derivative is 0, so backprop learns nothing below them. All laws of backprop hold.
    """
    clause = StraightThroughClause()
    return Rule("straight_through", {step: clause, sign: clause})
