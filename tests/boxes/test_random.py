"""Dropout: what it draws, how often, and that keys belong to occurrences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import close, read_back, refused

from lenses import Index, LensError, Real, SpaceError, compile, copy, dropout, inference, relu, tied


def masked(term, shape, seed=0, space=None):
    x = jnp.ones(shape)
    return compile(term, space or Real(*shape[1:]))({}, x, key=jax.random.key(seed)), x


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_the_rate_and_the_mean(rate):
    y, _ = masked(dropout(rate), (200, 100))
    zero = float((y == 0).mean())
    assert abs(zero - rate) < 5 * np.sqrt(max(rate * (1 - rate), 1e-9) / y.size) + 1e-9
    kept = np.asarray(y)[np.asarray(y) != 0]
    np.testing.assert_allclose(kept, 1 / (1 - rate), rtol=1e-6)


def test_the_change_has_the_same_mask():
    net = compile(dropout(0.4), Real(50))
    x = jnp.full((7, 50), 3.0)
    y, pullback = net.vjp({}, x, key=jax.random.key(3))
    close(y, net({}, x, key=jax.random.key(3)))
    close(pullback(jnp.ones_like(x))[1], y / 3.0)


def test_one_key_draws_once_and_two_occurrences_draw_apart():
    term = copy >> (dropout(0.5) @ dropout(0.5))
    (a, b), _ = masked(term, (1, 400))
    assert not (a == b).all()
    (c, d), _ = masked(term, (1, 400))
    close((a, b), (c, d), 0, 0)
    other, _ = masked(term, (1, 400), seed=1)
    assert not (a == other[0]).all()


def test_repeats_and_ties_draw_apart():
    deep, _ = masked(dropout(0.5) ** 8, (1, 4000))
    assert abs(float((deep != 0).mean()) - 0.5**8) < 0.01  # one mask used eight times would keep half
    shared = tied("d", dropout(0.5))
    twice, _ = masked(shared >> shared, (1, 4000))
    assert abs(float((twice != 0).mean()) - 0.25) < 0.05


def test_examples_of_a_batch_draw_apart():
    y, _ = masked(dropout(0.5), (2, 400))
    assert not (y[0] == y[1]).all()


def test_inference_and_errors():
    assert inference(dropout(0.3) >> relu) == relu
    refused(
        LensError,
        lambda: compile(dropout(0.3), Real(3))({}, jnp.ones(3)),
        "draws random numbers",
        "dropout\\(0.3\\)",
        "key=",
        "inference",
    )
    for rate in (-0.1, 1.0, 1.5):
        refused(LensError, lambda rate=rate: dropout(rate), "dropout", "from 0 to 1")
    refused(SpaceError, lambda: dropout(0.3).at(Index(3, below=4)), "dropout", "real numbers")
    assert read_back(dropout(0.25)) == dropout(0.25)
