"""Satisfiability: is there an input at which an output is 1? Decided by a solver, on gates as clauses (Tseitin 1968).

The solver comes with python-sat, of the extra `circuits`. Circuits that are nearly alike are swept
first (Mishchenko et al. 2006, *Improvements to combinational equivalence checking*): signals that agree
on all inputs tried so far are proved equal one after the other, from the inputs on, and merged.
"""

from __future__ import annotations

import importlib
import importlib.util
import random
from collections.abc import Callable
from typing import Any

from ...errors import explain
from ..hashing import Hashing
from ..netlist import Netlist
from .clock import Undecided
from .simulate import signals

SOLVER = "glucose4"
"""The solver by its name in python-sat; it can be stopped and go on."""
SLICE = 1000
"""The conflicts after which the time is looked at."""
EFFORT = 300
"""The conflicts that one pair of inner signals is worth."""
PATTERNS = 1 << 11
"""The random inputs by which signals are told apart before they are compared."""
TRIED = 4
"""How many signals one is compared with that were the same on all inputs tried."""
BATCH = 32
"""How many inputs that tell signals apart are gathered before all signals are run on them."""


def available() -> bool:
    """Whether python-sat is installed."""
    return importlib.util.find_spec("pysat") is not None


def solver() -> Any:
    """A new solver of python-sat. Raises Undecided where it is not installed."""
    try:
        module = importlib.import_module("pysat.solvers")
    except ImportError:
        raise Undecided(
            explain("undecided: there is no solver",
                    because="the circuits have too many inputs to try them all, and python-sat is not installed",
                    do="pip install 'paralens[circuits]'")
        ) from None  # fmt: skip
    return module.Solver(name=SOLVER)


class Clauses:
    """A solver over the signals of gates under construction, which are written down when they are first asked for."""

    def __init__(self, gates: Hashing):
        self.gates = gates
        self.solver = solver()
        self.solver.add_clause([-1])  # the constant 0
        self.written = [True] * gates.first

    def __enter__(self) -> Clauses:
        return self

    def __exit__(self, *_: object) -> None:
        self.solver.delete()

    def variable(self, literal: int) -> int:
        """A literal as the solver's: the signal s is the variable s + 1."""
        return -(literal >> 1) - 1 if literal & 1 else (literal >> 1) + 1

    def write(self, signal: int) -> None:
        """Writes down the gates that a signal depends on."""
        gates, first, written = self.gates, self.gates.first, self.written
        written.extend([False] * (first + len(gates.table) - len(written)))
        stack = [signal]
        while stack:
            z = stack.pop()
            if written[z]:
                continue
            written[z] = True
            gate = z - first
            x, y = gates.left[gate], gates.right[gate]
            self._gate(gates.table[gate], x + 1, y + 1, z + 1)
            stack += (x, y)

    def _gate(self, table: int, x: int, y: int, z: int) -> None:
        add = self.solver.add_clause
        if table == 6:
            for clause in ([-z, x, y], [-z, -x, -y], [z, -x, y], [z, x, -y]):
                add(clause)
            return
        if table == 14:
            x, y, z = -x, -y, -z
        elif table == 4:
            y = -y
        elif table == 2:
            x = -x
        add([-z, x])
        add([-z, y])
        add([z, -x, -y])

    def solve(self, literals: list[int], stop: Callable[[], bool], conflicts: int | None = None) -> bool | None:
        """Whether some input makes all literals 1; None where it was stopped, or took more conflicts."""
        for literal in literals:
            self.write(literal >> 1)
        assumed = [self.variable(literal) for literal in literals]
        while True:
            self.solver.conf_budget(SLICE if conflicts is None else min(SLICE, conflicts))
            found = self.solver.solve_limited(assumptions=assumed)
            if found is not None:
                return found
            if conflicts is not None:
                conflicts -= SLICE
            if stop() or (conflicts is not None and conflicts <= 0):
                return None

    def inputs(self) -> list[int]:
        """The inputs of the solution that was found last; those that it does not speak of are 0."""
        model = self.solver.get_model()
        return [int(i < len(model) and model[i] > 0) for i in range(1, self.gates.first)]

    def equal(self, x: int, y: int, stop: Callable[[], bool], conflicts: int | None = None) -> bool | None:
        """Whether two literals are equal at all inputs; what is found is remembered. None where it was stopped."""
        for pair in ([x, y ^ 1], [x ^ 1, y]):
            found = self.solve(pair, stop, conflicts)
            if found is not False:
                return None if found is None else False
        p, q = self.variable(x), self.variable(y)
        self.solver.add_clause([-p, q])
        self.solver.add_clause([p, -q])
        return True


def satisfying(
    gates: Hashing, literals: list[int], stop: Callable[[], bool], conflicts: int | None = None
) -> tuple[list[int] | None, bool]:
    """An input at which one of the literals is 1, or None; and whether it was decided."""
    with Clauses(gates) as clauses:
        for literal in literals:
            found = clauses.solve([literal], stop, conflicts)
            if found is None:
                return None, False
            if found:
                return clauses.inputs(), True
            clauses.solver.add_clause([-clauses.variable(literal)])
    return None, True


class Sweep:
    """Merges the signals of a netlist that are the same function, or each other's negation.

    `gates` are the gates that are left, `literal` the literal there of each signal of the netlist.
    """

    def __init__(self, netlist: Netlist, stop: Callable[[], bool], seed: int = 0):
        self.netlist, self.stop = netlist, stop
        generator = random.Random(seed)
        self.words = [generator.getrandbits(PATTERNS) for _ in range(netlist.inputs)]
        self.bits = PATTERNS
        self.pending: list[list[int]] = []
        self.merged = 0
        self.gates = Hashing(netlist.inputs)
        self.literal = [0, *self.gates.literals()]
        self.alike: dict[int, list[int]] = {}
        self._run()

    def _run(self) -> None:
        """Runs all signals on the words, and sorts those that are done by what they are there."""
        ones = (1 << self.bits) - 1
        value = signals(self.netlist, self.words, self.bits)
        self.phase = [v & 1 for v in value]
        self.value = [v ^ ones if v & 1 else v for v in value]
        self.alike = {}
        for signal in range(len(self.literal)):
            self._remember(signal)

    def _remember(self, signal: int) -> None:
        group = self.alike.setdefault(self.value[signal], [])
        new = all(self.literal[other] >> 1 != self.literal[signal] >> 1 for other in group)
        if new and len(group) < TRIED:
            group.append(signal)

    def _told_apart(self, inputs: list[int]) -> None:
        """Notes an input at which signals differ that were alike."""
        self.pending.append(inputs)
        if len(self.pending) < BATCH:
            return
        for i in range(self.netlist.inputs):
            column = sum(row[i] << at for at, row in enumerate(self.pending))
            self.words[i] |= column << self.bits
        self.bits += len(self.pending)
        self.pending = []
        self._run()

    def run(self) -> bool:
        """Sweeps all gates in order; whether it came to the end before it was stopped."""
        netlist = self.netlist
        first = 1 + netlist.inputs
        reads = zip(netlist.left.tolist(), netlist.right.tolist(), netlist.table.tolist(), strict=True)
        with Clauses(self.gates) as clauses:
            for gate, (x, y, table) in enumerate(reads):
                if self.stop():
                    return False
                signal = first + gate
                self.literal.append(self.gates.gate(table, self.literal[x], self.literal[y]))
                self._merge(signal, clauses)
                self._remember(signal)
        return True

    def _merge(self, signal: int, clauses: Clauses) -> None:
        for other in self.alike.get(self.value[signal], ()):
            mine, theirs = self.literal[signal], self.literal[other] ^ self.phase[signal] ^ self.phase[other]
            if mine == theirs:
                return
            same = clauses.equal(mine, theirs, self.stop, EFFORT)
            if same:
                self.literal[signal] = theirs
                self.merged += 1
                return
            if same is False:
                self._told_apart(clauses.inputs())
