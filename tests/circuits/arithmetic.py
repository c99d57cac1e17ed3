"""Circuits to compare: adders and multipliers of several structures, written gate by gate, and mutants of them."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence

import numpy as np

from lenses.circuits import TABLES, Netlist

ONE_GATE = (1, 2, 4, 6, 7, 8, 9, 11, 13, 14)
"""The tables that read both operands."""


class Draft:
    """Gates put down one after the other, as they are."""

    def __init__(self, inputs: int):
        self.inputs = inputs
        self.gates: list[tuple[int, int, int]] = []

    def __call__(self, name: str, x: int, y: int = 0) -> int:
        self.gates.append((x, y, TABLES[name]))
        return self.inputs + len(self.gates)

    def netlist(self, outputs: Sequence[int]) -> Netlist:
        left, right, table = (np.array(column, np.int64) for column in zip(*self.gates, strict=True))
        return Netlist(self.inputs, left, right, table, np.array(outputs))


def operands(bits: int) -> tuple[Draft, list[int], list[int]]:
    """A draft with two words of inputs, the lowest bits first."""
    return Draft(2 * bits), list(range(1, 1 + bits)), list(range(1 + bits, 1 + 2 * bits))


def ripple(draft: Draft, xs: Sequence[int], ys: Sequence[int], carry: int) -> list[int]:
    """The sum of two words and a carry, the carry out last: xor, and, or."""
    out = []
    for x, y in zip(xs, ys, strict=True):
        half = draft("xor", x, y)
        out.append(draft("xor", half, carry))
        carry = draft("or", draft("and", x, y), draft("and", half, carry))
    return [*out, carry]


def ripple_adder(bits: int) -> Netlist:
    """The schoolbook adder."""
    draft, xs, ys = operands(bits)
    return draft.netlist(ripple(draft, xs, ys, 0))


def polynomial_adder(bits: int) -> Netlist:
    """The schoolbook adder with the carry xy + c(x + y)."""
    draft, xs, ys = operands(bits)
    carry, out = 0, []
    for x, y in zip(xs, ys, strict=True):
        half = draft("xor", x, y)
        out.append(draft("xor", half, carry))
        carry = draft("xor", draft("and", x, y), draft("and", half, carry))
    return draft.netlist([*out, carry])


def select_adder(bits: int, block: int = 8) -> Netlist:
    """Each block is added for both carries, and the carry selects."""
    draft, xs, ys = operands(bits)
    one = draft("1", 0)
    carry, out = 0, []
    for at in range(0, bits, block):
        part = slice(at, at + block)
        none, some = (ripple(draft, xs[part], ys[part], c) for c in (0, one))
        keep = draft("not", carry)
        chosen = [draft("or", draft("and", carry, s), draft("and", keep, n)) for n, s in zip(none, some, strict=True)]
        out += chosen[:-1]
        carry = chosen[-1]
    return draft.netlist([*out, carry])


def prefix_adder(bits: int) -> Netlist:
    """The parallel prefix adder of Kogge and Stone (1973)."""
    draft, xs, ys = operands(bits)
    half = [draft("xor", x, y) for x, y in zip(xs, ys, strict=True)]
    made, passed, step = [draft("and", x, y) for x, y in zip(xs, ys, strict=True)], list(half), 1
    while step < bits:
        both = list(zip(made, passed, strict=True))
        for i in range(step, bits):
            (g, p), (h, q) = both[i], both[i - step]
            made[i], passed[i] = draft("or", g, draft("and", p, h)), draft("and", p, q)
        step *= 2
    sums = [half[0], *(draft("xor", half[i], made[i - 1]) for i in range(1, bits))]
    return draft.netlist([*sums, made[-1]])


def multiplier(bits: int, rows_first: bool) -> Netlist:
    """The sum of the partial products: row by row, or column by column with full adders of xor and and alone."""
    draft, xs, ys = operands(bits)
    products = [[draft("and", x, y) for x in xs] for y in ys]
    if rows_first:
        total = products[0]
        for shift, row in enumerate(products[1:], 1):
            high = [*total[shift:], 0][:bits] if len(total) == bits else total[shift:]
            total = [*total[:shift], *ripple(draft, high, row, 0)]
        return draft.netlist(total[: 2 * bits])
    columns: list[list[int]] = [[] for _ in range(2 * bits + 1)]
    for j, row in enumerate(products):
        for i, product in enumerate(row):
            columns[i + j].append(product)
    for place, column in enumerate(columns[:-1]):
        while len(column) > 1:
            x, y = column.pop(0), column.pop(0)
            z = column.pop(0) if column else 0
            half = draft("xor", x, y)
            column.append(draft("xor", half, z))
            columns[place + 1].append(draft("xor", draft("and", x, y), draft("and", half, z)))
    return draft.netlist([column[0] if column else 0 for column in columns[:-1]])


def random_netlist(inputs: int, gates: int, outputs: int, seed: int, window: int = 40) -> Netlist:
    """Gates of all 16 tables on signals not far back."""
    rng = random.Random(seed)
    left, right, table = [], [], []
    for i in range(gates):
        top = inputs + i
        left.append(rng.randint(max(0, top - window), top))
        right.append(rng.randint(max(0, top - window), top))
        table.append(rng.choice(ONE_GATE) if rng.random() < 0.8 else rng.randrange(16))
    last = inputs + gates
    chosen = [rng.randint(max(0, last - 2 * outputs), last) for _ in range(outputs)]
    return Netlist(inputs, np.array(left), np.array(right), np.array(table), np.array(chosen))


def shuffled_formally(netlist: Netlist) -> Netlist:
    """The same polynomials from other gates."""
    draft = Draft(netlist.inputs)
    signal = list(range(1 + netlist.inputs))
    for x, y, table in zip(netlist.left.tolist(), netlist.right.tolist(), netlist.table.tolist(), strict=True):
        x, y = signal[x], signal[y]
        if table == TABLES["and"]:
            # xy = (x + 1)(y + 1) + x + y + 1
            both = draft("and", draft("not", x), draft("not", y))
            signal.append(draft("xor", draft("xor", both, x), draft("not", y)))
        else:
            draft.gates.append((x, y, table))
            signal.append(draft.inputs + len(draft.gates))
    return draft.netlist([signal[o] for o in netlist.outputs.tolist()])


def mutant(netlist: Netlist, seed: int) -> Netlist:
    """The netlist with the table of one gate changed in one row."""
    rng = random.Random(seed)
    table = netlist.table.copy()
    table[rng.randrange(len(table))] ^= 1 << rng.randrange(4)
    return dataclasses.replace(netlist, table=table)


def every_output(netlist: Netlist) -> np.ndarray:
    """The outputs at all inputs, (outputs, 2^inputs), by the definition; the oracle."""
    n = netlist.inputs
    return netlist.evaluate((np.arange(1 << n) >> np.arange(n)[:, None] & 1).astype(bool))
