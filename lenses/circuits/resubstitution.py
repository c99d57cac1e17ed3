"""Resubstitution: a gate is replaced by another signal, or by one gate of two others, where fewer gates are left.

(Mishchenko and Brayton 2006, *Scalable logic synthesis using a simple circuit structure*.) Signals are
compared on all inputs of a window around the gate. In circuits of few inputs the window is the whole
circuit, and values that no output depends on are free. Only the function is kept, not the derivative.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .equality.simulate import OPERATIONS, columns
from .hashing import Hashing
from .netlist import TABLES

LEAVES = 8
"""The inputs of a window."""
WINDOW = 80
"""The signals in a window that a gate may be made of."""
WHOLE = 12
"""The inputs up to which the whole circuit is one window."""
GATES = 1000
"""The gates up to which the whole circuit is one window."""
PAIRS = 200
"""The signals that are tried in pairs."""


class Instead(NamedTuple):
    """A gate: a table of two literals."""

    table: int
    left: int
    right: int


class Circuit:
    """Gates with their output literals, how often each signal is read, and who reads it."""

    def __init__(self, gates: Hashing, outputs: Sequence[int]):
        self.gates, self.outputs, self.first = gates, list(outputs), gates.first
        size = self.first + len(gates.table)
        self.readers: list[list[int]] = [[] for _ in range(size)]
        for gate, pair in enumerate(zip(gates.left, gates.right, strict=True)):
            for signal in pair:
                self.readers[signal].append(self.first + gate)
        self.reads = [len(r) for r in self.readers]
        for literal in self.outputs:
            self.reads[literal >> 1] += 1

    @property
    def size(self) -> int:
        """The number of gates."""
        return len(self.gates.table)

    def operands(self, signal: int) -> tuple[int, int]:
        """The signals that a gate reads."""
        gate = signal - self.first
        return self.gates.left[gate], self.gates.right[gate]

    def freed(self, signal: int) -> set[int]:
        """The gates that nothing needs any more once a gate is gone, itself included."""
        lost: dict[int, int] = {}
        found, stack = {signal}, [signal]
        while stack:
            for operand in self.operands(stack.pop()):
                lost[operand] = lost.get(operand, 0) + 1
                if operand >= self.first and lost[operand] == self.reads[operand]:
                    found.add(operand)
                    stack.append(operand)
        return found

    def value(self, signal: int, values: dict[int, int] | list[int], ones: int) -> int:
        """What a gate is on the values of its operands."""
        x, y = self.operands(signal)
        return OPERATIONS[self.gates.table[signal - self.first]](values[x], values[y], ones)

    def rebuilt(self, instead: dict[int, Instead]) -> Circuit:
        """The circuit with some gates replaced, and without those that nothing needs then."""
        made = Circuit(*self._rebuilt(instead))
        return Circuit(*made._rebuilt({}))

    def _rebuilt(self, instead: dict[int, Instead]) -> tuple[Hashing, list[int]]:
        first, old = self.first, self.gates
        needed = [False] * (first + self.size)
        for literal in self.outputs:
            needed[literal >> 1] = True
        for signal in range(first + self.size - 1, first - 1, -1):
            if needed[signal]:
                other = instead.get(signal)
                pair = self.operands(signal) if other is None else (other.left >> 1, other.right >> 1)
                needed[pair[0]] = needed[pair[1]] = True
        gates = Hashing(old.inputs)
        literal = [0, *gates.literals(), *[0] * self.size]
        for signal in range(first, first + self.size):
            if needed[signal]:
                x, y = self.operands(signal)
                table, x, y = instead.get(signal) or (old.table[signal - first], 2 * x, 2 * y)
                literal[signal] = gates.gate(table, literal[x >> 1] ^ x & 1, literal[y >> 1] ^ y & 1)
        return gates, [literal[o >> 1] ^ o & 1 for o in self.outputs]


def made_of(on: int, off: int, ones: int, signals: Iterable[tuple[int, int]], pairs: bool) -> Instead | None:
    """A signal that is 1 on `on` and 0 on `off`, or a gate of two that is; signals are pairs of number and value."""
    literals: list[tuple[int, int]] = []
    for signal, value in signals:
        for literal, v in ((2 * signal, value), (2 * signal + 1, ones ^ value)):
            if not on & ~v and not off & v:
                return Instead(TABLES["buf"], literal, 0)
            literals.append((literal, v))
    return _pair(on, off, literals) if pairs else None


def _pair(on: int, off: int, literals: Sequence[tuple[int, int]]) -> Instead | None:
    care = on | off
    above = [(literal, v & off) for literal, v in literals if not on & ~v][:PAIRS]
    for at, (x, v) in enumerate(above):
        for y, w in above[:at]:
            if not v & w:
                return Instead(TABLES["and"], x, y)
    below = [(literal, on & ~v) for literal, v in literals if not off & v][:PAIRS]
    for at, (x, v) in enumerate(below):
        for y, w in below[:at]:
            if not v & w:
                return Instead(TABLES["or"], x, y)
    known = {v & care: literal for literal, v in literals[::2]}
    for x, v in literals:
        other = known.get((v ^ on) & care)
        if other is not None:
            return Instead(TABLES["xor"], x, other)
    return None


# -- windows ---------------------------------------------------------------------------------


def in_windows(circuit: Circuit) -> Circuit:
    """Replaces gates by what their windows offer, as long as the circuit shrinks."""
    while True:
        instead = {}
        for signal in range(circuit.first, circuit.first + circuit.size):
            found = _in_window(circuit, signal)
            if found is not None:
                instead[signal] = found
        smaller = circuit.rebuilt(instead) if instead else circuit
        if smaller.size >= circuit.size:
            return circuit
        circuit = smaller


def _in_window(circuit: Circuit, signal: int) -> Instead | None:
    freed = circuit.freed(signal)
    leaves, inner = _window(circuit, signal)
    ones = (1 << (1 << len(leaves))) - 1
    values = {0: 0} | dict(zip(leaves, columns(len(leaves)), strict=True))
    for gate in inner:
        values[gate] = circuit.value(gate, values, ones)
    on = values.pop(signal)
    _add_readers(circuit, signal, values, ones)
    pairs = len(freed) > 1
    others = [(s, v) for s, v in values.items() if s not in freed]
    return made_of(on, ones ^ on, ones, others, pairs)


def _window(circuit: Circuit, signal: int) -> tuple[list[int], list[int]]:
    """The leaves of a window below a gate, and the gates between them and it in order."""
    inner = {signal}
    leaves = set(circuit.operands(signal)) - {0}
    while True:
        best, most = None, LEAVES + 1
        for leaf in sorted(leaves, reverse=True):
            if leaf >= circuit.first:
                more = len(leaves) - 1 + sum(o not in leaves and o != 0 for o in set(circuit.operands(leaf)))
                if more < most:
                    best, most = leaf, more
        if best is None or len(inner) > WINDOW:
            return sorted(leaves), sorted(inner)
        leaves = (leaves - {best}) | (set(circuit.operands(best)) - {0} - inner)
        inner.add(best)


def _add_readers(circuit: Circuit, signal: int, values: dict[int, int], ones: int) -> None:
    """Adds the gates before a gate that read nothing but what has a value."""
    queue = list(values)
    for s in queue:
        if not s:
            continue
        for reader in circuit.readers[s][:20]:
            if len(values) > WINDOW:
                return
            if reader < signal and reader not in values and all(o in values for o in circuit.operands(reader)):
                values[reader] = circuit.value(reader, values, ones)
                queue.append(reader)


# -- the whole circuit -----------------------------------------------------------------------


def as_a_whole(circuit: Circuit) -> Circuit:
    """Replaces gates one after the other, from the outputs on, where that changes no output; as long as it shrinks."""
    bits = 1 << circuit.gates.inputs
    ones, inputs = (1 << bits) - 1, columns(circuit.gates.inputs)
    while True:
        before, signal = circuit.size, circuit.first + circuit.size - 1
        values = _values(circuit, inputs, ones)
        while signal >= circuit.first:
            found = _replacement(circuit, signal, values, ones)
            if found is not None:
                smaller = circuit.rebuilt({signal: found})
                if smaller.size < circuit.size:
                    circuit = smaller
                    values = _values(circuit, inputs, ones)
            signal = min(signal - 1, circuit.first + circuit.size - 1)
        if circuit.size >= before:
            return circuit


def _values(circuit: Circuit, inputs: Sequence[int], ones: int) -> list[int]:
    values = [0, *inputs]
    for signal in range(circuit.first, circuit.first + circuit.size):
        values.append(circuit.value(signal, values, ones))
    return values


def _replacement(circuit: Circuit, signal: int, values: list[int], ones: int) -> Instead | None:
    care, on = _observed(circuit, signal, values, ones), values[signal]
    if not care:
        return Instead(0, 0, 0)
    freed = circuit.freed(signal)
    others = [(s, values[s]) for s in range(signal) if s not in freed]
    return made_of(on & care, (ones ^ on) & care, ones, others, len(freed) > 1)


def _observed(circuit: Circuit, signal: int, values: list[int], ones: int) -> int:
    """The inputs at which some output changes when a signal does."""
    changed = {signal: values[signal] ^ ones}
    for reader in range(signal + 1, circuit.first + circuit.size):
        x, y = circuit.operands(reader)
        if x in changed or y in changed:
            v = OPERATIONS[circuit.gates.table[reader - circuit.first]](
                changed.get(x, values[x]), changed.get(y, values[y]), ones
            )
            if v != values[reader]:
                changed[reader] = v
    care = 0
    for literal in circuit.outputs:
        if literal >> 1 in changed:
            care |= changed[literal >> 1] ^ values[literal >> 1]
    return care


def resubstituted(gates: Hashing, outputs: Sequence[int]) -> tuple[Hashing, list[int]]:
    """Gates and output literals that are the same function, fewer where replacements are found."""
    circuit = in_windows(Circuit(gates, outputs).rebuilt({}))
    if gates.inputs <= WHOLE and circuit.size <= GATES:
        circuit = as_a_whole(circuit)
    return circuit.gates, circuit.outputs
