"""Room: which places of a picture are free, so that notes can be put where they cover nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from ..paint import shapes
from ..scene import Curve, Scene
from ..shapes import ANCHORS, Text
from ..text import width

Rectangle = tuple[float, float, float, float]
"""(left, top, right, bottom)."""
CELL = 60.0
"""The size of the squares by which taken places are found."""


class Room:
    """The rectangles that a scene takes, by squares. Frames take their borders and titles only."""

    def __init__(self, scene: Scene):
        self.taken: dict[tuple[int, int], list[Rectangle]] = defaultdict(list)
        for group in shapes(scene):
            for shape in group.shapes:
                if isinstance(shape, Text):
                    self.take(text_box(shape))
                elif shape.fill and group.kind != "frame":
                    xs, ys = zip(*_corners(shape.curve), strict=True)
                    self.take((min(xs), min(ys), max(xs), max(ys)))
                else:
                    for box in _pieces(shape.curve):
                        self.take(box)

    def take(self, box: Rectangle) -> None:
        """Takes a rectangle."""
        for square in _squares(box):
            self.taken[square].append(box)

    def free(self, box: Rectangle) -> bool:
        """Whether nothing is in a rectangle."""
        return not any(overlap(box, other) for square in _squares(box) for other in self.taken.get(square, ()))


def overlap(a: Rectangle, b: Rectangle) -> bool:
    """Whether two rectangles have more than a border in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def text_box(text: Any) -> Rectangle:
    """The rectangle of a text or a label."""
    wide = text.width or width(text.text, text.size, text.bold)
    left = text.x - ANCHORS[text.anchor] * wide
    return left, text.y - 0.78 * text.size, left + wide, text.y + 0.22 * text.size


def _squares(box: Rectangle) -> Iterator[tuple[int, int]]:
    left, top, right, bottom = (int(v // CELL) for v in box)
    for i in range(left, right + 1):
        for j in range(top, bottom + 1):
            yield i, j


def _corners(curve: Curve) -> list[tuple[float, float]]:
    return [(v[k], v[k + 1]) for _, *v in curve for k in range(0, len(v), 2)]


def _pieces(curve: Curve) -> Iterator[Rectangle]:
    """Rectangles that cover a curve: level and upright lines whole, others in pieces."""
    x, y = start = curve[0][1], curve[0][2]
    for command, *v in curve[1:]:
        end = start if command == "Z" else (v[-2], v[-1])
        controls = [(v[0], v[1]), (v[2], v[3])] if command == "C" else [(x, y), end]
        steps = 1 if command != "C" and (x == end[0] or y == end[1]) else 8
        last = (x, y)
        for n in range(1, steps + 1):
            t = n / steps
            point = end
            if steps > 1:
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                points = ((x, y), *controls, end)
                point = tuple(sum(w * p[k] for w, p in zip(weights, points, strict=True)) for k in (0, 1))
            yield (
                min(last[0], point[0]) - 0.6, min(last[1], point[1]) - 0.6,
                max(last[0], point[0]) + 0.6, max(last[1], point[1]) + 0.6,
            )  # fmt: skip
            last = point
        x, y = end
