"""The laws of learners and of gradient descent as a functor: they hold, fail where they should, and notice mistakes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lenses import Bits, Real, binary_cross_entropy, copy, dense, laws, learn, log_cosh, quartic, squared, tanh
from lenses.circuits import lookup
from lenses.laws.structures import learn as structures
from lenses.laws.structures.descent import DESCENT
from lenses.laws.structures.learn import LEARN, by_formula
from lenses.learn import L, Learn
from lenses.learn.error import Error
from lenses.learn.functor import _Descent
from lenses.learn.learn import beside, parts_of


def slow(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.slow)


rng = np.random.default_rng(0)
FINITE = learn.from_table(
    Bits(2), Bits(), rng.integers(0, 2, (6, 4)), rng.integers(0, 6, (6, 4, 2)), rng.integers(0, 4, (6, 4, 2))
)
LEARNERS = {
    "descent": L(0.1)(dense(2) >> tanh, Real(3)),
    "table": FINITE,
    "circuit": L(1)(lookup(2), Bits(2)),
    "wiring": learn.copy(Real(2)),
}
FUNCTORS = {
    "squared": L(0.1),
    "quartic": L(0.1, quartic),
    "binary_cross_entropy": L(0.1, binary_cross_entropy),
    "log_cosh": L(0.1, log_cosh, partial=True),
    "ring": L(1),
}


def outcomes(report: laws.Report) -> dict[str, str]:
    return {f.law.name: f.outcome for f in report}


@pytest.mark.parametrize("name", ["wiring", *map(slow, ("table", "descent", "circuit"))])
def test_learners(name):
    report = laws.check(LEARNERS[name], law=LEARN.name, progress=False)
    assert report.passed, str(report)
    found = outcomes(report)
    assert set(found) == set(LEARN.own)
    assert found.pop("a map is enough") == "fails" and found.pop("request with the new q") == "fails"
    assert set(found.values()) <= {"holds", "proved"}, report


@pytest.mark.parametrize(("name", "holds"), [("quartic", True), ("log_cosh", False)])
def test_composition_holds_where_the_derivative_can_be_inverted(name, holds):
    report = laws.check(FUNCTORS[name], law=["composition", "request"], progress=False)
    assert report.passed and (report["composition"].outcome == "holds") == holds


def test_a_table_among_learners():
    chosen = ["composite", "request with the new q", "equal along a bijection", "a map is enough"]
    report = laws.check(FINITE, law=chosen, progress=False)
    assert report.passed and [f.outcome for f in report] == ["proved", "fails", "holds", "fails"], report


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTORS)
def test_functors(name):
    report = laws.check(FUNCTORS[name], progress=False)
    assert report.passed, str(report)
    found = outcomes(report)
    assert set(found) == set(DESCENT.own) and found["PutGet"] == "fails"
    assert (found["composition"] == "fails") == (name == "log_cosh")
    assert (found["GetPut"] == "fails") == (name == "binary_cross_entropy")
    assert found["the rate in requests"] == ("skipped" if name == "ring" else "fails")
    assert found["ascent"] == ("holds" if name == "ring" else "skipped")
    assert (found["step of the parametrised lens"] == "holds") == (name in ("squared", "ring"))
    always = ("identity", "tensor", "swap", "update", "request", "no rate in requests")
    assert all(found[each] == "holds" for each in always), report


# -- mistakes --------------------------------------------------------------------------------


class Mistaken(Learn):
    """The first learner, with another way to compose."""

    def __init__(self, f: Learn):
        super().__init__(f.params, f.dom, f.cod, f.implement, f.update, f.request)


class NewRequest(Mistaken):
    """Requests are made with the new parameter."""

    def __rshift__(self, other: Learn) -> Learn:
        return by_formula(self, other, old=False)


class Heedless(Mistaken):
    """The first learner is given the label of the second."""

    def __rshift__(self, other: Learn) -> Learn:
        right, spaces = super().__rshift__(other), (self.params, other.params)

        def put(pq, a, b):
            p, q = parts_of(spaces, pq)
            middle = self.implement(p, a)
            return beside(spaces, [self.update(p, a, middle), other.update(q, middle, b)]), right.request(pq, a, b)

        return Learn.lens(right.params, right.dom, right.cod, right.implement, put)


class Crossed(Mistaken):
    """Its tensor hands each factor the other's label."""

    def __matmul__(self, other: Learn) -> Learn:
        right = super().__matmul__(other)
        if self.cod != other.cod:
            return right

        def put(p, a, b):
            x, y = parts_of((self.cod, other.cod), b)
            return right.put(p, a, beside((self.cod, other.cod), [y, x]))

        return Learn.lens(right.params, right.dom, right.cod, right.implement, put)


class Stale(Mistaken):
    """`put` and `request` disagree."""

    def request(self, p: Any, a: Any, b: Any) -> Any:
        return a


class Careless(Mistaken):
    """Its tensor requests what there is."""

    def __matmul__(self, other: Learn) -> Learn:
        right = super().__matmul__(other)
        return Learn(right.params, right.dom, right.cod, right.implement, right.update, lambda p, a, b: a)


class Padded(Mistaken):
    """Composites have a parameter more."""

    def __rshift__(self, other: Learn) -> Learn:
        right = super().__rshift__(other)
        spaces = right.params, Real()

        def put(p, a, b):
            q, x = parts_of(spaces, p)
            new, wanted = right.put(q, a, b)
            return beside(spaces, [new, x]), wanted

        first = lambda p: parts_of(spaces, p)[0]  # noqa: E731
        return Learn.lens(right.params @ Real(), right.dom, right.cod, lambda p, a: right.implement(first(p), a), put)


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        (NewRequest, {"composite", "interchange"}),
        (Heedless, {"composite"}),
        (Crossed, {"naturality of swap"}),
        (Stale, {"put"}),
        (Padded, {"units", "interchange", "associativity"}),
        (Careless, {"unit of the tensor", "interchange"}),
    ],
)
def test_mistaken_learners_are_noticed(kind, seen):
    base = L(0.1)(dense(3) >> tanh, Real(3))
    report = laws.check(kind(base), law=sorted(seen), progress=False)
    assert not report.passed and seen <= {f.law.name for f in report.failures}, str(report)


def test_mistakes_in_swap_and_equality_are_noticed(monkeypatch):
    base = L(0.1)(dense(3) >> tanh, Real(3))

    def found(law):
        return laws.check(base, law=law, progress=False)

    def unswapped(left, right):
        f = learn.swap(left, right)
        return Learn.lens(f.params, f.dom, f.cod, f.implement, lambda p, a, b: ((), b))

    with monkeypatch.context() as m:
        m.setattr(structures, "swap", unswapped)
        assert not found("naturality of swap").passed
    with monkeypatch.context() as m:
        m.setattr(structures, "swap", lambda left, right: learn.tensor(learn.identity(left), learn.identity(right)))
        assert found("swap twice").passed  # it is its own inverse, and not natural
        turned = lambda left, right: unswapped(left, right) if left != right else learn.swap(left, right)  # noqa: E731
        m.setattr(structures, "swap", lambda left, right: Learn.lens(
            turned(left, right).params, left @ right, right @ left, learn.swap(left, right).implement,
            lambda p, a, b: ((), a)))  # fmt: skip
        assert not found("swap twice").passed
    with monkeypatch.context() as m:
        m.setattr(structures, "equal", lambda f, g, by=None: learn.Equality(False, "never"))
        m.setattr(structures, "bijection", lambda f, g: learn.Equality(bool((f.update == g.update).all()), "as named"))
        assert not found("equal along a bijection").passed
        assert not laws.check(FINITE, law="equal along a bijection", progress=False).passed
    with monkeypatch.context() as m:
        m.setattr(structures, "equal", lambda f, g, by=None: learn.Equality(True, "a map is enough"))
        assert found("a map is enough").surprises
    assert laws.check(NewRequest(base), law="request with the new q", progress=False).surprises


def descent(put: Any, implement: Any = None) -> type[L]:
    """The functor whose learners put in another way, given the right (new, wanted), the functor and the point."""

    class Wrong(L):
        def __call__(self, term, space=None):
            f = super().__call__(term, space)
            if not isinstance(f, _Descent):
                return f

            right = f.put

            def changed(p, a, b):
                return put(self, f, right(p, a, b), p, a, b)

            f.put = changed  # type: ignore[method-assign]
            return f

    return Wrong


def each(g: Any, *trees: Any) -> Any:
    return jax.tree.map(g, *trees)


def uphill(F, f, out, p, a, b):
    return each(lambda q, n: 2 * q - n, p, out[0]), out[1]


def too_far(F, f, out, p, a, b):
    return each(lambda q, n: 2 * n - q, p, out[0]), out[1]


def content(F, f, out, p, a, b):
    return out[0], a


def rated(F, f, out, p, a, b):
    return out[0], each(lambda x, r: x - F.rate * (x - r), a, out[1])


def changed(F, f, out, p, a, b):
    return out[0], each(lambda x, r: x - r, a, out[1])


def drifting(F, f, out, p, a, b):
    return each(lambda n: n * (1 + 1e-9), out[0]), out[1]


def crosswise(F, f, out, p, a, b):
    pair = isinstance(a, tuple) and len(a) == 2 and a[0].shape == a[1].shape
    return out[0], out[1][::-1] if pair else out[1]


def first_alone(F, f, out, p, a, b):
    many = isinstance(a, tuple) and len(a) > 1
    return out[0], (out[1][0], *(x / 2 for x in out[1][1:])) if many else out[1]


MISTAKES = {
    uphill: {"update", "step of the parametrised lens"},
    too_far: {"update"},
    content: {"request", "identity", "swap", "request of copy", "request of add"},
    rated: {"request", "composition", "no rate in requests"},
    changed: {"GetPut", "request"},
    drifting: {"update", "GetPut"},
    crosswise: {"request of add"},
    first_alone: {"tensor"},
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistaken_functors_are_noticed(mistake):
    seen = MISTAKES[mistake]
    report = laws.check(descent(mistake)(0.1), law=sorted(seen), progress=False)
    assert seen == {f.law.name for f in report.failures}, str(report)


@pytest.mark.slow
def test_mistakes_over_rings_are_noticed():
    wrong = descent(lambda F, f, out, p, a, b: (p, out[1]))(1)
    report = laws.check(wrong, law=["ascent", "composition over rings"], progress=False)
    assert [f.law.name for f in report.failures] == ["ascent"]
    flipped = descent(lambda F, f, out, p, a, b: (out[0], each(lambda x: 1 - x, out[1])))(1)
    assert not laws.check(flipped, law="composition over rings", progress=False).passed


def test_every_item_has_laws():
    assert {law.item for s in (LEARN, DESCENT) for law in s} >= {19, 20, 21, 22}


def test_an_error_with_a_wrong_inverse_is_noticed():
    """As it is found when the functor is made; one that is slipped in is noticed by the laws."""
    F = L(0.1, squared)
    F.error = Error(F.error.total, "squared", lambda x, z: x + z)
    report = laws.check(F, law=["request", "composition", "request of copy"], progress=False)
    assert F.error.fault is not None and {f.law.name for f in report.failures} >= {"request", "request of copy"}
    assert report["composition"].outcome == "fails" and not report["composition"].expected


def test_a_functor_on_learners_by_hand():
    """Laws of a learner that no term gives: the perceptron's rule, with a step that has no derivative."""
    perceptron = Learn(
        Real(2), Real(2), Real(),
        lambda p, a: (p @ a > 0).astype(a.dtype),
        lambda p, a, b: p + (b - (p @ a > 0)) * a,
        lambda p, a, b: a + (b - (p @ a > 0)) * p,
    )  # fmt: skip
    assert laws.check(perceptron, law=["composite", "units", "associativity"], progress=False).passed
    assert (L(0.1)(copy, Real(2)) >> (perceptron @ perceptron)).params == Real(2) @ Real(2)
    assert jnp.shape(perceptron.request(jnp.ones(2), jnp.ones(2), 0.0)) == (2,)
