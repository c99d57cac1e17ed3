"""Laws of polynomials over a rig, and of the step of reverse derivative ascent; and what breaks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import pytest

from lenses import Bits, Field, Index, Real, Residue, Truth, copy, laws, multiply, tied
from lenses.circuits import ascend, layer, lookup, xor
from lenses.circuits.learning import Ascender
from lenses.laws.structures.ascent import ASCENT
from lenses.laws.structures.polynomials import POLYNOMIALS
from lenses.learner.optimisers import each
from lenses.spaces import Element

RIGS = {
    "bits": (Bits(), "6 proved, 1 fail as they should"),
    "modulo 3": (Residue(modulo=3), "6 proved, 1 fail as they should"),
    "modulo 6": (Residue(modulo=6), "5 proved, 2 skipped"),
    "four elements": (Field(degree=2), "6 proved, 1 fail as they should"),
    "or and and": (Truth(), "5 proved, 2 skipped"),
    "reals": (Real(), "5 hold, 2 skipped"),
    "indices": (Index(below=3), "7 skipped"),
}


@pytest.mark.parametrize("name", RIGS)
def test_polynomials_over_rigs(name):
    space, summary = RIGS[name]
    report = laws.check(space[0].element, progress=False)
    assert report.passed and report.summary == f"{len(POLYNOMIALS.own)} laws: {summary}"


def test_a_sum_that_is_no_sum_is_noticed():
    @dataclass(frozen=True)
    class Crooked(Element):
        name: ClassVar[str] = "crooked"

        @property
        def dtype(self):
            return jnp.dtype("int32")

        @property
        def values(self):
            return range(3)

        def plus(self, x, y):
            return (x + 2 * y) % 3

        def times(self, x, y):
            return x * y % 3

        def call(self, axes):
            return "Crooked()"

    try:
        report = laws.check(Crooked(), progress=False)
    finally:
        Element.registry.pop("crooked")
    assert report["polynomials over a rig/sums"].verdict == "FAILS"
    assert report["polynomials over a rig/products"].verdict.startswith("proved")


@pytest.mark.parametrize(
    "term",
    [
        lookup(3).at(Bits(3)),
        (layer(4) >> layer(2, seed=1)).at(Bits(3)),
        (tied("same", layer(3)) >> tied("same", layer(3))).at(Bits(3)),
        (lookup(2) @ lookup(2) >> copy @ copy >> xor @ multiply >> xor).at(Bits(2), Bits(2)),
    ],
    ids=["a table", "layers", "tied layers", "tables of several wires"],
)
def test_a_step_of_ascent(term):
    report = laws.check(ascend(term), law=ASCENT.name, progress=False)
    assert report.passed and report["reverse derivative ascent/step"].verdict.startswith("holds")
    assert report["one pass"].verdict.startswith("holds" if term == lookup(3).at(Bits(3)) else "skipped")


def test_one_pass_of_several_outputs():
    assert laws.check(ascend(lookup(4, 3), Bits(4)), law="one pass", progress=False).summary == "1 law: 1 hold"


def test_a_step_that_flips_other_bits_is_noticed(monkeypatch):
    fit = ascend(lookup(2), Bits(2))
    kind = type(fit.optimiser)
    monkeypatch.setattr(kind, "put", lambda self, state, params, changes: (state, each(jnp.subtract, changes, changes)))
    made = Ascender(fit.model, fit.loss, kind(), fit.rate, fit.rule)
    report = laws.check(made, law=ASCENT.name, progress=False)
    assert "where R adds to" in str(report) and "does not say the label that it had last" in str(report)
