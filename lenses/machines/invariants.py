"""What learning keeps, of learners whose parameters are numbers: quantities, and sets of parameters.

A quantity Q of parameters is kept by gradient flow where its derivative along the change U(p, a, b) - p is 0; a step
of finite size then changes it by the square of its rate only. For a linear network with weights W1, then W2, that is
W2 W2^T - W1^T W1 (inputs first in each), whatever the data and the error (Saxe et al. 2014; Du, Hu and Lee 2018). A set
of parameters is a proposition, as in `lenses.machines.propositions`, where no step leaves it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..learn.learn import Learn
from ..learn.learn import draw as random_value

POINTS = 8
"""How many points are tried."""


@dataclass(frozen=True)
class Kept:
    """Whether something is kept, and by how much it is not. Truthy where it is; `off` is relative to what moves it."""

    kept: bool
    off: float
    because: str

    def __bool__(self) -> bool:
        return self.kept

    def __repr__(self) -> str:
        return f"{'kept' if self.kept else 'not kept'}: {self.because}"


def _norm(tree: Any) -> float:
    return float(np.sqrt(sum(float((np.asarray(x, "float64") ** 2).sum()) for x in jax.tree.leaves(tree))))


def _tolerance(learner: Learn) -> float:
    return 1e3 * max(float(jnp.finfo(a.dtype).eps) for a in learner.params if a.real)


def kept(
    learner: Learn,
    quantity: Callable[[Any], Any],
    flow: bool = True,
    draw: Callable[[np.random.Generator], Any] | None = None,
    seed: int = 0,
) -> Kept:
    """Whether a quantity Q(p) is kept by learning: by gradient flow, or with `flow` False by steps as they are.

    Tried at random parameters (or those of `draw`) and examples. Q is a JAX function of a parameter.
    """
    rng, worst = np.random.default_rng(seed), 0.0

    @jax.jit
    def moved(p: Any, a: Any, b: Any) -> tuple[Any, Any]:
        new = learner.update(p, a, b)
        if not flow:
            return jax.tree.map(jnp.subtract, quantity(new), quantity(p)), quantity(p)
        change = jax.tree.map(jnp.subtract, new, p)
        rate = jax.jvp(quantity, (p,), (change,))[1]
        size = jax.tree.map(lambda d: jnp.linalg.norm(d) ** 2, change)
        parts = jax.tree.leaves(jax.tree.map(lambda q: jnp.linalg.norm(q) ** 2, p))
        return rate, jnp.sqrt(sum(jax.tree.leaves(size)) * sum(parts))

    for _ in range(POINTS):
        p = draw(rng) if draw else random_value(learner.params, rng)
        found, scale = moved(p, random_value(learner.dom, rng), random_value(learner.cod, rng))
        worst = max(worst, _norm(found) / max(_norm(scale), 1e-30))
    along = "flow" if flow else "steps"
    return Kept(worst <= _tolerance(learner), worst, f"along {along}, {worst:.1e} of its size, at {POINTS} points")


def closed(
    learner: Learn, off: Callable[[Any], Any], onto: Callable[[Any], Any], steps: int = 5, seed: int = 0
) -> Kept:
    """Whether steps stay in the set of parameters at which `off` is 0.

    `onto` takes any parameter to one of the set. Tried from random ones, along a few steps by random examples.
    """
    rng, worst = np.random.default_rng(seed), 0.0
    update = jax.jit(learner.update)
    for _ in range(POINTS):
        p = onto(random_value(learner.params, rng))
        for _ in range(steps):
            p = update(p, random_value(learner.dom, rng), random_value(learner.cod, rng))
            worst = max(worst, _norm(off(p)) / max(_norm(p), 1e-30))
    return Kept(
        worst <= _tolerance(learner), worst, f"{worst:.1e} of the parameters after {steps} steps, {POINTS} times"
    )
