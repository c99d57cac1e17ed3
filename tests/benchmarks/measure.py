"""Measuring: figures, interleaved timing, and programs run in a fresh Python.

Two programs are compared by running them in turns in one process, so that whatever else the
machine does falls on both, and by the median of the ratios of neighbouring rounds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Options:
    """How much to measure: `quick` takes fewer repetitions and leaves out what takes minutes."""

    quick: bool = False

    def times(self, full: int, quick: int) -> int:
        """A number of repetitions."""
        return quick if self.quick else full


@dataclass
class Figure:
    """One figure.

    `ours` is the library's, `others` those beside it by name (the first one is what the ratio is
    taken to), `unit` that of both. `target` says what is asked, `reached` whether it is so (None:
    shown for information). `notes` are printed below the row.
    """

    name: str
    ours: Any
    others: dict[str, Any] = field(default_factory=dict)
    unit: str = ""
    ratio: float | None = None
    target: str = ""
    reached: bool | None = None
    notes: list[str] = field(default_factory=list)

    def data(self, group: str) -> dict[str, Any]:
        """The figure as plain data."""
        return {"group": group} | asdict(self)


@dataclass
class Timing:
    """Times in seconds a call, a program a name: medians, and the ratios of neighbouring rounds."""

    rounds: dict[str, list[float]]

    def median(self, name: str) -> float:
        """The median time of a program."""
        return statistics.median(self.rounds[name])

    def ratios(self, name: str, to: str) -> list[float]:
        """The ratio of two programs' times in each round."""
        return [a / b for a, b in zip(self.rounds[name], self.rounds[to], strict=True)]

    def ratio(self, name: str, to: str) -> float:
        """The median of the ratios of neighbouring rounds."""
        return statistics.median(self.ratios(name, to))

    def best(self, name: str) -> float:
        """The mean of the fastest sixth of the rounds, for what else runs on the machine only ever adds to a time."""
        times = sorted(self.rounds[name])
        return statistics.mean(times[: max(1, len(times) // 6)])

    def beyond(self, name: str, to: str, limit: float) -> bool:
        """Whether a program takes over `limit` times another's time, beyond noise: by the medians and by the best."""
        return self.ratio(name, to) > limit and self.best(name) > limit * self.best(to)

    def noise(self, name: str, again: str) -> float:
        """How far apart, as a ratio of 1 or more, two runs of one program are: what a ratio can be by chance."""
        ratios = (self.ratio(name, again), self.best(name) / self.best(again))
        return max(max(r, 1 / r) for r in ratios)


def interleave(
    programs: Mapping[str, Callable[[], Any]],
    rounds: int,
    repeat: int = 1,
    before: Callable[[], Any] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Timing:
    """Each program `repeat` times in turn, for some rounds, the order reversed every other round.

    `before` is called before each turn, off the clock. One more round goes first, to warm up. With
    `time.process_time` as the `clock`, what else runs on the machine counts less.
    """
    names = list(programs)
    found: dict[str, list[float]] = {name: [] for name in names}
    for i in range(rounds + 1):
        for name in names if i % 2 else names[::-1]:
            if before is not None:
                before()
            program = programs[name]
            started = clock()
            for _ in range(repeat):
                program()
            spent = (clock() - started) / repeat
            if i:
                found[name].append(spent)
    return Timing(found)


def once(program: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds that one call takes, and what it returns."""
    started = time.perf_counter()
    result = program()
    return time.perf_counter() - started, result


def fresh(module: str, *arguments: str, **environment: str) -> Any:
    """What the module, run by a Python of its own, prints as JSON on its last line."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"python -m {module} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


# -- printing --------------------------------------------------------------------------------


def shown(value: Any, unit: str = "") -> str:
    """A value for people: seconds scaled to what fits, counts grouped, small numbers in exponents."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit == "s":
        for factor, name in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
            if value >= factor:
                return f"{value / factor:.3g} {name}"
        return f"{value * 1e6:.2g} us"
    if isinstance(value, int):
        return f"{value:_}{' ' + unit if unit else ''}"
    return f"{value:.4g}{' ' + unit if unit else ''}"


def table(group: str, figures: Sequence[Figure]) -> str:
    """The figures of a group as a table in text."""
    rows = [("figure", "ours", "beside", "ratio", "target", "")]
    notes: list[list[str]] = [[]]
    for f in figures:
        beside = ", ".join(f"{name} {shown(value, f.unit)}" for name, value in f.others.items())
        ratio = "" if f.ratio is None else f"{f.ratio:.3f}"
        rows.append(
            (
                f.name,
                shown(f.ours, f.unit),
                beside,
                ratio,
                f.target,
                {None: "", True: "reached", False: "MISSED"}[f.reached],
            )
        )
        notes.append(f.notes)
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    lines = [f"== {group}"]
    for row, below in zip(rows, notes, strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        lines += [f"    {note}" for note in below]
    return "\n".join(lines)
