"""A small convolutional network on 28x28x1 images, batch 64."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lenses import Real, conv, dense, flatten, max_pool, relu

from .model import Model, Spelling


def model(dtype: str = "float32") -> Model:
    """The network at `dtype`."""
    term = conv(16) >> relu >> max_pool() >> conv(32) >> relu >> max_pool() >> flatten >> dense(10)
    return Model("convolutional", term, Real(height=28, width=28, channel=1, dtype=dtype), 64, 10, hand, flax, equinox)


def hand(s: Spelling, params: Any, states: Any, x: Any) -> tuple[Any, Any]:
    """By hand."""
    for name in ("conv_0", "conv_1"):
        x = jax.nn.relu(s.convolution(params[name], x))
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return s.dense(params["dense_0"], x.reshape(x.shape[0], -1)), states


def flax() -> Any:
    """In Flax."""
    from flax import nnx

    rngs = nnx.Rngs(0)

    def pool(x: Any) -> Any:
        return nnx.max_pool(x, (2, 2), (2, 2))

    return nnx.Sequential(
        nnx.Conv(1, 16, (3, 3), rngs=rngs), nnx.relu, pool, nnx.Conv(16, 32, (3, 3), rngs=rngs), nnx.relu, pool,
        lambda x: x.reshape(x.shape[0], -1), nnx.Linear(7 * 7 * 32, 10, rngs=rngs),
    )  # fmt: skip


def equinox() -> Any:
    """In Equinox, whose images have the channel in front."""
    import equinox as eqx

    keys = jax.random.split(jax.random.key(0), 3)
    return eqx.nn.Sequential(
        [
            eqx.nn.Lambda(lambda x: jnp.moveaxis(x, -1, 0)),
            eqx.nn.Conv2d(1, 16, 3, padding=1, key=keys[0]),
            eqx.nn.Lambda(jax.nn.relu),
            eqx.nn.MaxPool2d(2, 2),
            eqx.nn.Conv2d(16, 32, 3, padding=1, key=keys[1]),
            eqx.nn.Lambda(jax.nn.relu),
            eqx.nn.MaxPool2d(2, 2),
            eqx.nn.Lambda(jnp.ravel),
            eqx.nn.Linear(7 * 7 * 32, 10, key=keys[2]),
        ]
    )
