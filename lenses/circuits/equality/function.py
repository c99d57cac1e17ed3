"""Are two circuits one function? Decided exactly: by hashing, trying all inputs, normal forms, or a solver.

What two circuits share is hashed away first, and random inputs find most differences. Up to 24 inputs
all are tried. Beyond, the difference is expanded to its algebraic normal form while that is small (which
decides parities, hard for solvers), then given to a solver for a moment, then tested as a formal polynomial
(which decides multipliers whose gates compute the same polynomial), and last swept and solved.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..hashing import Hashing
from ..netlist import TABLES, Netlist
from . import sat
from .clock import Clock
from .exhaustive import estimate, satisfying
from .identity import difference, planned
from .polynomials import algebraic_normal_form
from .simulate import Schedule, lowest

RANDOM = 1 << 10
"""Random inputs that are tried before anything else."""
EXHAUSTIVE = 24
"""The inputs up to which all are tried before a solver is asked."""
SPARSE = 1 << 17
"""The products of monomials that the algebraic normal form may take here."""
SHORT = 3000
"""The conflicts that a solver is given at first."""
QUICK = 1.0
"""The seconds that trying all inputs may take however many they are."""


@dataclass(frozen=True)
class Found:
    """How two circuits were found to be equal, or the inputs at which they differ."""

    how: str
    error: float = 0.0
    bits: np.ndarray | None = None


def decide(f: Netlist, g: Netlist, clock: Clock, how: str | None = None) -> Found:
    """Whether two netlists with as many inputs and outputs are one function. Raises Undecided.

    `how` may ask for "exhaustive" (all inputs of the circuits as they are), or for "sat".
    """
    if how == "exhaustive":
        return _exhausted(beside(f, g), f.inputs, list(range(f.inputs)), clock, "as they are")
    bits = tried(f, g)
    if bits is not None:
        return Found("random inputs", 0.0, bits)
    gates = Hashing(f.inputs)
    pairs = zip(gates.add(f), gates.add(g), strict=True)
    differ = sorted({gates.gate(TABLES["xor"], x, y) for x, y in pairs} - {0})
    if not differ:
        return Found("one circuit after structural hashing")
    used = np.flatnonzero(gates.needed(differ)[1 : gates.first]).tolist()
    rest = restricted(gates.netlist(differ), used)
    if how is None and estimate(rest) <= (clock.left / 2 if rest.inputs <= EXHAUSTIVE else QUICK):
        return _exhausted(rest, f.inputs, used, clock)
    if how is None:
        found = _sparse(rest, f.inputs, used)
        if found is not None:
            return found
    return _solved(f, g, rest, used, clock, how)


def tried(f: Netlist, g: Netlist, seed: int = 0) -> np.ndarray | None:
    """Inputs at which two netlists differ, among random ones, 0s, 1s, and 0s and 1s with one bit changed; or None."""
    generator = random.Random(seed)
    special = 2 * (f.inputs + 1) if f.inputs <= 4096 else 2
    zeros, bits = special // 2, RANDOM + special
    words = []
    for i in range(f.inputs):
        ones = ((1 << zeros) - 1) << zeros
        flip = (1 << i + 1 | 1 << zeros + i + 1) if special > 2 else 0
        words.append(generator.getrandbits(RANDOM) << special | ones ^ flip)
    for x, y in zip(Schedule.of(f).run(words, bits), Schedule.of(g).run(words, bits), strict=True):
        if x != y:
            return np.array([word >> lowest(x ^ y) & 1 for word in words], bool)
    return None


def beside(f: Netlist, g: Netlist) -> Netlist:
    """The gates of two netlists on the same inputs as they are, and the exclusive or of each pair of outputs."""
    first, shift = 1 + f.inputs, f.gates

    def moved(signals: np.ndarray) -> np.ndarray:
        return np.where(signals < first, signals, signals + shift)

    xor = np.full(len(f.outputs), TABLES["xor"], np.uint8)
    return Netlist(
        f.inputs,
        np.concatenate([f.left, moved(g.left), f.outputs]),
        np.concatenate([f.right, moved(g.right), moved(g.outputs)]),
        np.concatenate([f.table, g.table, xor]),
        first + f.gates + g.gates + np.arange(len(xor)),
    )


def restricted(netlist: Netlist, used: Sequence[int]) -> Netlist:
    """A netlist that reads none but some of its inputs, as one of these."""
    place = np.zeros(1 + netlist.inputs + netlist.gates, np.int64)
    place[1 + np.array(used, np.int64)] = 1 + np.arange(len(used))
    place[1 + netlist.inputs :] = 1 + len(used) + np.arange(netlist.gates)
    return Netlist(len(used), place[netlist.left], place[netlist.right], netlist.table, place[netlist.outputs])


def _spread(values: Sequence[int], inputs: int, used: Sequence[int]) -> np.ndarray:
    """The values of some inputs, 0 for the others."""
    bits = np.zeros(inputs, bool)
    bits[list(used)] = values
    return bits


def _exhausted(rest: Netlist, inputs: int, used: Sequence[int], clock: Clock, what: str = "") -> Found:
    number, done = satisfying(rest, clock)
    how = f"all 2^{len(used)} inputs tried{f' on the circuits {what}' if what else ''}"
    if number is not None:
        return Found(how, 0.0, _spread([number >> i & 1 for i in range(len(used))], inputs, used))
    if not done:
        raise clock.late(f"trying all 2^{len(used)} inputs of {rest.gates} gates")
    return Found(how)


def _sparse(rest: Netlist, inputs: int, used: Sequence[int]) -> Found | None:
    form = algebraic_normal_form(rest, work=SPARSE)
    if form is None:
        return None
    how = "the algebraic normal form of the difference"
    for terms in form.outputs:
        if terms:
            # At the inputs of a smallest monomial it is the only one that is 1.
            least = min(terms, key=lambda m: (m.bit_count(), m))
            return Found(how, 0.0, _spread([least >> i & 1 for i in range(len(used))], inputs, used))
    return Found(how)


def _solved(f: Netlist, g: Netlist, rest: Netlist, used: Sequence[int], clock: Clock, how: str | None) -> Found:
    gates = Hashing(rest.inputs)
    literals = gates.add(rest)
    by = f"satisfiability of the difference, {sat.SOLVER}"
    found, done = (
        (None, False) if how is None and not sat.available() else sat.satisfying(gates, literals, clock, SHORT)
    )
    if found is None and not done and how is None:
        test = planned(f, g)
        if test is not None and difference(f, g, test, random.SystemRandom(), clock) is None:
            return Found(f"one formal polynomial, {test}", test.error)
        if estimate(rest) <= clock.left / 2:
            return _exhausted(rest, f.inputs, used, clock)
    if found is None and not done:
        sweep = sat.Sweep(rest, clock)
        if sweep.run():
            literals = sorted({sweep.literal[o] for o in rest.outputs.tolist()} - {0})
            by = f"{by} after merging {sweep.merged} signals"
            found, done = sat.satisfying(sweep.gates, literals, clock)
    if found is not None:
        return Found(by, 0.0, _spread(found, f.inputs, used))
    if not done:
        raise clock.late(f"{by}, of {rest.gates} gates and {rest.inputs} inputs")
    return Found(by)
