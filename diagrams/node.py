"""Nodes and plans: the boxes that are drawn and their wires, before it is decided where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lenses.errors import LensError, explain, shown
from lenses.spaces import Array
from lenses.strands import Strand

from .scene import Address


@dataclass
class Node:
    """A box to be drawn.

    `glyph` is the kind of glyph (see `glyphs`), `text` what is written in it, `title` its whole source.
    `ins` and `outs` are wires; `dom` and `cod` their arrays. Axes in `strands` run past, the others
    end at the glyph. `inner` is the plan of the part inside, where it is drawn opened. `params` names
    the arrays that come from the side.

    `enters[i][k]` is the axis of the i-th array outside which is axis k of it inside an opened part,
    and `leaves` likewise on the way out; None where they are the same. `on_stub`: it is written on the
    arrow in which the product before it leaves. `turned`: the order, from the top, of the inputs of a sum or
    the outputs of a copy, where it is not that of their numbers: wires cross less then.
    """

    glyph: str
    text: str
    title: str
    ins: tuple[int, ...]
    outs: tuple[int, ...]
    dom: tuple[Array, ...]
    cod: tuple[Array, ...]
    strands: tuple[Strand, ...] = ()
    address: Address = ()
    box: Any = None
    inner: Plan | None = None
    params: tuple[tuple[str, Array], ...] = ()
    data: tuple[Any, ...] = ()
    enters: tuple[tuple[int, ...], ...] | None = None
    leaves: tuple[tuple[int, ...], ...] | None = None
    on_stub: bool = False
    turned: tuple[int, ...] | None = None


@dataclass
class Plan:
    """Nodes in an order in which each comes after what it needs. Wires 0 to len(dom)-1 come in; `outs` leave."""

    dom: tuple[Array, ...]
    cod: tuple[Array, ...]
    nodes: list[Node] = field(default_factory=list)
    outs: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    address: Address = ()

    def arrays(self) -> Iterator[Array]:
        """The arrays of the plan, and of the parts in it."""
        plans = [self]
        while plans:
            plan = plans.pop(0)
            plans += [node.inner for node in plan.nodes if node.inner is not None]
            yield from (*plan.dom, *(a for node in plan.nodes for a in node.cod))

    def check_axes(self, argument: str, names: Iterable[str]) -> None:
        """Raises LensError for names, given as an argument of `draw`, that no axis of these arrays has."""
        known = dict.fromkeys(n for array in self.arrays() for n in array.names if n)
        for name in names:
            if name not in known:
                what = f"draw: {argument}: no axis is called {shown(name)}"
                raise LensError(explain(what, axes=", ".join(known) or "none"))
