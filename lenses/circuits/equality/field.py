"""Finite fields of 2^k elements, for identity testing: polynomials over Z2 modulo an irreducible x^k + x^t + 1.

An element is a number of Python whose digits, a byte or two each, are its k coefficients 0 and 1. So an
ordinary product of numbers multiplies polynomials, since no digit overflows, and the low bits of the
digits are the product over Z2: the fastest that Python alone has, for any k.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property

TRINOMIALS = {127: 63, 233: 74, 521: 32, 1279: 216, 2281: 715, 4423: 271, 9689: 84}
"""Irreducible trinomials x^k + x^t + 1 over Z2 (Zierler and Brillhart 1968; FIPS 186 for 233), t by k."""


@dataclass(frozen=True)
class Field:
    """GF(2^k), for a k of `TRINOMIALS`; addition is the exclusive or of numbers."""

    k: int

    @cached_property
    def digit(self) -> int:
        """The bits of a digit: a product has up to k ones to add in one."""
        return 8 if self.k < 256 else 16

    @cached_property
    def _ones(self) -> int:
        return int.from_bytes((b"\1" + bytes(self.digit // 8 - 1)) * (2 * self.k), "little")

    @cached_property
    def _size(self) -> tuple[int, int, int]:
        """The bits of an element, those that a reduction shifts by, and the mask of an element."""
        whole = self.digit * self.k
        return whole, self.digit * TRINOMIALS[self.k], (1 << whole) - 1

    def multiply(self, x: int, y: int) -> int:
        """The product of two elements."""
        whole, shift, mask = self._size
        product = x * y & self._ones
        while product > mask:
            high = product >> whole
            product = (product & mask) ^ high ^ high << shift
        return product

    def draw(self, generator: random.Random) -> int:
        """An element, each as likely as any other."""
        return self.element(generator.getrandbits(self.k))

    def element(self, coefficients: int) -> int:
        """The element with the coefficients that are the bits of a number below 2^k."""
        step = self.digit // 8
        digits = bytearray(step * self.k)
        digits[::step] = bytes(coefficients >> i & 1 for i in range(self.k))
        return int.from_bytes(digits, "little")

    def coefficients(self, element: int) -> int:
        """The coefficients of an element as the bits of a number."""
        step = self.digit // 8
        digits = element.to_bytes(step * self.k, "little")[::step]
        return sum(bit << i for i, bit in enumerate(digits))


def fitting(bits: int) -> Field | None:
    """The smallest of the fields with at least 2^bits elements; None where none is that large."""
    return next((Field(k) for k in TRINOMIALS if k >= bits), None)
