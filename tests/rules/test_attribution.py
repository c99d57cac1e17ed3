"""Relevance, guided backprop and the straight-through estimator, by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import close, refused, sample

from lenses import (
    LensError,
    Real,
    add,
    block,
    compile,
    conv,
    copy,
    dense,
    discard,
    flatten,
    identity,
    linear,
    max_pool,
    mean_pool,
    multiply,
    relu,
    scale,
    select,
    step,
    tanh,
)
from lenses.rules import backprop, guided, lrp, straight_through

X, R = np.random.default_rng(0).normal(size=(8, 5)), np.random.default_rng(1).normal(size=(8, 3))


def space(*sizes):
    return Real(*sizes, dtype="float64")


def back(term, rule, message, x=X, dom=None):
    net = compile(term, dom or space(5), rule=rule)
    params = jax.tree.map(lambda p: p + 0.1, net.init(jax.random.key(0)))
    _, pullback = net.vjp(params, x)
    return params, *pullback(message)


def test_relevance_by_hand(x64):
    epsilon = 0.01
    params, changes, relevance = back(dense(7) >> relu >> dense(3), lrp(epsilon), R)
    (w0, b0), (w1, b1) = ((params[f"dense_{i}"]["weight"], params[f"dense_{i}"]["bias"]) for i in (0, 1))
    z0 = X @ w0 + b0
    a = np.maximum(z0, 0)
    z1 = a @ w1 + b1

    def share(r, z):
        return r / (z + epsilon * np.where(z < 0, -1, 1))

    hidden = a * (share(R, z1) @ w1.T)
    close(relevance, X * (share(hidden, z0) @ w0.T), 1e-12, 1e-12)
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(changes))


MODELS = {
    "perceptron": linear(7) >> relu >> linear(3),
    "residual": linear(5) >> copy >> (identity @ (linear(5) >> tanh)) >> add >> linear(3),
    "a module used twice": copy(3) >> (linear(4) @ linear(4) @ linear(4)) >> add(3) >> scale(2.0) >> relu >> linear(3),
    "a discarded branch": copy >> (linear(3) @ (linear(4) >> discard)),
    "one entry of an axis": linear(row=2, d=4) >> relu >> select(1, "row") >> linear(3),
    "a block repeated": block("b", linear(5) >> relu) ** 3 >> linear(3),
}


@pytest.mark.parametrize("name", MODELS)
def test_relevance_is_conserved(name, x64):
    """Without biases what the inputs get sums to what the outputs had, residual sums included."""
    term = MODELS[name]
    net = compile(term, space(5))
    start = R * (np.abs(net(jax.tree.map(lambda p: p + 0.1, net.init(jax.random.key(0))), X)) > 1e-6)
    _, _, relevance = back(term, lrp(1e-12), start)
    close(relevance.sum(-1), start.sum(-1), 1e-5, 1e-6)


def test_relevance_of_images(x64):
    dom = space(4, 4, 1)
    (x,) = sample(dom, 3, (8,))
    for pool in (max_pool(), mean_pool()):
        term = conv(4, bias=False) >> relu >> pool >> flatten >> linear(3)
        _, _, relevance = back(term, lrp(1e-12), R, x, dom)
        close(relevance.sum((1, 2, 3)), R.sum(-1), 1e-5, 1e-6)


def test_relevance_refuses_what_it_does_not_know(x64):
    refused(LensError, lambda: back(copy >> multiply >> dense(3), lrp(), R), "no clause", "multiply")
    refused(LensError, lambda: lrp(0), "epsilon=0", "above 0")


def test_guided_by_hand(x64):
    params, changes, dx = back(dense(7) >> relu >> dense(3), guided(), R)
    w0, w1 = params["dense_0"]["weight"], params["dense_1"]["weight"]
    z0 = X @ w0 + params["dense_0"]["bias"]
    d = np.maximum(R @ w1.T, 0) * (z0 > 0)
    close(dx, d @ w0.T, 1e-12, 1e-12)
    close(changes["dense_0"]["weight"], X.T @ d, 1e-12, 1e-12)


def test_copy_is_not_natural_for_guided(x64):
    """relu >> copy and copy >> relu @ relu mean the same forward, and backward under backprop alone."""
    messages = (jnp.array([1.0, 1.0]), jnp.array([-3.0, 2.0]))
    x = jnp.array([1.0, 1.0])
    for rule, natural in ((backprop, True), (guided(), False)):
        both = [
            compile(term, space(2), rule=rule).vjp({}, x)[1](*messages)[1]
            for term in (relu >> copy, copy >> relu @ relu)
        ]
        assert bool(jnp.allclose(*both)) == natural == rule.additive


def test_straight_through_by_hand(x64):
    params, changes, dx = back(dense(7) >> step >> dense(3), straight_through(), R)
    w0, w1 = params["dense_0"]["weight"], params["dense_1"]["weight"]
    z0 = X @ w0 + params["dense_0"]["bias"]
    d = (R @ w1.T) * (np.abs(z0) <= 1)
    close(dx, d @ w0.T, 1e-12, 1e-12)
    close(changes["dense_0"]["weight"], X.T @ d, 1e-12, 1e-12)
    _, plain, _ = back(dense(7) >> step >> dense(3), backprop, R)
    assert not np.any(plain["dense_0"]["weight"])
