"""Linear maps as matrices, block by block: for each output and each input a `Block` (Elliott 2018, "Matrices").

What is known of a box stays known: where it multiplies each number by one of its own its block is a
diagonal, where it passes numbers on the identity, and where nothing gets across there is no block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from ..spaces import Array, Space
from .blocks import Block, Dense, Diagonal, Tally, Unit, after, computed, dense, plus, transposed, unit
from .category import LinearMap, LinearMaps, beside
from .local import Local

Rows = tuple[tuple[Block | None, ...], ...]


@dataclass(frozen=True, eq=False, repr=False)
class Matrix(LinearMap):
    """A matrix of blocks: a row for each output, a column for each input; None where nothing gets across."""

    rows: Rows = ()

    @property
    def says(self) -> str:
        return f"[{'; '.join(', '.join(map(_shown, row)) for row in self.rows)}]"


def _shown(block: Block | None) -> str:
    if block is None or isinstance(block, Unit):
        return "0" if block is None else "1"
    kind = "diagonal" if isinstance(block, Diagonal) else "matrix"
    if block.values is None or isinstance(block.values, Tracer) or block.rows * block.columns > 16:
        return f"{kind} {block.rows} x {block.columns}"
    values = " ".join(f"{v:.4g}" for v in jnp.ravel(block.values).tolist())
    return values if block.rows == block.columns == 1 else f"{kind}({values})"


class Matrices(LinearMaps):
    """Block matrices; a chain is multiplied from the left, in the order in which it is composed.

    `tally` is told the work that is done.
    """

    name = "matrices"

    def __init__(self, tally: Tally | None = None):
        self.tally = tally or Tally()

    def identity(self, space: Space) -> Matrix:
        n = len(space)
        return Matrix(space, space, tuple(_row(n, {i: unit(a.size)}) for i, a in enumerate(space)))

    def of(self, local: Local) -> Matrix:
        """Its blocks, or else what it makes of a basis: of its inputs, pushed, or of its outputs, pulled."""
        if local.blocks is not None:
            return Matrix(local.dom, local.cod, tuple(
                tuple(local.blocks.get((o, i)) for i in range(len(local.dom))) for o in range(len(local.cod))
            ))  # fmt: skip
        push, pull = local.cost
        columns, rows = (sum(a.size for a in s) for s in (local.dom, local.cod))
        if columns * push <= rows * pull:
            return self.push(self.identity(local.dom), local)
        return self.pull(local, self.identity(local.cod))

    def composite(self, maps: Sequence[Matrix]) -> Matrix:
        product = maps[0]
        for f in maps[1:]:
            product = self._times(product, f)
        return product

    def _times(self, f: Matrix, g: Matrix) -> Matrix:
        rows = []
        for line in g.rows:
            row: list[Block | None] = [None] * len(f.dom)
            for block, middle in zip(line, f.rows, strict=True):
                if block is not None:
                    row = [plus(s, after(x, block, self.tally), self.tally) for s, x in zip(row, middle, strict=True)]
            rows.append(tuple(row))
        return Matrix(f.dom, g.cod, tuple(rows))

    def product(self, maps: Sequence[Matrix]) -> Matrix:
        dom, cod = beside([f.dom for f in maps]), beside([f.cod for f in maps])
        rows, at = [], 0
        for f in maps:
            rows += [(None,) * at + row + (None,) * (len(dom) - at - len(f.dom)) for row in f.rows]
            at += len(f.dom)
        return Matrix(dom, cod, tuple(rows))

    def blocks(self, f: Matrix) -> list[list[Any]]:
        return [
            [None if b is None else _values(b, a) for b in row] for row, a in zip(f.rows, f.cod, strict=True)
        ]  # fmt: skip

    # -- the same as composites of copies, sums and projections, without the products ----------
    def fork(self, f: Matrix, g: Matrix) -> Matrix:
        return Matrix(f.dom, f.cod @ g.cod, f.rows + g.rows)

    def unfork(self, h: Matrix, b: Space, c: Space) -> tuple[Matrix, Matrix]:
        return Matrix(h.dom, b, h.rows[: len(b)]), Matrix(h.dom, c, h.rows[len(b) :])

    def join(self, f: Matrix, g: Matrix) -> Matrix:
        return Matrix(f.dom @ g.dom, f.cod, tuple(a + b for a, b in zip(f.rows, g.rows, strict=True)))

    def unjoin(self, h: Matrix, a: Space, b: Space) -> tuple[Matrix, Matrix]:
        n = len(a)
        return (
            Matrix(a, h.cod, tuple(row[:n] for row in h.rows)),
            Matrix(b, h.cod, tuple(row[n:] for row in h.rows)),
        )

    # -- with the map of a box -----------------------------------------------------------------
    def push(self, f: Matrix, local: Local) -> Matrix:
        """f ; local, with the box pushing the columns of f where its blocks are not known."""
        if local.blocks is not None:
            return self._times(f, self.of(local))
        columns = [self._through(local, [row[i] for row in f.rows], True) for i in range(len(f.dom))]
        return Matrix(f.dom, local.cod, tuple(zip(*columns, strict=True)) or ((),) * len(local.cod))

    def pull(self, local: Local, f: Matrix) -> Matrix:
        """local ; f, with the box pulling the rows of f where its blocks are not known."""
        if local.blocks is not None:
            return self._times(self.of(local), f)
        rows = [self._through(local, [transposed(b) for b in row], False) for row in f.rows]
        return Matrix(local.dom, f.cod, tuple(tuple(transposed(b) for b in row) for row in rows))

    def _through(self, local: Local, column: Sequence[Block | None], forward: bool) -> list[Block | None]:
        """What a box pushes (or pulls) the blocks of one column to."""
        here, there = (local.dom, local.cod) if forward else (local.cod, local.dom)
        if all(b is None for b in column):
            return [None] * len(there)
        count = next(b.columns for b in column if b is not None)
        self.tally.flops += count * local.cost[0 if forward else 1]
        if any(isinstance(b, Dense | Diagonal) and b.values is None for b in column) or local.abstract:
            return [Dense(a.size, count) for a in there]
        xs = [
            jnp.zeros((*a.sizes, count), a.dtype) if b is None else jnp.reshape(_values(b, a), (*a.sizes, count))
            for b, a in zip(column, here, strict=True)
        ]
        step = local.push if forward else local.pull
        outs = jax.vmap(lambda *xs: tuple(step(xs)), in_axes=-1, out_axes=-1)(*xs)
        return [
            Dense(a.size, count, jnp.reshape(y, (a.size, count))) for y, a in zip(outs, there, strict=True)
        ]  # fmt: skip


def _row(n: int, blocks: dict[int, Block]) -> tuple[Block | None, ...]:
    return tuple(blocks.get(i) for i in range(n))


def _values(block: Block, array: Array) -> Any:
    """The numbers of a block as a matrix, with the dtype of an array."""
    return computed(lambda v: v.astype(array.dtype), dense(block).values)


matrices = Matrices()
"""Linear maps as matrices."""
