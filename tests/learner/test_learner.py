"""Learners: the step against one written by hand, whole runs, evaluation, early stopping, prediction."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import close, normal, primitives, refused, same
from sklearn.datasets import load_iris

from lenses import (
    DataError,
    History,
    Index,
    LensError,
    ParameterError,
    Real,
    SpaceError,
    adam,
    add,
    batch_norm,
    block,
    compile,
    copy,
    dense,
    dropout,
    embedding,
    identity,
    inference,
    learner,
    multiply,
    nesterov,
    reduce_mean,
    relu,
    sgd,
    softmax_cross_entropy,
    squared,
    tanh,
    tied,
)

X = np.random.default_rng(0).normal(size=(60, 5)).astype("float32")
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
MODEL = dense(8) >> tanh >> dense(3)


def fit_of(model=MODEL, space=None, loss=softmax_cross_entropy, optimiser=None, **options):
    return learner(model, Real(5) if space is None else space, loss=loss, optimiser=optimiser or adam(1e-2), **options)


FIT = fit_of()


def forward(p, x):
    return jnp.tanh(x @ p["dense_0"]["weight"] + p["dense_0"]["bias"]) @ p["dense_1"]["weight"] + p["dense_1"]["bias"]


def cross_entropy(p, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(forward(p, x), y).mean()


def hand_step(tx, carry, x, y):
    params, opt = carry
    loss, grads = jax.value_and_grad(cross_entropy)(params, x, y)
    updates, opt = tx.update(grads, opt, params)
    return (optax.apply_updates(params, updates), opt), loss


# -- the step --------------------------------------------------------------------------------


def test_steps_are_those_written_by_hand():
    tx = optax.adam(1e-2)
    state = FIT.init(jax.random.key(1))
    carry = (jax.tree.map(jnp.copy, state.params), tx.init(state.params))
    step = jax.jit(lambda c, x, y: hand_step(tx, c, x, y))
    for i in range(10):
        rows = slice(6 * i, 6 * i + 6)
        state, loss = FIT.step(state, X[rows], Y[rows])
        carry, expected = step(carry, X[rows], Y[rows])
        close(loss, expected, 1e-6)
    close(state.params, carry[0], 1e-5, 1e-6)


def test_one_hot_and_soft_labels():
    a, one = FIT.step(FIT.init(jax.random.key(0)), X, Y)
    b, two = FIT.step(FIT.init(jax.random.key(0)), X, np.eye(3, dtype="float32")[Y])
    close((a.params, one), (b.params, two), 1e-5, 1e-6)
    soft = np.full((60, 3), 1 / 3, "float32")
    p = FIT.init(jax.random.key(0)).params
    _, loss = FIT.step(FIT.init(jax.random.key(0)), X, soft)
    close(loss, -jax.nn.log_softmax(forward(p, X)).mean(-1).mean(), 1e-5)


def test_the_state_is_donated():
    state = FIT.init(jax.random.key(0))
    new, _ = FIT.step(state, X, Y)
    assert all(v.is_deleted() for v in jax.tree.leaves((state.params, state.optimiser)))
    assert not any(v.is_deleted() for v in jax.tree.leaves(new))
    text = FIT.step.lower(new, X, Y).as_text()
    assert (
        text.count("stablehlo.dot_general") == 5
    )  # forward twice, weights twice, hidden once: the input's change is not needed


def test_the_step_has_one_forward():
    state = FIT.init(jax.random.key(0))
    found = primitives(jax.make_jaxpr(FIT.step)(state, X, Y).jaxpr)
    assert found.count("tanh") == 1


def test_the_closed_lens_is_a_typed_term_to_the_unit():
    assert len(FIT.lens.cod) == 0
    assert [a.sizes for a in FIT.lens.dom][-2:] == [(5,), ()]
    text = repr(FIT.lens)
    assert "adam" in text and "softmax_cross_entropy" in text and "dense(8)" in text
    assert FIT.lens == fit_of().lens


def test_initial_states():
    one, two = FIT.init(jax.random.key(0)), FIT.init(jax.random.key(0))
    same(one.params, two.params)
    assert FIT.init(jax.random.key(0)).key is None
    assert not (FIT.init(jax.random.key(1)).params["dense_0"]["weight"] == one.params["dense_0"]["weight"]).all()
    started = FIT.start(one.params)
    same(started.params, one.params)
    refused(ParameterError, lambda: FIT.start({"dense_0": one.params["dense_0"]}), "dense_1", "nothing")


def test_several_inputs_and_shared_parts():
    model = (tied("e", dense(4)) @ tied("e", dense(4))) >> multiply >> dense(2)
    fit = fit_of(model, Real(5) @ Real(5), squared, sgd(0.1))
    state = fit.init(jax.random.key(0))
    x, z, t = normal(0, 8, 5), normal(1, 8, 5), normal(2, 8, 2)

    def f(p):
        e, d = p["e"]["dense_0"], p["dense_0"]
        h = (x @ e["weight"] + e["bias"]) * (z @ e["weight"] + e["bias"])
        return (0.5 * ((h @ d["weight"] + d["bias"] - t) ** 2).sum(-1)).mean()

    loss, grads = jax.value_and_grad(f)(state.params)
    want = jax.tree.map(lambda p, g: p - 0.1 * g, state.params, grads)
    new, got = fit.step(state, (x, z), t)
    close((new.params, got), (want, loss), 1e-5, 1e-6)
    state, history = fit.run(fit.init(jax.random.key(0)), ((x, z), t), epochs=3, batch=4, progress=False)
    assert len(history) == 3 and fit.predict(state, x, z).shape == (8, 2)


def test_index_inputs():
    model = embedding(4) >> reduce_mean(0) >> dense(2)
    fit = fit_of(model, Index(6, below=11), softmax_cross_entropy, adam(0.05))
    tokens = np.random.default_rng(0).integers(0, 11, (40, 6))
    labels = (tokens == 3).any(1).astype(int)
    state, history = fit.run(fit.init(jax.random.key(0)), (tokens, labels), epochs=60, batch=8, progress=False)
    assert history.loss[-1] < 0.3 * history.loss[0]
    assert fit.evaluate(state, (tokens, labels))["accuracy"] > 0.9


# -- runs ------------------------------------------------------------------------------------


def test_a_run_is_its_steps():
    """Without shuffling, the epochs are the steps one after the other; what does not fill a batch is left out."""
    state, history = FIT.run(FIT.init(jax.random.key(0)), (X, Y), epochs=3, batch=16, key=None, progress=False)
    tx, losses = optax.adam(1e-2), []
    params = FIT.init(jax.random.key(0)).params
    carry = (params, tx.init(params))
    step = jax.jit(lambda c, x, y: hand_step(tx, c, x, y))
    for _ in range(3):
        total = []
        for i in range(3):
            carry, loss = step(carry, X[16 * i : 16 * i + 16], Y[16 * i : 16 * i + 16])
            total.append(float(loss))
        losses.append(np.mean(total))
    close(state.params, carry[0], 1e-5, 1e-6)
    np.testing.assert_allclose(history.loss, losses, rtol=1e-5)
    assert isinstance(history, History) and len(history) == 3 and history.seconds > 0
    assert "3 epochs" in repr(history) and history["loss"] is history.loss


def test_shuffling_is_by_key():
    start = lambda: FIT.init(jax.random.key(0))  # noqa: E731
    run = lambda **o: FIT.run(start(), (X, Y), epochs=2, batch=16, progress=False, **o)[0].params  # noqa: E731
    same(run(key=jax.random.key(5)), run(key=jax.random.key(5)))
    default, other, unshuffled = run(), run(key=jax.random.key(6)), run(key=None)
    same(default, run())
    leaf = lambda p: np.asarray(p["dense_0"]["weight"])  # noqa: E731
    assert not np.array_equal(leaf(default), leaf(other)) and not np.array_equal(leaf(default), leaf(unshuffled))


def test_every_example_is_used_once_an_epoch():
    """One parameter that adds up what it sees: the loss being linear, an epoch's sum does not depend on the order."""
    from lenses import dot_product, linear

    fit = fit_of(linear(1, init="zeros"), Real(1), dot_product, sgd(1.0))
    x = (2.0 ** np.arange(16)).astype("float32")[:, None]
    for key in (None, jax.random.key(0), jax.random.key(1)):
        state, _ = fit.run(
            fit.init(jax.random.key(0)), (x, np.ones((16, 1), "float32")), epochs=1, batch=1, key=key, progress=False
        )
        assert float(state.params["linear_0"]["weight"][0, 0]) == 2.0**16 - 1


def test_a_run_leaves_the_given_state_alone():
    state = FIT.init(jax.random.key(0))
    FIT.run(state, (X, Y), epochs=1, batch=20, progress=False)
    assert not any(v.is_deleted() for v in jax.tree.leaves(state))


def test_progress_changes_nothing(capsys):
    quiet = FIT.run(FIT.init(jax.random.key(0)), (X, Y), epochs=4, batch=20, progress=False)
    assert capsys.readouterr() == ("", "")
    shown = FIT.run(FIT.init(jax.random.key(0)), (X, Y), epochs=4, batch=20, progress=True, evaluate=(X, Y))
    text = capsys.readouterr().err
    assert "4/4" in text and "loss" in text and "accuracy" in text
    close(quiet[0].params, shown[0].params, 1e-6, 1e-7)
    np.testing.assert_allclose(quiet[1].loss, shown[1].loss, rtol=1e-6)


def test_evaluation():
    state, history = FIT.run(
        FIT.init(jax.random.key(0)), (X[:40], Y[:40]), epochs=5, batch=10, evaluate=(X[40:], Y[40:]), progress=False
    )
    assert set(history.evaluated) == {"loss", "accuracy"} and history["accuracy"].shape == (5,)
    found = FIT.evaluate(state, (X[40:], Y[40:]))
    logits = forward(state.params, X[40:])
    np.testing.assert_allclose(found["loss"], cross_entropy(state.params, X[40:], Y[40:]), rtol=1e-5)
    np.testing.assert_allclose(found["accuracy"], (np.asarray(logits).argmax(-1) == Y[40:]).mean())
    np.testing.assert_allclose(
        [history.evaluated["loss"][-1], history["accuracy"][-1]], [found["loss"], found["accuracy"]], rtol=1e-5
    )
    close(FIT.predict(state, X), logits_of(state), 1e-5)


def logits_of(state):
    return forward(state.params, X)


def test_evaluation_in_chunks():
    """More examples than fit in one chunk, and a rest."""
    x, y = np.tile(X, (150, 1)), np.tile(Y, 150)
    state = FIT.init(jax.random.key(0))
    assert len(x) > 2 * 4096
    found = FIT.evaluate(state, (x, y))
    np.testing.assert_allclose(found["loss"], cross_entropy(state.params, X, Y), rtol=1e-4)
    np.testing.assert_allclose(found["accuracy"], (np.asarray(logits_of(state)).argmax(-1) == Y).mean(), rtol=1e-6)


def test_evaluation_of_real_labels():
    fit = fit_of(MODEL, loss=squared)
    state = fit.init(jax.random.key(0))
    t = normal(1, 60, 3)
    assert set(fit.evaluate(state, (X, t))) == {"loss"}
    np.testing.assert_allclose(
        fit.evaluate(state, (X, t))["loss"], 0.5 * ((logits_of(state) - t) ** 2).sum(-1).mean(), rtol=1e-5
    )


def test_early_stopping_returns_the_best_state():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 3, 60)  # nothing to learn: the held-out loss rises
    fit = fit_of(optimiser=adam(0.05))
    state, history = fit.run(
        fit.init(jax.random.key(0)),
        (X[:30], noise[:30]),
        epochs=200,
        batch=10,
        evaluate=(X[30:], noise[30:]),
        patience=4,
        progress=False,
    )
    best = int(np.argmin(history.evaluated["loss"]))
    assert history.best == best and len(history) == best + 1 + 4 < 200
    np.testing.assert_allclose(
        fit.evaluate(state, (X[30:], noise[30:]))["loss"], history.evaluated["loss"].min(), rtol=1e-5
    )
    again, _ = fit.run(fit.init(jax.random.key(0)), (X[:30], noise[:30]), epochs=best + 1, batch=10, progress=False)
    close(again.params, state.params, 1e-5, 1e-6)
    shown, longer = fit.run(
        fit.init(jax.random.key(0)),
        (X[:30], noise[:30]),
        epochs=200,
        batch=10,
        evaluate=(X[30:], noise[30:]),
        patience=4,
    )
    close(shown.params, state.params, 1e-5, 1e-6)
    assert len(longer) == len(history) and "stopped early" in repr(history)
    refused(DataError, lambda: fit.run(state, (X, Y), epochs=2, patience=3), "patience", "evaluate")


def test_runs_go_on():
    whole, _ = FIT.run(FIT.init(jax.random.key(0)), (X, Y), epochs=4, batch=20, key=None, progress=False)
    half, _ = FIT.run(FIT.init(jax.random.key(0)), (X, Y), epochs=2, batch=20, key=None, progress=False)
    rest, _ = FIT.run(half, (X, Y), epochs=2, batch=20, key=None, progress=False)
    close(whole.params, rest.params, 1e-5, 1e-6)


def test_a_loss_that_becomes_nan_is_said():
    fit = fit_of(dense(8) >> relu >> dense(3), optimiser=sgd(1e30), loss=squared)
    with pytest.warns(UserWarning, match="NaN(.|\n)*check_nans=True"):
        fit.run(
            fit.init(jax.random.key(0)), (X, np.ones((60, 3), "float32") * 1e20), epochs=4, batch=20, progress=False
        )


@pytest.mark.slow
@pytest.mark.optimised
def test_iris_is_learned():
    data: Any = load_iris()
    x = ((data.data - data.data.mean(0)) / data.data.std(0)).astype("float32")
    order = np.random.default_rng(0).permutation(150)
    x, y = x[order], data.target[order]
    fit = fit_of(dense(16) >> tanh >> dense(3), Real(4), optimiser=adam(1e-2))
    state, _ = fit.run(fit.init(jax.random.key(0)), (x[:100], y[:100]), epochs=100, batch=10, progress=False)
    assert fit.evaluate(state, (x[100:], y[100:]))["accuracy"] >= 0.92


# -- states and keys -------------------------------------------------------------------------


def test_batch_norm_and_dropout_train():
    model = block("body", dense(16) >> batch_norm(0.5) >> relu >> dropout(0.2)) >> dense(3)
    fit = fit_of(model)
    state = fit.init(jax.random.key(0))
    assert state.key is not None
    state, history = fit.run(state, (X, Y), epochs=40, batch=20, evaluate=(X, Y), progress=False)
    assert history.loss[-1] < 0.6 * history.loss[0] and fit.evaluate(state, (X, Y))["accuracy"] > 0.8
    same(fit.predict(state, X), fit.predict(state, X))
    (mean,) = [v for path, v in jax.tree_util.tree_flatten_with_path(state.states)[0] if "mean" in str(path)]
    hidden = X @ np.asarray(state.params["body"]["dense_0"]["weight"]) + np.asarray(
        state.params["body"]["dense_0"]["bias"]
    )
    assert np.abs(np.asarray(mean) - hidden.mean(0)).max() < 0.2
    close(fit.predict(state, X[:1])[0], fit.predict(state, X)[0], 1e-4, 1e-5)


def test_each_step_draws_anew():
    fit = fit_of(dropout(0.5) >> dense(3), optimiser=sgd(0.0))
    state = fit.init(jax.random.key(0))
    losses = []
    for _ in range(5):
        state, loss = fit.step(state, X, Y)
        losses.append(float(loss))
    assert len(set(losses)) == 5


def test_states_inside_repeats_train():
    fit = fit_of(dense(6) >> (dense(6) >> batch_norm() >> tanh) ** 3 >> dense(3))
    state, history = fit.run(fit.init(jax.random.key(0)), (X, Y), epochs=10, batch=20, progress=False)
    assert np.isfinite(history.loss).all() and fit.predict(state, X).shape == (60, 3)


# -- other models ----------------------------------------------------------------------------


def test_prediction_looks_at_the_parameters_not_ahead():
    fit = fit_of(optimiser=nesterov(0.1))
    state, _ = fit.run(fit.init(jax.random.key(0)), (X, Y), epochs=2, batch=20, progress=False)
    close(fit.predict(state, X), logits_of(state), 1e-5)


def test_models_without_parameters_or_with_skips():
    for optimiser in (sgd(0.1), adam(0.1)):
        fit = fit_of(tanh, Real(3), squared, optimiser)
        state, loss = fit.step(fit.init(jax.random.key(0)), X[:, :3], X[:, :3])
        assert state.params == {} and np.isfinite(float(loss))
    skip = fit_of(copy >> (identity @ (dense(5) >> relu)) >> add >> dense(3))
    state, history = skip.run(skip.init(jax.random.key(0)), (X, Y), epochs=5, batch=20, progress=False)
    assert history.loss[-1] < history.loss[0]


def test_typed_models_and_what_is_refused():
    assert learner(MODEL.at(Real(5)), loss=softmax_cross_entropy, optimiser=sgd(0.1)).model == MODEL.at(Real(5))
    refused(
        SpaceError, lambda: learner(MODEL, loss=softmax_cross_entropy, optimiser=sgd(0.1)), "learner needs a typed term"
    )
    refused(SpaceError, lambda: fit_of(dense(3, axes=2)), "dense\\(3, axes=2\\)")
    refused(LensError, lambda: fit_of(copy >> (dense(3) @ dense(3))), "one output", "2 outputs")
    assert "learner((dense(8) >> tanh >> dense(3)).at(Real(5))" in repr(FIT)


def test_the_trained_model_is_an_ordinary_term():
    state, _ = FIT.run(FIT.init(jax.random.key(0)), (X, Y), epochs=1, batch=20, progress=False)
    close(compile(inference(FIT.model))(state.params, X), FIT.predict(state, X))


def test_starting_from_parameters_leaves_them_whole():
    """A step donates its state, but not the parameters that a state was started from."""
    fit = learner(dense(2), Real(3), loss=squared, optimiser=sgd(0.1))
    params = compile(dense(2), Real(3)).init(jax.random.key(0))
    before = jax.tree.map(np.asarray, params)
    fit.step(fit.start(params), np.ones((4, 3), "float32"), np.zeros((4, 2), "float32"))
    same(params, before)
