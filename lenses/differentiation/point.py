"""A point at which one box is differentiated: what a clause of the differentiator is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp

from ..interpret import Cx, Side
from ..spaces import Array, RealElement, Space
from ..syntax import shorten
from ..trees import nest, pick, renew
from ..typed import Cell


@dataclass(frozen=True)
class Point:
    """Where a box is differentiated: its side and inputs, and the places of those parameters and inputs that move.

    `learned` are paths into the tree of its parameters, with those tied by name under their names.
    """

    cx: Cx
    side: Side
    xs: Sequence[Any]
    learned: tuple[tuple[str, ...], ...]
    inputs: tuple[int, ...]

    @property
    def name(self) -> str:
        """What the derivative of the box is called."""
        return f"D[{shorten(self.cx.cell.box, 30)}]"

    @property
    def moving(self) -> list[Any]:
        """What moves: parameters first."""
        return [*(pick(weights(self.cx.cell, self.side), p) for p in self.learned), *(self.xs[i] for i in self.inputs)]

    @property
    def dom(self) -> Space:
        """The arrays that move."""
        held = self.moving[: len(self.learned)]
        own = [Array(x.shape, element=RealElement(jnp.dtype(x.dtype).name)) for x in held]
        return Space([*own, *(self.cx.dom[i] for i in self.inputs)])

    @property
    def cod(self) -> Space:
        """The outputs that can change."""
        return Space(a for a in self.cx.cod if a.real)

    def function(self, *moving: Any) -> tuple[list[Any], list[Any]]:
        """The box as a function of what moves: its real outputs, and the others."""
        n = len(self.learned)
        xs = list(self.xs)
        for i, x in zip(self.inputs, moving[n:], strict=True):
            xs[i] = x
        new = renew(weights(self.cx.cell, self.side), nest(self.learned, moving[:n]))
        shared = {name: new.pop(name) for name in self.cx.cell.shared}
        side = replace(self.side, params=new, shared=self.side.shared | shared)
        ys, _ = self.cx.cell.box.run(self.cx, side, xs)
        pairs = list(zip(ys, self.cx.cod, strict=True))
        return [y for y, a in pairs if a.real], [y for y, a in pairs if not a.real]

    def outputs(self, real: Sequence[Any], others: Sequence[Any]) -> list[Any]:
        """All outputs in their order."""
        reals, rest = iter(real), iter(others)
        return [next(reals) if a.real else next(rest) for a in self.cx.cod]


def weights(cell: Cell, side: Side) -> dict[str, Any]:
    """The parameters that a box uses: its own, and those tied by name, under their names."""
    return side.params | {name: side.shared[name] for name in cell.shared}
