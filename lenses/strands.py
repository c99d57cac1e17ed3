"""Strands: what becomes of each axis in a box.

A box acts along some of its axes and is broadcast over the others. A strand says of an axis that
the box does not act along it: it takes each slice by itself, and hands the axis on. Pictures draw
it as a wire that runs past the box; rules and laws may rely on it, since it is checked against
`jax.vmap` for every box.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

Place = tuple[int, int]
"""An axis of a space: (number of the array, place of the axis in it, counted from 0)."""


class Strand(NamedTuple):
    """One index shared by the axes `ins` of a box's domain and `outs` of its codomain.

    With both, the box takes each slice along them by itself, all with the same parameters: ``vmap`` over
    these axes means the same.
    Without `outs`, it sums its results over the slices (an inner product, a sum). Without `ins`, its
    result is the same for every value of the index (a broadcast).
    Axes that are in no strand are those the box acts along.
    """

    ins: tuple[Place, ...]
    outs: tuple[Place, ...]


def aligned(axes: Iterable[int], ins: int = 1, outs: int = 1) -> tuple[Strand, ...]:
    """A strand for each of `axes`, which has one place in all of `ins` arrays and of `outs` arrays."""
    return tuple([Strand(tuple([(i, a) for i in range(ins)]), tuple([(o, a) for o in range(outs)])) for a in axes])


def moved(places: Iterable[tuple[int, int]]) -> tuple[Strand, ...]:
    """A strand for each pair (place in the only array of the domain, place in that of the codomain)."""
    return tuple([Strand(((0, a),), ((0, b),)) for a, b in places])
