"""Learning functors: the composite loss, its step against JAX and optax, per-equation histories, data by name."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import close, normal, refused

import lenses
from lenses import (
    DataError,
    LensError,
    Real,
    SpaceError,
    adam,
    dense,
    identity,
    multiply,
    reduce_sum,
    sgd,
    softmax_cross_entropy,
    squared,
    tanh,
)
from lenses.schemas import Architecture, Losses, Schema, SchemaLearner, Task, supervised

CYCLE = Schema(["A", "B"], {"f": ("A", "B"), "g": ("B", "A")}, ["f ; g = id", "g ; f = id"])
NET = dense(8) >> tanh >> dense(2)
F = Architecture(CYCLE, {"A": Real(2), "B": Real(2)}, {"f": NET, "g": NET})
A, B = np.asarray(normal(1, 64, 2)), np.asarray(normal(2, 64, 2)) * 0.5 + 1
DATA = {"A": A, "B": B}
GAMMA = 3.0
TASK = supervised(F, "f", squared, labels="B", weight=0.5)


def learner(*tasks, optimiser=None, **options):
    given: dict[str, Any] = {"gamma": GAMMA} | options
    return SchemaLearner(Losses(F, tasks, **given), optimiser or adam(1e-2))


def forward(p, x):
    return jnp.tanh(x @ p["dense_0"]["weight"] + p["dense_0"]["bias"]) @ p["dense_1"]["weight"] + p["dense_1"]["bias"]


def parts(params, a, b):
    f, g = (lambda x, p=params[name]: forward(p, x) for name in "fg")
    task = 0.5 * ((f(a) - b) ** 2).sum(-1).mean()
    return task, jnp.abs(g(f(a)) - a).sum(-1).mean(), jnp.abs(f(g(b)) - b).sum(-1).mean()


def by_hand(params, a, b):
    task, one, two = parts(params, a, b)
    return 0.5 * task + GAMMA * (one + two)


def test_steps_are_those_of_jax_and_optax():
    fit = learner(TASK)
    state = fit.init(jax.random.key(0))
    params = jax.tree.map(jnp.array, state.params)
    theirs = optax.adam(1e-2)
    memory = theirs.init(params)
    for _ in range(5):
        state, loss = fit.step(state, DATA)
        expected, grads = jax.value_and_grad(by_hand)(params, A, B)
        close(loss, expected, 1e-5, 1e-6)
        updates, memory = theirs.update(grads, memory, params)
        params = optax.apply_updates(params, updates)
    jax.tree.map(lambda x, y: close(x, y, 1e-4, 1e-5), state.params, params)


def test_the_history_has_each_equation():
    fit = learner(TASK)
    state = fit.init(jax.random.key(0))
    before = fit.evaluate(state, DATA)
    task, one, two = parts(state.params, A, B)
    names = ["f as B", "f ; g = id(A)", "g ; f = id(B)"]
    for name, value in zip(names, (task, one, two), strict=True):
        assert before[name] == pytest.approx(float(value), rel=1e-5)
    assert before["loss"] == pytest.approx(float(by_hand(state.params, A, B)), rel=1e-5)
    state, history = fit.run(state, DATA, 40, batch=16, progress=False)
    after = fit.evaluate(state, DATA)
    for name in [*names, "loss"]:
        assert len(history[name]) == 40 and after[name] == pytest.approx(history.evaluated[name][-1], rel=1e-4)
    assert fit.violations(state, DATA) == {name: after[name] for name in names[1:]}
    assert all(after[name] < before[name] / 4 for name in names[1:])
    other = {"A": A[:7], "B": B[:7]}
    state, history = fit.run(state, DATA, 1, batch=16, evaluate=other, progress=False)
    assert history["f ; g = id(A)"][0] == pytest.approx(fit.violations(state, other)["f ; g = id(A)"], rel=1e-4)
    close(fit.model(state)("f ; g")(A), forward(state.params["g"], forward(state.params["f"], A)), 1e-5, 1e-5)


def test_a_learner_of_a_schema_is_a_learner(tmp_path):
    fit = learner(TASK)
    assert len(fit.lens.cod) == 0 and repr(fit).startswith("SchemaLearner(<losses 0.5 * 'f as B', 3 * 'f ; g = id(A)'")
    state = fit.init(jax.random.key(0))
    fit.save(state, tmp_path / "cycle.safetensors")
    again = fit.load(tmp_path / "cycle.safetensors")
    assert jax.tree.all(jax.tree.map(lambda x, y: bool((x == y).all()), state, again))
    stepped, _ = jax.jit(fit.step)(state, DATA)
    more, _ = fit.step(fit.start(stepped.params), DATA)
    assert sorted(more.params) == ["f", "g"]


def test_unpaired_data_of_other_lengths_go_round():
    fit = learner(optimiser=sgd(0.0))
    state = fit.init(jax.random.key(0))
    short = fit.evaluate(state, {"A": A[:32], "B": B})
    twice = fit.evaluate(state, {"A": np.concatenate([A[:32]] * 2), "B": B})
    assert short == twice


def test_some_equations_and_other_distances():
    fit = learner(equations=["g ; f = id"], distance=squared, gamma=1.0)
    assert fit.losses.names == ("g ; f = id(B)",) and list(fit.losses.sources) == ["B"]
    state = fit.init(jax.random.key(0))
    x = forward(state.params["f"], forward(state.params["g"], B)) - B
    assert fit.evaluate(state, {"B": B})["loss"] == pytest.approx(float(0.5 * (x**2).sum(-1).mean()), rel=1e-5)


def test_tasks_of_any_kind():
    images = Schema(["X", "Y"], {"f": ("X", "Y")})
    arch = Architecture(images, {"X": Real(4, 3), "Y": Real(4, 5)}, {"f": dense(5)})
    classes = supervised(arch, "f", softmax_cross_entropy, inputs="x", labels="y")
    energy = Task("energy", (("x", Real(4, 3)), ("x", Real(4, 3))), multiply >> reduce_sum() >> reduce_sum(), 0.25)
    fit = SchemaLearner(Losses(arch, [classes, energy]), adam(1e-2))
    x, y = np.asarray(normal(1, 6, 4, 3)), np.random.default_rng(0).integers(0, 5, (6, 4))
    assert {name: repr(space) for name, space in fit.losses.sources.items()} == {
        "x": "Real(4, 3)", "y": "Index(4, below=5)"
    }  # fmt: skip
    state = fit.init(jax.random.key(0))
    found = fit.evaluate(state, {"x": x, "y": y})
    own = state.params["f"]["dense_0"]
    logits = jax.nn.log_softmax(x @ own["weight"] + own["bias"])
    assert found["f as y"] == pytest.approx(-np.take_along_axis(np.asarray(logits), y[..., None], -1).mean(), rel=1e-5)
    assert found["energy"] == pytest.approx((x**2).sum((1, 2)).mean(), rel=1e-5)
    assert found["loss"] == pytest.approx(found["f as y"] + 0.25 * found["energy"], rel=1e-5)


def test_what_cannot_be_learned():
    refused(SpaceError, lambda: Task("t", (("A", Real(2)),), identity), "'t'", "number an example", "reduce_sum")
    refused(LensError, lambda: Task("t", (), lenses.constant(1.0), -1.0), "weight")
    refused(LensError, lambda: Losses(F, [TASK, TASK]), "two losses are called 'f as B'")
    refused(LensError, lambda: Losses(F, gamma=-1.0), "gamma")
    refused(LensError, lambda: Losses(F, ["f"]), "Task each")  # type: ignore[list-item]
    other = Task("other", (("A", Real(3)),), reduce_sum())
    refused(SpaceError, lambda: Losses(F, [other]), "'A' are taken for two things", "Real\\(3\\)", "Real\\(2\\)")


def test_data_that_do_not_fit():
    fit = learner(TASK)
    state = fit.init(jax.random.key(0))
    refused(LensError, lambda: fit.evaluate(state, {"A": A}), "missing: 'B'", "B: Real\\(2\\)")
    refused(LensError, lambda: fit.evaluate(state, DATA | {"C": A}), "no loss takes: 'C'")
    refused(LensError, lambda: fit.evaluate(state, A), "a dict with A: Real\\(2\\)")  # type: ignore[arg-type]
    refused(DataError, lambda: fit.evaluate(state, {"A": A[:, :1], "B": B}), "shape \\(64, 1\\)")
    refused(DataError, lambda: fit.evaluate(state, {"A": A[:0], "B": B}), "empty")


def test_measures_of_any_learner():
    fit = lenses.learner(NET, Real(2), loss=squared, optimiser=adam(1e-2))
    state = fit.init(jax.random.key(0))
    largest = {"largest": lambda y, t: jnp.abs(y - t).max(-1)}
    state, history = fit.run(state, (A, B), 3, evaluate=(A, B), measure=largest, progress=False)
    found = fit.evaluate(state, (A, B), measure=largest)
    assert found["largest"] == pytest.approx(np.abs(fit.predict(state, A) - B).max(-1).mean(), rel=1e-5)
    assert history["largest"][-1] == pytest.approx(found["largest"], rel=1e-4)
    refused(DataError, lambda: fit.run(state, (A, B), 1, measure=largest), "measure needs something to evaluate")
    refused(DataError, lambda: fit.evaluate(state, (A, B), measure={"loss": max}), "'loss' is measured anyway")
    refused(DataError, lambda: fit.evaluate(state, (A, B), measure=["loss"]), "measure=\\['loss'\\]")
