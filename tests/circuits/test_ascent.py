"""Reverse derivative ascent: the closed lens of the core over bits, against the step written by hand."""

from __future__ import annotations

import warnings

import jax
import numpy as np
import pytest
from helpers import refused

import lenses
from lenses import Bits, DataError, LensError, Real, SpaceError, adam, compile, dense, dream, learner, multiply, squared
from lenses.circuits import lookup, tables
from lenses.circuits.learning import ascend, ascent, layer, xor_error

ROWS = np.array([[i >> j & 1 for j in reversed(range(4))] for i in range(16)])
MODEL = layer(4, seed=1, init="bernoulli") >> layer(3, seed=2, init="bernoulli")


def value(p: dict, x: np.ndarray, sources: list[np.ndarray]) -> np.ndarray:
    """Two layers of gates, one example, by hand."""
    for name, wires in zip(("tables_0", "tables_1"), sources, strict=True):
        rows = 2 * x[wires[:, 0]] + x[wires[:, 1]]
        x = p[name]["table"][np.arange(len(wires)), rows]
    return x


def by_hand(p: dict, x: np.ndarray, y: np.ndarray, sources: list[np.ndarray]) -> dict:
    """theta + R[f](theta, x, f(theta, x) + y) on theta; f is linear in each bit, so R is a difference of values."""
    error = value(p, x, sources) ^ y
    moved = {name: {"table": table["table"].copy()} for name, table in p.items()}
    for name in p:
        for place in np.ndindex(p[name]["table"].shape):
            flipped = {n: {"table": t["table"].copy()} for n, t in p.items()}
            flipped[name]["table"][place] ^= 1
            change = value(flipped, x, sources) ^ value(p, x, sources)
            moved[name]["table"][place] ^= (change & error).sum() % 2
    return moved


def test_steps_are_those_written_by_hand():
    from lenses.circuits.learning.layers import drawn

    fit = ascend(MODEL, Bits(4))
    sources = [drawn(4, 4, 2, 1), drawn(4, 3, 2, 2)]
    state = fit.init(jax.random.key(0))
    rng, flips = np.random.default_rng(0), 0
    for _ in range(12):
        x, y = rng.integers(0, 2, 4), rng.integers(0, 2, 3)
        before = jax.tree.map(np.array, state.params)
        state, loss = fit.step(state, x, y)
        expected = by_hand(before, x, y, sources)
        jax.tree.map(np.testing.assert_array_equal, state.params, expected)
        flips += sum((expected[n]["table"] != before[n]["table"]).sum() for n in before)
        assert loss == np.mean(value(before, x, sources) != y)
    assert flips > 5


def test_any_truth_table_is_learned_in_one_pass():
    y = np.random.default_rng(1).integers(0, 2, 16)
    fit = ascend(lookup(4), Bits(4))
    state, history = fit.run(fit.init(jax.random.key(0)), (ROWS, y), progress=False)
    np.testing.assert_array_equal(fit.predict(state, ROWS), y)
    np.testing.assert_array_equal(state.params["lookup_0"]["table"], y)
    assert len(history) == 1 and history.loss[0] == pytest.approx(y.mean())  # from zero, each 1 was wrong once
    assert fit.evaluate(state, (ROWS, y)) == {"loss": 0.0, "accuracy": 1.0}
    assert fit.evaluate(state, (ROWS, 1 - y)) == {"loss": 1.0, "accuracy": 0.0}


def test_the_order_is_that_of_the_data():
    """The last label that a row has seen is what it says."""
    fit = ascend(lookup(1), Bits(1))
    x = np.array([[0], [0], [1], [1]], bool)
    for y, expected in (([0, 1, 1, 0], [1, 0]), ([1, 0, 0, 1], [0, 1])):
        state, _ = fit.run(fit.init(jax.random.key(0)), (x, np.array(y, bool)), progress=False)
        assert state.params["lookup_0"]["table"].tolist() == expected


def test_it_is_the_learner_of_the_core_and_has_all_it_has(tmp_path):
    fit = ascend(lookup(2), Bits(2))
    same = learner(lookup(2), Bits(2), loss=xor_error, optimiser=ascent())
    assert fit.lens == same.lens and len(fit.lens.cod) == 0
    assert [repr(a) for a in fit.lens.dom] == ["Bits(4)", "Bits(2)", "Bits()"]
    state, _ = fit.step(fit.init(jax.random.key(0)), np.array([1, 0]), np.array(1))
    assert state.params["lookup_0"]["table"].tolist() == [0, 0, 1, 0]
    fit.save(state, tmp_path / "table")
    assert fit.load(tmp_path / "table").params["lookup_0"]["table"].tolist() == [0, 0, 1, 0]


def test_the_same_definition_goes_up_over_the_reals():
    fit = learner(dense(1), Real(2), loss=squared, optimiser=ascent(), rate=0.5)
    state = fit.init(jax.random.key(0))
    w = np.array(state.params["dense_0"]["weight"])
    x, y = np.array([1.0, 2.0], "float32"), np.array([3.0], "float32")
    new, _ = fit.step(state, x, y)
    np.testing.assert_allclose(new.params["dense_0"]["weight"], w + 0.5 * np.outer(x, x @ w - y), rtol=1e-5)


def test_a_batch_warns_that_equal_votes_cancel():
    x, y = np.zeros((4, 1), int), np.array([1, 1, 1, 1])
    fit = ascend(lookup(1), Bits(1))
    with pytest.warns(UserWarning, match=r"batch of 4(.|\n)*parity(.|\n)*boolean_variation"):
        state, _ = fit.run(fit.init(jax.random.key(0)), (x, y), batch=4, progress=False)
    assert state.params["lookup_0"]["table"].tolist() == [0, 0]  # four equal votes, and nothing is learned
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        state, _ = fit.run(fit.init(jax.random.key(0)), (x, y), progress=False)
    assert state.params["lookup_0"]["table"].tolist() == [1, 0]


def test_dreaming_of_bits():
    """The input climbs until the circuit says what it should."""
    model = multiply.at(Bits(2), Bits(2))
    dreamer = dream(model, params={}, loss=xor_error, optimiser=ascent())
    state, losses = dreamer.run(dreamer.init(start=(np.array([1, 0]), np.array([0, 1]))), np.array([1, 1]), 3)
    assert losses.tolist() == [1.0, 0.0, 0.0]
    np.testing.assert_array_equal(np.stack(state.input), 1)
    noise = dreamer.init(jax.random.key(3)).input
    assert {int(b) for x in noise for b in x} == {0, 1}


def test_what_does_not_fit_is_refused():
    refused(LensError, lambda: learner(lookup(1), Bits(1), loss=xor_error, optimiser=adam(0.1)), "Bits", "ascent")
    refused(LensError, lambda: learner(lookup(1), Bits(1), loss=xor_error, optimiser=ascent(0.1)), "rate", "ring")
    refused(SpaceError, lambda: learner(tables(1), Bits(2, 1), loss=squared, optimiser=ascent()), "xor_error")
    refused(
        SpaceError,
        lambda: learner(lookup(1), Bits(1), loss=xor_error, optimiser=ascent(), rate=0.5),
        "leave the rate at 1",
    )
    refused(SpaceError, lambda: learner(dense(1), Real(1), loss=xor_error, optimiser=ascent()), "bits")
    fit = ascend(lookup(1), Bits(1))
    refused(
        DataError, lambda: fit.run(fit.init(jax.random.key(0)), (np.zeros((2, 1), int), np.array([0, 2]))), "range: 2"
    )


def test_losses_read_back_and_are_drawn():
    import diagrams

    assert eval(repr(xor_error), {"xor_error": xor_error}) == xor_error
    assert "<svg" in diagrams.draw(ascend(lookup(2), Bits(2)).lens).svg()
    assert compile(xor_error.at(Bits(2), Bits(2)))({}, np.array([0, 1]), np.array([1, 1])).tolist() == [1, 0]
    assert lenses.Typed(xor_error, Bits(3) @ Bits(3)).cod == Bits(3)
