"""The checker of laws: how fast it is, what it notices, and that it never cries wolf."""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from .measure import Figure, Options, fresh

TITLE = "laws: generation, checking, shrinking, noticing"


def layer() -> None:
    """Checks a dense layer three times and prints, as JSON, the seconds of the first call and of the best later one."""
    started = time.perf_counter()
    from lenses import Real, dense, laws

    term, times, passed = dense(3).at(Real(2)), [], True
    for _ in range(3):
        passed = passed and laws.check(term, progress=False).passed
        times.append(time.perf_counter() - started)
        started = time.perf_counter()
    print(json.dumps([times[0], min(times[1:]), passed]))


def _harness() -> Any:
    """The harnesses that the tests of the laws use."""
    sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "laws")]
    return importlib.import_module("bugs"), importlib.import_module("search")


def measure(options: Options) -> list[Figure]:
    """Rates of generation, times of a check, shares of bugs shrunk, of mistakes and of small faults noticed."""
    bugs, search = _harness()
    figures = [*_generation(search, options), *_times(), _shrinking(bugs, options), _power()]
    return [*figures, *_noise(search, options), _ill_typed(options)]


def _generation(search: Any, options: Options) -> list[Figure]:
    figures = []
    for how, hypothesis, least in (("by random bytes", False, 5000), ("through hypothesis", True, 500)):
        rate, size = search.generated(options.times(6, 2), hypothesis)
        figures.append(
            Figure(f"terms {how}", rate, {}, "a second", None, f"{least} on 2 cores", rate >= least / 2,
                   ["one process on one core, so half of that is asked of it"])
        )  # fmt: skip
        figures.append(Figure(f"their mean size, {how}", size, {}, "boxes", None, "6", size >= 6))
    return figures


def _times() -> list[Figure]:
    first, later, passed = fresh("tests.benchmarks.laws")
    return [
        Figure("check of a dense layer, first call", first, {}, "s", None, "10 s", passed and first < 10,
               ["in a fresh Python, imports included"]),
        Figure("check of a dense layer, later calls", later, {}, "s", None, "2 s", passed and later < 2),
    ]  # fmt: skip


def _shrinking(bugs: Any, options: Options) -> Figure:
    import jax

    from lenses.laws.shrink import size

    seeds = options.times(10, 3)
    with jax.enable_x64(True):
        hits = [size(bug.smallest(seed))[0] == bug.boxes for bug in bugs.BUGS for seed in range(seeds)]
    share = sum(hits) / len(hits)
    return Figure(f"smallest composite found, of {len(hits)}", sum(hits), {}, "", None, "98 of 100", share >= 0.98)


def _power() -> Figure:
    from lenses import laws

    power = laws.power(progress=False)
    notes = [f"survived: {m.name}, {m.says}" for m in power.survivors]
    target = f"98 % of {len(power.mistakes)}"
    return Figure("seeded mistakes noticed", len(power.killed), {}, "", None, target, power.share >= 0.98, notes)


def _noise(search: Any, options: Options) -> list[Figure]:
    figures = []
    for dtype, size in search.UNITS.items():
        found = search.false_alarms(options.times(50_000, 1000), dtype, seed=21)
        figures.append(
            Figure(f"false alarms in {found.checks} checks, {dtype}", len(found.alarms), {}, "", None, "0",
                   not found.alarms, [f"{path}: {instance}"[:160] for path, instance, _ in found.alarms[:5]])
        )  # fmt: skip
        seen, made = search.small_faults(options.times(400, 60), dtype, seed=22)
        figures.append(
            Figure(f"faults of {size:.0e} seen, {dtype}", seen / made, {}, "", None, "0.9", seen >= 0.9 * made)
        )
    return figures


def _ill_typed(options: Options) -> Figure:
    import fuzz
    from test_fuzz import fault_of

    count = options.times(100_000, 3000)
    faults = [f"{wrong.text}: {said}" for wrong in fuzz.constructions(3, count) if (said := fault_of(wrong))]
    return Figure("ill-typed constructions refused by box and wire", count - len(faults), {}, "", None, f"{count}",
                  not faults, faults[:5])  # fmt: skip


if __name__ == "__main__":
    layer()
