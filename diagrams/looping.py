"""Loops: the index of a repeat and its range, which parameters have it, and which wires are carried from step to step.

In ``f ** n`` every step has parameters of its own, W_i for i from 1 to n, and hands all of its arrays to
the next step; in a scan all steps share their parameters, and the first wires are handed on.
"""

from __future__ import annotations

import dataclasses

from lenses.combinators.loops import Loop, Repeat, Scan
from lenses.combinators.parts import Tied

from .plan import Node, Plan
from .text import clip

INDICES = "ijkl"
"""The letters of the indices, the outermost first."""


def looped(plan: Plan, indices: str = "") -> Plan:
    """The plan whose opened loops say their range and what they carry, and whose boxes the indices of their parameters.

    `indices` are those of the loops around it.
    """
    return dataclasses.replace(plan, nodes=[_node(node, indices) for node in plan.nodes])


def _node(node: Node, indices: str) -> Node:
    """A node with what it adds to its data: "index", "range" and "again" (see `Frame`)."""
    if isinstance(node.box, Tied):
        indices = ""
    data = [*node.data, *([("index", indices)] if indices and node.params else [])]
    if node.inner is None:
        return dataclasses.replace(node, data=tuple(data))
    inside = indices
    if isinstance(node.box, Repeat) and len(indices) < len(INDICES):
        letter = INDICES[len(indices)]
        if dict(node.data).get("learned"):
            inside = indices + letter
            data.append(("range", f"{letter} = 1 … {node.box.times}"))
    if isinstance(node.box, Scan):
        data.append(("range", _steps(node)))
    again = tuple(_carried(node)) if node.glyph == "repeat" else ()
    return dataclasses.replace(
        node, data=(*data, *([("again", again)] if again else [])), inner=looped(node.inner, inside)
    )


def _steps(node: Node) -> str:
    """The range of a scan: the axis through which it steps, by its name, and the way it goes."""
    array, entering = next((a, e) for a, e in zip(node.dom, node.enters or (), strict=True) if len(e) < a.rank)
    (place,) = set(range(array.rank)) - set(entering)
    ends = 1, array.sizes[place]
    first, last = ends[::-1] if isinstance(node.box, Scan) and node.box.reversed else ends
    return f"{clip(array.names[place] or 't', 24)} = {first} … {last}"


def _carried(node: Node) -> list[tuple[int, int]]:
    """The inputs of a loop whose values are handed on to the next step, each with the output that is handed on."""
    if isinstance(node.box, Loop):
        return [(k, k) for k in range(node.box.carried)]
    kept = dict(node.data).get("kept", 0)  # a loop of a JAX function
    first = len(node.ins) - kept
    if node.box.primitive.name == "scan":
        first = node.box.params["num_consts"]
    return [(first + k, k) for k in range(kept)]
