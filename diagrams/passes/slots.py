"""Slots: what a box grabs from above, weights and kept values, and what it drops below, kept values and changes.

A slot that keeps a value has one name and one colour where it is dropped and where it is grabbed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from lenses.rules.rule import Rule
from lenses.strands import Strand
from lenses.typed import Combinator, Typed

from .. import glyphs
from ..curves import circle, pointed
from ..glyphs import COLOURS, Kind, filled, tag
from ..overlays.keeping import Kept
from ..overlays.measures import amount
from ..plan import Node, Plan
from ..scene import Address, Curve, Glyph, Label, Scene
from ..shapes import Shape, Stroke
from ..styles import Style
from ..text import clip, width
from .keeping import Passes, paths
from .lens import parameters
from .mirrors import MIRRORS
from .products import WAY, way_back
from .ruled import ruled

TAG = 12.0
"""The height of a slot."""
DROP = 12.0
"""The length of the arrow between a box and a slot."""
ABOVE = {"ring": 10.0, "softmax": 11.0}
"""How far texts reach above the bodies of some glyphs."""

# -- what is dropped and grabbed -------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Slot:
    """A slot at a box: its text and colour, what hovering says, the bytes that it adds, and a note beneath it."""

    text: str
    colour: str
    title: str
    bytes: int = 0
    note: str = ""

    @property
    def width(self) -> float:
        """The width of its tag."""
        return width(self.text, 8.5) + 8.0

    @property
    def room(self) -> float:
        """The width that it needs beside others."""
        return max(self.width, width(self.note, 7.5)) + 4.0


Side = tuple[tuple[Slot, ...], tuple[Slot, ...]]
"""What a glyph grabs from above, and what it drops below."""


def slotted(plan: Plan, typed: Typed, found: Passes, rule: Rule) -> Plan:
    """The plan whose nodes know their slots and what the rule calls their backward passes; parts that keep
    something as a whole are closed."""
    rule = rule.bind(typed)
    names = {address: k for k, address in enumerate(found.kept, 1)}
    where = {address: (cell, path) for address, cell, path in paths(typed.circuit)}

    def kept(address: Address) -> tuple[Slot, ...]:
        under = [k for a, k in found.kept.items() if a[: len(address)] == address]
        return tuple(_slot(k, names) for k in under)

    def weights(node: Node) -> tuple[list[str], list[str], list[str]]:
        """The weights of a node, those that its backward pass reads, and those to which it gives a change."""
        _, path = where[node.address]
        have = [name for name, _ in node.params]
        ways = [{p for p in way if p[: len(path)] == path} for way in (found.read, found.changed)]
        if not have and isinstance(node.box, Combinator) and parameters(node):
            return ["P"], ["P"], ["P"] * bool(ways[1])
        ends = [{p[k:] for p in way for k in range(len(p))} for way in ways]
        read, changed = ([name for name in have if tuple(name.split(".")) in end] for end in ends)
        return have, read, changed

    def visit(plan: Plan) -> Plan:
        nodes = []
        for node in plan.nodes:
            if node.inner is not None and node.address not in found.wholes:
                nodes.append(dataclasses.replace(node, inner=visit(node.inner)))
                continue
            have, read, changed = weights(node)
            mine = kept(node.address)
            grabs = {n: Slot(clip(n, 14), "parameter", f"the parameter {n}") for n in have}
            there: Side = tuple(grabs.values()), mine
            back: Side = (
                (*mine, *(grabs[n] for n in read)),
                tuple(Slot(f"{grabs[n].text}′", "parameter", f"the change of {grabs[n].title}") for n in changed),
            )
            own = ruled(node, rule)
            way = None if own else way_back(node, mine)
            if any((*there, *back)) or own or way:
                more = ((OWN, own) if own else (WAY, way),) if own or way else ()
                data = (*node.data, ("there", there), ("back", back if way is None else ((), ())), *more)
                node = marked(dataclasses.replace(node, data=data))
            nodes.append(dataclasses.replace(node, inner=None, enters=None, leaves=None))
        return dataclasses.replace(plan, nodes=nodes)

    return visit(plan)


def _slot(kept: Kept, names: dict[Address, int]) -> Slot:
    k = names[kept.address]
    note = amount(kept.bytes, "B") if kept.bytes or not kept.of else f"in k{names[kept.of[0]]}"
    title = f"k{k}: {', '.join(kept.arrays)}; {kept.bytes} bytes"
    if kept.of:
        title += ", the rest kept in " + ", ".join(f"k{names[a]}" for a in kept.of)
    return Slot(f"k{k}", f"kept{(k - 1) % COLOURS}", title, kept.bytes, note)


# -- kinds with room for slots ---------------------------------------------------------------

MARK = "slots of "
"""Stands before the name of a glyph that has slots above and below it."""
OWN = "own way back"
"""Names the entry of a node that says what its backward pass is called where a rule has one of its own for it."""


class _Roomy(Kind):
    """A kind with room for slots around it, and for its mirror image: for the layout alone, it looks as before."""

    def __init__(self, name: str):
        Kind.kinds[name] = self
        self.base = Kind.kinds.get(name.removeprefix(MARK), glyphs.BOX)
        self.__dict__["half"] = self.base.half

    def text(self, node: Node, style: Style) -> str:
        return self.base.text(plain(node), style)

    def width(self, node: Node, style: Style) -> float:
        wide = [sum(slot.room for slot in slots) for side in _sides(node) for slots in side]
        return max(self.base.width(plain(node), style), *wide)

    def margins(self, node: Node, style: Style) -> tuple[float, float]:
        up, down = self.base.margins(plain(node), style)
        back = dataclasses.replace(plain(node), dom=node.cod, cod=node.dom, params=())
        room = Kind.kinds.get(MIRRORS.get(back.glyph, "box"), glyphs.BOX).margins(back, style)
        rooms = [room] if OWN not in dict(node.data) else [room, glyphs.BOX.margins(back, style)]
        up, down = max(up, *(r[0] for r in rooms)), max(down, *(r[1] for r in rooms))
        (grabs, drops), (back_grabs, back_drops) = _sides(node)
        up += DROP + TAG if grabs or back_grabs else 0.0
        down += DROP + TAG + 13.0 if drops or back_drops else 0.0
        way = dict(node.data).get(WAY)
        return (up, down) if way is None else (max(up, way.up), max(down, way.down))

    def place(self, node, style, ins, outs, left, right, y):  # type: ignore[no-untyped-def]
        glyph = self.base.place(plain(node), style, ins, outs, left, right, y)
        sides = dict(node.data).get("there", dict(node.data)["back"])
        return dataclasses.replace(glyph, data=(*glyph.data, _Sides(sides)))


@dataclasses.dataclass(frozen=True)
class _Sides:
    """The slots of a glyph, on their way through the layout."""

    sides: Side


def marked(node: Node) -> Node:
    """The node as one with room for slots."""
    name = MARK + node.glyph
    if name not in Kind.kinds:
        _Roomy(name)
    return dataclasses.replace(node, glyph=name)


def plain(node: Node) -> Node:
    """The node without its slots."""
    return dataclasses.replace(node, glyph=node.glyph.removeprefix(MARK))


def _sides(node: Node) -> tuple[Side, Side]:
    fields = dict(node.data)
    return fields.get("there", ((), ())), fields["back"]


class SlotStyle(Style):
    """The style of axes, for nodes with slots."""

    def strands(self, node: Node) -> tuple[Strand, ...]:
        return super().strands(plain(node))

    def merges_down(self, node: Node) -> bool:
        return super().merges_down(plain(node))

    def displaced(self, node: Node, number: dict[tuple[int, int], int]) -> dict[int, int]:
        return super().displaced(plain(node), number)

    def aligned(self, node: Node) -> bool:
        return super().aligned(plain(node))


# -- in the scene ----------------------------------------------------------------------------


def put_slots(scene: Scene, order: int) -> None:
    """Puts the slots of all glyphs into a scene, above and below them, and leads dashes around them.

    `order` is -1 in a scene that will be mirrored.
    """
    bodies, scene.glyphs = scene.glyphs, []
    for glyph in bodies:
        sides = [d.sides for d in glyph.data if isinstance(d, _Sides)]
        glyph = dataclasses.replace(glyph, data=tuple(d for d in glyph.data if not isinstance(d, _Sides)))
        scene.glyphs.append(glyph)
        for grabs, drops in sides:
            _put(scene, glyph, "grab", grabs[::order])
            _put(scene, glyph, "drop", drops[::order])
    tags = [g for g in scene.glyphs if g.kind == "drop"]
    scene.dashes = [dataclasses.replace(dash, curve=_around(dash.curve, tags)) for dash in scene.dashes]


def _put(scene: Scene, glyph: Glyph, kind: str, slots: Sequence[Slot]) -> None:
    """Puts slots above or below a glyph, with arrows to it; those of a product leave from its last array."""
    ports = [p for array in (*glyph.ins, *glyph.outs) for p in array]
    above = ABOVE.get(glyph.kind, 0.0) if glyph.text else 0.0
    left, right = glyph.x + min(4.0, glyph.width / 2), glyph.x + glyph.width - min(4.0, glyph.width / 2)
    total = sum(slot.room for slot in slots)
    x = glyph.x + glyph.width / 2 - total / 2
    if kind == "grab":
        edge = glyph.y - above
        y = min([edge, *(p[1] for p in ports)]) - DROP - TAG
    else:
        edge = glyph.y + glyph.height
        y = max([edge, *(p[1] for p in ports)]) + DROP
        if glyph.kind == "product":
            x = glyph.ins[-1][-1][0]
            left = right = x + 6.0
            edge = glyph.ins[-1][-1][1]
    for slot in slots:
        middle = x + slot.room / 2
        port = (((min(max(middle, left), right), edge),),)
        ins, outs = ((), port) if kind == "grab" else (port, ())
        data = (("slot", slot.text), ("colour", slot.colour), ("bytes", slot.bytes), ("dot", glyph.kind == "product"))
        scene.glyphs.append(
            Glyph(
                kind, middle - slot.width / 2, y, slot.width, TAG, slot.text, slot.title, glyph.address, None,
                ins, outs, (), data,
            )
        )  # fmt: skip
        if kind == "drop" and slot.note:
            wide = width(slot.note, 7.5)
            scene.labels.append(Label(slot.note, middle, y + TAG + 8.0, "middle", 7.5, "note", slot.title, wide))
        x += slot.room


def _around(curve: Curve, tags: Sequence[Glyph]) -> Curve:
    """The curve of a dash, which rises only behind the slots under which it has gone."""
    result = [curve[0]]
    for k, part in enumerate(curve[1:], 1):
        start = result[-1][-2:]
        if part[0] == "C" and part[-1] < start[1]:
            room = [
                tag
                for tag in tags
                if start[0] < tag.x + tag.width + 8.0
                and tag.x - 8.0 < part[-2]
                and part[-1] < tag.y + 22.0 < start[1] + 12.0
            ]
            if room:
                begin = max(tag.x + tag.width + 8.0 for tag in room)
                most = curve[k + 1][-2] if k + 1 < len(curve) and curve[k + 1][0] == "L" else begin + 24.0
                end = max(min(begin + 40.0, most), begin + 8.0)
                middle = (begin + end) / 2
                result.append(("L", begin, start[1]))
                part = ("C", middle, start[1], middle, part[-1], end, part[-1])
        result.append(part)
    return tuple(result)


class _Tag(Kind):
    """A named slot with the arrow between it and its box: weights square, what is kept round."""

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        colour = dict(glyph.data)["colour"]
        dropped = glyph.kind == "drop"
        (((x, y),),) = glyph.ins if dropped else glyph.outs
        here = (glyph.x + glyph.width / 2, glyph.y if dropped else glyph.y + glyph.height)
        start, end = ((x, y), here) if dropped else (here, (x, y))
        middle = (start[1] + end[1]) / 2
        curve: Curve = (("M", *start), ("C", start[0], middle, end[0], middle, *end))
        yield Stroke(curve, colour, None, 1.2)
        yield filled(pointed(curve, 4.0), colour)
        if dict(glyph.data)["dot"] and dropped:
            yield filled(circle(*start, 2.2), colour)
        yield from tag(glyph, colour, radius=1.5 if colour == "parameter" else 6.0)


_Tag("drop")
_Tag("grab")
