"""Polynomial functors and their maps: counts, the closed structure, lenses as maps, and what is refused."""

from __future__ import annotations

import itertools

import pytest
from helpers import refused

from lenses import LensError
from lenses.machines import PolynomialMap, constant, curry, evaluation, hom, identity, lens_of, maps, monomial, y
from lenses.machines.polynomial import Polynomial

P, Q = constant(2) + monomial(1, 2), monomial(2, 1) + y


def test_operations_as_values_at_sets():
    assert [P(n) for n in range(4)] == [2, 3, 6, 11] and repr(P) == "y^2 + 2" and repr(constant(0)) == "0"
    for n in range(4):
        assert (P + Q)(n) == P(n) + Q(n) and (P * Q)(n) == P(n) * Q(n) and P.of(Q)(n) == P(Q(n))
    assert repr(monomial(2) @ monomial(3)) == "6 y^6" and repr(monomial(2).of(monomial(2))) == "8 y^4"
    assert repr(y) == "y" and repr(monomial("ab", "xyz")) == "2 y^3" and repr(Q) == "3 y"
    assert (P @ Q).isomorphic(Q @ P) and not P.of(Q).isomorphic(Q.of(P)) and P != Q
    assert Polynomial({0: "ab"}) == Polynomial({0: "ab"}) and len({Polynomial({0: "ab"}), Polynomial({0: "ab"})}) == 1


def test_lenses_of_two_elements():
    """64 positions, the lenses, and 4 directions at each, the examples."""
    inner = hom(monomial(2), monomial(2))
    assert inner.count == len(set(inner.positions)) == 64 and inner.exponents == {4: 64} and inner(1) == 64
    every = {
        (get, put) for get in itertools.product(range(2), repeat=2) for put in itertools.product(range(2), repeat=4)
    }
    found = set()
    for position in inner.positions:
        get, put = lens_of(position, inner)
        found.add((tuple(get[a] for a in range(2)), tuple(put[a, b] for a in range(2) for b in range(2))))
        assert inner.directions(position) == ((0, 0), (0, 1), (1, 0), (1, 1)) and position in inner
    assert found == every


def test_large_homs_are_not_listed():
    inner = hom(monomial(16), monomial(4))
    assert inner.count == (4 * 16**4) ** 16
    position = tuple((a % 4, (a,) * 4) for a in range(16))
    assert position in inner and len(inner.directions(position)) == 64
    refused(LensError, lambda: inner.positions, "too many to list", "2\\^288")
    refused(LensError, lambda: inner.directions(3), "3 is no position")
    refused(LensError, lambda: monomial(20).of(monomial(20)), "too large")


@pytest.mark.parametrize(("p", "q", "r"), [(P, Q, y), (monomial(2), monomial(2), y), (Q, P, monomial(1, 2))])
def test_currying_is_a_bijection(p, q, r):
    every = list(maps(r @ p, q))
    into = {f.row for f in maps(r, hom(p, q))}
    assert {curry(f, r, p).row for f in every} == into and len(into) == len(every)
    applied = evaluation(p, q)
    for f in every[:: max(1, len(every) // 7)]:
        assert (curry(f, r, p) @ identity(p)) >> applied == f


def test_maps_compose_as_lenses():
    f = PolynomialMap(monomial(2), monomial(3), ((2, (0, 1, 1)), (0, (1, 1, 0))))
    g = PolynomialMap(monomial(3), monomial(2), ((1, (0, 2)), (0, (1, 1)), (1, (2, 0))))
    whole = f >> g
    assert [whole.forward(a) for a in range(2)] == [1, 1]
    assert [whole.back(0, c) for c in range(2)] == [f.back(0, g.back(2, c)) for c in range(2)] == [1, 0]
    assert identity(monomial(2)) >> f == f == f >> identity(monomial(3))
    assert (f @ g).forward((0, 1)) == (2, 0) and (f @ g).back((0, 1), (1, 0)) == (1, 1)
    refused(LensError, lambda: f >> f, "do not compose")
    refused(LensError, lambda: PolynomialMap(monomial(2), monomial(3), ((5, (0, 0, 0)),) * 2), "is no map")
