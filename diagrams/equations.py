"""Equations: two pictures with a sign between them."""

from __future__ import annotations

from typing import Any

from .drawing import draw
from .layout.model import PAD, TITLE
from .moving import Move
from .scene import Label, Scene
from .text import width

SIGN = 44.0
"""The room for the sign."""


def equation(left: Any, right: Any, sign: str = "=", title: str = "", wrap: float = 900.0, **how: Any) -> Scene:
    """The picture of an equation of terms (or functions): `left`, the sign, `right`.

    The sides stand beside each other, or below each other where they are wider than `wrap` together.
    `how` is what `draw` takes. Raises as `draw` does.
    """
    one, two = draw(left, **how), draw(right, **how)
    head = PAD + TITLE if title else 0.0
    beside = one.width + SIGN + two.width <= wrap
    if beside:
        tall = max(one.height, two.height)
        Move(0.0, head + (tall - one.height) / 2).scene(one)
        Move(one.width + SIGN, head + (tall - two.height) / 2).scene(two)
        at = one.width + SIGN / 2, head + tall / 2 + 7.0
        size = one.width + SIGN + two.width, head + tall
    else:
        Move(SIGN, head).scene(one)
        Move(SIGN, head + one.height).scene(two)
        at = SIGN / 2, head + one.height + two.height / 2 + 7.0
        size = SIGN + max(one.width, two.width), head + one.height + two.height
    for name in ("frames", "dashes", "wires", "glyphs", "labels", "marks"):
        getattr(one, name).extend(getattr(two, name))
    one.labels.append(Label(sign, *at, "middle", 20.0, "sign", sign, width(sign, 20.0)))
    if title:
        wide = width(title, 13.0, True)
        one.labels.append(Label(title, PAD, PAD + 12.0, "start", 13.0, "title", title, wide, bold=True))
        size = max(size[0], 2 * PAD + wide), size[1]
    one.width, one.height = size
    one.title = title
    return one
