"""Polynomials over a commutative rig: copy, discard, add, zero, multiply and one, a reverse derivative category.

A map is a formal polynomial, and its reverse derivative is that of the polynomial, not of the function
that it means: over the integers modulo 2 the polynomials x * x and x are one function, and differentiate
to 0 and to 1. So a rewrite that keeps functions may not come before differentiation. The subject of these
laws is the type of an array's elements, as in ``laws.check(Bits()[0].element)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...boxes.lookup import constant
from ...boxes.pointwise import multiply
from ...boxes.structure import add
from ...spaces import Array, Element, Space
from ...terms import Term
from ..law import law, structure
from ..maps import Bundle, Derivative, Equation, Map, both, end, equal, identity_on, lens, terms, zeros
from .copying import copying, ending

POLYNOMIALS = structure(
    "polynomials over a rig", "a reverse derivative category of formal polynomials", subject=lambda: Element
)
SOURCE = "Cockett et al. 2019, section 4, polynomials"
ASCENT = "Wilson and Zanasi 2021, section 3"
LARGEST = 64
"""The most elements of a field whose own power is taken."""


class Rig:
    """One array of an element type with its maps, and both reverse derivatives: the term, and the lens that runs."""

    def __init__(self, element: Element):
        self.element = element
        self.space = Space([Array((), element=element)])
        self.derivatives: tuple[Derivative, ...] = (terms, lens())

    def binary(self, box: Term) -> Map:
        """A box A * A -> A."""
        return Map(box.at(self.space, self.space))

    @property
    def one(self) -> Map:
        """The constant 1, I -> A."""
        return Map(constant(1, self.space).at())

    def power(self, n: int) -> Map:
        """x^n as a polynomial, A -> A."""
        found = identity_on(self.space)
        for _ in range(n - 1):
            found = copying(self.space) >> found @ identity_on(self.space) >> self.binary(multiply)
        return found

    @property
    def field(self) -> int | None:
        """How many elements there are, where all but 0 have inverses and they are few; None otherwise."""
        values = self.element.values
        if values is None or len(values) > LARGEST or not self.element.characteristic:
            return None
        inverse = [any(int(self.element.times(x, y)) == 1 for y in values) for x in values if x]
        return len(values) if all(inverse) else None


def _changing(build: Callable[[Rig], Any]) -> Callable[[Element], Any]:
    """The law for the rig of an element type; those without changes have none."""

    def made(element: Element) -> Any:
        return "elements of this type have no changes" if element.change is None else build(Rig(element))

    return made


@law(POLYNOMIALS, "sums", "x + y = y + x, (x + y) + z = x + (y + z), 0 + x = x", SOURCE, 23)
@_changing
def sums(rig: Rig) -> list[Equation]:
    a = rig.space
    return [
        equal(lambda x, y: x + y, lambda x, y: y + x, a, a),
        equal(lambda x, y, z: (x + y) + z, lambda x, y, z: x + (y + z), a, a, a),
        equal(lambda x: zeros(a) + x, lambda x: x, a),
    ]


@law(POLYNOMIALS, "products", "x y = y x, (x y) z = x (y z), 1 x = x", SOURCE, 23)
@_changing
def products(rig: Rig) -> list[Equation]:
    a, times, one = rig.space, rig.binary(multiply), rig.one
    return [
        equal(lambda x, y: times(x, y), lambda x, y: times(y, x), a, a),
        equal(lambda x, y, z: times(times(x, y), z), lambda x, y, z: times(x, times(y, z)), a, a, a),
        equal(lambda x: times(one(), x), lambda x: x, a),
    ]


@law(POLYNOMIALS, "products of sums", "x (y + z) = x y + x z and x 0 = 0", SOURCE, 23)
@_changing
def distributive(rig: Rig) -> list[Equation]:
    a, times = rig.space, rig.binary(multiply)
    return [
        equal(lambda x, y, z: times(x, y + z), lambda x, y, z: times(x, y) + times(x, z), a, a, a),
        equal(lambda x: times(x, zeros(a)), lambda x: (end(x), zeros(a))[1], a),
    ]


@law(POLYNOMIALS, "R of the generators",
     "R[multiply]((x, y), d) = (y d, x d), R[add]((x, y), d) = (d, d), R[copy](x, (d, e)) = d + e, R[discard](x) = 0",
     ASCENT, 23)  # fmt: skip
@_changing
def generators(rig: Rig) -> list[Equation]:
    a, times, found = rig.space, rig.binary(multiply), []

    def at(f: Map, right: Callable[..., Bundle], *changes: Space) -> None:
        for R in rig.derivatives:
            spaces = [Space([array]) for array in f.dom]
            found.append(equal(R(f), right, *spaces, *changes))

    at(times, lambda x, y, d: both(times(y, d), times(x, d)), a)
    at(rig.binary(add), lambda x, y, d: (end(x, y), both(d, d))[1], a)
    at(copying(a), lambda x, d, e: (end(x), d + e)[1], a, a)
    at(ending(a), lambda x: (end(x), zeros(a))[1])
    return found


@law(POLYNOMIALS, "R of 1 + x", "R[1 + x](x, d) = d: over bits, of not", ASCENT, 23)
@_changing
def negation(rig: Rig) -> list[Equation]:
    one, a = rig.one, rig.space
    successor = identity_on(a) @ one >> rig.binary(add)
    return [equal(R(successor), lambda x, d: (end(x), d)[1], a, a) for R in rig.derivatives]


@law(POLYNOMIALS, "x^q is x as a function", "copy; multiply = id over bits, x^q = x over a field of q elements",
     ASCENT, 25)  # fmt: skip
@_changing
def frobenius(rig: Rig) -> Equation | str:
    if rig.field is None:
        return f"it is no field of at most {LARGEST} elements"
    return Equation(rig.power(rig.field), identity_on(rig.space))


@law(POLYNOMIALS, "R of x^q is R of x", "functions determine their derivatives: R[copy; multiply] = R[id] over bits",
     ASCENT, 25, holds=False)  # fmt: skip
@_changing
def frobenius_reversed(rig: Rig) -> list[Equation] | str:
    if rig.field is None:
        return f"it is no field of at most {LARGEST} elements"
    return [Equation(R(rig.power(rig.field)), R(identity_on(rig.space))) for R in rig.derivatives]
