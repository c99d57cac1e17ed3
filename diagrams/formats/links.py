"""Links: a picture as a graph, its glyphs and the loose ends of its wires as nodes, each array between two an edge.

What an array joins is read off the picture: its strands end at the points of glyphs, or go on in a frame, in a
new line, or nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lenses.errors import FileError, explain

from ..following import broken
from ..scene import Frame, Glyph, Key, Label, Point, Scene, Wire, key

CHANGE = -2
"""The axis of wires that carry changes back beside values."""
SLOTS = ("drop", "grab")
"""Glyphs without wires, which belong to the one before them."""
MEMORY = ("write", "read")
"""Glyphs at which wires end and begin that go through memory."""
NEAR = 10.0
"""How far the name of a loose end is from it."""
FROM_ABOVE = ("parameter", "state")
"""The roles of wires that are no inputs or outputs."""


@dataclass(frozen=True)
class Node:
    """A glyph, or where a wire ends loose (`glyph` is -1 there); `around` are the numbers of the frames around it,
    the outermost first, and `side` is 1 on the right of an equation."""

    name: str
    text: str
    side: int
    around: tuple[int, ...]
    glyph: int = -1


@dataclass(frozen=True)
class Edge:
    """An array from a node to another; `out` and `into` number it at a glyph with several there, else they are None.

    `kind` is "value", "change" (at a lens it leaves from an input, and comes back to an output) or "kept".
    """

    start: str
    end: str
    text: str
    out: int | None = None
    into: int | None = None
    kind: str = "value"


Port = tuple[int, int]
"""A glyph and the number of an array there."""


def sides(scene: Scene) -> Callable[[Point], int]:
    """On which side of the sign of an equation a point lies; 0 in other pictures."""
    sign = next((label for label in scene.labels if label.role == "sign"), None)
    if sign is None:
        return lambda point: 0
    if any(item.x < sign.x for item in (*scene.frames, *scene.glyphs)) or any(
        wire.start[0] < sign.x for wire in scene.wires
    ):
        return lambda point: int(point[0] > sign.x)
    middle = sign.y - 7.0  # of the second part, which ends where the picture does
    return lambda point: int(point[1] > 2 * middle - scene.height)


def links(scene: Scene) -> tuple[list[Node], list[Edge]]:
    """The graph of a scene. Raises FileError where no wire leads to a box."""
    return _Links(scene).found()


class _Links:
    def __init__(self, scene: Scene):
        self.scene, self.side = scene, sides(scene)
        self.owner = [i for i, glyph in enumerate(scene.glyphs) if glyph.kind not in SLOTS]
        self.paired = any(wire.kind in ("arrow", "change arrow", "change") for wire in scene.wires)
        self.ports: list[dict[Key, Port]] = [{}, {}]
        for i in self.owner:
            glyph = scene.glyphs[i]
            for ports, arrays in zip(self.ports, (glyph.ins, glyph.outs), strict=True):
                ports |= {key(p): (i, j) for j, array in enumerate(arrays) for p in array}
        self.loose: dict[Any, tuple[Wire, Point, bool]] = {}
        self.first = {self.part(frame): i for i, frame in reversed(list(enumerate(scene.frames)))}

    def part(self, frame: Frame) -> Any:
        """The part that a frame is around."""
        return self.side(_middle(frame)), frame.address

    def found(self) -> tuple[list[Node], list[Edge]]:
        scene = self.scene
        arrays: dict[Any, Wire | None] = {}
        reached: set[Key] = set()
        for first, last in self.strands():
            reached |= {key(first.start), key(last.end)}
            change = first.axis == CHANGE
            start = self.ports[not change].get(key(first.start)) or self.end(first, first.start, True)
            end = self.ports[change].get(key(last.end)) or self.end(last, last.end, False)
            arrays.setdefault((start, end, change), last)
        for place in self.ports[0].keys() - reached:
            self.touch(place, arrays)
        names: dict[Any, str] = {i: f"g{i}" for i in range(len(scene.glyphs))}
        nodes = [
            Node(f"g{i}", glyph.title or glyph.text, self.side(_middle(glyph)), self.around(glyph), i)
            for i, glyph in enumerate(scene.glyphs)
        ]
        for end, node in self.loose_nodes():
            names[end] = node.name
            nodes.append(node)
        edges = []
        for (start, end, change), wire in arrays.items():
            out, into = self.number(start, not change), self.number(end, change)
            text = "" if wire is None else _text(wire) + ("′" if change and not wire.title.startswith("the ") else "")
            kind = "change" if change or (wire is not None and wire.role == "backward") else "value"
            edges.append(Edge(names[_node(start)], names[_node(end)], text, out, into, kind))
        order = {node.name: k for k, node in enumerate(nodes)}
        edges.sort(key=lambda edge: (order[edge.end], edge.into or 0, order[edge.start], edge.out or 0))
        return nodes, [*edges, *self.slots()]

    def strands(self) -> Iterator[tuple[Wire, Wire]]:
        """The first and the last piece of every strand."""
        wires = self.scene.wires
        onward = dict(broken(wires))
        begins = {key(wire.start): i for i, wire in enumerate(wires)}
        for i, wire in enumerate(wires):
            at = key(wire.end)
            change = wire.axis == CHANGE
            if i not in onward and at not in self.ports[change] and begins.get(at, i) != i:
                onward[i] = begins[at]
        for i in sorted(set(range(len(wires))) - set(onward.values())):
            last = i
            while last in onward:
                last = onward[last]
            yield wires[i], wires[last]

    def end(self, wire: Wire, point: Point, begins: bool) -> Any:
        """Where a strand begins or ends that does so at no point of a glyph: on a body, or loose."""
        if self.paired:
            for i in self.owner:
                if _on(self.scene.glyphs[i], point):
                    return i, None
        which = key(point) if self.paired else (self.side(point), wire.role == "backward", wire.address, wire.wire)
        self.loose.setdefault((begins, which), (wire, point, begins))
        if point[1] < self.loose[begins, which][1][1]:
            self.loose[begins, which] = wire, point, begins
        return begins, which

    def touch(self, place: Key, arrays: dict[Any, Wire | None]) -> None:
        """Adds the array between two glyphs that touch."""
        into, out = self.ports[0][place], self.ports[1].get(place)
        glyph = self.scene.glyphs[into[0]]
        if out is None:
            raise FileError(
                explain(
                    "this picture cannot be written as .dot",
                    wire=f"input {into[1]} of {glyph.title or glyph.text}",
                    because="no wire leads to it",
                    hint="save it as .svg, which shows what is drawn",
                )
            )
        change = self.paired and place == key(glyph.ins[into[1]][-1]) != key(glyph.ins[into[1]][0])
        arrays.setdefault((into, out, True) if change else (out, into, False), None)

    def number(self, end: Any, out: bool) -> int | None:
        """The number of an array at its glyph, where there are several."""
        if isinstance(end[0], bool) or end[1] is None:
            return None
        glyph = self.scene.glyphs[end[0]]
        if glyph.kind == "object":  # arrows have no order there
            return None
        return end[1] if len(glyph.outs if out else glyph.ins) > 1 else None

    def around(self, glyph: Glyph) -> tuple[int, ...]:
        """The frames around a glyph; other frames with such an address are in the other pass or side."""
        frames = self.scene.frames
        inside = [
            i for i in self.within(_middle(glyph)) if glyph.address[: len(frames[i].address)] == frames[i].address
        ]
        return tuple(inside)

    def within(self, point: Point) -> tuple[int, ...]:
        """The frames around a point, the outermost first; of one that is broken into rows, the first."""
        frames = sorted(enumerate(self.scene.frames), key=lambda pair: pair[1].depth)
        return tuple(self.first[self.part(frame)] if frame.open[0] else i for i, frame in frames if _on(frame, point))

    # -- loose ends --------------------------------------------------------------------------
    def loose_nodes(self) -> Iterator[tuple[Any, Node]]:
        """The nodes of loose ends: values from outside and to it, numbered from the top, and their changes."""
        ends = sorted(self.loose.items(), key=lambda e: (self.side(e[1][1]), e[1][1][1], e[1][1][0]))
        values: dict[Any, Node] = {}
        for which in ("in", "out", "from"):
            count = [0, 0]
            for end, (wire, point, begins) in ends:
                if _back(wire) or which != ("from" if wire.role in FROM_ABOVE else "in" if begins else "out"):
                    continue
                side = self.side(point)
                name = f"{'right_' * side}{which}{count[side]}"
                text = self.named(point, wire) if self.paired and wire.name else f"{which}{count[side]}"
                count[side] += 1
                values[end] = Node(name, text, side, self.within(point) if which == "from" else ())
                yield end, values[end]
        for k, (end, (wire, point, begins)) in enumerate(ends):
            if not _back(wire):
                continue
            like = [
                (math.dist(point, there), e)
                for e, (other, there, into) in self.loose.items()
                if e in values and into != begins and self.side(there) == self.side(point)
                and (other.address, other.wire, other.name) == (wire.address, wire.wire, wire.name)
            ]  # fmt: skip
            value = values[min(like, key=lambda pair: pair[0])[1]] if like else None
            name = f"{value.name}_back" if value else f"back{k}"
            text = f"{value.text}′" if value else name
            if self.paired and wire.name:
                text = self.named(point, wire, text)
            yield end, Node(name, text, self.side(point), value.around if value else ())

    def named(self, point: Point, wire: Wire, text: str = "") -> str:
        """What is written beside a loose end."""
        near = [
            (math.dist(point, (label.x, label.y)), label.text)
            for label in self.scene.labels
            if label.text.startswith(wire.name)
            and len(label.text) == len(wire.name) + _back(wire)
            and _close(label, point)
        ]
        return min(near)[1] if near else text or wire.name

    # -- slots -------------------------------------------------------------------------------
    def slots(self) -> Iterator[Edge]:
        """What goes from a box into its slots, from there into other slots of that name, and out of them."""
        owner = 0
        dropped: dict[Any, int] = {}
        written: dict[Any, int] = {}
        for i, glyph in enumerate(self.scene.glyphs):
            if glyph.kind in MEMORY:
                slot = self.side(_middle(glyph)), dict(glyph.data)["slot"]
                if glyph.kind == "write":
                    written[slot] = i
                elif slot in written:
                    yield Edge(f"g{written[slot]}", f"g{i}", "", kind="kept")
            if glyph.kind not in SLOTS:
                owner = i
                continue
            slot = self.side(_middle(glyph)), glyph.text
            if glyph.kind == "drop":
                dropped[slot] = i
                yield Edge(f"g{owner}", f"g{i}", "", kind="kept")
            else:
                if slot in dropped:
                    yield Edge(f"g{dropped[slot]}", f"g{i}", "", kind="kept")
                yield Edge(f"g{i}", f"g{owner}", "", kind="kept")


def _node(end: Any) -> Any:
    return end if isinstance(end[0], bool) else end[0]


def _back(wire: Wire) -> bool:
    return wire.axis == CHANGE or wire.role == "backward"


def _middle(item: Glyph | Frame) -> Point:
    return item.x + item.width / 2, item.y + item.height / 2


def _on(item: Glyph | Frame, point: Point) -> bool:
    """Whether a point lies in a body or on its edge."""
    right, down = point[0] - item.x, point[1] - item.y
    return -0.5 <= right <= item.width + 0.5 and -0.5 <= down <= item.height + 0.5


def _close(label: Label, point: Point) -> bool:
    return math.dist(point, (label.x, label.y)) < NEAR


def _text(wire: Wire) -> str:
    return wire.title or "=".join(part for part in (wire.name, str(wire.size) if wire.axis >= 0 else "") if part)
