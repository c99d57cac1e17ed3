"""The laws of polynomial functors and machines: they hold, fail where they should, and notice mistakes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from lenses import Bits, Real, laws, learn, tanh
from lenses.laws.structures import interfaces
from lenses.laws.structures import machines as structures
from lenses.laws.structures import propositions as about
from lenses.learn import L
from lenses.machines import (
    Hom,
    Moore,
    Polynomial,
    PolynomialMap,
    bisimulation,
    constant,
    machine,
    monomial,
    moore,
    propositions,
    y,
)

rng = np.random.default_rng(0)
F = learn.from_table(
    Bits(), Bits(), rng.integers(0, 2, (5, 2)), rng.integers(0, 5, (5, 2, 2)), rng.integers(0, 2, (5, 2, 2))
)
FUNNEL = Moore(monomial(2, 2), (0, 0, 1, 1), [[1, 2], [0, 3], [2, 2], [2, 3]])
ROUND = Moore(monomial(2, 1), (0, 1, 0), [[1], [2], [0]])


def outcomes(subject, structure):
    report = laws.check(subject, law=structure.name, progress=False)
    assert report.passed, str(report)
    return {f.law.name: f.outcome for f in report}


@pytest.mark.parametrize("p", [monomial(2), monomial(3), y, constant(2) + monomial(1, 2), constant(0)], ids=repr)
def test_polynomials(p):
    found = outcomes(p, interfaces.POLYNOMIAL)
    lenses = {"lenses", "composition of lenses"}
    assert set(found) == set(interfaces.POLYNOMIAL.own)
    assert {name for name, o in found.items() if o == "skipped"} <= lenses
    assert all(o in ("holds", "skipped") for o in found.values())
    assert (found["lenses"] == "holds") == (p.count == sum(e * k for e, k in p.exponents.items()) // max(p.count, 1))


def test_machines():
    assert outcomes(FUNNEL, structures.MACHINE) == {
        name: "fails" if name in ("excluded middle", "double negation") else "holds" for name in structures.MACHINE.own
    }
    assert set(outcomes(ROUND, structures.MACHINE).values()) == {"holds"}
    assert set(outcomes(machine(F), structures.MACHINE)) == set(structures.MACHINE.own)


def test_learners():
    found = outcomes(F, structures.LEARNER)
    assert found == {name: "fails" if name == "bisimilar learners are equal" else "holds" for name in found}
    skipped = outcomes(L(0.1)(tanh, Real(2)), structures.LEARNER)
    assert set(skipped.values()) == {"skipped"} and set(skipped) == set(structures.LEARNER.own)


def test_what_descent_keeps():
    names = ["balance along the flow", "balance along steps", "equal units stay equal"]
    report = laws.check(L(0.1), law=names, progress=False)
    assert report.passed and [f.outcome for f in report] == ["holds", "fails", "holds"]


# -- mistakes --------------------------------------------------------------------------------


class Still(L):
    """Learns nothing, and so keeps everything."""

    def __call__(self, term, space=None):
        f = super().__call__(term, space)
        return learn.Learn(f.params, f.dom, f.cod, f.implement, lambda p, a, b: p, f.request)


class Merged(Polynomial):
    """Its tensor answers one of the two."""

    def __matmul__(self, other):
        return self * other


class Short(Polynomial):
    """Its composite takes one position of the other for all directions."""

    def of(self, other):
        return Polynomial({(i, j): [(d, e) for d in self.directions(i) for e in other.directions(j)]
                           for i in self.positions for j in other.positions})  # fmt: skip


class Miscounted(Polynomial):
    """It has a direction more than it says."""

    @property
    def exponents(self):
        return Counter({e + 1: k for e, k in super().exponents.items()})


@pytest.mark.parametrize(
    ("kind", "seen"), [(Merged, {"tensor", "units"}), (Short, {"values"}), (Miscounted, {"values", "units"})]
)
def test_mistaken_polynomials_are_noticed(kind, seen):
    wrong = kind({i: range(2) for i in range(2)})
    report = laws.check(wrong, law=sorted(seen), progress=False)
    assert {f.law.name for f in report.failures} == seen, str(report)


def failing(subject, *names):
    return {f.law.name for f in laws.check(subject, law=list(names), progress=False).failures}


def test_mistakes_in_homs_are_noticed(monkeypatch):
    p = monomial(2)
    with monkeypatch.context() as m:
        m.setattr(
            Hom,
            "_at",
            lambda self, position: tuple((i, e) for i in self.source.positions for e in self.source.directions(i)),
        )
        assert {"positions of the hom", "lenses"} & failing(p, "positions of the hom", "lenses")
    with monkeypatch.context() as m:
        right = Hom._list
        m.setattr(Hom, "_list", lambda self: iter(list(right(self))[:-1]))
        assert failing(p, "positions of the hom", "lenses") == {"positions of the hom", "lenses"}
    with monkeypatch.context() as m:
        m.setattr(interfaces, "curry", lambda f, r, p: next(interfaces.maps(r, interfaces.hom(p, f.cod))))
        assert failing(p, "closed") == {"closed"}
    with monkeypatch.context() as m:
        right_lens = interfaces.lens_of
        m.setattr(
            interfaces,
            "lens_of",
            lambda position, of: (right_lens(position, of)[0], {k: 0 for k in right_lens(position, of)[1]}),
        )
        assert failing(p, "lenses", "composition of lenses") == {"lenses"}
    with monkeypatch.context() as m:
        right_map = PolynomialMap.__rshift__
        first = lambda f, g: PolynomialMap(f.dom, g.cod, (right_map(f, g).row[0],) * f.dom.count)  # noqa: E731
        m.setattr(PolynomialMap, "__rshift__", first)
        assert failing(p, "composition of lenses") == {"composition of lenses"}


def test_mistakes_in_bisimulation_are_noticed(monkeypatch):
    laws_of_classes = ("bisimulation", "coarsest bisimulation", "quotient")
    with monkeypatch.context() as m:
        m.setattr(
            bisimulation, "classes", lambda m: np.array([m.shows.index(s) for s in m.shows])
        )  # what is shown alone
        assert {"bisimulation", "coarsest bisimulation"} <= failing(ROUND, *laws_of_classes)
    with monkeypatch.context() as m:
        m.setattr(bisimulation, "classes", lambda m: np.arange(len(m)))  # everything apart
        assert "coarsest bisimulation" in failing(Moore(monomial(1, 1), (0, 0), [[1], [0]]), *laws_of_classes)
    with monkeypatch.context() as m:
        right = bisimulation.quotient
        m.setattr(bisimulation, "quotient", lambda m: (right(m)[0], right(m)[1][::-1]))
        assert failing(FUNNEL, *laws_of_classes) == {"quotient"}


def test_mistakes_in_logic_are_noticed(monkeypatch):
    with monkeypatch.context() as m:  # material implication, which steps may leave
        m.setattr(
            propositions.Proposition,
            "__rshift__",
            lambda s, t: propositions.Proposition(s.logic, (s.logic.everything - s.states) | t.states),
        )
        assert failing(FUNNEL, "lattice", "excluded middle") == {"lattice"}
        report = laws.check(FUNNEL, law="excluded middle", progress=False)
        assert report.surprises and not report["excluded middle"].expected
    with monkeypatch.context() as m:
        m.setattr(propositions.Proposition, "__rshift__", lambda s, t: t)
        assert "Heyting adjunction" in failing(FUNNEL, "Heyting adjunction")
    with monkeypatch.context() as m:
        m.setattr(propositions.Proposition, "__invert__", lambda s: s.logic.true)
        assert failing(FUNNEL, "non-contradiction") == {"non-contradiction"}
    with monkeypatch.context() as m:
        m.setattr(propositions.Proposition, "__invert__", lambda s: s.logic.false)
        assert failing(ROUND, "double negation") == {"double negation"} or failing(ROUND, "excluded middle")


def test_mistakes_in_learners_as_machines_are_noticed(monkeypatch):
    right = moore.machine

    def swapped(f):
        m = right(f)
        return Moore(m.interface, m.shows, m.steps[:, ::-1])

    with monkeypatch.context() as m:
        m.setattr(structures, "machine", swapped)
        assert failing(F, "round trip", "readout", "maps of machines") >= {"round trip", "readout"}
    with monkeypatch.context() as m:
        right_idle = structures._idle

        def read(f):  # the bit is read after all
            g = right_idle(f)
            return learn.Learn.lens(g.params, g.dom, g.cod, lambda px, a: g.implement(px, a) ^ px[1], g.put)

        m.setattr(structures, "_idle", read)
        assert failing(F, "maps of machines") == {"maps of machines"}
    with monkeypatch.context() as m:
        m.setattr(structures, "_idle", lambda f: f)
        assert laws.check(F, law="bisimilar learners are equal", progress=False).surprises


def test_every_item_has_laws():
    structures_here = (interfaces.POLYNOMIAL, structures.LEARNER, structures.MACHINE, about.DESCENT)
    assert {law.item for s in structures_here for law in s} >= {36, 37, 38}


def test_a_rule_that_is_no_descent_keeps_nothing():
    class Decayed(L):
        def __call__(self, term, space=None):
            f = super().__call__(term, space)

            def put(p, a, b):
                new, wanted = f.put(p, a, b)
                return tuple(
                    x * (0.9 if i else 0.8) + i * 0.1 * np.arange(len(x))[:, None] for i, x in enumerate(new)
                ), wanted

            return learn.Learn.lens(f.params, f.dom, f.cod, f.implement, put)

    both = "balance along the flow", "equal units stay equal"
    assert failing(Decayed(0.1), *both) == {*both}
    still = laws.check(Still(0.1), law="balance along steps", progress=False)
    assert still.surprises and still.passed
