"""What a mutant is, and how mutants are registered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import lenses

from ...interpret import Cx, Side
from ...rules.rule import STRUCTURE, Backward, Clause, Forward, Rule
from ...spaces import Real
from ...terms import Box
from ...typed import Typed
from ..maps import Derivative, lens
from ..purity import all_cells

Back = Callable[[Cx, Side, Any, Sequence[Any], Any, list[Any]], tuple[Any, list[Any]]]
"""(cx, side, what was kept, messages, right changes of parameters, right changes of inputs) -> wrong ones."""


@dataclass(frozen=True)
class Mutant:
    """A mistake: its name, what is wrong in words, the derivative that makes it, and terms where it shows.

    `kind` is "derivative" (of a box), "meeting" (of messages), "pass" (the fold), or "term" (the
    derivative as a term). `equivalent` is the argument why it is no mistake, where it is none.
    """

    name: str
    says: str
    kind: str
    derivative: Derivative = field(repr=False)
    sites: tuple[Typed, ...] = field(repr=False)
    touches: tuple[Any, ...] = field(default=(), repr=False)
    equivalent: str | None = None

    def shows_in(self, term: Typed) -> bool:
        """Whether a term has a box that the mistake is about; one in the fold is about every term."""
        if not self.touches:
            return True
        boxes = [cell.box for cell in all_cells(term.circuit)]
        return any(box == t if isinstance(t, Box) else isinstance(box, t) for box in boxes for t in self.touches)


MUTANTS: list[Mutant] = []


class Wrong(Clause):
    """A clause of which the backward pass, or the forward one, is changed."""

    def __init__(self, right: Clause, back: Back | None, there: Callable[..., Forward] | None):
        self.right, self.back, self.there = right, back, there

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        return self.there(self.right, cx, p, xs) if self.there else self.right.forward(cx, p, xs)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        changes, dxs = self.right.backward(cx, p, kept, ds)
        return (changes, dxs) if self.back is None else self.back(cx, p, kept, ds, dict(changes), list(dxs))


class KeepInputs(Clause):
    """The right clause, which keeps the inputs as well, for mistakes that need them."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        ys, states, kept = cx.cell.box.forward(cx, p, xs)
        return ys, states, (list(xs), list(ys), kept)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return super().backward(cx, p, kept[2], ds)


V, W = (lenses.Real(n, dtype="float64") for n in (3, 2))
SQUARE, MATRIX = Real(2, 2, dtype="float64"), Real(2, 3, dtype="float64")


def derivative(
    name: str,
    says: str,
    boxes: Any,
    *sites: Typed,
    back: Back | None = None,
    there: Callable[..., Forward] | None = None,
    keep: bool = False,
    equivalent: str | None = None,
) -> None:
    """Registers a mutant of the clause of some boxes: box classes, or boxes."""
    keys = boxes if isinstance(boxes, tuple) else (boxes,)

    def right(key: Any) -> Clause:
        return KeepInputs() if keep else STRUCTURE.get(key, STRUCTURE[Box])

    rule = Rule(name, {key: Wrong(right(key), back, there) for key in keys})
    MUTANTS.append(Mutant(name, says, "derivative", lens(rule), sites, keys, equivalent))


def meeting(
    name: str,
    says: str,
    rule: Rule,
    *sites: Typed,
    kind: str = "meeting",
    touches: Any = (),
    equivalent: str | None = None,
) -> None:
    """Registers a mutant of a rule: of how messages meet, or of the pass."""
    MUTANTS.append(Mutant(name, says, kind, lens(rule), sites, touches, equivalent))


DENSE = (lenses.dense(2).at(W), lenses.dense(3).at(W))
ANY = ((lenses.dense(2) >> lenses.tanh).at(W), lenses.multiply.at(V, V), lenses.sin.at(V))
