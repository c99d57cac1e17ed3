"""Claims about JAX programs rather than terms: that two of them give the same arrays, or that one is as it should be.

Programs are traced once and run by NumPy, so a claim costs no compilation unless it asks for it. They
are run at points, and again with every number of the inputs moved by a unit in the last place, which
measures the noise that `judge` allows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .compare import COPIES, Difference, Sample, Verdict, judge
from .primitives import as_numpy, run

POINTS = 2
"""How many points a claim is tried at."""


def traced(program: Callable[..., Any], *arguments: Any) -> Callable[..., list[Any]]:
    """The program, traced at these arguments and run by NumPy: its outputs in a row."""
    jaxpr = jax.make_jaxpr(program)(*arguments)
    return lambda *given: run(jaxpr, [as_numpy(x) for x in jax.tree.leaves(given)])


def moved(tree: Any, unit: float, rng: np.random.Generator) -> Any:
    """The tree with every float moved up or down by `unit` of itself."""

    def move(x: Any) -> Any:
        if not jnp.issubdtype(jnp.result_type(x), jnp.floating):
            return x
        x = np.asarray(x)
        return (x * (1 + unit * rng.choice([-1.0, 1.0], x.shape))).astype(x.dtype)

    return jax.tree.map(move, tree)


def rounding(tree: Any) -> float:
    """The unit in the last place of the coarsest floats of a tree."""
    kinds = {jnp.result_type(x) for x in jax.tree.leaves(tree)}
    return max((float(jnp.finfo(k).eps) for k in kinds if jnp.issubdtype(k, jnp.floating)), default=0.0)


def same_trees(left: Any, right: Any) -> str | None:
    """How two trees of arrays differ in structure, shapes or dtypes; None where they do not."""
    a, b = jax.tree.structure(left), jax.tree.structure(right)
    if a != b:
        return f"the structures differ: {a} and {b}"
    for x, y in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        one, two = (f"{jnp.result_type(v)}{list(jnp.shape(v))}" for v in (x, y))
        if one != two:
            return f"arrays differ in kind: {one} and {two}"
    return None


@dataclass(frozen=True)
class Agree:
    """The claim that two programs give the same at arguments that `draw` makes of a random generator.

    `compiled` runs the left one as it is, by XLA.
    """

    left: Callable[..., Any]
    right: Callable[..., Any]
    draw: Callable[[np.random.Generator], tuple[Any, ...]]
    compiled: bool = False

    def verdict(self, seed: int = 0) -> Verdict:
        """Compares at a few points, each followed by its noisy copies."""
        rng = np.random.default_rng(seed)
        rows: list[tuple[Any, ...]] = []
        for _ in range(POINTS):
            base = self.draw(rng)
            unit = rounding(base)
            rows += [base, *(moved(base, unit, rng) for _ in range(COPIES))]
        first = rows[0]
        wrong = same_trees(jax.eval_shape(self.left, *first), jax.eval_shape(self.right, *first))
        if wrong:
            return Verdict("fails", wrong, 1)
        left = self._whole if self.compiled else traced(self.left, *first)
        right = traced(self.right, *first)
        ys, zs = ([np.stack(v) for v in zip(*(f(*row) for row in rows), strict=True)] for f in (left, right))
        inputs = zip(*(jax.tree.leaves(row) for row in rows), strict=True)
        given = Sample([np.stack([np.asarray(x) for x in v]) for v in inputs], None, ("normal",) * POINTS)
        return judge(ys, zs, given, rounding(first))

    def _whole(self, *row: Any) -> list[Any]:
        # What is run may give its arguments away.
        return [np.asarray(v) for v in jax.tree.leaves(self.left(*jax.tree.map(jnp.array, row)))]


@dataclass(frozen=True)
class Inspect:
    """The claim that `finds`, given a random generator, finds nothing wrong.

    It returns None, or what is wrong: in words, or as a `Difference`.
    """

    finds: Callable[[np.random.Generator], str | Difference | None]

    def verdict(self, seed: int = 0) -> Verdict:
        """Looks once."""
        found = self.finds(np.random.default_rng(seed))
        if found is None:
            return Verdict("holds", "on 1", 1)
        if isinstance(found, Difference):
            return Verdict("fails", "the sides differ", 1, found)
        return Verdict("fails", found, 1)
