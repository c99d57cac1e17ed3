"""Polynomial functors as interfaces: sums, products, tensors, composites, and the hom, whose positions are maps.

The maps from A y^A to B y^B are the lenses from A to B, so the hom between them has the lenses as positions and the
examples, A times B of them, as directions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...machines.maps import PolynomialMap, curry, evaluation, identity, lens_of, maps
from ...machines.polynomial import Polynomial, constant, hom, monomial, y
from ..law import law, structure
from ..programs import Inspect

POLYNOMIAL = structure("polynomial functor", "positions, and directions at each", subject=lambda: Polynomial)
SOURCE = "Spivak 2021, section 2"
MANY = 4000
"""The most maps that are gone through."""
PARTNERS = (y, monomial(2), constant(2) + monomial(1, 3))
"""What polynomials are put together with."""
Generator = np.random.Generator


def nothing_wrong(finds: Callable[[Generator], Iterator[str]]) -> Inspect:
    """The claim that a generator of complaints has none."""
    return Inspect(lambda rng: next(finds(rng), None))


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
