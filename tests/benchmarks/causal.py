"""Recurrent networks beside scans written by hand: the bytes that backpropagation through time keeps, and its steps.

The bytes are those of the temporaries of the program that XLA makes of value and gradient, and so the same on
every machine of a kind; nothing is timed.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lenses import Real, compile, elman, gru, lstm

from .hlo import difference, optimised
from .measure import Figure, Options

TITLE = "sequences"

STEPS, SIZE, WIDTH, BATCH = 64, 32, 128, 32
CELLS: dict[str, Any] = {"elman": elman, "lstm": lstm, "gru": gru}


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
    return figures
