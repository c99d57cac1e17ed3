"""Moore machines on a polynomial interface, and learners as such machines.

A machine on p has states, a position of p that each of them shows, and for each state and direction at
that position a next state: a coalgebra S -> p(S). A learner A -> B is a machine on hom(A y^A, B y^B):
the parameter p shows the lens (I(p, -), r(p, -, -)), an example (a, b) comes in, and the next state is
U(p, a, b); and every machine on that interface is a learner (Spivak 2021, section 2).

A map of machines keeps what is shown and commutes with steps. Between learners these are the equations
of equality in Learn, but for the map being a bijection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx
import numpy as np

from ..errors import DataError, LensError, explain
from ..finite import count
from ..learn.learn import Learn
from ..learn.table import Table, table
from ..spaces import Space
from .polynomial import Hom, Polynomial, hom, monomial


@dataclass(frozen=True, eq=False)
class Moore:
    """A machine: states are numbers from 0 on.

    Attributes:
        interface: p, a polynomial.
        shows: the position that each state shows.
        steps: (states, directions) of next states, in the order of the directions at what is shown; -1 beyond them.
    """

    interface: Polynomial
    shows: tuple[Any, ...]
    steps: Any

    def __post_init__(self) -> None:
        steps, n = np.asarray(self.steps, int), len(self.shows)
        object.__setattr__(self, "steps", steps)
        if steps.ndim != 2 or len(steps) != n:
            raise DataError(explain("a machine's steps", expected=f"({n} states, directions)", came=steps.shape))
        widths = {position: len(self.interface.directions(position)) for position in dict.fromkeys(self.shows)}
        valid = np.arange(steps.shape[1]) < np.array([widths[s] for s in self.shows], int).reshape(-1, 1)
        wrong = np.argwhere(np.where(valid, (steps < 0) | (steps >= n), steps != -1))
        if len(wrong) or max(widths.values(), default=0) > steps.shape[1]:
            where = "" if not len(wrong) else f"state {wrong[0][0]}, direction {wrong[0][1]}: {steps[tuple(wrong[0])]}"
            expected = f"a state below {n} for each direction of what is shown, and -1 beyond"
            raise DataError(
                explain("a machine's steps", expected=expected, came=where or f"{steps.shape[1]} directions")
            )

    def __len__(self) -> int:
        return len(self.shows)

    def __repr__(self) -> str:
        return f"<a machine of {len(self)} states on {self.interface!r}>"

    def step(self, state: int, direction: Any) -> int:
        """The next state."""
        return int(self.steps[state, self.interface.directions(self.shows[state]).index(direction)])

    def run(self, state: int, directions: Sequence[Any]) -> int:
        """The state after these directions came in."""
        for direction in directions:
            state = self.step(state, direction)
        return state

    @cached_property
    def graph(self) -> networkx.DiGraph:
        """The graph of states, as a networkx graph; an edge has the directions that lead along it, as `by`."""
        graph = networkx.DiGraph()
        graph.add_nodes_from(range(len(self)))
        for s, position in enumerate(self.shows):
            for direction, t in zip(self.interface.directions(position), self.steps[s], strict=False):
                if not graph.has_edge(s, int(t)):
                    graph.add_edge(s, int(t), by=[])
                graph.edges[s, int(t)]["by"].append(direction)
        return graph


def interface(dom: Space, cod: Space) -> Hom:
    """hom(A y^A, B y^B) for finite spaces, whose points are numbered."""
    return hom(monomial(_size(dom)), monomial(_size(cod)))


def _size(space: Space) -> int:
    n = count(space)
    if not isinstance(n, int):
        raise LensError(explain(f"{space!r} is no finite space", expected="bits, or whole numbers below a bound"))
    return n


def machine(learner: Learn | Table) -> Moore:
    """The machine of a finite learner. Raises LensError where it is too large, saying how large."""
    found = table(learner) if isinstance(learner, Learn) else learner
    seen: dict[bytes, Any] = {}
    shown = []
    for get, put in zip(found.implement, found.request, strict=True):
        key = get.tobytes() + put.tobytes()
        if key not in seen:
            rows = zip(get.tolist(), put.tolist(), strict=True)
            seen[key] = tuple((b, tuple(back)) for b, back in rows)
        shown.append(seen[key])
    return Moore(interface(found.dom, found.cod), tuple(shown), found.steps)


def learner(moore: Moore, dom: Space, cod: Space, params: Space | None = None) -> Learn:
    """The learner that a machine on hom(A y^A, B y^B) is, its states the parameters.

    Raises LensError where the interface is another one.
    """
    expected = interface(dom, cod)
    for position in dict.fromkeys(moore.shows):
        if position not in expected:
            raise LensError(
                explain(f"{moore!r} is no learner from {dom!r} to {cod!r}", expected=f"an interface {expected!r}",
                        came=f"a state that shows {position!r:.80}")
            )  # fmt: skip
    implement = np.array([[b for b, _ in row] for row in moore.shows], int)
    request = np.array([[back for _, back in row] for row in moore.shows], int)
    update = moore.steps.reshape(request.shape)
    return Table(dom, cod, implement, update, request).learner(params, f"<learner of {len(moore)} states>")


def taught(moore: Moore, directions: Sequence[Any]) -> Moore:
    """The machine when nothing but these directions ever comes in: a learner with a teacher, or with these data.

    Each state shows what it showed before. Raises LensError where one of them is not there at some state.
    """
    rows, shown = {}, {}
    for position in dict.fromkeys(moore.shows):
        ways = {d: k for k, d in enumerate(moore.interface.directions(position))}
        for d in directions:
            if d not in ways:
                raise LensError(explain(f"{d!r} is no direction at {position!r:.60}", of=moore))
        rows[position], shown[position] = [ways[d] for d in directions], tuple(directions)
    steps = np.array([moore.steps[s, rows[position]] for s, position in enumerate(moore.shows)], int)
    return Moore(Polynomial(shown), moore.shows, steps.reshape(len(moore), len(directions)))


def check_map(left: Moore, right: Moore, to: Any) -> str | None:
    """Why a function from the states of one machine to those of another is no map of machines; None where it is one."""
    to = np.asarray(to, int)
    if to.shape != (len(left),) or (to < 0).any() or (to >= len(right)).any():
        return f"it is no function from {len(left)} states to {len(right)}"
    for s, t in enumerate(to):
        if left.shows[s] != right.shows[t]:
            return f"state {s} and its image {t} show different positions"
    if left.steps.shape[1] != right.steps.shape[1]:
        return "their states have other directions"
    after = np.where(left.steps < 0, -1, to[left.steps])
    wrong = np.argwhere(after != right.steps[to])
    if len(wrong):
        s, k = wrong[0]
        return (
            f"after direction {k}, state {s} is in one that goes to {after[s, k]}, its image in {right.steps[to[s], k]}"
        )
    return None
