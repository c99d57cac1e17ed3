"""Truncated backpropagation through time: what happened long ago is taken for given.

A sequence is cut into windows. The state is handed on from window to window as ever, but no message goes back
from one to the one before: only the clause of scans is changed. So what a step is told of later ones ends
with its window, and gradients are those of windows that start at a state that does not depend on parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from ..arguments import whole
from ..combinators import Scan
from .rule import Backward, Clause, Rule

if TYPE_CHECKING:
    from ..interpret import Cx, Side


class TruncatedClause(Clause):
    """The messages that the first step of a window sends back are dropped, unless it is the first step of all."""

    def __init__(self, window: int):
        self.window = window

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        box = cx.cell.box
        assert isinstance(box, Scan)  # the clause is looked up by this class
        steps = box.steps(cx.dom)
        if any(d is None for d in ds):
            ds = cx.rule.fill(cx.cod, ds, cx.lead)

        def between(messages: list[Any], place: Any) -> list[Any]:
            time = steps - 1 - place if box.reversed else place
            crossing = (time % self.window == 0) & (time > 0)
            return [None if d is None else jnp.where(crossing, jnp.zeros_like(d), d) for d in messages]

        return box.backward(cx, p, kept, ds, between)


class Truncated(Rule):
    """Backprop with the clause of scans changed."""

    def __init__(self, window: int):
        super().__init__(f"truncated({window})", {Scan: TruncatedClause(window)})


def truncated(window: int = 32) -> Rule:
    """Truncated backpropagation through time (Williams and Peng 1990): messages end with windows of steps.

    Where the window is as long as the sequence the gradient is that of backprop; where it is shorter, what reaches
    further back is missing. Raises LensError unless `window` is a whole number, 1 or more.
    """
    return Truncated(whole("truncated", "the window", window))
