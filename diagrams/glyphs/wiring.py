"""Glyphs that are nothing but strands: copies, ends, sums, products, rearrangements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..curves import bend, circle, line, rectangle
from ..plan import Node
from ..scene import Glyph, Thread
from ..shapes import Shape, Stroke, Text
from ..styles import Style
from .kind import Kind, filled, running, touched_sides


class Bare(Kind):
    """A kind without a body: only strands that meet or part."""

    half = 0.0

    def size(self, node: Node, style: Style) -> float:
        return 0.0

    def width(self, node: Node, style: Style) -> float:
        return 30.0 if style.axes else 24.0

    def margins(self, node: Node, style: Style) -> tuple[float, float]:
        return (style.label_size + 3.0, 4.0)

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        yield from ()


class Wires(Bare):
    """Identities and checks: the wires run on."""

    def width(self, node: Node, style: Style) -> float:
        return 4.0

    def threads(self, node, style, ins, outs, left, right, start, end):  # type: ignore[no-untyped-def]
        for a, b in zip(ins, outs, strict=True):
            for p, q in zip(a, b, strict=True):
                yield Thread("pass", bend(p, q))


class Ends(Bare):
    """Discard: every strand ends in a dot."""

    def width(self, node: Node, style: Style) -> float:
        return 16.0

    def threads(self, node, style, ins, outs, left, right, start, end):  # type: ignore[no-untyped-def]
        for a in ins:
            for p in a:
                yield Thread("end", line(p, (left + 8.0, p[1])))


class Sum(Bare):
    """Addition: the axes of the summands merge, a plus stands where the dash between them ends."""

    sign = "+"

    def text(self, node: Node, style: Style) -> str:
        return self.sign

    def data(self, node: Node, style: Style) -> tuple[Any, ...]:
        return ("axes",) if style.axes else ("dot",)

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        x = glyph.outs[0][0][0] - 6.0
        if glyph.data == ("dot",):
            y = glyph.outs[0][0][1]
            yield Stroke(circle(x, y, 6.5), "ink", "paper")
            yield Text(glyph.text, x, y + 4.0, 11.0, "middle", width=8.0)
            return
        for above, below in zip(glyph.ins, glyph.ins[1:], strict=False):
            y = min(above[-1][1] + 15.0, (above[-1][1] + below[0][1]) / 2)
            left = glyph.ins[0][0][0] + 0.4 * (glyph.outs[0][0][0] - glyph.ins[0][0][0])
            yield Stroke(circle(left, y, 6.0), "ink", "paper", 0.8)
            yield Text(glyph.text, left, y + 3.8, 10.5, "middle", width=8.0)


class Product(Kind):
    """A product of arrays or a sum along axes: cups, dots where axes merge, ends; no body but a place for them.

    A number leaves from where axes are summed.
    """

    half = 0.0

    def text(self, node: Node, style: Style) -> str:
        return ""

    def size(self, node: Node, style: Style) -> float:
        return 0.0

    def width(self, node: Node, style: Style) -> float:
        summed = any(not s.outs and len(s.ins) > 1 for s in style.strands(node))
        return 54.0 if summed else 36.0

    def margins(self, node: Node, style: Style) -> tuple[float, float]:
        return (style.label_size + 3.0, 4.0)

    def threads(self, node, style, ins, outs, left, right, start, end):  # type: ignore[no-untyped-def]
        into, away = touched_sides(node, style, ins, outs)
        found = list(running(node, style, ins, outs, left, right))
        starts = [t.curve[0][-2:] for t in found if t.kind == "stub"]
        starts = starts or [t.curve[-1][-2:] for t in found if t.kind == "end"]
        for thread in found:
            if thread.kind != "stub":
                yield thread
            elif not away:
                yield Thread("stem" if node.on_stub else "stub", thread.curve)
        middle = (left + right) / 2
        if starts and away:
            yield from (Thread("touch", bend(start, away[0])) for start in starts)
            return
        for x, y in into:
            yield Thread("end", line((x, y), (middle, y)))
        for x, y in away:
            yield Thread("touch", line((middle, y), (x, y)))

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        yield from ()


class Bar(Kind):
    """A rearrangement of axes: those that move cross, those that are grouped or joined meet in a thick bar.

    Axes that all arrays have merge or part at dots above and below the bar, so that none of them crosses it.
    """

    half = 5.0

    def text(self, node: Node, style: Style) -> str:
        return ""

    def size(self, node: Node, style: Style) -> float:
        return 4.0

    def width(self, node: Node, style: Style) -> float:
        return 26.0

    def data(self, node: Node, style: Style) -> tuple[Any, ...]:
        past = {p for s in style.strands(node) for p in s.ins}
        ends = sum(len(style.slots(a)) for a in node.dom) > len(past)
        return ("bar",) if ends or not node.dom else ()

    def dots(self, left: float, right: float) -> float | None:
        return (left + right) / 2

    def place(self, node, style, ins, outs, left, right, y):  # type: ignore[no-untyped-def]
        glyph = super().place(node, style, ins, outs, left, right, y)
        return glyph if glyph.data else _bodiless(glyph)

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        if glyph.data:
            yield filled(rectangle(glyph.x, glyph.y, glyph.width, glyph.height))


def _bodiless(glyph: Glyph) -> Glyph:
    import dataclasses

    middle = glyph.y + glyph.height / 2
    return dataclasses.replace(glyph, y=middle, height=0.0, x=glyph.x + glyph.width / 2, width=0.0)
