"""Painting: the shapes of a scene, from the back to the front."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .curves import arrow_head, circle, line, parallel, pointed, rectangle, rounded
from .following import strands
from .glyphs import DOT, Kind, filled
from .scene import Curve, Dash, Frame, Glyph, Key, Label, Mark, Point, Scene, Wire, key
from .shapes import Group, Shape, Stroke, Text


def shapes(scene: Scene) -> Iterator[Group]:
    """The groups of a scene, from the back to the front."""
    threads = iter(strands(scene))
    open_ = {key(p) for frame in scene.frames for array in (*frame.ins, *frame.outs) for p in array}
    ends = {key(p) for wire in scene.wires if wire.kind == "axes" for p in (wire.start, wire.end)}
    for item in scene.items():
        if isinstance(item, Frame) and item.kind == "bare":
            continue
        elif isinstance(item, Frame):
            place = " ".join(f"{value:.2f}" for value in (item.x, item.y, item.width, item.height))
            facts = [("address", _address(item.address)), ("place", place)]
            yield Group("frame", tuple(_frame(item)), item.title, tuple(facts))
        elif isinstance(item, Dash):
            yield Group("dash", (Stroke(item.curve, "ink", None, 1.4, (7.5, 6.0)),))
        elif isinstance(item, Wire):
            facts = [("name", item.name)] if item.name else []
            facts.append(("thread", str(next(threads))))
            facts.append(("address", _address(item.address)))
            yield Group("wire", tuple(_wire(item, key(item.end) in open_)), item.title, tuple(facts))
        elif isinstance(item, Glyph):
            doubles = {key(p) for p in _ports(item)} & ends
            facts = [("pair", dict(item.data)["slot"])] if item.kind in SLOTS else []
            facts = [("address", _address(item.address)), *facts]
            yield Group("glyph", tuple(_glyph(item, doubles)), item.title, tuple(facts))
        elif isinstance(item, Mark):
            yield Group("mark", item.shapes, item.title, (("address", _address(item.address)),))
        else:
            yield Group("label", (_label(item),), item.title if item.title != item.text else "")


def _address(address: tuple[int, ...]) -> str:
    return ".".join(map(str, address))


def _frame(frame: Frame) -> Iterator[Shape]:
    x, y, w, h = frame.x, frame.y, frame.width, frame.height
    tint = f"tint{frame.depth % 4}"
    left, right = frame.open
    inset = 3.0 if frame.kind == "repeat" else 1.0
    start, end = x + inset * (not left), x + w - inset * (not right)
    shut = not (left or right)
    border = "quiet" if shut and frame.kind != "repeat" else None
    body = rounded(start, y, end - start, h, 4.0 if border else 6.0) if shut else rectangle(start, y, end - start, h)
    yield Stroke(body, border, tint, 0.6 if border else 1.0)
    if frame.kind == "repeat":
        for side, inward in [(start, 5.0)] * (not left) + [(end, -5.0)] * (not right):
            curve = (
                ("M", side + inward, y), ("C", side, y + 6.0, side, y + 8.0, side, y + 16.0),
                ("L", side, y + h - 16.0), ("C", side, y + h - 8.0, side, y + h - 6.0, side + inward, y + h),
            )  # fmt: skip
            yield Stroke(curve, "ink", None, 1.8)
        for i, j in frame.again:
            for ports, k, enters in ((frame.ins, i, True), (frame.outs, j, False)):
                for point in ports[k] if ports else ():
                    yield from _hook(point, 1 if point[0] < x + w / 2 else -1, enters)
    elif not shut:
        sides = [(start, y, start, y + h)] * (not left) + [(end, y, end, y + h)] * (not right)
        for a, b, c, d in ((start, y, end, y), (start, y + h, end, y + h), *sides):
            yield Stroke(line((a, b), (c, d)), "quiet", None, 0.6)
    if frame.text:
        yield Text(frame.text, x + 12.0, y + 12.5, 10.0, bold=True, width=0.0)


def _hook(point: Point, inward: int, enters: bool) -> Iterator[Shape]:
    """An arrow at a side of a repeat: what a step hands on leaves there downwards, and enters from above."""
    x, y = point
    near, far = x + 5.0 * inward, x + 18.0 * inward
    curve: Curve = (("M", far, y), ("C", (near + far) / 2, y, near + 2.0 * inward, y + 3.0, near, y + 9.0))
    if enters:
        curve = (("M", near, y - 9.0), ("C", near + 2.0 * inward, y - 3.0, (near + far) / 2, y, far, y))
    yield Stroke(curve, "quiet", None, 0.9)
    yield filled(pointed(curve, 3.6), "quiet")


COLOURS = {"backward": "backward", "parameter": "parameter", "state": "state", "note": "quiet"}
"""The colours of wires and labels by what they carry or say; the others are in ink."""
APART = 1.5
"""How far each line of a double wire is from its middle."""
SLOTS = ("drop", "grab", "held", "write", "read")
"""The glyphs of which those of one slot belong together."""
HEADS = {"scalar": 4.0, "index": 5.0, "arrow": 4.5, "change arrow": 4.5}
"""The sizes of the arrow heads in which wires of these kinds end."""


def _wire(wire: Wire, goes_on: bool) -> Iterator[Shape]:
    """A wire; `goes_on`: at a frame, on whose other side there is more of it."""
    colour = COLOURS.get(wire.role, "ink")
    thin = 0.8 if wire.kind == "scalar" else 1.0
    if wire.kind == "axes":
        yield from _double(wire.curve, colour)
        return
    yield Stroke(wire.curve, colour, None, thin, (4.0, 2.5) if wire.kind.startswith("change") else None)
    if wire.kind in HEADS and not (goes_on and wire.kind in ("scalar", "index")):
        yield filled(pointed(wire.curve, HEADS[wire.kind]), colour)


def _double(curve: Curve, colour: str) -> Iterator[Shape]:
    """Two lines beside each other: several axes that are drawn as one."""
    for aside in (-APART, APART):
        yield Stroke(parallel(curve, aside), colour, None, 1.0)


def _ports(glyph: Glyph) -> Iterator[Point]:
    return (p for array in (*glyph.ins, *glyph.outs) for p in array)


def _glyph(glyph: Glyph, doubles: set[Key]) -> Iterator[Shape]:
    """A glyph with its threads, double where they lead to one of the points `doubles`."""
    kind = Kind.looks[glyph.kind]
    ink = getattr(kind, "strands", "ink")
    dots: dict[tuple[float, float], None] = {}
    for thread in glyph.threads:
        start: Any = thread.curve[0][-2:]
        end: Any = thread.curve[-1][-2:]
        if thread.kind not in ("stub", "stem") and doubles & {key(start), key(end)}:
            yield from _double(thread.curve, ink)
        else:
            yield Stroke(thread.curve, ink, None, 1.0)
        if thread.kind in ("meet", "end"):
            dots[end] = None
        elif thread.kind == "begin":
            yield Stroke(circle(start[0], start[1], DOT - 0.6), ink, "paper")
        elif thread.kind == "stub":
            head = arrow_head(end[0], end[1], 5.0) if end[0] >= start[0] else pointed(thread.curve, 5.0)
            yield filled(head, ink)
    for dot in dots:
        yield filled(circle(dot[0], dot[1], DOT), ink)
    yield from kind.shapes(glyph)


def _label(label: Label) -> Text:
    colour = COLOURS.get(label.role, "ink")
    look = (colour, label.bold, label.italic, label.width, label.bars)
    return Text(label.text, label.x, label.y, label.size, label.anchor, *look)
