"""Halves: of a picture of both directions the one that runs forward, once the other is seen to be its mirror image.

Where a wire carries a value from one box to another, one must carry its change back from that one to this;
arrays that cannot change have no way back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from lenses.errors import LensError, explain
from lenses.spaces import parse_space

from .scene import Address, Frame, Glyph, Key, Scene, Wire, key

Box = Glyph | Frame
Link = tuple[Address, int, Address | None, Address | None]
"""The graph and the number of a wire, and the boxes at which it starts and ends; None at an end of the graph."""


def forward(scene: Scene) -> Scene:
    """The forward half of a picture of lenses or of a backward pass; raises LensError where the other does not fit."""
    wires = {role: [w for w in scene.wires if w.role == role] for role in ("forward", "backward")}
    if scene.style == "backward":
        there, back = _passes(scene)
        _check_slots(scene)
    else:
        there, back = ([side(box) for box in (*scene.glyphs, *scene.frames)] for side in (_values, _changes))
    _check(there, back, wires["forward"], wires["backward"])
    glyphs = [box for box in there if isinstance(box, Glyph)]
    frames = [box for box in there if isinstance(box, Frame)]
    return dataclasses.replace(scene, glyphs=glyphs, frames=frames, wires=wires["forward"], style="neural")


def _values(box: Box) -> Box:
    """A lens as the box of its values."""
    return dataclasses.replace(
        box, ins=tuple((a[0],) for a in box.ins if a), outs=tuple((a[0],) for a in box.outs if a)
    )


def _changes(box: Box) -> Box:
    """A lens as the box of its changes, which takes those of its outputs."""
    ins, outs = (tuple(tuple(a[1:]) for a in side if len(a) > 1) for side in (box.outs, box.ins))
    return dataclasses.replace(box, ins=ins, outs=outs)


def _passes(scene: Scene) -> tuple[list[Box], list[Box]]:
    """The boxes of the two passes; of two frames around one part the first is that of the pass forward."""
    there: list[Box] = []
    back: list[Box] = []
    for glyph in scene.glyphs:
        if glyph.kind not in ("drop", "grab", "held"):
            (back if glyph.kind.startswith("mirrored") else there).append(glyph)
    seen: set[Address] = set()
    for frame in scene.frames:
        (back if frame.address in seen or frame.kind == "bare" else there).append(frame)
        seen.add(frame.address)
    return there, back


def _links(boxes: Iterable[Box], wires: Iterable[Wire]) -> set[Link]:
    """The links that wires make between boxes."""
    into: dict[tuple[Address, Key], Address] = {}
    away: dict[tuple[Address, Key], Address] = {}
    for box in boxes:
        for side, found in ((box.ins, into), (box.outs, away)):
            found |= {(box.address[:-1], key(p)): box.address for array in side for p in array}
    return {(w.address, w.wire, away.get((w.address, key(w.start))), into.get((w.address, key(w.end)))) for w in wires}


def _check(there: Sequence[Box], back: Sequence[Box], forth: Sequence[Wire], home: Sequence[Wire]) -> None:
    """Raises LensError unless every change comes back the way that its value came."""
    titles = {(w.address, w.wire): w.title for w in forth}
    ways = _links(there, forth)
    within = {box.address for box in back if box.kind == "bare"}  # what a way back is made of
    home = [wire for wire in home if wire.address not in within]
    backwards = {(address, wire, end, start) for address, wire, start, end in _links(back, home)}
    for link in backwards - ways:
        unreadable(titles.get(link[:2], "a change"), "it comes back another way than its value came, or no value came")
    for link in ways - backwards:
        if parse_space(titles[link[:2]])[0].change is not None:
            unreadable(titles[link[:2]], "its change does not come back the way it came")


def _check_slots(scene: Scene) -> None:
    """Raises LensError for a slot that is dropped and never grabbed, or the other way round, and for boxes without
    the one above or below them."""
    kept: dict[str, set[tuple[Any, Address]]] = {"drop": set(), "grab": set()}
    for glyph in scene.glyphs:
        if glyph.kind == "held":
            kept["grab"].add((glyph.text, glyph.address[:-1]))
        elif glyph.kind in kept and dict(glyph.data)["colour"] != "parameter":
            kept[glyph.kind].add((glyph.text, glyph.address))
    for text, _ in kept["drop"] ^ kept["grab"]:
        unreadable(f"the slot {text}", "it is not dropped and grabbed by a box and the one that takes its changes back")


def unreadable(where: str, why: str) -> NoReturn:
    """Refuses to read a picture."""
    raise LensError(explain("this picture cannot be read", wire=where, because=why))
