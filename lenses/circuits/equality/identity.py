"""Identity testing: two circuits as formal polynomials at random points of a large finite field.

A polynomial over Z2 of degree D that is not 0 is 0 at no more than D / 2^k of the points over GF(2^k)
(DeMillo and Lipton 1978, Zippel 1979, Schwartz 1980). A point where two circuits differ proves that their
polynomials do; agreement at independent points leaves an error that is chosen small.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from ..netlist import Netlist, polynomials
from .clock import Clock
from .field import TRINOMIALS, Field
from .polynomials import CEILING, degrees

SURE = 100
"""The error of an identity test is below 2 to minus this."""


@dataclass(frozen=True)
class FieldPoint:
    """A point over GF(2^k) at which two polynomials differ: the coefficients of each input, and of both values."""

    k: int
    inputs: tuple[int, ...]
    output: int
    left: int
    right: int


@dataclass(frozen=True)
class Test:
    """How a pair is tested: the field, the number of points, and the bound on the error, 2 to minus `bits`."""

    field: Field
    points: int
    bits: float

    @property
    def error(self) -> float:
        """The probability that polynomials which differ are not told apart, at most."""
        return 2.0**-self.bits

    def __str__(self) -> str:
        many = "a random point" if self.points == 1 else f"{self.points} random points"
        return f"tested at {many} over GF(2^{self.field.k})"


def planned(f: Netlist, g: Netlist) -> Test | None:
    """The cheapest test whose error is below 2^-100; None where the degree is too large for every field."""
    degree = 0
    for netlist in (f, g):
        found = degrees(netlist)
        degree = max([degree, *(found[o] for o in netlist.outputs.tolist())])
    if degree >= CEILING:
        return None
    size = math.log2(max(degree, 1))
    tests = []
    for k in TRINOMIALS:
        if k > size + 1:
            points = math.ceil(SURE / (k - size))
            tests.append((points * k * k, Test(Field(k), points, points * (k - size))))
    return min(tests, key=lambda pair: pair[0])[1] if tests else None


def values(netlist: Netlist, field: Field, point: list[int]) -> list[int]:
    """The outputs of a circuit as polynomials, at a point over the field."""
    signal = [0, *point]
    multiply = field.multiply
    reads = zip(netlist.left.tolist(), netlist.right.tolist(), polynomials(netlist.table).tolist(), strict=True)
    for x, y, (a, b, c, d) in reads:
        p, q = signal[x], signal[y]
        value = multiply(p, q) if d and p and q else 0
        signal.append(value ^ (a and 1) ^ (b and p) ^ (c and q))
    return [signal[o] for o in netlist.outputs.tolist()]


def difference(f: Netlist, g: Netlist, test: Test, generator: random.Random, clock: Clock) -> FieldPoint | None:
    """A point at which the polynomials of two circuits differ; None where they agree at all that are tried.

    Raises Undecided where not all could be tried in time.
    """
    field = test.field
    for _ in range(test.points):
        point = [field.draw(generator) for _ in range(f.inputs)]
        left = values(f, field, point)
        if clock():
            raise clock.late(f"evaluating {f.gates + g.gates} gates over GF(2^{field.k})")
        for output, (x, y) in enumerate(zip(left, values(g, field, point), strict=True)):
            if x != y:
                bits = field.coefficients
                return FieldPoint(field.k, tuple(map(bits, point)), output, bits(x), bits(y))
    return None


def differ_at(f: Netlist, g: Netlist, point: FieldPoint) -> bool:
    """Whether two circuits do differ at a point and have the values there that it says."""
    field = Field(point.k)
    at = [field.element(x) for x in point.inputs]
    found = [field.coefficients(values(n, field, at)[point.output]) for n in (f, g)]
    return found == [point.left, point.right] and point.left != point.right
