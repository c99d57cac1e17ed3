"""A finite ring as a base: whole numbers modulo n, over which sums, products and derivatives are exact."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from helpers import read_back, refused

import lenses
from lenses import (
    Real,
    Residue,
    Space,
    SpaceError,
    add,
    compile,
    copy,
    discard,
    identity,
    laws,
    multiply,
    reverse,
    swap,
)
from lenses.laws.compare import compare
from lenses.laws.maps import Equation, Map, lens

BIT = Residue(modulo=2)


def values(term, *xs):
    return compile(term)({}, *[np.asarray(x, "int32") for x in xs])


def test_a_space_of_residues_reads_back_and_has_itself_as_changes():
    space = Residue(3, row=2, modulo=5)
    assert read_back(space) == space == lenses.parse_space(repr(space)) and space.change == space
    assert space != Residue(3, row=2, modulo=7) and space[0].dtype == "int32" and not space[0].real
    assert Residue() == BIT
    wrong: Any
    for wrong in (1, 0, -2, 2.0, True, None, 2**15 + 1):
        refused(SpaceError, lambda wrong=wrong: Residue(modulo=wrong), "modulo", "2 to 32768|2 to 2")


@pytest.mark.parametrize("n", [2, 3, 5, 6])
def test_sums_and_products_are_those_of_the_ring(n):
    space = Residue(modulo=n)
    pairs = np.array(list(itertools.product(range(n), repeat=2)), "int32")
    x, y = pairs.T
    np.testing.assert_array_equal(values(add.at(space, space), x, y), (x + y) % n)
    np.testing.assert_array_equal(values(multiply.at(space, space), x, y), (x * y) % n)


def test_what_needs_limits_is_refused():
    for term in (lenses.relu, lenses.dense(2), lenses.softmax(), lenses.scale(2.0), lenses.subtract):
        refused(SpaceError, lambda term=term: term.at(*[Residue(3)] * term.arity[0]), "real", "input 0")
    refused(SpaceError, lambda: add.at(BIT, Real()), "input 1", "as on wire 0")


def test_the_derivative_of_a_product_by_hand_and_in_batches():
    space = Residue(modulo=3)
    cube = copy(3) >> identity @ multiply >> multiply
    x, d = (a.ravel() for a in np.meshgrid(np.arange(3), np.arange(3)))
    expected = (3 * x * x * d) % 3
    np.testing.assert_array_equal(values(reverse(cube.at(space)), x, d), expected)
    y, pullback = compile(cube.at(space)).vjp({}, x.astype("int32"))
    np.testing.assert_array_equal(y, (x**3) % 3)
    np.testing.assert_array_equal(pullback(d.astype("int32"))[1], expected)


def test_a_message_to_a_constant_that_meets_a_batch_is_an_element_again():
    one = lenses.constant(1, BIT)
    term = (identity @ (one >> copy >> add) >> multiply).at(BIT)
    y, pullback = compile(term).vjp({}, np.ones(7, "int32"))
    assert set(np.asarray(y)) <= {0, 1} and set(np.asarray(pullback(np.ones(7, "int32"))[1])) <= {0, 1}


def test_equal_functions_need_not_have_equal_derivatives():
    """Over Z2 x * x is x, and yet R of the one is 0 and R of the other is not: rewriting comes after deriving."""
    squared, same = (copy >> multiply).at(BIT), identity.at(BIT)
    verdict = compare(Equation(Map(squared), Map(same)))
    assert verdict.outcome == "proved" and "equal at all of 2 points" in verdict.because
    for R in (laws.maps.terms, lens()):
        verdict = compare(Equation(R(Map(squared)), R(Map(same))))
        assert verdict.failed and verdict.difference is not None
        x, d = (int(v) for v in verdict.difference.inputs)
        assert (int(verdict.difference.left), int(verdict.difference.right)) == (2 * x * d % 2, d)


TERMS = [
    (copy >> multiply).at(BIT),
    (copy @ copy >> identity @ swap @ identity >> add @ multiply).at(BIT, BIT),
    (identity @ copy >> multiply @ discard).at(BIT, BIT),
]


@pytest.mark.parametrize("term", TERMS, ids=map(repr, TERMS))
def test_every_law_over_a_finite_ring_is_proved(term):
    report = laws.check(term, examples=2, progress=False)
    assert report.passed, report
    inexact = {"purity", "batching", "compilation", "right additivity", "GetPut", "PutGet", "PutPut"}
    for finding in report:
        if finding.law.name not in inexact and finding.outcome != "skipped":
            assert finding.outcome == "proved", finding.text
    assert report["RD.6"].outcome == report["RD.7"].outcome == "proved"


@pytest.mark.parametrize("n", [3, 4, 5])
def test_laws_hold_over_other_rings(n):
    report = laws.check(multiply.at(Residue(modulo=n), Residue(modulo=n)), examples=1, progress=False)
    assert report.passed, report
    assert all(report[f"RD.{i}"].outcome in ("proved", "holds") for i in range(1, 8))


def test_a_wrong_derivative_that_meets_the_axioms_is_seen_by_the_formal_one():
    """The axioms hold of any additive choice on boxes; what decides is the derivative of the polynomial."""

    class WrongProduct(lenses.Box):
        arity = (2, 1)

        def type(self, dom: Space) -> Space:
            return Space([dom[0]])

        def apply(self, cx, p, *xs):
            return cx.dom[0].element.reduce(xs[0] * xs[1])

        def reverse_term(self, dom: Space):
            return discard @ discard @ copy  # the changes of a sum

    try:
        report = laws.check(WrongProduct().at(BIT, BIT), examples=3, progress=False)
        assert not report.passed
        assert {f.law.name for f in report.failures} == {"vjp"}
        assert "the box wrong_product()" in str(report["vjp"].failure)
    finally:
        del lenses.Box.registry["WrongProduct"]


def test_terms_over_residues_are_saved_and_loaded(tmp_path):
    term = TERMS[1]
    lenses.save_term(term, tmp_path / "adder.json")
    assert lenses.load_term(tmp_path / "adder.json") == term
