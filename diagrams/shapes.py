"""Shapes: what every format can draw, namely curves and texts, in groups that say what they belong to.

`paint.shapes(scene)` turns a scene into such groups, and the formats know nothing else of scenes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Point = tuple[float, float]
Curve = tuple[tuple[Any, ...], ...]
"""A path: ("M", x, y), ("L", x, y), ("C", x1, y1, x2, y2, x, y) and ("Z",), as in SVG."""
ANCHORS = {"start": 0.0, "middle": 0.5, "end": 1.0}
"""How much of a text or a label is left of its point, by its anchor."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """A curve. `stroke` and `fill` are names of colours of the theme, or None; widths and dashes in points."""

    curve: Curve
    stroke: str | None = "ink"
    fill: str | None = None
    width: float = 1.0
    dash: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text at a baseline point. `width` is what the layout reserved for it, 0 if nothing; `bars` are the
    places (from, to) of the characters that have a line over them, in order and apart from each other."""

    text: str
    x: float
    y: float
    size: float = 11.0
    anchor: str = "start"
    colour: str = "ink"
    bold: bool = False
    italic: bool = False
    width: float = 0.0
    bars: tuple[tuple[int, int], ...] = ()

    def pieces(self) -> Iterator[tuple[str, bool]]:
        """The parts of the text, each with whether a line is over it."""
        at = 0
        for start, end in self.bars:
            yield self.text[at:start], False
            yield self.text[start:end], True
            at = end
        yield self.text[at:], False


Shape = Stroke | Text


@dataclass(frozen=True, slots=True)
class Group:
    """The shapes of one item of a scene. `kind` is frame, dash, wire, glyph, mark or label; `title` what hovering says.

    `attributes` are facts for formats that keep them, as pairs of names and texts.
    """

    kind: str
    shapes: tuple[Shape, ...]
    title: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
