"""Everything that the library registers passes its laws: box classes, rules, losses, rates and optimisers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lenses import Box, LensError, Real, laws
from lenses.laws import registry
from lenses.laws.check import plan

BOXES = registry.boxes()

QUICK = (
    *("ArgMax", "Check", "Constant", "Discard", "Dropout", "Identity", "OneHot", "Rate", "Relu", "Scale", "Update"),
    "Zero",
)
"""Classes that are tried with all laws by default; the others with those of `MAIN` alone, and under slow with all."""

MAIN = ("purity", "get", "vjp", "adjoint", "kinks", "differences", "RD.2", "batching", "additive map")
"""The laws and structures that notice most of the mistakes in one box."""


def main_laws(kind: type[Box]) -> list[str]:
    """Those of `MAIN` that a class has."""
    found = [law for _, law in plan(kind, examples=1).tasks]
    return sorted({law.path for law in found if {law.name, law.structure.name} & {*MAIN}})


def checked(kind: type[Box], law: list[str] | None = None, examples: int = 1) -> laws.Report:
    return laws.check(kind, law=law, examples=examples, progress=False)


@pytest.mark.parametrize("name", BOXES)
def test_box_classes(name):
    kind = BOXES[name]
    report = checked(kind, None if name in QUICK else main_laws(kind))
    assert report.passed, str(report)
    assert report["purity"].outcome == "holds" and report["purity"].count >= len(kind.examples())
    if kind.derives and name in QUICK:
        assert {"RD.1", "RD.5", "RD.7", "naturality of copy"} <= {f.law.name for f in report}
    if kind.derives:
        tried = [f for f in report if f.law.name in ("vjp", "batching")]
        said = {f.outcome for f in tried}
        wires = [a for t in kind.examples() for a in t.dom]  # type: ignore[attr-defined]
        assert (len(tried) == 3 and said & {"holds", "proved"}) or not wires, [f.verdict for f in tried]


@pytest.mark.slow
@pytest.mark.parametrize("name", BOXES)
def test_box_classes_at_length(name):
    report = checked(BOXES[name], examples=4)
    assert report.passed, str(report)
    assert checked(BOXES[name], main_laws(BOXES[name]), 2).passed


def test_quick_classes_are_known():
    assert {*QUICK} <= {*BOXES}


@pytest.mark.parametrize("name", ["Softmax", "Dense", "Relu"])
def test_box_classes_in_single_precision(name):
    report = laws.check(BOXES[name], law=main_laws(BOXES[name]), examples=1, dtype="float32", progress=False)
    assert report.passed, str(report)


@pytest.mark.parametrize("name", registry.rules())
def test_rules(name):
    rule = registry.rules()[name]
    report = laws.check(rule, examples=1, progress=False)
    assert report.passed, str(report)
    assert report["naturality of copy"].expected == rule.additive
    assert report["functor"].outcome == "holds"
    if not rule.additive:
        assert report["naturality of copy"].outcome == "fails"


LONG = ("trajectory", "trajectory with a schedule", "Nesterov at the parameters", "Adam as printed")
"""Laws of optimisers that follow optax for a thousand steps; `test_learning_laws` has them for every optimiser."""


@pytest.mark.parametrize("kind", ["losses", "rates", "optimisers"])
def test_losses_rates_and_optimisers(kind):
    found = getattr(registry, kind)()
    assert found
    for name, subject in found.items():
        short = sorted({law.path for _, law in plan(subject).tasks if law.name not in LONG})
        report = laws.check(subject, law=short, progress=False)
        assert report.passed, f"{name}\n{report}"
        assert any(f.outcome in ("holds", "proved") for f in report), name


@pytest.mark.slow
def test_optimisers_at_length():
    for name, optimiser in registry.optimisers().items():
        report = laws.check(optimiser, progress=False)
        assert report.passed, f"{name}\n{report}"


# -- what is added ---------------------------------------------------------------------------


@contextmanager
def added(kind: type[Box]) -> Iterator[type[Box]]:
    """A box class as one of the library's, for a while."""
    own = kind.__module__
    kind.__module__ = "lenses.boxes.pointwise"
    try:
        yield kind
    finally:
        kind.__module__ = own
        Box.registry.pop(kind.__name__)


def bare() -> list[str]:
    """The library's box classes that have neither examples nor a class below them that has."""
    every = {n: b for n, b in Box.registry.items() if registry.own(b)}
    return sorted(n for n, b in every.items() if not b.examples() and not any(issubclass(o, b) for o in BOXES.values()))


def test_every_class_has_examples_or_classes_below_it_that_have():
    assert bare() == []


def test_a_class_without_examples_is_noticed():
    class Bare(Box):
        arity = (1, 1)
        size: int

        def type(self, dom):
            return dom

    with added(Bare):
        assert bare() == ["Bare"] and "Bare" not in registry.boxes()
        with pytest.raises(LensError, match="the class Bare gives no examples of itself"):
            laws.check(Bare)
    assert bare() == []


def test_a_class_with_a_wrong_derivative_is_noticed():
    """It is found by enumeration, and its check fails and blames it."""

    class Halved(Box):
        arity = (1, 1)

        @classmethod
        def examples(cls):
            return [cls().at(Real(2))]

        def type(self, dom):
            return dom

        def apply(self, cx, p, x):
            return x * x

        def backward(self, cx, p, kept, ds):
            changes, (dx,) = super().backward(cx, p, kept, ds)
            return changes, [dx / 2]

    with added(Halved):
        assert registry.boxes()["Halved"] is Halved
        failing = []
        for name in ("Relu", "Halved", "Copy"):
            kind = registry.boxes()[name]
            report = checked(kind, main_laws(kind))
            failing += [(name, f) for f in report.failures]
    assert {name for name, _ in failing} == {"Halved"}
    assert {f.law.name for _, f in failing} >= {"vjp", "differences", "adjoint"}
    assert all("the box halved() at " in f.failure.fault for _, f in failing)
    assert "Halved" not in registry.boxes()
