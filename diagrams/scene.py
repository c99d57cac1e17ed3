"""The scene: a picture as plain data, between the layout that makes it and the formats that write it.

A scene says what is where: glyphs (boxes) with the points at which wires touch them, wires with
their curves, the dashes that part the arrays of a tuple, labels, and frames around the parts of
blocks and repeats. Everything is in points, x to the right and y down, as in SVG. Nothing in it
refers to a format, those that there are put themselves in `WRITERS`; what a glyph looks like is said in `glyphs`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .shapes import Curve, Point, Shape

Key = tuple[int, int]
"""A point by which it is found: in hundredths."""
Address = tuple[int, ...]
"""Where a box stands: the number of its cell in the term, then in the term inside that cell, and so on."""


def key(point: Point) -> Key:
    """The same for points that are one but for rounding, as sums of multiples of 1/200 are, and apart for others."""
    return math.floor(100.0 * point[0] + 0.317), math.floor(100.0 * point[1] + 0.317)


@dataclass(frozen=True, slots=True)
class Glyph:
    """A drawn box.

    `kind` says what it looks like. (x, y, width, height) is its body, which no wire of another box enters.
    `ins` and `outs` give, for each array in and out, the points at which its strands touch it;
    `threads` are the curves of strands inside its column, from those points through or past the body.
    `text` is written in or over the body, `title` is the box's whole source text, `data` what the
    kind needs beside.
    """

    kind: str
    x: float
    y: float
    width: float
    height: float
    text: str
    title: str
    address: Address
    box: Any
    ins: tuple[tuple[Point, ...], ...] = ()
    outs: tuple[tuple[Point, ...], ...] = ()
    threads: tuple[Thread, ...] = ()
    data: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """A strand inside a glyph's column: its curve and what becomes of it.

    `kind`: "pass", "meet" (it ends in a dot where strands merge or part), "cup" (it meets its equal
    and is summed), "end" (it is summed alone), "stub" (the arrow on which a number leaves).
    """

    kind: str
    curve: Curve


@dataclass(frozen=True, slots=True)
class Wire:
    """A strand between two columns: one axis of an array, or the whole array, from `start` to `end`.

    `wire` numbers the array within its graph, whose cell is `address`; `axis` is the place of the axis in
    it, -1 where the strand is the whole array (or a number, which has no axes). `name` and `size` are
    the axis's. `kind` is "axis", "axes", "array", "scalar", "index" or "bit"; `role` says what it carries.
    A wire of kind "axes" is drawn double: it stands for several axes, of which `axis` counts as one, `name` is
    their label and `size` their product.
    """

    kind: str
    wire: int
    axis: int
    name: str
    size: int
    curve: Curve
    address: Address
    role: str = "forward"
    title: str = ""

    @property
    def start(self) -> Point:
        """Where it begins."""
        return self.curve[0][-2:]  # type: ignore[return-value]

    @property
    def end(self) -> Point:
        """Where it ends."""
        return self.curve[-1][-2:]  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Dash:
    """The dashed line between two arrays of a tuple."""

    curve: Curve
    address: Address


@dataclass(frozen=True, slots=True)
class Label:
    """A text at a baseline point; `anchor` is start, middle or end, `role` what it says: axis, input, title, note.

    `bars` are the places (from, to) of the characters that have a line over them.
    """

    text: str
    x: float
    y: float
    anchor: str = "start"
    size: float = 11.0
    role: str = "axis"
    title: str = ""
    width: float = 0.0
    bold: bool = False
    italic: bool = False
    bars: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a part: a tinted block with a title, or the brackets of a repeat with its count.

    `ins` and `outs` are the points at which strands of each array cross its sides. A part that is broken into rows
    has a frame in each; `open` says whether it goes on there on the left and on the right. `again` are the arrays
    that a step of a repeat hands on to the next: each the number of one that comes in, and of the one that leaves.
    """

    kind: str
    x: float
    y: float
    width: float
    height: float
    text: str
    title: str
    address: Address
    box: Any
    depth: int
    ins: tuple[tuple[Point, ...], ...] = ()
    outs: tuple[tuple[Point, ...], ...] = ()
    open: tuple[bool, bool] = (False, False)
    again: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A fact that an overlay adds: what it is drawn with, and where, within (x, y, width, height).

    `kind` is the overlay's name and `value` the number or text that it shows; `address` the box it is about,
    if it is about one. Wires and glyphs are the same without marks.
    """

    kind: str
    shapes: tuple[Shape, ...]
    x: float
    y: float
    width: float
    height: float
    value: Any = None
    title: str = ""
    address: Address = ()


WRITERS: dict[str, Callable[..., Any]] = {}
"""How scenes are written: "save" writes one to a path, "svg" gives its text."""


@dataclass
class Scene:
    """A picture: its size, and everything in it in drawing order. `draw` makes it, `save` writes it by file ending."""

    width: float
    height: float
    style: str
    title: str = ""
    frames: list[Frame] = field(default_factory=list)
    dashes: list[Dash] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    glyphs: list[Glyph] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    theme: Any = None

    def items(self) -> Iterator[Frame | Dash | Wire | Glyph | Mark | Label]:
        """Everything, from the back to the front."""
        yield from self.frames
        yield from self.dashes
        yield from self.wires
        yield from self.glyphs
        yield from self.marks
        yield from self.labels

    def save(self, path: Any, **options: Any) -> None:
        """Writes the picture by the file's ending: .svg, .tex, .dot and .html with Python alone, .png and .pdf
        with the extra `pictures`. A .png has `dpi` dots for 72 points, the one option. Raises FileError for
        other endings and folders that cannot be written, LensError for other options; what stood in the
        file stays there then.
        """
        WRITERS["save"](self, path, **options)

    def svg(self) -> str:
        """The picture as the text of an SVG file."""
        return WRITERS["svg"](self)

    def _repr_svg_(self) -> str:
        return self.svg()
