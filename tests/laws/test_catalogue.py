"""The catalogue: laws are values, every item of the theory has some, and every one of them runs."""

from __future__ import annotations

import itertools

import pytest

import lenses
from lenses import LensError, laws
from lenses.laws import maps
from lenses.laws.instances import Maker, verdict_of
from lenses.laws.law import STRUCTURES, Law, law, structure

ALL = laws.catalogue()
NEGATIVE = {
    "left-additive/right additivity",
    "lawful lens/GetPut",
    "lawful lens/PutGet",
    "lawful lens/PutPut",
    "loss/softmax cross-entropy as printed",
    "loss/squared error as printed",
    "gradient descent functor/PutGet",
    "polynomials over a rig/R of x^q is R of x",
    "category with biproducts/join of any functions",
    "category with biproducts/add before any function",
    "architecture/untied copies",
    "delayed trace/yanking",
    "delayed trace/undelayed sliding",
    "learner as a machine/bisimilar learners are equal",
}
ELSEWHERE = ("functor", "loss", "rate", "optimiser", "learner")
"""Laws of what is no term; they have their tests beside their subjects."""


def test_laws_are_values():
    assert len({each.path for each in ALL}) == len(ALL) > 90
    for each in ALL:
        assert each.statement and each.source and each.name and each.structure.name in STRUCTURES
        assert laws.find(each.path) is each and each.path in repr(each)
        assert isinstance(each, Law) and each.structure.own[each.name] is each


def test_every_item_of_the_theory_has_laws():
    assert {each.item for each in ALL} >= set(range(1, 39))
    for i in range(1, 8):
        assert laws.find(f"RD.{i}").item == i and f"RD.{i}" in laws.find(f"RD.{i}").source


def test_what_is_known_to_fail_is_among_them():
    assert {each.path for each in ALL if not each.holds} >= NEGATIVE


def test_structures_inherit():
    reverse = STRUCTURES["reverse derivative"]
    names = set(reverse.laws)
    for above in ("category", "symmetric monoidal", "copy-discard", "cartesian", "left-additive"):
        assert set(STRUCTURES[above].own) <= names, above
    assert next(iter(reverse)).name == "left unit" and "RD.7" in names
    assert "interchange" in STRUCTURES["lens"].laws and "RD.1" not in STRUCTURES["lens"].laws


def test_what_cannot_be_found_or_declared():
    with pytest.raises(LensError, match=r"no law is called 'RD\.9'"):
        laws.find("RD.9")
    with pytest.raises(LensError, match="several laws"):
        laws.find("naturality of copy")
    with pytest.raises(LensError, match="already a structure"):
        structure("lens", "again")
    with pytest.raises(LensError, match="declares no variable"):
        law(STRUCTURES["lens"], "new", "", "", 0, over="f -> B")(lambda R, f: [])
    with pytest.raises(LensError, match="already has a law"):
        law(STRUCTURES["lens"], "get", "", "", 0, over="f: A -> B")(lambda R, f: [])


TERMS = [each for each in ALL if not set(ELSEWHERE) & set(each.needs.split()) and each.structure.subject is None]


@pytest.mark.parametrize("each", TERMS, ids=[each.path for each in TERMS])
def test_every_law_of_terms_runs(each, x64):
    """On random terms it says something: that it holds, or, where it should fail, that it does."""
    maker = Maker(laws.standard("float64"), 4)
    lens = "pass" in each.needs or "para" in each.needs or each.structure.name in ("rule", "box")
    needs = each.needs.split()
    for seed in itertools.count():
        assert seed < 60, "it never said anything"
        if "box" in needs or each.structure.name == "additive map":
            box = lenses.scale(2.0) if each.structure.name == "additive map" else lenses.relu
            instance = maker.make(each, seed, box.at(lenses.Real(3, dtype="float64")))
        else:
            instance = maker.make(each, seed)
        verdict = verdict_of(instance, laws.lens() if lens else maps.terms)
        if not each.holds:
            if verdict.failed:
                return
            continue
        assert not verdict.failed, (instance, verdict)
        if verdict.outcome in ("proved", "holds"):
            return
