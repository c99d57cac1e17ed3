"""Equations: two pictures with a sign between them."""

from __future__ import annotations

import math
from typing import Any

from lenses.errors import LensError, SpaceError, explain, shown
from lenses.typed import Typed, as_typed

from .drawing import draw
from .moving import Move
from .scene import Label, Scene
from .text import clip, width
from .titles import add_title

SIGN = 44.0
"""The least room for the sign."""


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
    sign = clip(sign, 40)
    room = max(SIGN, width(sign, 20.0) + 20.0)
    if one.width + room + two.width <= (math.inf if wrap is None else wrap):
        tall = max(one.height, two.height)
        Move(0.0, (tall - one.height) / 2).scene(one)
        Move(one.width + room, (tall - two.height) / 2).scene(two)
        at = one.width + room / 2, tall / 2 + 7.0
        size = one.width + room + two.width, tall
    else:
        Move(room, 0.0).scene(one)
        Move(room, one.height).scene(two)
        at = room / 2, one.height + two.height / 2 + 7.0
        size = room + max(one.width, two.width), one.height + two.height
    for name in ("frames", "dashes", "wires", "glyphs", "labels", "marks"):
        getattr(one, name).extend(getattr(two, name))
    one.labels.append(Label(sign, *at, "middle", 20.0, "sign", sign, width(sign, 20.0)))
    one.width, one.height = size
    add_title(one, title)
    return one


def _check(left: Typed, right: Typed) -> None:
    for what in ("dom", "cod"):
        a, b = getattr(left, what), getattr(right, what)
        if a != b:
            side = {"dom": "domain", "cod": "codomain"}[what]
            raise SpaceError(explain(f"equation: the sides have another {side} each", left=a, right=b))
