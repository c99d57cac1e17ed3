"""Wrapping: a long scene is cut into rows, also inside of parts that are opened.

A cut goes through straight wires, dashes and frames alone. What it cuts goes on in the next row, where each wire
says again what it is; a frame is open at its cut sides. Nothing else changes but where things are, so what can be
read off a scene can be read off its rows.
"""

from __future__ import annotations

import dataclasses
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from ..moving import Move
from ..paint import shapes
from ..scene import Address, Curve, Dash, Frame, Glyph, Label, Scene, Wire
from ..shapes import ANCHORS, Shape, Text
from ..text import width
from .emit import left_of, wire_label
from .model import HOOK, PAD, TITLE, Laid

LINES = 26.0
"""The distance between rows."""
TAIL = 8.0
"""How far wires go on behind a cut."""
ROOM = 14.0
"""The least room for the labels at the start of a row."""
OVER = 16.0
"""The room above a wire for what is said over it."""
DEEP = 0.15
"""How much of the width a row may lose for each part that is not broken then."""

AGAIN = 100.0
"""How far from its start a row does not say again what a wire is."""
CLOSE = 1e-6
"""Places that are no further apart are one."""

Span = tuple[float, float]


@dataclasses.dataclass
class Rows:
    """The rows of a picture: the places in one line at which they begin, how far each is moved, and how wide it is."""

    left: float
    starts: list[float]
    shifts: list[float]
    widths: list[float]

    def at(self, x: float) -> tuple[int, float]:
        """In which row and at which place there is what stood at `x` in one line."""
        row = max(bisect_right(self.starts, x) - 1, 0)
        return row, x + self.shifts[row]


def wrapped(scene: Scene, laid: Laid, wrap: float | None) -> Rows:
    """Breaks the scene of a plan that is laid out into rows of at most `wrap` points where it can be broken so."""
    left = left_of(laid)
    if wrap is None or scene.width <= wrap:
        return Rows(left, [left], [0.0], [laid.width])
    cuts = _cuts(scene, laid, left, wrap)
    room = [_room(labels) for _, labels in cuts]
    places = [x for x, _ in cuts]
    rows = Rows(left, [left, *places], [0.0], [])
    rows.shifts += [left + r - x for r, x in zip(room, places, strict=True)]
    pieces = [Scene(0.0, 0.0, scene.style) for _ in rows.starts]
    _Cutter(places, room, pieces).scene(scene)
    for piece, (x, labels) in zip(pieces[1:], cuts, strict=True):
        said = {(label.text, round(label.y, 2)) for label in labels}
        again = [x < other.x < x + AGAIN and (other.text, round(other.y, 2)) in said for other in piece.labels]
        piece.labels = labels + [label for label, twice in zip(piece.labels, again, strict=True) if not twice]
    for piece in pieces:
        _tighten(piece)
    _stack(scene, rows, pieces)
    return rows


def _tighten(piece: Scene) -> None:
    """Makes the frames of broken parts as high as what is in them in this piece."""
    broken = {frame.address: [math.inf, -math.inf] for frame in piece.frames if any(frame.open)}
    if not broken:
        return

    def reaches(address: Address, top: float, bottom: float) -> None:
        for n in range(1, len(address) + 1):
            if address[:n] in broken:
                span = broken[address[:n]]
                span[:] = min(span[0], top), max(span[1], bottom)

    for wire in piece.wires:
        ys = [part[-1] for part in wire.curve]
        reaches(wire.address, min(ys) - OVER, max(ys) + 4.0)
    for dash in piece.dashes:
        ys = [part[-1] for part in dash.curve]
        reaches(dash.address, min(ys), max(ys))
    only = Scene(0.0, 0.0, piece.style, glyphs=piece.glyphs)
    for glyph, group in zip(piece.glyphs, shapes(only), strict=True):
        alone = [span for shape in group.shapes for span in _heights(shape)]
        reaches(glyph.address[:-1], min(alone, default=glyph.y), max(alone, default=glyph.y))
    for k, frame in reversed(list(enumerate(piece.frames))):
        if frame.address in broken and broken[frame.address][0] < math.inf:
            head = PAD if frame.open[0] else PAD + TITLE
            top = max(frame.y, broken[frame.address][0] - head)
            bottom = min(frame.y + frame.height, broken[frame.address][1] + PAD)
            frame = piece.frames[k] = dataclasses.replace(frame, y=top, height=bottom - top)
        reaches(frame.address[:-1], frame.y, frame.y + frame.height)


def _heights(shape: Shape) -> list[float]:
    """The heights between which a shape is."""
    if isinstance(shape, Text):
        return [shape.y - 0.8 * shape.size, shape.y + 0.25 * shape.size]
    return [v for _, *p in shape.curve for v in p[1::2]]


def _room(labels: Sequence[Label]) -> float:
    return max((label.width + 10.0 for label in labels), default=ROOM)


def _stack(scene: Scene, rows: Rows, pieces: Sequence[Scene]) -> None:
    """Puts the pieces below each other into the scene."""
    for name in ("frames", "dashes", "wires", "glyphs", "labels"):
        getattr(scene, name).clear()
    below = 0.0
    right = 0.0
    for k, (piece, shift) in enumerate(zip(pieces, rows.shifts, strict=True)):
        far, top, bottom = _extent(piece)
        rows.widths.append(far + shift - rows.left)
        right = max(right, far + shift)
        down = below + LINES - top if k else 0.0
        Move(shift, down).scene(piece)
        for name in ("frames", "dashes", "wires", "glyphs", "labels"):
            getattr(scene, name).extend(getattr(piece, name))
        below = bottom + down
    scene.width, scene.height = right + PAD, below + PAD


def _extent(piece: Scene) -> tuple[float, float, float]:
    """How far right a piece reaches, and from where down to where."""
    far, top, bottom = 0.0, math.inf, -math.inf
    for group in shapes(piece):
        for shape in group.shapes:
            ys = _heights(shape)
            if isinstance(shape, Text):
                wide = 1.0 - ANCHORS[shape.anchor]
                far = max(far, shape.x + wide * (shape.width or width(shape.text, shape.size, shape.bold)))
            else:
                far = max(far, *(v for _, *p in shape.curve for v in p[::2]))
            top, bottom = min(top, *ys), max(bottom, *ys)
    return far, top, bottom


# -- where to cut ----------------------------------------------------------------------------


def _cuts(scene: Scene, laid: Laid, left: float, wrap: float) -> list[tuple[float, list[Label]]]:
    """The places of the cuts, each with the labels of the wires that it cuts, for the row that begins there."""
    free = _free(scene)
    bodies = sorted((low + high) / 2 for low, high in map(_reach, scene.glyphs))
    depth = _depths(scene.frames)
    labels = _labels(scene, laid)
    cuts: list[tuple[float, list[Label]]] = []
    start, end = left, scene.width - PAD
    room = 0.0
    while bodies and end - start + room > wrap - left:
        least = bodies[min(bisect_right(bodies, start), len(bodies) - 1)]
        most = start + wrap - left - room - TAIL
        cut = None
        for low, high in free[bisect_left(free, (least, 0.0)) :]:
            if low > bodies[-1] or (low > most and cut is not None):
                break
            at = max(low, min(high, most))
            if cut is None or at - DEEP * wrap * depth(at) > cut - DEEP * wrap * depth(cut):
                cut = at
            if low > most:
                break
        if cut is None:
            break
        found = labels(cut)
        cuts.append((cut, found))
        start, room = cut, _room(found)
    return cuts


def _free(scene: Scene) -> list[Span]:
    """The stretches in which nothing but straight lines and frames are, from the left."""
    taken: list[Span] = [*_taken(scene)]
    taken.sort()
    free: list[Span] = []
    edge = taken[0][0] if taken else 0.0
    for low, high in taken:
        if low >= edge - CLOSE:
            free.append((edge, max(low, edge)))
        edge = max(edge, high)
    return free[1:]


def _taken(scene: Scene) -> Iterator[Span]:
    for glyph in scene.glyphs:
        low, high = _reach(glyph)
        yield (glyph.data[1] if glyph.data[:1] == ("stem",) else low), high
    for item in (*scene.wires, *scene.dashes):
        at = item.curve[0][-2]
        for part in item.curve[1:]:
            if part[0] == "C":
                yield at, part[-2]
            at = part[-2]
    for label in scene.labels:
        if label.role == "axis":
            yield label.x - 4.0, label.x + label.width + 4.0
    for frame in scene.frames:
        title = width(frame.text, 10.0, True)
        yield frame.x - 2.0, frame.x + 14.0 + title
        yield frame.x + frame.width - (HOOK if frame.again else 4.0), frame.x + frame.width + 2.0


def _reach(glyph: Glyph) -> Span:
    """From where to where a glyph reaches with its points and strands."""
    xs = [p[0] for array in (*glyph.ins, *glyph.outs) for p in array]
    xs += [thread.curve[k][-2] for thread in glyph.threads for k in (0, -1)]
    return min(glyph.x, *xs, math.inf), max(glyph.x + glyph.width, *xs, -math.inf)


def _depths(frames: Sequence[Frame]) -> Any:
    """The function that says in how many frames, one in the other, a place is at most."""
    ends = sorted([(f.x, 1) for f in frames] + [(f.x + f.width, -1) for f in frames])
    xs = [x for x, _ in ends]
    deep = [0]
    for _, step in ends:
        deep.append(deep[-1] + step)
    return lambda x: deep[bisect_left(xs, x)]


def _labels(scene: Scene, laid: Laid) -> Any:
    """The function that gives the labels of the wires that go through a place."""
    plans: dict[Address, Laid] = {}
    todo = [laid]
    while todo:
        part = todo.pop()
        plans[part.plan.address] = part
        todo += [item.laid for column in part.columns for item in column.items if item.laid is not None]
    wires = sorted(scene.wires, key=lambda wire: wire.start[0])
    starts = [wire.start[0] for wire in wires]
    widest = max((wire.end[0] - wire.start[0] for wire in wires), default=0.0)

    def labels(x: float) -> list[Label]:
        found = []
        for wire in wires[bisect_left(starts, x - widest - CLOSE) : bisect_right(starts, x + CLOSE)]:
            if wire.start[0] - CLOSE <= x <= wire.end[0] + CLOSE:
                label = wire_label(plans[wire.address], (wire.wire, wire.axis), _height(wire.curve, x), False)
                found += [label] if label is not None else []
        room = _room(found)
        return [dataclasses.replace(label, x=x - room + 4.0) for label in found]

    return labels


def _height(curve: Curve, x: float) -> float:
    """The height of a curve at a place where it is straight."""
    return next((part[-1] for part in curve if part[-2] >= x - CLOSE), curve[-1][-1])


# -- cutting ---------------------------------------------------------------------------------


class _Cutter:
    """Puts what is in a scene into the pieces between cuts, in the places that it has in one line."""

    def __init__(self, cuts: Sequence[float], room: Sequence[float], pieces: Sequence[Scene]):
        self.cuts, self.room, self.pieces = cuts, room, pieces

    def scene(self, scene: Scene) -> None:
        """Everything in a scene."""
        for glyph in scene.glyphs:
            self.piece(sum(_reach(glyph)) / 2).glyphs.append(glyph)
        for label in scene.labels:
            middle = label.x + (0.5 - ANCHORS[label.anchor]) * label.width
            self.piece(middle).labels.append(label)
        for wire in scene.wires:
            self.wire(wire)
        for dash in scene.dashes:
            self.dash(dash)
        for frame in scene.frames:
            self.frame(frame)

    def piece(self, x: float) -> Scene:
        """The piece in which a place is."""
        return self.pieces[bisect_left(self.cuts, x)]

    def parts(self, curve: Curve, low: int, high: int) -> Iterator[tuple[int, Curve]]:
        """A curve in the pieces from one to another, with the numbers of these."""
        for k in range(low, high):
            first, curve = _cut(curve, self.cuts[k], self.room[k])
            yield k, first
        yield high, curve

    def wire(self, wire: Wire) -> None:
        low, high = bisect_left(self.cuts, wire.start[0] - CLOSE), bisect_right(self.cuts, wire.end[0] + CLOSE)
        for k, curve in self.parts(wire.curve, low, high):
            role = "breaks" if k < high else wire.role
            self.pieces[k].wires.append(dataclasses.replace(wire, curve=curve, role=role))

    def dash(self, dash: Dash) -> None:
        low, high = bisect_right(self.cuts, dash.curve[0][-2]), bisect_left(self.cuts, dash.curve[-1][-2])
        for k, curve in self.parts(dash.curve, low, max(low, high)):
            self.pieces[k].dashes.append(dataclasses.replace(dash, curve=curve))

    def frame(self, frame: Frame) -> None:
        far = frame.x + frame.width
        low, high = bisect_left(self.cuts, frame.x), bisect_left(self.cuts, far)
        for k in range(low, high + 1):
            x = frame.x if k == low else self.cuts[k - 1] - self.room[k - 1]
            end = far if k == high else self.cuts[k] + TAIL
            open_ = (k > low, k < high)
            self.pieces[k].frames.append(
                dataclasses.replace(
                    frame, x=x, width=end - x, open=open_, text="" if k > low else frame.text,
                    ins=() if k > low else frame.ins, outs=() if k < high else frame.outs,
                )
            )  # fmt: skip


def _cut(curve: Curve, x: float, room: float) -> tuple[Curve, Curve]:
    """A curve up to a place, and from there on."""
    k = next((i for i, (a, b) in enumerate(pairwise(curve)) if b[-2] > x + CLOSE), len(curve) - 1)
    y = curve[k][-1]
    first = [*curve[: k + 1], ("L", x + TAIL, y)]
    rest = [("M", x - room, y), *curve[k + 1 :]]
    if len(rest) == 1 or rest[1][0] == "C":
        rest.insert(1, ("L", x, y))
    if len(first) > 2 and first[-2][0] == "L" and first[-2][-1] == y:
        del first[-2]
    return tuple(first), tuple(rest)
