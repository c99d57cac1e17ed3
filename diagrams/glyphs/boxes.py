"""Glyphs of neural circuit diagrams with a body or a sign."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..curves import arrow_head, line, polygon, rectangle, rounded
from ..plan import Node
from ..scene import Glyph, Thread
from ..shapes import Shape, Stroke, Text
from ..styles import Style
from ..text import clip, number, width
from .kind import Kind, centred, filled, subscript

SIGNS = {"multiply": "×", "subtract": "−", "divide": "÷", "maximum": "∨", "minimum": "∧"}
"""The signs of functions of two numbers."""


def function_text(node: Node) -> str:
    """An elementwise function as it is written in formulas."""
    fields = dict(node.data)
    if node.glyph == "scale" and "factor" in fields:
        return f"× {number(float(fields['factor']))}"
    if "number" in fields:
        value = number(float(fields["number"]))
        return f"^ {value}" if node.text == "power" else f"+ {value}"
    return SIGNS.get(node.text, clip(node.text, 24))


class Floating(Kind):
    """An elementwise function: an arrowed text over all wires of its array, or a sign between those that it joins."""

    half = 0.0

    def text(self, node: Node, style: Style) -> str:
        return function_text(node)

    def joins(self, node: Node) -> bool:
        return len(node.dom) > 1

    def size(self, node: Node, style: Style) -> float:
        return width(self.text(node, style), 10.5) + (4.0 if self.joins(node) else 22.0)

    def width(self, node: Node, style: Style) -> float:
        return max(self.size(node, style) + 4.0, 34.0 if self.joins(node) else 0.0)

    def margins(self, node: Node, style: Style) -> tuple[float, float]:
        return (style.label_size + 3.0 if self.joins(node) or node.on_stub else 22.0, 4.0)

    def spans(self, node: Node, style: Style, ins: Any, outs: Any) -> tuple[float, float]:
        if self.joins(node):
            y = min(ins[0][-1][1] + style.array / 2, (ins[0][-1][1] + ins[1][0][1]) / 2)
            return y - 7.0, y + 7.0
        return ins[0][0][1] - 19.0, ins[0][0][1] - 5.0

    def data(self, node: Node, style: Style) -> tuple[Any, ...]:
        return ("joins",) if self.joins(node) else ()

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        x, y = glyph.x + glyph.width / 2, glyph.y + glyph.height / 2
        if glyph.data == ("joins",):
            x = glyph.ins[0][0][0] + 0.4 * (glyph.outs[0][0][0] - glyph.ins[0][0][0])
            wide = max(6.0, width(glyph.text, 10.5) / 2 + 3.0)
            yield Stroke(rounded(x - wide, y - 6.0, 2 * wide, 12.0, 6.0), "ink", "paper", 0.8)
            yield Text(glyph.text, x, y + 3.8, 10.5, "middle", width=width(glyph.text, 10.5))
            return
        if glyph.data:  # it is written on the stub of a product
            yield Stroke(line((glyph.data[1], y), (glyph.x + 4.0, y)))
        else:
            yield filled(arrow_head(glyph.x + 8.0, y, 4.6))
        yield Text(glyph.text, x, y + 3.8, 10.5, "middle", italic=True, width=width(glyph.text, 10.5))
        yield filled(arrow_head(glyph.x + glyph.width, y, 4.6))


class Card(Kind):
    """A learned map: a bold letter on a card with a corner cut."""

    half = 11.0
    colour = "learned"
    letter = "L"

    def text(self, node: Node, style: Style) -> str:
        return self.letter

    def size(self, node: Node, style: Style) -> float:
        marks = self.data(node, style)
        return 26.0 + max((width(mark, 9.0) for mark in marks), default=0.0)

    def data(self, node: Node, style: Style) -> tuple[Any, ...]:
        """The subscript, the indices of the repeats around it and + where there is a bias, and the superscript, the
        name of the block around it."""
        plus = dict(node.data).get("index", "") + "+" * any(name == "bias" for name, _ in node.params)
        name = dict(node.data).get("name")
        own = clip(name, 16) if isinstance(name, str) and self.letter == "L" else ""
        return (plus, own) if plus or own else ()

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        x, y, w, h, cut = glyph.x, glyph.y, glyph.width, glyph.height, 6.0
        card = polygon((x, y), (x + w, y), (x + w, y + h - cut), (x + w - cut, y + h), (x, y + h))
        yield Stroke(card, "quiet", self.colour, 0.8)
        middle = y + h / 2
        if not glyph.data:
            yield Text(glyph.text, x + w / 2, middle + 5.8, 16.0, "middle", bold=True, width=13.0)
            return
        yield Text(glyph.text, x + 7.0, middle + 5.8, 16.0, bold=True, width=11.0)
        for mark, lift in zip(glyph.data, (8.5, -2.0), strict=True):
            if mark:
                yield Text(mark, x + 18.0, middle + lift, 9.0, italic=lift < 0, width=width(mark, 9.0))


class Embedding(Card):
    """A learned lookup: a bold E; a table of indicators is an E that is not learned."""

    letter = "E"


class Triangle(Kind):
    """Softmax: a white triangle on the normalised axis, its apex to the input."""

    half = 10.0

    def text(self, node: Node, style: Style) -> str:
        return "log" if dict(node.data).get("log") is True else ""

    def size(self, node: Node, style: Style) -> float:
        return 18.0

    def margins(self, node: Node, style: Style) -> tuple[float, float]:
        return (24.0, 12.0) if self.text(node, style) else (13.0, 11.0)

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        x, y = glyph.x, glyph.y + glyph.height / 2
        yield Stroke(
            polygon((x, y), (x + glyph.width, glyph.y), (x + glyph.width, glyph.y + glyph.height)), "ink", "paper", 1.2
        )
        if glyph.text:
            yield Text(glyph.text, x + glyph.width / 2, glyph.y - 3.0, 9.0, "middle", width=width(glyph.text, 9.0))


class Reduction(Kind):
    """A reduction: the reduced axis ends in the name of what is done, from which an arrow leaves."""

    half = 7.0

    def size(self, node: Node, style: Style) -> float:
        return width(self.text(node, style), 10.5) + 18.0

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        y = glyph.y + glyph.height / 2
        if glyph.height > 2 * self.half + 1.0:
            yield Stroke(rectangle(glyph.x, glyph.y, glyph.width, glyph.height), "ink", self.colour)
        wide = width(glyph.text, 10.5)
        yield Text(glyph.text, glyph.x + 2.0, y + 3.8, 10.5, width=wide)
        yield filled(arrow_head(glyph.x + glyph.width, y, 5.0))


class Ring(Kind):
    """A normalisation: a bold circle on the axes that it normalises."""

    half = 9.0

    def text(self, node: Node, style: Style) -> str:
        return clip(node.text.replace("_norm", ""), 12) + subscript(node)

    def size(self, node: Node, style: Style) -> float:
        return 18.0

    def width(self, node: Node, style: Style) -> float:
        return max(30.0, width(self.text(node, style), 8.0) + 4.0)

    def margins(self, node: Node, style: Style) -> tuple[float, float]:
        return (22.0, 11.0)

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        yield Stroke(rounded(glyph.x, glyph.y, glyph.width, glyph.height, 9.0), "ink", "paper", 2.4)
        x = glyph.x + glyph.width / 2
        yield Text(glyph.text, x, glyph.y - 3.0, 8.0, "middle", "quiet", width=width(glyph.text, 8.0))


class Pentagon(Kind):
    """A constant or an element: a pentagon that points left, away from the wires that begin at it."""

    colour = "paper"

    def __init__(self, look: str, *boxes: str, fixed: str | None = None):
        super().__init__(look, *boxes)
        self.fixed = fixed

    def text(self, node: Node, style: Style) -> str:
        if self.fixed is not None:
            return self.fixed
        values = dict(node.data).get("values")
        if isinstance(values, tuple) and len(values) <= 2:
            return clip(", ".join(number(float(v)) for v in values), 16)
        return "const" if isinstance(values, tuple) else clip(node.text, 16)

    def size(self, node: Node, style: Style) -> float:
        return width(self.text(node, style), 10.5) + 16.0

    def threads(self, node, style, ins, outs, left, right, start, end):  # type: ignore[no-untyped-def]
        for a in outs:
            for x, y in a:
                yield Thread("touch", line((end, y), (x, y)))

    def spans(self, node: Node, style: Style, ins: Any, outs: Any) -> tuple[float, float]:
        ends = [p[1] for a in outs for p in a]
        return min(ends), max(ends)

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        x, y, w, h = glyph.x, glyph.y, glyph.width, glyph.height
        body = polygon((x, y + h / 2), (x + 8.0, y), (x + w, y), (x + w, y + h), (x + 8.0, y + h))
        yield Stroke(body, "ink", self.colour)
        wide = width(glyph.text, 10.5)
        yield Text(glyph.text, x + 4.0 + w / 2, y + h / 2 + 3.8, 10.5, "middle", width=wide)


class Entry(Kind):
    """One entry of an axis: a pentagon that points right, in which the wire of the axis ends, with the entry in it."""

    colour = "paper"

    def text(self, node: Node, style: Style) -> str:
        return number(dict(node.data)["entry"])

    def size(self, node: Node, style: Style) -> float:
        return width(self.text(node, style), 10.5) + 16.0

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        x, y, w, h = glyph.x, glyph.y, glyph.width, glyph.height
        body = polygon((x, y), (x + w - 8.0, y), (x + w, y + h / 2), (x + w - 8.0, y + h), (x, y + h))
        yield Stroke(body, "ink", self.colour)
        yield Text(glyph.text, x + w / 2 - 3.0, y + h / 2 + 3.8, 10.5, "middle", width=width(glyph.text, 10.5))


class Mask(Kind):
    """A mask: a square, the half that is hidden dark: above the diagonal if queries are above keys."""

    half = 11.0

    def data(self, node: Node, style: Style) -> tuple[Any, ...]:
        fields = dict(node.data)
        places = [node.dom[0].axis(fields[name]) for name in ("query", "key") if name in fields]
        return ("below",) if len(places) == 2 and places[0] > places[1] else ()

    def text(self, node: Node, style: Style) -> str:
        return ""

    def size(self, node: Node, style: Style) -> float:
        return 24.0

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        x, y, w, h = glyph.x, glyph.y, glyph.width, glyph.height
        corner = (x, y + h) if glyph.data else (x + w, y)
        yield Stroke(rectangle(x, y, w, h), "ink", "paper", 1.2)
        yield filled(polygon((x, y), corner, (x + w, y + h)))


class Folded(Kind):
    """A part that is drawn closed: a box with its name, and how often it is repeated."""

    colour = "tint1"
    half = 11.0

    def text(self, node: Node, style: Style) -> str:
        times = dict(node.data).get("times")
        return clip(f"{node.text} × {times}" if times else node.text, 32)

    def size(self, node: Node, style: Style) -> float:
        return max(30.0, width(self.text(node, style), 11.0, True) + 14.0)

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        x, y, w, h = glyph.x, glyph.y, glyph.width, glyph.height
        yield Stroke(rounded(x, y, w, h, 4.0), "ink", self.colour, 1.2)
        yield Stroke(line((x + 3.0, y + h - 2.5), (x + w - 3.0, y + h - 2.5)), "quiet", None, 0.6)
        yield centred(glyph, glyph.text, bold=True)
