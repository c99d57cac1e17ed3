"""The optimisers as lenses beside optax's: 1000 steps in float64 on the same objective."""

from __future__ import annotations

import json
from typing import Any

import jax
import jax.numpy as jnp
import optax

import lenses

from .measure import Figure, Options, fresh

TITLE = "optimisers"

STEPS = 1000
SCHEDULE = optax.cosine_decay_schedule(0.01, 800)

PAIRS: dict[str, tuple[Any, Any]] = {
    "sgd": (lenses.sgd(0.01), optax.sgd(0.01)),
    "sgd, scheduled": (lenses.sgd(SCHEDULE), optax.sgd(SCHEDULE)),
    "momentum": (lenses.momentum(0.01, 0.9), optax.sgd(0.01, momentum=0.9)),
    "nesterov": (lenses.nesterov(0.01, 0.9), optax.sgd(0.01, momentum=0.9, nesterov=True)),
    "adagrad": (lenses.adagrad(0.1), optax.adagrad(0.1)),
    "rmsprop": (lenses.rmsprop(0.01), optax.rmsprop(0.01)),
    "adam": (lenses.adam(0.01), optax.adam(0.01)),
    "adam, scheduled": (lenses.adam(SCHEDULE), optax.adam(SCHEDULE)),
    "adamw": (lenses.adamw(0.01), optax.adamw(0.01)),
    "optax(chain)": (
        lenses.optax(optax.chain(optax.clip_by_global_norm(0.5), optax.lion(1e-3))),
        optax.chain(optax.clip_by_global_norm(0.5), optax.lion(1e-3)),
    ),
}


def objective(params: Any) -> Any:
    """A smooth function that is not quadratic, badly scaled, of two arrays."""
    a, b = params["a"], params["b"]
    scales = jnp.logspace(-2, 1, a.size).reshape(a.shape)
    return jnp.sum(scales * jnp.log(jnp.cosh(a - 1))) + jnp.sum((b @ a - jnp.sin(b.sum(1, keepdims=True))) ** 2)


def apart(ours: Any, theirs: Any) -> float:
    """The largest relative difference of the parameters along the whole way, the model being run where `look` says."""
    key = jax.random.key(0)
    start = {"a": jax.random.normal(key, (5, 3)), "b": 0.3 * jax.random.normal(key, (4, 5))}
    slope = jax.grad(objective)

    def step(carry: Any, _: Any) -> tuple[Any, Any]:
        (slots, params), (their_slots, their_params) = carry
        looked = ours.look(slots, params)
        slots, params = ours.put(slots, params, slope(looked))
        updates, their_slots = theirs.update(slope(their_params), their_slots, their_params)
        their_params = optax.apply_updates(their_params, updates)
        now = ours.look(slots, params)
        gaps = jax.tree.map(lambda p, q: jnp.max(jnp.abs(p - q)) / jnp.max(jnp.abs(q)), now, their_params)
        return ((slots, params), (their_slots, their_params)), jnp.max(jnp.stack(jax.tree.leaves(gaps)))

    first = ((ours.init(start), start), (theirs.init(start), start))
    (_, (_, end)), gaps = jax.lax.scan(step, first, None, length=STEPS)
    if not all(bool(jnp.any(p != q)) for p, q in zip(jax.tree.leaves(start), jax.tree.leaves(end), strict=True)):
        raise AssertionError("the optimiser moved nothing")
    return float(jnp.max(gaps))


def measure(options: Options) -> list[Figure]:
    """One row an optimiser."""
    found = fresh("tests.benchmarks.optimisers", JAX_ENABLE_X64="1")
    return [
        Figure(f"{name}: {STEPS} steps, float64", value, {}, "", None, "at most 1e-12", value <= 1e-12)
        for name, value in found.items()
    ]


if __name__ == "__main__":
    print(json.dumps({name: apart(*pair) for name, pair in PAIRS.items()}))
