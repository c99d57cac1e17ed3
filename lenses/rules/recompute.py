"""Recomputation: a block keeps its inputs alone, and runs forward again on the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jax import lax

from ..combinators import Block
from ..interpret import backward, forward
from .rule import Backward, Clause, Forward, Rule

if TYPE_CHECKING:
    from ..interpret import Cx, Side


class RecomputeClause(Clause):
    """Keeps the inputs of the blocks called `names` (all blocks if there are none), and nothing inside them."""

    def __init__(self, names: Sequence[str]):
        self.names = tuple(names)

    def _applies(self, cx: Cx) -> bool:
        return not self.names or cx.cell.box.label in self.names

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        if not self._applies(cx):
            return super().forward(cx, p, xs)
        ys, states, _ = cx.cell.box.forward(cx, p, xs)
        # Residuals that nothing reads are no part of the program, so only the inputs are kept.
        return ys, states, list(xs)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        if not self._applies(cx):
            return super().backward(cx, p, kept, ds)
        # The barrier keeps XLA from finding the forward pass again and keeping all of it after all.
        xs, ds = lax.optimization_barrier((kept, list(cx.rule.fill(cx.cod, ds))))
        _, _, tape = forward(cx.inner, p, xs, cx.separate())
        return backward(cx.inner, p, tape, ds, cx.env)


class Recompute(Rule):
    """Backprop with the clause of blocks changed."""

    def __init__(self, names: Sequence[str]):
        super().__init__("recompute", {Block: RecomputeClause(names)})


def recompute(*names: str) -> Rule:
    """Backprop that keeps only the inputs of the blocks called `names`, all blocks if none is named.

    A block inside a recomputed one is recomputed within it. Gradients are those of backprop; memory
    is traded for a second forward pass (Chen et al. 2016). All laws of backprop hold.
    """
    return Recompute(names)
