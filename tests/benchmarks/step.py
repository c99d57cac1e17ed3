"""The compiled step of the seven models: operations, cost, memory, losses, tracing and time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import lenses

from . import programs
from .hlo import Cost, difference, histogram, optimised
from .measure import Figure, Options, Timing, interleave
from .models import MODELS
from .models.model import PLAIN, SAME, VAR, Model, Spelling
from .programs import Program

TITLE = "compiled step of the models"

CAUSES = {
    "reduce": "by hand + spreads a bias twice, so its change is summed twice (reduce, reshape, add, return)",
    "gather": "optax's loss indexes the label's logit, with bounds checks (compare, select, and, constant)",
    "softmax": "softmax's derivative is y (d - sum y d), by hand that of exp and of / (subtract, negate, multiply)",
    "transpose": "a convolution's changes are written in the one layout that XLA is fast in inside loops on the CPU",
    "divide": "the mean's derivative is the constant 1/n, by hand a division by n",
}
"""Why operations differ, by the operation that shows it."""

AGAIN = "hand-written again"
"""The hand-written program a second time: what lies between the two is noise."""

CHOSEN = {"stablehlo.transpose": "conv(", "stablehlo.subtract": "softmax("}
"""Operations of which a box adds some on purpose, see `CAUSES`: cheaper as a whole, as XLA's cost below shows."""


def lowered(program: Program, model: Model) -> Any:
    """The lowered step at the model's own batch."""
    return program.step.lower(program.start(), *model.data())


def losses(program: Program, model: Model, steps: int) -> np.ndarray:
    """The losses of the first steps."""
    state, found = program.start(), []
    x, y = model.data()
    for _ in range(steps):
        state, loss = program.step(state, x, y)
        found.append(float(loss))
    return np.asarray(found)


def runner(program: Program, model: Model) -> Callable[[], Any]:
    """One step on, waited for; the state is kept between calls."""
    x, y = model.data()
    state = program.start()

    def go() -> None:
        nonlocal state
        state, loss = program.step(state, x, y)
        loss.block_until_ready()

    go()
    return go


def operations(model: Model, spelling: Spelling, ours: Any, hand: Any) -> Figure:
    """The histograms compared; reached where none occurs more often in ours, but those that a box adds on purpose."""
    a, b = histogram(ours), histogram(hand)
    found = difference(a, b)
    listed = ", ".join(f"{kind.removeprefix('stablehlo.')} {x} / {y}" for kind, (x, y) in found.items())
    notes = [f"ours / {spelling.name}: {listed}"] if listed else []
    keys = {kind.removeprefix("stablehlo.") for kind in found}
    if spelling is PLAIN:
        keys |= {"softmax"} if "subtract" in keys else set()
    else:
        keys -= {"gather"}
    notes += [f"{CAUSES[key]}" for key in CAUSES if key in keys]
    return Figure(
        f"{model.name}: operations",
        sum(a.values()),
        {spelling.name: sum(b.values())},
        "",
        sum(a.values()) / sum(b.values()),
        "none more, but on purpose",
        all(x <= y or CHOSEN.get(kind, "no box") in repr(model.term) for kind, (x, y) in found.items()),
        notes,
    )


def costs(model: Model, ours: Any, hand: Any) -> list[Figure]:
    """What XLA says of both compiled programs, and how much of the state is donated."""
    ours, hand, outputs = ours.compile(), hand.compile(), len(jax.tree.leaves(ours.out_info))
    a, b = Cost.of(ours), Cost.of(hand)
    p, q = optimised(ours), optimised(hand)
    listed = ", ".join(f"{kind} {x} / {y}" for kind, (x, y) in difference(p, q).items())
    figures = [
        Figure(
            f"{model.name}: operations that XLA runs",
            sum(p.values()),
            {"hand-written": sum(q.values())},
            "",
            sum(p.values()) / sum(q.values()),
            "none more",
            sum(p.values()) <= sum(q.values()),
            [f"ours / hand-written: {listed}"] if listed else ["equal, operation for operation"],
        )
    ]
    figures += [
        Figure(f"{model.name}: {name}", x, {"hand-written": y}, "", x / y, "at most equal", x <= y)
        for name, x, y in (
            ("flops", a.flops, b.flops),
            ("bytes accessed", a.accessed, b.accessed),
            ("temporary bytes", float(a.temporary), float(b.temporary)),
        )
    ]
    rest = a.output - 8 * outputs - np.dtype(np.float32).itemsize
    figures.append(
        Figure(
            f"{model.name}: bytes donated",
            a.aliased,
            {"outputs less the loss": rest},
            "",
            None,
            "equal",
            a.aliased == rest,
        )
    )
    return figures


def tracing(model: Model, programs: dict[str, Program], rounds: int) -> Figure:
    """The time to trace and lower a step with empty caches."""
    data = model.data()
    starts = {name: program.start() for name, program in programs.items()}
    calls = {name: (lambda name=name: programs[name].step.lower(starts[name], *data)) for name in programs}
    timing = interleave(calls, rounds, before=jax.clear_caches)
    ratio = timing.ratio("ours", "hand-written")
    return Figure(
        f"{model.name}: trace and lower",
        timing.median("ours"),
        {"hand-written": timing.median("hand-written")},
        "s",
        ratio,
        "at most 1.3",
        not timing.beyond("ours", "hand-written", 1.3),
    )


def timing(model: Model, options: Options) -> tuple[Figure, Timing]:
    """The time of a step, beside all others."""
    programs_ = {name: programs.hand(model) for name in ("hand-written", AGAIN)} | {"ours": programs.ours(model)}
    if model.normalised:
        programs_[VAR.name] = programs.hand(model, spelling=VAR)
    programs_ |= {"ours, own adam": programs.ours(model, lenses.adam(1e-3))}
    notes = []
    for name, make in (("flax", programs.flax), ("equinox", programs.equinox)):
        made = make(model) if programs.installed(name) else None
        if made is None:
            notes.append(f"{name}: {'has no such model' if programs.installed(name) else 'not installed'}")
        else:
            programs_[name] = made
    runners = {name: runner(p, model) for name, p in programs_.items()}
    one = interleave(runners, 2).median("ours")
    result = interleave(runners, options.times(41, 11), max(1, int(options.times(10, 5) * 1e-3 / one)))
    ratio, best = result.ratio("ours", "hand-written"), result.best("ours") / result.best("hand-written")
    others = {name: result.median(name) for name in runners if name not in ("ours", AGAIN)}
    fastest = min((name for name in runners if name != AGAIN), key=result.best)
    noise = result.noise("hand-written", AGAIN)
    notes.append("ratio to each: " + ", ".join(f"{name} {result.ratio('ours', name):.3f}" for name in others))
    notes.append(f"fastest: {fastest}; ratio of the best rounds to hand-written {best:.3f}; noise {noise:.3f}")
    figure = Figure(
        f"{model.name}: step",
        result.median("ours"),
        others,
        "s",
        ratio,
        "not slower beyond noise",
        not result.beyond("ours", "hand-written", 1.02 * noise),
        notes,
    )
    return figure, result


def measure(options: Options) -> list[Figure]:
    """All figures of the group."""
    figures: list[Figure] = []
    for make in MODELS.values():
        model = make()
        ours, hand, same = programs.ours(model), programs.hand(model), programs.hand(model, spelling=SAME)
        texts = [lowered(p, model) for p in (ours, hand, same)]
        figures.append(operations(model, PLAIN, texts[0], texts[1]))
        figures.append(operations(model, SAME, texts[0], texts[2]))
        figures += costs(model, texts[0], texts[1])
        a, b = losses(ours, model, 10), losses(hand, model, 10)
        apart = float(np.max(np.abs(a - b) / np.maximum(np.abs(b), 1e-30)))
        figures.append(
            Figure(f"{model.name}: losses of 10 steps, relative", apart, {}, "", None, "at most 1e-5", apart <= 1e-5)
        )
        pair = {"ours": ours, "hand-written": hand}
        figures.append(
            tracing(
                model, pair, options.times(9, 3) if len(a) and model.name != "residual-100" else options.times(5, 2)
            )
        )
        figures.append(timing(model, options)[0])
    model = MODELS["perceptron"]()
    own = programs.ours(model, lenses.adam(1e-3))
    last = operations(model, PLAIN, lowered(own, model), lowered(programs.hand(model), model))
    last.name = "perceptron with the library's own Adam: operations"
    figures.append(last)
    return figures
