"""Lenses as lenses: every array is two wires, its values forward and its changes back (Cruttwell et al. 2022).

A box is a lens: values come in from the left and leave on the right, changes come back beneath them
the other way. Parameters come from above and their changes leave beside them. A copy forward is a sum
on the way back, a sum is a copy, and what is discarded sends back zero. Changes are dashed, so that
they are told apart without colours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from lenses.combinators import Expose
from lenses.errors import LensError, explain, shown
from lenses.rules.rule import Rule
from lenses.spaces import Array, Space
from lenses.strands import Strand
from lenses.syntax import shorten
from lenses.trees import leaves, whole
from lenses.typed import Combinator, Typed, as_typed

from ..curves import bend, circle, line, rounded
from ..folding import Fold
from ..glyphs import DOT, Kind, centred, filled
from ..layout import lay, scene_of
from ..plan import Node, Plan, of_term
from ..scene import Address, Curve, Glyph, Label, Point, Scene, Wire
from ..shapes import Shape, Stroke, Text
from ..styles import Style
from ..text import clip, width
from ..themes import THEMES, Theme
from ..titles import add_title

VALUE, CHANGE = -1, -2
"""The two strands of an array: its value, and its change."""
DASH = (4.0, 2.5)
"""The dashes of changes."""
APART = 22.0
"""How far the change of an array is below its value."""
STUB = 13.0
"""How long the wires of parameters are."""


def draw_lens(
    term: Any, fold: Fold = None, labels: str = "both", theme: Theme = THEMES["light"], title: str = "",
    names: Sequence[str] = (), rule: Rule | None = None,
) -> Scene:  # fmt: skip
    """The picture of a typed term as a parametrised lens; arguments as in `draw`.

    Rules differ in what boxes send back, not in the wires: raises LensError where one is given.
    """
    if rule is not None:
        because, do = "pictures of lenses show the lens of any rule", "leave it out, or style='backward'"
        raise LensError(explain(f"draw: style='lens' with rule={shown(rule)}", because=because, do=do))
    typed = as_typed(term, None, "draw")
    scene = lens_scene(of_term(typed, fold, sides=False), labels, names)
    add_title(scene, title)
    scene.theme = theme
    return scene


def lens_scene(plan: Plan, labels: str = "both", names: Sequence[str] = ()) -> Scene:
    """The scene of a plan, its boxes drawn as lenses."""
    plan = dataclasses.replace(with_parameters(plan), names=tuple(names))
    return _as_lenses(scene_of(lay(plan, lens_style(labels))))


def lens_style(labels: str = "both") -> LensStyle:
    """The style of lenses, with what is written on wires."""
    return LensStyle("lens", APART, 42.0, 18.0, names=labels)


class LensStyle(Style):
    """Arrays are pairs of wires: the value, and beneath it the change, where there is one."""

    def slots(self, array: Array) -> tuple[int, ...]:
        return (VALUE,) if array.change is None else (VALUE, CHANGE)

    def strands(self, node: Node) -> tuple[Strand, ...]:
        if node.glyph not in ("dot", "plus", "wire"):
            return ()
        sides = [[(i, s) for i, a in enumerate(side) for s in self.slots(a)] for side in (node.dom, node.cod)]
        if node.glyph == "wire":
            return tuple(Strand((place,), (place,)) for place in sides[0])
        found = (Strand(*(tuple(p for p in side if p[1] == s) for side in sides)) for s in (VALUE, CHANGE))
        return tuple(s for s in found if s.ins)

    def label(self, array: Array, slot: int, first: bool) -> str:
        text = super().label(array, VALUE, first)
        return f"{text}′" if text and slot == CHANGE else text


def with_parameters(plan: Plan) -> Plan:
    """The plan in which parts that are closed have their parameters as one, P, and their name for a text."""
    nodes = []
    for node in plan.nodes:
        if node.inner is not None:
            node = dataclasses.replace(node, inner=with_parameters(node.inner), enters=None, leaves=None)
        elif isinstance(node.box, Combinator):
            params = node.params or tuple(("P", port.array) for _, port in parameters(node)[:1])
            times = dict(node.data).get("times")
            name = dict(node.data).get("name") if node.params else None  # a block around one learned box
            text = clip(str(name or (f"{node.text} × {times}" if times else node.text)), 28)
            node = dataclasses.replace(node, params=params, text=text, title=text)
        nodes.append(node)
    return dataclasses.replace(plan, nodes=nodes)


def parameters(node: Node) -> list[tuple[tuple[str, ...], Any]]:
    """The parameters of a node and of all that is in it, paths and ports; those that are exposed come on wires."""
    if isinstance(node.box, Expose):
        return []
    circuit = Typed(node.box, Space(node.dom)).circuit
    return list(leaves(whole(circuit)))


# -- from a scene of pairs to one of lenses ---------------------------------------------------


def _as_lenses(scene: Scene) -> Scene:
    """Turns the changes round, lets wires touch the bodies of boxes, and adds the wires of parameters."""
    ends: dict[Point, float] = {}  # the ports at bodies, with the place of the side of the body
    glyphs: list[Glyph] = []
    for glyph in scene.glyphs:
        if glyph.kind in BODILESS:
            glyphs.append(dataclasses.replace(glyph, kind=BODILESS[glyph.kind], threads=()))
            continue
        left, right = glyph.x, glyph.x + glyph.width
        ends |= {p: left for a in glyph.ins for p in a} | {p: right for a in glyph.outs for p in a}
        ins = tuple(tuple((left, y) for _, y in a) for a in glyph.ins)
        outs = tuple(tuple((right, y) for _, y in a) for a in glyph.outs)
        kind = "lens" if glyph.kind == "plain" else glyph.kind
        title = shorten(glyph.box, 400)
        glyphs.append(dataclasses.replace(glyph, kind=kind, ins=ins, outs=outs, threads=(), title=title))
    first = min((w.start[0] for w in scene.wires), default=0.0)
    last = max((w.end[0] for w in scene.wires), default=0.0)
    wires = []
    for wire in scene.wires:
        start, end, curve = wire.start, wire.end, wire.curve
        if start in ends:
            curve = (("M", ends[start], start[1]), ("L", *start), *curve[1:])
        if end in ends:
            curve = (*curve, ("L", ends[end], end[1]))
        change = wire.axis == CHANGE
        tip = (start in ends or start[0] == first) if change else (end in ends or end[0] == last)
        kind = ("change arrow" if tip else "change") if change else ("arrow" if tip else "array")
        curve = backwards(curve) if change else curve
        wires.append(
            dataclasses.replace(wire, kind=kind, role="backward" if change else "forward", curve=_joined(curve))
        )
    scene.glyphs, scene.wires = glyphs, wires
    for glyph in glyphs:
        if glyph.kind == "lens":
            add_parameters(scene, glyph)
    return scene


def add_parameters(scene: Scene, glyph: Glyph) -> None:
    """A pair of wires above a box for each of its parameters: down it comes, up goes its change."""
    wide = [width(name, 8.5) + 8.0 for name, _ in glyph.data]
    x = glyph.x + (glyph.width - sum(wide)) / 2
    for k, ((name, sizes), w) in enumerate(zip(glyph.data, wide, strict=True)):
        middle, y, title = x + w / 2, glyph.y, f"{name}: {sizes}"
        apart = min(5.0, w / 4)
        down = line((middle - apart, y - STUB), (middle - apart, y))
        up = line((middle + apart, y), (middle + apart, y - STUB))
        pair(scene, k, name, title, down, up, glyph.address)
        scene.labels.append(Label(name, middle, y - STUB - 3.0, "middle", 8.5, "parameter", title, w - 8.0))
        x += w


def pair(
    scene: Scene, number: int, name: str, title: str, there: Curve, back: Curve, address: Address,
    role: str = "parameter",
) -> None:  # fmt: skip
    """The two wires of an array that comes from the side: its value, and its change back."""
    scene.wires.append(Wire("arrow", number, VALUE, name, 0, there, address, role, title))
    role = "backward" if role == "forward" else role
    scene.wires.append(Wire("change arrow", number, CHANGE, name, 0, back, address, role, f"the change of {title}"))


def backwards(curve: Curve) -> Curve:
    """A curve from its end to its start."""
    points = [part[-2:] for part in curve]
    result: list[tuple[Any, ...]] = [("M", *points[-1])]
    for part, to in zip(reversed(curve[1:]), reversed(points[:-1]), strict=True):
        result.append(("C", *part[3:5], *part[1:3], *to) if part[0] == "C" else ("L", *to))
    return tuple(result)


def _joined(curve: Curve) -> Curve:
    """A curve without points in the middle of its level stretches."""
    result = [curve[0]]
    for part in curve[1:]:
        if part[0] == result[-1][0] == "L" and part[2] == result[-1][2] == result[-2][-1]:
            result[-1] = part
        else:
            result.append(part)
    return tuple(result)


# -- looks ------------------------------------------------------------------------------------


def dashed(curve: Curve) -> Stroke:
    """The curve of a change."""
    return Stroke(curve, "backward", None, 1.0, DASH)


def plus(x: float, y: float, colour: str = "ink") -> Iterator[Shape]:
    """The sign of a sum, in a circle."""
    yield Stroke(circle(x, y, 6.0), colour, "paper")
    yield Text("+", x, y + 3.8, 10.5, "middle", colour, width=8.0)


class LensBox(Kind):
    """A lens: a box whose parameters are wires of the scene."""

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        yield Stroke(rounded(glyph.x, glyph.y, glyph.width, glyph.height, 3.0), "ink", self.colour, 1.1)
        yield centred(glyph, glyph.text)


class LensWire(Kind):
    """Wires that run on."""

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        for into, away in zip(glyph.ins, glyph.outs, strict=True):
            for k, (p, q) in enumerate(zip(into, away, strict=True)):
                yield dashed(bend(p, q)) if k else Stroke(bend(p, q))


class LensCopy(Kind):
    """A copy, above the sum of the changes that come back to it."""

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        (into,) = glyph.ins
        x = into[0][0]
        for k, at in enumerate(into[1:]):
            sum_ = (x + 8.0, at[1])
            for away in glyph.outs:
                yield dashed(bend(sum_, away[k + 1]))
            yield dashed(line(sum_, at))
            yield from plus(*sum_, "backward")
        dot = (x + 6.0, into[0][1])
        yield Stroke(line(into[0], dot))
        for away in glyph.outs:
            yield Stroke(bend(dot, away[0]))
        yield filled(circle(*dot, DOT))


class LensSum(Kind):
    """A sum, above the copy of the change that comes back to it."""

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        (away,) = glyph.outs
        x = away[0][0]
        for k, at in enumerate(away[1:]):
            dot = (x - 6.0, at[1])
            yield dashed(line(at, dot))
            for into in glyph.ins:
                yield dashed(bend(into[k + 1], dot))
            yield filled(circle(*dot, DOT), "backward")
        sum_ = (x - 8.0, away[0][1])
        for into in glyph.ins:
            yield Stroke(bend(into[0], sum_))
        yield Stroke(line(sum_, away[0]))
        yield from plus(*sum_)


class LensEnd(Kind):
    """A discard, above the zero that it sends back."""

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        for into in glyph.ins:
            x, y = into[0]
            yield Stroke(line((x, y), (x + 8.0, y)))
            yield filled(circle(x + 8.0, y, DOT))
            for x, y in into[1:]:
                yield dashed(line((x + 8.0, y), (x, y)))
                yield Stroke(circle(x + 9.0, y, 5.0), "backward", "paper")
                yield Text("0", x + 9.0, y + 3.2, 8.5, "middle", "backward", width=6.0)


LensBox("lens")
LensWire("lens wire")
LensCopy("lens copy")
LensSum("lens sum")
LensEnd("lens end")
BODILESS = {"wire": "lens wire", "copy": "lens copy", "sum": "lens sum", "discard": "lens end"}
"""Glyphs that are made of wires alone, and how they look as lenses."""
