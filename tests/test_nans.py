"""A switch names the first box that made a NaN out of numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import refused

from lenses import (
    DataError,
    Real,
    adam,
    add,
    block,
    compile,
    compose,
    constant,
    copy,
    coupling,
    dense,
    divide,
    exp,
    identity,
    learner,
    log,
    over,
    relu,
    scan,
    sgd,
    shift,
    sqrt,
    square,
    squared,
    subtract,
    tanh,
    tied,
)

BAD = shift(-100.0) >> log


@pytest.mark.parametrize(
    ("term", "space", "patterns"),
    [
        (relu >> BAD >> tanh, Real(3), ["box: +log\n"]),
        (tanh >> sqrt >> log >> exp, Real(3), ["box: +sqrt\n"]),
        (block("outer", relu >> block("inner", BAD)) >> tanh, Real(3), ["box: +log\n", "outer"]),
        (tied("w", relu >> BAD), Real(3), ["box: +log\n"]),
        (shift(-1.0) ** 3 >> (shift(0.4) >> sqrt >> square >> shift(-1.5)) ** 5, Real(3), ["box: +sqrt\n"]),
        (copy >> (identity @ (relu >> BAD)) >> add, Real(3), ["box: +log\n"]),
        (coupling(relu, BAD), Real(3) @ Real(3), ["box: +log\n"]),
        (copy >> subtract >> (copy >> divide), Real(3), ["box: +divide\n"]),
        (over("t", relu >> BAD), Real(t=2, d=3), ["box: +(log|over)"]),
        (constant([0.0]) @ identity >> scan(add >> BAD >> copy, "t"), Real(t=2, d=1), ["box: +(log|scan)"]),
    ],
    ids=lambda v: None,
)
def test_the_first_box_is_named(term, space, patterns):
    net = compile(term, space, check_nans=True)
    params = net.init(jax.random.key(0))
    xs = [-jnp.ones(a.sizes) for a in space]
    message = refused(DataError, lambda: net(params, *xs), "made a NaN out of numbers", *patterns)
    assert "inputs:" in message and "do:" in message


def test_nan_in_inputs_and_parameters():
    net = compile(dense(2) >> relu, Real(3), check_nans=True)
    params = net.init(jax.random.key(0))
    refused(
        DataError,
        lambda: net(params, jnp.array([[1.0, 2.0, 3.0], [1.0, jnp.nan, 3.0]])),
        "NaN in the data: input 0",
        "\\(1, 1\\)",
    )
    broken = {"dense_0": {"weight": params["dense_0"]["weight"], "bias": jnp.array([0.0, jnp.nan])}}
    refused(DataError, lambda: net(broken, jnp.ones(3)), "NaN in a parameter", "dense_0.bias")


def test_without_a_nan_nothing_is_said():
    net = compile(relu >> log, Real(3), check_nans=True)
    assert np.isneginf(np.asarray(net({}, -jnp.ones(3)))).all()
    assert jax.jit(net)({}, jnp.ones(3)).shape == (3,)
    assert jnp.isnan(compile(log, Real(3))({}, -jnp.ones(3))).all()


def test_deep_terms():
    net = compile(compose(*[tanh] * 300, BAD, *[tanh] * 300), Real(2), check_nans=True)
    refused(DataError, lambda: net({}, jnp.ones(2)), "box: +log\n")


def test_training_names_the_box():
    x, y = np.abs(np.random.default_rng(0).normal(size=(8, 3))).astype("float32"), np.ones((8, 2), "float32")
    fit = learner(block("head", shift(-0.5) >> sqrt) >> dense(2), Real(3), loss=squared, optimiser=adam(0.1))
    refused(
        DataError,
        lambda: fit.run(fit.init(jax.random.key(0)), (x, y), epochs=1, batch=8, check_nans=True),
        "box: +sqrt\n",
        "head",
    )
    wild = learner(dense(2), Real(3), loss=squared, optimiser=sgd(1e38))
    refused(
        DataError,
        lambda: wild.run(wild.init(jax.random.key(0)), (x, y * 1e10), epochs=5, batch=8, check_nans=True),
        "NaN",
    )
    good = learner(dense(2), Real(3), loss=squared, optimiser=adam(0.1))
    one, history = good.run(good.init(jax.random.key(0)), (x, y), epochs=2, batch=4, check_nans=True)
    two, other = good.run(good.init(jax.random.key(0)), (x, y), epochs=2, batch=4, progress=False)
    np.testing.assert_allclose(history.loss, other.loss, rtol=1e-5)
    np.testing.assert_allclose(one.params["dense_0"]["weight"], two.params["dense_0"]["weight"], rtol=1e-5, atol=1e-6)


def test_checked_runs_take_every_option():
    """Evaluation and early stopping hold with the switch on, or are refused; they are not dropped in silence."""
    x, y = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")
    fit = learner(dense(2), Real(3), loss=squared, optimiser=adam(0.1))
    try:
        _, history = fit.run(
            fit.init(jax.random.key(0)), (x, y), epochs=3, batch=4, evaluate=(x, y), check_nans=True, progress=False
        )
    except DataError as error:
        assert "check_nans" in str(error)
        return
    assert len(history.evaluated["loss"]) == 3
