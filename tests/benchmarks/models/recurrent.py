"""A recurrent cell, h = tanh(W h + b + U x), over 64 steps of size 32, batch 32."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lenses import Real, add, dense, identity, linear, scan, tanh, zero

from .model import Model, Spelling

STEPS, WIDTH, SIZE = 64, 128, 32


def model(dtype: str = "float32") -> Model:
    """The network at `dtype`: the cell along time from zero, then dense(10) of the last state."""
    cell = (dense(WIDTH) @ linear(WIDTH)) >> add >> tanh
    term = (zero(Real(WIDTH, dtype=dtype)) @ identity) >> scan(cell, "time") >> dense(10)
    return Model("recurrent", term, Real(time=STEPS, size=SIZE, dtype=dtype), 32, 10, hand, flax, equinox)


def hand(s: Spelling, params: Any, states: Any, x: Any) -> tuple[Any, Any]:
    """By hand."""
    cell = params["scan_0"]

    def step(h: Any, x: Any) -> tuple[Any, None]:
        return jnp.tanh(s.dense(cell["dense_0"], h) + x @ cell["linear_0"]["weight"]), None

    h, _ = lax.scan(step, jnp.zeros((x.shape[0], WIDTH), x.dtype), jnp.moveaxis(x, 1, 0))
    return s.dense(params["dense_0"], h), states


def flax() -> Any:
    """In Flax."""
    from flax import nnx

    class Network(nnx.Module):
        def __init__(self, rngs: Any):
            self.rnn = nnx.RNN(nnx.SimpleCell(SIZE, WIDTH, rngs=rngs), return_carry=True, rngs=rngs)
            self.last = nnx.Linear(WIDTH, 10, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            h, _ = self.rnn(x)
            return self.last(h)

    return Network(nnx.Rngs(0))


def equinox() -> Any:
    """In Equinox, which has no plain cell: two linear maps in a scan."""
    import equinox as eqx

    keys = jax.random.split(jax.random.key(0), 3)

    class Network(eqx.Module):
        own: Any
        of_input: Any
        last: Any

        def __call__(self, x: Any) -> Any:
            def step(h: Any, x: Any) -> tuple[Any, None]:
                return jnp.tanh(self.own(h) + self.of_input(x)), None

            h, _ = lax.scan(step, jnp.zeros(WIDTH), x)
            return self.last(h)

    return Network(
        eqx.nn.Linear(WIDTH, WIDTH, key=keys[0]),
        eqx.nn.Linear(SIZE, WIDTH, use_bias=False, key=keys[1]),
        eqx.nn.Linear(WIDTH, 10, key=keys[2]),
    )
