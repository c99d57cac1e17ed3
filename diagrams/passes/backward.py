"""Both passes in one picture: forward from left to right, and beneath it backward from right to left.

Every box stands above the one that takes its changes back. What a box keeps for it is dropped into a
slot below (k1, k2, ...), from which the other grabs it; weights are grabbed, and their changes dropped.
Copies and sums, permutations, views and their transposes are each other's mirror images; R[f] is the
reverse derivative of f. Where a rule has its own clause for a box, B is the weight that it adds to the box,
and rule[f] any other backward pass. What is kept, in bytes, is what the compiled program keeps (`keeping`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lenses.boxes.linear import Einsum
from lenses.rules.rule import Rule, backprop, check_rule
from lenses.spaces import Array
from lenses.strands import Strand
from lenses.typed import as_typed

from .. import glyphs
from ..folding import Fold
from ..glyphs.boxes import function_text
from ..layout import Laid, lay, scene_of
from ..layout.model import Column, Item, Row, Slot
from ..layout.places import place
from ..moving import Move
from ..overlays.measures import amount
from ..plan import Node, Plan, of_term
from ..scene import Label, Scene
from ..styles import STYLES
from ..text import width
from ..themes import THEMES, Theme
from ..titles import add_title
from .keeping import passes
from .mirrors import MIRRORS, mirrored
from .products import WAY, fitted
from .slots import MARK, OWN, SlotStyle, marked, plain, put_slots, slotted

ROWS = 30.0
"""The distance between the two passes."""
CAPTION = 12.0
"""The room above the first pass for what it is."""
NEURAL = STYLES["neural"]


def draw_backward(
    term: Any, fold: Fold = None, labels: str = "both", theme: Theme = THEMES["light"], title: str = "",
    names: Sequence[str] = (), rule: Rule = backprop,
) -> Scene:  # fmt: skip
    """The picture of a typed term and of its backward pass under a rule; other arguments as in `draw`."""
    typed = as_typed(term, None, "draw")
    found = passes(typed, check_rule("draw", rule))
    plan = dataclasses.replace(slotted(of_term(typed, fold, sides=False), typed, found, rule), names=tuple(names))
    style = SlotStyle(**{**vars(NEURAL), "names": labels})
    there, roomy = lay(_compact(plan), style), lay(plan, style)
    back = _back(roomy)
    _align(there, back)
    scene, other = scene_of(there), scene_of(back)
    left, down = scene.width - there.width - 10.0, there.bottom - there.top + ROWS
    put_slots(scene, 1)
    put_slots(other, -1)
    Move(left + back.width + 10.0, down, -1).scene(other)
    lower = [down + min(b.values()) - min(a.values()) for a, b in zip(there.ins, roomy.ins, strict=True)]
    _join(scene, other, plan, lower)
    Move(0.0, CAPTION).scene(scene)
    scene.height = other.height + down + CAPTION
    by = f", rule: {rule.name}" if rule.name != backprop.name else ""
    for text, y in (("forward →", 0.0), (f"← backward{by}", down)):
        wide = width(text, 8.5)
        scene.labels.append(Label(text, left, 10.0 + CAPTION - 4.0 + y, "start", 8.5, "note", text, wide))
        scene.width = max(scene.width, left + wide + 10.0)
    slots, total = len(found.kept), amount(sum(kept.bytes for kept in found.kept.values()), "B")
    note = f"{slots} slot{'s' * (slots != 1)}, {total} kept" if slots else "nothing kept"
    wide = width(note, 8.5)
    scene.labels.append(Label(note, left, scene.height + 4.0, "start", 8.5, "note", note, wide))
    scene.width, scene.height = max(scene.width, left + wide + 10.0), scene.height + 12.0
    add_title(scene, title)
    scene.theme, scene.style = theme, "backward"
    return scene


# -- the backward pass -----------------------------------------------------------------------


def _back(laid: Laid) -> Laid:
    """The backward pass at the heights of the forward one, in a mirror, so that it too runs from left to right."""
    plan = laid.plan
    arrays = {w: a.change for w, a in laid.arrays.items() if a.change is not None}
    nodes = {id(item.node): _reversed(item.node) for c in laid.columns for item in c.items if item.node is not None}
    ins = [w for w in range(len(plan.dom)) if w in arrays]
    outs = [w for w in plan.outs if w in arrays]
    mirrored = Plan(
        tuple(arrays[w] for w in outs),
        tuple(arrays[w] for w in ins),
        list(reversed(list(nodes.values()))),
        tuple(ins),
        address=plan.address,
    )
    back = Laid(mirrored, laid.style, arrays, laid.framed)
    back.ins = [heights for w, heights in zip(plan.outs, laid.outs, strict=True) if w in arrays]
    back.outs = [laid.ins[w] for w in ins]

    def change(slot: Slot | None) -> Slot | None:
        return slot if slot is not None and slot[0] in arrays else None

    def known(heights: dict[Slot, float]) -> dict[Slot, float]:
        return {slot: y for slot, y in heights.items() if slot[0] in arrays}

    for k, column in reversed(list(enumerate(laid.columns))):
        items = []
        for item in column.items:
            node = None if item.node is None else nodes[id(item.node)]
            wires = tuple(w for w in item.arriving if w in arrays)
            rows = [Row(change(row.out), change(row.into), row.up, row.down, row.y) for row in item.rows]
            inside = None if item.laid is None else _back(item.laid)
            way = None if item.node is None else dict(item.node.data).get(WAY)
            if node is not None and way is not None and node.ins:
                sides = ((node.ins, node.dom, column.after), (node.outs, node.cod, column.before))
                ins, outs = ([[at[w, s] for s in laid.style.slots(a)] for w, a in zip(ws, arrays, strict=True)]
                             for ws, arrays, at in sides)  # fmt: skip
                inside = fitted(way.plan, laid.style, ins, outs)
                rows = [Row(up=-inside.top, down=inside.bottom, y=ins[0][0])]
            elif node is not None and item.laid is None:
                rows[0].up, rows[-1].down = glyphs.of(node, laid.style).margins(node, laid.style)
            if wires or (node is not None and (node.ins or item.laid is not None or node.glyph.startswith(MARK))):
                items.append(Item(node, wires, rows, inside))
        if k == len(laid.columns) - 1:
            order: Iterable[int] = ()
        else:
            after = laid.columns[k + 1]
            last = k + 1 == len(laid.columns) - 1
            order = plan.outs if last else (w for item in after.items for w in item.arriving)
        order = [w for w in order if w in arrays]
        before, behind = known(column.after), known(column.before if k else column.after)
        back.columns.append(Column(items, order, before, behind))
    place(back)
    back.top = laid.top
    return back


def _compact(plan: Plan) -> Plan:
    """The plan of the forward pass without the room that the ways back of its products need below it."""
    nodes = [
        dataclasses.replace(
            node,
            data=tuple(entry for entry in node.data if entry[0] != WAY),
            inner=None if node.inner is None else _compact(node.inner),
        )
        for node in plan.nodes
    ]
    return dataclasses.replace(plan, nodes=nodes)


def _reversed(node: Node) -> Node:
    """The node of the backward pass of a node."""
    ins = [i for i, a in enumerate(node.dom) if a.change is not None]
    outs = [j for j, a in enumerate(node.cod) if a.change is not None]
    glyph, text, title, own = plain(node).glyph, node.text, node.title, dict(node.data).get(OWN)
    strands = tuple(_reversed_strands(node, ins, outs))
    sides = tuple((name, value) for name, value in node.data if name == "back")
    data = tuple(entry for entry in node.data if entry[0] not in ("there", "back", OWN))
    if own is not None:
        text, title = own, f"{title}, whose rule has a backward pass of its own"
        if glyph in ("pointwise", "scale"):
            data = ()
        elif glyph == "learned" and own == "B":
            glyph, data = "feedback learned", ()
        elif glyph in ("block", "repeat"):
            glyph = MIRRORS[glyph]
        else:
            glyph, strands = "box", ()
    elif dict(node.data).get(WAY) is not None:
        glyph, text, data = "way back", "", ()
    elif node.inner is None:
        text = f"{text}ᵀ" if node.box.linear else f"R[{text}]"
        if glyph == "pointwise":
            text, data = f"R[{function_text(plain(node))}]", ()
        glyph = MIRRORS.get(glyph, "box")

    def some(values: Sequence[Any] | None, places: list[int]) -> Any:
        return None if values is None else tuple(values[i] for i in places)

    back = dataclasses.replace(
        node, glyph=glyph, text=text, title=title, ins=some(node.outs, outs), outs=some(node.ins, ins),
        dom=tuple(_change(node.cod[j]) for j in outs), cod=tuple(_change(node.dom[i]) for i in ins),
        strands=strands, params=(), data=(*data, *sides), inner=None,
        enters=some(node.leaves, outs), leaves=some(node.enters, ins), on_stub=False,
    )  # fmt: skip
    return marked(back) if sides else back


def _change(array: Array) -> Array:
    assert array.change is not None
    return array.change


def _reversed_strands(node: Node, ins: list[int], outs: list[int]) -> Iterator[Strand]:
    """The axes that run past on the way back: those of every change in and out, and those that only one side has.

    An axis that one of several inputs lacks is summed in that one's change, so the box acts along it; and one
    that several share would run through the box of a product.
    """
    for strand in node.strands if ins else ():
        into = [(ins.index(i), k) for i, k in strand.ins if i in ins]
        away = [(outs.index(j), k) for j, k in strand.outs if j in outs]
        everywhere = sorted(i for i, _ in into) == list(range(len(ins)))
        every_change = sorted(j for j, _ in away) == list(range(len(outs)))
        merges = plain(node).glyph == "einsum" and len(into) > 1
        if (everywhere or not into) and (every_change or not away) and (into or away) and not merges:
            yield Strand(tuple(away), tuple(into))


# -- columns above each other ----------------------------------------------------------------


def _align(there: Laid, back: Laid) -> None:
    """Gives the columns of both passes the same places, each as wide as the wider needs it."""
    ahead, behind = there.columns, back.columns[::-1]
    parts = [_parts(c, d) for c, d in zip(ahead, behind, strict=True)]
    for pairs in parts:
        for a, b in pairs:
            _align(a, b)
    wides = [
        max(c.width, d.width, *(a.width for a, _ in pairs), 0.0)
        for c, d, pairs in zip(ahead, behind, parts, strict=True)
    ]
    gaps = [back.width - back.columns[-1].x - back.columns[-1].width]
    for k in range(1, len(ahead)):
        before = ahead[k].x - ahead[k - 1].x - ahead[k - 1].width
        gaps.append(max(before, behind[k - 1].x - behind[k].x - behind[k].width))
    trail = there.width - ahead[-1].x - ahead[-1].width
    x = 0.0
    for column, gap, wide in zip(ahead, gaps, wides, strict=True):
        column.x, column.width = x + gap, wide
        x += gap + wide
    there.width = x + trail
    for column, other in zip(ahead, behind, strict=True):
        other.x, other.width = there.width - column.x - column.width, column.width
    back.width = there.width
    ahead[0].x = back.columns[0].x = 0.0  # what comes in is labelled where the picture begins
    for column, pairs in zip(ahead, parts, strict=True):
        for _, b in pairs:
            _shift(b, column.width - b.width)
    _bend_early(back)


def _parts(column: Column, other: Column) -> list[tuple[Laid, Laid]]:
    found = {item.node.address: item.laid for item in other.items if item.node is not None and item.laid is not None}
    return [
        (item.laid, found[item.node.address])
        for item in column.items
        if item.laid is not None and item.node is not None and item.node.address in found
    ]


def _bend_early(laid: Laid) -> None:
    """Lets wires bend right behind a column and labels follow, as it looks in the mirror of the forward pass."""
    columns = laid.columns[:1]
    for column in laid.columns[1:]:
        before = columns[-1]
        start = before.x + before.width + column.curve
        inner = before is not laid.columns[0] and column is not laid.columns[-1]
        if column.curve and inner and column.x - start > 20.0:
            wires = [w for item in column.items for w in item.arriving]
            items = [
                Item(None, (w,), [Row((w, s), (w, s), *laid.style.margin(laid.arrays[w]), column.before[w, s])
                                  for s in laid.slots(w)])
                for w in wires
            ]  # fmt: skip
            bend = Column(items, column.order, column.before, column.before)
            bend.x, bend.curve, bend.labels = start, column.curve, before.labels
            before.labels = []
            column.order, column.curve = wires, min(column.curve, column.x - start)
            columns.append(bend)
        columns.append(column)
    laid.columns = columns


def _shift(laid: Laid, by: float) -> None:
    """Moves the columns of a part to the right in a frame that is wider, since its mirror image is at the left."""
    for column in laid.columns:
        column.x += by
    laid.width += by


# -- the scene -------------------------------------------------------------------------------


def _join(scene: Scene, other: Scene, plan: Plan, lower: Sequence[float]) -> None:
    """Adds the mirrored scene of the backward pass, whose arrays are so much `lower` than those of the forward one."""
    scene.frames += [dataclasses.replace(f, kind="bare") if isinstance(f.box, Einsum) else f for f in other.frames]
    scene.dashes += other.dashes
    scene.wires += [dataclasses.replace(wire, role="backward") for wire in other.wires]
    for glyph in other.glyphs:
        if glyph.kind not in ("drop", "grab", "held"):
            product = glyph.kind == "product"
            threads = tuple(
                t if product or t.kind != "stub" else dataclasses.replace(t, kind="touch") for t in glyph.threads
            )
            glyph = dataclasses.replace(glyph, kind=mirrored(glyph.kind), threads=threads)
        scene.glyphs.append(glyph)
    scene.labels += other.labels
    named = [(array, by) for array, name, by in zip(plan.dom, plan.names, lower, strict=False) if name]
    inputs = [label for label in scene.labels if label.role == "input"]
    for (array, by), label in zip(named, inputs, strict=True):
        if array.change is not None:
            text = f"{label.text}′"
            wide = width(text, label.size)
            scene.labels.append(dataclasses.replace(label, text=text, title=text, width=wide, y=label.y + by))
