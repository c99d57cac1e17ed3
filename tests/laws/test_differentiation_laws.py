"""The laws of representations of linear maps: they hold of the library's own, not of ones that are a little wrong."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import pytest

from lenses import laws
from lenses.differentiation import (
    Begin,
    Continuation,
    Dual,
    Factors,
    Functions,
    LinearMaps,
    Local,
    Matrices,
    begins,
    continuations,
    duals,
    functions,
    matrices,
)
from lenses.differentiation.functions import Linear
from lenses.differentiation.matrices import Matrix
from lenses.laws import registry
from lenses.laws.structures.biproducts import BIPRODUCTS
from lenses.laws.structures.differentiation import DIFFERENTIATOR, SHAPES, multiplications

ALL = [*BIPRODUCTS.own.values(), *DIFFERENTIATOR.own.values()]
BOTH_WAYS = ("fork and unfork", "join and unjoin", "duality", "naturality of add")
QUICK = [
    *(f"category with biproducts/{name}" for name in BOTH_WAYS),
    *("differentiator/parallel", "differentiator/multiplication", "differentiator/cheapest"),
]
REFUSED = {"join of any functions", "add before any function", "at one point", "cheapest"}


def checked(k: LinearMaps, names: Any = None) -> laws.Report:
    return laws.check(k, law=names, progress=False)


def test_functions_meet_every_law():
    report = checked(functions)
    assert report.passed, str(report)
    assert {f.law.path for f in report} == {each.path for each in ALL}
    assert (
        {f.law.name for f in report if not f.expected}
        == REFUSED
        == {f.law.name for f in report if f.outcome == "fails"}
    )
    assert {f.law.item for f in report} == {27, 28, 29}
    assert [f.law.name for f in report if f.outcome == "skipped"] == ["cost of association"]


OTHERS = {name: k for name, k in registry.representations().items() if k is not functions}


@pytest.mark.parametrize("k", OTHERS.values(), ids=OTHERS)
def test_the_others_meet_those_that_are_quick(k):
    report = checked(k, QUICK)
    assert report.passed, str(report)
    assert report["differentiator/cheapest"].outcome == ("holds" if k.name == "factors, auto" else "fails")


@pytest.mark.slow
@pytest.mark.parametrize("k", [*OTHERS.values(), Dual(matrices), Begin(functions), Continuation(duals)], ids=repr)
def test_the_others_meet_every_law(k):
    report = checked(k)
    assert report.passed, str(report)


def test_matrices_cost_as_they_associate():
    assert checked(matrices, "cost of association")["cost of association"].outcome == "holds"


def test_which_mode_wins_depends_on_the_shape(x64):
    found = {shape: [multiplications(k, SHAPES[shape]) for k in (begins, continuations, Factors())] for shape in SHAPES}
    assert found["narrower"] == [16 * 8 * 4 + 16 * 4, 4 * 8 + 8 * 16, 4 * 8 + 8 * 16]
    assert found["wider"] == [4 * 8 + 8 * 16, 16 * 8 * 4 + 16 * 4, 4 * 8 + 8 * 16]
    assert found["an hourglass"] == [12**2 + 2 * 12**2 + 12**2 * 12 - 12**2, 12**3 + 2 * 12**2, 3 * 12**2]
    assert found["a spindle"] == [2 * 2 * 12**2 + 2 * 12 * 2, 2 * 2 * 12**2 + 2 * 12 * 2, 2 * 2 * 12**2 + 2 * 12 * 2]


# -- mistakes ------------------------------------------------------------------------------------


class Biased(Functions):
    """Its identities grow a little."""

    def identity(self, space: Any) -> Any:
        return self.scale(space, 1.000001)


class Nested(Functions):
    """Loses what stands behind a composite."""

    def composite(self, maps: Any) -> Any:
        f = super().composite(maps)
        return f if len(maps[0].steps) < 2 else super().composite([f, self.scale(f.cod, 2.0)])


class Half(Continuation):
    """Runs the second of two side by side on what is behind the first."""

    def pair(self, f: Any, g: Any) -> Any:
        def step(h: Any) -> Any:
            one, two = self.base.unjoin(h, f.cod, g.cod)
            return self.base.join(self.run(f, one), self.run(g, one if f.cod == g.cod else self.base.plus(two, two)))

        return step


class Flipped(Functions):
    """Gives the rows of each block in the opposite order."""

    def blocks(self, f: Any) -> Any:
        return [[b[::-1] for b in row] for row in super().blocks(f)]


class Swapped(Matrices):
    """Takes a fork apart into one part twice."""

    def unfork(self, h: Matrix, b: Any, c: Any) -> Any:
        one, two = super().unfork(h, b, c)
        return one, (one if b == c else super().compose(two, self.scale(c, 2.0)))


class Forgetful(Matrices):
    """Leaves the second map out of a join."""

    def join(self, f: Matrix, g: Matrix) -> Matrix:
        return super().join(f, Matrix(g.dom, g.cod, tuple((None,) * len(row) for row in g.rows)))


class Apart(Functions):
    """Scales the second part of a fork."""

    def fork(self, f: Any, g: Any) -> Any:
        return super().fork(f, self.compose(g, self.scale(g.cod, 1.01)))


class Doubled(Functions):
    """Copies a change with twice its size."""

    def copy(self, space: Any, times: int = 2) -> Any:
        copied = super().copy(space, times)
        return self.compose(copied, self.scale(copied.cod, 2.0))


class Uneven(Functions):
    """Copies the first array with twice its size."""

    def copy(self, space: Any, times: int = 2) -> Any:
        f = super().copy(space, times)
        return Linear(f.dom, f.cod, (*f.steps, ("twice", lambda ys: [2 * ys[0], *ys[1:]])))


class Offset(Functions):
    """Adds a little to what a map gives, so that it is not linear."""

    def of(self, local: Local) -> Linear:
        f = super().of(local)
        return Linear(f.dom, f.cod, (*f.steps, ("offset", lambda ys: [y + 1e-6 for y in ys])))


class Unscaled(Functions):
    """Scales by nothing."""

    def scale(self, space: Any, by: Any) -> Any:
        return self.identity(space)


class Crossed(Functions):
    """Takes a pair apart with its parts scaled."""

    def unfork(self, h: Any, b: Any, c: Any) -> Any:
        one, two = super().unfork(h, b, c)
        return one, self.compose(two, self.scale(c, 2.0))


class Wasteful(Matrices):
    """Multiplies every product once more, by ones."""

    def composite(self, maps: Any) -> Matrix:
        f = super().composite(maps)
        rows = [[b and type(b)(b.rows, b.columns, b.values * jnp.ones_like(b.values)) for b in row] for row in f.rows]
        return Matrix(f.dom, f.cod, tuple(map(tuple, rows)))


MISTAKES: dict[str, LinearMaps] = {
    "units": Biased(),
    "associativity": Nested(),
    "interchange": Half(),
    "matrix": Flipped(),
    "fork and unfork": Swapped(),
    "join and unjoin": Forgetful(),
    "fork and join by copy and add": Apart(),
    "first; left + second; right": Doubled(),
    "projections of injections": Biased(),
    "naturality of add": Offset(),
    "naturality of copy": Uneven(),
    "sum": Unscaled(),
    "duality": Doubled(),
    "pairs of any functions": Crossed(),
    "composition": Nested(),
    "parallel": Half(),
    "fork": Apart(),
    "linear maps": Flipped(),
    "multiplication": Unscaled(),
    "Jacobian": Flipped(),
    "same Jacobian": Flipped(),
    "cost of association": Wasteful(),
}
"""For each law that holds a representation that is a little wrong, by which it must be failed."""


@pytest.mark.parametrize("name", MISTAKES)
def test_each_law_is_failed_by_a_mistake(name):
    (each,) = (one for one in ALL if one.name == name)
    report = checked(MISTAKES[name], each.path)
    assert [f.outcome for f in report] == ["fails"] and not report.passed, str(report)


def test_mistakes_cover_the_laws():
    assert set(MISTAKES) == {each.name for each in ALL if each.holds}
