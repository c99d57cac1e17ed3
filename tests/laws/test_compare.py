"""Deciding equations: proofs where they are to be had, and elsewhere no more than rounding explains."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from search import UNITS, false_alarms, small_faults

import lenses
from lenses import Index, Real, laws
from lenses.laws.compare import compare
from lenses.laws.maps import Equation, Map

pytestmark = pytest.mark.usefixtures("x64")
V = Real(3, dtype="float64")


def equation(f, g, *spaces):
    return Equation(Map(f.at(*spaces)), Map(g.at(*spaces)))


def test_one_term_and_one_expression_are_proofs():
    same = equation(lenses.tanh @ lenses.sin, (lenses.tanh @ lenses.identity) >> (lenses.identity @ lenses.sin), V, V)
    assert compare(same).outcome == "proved" and "free category" in compare(same).because
    natural = equation(lenses.tanh >> lenses.copy, lenses.copy >> lenses.tanh @ lenses.tanh, V)
    assert compare(natural).outcome == "proved" and "cartesian" in compare(natural).because


def test_finite_domains_are_decided():
    labels = Index(2, below=3)
    same = equation(lenses.one_hot() >> lenses.argmax(), lenses.identity, labels)
    assert compare(same).outcome == "proved" and "all of 9 points" in compare(same).because
    least = lenses.one_hot() >> lenses.scale(-1.0) >> lenses.argmax()
    verdict = compare(
        Equation(Map((lenses.one_hot() >> lenses.argmax()).at(Index(below=3))), Map(least.at(Index(below=3))))
    )
    assert verdict.failed and verdict.difference is not None
    (i,) = verdict.difference.inputs
    assert int(verdict.difference.left) == int(i) != int(verdict.difference.right)


def test_rounding_is_no_difference():
    a, b = lenses.scale(3.0) >> lenses.scale(1 / 3), lenses.identity
    assert compare(equation(a, b, V)).outcome == "holds"
    sums = lenses.add(3), lenses.identity @ lenses.add >> lenses.add
    assert compare(equation(*sums, V, V, V)).outcome == "holds"


@pytest.mark.parametrize("size", [1e-9, 1e-6, 1e-3])
def test_a_small_difference_is_one(size):
    verdict = compare(equation(lenses.sin, lenses.sin >> lenses.scale(1 + size), V))
    assert verdict.failed and verdict.difference is not None and verdict.difference.ratio > 1


def test_cancellation_widens_the_noise_and_is_no_alarm():
    """(x + 1e8) - 1e8 has eight digits less than x, so it equals x only as far as these go."""
    far = lenses.shift(1e8) >> lenses.shift(-1e8)
    assert compare(equation(far, lenses.identity, V)).outcome == "holds"
    assert compare(equation(far >> lenses.scale(1.001), lenses.identity, V)).failed


def test_a_side_that_is_no_number():
    broken = lenses.lift(lambda x: x * jnp.nan)
    assert compare(equation(broken, lenses.identity, V)).outcome == "lost"
    assert compare(equation(broken, broken >> lenses.scale(1.0), V)).outcome == "nothing"
    huge = lenses.exp >> lenses.exp >> lenses.exp >> lenses.exp
    assert compare(equation(huge, huge >> lenses.scale(1.0), V)).outcome in ("holds", "nothing")


def test_sides_of_other_types_differ():
    verdict = compare(Equation(Map(lenses.identity.at(V)), Map(lenses.reduce_sum().at(V))))
    assert verdict.failed and "other types" in verdict.because


@pytest.mark.parametrize("dtype", list(UNITS))
def test_no_false_alarm_and_small_faults_seen(dtype):
    found = false_alarms(250, dtype, seed=11)
    assert not found.alarms and found.checks == 250
    assert found.outcomes["holds"] > 60 and found.outcomes["proved"] > 40
    seen, made = small_faults(30, dtype, seed=5)
    assert made == 30 and seen >= 27


@pytest.mark.slow
@pytest.mark.parametrize("dtype", list(UNITS))
def test_no_false_alarm_in_a_hundred_thousand(dtype):
    found = false_alarms(50_000, dtype, seed=12)
    assert not found.alarms, found.alarms[:3]
    seen, made = small_faults(400, dtype, seed=13)
    assert seen >= 0.9 * made


def test_kinks_are_looked_at_from_both_sides():
    kinks = laws.find("reverse derivative/kinks")
    R = laws.lens()
    for box in (lenses.relu, lenses.absolute, lenses.reduce_max()):
        assert kinks.build(R, Map(box.at(V))).verdict(0).outcome == "holds"
    wrong = next(m for m in laws.MUTANTS if m.name == "max: every tie").derivative
    verdict = kinks.build(wrong, Map(lenses.reduce_max().at(V))).verdict(0)
    assert verdict.failed and np.isfinite(verdict.difference.right)
