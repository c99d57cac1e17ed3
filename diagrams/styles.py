"""Styles: what of a term a picture shows. All share one layout; a style says what a strand is, and which glyphs.

- `neural`: every axis is a wire (Abbott 2024, Neural Circuit Diagrams).
- `string`: every array is a wire, parameters come from above: the string diagrams of the papers on lenses.
- `circuit`: as `string`, and boxes on bits are gates: over the ring of two elements + is xor and * is and.
- `graph`: boxes with as much of their text as fits, arrays with their spaces: for big models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenses.spaces import Array, IndexElement, RealElement
from lenses.strands import Strand

from .grouping import together
from .plan import Node
from .text import clip

FLOATING = ("dot", "plus", "pointwise", "scale", "wire", "rearrange", "copy")
"""Glyphs whose box takes numbers and indices as they are, so that their strands run past it too."""


@dataclass(frozen=True)
class Style:
    """One way to draw; see the module. `axis` and `array` are distances of wires in points, `bars` the names of the
    axes that have a bar over them."""

    name: str
    axis: float = 20.0
    array: float = 30.0
    gap: float = 6.0
    label_size: float = 10.0
    dashes: bool = False
    names: str = "both"
    bars: tuple[str, ...] = ()

    @property
    def axes(self) -> bool:
        """Whether axes are wires."""
        return self.name == "neural"

    def slots(self, array: Array) -> tuple[int, ...]:
        """The strands of an array: its axes, and -1 for the value where that is a number or an index."""
        if not self.axes:
            return (-1,)
        axes = tuple(range(array.rank))
        return (*axes, -1) if not axes or isinstance(array.element, IndexElement) else axes

    def strands(self, node: Node) -> tuple[Strand, ...]:
        """The strands that run past a node."""
        if not self.axes:
            if not self.meets(node):
                return ()
            return (Strand(tuple((i, -1) for i in range(len(node.dom))), tuple((j, -1) for j in range(len(node.cod)))),)
        if node.glyph not in FLOATING:
            return node.strands
        ins = tuple((i, -1) for i, a in enumerate(node.dom) if -1 in self.slots(a))
        outs = tuple((j, -1) for j, a in enumerate(node.cod) if -1 in self.slots(a))
        return (*node.strands, Strand(ins, outs)) if ins and outs else node.strands

    def meets(self, node: Node) -> bool:
        """Whether arrays part or merge at a node: at copies and sums, but for the gates of circuits."""
        return node.glyph == "dot" or (node.glyph == "plus" and self.name != "circuit")

    def merges_down(self, node: Node) -> bool:
        """Whether strands that meet do so at the lowest of them, as in products; else at the highest."""
        return self.axes and node.glyph == "einsum"

    def displaced(self, node: Node, number: dict[tuple[int, int], int]) -> dict[int, int]:
        """The rows of a product's kept strands that stand between the two ends of its cup, and where they go to
        make room, so that the ends meet as neighbours."""
        if not self.axes or node.glyph != "einsum":
            return {}
        cups = [s for s in node.strands if not s.outs and len(s.ins) == 2]
        if len(cups) != 1 or cups[0].ins[0][0] == cups[0].ins[1][0]:
            return {}
        a, b = sorted(number[place] for place in cups[0].ins)
        moved = {}
        for strand in node.strands:
            if strand.outs and strand.ins:
                i, _ = strand.ins[-1]
                k = number[strand.ins[-1]]
                if a < k < b:
                    moved[k] = k - 1 if i == cups[0].ins[0][0] else k + 1
        return moved

    def alike(self, a: Array, i: int, b: Array, j: int) -> bool:
        """Whether two strands on one height say the same, so that one label is enough."""
        if i >= 0 and j >= 0:
            return (a.names[i], together(a, i)) == (b.names[j], together(b, j))
        return i == j and a == b and a.names == b.names

    def aligned(self, node: Node) -> bool:
        """Whether outputs stand on the rows of the inputs in order, where axes move, so that they are seen to cross."""
        return self.axes and node.glyph == "rearrange" and len(node.dom) == len(node.cod)

    def kind(self, array: Array, slot: int) -> str:
        """The kind of a wire."""
        if slot >= 0:
            return "axis" if len(together(array, slot)) == 1 else "axes"
        if not self.axes:
            return "bit" if self.name == "circuit" else "array"
        return "scalar" if isinstance(array.element, RealElement) else "index"

    def margin(self, array: Array) -> tuple[float, float]:
        """The room that a passing array needs above and below it."""
        return (self.label_size + 3.0, 3.0)

    def label(self, array: Array, slot: int, first: bool) -> str:
        """What is written over a wire; `first` at an input."""
        if self.names == "none":
            return ""
        if slot >= 0:
            name, size = array.names[slot], " × ".join(map(str, together(array, slot)))
            if self.names == "sizes" or not name:
                return size
            name = clip(name, 24)
            return f"{name} = {size}" if first and self.names == "both" else name
        if not self.axes:
            return "" if self.name == "circuit" else clip(space_text(array, self.names), 36)
        return "" if isinstance(array.element, RealElement) else space_text(Array((), (), array.element))


def barred(name: str | None, label: str, bars: Sequence[str], start: int = 0) -> tuple[tuple[int, int], ...]:
    """Where a bar is over the name of an axis in a label in which it stands at `start`."""
    shown = clip(name or "", 24)
    return ((start, start + len(shown)),) if name in bars and shown and label.startswith(shown, start) else ()


def space_text(array: Array, names: str = "both") -> str:
    """An array as a type in a string diagram: its element and its axes."""
    axes = [
        str(size) if not name or names == "sizes" else name if names == "names" else f"{name} {size}"
        for name, size in zip(array.names, array.sizes, strict=True)
    ]
    inside = " × ".join(axes)
    if isinstance(array.element, RealElement):
        return inside or "ℝ"
    word = array.element.call([]).replace("Index(", "").replace("Residue(", "").replace("Field(degree=", "GF 2^")
    mark = word.rstrip("()").replace("below=", "< ").replace("modulo=", "mod ")
    return f"{inside} {mark}".strip()


STYLES = {
    "neural": Style("neural", dashes=True),
    "string": Style("string", 34.0, 34.0, 14.0),
    "circuit": Style("circuit", 26.0, 26.0, 14.0),
    "graph": Style("graph", 34.0, 34.0, 18.0),
}
"""The styles by name."""
