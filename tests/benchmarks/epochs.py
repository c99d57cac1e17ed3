"""Whole epochs on the device: the iris model, one hidden layer, batch 1, 400 epochs of 150 examples.

And epochs of a convolutional network, whose speed in a loop depends on how it is written.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_iris

import lenses
from lenses import Real, dense, tanh

from .measure import Figure, Options, interleave, once
from .models import MODELS
from .models.model import PLAIN

TITLE = "whole epochs"

EPOCHS, HIDDEN = 400, 16


def data() -> tuple[np.ndarray, np.ndarray]:
    """The flowers, scaled."""
    x, y = load_iris(return_X_y=True)
    return ((x - x.mean(0)) / x.std(0)).astype("float32"), y.astype("int32")


def hand(transformation: Any) -> tuple[Any, Any]:
    """By hand: (one step, `EPOCHS` shuffled epochs in one program), both jitted."""

    def loss(params: Any, x: Any, y: Any) -> Any:
        h = jnp.tanh(x @ params["dense_0"]["weight"] + params["dense_0"]["bias"])
        logits = h @ params["dense_1"]["weight"] + params["dense_1"]["bias"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    def step(state: Any, x: Any, y: Any) -> tuple[Any, Any]:
        params, slots = state
        value, changes = jax.value_and_grad(loss)(params, x, y)
        updates, slots = transformation.update(changes, slots, params)
        return (optax.apply_updates(params, updates), slots), value

    @partial(jax.jit, donate_argnums=0)
    def run(state: Any, x: Any, y: Any, key: Any) -> tuple[Any, Any]:
        def epoch(state: Any, i: Any) -> tuple[Any, Any]:
            order = jax.random.permutation(jax.random.fold_in(key, i), len(y)).reshape(-1, 1)
            state, losses = jax.lax.scan(lambda s, rows: step(s, x[rows], y[rows]), state, order)
            return state, losses.mean()

        return jax.lax.scan(epoch, state, jnp.arange(EPOCHS))

    return jax.jit(step, donate_argnums=0), run


def measure(options: Options) -> list[Figure]:
    """Ours, compiled before, beside the loop by hand and beside a call a step."""
    x, y = data()
    transformation = optax.adam(1e-3)
    model = dense(HIDDEN) >> tanh >> dense(3)
    fit = lenses.learner(model, Real(4), loss=lenses.softmax_cross_entropy, optimiser=lenses.optax(transformation))
    own = lenses.learner(model, Real(4), loss=lenses.softmax_cross_entropy, optimiser=lenses.adam(1e-3))
    step, loop = hand(transformation)
    key = jax.random.key(0)

    state, own_state = fit.init(key), own.init(key)
    first = (state.params, transformation.init(state.params))

    def start() -> Any:
        return jax.tree.map(jnp.copy, first)  # the loop donates its state; `run` copies it too

    results: dict[str, Any] = {}

    def ours() -> None:
        results["ours"] = fit.run(state, (x, y), epochs=EPOCHS, batch=1, key=key, progress=False)[1].loss

    def own_adam() -> None:
        own.run(own_state, (x, y), epochs=EPOCHS, batch=1, key=key, progress=False)

    def by_hand() -> None:
        results["hand"] = np.asarray(loop(start(), x, y, key)[1])

    calls = {"ours": ours, "hand-written scanned loop": by_hand, "ours, own adam": own_adam}
    timing = interleave(calls, options.times(7, 3))
    ratio = timing.ratio("ours", "hand-written scanned loop")
    apart = float(np.max(np.abs(results["ours"] - results["hand"]) / np.abs(results["hand"])))
    total = timing.median("ours")
    others = {name: timing.median(name) for name in calls if name != "ours"}
    notes = [f"largest relative difference of an epoch's loss from the loop by hand: {apart:.2g}"]
    figures = [
        Figure(
            f"{EPOCHS} epochs of {len(y)} steps",
            total,
            others,
            "s",
            ratio,
            "at most 1.2",
            not timing.beyond("ours", "hand-written scanned loop", 1.2),
            notes,
        ),
    ]

    def one_by_one(epochs: int) -> None:
        state = start()
        rng = np.random.default_rng(0)
        for _ in range(epochs):
            for i in rng.permutation(len(y)):
                state, _ = step(state, x[i : i + 1], y[i : i + 1])
        jax.block_until_ready(state)

    one_by_one(1)
    epochs = 20 if options.quick else 80
    spent = once(lambda: one_by_one(epochs))[0] * EPOCHS / epochs
    figures.append(
        Figure(
            "the same, hand-written, one jitted call a step",
            total,
            {f"from {epochs} epochs": spent},
            "s",
            total / spent,
            "at most 1/20",
            spent >= 20 * total,
        )
    )
    figures.append(convolutions(options))
    return figures


def convolutions(options: Options) -> Figure:
    """An epoch of the small convolutional network in a scan, where XLA's convolutions depend on their layout."""
    model, transformation = MODELS["convolutional"](), optax.adam(1e-3)
    x, y = model.data()
    x, y = np.tile(np.asarray(x), (4, 1, 1, 1)), np.tile(np.asarray(y), 4)
    fit = lenses.learner(
        model.term, model.space, loss=lenses.softmax_cross_entropy, optimiser=lenses.optax(transformation)
    )
    key = jax.random.key(0)
    state = fit.init(key)
    first = (state.params, transformation.init(state.params))

    def loss(params: Any, x: Any, y: Any) -> Any:
        return PLAIN.loss(model.hand(PLAIN, params, {}, x)[0], y).mean()

    @jax.jit
    def loop(state: Any, x: Any, y: Any) -> tuple[Any, Any]:
        def step(state: Any, rows: Any) -> tuple[Any, Any]:
            params, slots = state
            value, changes = jax.value_and_grad(loss)(params, x[rows], y[rows])
            updates, slots = transformation.update(changes, slots, params)
            return (optax.apply_updates(params, updates), slots), value

        order = jax.random.permutation(jax.random.fold_in(key, 0), len(y)).reshape(-1, model.batch)
        return jax.lax.scan(step, state, order)

    calls = {
        "ours": lambda: fit.run(state, (x, y), epochs=1, batch=model.batch, key=key, progress=False),
        "hand-written scanned loop": lambda: jax.block_until_ready(loop(first, x, y)),
    }
    timing = interleave(calls, options.times(5, 2))
    ratio = timing.ratio("ours", "hand-written scanned loop")
    return Figure(
        f"convolutional network, an epoch of {len(y) // model.batch} steps of {model.batch}",
        timing.median("ours"),
        {"hand-written scanned loop": timing.median("hand-written scanned loop")},
        "s",
        ratio,
        "at most 1.2",
        not timing.beyond("ours", "hand-written scanned loop", 1.2),
    )
