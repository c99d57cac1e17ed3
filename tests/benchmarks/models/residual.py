"""Residual perceptrons: dense(128), then `depth` times x + relu(dense(128)(x)), then dense(10); batch 64."""

from __future__ import annotations

from typing import Any

import jax

from lenses import Real, add, compose, copy, dense, identity, relu

from .model import Model, Spelling

WIDTH = 128


def model(depth: int, dtype: str = "float32") -> Model:
    """The perceptron with `depth` residual layers at `dtype`."""
    skip = copy >> (identity @ (dense(WIDTH) >> relu)) >> add
    term = compose(dense(WIDTH), *[skip] * depth, dense(10))

    def hand(s: Spelling, params: Any, states: Any, x: Any) -> tuple[Any, Any]:
        x = s.dense(params["dense_0"], x)
        for i in range(1, depth + 1):
            x = x + jax.nn.relu(s.dense(params[f"dense_{i}"], x))
        return s.dense(params[f"dense_{depth + 1}"], x), states

    def flax() -> Any:
        from flax import nnx

        class Residual(nnx.Module):
            def __init__(self, rngs: Any):
                self.first = nnx.Linear(64, WIDTH, rngs=rngs)
                self.layers = nnx.List([nnx.Linear(WIDTH, WIDTH, rngs=rngs) for _ in range(depth)])
                self.last = nnx.Linear(WIDTH, 10, rngs=rngs)

            def __call__(self, x: Any) -> Any:
                x = self.first(x)
                for layer in self.layers:
                    x = x + nnx.relu(layer(x))
                return self.last(x)

        return Residual(nnx.Rngs(0))

    def equinox() -> Any:
        import equinox as eqx

        keys = iter(jax.random.split(jax.random.key(0), depth + 2))

        class Residual(eqx.Module):
            first: Any
            layers: list[Any]
            last: Any

            def __call__(self, x: Any) -> Any:
                x = self.first(x)
                for layer in self.layers:
                    x = x + jax.nn.relu(layer(x))
                return self.last(x)

        return Residual(
            eqx.nn.Linear(64, WIDTH, key=next(keys)),
            [eqx.nn.Linear(WIDTH, WIDTH, key=next(keys)) for _ in range(depth)],
            eqx.nn.Linear(WIDTH, 10, key=next(keys)),
        )

    return Model(f"residual-{depth}", term, Real(64, dtype=dtype), 64, 10, hand, flax, equinox)
