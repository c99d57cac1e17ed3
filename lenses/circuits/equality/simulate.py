"""Circuits on many inputs at once, the bits of one signal being a number of Python: no array, no compiling.

Numbers of some ten thousand bits are as fast as packed arrays here, and need no more than the standard
library. Rows hold signals while they are still read (`Schedule`), so memory is that of the widest part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..netlist import Netlist

OPERATIONS: tuple[Callable[[int, int, int], int], ...] = (
    lambda x, y, ones: 0,
    lambda x, y, ones: ones ^ (x | y),
    lambda x, y, ones: y & ~x,
    lambda x, y, ones: ones ^ x,
    lambda x, y, ones: x & ~y,
    lambda x, y, ones: ones ^ y,
    lambda x, y, ones: x ^ y,
    lambda x, y, ones: ones ^ (x & y),
    lambda x, y, ones: x & y,
    lambda x, y, ones: ones ^ x ^ y,
    lambda x, y, ones: y,
    lambda x, y, ones: ones ^ (x & ~y),
    lambda x, y, ones: x,
    lambda x, y, ones: ones ^ (y & ~x),
    lambda x, y, ones: x | y,
    lambda x, y, ones: ones,
)
"""The 16 truth tables on numbers whose bits are evaluations, all ones being `ones`."""


@dataclass(frozen=True)
class Schedule:
    """The gates of a netlist with the rows that they read and write; a row is used again once nobody reads it.

    Row 0 is the constant 0, rows 1 to `inputs` the inputs, which are kept. `outputs` are rows kept to the end.
    """

    rows: int
    gates: Sequence[tuple[Callable[[int, int, int], int], int, int, int]]
    outputs: Sequence[int]

    @classmethod
    def of(cls, netlist: Netlist) -> Schedule:
        """The schedule of a netlist, its gates in their order."""
        first, gates = 1 + netlist.inputs, netlist.gates
        last = np.full(first + gates, -1, np.int64)
        order = np.arange(gates)
        for side in (netlist.left, netlist.right):
            np.maximum.at(last, side, order)
        last[:first] = last[netlist.outputs] = gates
        row, free, found = list(range(first)), [], []
        rows, last_read = first, last.tolist()
        reads = zip(netlist.left.tolist(), netlist.right.tolist(), netlist.table.tolist(), strict=True)
        for at, (x, y, table) in enumerate(reads):
            if last_read[x] == at:
                free.append(row[x])
            if y != x and last_read[y] == at:
                free.append(row[y])
            if free:
                row.append(free.pop())
            else:
                row.append(rows)
                rows += 1
            if last_read[first + at] < 0:
                free.append(row[-1])
            found.append((OPERATIONS[table], row[x], row[y], row[-1]))
        return cls(rows, found, [row[o] for o in netlist.outputs.tolist()])

    def run(self, words: Sequence[int], bits: int) -> list[int]:
        """The outputs of inputs that are numbers of so many bits, each bit one evaluation."""
        ones = (1 << bits) - 1
        rows = [0, *words, *[0] * (self.rows - 1 - len(words))]
        for act, x, y, out in self.gates:
            rows[out] = act(rows[x], rows[y], ones)
        return [rows[o] for o in self.outputs]


def signals(netlist: Netlist, words: Sequence[int], bits: int) -> list[int]:
    """The values of all signals, on inputs that are numbers of so many bits."""
    ones = (1 << bits) - 1
    value = [0, *words]
    operation = [OPERATIONS[table] for table in netlist.table.tolist()]
    for act, x, y in zip(operation, netlist.left.tolist(), netlist.right.tolist(), strict=True):
        value.append(act(value[x], value[y], ones))
    return value


def columns(count: int) -> list[int]:
    """The truth-table columns of `count` inputs: bit t of column i is bit i of t, numbers of 2^count bits."""
    found = []
    for i in range(count):
        column, width = ((1 << (1 << i)) - 1) << (1 << i), 2 << i
        for _ in range(count - 1 - i):
            column |= column << width
            width *= 2
        found.append(column)
    return found


def lowest(word: int) -> int:
    """The place of the lowest bit that is 1 in a number that is not 0."""
    return (word & -word).bit_length() - 1
