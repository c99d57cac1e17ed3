"""Products on the way back: what the reverse derivative of a product is made of, which are products again.

The change of each operand is a product of the change that comes back and of the other operands, which are
grabbed from the slot in which they are kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

from lenses.boxes.linear import Einsum
from lenses.combinators.parametrised import Para
from lenses.spaces import Space
from lenses.terms import Port
from lenses.typed import Typed

from ..glyphs.tags import Side, tag
from ..layout import Laid, lay
from ..layout.places import place
from ..layout.rows import rows_of
from ..node import Node, Plan
from ..plan import of_term, under
from ..sides import GRAB, with_sides
from ..styles import STYLES, Style

WAY = "way back"
"""Names the entry of a node that says what its way back is made of."""


class Way(NamedTuple):
    """The plan of a way back, and the room that it needs above the first strand of the product and below the last."""

    plan: Plan
    up: float
    down: float


def way_back(node: Node, kept: Sequence[Any]) -> Way | None:
    """What the way back of a product is made of, its operands kept in a slot; None for other boxes."""
    box = node.box
    if not isinstance(box, Einsum):
        return None
    dom = Space(node.dom)
    term = box.reverse_term(dom)
    ports = tuple(Port(f"operand {i}", "param", array) for i, array in enumerate(dom))
    plan = with_sides(of_term(Typed(term, dom @ Space(node.cod).change), sides=False), Para(term, ports))
    ends = {other.ins[0] for other in plan.nodes if other.glyph == "end"}
    grabs = [other for other in plan.nodes if other.glyph == GRAB and other.outs[0] not in ends]
    if bool(grabs) != bool(kept):  # the program keeps other things than its operands
        return None
    nodes = [
        _held(other, kept[0]) if other.glyph == GRAB else other
        for other in plan.nodes
        if (other.outs or other.ins)[0] not in ends
    ]
    plan = under(dataclasses.replace(plan, nodes=nodes), node.address)
    style = STYLES["neural"]
    strands = sum(len(style.slots(a)) for a in plan.dom)
    laid = lay(plan, style, [2 * style.array * k for k in range(strands)])  # they come in as far apart as they may
    rows = rows_of(node, style)
    first = next((k for k, row in enumerate(rows) if row.out is not None), 0)
    below = style.axis * (len(rows) - 1 - first)
    return Way(plan, -laid.top, max(laid.bottom - below, 0.0))


def _held(grab: Node, slot: Any) -> Node:
    """The node of a kept operand that is grabbed."""
    data = (("slot", slot.text), ("colour", slot.colour), ("bytes", slot.bytes))
    return dataclasses.replace(grab, glyph="held", text=slot.text, title=slot.title, box=None, data=data)


def fitted(plan: Plan, style: Style, ins: Sequence[Sequence[float]], outs: Sequence[Sequence[float]]) -> Laid:
    """A plan laid out between strands at these heights, from the first of those that come in."""
    zero = ins[0][0]
    laid = lay(plan, style, [y - zero for heights in ins for y in heights])
    for wires, every, ends, column in (
        (range(len(plan.dom)), ins, laid.ins, laid.columns[0]),
        (plan.outs, outs, laid.outs, laid.columns[-1]),
    ):
        for w, heights, end in zip(wires, every, ends, strict=True):
            end |= {s: y - zero for s, y in zip(laid.slots(w), heights, strict=True)}
            column.after |= {(w, s): y for s, y in end.items()}
    laid.columns[-1].before = laid.columns[-1].after
    laid.width, laid.labelled = 0.0, set()
    place(laid)
    return laid


class Held(Side):
    """A kept array that is grabbed, at the wires of its axes."""

    half = 6.0

    def shapes(self, glyph: Any) -> Any:
        yield from tag(glyph, dict(glyph.data)["colour"])


Held("held", "held")
