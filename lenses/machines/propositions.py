"""Propositions about a machine: its sets of states that steps do not leave, and their Heyting algebra.

The machines on an interface and their maps are a topos (Spivak 2021, section 3). The subobjects of a machine are
the sets of states closed under steps, so what can be said of a learner is what training does not undo: "true from
here on". Meet and join are intersection and union; S => T holds at the states from which, wherever training leads,
S implies T. It is right adjoint to meeting with S. "S or not S" holds for all S only where every step can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx

from ..errors import LensError, explain
from ..learn.learn import Learn
from .moore import Moore, machine

MOST = 1 << 16
"""The most propositions that are listed."""


@dataclass(frozen=True)
class Proposition:
    """A set of states that steps do not leave. `&`, `|`, `>>` (implies), `~` (not), `<=` (entails)."""

    logic: Logic
    states: frozenset[int]

    def __and__(self, other: Proposition) -> Proposition:
        return Proposition(self.logic, self.states & other.states)

    def __or__(self, other: Proposition) -> Proposition:
        return Proposition(self.logic, self.states | other.states)

    def __rshift__(self, other: Proposition) -> Proposition:
        return Proposition(self.logic, self.logic.everything - self.logic.before(self.states - other.states))

    def __invert__(self) -> Proposition:
        return self >> self.logic.false

    def __le__(self, other: Proposition) -> bool:
        return self.states <= other.states

    def __contains__(self, state: int) -> bool:
        return state in self.states

    def __len__(self) -> int:
        return len(self.states)

    def __repr__(self) -> str:
        return f"<a proposition that holds at {len(self)} of {len(self.logic.everything)} states>"


class Logic:
    """The propositions about a machine or a finite learner."""

    def __init__(self, of: Moore | Learn):
        self.machine = machine(of) if isinstance(of, Learn) else of
        self.everything = frozenset(range(len(self.machine)))

    @property
    def true(self) -> Proposition:
        """What holds everywhere."""
        return Proposition(self, self.everything)

    @property
    def false(self) -> Proposition:
        """What holds nowhere."""
        return Proposition(self, frozenset())

    @cached_property
    def _graph(self) -> networkx.DiGraph:
        graph = networkx.DiGraph()
        graph.add_nodes_from(self.everything)
        steps = self.machine.steps
        graph.add_edges_from((s, int(t)) for s in range(len(steps)) for t in set(steps[s].tolist()) if t >= 0)
        return graph

    def after(self, states: Iterable[int]) -> frozenset[int]:
        """Everything that steps lead to from some states, themselves too."""
        return _reached(self._graph.successors, states)

    def before(self, states: Iterable[int]) -> frozenset[int]:
        """Everything from which steps lead to some states, themselves too."""
        return _reached(self._graph.predecessors, states)

    def proposition(self, states: Iterable[int]) -> Proposition:
        """The proposition that holds at these states. Raises LensError where a step leaves them."""
        found = frozenset(int(s) for s in states)
        for s in sorted(found):
            for t in self._graph.successors(s):
                if t not in found:
                    raise LensError(
                        explain("a set of states that is no proposition", because=f"a step leads from {s} to {t}",
                                do="take always(states), where they hold for good, or after(states)")
                    )  # fmt: skip
        return Proposition(self, found)

    def always(self, states: Iterable[int]) -> Proposition:
        """The largest proposition within some states: where they hold, and go on to hold whatever comes."""
        return Proposition(self, self.everything - self.before(self.everything - frozenset(states)))

    def where(self, holds: Callable[[int], bool]) -> Proposition:
        """The largest proposition that implies a predicate of states."""
        return self.always(s for s in self.everything if holds(s))

    @cached_property
    def components(self) -> list[frozenset[int]]:
        """The states in groups that lead to each other, each group after those that it leads to."""
        return [frozenset(c) for c in networkx.strongly_connected_components(self._graph)]

    @cached_property
    def boolean(self) -> bool:
        """Whether "S or not S" holds for every S: exactly where every step can be undone by others."""
        return all(self.after(c) == c for c in self.components)

    def all(self) -> Iterator[Proposition]:
        """Every proposition, the smaller ones first. Raises LensError where they are too many."""
        found: set[frozenset[int]] = {frozenset()}
        for component in self.components:
            needed = self.after(component)
            found |= {s | needed for s in found}
            if len(found) > MOST:
                raise LensError(
                    explain(f"the propositions about {self.machine!r} are too many to list",
                            expected=f"{MOST} at most", do="ask always(states) or proposition(states)")
                )  # fmt: skip
        return (Proposition(self, s) for s in sorted(found, key=lambda s: (len(s), sorted(s))))

    def undecided(self) -> Proposition | None:
        """A proposition S for which "S or not S" does not hold everywhere; None where there is none."""
        for component in self.components:
            here = Proposition(self, self.after(component))
            if (here | ~here) != self.true:
                return here
        return None


def _reached(next_: Callable[[int], Any], states: Iterable[int]) -> frozenset[int]:
    found = set(states)
    stack = list(found)
    while stack:
        for t in next_(stack.pop()):
            if t not in found:
                found.add(t)
                stack.append(t)
    return frozenset(found)
