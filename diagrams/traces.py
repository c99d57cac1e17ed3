"""Delayed traces: the step of a causal map, and each wire of its state fed back over it, through a delay.

What leaves the step on a wire of the state goes to a box on the way back, in which the initial value is written,
and comes in again one step later.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from lenses.boxes.lookup import Constant
from lenses.boxes.structure import Zero
from lenses.causal import Causal
from lenses.errors import LensError, explain
from lenses.spaces import Array
from lenses.terms import Box, Identity, Par, Term, tensor

from .glyphs import Kind
from .halves import unreadable
from .moving import Move
from .scene import Curve, Glyph, Label, Point, Scene, Wire, key
from .styles import STYLES
from .text import clip, width

ABOVE: tuple[int, ...] = (-1,)
"""The address of what is above the step, and no part of its term."""
HIGH = 20.0
"""The height of the body of a delay."""
LINE = 12.0
"""The distance of neighbouring strands on their way back."""
ROOM = 18.0
"""The space between what is fed back on one wire and on the next, where the initial value is written."""
TURN = 8.0
"""The radius of the corners."""

Kind("delay", "delay")


def delays_of(f: Causal) -> list[Term]:
    """The initial state, a term a wire; where it does not fall apart the whole, and then none for the other wires."""
    factors = list(f.initial.factors) if isinstance(f.initial, Par) else [f.initial]
    if f.width_at(0) and all(t.arity == (0, 1) for t in factors):
        return factors
    return [f.initial, *[Identity(0)] * (f.width_at(0) - 1)][: f.width_at(0)]


def said(initial: Term) -> str:
    """An initial value in words."""
    if isinstance(initial, Zero):
        return "0"
    if isinstance(initial, Constant) and len(set(initial.values)) == 1:
        return f"{initial.values[0]:g}"
    return clip(repr(initial), 28) if isinstance(initial, Box) or initial.arity[1] else ""


def fed_back(scene: Scene, f: Causal, style: str) -> Scene:
    """The scene of the step with each strand of the state led back over it."""
    arrays, look = list(f.state), STYLES[style]
    slots = [len(look.slots(array)) for array in arrays]
    left, right = _edge(scene, 0), _edge(scene, 1)
    starts, ends = _boundary(scene, 0, left)[: sum(slots)], _boundary(scene, 1, right)[: sum(slots)]
    heights, y = [], 0.0
    for many in slots:
        y -= ROOM + max(HIGH, LINE * (many - 1) + TURN)
        heights.append([y + HIGH / 2 - LINE * (k - (many - 1) / 2) for k in range(many)])
    up = -y + (ROOM if slots else 0.0)
    aside = TURN + LINE * sum(slots)
    Move(aside, up).scene(scene)
    scene.width, scene.height, scene.style = scene.width + 2 * aside, scene.height + up, "causal"
    middle, at = (left + right) / 2 + aside, 0
    for number, (array, many, initial) in enumerate(zip(arrays, slots, delays_of(f), strict=True)):
        text = "delay"
        half = (width(text, 11.0) + 14.0) / 2
        ys = [h + up for h in heights[number]]
        ins, outs = [(middle + half, h) for h in ys], [(middle - half, h) for h in ys]
        body = (middle - half, min(ys) - HIGH / 2, 2 * half, max(ys) - min(ys) + HIGH)
        title = f"delay of {array!r}, {initial!r} at first"
        scene.glyphs.append(
            Glyph("delay", *body, text, title, (*ABOVE, number), initial, (tuple(ins),), (tuple(outs),))
        )
        note = said(initial)
        if note:
            note = f"{note} at first"
            scene.labels.append(Label(note, middle, body[1] - 4.0, "middle", 10.0, "note", title, width(note, 10.0)))
        for k in range(many):
            out = LINE * (at + k + 1)
            (x, y), (far, z) = ends[at + k], starts[at + k]
            back = _around((x + aside, y + up), x + aside + out, ins[k])
            into = _turned(_around((far + aside, z + up), far + aside - out, outs[k]))
            for curve, kind in ((back, look.kind(array, look.slots(array)[k])), (into, "arrow")):
                scene.wires.append(_wire(kind, number, look.slots(array)[k], array, curve))
        at += many
    return scene


def _wire(kind: str, number: int, slot: int, array: Array, curve: Curve) -> Wire:
    name, size = (array.names[slot] or "", array.sizes[slot]) if slot >= 0 else ("", 0)
    return Wire(kind, number, slot, name, size, curve, ABOVE, title=repr(array))


def _edge(scene: Scene, side: int) -> float:
    """The left (side 0) or right edge of the step, where the strands of its inputs begin, or of its outputs end."""
    xs = [(w.start if side == 0 else w.end)[0] for w in scene.wires if w.address == ()]
    chosen: Callable[[Sequence[float]], float] = min if side == 0 else max
    return chosen(xs) if xs else (0.0 if side == 0 else scene.width)


def _boundary(scene: Scene, side: int, x: float) -> list[Point]:
    """The points at that edge, from the top."""
    points = [w.start if side == 0 else w.end for w in scene.wires if w.address == ()]
    return sorted((p for p in points if abs(p[0] - x) < 0.01), key=lambda p: p[1])


def _around(start: Point, far: float, end: Point) -> Curve:
    """From a point on to `far`, around two corners, and back to a point above."""
    (x, y), (tx, ty) = start, end
    sign = 1.0 if far > x else -1.0
    r, c = TURN, 0.45 * TURN
    return (
        ("M", x, y),
        ("L", far - sign * r, y),
        ("C", far - sign * c, y, far, y - c, far, y - r),
        ("L", far, ty + r),
        ("C", far, ty + c, far - sign * c, ty, far - sign * r, ty),
        ("L", tx, ty),
    )


def _turned(curve: Curve) -> Curve:
    """The curve the other way round."""
    made: list[tuple[Any, ...]] = [("M", *curve[-1][-2:])]
    for before, piece in zip(curve[-2::-1], curve[:0:-1], strict=True):
        bends = (*piece[3:5], *piece[1:3]) if piece[0] == "C" else ()
        made.append((piece[0], *bends, *before[-2:]))
    return tuple(made)


def opened(scene: Scene) -> tuple[Scene, Term]:
    """The step in a picture of a causal map, and the initial state; raises LensError where a wire is not fed back."""
    step = dataclasses.replace(
        scene,
        style="string",
        wires=[w for w in scene.wires if w.address != ABOVE],
        glyphs=[g for g in scene.glyphs if g.address[:1] != ABOVE],
    )
    delays = sorted((g for g in scene.glyphs if g.address[:1] == ABOVE), key=lambda g: g.address)
    loops = [w for w in scene.wires if w.address == ABOVE]
    left, right = (_boundary(step, side, _edge(step, side)) for side in (0, 1))
    at = 0
    for delay in delays:
        for into, away in zip(delay.ins[0], delay.outs[0], strict=True):
            begin, end = right[at : at + 1], left[at : at + 1]
            if not (_led(loops, begin, into) and _led(loops, [away], *end)):
                unreadable(f"the {delay.title}", "what leaves the step does not come back to it there")
            at += 1
    return step, tensor(*[g.box for g in delays])


def _led(loops: Sequence[Wire], start: Sequence[Point], *end: Point) -> bool:
    """Whether one of the wires goes from a point to another."""
    return any(key(w.start) == key(p) and key(w.end) == key(q) for w in loops for p in start for q in end)


def drawable(f: Causal) -> Causal:
    """The causal map if it can be drawn; raises LensError otherwise."""
    if f.first:
        raise LensError(
            explain("draw: a causal map whose first steps differ", because="the picture has one step",
                    do="draw its unrolling, f.unroll(4)")
        )  # fmt: skip
    f.domain("draw")
    return f
