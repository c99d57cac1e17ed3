"""Memory by name: a long wire is cut in two, written into a named slot where it begins and read from it where it ends.

The two ends have one name and one colour, as what a box keeps for the backward pass has. What is computed is
the same, and so is the term that is read back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from lenses.arguments import is_whole
from lenses.errors import LensError, explain, shown
from lenses.spaces import Array

from .glyphs import COLOURS
from .layout.columns import by_column
from .plan import Node, Plan

LONG = 5
"""How many columns of boxes a wire may run past, unless it is said."""


def check_memory(memory: Any) -> int:
    """How many columns a wire may run past, from what `draw` was given. Raises LensError for anything else."""
    if memory is True:
        return LONG
    if not is_whole(memory, 1):
        expected = "True, or the number of columns of boxes that a wire may run past, 1 or more"
        raise LensError(explain(f"draw: memory={shown(memory)}", expected=expected))
    return memory


def remembered(plan: Plan, most: int) -> Plan:
    """The plan in which wires that run past more than `most` columns of boxes go through memory instead.

    Columns of opened parts count as those inside. Slots are called m1, m2, ... in the order in which they are
    written, through the parts of the plan too.
    """
    return _Memory(most).cut(plan)


class _Memory:
    def __init__(self, most: int):
        self.most, self.slots = most, 0

    def cut(self, plan: Plan) -> Plan:
        """The plan and the parts in it with their long wires cut."""
        cut = self.long(plan)
        free = 1 + max([len(plan.dom) - 1, *(w for node in plan.nodes for w in node.outs)])
        place = 1 + max((node.address[-1] for node in plan.nodes), default=-1)
        names: dict[int, str] = {}
        wires: dict[int, int] = {}
        nodes: list[Node] = []

        def slot(kind: str, wire: int, array: Array) -> Node:
            """What writes the slot of a wire, or reads it."""
            nonlocal place
            name = names[wire]
            data = (("slot", name), ("colour", f"kept{(int(name[1:]) - 1) % COLOURS}"))
            ins, outs = ((wire,), ()) if kind == "write" else ((), (wires[wire],))
            dom, cod = ((array,), ()) if kind == "write" else ((), (array,))
            title = f"{array!r} is {'written to' if kind == 'write' else 'read from'} {name}"
            place += 1
            return Node(kind, name, title, ins, outs, dom, cod, address=(*plan.address, place - 1), data=data)

        def written(made: Iterator[tuple[int, Array]]) -> Iterator[Node]:
            nonlocal free
            for wire, array in made:
                if wire in cut:
                    self.slots += 1
                    names[wire], wires[wire] = f"m{self.slots}", free
                    free += 1
                    yield slot("write", wire, array)

        nodes += written(zip(range(len(plan.dom)), plan.dom, strict=True))
        for node in plan.nodes:
            nodes += [slot("read", w, a) for w, a in zip(node.ins, node.dom, strict=True) if w in cut]
            ins = tuple(wires.get(w, w) for w in node.ins)
            nodes.append(dataclasses.replace(node, ins=ins, inner=node.inner and self.cut(node.inner)))
            nodes += written(zip(node.outs, node.cod, strict=True))
        return dataclasses.replace(plan, nodes=nodes)

    def long(self, plan: Plan) -> set[int]:
        """The wires that run past too many columns, from a box or an input to a box."""
        columns = by_column(plan)
        ends = list(accumulate((_length(column) for column in columns), initial=0))
        made = dict.fromkeys(range(len(plan.dom)), -1)
        made |= {w: k for k, column in enumerate(columns) for node in column for w in node.outs}
        return {
            w
            for k, column in enumerate(columns)
            for node in column
            for w in node.ins
            if k - made[w] > 2 and ends[k] - ends[made[w] + 1] > self.most
        }


def _length(column: list[Node]) -> int:
    """How many columns one counts for: as many as there are in the longest part that is opened in it."""
    inside = (node.inner for node in column if node.inner is not None)
    return max([1, *(sum(map(_length, by_column(plan))) for plan in inside)])
