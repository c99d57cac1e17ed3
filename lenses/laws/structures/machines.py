"""Polynomial functors as interfaces, machines on them, and propositions about machines.

A learner A -> B is a Moore machine on hom(A y^A, B y^B), whose positions are the lenses and whose directions are the
examples; and back. A map of machines satisfies the equations of learners and need not be a bijection, so learners that
do the same, bisimilar ones, need not be equal. What can be said of a machine are its sets of states closed under steps,
a Heyting algebra in which "S or not S" fails wherever a step cannot be undone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import networkx
import numpy as np

from ...boxes.linear import linear
from ...boxes.pointwise import tanh
from ...finite import all_points, places
from ...learn.equality import equal
from ...learn.functor import L
from ...learn.learn import Learn, beside, one, parts_of, wires
from ...learn.table import MOST, table
from ...machines import bisimulation as bisimulations
from ...machines.invariants import Kept, closed, kept
from ...machines.maps import PolynomialMap, curry, evaluation, identity, lens_of, maps
from ...machines.moore import Moore, check_map, interface, learner, machine
from ...machines.polynomial import Polynomial, constant, hom, monomial, y
from ...machines.propositions import Logic, Proposition
from ...spaces import Bits, Real
from ...terms import compose
from ..law import Expected, law, structure
from ..programs import Inspect
from .descent import DESCENT
from .learn import entries

POLYNOMIAL = structure("polynomial functor", "positions, and directions at each", subject=lambda: Polynomial)
LEARNER = structure("learner as a machine", "states are parameters, examples come in", subject=lambda: Learn)
MACHINE = structure("Moore machine", "states show positions of an interface, directions come in", subject=lambda: Moore)
SOURCE = "Spivak 2021, section 2"
LOGIC = "Spivak 2021, section 3"
MANY = 4000
"""The most maps that are gone through."""
PARTNERS = (y, monomial(2), constant(2) + monomial(1, 3))
"""What polynomials are put together with."""
Generator = np.random.Generator


def nothing_wrong(finds: Callable[[Generator], Iterator[str]]) -> Inspect:
    """The claim that a generator of complaints has none."""
    return Inspect(lambda rng: next(finds(rng), None))


# -- polynomials -----------------------------------------------------------------------------


@law(POLYNOMIAL, "values", "(p + q)(n) = p(n) + q(n), (p * q)(n) = p(n) q(n), p.of(q)(n) = p(q(n))", SOURCE, 36)
def values(p: Polynomial) -> Inspect:
    def finds(rng: Generator) -> Iterator[str]:
        for q, n in itertools.product(PARTNERS, range(4)):
            rows = [("sum", (p + q)(n), p(n) + q(n)), ("product", (p * q)(n), p(n) * q(n))]
            if sum(q.count**e * k for e, k in p.exponents.items()) <= MANY:
                rows.append(("composite", p.of(q)(n), p(q(n))))
            yield from (f"the {what} with {q!r} has {x} elements at {n}, not {z}" for what, x, z in rows if x != z)

    return nothing_wrong(finds)


@law(POLYNOMIAL, "tensor", "(p @ q)[i, j] = p[i] * q[j]", SOURCE, 36)
def tensor(p: Polynomial) -> Inspect:
    def finds(rng: Generator) -> Iterator[str]:
        for q in PARTNERS:
            both = p @ q
            if both.count != p.count * q.count:
                yield f"{both!r} has {both.count} positions"
            for i, j in itertools.product(p.positions, q.positions):
                if set(both.directions((i, j))) != set(itertools.product(p.directions(i), q.directions(j))):
                    yield f"at {(i, j)} the directions are {both.directions((i, j))}"

    return nothing_wrong(finds)


@law(POLYNOMIAL, "units", "p @ y, p.of(y), y.of(p) and hom(y, p) are p, p + 0 and p * 1 too", SOURCE, 36)
def units(p: Polynomial) -> Inspect:
    def finds(rng: Generator) -> Iterator[str]:
        for q in (p @ y, y @ p, p.of(y), y.of(p), hom(y, p), p + constant(0), p * constant(1)):
            if not q.isomorphic(p):
                yield f"{q!r} is not {p!r}"

    return nothing_wrong(finds)


@law(POLYNOMIAL, "closed", "maps r @ p -> q are maps r -> hom(p, q): f = (curry f @ p); evaluation, one f for each",
     SOURCE, 36)  # fmt: skip
def closure(p: Polynomial) -> Inspect | str:
    pairs = [(r, q) for r, q in itertools.product(PARTNERS, PARTNERS) if hom(r @ p, q).count <= MANY]

    def finds(rng: Generator) -> Iterator[str]:
        for r, q in pairs:
            if hom(r @ p, q).count != hom(r, hom(p, q)).count:
                yield f"maps {r!r} @ p -> {q!r} are {hom(r @ p, q).count}, into the hom {hom(r, hom(p, q)).count}"
            if hom(p, q).count > 200:
                continue
            applied, every = evaluation(p, q), list(maps(r @ p, q))
            for f in [every[int(k)] for k in rng.integers(0, len(every), 3)] if every else []:
                if (curry(f, r, p) @ identity(p)) >> applied != f:
                    yield f"{f.row!r:.60} is not what its curried map is applied to"
            if len({curry(f, r, p).row for f in every[:300]}) != len(every[:300]):
                yield f"two maps {r!r} @ p -> {q!r} are curried alike"

    return nothing_wrong(finds) if pairs else f"there are more than {MANY} maps from it to anything"


@law(POLYNOMIAL, "positions of the hom", "hom(p, q) has the maps p -> q as positions: prod over i of sum over j of "
     "p[i]^q[j], and the sum of q[f(i)] as directions", SOURCE, 36)  # fmt: skip
def positions_of_hom(p: Polynomial) -> Inspect:
    def finds(rng: Generator) -> Iterator[str]:
        for q in PARTNERS:
            inner = hom(p, q)
            ways = math.prod(
                sum(len(p.directions(i)) ** len(q.directions(j)) for j in q.positions) for i in p.positions
            )
            if inner.count != ways:
                yield f"{inner!r} has {inner.count} positions, not {ways}"
            if ways > MANY:
                continue
            if len(set(inner.positions)) != ways or not all(i in inner for i in inner.positions):
                yield f"the positions of {inner!r} are not those that are listed"
            for f in maps(p, q):
                width = sum(len(q.directions(f.forward(i))) for i in p.positions)
                if len(inner.directions(f.row)) != width:
                    yield f"at {f.row!r:.60} there are {len(inner.directions(f.row))} directions, not {width}"

    return nothing_wrong(finds)


def _lens(position: Any, of: Any) -> tuple[Any, ...]:
    get, put = lens_of(position, of)
    return tuple(sorted(get.items())), tuple(sorted(put.items()))


@law(POLYNOMIAL, "lenses", "hom(A y^A, B y^B) has the lenses from A to B as positions, B^A A^(A B) of them, and A B "
     "directions at each: 64 and 4 where A and B have two elements", SOURCE, 36)  # fmt: skip
def lenses(p: Polynomial) -> Inspect | str:
    n = p.count
    if not p.isomorphic(monomial(n)) or n > 3:
        return f"{p!r} is not A y^A for a small A"

    def finds(rng: Generator) -> Iterator[str]:
        for m in (1, 2):
            inner = hom(p, monomial(m))
            every = {_lens(position, inner) for position in inner.positions}
            if not inner.count == len(every) == m**n * n ** (n * m):
                yield f"{inner!r} has {inner.count} positions, and they are {len(every)} lenses"
            wrong = [i for i in inner.positions if len(inner.directions(i)) != n * m]
            yield from (f"at {i!r:.60} there are {len(inner.directions(i))} directions" for i in wrong)

    return nothing_wrong(finds)


@law(POLYNOMIAL, "composition of lenses", "maps of A y^A compose as lenses do: put of f; g is f*(a, g*(f(a), c))",
     SOURCE, 36)  # fmt: skip
def composition_of_lenses(p: Polynomial) -> Inspect | str:
    n = p.count
    if p != monomial(n) or n > 3:
        return f"{p!r} is not A y^A for a small A"

    def finds(rng: Generator) -> Iterator[str]:
        sides = p, monomial(2), monomial(3)
        for _ in range(20):
            f, g = (_any_map(*ends, rng) for ends in itertools.pairwise(sides))
            (get, put), (after, back), (whole, through) = (lens_of(h.row, hom(h.dom, h.cod)) for h in (f, g, f >> g))
            for a, c in itertools.product(range(n), range(3)):
                if whole[a] != after[get[a]] or through[a, c] != put[a, back[get[a], c]]:
                    yield f"at {(a, c)} the composite is {whole[a]}, {through[a, c]}"

    return nothing_wrong(finds)


def _any_map(p: Polynomial, q: Polynomial, rng: Generator) -> PolynomialMap:
    row = []
    for i in p.positions:
        j = q.positions[int(rng.integers(q.count))]
        ways = p.directions(i)
        row.append((j, tuple(ways[int(rng.integers(len(ways)))] for _ in q.directions(j))))
    return PolynomialMap(p, q, tuple(row))


# -- learners as machines --------------------------------------------------------------------


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


# -- propositions ----------------------------------------------------------------------------


def propositions(logic: Logic, rng: Generator, most: int = 12) -> list[Proposition]:
    """A few propositions: true, false, what single states lead to, and where random sets of states hold for good."""
    n, found = len(logic.everything), [logic.true, logic.false]
    found += [logic.proposition(logic.after([int(s)])) for s in rng.permutation(n)[: most // 2]]
    while n and len(found) < most:
        found.append(logic.always(np.flatnonzero(rng.random(n) < rng.random()).tolist()))
    return list({s.states: s for s in found}.values())


@law(MACHINE, "Heyting adjunction", "S and T entails U exactly where S entails T => U", LOGIC, 38)
def adjunction(m: Moore) -> Inspect:
    def finds(rng: Generator) -> Iterator[str]:
        some = propositions(Logic(m), rng)
        for s, t, u in itertools.product(some, repeat=3):
            if (s & t <= u) != (s <= (t >> u)):
                yield f"with S, T and U at the states {sorted(s.states)}, {sorted(t.states)} and {sorted(u.states)}"

    return nothing_wrong(finds)


@law(MACHINE, "lattice", "meet, join and implication of propositions are propositions, and meet distributes over join",
     LOGIC, 38)  # fmt: skip
def lattice(m: Moore) -> Inspect:
    def finds(rng: Generator) -> Iterator[str]:
        logic = Logic(m)
        some = propositions(logic, rng, 8)
        for s, t in itertools.product(some, repeat=2):
            for made in (s & t, s | t, s >> t, ~s):
                if logic.after(made.states) != made.states:
                    yield f"a step leaves {sorted(made.states)}"
            for u in some:
                if (s & (t | u)) != ((s & t) | (s & u)):
                    yield f"with S at the states {sorted(s.states)}"

    return nothing_wrong(finds)


@law(MACHINE, "non-contradiction", "S and not S is false, and S entails not not S", LOGIC, 38)
def non_contradiction(m: Moore) -> Inspect:
    def finds(rng: Generator) -> Iterator[str]:
        logic = Logic(m)
        for s in propositions(logic, rng):
            if (s & ~s) != logic.false or not s <= ~~s:
                yield f"with S at the states {sorted(s.states)}"

    return nothing_wrong(finds)


def reversible(m: Moore) -> bool:
    """Whether every step can be undone by others, as networkx says."""
    graph = networkx.DiGraph(m.graph)
    strong = list(networkx.strongly_connected_components(graph))
    return len(strong) == networkx.number_weakly_connected_components(graph)


def _classical(m: Moore, holds: Callable[[Logic, Proposition], bool], said: str) -> Expected:
    def finds(rng: Generator) -> Iterator[str]:
        logic = Logic(m)
        whole = [logic.proposition(logic.after([s])) for s in sorted(logic.everything)[:200]]
        for s in [*whole, *propositions(logic, rng)]:
            if not holds(logic, s):
                yield f"{said} fails for S at the states {sorted(s.states)[:12]}"

    return Expected(nothing_wrong(finds), reversible(m))


@law(MACHINE, "excluded middle", "S or not S is true; where every step can be undone, and nowhere else", LOGIC, 38)
def excluded_middle(m: Moore) -> Expected:
    return _classical(m, lambda logic, s: (s | ~s) == logic.true, "S or not S")


@law(MACHINE, "double negation", "not not S entails S; where every step can be undone, and nowhere else", LOGIC, 38)
def double_negation(m: Moore) -> Expected:
    return _classical(m, lambda logic, s: ~~s <= s, "not not S => S")


# -- what gradient descent keeps -------------------------------------------------------------

INPUTS = Real(3, dtype="float64")
BALANCED = "Saxe et al. 2014; Du, Hu and Lee 2018, theorem 2.2"


def _balance(p: Any) -> Any:
    """W1^T W1 - W2 W2^T of a network x W1 W2."""
    return p[0].T @ p[0] - p[1] @ p[1].T


def _claim(found: Callable[[], Kept]) -> Inspect:
    def finds(rng: Generator) -> str | None:
        result = found()
        return None if result else result.because

    return Inspect(finds)


@law(DESCENT, "balance along the flow", "W1^T W1 - W2 W2^T of a linear network x W1 W2 is kept to first order, for all "
     "data and errors", BALANCED, 38)  # fmt: skip
def balance_along_flow(F: L) -> Inspect:
    return _claim(lambda: kept(F(compose(linear(2), linear(3)), INPUTS), _balance))


@law(DESCENT, "balance along steps", "W1^T W1 - W2 W2^T is kept by steps", BALANCED + "; to first order alone", 38,
     holds=False)  # fmt: skip
def balance_along_steps(F: L) -> Inspect | str:
    if not F.rate:
        return "at rate 0 nothing moves"
    return _claim(lambda: kept(F(compose(linear(2), linear(3)), INPUTS), _balance, flow=False))


@law(DESCENT, "equal units stay equal", "hidden units with equal weights, in and out, are a proposition: no step "
     "leaves them", LOGIC + "; weights must start unequal to become so", 38)  # fmt: skip
def equal_units(F: L) -> Inspect:
    def onto(p: Any) -> Any:
        first, second = p
        return first.at[:, 1].set(first[:, 0]), second.at[1].set(second[0])

    def off(p: Any) -> Any:
        return [p[0][:, 1] - p[0][:, 0], p[1][1] - p[1][0]]

    return _claim(lambda: closed(F(compose(linear(3), tanh, linear(2)), INPUTS), off, onto))
