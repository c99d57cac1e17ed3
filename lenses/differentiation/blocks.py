"""Blocks: the linear map from one array to another, by what is known of its shape.

A block is the identity (`Unit`), multiplies each number by one of its own (`Diagonal`), or is a matrix
(`Dense`); where nothing gets across there is no block, None. Composing blocks keeps what is known, so
a product with the identity costs nothing and one with a diagonal no more than the other block is large.

A block without values stands for all blocks of its shape: what is done with it is counted and not
computed. Every operation tells its work to a `Tally`, with values or without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np


@dataclass
class Tally:
    """The work done so far, in multiplications and additions; a product of matrices is both, for each pair."""

    flops: int = 0


@dataclass(frozen=True, eq=False)
class Block:
    """A linear map from `columns` numbers to `rows`."""

    rows: int
    columns: int
    values: Any = None

    @property
    def shape_only(self) -> Block:
        """The block without its values."""
        return type(self)(self.rows, self.columns)


class Unit(Block):
    """The identity; it has no values."""


class Diagonal(Block):
    """Each number times one of its own, `values` of shape (rows,)."""


class Dense(Block):
    """A matrix, `values` of shape (rows, columns)."""


def unit(size: int) -> Block:
    """The identity on so many numbers."""
    return Unit(size, size)


def diagonal(values: Any) -> Block:
    """Each number times one of `values`, of any shape."""
    flat = jnp.reshape(values, -1)
    return Diagonal(flat.shape[0], flat.shape[0], flat)


def matrix(values: Any) -> Block:
    """The map of a matrix with a row for each number that comes out."""
    return Dense(values.shape[0], values.shape[1], values)


def computed(f: Callable[..., Any], *values: Any) -> Any:
    """f of the values, None where one of them is missing."""
    return None if any(v is None for v in values) else f(*values)


def after(first: Block | None, second: Block | None, tally: Tally) -> Block | None:
    """The composite, `first` and then `second`."""
    if first is None or second is None:
        return None
    if isinstance(first, Unit):
        return second
    if isinstance(second, Unit):
        return first
    rows, columns, a, b = second.rows, first.columns, first.values, second.values
    if isinstance(first, Diagonal) and isinstance(second, Diagonal):
        tally.flops += rows
        return Diagonal(rows, columns, computed(jnp.multiply, a, b))
    if isinstance(second, Diagonal):
        tally.flops += rows * columns
        return Dense(rows, columns, computed(lambda a, b: b[:, None] * a, a, b))
    if isinstance(first, Diagonal):
        tally.flops += rows * columns
        return Dense(rows, columns, computed(jnp.multiply, b, a))
    tally.flops += 2 * rows * columns * first.rows
    return Dense(rows, columns, computed(jnp.matmul, b, a))


def plus(left: Block | None, right: Block | None, tally: Tally) -> Block | None:
    """The sum of two maps between the same arrays."""
    if left is None or right is None:
        return left if right is None else right
    if isinstance(left, Dense) or isinstance(right, Dense):
        a, b = dense(left, right.values), dense(right, left.values)
        tally.flops += a.rows * a.columns
        return Dense(a.rows, a.columns, computed(jnp.add, a.values, b.values))
    tally.flops += left.rows
    a, b = (1 if isinstance(x, Unit) else x.values for x in (left, right))
    if isinstance(left, Unit) and isinstance(right, Unit):
        return Diagonal(left.rows, left.rows, np.full(left.rows, 2, "int32"))  # of whole numbers, so of any dtype
    return Diagonal(left.rows, left.rows, computed(jnp.add, a, b))


def dense(block: Block, like: Any = None) -> Block:
    """The block as a matrix, which takes no work; the identity with the dtype of the array `like`."""
    if isinstance(block, Unit):
        kind = None if like is None else jnp.result_type(like)
        return Dense(block.rows, block.columns, np.eye(block.rows, dtype=kind))
    if isinstance(block, Diagonal):
        return Dense(block.rows, block.columns, computed(_on_the_diagonal, block.values))
    return block


def _on_the_diagonal(values: Any) -> Any:
    # Rows that are longer by one, laid end to end and cut to length, have their first numbers on the diagonal.
    n = values.shape[0]
    rows = jnp.pad(jnp.reshape(values, (n, 1)), ((0, 0), (0, n)))
    return jnp.reshape(jnp.reshape(rows, -1)[: n * n], (n, n))


def transposed(block: Block | None) -> Block | None:
    """The transposed map."""
    if block is None or not isinstance(block, Dense):
        return block
    return Dense(block.columns, block.rows, computed(jnp.transpose, block.values))


def applied(block: Block, x: Any) -> Any:
    """What the block makes of an array of numbers in a row."""
    if isinstance(block, Unit):
        return x
    return block.values * x if isinstance(block, Diagonal) else block.values @ x


def work(block: Block | None) -> int:
    """The multiplications and additions of one application."""
    if block is None or isinstance(block, Unit):
        return 0
    return block.rows if isinstance(block, Diagonal) else 2 * block.rows * block.columns
