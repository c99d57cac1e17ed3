"""The 784-512-512-10 perceptron, batch 128."""

from __future__ import annotations

from typing import Any

import jax

from lenses import Real, dense, relu

from .model import Model, Spelling


def model(dtype: str = "float32") -> Model:
    """The perceptron at `dtype`."""
    term = dense(512) >> relu >> dense(512) >> relu >> dense(10)
    return Model("perceptron", term, Real(784, dtype=dtype), 128, 10, hand, flax, equinox)


def hand(s: Spelling, params: Any, states: Any, x: Any) -> tuple[Any, Any]:
    """By hand."""
    for name in ("dense_0", "dense_1"):
        x = jax.nn.relu(s.dense(params[name], x))
    return s.dense(params["dense_2"], x), states


def flax() -> Any:
    """In Flax."""
    from flax import nnx

    rngs = nnx.Rngs(0)
    return nnx.Sequential(
        nnx.Linear(784, 512, rngs=rngs),
        nnx.relu,
        nnx.Linear(512, 512, rngs=rngs),
        nnx.relu,
        nnx.Linear(512, 10, rngs=rngs),
    )


def equinox() -> Any:
    """In Equinox."""
    import equinox as eqx

    return eqx.nn.MLP(784, 10, 512, 2, key=jax.random.key(0))
