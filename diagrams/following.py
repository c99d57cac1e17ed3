"""Following: which wires are one strand, run on past boxes, into frames and out of them, over copies and sums, and
in a new line, and through memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from networkx.utils import UnionFind

from .scene import Address, Glyph, Point, Scene, Wire, key

PASSES = ("pass", "meet", "begin")
"""The kinds of threads inside a box through which a strand goes on; in a cup or at a body it ends."""
MEETING = ("lens copy", "lens sum")
"""Glyphs of lenses in which all values are one strand, and all changes."""


def strands(scene: Scene) -> list[int]:
    """For each wire of a scene the number of the strand that it belongs to, in the order in which they begin."""
    joined: UnionFind = UnionFind()
    for wire in scene.wires:
        joined.union(key(wire.start), key(wire.end))
    for i, j in broken(scene.wires):
        joined.union(key(scene.wires[i].end), key(scene.wires[j].start))
    for glyph in scene.glyphs:
        for start, end in _through(glyph):
            joined.union(key(start), key(end))
    for into, away in remembered(scene.glyphs):
        joined.union(key(into), key(away))
    numbers: dict[object, int] = {}
    return [numbers.setdefault(joined[key(wire.start)], len(numbers)) for wire in scene.wires]


def remembered(glyphs: Sequence[Glyph]) -> Iterator[tuple[Point, Point]]:
    """For each strand that goes through memory, the point at which it is written and that at which it is read."""
    written = {_slot(glyph): glyph for glyph in glyphs if glyph.kind == "write"}
    for glyph in glyphs:
        if glyph.kind == "read" and _slot(glyph) in written:
            yield from zip(written[_slot(glyph)].ins[0], glyph.outs[0], strict=True)


def _slot(glyph: Glyph) -> tuple[Address, str]:
    return glyph.address[:-1], dict(glyph.data)["slot"]


def broken(wires: Sequence[Wire]) -> Iterator[tuple[int, int]]:
    """Pairs of the numbers of wires of which the first ends where its line does and the second goes on in the next."""
    open_: dict[object, int] = {}
    for i, wire in enumerate(wires):
        which = wire.address, wire.wire, wire.axis
        if which in open_:
            yield open_.pop(which), i
        if wire.role == "breaks":
            open_[which] = i


def _through(glyph: Glyph) -> Iterator[tuple[Point, Point]]:
    """The pairs of points that strands join inside a glyph."""
    for thread in glyph.threads:
        if thread.kind in PASSES:
            yield thread.curve[0][-2:], thread.curve[-1][-2:]  # type: ignore[misc]
    if glyph.kind == "lens wire":
        for into, away in zip(glyph.ins, glyph.outs, strict=True):
            yield from zip(into, away, strict=True)
    elif glyph.kind in MEETING:
        first, *others = (*glyph.ins, *glyph.outs)
        for array in others:
            yield from zip(first, array, strict=True)
