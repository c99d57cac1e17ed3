"""Tags: names in rounded boxes, for slots that are written in one place and read in another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..curves import rounded
from ..plan import Node
from ..scene import Glyph
from ..shapes import Shape, Stroke, Text
from ..styles import Style
from ..text import width
from .kind import Kind

COLOURS = 6
"""How many colours slots have, in turn."""


def tag(glyph: Glyph, colour: str, size: float = 8.5, radius: float = 6.0) -> Iterator[Shape]:
    """A rounded box in a colour, with the text of its glyph in the middle."""
    yield Stroke(rounded(glyph.x, glyph.y, glyph.width, glyph.height, radius), colour, "paper", 1.2)
    x, y = glyph.x + glyph.width / 2, glyph.y + glyph.height / 2 + round(0.35 * size, 1)
    yield Text(glyph.text, x, y, size, "middle", colour, width=glyph.width - 8.0)


class Memory(Kind):
    """Where an array is written into a named slot, or read from it: a tag at which its wires end, or begin."""

    half = 8.0

    def text(self, node: Node, style: Style) -> str:
        return f"→ {node.text}" if node.glyph == "write" else f"{node.text} →"

    def size(self, node: Node, style: Style) -> float:
        return width(self.text(node, style), 10.0) + 10.0

    def data(self, node: Node, style: Style) -> tuple[Any, ...]:
        return node.data

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        yield from tag(glyph, dict(glyph.data)["colour"], 10.0)


class Side(Memory):
    """Where a parameter comes from the side, or its change leaves there: its name, at the wires of its axes."""

    half = 7.0

    def text(self, node: Node, style: Style) -> str:
        return node.text

    def size(self, node: Node, style: Style) -> float:
        return width(node.text, 8.5) + 8.0

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        yield from tag(glyph, "parameter", radius=1.5)
