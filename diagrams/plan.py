"""Plans: what is to be drawn, before it is decided where. Nodes with their wires, and the strands of each.

A plan comes from a typed term (`of_term`) or from a JAX function (`jaxpr.of_function`), and every
style lays out plans. A wire is a number and carries one array; each is made once and used once,
but for plans of functions, where `of_function` puts copies and discards in, as terms have them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from lenses.boxes.convolution import Conv, Pool
from lenses.combinators.parametrised import Para
from lenses.spaces import Array
from lenses.strands import Strand
from lenses.syntax import shorten
from lenses.typed import Cell, Circuit, Combinator, Typed

from .folding import Fold, Folding, Path
from .node import Node, Plan
from .scene import Address
from .sides import exposed, is_side, with_sides


def of_term(typed: Typed, fold: Fold = None, long: bool = False, sides: bool = True) -> Plan:
    """The plan of a typed term; with `long`, convolutions and poolings are parts with what they are made of inside.

    With `sides`, what comes from the side is grabbed and what leaves there is dropped; a term that is one map
    with sides is drawn as what is in it. Without, such maps are closed. Raises LensError for a path in `fold` at
    which there is no part.
    """
    folding = Folding(fold, long, sides)
    circuit = typed.circuit
    if sides and is_side(circuit):
        (cell,) = circuit.cells
        assert cell.inner is not None and isinstance(cell.box, Para)
        plan = with_sides(_plan(cell.inner, (cell.index,), (), folding), cell.box)
    else:
        plan = _plan(circuit, (), (), folding)
    folding.finish(shorten(typed.term))
    return plan


def is_part(cell: Cell) -> bool:
    """Whether a box has a term inside that can be drawn in its place."""
    inside = cell.inner
    return (
        isinstance(cell.box, Combinator) and inside is not None and (len(inside.dom), len(inside.cod)) == cell.box.arity
    )


def long_form(cell: Cell) -> Typed | None:
    """What a convolution or a pooling is made of; None for other boxes, and for those that have no long form."""
    form = cell.box.long_form(cell.dom) if isinstance(cell.box, Conv | Pool) else None
    return None if form is None else form.at(cell.dom)


def _opens(cell: Cell, path: Path, folding: Folding) -> bool:
    """Whether a box is a part that is drawn opened."""
    if not isinstance(cell.box, Combinator) or cell.inner is None:
        return False
    if isinstance(cell.box, Para):
        return folding.sides and folding.opens(path)
    opened = folding.opens(path)
    inside = cell.inner.cells
    card = (
        cell.box.glyph == "block" and len(inside) == 1 and inside[0].box.glyph in CARDS
    )  # as that box with a name on it
    return is_part(cell) and (opened or (card and path not in folding.closed))


def _plan(circuit: Circuit, address: Address, path: Path, folding: Folding) -> Plan:
    plan = Plan(circuit.dom.arrays, circuit.cod.arrays, outs=tuple(circuit.outs), address=address)
    for cell in circuit.cells:
        here = (*address, cell.index)
        inner = None
        below = (*path, cell.name or cell.box.label)
        if cell.inner is not None:
            if _opens(cell, below, folding):
                inner = _plan(cell.inner, here, below, folding)
                inner = with_sides(inner, cell.box) if isinstance(cell.box, Para) else inner
        elif (long := long_form(cell)) is not None and folding.writes_out(below):
            inner = _plan(long.circuit, here, below, folding)
        node = _node(cell, here, inner)
        plan.nodes.append(_named(node) or node)
    return plan


def under(plan: Plan, address: Address) -> Plan:
    """The plan as that of the part at an address."""
    nodes = [
        dataclasses.replace(
            node,
            address=(*address, *node.address),
            inner=None if node.inner is None else under(node.inner, address),
        )
        for node in plan.nodes
    ]
    return dataclasses.replace(plan, nodes=nodes, address=(*address, *plan.address))


CARDS = ("learned", "embed")
"""The glyphs of learned boxes, which can carry the name of a block around them."""


def _named(node: Node) -> Node | None:
    """A block around one learned box, as that box with the block's name on it; None for other nodes."""
    inside = node.inner
    name = node.box.fields.get("name")
    if inside is None or not isinstance(name, str) or len(inside.nodes) != 1:
        return None
    (only,) = inside.nodes
    plain = only.ins == tuple(range(len(inside.dom))) and only.outs == inside.outs
    if not plain or only.glyph not in CARDS or node.glyph != "block":
        return None
    return dataclasses.replace(
        only, ins=node.ins, outs=node.outs, address=node.address, box=node.box, title=node.title,
        data=(*(pair for pair in only.data if pair[0] != "name"), ("name", name)),
    )  # fmt: skip


def _node(cell: Cell, address: Address, inner: Plan | None) -> Node:
    box = cell.box
    fields = {name: v for name, v in box.fields.items() if isinstance(v, int | float | str | tuple | None)}
    name = fields.get("name")
    node = Node(
        box.glyph,
        name if box.glyph == "block" and isinstance(name, str) else _title(box) if inner is not None else box.label,
        shorten(box, 400),
        tuple(cell.ins),
        tuple(cell.outs),
        cell.dom.arrays,
        cell.cod.arrays,
        tuple(box.strands(cell.dom)),
        address,
        box,
        inner,
        tuple((port.name, port.array) for port in cell.ports if port.kind == "param"),
        (*fields.items(), *([("learned", bool(cell.inner.params))] if box.glyph == "repeat" and cell.inner else [])),
    )
    return exposed(node) if inner is None else _opened(node, cell)


def _title(box: Any) -> str:
    """What stands over a part: its label; a convolution or a pooling in words."""
    if isinstance(box, Conv):
        return "transposed convolution" if box.transposed else "convolution"
    return f"{box.kind} pooling" if isinstance(box, Pool) else box.label


def _opened(node: Node, cell: Cell) -> Node:
    """The node of a part that is drawn opened, where its inner arrays lack an axis of the outer ones."""
    assert node.inner is not None
    inside = node.inner
    outer_rank = [a.rank for a in node.dom]
    if [a.rank for a in inside.dom] == outer_rank and [a.rank for a in inside.cod] == [a.rank for a in node.cod]:
        return node
    axis = node.box.fields.get("axis", 0)
    missing = [a.rank - b.rank for a, b in zip(node.dom, inside.dom, strict=True)]
    places = [a.axis(axis) + a.rank if m else None for a, m in zip(node.dom, missing, strict=True)]
    enters = tuple(tuple(k for k in range(a.rank) if k != place) for a, place in zip(node.dom, places, strict=True))
    leaves = tuple(tuple(range(a.rank - b.rank, a.rank)) for a, b in zip(node.cod, inside.cod, strict=True))
    if node.glyph == "repeat":  # a scan: inside there is one step
        return dataclasses.replace(node, enters=enters, leaves=leaves)
    have = [i for i, m in enumerate(missing) if m]
    at = places[have[0]]
    assert at is not None
    first = node.dom[have[0]]
    pushed = _along(inside, have, first.sizes[at], first.names[at])
    enters = tuple(e if place is None else (place, *e) for e, place in zip(enters, places, strict=True))
    return dataclasses.replace(node, inner=pushed, enters=enters, leaves=None)


def _along(plan: Plan, inputs: Sequence[int], size: int, name: str | None) -> Plan:
    """The plan with an axis in front of the inputs with these numbers and of all that comes of them."""

    def wide(array: Array) -> Array:
        return Array((size, *array.sizes), (name, *array.names), array.element)

    have = set(inputs)
    nodes = []
    for node in plan.nodes:
        ins = {i for i, w in enumerate(node.ins) if w in have}
        if not ins:
            nodes.append(node)
            continue
        outs = set(range(len(node.outs)))
        have |= set(node.outs)
        shifted = tuple(
            Strand(
                tuple((i, k + (i in ins)) for i, k in strand.ins),
                tuple((j, k + 1) for j, k in strand.outs),
            )
            for strand in node.strands
        )
        past = Strand(tuple((i, 0) for i in sorted(ins)), tuple((j, 0) for j in sorted(outs)))
        nodes.append(
            dataclasses.replace(
                node,
                dom=tuple(wide(a) if i in ins else a for i, a in enumerate(node.dom)),
                cod=tuple(wide(a) for a in node.cod),
                strands=(past, *shifted),
                inner=None if node.inner is None else _along(node.inner, sorted(ins), size, name),
                enters=None
                if node.enters is None
                else tuple((0, *(k + 1 for k in e)) if i in ins else e for i, e in enumerate(node.enters)),
                leaves=None if node.leaves is None else tuple((0, *(k + 1 for k in e)) for e in node.leaves),
            )
        )
    dom = tuple(wide(a) if i in set(inputs) else a for i, a in enumerate(plan.dom))
    cod = tuple(wide(a) if w in have else a for w, a in zip(plan.outs, plan.cod, strict=True))
    return dataclasses.replace(plan, dom=dom, cod=cod, nodes=nodes)
