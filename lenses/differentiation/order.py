"""In which order to multiply a chain of linear maps, by dynamic programming over their costs.

Each factor of the chain has a width before and after, and costs: of having its matrix at all (`own`), of
pushing one column through it, and of pulling one row back. The matrix of a range of factors is made in the
cheapest of three ways: the product of the matrices of two parts of it; the matrix of a first part, its columns
pushed through the rest; or that of a last part, its rows pulled back through the rest. Forward mode and reverse
mode are two of these orders. This is the matrix-free Jacobian chain product (Naumann 2024, Matrix-free Jacobian
chaining, section 3); without pushing and pulling it is the order of a chain of matrices.

The time is cubic in the number of factors, so a chain of more than `MOST` is cut at its narrowest places into
as many pieces, each of which is one factor, and is ordered by itself. Pushing through a piece costs what its
factors cost together, so forward and reverse mode stay among the orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

MOST = 96
"""The most factors that are ordered at once; longer chains are cut."""


class Instruction(NamedTuple):
    """A step of a program on a stack of matrices.

    "own" puts the matrix of factor `start` on the stack, "identity" the identity before it. "push" sends the
    columns of the last one through the factors from `start` up to `stop`, "pull" its rows back through those
    from `stop` - 1 down to `start`, and "product" multiplies the last two.
    """

    does: str
    start: int = 0
    stop: int = 0


Program = tuple[Instruction, ...]


def forward(factors: int) -> Program:
    """Forward mode: the columns of the identity, pushed through all factors."""
    return (Instruction("identity", 0), Instruction("push", 0, factors))


def reverse(factors: int) -> Program:
    """Reverse mode: the rows of the identity, pulled back through all factors."""
    return (Instruction("identity", factors), Instruction("pull", 0, factors))


@dataclass(frozen=True)
class Costs:
    """The costs of a chain of n factors, in one unit: n + 1 `widths`, and `own`, `push`, `pull` of each factor."""

    widths: Any
    own: Any
    push: Any
    pull: Any

    def part(self, start: int, stop: int) -> Costs:
        """The costs of the factors from `start` up to `stop`."""
        return Costs(self.widths[start : stop + 1], *(c[start:stop] for c in (self.own, self.push, self.pull)))


def cheapest(costs: Costs) -> tuple[int, Program]:
    """The least cost of the matrix of a chain of one factor or more, among the orders considered, and a program."""
    n = len(costs.own)
    if n <= MOST:
        return _exactly(costs, [(Instruction("own", i),) for i in range(n)], range(n + 1))
    cuts = _cuts(costs.widths, MOST)
    pieces = [_shifted(*cheapest(costs.part(a, b)), a) for a, b in pairwise(cuts)]
    own = [cost for cost, _ in pieces]
    push, pull = (np.add.reduceat(np.asarray(c), cuts[:-1]) for c in (costs.push, costs.pull))
    outer = Costs([costs.widths[c] for c in cuts], own, push, pull)
    return _exactly(outer, [program for _, program in pieces], cuts)


def _shifted(cost: int, program: Program, by: int) -> tuple[int, Program]:
    return cost, tuple(i if i.does == "product" else Instruction(i.does, i.start + by, i.stop + by) for i in program)


def _cuts(widths: Sequence[int], pieces: int) -> list[int]:
    """The ends of a chain and the narrowest places between; of equal ones, evenly many everywhere."""
    inner = np.asarray(widths[1:-1])
    order = np.sort(inner)
    limit = order[pieces - 2]
    sure = np.flatnonzero(inner < limit)
    equal = np.flatnonzero(inner == limit)
    some = equal[np.linspace(0, len(equal) - 1, pieces - 1 - len(sure)).round().astype(int)]
    return [0, *(int(i) + 1 for i in np.sort(np.concatenate([sure, some]))), len(widths) - 1]


def _exactly(costs: Costs, own: Sequence[Program], ends: Sequence[int]) -> tuple[int, Program]:
    """The best order of all; `own` are the programs that make a factor's matrix, which reaches between two `ends`."""
    d, c = (np.asarray(v, "float64") for v in (costs.widths, costs.own))
    P, Q = (np.concatenate([[0.0], np.cumsum(np.asarray(v, "float64"))]) for v in (costs.push, costs.pull))
    n = len(c)
    best = np.full((n, n), np.inf)
    how = np.zeros((n, n, 2), int)  # which of the three ways, and the last factor of the first part
    best[np.arange(n), np.arange(n)] = c
    # The cheapest first part to push on from, for each start; the cheapest last part to pull back from, for each end.
    ahead, ahead_at = np.full(n, np.inf), np.zeros(n, int)
    back, back_at = np.full(n, np.inf), np.zeros(n, int)
    for length in range(2, n + 1):
        i = np.arange(n - length + 1)
        j = i + length - 1
        new = best[i, j - 1] - d[i] * P[j]
        ahead_at[i] = np.where(new <= ahead[i], j - 1, ahead_at[i])
        ahead[i] = np.minimum(ahead[i], new)
        new = best[i + 1, j] + d[j + 1] * Q[i + 1]
        back_at[j] = np.where(new <= back[j], i, back_at[j])
        back[j] = np.minimum(back[j], new)
        k = i[:, None] + np.arange(length - 1)
        products = best[i[:, None], k] + best[k + 1, j[:, None]] + 2 * d[i[:, None]] * d[k + 1] * d[j[:, None] + 1]
        at = products.argmin(1)
        ways = np.stack([ahead[i] + d[i] * P[j + 1], back[j] - d[j + 1] * Q[i], products[i, at]])
        which = ways.argmin(0)
        best[i, j] = ways.min(0)
        how[i, j, 0] = which
        how[i, j, 1] = np.choose(which, [ahead_at[i], back_at[j], i + at])
    return round(best[0, n - 1]), _program(how, own, ends)


def _program(how: Any, own: Sequence[Program], ends: Sequence[int]) -> Program:
    steps: list[Instruction] = []
    stack: list[tuple[int, int] | Instruction] = [(0, len(own) - 1)]
    while stack:
        task = stack.pop()
        if isinstance(task, Instruction):
            steps.append(task)
            continue
        i, j = task
        if i == j:
            steps.extend(own[i])
            continue
        which, k = how[i, j]
        if which == 0:
            stack += [Instruction("push", ends[k + 1], ends[j + 1]), (i, int(k))]
        elif which == 1:
            stack += [Instruction("pull", ends[i], ends[k + 1]), (int(k) + 1, j)]
        else:
            stack += [Instruction("product"), (int(k) + 1, j), (i, int(k))]
    return tuple(steps)
