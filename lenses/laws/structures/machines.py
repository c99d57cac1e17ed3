"""Learners are Moore machines, and machines are told apart by what they show.

A learner A -> B is a Moore machine on hom(A y^A, B y^B): states show lenses, examples come in; and back. A map of
machines satisfies the equations of learners and need not be a bijection, so learners that do the same, bisimilar
ones, need not be equal.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...finite import all_points, places
from ...learn.equality import equal
from ...learn.learn import Learn, beside, one, parts_of, wires
from ...learn.table import MOST, entries, table
from ...machines import bisimulation as bisimulations
from ...machines.maps import lens_of
from ...machines.moore import Moore, check_map, interface, learner, machine
from ...spaces import Bits
from ..law import law, structure
from ..programs import Inspect
from .interfaces import SOURCE, Generator, nothing_wrong

LEARNER = structure("learner as a machine", "states are parameters, examples come in", subject=lambda: Learn)
MACHINE = structure("Moore machine", "states show positions of an interface, directions come in", subject=lambda: Moore)


def too_large(f: Learn, room: int = 4) -> str | None:
    """Why a learner is not gone through, None where it is."""
    return None if entries(f) <= MOST >> room else "it is too large to go through"


@law(LEARNER, "round trip", "the learner of the machine of f is f", SOURCE, 37)
def round_trip(f: Learn) -> Inspect | str:
    def finds(rng: Generator) -> Iterator[str]:
        here, back = table(f), table(learner(machine(f), f.dom, f.cod, f.params))
        for what in ("implement", "update", "request"):
            if (getattr(here, what) != getattr(back, what)).any():
                yield f"its {what} is another one"
        again = machine(back)
        if again.shows != machine(f).shows or (again.steps != machine(f).steps).any():
            yield "the machine of that learner is another one"

    return too_large(f) or nothing_wrong(finds)


@law(LEARNER, "readout", "state p shows the lens (I(p, -), r(p, -, -)), and example (a, b) leads to U(p, a, b)", SOURCE,
     37)  # fmt: skip
def readout(f: Learn) -> Inspect | str:
    def finds(rng: Generator) -> Iterator[str]:
        states, of = machine(f), interface(f.dom, f.cod)
        points = [all_points(s) for s in (f.params, f.dom, f.cod)]
        sizes = len(states), of.source.count, of.target.count
        for _ in range(8):
            i, a, b = (int(rng.integers(n)) for n in sizes)
            p, x, t = (one([v[k] for v in row]) for row, k in zip(points, (i, a, b), strict=True))
            get, put = lens_of(states.shows[i], of)
            new, wanted = f.put(p, x, t)
            found = (
                int(places(space, [np.asarray(v) for v in wires(space, value)]))
                for space, value in ((f.cod, f.implement(p, x)), (f.dom, wanted), (f.params, new))
            )
            if (get[a], put[a, b], states.step(i, (a, b))) != tuple(found):
                yield f"state {i} shows another lens, or steps otherwise, at example {(a, b)}"

    return too_large(f) or nothing_wrong(finds)


def _idle(f: Learn) -> Learn:
    """f with a bit beside its parameters that nothing reads and that flips at every example."""
    spaces = f.params, Bits()

    def put(px: Any, a: Any, b: Any) -> tuple[Any, Any]:
        p, x = parts_of(spaces, px)
        new, wanted = f.put(p, a, b)
        return beside(spaces, [new, 1 - x]), wanted

    return Learn.lens(f.params @ Bits(), f.dom, f.cod, lambda px, a: f.implement(parts_of(spaces, px)[0], a), put)


@law(LEARNER, "maps of machines", "forgetting what is never read is a map of machines: the equations of learners hold "
     "along a map that is no bijection", SOURCE, 37)  # fmt: skip
def maps_of_machines(f: Learn) -> Inspect | str:
    def finds(rng: Generator) -> Iterator[str]:
        left, right = table(_idle(f)), table(f)
        to = np.arange(len(left)) // 2
        why = check_map(machine(left), machine(right), to)
        if why:
            yield why
        if (left.implement != right.implement[to]).any() or (left.request != right.request[to]).any():
            yield "what is implemented or requested changes"
        if (to[left.update] != right.update[to]).any():
            yield "updates do not commute"
        if not bisimulations.bisimilar(machine(left), machine(right)):
            yield "what it leads to does not do the same"

    return too_large(f) or nothing_wrong(finds)


@law(LEARNER, "bisimilar learners are equal", "learners that do the same are equal in Learn",
     SOURCE + "; equality needs a bijection", 37, holds=False)  # fmt: skip
def bisimilar_are_equal(f: Learn) -> Inspect | str:
    def finds(rng: Generator) -> Iterator[str]:
        other = _idle(f)
        if bisimulations.bisimilar(f, other) and not equal(f, other):
            yield f"f, and f with a bit that nothing reads, do the same, yet {equal(f, other)!r}"

    return too_large(f) or nothing_wrong(finds)


# -- machines --------------------------------------------------------------------------------


@law(MACHINE, "bisimulation", "states of one class show the same, and steps lead to states of one class", SOURCE, 37)
def bisimulation(m: Moore) -> Inspect:
    def finds(rng: Generator) -> Iterator[str]:
        found = bisimulations.classes(m)
        first: dict[int, int] = {}
        for s, c in enumerate(found.tolist()):
            t = first.setdefault(c, s)
            after = [np.where(m.steps[u] < 0, -1, found[m.steps[u]]) for u in (s, t)]
            if m.shows[s] != m.shows[t] or (after[0] != after[1]).any():
                yield f"states {t} and {s} are in one class and differ"

    return nothing_wrong(finds)


@law(MACHINE, "coarsest bisimulation", "states of two classes are told apart by some row of directions, those of one "
     "class by none", SOURCE, 37)  # fmt: skip
def coarsest(m: Moore) -> Inspect:
    def finds(rng: Generator) -> Iterator[str]:
        found, n = bisimulations.classes(m), len(m)
        pairs = itertools.combinations(range(n), 2) if n <= 12 else rng.integers(0, n, (40, 2)).tolist()
        for s, t in pairs:
            row = bisimulations.distinguish(m, s, t)
            if (row is None) != (found[s] == found[t]):
                yield f"states {s} and {t} are {'not ' * (row is None)}told apart, and their classes say otherwise"
            if row is not None and m.shows[m.run(s, row)] == m.shows[m.run(t, row)]:
                yield f"states {s} and {t} show the same after {row}"

    return nothing_wrong(finds)


@law(MACHINE, "quotient", "taking each state to its class is a map of machines to one in which no two states are alike",
     SOURCE, 37)  # fmt: skip
def quotient(m: Moore) -> Inspect:
    def finds(rng: Generator) -> Iterator[str]:
        small, to = bisimulations.quotient(m)
        why = check_map(m, small, to)
        if why:
            yield why
        if len(set(bisimulations.classes(small).tolist())) != len(small):
            yield "two of its states are alike"
        if not bisimulations.bisimilar(m, small):
            yield "it does not do the same"

    return nothing_wrong(finds)
