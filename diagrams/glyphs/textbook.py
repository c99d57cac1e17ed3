"""Glyphs of string diagrams and of circuits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..curves import bend, line, rounded
from ..plan import Node
from ..scene import Glyph, Thread
from ..shapes import Shape, Stroke, Text
from ..styles import Style, space_text
from ..text import clip, width
from .boxes import function_text
from .kind import Kind, centred, subscript


class Plain(Kind):
    """A box of a string diagram; its parameters come from above."""

    half = 12.0

    def text(self, node: Node, style: Style) -> str:
        if style.name == "graph" or node.glyph in ("box", "reverse", "tangent"):
            return clip(node.title, 40)
        if node.glyph in ("pointwise", "scale"):
            return function_text(node)
        if node.glyph == "einsum" and "pattern" in dict(node.data):
            return clip(re.sub(r"\b_(?=\w)", "", str(dict(node.data)["pattern"])).replace("->", "→"), 48)
        return clip(node.title if len(node.title) <= 22 else node.text, 28)

    def data(self, node: Node, style: Style) -> tuple[Any, ...]:
        return tuple((clip(name, 16) + subscript(node), clip(space_text(a, "sizes"), 18)) for name, a in node.params)

    def margins(self, node: Node, style: Style) -> tuple[float, float]:
        return (self.half + (24.0 if node.params else 3.0), self.half + 3.0)

    def size(self, node: Node, style: Style) -> float:
        above = sum(width(name, 8.5) + 8.0 for name, _ in self.data(node, style))
        return max(super().size(node, style), above)

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        yield Stroke(rounded(glyph.x, glyph.y, glyph.width, glyph.height, 3.0), "ink", self.colour, 1.1)
        yield centred(glyph, glyph.text)
        wide = [width(name, 8.5) + 8.0 for name, _ in glyph.data]
        x = glyph.x + (glyph.width - sum(wide)) / 2
        for (name, _), w in zip(glyph.data, wide, strict=True):
            yield Stroke(line((x + w / 2, glyph.y - 11.0), (x + w / 2, glyph.y)), "parameter", None, 1.0)
            yield Text(name, x + w / 2, glyph.y - 13.0, 8.5, "middle", "parameter", width=w - 8.0)
            x += w


BUBBLE = 3.0
"""The radius of the circle that says that a gate's result is negated."""


class Gate(Kind):
    """A logic gate in its usual symbol: flat at the back for AND, bowed for OR, twice for XOR, a triangle for NOT."""

    half = 10.0

    def text(self, node: Node, style: Style) -> str:
        return ""

    def size(self, node: Node, style: Style) -> float:
        return 30.0

    def width(self, node: Node, style: Style) -> float:
        return 66.0

    def threads(self, node, style, ins, outs, left, right, start, end):  # type: ignore[no-untyped-def]
        top, bottom = self.spans(node, style, ins, outs)
        for array in ins:
            for x, y in array:
                yield Thread("touch", line((x, y), (start, y)))
        for array in outs:
            for point in array:
                yield Thread("touch", bend((end, (top + bottom) / 2), point))

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        x, y, w, h = glyph.x, glyph.y, glyph.width, glyph.height
        if glyph.kind in ("nand", "nor", "xnor", "not"):
            w -= 2 * BUBBLE
            yield Stroke(rounded(x + w, y + h / 2 - BUBBLE, 2 * BUBBLE, 2 * BUBBLE, BUBBLE), "ink", "paper", 1.2)
        if glyph.kind == "not":
            yield Stroke((("M", x, y), ("L", x + w, y + h / 2), ("L", x, y + h), ("Z",)), "ink", "paper", 1.2)
            return
        if glyph.kind in ("and", "nand"):
            c = x + w / 2
            body = (
                ("M", x, y), ("L", c, y), ("C", c + 0.28 * w, y, x + w, y + 0.2 * h, x + w, y + h / 2),
                ("C", x + w, y + 0.8 * h, c + 0.28 * w, y + h, c, y + h), ("L", x, y + h), ("Z",),
            )  # fmt: skip
            yield Stroke(body, "ink", "paper", 1.2)
            return
        bow = 6.0
        body = (
            ("M", x, y), ("C", x + 0.5 * w, y, x + 0.8 * w, y + 0.2 * h, x + w, y + h / 2),
            ("C", x + 0.8 * w, y + 0.8 * h, x + 0.5 * w, y + h, x, y + h),
            ("C", x + bow, y + 0.7 * h, x + bow, y + 0.3 * h, x, y), ("Z",),
        )  # fmt: skip
        yield Stroke(body, "ink", "paper", 1.2)
        if glyph.kind in ("xor", "xnor"):
            back = (("M", x - 4.0, y), ("C", x - 4.0 + bow, y + 0.3 * h, x - 4.0 + bow, y + 0.7 * h, x - 4.0, y + h))
            yield Stroke(back, "ink", None, 1.2)
