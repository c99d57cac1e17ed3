"""Losses: values and changes against formulas and other libraries, in double precision."""

from __future__ import annotations

from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import sklearn.metrics
from helpers import close, difference, read_back, refused

import lenses
from lenses import Index, LensError, Real, SpaceError, compile, dense, learner, sgd
from lenses.learner.losses import LOSSES


def softmax(y):
    e = np.exp(y - y.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(y):
    return 1 / (1 + np.exp(-y))


LABELS = {
    "softmax_cross_entropy": lambda rng, shape: rng.dirichlet(np.ones(shape[-1]), shape[:-1]),
    "binary_cross_entropy": lambda rng, shape: rng.uniform(size=shape),
    "hinge": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
}

CHANGES = {
    "squared": lambda y, t: (y - t, t - y),
    "quartic": lambda y, t: ((y - t) ** 3, (t - y) ** 3),
    "log_cosh": lambda y, t: (np.tanh(y - t), np.tanh(t - y)),
    "absolute_error": lambda y, t: (np.sign(y - t), np.sign(t - y)),
    "softmax_cross_entropy": lambda y, t: (softmax(y) * t.sum(-1, keepdims=True) - t, -np.log(softmax(y))),
    "binary_cross_entropy": lambda y, t: (sigmoid(y) - t, -y),
    "dot_product": lambda y, t: (-t, -y),
    "hinge": lambda y, t: (-t * (y * t < 1), -y * (y * t < 1)),
}


def test_all_are_here():
    assert set(CHANGES) == set(LOSSES) and all(hasattr(lenses, n) for n in LOSSES)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_changes(name, x64):
    """The change of the prediction and of the label, against the formula and finite differences."""
    rng = np.random.default_rng(0)
    shape = (6, 4)
    y, t = (
        jnp.asarray(rng.normal(size=shape)),
        jnp.asarray(LABELS.get(name, lambda rng, s: rng.normal(size=s))(rng, shape)),
    )
    space = Real(4, dtype="float64")
    net = compile(getattr(lenses, name), space @ space)
    _losses, pullback = net.vjp({}, y, t)
    weights = jnp.asarray(rng.normal(size=6))
    dy, dt = pullback(weights)[1]
    want = CHANGES[name](np.asarray(y), np.asarray(t))
    close([dy, dt], [np.asarray(weights)[:, None] * w for w in want], 1e-9, 1e-12)
    direction = jnp.asarray(rng.normal(size=shape)), jnp.asarray(rng.normal(size=shape))
    slope = difference(lambda at: net({}, *at), (y, t), direction, 1e-5)
    close((dy * direction[0] + dt * direction[1]).sum(-1), weights * slope, 1e-6, 1e-8)


def test_against_other_libraries(x64):
    rng = np.random.default_rng(1)
    y, labels = rng.normal(size=(50, 4)), rng.integers(0, 4, 50)
    space = Real(4, dtype="float64")
    losses = compile(lenses.softmax_cross_entropy, space @ Index(below=4))({}, y, labels)
    close(losses.mean(), sklearn.metrics.log_loss(labels, softmax(y)), 1e-10)
    close(losses, optax.softmax_cross_entropy_with_integer_labels(jnp.asarray(y), jnp.asarray(labels)), 1e-10)
    close(compile(lenses.softmax_cross_entropy, space @ space)({}, y, np.eye(4)[labels]), losses, 1e-10)
    close(compile(lenses.squared, space @ space)({}, y, y[::-1]), optax.l2_loss(y, y[::-1]).sum(-1), 1e-10)
    close(compile(lenses.log_cosh, space @ space)({}, y, y[::-1]), optax.log_cosh(y, y[::-1]).sum(-1), 1e-10)
    close(compile(lenses.quartic, space @ space)({}, y, y[::-1]), (optax.l2_loss(y, y[::-1]) ** 2).sum(-1), 1e-10)
    bits = rng.integers(0, 2, (50, 4)) * 1.0
    close(
        compile(lenses.binary_cross_entropy, space @ space)({}, y, bits),
        optax.sigmoid_binary_cross_entropy(jnp.asarray(y), bits).sum(-1),
        1e-10,
    )
    signs = 2 * bits - 1
    close(
        compile(lenses.hinge, space @ space)({}, y, signs).sum() / y.size,
        sklearn.metrics.hinge_loss(signs.ravel(), y.ravel()),
        1e-10,
    )


def test_changes_for_index_labels():
    net = compile(lenses.softmax_cross_entropy, Real(3) @ Index(below=3))
    y, t = jnp.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]), jnp.array([2, 0])
    _, pullback = net.vjp({}, y, t)
    dy, dt = pullback(jnp.ones(2))[1]
    close(dy, softmax(np.asarray(y)) - np.eye(3)[[2, 0]], 1e-6)
    assert dt is None


def test_extreme_logits_stay_numbers():
    y = jnp.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]])
    for term, t in (
        (lenses.softmax_cross_entropy, jnp.array([1, 1])),
        (lenses.softmax_cross_entropy, jnp.eye(3)[:2]),
        (lenses.binary_cross_entropy, jnp.array([[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]])),
    ):
        space = Real(3) @ (Index(below=3) if t.ndim == 1 else Real(3))
        value, pullback = compile(term, space).vjp({}, y, t)
        assert jnp.isfinite(value).all() and jnp.isfinite(jax.tree.leaves(pullback(jnp.ones(2)))[0]).all()


def test_changes_where_the_formulas_have_corners():
    """At logit 0, at the label, and at the margin: no corner of a formula shows where the loss has none."""
    y, t = jnp.zeros(3), jnp.array([0.0, 0.25, 1.0])
    space = Real(3) @ Real(3)
    for loss, at, expected in (
        (lenses.binary_cross_entropy, (y, t), 0.5 - t),
        (lenses.absolute_error, (t, t), y),
        (lenses.hinge, (jnp.array([1.0, -1.0, 1.0]), jnp.array([1.0, -1.0, 1.0])), y),
    ):
        close(compile(loss, space).vjp({}, *at)[1](jnp.ones(()))[1][0], expected, 0.0, 0.0)


def test_leading_axes_are_examples():
    net = compile(lenses.softmax_cross_entropy, Real(5, 3) @ Index(5, below=3))
    y = np.random.default_rng(0).normal(size=(2, 5, 3))
    t = np.arange(10).reshape(2, 5) % 3
    assert net.cod == Real(5)
    close(net({}, y, t), -np.take_along_axis(np.log(softmax(y)), t[..., None], -1)[..., 0])


def test_text_and_errors():
    for name in LOSSES:
        assert repr(getattr(lenses, name)) == name and read_back(getattr(lenses, name)) == getattr(lenses, name)
    refused(
        SpaceError,
        lambda: lenses.squared.at(Real(3), Real(4)),
        "squared",
        "input 1",
        "labels: Real\\(3\\)",
        "Real\\(4\\)",
    )
    refused(
        SpaceError,
        lambda: lenses.softmax_cross_entropy.at(Real(3), Index(below=4)),
        "input 1",
        "Index\\(below=3\\)",
        "Index\\(below=4\\)",
    )
    refused(SpaceError, lambda: lenses.squared.at(Real(), Real()), "squared", "input 0", "at least 1 axis")
    refused(
        LensError,
        lambda: learner(dense(2), Real(3), loss=cast(Any, lambda y, t: y), optimiser=sgd(0.1)),
        "loss=",
        "softmax_cross_entropy",
    )
    refused(
        LensError,
        lambda: learner(dense(2) @ dense(2), Real(3) @ Real(3), loss=lenses.squared, optimiser=sgd(0.1)),
        "one output",
        "2 outputs",
    )
