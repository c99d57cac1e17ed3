"""A one-layer transformer block (pre-norm attention, then a gelu perceptron) on 64 tokens of size 128, batch 16."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lenses import Real, add, copy, dense, einsum, gelu, identity, layer_norm, reduce_mean, scale, softmax, wired

from .model import Model, Spelling

TOKENS, WIDTH, HEADS, HEAD, INNER = 64, 128, 8, 16, 512


@wired
def attention(x):
    """Multi-head self-attention of the tokens."""
    q, k, v = dense(head=HEADS, d=HEAD)(x), dense(head=HEADS, d=HEAD)(x), dense(head=HEADS, d=HEAD)(x)
    scores = einsum("query head d, key head d -> head query key")(q, k)
    weights = softmax("key")(scale(HEAD**-0.5)(scores))
    mixed = einsum("head query key, key head d -> query head d")(weights, v)
    return dense(WIDTH, axes=2)(mixed)


def model(dtype: str = "float32") -> Model:
    """The block at `dtype`, with the mean over tokens and dense(10) behind it."""
    skip = copy >> (identity @ (layer_norm() >> attention)) >> add
    mlp = copy >> (identity @ (layer_norm() >> dense(INNER) >> gelu >> dense(WIDTH))) >> add
    term = skip >> mlp >> reduce_mean("token") >> dense(10)
    space = Real(token=TOKENS, width=WIDTH, dtype=dtype)
    return Model("transformer", term, space, 16, 10, hand, flax, equinox, normalised=True)


def hand(s: Spelling, params: Any, states: Any, x: Any) -> tuple[Any, Any]:
    """By hand."""
    y = s.layer_norm(params["layer_norm_0"], x)
    q, k, v = (s.dense(params[f"dense_{i}"], y) for i in range(3))
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) * HEAD**-0.5
    mixed = jnp.einsum("bhqk,bkhd->bqhd", s.softmax(scores), v)
    x = x + s.dense(params["dense_3"], mixed, 2)
    inner = jax.nn.gelu(s.dense(params["dense_4"], s.layer_norm(params["layer_norm_1"], x)))
    x = x + s.dense(params["dense_5"], inner)
    return s.dense(params["dense_6"], x.mean(1)), states


def flax() -> Any:
    """In Flax."""
    from flax import nnx

    class Block(nnx.Module):
        def __init__(self, rngs: Any):
            self.norms = nnx.List([nnx.LayerNorm(WIDTH, rngs=rngs) for _ in range(2)])
            self.attention = nnx.MultiHeadAttention(HEADS, WIDTH, decode=False, rngs=rngs)
            self.first, self.second = nnx.Linear(WIDTH, INNER, rngs=rngs), nnx.Linear(INNER, WIDTH, rngs=rngs)
            self.last = nnx.Linear(WIDTH, 10, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = x + self.attention(self.norms[0](x))
            x = x + self.second(nnx.gelu(self.first(self.norms[1](x))))
            return self.last(x.mean(1))

    return Block(nnx.Rngs(0))


def equinox() -> Any:
    """In Equinox."""
    import equinox as eqx

    keys = jax.random.split(jax.random.key(0), 4)

    class Block(eqx.Module):
        norms: list[Any]
        attention: Any
        first: Any
        second: Any
        last: Any

        def __call__(self, x: Any) -> Any:
            y = jax.vmap(self.norms[0])(x)
            x = x + self.attention(y, y, y)
            inner = jax.nn.gelu(jax.vmap(self.first)(jax.vmap(self.norms[1])(x)))
            x = x + jax.vmap(self.second)(inner)
            return self.last(x.mean(0))

    return Block(
        [eqx.nn.LayerNorm(WIDTH) for _ in range(2)],
        eqx.nn.MultiheadAttention(
            HEADS, WIDTH, use_query_bias=True, use_key_bias=True, use_value_bias=True, use_output_bias=True, key=keys[0]
        ),
        eqx.nn.Linear(WIDTH, INNER, key=keys[1]),
        eqx.nn.Linear(INNER, WIDTH, key=keys[2]),
        eqx.nn.Linear(WIDTH, 10, key=keys[3]),
    )
