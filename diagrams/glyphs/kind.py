"""What a kind of glyph says, and the strands in its column that do not end at its body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from ..curves import bend, line, rectangle
from ..plan import Node
from ..scene import Curve, Glyph, Point, Thread
from ..shapes import Shape, Stroke, Text
from ..styles import Style
from ..text import clip, width

CUP = 110.0
"""The width of the widest cup and of what leaves it."""
DOT = 3.2
"""The radius of dots."""
SUBSCRIPTS = str.maketrans("ijkl", "ᵢⱼₖₗ")


def subscript(node: Node) -> str:
    """The indices of a box's parameters, where each step of the repeats around it has parameters of its own."""
    return dict(node.data).get("index", "").translate(SUBSCRIPTS)


def filled(curve: Curve, colour: str = "ink") -> Stroke:
    """A filled curve without an outline."""
    return Stroke(curve, None, colour)


class Kind:
    """How boxes of one kind are drawn. The default is an outlined box with a text."""

    kinds: ClassVar[dict[str, Kind]] = {}
    looks: ClassVar[dict[str, Kind]] = {}
    look: str
    colour: ClassVar[str] = "operation"
    half: ClassVar[float] = 9.0
    least: ClassVar[float] = 22.0

    def __init__(self, look: str, *boxes: str):
        self.look = look
        Kind.looks[look] = self
        Kind.kinds |= dict.fromkeys(boxes, self)

    def text(self, node: Node, style: Style) -> str:
        """What is written in the body."""
        return clip(node.text, 28) + subscript(node)

    def size(self, node: Node, style: Style) -> float:
        """The width of the body."""
        return max(self.least, width(self.text(node, style), 11.0) + 12.0)

    def width(self, node: Node, style: Style) -> float:
        """The width of the column that the glyph needs."""
        return self.size(node, style) + 12.0

    def margins(self, node: Node, style: Style) -> tuple[float, float]:
        """The room needed above the first and below the last row."""
        return (max(self.half + 2.0, style.label_size + 3.0), self.half + 2.0)

    def spans(self, node: Node, style: Style, ins: Any, outs: Any) -> tuple[float, float]:
        """The heights from which to which the body reaches: those of the strands that end at it."""
        ends = [p[1] for p in touched(node, style, ins, outs)] or [p[1] for a in (*ins, *outs) for p in a]
        return (min(ends), max(ends)) if ends else (0.0, 0.0)

    def place(
        self,
        node: Node,
        style: Style,
        ins: tuple[tuple[Point, ...], ...],
        outs: tuple[tuple[Point, ...], ...],
        left: float,
        right: float,
        y: float,
    ) -> Glyph:
        """The glyph between its ports, in a column from `left` to `right`; `y` is the height of its first row."""
        top, bottom = self.spans(node, style, ins, outs) if any(ins) or any(outs) else (y, y)
        wide = self.size(node, style)
        x = (left + right - wide) / 2
        threads = tuple(self.threads(node, style, ins, outs, left, right, x, x + wide))
        return Glyph(
            self.look, x, top - self.half, wide, bottom - top + 2 * self.half, self.text(node, style), node.title,
            node.address, node.box, ins, outs, threads, self.data(node, style),
        )  # fmt: skip

    def data(self, node: Node, style: Style) -> tuple[Any, ...]:
        """What `shapes` needs to know beside the body."""
        return ()

    def dots(self, left: float, right: float) -> float | None:
        """Where strands meet and part; at the right and the left edge of the column where that is None."""
        return None

    def threads(
        self, node: Node, style: Style, ins: Any, outs: Any, left: float, right: float, start: float, end: float
    ) -> Iterator[Thread]:
        """The curves of the strands in the column; the body reaches from `start` to `end`."""
        yield from running(node, style, ins, outs, left, right, self.dots(left, right))
        into, away = touched_sides(node, style, ins, outs)
        for x, y in into:
            yield Thread("touch", line((x, y), (start, y)))
        for x, y in away:
            yield Thread("touch", line((end, y), (x, y)))

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        """The body."""
        yield Stroke(rectangle(glyph.x, glyph.y, glyph.width, glyph.height), "ink", self.colour)
        yield centred(glyph, glyph.text)


def centred(glyph: Glyph, text: str, size: float = 11.0, bold: bool = False, italic: bool = False) -> Text:
    """A text in the middle of a glyph's body."""
    x, y = glyph.x + glyph.width / 2, glyph.y + glyph.height / 2
    return Text(text, x, y + 0.36 * size, size, "middle", bold=bold, italic=italic, width=width(text, size, bold))


def _places(node: Node, style: Style, ins: Any, outs: Any) -> tuple[dict[Any, Point], dict[Any, Point]]:
    into = {(i, s): p for i, a in enumerate(node.dom) for s, p in zip(style.slots(a), ins[i], strict=True)}
    away = {(j, s): p for j, a in enumerate(node.cod) for s, p in zip(style.slots(a), outs[j], strict=True)}
    return into, away


def touched_sides(node: Node, style: Style, ins: Any, outs: Any) -> tuple[list[Point], list[Point]]:
    """The points of strands that end at the body, on its left and on its right."""
    into, away = _places(node, style, ins, outs)
    strands = style.strands(node)
    past = {p for s in strands for p in s.ins}, {p for s in strands for p in s.outs}
    return [p for k, p in into.items() if k not in past[0]], [p for k, p in away.items() if k not in past[1]]


def touched(node: Node, style: Style, ins: Any, outs: Any) -> list[Point]:
    """The points of strands that end at the body."""
    into, away = touched_sides(node, style, ins, outs)
    return into + away


def running(
    node: Node, style: Style, ins: Any, outs: Any, left: float, right: float, dots: float | None = None
) -> Iterator[Thread]:
    """The curves of the strands that do not end at the body: they run past, meet, part, are summed, or begin.

    `dots` is where strands meet and part; at the right and the left edge of the column unless given.
    """
    into, away = _places(node, style, ins, outs)
    cups = 0
    for strand in style.strands(node):
        come, go = [into[p] for p in strand.ins], [away[p] for p in strand.outs]
        if len(come) == 1 and len(go) == 1:
            yield Thread("pass", bend(come[0], go[0]))
        elif not go:
            yield from _summed(come, left, right, cups, _near(node, style, into, strand))
            cups += 1
        elif not come:
            x = (left + right) / 2
            for p in go:
                yield Thread("begin", line((x, p[1]), p))
        elif len(come) == 1:
            dot = (left + 6.0 if dots is None else dots, come[0][1])
            yield Thread("meet", line(come[0], dot))
            for p in go:
                yield Thread("pass", bend(dot, p))
        else:
            dot = (right - 6.0 if dots is None else dots, go[0][1])
            for p in come:
                yield Thread("meet", bend(p, dot))
            for p in go:
                yield Thread("pass", bend(dot, p))


def _near(node: Node, style: Style, into: dict[Any, Point], strand: Any) -> tuple[float, float] | None:
    """The neighbouring heights between which two strands meet in a cup, once those between them have made room."""
    number_ = {place: k for k, place in enumerate(into)}
    heights = [p[1] for p in into.values()]
    moved = style.displaced(node, number_)
    if not moved or len(strand.ins) != 2:
        return None
    a, b = sorted(number_[place] for place in strand.ins)
    upper = max((k for k, to in moved.items() if to < k), default=a)
    lower = min((k for k, to in moved.items() if to > k), default=b)
    return heights[upper], heights[lower]


def _summed(
    come: Sequence[Point], left: float, right: float, number_: int, near: tuple[float, float] | None
) -> Iterator[Thread]:
    """A strand that is summed: alone it ends in a dot, two meet in a cup, more in a dot from which an arrow leaves."""
    wide = right - left
    if len(come) == 2 and wide > CUP:  # it is no longer than it must be
        left, wide = right - CUP, CUP
    if len(come) == 1:
        yield Thread("end", line(come[0], (left + 0.5 * wide, come[0][1])))
        return
    if len(come) == 2:
        (x, y), (_, z) = come
        start = left + 0.12 * wide
        upper, lower = (y, z) if near is None else near
        if (upper, lower) != (y, z):
            start = left + 0.45 * wide
        deep = 0.42 * wide + 3.0 * (number_ % 3) if near is None else 0.5 * wide
        bulge = ("C", start + deep, upper, start + deep, lower, start, lower)
        above, below = bend((x, y), (start, upper)), bend((start, lower), (x, z))
        yield Thread("cup", (*above, bulge, *below[1:]))
        apex = start + 0.75 * deep
        middle = (upper + lower) / 2
        yield Thread("stub", line((apex, middle), (max(apex + 8.0, right - 1.0), middle)))
        return
    dot = (left + 0.6 * wide, sum(p[1] for p in come) / len(come))
    for p in come:
        yield Thread("meet", bend(p, dot))
    yield Thread("stub", line(dot, (right - 1.0, dot[1])))
