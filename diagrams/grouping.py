"""Many axes as one: neighbouring axes that every box treats alike are drawn as one double wire.

Axes of one group are drawn as one where they stand beside each other in an array, in the order of the
group. Along a wire of several boxes they stay one as long as each box lets all of them run past alike,
merges, sums or ends all of them alike, or acts on all of them. A box that acts on one of them alone, or
moves it, needs them apart: then they are drawn apart from the box at which they began to that at which
they end, and nothing is said that is not so.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from networkx.utils import UnionFind

from lenses.errors import LensError, explain, shown
from lenses.spaces import Array
from lenses.strands import Strand

from .plan import Node, Plan
from .scene import Address

Groups = Mapping[str, Sequence[str]]
"""For each bold label the names of the axes that are drawn as one."""
Place = tuple[int, int]


class Grouped(Array):
    """An array as it is drawn: `whole` is the array, and axis k stands for the axes `members[k]` of it."""

    __slots__ = ("members", "whole")
    members: tuple[tuple[int, ...], ...]
    whole: Array

    def __init__(self, whole: Array, members: Sequence[tuple[int, ...]], labels: Mapping[int, str]):
        super().__init__([math.prod(whole.sizes[k] for k in ks) for ks in members], None, whole.element)
        names = tuple(labels.get(ks[0], whole.names[ks[0]]) for ks in members)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "whole", whole)
        object.__setattr__(self, "members", tuple(members))

    def axis(self, which: int | str) -> int:
        """The drawn axis in which the axis `which` of the array is, as a negative index."""
        place = self.whole.axis(which) + self.whole.rank
        return next(k for k, ks in enumerate(self.members) if place in ks) - self.rank

    def __repr__(self) -> str:
        return repr(self.whole)


def whole(array: Array) -> Array:
    """The array that is drawn as `array`."""
    return array.whole if isinstance(array, Grouped) else array


def together(array: Array, axis: int) -> tuple[int, ...]:
    """The sizes of the axes that a drawn axis stands for: several where it is a double wire."""
    if isinstance(array, Grouped):
        return tuple(array.whole.sizes[k] for k in array.members[axis])
    return (array.sizes[axis],)


def check_groups(groups: Any) -> dict[str, tuple[str, ...]]:
    """The groups, if they are labels with two or more names of axes each, no name in two of them."""
    expected = "labels, each with the names of two or more axes: {'x': ('height', 'width')}"
    if not isinstance(groups, Mapping):
        raise LensError(explain(f"draw: groups={shown(groups)}", expected=expected))
    found: dict[str, tuple[str, ...]] = {}
    for label, names in groups.items():
        names = tuple(names.split() if isinstance(names, str) else names) if isinstance(names, str | Sequence) else ()
        if not (isinstance(label, str) and label.strip() and len(names) > 1 and all(isinstance(n, str) for n in names)):
            raise LensError(explain(f"draw: groups={shown(groups)}", expected=expected))
        found[label] = names
    named = [name for names in found.values() for name in names]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise LensError(explain(f"draw: groups={shown(groups)}", because=f"{twice!r} is in it twice"))
    return found


def grouped(plan: Plan, groups: Groups) -> Plan:
    """The plan whose axes are those that are drawn: one for each group, where its axes can be drawn as one.

    Raises LensError for a group whose axes nowhere stand beside each other, and for one that is nowhere
    drawn as one, with the box that needs its axes apart.
    """
    found = _Groups(check_groups(groups))
    found.look(plan)
    found.check(plan)
    return found.drawn(plan)


Group = tuple[Address, int, str]
"""The axes of one group in one array: the address of its plan, the number of its wire, the label."""


@dataclass
class _Groups:
    """Where the groups of a plan are, which of them are one along wires, and which must be drawn apart, and why."""

    groups: Mapping[str, tuple[str, ...]]
    at: dict[Group, int] = field(default_factory=dict)
    arrays: dict[tuple[Address, int], Array] = field(default_factory=dict)
    joined: UnionFind = field(default_factory=UnionFind)
    apart: dict[Group, tuple[Node, str]] = field(default_factory=dict)

    # -- finding -----------------------------------------------------------------------------

    def look(self, plan: Plan) -> None:
        """Finds the groups in the arrays of a plan and of the parts in it, and what each box does to them."""
        arrays = dict(enumerate(plan.dom))
        for node in plan.nodes:
            arrays |= zip(node.outs, node.cod, strict=True)
        for wire, array in arrays.items():
            self.arrays[plan.address, wire] = array
            for label, names in self.groups.items():
                n = len(names)
                start = next((k for k in range(array.rank - n + 1) if array.names[k : k + n] == names), None)
                if start is not None:
                    self.at[plan.address, wire, label] = start
        for node in plan.nodes:
            if node.inner is None:
                self.box(plan.address, node)
            else:
                self.look(node.inner)
                self.part(plan.address, node, node.inner)

    def box(self, address: Address, node: Node) -> None:
        """Joins the groups on the two sides of a box, and notes those whose axes it does not treat alike."""
        sides = [dict(enumerate(node.ins)), dict(enumerate(node.outs))]
        strands = {(side, *p): s for s in node.strands for side, places in enumerate(s) for p in places}
        for side, wires in enumerate(sides):
            for i, wire in wires.items():
                for label, names in self.groups.items():
                    here = (address, wire, label)
                    if here not in self.at:
                        continue
                    start = self.at[here]
                    mine = [strands.get((side, i, start + k)) for k in range(len(names))]
                    first = mine[0]
                    odd = next((k for k, s in enumerate(mine) if (s is None) != (first is None)), None)
                    if odd is not None:
                        self.apart[here] = node, names[odd if first is not None else 0]
                    elif first is not None:
                        self.run(here, node, mine, sides)  # type: ignore[arg-type]

    def run(self, here: Group, node: Node, strands: Sequence[Strand], sides: list[dict[int, int]]) -> None:
        """Joins a group to those to which its strands run; they must run to the same axes of the same arrays."""
        address, _, label = here
        for side, wires in enumerate(sides):
            for i, k in strands[0][side]:
                there = (address, wires[i], label)
                together = there in self.at and self.at[there] == k
                odd = next((n for n, s in enumerate(strands) if (i, k + n) not in s[side]), None)
                if odd is None and together:
                    self.joined.union(here, there)
                else:
                    self.apart[here] = node, self.groups[label][odd or 0]
        for n, strand in enumerate(strands):
            if [len(places) for places in strand] != [len(places) for places in strands[0]]:
                self.apart[here] = node, self.groups[label][n]

    def part(self, address: Address, node: Node, inner: Plan) -> None:
        """Joins the groups outside of an opened part and inside of it."""
        sides = (node.ins, node.enters, range(len(inner.dom))), (node.outs, node.leaves, inner.outs)
        for wires, links, inside in sides:
            for i, (wire, other) in enumerate(zip(wires, inside, strict=True)):
                for label, names in self.groups.items():
                    out, within = (address, wire, label), (inner.address, other, label)
                    a, b = self.at.get(out), self.at.get(within)
                    if a is not None and b is not None:
                        linked = range(b, b + len(names)) if links is None else links[i][b : b + len(names)]
                        if list(linked) == list(range(a, a + len(names))):
                            self.joined.union(out, within)
                            continue
                    lost = next((n for n in names if n not in self.arrays[inner.address, other].names), names[0])
                    self.apart |= {g: (node, lost) for g in (out, within) if g in self.at}

    # -- drawing -----------------------------------------------------------------------------

    def opened(self) -> dict[Any, tuple[Node, str]]:
        """The runs that are drawn apart, and why."""
        return {self.joined[here]: why for here, why in self.apart.items()}

    def check(self, plan: Plan) -> None:
        """Refuses groups that are nowhere, or nowhere drawn as one."""
        opened = self.opened()
        for label, names in self.groups.items():
            mine = [here for here in self.at if here[2] == label]
            what = f"draw: groups: {label!r} = {', '.join(names)}"
            if not mine:
                known = dict.fromkeys(n for array in self.arrays.values() for n in array.names if n)
                raise LensError(
                    explain(what, because="no array has these axes beside each other, in this order",
                            axes=", ".join(known) or "none has a name")
                )  # fmt: skip
            if all(self.joined[here] in opened for here in mine):
                node, axis = opened[self.joined[mine[0]]]
                raise LensError(
                    explain(f"{what} cannot be drawn as one wire", box=node.title,
                            because=f"it does not treat {axis!r} as it does the others",
                            do="leave this group out, or close the part that the box is in with fold=")
                )  # fmt: skip

    def drawn(self, plan: Plan) -> Plan:
        """The plan with the axes that are drawn."""
        opened = self.opened()

        def array(address: Address, wire: int, given: Array) -> Array:
            starts = {
                self.at[address, wire, label]: label
                for label in self.groups
                if (address, wire, label) in self.at and self.joined[address, wire, label] not in opened
            }
            return Grouped(given, tuple(_members(given.rank, starts, self.groups)), starts) if starts else given

        def visit(plan: Plan) -> Plan:
            nodes = []
            for node in plan.nodes:
                dom = tuple(array(plan.address, w, a) for w, a in zip(node.ins, node.dom, strict=True))
                cod = tuple(array(plan.address, w, a) for w, a in zip(node.outs, node.cod, strict=True))
                inner, enters, leaves = node.inner and visit(node.inner), node.enters, node.leaves
                if inner is not None:
                    enters = enters and tuple(map(_linked, dom, inner.dom, enters))
                    leaves = leaves and tuple(map(_linked, cod, inner.cod, leaves))
                nodes.append(
                    dataclasses.replace(
                        node, dom=dom, cod=cod, strands=tuple(_strands(node.strands, dom, cod)), inner=inner,
                        enters=enters, leaves=leaves,
                    )
                )  # fmt: skip
            dom = tuple(array(plan.address, w, a) for w, a in enumerate(plan.dom))
            cod = tuple(array(plan.address, w, a) for w, a in zip(plan.outs, plan.cod, strict=True))
            return dataclasses.replace(plan, dom=dom, cod=cod, nodes=nodes)

        return visit(plan)


def _members(rank: int, starts: Mapping[int, str], groups: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[int, ...]]:
    """The axes of an array by the axes that are drawn."""
    k = 0
    while k < rank:
        n = len(groups[starts[k]]) if k in starts else 1
        yield tuple(range(k, k + n))
        k += n


def _drawn(array: Array) -> dict[int, int]:
    """The drawn axis that stands for each axis of an array; of a group, for the first alone."""
    members = array.members if isinstance(array, Grouped) else [(k,) for k in range(array.rank)]
    return {ks[0]: k for k, ks in enumerate(members)}


def _strands(strands: Sequence[Strand], dom: Sequence[Array], cod: Sequence[Array]) -> Iterator[Strand]:
    """The strands between drawn axes."""
    ins, outs = [_drawn(a) for a in dom], [_drawn(a) for a in cod]
    for strand in strands:
        come = tuple((i, ins[i][k]) for i, k in strand.ins if k in ins[i])
        go = tuple((j, outs[j][k]) for j, k in strand.outs if k in outs[j])
        if come or go:
            yield Strand(come, go)


def _linked(outer: Array, inner: Array, links: tuple[int, ...]) -> tuple[int, ...]:
    """The drawn axes outside of an opened part which are those inside."""
    place = _drawn(outer)
    return tuple(place[links[k]] for k in _drawn(inner))
