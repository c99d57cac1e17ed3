"""Pictures of schemas: every object, arrow and equation is there, where it belongs and apart from the others."""

from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest

import diagrams
from lenses import LensError
from lenses.schemas import Schema

SQUARE = Schema(
    ["A", "B", "C", "D"],
    {"f": ("A", "B"), "g": ("B", "C"), "h": ("A", "D"), "k": ("D", "C"), "s": ("A", "A"), "t": ("A", "A")},
    ["f ; g = h ; k", "s = id"],
)
SCHEMAS = {
    "cycle": Schema(["A", "B"], {"f": ("A", "B"), "g": ("B", "A")}, ["f ; g = id", "g ; f = id"]),
    "product": Schema(["A × B", "C"], {"insert": ("A × B", "C"), "delete": ("C", "A × B")}, ["insert ; delete = id"]),
    "square": SQUARE,
    "parallel": Schema(["X", "Y", "Z"], {"a": ("X", "Y"), "b": ("X", "Y"), "c": ("Y", "X"), "d": ("Y", "Z")}),
    "loop": Schema(["A"], {"f": ("A", "A")}, ["f ; f = f"]),
    "nothing": Schema([], {}),
}


def points(curve, number=21):
    """Points along a curve of one piece."""
    (_, *p), (_, *rest) = curve
    p, q, r, s = (np.array(v) for v in (p, *zip(rest[::2], rest[1::2], strict=True)))
    t = np.linspace(0, 1, number)[:, None]
    return (1 - t) ** 3 * p + 3 * (1 - t) ** 2 * t * q + 3 * (1 - t) * t**2 * r + t**3 * s


def distance(glyph, point):
    """How far a point is from the body of a glyph."""
    dx = max(glyph.x - point[0], 0.0, point[0] - glyph.x - glyph.width)
    dy = max(glyph.y - point[1], 0.0, point[1] - glyph.y - glyph.height)
    return math.hypot(dx, dy)


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_there(name):
    schema = SCHEMAS[name]
    scene = diagrams.draw(schema)
    assert [glyph.text for glyph in scene.glyphs] == list(schema.objects)
    bodies = {glyph.text: glyph for glyph in scene.glyphs}
    for wire, arrow in zip(scene.wires, schema.arrows, strict=True):
        assert wire.title == str(arrow)
        assert distance(bodies[arrow.dom], wire.start) < 1e-6 and distance(bodies[arrow.cod], wire.end) < 1e-6
        for other in bodies.values():
            assert min(distance(other, p) for p in points(wire.curve)[3:-3]) > 3.0
    equations = [label.text for label in scene.labels if label.role == "equation"]
    assert equations == list(map(str, schema.equations))
    for wire, other in itertools.combinations(scene.wires, 2):
        gaps = np.linalg.norm(points(wire.curve)[5:-5, None] - points(other.curve)[None, 5:-5], axis=-1)
        assert gaps.min() > 4.0, (wire.title, other.title)
    for label in scene.labels:
        assert label.x - label.width / 2 >= 0 and label.x + label.width / 2 <= scene.width
        assert 0 < label.y < scene.height


@pytest.mark.parametrize("ending", ["svg", "png", "pdf", "tex", "dot", "html"])
def test_every_format(ending, tmp_path):
    path = tmp_path / f"square.{ending}"
    diagrams.draw(SQUARE, title="A square", theme="dark").save(path)
    assert path.stat().st_size > 300
    if ending == "svg":
        texts = [e.text for e in ElementTree.parse(path).iter() if e.tag.endswith("}text")]
        assert {"A", "f", "f ; g = h ; k", "A square"} <= set(texts)
    if ending == "dot":
        edges = re.findall(r'g(\d) -> g(\d) \[label="(\w): ', path.read_text())
        ends = [(SQUARE.objects[int(a)], SQUARE.objects[int(b)], name) for a, b, name in edges]
        assert sorted(ends) == sorted((a.dom, a.cod, a.name) for a in SQUARE.arrows)


def test_a_schema_shows_itself_in_a_notebook():
    assert SQUARE._repr_svg_() == diagrams.draw(SQUARE).svg()


def test_what_a_schema_has_not():
    unwanted: list[dict[str, Any]] = [
        {"style": "string"},
        {"fold": 1},
        {"names": "a b"},
        {"memory": True},
        {"expand": ""},
    ]
    for how in unwanted:
        with pytest.raises(LensError, match="pictures of a schema have no"):
            diagrams.draw(SQUARE, **how)
    with pytest.raises(LensError, match="read as no term"):
        diagrams.read(diagrams.draw(SQUARE))
