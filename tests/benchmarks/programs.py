"""Training steps of a model: the library's, and beside it hand-written, in Flax and in Equinox.

A program is ``step(state, x, y) -> (state, loss)``, jitted, the state donated, and its first state.
The loss is the mean softmax cross-entropy with integer labels.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax

import lenses

from .models.model import PLAIN, Model, Spelling


@dataclass
class Program:
    """A jitted step and a function that makes its first state."""

    step: Any
    start: Callable[[], Any]


def ours(model: Model, optimiser: Any = None, **options: Any) -> Program:
    """The library's learner; by default with optax's Adam, for the comparison of like with like."""
    optimiser = optimiser or lenses.optax(optax.adam(1e-3))
    fit = lenses.learner(model.term, model.space, loss=lenses.softmax_cross_entropy, optimiser=optimiser, **options)
    return Program(fit.step, lambda: fit.init(jax.random.key(0)))


def hand(model: Model, transformation: Any = None, spelling: Spelling = PLAIN) -> Program:
    """Plain `jax.numpy`, `jax.value_and_grad` and optax, from the library's own first parameters."""
    transformation = transformation or optax.adam(1e-3)
    first = ours(model).start

    def loss(params: Any, states: Any, x: Any, y: Any) -> tuple[Any, Any]:
        logits, states = model.hand(spelling, params, states, x)
        return spelling.loss(logits, y).mean(), states

    def step(state: Any, x: Any, y: Any) -> tuple[Any, Any]:
        params, slots, states = state
        (value, states), changes = jax.value_and_grad(loss, has_aux=True)(params, states, x, y)
        updates, slots = transformation.update(changes, slots, params)
        return (optax.apply_updates(params, updates), slots, states), value

    def start() -> Any:
        state = first()
        return state.params, transformation.init(state.params), state.states.get("model_0", {})

    return Program(jax.jit(step, donate_argnums=0), start)


def installed(name: str) -> bool:
    """Whether a module can be imported."""
    return importlib.util.find_spec(name) is not None


def flax(model: Model) -> Program:
    """The step of the model in Flax, its state split into arrays once, off the clock."""
    from flax import nnx

    network = model.flax()
    transformation = optax.adam(1e-3)
    graph, params, rest = nnx.split(network, nnx.Param, ...)

    def loss(params: Any, rest: Any, x: Any, y: Any) -> tuple[Any, Any]:
        whole = nnx.merge(graph, params, rest, copy=True)
        logits = whole(x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), nnx.split(whole, nnx.Param, ...)[2]

    def step(state: Any, x: Any, y: Any) -> tuple[Any, Any]:
        params, slots, rest = state
        (value, rest), changes = jax.value_and_grad(loss, has_aux=True)(params, rest, x, y)
        updates, slots = transformation.update(changes, slots, params)
        return (optax.apply_updates(params, updates), slots, rest), value

    def start() -> Any:
        return jax.tree.map(jnp.copy, (params, transformation.init(params), rest))

    return Program(jax.jit(step, donate_argnums=0), start)


def equinox(model: Model) -> Program | None:
    """The step of the model in Equinox, its arrays split from the rest once, off the clock."""
    import equinox as eqx

    network = model.equinox()
    if network is None:
        return None
    transformation = optax.adam(1e-3)
    params, rest = eqx.partition(network, eqx.is_inexact_array)

    def loss(params: Any, x: Any, y: Any) -> Any:
        logits = jax.vmap(eqx.combine(params, rest))(x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    def step(state: Any, x: Any, y: Any) -> tuple[Any, Any]:
        params, slots = state
        value, changes = jax.value_and_grad(loss)(params, x, y)
        updates, slots = transformation.update(changes, slots, params)
        return (optax.apply_updates(params, updates), slots), value

    return Program(
        jax.jit(step, donate_argnums=0), lambda: jax.tree.map(jnp.copy, (params, transformation.init(params)))
    )
