"""Reading: from a scene back to the term that it shows, by where its wires begin and end.

A wire joins two boxes where its ends lie on points of theirs. Nothing else is used but the data of
each box, so a picture from which an equal term is read has lost nothing and invented nothing.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from lenses.boxes.structure import Copy
from lenses.causal import Causal
from lenses.combinators.parametrised import para
from lenses.errors import LensError, explain
from lenses.terms import Term
from lenses.wiring import Builder

from .closing import closed_lens
from .following import remembered
from .halves import forward, unreadable
from .scene import Address, Frame, Glyph, Key, Point, Scene, Wire, key
from .sides import DROP, GRAB
from .traces import opened

MEMORY = ("write", "read")
"""The glyphs between which a wire goes on through memory: no boxes of a term."""


def read(scene: Scene) -> Any:
    """The term that a scene shows, equal to the one that was drawn.

    Of a picture of lenses or of a backward pass it is the term whose lens or passes are drawn, of one of a learner
    its closed lens, of one of a causal map that map, without its type. Raises LensError where a wire leads nowhere,
    where the way back is not that of the way there, and for pictures of functions and of schemas.
    """
    if scene.style == "schema":
        raise LensError(explain("the picture of a schema is read as no term", objects=[g.text for g in scene.glyphs]))
    if scene.style == "causal":
        step, initial = opened(scene)
        return Causal(initial, read(step))
    if scene.style in ("learner", "dreamer"):
        half = forward(dataclasses.replace(scene, wires=[wire for wire in scene.wires if wire.address]))
        return closed_lens(scene, lambda box: _read(box.address, *_by_address(half)))
    if scene.style in ("lens", "backward"):
        scene = forward(scene)
    boxes, wires, through = _by_address(scene)
    sides = {glyph.address[:-1] for glyph in scene.glyphs if glyph.kind in (GRAB, DROP)}
    top = min(sides, key=len, default=())
    if boxes[top[:-1]]:  # what has sides is a part among others
        return _read((), boxes, wires, through)
    inside = _read(top, boxes, wires, through)
    tags = [box for box in boxes[top] if box.kind in (GRAB, DROP)]
    return para(inside, _numbered(tags, "port"), _numbered(tags, "change")) if top else inside


def _by_address(scene: Scene) -> tuple[dict[Address, list[Any]], dict[Address, list[Wire]], dict[Key, Key]]:
    """The boxes and the wires of a scene by the graph that they are in, and where wires go on through memory."""
    boxes: dict[Address, list[Glyph | Frame]] = defaultdict(list)
    for item in (*scene.glyphs, *_whole(scene.frames)):
        boxes[item.address[:-1]].append(item)
    through = {key(away): key(into) for into, away in remembered(scene.glyphs)}
    wires: dict[Address, list[Wire]] = defaultdict(list)
    for wire in scene.wires:
        wires[wire.address].append(wire)
    return boxes, wires, through


def _numbered(tags: Iterable[Any], what: str) -> list[Any]:
    """The ports, or the names of changes, that tags stand for, in their order."""
    found = {number: tag.box for tag in tags for name, number in tag.data if name == what}
    return [found[k] for k in sorted(found)]


def _grabbed(grabs: Sequence[Glyph], builder: Builder, ports: Sequence[Any]) -> dict[Key, Any]:
    """The wires of parameters by the points at which they are grabbed."""
    copies: dict[int, Sequence[Any]] = {}
    carried: dict[Key, Any] = {}
    for grab in grabs:
        number, use, uses = (dict(grab.data)[name] for name in ("port", "use", "uses"))
        if number not in copies:
            copies[number] = builder.apply(Copy(uses), [ports[number]]) if uses > 1 else (ports[number],)
        carried |= {key(p): copies[number][use] for p in grab.outs[0]}
    return carried


def _whole(frames: Iterable[Frame]) -> Iterable[Frame]:
    """The frames, those that are broken into rows each as one with the points of both ends."""
    found: dict[Address, Frame] = {}
    for frame in frames:
        first = found.get(frame.address, frame)
        found[frame.address] = first if first is frame else dataclasses.replace(first, outs=frame.outs)
    return found.values()


def _read(
    address: Address, boxes: dict[Address, list[Any]], wires: dict[Address, list[Wire]], through: dict[Key, Key]
) -> Term:
    every = sorted(boxes[address], key=lambda item: item.address)
    grabs, drops = ([box for box in every if box.kind == kind] for kind in (GRAB, DROP))
    here = [box for box in every if not isinstance(box, Glyph) or box.kind not in (*MEMORY, GRAB, DROP)]
    strands = _joined(wires[address])
    origin = {key(end): key(start) for start, end, _ in strands}
    origin = {end: origin.get(through[start], start) if start in through else start for end, start in origin.items()}
    made: set[Key] = {key(p) for box in every for array in box.outs for p in array}
    used: set[Key] = {key(p) for box in every for array in box.ins for p in array}
    inputs = _ends(strands, 0, made)
    outputs = _ends(strands, 1, used)
    ports = len(_numbered(grabs, "port"))
    builder = Builder(ports + len(inputs))
    given = builder.wires()
    carried: dict[Key, Any] = {p: w for w, points in zip(given[ports:], inputs, strict=True) for p in points}
    carried |= _grabbed(grabs, builder, given[:ports])

    def arrives(points: Iterable[Key], where: str) -> Any:
        points = list(points)
        found = [carried[origin[p]] for p in points if p in origin and origin[p] in carried]
        if not found or len(found) < len(points):
            unreadable(where, "no wire leads to it")
        if len({w.number for w in found}) != 1:
            unreadable(where, "strands of several arrays lead to it")
        return found[0]

    for box in here:
        ins = [arrives(map(key, array), f"input {i} of {box.title}") for i, array in enumerate(box.ins)]
        term = box.box
        if not isinstance(term, Term):
            raise LensError(
                explain("this picture cannot be read", box=box.title, because="it was not drawn from a term alone")
            )
        if isinstance(box, Frame):
            inside = _read(box.address, boxes, wires, through)
            if "term" in getattr(term, "fields", {}):  # other parts make their inner term of several
                term = type(term)(**(term.fields | {"term": inside}))  # type: ignore[attr-defined]
        for array, wire in zip(box.outs, builder.apply(term, ins), strict=True):
            carried |= {key(p): wire for p in array}
    changes = [(dict(drop.data)["change"], drop) for drop in drops]
    dropped = [arrives(map(key, drop.ins[0]), drop.title) for _, drop in sorted(changes, key=lambda pair: pair[0])]
    return builder.term([*dropped, *(arrives(points, f"output {k}") for k, points in enumerate(outputs))])


def _joined(wires: Iterable[Wire]) -> list[tuple[Point, Point, int]]:
    """Where each strand begins and ends, and its array; the pieces of one that goes on in a new line are joined."""
    open_: dict[tuple[int, int], Point] = {}
    found = []
    for wire in wires:
        start = open_.pop((wire.wire, wire.axis), wire.start)
        if wire.role == "breaks":
            open_[wire.wire, wire.axis] = start
        else:
            found.append((start, wire.end, wire.wire))
    return found


def _ends(strands: list[tuple[Point, Point, int]], side: int, inside: set[Key]) -> list[list[Key]]:
    """The points on the left (side 0) or right boundary, an array each, from the top."""
    arrays: dict[int, list[Point]] = defaultdict(list)
    for strand in strands:
        point: Point = strand[side]  # type: ignore[assignment]
        if key(point) not in inside:
            arrays[strand[2]].append(point)
    ordered = sorted(arrays.values(), key=lambda points: min(y for _, y in points))
    return [[key(p) for p in points] for points in ordered]
