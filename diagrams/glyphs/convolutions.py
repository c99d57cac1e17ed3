"""Glyphs of convolutions and poolings: in short a box, in full the trapezoid of their windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..curves import line, polygon, rectangle
from ..plan import Node
from ..scene import Glyph
from ..shapes import Shape, Stroke, Text
from ..styles import Style
from ..text import width
from .kind import Kind, centred, subscript


class Convolution(Kind):
    """A convolution: a star and the size of the kernel in a box, with stride, dilation and T for transposed."""

    def text(self, node: Node, style: Style) -> str:
        fields = dict(node.data)
        kernel = fields.get("kernel", ())
        text = f"★{subscript(node)} {_sizes(kernel)}"
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


class Trapezoid(Kind):
    """Windows: a star in a trapezoid that widens: each axis of pixels becomes one of places and one of the kernel.

    Places leave above the diagonal, the kernel below it, beside which stand a stride, a dilation after a
    colon, and T for transposed.
    """

    def text(self, node: Node, style: Style) -> str:
        return "★"

    def data(self, node: Node, style: Style) -> tuple[Any, ...]:
        """What stands below the diagonal; the wires of the last pixels, of the last places, the first of the kernel."""
        fields = dict(node.data)
        stride, dilation = fields.get("stride", ()), fields.get("dilation", ())
        marks = [_sizes(stride)] * any(s != 1 for s in stride)
        marks += ["T"] * (fields.get("transposed") is True)
        marks += [f":{_sizes(dilation)}"] * any(s != 1 for s in dilation)
        axes, into, away = len(fields.get("kernel", ())), node.dom[0], node.cod[0]
        return (" ".join(marks), into.axis(-2), away.axis(-2 - axes), away.axis(-1 - axes))

    def size(self, node: Node, style: Style) -> float:
        return max(32.0, width(self.data(node, style)[0], 10.0) + 16.0)

    def spans(self, node: Node, style: Style, ins: Any, outs: Any) -> tuple[float, float]:
        axes = len(dict(node.data).get("kernel", ()))
        return ins[0][node.dom[0].axis(-1 - axes)][1], outs[0][node.cod[0].axis(-2)][1]

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        marks, pixels, places, kernel = glyph.data
        x, y, right, bottom = glyph.x, glyph.y, glyph.x + glyph.width, glyph.y + glyph.height
        low = glyph.ins[0][pixels][1] + self.half
        parting = (glyph.outs[0][places][1] + glyph.outs[0][kernel][1]) / 2
        yield Stroke(polygon((x, y), (right, y), (right, bottom), (x, low)), "ink", "operation", 1.2)
        yield Stroke(line((x, low), (right, parting)), "ink", None, 1.0)
        yield Text(
            glyph.text, x + 0.42 * glyph.width, (y + low) / 2 + 3.0, 12.0, "middle", width=width(glyph.text, 12.0)
        )
        if marks:
            yield Text(marks, right - 3.0, parting + 12.0, 10.0, "end", width=width(marks, 10.0))


def _sizes(sizes: Sequence[int]) -> str:
    if not sizes:
        return ""
    return str(sizes[0]) if len(set(sizes)) == 1 else "×".join(map(str, sizes))
