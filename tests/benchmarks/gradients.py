"""Gradients of the step's loss against `jax.grad`: in float32 to the bit, in float64 to 1e-12."""

from __future__ import annotations

import json
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import lenses

from . import programs
from .measure import Figure, Options, fresh
from .models import MODELS
from .models.model import PLAIN, SAME, Spelling

TITLE = "gradients"

OTHER_ORDER = {
    "transformer": "the changes of a normalisation's three uses of its input meet inside the box, then with the "
    "residual wire's; by hand they are added to it one by one"
}
"""Models whose hand-written gradients add the same numbers in another order, and where."""


def keep() -> Any:
    """A transformation that moves nothing and keeps the gradient as its state."""

    def zeros(params: Any) -> Any:
        return jax.tree.map(jnp.zeros_like, params)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return zeros(updates), updates

    return optax.GradientTransformation(zeros, update)


def apart(name: str, dtype: str, spelling: Spelling) -> float:
    """The largest difference of a gradient's entries, relative to the largest entry of its array."""
    model = MODELS[name](dtype)
    x, y = model.data()
    ours, hand = programs.ours(model, lenses.optax(keep())), programs.hand(model, keep(), spelling)
    a = ours.step(ours.start(), x, y)[0].optimiser
    b = hand.step(hand.start(), x, y)[0][1]
    pairs = [
        (np.asarray(p, np.float64), np.asarray(q, np.float64))
        for p, q in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    ]
    # Some gradients are zero but for rounding (a key's bias: softmax does not see it), so an array
    # counts for no less than a thousandth of the largest.
    least = 1e-3 * max(float(np.abs(q).max()) for _, q in pairs)
    return max(float(np.abs(p - q).max()) / max(float(np.abs(q).max()), least) for p, q in pairs)


def measure(options: Options) -> list[Figure]:
    """The figures in float32, and those in float64 from a Python with 64 bits switched on."""
    figures = []
    for name in MODELS:
        same, plain = apart(name, "float32", SAME), apart(name, "float32", PLAIN)
        order = name not in OTHER_ORDER
        notes = [f"to the plain spelling: {plain:.2g}"] + ([] if order else [OTHER_ORDER[name]])
        limit = 0.0 if order else 1e-5
        target = "0.0" if order else "at most 1e-5"
        figures.append(Figure(f"{name}: float32, same spelling", same, {}, "", None, target, same <= limit, notes))
    for name, value in fresh("tests.benchmarks.gradients", JAX_ENABLE_X64="1").items():
        figures.append(Figure(f"{name}: float64, plain spelling", value, {}, "", None, "at most 1e-12", value <= 1e-12))
    return figures


if __name__ == "__main__":
    print(json.dumps({name: apart(name, "float64", PLAIN) for name in sys.argv[1:] or MODELS}))
