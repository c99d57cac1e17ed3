"""A plan in the making."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lenses.spaces import Array
from lenses.strands import Strand, aligned

from ..plan import Node, Plan
from ..scene import Address
from .primitives.look import constant
from .programs import array
from .strands import passing


class Sheet:
    """A plan in the making: the arrays of all wires so far, and nodes that are added at the end."""

    def __init__(self, dom: Iterable[Array], address: Address):
        self.arrays = list(dom)
        self.plan = Plan(tuple(self.arrays), (), address=address)

    def add(
        self, glyph: str, text: str, ins: Iterable[int], cod: Iterable[Array], strands: Iterable[Strand] = (),
        **more: Any,
    ) -> list[int]:  # fmt: skip
        """Adds a node and returns the wires that it makes. Its title is its text where none is given."""
        ins, cod, first = tuple(ins), tuple(cod), len(self.arrays)
        outs = tuple(range(first, first + len(cod)))
        dom = tuple([self.arrays[w] for w in ins])
        title = more.pop("title", text)
        self.plan.nodes.append(Node(glyph, text, title, ins, outs, dom, cod, tuple(strands), self.next(), **more))
        self.arrays += cod
        return list(outs)

    def next(self, skipped: int = 0) -> Address:
        """The address of the next node, or of that after so many more."""
        return (*self.plan.address, len(self.plan.nodes) + skipped)

    def constant(self, value: Any, atom: Any) -> int:
        """The wire of a constant, which is the value of a variable or literal."""
        return self.add("constant", constant(value, atom), (), [array(atom)], box=value)[0]

    def share(self, wire: int, times: int) -> list[int]:
        """A wire as many times as it is read: copied, or ended if it is not read."""
        if times == 1:
            return [wire]
        array = self.arrays[wire]
        if not times:
            return self.add("end", "discard", [wire], [])
        return self.add("dot", "copy", [wire], [array] * times, aligned(range(array.rank), 1, times))

    def chosen(self, which: int, options: Sequence[Sequence[int]]) -> tuple[Plan, list[Strand]]:
        """The plan, from which leaves one of several tuples of arrays, chosen by a number or by one for each slice.

        The axes of all options end at the choice, which joins them. Those that run past the whole plan, for
        which they are taken to run past the choice too, are returned with it.
        """
        cod = [self.arrays[w] for w in options[0]]
        own = self.arrays[which].rank  # the condition of a loop that was mapped has leading axes
        strands = [
            Strand((*[(0, a)] * (a < own), *((1 + b * len(cod) + o, a) for b in range(len(options)))), ((o, a),))
            for o, array in enumerate(cod)
            for a in range(array.rank)
        ]
        plan = self.done(self.add("box", "choose", [which, *(w for option in options for w in option)], cod, strands))
        past = passing(plan)
        plan.nodes[-1].strands = ()
        return plan, past

    def done(self, outs: Iterable[int]) -> Plan:
        """The plan, from which these wires leave."""
        self.plan.outs = tuple(outs)
        self.plan.cod = tuple([self.arrays[w] for w in self.plan.outs])
        return self.plan
