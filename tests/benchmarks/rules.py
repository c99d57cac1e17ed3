"""Other rules for the backward pass: what reversible blocks keep, and what feedback alignment learns."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lenses import (
    Real,
    Rule,
    adam,
    backprop,
    compile,
    coupling,
    dense,
    flatten,
    learner,
    relu,
    softmax_cross_entropy,
    tanh,
)
from lenses.rules import direct_feedback_alignment, feedback_alignment, reversible

from .measure import Figure, Options

TITLE = "other rules"

WIDTH = 32


def kept(depth: int, rule: Rule, repeated: bool) -> tuple[int, float]:
    """Bytes that `depth` couplings keep, and how far their gradient is from backprop's (relative, the largest)."""
    unit = coupling(dense(WIDTH) >> tanh, dense(WIDTH) >> tanh)
    term: Any = unit**depth
    if not repeated:
        term = unit
        for _ in range(depth - 1):
            term = term >> unit
    space = Real(WIDTH) @ Real(WIDTH)
    net, plain = compile(term, space, rule=rule), compile(term, space)
    params = net.init(jax.random.key(0))
    x = [jax.random.normal(jax.random.key(i), (8, WIDTH)) for i in range(2)]
    total = sum(net.kept(params, *x).values())
    ones = tuple(jnp.ones_like(v) for v in x)
    a, b = net.vjp(params, *x)[1](*ones), plain.vjp(params, *x)[1](*ones)
    largest = max(
        float(jnp.max(jnp.abs(p - q)) / jnp.max(jnp.abs(q)))
        for p, q in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )
    return total, largest


def digits_accuracy(rule: Rule, seeds: int) -> float:
    """The mean test accuracy of a perceptron on digits under a rule."""
    from examples.digits import split

    model = flatten >> dense(256) >> relu >> dense(128) >> relu >> dense(10)
    fit = learner(
        model, Real(height=8, width=8, channel=1), loss=softmax_cross_entropy, optimiser=adam(1e-3), rule=rule
    )
    found = []
    for seed in range(seeds):
        train, test = split(seed)
        state = fit.init(jax.random.key(seed))
        state, _ = fit.run(state, train, epochs=40, batch=32, key=jax.random.key(seed), progress=False)
        found.append(fit.evaluate(state, test)["accuracy"])
    return float(np.mean(found))


def measure(options: Options) -> list[Figure]:
    """All figures of the group."""
    figures = []
    for repeated in (True, False):
        shape = "coupling ** n" if repeated else "coupling >> ... >> coupling"
        depths = (2, 8, 32) if not options.quick else (2, 8)
        ours = {depth: kept(depth, reversible(), repeated) for depth in depths}
        plain = {f"backprop, n={depth}": kept(depth, backprop, repeated)[0] for depth in depths}
        notes = [
            f"n={depth}: {size} bytes; gradient off backprop's by {gap:.1g} (relative)"
            for depth, (size, gap) in ours.items()
        ]
        sizes = {size for size, _ in ours.values()}
        figures.append(
            Figure(
                f"reversible, {shape}: bytes kept",
                max(sizes),
                plain,
                "",
                None,
                "the same for all n",
                len(sizes) == 1,
                notes,
            )
        )
        worst = max(gap for _, gap in ours.values())
        figures.append(
            Figure(f"reversible, {shape}: gradient off backprop's", worst, {}, "", None, "at most 1e-3", worst <= 1e-3)
        )
    seeds = 2 if options.quick else 5
    base = digits_accuracy(backprop, seeds)
    for name, rule in (
        ("feedback alignment", feedback_alignment()),
        ("direct feedback alignment", direct_feedback_alignment()),
    ):
        mean = digits_accuracy(rule, seeds)
        figures.append(
            Figure(
                f"digits, {name}, {seeds} seeds", mean, {"backprop": base}, "", None, "within 0.03", mean >= base - 0.03
            )
        )
    return figures
