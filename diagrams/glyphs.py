"""Glyphs: how each kind of box looks. To add one, subclass `Kind` and register it under its name.

A kind says how much room its glyph takes (`width`, `margins`), where its body stands between its
ports (`place`), and which curves and texts it is made of (`shapes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from .curves import arrow_head, bend, circle, line, polygon, rectangle, rounded
from .plan import Node
from .scene import Curve, Glyph, Point, Thread
from .shapes import Shape, Stroke, Text
from .text import clip, number, width

if TYPE_CHECKING:
    from .styles import Style

DOT = 3.2
"""The radius of dots."""


def filled(curve: Curve, colour: str = "ink") -> Stroke:
    """A filled curve without an outline."""
    return Stroke(curve, None, colour)


# -- kinds -----------------------------------------------------------------------------------


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
        return clip(node.text, 28)

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

    def threads(
        self, node: Node, style: Style, ins: Any, outs: Any, left: float, right: float, start: float, end: float
    ) -> Iterator[Thread]:
        """The curves of the strands in the column; the body reaches from `start` to `end`."""
        yield from running(node, style, ins, outs, left, right)
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


def of(node: Node, style: Style) -> Kind:
    """The kind of a node in a style; unknown kinds are outlined boxes."""
    if not style.axes:
        return _STRING.get(node.glyph, BOX) if style.name != "circuit" else _GATES.get(node.glyph, BOX)
    return Kind.kinds.get(node.glyph, BOX)


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


def running(node: Node, style: Style, ins: Any, outs: Any, left: float, right: float) -> Iterator[Thread]:
    """The curves of the strands that do not end at the body: they run past, meet, part, are summed, or begin."""
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
            dot = (left + 6.0, come[0][1])
            yield Thread("meet", line(come[0], dot))
            for p in go:
                yield Thread("pass", bend(dot, p))
        else:
            dot = (right - 6.0, go[0][1])
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


class Floating(Kind):
    """An elementwise function: an arrowed text over all wires of its array, or a sign between those that it joins."""

    half = 0.0
    signs: ClassVar[dict[str, str]] = {
        "multiply": "×", "subtract": "−", "divide": "÷", "maximum": "∨", "minimum": "∧",
    }  # fmt: skip

    def text(self, node: Node, style: Style) -> str:
        fields = dict(node.data)
        if node.glyph == "scale" and "factor" in fields:
            return f"× {number(float(fields['factor']))}"
        if "number" in fields:
            value = number(float(fields["number"]))
            return f"^ {value}" if node.text == "power" else f"+ {value}"
        return self.signs.get(node.text, clip(node.text, 24))

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


class Product(Kind):
    """A product of arrays: cups, dots where axes merge, ends; no body but a place for them."""

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
        for thread in running(node, style, ins, outs, left, right):
            stem = node.on_stub and thread.kind == "stub"
            yield Thread("stem", thread.curve) if stem else thread
        into, away = touched_sides(node, style, ins, outs)
        middle = (left + right) / 2
        for x, y in into:
            yield Thread("end", line((x, y), (middle, y)))
        for x, y in away:
            yield Thread("stub", line((middle, y), (x, y)))

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        yield from ()


class Card(Kind):
    """A learned map: a bold letter on a card with a corner cut."""

    half = 11.0
    colour = "learned"
    letter = "L"

    def text(self, node: Node, style: Style) -> str:
        return self.letter

    def size(self, node: Node, style: Style) -> float:
        return 32.0 if self.plus(node) else 26.0

    def plus(self, node: Node) -> bool:
        return any(name == "bias" for name, _ in node.params) and len(node.params) > 1

    def data(self, node: Node, style: Style) -> tuple[Any, ...]:
        if node.params and node.params[0][0] == "bias":
            return ("+",)
        return ("+",) if self.plus(node) else ()

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        x, y, w, h, cut = glyph.x, glyph.y, glyph.width, glyph.height, 6.0
        card = polygon((x, y), (x + w, y), (x + w, y + h - cut), (x + w - cut, y + h), (x, y + h))
        yield Stroke(card, "quiet", self.colour, 0.8)
        middle = y + h / 2
        yield Text(
            glyph.text, x + (w - 8.0 * bool(glyph.data)) / 2, middle + 5.8, 16.0, "middle", bold=True, width=13.0
        )
        for mark in glyph.data:
            yield Text(str(mark), x + w - 9.0, middle + 9.0, 10.0, "middle", width=8.0)


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

    def threads(self, node, style, ins, outs, left, right, start, end):  # type: ignore[no-untyped-def]
        yield from running(node, style, ins, outs, left, right)
        into, away = touched_sides(node, style, ins, outs)
        for x, y in into:
            yield Thread("touch", line((x, y), (start, y)))
        for x, y in away:
            yield Thread("touch", line((end, y), (x, y)))

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        y = glyph.y + glyph.height / 2
        if glyph.height > 2 * self.half + 1.0:
            yield Stroke(rectangle(glyph.x, glyph.y, glyph.width, glyph.height), "ink", self.colour)
        wide = width(glyph.text, 10.5)
        yield Text(glyph.text, glyph.x + 2.0, y + 3.8, 10.5, width=wide)
        yield filled(arrow_head(glyph.x + glyph.width, y, 5.0))


class Bar(Kind):
    """A rearrangement of axes: those that move cross, those that are grouped or joined meet in a thick bar."""

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


class Ring(Kind):
    """A normalisation: a bold circle on the axes that it normalises."""

    half = 9.0

    def text(self, node: Node, style: Style) -> str:
        return clip(node.text.replace("_norm", ""), 12)

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


class Mask(Kind):
    """A mask: a square, the half that is hidden dark."""

    half = 12.0

    def text(self, node: Node, style: Style) -> str:
        return ""

    def size(self, node: Node, style: Style) -> float:
        return 24.0

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        x, y, w, h = glyph.x, glyph.y, glyph.width, glyph.height
        yield Stroke(rectangle(x, y, w, h), "ink", "paper", 1.2)
        yield filled(polygon((x, y), (x + w, y), (x + w, y + h)))


class Convolution(Kind):
    """A convolution: a star and the size of the kernel in a box, with stride, dilation and T for transposed."""

    def text(self, node: Node, style: Style) -> str:
        fields = dict(node.data)
        kernel = fields.get("kernel", ())
        text = "★ " + _sizes(kernel)
        if any(s != 1 for s in fields.get("stride", ())):
            text += f" /{_sizes(fields['stride'])}"
        if any(s != 1 for s in fields.get("dilation", ())):
            text += f" :{_sizes(fields['dilation'])}"
        return text + (" T" if fields.get("transposed") is True else "")

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        yield Stroke(rectangle(glyph.x, glyph.y, glyph.width, glyph.height), "ink", "operation", 1.8)
        yield centred(glyph, glyph.text)


class Pooling(Convolution):
    """A pooling: a trapezoid that narrows, with the window and what is taken of it."""

    def text(self, node: Node, style: Style) -> str:
        fields = dict(node.data)
        return f"★ {_sizes(fields.get('window', ()))} {fields.get('kind', '')}".strip()

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        x, y, w, h = glyph.x, glyph.y, glyph.width, glyph.height
        yield Stroke(polygon((x, y), (x + w, y + 4.0), (x + w, y + h - 4.0), (x, y + h)), "ink", "operation")
        yield centred(glyph, glyph.text)


def _sizes(sizes: Sequence[int]) -> str:
    if not sizes:
        return ""
    return str(sizes[0]) if len(set(sizes)) == 1 else "×".join(map(str, sizes))


class Folded(Kind):
    """A part that is drawn closed: a box with its name, and how often it is repeated."""

    colour = "tint1"
    half = 12.0

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


class Plain(Kind):
    """A box of a string diagram; its parameters come from above."""

    half = 12.0

    def text(self, node: Node, style: Style) -> str:
        if style.name == "graph" or node.glyph in ("box", "reverse", "tangent"):
            return clip(node.title, 40)
        if node.glyph in ("pointwise", "scale"):
            return Floating.text(_FLOATING, node, style)
        return clip(node.title if len(node.title) <= 22 else node.text, 28)

    def data(self, node: Node, style: Style) -> tuple[Any, ...]:
        from .styles import space_text

        return tuple((clip(name, 16), clip(space_text(a, "sizes"), 18)) for name, a in node.params)

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


class Gate(Kind):
    """A logic gate in its usual symbol."""

    half = 10.0

    def text(self, node: Node, style: Style) -> str:
        return ""

    def size(self, node: Node, style: Style) -> float:
        return 30.0

    def data(self, node: Node, style: Style) -> tuple[Any, ...]:
        return ()

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        x, y, w, h = glyph.x, glyph.y, glyph.width, glyph.height
        if glyph.kind == "and":
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
        back = (("M", x - 4.0, y), ("C", x - 4.0 + bow, y + 0.3 * h, x - 4.0 + bow, y + 0.7 * h, x - 4.0, y + h))
        yield Stroke(back, "ink", None, 1.2)


BOX = Kind("box", "box", "loss", "optimiser", "cap", "reverse", "tangent", "branch")
_FLOATING = Floating("floating", "pointwise", "scale")
Wires("wire", "wire")
Bare("copy", "dot")
Bare("spread", "copy")
Ends("discard", "end")
Sum("sum", "plus")
Product("product", "einsum")
Card("card", "learned")
Embedding("embedding", "embed")
Triangle("softmax", "softmax")
Reduction("reduction", "reduce")
Bar("bar", "rearrange")
Ring("ring", "normalise")
Pentagon("constant", "constant")
Pentagon("zero", "start", fixed="0")
Mask("mask", "mask")
Convolution("convolution", "convolution")
Pooling("pooling", "pooling")
Folded("part", "block", "repeat")

_STRING: dict[str, Kind] = {
    **dict.fromkeys(Kind.kinds, Plain("plain")),
    **{name: Kind.kinds[name] for name in ("wire", "dot", "end", "plus", "constant", "start")},
}
"""The kinds of string diagrams, by the glyphs of boxes."""
_GATES: dict[str, Kind] = _STRING | {"plus": Gate("xor"), "pointwise": Gate("and")}
"""The kinds of circuits: over the ring of two elements, a sum is an exclusive or and a product a conjunction."""
