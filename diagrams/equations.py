"""Equations: two pictures with a sign between them."""

from __future__ import annotations

from typing import Any

from lenses.errors import LensError, SpaceError, explain, shown
from lenses.typed import Typed, as_typed

from .beside import joined
from .drawing import draw
from .scene import Scene


def equation(left: Any, right: Any, sign: str = "=", title: str = "", wrap: float | None = 900.0, **how: Any) -> Scene:
    """The picture of an equation of typed terms: `left`, the sign, `right`.

    The sides stand beside each other, or below each other where they are wider than `wrap` together.
    `how` is what `draw` takes for each of them. Raises SpaceError where the sides go between different spaces,
    and as `draw` does.
    """
    if not isinstance(sign, str) or not isinstance(title, str):
        raise LensError(explain(f"equation: sign={shown(sign)}, title={shown(title)}", expected="text"))
    sides = [as_typed(side, None, "equation") for side in (left, right)]
    _check(*sides)
    one, two = (draw(side, **how) for side in sides)
    return joined(one, two, sign, title, wrap)


def _check(left: Typed, right: Typed) -> None:
    for what in ("dom", "cod"):
        a, b = getattr(left, what), getattr(right, what)
        if a != b:
            side = {"dom": "domain", "cod": "codomain"}[what]
            raise SpaceError(explain(f"equation: the sides have another {side} each", left=a, right=b))
