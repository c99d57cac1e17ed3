"""A rate is a lens L -> 1 that ends a learner: it takes the losses and says how much each of them counts.

Its get is to the unit, so its put is a choice of change for every loss: the mean over all examples,
times a number, or times what a schedule says at this step. It publishes the mean loss to the pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...interpret import Env, Side, backward, forward
from ...learner.rates import Rate, Schedule
from ...rules.rule import backprop
from ...spaces import Real, Space
from ...trees import leaves, nest
from ...typed import Typed, elaborate
from ..law import law, structure
from ..programs import Agree, Inspect

RATE = structure("rate", "a lens L -> 1 that says what each loss counts for", subject=lambda: Rate)
SOURCE = "Cruttwell et al. 2021, section 3.3"

LOSSES: Sequence[tuple[Space, tuple[int, ...]]] = (
    (Real(dtype="float64"), ()),
    (Real(dtype="float64"), (5,)),
    (Real(3, dtype="float64"), (2, 4, 3)),
)
"""Spaces of losses, with the shapes of arrays of them: one, a batch, and a batch of rows."""
STEPS = (0, 1, 7)
"""Numbers of steps at which a schedule is tried."""


def put(rate: Rate, space: Space, losses: Any, steps: Any = 0) -> tuple[Any, Any, Any]:
    """What a rate sends back after so many steps, its new states, and the loss that it publishes."""
    circuit = elaborate(rate, space, backprop.ports)
    paths = [path for path, _ in leaves(circuit.states)]
    side = Side({}, nest(paths, [jnp.asarray(steps, jnp.int32)] * len(paths)))
    env = Env(backprop)
    _, states, tape = forward(circuit, side, [losses], env)
    _, (back,) = backward(circuit, side, tape, [], env)
    return back, states, env.after["loss"]


def agree(left: Any, right: Any, shape: tuple[int, ...]) -> Agree:
    """The claim that two functions of an array of losses agree."""
    return Agree(left, right, lambda rng: (rng.normal(size=shape),))


@law(RATE, "closed", "a rate ends in the unit", SOURCE, 14, needs="rate")
def closed(rate: Rate) -> Inspect:
    def finds(rng: np.random.Generator) -> str | None:
        wide = [space for space, _ in LOSSES if len(Typed(rate, space).cod)]
        return f"it gives wires at {wide[0]!r}" if wide else None

    return Inspect(finds)


@law(RATE, "constant", "put(l) = rate / n for each of n losses", SOURCE, 14, needs="rate")
def constant(rate: Rate) -> list[Agree] | str:
    number: Any = rate.rate
    if callable(number):
        return "the rate is scheduled"
    return [
        agree(
            lambda x, space=space: put(rate, space, x)[0],
            lambda x: jnp.ones_like(x) * number / np.prod(x.shape),
            shape,
        )
        for space, shape in LOSSES
    ]


@law(RATE, "scheduled", "put(l) = schedule(k) / n for each of n losses, after k steps", SOURCE, 14, needs="rate")
def scheduled(rate: Rate) -> list[Agree] | str:
    if not callable(rate.rate):
        return "the rate is constant"
    schedule: Schedule = rate.rate
    return [
        agree(
            lambda x, space=space, k=k: put(rate, space, x, k)[0],
            lambda x, k=k: jnp.ones_like(x) * jnp.asarray(schedule(jnp.asarray(k, jnp.int32)), x.dtype) / x.size,
            shape,
        )
        for space, shape in LOSSES
        for k in STEPS
    ]


@law(RATE, "count of steps", "a schedule's state is the number of steps, k -> k + 1; a constant rate has none",
     SOURCE, 14, needs="rate")  # fmt: skip
def count(rate: Rate) -> Inspect:
    def finds(rng: np.random.Generator) -> str | None:
        space, shape = LOSSES[1]
        for k in STEPS:
            found = jax.tree.leaves(put(rate, space, jnp.ones(shape), k)[1])
            expected = [k + 1] if callable(rate.rate) else []
            if [int(x) for x in found] != expected:
                return f"after {k} steps and one more its state is {found}, not {expected}"
            if any(x.dtype != jnp.int32 for x in found):
                return f"its count is of {found[0].dtype}, not of int32"
        return None

    return Inspect(finds)


@law(RATE, "mean loss", "the mean of the losses is published to the pass, whatever the rate", SOURCE, 14, needs="rate")
def mean_loss(rate: Rate) -> list[Agree]:
    return [agree(lambda x, space=space: put(rate, space, x)[2], jnp.mean, shape) for space, shape in LOSSES]


@law(RATE, "sum of losses", "put(l) = rate for each loss, so that a batch counts as its sum", SOURCE, 14, holds=False,
     needs="rate")  # fmt: skip
def sum_of_losses(rate: Rate) -> Agree | str:
    number: Any = rate.rate
    if callable(number) or number == 0:
        return "the rate is scheduled, or 0"
    space, shape = LOSSES[1]
    return agree(lambda x: put(rate, space, x)[0], lambda x: jnp.ones_like(x) * number, shape)
