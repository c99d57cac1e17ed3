"""More commutative rigs as bases: finite fields of 2^k elements, and truth values with "or" as addition.

`add`, `multiply`, `zero`, constants, sums and products of arrays are polynomials, so they mean something
over any commutative rig, and with them the reverse derivative of the core: polynomials over a
commutative rig are a reverse derivative category (Cockett et al. 2019, section 4).

A rig is one class: what carries its elements, its sum, its product and the sum along axes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import jax.numpy as jnp
from jax import lax

from .arguments import whole
from .errors import SpaceError
from .spaces import Array, Element, Space, makes, named_axes

LARGEST = 30
"""The largest degree of a field, whose elements int32 carries."""


@dataclass(frozen=True)
class GaloisElement(Element):
    """The field of 2^degree elements, polynomials over Z2 of a smaller degree modulo `modulus(degree)`.

    Bit i of the number that carries an element, an int32, is its coefficient of x^i.
    """

    name: ClassVar[str] = "galois"
    degree: int = 8

    @property
    def dtype(self) -> Any:
        return jnp.dtype("int32")

    @property
    def values(self) -> range:
        return range(1 << self.degree)

    @property
    def characteristic(self) -> int:
        return 2

    def plus(self, x: Any, y: Any) -> Any:
        return x ^ y

    def times(self, x: Any, y: Any) -> Any:
        low, top = jnp.int32(modulus(self.degree) & ((1 << self.degree) - 1)), self.degree - 1

        def step(i: Any, state: Any) -> Any:
            # One coefficient of y after the other; x is multiplied by the variable at each.
            total, x = state
            total = total ^ x * (y >> i & 1)
            x = ((x & ~(1 << top)) << 1) ^ (x >> top & 1) * low
            return total.astype("int32"), x.astype("int32")

        x, y = jnp.broadcast_arrays(x, y)
        return lax.fori_loop(0, self.degree, step, (jnp.zeros_like(x), x))[0]

    def total(self, x: Any, axes: Sequence[int]) -> Any:
        return _reduced(lax.bitwise_xor, x, axes)

    def call(self, axes: list[str]) -> str:
        return f"Field({', '.join([*axes, f'degree={self.degree}'])})"


def _reduced(plus: Callable[..., Any], x: Any, axes: Sequence[int]) -> Any:
    """The sum along axes, negative ones too, of which 0 is the zero."""
    x = jnp.asarray(x)
    return lax.reduce(x, x.dtype.type(0), plus, tuple(a % x.ndim for a in axes))


@cache
def modulus(degree: int) -> int:
    """The least irreducible polynomial over Z2 of a degree, as the number whose bits are its coefficients."""
    return next(p for p in range(1 << degree, 2 << degree) if _irreducible(p, degree))


def _irreducible(polynomial: int, degree: int) -> bool:
    """Rabin's test: x^(2^n) is x modulo the polynomial, and x^(2^(n / q)) - x is prime to it for primes q of n."""

    def square(a: int) -> int:
        return _remainder(int(f"{a:b}", 4), polynomial)

    power, powers = _remainder(2, polynomial), []
    for _ in range(degree):
        powers.append(power)
        power = square(power)
    x = _remainder(2, polynomial)
    primes = [q for q in range(2, degree + 1) if degree % q == 0 and all(q % r for r in range(2, q))]
    return power == x and all(_divisor(powers[degree // q] ^ x, polynomial) == 1 for q in primes)


def _remainder(a: int, b: int) -> int:
    """The remainder of polynomials over Z2."""
    while a.bit_length() >= b.bit_length():
        a ^= b << (a.bit_length() - b.bit_length())
    return a


def _divisor(a: int, b: int) -> int:
    """The greatest common divisor of polynomials over Z2."""
    while a:
        a, b = _remainder(b, a), a
    return b


@dataclass(frozen=True)
class TruthElement(Element):
    """Truth values, a rig in which 1 + 1 is 1: addition is "or", multiplication is "and"; carried by int32."""

    name: ClassVar[str] = "truth"

    @property
    def dtype(self) -> Any:
        return jnp.dtype("int32")

    @property
    def values(self) -> range:
        return range(2)

    def plus(self, x: Any, y: Any) -> Any:
        return x | y

    def times(self, x: Any, y: Any) -> Any:
        return x & y

    def total(self, x: Any, axes: Sequence[int]) -> Any:
        return _reduced(lax.bitwise_or, x, axes)

    def call(self, axes: list[str]) -> str:
        return f"Truth({', '.join(axes)})"


@makes
def Field(*sizes: int, degree: int = 8, **named: int) -> Space:
    """The space of one array over the finite field of 2^degree elements, for a degree up to 30.

    Its elements are carried by the numbers below 2^degree, whose bits are coefficients of polynomials.
    Raises SpaceError for a size or a degree that is out of range.
    """
    element = GaloisElement(whole("Field", "the degree", degree, 1, LARGEST, kind=SpaceError))
    return Space([Array(*named_axes("Field", sizes, named), element)])


@makes
def Truth(*sizes: int, **named: int) -> Space:
    """The space of one array of truth values, the rig in which + is "or" and * is "and"."""
    return Space([Array(*named_axes("Truth", sizes, named), TruthElement())])
