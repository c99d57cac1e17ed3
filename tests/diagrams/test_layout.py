"""What every picture must be: read back it is the same term, nothing covers anything, the same bytes each time."""

from __future__ import annotations

import random

import pytest
from helpers import refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import diagrams
from diagrams.paint import shapes
from diagrams.reading import read
from diagrams.shapes import Text
from diagrams.styles import STYLES
from diagrams.text import width
from lenses import LensError, Real, SpaceError, block, compose, copy, dense, einsum, laws, over, relu, scan, softmax, tanh
from lenses.laws.generate import decode
from lenses.laws.signature import standard


def random_terms(n, seed=0):
    rng = random.Random(seed)
    signature = standard()
    return [decode(rng.randbytes(rng.choice((8, 20, 40))), signature) for _ in range(n)]


TERMS = random_terms(60)


def boxes(scene):
    """Rectangles of texts, by what they belong to."""
    for k, group in enumerate(shapes(scene)):
        for shape in group.shapes:
            if isinstance(shape, Text) and shape.text:
                wide = width(shape.text, shape.size, shape.bold)
                x = shape.x - {"start": 0.0, "middle": wide / 2, "end": wide}[shape.anchor]
                yield (x, shape.y - 0.75 * shape.size, x + wide, shape.y + 0.2 * shape.size), shape.text, k


def overlap(a, b, slack=0.6):
    return a[0] + slack < b[2] and b[0] + slack < a[2] and a[1] + slack < b[3] and b[1] + slack < a[3]


def points_along(curve, n=12):
    """Points of a path, for asking what it passes through."""
    at = None
    for command, *p in curve:
        if command in "ML":
            if command == "L":
                yield from ((at[0] + (p[0] - at[0]) * k / n, at[1] + (p[1] - at[1]) * k / n) for k in range(n + 1))
            at = tuple(p)
        elif command == "C":
            (x0, y0), (x1, y1, x2, y2, x3, y3) = at, p
            for k in range(n + 1):
                t = k / n
                b = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                yield (
                    b[0] * x0 + b[1] * x1 + b[2] * x2 + b[3] * x3,
                    b[0] * y0 + b[1] * y1 + b[2] * y2 + b[3] * y3,
                )
            at = (x3, y3)


def check_picture(term, style, **how):
    scene = diagrams.draw(term, style=style, **how)
    assert read(scene) == term.term
    texts = list(boxes(scene))
    for i, (a, text, group) in enumerate(texts):
        for b, other, its in texts[i + 1 :]:
            assert group == its or not overlap(a, b), f"{text!r} covers {other!r}"
    for wire in scene.wires:
        xs = [x for x, _ in points_along(wire.curve)]
        assert all(a <= b + 1e-6 for a, b in zip(xs, xs[1:], strict=False)), "a wire runs back"
    bodies = [(g.x, g.y, g.x + g.width, g.y + g.height) for g in scene.glyphs if g.width and g.height]
    for i, a in enumerate(bodies):
        assert not any(overlap(a, b) for b in bodies[i + 1 :]), "two bodies overlap"
    for label in scene.labels:
        at = (label.x, label.y - 0.75 * label.size, label.x + width(label.text, label.size), label.y)
        assert label.anchor != "start" or not any(overlap(at, b) for b in bodies), f"{label.text!r} lies on a box"
    for wire in scene.wires:
        for x, y in points_along(wire.curve):
            for x0, y0, x1, y1 in bodies:
                assert not (x0 + 1 < x < x1 - 1 and y0 + 1 < y < y1 - 1), f"a wire of {wire.title} enters a body"
    for x0, y0, x1, y1 in [*bodies, *(box for box, _, _ in texts)]:
        assert x0 >= -0.5 and y0 >= -0.5 and x1 <= scene.width + 0.5 and y1 <= scene.height + 0.5, "outside of the paper"
    assert diagrams.draw(term, style=style, **how).svg() == scene.svg()
    return scene


@pytest.mark.parametrize("style", STYLES)
def test_random_terms(style):
    for term in TERMS:
        check_picture(term, style)


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES)
def test_many_random_terms(style):
    for term in random_terms(1000, 1):
        check_picture(term, style)
