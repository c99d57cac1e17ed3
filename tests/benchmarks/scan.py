"""Deep models: ``(dense(64) >> relu) ** 1000`` beside a hand-written scan, and the unrolled chain."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

import lenses
from lenses import Real, compile, compose, dense, relu

from .hlo import difference, histogram
from .measure import Figure, Options, interleave, once

TITLE = "repeated layers"

DEPTH, BATCH = 1000, 32


def hand_step() -> Any:
    """A step of 1000 layers by hand: a scan over stacked parameters, squared loss, Adam."""
    transformation = optax.adam(1e-3)

    def loss(params: Any, x: Any, y: Any) -> Any:
        def layer(x: Any, p: Any) -> tuple[Any, None]:
            return jax.nn.relu(x @ p["weight"] + p["bias"]), None

        out, _ = jax.lax.scan(layer, x, params)
        return (0.5 * ((out - y) ** 2).sum(-1)).mean()

    def step(state: Any, x: Any, y: Any) -> tuple[Any, Any]:
        params, slots = state
        value, changes = jax.value_and_grad(loss)(params, x, y)
        updates, slots = transformation.update(changes, slots, params)
        return (optax.apply_updates(params, updates), slots), value

    return jax.jit(step, donate_argnums=0), transformation.init


def measure(options: Options) -> list[Figure]:
    """Tracing and compiling the step, and the forward and backward pass of the unrolled chain."""
    unit = dense(64) >> relu
    x = jax.random.normal(jax.random.key(1), (BATCH, 64))
    fit = lenses.learner(unit**DEPTH, Real(64), loss=lenses.squared, optimiser=lenses.optax(optax.adam(1e-3)))
    state = fit.init(jax.random.key(0))
    step, slots = hand_step()
    params = state.params["repeat_0"]["dense_0"]
    start = (params, slots(params))
    calls = {
        "ours": lambda: fit.step.lower(state, x, x).compile(),
        "hand-written": lambda: step.lower(start, x, x).compile(),
    }
    timing = interleave(calls, options.times(9, 3), before=jax.clear_caches)
    ratio = timing.ratio("ours", "hand-written")
    a, b = histogram(fit.step.lower(state, x, x)), histogram(step.lower(start, x, x))
    differs = ", ".join(f"{k.removeprefix('stablehlo.')} {p} / {q}" for k, (p, q) in difference(a, b).items())
    figures = [
        Figure(
            f"(dense(64) >> relu) ** {DEPTH}: trace and compile a step",
            timing.median("ours"),
            {"hand-written scan": timing.median("hand-written")},
            "s",
            ratio,
            "at most 1.5",
            not timing.beyond("ours", "hand-written", 1.5),
            [f"operations, ours / hand-written: {sum(a.values())} / {sum(b.values())}: {differs or 'equal'}"],
        )
    ]
    written = compile(unit**DEPTH, Real(64))
    weights = written.init(jax.random.key(0))
    tries = options.times(3, 1)
    base = min(once(lambda: compile(unit**DEPTH, Real(64)).lower_vjp(weights, x).compile())[0] for _ in range(tries))

    def found() -> Any:
        return (
            compile(compose(*[dense(64) >> relu for _ in range(DEPTH)]), Real(64), scan="auto")
            .lower_vjp(weights, x)
            .compile()
        )

    auto = min(once(found)[0] for _ in range(tries))
    figures.append(
        Figure(
            f"{DEPTH} layers unrolled, scan='auto': make, trace and compile",
            auto,
            {"written with **": base},
            "s",
            auto / base,
            "compiles; at most 2",
            auto <= 2 * base,
        )
    )
    depth = 100 if options.quick else DEPTH
    seconds, outputs = once(lambda: _unrolled(depth, x))
    expected = compile(unit**depth, Real(64))
    # Twice the variance, as He et al. (2015) say for relu: otherwise 1000 layers let nothing through.
    stacked = jax.tree.map(lambda v: v * 2**0.5, expected.init(jax.random.key(0)))
    flat = {f"dense_{i}": jax.tree.map(lambda v, i=i: v[i], stacked["repeat_0"]["dense_0"]) for i in range(depth)}
    y, pullback = outputs(flat)
    z, other = expected.vjp(stacked, x)
    dx, dz = pullback[1], other(jnp.ones_like(z))[1]
    sizes = [float(jnp.max(jnp.abs(v))) for v in (z, dz)]
    gaps = [float(jnp.max(jnp.abs(v - w))) for v, w in ((y, z), (dx, dz))]
    apart = max(gap / size if size else float("inf") for gap, size in zip(gaps, sizes, strict=True))
    figures.append(
        Figure(
            f"{depth} layers unrolled, without a scan: trace and compile",
            seconds,
            {},
            "s",
            None,
            "compiles",
            apart <= 1e-5,
            [f"relative difference from the scan: {apart:.2g} (largest output {sizes[0]:.2g}, change {sizes[1]:.2g})"],
        )
    )
    return figures


def _unrolled(depth: int, x: Any) -> Any:
    net = compile(compose(*[dense(64) >> relu for _ in range(depth)]), Real(64))
    shapes = jax.eval_shape(net.init, jax.random.key(0))

    def both(params: Any) -> Any:
        y, pullback = net.vjp(params, x)
        return y, pullback(jnp.ones_like(y))

    return jax.jit(both).lower(shapes).compile()
