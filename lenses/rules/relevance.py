"""Layer-wise relevance propagation, the epsilon rule: which part of an output each input accounts for.

Messages are relevances, shaped like values. A box that is linear in its input, z = f(x), sends back
x * f'(R / (z + epsilon sign z)), an activation sends back what it gets, and the uses of a wire add
up. So in a model without biases the relevance of the inputs sums to that of the outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from ..boxes.convolution import Pool
from ..boxes.linear import Bias, Scale, Weighted
from ..boxes.lookup import Select
from ..boxes.normalisation import BatchNorm
from ..boxes.pointwise import Pointwise, WithNumber
from ..boxes.random import Dropout
from ..boxes.rearrange import Concatenate, Rearrange, Split
from ..boxes.reductions import Reduce
from ..combinators import Composite
from ..errors import LensError, explain
from ..syntax import shorten
from ..terms import Box
from .rule import Backward, Clause, Forward, Rule

if TYPE_CHECKING:
    from ..interpret import Cx, Side


def _share(relevance: Any, z: Any, epsilon: float) -> Any:
    """R / (z + epsilon sign z), the sign of 0 being 1."""
    return relevance / (z + jnp.where(z < 0, -epsilon, epsilon))


class EpsilonClause(Clause):
    """A box that is linear or affine in its one input."""

    def __init__(self, epsilon: float):
        self.epsilon = epsilon

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        ys, states, kept = cx.cell.box.forward(cx, p, xs)
        return ys, states, (xs[0], ys[0], kept)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        x, z, inner = kept
        _, (d,) = cx.cell.box.backward(cx, p, inner, [_share(ds[0], z, self.epsilon)])
        return {}, [x * d]


class RoutingClause(Clause):
    """A box that moves numbers, or takes the largest of some: relevance goes back the way they came."""

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return {}, super().backward(cx, p, kept, ds)[1]


class LargestClause(Clause):
    """Pooling and reduction: the largest takes all, a sum or a mean shares by the epsilon rule."""

    def __init__(self, epsilon: float):
        self.ways = {"max": RoutingClause(), "min": RoutingClause()}
        self.sum = EpsilonClause(epsilon)

    def _way(self, cx: Cx) -> Clause:
        kind = cx.cell.box.fields["kind"]
        if kind == "logsumexp":
            _refuse(cx)
        return self.ways.get(kind, self.sum)

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        return self._way(cx).forward(cx, p, xs)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return self._way(cx).backward(cx, p, kept, ds)


class PassingClause(Clause):
    """An activation of one input: the relevance goes through."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        if len(xs) != 1:
            _refuse(cx)
        ys, states = cx.cell.box.run(cx, p, xs)
        return ys, states, None

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return {}, [ds[0]]


class UnknownClause(Clause):
    """Any other box is refused: a wrong relevance looks like a right one."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        return _refuse(cx)


def _refuse(cx: Cx) -> Any:
    do = "give the rule a clause for its class, Rule(...) with clauses={...}, or rewrite the box"
    raise LensError(explain("relevance has no clause for this box", box=shorten(cx.cell.box), do=do))


class Relevance(Rule):
    """Messages are relevances; a sum splits its own among its terms."""

    def __init__(self, epsilon: float):
        linear, passing, routing = EpsilonClause(epsilon), PassingClause(), RoutingClause()
        shared = dict.fromkeys((Weighted, Bias, Scale, BatchNorm), linear)
        passed = dict.fromkeys((Pointwise, WithNumber, Dropout), passing)
        moved = dict.fromkeys((Rearrange, Concatenate, Select, Split), routing)
        some = dict.fromkeys((Pool, Reduce), LargestClause(epsilon))
        super().__init__("lrp", {Box: UnknownClause(), Composite: Clause(), **shared, **passed, **moved, **some})
        self.epsilon = epsilon

    def keep_terms(self, xs: Sequence[Any]) -> Any:
        return list(xs)

    def split(self, message: Any, kept: Any, terms: int) -> Sequence[Any]:
        part = _share(message, sum(kept[1:], kept[0]), self.epsilon)
        return [x * part for x in kept]


def lrp(epsilon: float = 1e-6) -> Rule:
    """Layer-wise relevance propagation, epsilon rule (Bach et al. 2015).

    ``pullback(R)`` of `vjp` gives the relevance of the inputs from that of the outputs, e.g. the
    score of one class and 0 elsewhere; parameters get none. Copy and discard are natural. Raises
    LensError for a box whose relevance is not defined here, such as a product of two wires.
    """
    if not epsilon > 0:
        raise LensError(explain(f"lrp: epsilon={epsilon!r}", expected="a number above 0"))
    return Relevance(float(epsilon))
