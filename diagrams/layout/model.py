"""What a layout is made of: rows, items, columns, and plans with their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lenses.spaces import Array

from ..grouping import together
from ..plan import Node, Plan
from ..scene import Address
from ..styles import Style
from ..text import width

PAD = 10.0
"""The space around what is inside a frame."""
HOOK = 20.0
"""The space beside the brackets of a repeat, for the arrows of what is carried on."""
TITLE = 16.0
"""The height of a frame's title."""
CLEAR = 3.0
"""The space between a frame and the dashes above and below it."""
TALL = 4.0
"""How much more room a label takes that is bold or has a bar over it, under a dash."""

OVER = 22.0
"""The room over a wire for a function that floats over it."""

SLACK = 20.0
"""How much further apart than evenly wires come into a frame, if that keeps them straight."""

Slot = tuple[int, int]
"""A strand between columns: (wire, axis), with -1 for a number, an index or a whole array."""


@dataclass
class Row:
    """A height in a column: the strand that comes in there and the one that leaves, and the room around it."""

    into: Slot | None = None
    out: Slot | None = None
    up: float = 0.0
    down: float = 0.0
    y: float = 0.0


@dataclass
class Item:
    """What stands in a column: a node with its rows, or a wire that passes; `laid` is the part inside, if opened."""

    node: Node | None
    wires: tuple[int, ...]
    rows: list[Row]
    laid: Laid | None = None

    @property
    def ins(self) -> tuple[int, ...]:
        """The wires that come in."""
        return self.wires if self.node is None else self.node.ins

    @property
    def arriving(self) -> tuple[int, ...]:
        """The wires that come in, from the top."""
        node = self.node
        turned = node is not None and node.glyph == "plus" and node.turned is not None
        return tuple(node.ins[i] for i in node.turned) if turned else self.ins  # type: ignore[union-attr]


@dataclass
class Column:
    """A column of items between two gaps.

    `order` are the wires in the gap before it, from the top; `before` and `after` the heights of all
    strands on its two sides. `labels` are the strands that are labelled in the gap after it, and
    `curve` the width of the part of the gap before it in which wires bend.
    """

    items: list[Item]
    order: list[int]
    before: dict[Slot, float] = field(default_factory=dict)
    after: dict[Slot, float] = field(default_factory=dict)
    x: float = 0.0
    width: float = 0.0
    curve: float = 0.0
    labels: list[Slot] = field(default_factory=list)
    label_width: float = 0.0


@dataclass
class Laid:
    """A plan with its places, relative to its left edge and the height of its first input.

    `ins` and `outs` are the heights of its ends; `labelled` the ends (number, axis) that carry a label
    close to the right edge; `side` the room for what is drawn at the sides of its frame; `parts` the parts
    inside, by the heights at which wires come to them.
    """

    plan: Plan
    style: Style
    arrays: dict[int, Array]
    framed: bool
    side: float = PAD
    columns: list[Column] = field(default_factory=list)
    width: float = 0.0
    top: float = 0.0
    bottom: float = 0.0
    ins: list[dict[int, float]] = field(default_factory=list)
    outs: list[dict[int, float]] = field(default_factory=list)
    labelled: set[tuple[int, int]] = field(default_factory=set)
    parts: dict[tuple[Address, tuple[float, ...]], Laid] = field(default_factory=dict)

    def slots(self, wire: int) -> tuple[int, ...]:
        """The strands of a wire's array."""
        return self.style.slots(self.arrays[wire])

    def label(self, wire: int, slot: int, first: bool) -> str:
        """What is written over a strand: its size too at an input, and where its axis is not as long as that was."""
        array = self.arrays[wire]
        if slot >= 0 and array.names[slot]:
            sizes = together(array, slot)
            first = first or self.sizes.get(array.names[slot], sizes) != sizes
        return self.style.label(array, slot, first)

    def label_width(self, wire: int, slot: int, first: bool) -> float:
        """The width of what is written over a strand, 0 where it is nothing."""
        return width(self.label(wire, slot, first), self.style.label_size, self.bold(wire, slot))

    def between(self, wire: int, missing: int = 0) -> float:
        """The distance of an array's first strand from the array above it, with `missing` axes of it between them."""
        array, (first, *_) = self.arrays[wire], self.slots(wire)
        tall = self.bold(wire, first) or (first >= 0 and array.names[first] in self.style.bars)
        return self.style.array + self.style.axis * missing + TALL * tall

    def bold(self, wire: int, slot: int) -> bool:
        """Whether that is bold: where several axes are drawn as one."""
        return self.style.kind(self.arrays[wire], slot) == "axes"

    @cached_property
    def sizes(self) -> dict[str | None, tuple[int, ...]]:
        """The sizes of the named axes where they first come in."""
        found: dict[str | None, tuple[int, ...]] = {}
        for array in (*self.plan.dom, *(a for node in self.plan.nodes for a in node.cod)):
            for k, name in enumerate(array.names):
                found.setdefault(name, together(array, k))
        return found

    @cached_property
    def memory(self) -> list[tuple[Array, int, int]]:
        """The arrays in named slots, each with the columns in which it is written and read."""
        nodes = [(k, item.node) for k, column in enumerate(self.columns) for item in column.items if item.node]
        written = {node.text: (node.dom[0], k) for k, node in nodes if node.glyph == "write"}
        return [(*written[node.text], k) for k, node in nodes if node.glyph == "read"]

    def stack(self, wires: list[int], at: Sequence[float] = (), missing: Sequence[int] = ()) -> dict[Slot, float]:
        """Heights for wires below each other: evenly, or nearly at given ones, so that they need not bend.

        `missing` is how many axes of each end above it at the frame.
        """
        heights: dict[Slot, float] = {}
        y = -self.between(wires[0]) if wires else 0.0
        for n, w in enumerate(wires):
            for k, s in enumerate(self.slots(w)):
                gap = self.style.axis if k else self.between(w, missing[n] if missing and n else 0)
                i = len(heights)
                y += min(max(gap, at[i] - at[i - 1]), gap + SLACK) if i and at else gap
                heights[w, s] = y
        return heights
