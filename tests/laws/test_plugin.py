"""The plugin of pytest: a test a law, with its name, its outcome and the report on what fails."""

from __future__ import annotations

import subprocess
import sys

import pytest

import lenses.laws.plugin  # so that the runs inside this one find it loaded
from lenses import Box

pytest_plugins = ["pytester"]

MODELS = """
from lenses import *
from lenses import laws
from lenses.laws.maps import Equation
from lenses.rules import guided

mlp = dense(2) >> tanh
typed = mlp.at(Real(2))
rule = guided()
wrong = (lambda x: x**2, lambda x, dy: x * dy)
lawful = (lambda x: x[0], lambda x, y: x.at[0].set(y))
nought = lift(lambda x: 0 * x)
number = 3


def double(x):
    return 2 * x


class Twice(Box):
    arity = (1, 1)

    @classmethod
    def examples(cls):
        return [cls().at(Real(2))]

    def type(self, dom):
        return dom

    def apply(self, cx, p, x):
        return x + x
"""


@pytest.fixture
def models(pytester, monkeypatch):
    """A folder with a module of subjects, on which pytest is run."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    pytester.makepyfile(some_subjects=MODELS)
    yield pytester
    Box.registry.pop("Twice", None)


def places(*names: str) -> list[str]:
    """The option for some of the subjects."""
    return [f"--lenses-laws=some_subjects:{name}" for name in names]


def test_every_subject_has_tests_with_readable_names(models):
    names = ["mlp", "typed", "rule", "wrong", "lawful", "double", "Twice"]
    done = models.runpytest_inprocess(*places(*names), "--lenses-laws-at=Real(2)", "--collect-only", "-q")
    ids = done.outlines
    assert done.ret == 0
    for name in names:
        assert sum(line.startswith(f"some_subjects:{name}::") for line in ids) > 5, name
    assert "some_subjects:mlp::reverse derivative/RD.5 [term]" in ids
    assert "some_subjects:mlp::reverse derivative/RD.5 [lens]" in ids
    assert "some_subjects:rule::lens with additive put/naturality of copy [guided]" in ids
    assert "some_subjects:lawful::lawful lens/GetPut" in ids
    tests = [line for line in ids if "::" in line]
    assert len(tests) == len(set(tests))


def test_outcomes_beside_other_tests(models):
    models.makepyfile(test_more="def test_more(): pass")
    chosen = "test_more or RD.3 or vjp or GetPut or twice"
    done = models.runpytest_inprocess(
        *places("wrong", "double"), "--lenses-laws-at=Real(2)", "--lenses-laws-examples=2", "-v", "-rs", "-k", chosen
    )
    done.stdout.fnmatch_lines([
        "lenses: 21 laws of some_subjects:wrong, 2 instances a law, in float64, seed 0",
        "test_more.py::test_more PASSED*",
        "some_subjects:wrong::reverse derivative/vjp FAILED*",
        "some_subjects:wrong::lawful lens/GetPut PASSED*",  # it fails, as it should
        "some_subjects:double::parametrised map/reparametrisation twice SKIPPED*",
    ])  # fmt: skip
    done.stdout.fnmatch_lines([
        "* reverse derivative/vjp of some_subjects:wrong *",
        "reverse derivative/vjp FAILS: R[[]f[]] is jax.vjp of f",
        "  because:  the sides differ by more than rounding explains",
        "  fault:    the box *its own derivative is wrong*",
        "  replay:   laws.replay('reverse derivative/vjp'*",
    ])  # fmt: skip
    done.stdout.fnmatch_lines(["SKIPPED * there are no parameters"])
    done.stdout.no_fnmatch_line("*Traceback*")
    done.stdout.no_fnmatch_line("*plugin.py*Error*")
    assert done.ret == 1 and done.parseoutcomes()["failed"] == 1


def test_without_any_other_test(models):
    done = models.runpytest_inprocess(*places("lawful"), "--lenses-laws-at=Real(2)", "--lenses-laws-only=lawful lens")
    assert done.ret == 0
    done.assert_outcomes(passed=3)
    done.stdout.fnmatch_lines(["  note: it meets GetPut, PutGet and PutPut*", "some_subjects:lawful ...*"])


def test_a_surprise_is_told_at_the_end(models):
    models.makepyfile(
        own_laws=MODELS
        + """
idle = laws.structure("idle", "what does nothing")


@laws.law(idle, "twice", "f + f = f", "nowhere", 0, over="f: A -> B", holds=False)
def twice(R, f):
    return Equation(f + f, f)
"""
    )
    try:
        done = models.runpytest_inprocess(
            "--lenses-laws=own_laws:nought", "--lenses-laws=own_laws:double", "--lenses-laws-at=Real(2)",
            "--lenses-laws-only=idle", "-q",
        )  # fmt: skip
    finally:
        lenses.laws.STRUCTURES.pop("idle", None)
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines([
        "*laws that hold here, though they fail in general*",
        "own_laws:nought::idle/twice: holds on * (a finding: it fails in general): f + f = f",
    ])  # fmt: skip
    done.stdout.no_fnmatch_line("own_laws:double::idle/twice: *")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere:mlp"], "there is no module 'nowhere'"),
        (["some_subjects:mlq"], "there is no 'mlq' in some_subjects"),
        (["some_subjects"], "'some_subjects' names no object"),
        (["some_subjects:number"], "3 has no laws that are known"),
        (["some_subjects:mlp"], "--lenses-laws-at"),
        (["some_subjects:mlp", "--lenses-laws-at=Rel(2)"], "cannot read the space"),
        (["some_subjects:typed", "--lenses-laws-only=RD.55"], "no law is called 'RD.55'"),
        (["some_subjects:typed", "--lenses-laws-examples=0"], "0 instances a law"),
    ],
)
def test_wrong_usage_is_said_before_anything_runs(models, arguments, words):
    done = models.runpytest_inprocess("--lenses-laws", *arguments)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.lines[0].startswith("ERROR: --lenses-laws: ") and words in done.stderr.str()
    assert "Traceback" not in done.stderr.str()


def test_laws_are_spread_over_processes(models):
    only = ["--lenses-laws-only=RD.3", "--lenses-laws-only=vjp"]
    done = models.runpytest_subprocess(*places("wrong", "mlp"), "--lenses-laws-at=Real(2)", *only, "-n2")
    done.assert_outcomes(passed=5, failed=1)
    done.stdout.fnmatch_lines(["FAILED some_subjects:wrong::reverse derivative/vjp*"])


def test_other_runs_do_not_load_the_library(pytester):
    pytester.makepyfile("def test_it(): pass")
    program = "import sys, pytest; print(int(pytest.main(['-q'])), *({'lenses', 'pytest_lenses'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 pytest_lenses"
