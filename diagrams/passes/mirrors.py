"""Mirror images: the glyphs of backward passes. Those of copies and sums, views and permutations are each other's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from ..glyphs import Kind
from ..glyphs.boxes import Card
from ..glyphs.convolutions import Convolution, Pooling
from ..moving import Move
from ..plan import Node
from ..scene import Glyph
from ..shapes import Shape, Stroke
from ..styles import Style

MIRRORS = {
    "dot": "plus", "plus": "dot", "end": "start", "start": "end", "constant": "end", "wire": "wire", "copy": "copy",
    "pointwise": "pointwise", "scale": "scale", "learned": "transposed learned", "embed": "transposed embed",
    "softmax": "softmax", "reduce": "reduce", "rearrange": "rearrange", "normalise": "normalise", "mask": "mask",
    "convolution": "transposed convolution", "pooling": "transposed pooling", "block": "block", "repeat": "block",
}  # fmt: skip
"""The glyphs of boxes, and those of their backward passes; all others are boxes."""


class _TransposedCard(Card):
    letter = "Lᵀ"

    def data(self, node: Node, style: Style) -> tuple[Any, ...]:
        return ()

    def size(self, node: Node, style: Style) -> float:
        return 32.0


class _TransposedTable(_TransposedCard):
    letter = "Eᵀ"


class _TransposedConvolution(Convolution):
    def text(self, node: Node, style: Style) -> str:
        return super().text(node, style) + "ᵀ"


class _TransposedPooling(Pooling):
    def text(self, node: Node, style: Style) -> str:
        return f"R[{super().text(node, style)}]"


class _FeedbackCard(_TransposedCard):
    letter = "B"


_TransposedCard("transposed card", "transposed learned")
_TransposedTable("transposed table", "transposed embed")
_TransposedConvolution("transposed convolution", "transposed convolution")
_TransposedPooling("transposed pooling", "transposed pooling")
_FeedbackCard("feedback card", "feedback learned")


class _Mirrored(Kind):
    """The mirror image of a look, in the colour of changes."""

    strands = "backward"

    def __init__(self, base: Kind):
        super().__init__(f"mirrored {base.look}")
        self.base = base

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        mirror = Move(sign=-1)
        for shape in mirror.shapes(self.base.shapes(mirror.glyph(glyph))):
            if isinstance(shape, Stroke):
                stroke = "backward" if shape.stroke == "ink" else shape.stroke
                yield dataclasses.replace(shape, stroke=stroke, fill="backward" if shape.fill == "ink" else shape.fill)
            else:
                yield shape


def mirrored(look: str) -> str:
    """The name of the mirror image of a look."""
    name = f"mirrored {look}"
    if name not in Kind.looks:
        _Mirrored(Kind.looks[look])
    return name
