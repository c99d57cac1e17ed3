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
from ..boxes.lookup import constant
from ..boxes.pointwise import multiply, trace_pruned
from ..boxes.structure import Discard, add, zero
from ..combinators.parts import block
from ..interpret import Cx, Side
from ..spaces import Bits, Space
from ..strands import Strand, aligned
from ..terms import Box, Identity, Term, tensor
from ..wiring import wired
from .netlist import polynomials

xor: Term = add
"""Exclusive or, the sum of bits."""
conj: Term = multiply
"""Conjunction, the product of bits."""


def bits(box: Box, dom: Space) -> None:
    """Refuses a domain with arrays that are neither of bits nor of another ring in which 1 + 1 is 0."""
    for i, array in enumerate(dom):
        if array.change is None or array.element.characteristic != 2:
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
        return cx.dom[0].element.plus(xs[0], 1)

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

    @property
    def label(self) -> str:
        return self.spell()

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
        (x, y), (a, b, c, d), element = xs, self.polynomial, cx.dom[0].element
        value = jnp.full_like(x, a)
        for factor, part in ((b, x), (c, y), (d, element.times(x, y) if d else y)):
            value = element.plus(value, part) if factor else value
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
