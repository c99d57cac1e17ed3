"""Recurrent networks beside scans written by hand: the bytes that backpropagation through time keeps, and its steps.

The bytes are those of the temporaries of the program that XLA makes of value and gradient, and so the same on
every machine of a kind; nothing is timed.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lenses import Real, Rule, adam, backprop, compile, dense, elman, gru, learner, lstm, squared
from lenses.rules import real_time

from .hlo import difference, optimised
from .measure import Figure, Options

TITLE = "sequences"

STEPS, SIZE, WIDTH, BATCH = 64, 32, 128, 32
CELLS: dict[str, Any] = {"elman": elman, "lstm": lstm, "gru": gru}


RULES: dict[str, Rule] = {"real_time": real_time(), "backprop": backprop}


def affine(box: Any, v: Any) -> Any:
    """A weight, and a bias where there is one."""
    y = v @ box["weight"]
    return y + box["bias"] if "bias" in box else y


def hand_elman(params: Any, x: Any) -> Any:
    """Elman's network, (..., time, size) to (..., time, width), by hand."""
    cell = params["scan_0"]["elman"]

    def step(h: Any, x: Any) -> tuple[Any, Any]:
        h = jnp.tanh(affine(cell["linear_0"], h) + affine(cell["dense_0"], x))
        return h, h

    return along(step, lambda zeros: zeros, cell["linear_0"]["weight"].shape[-1], x)


def along(step: Any, start: Any, width: int, x: Any) -> Any:
    """A scan along the last but one axis."""
    first = start(jnp.zeros((*x.shape[:-2], width), x.dtype))
    return jnp.moveaxis(lax.scan(step, first, jnp.moveaxis(x, -2, 0))[1], 0, -2)


def hand_lstm(params: Any, x: Any) -> Any:
    """Long short-term memory by hand."""
    cell = params["scan_0"]["lstm"]

    def gate(name: str, h: Any, x: Any) -> Any:
        return affine(cell[name]["dense_0"], h) + affine(cell[name]["linear_0"], x)

    def step(state: Any, x: Any) -> tuple[Any, Any]:
        c, h = state
        i, f = jax.nn.sigmoid(gate("input", h, x)), jax.nn.sigmoid(gate("forget", h, x))
        g, o = jnp.tanh(gate("cell", h, x)), jax.nn.sigmoid(gate("output", h, x))
        c = f * c + i * g
        h = o * jnp.tanh(c)
        return (c, h), h

    return along(step, lambda zeros: (zeros, zeros), cell["cell"]["dense_0"]["weight"].shape[-1], x)


def hand_gru(params: Any, x: Any) -> Any:
    """The gated recurrent unit by hand."""
    cell = params["scan_0"]["gru"]

    def gate(name: str, h: Any, x: Any) -> Any:
        return jax.nn.sigmoid(affine(cell[name]["linear_0"], h) + affine(cell[name]["dense_0"], x))

    def step(h: Any, x: Any) -> tuple[Any, Any]:
        r, z = gate("reset", h, x), gate("update", h, x)
        n = jnp.tanh(r * affine(cell["new"]["dense_0"], h) + affine(cell["new"]["dense_1"], x))
        h = (1 - z) * n + z * h
        return h, h

    return along(step, lambda zeros: zeros, cell["new"]["dense_0"]["weight"].shape[-1], x)


HAND: dict[str, Any] = {"elman": hand_elman, "lstm": hand_lstm, "gru": hand_gru}


def programs(name: str, steps: int, size: int, width: int, batch: int) -> tuple[Any, Any]:
    """Value and gradient of the sum of squares of all outputs, compiled: the library's, and by hand."""
    net = compile(CELLS[name](width).along("time"), Real(time=steps, d=size))
    params = net.init(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (batch, steps, size))

    def ours(params: Any, x: Any) -> Any:
        y, pullback = net.vjp(params, x)
        return (y**2).sum(), pullback(2 * y)

    def hand(params: Any, x: Any) -> Any:
        y, pullback = jax.vjp(HAND[name], params, x)
        return (y**2).sum(), pullback(2 * y)

    made = [jax.jit(f).lower(params, x).compile() for f in (ours, hand)]
    return made[0], made[1]


def bytes_of(name: str, steps: int, size: int, width: int, batch: int) -> tuple[int, int]:
    """The temporaries of both programs, in bytes."""
    one, two = (p.memory_analysis().temp_size_in_bytes for p in programs(name, steps, size, width, batch))
    return one, two


def measure(options: Options) -> list[Figure]:
    """Bytes of temporaries, and operations of the optimised programs, of each cell."""
    figures = []
    for name in CELLS:
        ours, hand = programs(name, STEPS, SIZE, WIDTH, BATCH)
        a, b = (p.memory_analysis().temp_size_in_bytes for p in (ours, hand))
        what = f"{name}, {STEPS} steps, batch {BATCH}: temporaries of value and gradient"
        figures.append(Figure(what, a, {"hand-written scan": b}, "bytes", a / b, "at most 1", a <= b))
        p, q = (c.cost_analysis()["flops"] for c in (ours, hand))
        differs = ", ".join(f"{k} {m} / {n}" for k, (m, n) in difference(optimised(ours), optimised(hand)).items())
        figures.append(
            Figure(f"{name}: operations in a step, both ways", p, {"hand-written scan": q}, "", p / q, "at most 1.01",
                   p <= 1.01 * q, [f"instructions, ours / hand-written: {differs or 'equal'}"])
        )  # fmt: skip
    grown = {name: [step_bytes(steps, rule) for steps in (64, 512)] for name, rule in RULES.items()}
    (a, b), (c, d) = grown["real_time"], grown["backprop"]
    notes = [f"at 64 steps: {a} and {c} bytes; the network has 8 states, the batch is 4"]
    what = "elman: growth of a training step's temporaries from 64 to 512 steps, real-time learning"
    figures.append(Figure(what, b - a, {"backpropagation": d - c}, "bytes", None, "at most 2048", b - a <= 2048, notes))
    return figures


def step_bytes(steps: int, rule: Rule) -> int:
    """The temporaries of a training step of a small network, its inputs aside, in bytes."""
    model = elman(8).after("time") >> dense(1)
    fit = learner(model, Real(time=steps, d=2), loss=squared, optimiser=adam(1e-3), rule=rule)
    x, y = jnp.zeros((4, steps, 2)), jnp.zeros((4, 1))
    compiled = fit.step.lower(fit.init(jax.random.key(0)), x, y).compile()
    return compiled.memory_analysis().temp_size_in_bytes - x.nbytes
