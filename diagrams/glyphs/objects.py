"""The objects of a diagram of arrows: their names, and nothing around them."""

from __future__ import annotations

from collections.abc import Iterator

from ..scene import Glyph
from ..shapes import Shape
from .kind import Kind, centred


class Named(Kind):
    """A name alone."""

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        yield centred(glyph, glyph.text, SIZE)


SIZE = 15.0
"""The size of the names of objects."""
