"""Feedback alignment and direct feedback alignment: errors go back through fixed random weights.

Both are changes of one clause, that of boxes that are linear in a weight. The random weights are
states that the rule adds to such a box; they are drawn once and never rewritten.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from ..boxes.linear import Weighted
from ..errors import LensError, explain
from ..spaces import Array, Space
from ..terms import Box, Port
from .rule import Backward, Clause, Rule

if TYPE_CHECKING:
    from ..interpret import Cx, Side
    from ..typed import Typed


def _weighted(box: Box) -> Weighted:
    assert isinstance(box, Weighted)  # the clauses are looked up by this class
    return box


class FeedbackClause(Clause):
    """The change of the input goes through fixed random weights B; that of the weight is as it was."""

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        box = _weighted(cx.cell.box)
        changes, _ = box.backward(cx, p, kept, ds)
        return changes, [box.pull_input(cx, p.states["feedback"], ds[0])]


class FeedbackAlignment(Rule):
    """Messages are changes; only the way back through a weight is another one."""

    def __init__(self, init: str):
        super().__init__("feedback_alignment", {Weighted: FeedbackClause()})
        self.init = init

    def ports(self, box: Box, dom: Space) -> tuple[Port, ...]:
        if not isinstance(box, Weighted):
            return ()
        weight = next(port for port in box.ports(dom) if port.name == "weight")
        return (Port("feedback", "state", weight.array, self.init or weight.init),)


def feedback_alignment(init: str = "") -> Rule:
    """Feedback alignment (Lillicrap et al. 2016): the transposed weights of the backward pass are fixed and random.

    `init` names the initialiser of the feedback weights, by default that of the weight itself. They
    are states called ``feedback``: `init_state(key)` of a compiled term and `init` of a learner draw
    them. Copy and discard stay natural.
    """
    return FeedbackAlignment(init)


class DirectClause(Clause):
    """The message to the input is the error at the model's outputs, through fixed random weights."""

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        box = _weighted(cx.cell.box)
        # Only what comes back on the box's own output gives the change of its weight.
        changes, _ = box.backward(cx, p, kept, cx.rule.fill(cx.cod, ds, cx.lead))
        error = jnp.concatenate(
            [_flat(e, a) for e, a in zip(cx.env.after["error"], cx.env.after["cod"], strict=True)], -1
        )
        x = cx.dom[0]
        lead = cx.batch(kept)
        own = kept.shape[lead:]
        sent = jnp.tensordot(error, p.states["feedback"], 1)
        return changes, [sent.reshape((*sent.shape[:-1], *own)) if own == x.sizes else sent]


def _flat(error: Any, array: Array) -> Any:
    return error.reshape((*error.shape[: error.ndim - array.rank], array.size))


class DirectFeedbackAlignment(Rule):
    """The consumer of a wire owns the weights B and reads the error at the outputs of the model."""

    additive = False
    zero_preserving = False
    local = False

    def __init__(self, init: str, cod: Space | None = None):
        super().__init__("direct_feedback_alignment", {Weighted: DirectClause()})
        self.init, self.cod = init, cod

    def bind(self, term: Typed) -> Rule:
        if any(not a.real for a in term.cod):
            raise LensError(explain("direct feedback alignment needs real outputs", cod=term.cod))
        return DirectFeedbackAlignment(self.init, term.cod)

    def ports(self, box: Box, dom: Space) -> tuple[Port, ...]:
        if not isinstance(box, Weighted):
            return ()
        assert self.cod is not None
        size = sum(a.size for a in self.cod)
        init = self.init or f"normal:{1 / math.sqrt(size)}"
        return (Port("feedback", "state", Array((size, dom[0].size), None, dom[0].element), init),)


def direct_feedback_alignment(init: str = "") -> Rule:
    """Direct feedback alignment (Nøkland 2016): each layer gets the error at the outputs, through random weights.

    `init` names the initialiser of these weights, by default normal with the variance 1 / outputs.
    Neither copy nor discard is natural: a branch that nothing uses gets the error all the same.
    """
    return DirectFeedbackAlignment(init)
