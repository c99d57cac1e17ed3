"""A step of learning soft gates, beside the same step written by hand in JAX with optax.

By hand twice: as it is usually written, examples first and all four products of a gate; and as someone
would who knows what XLA makes of it on a processor, wires first, a gate two mixtures and a third of them.
The entries of a truth table are logistic functions, or a mixture of all sixteen tables.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from lenses import Real, adam, learner, softmax_cross_entropy
from lenses.circuits import layer, soften, tally
from lenses.circuits.learning.layers import drawn

from ..measure import Figure, Options, interleave

WIRES, GATES, LAYERS, CLASSES, BATCH = 192, 2000, 3, 10, 100
RATE = 0.02
SOURCES = [drawn(WIRES if i == 0 else GATES, GATES, 2, 1 + i) for i in range(LAYERS)]
LIMIT = 1.1
"""How many times the time of the quicker of the programs by hand a step may take."""


EVERY = (np.arange(16)[:, None] >> np.arange(4) & 1).astype(np.float32)
"""The truth tables of two bits."""
SQUASHED = {"entries": jax.nn.sigmoid, "mixture": lambda numbers: jax.nn.softmax(numbers) @ EVERY}


def usual(form: str, params: Any, x: Any, y: Any) -> Any:
    """The loss, examples first."""
    for i, sources in enumerate(SOURCES):
        table = SQUASHED[form](params[f"tables_{i}"]["table"])
        read = x[:, sources]
        u, v = read[..., 0], read[..., 1]
        x = (
            table[:, 0] * (1 - u) * (1 - v)
            + table[:, 1] * (1 - u) * v
            + table[:, 2] * u * (1 - v)
            + table[:, 3] * u * v
        )
    return _loss(x, y)


def wires_first(form: str, params: Any, x: Any, y: Any) -> Any:
    """The loss, wires first and examples last."""
    x = x.T
    for i, sources in enumerate(SOURCES):
        table = SQUASHED[form](params[f"tables_{i}"]["table"])[:, :, None]
        u, v = x[sources[:, 0]], x[sources[:, 1]]
        low, high = table[:, 0] + u * (table[:, 2] - table[:, 0]), table[:, 1] + u * (table[:, 3] - table[:, 1])
        x = low + v * (high - low)
    return _loss(x.T, y)


def _loss(x: Any, y: Any) -> Any:
    scores = x.reshape(len(x), CLASSES, -1).sum(-1) / 10
    return optax.softmax_cross_entropy_with_integer_labels(scores, y).mean()


def by_hand(loss: Callable[..., Any]) -> Any:
    """A step of Adam, the state donated."""
    adam = optax.adam(RATE)

    def step(carry: Any, x: Any, y: Any) -> Any:
        params, state = carry
        value, gradient = jax.value_and_grad(loss)(params, x, y)
        updates, state = adam.update(gradient, state, params)
        return (optax.apply_updates(params, updates), state), value

    return jax.jit(step, donate_argnums=0)


def measure(options: Options) -> list[Figure]:
    """The step's time, and the flops, bytes and temporary bytes of its program, in each form."""
    return [figure for form in SQUASHED for figure in _step(form, options)]


def _step(form: str, options: Options) -> list[Figure]:
    model = layer(GATES, seed=1)
    for seed in range(2, LAYERS + 1):
        model = model >> layer(GATES, seed=seed)
    term = soften(model, form) >> tally(CLASSES, 10.0)
    fit = learner(term, Real(WIRES), loss=softmax_cross_entropy, optimiser=adam(RATE))
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.random((BATCH, WIRES)), jnp.float32)
    y = jnp.asarray(rng.integers(0, CLASSES, BATCH))
    start = fit.init(jax.random.key(0))
    steps = {
        "ours": fit.step,
        "usual": by_hand(partial(usual, form)),
        "wires first": by_hand(partial(wires_first, form)),
    }
    carries: dict[str, Any] = {
        name: (jax.tree.map(jnp.copy, start.params), optax.adam(RATE).init(start.params)) for name in steps
    }
    carries["ours"] = start
    compiled = {name: step.lower(carries[name], x, y).compile() for name, step in steps.items()}
    losses: dict[str, list[float]] = {name: [] for name in steps}

    def run(name: str) -> Callable[[], None]:
        def go() -> None:
            carries[name], loss = steps[name](carries[name], x, y)
            losses[name].append(float(loss))

        return go

    timing = interleave({name: run(name) for name in steps}, options.times(100, 30), clock=time.process_time)
    apart = max(abs(a - b) for a, b in zip(losses["ours"][:10], losses["wires first"], strict=False))
    quicker = min(("usual", "wires first"), key=timing.median)
    title = f"soft gates by {form}, {LAYERS} x {GATES}, a step"
    others = {name: timing.median(name) for name in sorted(set(steps) - {"ours"}, key=lambda n: n != quicker)}
    notes = [f"the losses of ten steps are {apart:.1g} apart"]
    reached = not timing.beyond("ours", quicker, LIMIT) and apart < 1e-5
    found = [Figure(title, timing.median("ours"), others, "s", timing.ratio("ours", quicker),
                    f"at most {LIMIT} of the quicker", reached, notes)]  # fmt: skip
    for what in ("flops", "bytes accessed"):
        values = {name: program.cost_analysis()[what] for name, program in compiled.items()}
        ours = values.pop("ours")
        found.append(Figure(f"{title}, {what}", ours, values, "", ours / values["wires first"]))
    values = {name: program.memory_analysis().temp_size_in_bytes for name, program in compiled.items()}
    ours = values.pop("ours")
    return [*found, Figure(f"{title}, temporary bytes", ours, values, "", ours / values["wires first"])]
