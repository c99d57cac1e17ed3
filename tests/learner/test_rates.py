"""Rates: what the mean loss counts for, constant or by schedule."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import close, normal, read_back, refused

from lenses import (
    Index,
    LensError,
    Real,
    SpaceError,
    constant_rate,
    dense,
    learner,
    linear,
    scheduled_rate,
    sgd,
    squared,
)


def moved(rate, steps, size=0.1):
    """The parameters of a linear model after some steps, and the losses."""
    fit = learner(linear(2), Real(3), loss=squared, optimiser=sgd(size), rate=rate)
    state = fit.init(jax.random.key(0))
    x, y = normal(0, 8, 3), normal(1, 8, 2)
    losses = []
    for _ in range(steps):
        state, loss = fit.step(state, x, y)
        losses.append(float(loss))
    return state, losses


def by_hand(rate: Any, steps, size=0.1):
    w = (
        learner(linear(2), Real(3), loss=squared, optimiser=sgd(size))
        .init(jax.random.key(0))
        .params["linear_0"]["weight"]
    )
    x, y = normal(0, 8, 3), normal(1, 8, 2)
    losses = []
    f = lambda w: (0.5 * ((x @ w - y) ** 2).sum(-1)).mean()  # noqa: E731
    for i in range(steps):
        loss, g = jax.value_and_grad(f)(w)
        factor: Any = rate(i) if callable(rate) else rate
        w = w - size * factor * g
        losses.append(float(loss))
    return w, losses


@pytest.mark.parametrize("rate", [1.0, 0.25, constant_rate(0.25), 0.0], ids=repr)
def test_constant_rates(rate):
    number: Any = rate if isinstance(rate, float) else 0.25
    state, losses = moved(rate, 5)
    w, expected = by_hand(number, 5)
    close(state.params["linear_0"]["weight"], w, 1e-5, 1e-6)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert state.states == {}


def test_schedules_count_steps():
    schedule: Any = optax.piecewise_constant_schedule(1.0, {2: 0.1, 4: 0.5})
    for rate in (schedule, scheduled_rate(schedule)):
        state, losses = moved(rate, 6)
        w, expected = by_hand(schedule, 6)
        close(state.params["linear_0"]["weight"], w, 1e-5, 1e-6)
        np.testing.assert_allclose(losses, expected, rtol=1e-5)
        (steps,) = jax.tree.leaves(state.states)
        assert int(steps) == 6 and steps.dtype == jnp.int32


def test_the_mean_is_over_all_examples():
    """The step of a batch is the mean of the steps of its examples, whatever axes they stand in."""
    fit = learner(linear(2), Real(3), loss=squared, optimiser=sgd(0.1))
    x, y = normal(0, 4, 6, 3), normal(1, 4, 6, 2)
    one, a = fit.step(fit.init(jax.random.key(0)), x, y)
    two, b = fit.step(fit.init(jax.random.key(0)), x.reshape(24, 3), y.reshape(24, 2))
    close((one.params, a), (two.params, b), 1e-6, 1e-6)


def test_text_and_errors():
    assert constant_rate(0.5) == constant_rate(0.5) and constant_rate(0.5) != constant_rate(0.25)
    assert read_back(constant_rate(0.5)) == constant_rate(0.5)
    assert read_back(constant_rate()) == constant_rate()
    refused(SpaceError, lambda: constant_rate().at(Index(below=3)), "losses, real numbers")
    wrong: tuple[Any, ...] = ("0.1", None, float("nan"))
    for rate in wrong:
        refused(
            LensError, lambda rate=rate: learner(dense(2), Real(3), loss=squared, optimiser=sgd(0.1), rate=rate), "rate"
        )
