"""Laws over bits: decided however many points there are, formally where derivatives are spoken of."""

from __future__ import annotations

import numpy as np
import pytest

import lenses
from lenses import Bits, LensError, Space, Typed, copy, expose, identity, laws, multiply, reverse, swap
from lenses.circuits import circuit, conj, disj, equal_formal, lookup, mux, neg, to_netlist, xor
from lenses.circuits.equality import reverse_netlist
from lenses.finite import count
from lenses.laws import exact
from lenses.laws.compare import MOST, compare
from lenses.laws.maps import Equation, Map
from lenses.laws.verdict import FORMAL, FUNCTION

BIT = Bits()
conj_with_itself = copy >> conj
half_adder = copy @ copy >> identity @ swap @ identity >> xor @ conj


def equation(f, g, space) -> Equation:
    return Equation(Map(f.at(space)), Map(g.at(space)))


def test_sides_with_more_points_than_can_be_tried_are_proved_formally():
    wide = Bits(40) @ Bits(40)
    verdict = compare(equation(disj, neg @ neg >> conj >> neg, wide), strict=True)
    assert verdict.outcome == "proved" and verdict.notion == FORMAL and count(wide) > MOST
    assert "one polynomial" in verdict.because and "2^80 points" in verdict.because


@pytest.mark.parametrize("n", [3, 40])
def test_sides_that_are_one_function_alone_are_equal_as_functions_and_fail_where_derivatives_matter(n):
    squared = equation(copy >> conj, identity, Bits(n))
    verdict = compare(squared)
    assert verdict.outcome == "proved" and verdict.notion == FUNCTION
    strict = compare(squared, strict=True)
    assert strict.failed and "two polynomials of one function, which differ in x0, in the second" in strict.because


def test_sides_that_differ_at_a_single_point_of_many_are_told_apart():
    chain = conjunction(40)
    verdict = compare(equation(chain, chain >> copy >> xor, Bits(40)))
    assert verdict.failed and verdict.difference is not None
    assert np.asarray(verdict.difference.inputs[0]).all() and int(verdict.difference.left) == 1


def conjunction(n: int) -> lenses.Term:
    """The product of n bits along an axis."""

    @lenses.wired
    def product(x):
        bits = lenses.split(*[1] * n)(x)
        total = bits[0]
        for b in bits[1:]:
            total = multiply(total, b)
        return lenses.rearrange("1 ->")(total)

    return product


def test_the_axioms_of_reverse_derivatives_are_proved_on_wide_terms():
    report = laws.check(mux.at(Bits(9), Bits(9), Bits(9)), examples=1, progress=False)
    assert report.passed, report
    for finding in report:
        if finding.of in ("the term reverse(f)", "the lens that runs") and finding.outcome != "skipped":
            assert finding.outcome == "proved" and finding.notion in (FORMAL, ""), finding.text
    assert report["RD.2"].notion == FORMAL and "proved as formal polynomials: RD.1" in str(report)
    assert report["addition is commutative"].notion == FORMAL


def test_the_derivative_of_x_as_that_of_x_squared_fails():
    """As functions the two are one; the derivative that is meant is that of the polynomial."""

    class Square(lenses.Box):
        arity = (1, 1)

        def type(self, dom: Space) -> Space:
            return dom

        def apply(self, cx, p, *xs):
            return xs[0] * xs[0]

        def reverse_term(self, dom: Space):
            return lenses.discard @ identity

    try:
        report = laws.check(Square().at(Bits(30)), examples=1, progress=False, law="vjp")
        assert not report.passed
    finally:
        del lenses.Box.registry["Square"]


def test_what_is_run_is_held_against_what_is_read(monkeypatch):
    """A clause that reads a box as another circuit is noticed where not all points are run."""
    wide = equation(disj, neg @ neg >> conj >> neg, Bits(40) @ Bits(40))
    read = exact.read(wide)
    assert read is not None
    monkeypatch.setattr(exact, "read", lambda _: (read[0], read[0]))
    assert compare(wide).outcome == "proved"
    wrong = exact.to_netlist(xor.at(Bits(40), Bits(40)))
    monkeypatch.setattr(exact, "read", lambda _: (wrong, wrong))
    verdict = compare(wide)
    assert verdict.failed and "not the circuit that it is read as" in verdict.because


def test_the_reading_of_the_formal_derivative_is_that_of_the_term():
    term = half_adder.at(Bits(2), Bits(2))
    formal = exact.FormalReverse(term).at(term.dom @ term.cod)
    assert equal_formal(formal, reverse(term))


LOOP = (copy >> identity @ neg >> disj) ** 3
PASSES = [
    half_adder.at(Bits(3), Bits(3)),
    (copy >> conj >> neg >> copy >> disj).at(Bits(2, 2)),
    LOOP.at(Bits(2)),
    (lenses.reduce_sum() @ lenses.reduce_sum(0) >> conj).at(Bits(3), Bits(3)),
    lenses.einsum("i j, j k -> i k").at(Bits(2, 3), Bits(3, 2)),
    lenses.einsum("b i j, b j -> b i").at(Bits(2, 3, 2), Bits(2, 2)),
    (lenses.concatenate() >> lenses.split(1, 4) >> identity @ lenses.discard).at(Bits(2), Bits(3)),
    (lenses.rearrange("a b -> b a") >> lenses.spread(2)).at(Bits(2, 3)),
    circuit(to_netlist(half_adder.at(Bits(2), Bits(2))), Bits(2) @ Bits(2), Bits(2) @ Bits(2)),
    (lenses.constant([1, 0], Bits(2)) @ identity >> xor >> conj_with_itself).at(Bits(2)),
]


@pytest.mark.parametrize("term", PASSES, ids=repr)
def test_the_backward_pass_that_runs_is_read_as_the_derivative_of_the_polynomial(term):
    """Three ways to one polynomial: the traced program, the term of the reverse derivative, and the netlist's own."""
    put, back = laws.lens()(Map(term)).term, reverse(term)
    assert equal_formal(put, back) and equal_formal(put, reverse_netlist(to_netlist(term)))
    get = laws.lens().get(Map(term)).term
    assert equal_formal(get, term)


def test_a_backward_pass_that_is_wrong_is_read_as_it_is():
    class Careless(lenses.Box):
        arity = (2, 1)

        def type(self, dom: Space) -> Space:
            return Space([dom[0]])

        def apply(self, cx, p, *xs):
            return xs[0] & xs[1]

        def backward(self, cx, p, kept, ds):
            return {}, [ds[0], ds[0]]

    try:
        put = laws.lens()(Map(Careless().at(Bits(9), Bits(9)))).term
        assert not equal_formal(put, reverse(conj.at(Bits(9), Bits(9))))
        assert equal_formal(put, (lenses.discard @ lenses.discard @ copy).at(Bits(9), Bits(9), Bits(9)))
    finally:
        del lenses.Box.registry["Careless"]


def test_what_is_no_polynomial_of_bits_is_run_and_not_read():
    with pytest.raises(LensError, match="no polynomial of bits"):
        to_netlist(laws.lens()(Map(Typed(expose(lookup(2).at(Bits(2))), Bits(4) @ Bits(2)))).term)
    report = laws.check(lookup(2).at(Bits(2)), examples=1, progress=False, law=["RD.2", "vjp", "tied weights"])
    assert report.passed and {f.outcome for f in report} == {"proved"}, report
