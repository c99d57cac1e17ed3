"""Learned truth tables: one that is shared by all, and as many as there are rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
from jax import lax

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
    # The batch stands last, so that a gate's work is one run through memory, and the last few rows are arrays
    # apart, since what comes back to a part of an array would be written into a whole one of zeros.
    x = jnp.moveaxis(bits, (-2, -1), (0, 1))
    rows = table.reshape(*table.shape, *(1,) * (x.ndim - 2))
    together = max(0, x.shape[1] - APART)
    for i in range(together):
        low, high = jnp.split(rows, 2, axis=1)
        rows = low + x[:, i, None] * (high - low)
    apart = [rows[:, r] for r in range(rows.shape[1])]
    for i in range(together, x.shape[1]):
        half = len(apart) // 2
        apart = [low + x[:, i] * (high - low) for low, high in zip(apart[:half], apart[half:], strict=True)]
    return jnp.moveaxis(apart[0], 0, -1)


APART = 3
"""The inputs whose rows, 2 to the power of them, are arrays apart."""


def row(x: Any) -> Any:
    """The rows that bits (..., k) say, the first counting most."""
    if x.shape[-1] < WIDE:
        return _in_order(x, 1)
    head = x.shape[-1] % 4
    tail = jnp.reshape(x[..., head:], (*x.shape[:-1], -1, 4))
    # Four bytes are one word, and a product with these powers of 2 puts their bits side by side at its top.
    words = lax.bitcast_convert_type(tail.astype(jnp.uint8), jnp.uint32)
    fours = ((words * jnp.uint32(2**27 + 2**18 + 2**9 + 1)) >> 24 & 15).astype(x.dtype)
    high = _in_order(x[..., :head], 1) << x.shape[-1] - head if head else 0
    return high | _in_order(fours, 4)


WIDE = 16
"""The bits from which on four are taken at once: compilers turn many strided reads into slow code."""


def _in_order(digits: Any, width: int) -> Any:
    """The number of digits (..., n) of so many bits each, the first counting most."""
    found = digits[..., 0]
    for i in range(1, digits.shape[-1]):
        found = found << width | digits[..., i]
    return found


def picked_back(table: Any, x: Any, d: Any) -> tuple[Any, Any]:
    """The changes of a table (2^k,) and of bits (..., k), from those of the entries that the bits pick."""
    at = row(x)
    change = jnp.zeros_like(table).at[at].add(d, mode="clip") % 2
    # The polynomial is linear in each input, so its derivative is the difference of two rows.
    other = at[..., None] ^ (1 << jnp.arange(x.shape[-1], dtype=x.dtype)[::-1])
    return change, (table[at][..., None] ^ table[other]) & d[..., None]


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

    def value(self, params: Mapping[str, Any], *xs: Any) -> Any:
        return entry(params["table"][None], xs[0][..., None, :])[..., 0]

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        if cx.dom[0].real:
            return super().apply(cx, p, *xs)
        return jnp.asarray(p["table"]).at[row(xs[0])].get(mode="clip")

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        if cx.dom[0].real:
            return super().backward(cx, p, kept, ds)
        change, dx = picked_back(jnp.asarray(p["table"]), kept[0], ds[0])
        return {"table": change}, [dx]


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
