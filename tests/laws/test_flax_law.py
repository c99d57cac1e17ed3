"""The papers' worked example: a convolutional network on images of 28 x 28, step by step as in Flax and optax."""

from __future__ import annotations

import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

from lenses import (
    Real,
    adam,
    compile,
    conv,
    dense,
    dropout,
    flatten,
    gelu,
    laws,
    learner,
    max_pool,
    momentum,
    multiply,
    nesterov,
    relu,
    scale,
    sgd,
    sigmoid,
    softmax_cross_entropy,
    squared,
)
from lenses.laws.structures.frameworks import SameSteps, same_steps

PAPER = (
    conv(3, (3, 3), padding="VALID", bias=False) >> relu >> max_pool()
    >> conv(5, (4, 4), padding="VALID", bias=False) >> relu >> max_pool()
    >> flatten >> dense(10) >> sigmoid
)  # fmt: skip
"""The network of the papers' code: two correlations without bias, and a dense layer of 125 inputs."""
PIXELS, LABELS = load_digits(return_X_y=True)


def images(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Digits enlarged to 28 x 28 as float64, and their classes as vectors."""
    small = (PIXELS[:number] / 16).reshape(-1, 8, 8, 1)
    large = jax.image.resize(jnp.asarray(small, "float64"), (number, 28, 28, 1), "bilinear")
    return np.asarray(large), np.eye(10)[LABELS[:number]]


def test_one_hundred_steps_of_the_papers_network_are_those_of_flax(x64):
    fit = learner(PAPER, Real(28, 28, 1), loss=squared, optimiser=sgd(0.01))
    claim = same_steps(fit, steps=100, batch=1)
    assert isinstance(claim, SameSteps)
    x, y = images(100)
    params = compile(claim.here.fit.model).init(jax.random.key(0))
    assert params["dense_0"]["weight"].shape == (125, 10) and params["conv_1"]["weight"].shape == (4, 4, 3, 5)
    rows = [(x[i : i + 1], y[i : i + 1]) for i in range(100)]
    assert claim.compared(params, rows).outcome == "holds"
    ours, theirs = claim.ours(params, rows), claim.trajectory(params, rows)
    apart = jax.tree.map(lambda a, b: float(abs(a - b).max()), ours, theirs)
    gone = jax.tree.map(lambda a, b: float(abs(a - b).max()), ours, params)
    assert max(jax.tree.leaves(apart)) <= 1e-12 and min(jax.tree.leaves(gone)) > 1e-3


LEARNERS = {
    "convolution": learner(
        conv(2, (3, 3), stride=2) >> gelu >> max_pool() >> flatten >> dense(3),
        Real(8, 8, 1), loss=softmax_cross_entropy, optimiser=adam(0.01),
    ),
    "ahead": learner(dense(4) >> sigmoid >> dense(2), Real(3), loss=squared, optimiser=nesterov(0.1)),
}  # fmt: skip


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_are_as_in_flax(name):
    report = laws.check(LEARNERS[name], law="as in Flax", progress=False)
    assert report["as in Flax"].outcome == "holds", str(report)


def test_a_difference_is_seen():
    wrong = LEARNERS["ahead"]
    claim = same_steps(wrong)
    assert isinstance(claim, SameSteps)
    with jax.enable_x64(True):
        other = replace(claim, way=same_steps(learner(wrong.model, loss=squared, optimiser=momentum(0.1))).way)  # type: ignore[union-attr]
        assert "parts within 10 steps" in other.verdict().because
        assert replace(claim, network=lambda p, x: claim.network(p, x) * (1 + 1e-6)).verdict().outcome == "fails"


def test_what_flax_does_not_have_is_said(monkeypatch):
    for term, space, words in [
        (scale(2.0) >> dense(2), Real(3), "frameworks.py"),
        (multiply >> dense(2), Real(3) @ Real(3), "no chain"),
        (dense(2) >> dropout(0.5), Real(3), "frameworks.py"),
    ]:
        assert words in str(same_steps(learner(term, space, loss=squared, optimiser=sgd(0.1))))
    monkeypatch.setitem(sys.modules, "flax", None)
    assert same_steps(LEARNERS["ahead"]) == "Flax is not installed"
