"""Columns and order: a box stands after what it needs, and between the wires that it takes."""

from __future__ import annotations

from collections.abc import Sequence

from ..plan import Node, Plan
from .model import Column, Item, Laid, Row
from .rows import rows_of


def by_column(plan: Plan) -> list[list[Node]]:
    """The nodes by column: after what they need; those that need nothing just before where they are used."""
    made: dict[int, int] = dict.fromkeys(range(len(plan.dom)), -1)
    place: list[int] = []
    for node in plan.nodes:
        at = 1 + max((made[w] for w in node.ins), default=-1)
        place.append(at)
        made |= dict.fromkeys(node.outs, at)
    user = {w: i for i, node in enumerate(plan.nodes) for w in node.ins}
    end = max(place, default=-1) + 1
    for i in reversed(range(len(plan.nodes))):
        node = plan.nodes[i]
        if not node.ins and node.outs:
            place[i] = min(place[user[w]] if w in user else end for w in node.outs) - 1
    first = min(place, default=0)
    columns: list[list[Node]] = [[] for _ in range(max(place, default=-1) + 1 - first)]
    for node, at in zip(plan.nodes, place, strict=True):
        columns[at - first].append(node)
    return columns


def column_of(laid: Laid, live: list[int], nodes: Sequence[Node], user: dict[int, Node]) -> Column:
    """The next column, after the wires `live`: what passes and the nodes, from the top."""
    style = laid.style
    position = {w: i for i, w in enumerate(live)}
    taken = {w for node in nodes for w in node.ins}
    keyed: list[tuple[float, int, Item]] = []
    for w in live:
        if w not in taken:
            up, down = style.margin(laid.arrays[w])
            rows = [Row((w, s), (w, s), up, down) for s in laid.slots(w)]
            keyed.append((position[w], 0, Item(None, (w,), rows)))
    beside: dict[int, float] = dict(position)
    for node in sorted(nodes, key=lambda node: not node.ins):  # those that need nothing stand beside others
        places = [position[w] for w in node.ins]
        key = sum(places) / len(places) if places else _near(node, user, beside, len(live))
        beside |= dict.fromkeys(node.outs, key)
        if node.glyph == "plus":
            node.turned = tuple(sorted(range(len(places)), key=places.__getitem__))
        rows = rows_of(node, style) if node.inner is None else []
        outs = node.outs if node.glyph != "dot" or node.turned is None else tuple(node.outs[j] for j in node.turned)
        keyed.append((key, 1, Item(node, outs, rows)))
    keyed.sort(key=lambda entry: entry[:2])
    return Column([item for _, _, item in keyed], live)


def _near(node: Node, user: dict[int, Node], position: dict[int, float], end: int) -> float:
    """Where a box without inputs stands: beside its neighbours at the box that uses it."""
    for w in node.outs:
        if w in user:
            ins = user[w].ins
            at = ins.index(w)
            for other in reversed(ins[:at]):
                if other in position:
                    return position[other] + 0.25
            for other in ins[at + 1 :]:
                if other in position:
                    return position[other] - 0.25
    return end
