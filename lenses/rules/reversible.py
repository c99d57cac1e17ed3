"""Reversible blocks: messages carry values beside changes, and couplings keep nothing.

The message on a wire of A is an element of A * A': the value that was on it and its change. A
coupling recovers its inputs from its outputs (Gomez et al. 2017), so a chain of couplings keeps the
same few bytes at any depth. Other boxes keep what they do under backprop, and their inputs, which
they send back as values; what is never read of it is no part of the compiled program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from ..boxes.structure import Check, Copy
from ..combinators import Composite, Coupling
from ..interpret import backward, forward
from ..spaces import Array, Space
from .rule import STRUCTURE, Backward, Clause, Forward, Rule, backprop

if TYPE_CHECKING:
    from ..interpret import Cx, Side

Message = tuple[Any, Any]
"""A value and its change; the change is None where nothing can change or nothing came back."""


class KeepInputs(Clause):
    """Any box: the backward pass of `clause` on the changes, the kept inputs as the values."""

    def __init__(self, clause: Clause):
        self.clause = clause

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        ys, states, kept = self.clause.forward(cx, p, xs)
        return ys, states, (list(xs), kept)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        xs, inner = kept
        changes = [None if d is None else d[1] for d in ds]
        if changes and all(d is None for d in changes):
            return {}, [(x, None) for x in xs]
        moved, dxs = self.clause.backward(cx, p, inner, backprop.fill(cx.cod, changes))
        return moved, list(zip(xs, dxs, strict=True))


class CopyValues(Clause):
    """A copy keeps nothing: any of its outputs has the value."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        return STRUCTURE[type(cx.cell.box)].forward(cx, p, xs)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        some = [d for d in ds if d is not None]
        return {}, [cx.rule.join(cx.dom[0], some) if some else None]


class Inside(Clause):
    """A box with a term inside folds it under this rule, so messages go in and out as they are."""

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return cx.cell.box.backward(cx, p, kept, cx.rule.fill(cx.cod, ds))


class PassThrough(Clause):
    """A check keeps nothing and changes nothing."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        return tuple(xs), {}, None

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return {}, ds


class CouplingClause(Clause):
    """Recovers x2 = y2 - g(y1), then x1 = y1 - f(x2), and differentiates f and g where they were."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        ys, states = cx.cell.box.run(cx, p, xs)
        return ys, states, None

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        (y1, d1), (y2, d2) = cx.rule.fill(cx.cod, ds)
        blocks = {cell.box.label: cell for cell in cx.inner.cells if cell.inner is not None}
        changes: dict[str, Any] = {}

        def undo(name: str, y: Any, x: Any, d: Any, dx: Any) -> tuple[Any, Any]:
            """y - part(x), and dx with what d sends back through the part at x."""
            cell = blocks[name]
            assert cell.inner is not None
            side = p.of(cell)
            out, _, tape = forward(cell.inner, side, [x], cx.env)
            moved, (back,) = backward(cell.inner, side, tape, [cx.rule.start(out[0], d)], cx.env)
            if moved:
                changes[cell.name] = moved
            extra = None if back is None else cx.rule.finish(back)
            return y - out[0], dx if extra is None else dx + extra

        x2, d1 = undo("g", y2, y1, d2, d1)
        x1, d2 = undo("f", y1, x2, d1, d2)
        return changes, [(x1, d1), (x2, d2)]


class Reversible(Rule):
    """Messages are pairs of a value and a change."""

    keeps_outputs = True
    zero_preserving = False

    def __init__(self) -> None:
        structure = {kind: KeepInputs(clause) for kind, clause in STRUCTURE.items()}
        own: dict[Any, Clause] = {Composite: Inside(), Check: PassThrough(), Coupling: CouplingClause()}
        super().__init__("reversible", structure | own | {Copy: CopyValues()})

    def start(self, y: Any, dy: Any) -> Message:
        return y, dy

    def finish(self, message: Message) -> Any:
        return message[1]

    def join(self, array: Array, messages: Sequence[Message]) -> Message:
        changes = [d for _, d in messages if d is not None]
        return messages[0][0], backprop.join(array, changes) if changes else None

    def lead(self, space: Space, ds: Sequence[Any]) -> tuple[int, ...]:
        return backprop.lead(space, [None if d is None else d[0] for d in ds])

    def fill(self, cod: Space, ds: Sequence[Any], shape: tuple[int, ...] | None = None) -> list[Any]:
        shape = self.lead(cod, ds) if shape is None else shape
        changes = backprop.fill(cod, [None if d is None else d[1] for d in ds], shape)
        shaped = backprop.fill(cod, [None if d is None else d[0] for d in ds], shape)
        return [
            (v, jnp.zeros_like(v) if d is None and a.change is not None else d)
            for v, d, a in zip(shaped, changes, cod, strict=True)
        ]

    def unbatch(self, array: Array, message: Message, axes: int) -> Message:
        value, change = message
        if not axes:
            return message
        return value[(0,) * axes], None if change is None else backprop.unbatch(array, change, axes)

    def map(self, f: Any, message: Message) -> Message:
        return jax.tree.map(f, message)


def reversible() -> Rule:
    """Backprop in which every `coupling` keeps nothing, its inputs being recovered from its outputs.

    Gradients are those of backprop, up to the rounding of the recovered values. All laws of backprop hold.
    """
    return Reversible()
