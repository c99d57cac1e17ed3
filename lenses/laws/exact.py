"""Equations over bits, decided: their sides are read as circuits, and circuits can be compared exactly.

Over Z2 a map is a formal polynomial, so a proof is one of formal polynomials where that succeeds. Sides
that are one function and two polynomials are equal as functions alone: laws that speak of derivatives
fail there, since x * x and x have other derivatives. The sides are also run, at all points where these
are few and at some where they are many, so that what is proved is what runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..circuits.equality import Undecided
from ..circuits.equality import formal as formal_equality
from ..circuits.equality import function as function_equality
from ..circuits.equality.clock import Clock
from ..circuits.equality.derivative import reverse_netlist
from ..circuits.netlist import Netlist
from ..circuits.reading import Reading, reads, to_netlist
from ..circuits.running.arrays import count, parted
from ..errors import LensError
from ..interpret import Cx, Side
from ..spaces import ResidueElement, Space
from .formal import FormalReverse
from .gates import read_pass
from .maps import Equation, Get, Put
from .reference import meaning
from .verdict import FORMAL, FUNCTION, Difference, Verdict

SECONDS = 5.0
"""The time that one equation may take."""
GATES = 200_000
"""The gates up to which sides are compared."""
RUNS = 64
"""The points at which sides are run, where there are too many to run at all."""


def read(equation: Equation) -> tuple[Netlist, Netlist] | None:
    """The two sides as netlists; None where they are not of bits, or a box cannot be read."""
    left, right = equation.left, equation.right
    if any(a.element != ResidueElement(2) for a in (*left.dom, *left.cod)):
        return None
    try:
        pair = to_netlist(left.term), to_netlist(right.term)
    except LensError:
        return None
    fits = pair[0].inputs == pair[1].inputs and len(pair[0].outputs) == len(pair[1].outputs)
    return pair if fits and max(n.gates for n in pair) <= GATES else None


reads(Get, Put)(read_pass)


@reads(FormalReverse)
def _reversed(reading: Reading, cx: Cx, p: Side, xs: Sequence[Any]) -> Sequence[Any]:
    box: Any = cx.cell.box
    lead = np.broadcast_shapes(*(x.shape[: x.ndim - a.rank] for x, a in zip(xs, cx.dom, strict=True)))
    rows = [np.broadcast_to(x, lead + a.sizes).reshape(-1, a.size).T for x, a in zip(xs, cx.dom, strict=True)]
    inputs = np.concatenate([np.zeros((0, count(lead)), np.int32), *rows])
    changes = reading.gates.include(reverse_netlist(to_netlist(box.term)), inputs)
    return parted(changes.T.astype("int32"), cx.cod, lead)


def polynomials(pair: tuple[Netlist, Netlist], run: Verdict, strict: bool) -> Verdict:
    """The verdict on sides that agree at all points, as `run` says: one polynomial, or one function alone.

    `strict` says whether two polynomials that are one function count as different.
    """
    try:
        found = formal_equality.decide(*pair, Clock(SECONDS))
    except Undecided:
        return run
    if found.equal:
        return Verdict("proved", f"one polynomial: {found.how}; {run.because}", run.tried, None, FORMAL)
    said = f"two polynomials of one function, which differ in {found.monomial or 'a point of a larger field'}"
    return Verdict("fails", said, run.tried, Difference(-1, *pair, 0.0, [])) if strict else run


def decided(equation: Equation, pair: tuple[Netlist, Netlist], seed: int, strict: bool) -> Verdict | None:
    """The verdict on sides with too many points to try them all; None where it was not found in time."""
    bits = np.random.default_rng(seed).integers(0, 2, (pair[0].inputs, RUNS)).astype(bool)
    ran = _run(equation, pair, bits)
    if ran is not None:
        return ran
    clock = Clock(SECONDS)
    try:
        found = function_equality.decide(*pair, clock)
    except Undecided:
        return None
    if found.bits is not None:
        return _run(equation, pair, found.bits[:, None])
    how = f"equal at all of 2^{pair[0].inputs} points: {found.how}"
    return polynomials(pair, Verdict("proved", how, 1, None, FUNCTION), strict)


def _run(equation: Equation, pair: tuple[Netlist, Netlist], bits: Any) -> Verdict | None:
    """The difference at some points, of the sides or between a side and what was read; None where there is none."""
    rows = _arrays(equation.left.dom, bits)
    sides = [meaning(side.term, rows) for side in (equation.left, equation.right)]
    for ys, zs, said in (
        (*sides, "at a point"),
        *((y, _arrays(equation.left.cod, n.evaluate(bits)), "a side is not the circuit that it is read as")
          for y, n in zip(sides, pair, strict=True)),
    ):  # fmt: skip
        for wire, (y, z) in enumerate(zip(ys, zs, strict=True)):
            wrong = np.argwhere(np.broadcast_to(y, z.shape) != z)
            if len(wrong):
                row = int(wrong[0][0])
                place = [x[row] for x in rows]
                return Verdict("fails", said, bits.shape[1], Difference(wire, y[row], z[row], 0.0, place))
    return None


def _arrays(space: Space, bits: Any) -> list[Any]:
    """Bits (bits, points) as the arrays of a space, with the axis of points in front."""
    return parted(bits.T.astype("int32"), space, (bits.shape[1],))
