"""What the laws notice: seeded mistakes, each of which at least one law must fail on."""

from __future__ import annotations

import pytest

import lenses
from lenses import LensError, Real, laws

SAMPLE = (
    "dense: wrong sign", "dense: transposed weight", "dense: bias averaged", "dense: bias ignored forward",
    "scale: constant ignored", "einsum: operands swapped", "multiply: own factor", "tanh: stale value",
    "relu: wrong tie", "max: every tie", "maximum: both at a tie", "softmax: dropped term",
    "layer_norm: constant mean", "concatenate: swapped", "embedding: last wins", "any: doubled noise",
    "any: a little too large", "copy: first use", "tied: mean", "nothing is one", "batch: mean",
    "batch: first example", "repeat: first time", "term: sums averaged", "term: step reversed", "term: opaque sign",
)  # fmt: skip


def named(*names):
    found = [m for m in laws.MUTANTS if m.name in names]
    assert len(found) == len(names)
    return found


def test_the_mutants():
    assert len({m.name for m in laws.MUTANTS}) == len(laws.MUTANTS) >= 40
    assert {m.kind for m in laws.MUTANTS} == {"derivative", "meeting", "term"}
    assert all(m.says and m.sites and all(m.shows_in(t) for t in m.sites) for m in laws.MUTANTS)


def test_mistakes_are_noticed():
    power = laws.power(mutants=named(*SAMPLE), examples=2, progress=False)
    assert not power.survivors and power.share == 1.0 and len(power.killed) == len(SAMPLE)
    assert sum(power.by_law.values()) == len(SAMPLE)
    assert f"{len(SAMPLE)} of {len(SAMPLE)} mistakes noticed" in str(power)


def test_equivalent_mutants_are_argued_and_survive():
    equivalent = [m for m in laws.MUTANTS if m.equivalent]
    assert len(equivalent) >= 3 and all(len(m.equivalent or "") > 20 for m in equivalent)
    power = laws.power(mutants=equivalent, examples=2, progress=False)
    assert all(trial.killed_by is None for trial in power.trials)
    assert power.share == 1.0 and not power.mistakes


@pytest.mark.slow
def test_at_least_98_of_100_mistakes_are_noticed():
    power = laws.power(progress=False)
    assert len(power.mistakes) >= 40 and power.share >= 0.98, power
    assert all(t.killed_by is None for t in power.trials if t.mutant.equivalent)


def test_a_term_is_tried_with_the_mistakes_that_it_has_a_place_for():
    term = (lenses.dense(3) >> lenses.relu).at(Real(2))
    chosen = named("dense: wrong sign", "relu: leak", "tanh: stale value", "copy: first use", "finish: sign")
    power = laws.power(term, mutants=chosen, examples=2, progress=False)
    assert {t.mutant.name for t in power.trials} == {"dense: wrong sign", "relu: leak", "finish: sign"}
    assert {m.name for m in power.elsewhere} == {"tanh: stale value", "copy: first use"}
    assert power.share == 1.0 and "relu" in power.subject


def test_the_axioms_alone_notice_less():
    chosen = named("tanh: stale value", "copy: first use")
    power = laws.power(mutants=chosen, examples=2, without=laws.ORACLES, progress=False)
    assert [m.name for m in power.survivors] == ["tanh: stale value"]
    assert not set(power.by_law) & set(laws.ORACLES)


def test_bad_arguments():
    with pytest.raises(LensError, match="no law is called"):
        laws.power(without=("RD.99",))
    with pytest.raises(LensError, match="is no term"):
        laws.power(3)  # type: ignore[arg-type]
    with pytest.raises(LensError, match="missing"):
        laws.power(lenses.dense(3))
