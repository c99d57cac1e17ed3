"""Linear maps as a category with biproducts: what a representation of linear maps must say, and what follows.

Spaces are the objects. `A * B` is a product and a coproduct at once: linear maps into it are pairs of maps
(`fork`, `unfork`), and so are linear maps out of it (`join`, `unjoin`). The structure is copy and discard on
one side, add and zero on the other (Elliott 2018, "Putting the pieces together").

A representation says what its maps are, how they compose and stand side by side, and what the map of a box
becomes; the rest is built of these here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax.numpy as jnp

from ..errors import ArityError, explain
from ..spaces import Space
from .local import Local, adding, copying, ending, permuting, scaling, starting


def beside(spaces: Sequence[Space]) -> Space:
    """The spaces side by side."""
    return Space(array for space in spaces for array in space)


@dataclass(frozen=True, eq=False, repr=False)
class LinearMap:
    """A linear map A -> B in some representation, which alone knows what it is held as."""

    dom: Space
    cod: Space

    @property
    def says(self) -> str:
        """What the map is held as, for people."""
        raise NotImplementedError(type(self).__name__)

    def __repr__(self) -> str:
        return f"<{self.dom!r} -> {self.cod!r}: {self.says}>"


@dataclass(frozen=True, eq=False)
class Layer:
    """One box of a term as a map of all wires beside it: they are permuted, and then it stands among them.

    `row` are the arrays before; `order` brings those that the box takes together, behind the first `before`.
    """

    row: Space
    order: tuple[int, ...]
    before: int
    local: Local

    @property
    def spaces(self) -> tuple[Space, Space]:
        """The arrays that pass before and behind the box."""
        row = [self.row[i] for i in self.order]
        return Space(row[: self.before]), Space(row[self.before + len(self.local.dom) :])

    @property
    def cod(self) -> Space:
        """The arrays after."""
        before, behind = self.spaces
        return before @ self.local.cod @ behind


class LinearMaps:
    """A category of linear maps with biproducts. A subclass is one representation of them.

    It says `identity`, `compose`, `cross`, `of` (the map of a box) and `blocks` (the Jacobian).
    """

    name: str = "linear maps"

    def __repr__(self) -> str:
        return self.name

    # -- what a representation says ------------------------------------------------------------
    def identity(self, space: Space) -> Any:
        """A -> A."""
        raise NotImplementedError(type(self).__name__)

    def of(self, local: Local) -> Any:
        """The map of a box."""
        raise NotImplementedError(type(self).__name__)

    def composite(self, maps: Sequence[Any]) -> Any:
        """f ; g ; ..., of at least two maps that fit."""
        raise NotImplementedError(type(self).__name__)

    def product(self, maps: Sequence[Any]) -> Any:
        """f * g * ..., of at least two maps."""
        raise NotImplementedError(type(self).__name__)

    def blocks(self, f: Any) -> list[list[Any]]:
        """The Jacobian: for each output a row with a matrix for each input, None for zero."""
        raise NotImplementedError(type(self).__name__)

    # -- a category ----------------------------------------------------------------------------
    def compose(self, *maps: Any) -> Any:
        """f ; g ; ..., in the order of the diagram. Raises ArityError where two do not fit."""
        for left, right in pairwise(maps):
            if left.cod != right.dom:
                raise ArityError(
                    explain("linear maps that do not compose", left=left, right=right, in_=self,
                            expected=f"a map from {left.cod!r}", came=f"a map from {right.dom!r}")
                )  # fmt: skip
        return maps[0] if len(maps) == 1 else self.composite(maps)

    def cross(self, *maps: Any) -> Any:
        """f * g * ..., side by side."""
        kept = [f for f in maps if len(f.dom) or len(f.cod)] or [maps[0]]
        return kept[0] if len(kept) == 1 else self.product(kept)

    def permute(self, space: Space, order: Sequence[int]) -> Any:
        """The permutation of wires whose output j is input `order[j]`."""
        return self.of(permuting(space, order))

    # -- products and coproducts ---------------------------------------------------------------
    def copy(self, space: Space, times: int = 2) -> Any:
        """A -> A * ... * A."""
        return self.of(copying(space, times))

    def discard(self, space: Space) -> Any:
        """A -> I."""
        return self.of(ending(space))

    def add(self, space: Space, times: int = 2) -> Any:
        """A * ... * A -> A, the sum."""
        return self.of(adding(space, times))

    def zero(self, space: Space) -> Any:
        """I -> A."""
        return self.of(starting(space))

    def scale(self, space: Space, by: Any) -> Any:
        """A -> A, times a number."""
        return self.of(scaling(space, by))

    def first(self, a: Space, b: Space) -> Any:
        """A * B -> A."""
        return self.cross(self.identity(a), self.discard(b))

    def second(self, a: Space, b: Space) -> Any:
        """A * B -> B."""
        return self.cross(self.discard(a), self.identity(b))

    def left(self, a: Space, b: Space) -> Any:
        """A -> A * B."""
        return self.cross(self.identity(a), self.zero(b))

    def right(self, a: Space, b: Space) -> Any:
        """B -> A * B."""
        return self.cross(self.zero(a), self.identity(b))

    def fork(self, f: Any, g: Any) -> Any:
        """<f, g>: A -> B * C, of f: A -> B and g: A -> C."""
        return self.compose(self.copy(f.dom), self.cross(f, g))

    def unfork(self, h: Any, b: Space, c: Space) -> tuple[Any, Any]:
        """The two parts of h: A -> B * C."""
        return self.compose(h, self.first(b, c)), self.compose(h, self.second(b, c))

    def join(self, f: Any, g: Any) -> Any:
        """[f, g]: A * B -> C, of f: A -> C and g: B -> C; (a, b) goes to f(a) + g(b)."""
        return self.compose(self.cross(f, g), self.add(f.cod))

    def unjoin(self, h: Any, a: Space, b: Space) -> tuple[Any, Any]:
        """The two parts of h: A * B -> C."""
        return self.compose(self.left(a, b), h), self.compose(self.right(a, b), h)

    def plus(self, f: Any, g: Any) -> Any:
        """f + g = copy ; (f * g) ; add."""
        return self.compose(self.copy(f.dom), self.cross(f, g), self.add(f.cod))

    # -- with the map of a box -----------------------------------------------------------------
    def push(self, f: Any, local: Local) -> Any:
        """f ; the map of a box."""
        return self.compose(f, self.of(local))

    def pull(self, local: Local, f: Any) -> Any:
        """The map of a box ; f."""
        return self.compose(self.of(local), f)

    def layer(self, layer: Layer) -> Any:
        """The map of a box among the wires beside it."""
        before, behind = layer.spaces
        among = self.cross(self.identity(before), self.of(layer.local), self.identity(behind))
        if layer.order == tuple(range(len(layer.order))):
            return among
        return self.compose(self.permute(layer.row, layer.order), among)

    def matrix(self, f: Any) -> Any:
        """The Jacobian as one matrix, a row for each number that comes out."""
        rows = self.blocks(f)
        if not len(f.dom) or not len(f.cod):
            return jnp.zeros((sum(a.size for a in f.cod), sum(a.size for a in f.dom)))

        def filled(block: Any, o: int, i: int) -> Any:
            return jnp.zeros((f.cod[o].size, f.dom[i].size), f.cod[o].dtype) if block is None else block

        return jnp.concatenate(
            [jnp.concatenate([filled(b, o, i) for i, b in enumerate(row)], 1) for o, row in enumerate(rows)], 0
        )


def split(xs: Sequence[Any], maps: Sequence[LinearMap], side: Callable[[LinearMap], Space]) -> list[Sequence[Any]]:
    """What each of the maps has of things that stand in a row, one a wire of their `side`."""
    parts, at = [], 0
    for f in maps:
        parts.append(xs[at : at + len(side(f))])
        at += len(side(f))
    return parts
