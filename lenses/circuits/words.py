"""Words: whole numbers as `Bits(n)`, the most significant bit first, and arithmetic on them as terms.

A word reads as a number is written, and as `lookup` reads its rows: `lookup(n)` of the word of v is row
v of its table. Every operation is a part made of gates, loops and slices, so it is drawn, read as gates,
proved and differentiated as they are; on more axes it goes by `over`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import whole
from ..boxes.linear import einsum
from ..boxes.lookup import constant
from ..boxes.rearrange import concatenate, rearrange, split
from ..boxes.reductions import reduce_sum
from ..boxes.structure import zero
from ..combinators.loops import scan
from ..combinators.over import over
from ..combinators.parts import block
from ..errors import DataError, explain, shown
from ..spaces import Bits, Space
from ..terms import Term
from ..typed import plain
from ..wiring import trace, wired
from .gates import bit, conj, mux, neg, xor

WIDEST = 4096
"""The most bits of a word."""


# -- numbers ---------------------------------------------------------------------------------


def binary(values: Any, width: int) -> np.ndarray:
    """The words of whole numbers (...), as bits (..., width) int32. Raises DataError for one that does not fit."""
    width = whole("binary", "the width", width, 1, 62)
    found = np.asarray(values)
    if found.dtype.kind not in "biu" or ((found < 0) | (found >= 1 << width)).any():
        expected = f"whole numbers from 0 to {(1 << width) - 1}"
        raise DataError(explain(f"binary: {shown(values)} as {width} bits", expected=expected))
    return (found.astype(np.int64)[..., None] >> np.arange(width)[::-1] & 1).astype(np.int32)


def number(bits: Any) -> np.ndarray:
    """The whole numbers (...) int64 of words (..., width)."""
    found = np.asarray(bits).astype(np.int64)
    return (found << np.arange(found.shape[-1])[::-1]).sum(-1)


def word(value: int, width: int) -> Term:
    """A constant word, from no wire to `Bits(width)`."""
    width = _width("word", width)
    value = whole("word", "the value", value, 0, (1 << width) - 1)
    return constant([value >> i & 1 for i in reversed(range(width))], Bits(width))


def _width(call: str, width: Any, least: int = 1) -> int:
    return whole(call, "the number of bits", width, least, WIDEST)


def _part(name: str, f: Any, *spaces: Space) -> Term:
    """The part that a function of wires of these spaces describes; it refuses others."""
    dom = Space(a for space in spaces for a in space)
    return block(name, plain(trace(f, len(dom)).at(dom)))


# -- one bit at a time -----------------------------------------------------------------------


@wired
def _half(x: Any, y: Any) -> Any:
    return xor(x, y), conj(x, y)


@wired
def _full(x: Any, y: Any, carry: Any) -> Any:
    either = xor(x, y)
    return xor(either, carry), xor(conj(x, y), conj(either, carry))


half_adder = block("half_adder", _half)
"""x, y -> sum, carry."""
full_adder = block("full_adder", _full)
"""x, y, carry -> sum, carry."""


@wired
def _carry_on(carry: Any, x: Any, y: Any) -> Any:
    total, carry = full_adder(x, y, carry)
    return carry, total


@wired
def _less_so_far(less: Any, x: Any, y: Any) -> Any:
    return mux(xor(x, y), y, less)


# -- bits together ---------------------------------------------------------------------------


def parity(width: int) -> Term:
    """Whether the number of ones among `width` bits is odd: their sum. Bits(width) -> Bits()."""
    return _part("parity", lambda x: reduce_sum()(x), Bits(_width("parity", width)))


def every(width: int) -> Term:
    """Whether all of `width` bits are 1: their product, as a tree. Bits(width) -> Bits()."""
    width = _width("every", width)

    def f(x: Any) -> Any:
        many, rest = width, []
        while many > 1:
            if many % 2:
                x, odd = split(many - 1, 1)(x)
                rest.append(odd)
            left, right = split(many // 2, many // 2)(x)
            x, many = conj(left, right), many // 2
        for odd in rest:
            x = conj(x, odd)
        return reduce_sum()(x)

    return _part("every", f, Bits(width))


def some(width: int) -> Term:
    """Whether any of `width` bits is 1. Bits(width) -> Bits()."""
    width = _width("some", width)
    return _part("some", lambda x: neg(every(width)(neg(x))), Bits(width))


# -- comparison ------------------------------------------------------------------------------


def equal(width: int) -> Term:
    """Whether two words are the same. Bits(width) @ Bits(width) -> Bits()."""
    space = Bits(_width("equal", width))
    return _part("equal", lambda x, y: every(width)(neg(xor(x, y))), space, space)


def less(width: int) -> Term:
    """Whether the first word is the smaller number. Bits(width) @ Bits(width) -> Bits()."""
    space = Bits(_width("less", width))
    return _part("less", lambda x, y: scan(_less_so_far, reversed=True)(bit(0)(), x, y), space, space)


# -- arithmetic ------------------------------------------------------------------------------


def adder(width: int) -> Term:
    """x, y, carry -> sum, carry: the ripple-carry adder. Bits(width) @ Bits(width) @ Bits() -> Bits(width) @ Bits()."""
    space = Bits(_width("adder", width))

    def f(x: Any, y: Any, carry: Any) -> Any:
        carry, total = scan(_carry_on, reversed=True)(carry, x, y)
        return total, carry

    return _part("adder", f, space, space, Bits())


def subtractor(width: int) -> Term:
    """x, y -> x - y modulo 2^width, and the borrow, x < y. Bits(width) @ Bits(width) -> Bits(width) @ Bits()."""
    space = Bits(_width("subtractor", width))

    def f(x: Any, y: Any) -> Any:
        total, carry = adder(width)(x, neg(y), bit(1)())
        return total, neg(carry)

    return _part("subtractor", f, space, space)


def multiplier(width: int, other: int | None = None) -> Term:
    """The whole product of two words. Bits(width) @ Bits(other) -> Bits(width + other); `other` defaults to `width`."""
    width = _width("multiplier", width)
    other = width if other is None else _width("multiplier", other)

    def step(high: Any, y: Any, x: Any) -> Any:
        total, carry = adder(other)(high, einsum("_i, -> _i")(y, x), bit(0)())
        if other == 1:
            return rearrange("-> 1")(carry), y, reduce_sum()(total)
        rest, low = split(other - 1, 1)(total)
        return concatenate()(rearrange("-> 1")(carry), rest), y, reduce_sum()(low)

    def f(x: Any, y: Any) -> Any:
        high, _, low = scan(trace(step, 3), carry=2, reversed=True)(zero(Bits(other))(), y, x)
        return concatenate()(high, low)

    return _part("multiplier", f, Bits(width), Bits(other))


# -- counting --------------------------------------------------------------------------------


def popcount(width: int) -> Term:
    """The number of ones among `width` bits, as a word: Bits(width) -> Bits(width.bit_length()).

    Two halves are counted alike and added, with the bit that is left over as the carry, which takes
    about as many full adders as there are bits.
    """
    width = _width("popcount", width)
    if width == 1:
        return _part("popcount", lambda x: x, Bits(1))
    half = width // 2
    many = half.bit_length()

    def f(x: Any) -> Any:
        if width % 2:
            x, last = split(width - 1, 1)(x)
            carry = reduce_sum()(last)
        else:
            carry = None
        counts = over(0, popcount(half))(rearrange("(two half) -> two half", two=2)(x))
        left, right = (reduce_sum(0)(part) for part in split(1, 1, axis=0)(counts))
        total, high = adder(many)(left, right, bit(0)() if carry is None else carry)
        return concatenate()(rearrange("-> 1")(high), total)

    return _part("popcount", f, Bits(width))


def at_least(width: int, threshold: int) -> Term:
    """Whether at least `threshold` of `width` bits are 1. Bits(width) -> Bits()."""
    width = _width("at_least", width)
    threshold = whole("at_least", "the threshold", threshold, 0, width)
    many = width.bit_length()
    return _part("at_least", lambda x: neg(less(many)(popcount(width)(x), word(threshold, many)())), Bits(width))


def majority(width: int) -> Term:
    """Whether more than half of `width` bits are 1. Bits(width) -> Bits()."""
    width = _width("majority", width)
    return block("majority", at_least(width, width // 2 + 1))
