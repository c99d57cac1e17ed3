"""The laws of schemas, architectures and their learners: each runs on a real one, and notices seeded mistakes."""

from __future__ import annotations

import pytest

from lenses import Real, Typed, adam, bias, compose, copy, coupling, dense, dot_product, laws, scale, sgd, squared, tanh
from lenses.boxes.rearrange import concatenate
from lenses.combinators import Tied, block, tied
from lenses.laws.structures.functor_learners import FUNCTOR_LEARNER
from lenses.laws.structures.schemas import ARCHITECTURE, SCHEMA, Copies
from lenses.schemas import (
    Architecture,
    Losses,
    Model,
    Path,
    Schema,
    SchemaLearner,
    adversarial_tasks,
    losses,
    supervised,
)
from lenses.terms import Identity

CYCLE = Schema(["A", "B"], {"f": ("A", "B"), "g": ("B", "A")}, ["f ; g = id", "g ; f = id"])
NET = dense(3) >> tanh >> dense(2)
SPACES, TERMS = {"A": Real(2), "B": Real(2)}, {"f": NET, "g": NET}
F = Architecture(CYCLE, SPACES, TERMS)
TASK = supervised(F, "f", squared, labels="B", weight=0.5)
CRITIC = dense(3) >> tanh >> dense(1)
BOTH = [*adversarial_tasks(F, "f", CRITIC, weight=0.5), *adversarial_tasks(F, "g", CRITIC, loss=squared)]
LOSSES = Losses(F, gamma=10.0)

PRODUCT = Schema(["AxB", "C"], {"c": ("AxB", "C"), "d": ("C", "AxB")}, ["c ; d = id", "d ; c = id"])
PAIR = Real(2) @ Real(1)
TWO = Architecture(
    PRODUCT, {"AxB": PAIR, "C": Real(3)}, {"c": concatenate() >> dense(3) >> tanh, "d": copy >> dense(2) @ dense(1)}
)


def checked(subject, law=None):
    """The outcomes by the names of laws, and the report."""
    report = laws.check(subject, law=law, progress=False)
    return {finding.law.name: finding.outcome for finding in report}, report


@pytest.mark.parametrize(
    ("structure", "subject"),
    [
        (SCHEMA, CYCLE),
        (ARCHITECTURE, F),
        (FUNCTOR_LEARNER, SchemaLearner(LOSSES, adam(1e-2))),
        (SCHEMA, PRODUCT),
        (ARCHITECTURE, TWO),
        (FUNCTOR_LEARNER, SchemaLearner(Losses(TWO), sgd(0.1))),
        (FUNCTOR_LEARNER, SchemaLearner(Losses(F, BOTH), adam(1e-2), adam(1e-2))),
    ],
    ids=lambda x: type(x).__name__,
)
def test_every_law_runs_on_a_real_subject(structure, subject):
    found, report = checked(subject)
    assert report.passed, str(report)
    assert set(found) == set(structure.own)
    for law in structure:
        assert found[law.name] in (("holds", "proved") if law.holds else ("fails",)), str(report)


def test_items_and_negatives():
    every = [law for structure in (SCHEMA, ARCHITECTURE, FUNCTOR_LEARNER) for law in structure]
    assert {law.item for law in every} == {30, 31, 32}
    assert [law.name for law in every if not law.holds] == ["untied copies"]


def test_laws_say_why_they_do_not_apply():
    line = Schema(["A", "B"], {"f": ("A", "B")})
    found, report = checked(Architecture(line, SPACES, {"f": NET}))
    assert report.passed and found["tied weights"] == found["untied copies"] == "skipped"
    other = SchemaLearner(Losses(F, [TASK], distance=squared), adam(1e-2))
    found, report = checked(other)
    assert report.passed and found["cycle consistency"] == "skipped" and found["step"] == "holds"


def test_equations_that_hold_by_construction():
    inverse = Architecture(CYCLE, SPACES, {"f": scale(2.0), "g": scale(0.5)})
    found, report = checked(SchemaLearner(Losses(inverse), adam(1e-2)))
    assert report.passed and found["zero only where equations hold"] == "holds"
    # Copies of a bias have equal gradients, and are still not what the tied one is.
    found, report = checked(Architecture(CYCLE, SPACES, {"f": bias(), "g": tanh}))
    assert report.passed and found["untied copies"] == "fails"
    shared = Architecture(
        CYCLE, {"A": PAIR, "B": PAIR}, {name: coupling(tied("s", dense(2)), dense(1)) for name in "fg"}
    )
    found, report = checked(shared)
    assert report.passed and found["models are functors"] == "holds" and found["tied weights"] == "skipped"


# -- mistakes --------------------------------------------------------------------------------


class Backwards(Architecture):
    """Composes in the other order."""

    def __call__(self, path):
        path = self.schema.path(path)
        return Typed(compose(Identity(1), *(tied(a.name, TERMS[a.name]) for a in path.arrows[::-1])), Real(2))


class Untied(Architecture):
    """Gives each occurrence parameters of its own."""

    def __call__(self, path):
        path = self.schema.path(path)
        parts = [block(f"{a.name}{i}", self.terms[a.name].term) for i, a in enumerate(path.arrows)]
        return Typed(compose(Identity(1), *parts), Real(2))


class NoIdentity(Architecture):
    """Sends empty paths to something else."""

    def __call__(self, path):
        image = super().__call__(path)
        return image if len(self.schema.path(path)) else Typed(scale(1.001), image.dom)


class Distorted(Architecture):
    """Sends the arrow f to something else."""

    def __call__(self, path):
        image = super().__call__(path)
        return image >> scale(1.001) if str(self.schema.path(path)) == "f" else image


class Short(Architecture):
    """Its models leave the last arrow out."""

    def model(self, params):
        right = Model(self, params)
        return lambda path: right(Path(path.dom, path.arrows[: max(1, len(path) - 1)]))


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        (Backwards, "composition"),
        (Untied, "parameters"),
        (NoIdentity, "identity"),
        (Distorted, "arrows"),
        (Distorted, "composition"),
        (Short, "models are functors"),
    ],
)
def test_wrong_architectures_are_noticed(kind, law):
    found, report = checked(kind(CYCLE, SPACES, TERMS), law)
    assert found[law] == "fails" and not report.passed


def test_a_wrong_type_is_noticed():
    class Odd(Architecture):
        def __call__(self, path):
            return Typed(dense(3), Real(2))

    assert checked(Odd(CYCLE, SPACES, TERMS), "types")[0]["types"] == "fails"


def test_a_gradient_of_one_occurrence_is_noticed(monkeypatch):
    right = Tied.backward

    def last_alone(self, cx, p, kept, ds):
        known = {name: list(uses) for name, uses in cx.env.uses.items()}
        result = right(self, cx, p, kept, ds)
        if self.name in known:
            cx.env.uses[self.name] = known[self.name]
        return result

    monkeypatch.setattr(Tied, "backward", last_alone)
    assert checked(F, "tied weights")[0]["tied weights"] == "fails"
    assert checked(SchemaLearner(LOSSES, adam(1e-2)), "step")[0]["step"] == "fails"


def test_wrong_concatenation_is_noticed(monkeypatch):
    monkeypatch.setattr(Path, "__rshift__", lambda p, q: q)
    assert checked(CYCLE, "units")[0]["units"] == "fails"
    monkeypatch.setattr(Path, "__rshift__", lambda p, q: Path(p.dom, p.arrows + q.arrows * (len(p) <= len(q))))
    assert checked(CYCLE, "associativity")[0]["associativity"] == "fails"


def test_a_path_that_is_read_as_another_is_noticed():
    class Hasty(Schema):
        def path(self, text, at=None):
            path = super().path(text, at)
            return Path(path.dom, path.arrows[:1])

    assert checked(Hasty(["A", "B"], {"f": ("A", "B"), "g": ("B", "A")}), "reading")[0]["reading"] == "fails"


class Light(Losses):
    """Forgets gamma."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.weights = tuple(1.0 for _ in self.weights)


class First(Losses):
    """Forgets the last equation."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.weights = (*self.weights[:-1], 0.0)


class Twice(SchemaLearner):
    """Steps along the gradient of the data twice over."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        once = self.step
        self.step = lambda state, data: once(once(state, data)[0], data)


class Falling(SchemaLearner):
    """Lets critics descend."""

    def __init__(self, losses, *optimisers):
        named = losses.critics
        losses.critics = frozenset()
        super().__init__(losses, *optimisers)
        losses.critics = named


@pytest.mark.parametrize(
    ("fit", "law"),
    [
        (SchemaLearner(Light(F, gamma=10.0), sgd(0.1)), "loss"),
        (SchemaLearner(Light(F, gamma=10.0), sgd(0.1)), "cycle consistency"),
        (SchemaLearner(First(F, gamma=10.0), sgd(0.1)), "loss"),
        (SchemaLearner(First(F, gamma=10.0), sgd(0.1)), "step"),
        (Twice(LOSSES, sgd(0.1)), "step"),
        (SchemaLearner(Losses(F, distance=dot_product), sgd(0.1)), "zero where paths agree"),
        (Falling(Losses(F, BOTH), sgd(0.1), sgd(0.1)), "step"),
    ],
)
def test_wrong_learners_are_noticed(fit, law):
    found, report = checked(fit, law)
    assert found[law] == "fails" and not report.passed


def test_a_violation_of_something_else_is_noticed(monkeypatch):
    right = losses.violation

    def easy(architecture, equation, distance=losses.absolute_error):
        equation = architecture.schema.equation(equation)
        return right(architecture, type(equation)(equation.left, equation.left), distance)

    monkeypatch.setattr(losses, "violation", easy)
    wrong = SchemaLearner(Losses(F), sgd(0.1))
    for law in ("zero only where equations hold", "loss", "cycle consistency"):
        assert checked(wrong, law)[0][law] == "fails"


def test_tied_copies_that_were_one_would_be_noticed(monkeypatch):
    """Were the gradients of both occurrences the whole, copies would be what tied parameters are."""
    right = Copies.gradients

    def whole(self, params, xs, ds):
        change = self.tied.vjp(params, *xs)[1](*ds)[0][self.name]
        return [change for _ in right(self, params, xs, ds)]

    monkeypatch.setattr(Copies, "gradients", whole)
    assert checked(F, "untied copies")[0]["untied copies"] == "holds"


def test_a_learner_of_a_schema_is_a_game():
    found, report = checked(SchemaLearner(Losses(F, BOTH), sgd(0.1), sgd(0.1)).fit, ["game/step", "game/signs"])
    assert report.passed and found == {"step": "holds", "signs": "holds"}, str(report)
