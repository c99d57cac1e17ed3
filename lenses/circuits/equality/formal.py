"""Are two circuits one formal polynomial over Z2? Decided by hashing, normal forms, or identity testing.

Then they are one function and have one reverse derivative, to every order. The converse holds not: copy
followed by AND is the identity as a function, x * x and x as polynomials.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from ...errors import explain
from ..hashing import FormalHashing
from ..netlist import Netlist
from .clock import Clock, Undecided
from .function import tried
from .identity import FieldPoint, differ_at, difference, planned
from .polynomials import Polynomials, normal_form

WORK = 1 << 19
"""The products of monomials that normal forms may take here, below a second."""


@dataclass(frozen=True)
class FoundFormal:
    """How two polynomials were found to be equal, or where they differ: inputs, a monomial, a point of a field."""

    how: str
    error: float = 0.0
    bits: np.ndarray | None = None
    output: int = -1
    monomial: str | None = None
    point: FieldPoint | None = None

    @property
    def equal(self) -> bool:
        """Whether they are equal."""
        return self.output < 0 and self.bits is None


def decide(f: Netlist, g: Netlist, clock: Clock) -> FoundFormal:
    """Whether two netlists with as many inputs and outputs are one polynomial. Raises Undecided."""
    bits = tried(f, g)
    if bits is not None:
        return FoundFormal("random inputs", bits=bits)
    gates = FormalHashing(f.inputs)
    literals = gates.add(f), gates.add(g)
    if literals[0] == literals[1]:
        return FoundFormal("one circuit after structural hashing that keeps polynomials")
    form = normal_form(gates.netlist([*literals[0], *literals[1]]), work=WORK)
    test = planned(f, g)
    apart = None if form is None else _apart(form)
    if form is not None and apart is None:
        return FoundFormal("sparse normal forms")
    if test is None and apart is None:
        raise Undecided(
            explain("undecided whether they are equal as formal polynomials",
                    because="their normal forms and their degrees are too large",
                    do="compare parts of them, or compare them as functions with equal_function")
        )  # fmt: skip
    point = None if test is None else difference(f, g, test, random.SystemRandom(), clock)
    assert point is None or differ_at(f, g, point)
    if apart is not None:
        return FoundFormal("sparse normal forms", 0.0, None, *apart, point)
    assert test is not None
    if point is None:
        return FoundFormal(str(test), test.error)
    return FoundFormal(str(test), output=point.output, point=point)


def _apart(form: Polynomials) -> tuple[int, str] | None:
    """The first of two rows of outputs that differ, and a smallest monomial that one of them alone has."""
    many = len(form.outputs) // 2
    for output, (p, q) in enumerate(zip(form.outputs[:many], form.outputs[many:], strict=True)):
        if p != q:
            least = min(p ^ q, key=lambda m: (sum(form.exponents(m)), m))
            return output, f"{form.monomial(least)}, in the {'first' if least in p else 'second'} alone"
    return None
