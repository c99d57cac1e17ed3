"""Diagrams of arrows: a schema's objects on a circle, its arrows between them, and its equations below.

Arrows between the same two objects bend away from each other, the one that goes back on the other side; those from
an object to itself are loops on its outer side.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

from lenses.schemas.schema import Arrow, Schema

from .glyphs.objects import SIZE
from .moving import Move
from .scene import Curve, Glyph, Label, Point, Scene, Wire
from .text import width

APART = 110.0
"""The least distance of neighbouring objects."""
GAP = 6.0
"""The space around a name, at whose edge arrows end."""
BEND = 26.0
"""How far arrows between the same two objects are apart in the middle."""
LOOP = 44.0
"""How far a loop reaches."""
NAME = 12.0
"""The size of the names of arrows."""
PAD = 14.0
"""The space around everything."""
LINE = 17.0
"""The height of a line of equations."""

Place = dict[str, Point]


def draw_schema(schema: Schema) -> Scene:
    """The picture of a schema as a graph, with its equations below."""
    places = _places(schema)
    scene = Scene(0.0, 0.0, "schema")
    for i, (name, (x, y)) in enumerate(places.items()):
        wide, high = width(name, SIZE) + 2 * GAP, 1.3 * SIZE + GAP
        glyph = Glyph("object", x - wide / 2, y - high / 2, wide, high, name, name, (i,), None)
        scene.glyphs.append(glyph)
    bodies = {glyph.text: glyph for glyph in scene.glyphs}
    for k, (arrow, curve, middle, aside) in enumerate(_curves(schema, places, bodies)):
        scene.wires.append(Wire("arrow", k, -1, arrow.name, 1, curve, (), "forward", str(arrow)))
        scene.labels.append(_beside(arrow, middle, aside))
    for i, glyph in enumerate(scene.glyphs):
        outs = tuple((w.start,) for w, a in zip(scene.wires, schema.arrows, strict=True) if a.dom == glyph.text)
        ins = tuple((w.end,) for w, a in zip(scene.wires, schema.arrows, strict=True) if a.cod == glyph.text)
        scene.glyphs[i] = replace(glyph, ins=ins, outs=outs)
    _framed(scene)
    _equations(scene, schema)
    return scene


def _places(schema: Schema) -> Place:
    """The middles of objects: two beside each other, more of them on a circle that starts at the upper left."""
    n = len(schema.objects)
    if n <= 2:
        step = max([APART, *(width(name, SIZE) + APART / 2 for name in schema.objects)])
        return {name: (i * step, 0.0) for i, name in enumerate(schema.objects)}
    radius = max(APART, *(width(name, SIZE) for name in schema.objects)) / (2 * math.sin(math.pi / n))
    start = -math.pi / 2 - math.pi / n
    turns = [start + 2 * math.pi * i / n for i in range(n)]
    return {name: (radius * math.cos(t), radius * math.sin(t)) for name, t in zip(schema.objects, turns, strict=True)}


def _curves(schema: Schema, places: Place, bodies: dict[str, Glyph]) -> list[tuple[Arrow, Curve, Point, Point]]:
    """Each arrow with its curve, the point in its middle and the direction in which its name stands."""
    between: dict[frozenset[str], list[Arrow]] = defaultdict(list)
    for arrow in schema.arrows:
        between[frozenset((arrow.dom, arrow.cod))].append(arrow)
    found: dict[str, tuple[Arrow, Curve, Point, Point]] = {}
    for ends, arrows in between.items():
        if len(ends) == 1:
            for i, arrow in enumerate(arrows):
                found[arrow.name] = arrow, *_loop(bodies[arrow.dom], places, i)
            continue
        first = arrows[0].dom
        there, back = ([a for a in arrows if (a.dom == first) == forth] for forth in (True, False))
        for side in (there, back):
            for i, arrow in enumerate(side):
                # Each direction has its own left, so bends of one sign keep those that go back apart.
                count = len(arrows) if not (there and back) else None
                bend = BEND * (i - (count - 1) / 2) if count is not None else BEND * (i + 0.5)
                found[arrow.name] = arrow, *_bow(bodies[arrow.dom], bodies[arrow.cod], bend)
    return [found[arrow.name] for arrow in schema.arrows]


def _middle(glyph: Glyph) -> Point:
    return glyph.x + glyph.width / 2, glyph.y + glyph.height / 2


def _bow(start: Glyph, end: Glyph, bend: float) -> tuple[Curve, Point, Point]:
    """From one body to another, bent to the left of its direction, its middle `bend` from the straight line."""
    (ax, ay), (bx, by) = _middle(start), _middle(end)
    long = math.hypot(bx - ax, by - ay)
    ux, uy = (bx - ax) / long, (by - ay) / long
    left = (uy, -ux)
    control = ((ax + bx) / 2 + 2 * bend * left[0], (ay + by) / 2 + 2 * bend * left[1])
    p, q = _edge(start, control), _edge(end, control)
    one = (p[0] + 2 / 3 * (control[0] - p[0]), p[1] + 2 / 3 * (control[1] - p[1]))
    two = (q[0] + 2 / 3 * (control[0] - q[0]), q[1] + 2 / 3 * (control[1] - q[1]))
    middle = ((p[0] + q[0]) / 4 + control[0] / 2, (p[1] + q[1]) / 4 + control[1] / 2)
    return (("M", *p), ("C", *one, *two, *q)), middle, left if bend >= 0 else (-left[0], -left[1])


def _edge(glyph: Glyph, towards: Point) -> Point:
    """Where the line from the middle of a body towards a point leaves it."""
    x, y = _middle(glyph)
    dx, dy = towards[0] - x, towards[1] - y
    half = glyph.width / 2, glyph.height / 2
    scale = min(h / abs(d) for h, d in zip(half, (dx, dy), strict=True) if d)
    return x + scale * dx, y + scale * dy


def _loop(glyph: Glyph, places: Place, i: int) -> tuple[Curve, Point, Point]:
    """The loop number `i` at a body, away from the middle of all objects."""
    x, y = _middle(glyph)
    cx = sum(p[0] for p in places.values()) / len(places)
    cy = sum(p[1] for p in places.values()) / len(places)
    out = (x - cx, y - cy)
    long = math.hypot(*out)
    ux, uy = (out[0] / long, out[1] / long) if long > 1 else (0.0, -1.0)
    turn = (i + 1) // 2 * (1 if i % 2 else -1) * 1.5
    ux, uy = ux * math.cos(turn) - uy * math.sin(turn), ux * math.sin(turn) + uy * math.cos(turn)
    far, wide = LOOP + glyph.width / 2 * abs(ux), 0.62 * LOOP
    one = (x + far * ux - wide * uy, y + far * uy + wide * ux)
    two = (x + far * ux + wide * uy, y + far * uy - wide * ux)
    p, q = _edge(glyph, one), _edge(glyph, two)
    middle = tuple((a + 3 * b + 3 * c + d) / 8 for a, b, c, d in zip(p, one, two, q, strict=True))
    return (("M", *p), ("C", *one, *two, *q)), middle, (ux, uy)  # type: ignore[return-value]


def _beside(arrow: Arrow, middle: Point, aside: Point) -> Label:
    """The name of an arrow, beside its middle."""
    wide = width(arrow.name, NAME)
    reach = 5.0 + abs(aside[0]) * wide / 2 + abs(aside[1]) * NAME / 2
    x, y = middle[0] + reach * aside[0], middle[1] + reach * aside[1]
    return Label(arrow.name, x, y + 0.36 * NAME, "middle", NAME, "arrow", str(arrow), wide, italic=True)


def _framed(scene: Scene) -> None:
    """Moves everything to where the picture begins, and says how large it is."""
    xs: list[float] = []
    ys: list[float] = []
    for glyph in scene.glyphs:
        xs += [glyph.x, glyph.x + glyph.width]
        ys += [glyph.y, glyph.y + glyph.height]
    for wire in scene.wires:
        for command in wire.curve:
            xs += [float(v) for v in command[1::2]]
            ys += [float(v) for v in command[2::2]]
    for label in scene.labels:
        xs += [label.x - label.width / 2, label.x + label.width / 2]
        ys += [label.y - label.size, label.y + 0.3 * label.size]
    if not xs:
        return
    Move(PAD - min(xs), PAD - min(ys)).scene(scene)
    scene.width, scene.height = max(xs) - min(xs) + 2 * PAD, max(ys) - min(ys) + 2 * PAD


def _equations(scene: Scene, schema: Schema) -> None:
    """Writes the equations below."""
    lines = [str(equation) for equation in schema.equations]
    wide = max([width(text, NAME) for text in lines], default=0.0) + 2 * PAD
    if wide > scene.width:
        Move((wide - scene.width) / 2, 0.0).scene(scene)
        scene.width = wide
    for text in lines:
        y = scene.height + 4.0
        label = Label(text, scene.width / 2, y, "middle", NAME, "equation", text, width(text, NAME))
        scene.labels.append(label)
        scene.height += LINE
