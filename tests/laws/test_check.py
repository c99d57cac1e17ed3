"""`laws.check`, pointed at what people write: right layers and wrong ones, and things that have no laws."""

# pyright: reportOptionalMemberAccess=false
from __future__ import annotations

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import NAMESPACE, refused

import lenses
from lenses import Box, Index, LensError, Real, Space, laws
from lenses.laws.blame import blame
from lenses.laws.instances import Instance, verdict_of
from lenses.laws.maps import lens
from lenses.rules import guided
from lenses.rules.rule import Clause, Rule


def check(*arguments, **named):
    return laws.check(*arguments, progress=False, **{"examples": 2, **named})


@pytest.fixture(autouse=True)
def registry():
    """Box classes that a test makes are gone after it."""
    before = dict(Box.registry)
    yield
    for name in set(Box.registry) - set(before):
        del Box.registry[name]


# -- right ones ------------------------------------------------------------------------------

RIGHT = [
    lenses.dense(3).at(Real(2)),
    (lenses.dense(4) >> lenses.relu >> lenses.dense(2)).at(Real(3)),
    (lenses.conv(2) >> lenses.relu >> lenses.max_pool()).at(Real(4, 4, 1)),
    lenses.embedding(3).at(Index(2, below=4)),
    lenses.argmax().at(Real(3)),
    lenses.layer_norm().at(Real(2, 3)),
    (lenses.tied("w", lenses.bias()) >> lenses.tanh >> lenses.tied("w", lenses.bias())).at(Real(3)),
    ((lenses.dense(2) >> lenses.tanh) ** 3).at(Real(2)),
    (lenses.copy >> lenses.identity @ lenses.dense(3) >> lenses.add).at(Real(3)),
]


@pytest.mark.parametrize("term", RIGHT, ids=[repr(t)[:60] for t in RIGHT])
def test_right_terms_pass(term):
    report = check(term)
    assert report.passed and bool(report) and not report.failures, report
    assert report["RD.5"].outcome in ("proved", "holds")
    assert report.summary in str(report)


def test_single_precision():
    report = check(lenses.dense(3).at(Real(2)), dtype="float32")
    assert report.passed and "float32" in report.setting


def test_what_is_random_or_has_states_is_checked_without():
    for term in ((lenses.dense(3) >> lenses.dropout(0.5)).at(Real(2)), lenses.batch_norm().at(Real(4, 3))):
        report = check(term)
        assert report.passed and "inference(term)" in report.notes[0]


def test_a_large_model():
    assert check(lenses.dense(64) >> lenses.relu >> lenses.dense(10), Real(64), examples=1).passed


def test_the_same_seed_tries_the_same():
    a, b, c = (str(check(lenses.dense(2).at(Real(2)), seed=s)) for s in (1, 1, 2))
    assert a == b and c != a


# -- wrong ones ------------------------------------------------------------------------------


class Norm(Box):
    """A normalisation, whose backward pass may be given."""

    arity = (1, 1)

    def type(self, dom: Space) -> Space:
        return dom

    def apply(self, cx, p, *xs):
        return xs[0] / jnp.sqrt((xs[0] ** 2).mean(-1, keepdims=True) + 0.1)


Box.registry.pop("Norm")


def test_a_wrong_backward_pass_is_blamed_on_its_box():
    class Wrong(Norm):
        def forward(self, cx, p, xs):
            return (self.apply(cx, p, *xs),), {}, 1 / jnp.sqrt((xs[0] ** 2).mean(-1, keepdims=True) + 0.1)

        def backward(self, cx, p, kept, ds):
            return {}, [ds[0] * kept]

    report = check((lenses.dense(3) >> Wrong() >> lenses.tanh).at(Real(2)))
    assert not report.passed
    failure = report["vjp"].failure
    assert "the box wrong()" in failure.fault and "its own derivative is wrong" in failure.fault
    assert "wrong()" in repr(failure.instance) and "dense" not in repr(failure.instance)
    assert failure.difference.ratio > 1e3 and failure.difference.wire >= 0
    assert failure.left is not None and failure.right is not None


def test_a_wrong_term_is_seen_where_the_lens_is_right():
    class Wrong(Norm):
        def reverse_term(self, dom: Space):
            return lenses.discard @ lenses.identity

    report = check(Wrong().at(Real(3)))
    assert {f.of for f in report.failures if f.law.name == "vjp"} == {"the term reverse(f)"}


def test_a_wrong_forward_pass_is_seen():
    class Wrong(Norm):
        def forward(self, cx, p, xs):
            return (xs[0] * 1.0,), {}, xs[0]

        def backward(self, cx, p, kept, ds):
            return {}, [ds[0]]

    report = check(Wrong().at(Real(3)))
    assert report["get"].outcome == "fails"


def test_a_wrong_shape_is_said_plainly():
    class Wrong(Norm):
        def forward(self, cx, p, xs):
            return (self.apply(cx, p, *xs),), {}, None

        def backward(self, cx, p, kept, ds):
            return {}, [ds[0].sum()]

    report = check(Wrong().at(Real(3)))
    assert [f.law.name for f in report.failures] == ["derivative"]
    assert "input 0" in report["derivative"].because and "float64[]" in report["derivative"].because
    assert report["vjp"].outcome == "skipped" and "no derivative" in report["vjp"].because


def test_a_wrong_typing_rule_is_said_plainly_and_nothing_else_is_tried():
    class Wrong(Norm):
        def apply(self, cx, p, *xs):
            return jnp.concatenate([xs[0], xs[0]], -1)

    report = check(Wrong().at(Real(3)))
    assert not report.passed and report["purity"].outcome == "fails"
    assert "float64[6]" in report["purity"].because and "its type says Real(3" in report["purity"].because
    assert {f.law.structure.name for f in report.failures} == {"box"}
    assert {f.outcome for f in report if f.law.structure.name != "box"} == {"skipped"}


def test_findings_are_found_by_name_and_by_path():
    report = check(lenses.tanh.at(Real(2)), law=["RD.5", "vjp"], examples=1)
    assert {f.law.name for f in report} == {"RD.5", "vjp"}
    assert report["RD.5"] is report["reverse derivative/RD.5"] is next(f for f in report if f.law.name == "RD.5")
    with pytest.raises(KeyError):
        report["RD.6"]
    assert str(report) == repr(report) and re.match(r"\d+ laws: ", report.summary)


def test_a_claim_to_be_linear_is_held_against_it():
    class Wrong(Norm):
        linear = True

    report = check(Wrong().at(Real(3)))
    assert "additive map" in {f.law.structure.name for f in report.failures}
    assert report["sums"].outcome == "fails" and report["vjp"].outcome == "holds"


def test_what_jax_cannot_differentiate():
    loop = lenses.lift(lambda x: jax.lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * 2), (0, x))[1])
    report = check(loop.at(Real(3)))
    assert [f.law.name for f in report.failures] == ["derivative"]
    assert "while_loop" in report["derivative"].because


def test_custom_derivatives_of_functions():
    def made(factor):
        @jax.custom_vjp
        def cube(x):
            return x**3

        cube.defvjp(lambda x: (x**3, x), lambda x, d: (factor * x**2 * d,))
        return cube

    assert check(made(3), Real(3)).passed
    report = check(made(3 + 1e-6), Real(3))
    assert {f.law.name for f in report.failures} >= {"differences"}
    assert "lift(cube)" in report["differences"].failure.fault


def test_the_composition_is_blamed_where_boxes_are_right():
    R = next(m for m in laws.MUTANTS if m.name == "term: sums keep the first").derivative
    term = (lenses.tanh >> lenses.copy >> lenses.sin @ lenses.square >> lenses.add).at(Real(2, dtype="float64"))
    with jax.enable_x64(True):
        instance = Instance(laws.find("reverse derivative/vjp"), {"f": term}, {}, 0)
        assert verdict_of(instance, R).failed
        assert blame(instance, R).startswith("the box copy")
        assert blame(instance, lens()).startswith("the composition")


# -- pairs -----------------------------------------------------------------------------------


def test_derivative_lenses_and_lawful_lenses_are_told_apart():
    right = check((jnp.sin, lambda x, d: d * jnp.cos(x)), Real(3))
    assert right.passed and right["GetPut"].verdict == "fails, as it should"
    wrong = check((jnp.sin, lambda x, d: -d * jnp.cos(x)), Real(3))
    assert not wrong.passed and wrong["vjp"].outcome == "fails"
    data = check((lambda x: x[0], lambda x, b: x.at[0].set(b)), Real(3))
    assert data.passed and data["GetPut"].outcome == "holds" and "lawful" in data.notes[-1]


def test_surprises_are_findings_and_no_failures():
    report = check(type(lenses.flatten), law="lawful lens", examples=1)
    assert report.passed and "lawful lens/GetPut" in [f.law.path for f in report.surprises]
    assert "a finding" in str(report)


# -- rules -----------------------------------------------------------------------------------


def test_guided_backpropagation_breaks_naturality_of_copy_at_relu():
    report = check(lenses.relu.at(Real(2)), rule=guided())
    assert report.passed
    assert report["lens with additive put/naturality of copy"].verdict == "fails, as it should"
    assert report["lens with additive put/naturality of discard"].outcome in ("proved", "holds")


def test_a_rule_that_claims_too_much_fails():
    class Positive(Clause):
        def backward(self, cx, p, kept, ds):
            return super().backward(cx, p, kept, [jnp.maximum(ds[0], 0)])

    claims = Rule("positive", {lenses.relu.__class__: Positive()})  # it says that messages meet additively
    report = check(lenses.relu.at(Real(2)), rule=claims)
    assert [f.law.path for f in report.failures] == ["lens with additive put/naturality of copy"]
    assert "relu" in repr(report.failures[0].failure.instance)


# -- what is no function ---------------------------------------------------------------------


def impure():
    count, log = itertools.count(1), []

    def by_count(x):
        return x * next(count)

    def by_chance(x):
        return x + np.random.randn()

    def by_memory(x):
        log.append(1)
        return x * len(log)

    def by_turns(x):
        return x if next(count) % 2 else x[:1]

    return [by_count, by_chance, by_memory, by_turns]


@pytest.mark.parametrize("f", impure(), ids=lambda f: f.__name__)
def test_an_impure_function_is_said_to_be_one_and_asked_nothing_else(f):
    report = check(f, Real(3))
    assert not report.passed and report["purity"].outcome == "fails"
    assert re.search(r"not pure|same shapes each time", report["purity"].because)
    assert {f.outcome for f in report if f.law.structure.name != "box"} == {"skipped"}


# -- bad calls -------------------------------------------------------------------------------


def test_bad_calls_say_what_to_do():
    refused(LensError, lambda: check(lenses.dense(3)), "spaces of 1 input wires are missing", r"term\.at")
    refused(LensError, lambda: check(lambda x, y: x), "spaces of the inputs", "Real")
    refused(LensError, lambda: check(3), "no laws that are known", "a term, a function")
    term = lenses.tanh.at(Real(2))
    refused(LensError, lambda: check(term, law="RD.99"), "no law is called", "RD")
    refused(LensError, lambda: check(term, law="optimiser"), "does not apply here", "structure")
    refused(LensError, lambda: check(term, examples=0), "1 or more")
    refused(LensError, lambda: check(term, dtype="float12"), "float64")
    refused(LensError, lambda: check(lambda x: x @ x, Real(2, 3)), "cannot be called", "TypeError")


def test_a_class_without_examples_says_so():
    class Needy(Box):
        size: int

        @property
        def arity(self):
            return (1, 1)

    refused(LensError, lambda: check(Needy), "gives no examples", "examples")


# -- reports ---------------------------------------------------------------------------------


def test_the_replay_line_replays():
    @jax.custom_vjp
    def cube(x):
        return x**3

    cube.defvjp(lambda x: (x**3, x), lambda x, d: (2 * x**2 * d,))
    report = check(cube, Real(3))
    assert report.failures and {f.law.name for f in report.failures} >= {"differences"}
    for finding in report.failures:
        line = finding.failure.replay
        verdict = eval(line, {**NAMESPACE, "laws": laws, "cube": cube})
        assert verdict.failed, line


def test_a_report_in_a_notebook_is_escaped():
    def wrong(x):
        return x

    pair = (wrong, lambda x, d: d * 2)
    page = check(pair, Real(2))._repr_html_()
    assert "<lambda>" not in page and "&lt;lambda&gt;" in page
    for tag in ("table", "tr", "td", "p", "pre", "h4"):
        assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>"), tag
