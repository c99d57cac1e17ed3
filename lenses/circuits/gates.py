"""Gates: boolean circuits as terms over `Bits`, the ring of two elements.

Over it `add` is the exclusive or and `multiply` is the conjunction, so circuits are polynomials, and
their reverse derivative is the one of the core (Wilson and Zanasi 2021): R[and](x, y, d) = (yd, xd),
R[xor](d) = (d, d), R[not](d) = d. Any other gate of two bits is a polynomial a + bx + cy + dxy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax.numpy as jnp

from ..arguments import is_whole, refuse, whole
from ..boxes.linear import einsum
from ..boxes.lookup import constant
from ..boxes.pointwise import multiply, trace_pruned
from ..boxes.rearrange import rearrange, split
from ..boxes.reductions import reduce_sum, spread
from ..boxes.structure import Discard, add, zero
from ..combinators.parts import block
from ..interpret import Cx, Side
from ..ports import Port
from ..reverse import reverse
from ..spaces import Array, Bits, ResidueElement, Space
from ..strands import Strand, aligned
from ..terms import Box, Identity, Term, tensor
from ..wiring import trace, wired
from .netlist import polynomials

xor: Term = add
"""Exclusive or, the sum of bits."""
conj: Term = multiply
"""Conjunction, the product of bits."""


def bits(box: Box, dom: Space) -> None:
    """Refuses a domain with arrays that are no bits."""
    for i, array in enumerate(dom):
        if array.element != ResidueElement(2):
            box.fail(i, "bits", array, "write the space as in Bits(4)")


class Negation(Box):
    """1 + x on each bit."""

    arity = (1, 1)
    elementwise: ClassVar[bool] = True
    glyph: ClassVar[str] = "pointwise"
    spelling: ClassVar[str] = "neg"

    def spell(self) -> str:
        return "neg"

    def type(self, dom: Space) -> Space:
        bits(self, dom)
        return dom

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [neg.at(Bits()), neg.at(Bits(2, 2))]

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return 1 - xs[0]

    def reverse_term(self, dom: Space) -> Term:
        return tensor(Discard(), Identity())


neg = Negation()
"""Negation, 1 + x."""


class Gate(Box):
    """A truth table of two bits, elementwise: its value at (x, y) is the bit 2x + y of `table`.

    As a polynomial it is a + bx + cy + dxy, with a, b, c, d in the ring of two elements.
    """

    arity = (2, 1)
    elementwise: ClassVar[bool] = True
    glyph: ClassVar[str] = "pointwise"
    table: int

    def spell(self) -> str:
        return NAMED.get(self.table, f"gate({self.table})")

    @property
    def polynomial(self) -> tuple[int, int, int, int]:
        """The coefficients a, b, c, d."""
        return tuple(polynomials([self.table])[0].tolist())

    def type(self, dom: Space) -> Space:
        bits(self, dom)
        if dom[0] != dom[1]:
            self.fail(1, f"{dom[0]!r}, as on wire 0", dom[1])
        return Space([dom[0]])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank), 2)

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [*(Gate(table).at(Bits(), Bits()) for table in (0, 7, 12, 14)), nor.at(Bits(2, 2), Bits(2, 2))]

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        (x, y), (a, b, c, d) = xs, self.polynomial
        value = jnp.full_like(x, a)
        for factor, part in ((b, x), (c, y), (d, x & y)):
            value = value ^ part if factor else value
        return value

    def reverse_term(self, dom: Space) -> Term:
        _, b, c, d = self.polynomial

        def factor(number: int, other: Any, change: Any) -> Any:
            """change * (number + d * other)"""
            term = multiply(neg(other) if number else other, change) if d else change
            return term if d or number else zero(Space([dom[0]]))()

        return trace_pruned(lambda x, y, change: (factor(b, y, change), factor(c, x, change)), 3)


def gate(table: int) -> Term:
    """The truth table of two bits whose value at (x, y) is the bit 2x + y of `table`, from 0 to 15."""
    return Gate(whole("gate", "the truth table", table, 0, 15))


nand = Gate(7)
"""1 + xy."""
nor = Gate(1)
"""1 + x + y + xy."""
xnor = Gate(9)
"""1 + x + y."""
disj = Gate(14)
"""Disjunction, x + y + xy."""
NAMED = {7: "nand", 1: "nor", 9: "xnor", 14: "disj"}
"""The gates that have a name of their own."""


@wired
def _choose(s: Any, x: Any, y: Any) -> Any:
    return add(y, multiply(s, add(x, y)))


mux = block("mux", _choose)
"""The multiplexer s, x, y -> x where s is 1, y where it is 0: y + s(x + y)."""


def bit(value: int) -> Term:
    """The constant 0 or 1, from no wire to `Bits()`."""
    if not is_whole(value, 0, 1):
        refuse("bit", "the value", value, "0 or 1")
    return constant(value, Bits())


class Lookup(Box):
    """A learned truth table: k bits, the last axis, to the bit in its row, the first bit counting most.

    As a polynomial it is the sum over rows of the row's entry times the product of the inputs of the row,
    each negated where the row has a 0. The parameter `table` is (2^k,) and starts at zero.
    """

    arity = (1, 1)
    glyph: ClassVar[str] = "learned"
    inputs: int

    def type(self, dom: Space) -> Space:
        bits(self, dom)
        (x,) = dom
        if not x.rank or x.sizes[-1] != self.inputs:
            self.fail(0, f"{self.inputs} bits along the last axis", x)
        return Space([x.replace(-1, ())])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank - 1))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [lookup(1).at(Bits(1)), lookup(2).at(Bits(2)), lookup(2).at(Bits(3, 2))]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        return (Port("table", "param", Array((2**self.inputs,), element=ResidueElement(2)), "zeros"),)

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

    def reverse_term(self, dom: Space) -> Term:
        (port,) = self.ports(dom)
        return reverse(self.polynomial(dom), Space([port.array]) @ dom).term

    def row(self, x: Any) -> Any:
        """The row of the table that bits (..., k) say."""
        weights = jnp.asarray([1 << k for k in reversed(range(self.inputs))], x.dtype)
        return (x * weights).sum(-1)

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return jnp.asarray(p["table"])[self.row(xs[0])]

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        return (self.apply(cx, p, *xs),), {}, xs[0]

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        x, (d,) = kept, ds
        table, row = jnp.asarray(p["table"]), self.row(x)
        change = jnp.zeros_like(table).at[row].add(d) % 2
        # The polynomial is linear in each input, so its derivative is the difference of two rows.
        flips = jnp.asarray([1 << k for k in reversed(range(self.inputs))], x.dtype)
        other = row[..., None] ^ flips
        return {"table": change}, [(table[row][..., None] + table[other]) * d[..., None] % 2]


def lookup(inputs: int) -> Term:
    """A learned truth table of `inputs` bits, one to twenty of them."""
    return Lookup(whole("lookup", "the number of inputs", inputs, 1, 20))
