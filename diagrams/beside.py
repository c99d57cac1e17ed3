"""Pictures beside each other: a scene, a sign and another scene."""

from __future__ import annotations

import math

from .moving import Move
from .scene import Label, Scene
from .text import clip, width
from .titles import add_title

SIGN = 44.0
"""The least room for the sign."""


def joined(one: Scene, two: Scene, sign: str, title: str, wrap: float | None) -> Scene:
    """The first scene with the second beside or below it, and the sign between them."""
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
