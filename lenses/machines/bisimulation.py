"""Bisimulation: states that can never be told apart by what they show, whatever comes in.

It is decided by partition refinement. States are first divided by what they show, then by the classes
that their steps lead to, until nothing is divided any more; what is left is the coarsest bisimulation
(Moore 1956). Bisimilar learners are equal to anyone who uses them, and need not be equal in Learn.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..learn.learn import Learn
from .moore import Moore, machine


def classes(moore: Moore) -> Any:
    """The class of each state under bisimilarity, a number; classes are numbered by their first states."""
    numbers: dict[Any, int] = {}
    found = np.array([numbers.setdefault(position, len(numbers)) for position in moore.shows], int)
    while True:
        # A direction that is not there leads to class 0, every other class is one more.
        after = np.where(moore.steps < 0, 0, found[moore.steps] + 1)
        rows = np.concatenate([found[:, None], after], 1)
        finer = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
        if finer.max(initial=-1) == found.max(initial=-1):
            return _by_first(found)
        found = finer


def _by_first(found: Any) -> Any:
    order: dict[int, int] = {}
    return np.array([order.setdefault(int(c), len(order)) for c in found], int)


def quotient(moore: Moore) -> tuple[Moore, Any]:
    """The smallest machine that does the same, and the map of machines to it: the class of each state."""
    found = classes(moore)
    firsts = np.array([int(np.argmax(found == c)) for c in range(found.max(initial=-1) + 1)], int)
    steps = moore.steps[firsts]
    return Moore(moore.interface, tuple(moore.shows[s] for s in firsts), np.where(steps < 0, -1, found[steps])), found


def beside(left: Moore, right: Moore) -> Moore:
    """The machine that is either of two on one interface: the states of the left one, then those of the right one."""
    width = max(left.steps.shape[1], right.steps.shape[1])

    def wide(steps: Any, shift: int) -> Any:
        padded = np.pad(steps, ((0, 0), (0, width - steps.shape[1])), constant_values=-1)
        return np.where(padded < 0, -1, padded + shift)

    steps = np.concatenate([wide(left.steps, 0), wide(right.steps, len(left))])
    return Moore(left.interface, left.shows + right.shows, steps)


@dataclass(frozen=True)
class Bisimilarity:
    """Whether two machines do the same: each state of one is bisimilar to a state of the other. Truthy where so.

    `alone`: a state without a partner, with the side that it is on, where there is one.
    """

    bisimilar: bool
    because: str
    alone: tuple[str, int] | None = None

    def __bool__(self) -> bool:
        return self.bisimilar

    def __repr__(self) -> str:
        return f"{'bisimilar' if self.bisimilar else 'not bisimilar'}: {self.because}"


def bisimilar(left: Moore | Learn, right: Moore | Learn) -> Bisimilarity:
    """Whether two machines, or finite learners between the same spaces, do the same."""
    one, two = (machine(m) if isinstance(m, Learn) else m for m in (left, right))
    found = classes(beside(one, two))
    mine, other = set(found[: len(one)].tolist()), set(found[len(one) :].tolist())
    for side, numbers, there in (("left", found[: len(one)], other), ("right", found[len(one) :], mine)):
        for s, c in enumerate(numbers.tolist()):
            if c not in there:
                said = f"no state of the other does what state {s} of the {side} one does"
                return Bisimilarity(False, said, (side, s))
    return Bisimilarity(True, f"their {len(one)} and {len(two)} states are of {len(mine)} kinds")


def distinguish(moore: Moore, first: int, second: int) -> tuple[Any, ...] | None:
    """A shortest row of directions after which two states show different things; None where there is none."""
    start = (first, second)
    came: dict[tuple[int, int], tuple[tuple[int, int], Any] | None] = {start: None}
    queue = deque([start])
    while queue:
        s, t = pair = queue.popleft()
        if moore.shows[s] != moore.shows[t]:
            row: list[Any] = []
            while (before := came[pair]) is not None:
                pair, direction = before
                row.append(direction)
            return tuple(row[::-1])
        ways = moore.interface.directions(moore.shows[s])
        for direction, u, v in zip(ways, moore.steps[s], moore.steps[t], strict=False):
            after = (int(u), int(v))
            if u != v and after not in came:
                came[after] = (pair, direction)
                queue.append(after)
    return None
