"""An oracle: formal polynomials over the ring of two elements, as sets of monomials, worked out in plain Python."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np

from lenses.circuits import Netlist

Polynomial = frozenset[tuple[tuple[int, int], ...]]
"""A sum of monomials; each is the sorted pairs (number of the input, exponent)."""

ONE: Polynomial = frozenset({()})


def variable(i: int) -> Polynomial:
    return frozenset({((i, 1),)})


def times(p: Polynomial, q: Polynomial) -> Polynomial:
    found: Counter[tuple[tuple[int, int], ...]] = Counter()
    for a, b in itertools.product(p, q):
        found[tuple(sorted((Counter(dict(a)) + Counter(dict(b))).items()))] += 1
    return frozenset(m for m, count in found.items() if count % 2)


def derivative(p: Polynomial, i: int) -> Polynomial:
    """The formal derivative by the input i."""
    out: Polynomial = frozenset()
    for monomial in p:
        powers = dict(monomial)
        if powers.get(i, 0) % 2:
            powers[i] -= 1
            out = out ^ {tuple(sorted((k, n) for k, n in powers.items() if n))}
    return out


def polynomials(netlist: Netlist) -> list[Polynomial]:
    """The formal polynomial of each output: a gate's table at (x, y), with the sum of its rows written out."""
    signal: list[Polynomial] = [frozenset(), *map(variable, range(netlist.inputs))]
    for left, right, table in zip(netlist.left, netlist.right, netlist.table, strict=True):
        total: Polynomial = frozenset()
        for x, y in itertools.product((0, 1), repeat=2):
            if int(table) >> (2 * x + y) & 1:
                total = total ^ times(signal[left] ^ (ONE if not x else frozenset()),
                                      signal[right] ^ (ONE if not y else frozenset()))  # fmt: skip
        signal.append(total)
    return [signal[o] for o in netlist.outputs]


def reversed_polynomials(ps: list[Polynomial], inputs: int) -> list[Polynomial]:
    """R of polynomials: for each input the sum over outputs of the derivative times the change of the output."""
    out = []
    for i in range(inputs):
        total: Polynomial = frozenset()
        for j, p in enumerate(ps):
            total = total ^ times(derivative(p, i), variable(inputs + j))
        out.append(total)
    return out


def every_input(count: int) -> np.ndarray:
    """All inputs of `count` bits, (count, 2^count) bool, the first bit counting most."""
    return np.array(list(itertools.product((False, True), repeat=count)), bool).reshape(2**count, count).T
