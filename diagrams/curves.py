"""Curves: the few shapes of which glyphs are made, as paths."""

from __future__ import annotations

import math
from itertools import pairwise

from .scene import Curve, Point


def line(*points: Point) -> Curve:
    """Straight lines through points."""
    return (("M", *points[0]), *(("L", *p) for p in points[1:]))


def polygon(*points: Point) -> Curve:
    """A closed polygon."""
    return (*line(*points), ("Z",))


def rectangle(x: float, y: float, w: float, h: float) -> Curve:
    """A rectangle."""
    return polygon((x, y), (x + w, y), (x + w, y + h), (x, y + h))


def rounded(x: float, y: float, w: float, h: float, r: float) -> Curve:
    """A rectangle with round corners of radius `r`."""
    r = min(r, w / 2, h / 2)
    c = 0.45 * r
    return (
        ("M", x + r, y),
        ("L", x + w - r, y), ("C", x + w - c, y, x + w, y + c, x + w, y + r),
        ("L", x + w, y + h - r), ("C", x + w, y + h - c, x + w - c, y + h, x + w - r, y + h),
        ("L", x + r, y + h), ("C", x + c, y + h, x, y + h - c, x, y + h - r),
        ("L", x, y + r), ("C", x, y + c, x + c, y, x + r, y),
        ("Z",),
    )  # fmt: skip


def circle(x: float, y: float, r: float) -> Curve:
    """A circle around a point."""
    k = 0.5523 * r
    return (
        ("M", x + r, y),
        ("C", x + r, y + k, x + k, y + r, x, y + r), ("C", x - k, y + r, x - r, y + k, x - r, y),
        ("C", x - r, y - k, x - k, y - r, x, y - r), ("C", x + k, y - r, x + r, y - k, x + r, y),
        ("Z",),
    )  # fmt: skip


def bend(a: Point, b: Point) -> Curve:
    """From a to b, level at both ends."""
    if abs(a[1] - b[1]) < 0.01:
        return line(a, b)
    middle = (a[0] + b[0]) / 2
    return (("M", *a), ("C", middle, a[1], middle, b[1], *b))


def arrow_head(x: float, y: float, size: float = 5.0) -> Curve:
    """A solid arrow head that points right, its tip at (x, y)."""
    return polygon((x, y), (x - 1.6 * size, y - 0.7 * size), (x - 1.1 * size, y), (x - 1.6 * size, y + 0.7 * size))


def pointed(curve: Curve, size: float = 5.0) -> Curve:
    """A solid arrow head at the end of a curve, in the direction in which it ends."""
    end = curve[-1][-2:]
    before = curve[-1][-4:-2] if curve[-1][0] == "C" else curve[-2][-2:]
    dx, dy = end[0] - before[0], end[1] - before[1]
    length = math.hypot(dx, dy) or 1.0
    dx, dy = size * dx / length, size * dy / length

    def at(back: float, aside: float) -> Point:
        return (end[0] - back * dx - aside * dy, end[1] - back * dy + aside * dx)

    return polygon(at(0.0, 0.0), at(1.6, 0.7), at(1.1, 0.0), at(1.6, -0.7))


def parallel(curve: Curve, aside: float) -> Curve:
    """A curve beside another at a distance, on its right where `aside` is positive, as Tiller and Hanson (1984)
    move a Bezier curve: the sides of its control polygon are moved, and meet again at new corners."""
    at: Point = curve[0][-2:]  # type: ignore[assignment]
    moved: list[tuple[object, ...]] = []
    for command, *values in curve[1:]:
        corners = [at, *zip(values[::2], values[1::2], strict=True)]
        at = corners[-1]
        ways = [_way(a, b) for a, b in pairwise(corners)]
        known = [way for way in ways if way is not None]
        if not known:
            continue
        first, last = known[0], known[-1]
        ways = [first, *(way or first for way in ways), last]
        new = [_corner(p, a, b, aside) for p, a, b in zip(corners, ways, ways[1:], strict=False)]
        if not moved:
            moved.append(("M", *new[0]))
        elif moved[-1][-2:] != new[0]:
            moved.append(("L", *new[0]))
        moved.append((command, *(v for p in new[1:] for v in p)))
    return tuple(moved) or curve


def _way(a: Point, b: Point) -> Point | None:
    """The direction from a to b, None where they are one point."""
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    return ((b[0] - a[0]) / length, (b[1] - a[1]) / length) if length > 1e-9 else None


def _corner(p: Point, before: Point, after: Point, aside: float) -> Point:
    """Where two sides meet that met in p, once both are moved aside."""
    share = aside / max(1.0 + before[0] * after[0] + before[1] * after[1], 0.5)
    return (p[0] - share * (before[1] + after[1]), p[1] + share * (before[0] + after[0]))
