"""Learned truth tables: one that is shared by all, and as many as there are rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax.numpy as jnp

from ..arguments import whole
from ..boxes.linear import einsum
from ..boxes.rearrange import rearrange, split
from ..boxes.reductions import reduce_sum, spread
from ..boxes.structure import add
from ..initialisers import check as check_init
from ..interpret import Cx, Side
from ..ports import Port
from ..spaces import Array, Bits, Real, Space
from ..strands import Strand, aligned
from ..terms import Term
from ..wiring import trace
from .polynomial import Polynomial


def entry(table: Any, bits: Any) -> Any:
    """The entry of tables (n, 2^k) at bits (..., n, k), the first counting most: a tree of multiplexers."""
    # The batch stands last, so that a gate's work is one run through memory.
    x = jnp.moveaxis(bits, (-2, -1), (0, 1))
    rows = table.reshape(*table.shape, *(1,) * (x.ndim - 2))
    for i in range(x.shape[1]):
        half = rows.shape[1] // 2
        low, high = rows[:, :half], rows[:, half:]
        rows = low + x[:, i, None] * (high - low)
    return jnp.moveaxis(rows[:, 0], 0, -1)


class Lookup(Polynomial):
    """A learned truth table: k bits, the last axis, to the bit in its row, the first bit counting most.

    As a polynomial it is the sum over rows of the row's entry times the product of the inputs of the row,
    each negated where the row has a 0; over the reals it is that polynomial. The parameter `table` is
    (2^k,) and starts at zero.
    """

    arity = (1, 1)
    glyph: ClassVar[str] = "learned"
    inputs: int

    def type(self, dom: Space) -> Space:
        x = self.number(dom)
        if not x.rank or x.sizes[-1] != self.inputs:
            self.fail(0, f"{self.inputs} bits along the last axis", x)
        return Space([x.replace(-1, ())])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank - 1))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [lookup(1).at(Bits(1)), lookup(2).at(Bits(2)), lookup(2).at(Bits(3, 2)), lookup(2).at(Real(2))]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        return (Port("table", "param", Array((2**self.inputs,), element=dom[0].element), "zeros"),)

    def flops(self, dom: Space) -> int:
        return 0

    def polynomial(self, dom: Space) -> Term:
        """The table as a wire, and the bits, to the entry: a tree of multiplexers, the last bit's first."""
        *lead, _ = dom[0].sizes

        def f(rows: Any, x: Any) -> Any:
            for i, size in enumerate(reversed(lead)):
                rows = spread(size, -2 - i)(rows)
            bits = split(*[1] * self.inputs)(x)
            for s in reversed(bits if isinstance(bits, tuple) else (bits,)):
                low, high = split(1, 1, axis=-2)(rearrange("(r two) -> two r", two=2)(rows))
                low, high = reduce_sum(-2)(low), reduce_sum(-2)(high)
                rows = add(low, einsum("_r, -> _r")(add(low, high), reduce_sum()(s)))
            return reduce_sum()(rows)

        return trace(f, 2)

    def row(self, x: Any) -> Any:
        """The row of the table that bits (..., k) say."""
        weights = jnp.asarray([1 << k for k in reversed(range(self.inputs))], x.dtype)
        return x @ weights

    def value(self, params: Mapping[str, Any], *xs: Any) -> Any:
        return entry(params["table"][None], xs[0][..., None, :])[..., 0]

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        if cx.dom[0].real:
            return super().apply(cx, p, *xs)
        return jnp.asarray(p["table"]).at[self.row(xs[0])].get(mode="clip")

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        if cx.dom[0].real:
            return super().backward(cx, p, kept, ds)
        (x,), (d,) = kept, ds
        table, row = jnp.asarray(p["table"]), self.row(x)
        change = jnp.zeros_like(table).at[row].add(d, mode="clip") % 2
        # The polynomial is linear in each input, so its derivative is the difference of two rows.
        flips = jnp.asarray([1 << k for k in reversed(range(self.inputs))], x.dtype)
        other = row[..., None] ^ flips
        return {"table": change}, [(table[row][..., None] + table[other]) * d[..., None] % 2]


class Tables(Polynomial):
    """n learned truth tables of k bits each: (n, k), the last two axes, to (n,); the first bit counts most.

    The parameter `table` is (n, 2^k), the tables one after another.
    """

    arity = (1, 1)
    glyph: ClassVar[str] = "learned"
    inputs: int
    init: str = "zeros"

    def type(self, dom: Space) -> Space:
        x = self.number(dom)
        if x.rank < 2 or x.sizes[-1] != self.inputs:
            self.fail(0, f"the bits of each table, {self.inputs} along the last of at least 2 axes", x)
        return Space([x.replace(-1, ())])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank - 2))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [tables(2).at(Bits(3, 2)), tables(1).at(Bits(2, 2, 1)), tables(2, "uniform:1").at(Real(2, 2))]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        x = dom[0]
        return (Port("table", "param", Array((x.sizes[-2], 2**self.inputs), element=x.element), self.init),)

    def flops(self, dom: Space) -> int:
        return 3 * dom[0].size // self.inputs * (2**self.inputs - 1)

    def value(self, params: Mapping[str, Any], *xs: Any) -> Any:
        return entry(params["table"], xs[0])

    def polynomial(self, dom: Space) -> Term:
        def f(rows: Any, x: Any) -> Any:
            for i, size in enumerate(reversed(dom[0].sizes[:-2])):
                rows = spread(size, -3 - i)(rows)
            bits = split(*[1] * self.inputs)(x)
            for s in bits if isinstance(bits, tuple) else (bits,):
                low, high = split(1, 1, axis=-2)(rearrange("(two r) -> two r", two=2)(rows))
                low, high = reduce_sum(-2)(low), reduce_sum(-2)(high)
                rows = add(low, einsum(", _r -> _r")(reduce_sum()(s), add(low, high)))
            return reduce_sum()(rows)

        return trace(f, 2)


def lookup(inputs: int, outputs: int | None = None) -> Term:
    """A learned truth table of `inputs` bits, one to twenty of them; with `outputs`, as many tables of the same bits.

    It takes (inputs,) to one bit, or to (outputs,), in which case it is ``spread(outputs, -2) >> tables(inputs)``.
    """
    k = whole("lookup", "the number of inputs", inputs, 1, 20)
    if outputs is None:
        return Lookup(k)
    return spread(whole("lookup", "the number of outputs", outputs), -2) >> Tables(k)


def tables(inputs: int = 2, init: str = "zeros") -> Term:
    """Learned truth tables of `inputs` bits, one for each row: (n, inputs) to (n,). `init` says how they start."""
    return Tables(whole("tables", "the number of inputs", inputs, 1, 16), check_init(init, "tables"))
