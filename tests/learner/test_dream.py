"""Dreaming: the closed lens with the optimiser on the input."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from helpers import close, refused, same

from lenses import (
    Index,
    LensError,
    ParameterError,
    Real,
    adam,
    batch_norm,
    compile,
    dense,
    dream,
    dropout,
    embedding,
    learner,
    multiply,
    sgd,
    softmax_cross_entropy,
    squared,
    tanh,
)

MODEL = dense(8) >> tanh >> dense(3)
PARAMS = compile(MODEL, Real(5)).init(jax.random.key(0))


def loss_by_hand(x, y):
    h = jnp.tanh(x @ PARAMS["dense_0"]["weight"] + PARAMS["dense_0"]["bias"])
    return optax.softmax_cross_entropy_with_integer_labels(
        h @ PARAMS["dense_1"]["weight"] + PARAMS["dense_1"]["bias"], y
    )


def test_dreaming_is_descent_on_the_input():
    dreamer = dream(MODEL, Real(5), params=PARAMS, loss=softmax_cross_entropy, optimiser=sgd(0.1))
    start = jnp.arange(5.0) / 5
    state, losses = dreamer.run(dreamer.init(start=start), 2, 30)
    x, expected = start, []
    for _ in range(30):
        value, g = jax.value_and_grad(loss_by_hand)(x, 2)
        expected.append(float(value))
        x = x - 0.1 * g
    close(state.input, x, 1e-5, 1e-6)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_the_loss_falls_and_the_parameters_stay():
    before = jax.tree.map(jnp.copy, PARAMS)
    dreamer = dream(MODEL, Real(5), params=PARAMS, loss=softmax_cross_entropy, optimiser=adam(0.1))
    state, losses = dreamer.run(dreamer.init(jax.random.key(1)), 0, 200)
    assert losses[-1] < 0.5 * losses[0]
    assert int(compile(MODEL, Real(5))(PARAMS, state.input).argmax()) == 0
    same(PARAMS, before)
    assert dreamer.params is PARAMS and len(dreamer.lens.cod) == 0 and "adam" in repr(dreamer.lens)
    one, loss = dreamer.step(dreamer.init(jax.random.key(1)), 0)
    close(loss, losses[0], 1e-6)
    assert one.input.shape == (5,)


def test_several_inputs_and_dropout():
    model = multiply >> dropout(0.5) >> dense(2)
    params = compile(model, Real(3) @ Real(3)).init(jax.random.key(0))
    dreamer = dream(model, Real(3) @ Real(3), params=params, loss=squared, optimiser=adam(0.1))
    state, losses = dreamer.run(dreamer.init(jax.random.key(0), scale=1.0), jnp.array([1.0, -1.0]), 200)
    assert losses[-1] < 1e-2 and len(state.input) == 2


def test_running_statistics_are_those_of_training():
    """A model with batch normalisation dreams with the statistics it was trained with."""
    model = batch_norm(momentum=0.0) >> dense(2)
    fit = learner(model, Real(3), loss=squared, optimiser=sgd(0.0))
    x = np.random.default_rng(0).normal(size=(50, 3)).astype("float32") * 4 + 5
    state, _ = fit.step(fit.init(jax.random.key(0)), x, np.zeros((50, 2), "float32"))
    options = {"params": state.params, "loss": squared, "optimiser": sgd(0.1)}
    dreamer = dream(model, Real(3), states=state.states, **options)
    _, loss = dreamer.step(dreamer.init(start=x[0]), jnp.zeros(2))
    hidden = (x[0] - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)
    close(loss, 0.5 * ((hidden @ np.asarray(state.params["dense_0"]["weight"])) ** 2).sum(), 1e-4, 1e-5)
    refused(LensError, lambda: dream(model, Real(3), **options).init(), "has states", "states=")
    own = state.states["model_0"]  # those of the model alone, without its lens
    _, again = dream(model, Real(3), states=own, **options).step(dreamer.init(start=x[0]), jnp.zeros(2))
    close(again, loss)
    for wrong in ({"model_0": {}}, {"other": {"mean": jnp.zeros(3)}}):
        refused(ParameterError, lambda wrong=wrong: dream(model, Real(3), states=wrong, **options).init(), "states")


def test_errors():
    refused(
        LensError,
        lambda: dream(embedding(3) >> dense(2), Index(below=5), params={}, loss=squared, optimiser=sgd(0.1)),
        "input 0 cannot change",
        "Index\\(below=5\\)",
        "embedding",
    )
    refused(
        ParameterError,
        lambda: dream(MODEL, Real(5), params={"dense_0": PARAMS["dense_0"]}, loss=squared, optimiser=sgd(0.1)),
        "dense_1",
    )
    dreamer = dream(MODEL, Real(5), params=PARAMS, loss=softmax_cross_entropy, optimiser=sgd(0.1))
    refused(LensError, lambda: dreamer.init(start=jnp.ones(4)), "Real\\(5\\)", "\\(4,\\)")
    refused(LensError, lambda: dreamer.run(dreamer.init(), 7, 3), "7", "0 to 2")
    refused(LensError, lambda: dreamer.run(dreamer.init(), jnp.ones(4), 3), "label", "\\(4,\\)")
