"""Jacobians in the order that `jacobian` finds: the work beside forward and reverse mode, ours and JAX's own.

Work is counted twice, by the cost functor and by XLA of the compiled program, so no figure has noise. The
program of XLA holds the forward pass and the derivatives of the boxes too.
"""

from __future__ import annotations

import cProfile
import math
import pstats
import random
from collections.abc import Callable
from typing import Any

import jax
from tqdm import tqdm

from lenses import (
    Real,
    Typed,
    add,
    bias,
    compile,
    compose,
    copy,
    dense,
    identity,
    jacobian,
    layer_norm,
    linear,
    multiply,
    scale,
    sin,
    softmax,
    square,
    tanh,
)

from .measure import Figure, Options

TITLE = "Jacobians"

MODES = ("auto", "forward", "reverse")
WIDTHS = (1, 2, 4, 8, 16, 32, 64)
SEEDS = (0, 1, 2)
SHAPES = {
    "narrower: 64, 32, 16, 1": (64, 32, 16, 1),
    "wider: 1, 16, 32, 64": (1, 16, 32, 64),
    "an hourglass: 64, 64, 2, 64, 64": (64, 64, 2, 64, 64),
    "a spindle: 4, 64, 64, 4": (4, 64, 64, 4),
}


def chain(rng: random.Random) -> Typed:
    """A chain of 3 to 9 parts at random: layers, activations, normalisations, gates, residuals."""
    dom = Real(rng.choice(WIDTHS))
    parts, at = [], dom
    for _ in range(rng.randint(3, 9)):
        width, same = rng.choice(WIDTHS), at[0].size
        parts.append(
            rng.choice(
                [
                    dense(width),
                    dense(width) >> tanh,
                    linear(width),
                    *(tanh, sin, square, scale(0.5), bias(), softmax(), layer_norm()),
                    copy >> identity @ tanh >> multiply,
                    copy >> identity @ (dense(same) >> tanh) >> add,
                ]
            )
        )
        at = parts[-1].at(at).cod
    return compose(*parts).at(dom)


def layers(widths: tuple[int, ...]) -> Typed:
    """Layers of these widths, each but the last with tanh."""
    parts = [part for n in widths[1:] for part in (dense(n), tanh)]
    return compose(*parts[:-1]).at(Real(widths[0]))


def xla(program: Callable[..., Any], *arguments: Any) -> float:
    """The floating-point operations of a program, as XLA counts those of what it has compiled."""
    return (jax.jit(program).lower(*arguments).compile().cost_analysis() or {}).get("flops", 0.0)


def counted(term: Typed) -> dict[str, tuple[int, float]]:
    """For each mode, the work by the cost functor and by XLA; and by XLA alone that of JAX's own two."""
    net = compile(term)
    params = jax.eval_shape(net.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct(term.dom[0].sizes, term.dom[0].dtype)
    found = {}
    for name, mode, measure in (*((mode, mode, False) for mode in MODES), ("measured", "auto", True)):
        ours = jacobian(term, mode=mode, measure=measure)
        found[name] = (ours.flops, xla(ours, params, x))
    for name, of in (("jacfwd", jax.jacfwd), ("jacrev", jax.jacrev)):
        found[name] = (0, xla(of(lambda p, x: net(p, x), argnums=1), params, x))
    return found


def calls(length: int) -> int:
    """How many calls of functions planning a chain of so many boxes takes: work counted, and not timed."""
    rng = random.Random(0)
    term = compose(*[part for _ in range(length // 2) for part in (dense(rng.choice(WIDTHS)), tanh)]).at(Real(8))
    _ = term.circuit
    jacobian(layers((8, 8)))  # what is imported and traced once
    profile = cProfile.Profile()
    profile.runcall(jacobian, term)
    return pstats.Stats(profile).total_calls  # type: ignore[attr-defined]


def measure(options: Options) -> list[Figure]:
    """Random chains, chains of known shapes, and how planning grows with the length of a chain."""
    terms = [chain(rng) for rng in map(random.Random, SEEDS) for _ in range(options.times(30, 4))]
    found = [counted(term) for term in tqdm(terms, desc="chains", leave=False)]
    figures = []
    ours = ("auto", 0, "by the cost functor"), ("measured", 1, "by XLA, measured"), ("auto", 1, "by XLA, as planned")
    for which, kind, name in ours:
        ratios = [max(f[which][kind], 1) / max(min(f[m][kind] for m in MODES[1:]), 1) for f in found]
        worse, mean = sum(r > 1 for r in ratios), math.exp(sum(map(math.log, ratios)) / len(ratios))
        notes = [f"{mean:.2f} times theirs (geometric mean), between {min(ratios):.2f} and {max(ratios):.2f}"]
        if kind:
            theirs = [f[which][1] / min(f["jacfwd"][1], f["jacrev"][1]) for f in found]
            mean = math.exp(sum(map(math.log, theirs)) / len(theirs))
            notes.append(f"{mean:.2f} times the better of jax.jacfwd and jax.jacrev, {max(theirs):.2f} at most")
        title = f"{len(terms)} random chains, in how many more work than the better of forward and reverse, {name}"
        strict = (which, kind) != ("auto", 1)
        figures.append(Figure(title, worse, {}, "", None, "0" if strict else "", worse == 0 if strict else None, notes))
    for name, widths in SHAPES.items():
        f = counted(layers(widths))
        ours, (forward, reverse) = f["auto"][1], (f[m][1] for m in MODES[1:])
        best = min(forward, reverse)
        beside = {"forward": forward, "reverse": reverse} | {m: f[m][1] for m in ("jacfwd", "jacrev")}
        figures.append(Figure(name, ours, beside, "flops", ours / best, "at most the better", ours <= best))
    short, long = calls(500), calls(1000)
    exponent = math.log(long / short) / math.log(2)
    figures.append(
        Figure("planning a chain of 1000 boxes, calls of functions", long, {"500 boxes": short}, "", exponent,
               "linear", exponent <= 1.2)
    )  # fmt: skip
    return figures
