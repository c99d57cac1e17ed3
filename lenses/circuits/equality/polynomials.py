"""Normal forms: the outputs of a circuit as sparse polynomials over Z2, formal ones and those of functions.

A formal polynomial is the set of its monomials, a monomial the exponents of the inputs: x * x is not x
(the normal form of Z2[x1, ..., xn]). The algebraic normal form is that of the function, where x * x is
x and a monomial is a set of inputs (Zhegalkin 1927); it too is one for each function. Both can be
exponentially large, so they are built up to a given size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..netlist import Netlist, polynomials
from .simulate import Schedule, columns

TERMS = 1 << 14
"""The most monomials of one signal."""
WORK = 1 << 21
"""The most products of monomials in all."""
WIDTH = 1 << 12
"""The most bits that a monomial may take."""
DENSE = 16
"""The inputs up to which the algebraic normal form is found from the truth table."""
CEILING = 1 << 9600
"""Degrees beyond it count as this."""


@dataclass(frozen=True)
class Polynomials:
    """The polynomial of each output, a set of monomials; a monomial packs an exponent of `width` bits for each input.

    With `width` 1 it is the algebraic normal form of a function, `formal` says which it is.
    """

    inputs: int
    width: int
    formal: bool
    outputs: tuple[frozenset[int], ...]

    def exponents(self, monomial: int) -> tuple[int, ...]:
        """The exponent of each input in a monomial."""
        mask = (1 << self.width) - 1
        return tuple(monomial >> (self.width * i) & mask for i in range(self.inputs))

    def monomial(self, monomial: int) -> str:
        """A monomial in print, as in x0 x2^3."""
        powers = enumerate(self.exponents(monomial))
        return " ".join(f"x{i}" if e == 1 else f"x{i}^{e}" for i, e in powers if e) or "1"

    def printed(self, output: int, most: int = 12) -> str:
        """The polynomial of an output in print, its first monomials by degree."""
        terms = self.outputs[output]
        ordered = sorted(terms, key=lambda m: (-sum(self.exponents(m)), [-e for e in self.exponents(m)]))
        shown = [self.monomial(m) for m in ordered[:most]]
        return " + ".join([*shown, *(["..."] if len(ordered) > most else [])]) or "0"

    def __str__(self) -> str:
        return "\n".join(f"y{i} = {self.printed(i)}" for i in range(len(self.outputs)))


def degrees(netlist: Netlist) -> list[int]:
    """A bound on the degree of each signal as a formal polynomial, at most `CEILING`."""
    found = [0, *[1] * netlist.inputs]
    rows = polynomials(netlist.table)[:, 1:].tolist()
    for x, y, (b, c, d) in zip(netlist.left.tolist(), netlist.right.tolist(), rows, strict=True):
        p, q = found[x], found[y]
        found.append(min(p + q, CEILING) if d else max(p if b else 0, q if c else 0))
    return found


def normal_form(netlist: Netlist, terms: int = TERMS, work: int = WORK) -> Polynomials | None:
    """The outputs as formal polynomials, None where one of them has too many monomials on the way."""
    needed = _needed(netlist)
    degree = max((d for d, n in zip(degrees(netlist), needed, strict=True) if n), default=0)
    width = max(1, degree.bit_length())
    if width * netlist.inputs > WIDTH:
        return None
    return _polynomials(netlist, needed, width, True, terms, work)


def algebraic_normal_form(netlist: Netlist, terms: int = TERMS, work: int = WORK) -> Polynomials | None:
    """The outputs as polynomials in which each input occurs at most once, None where they have too many monomials.

    Two circuits with as many inputs have the same if and only if they are the same function, so it is
    a key for functions, in a dictionary for instance. Up to 16 inputs there is always one.
    """
    if netlist.inputs <= DENSE:
        tables = Schedule.of(netlist).run(columns(netlist.inputs), 1 << netlist.inputs)
        outputs = tuple(_monomials(transformed(table, netlist.inputs)) for table in tables)
        return Polynomials(netlist.inputs, 1, False, outputs)
    return _polynomials(netlist, _needed(netlist), 1, False, terms, work)


def _needed(netlist: Netlist) -> list[bool]:
    """Which signals the outputs depend on formally, gates without a term in an operand not reading it."""
    needed = [False] * (1 + netlist.inputs + netlist.gates)
    for output in netlist.outputs.tolist():
        needed[output] = True
    rows = polynomials(netlist.table)[:, 1:].tolist()
    sides = netlist.left.tolist(), netlist.right.tolist()
    for gate in range(netlist.gates - 1, -1, -1):
        if needed[1 + netlist.inputs + gate]:
            b, c, d = rows[gate]
            needed[sides[0][gate]] |= bool(b or d)
            needed[sides[1][gate]] |= bool(c or d)
    return needed


def _polynomials(
    netlist: Netlist, needed: list[bool], width: int, formal: bool, terms: int, work: int
) -> Polynomials | None:
    first = 1 + netlist.inputs
    signal: list[frozenset[int]] = [frozenset()] * (first + netlist.gates)
    for i in range(netlist.inputs):
        signal[1 + i] = frozenset([1 << width * i])
    reads = zip(netlist.left.tolist(), netlist.right.tolist(), polynomials(netlist.table).tolist(), strict=True)
    for gate, (x, y, (a, b, c, d)) in enumerate(reads):
        if not needed[first + gate]:
            continue
        p, q = signal[x], signal[y]
        value: frozenset[int] = frozenset([0]) if a else frozenset()
        if d and p and q:
            work -= len(p) if x == y else len(p) * len(q)
            if work < 0:
                return None
            value ^= _product(p, q, x == y, formal)
        value = value ^ p if b else value
        value = value ^ q if c else value
        work -= len(value)
        if len(value) > terms or work < 0:
            return None
        signal[first + gate] = value
    return Polynomials(netlist.inputs, width, formal, tuple(signal[o] for o in netlist.outputs.tolist()))


def _product(p: frozenset[int], q: frozenset[int], same: bool, formal: bool) -> frozenset[int]:
    """The product of two polynomials: exponents add, or, of functions, sets of inputs are joined."""
    if same:
        # Squaring is additive over Z2, so the square of a sum has the squares of its terms.
        return frozenset(2 * m for m in p) if formal else p
    if len(p) > len(q):
        p, q = q, p
    found: set[int] = set()
    for m in p:
        found ^= {m + n for n in q} if formal else _joined(m, q)
    return frozenset(found)


def _joined(m: int, q: frozenset[int]) -> set[int]:
    """The terms m | n for n in q, those that occur an even number of times left out."""
    found: set[int] = set()
    for n in q:
        found ^= {m | n}
    return found


def transformed(table: int, inputs: int) -> int:
    """The Möbius transform of a truth table: bit m is the coefficient of the monomial of the inputs in m.

    It is its own inverse.
    """
    for i, column in enumerate(columns(inputs)):
        table ^= table << (1 << i) & column
    return table


def _monomials(coefficients: int) -> frozenset[int]:
    """The places of the bits that are 1."""
    count = (coefficients.bit_length() + 7) // 8
    octets = np.frombuffer(coefficients.to_bytes(count, "little"), np.uint8)
    return frozenset(np.flatnonzero(np.unpackbits(octets, bitorder="little")).tolist())
