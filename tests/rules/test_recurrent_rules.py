"""Truncated backpropagation through time and real-time recurrent learning, beside the gradient that they are to be."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from helpers import close, normal, randomise, refused
from jax import lax

from lenses import (
    Bits,
    LensError,
    Real,
    adam,
    batch_norm,
    compile,
    copy,
    dense,
    elman,
    gru,
    identity,
    learner,
    lstm,
    multiply,
    scan,
    squared,
    tied,
    zero,
)
from lenses.causal import trace
from lenses.circuits import xor
from lenses.rules import backprop, real_time, truncated

STEPS, SIZE = 6, 2
SPACE = Real(time=STEPS, d=SIZE, dtype="float64")
CELLS = {"elman": elman, "lstm": lstm, "gru": gru}


def both(term, rule, space=SPACE, batch=(3,)):
    """(changes under the rule, changes under backprop), parameters and input, at random messages."""
    found = []
    for each in (rule, backprop):
        net = compile(term, space, rule=each)
        params = randomise(net.init(jax.random.key(0)))
        xs = [normal(i, *batch, *a.sizes, dtype="float64") for i, a in enumerate(net.dom)]
        dys = [normal(9 + i, *batch, *a.sizes, dtype="float64") for i, a in enumerate(net.cod)]
        found.append(net.vjp(params, *xs)[1](*dys))
    return found


@pytest.mark.parametrize("name", ["elman", *(pytest.param(n, marks=pytest.mark.slow) for n in ("lstm", "gru"))])
def test_real_time_learning_is_backpropagation_through_time(name, x64):
    mine, theirs = both(CELLS[name](3, dtype="float64").along("time") >> dense(2), real_time())
    close(mine, theirs, 1e-12, 1e-12)


def test_real_time_learning_of_stacked_layers_and_of_layers_around(x64):
    deep = (elman(2, dtype="float64") >> elman(3, dtype="float64")).along("time")
    mine, theirs = both(dense(3) >> deep >> dense(1), real_time(), batch=(2, 2))
    close(mine, theirs, 1e-12, 1e-12)
    mine, theirs = both(elman(2, dtype="float64").after("time"), real_time())
    close(mine, theirs, 1e-12, 1e-12)


@pytest.mark.slow
def test_real_time_learning_with_tied_parameters_and_from_the_end(x64):
    cell = tied("shared", dense(2)) @ tied("shared", dense(2)) >> multiply >> copy
    start = zero(Real(2, dtype="float64")) @ identity
    for term in (start >> scan(cell, "time", reversed=True), start >> scan(cell, "time")):
        mine, theirs = both(term, real_time())
        close(mine, theirs, 1e-12, 1e-12)


def test_real_time_learning_without_a_state(x64):
    mine, theirs = both(scan(dense(2), "time", carry=0), real_time())
    close(mine, theirs, 1e-12, 1e-12)


@pytest.mark.parametrize("window", [STEPS, STEPS + 3])
def test_truncated_at_the_length_is_backpropagation_through_time(window, x64):
    mine, theirs = both(gru(3, dtype="float64").along("time"), truncated(window))
    close(mine, theirs, 0, 0)


def hand(params, x, window):
    """Elman's network by hand, the state at the beginning of each window taken for given."""
    cell = params["scan_0"]["elman"]

    def step(h, pair):
        x, time = pair
        h = jnp.where((time % window == 0) & (time > 0), lax.stop_gradient(h), h)
        h = jnp.tanh(h @ cell["linear_0"]["weight"] + x @ cell["dense_0"]["weight"] + cell["dense_0"]["bias"])
        return h, h

    return lax.scan(step, jnp.zeros(3), (x, jnp.arange(STEPS)))[1]


@pytest.mark.parametrize("window", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 4))])
def test_shorter_windows_are_those_of_stopped_gradients_and_not_the_derivative(window, x64):
    term = elman(3, dtype="float64").along("time")
    (mine, dx), (theirs, whole) = both(term, truncated(window), batch=())
    net = compile(term, SPACE)
    params = randomise(net.init(jax.random.key(0)))
    x, dy = normal(0, STEPS, SIZE, dtype="float64"), normal(9, STEPS, 3, dtype="float64")
    close((mine, dx), jax.grad(lambda p, x: (hand(p, x, window) * dy).sum(), (0, 1))(params, x), 1e-12, 1e-12)
    assert max(jax.tree.leaves(jax.tree.map(lambda a, b: float(abs(a - b).max()), mine, theirs))) > 0.01
    assert float(abs(dx - whole).max()) > 0.01
    # The last window is not cut, and a step hears of what comes later in its window alone.
    tail = (STEPS - 1) // window * window
    close(dx[tail:], whole[tail:], 1e-12, 1e-12)


@pytest.mark.slow
def test_truncated_from_the_end(x64):
    start, cell = zero(Real(3, dtype="float64")) @ identity, elman(3, dtype="float64").step
    ahead, behind = (start >> scan(cell, "time", reversed=r) for r in (False, True))
    found = []
    for term, turn in ((ahead, False), (behind, True)):
        net = compile(term, SPACE, rule=truncated(4))
        params = randomise(net.init(jax.random.key(0)))
        x, dy = normal(0, STEPS, SIZE, dtype="float64"), normal(9, STEPS, 3, dtype="float64")
        _, pull = net.vjp(params, x[::-1] if turn else x)
        dparams, dx = pull(jnp.zeros(3), dy[::-1] if turn else dy)
        found.append((dparams, dx[::-1] if turn else dx))
    close(found[0], found[1], 1e-12, 1e-12)


@pytest.mark.optimised
def test_what_real_time_learning_keeps_does_not_grow_with_the_sequence():
    """The temporaries of a training step; those of backpropagation are in the benchmarks, and grow."""

    def temporaries(steps):
        term = elman(4).after("time") >> dense(1)
        fit = learner(term, Real(time=steps, d=2), loss=squared, optimiser=adam(1e-3), rule=real_time())
        state = fit.init(jax.random.key(0))
        x, y = jnp.zeros((2, steps, 2)), jnp.zeros((2, 1))
        return fit.step.lower(state, x, y).compile().memory_analysis().temp_size_in_bytes - x.nbytes

    short, long = (temporaries(steps) for steps in (32, 256))
    assert long - short < 2048


@pytest.mark.slow
def test_a_step_of_learning_is_that_of_backpropagation():
    x, y = normal(1, 8, STEPS, SIZE), normal(2, 8, 1)
    states = []
    for rule in (backprop, real_time()):
        model = elman(3).after("time") >> dense(1)
        fit = learner(model, Real(time=STEPS, d=SIZE), loss=squared, optimiser=adam(1e-2), rule=rule)
        states.append(fit.step(fit.init(jax.random.key(0)), x, y)[0].params)
    close(states[0], states[1], 1e-4, 1e-5)


def test_what_is_refused():
    noisy = zero(Real(2)) @ identity >> scan(identity @ batch_norm() >> multiply >> copy, "t")
    net = compile(noisy, Real(t=3, d=2), rule=real_time())
    refused(
        LensError, lambda: net.vjp(net.init(jax.random.key(0)), normal(0, 4, 3, 2), state=net.init_state()), "states"
    )
    parity = compile(trace(xor >> copy, Bits()).along(0), Bits(4), rule=real_time())
    refused(LensError, lambda: parity.vjp({}, jnp.array([0, 1, 1, 0])), "no real numbers")
    refused(LensError, lambda: truncated(0), "the window is 0")
