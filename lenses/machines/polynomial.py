"""Polynomial functors p = sum over positions i of y^p[i], as values: the interfaces of machines.

A position says what is shown, a direction at it what may come in (Spivak 2021, section 2). With them

    p + q      one of the two,                         p(X) + q(X)
    p * q      both shown, one of them answered,       p(X) * q(X)
    p @ q      both shown, both answered (Dirichlet)
    p.of(q)    p of q: a position of p, and one of q for each of its directions, p(q(X))
    hom(p, q)  positions are the maps p -> q, directions at one are a position i of p and a direction of
               q where the map takes i; so that maps r @ p -> q are maps r -> hom(p, q)

The sets A are embedded as A y^A: maps from A y^A to B y^B are the lenses from A to B, get: A -> B and
put: A * B -> A. So hom(A y^A, B y^B) has the lenses as positions and examples (a, b) as directions.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from ..errors import LensError, explain
from ..learn.table import how_many

MOST = 1 << 17
"""The most positions that are listed."""
Position = Hashable
Direction = Hashable


class Polynomial:
    """A polynomial functor, given by the directions at each position."""

    def __init__(self, directions: Mapping[Any, Iterable[Any]]):
        self._directions = {i: tuple(ds) for i, ds in directions.items()}

    @property
    def count(self) -> int:
        """How many positions there are."""
        return len(self._directions)

    @cached_property
    def positions(self) -> tuple[Any, ...]:
        """All positions. Raises LensError where they are too many to list."""
        if self.count > MOST:
            raise LensError(
                explain(f"the positions of {self!r} are too many to list", expected=f"{how_many(MOST)} at most",
                        came=how_many(self.count), do="ask for the directions at a position that you have")
            )  # fmt: skip
        return tuple(self._list())

    def _list(self) -> Iterator[Any]:
        yield from self._directions

    def directions(self, position: Any) -> tuple[Any, ...]:
        """The directions at a position. Raises LensError for what is no position."""
        if position not in self:
            raise LensError(explain(f"{position!r:.80} is no position of {self!r}"))
        return self._at(position)

    def _at(self, position: Any) -> tuple[Any, ...]:
        return self._directions[position]

    def __contains__(self, position: Any) -> bool:
        return position in self._directions

    @cached_property
    def exponents(self) -> Counter[int]:
        """How many positions have so many directions: the polynomial up to isomorphism."""
        return Counter(len(self._at(i)) for i in self.positions)

    def isomorphic(self, other: Polynomial) -> bool:
        """Whether there are as many positions with each number of directions."""
        return self.exponents == other.exponents

    def __call__(self, n: int) -> int:
        """The number of elements of p(X) for a set X of n."""
        return sum(k * n**e for e, k in self.exponents.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polynomial) and {i: self._at(i) for i in self.positions} == {
            i: other._at(i) for i in other.positions
        }

    def __hash__(self) -> int:
        return hash(frozenset((i, self._at(i)) for i in self.positions))

    def __repr__(self) -> str:
        if self.count > MOST:
            return f"<a polynomial with {how_many(self.count)} positions>"
        parts = [
            f"{k if k > 1 or not e else ''}{' ' if k > 1 and e else ''}{'' if not e else 'y' if e == 1 else f'y^{e}'}"
            for e, k in sorted(self.exponents.items(), reverse=True)
        ]
        return " + ".join(parts) or "0"

    # -- operations --------------------------------------------------------------------------
    def __add__(self, other: Polynomial) -> Polynomial:
        tagged = ((0, self), (1, other))
        return Polynomial({(side, i): p._at(i) for side, p in tagged for i in p.positions})

    def __mul__(self, other: Polynomial) -> Polynomial:
        return Polynomial(
            {
                (i, j): [*((0, d) for d in self._at(i)), *((1, e) for e in other._at(j))]
                for i in self.positions
                for j in other.positions
            }
        )

    def __matmul__(self, other: Polynomial) -> Polynomial:
        pairs = itertools.product(self.positions, other.positions)
        return Polynomial({(i, j): itertools.product(self._at(i), other._at(j)) for i, j in pairs})

    def of(self, other: Polynomial) -> Polynomial:
        """p(q(y)): a position is one of p with one of q for each direction of it; a direction is one of each."""
        found = {}
        size = sum(other.count ** len(self._at(i)) for i in self.positions)
        if size > MOST:
            raise LensError(explain(f"{self!r} of {other!r} is too large to list", came=f"{how_many(size)} positions"))
        for i in self.positions:
            ds = self._at(i)
            for js in itertools.product(other.positions, repeat=len(ds)):
                found[i, js] = [(d, e) for d, j in zip(ds, js, strict=True) for e in other._at(j)]
        return Polynomial(found)


def monomial(positions: int | Iterable[Any], directions: int | Iterable[Any] | None = None) -> Polynomial:
    """A y^B, for sets or the numbers of their elements; A y^A where only A is given."""
    a = range(positions) if isinstance(positions, int) else tuple(positions)
    b = a if directions is None else range(directions) if isinstance(directions, int) else tuple(directions)
    return Polynomial({i: b for i in a})


def constant(n: int | Iterable[Any]) -> Polynomial:
    """n positions with no directions."""
    return monomial(n, 0)


y = monomial(1)
"""The identity functor: one position, one direction; the unit of `@` and of `of`."""


class Hom(Polynomial):
    """hom(p, q), whose positions are listed only if they are asked for.

    A position is a row with, for each position of p in order, the position of q that it goes to and a row of
    the directions of p that the directions of q there come back to.
    """

    def __init__(self, source: Polynomial, target: Polynomial):
        self.source, self.target = source, target

    @cached_property
    def count(self) -> int:  # type: ignore[override]
        p, q = self.source, self.target
        return math.prod(sum(k * len(p._at(i)) ** e for e, k in q.exponents.items()) for i in p.positions)

    def _list(self) -> Iterator[Any]:
        p, q = self.source, self.target
        options = [
            [(j, back) for j in q.positions for back in itertools.product(p._at(i), repeat=len(q._at(j)))]
            for i in p.positions
        ]
        return itertools.product(*options)

    def _at(self, position: Any) -> tuple[Any, ...]:
        rows = zip(self.source.positions, position, strict=True)
        return tuple((i, e) for i, (j, _) in rows for e in self.target._at(j))

    def __contains__(self, position: Any) -> bool:
        p, q = self.source, self.target
        try:
            return len(position) == p.count and all(
                j in q and len(back) == len(q._at(j)) and set(back) <= set(p._at(i))
                for i, (j, back) in zip(p.positions, position, strict=True)
            )
        except TypeError:
            return False

    @cached_property
    def exponents(self) -> Counter[int]:  # type: ignore[override]
        p, q = self.source, self.target
        found = Counter({0: 1})
        for i in p.positions:
            here: Counter[int] = Counter()
            for e, k in q.exponents.items():
                for total, many in found.items():
                    here[total + e] += many * k * len(p._at(i)) ** e
            found = here
        return Counter({e: k for e, k in found.items() if k})

    def __repr__(self) -> str:
        return f"[{self.source!r}, {self.target!r}]"


def hom(p: Polynomial, q: Polynomial) -> Hom:
    """The internal hom [p, q] of the Dirichlet tensor."""
    return Hom(p, q)
