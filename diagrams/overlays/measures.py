"""Measures: the numbers that overlays show, bytes alive between columns and work of boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

from lenses.cost import work_of_equation
from lenses.errors import SpaceError
from lenses.spaces import Array, Space
from lenses.terms import Box

from ..grouping import whole
from ..layout import Laid
from ..plan import Node


def amount(n: float, unit: str = "") -> str:
    """A number of things in three digits: 3.5 kB, 1.2 M."""
    prefix, *more = ("", "k", "M", "G", "T", "P", "E")
    while n >= 999.5 and more:
        n, prefix, more = n / 1000, more[0], more[1:]
    return f"{n:.3g} {prefix}{unit}".strip()


# -- memory ----------------------------------------------------------------------------------


def nbytes(arrays: Sequence[Array]) -> int:
    """The bytes of arrays: of each the product of its axes times the size of an element."""
    return sum(a.size * a.dtype.itemsize for a in arrays)


def alive(laid: Laid, gap: int) -> list[Array]:
    """The arrays in the gap after a column, from the top, and those in memory."""
    kept = [array for array, written, read in laid.memory if written <= gap < read]
    return [*(laid.arrays[w] for w in laid.columns[gap + 1].order), *kept]


def peak(laid: Laid) -> int:
    """The most bytes alive at once, in a gap or within an opened part."""
    gaps = range(len(laid.columns) - 1)
    return max(chain((nbytes(alive(laid, k)) for k in gaps), (inside(laid, k) for k in gaps)), default=0)


def inside(laid: Laid, place: int) -> int:
    """The most bytes alive within a column: in its opened parts and beside them; 0 if it has no such part.

    Where a part is one step of a loop, all that it steps through is alive beside it.
    """
    items = laid.columns[place].items
    if all(item.laid is None for item in items):
        return 0
    total = nbytes([array for array, written, read in laid.memory if written < place < read])
    for item in items:
        if item.node is None:
            total += nbytes([laid.arrays[w] for w in item.wires])
        elif item.laid is None:
            total += max(nbytes(item.node.dom), nbytes(item.node.cod))
        else:
            node, part = item.node, item.laid.plan
            outer, inner = nbytes(node.dom) + nbytes(node.cod), nbytes(part.dom) + nbytes(part.cod)
            total += peak(item.laid) + max(outer - inner, 0)
    return total


# -- work ------------------------------------------------------------------------------------


def work(node: Node) -> int:
    """The multiplications and additions of a box or of an equation of a JAX function."""
    if isinstance(node.box, Box):
        try:
            return node.box.flops(Space([whole(a) for a in node.dom]))
        except SpaceError:
            return _slices(node)
    return work_of_equation(node.box).total if hasattr(node.box, "primitive") else 0


def _slices(node: Node) -> int:
    """The work of a box along axes that only some of its inputs have: that of a slice, as often as there are slices."""
    partial = [strand for strand in node.strands if strand.outs and len({i for i, _ in strand.ins}) < len(node.dom)]
    gone = {place for strand in partial for place in strand.ins}
    dom = [
        Array([n for k, n in enumerate(a.sizes) if (i, k) not in gone], element=a.element)
        for i, a in enumerate(map(whole, node.dom))
    ]
    times = [node.dom[i].sizes[k] for (i, k), *_ in (strand.ins for strand in partial)]
    return math.prod(times) * node.box.flops(Space(dom))
