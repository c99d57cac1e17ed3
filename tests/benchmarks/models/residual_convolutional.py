"""An 8-block residual convolutional network on 16x16x3 images with layer or batch normalisation, batch 32."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lenses import Real, add, batch_norm, compose, conv, copy, dense, identity, layer_norm, reduce_mean, relu

from .model import Model, Spelling

WIDTH, BLOCKS = 16, 8


def model(norm: str, dtype: str = "float32") -> Model:
    """The network at `dtype`, `norm` being "layer" or "batch"."""
    normalise = {"layer": layer_norm, "batch": batch_norm}[norm]
    inside = conv(WIDTH) >> normalise() >> relu >> conv(WIDTH) >> normalise()
    block = copy >> (identity @ inside) >> add >> relu
    term = compose(conv(WIDTH), *[block] * BLOCKS, reduce_mean("height"), reduce_mean("width"), dense(10))
    space = Real(height=16, width=16, channel=3, dtype=dtype)

    def hand(s: Spelling, params: Any, states: Any, x: Any) -> tuple[Any, Any]:
        new: dict[str, Any] = {}

        def normalised(i: int, x: Any) -> Any:
            name = f"{norm}_norm_{i}"
            if norm == "layer":
                return s.layer_norm(params[name], x)
            y, new[name] = s.batch_norm(params[name], states[name], x)
            return y

        x = s.convolution(params["conv_0"], x)
        for i in range(BLOCKS):
            y = jax.nn.relu(normalised(2 * i, s.convolution(params[f"conv_{2 * i + 1}"], x)))
            x = jax.nn.relu(x + normalised(2 * i + 1, s.convolution(params[f"conv_{2 * i + 2}"], y)))
        return s.dense(params["dense_0"], x.mean(1).mean(1)), new

    name = f"residual-conv-{norm}"
    return Model(name, term, space, 32, 10, hand, lambda: _flax(norm), lambda: _equinox(norm), normalised=True)


def _flax(norm: str) -> Any:
    from flax import nnx

    make = nnx.LayerNorm if norm == "layer" else nnx.BatchNorm

    class Block(nnx.Module):
        def __init__(self, rngs: Any):
            self.convs = nnx.List([nnx.Conv(WIDTH, WIDTH, (3, 3), rngs=rngs) for _ in range(2)])
            self.norms = nnx.List([make(WIDTH, rngs=rngs) for _ in range(2)])

        def __call__(self, x: Any) -> Any:
            y = nnx.relu(self.norms[0](self.convs[0](x)))
            return nnx.relu(x + self.norms[1](self.convs[1](y)))

    class Network(nnx.Module):
        def __init__(self, rngs: Any):
            self.first = nnx.Conv(3, WIDTH, (3, 3), rngs=rngs)
            self.blocks = nnx.List([Block(rngs) for _ in range(BLOCKS)])
            self.last = nnx.Linear(WIDTH, 10, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = self.first(x)
            for block in self.blocks:
                x = block(x)
            return self.last(x.mean((1, 2)))

    return Network(nnx.Rngs(0))


def _equinox(norm: str) -> Any:
    import equinox as eqx

    if norm == "batch":
        return None  # Equinox passes batch statistics through the model's call, so the step is another
    keys = iter(jax.random.split(jax.random.key(0), 2 * BLOCKS + 2))

    class Norm(eqx.Module):
        norm: Any

        def __call__(self, x: Any) -> Any:
            return jax.vmap(jax.vmap(self.norm, 1, 1), 2, 2)(x)

    class Block(eqx.Module):
        convs: list[Any]
        norms: list[Any]

        def __call__(self, x: Any) -> Any:
            y = jax.nn.relu(self.norms[0](self.convs[0](x)))
            return jax.nn.relu(x + self.norms[1](self.convs[1](y)))

    class Network(eqx.Module):
        first: Any
        blocks: list[Any]
        last: Any

        def __call__(self, x: Any) -> Any:
            x = self.first(jnp.moveaxis(x, -1, 0))
            for block in self.blocks:
                x = block(x)
            return self.last(x.mean((1, 2)))

    def convolution(channels: int) -> Any:
        return eqx.nn.Conv2d(channels, WIDTH, 3, padding=1, key=next(keys))

    blocks = [
        Block([convolution(WIDTH) for _ in range(2)], [Norm(eqx.nn.LayerNorm(WIDTH)) for _ in range(2)])
        for _ in range(BLOCKS)
    ]
    return Network(convolution(3), blocks, eqx.nn.Linear(WIDTH, 10, key=next(keys)))
