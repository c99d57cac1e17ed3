"""Sides: parameters that come from the side as grabs, and changes that leave there as drops.

A parameter is grabbed by its name wherever it is used, so that no wire of it runs through the picture,
and the change of a parameter is dropped where it is made: the terms of the Para construction, such as
reverse derivatives, are drawn so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from lenses.combinators import Expose
from lenses.combinators.parametrised import Para
from lenses.reverse import Derivative, Reverse
from lenses.spaces import Array
from lenses.strands import Strand
from lenses.typed import Circuit

from .node import Node, Plan
from .text import clip

GRAB, DROP = "parameter", "change"
"""The glyphs of a parameter that comes from the side, and of a change that leaves there."""


def is_side(circuit: Circuit) -> bool:
    """Whether a term is nothing but a map with wires to the side."""
    cell = circuit.cells[0] if len(circuit.cells) == 1 else None
    if cell is None or not isinstance(cell.box, Para) or not (cell.box.params or cell.box.changes):
        return False
    return list(cell.ins) == list(range(len(circuit.dom))) and list(cell.outs) == list(circuit.outs)


def with_sides(plan: Plan, box: Para) -> Plan:
    """The plan of the term inside `box`, its first inputs grabbed and its first outputs dropped.

    A parameter that is copied at once is grabbed where each copy goes.
    """
    n, k = len(box.params), len(box.changes)
    end = 1 + max((w for node in plan.nodes for w in node.outs), default=len(plan.dom) - 1)
    wires = {w: w - n for w in range(n, end)} | {w: end - n + w for w in range(n)}

    def named(numbers: Sequence[int]) -> tuple[int, ...]:
        return tuple(wires[w] for w in numbers)

    users = {node.ins: node for node in plan.nodes if node.glyph == "dot"}
    sides: list[Node] = []

    def side(glyph: str, text: str, title: str, array: Array, wire: int, box: Any, *data: tuple[str, int]) -> None:
        ends = ((), (wire,), (), (array,)) if glyph == GRAB else ((wire,), (), (array,), ())
        address = (*plan.address, -1 - len(sides))
        sides.append(Node(glyph, _short(text), title, *ends, address=address, box=box, data=data))

    dropped = []
    for i, port in enumerate(box.params):
        copy = users.get((i,))
        dropped += [copy]
        outs = (i,) if copy is None else copy.outs
        for use, w in enumerate(outs):
            data = ("port", i), ("use", use), ("uses", len(outs))
            side(GRAB, port.name, f"the {port.kind} {port.name}", port.array, wires[w], port, *data)
    nodes = [
        dataclasses.replace(node, ins=named(node.ins), outs=named(node.outs)) for node in plan.nodes
        if not any(node is copy for copy in dropped)
    ]  # fmt: skip
    user = {w: k for k, node in enumerate(nodes) for w in node.ins}
    grabs = sorted(sides, key=lambda node: user.get(node.outs[0], len(nodes)))
    for i, name in enumerate(box.changes):
        side(DROP, f"{name}′", f"the change of {name}", plan.cod[i], wires[plan.outs[i]], name, ("change", i))
    nodes = [*grabs, *nodes, *sides[len(grabs) :]]
    return dataclasses.replace(plan, dom=plan.dom[n:], cod=plan.cod[k:], nodes=nodes, outs=named(plan.outs[k:]))


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"…{clip(name[-23:], 23)}"


def exposed(node: Node) -> Node:
    """The node of a box with its parameters as wires, drawn as that box, and of a derivative of one, named after it."""
    box = node.box
    if isinstance(box, Derivative):
        inside = box.exposed.term.term if isinstance(box.exposed.term, Expose) else box.exposed
        (of, *more) = inside.graph.nodes
        sign = "R" if isinstance(box, Reverse) else "T"
        return node if more else dataclasses.replace(node, text=f"{sign}[{of.box.label}]")
    if not isinstance(box, Expose):
        return node
    circuit = box.term.circuit
    n = len(box.params)
    (only, *more) = circuit.cells
    if more or list(only.ins) != list(range(len(circuit.dom))) or only.inner is not None:
        return node
    strands = tuple(
        Strand(tuple((i + n, k) for i, k in strand.ins), strand.outs) for strand in only.box.strands(only.dom)
    )
    return dataclasses.replace(node, glyph=only.box.glyph, text=only.box.label, strands=strands)
