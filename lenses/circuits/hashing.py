"""Structural hashing: gates that compute the same from the same are one gate (Kuehlmann et al. 2002).

A *literal* is 2s for the signal s and 2s + 1 for its negation; 0 and 1 are the constants. Gates are
made one at a time; each is first folded by what is known of its two operands: constants, an operand
met twice or negated, gates that read the same two signals. Negations go into tables, so that every
gate that is kept is one of five tables with the value 0 at (0, 0). All this keeps the function and
**not** the derivative: AND(x, x) becomes x.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .netlist import Netlist

LOW, HIGH = 12, 10
"""The tables of two signals that are the first and the second of them."""


def _rows(table: int) -> tuple[int, int, int, int]:
    return table & 1, table >> 1 & 1, table >> 2 & 1, table >> 3 & 1


def _table(rows: Iterable[int]) -> int:
    return sum(bit << at for at, bit in enumerate(rows))


NEGATED = tuple(
    tuple(_table(_rows(table)[at ^ 2 * x ^ y] for at in range(4)) for y in (0, 1) for x in (0, 1))
    for table in range(16)
)
"""The table with its first operand (+ 1), its second operand (+ 2) negated, by table."""
TURNED = tuple(_table((a, c, b, d)) for a, b, c, d in map(_rows, range(16)))
"""The table with its operands exchanged, by table."""


@functools.cache
def composed(table: int, left: int, right: int) -> int:
    """The table of table(left(u, v), right(u, v))."""
    return _table(table >> (2 * (left >> at & 1) + (right >> at & 1)) & 1 for at in range(4))


class Hashing:
    """Gates under construction over `inputs` signals. Signals are numbered as in a `Netlist`."""

    def __init__(self, inputs: int):
        self.inputs = inputs
        self.first = 1 + inputs
        self.left: list[int] = []
        self.right: list[int] = []
        self.table: list[int] = []
        self._known: dict[int, int] = {}

    def literals(self) -> list[int]:
        """The literals of the inputs."""
        return [2 * (1 + i) for i in range(self.inputs)]

    def gate(self, table: int, x: int, y: int) -> int:
        """The literal of a gate with a truth table, the value at (x, y) in bit 2x + y, on two literals."""
        table = NEGATED[table][(x & 1) + 2 * (y & 1)]
        x, y = x >> 1, y >> 1
        if x > y:
            x, y, table = y, x, TURNED[table]
        if x == y or not x:
            return self._folded(table, x, y)
        first = self.first
        if y >= first:
            # y is a gate, which may read x, or the two signals that x reads.
            u, v = self.left[y - first], self.right[y - first]
            if u == x:
                return self._kept(composed(table, LOW, self.table[y - first]), u, v)
            if v == x:
                return self._kept(composed(table, HIGH, self.table[y - first]), u, v)
            if x >= first and self.left[x - first] == u and self.right[x - first] == v:
                return self._kept(composed(table, self.table[x - first], self.table[y - first]), u, v)
        return self._kept(table, x, y)

    def _folded(self, table: int, x: int, y: int) -> int:
        """The literal of a table on one signal: both are y, or the first is the constant 0."""
        low, high = table & 1, (table >> 3 if x == y else table >> 1) & 1
        if not y:
            return low
        return low if low == high else 2 * y + low

    def _kept(self, table: int, x: int, y: int) -> int:
        """The literal of a table on two signals, 0 < x < y; a gate is made where there is none yet."""
        negated = table & 1
        if negated:
            table ^= 15
        if table in (0, LOW, HIGH):
            return (0, 2 * y, 2 * x)[(table > 0) + (table == LOW)] + negated
        return self._made(table, x, y) + negated

    def _made(self, table: int, x: int, y: int) -> int:
        """The literal of a gate as it is."""
        key = (y << 32 | x) << 4 | table
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self.first + len(self.table)
            self.left.append(x)
            self.right.append(y)
            self.table.append(table)
        return 2 * found

    def add(self, netlist: Netlist, inputs: Sequence[int] | None = None) -> list[int]:
        """The literals of the outputs of a netlist on the literals of its inputs, by default the inputs of all."""
        signals = self.signals(netlist, inputs)
        return [signals[o] for o in netlist.outputs.tolist()]

    def signals(self, netlist: Netlist, inputs: Sequence[int] | None = None) -> list[int]:
        """The literals of all signals of a netlist."""
        literal = [0, *(self.literals() if inputs is None else inputs)]
        gate = self.gate
        for x, y, table in zip(netlist.left.tolist(), netlist.right.tolist(), netlist.table.tolist(), strict=True):
            literal.append(gate(table, literal[x], literal[y]))
        return literal

    def needed(self, literals: Iterable[int]) -> np.ndarray:
        """Which signals the literals depend on, (1 + inputs + gates,) bool."""
        return reached(self.first, self.left, self.right, [literal >> 1 for literal in literals])

    def netlist(self, outputs: Sequence[int], like: Netlist | None = None) -> Netlist:
        """The netlist of these output literals, with the gates that they need; latches and names are those of `like`.

        An inverter that nothing can absorb is a gate of its own, where an output is a negated input; the
        negation of a gate is absorbed by it where all outputs that read it are negated.
        """
        used = self.needed(outputs)
        kept = np.flatnonzero(used[self.first :])
        place = np.zeros(self.first + len(self.table), np.int64)
        place[: self.first] = np.arange(self.first)
        place[self.first + kept] = self.first + np.arange(len(kept))
        left = place[np.array(self.left, np.int64)[kept]].tolist()
        right = place[np.array(self.right, np.int64)[kept]].tolist()
        table = np.array(self.table, np.int64)[kept].tolist()
        found = _absorbed(self.first, left, right, table, [(int(place[o >> 1]), o & 1) for o in outputs])
        more: dict[str, Any] = {} if like is None else {
            "latches": like.latches, "input_names": like.input_names, "output_names": like.output_names
        }  # fmt: skip
        arrays = [np.array(value, np.int32) for value in (left, right, table, found)]
        return Netlist(self.inputs, arrays[0], arrays[1], arrays[2], arrays[3], **more)


class FormalHashing(Hashing):
    """Structural hashing that keeps formal polynomials, and so the reverse derivative: x * x stays what it is.

    Folded are constants, negations (1 + x), x + x = 0 and gates that are met twice.
    """

    def gate(self, table: int, x: int, y: int) -> int:
        table = NEGATED[table][(x & 1) + 2 * (y & 1)]
        x, y = x >> 1, y >> 1
        if x > y:
            x, y, table = y, x, TURNED[table]
        if x != y or not x:
            return self._kept(table, x, y) if x else self._folded(table, x, y)
        # a + bx + cx + dxx: a table stands for another with the same b + c.
        product = (table ^ table >> 1 ^ table >> 2 ^ table >> 3) & 1
        linear = (table >> 1 ^ table >> 2) & 1
        if not product:
            return self._folded(table, x, x)
        return self._made(4 if linear else 8, x, x) + (table & 1)


def _absorbed(
    first: int, left: list[int], right: list[int], table: list[int], outputs: Sequence[tuple[int, int]]
) -> list[int]:
    """The signals of outputs (signal, negated), where negations go into gates, or become gates."""
    inner = {*left, *right}
    plain = {signal for signal, negated in outputs if not negated}
    inverter: dict[int, int] = {}
    found = []
    for signal, negated in outputs:
        if negated and signal >= first and signal not in inner and signal not in plain:
            if signal not in inverter:
                table[signal - first] ^= 15
                inverter[signal] = signal
            signal = inverter[signal]
        elif negated:
            if signal not in inverter:
                inverter[signal] = first + len(table)
                # A gate that is read elsewhere too is made a second time, negated, so that depth does not grow.
                gate = signal - first
                of = (left[gate], right[gate], table[gate] ^ 15) if gate >= 0 else (signal, signal, 3 if signal else 15)
                for row, value in zip((left, right, table), of, strict=True):
                    row.append(value)
            signal = inverter[signal]
        found.append(signal)
    return found


def reached(first: int, left: Sequence[int], right: Sequence[int], signals: Iterable[int]) -> np.ndarray:
    """Which signals some signals depend on, themselves included; `first` is the number of the first gate."""
    used = [False] * (first + len(left))
    for signal in signals:
        used[signal] = True
    for gate in range(len(left) - 1, -1, -1):
        if used[first + gate]:
            used[left[gate]] = used[right[gate]] = True
    return np.array(used, bool)
