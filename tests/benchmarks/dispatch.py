"""Python's own cost of a step: calling the jitted step of a chain of layers so small that little else is left.

With Adam, 3 layers have 19 arrays in the state (6 parameters, their two moments, the count), 50
layers 301.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import optax

import lenses
from lenses import Real, compose, dense

from . import programs
from .measure import Figure, Options, interleave
from .models.model import PLAIN, Model, Spelling

TITLE = "dispatch of a step"

WIDTH = 4


def chain(layers: int) -> Model:
    """A chain of small affine layers."""

    def hand(s: Spelling, params: Any, states: Any, x: Any) -> tuple[Any, Any]:
        for i in range(layers):
            x = s.dense(params[f"dense_{i}"], x)
        return x, states

    def flax() -> Any:
        from flax import nnx

        rngs = nnx.Rngs(0)
        return nnx.Sequential(*[nnx.Linear(WIDTH, WIDTH, rngs=rngs) for _ in range(layers)])

    def equinox() -> Any:
        import equinox as eqx

        keys = jax.random.split(jax.random.key(0), layers)
        return eqx.nn.Sequential([eqx.nn.Linear(WIDTH, WIDTH, key=k) for k in keys])

    return Model(f"chain-{layers}", compose(*[dense(WIDTH)] * layers), Real(WIDTH), 2, WIDTH, hand, flax, equinox)


def stepping(step: Any, state: Any, x: Any, y: Any) -> Callable[[], Any]:
    """One step on, waited for; the state is kept between calls."""

    def go() -> None:
        nonlocal state
        state, loss = step(state, x, y)
        loss.block_until_ready()

    go()
    return go


def flax_step(model: Model, x: Any, y: Any) -> Callable[[], Any]:
    """The step as Flax's guide writes it: `nnx.jit` over a module and an optimiser."""
    from flax import nnx

    network = model.flax()
    optimiser = nnx.Optimizer(network, optax.adam(1e-3), wrt=nnx.Param)

    @nnx.jit
    def step(network: Any, optimiser: Any, x: Any, y: Any) -> Any:
        def loss(network: Any) -> Any:
            return optax.softmax_cross_entropy_with_integer_labels(network(x), y).mean()

        value, changes = nnx.value_and_grad(loss)(network)
        optimiser.update(network, changes)
        return value

    def go() -> None:
        step(network, optimiser, x, y).block_until_ready()

    go()
    return go


def equinox_step(model: Model, x: Any, y: Any) -> Callable[[], Any]:
    """The step as Equinox's guide writes it: `eqx.filter_jit` over a module and a state."""
    import equinox as eqx

    network = model.equinox()
    transformation = optax.adam(1e-3)
    slots = transformation.init(eqx.filter(network, eqx.is_inexact_array))

    @eqx.filter_jit(donate="all-except-first")
    def step(data: Any, network: Any, slots: Any) -> Any:
        x, y = data

        def loss(network: Any) -> Any:
            return optax.softmax_cross_entropy_with_integer_labels(jax.vmap(network)(x), y).mean()

        value, changes = eqx.filter_value_and_grad(loss)(network)
        updates, slots = transformation.update(changes, slots)
        return eqx.apply_updates(network, updates), slots, value

    def go() -> None:
        nonlocal network, slots
        network, slots, value = step((x, y), network, slots)
        value.block_until_ready()

    go()
    return go


def measure(options: Options) -> list[Figure]:
    """A call of the step, ours beside the others'."""
    figures = []
    for layers in (3, 50):
        model = chain(layers)
        x, y = model.data()
        learnt = programs.ours(model, lenses.adam(1e-3))
        plain = programs.hand(model, spelling=PLAIN)
        calls = {
            "ours": stepping(learnt.step, learnt.start(), x, y),
            "plain JAX": stepping(plain.step, plain.start(), x, y),
        }
        notes = []
        for name, make in (("equinox", equinox_step), ("flax", flax_step)):
            if programs.installed(name):
                calls[f"{name} as in its guide"] = make(model, x, y)
            else:
                notes.append(f"{name}: not installed")
        timing = interleave(calls, options.times(31, 9), options.times(100, 30))
        ratio = timing.ratio("ours", "plain JAX")
        others = {name: timing.median(name) for name in calls if name != "ours"}
        for name in list(others)[1:]:
            notes.append(f"{name}: {timing.ratio(name, 'plain JAX'):.2f} times plain JAX")
        arrays = len(jax.tree.leaves(learnt.start()))
        figures.append(
            Figure(
                f"{arrays} arrays",
                timing.median("ours"),
                others,
                "s",
                ratio,
                "at most 1.1",
                not timing.beyond("ours", "plain JAX", 1.1),
                notes,
            )
        )
    return figures
