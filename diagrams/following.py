"""Following: which wires are one strand, run on past boxes, into frames and out of them, and over copies and sums."""

from __future__ import annotations

from networkx.utils import UnionFind

from .scene import Point, Scene

PASSES = ("pass", "meet", "begin")
"""The kinds of threads inside a box through which a strand goes on; in a cup or at a body it ends."""


def strands(scene: Scene) -> list[int]:
    """For each wire of a scene the number of the strand that it belongs to, in the order in which they begin."""
    joined: UnionFind = UnionFind()
    for wire in scene.wires:
        joined.union(_key(wire.start), _key(wire.end))
    for glyph in scene.glyphs:
        for thread in glyph.threads:
            if thread.kind in PASSES:
                start: Point = thread.curve[0][-2:]  # type: ignore[assignment]
                end: Point = thread.curve[-1][-2:]  # type: ignore[assignment]
                joined.union(_key(start), _key(end))
    numbers: dict[object, int] = {}
    return [numbers.setdefault(joined[_key(wire.start)], len(numbers)) for wire in scene.wires]


def _key(point: Point) -> tuple[int, int]:
    return round(point[0] * 100), round(point[1] * 100)
