"""Deciding whether circuits are equal, and simplifying them.

Times are those of the processor, all cores together, since what else runs on the machine is no part of them.
"""

from __future__ import annotations

import importlib
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lenses.circuits import Netlist, equal_formal, equal_function, simplify
from lenses.circuits.equality import exhaustive
from lenses.circuits.formats import to_aiger
from lenses.circuits.running import interpreter

from ..measure import Figure, Options

BINARY = (1, 2, 4, 6, 7, 8, 9, 11, 13, 14)
"""The truth tables that read both operands."""


def _circuits() -> Any:
    """The adders and mutants that the tests use."""
    sys.path[:0] = [str(Path(__file__).parents[2] / "circuits")]
    return importlib.import_module("arithmetic")


def timed(program: Callable[[], Any]) -> tuple[float, float, Any]:
    """The processor's seconds, those on the clock, and what was returned."""
    clock, started = time.perf_counter(), time.process_time()
    result = program()
    return time.process_time() - started, time.perf_counter() - clock, result


def layered(inputs: int, layers: int, width: int) -> Netlist:
    """Layers of random gates on the layer before, one output of each gate of the last."""
    rng = np.random.default_rng(0)
    left, right, table = [], [], []
    before, first = np.arange(1, 1 + inputs), 1 + inputs
    for _ in range(layers):
        sides = [rng.permutation(np.resize(rng.permutation(before), width)) for _ in range(2)]
        left.append(sides[0])
        right.append(sides[1])
        table.append(rng.choice(BINARY, width))
        before, first = np.arange(first, first + width), first + width
    return Netlist(inputs, np.concatenate(left), np.concatenate(right), np.concatenate(table), before)


def measure(options: Options) -> list[Figure]:
    """All inputs, adders, mutants, formal equality, and simplification."""
    arithmetic = _circuits()
    return [
        _exhaustive(),
        *_adders(arithmetic, options),
        _mutants(arithmetic, options),
        _formal(arithmetic),
        _large(options),
    ]


def _exhaustive() -> Figure:
    f = layered(24, 15, 1000)
    compiled = interpreter.installed()
    first, _, _ = timed(lambda: exhaustive.satisfying(layered(12, 3, 30), compiled=compiled))
    seconds, clock, result = timed(lambda: equal_function(f, f, how="exhaustive"))
    notes = [f"{clock:.2f} s on the clock; {first:.1f} s once to compile the loop or to load it"]
    if not compiled:
        notes = ["numba is not installed: rows are numbers of Python"]
    name = "all inputs of two circuits, 24 inputs, 30 000 gates"
    return Figure(name, seconds, {}, "s", None, "6 s", bool(result) and "2^24" in result.how and seconds <= 6, notes)


def _aigverse(f: Netlist, g: Netlist) -> float | None:
    """The seconds that another checker takes, where it is installed."""
    try:
        io, algorithms = (importlib.import_module(f"aigverse.{name}") for name in ("io", "algorithms"))
    except ImportError:
        return None
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.aag" for name in "fg"]
        for path, netlist in zip(paths, (f, g), strict=True):
            path.write_text(str(to_aiger(netlist)))
        pair = [io.read_ascii_aiger_into_aig(path) for path in paths]
        seconds, _, result = timed(lambda: algorithms.equivalence_checking(*pair))
    return seconds if result else None


def _adders(arithmetic: Any, options: Options) -> list[Figure]:
    found = []
    f = arithmetic.ripple_adder(64)
    equal_function(f, arithmetic.mutant(f, 0))
    for name, g in (("carry select", arithmetic.select_adder(64)), ("parallel prefix", arithmetic.prefix_adder(64))):
        tries = [timed(lambda g=g: equal_function(f, g)) for _ in range(options.times(5, 3))]
        seconds = min(t for t, _, _ in tries)
        proved = all(bool(r) and r.error == 0 for _, _, r in tries)
        other = _aigverse(f, g)
        beside = {} if other is None else {"aigverse": other}
        ratio = None if other is None else seconds / other
        title = f"64 bits, ripple carry and {name}: proved one function"
        found.append(Figure(title, seconds, beside, "s", ratio, "0.1 s", proved and seconds <= 0.1, [tries[0][2].how]))
    return found


def _mutants(arithmetic: Any, options: Options) -> Figure:
    f, many = arithmetic.ripple_adder(64), options.times(100, 20)
    refuted = checked = harmless = 0
    worst = 0.0
    for g in (arithmetic.select_adder(64), arithmetic.prefix_adder(64)):
        for seed in range(many):
            changed = arithmetic.mutant(g, seed)
            seconds, _, result = timed(lambda changed=changed: equal_function(f, changed))
            worst = max(worst, seconds)
            if result:
                harmless += result.error == 0
                continue
            refuted += 1
            left, right = f.evaluate(result.bits), changed.evaluate(result.bits)
            checked += bool(left[result.output] != right[result.output])
    notes = [f"{harmless} of {2 * many} change a row of a table that never occurs: proved harmless",
             f"at most {worst:.2f} s each"]  # fmt: skip
    decided = refuted + harmless == 2 * many
    return Figure("adders with one gate changed: refuted, the witness checked", checked, {"refuted": refuted}, "",
                  None, "all", decided and checked == refuted > 0, notes)  # fmt: skip


def _formal(arithmetic: Any) -> Figure:
    f, g = arithmetic.multiplier(32, False), arithmetic.shuffled_formally(arithmetic.multiplier(32, False))
    seconds, _, result = timed(lambda: equal_formal(f, g))
    notes = [
        f"{f.gates} and {g.gates} gates; {result.how}; error below 2^{math.ceil(math.log2(result.error or 2**-1000))}"
    ]
    title = "multipliers of 32 bits: proved one polynomial"
    return Figure(title, seconds, {}, "s", None, "error below 2^-100", bool(result) and result.error < 2**-100, notes)


def _large(options: Options) -> Figure:
    arithmetic, times = _circuits(), {}
    sizes = (10_000, 100_000) if options.quick else (10_000, 100_000, 1_000_000)
    for gates in sizes:
        f = arithmetic.random_netlist(256, gates, 64, 0, window=5000)
        times[gates], _, made = timed(lambda f=f: simplify(f, resynthesise=False))
        assert made.gates < gates and made.proof is not None
    first, *_, last = times.values()
    exponent = math.log(last / first) / math.log(sizes[-1] / sizes[0])
    beside = {f"{gates:_}": times[gates] for gates in sizes[:-1]}
    title = f"{sizes[-1]:_} gates simplified and proved"
    return Figure(
        title, last, beside, "s", exponent, "linear", exponent <= 1.3, ["the ratio is the exponent of growth"]
    )
