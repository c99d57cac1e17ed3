"""Optimisers as lenses, against optax: 1000 steps in double precision; and the step against one written by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import close, refused

import lenses
from lenses import LensError, Real, dense, learner, linear, squared, tanh

schedule = optax.exponential_decay(0.05, 100, 0.7)

PAIRS = {
    "sgd": (lenses.sgd(0.05), optax.sgd(0.05)),
    "sgd, scheduled": (lenses.sgd(schedule), optax.sgd(schedule)),
    "momentum": (lenses.momentum(0.02, 0.8), optax.sgd(0.02, momentum=0.8)),
    "momentum, scheduled": (lenses.momentum(schedule), optax.sgd(schedule, momentum=0.9)),
    "adagrad": (lenses.adagrad(0.1), optax.adagrad(0.1)),
    "adagrad, own numbers": (lenses.adagrad(0.1, 0.3, 1e-5), optax.adagrad(0.1, 0.3, 1e-5)),
    "rmsprop": (lenses.rmsprop(0.01), optax.rmsprop(0.01)),
    "rmsprop, own numbers": (lenses.rmsprop(0.01, 0.7, 1e-4), optax.rmsprop(0.01, 0.7, 1e-4)),
    "adam": (lenses.adam(0.01), optax.adam(0.01)),
    "adam, own numbers": (lenses.adam(0.01, 0.8, 0.99, 1e-6), optax.adam(0.01, 0.8, 0.99, 1e-6)),
    "adam, scheduled": (lenses.adam(schedule), optax.adam(schedule)),
    "adamw": (lenses.adamw(0.01, 0.05), optax.adamw(0.01, weight_decay=0.05)),
    "optax": (lenses.optax(optax.lion(0.003)), optax.lion(0.003)),
    "optax chain": (
        lenses.optax(optax.chain(optax.clip_by_global_norm(0.5), optax.adam(schedule))),
        optax.chain(optax.clip_by_global_norm(0.5), optax.adam(schedule)),
    ),
}

STEPS = 1000


def data(dtype):
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.normal(size=(10, 8, 3)), dtype), jnp.asarray(rng.normal(size=(10, 8, 2)), dtype)


def by_hand(p, x, y):
    h = jnp.tanh(x @ p["dense_0"]["weight"] + p["dense_0"]["bias"])
    return (0.5 * ((h @ p["dense_1"]["weight"] + p["dense_1"]["bias"] - y) ** 2).sum(-1)).mean()


def model_of(optimiser, dtype="float64", **options):
    return learner(dense(4) >> tanh >> dense(2), Real(3, dtype=dtype), loss=squared, optimiser=optimiser, **options)


def ours(fit, state, xs, ys, steps):
    return jax.jit(lambda s: jax.lax.scan(lambda s, i: fit.step(s, xs[i % 10], ys[i % 10]), s, jnp.arange(steps)))(
        state
    )


def theirs(tx, params, xs, ys, steps):
    def step(carry, i):
        params, opt = carry
        loss, grads = jax.value_and_grad(by_hand)(params, xs[i % 10], ys[i % 10])
        updates, opt = tx.update(grads, opt, params)
        return (optax.apply_updates(params, updates), opt), loss

    return jax.jit(lambda p: jax.lax.scan(step, (p, tx.init(p)), jnp.arange(steps)))(params)


@pytest.mark.parametrize("name", PAIRS)
def test_a_thousand_steps(name, x64):
    optimiser, tx = PAIRS[name]
    xs, ys = data("float64")
    fit = model_of(optimiser)
    state = fit.init(jax.random.key(0))
    (params, _), expected = theirs(tx, state.params, xs, ys, STEPS)
    state, losses = ours(fit, state, xs, ys, STEPS)
    close(losses, expected, 1e-12, 1e-12)
    close(state.params, params, 1e-12, 1e-12)
    assert losses[-10:].mean() < losses[:10].mean()


@pytest.mark.parametrize("rate", [0.02, schedule], ids=["constant", "scheduled"])
def test_nesterov_at_the_point_it_looks_ahead_to(rate, x64):
    """The parameters of optax's Nesterov are the point ahead of ours, where the model is run."""
    xs, ys = data("float64")
    optimiser = lenses.nesterov(rate, 0.8)
    fit = model_of(optimiser)
    state = fit.init(jax.random.key(0))

    if callable(rate):
        # optax scales the look-ahead by the rate of the step before; written out here instead
        def step(carry, i):
            p, v = carry
            ahead = jax.tree.map(lambda p, v: p - jnp.asarray(rate(i), "float64") * 0.8 * v, p, v)
            loss, g = jax.value_and_grad(by_hand)(ahead, xs[i % 10], ys[i % 10])
            v = jax.tree.map(lambda g, v: g + 0.8 * v, g, v)
            return (jax.tree.map(lambda p, v: p - jnp.asarray(rate(i), "float64") * v, p, v), v), loss

        start = (state.params, jax.tree.map(jnp.zeros_like, state.params))
        (params, _), expected = jax.jit(lambda s: jax.lax.scan(step, s, jnp.arange(STEPS, dtype="int32")))(start)
        state, losses = ours(fit, state, xs, ys, STEPS)
        close(state.params, params, 1e-11, 1e-11)
    else:
        (params, _), expected = theirs(optax.sgd(rate, momentum=0.8, nesterov=True), state.params, xs, ys, STEPS)
        state, losses = ours(fit, state, xs, ys, STEPS)
        close(optimiser.look(state.optimiser, state.params), params, 1e-12, 1e-12)
    close(losses, expected, 1e-11, 1e-12)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "optax chain"])
def test_one_step_in_single_precision(name):
    optimiser, tx = PAIRS[name]
    xs, ys = data("float32")
    fit = model_of(optimiser, "float32")
    state = fit.init(jax.random.key(0))
    (params, opt), losses = theirs(tx, state.params, xs, ys, 1)
    state, loss = fit.step(state, xs[0], ys[0])
    close(loss, losses[0], 1e-6)
    close(state.params, params, 1e-5, 1e-7)
    if name == "optax chain":
        close(state.optimiser, opt, 1e-5, 1e-7)


def test_the_rate_of_the_learner_scales_the_loss(x64):
    xs, ys = data("float64")
    fit = model_of(lenses.sgd(0.05), rate=0.5)
    state = fit.init(jax.random.key(0))
    (params, _), _ = theirs(optax.sgd(0.025), state.params, xs, ys, 20)
    state, _losses = ours(fit, state, xs, ys, 20)
    close(state.params, params, 1e-12, 1e-12)


def test_bfloat16_states_keep_their_type():
    for name, (optimiser, _) in PAIRS.items():
        fit = model_of(optimiser, "bfloat16")
        state = fit.init(jax.random.key(0))
        before = jax.tree.map(lambda v: (v.shape, v.dtype), state)
        xs, ys = data("bfloat16")
        after = jax.tree.map(lambda v: (v.shape, v.dtype), jax.eval_shape(fit._step, state, xs[0], ys[0])[0])
        assert before == after, name


def test_constants_and_trees():
    fit = learner(linear(2), Real(3), loss=squared, optimiser=lenses.sgd(0.1))
    assert fit.init(jax.random.key(0)).optimiser == {}
    assert set(lenses.adam(0.1).init({"a": jnp.ones(2)})) == {"count", "mean", "square"}
    assert repr(lenses.adam(0.1)).startswith("adam(0.1")
    assert lenses.sgd(0.1) == lenses.sgd(0.1) and lenses.sgd(0.1) != lenses.sgd(0.2)


@pytest.mark.parametrize(
    "make", [lenses.sgd, lenses.momentum, lenses.nesterov, lenses.adagrad, lenses.rmsprop, lenses.adam, lenses.adamw]
)
@pytest.mark.parametrize("rate", [-0.1, float("nan"), float("inf"), "0.1", None, True])
def test_rates_that_are_refused(make, rate):
    refused(LensError, lambda: make(rate), make.__name__, "the rate is", "0 or more")


def test_what_is_no_optimiser():
    refused(LensError, lambda: lenses.optax(3), "optax\\(3\\)", "GradientTransformation")
    refused(LensError, lambda: model_of(optax.adam(1e-3), "float32"), "optimiser=", "lenses.optax")
    refused(LensError, lambda: model_of("adam", "float32"), "optimiser='adam'", "adam\\(1e-3\\)")
