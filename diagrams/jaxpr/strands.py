"""The strands of a whole plan, of a box without some of its operands, and the names that come along strands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lenses.spaces import Array
from lenses.strands import Place, Strand

from ..plan import Plan
from .programs import arrays, shape


def passing(plan: Plan, ties: Iterable[tuple[int, int]] = ()) -> list[Strand]:
    """The strands of a whole plan: axes of what comes in and leaves that run past all its nodes.

    `ties` are pairs of wires that carry the same array, such as what a scan keeps, at its start and its end.
    """
    ranks = {w: array.rank for w, array in enumerate(plan.dom)}
    for node in plan.nodes:
        ranks |= {w: array.rank for w, array in zip(node.outs, node.cod, strict=True)}
    boss: dict[Place, Place] = {(w, a): (w, a) for w, rank in ranks.items() for a in range(rank)}
    acted: list[Place] = []

    def find(place: Place) -> Place:
        while boss[place] != place:
            boss[place] = boss[boss[place]]
            place = boss[place]
        return place

    def join(places: Sequence[Place]) -> None:
        for place in places[1:]:
            boss[find(place)] = find(places[0])

    for node in plan.nodes:
        free = {(w, a) for w in (*node.ins, *node.outs) for a in range(ranks[w])}
        for strand in node.strands:
            places = [*((node.ins[i], a) for i, a in strand.ins), *((node.outs[o], a) for o, a in strand.outs)]
            join(places)
            if strand.outs:
                free.difference_update(places)
        if node.glyph != "end":
            acted += free
    for a, b in ties:
        for axis in range(ranks[a]):
            join([(a, axis), (b, axis)])
    bad = {find(place) for place in acted}
    seen: set[tuple[Place, int]] = set()
    for w, axis in boss:  # two axes of one array are no index of a strand
        root = find((w, axis))
        if (root, w) in seen:
            bad.add(root)
        seen.add((root, w))
    ends: dict[Place, tuple[list[Place], list[Place]]] = {}
    for side, wires in enumerate((range(len(plan.dom)), plan.outs)):
        for i, w in enumerate(wires):
            for axis in range(ranks[w]):
                ends.setdefault(find((w, axis)), ([], []))[side].append((i, axis))
    return [Strand(tuple(ins), tuple(outs)) for root, (ins, outs) in ends.items() if outs and root not in bad]


def renumbered(strands: Iterable[Strand], folded: Sequence[int], count: int) -> list[Strand]:
    """The strands of a box without some of its operands, which are numbers."""
    number = {i: k for k, i in enumerate(i for i in range(count) if i not in folded)}
    return [Strand(tuple([(number[i], a) for i, a in ins]), outs) for ins, outs in strands]


def named(variables: Sequence[Any], dom: Sequence[Array], strands: Iterable[Strand], keeps: bool) -> list[Array]:
    """The results of a box, with the names that come along its strands."""
    axes: list[list[str | None]] = [[None] * len(shape(v)) for v in variables]
    if keeps:
        for names, variable in zip(axes, variables, strict=True):
            if len(names) == dom[0].rank:
                same = zip(dom[0].names, dom[0].sizes, shape(variable), strict=True)
                names[:] = [name if m == n else None for name, m, n in same]
    for ins, outs in strands:
        name = next((dom[i].names[a] for i, a in ins if dom[i].names[a]), None)
        for o, b in outs:
            axes[o][b] = name
    return arrays(variables, axes)
