"""Maps of polynomials p -> q: positions forward, directions back; lenses are the maps from A y^A to B y^B."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import LensError, explain
from .polynomial import Hom, Polynomial, hom


@dataclass(frozen=True)
class PolynomialMap:
    """A map of polynomials, as the position of hom(dom, cod) that it is.

    `row` has for each position of `dom`, in order, where it goes and what the directions there come back to.
    """

    dom: Polynomial
    cod: Polynomial
    row: tuple[Any, ...]

    def __post_init__(self) -> None:
        if self.row not in hom(self.dom, self.cod):
            expected = "for each position, one of the codomain, and a direction for each that is there"
            raise LensError(explain(f"{self.row!r:.80} is no map {self.dom!r} -> {self.cod!r}", expected=expected))

    def forward(self, position: Any) -> Any:
        """Where a position goes."""
        return self._of(position)[0]

    def back(self, position: Any, direction: Any) -> Any:
        """The direction at a position to which one at its image comes back."""
        j, back = self._of(position)
        return back[self.cod.directions(j).index(direction)]

    def _of(self, position: Any) -> Any:
        return self.row[self.dom.positions.index(position)]

    def __rshift__(self, other: PolynomialMap) -> PolynomialMap:
        if self.cod != other.dom:
            raise LensError(explain("maps that do not compose", left=f"it ends in {self.cod!r}",
                                    right=f"it starts in {other.dom!r}"))  # fmt: skip
        row = []
        for i in self.dom.positions:
            j = self.forward(i)
            k = other.forward(j)
            row.append((k, tuple(self.back(i, other.back(j, d)) for d in other.cod.directions(k))))
        return PolynomialMap(self.dom, other.cod, tuple(row))

    def __matmul__(self, other: PolynomialMap) -> PolynomialMap:
        row = []
        for i, k in itertools.product(self.dom.positions, other.dom.positions):
            at = self.forward(i), other.forward(k)
            ways = itertools.product(self.cod.directions(at[0]), other.cod.directions(at[1]))
            row.append((at, tuple((self.back(i, d), other.back(k, e)) for d, e in ways)))
        return PolynomialMap(self.dom @ other.dom, self.cod @ other.cod, tuple(row))


def identity(p: Polynomial) -> PolynomialMap:
    """The identity of a polynomial."""
    return PolynomialMap(p, p, tuple((i, p.directions(i)) for i in p.positions))


def maps(p: Polynomial, q: Polynomial) -> Iterator[PolynomialMap]:
    """All maps p -> q. Raises LensError where they are too many to list."""
    return (PolynomialMap(p, q, row) for row in hom(p, q).positions)


def evaluation(p: Polynomial, q: Polynomial) -> PolynomialMap:
    """The map hom(p, q) @ p -> q that applies a map; what comes in at it is an example for the map."""
    inner = hom(p, q)
    row = []
    for position, i in itertools.product(inner.positions, p.positions):
        j, back = position[p.positions.index(i)]
        row.append((j, tuple(((i, e), d) for e, d in zip(q.directions(j), back, strict=True))))
    return PolynomialMap(inner @ p, q, tuple(row))


def curry(f: PolynomialMap, r: Polynomial, p: Polynomial) -> PolynomialMap:
    """The map r -> hom(p, q) of a map f: r @ p -> q."""
    row = []
    for k in r.positions:
        position, answers = [], []
        for i in p.positions:
            j = f.forward((k, i))
            both = [f.back((k, i), e) for e in f.cod.directions(j)]
            position.append((j, tuple(d for _, d in both)))
            answers += [c for c, _ in both]
        row.append((tuple(position), tuple(answers)))
    return PolynomialMap(r, hom(p, f.cod), tuple(row))


def lens_of(position: Any, of: Hom) -> tuple[dict[Any, Any], dict[tuple[Any, Any], Any]]:
    """The get and the put of a position of hom(A y^A, B y^B), as dicts: a -> b, and (a, b) -> a."""
    get, put = {}, {}
    for a, (b, back) in zip(of.source.positions, position, strict=True):
        get[a] = b
        put |= {(a, e): d for e, d in zip(of.target.directions(b), back, strict=True)}
    return get, put
