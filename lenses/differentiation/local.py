"""`Local`: the linear map of a single box at a point, by what the box itself knows of it.

That is how it pushes changes forward, how it pulls changes back (its transpose), and, where they are
known, the blocks of its matrix. The maps of the wiring are among them: copy and add, discard and zero
are each other's transposes, which is all that reverse mode exchanges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from ..cost import operations
from ..spaces import Space
from .blocks import Block, applied, diagonal, transposed, unit, work

Arrays = Sequence[Any]
Blocks = Mapping[tuple[int, int], Block]
"""Blocks by (output wire, input wire); where there is none, nothing gets across."""


@dataclass(frozen=True, eq=False)
class Local:
    """A linear map A -> B of one box: `push` is the map, `pull` its transpose; each takes one array a wire.

    `blocks` are those of its matrix, None where they are not known. `works` is the work of `push` and of
    `pull`, which is counted where it is not given.
    """

    name: str
    dom: Space
    cod: Space
    push: Callable[[Arrays], Arrays]
    pull: Callable[[Arrays], Arrays]
    blocks: Blocks | None = None
    works: tuple[int, int] | None = None

    @cached_property
    def cost(self) -> tuple[int, int]:
        """The multiplications and additions of one push, and of one pull."""
        if self.works is not None:
            return self.works
        forward, backward = (
            operations(f, [jax.ShapeDtypeStruct(a.sizes, a.dtype) for a in space]).total
            for f, space in ((self.push, self.dom), (self.pull, self.cod))
        )
        return forward, backward

    @cached_property
    def transpose(self) -> Local:
        """The transposed map B -> A."""
        blocks = self.blocks and {(i, o): b for (o, i), v in self.blocks.items() if (b := transposed(v)) is not None}
        name = self.name[:-1] if self.name.endswith("'") else OPPOSITE.get(self.name, f"{self.name}'")
        works = None if self.works is None else (self.works[1], self.works[0])
        return Local(name, self.cod, self.dom, self.pull, self.push, blocks, works)

    @property
    def shape_only(self) -> Local:
        """The map without its numbers, for counting."""
        blocks = None if self.blocks is None else {at: b.shape_only for at, b in self.blocks.items()}
        return replace(self, push=_nothing, pull=_nothing, blocks=blocks, works=self.cost)

    @property
    def abstract(self) -> bool:
        """Whether the map is without its numbers."""
        return self.push is _nothing


def _nothing(xs: Arrays) -> Arrays:
    raise AssertionError("a map without numbers cannot be applied")


OPPOSITE = {"copy": "add", "add": "copy", "discard": "zero", "zero": "discard"}
"""What the maps of the wiring are transposed to."""


def structured(name: str, dom: Space, cod: Space, blocks: Blocks) -> Local:
    """The map with these blocks."""

    def push(xs: Arrays) -> Arrays:
        return _apply(blocks, xs, cod)

    def pull(xs: Arrays) -> Arrays:
        back = {(i, o): b for (o, i), v in blocks.items() if (b := transposed(v)) is not None}
        return _apply(back, xs, dom)

    into = [sum(o == k for o, _ in blocks) for k in range(len(cod))]
    out = [sum(i == k for _, i in blocks) for k in range(len(dom))]
    each = sum(work(b) for b in blocks.values())
    forward = each + sum(max(n - 1, 0) * a.size for n, a in zip(into, cod, strict=True))
    backward = each + sum(max(n - 1, 0) * a.size for n, a in zip(out, dom, strict=True))
    return Local(name, dom, cod, push, pull, blocks, (forward, backward))


def _apply(blocks: Blocks, xs: Arrays, cod: Space) -> Arrays:
    outs: list[Any] = [None] * len(cod)
    for (o, i), block in blocks.items():
        y = applied(block, jnp.reshape(xs[i], -1))
        outs[o] = y if outs[o] is None else outs[o] + y
    return [
        jnp.zeros(a.sizes, a.dtype) if y is None else jnp.reshape(y, a.sizes)
        for y, a in zip(outs, cod, strict=True)
    ]  # fmt: skip


# -- of the wiring ---------------------------------------------------------------------------


def copying(space: Space, times: int = 2) -> Local:
    """A -> A * ... * A, `times` of them."""
    n = len(space)
    blocks = {(k * n + i, i): unit(a.size) for k in range(times) for i, a in enumerate(space)}
    return structured("copy", space, Space(list(space) * times), blocks)


def adding(space: Space, times: int = 2) -> Local:
    """A * ... * A -> A, the sum of `times` of them: the transpose of copying."""
    return copying(space, times).transpose


def ending(space: Space) -> Local:
    """A -> I."""
    return structured("discard", space, Space(), {})


def starting(space: Space) -> Local:
    """I -> A, zero: the transpose of `ending`."""
    return ending(space).transpose


def permuting(space: Space, order: Sequence[int]) -> Local:
    """The permutation of wires whose output j is input `order[j]`."""
    cod = Space(space[i] for i in order)
    name = "swap" if list(order) == [1, 0] else f"permute{tuple(order)}"
    return structured(name, space, cod, {(j, i): unit(space[i].size) for j, i in enumerate(order)})


def scaling(space: Space, by: Any) -> Local:
    """A -> A, each number times the number (or scalar array) `by`."""
    blocks = {(i, i): diagonal(jnp.broadcast_to(jnp.asarray(by, a.dtype), a.sizes)) for i, a in enumerate(space)}
    name = f"scale({by:g})" if isinstance(by, int | float) else "scale"
    return structured(name, space, space, blocks)
