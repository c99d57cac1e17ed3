"""Neurons of bits: how many inputs agree with a neuron's weights, and whether that is enough to fire.

The count is a real number, so that it can go on into boxes of real numbers too: scaling, a softmax, any
loss. Its derivative over the ring of two elements is none; they are learned by `boolean_variation`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import jax.numpy as jnp
import numpy as np

from ...arguments import whole
from ...errors import LensError, explain
from ...initialisers import check as check_init
from ...interpret import Cx, Side
from ...ports import Port
from ...spaces import Array, Bits, Real, RealElement, ResidueElement, Space
from ...strands import Strand, aligned
from ...terms import Box, Term
from ..gates import bits
from ..reading import Gates, Reading, Signals, reads


class BetweenBases(Box):
    """A box from bits to real numbers or back, which has votes and no derivative."""

    derives: ClassVar[bool] = False

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        return (self.apply(cx, p, *xs),), {}, list(xs)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> NoReturn:
        do = "learn it by votes: rule=boolean_variation(), optimiser=flips()"
        raise LensError(explain(f"{self!r} has no derivative: bits do not move by small steps", do=do))


def signs(x: Any) -> Any:
    """Bits as the real numbers -1 and 1."""
    return 2.0 * jnp.asarray(x, jnp.float32) - 1.0


class Agreements(BetweenBases):
    """For each of n neurons, the inputs that agree with its weights less those that do not: (a,) bits to (n,) reals.

    The parameter `weight` is (a, n); an agreement is XNOR(x, w), so the numbers are a product of signs.
    """

    arity = (1, 1)
    glyph: ClassVar[str] = "learned"
    neurons: int
    init: str = "bernoulli"

    def type(self, dom: Space) -> Space:
        bits(self, dom)
        if not dom[0].rank:
            self.fail(0, "bits along the last axis", dom[0])
        x = dom[0].replace(-1, (self.neurons,))
        return Space([Array(x.sizes, x.names, RealElement())])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank - 1))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [agreements(2).at(Bits(3)), agreements(1, "ones").at(Bits(2, 2))]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        weight = Array((dom[0].sizes[-1], self.neurons), element=ResidueElement(2))
        return (Port("weight", "param", weight, self.init),)

    def flops(self, dom: Space) -> int:
        return 2 * dom[0].size * self.neurons

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return signs(xs[0]) @ signs(p["weight"])


class Numbers(BetweenBases):
    """Bits as the real numbers 0 and 1; votes pass as they are."""

    arity = (1, 1)
    glyph: ClassVar[str] = "pointwise"

    def spell(self) -> str:
        return "numbers"

    def type(self, dom: Space) -> Space:
        bits(self, dom)
        return Space([Array(dom[0].sizes, dom[0].names, RealElement())])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [numbers.at(Bits()), numbers.at(Bits(2, 2))]

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return xs[0].astype(jnp.float32)


numbers = Numbers()
"""Bits as the real numbers 0 and 1."""


class Fires(BetweenBases):
    """1 where a count of agreements is 0 or more: as many inputs agree as do not. `inputs` are those counted.

    A vote passes as far as the count is near 0: times 1 - tanh(c x)^2 with c = pi / sqrt(12 inputs), the
    standard deviation of the count of random bits (Nguyen et al. 2024, appendix C).
    """

    arity = (1, 1)
    glyph: ClassVar[str] = "pointwise"
    inputs: int

    def type(self, dom: Space) -> Space:
        if not dom[0].real:
            self.fail(0, "counts, real numbers", dom[0])
        return Space([Array(dom[0].sizes, dom[0].names, ResidueElement(2))])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [fires(3).at(Real(2)), fires(4).at(Real(2, 2))]

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return (xs[0] >= 0).astype(jnp.int32)

    def passed(self, x: Any) -> Any:
        """How much of a vote passes at the counts `x`."""
        return 1.0 - jnp.tanh(x * (math.pi / math.sqrt(12.0 * self.inputs))) ** 2


def agreements(neurons: int, init: str = "bernoulli") -> Term:
    """The agreements less the disagreements of bits with the weights of `neurons` neurons, real numbers."""
    return Agreements(whole("agreements", "the number of neurons", neurons), check_init(init, "agreements"))


def fires(inputs: int) -> Term:
    """1 where at least half of `inputs` inputs agree: what follows ``agreements(n)`` at ``Bits(inputs)``."""
    return Fires(whole("fires", "the number of inputs", inputs))


# -- as gates --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counts:
    """Agreements as gates count them: signals of a binary number, lowest bit first, and how many were counted."""

    digits: list[Signals]
    inputs: int


def _counted(gates: Gates, x: Signals) -> list[Signals]:
    """The number of ones along the last axis in binary, lowest digit first, by adders of three bits."""
    column, digits = list(np.moveaxis(x, -1, 0)), []
    while column:
        carries = []
        while len(column) > 1:
            first, second, *column = column
            half, carry = gates.xor(first, second), gates.conj(first, second)
            if column:
                third, *column = column
                half, carry = gates.xor(half, third), gates.xor(carry, gates.conj(half, third))
            column.append(half)
            carries.append(carry)
        digits.append(column[0])
        column = carries
    return digits


def _at_least(gates: Gates, digits: Sequence[Signals], bound: int) -> Signals:
    """Whether a binary number, lowest digit first, is `bound` or more."""
    reached = gates.constant(np.full(np.shape(digits[0]), int(bound < 2 ** len(digits))))
    for i, digit in enumerate(digits):
        both = gates.conj(digit, reached)
        reached = both if bound >> i & 1 else gates.xor(gates.xor(digit, reached), both)
    return reached


@reads(Agreements)
def _read_agreements(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Any]:
    agree = reading.gates.neg(reading.gates.xor(xs[0][..., None, :], p["weight"].T))
    return [Counts(_counted(reading.gates, agree), xs[0].shape[-1])]


@reads(Fires)
def _read_fires(reading: Reading, cx: Cx, p: Side, xs: Sequence[Any]) -> Sequence[Signals]:
    (counts,) = xs[0].ravel() if isinstance(xs[0], np.ndarray) else xs
    if not isinstance(counts, Counts):
        raise LensError(explain("fires cannot be read as gates here", expected="the counts of agreements before it"))
    return [_at_least(reading.gates, counts.digits, (counts.inputs + 1) // 2)]
