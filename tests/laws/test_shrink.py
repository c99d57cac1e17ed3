"""Shrinking: the smallest composite at which a law still fails."""

from __future__ import annotations

import random

import jax
import pytest
from bugs import BUGS, singles

import lenses
from lenses import LensError, Real, Typed, laws
from lenses.laws import maps
from lenses.laws.instances import Instance, Maker, verdict_of
from lenses.laws.shrink import Net, resized, shrink, size

pytestmark = pytest.mark.usefixtures("x64")


@pytest.mark.parametrize("bug", BUGS, ids=[b.mutant for b in BUGS])
def test_the_smallest_composite_is_found(bug):
    for seed in range(2):
        found = bug.found(seed)
        small = shrink(found, bug.fails)
        assert size(small)[0] == bug.boxes < size(found)[0], small
        assert bug.fails(small)
        term = small.terms["f"]
        assert Typed(term.term, term.dom).cod == term.cod


@pytest.mark.slow
def test_ten_bugs_ten_times():
    hits = [size(bug.smallest(seed))[0] == bug.boxes for bug in BUGS for seed in range(10)]
    assert len(hits) == 100 and sum(hits) >= 98


@pytest.mark.parametrize("bug", [b for b in BUGS if b.boxes > 1], ids=[b.mutant for b in BUGS if b.boxes > 1])
def test_nothing_smaller_fails(bug):
    """No box alone shows a bug whose smallest term has several."""
    tried = 0
    for term in singles():
        instance = bug.instance(term)
        if size(instance)[0] < bug.boxes:
            tried += 1
            assert not bug.fails(instance), instance
    assert tried > 150


def test_two_variables_shrink_together():
    R = next(m for m in laws.MUTANTS if m.name == "tanh: stale value").derivative
    law = laws.find("reverse derivative/RD.1")
    f = lenses.dense(3) >> lenses.tanh >> lenses.sin
    g = lenses.sin >> lenses.dense(3)
    instance = Instance(law, {"f": f.at(Real(2, dtype="float64")), "g": g.at(Real(2, dtype="float64"))}, {}, 0)

    def fails(smaller: Instance) -> bool:  # the types must agree, and a tanh be there
        assert smaller.terms["f"].dom == smaller.terms["g"].dom and smaller.terms["f"].cod == smaller.terms["g"].cod
        return any(cell.box == lenses.tanh for t in smaller.terms.values() for cell in t.circuit.cells)

    small = shrink(instance, fails)
    assert sorted(size(Instance(law, {n: t}, {}))[0] for n, t in small.terms.items()) == [0, 1]
    assert not verdict_of(small, maps.terms).failed and R is not None


@pytest.mark.parametrize("name", ["start: halved", "finish: sign"])
def test_a_chain_of_two_variables_shrinks_to_identities(name):
    """What is wrong once for each pass breaks the chain rule even of identities."""
    R = next(m for m in laws.MUTANTS if m.name == name).derivative
    law, maker = laws.find("reverse derivative/RD.5"), Maker(laws.standard("float64"))
    tried = 0
    for seed in range(40):
        instance = maker.make(law, seed)
        if size(instance)[0] < 4 or not verdict_of(instance, R).failed:
            continue
        tried += 1
        small = shrink(instance, lambda i: verdict_of(i, R).failed)
        assert size(small) == (0, 4, 2), small
        assert small.terms["f"].cod == small.terms["g"].dom and verdict_of(small, R).failed
        if tried == 3:
            return
    raise AssertionError(f"{tried} chains")


def test_sizes_shrink_everywhere_at_once():
    term = (lenses.dense(3) >> lenses.tanh).at(Real(2, 3))
    small = resized(term, 3, 1)
    assert repr(small) == "(dense(1) >> tanh).at(Real(2, 1))"


def test_a_net_is_the_term():
    rng = random.Random(0)
    signature = laws.standard()
    for _ in range(200):
        term = laws.random_term(rng, signature)
        again = Net.of(term).term()
        assert again.dom == term.dom and again.cod == term.cod
        assert laws.compare(laws.Equation(maps.Map(_shown(term)), maps.Map(_shown(again)))).outcome == "proved"


def _shown(term):
    """The term with its parameters as wires, under names that say where each box stands."""
    return term if not (term.circuit.params or term.circuit.tied) else lenses.tensor(term).at(term.dom)


def test_smallest_for_tests_of_ones_own():
    term = laws.random_term(random.Random(3), laws.standard(), steps=12)

    def has_dense(t: Typed) -> bool:
        return any(type(node.box).__name__ == "Dense" for node in t.graph.nodes)

    big = lenses.block("part", lenses.relu >> lenses.dense(3)).at(Real(2)) >> lenses.dense(2) >> lenses.tanh
    assert repr(laws.smallest(lenses.typed.as_typed(big), has_dense)) == "dense(1).at(Real(1))"
    with pytest.raises(LensError, match="does not fail"):
        laws.smallest(term, lambda t: False)
    assert jax.config.jax_enable_x64  # type: ignore[attr-defined]
