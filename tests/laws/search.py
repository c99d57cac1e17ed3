"""Long searches: false alarms on correct code, and faults so small that noise could hide them.

``python tests/laws/search.py --checks 100000`` prints both, for float64 and float32.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from lenses import laws
from lenses.laws import maps
from lenses.laws.compare import sample
from lenses.laws.instances import Instance, Maker, plain, verdict_of
from lenses.laws.mutants.mutant import Wrong
from lenses.laws.reference import meaning
from lenses.rules.rule import STRUCTURE, Rule
from lenses.terms import Box

UNITS = {"float64": 1e-9, "float32": 1e-4}
"""The relative faults that must be seen."""


@dataclass
class Found:
    """How a search went: how many checks came out how, and the alarms."""

    checks: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    alarms: list[tuple[str, str, Any]] = field(default_factory=list)
    seconds: float = 0.0


def trials(dtype: str) -> list[tuple[laws.Law, Any]]:
    """Every law that should hold of random terms, with the derivatives it is tried under."""
    kinds = {"functor", "box", "once", "loss", "rate", "optimiser", "learner"}
    found = []
    for law in laws.catalogue():
        if (
            not law.holds
            or kinds & set(law.needs.split())
            or law.structure.subject
            or law.structure.name
            in (
                "additive map",
                "lawful lens",
            )
        ):
            continue
        found.append((law, maps.terms))
        if law.depth == 1 and "reverse" in law.structure.name:
            found.append((law, maps.lens()))
    return [(law, maps.lens() if {"pass", "para"} & set(law.needs.split()) or law.structure.name in (
        "lens", "lens with additive put", "rule") else R) for law, R in found]  # fmt: skip


def false_alarms(checks: int, dtype: str, seed: int = 0, progress: bool = False) -> Found:
    """Checks of correct code: random terms under every law; an alarm is a law that fails."""
    found, started = Found(), time.perf_counter()
    with jax.enable_x64(True):
        maker = Maker(laws.standard(dtype))
        todo = trials(dtype)
        for i in tqdm(range(checks), disable=not progress, desc=f"false alarms, {dtype}"):
            law, R = todo[i % len(todo)]
            instance = maker.make(law, seed * 1_000_003 + i)
            verdict = verdict_of(instance, R)
            found.checks += 1
            found.outcomes[verdict.outcome] += 1
            if verdict.failed:
                found.alarms.append((law.path, repr(instance), verdict))
    found.seconds = time.perf_counter() - started
    return found


def small_faults(count: int, dtype: str, seed: int = 0, size: float | None = None) -> tuple[int, int]:
    """(seen, made): faults of one coordinate of one box's change, in random terms, that the law `vjp` sees."""
    rng = random.Random(f"{dtype} {seed}")
    fault = UNITS[dtype] if size is None else size
    seen = made = 0
    law = laws.find("reverse derivative/vjp")
    with jax.enable_x64(True):
        signature = laws.standard(dtype, indices=False)
        while made < count:
            term = laws.random_term(rng, signature, steps=6)
            boxes = [
                c.box for c in term.circuit.cells if not isinstance(c.box, tuple(STRUCTURE)[1:]) and c.inner is None
            ]
            if not boxes:
                continue
            R = maps.lens(Rule("fault", {rng.choice(boxes): Wrong(STRUCTURE[Box], _fault(fault), None)}))
            if not _matters(term, R, dtype):
                continue
            made += 1
            seen += verdict_of(Instance(law, {"f": term}, {}, made), R).failed
    return seen, made


def _fault(size: float) -> Any:
    def back(cx: Any, p: Any, kept: Any, ds: Any, changes: Any, dxs: list[Any]) -> Any:
        def wrong(d: Any) -> Any:
            return d if d is None else d.at[(0,) * d.ndim].multiply(1 + size)

        return changes, [wrong(d) for d in dxs]

    return back


def _matters(term: Any, R: Any, dtype: str) -> bool:
    """Whether the fault reaches a result: whether a fault a thousand times the rounding unit moves it at all."""
    f = plain(term)
    given = sample(f.dom @ f.cod.change, 0.0, np.random.default_rng(0), ("normal",))
    right = meaning(maps.lens()(f).term, given.rows)
    wrong = meaning(R(f).term, given.rows)
    return any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(right, wrong, strict=True))


def generated(seconds: float, hypothesis: bool) -> tuple[float, float]:
    """(terms a second, mean number of boxes) of well-typed terms, drawn through hypothesis or not."""
    signature = laws.standard()
    sizes: list[int] = []
    if hypothesis:
        return _by_hypothesis(signature, seconds)
    rng = random.Random(0)
    for _ in range(500):
        laws.random_term(rng, signature)
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        for _ in range(100):
            sizes.append(_boxes(laws.random_term(rng, signature))) if count % 10 == 0 else laws.random_term(
                rng, signature
            )
            count += 1
    return count / (time.perf_counter() - started), sum(sizes) / len(sizes)


def _boxes(term: Any) -> int:
    return len(term.graph.nodes)


def _by_hypothesis(signature: Any, seconds: float) -> tuple[float, float]:
    import hypothesis

    found: list[Any] = []

    @hypothesis.settings(max_examples=int(1000 * seconds), deadline=None, database=None, derandomize=True,
                         suppress_health_check=[hypothesis.HealthCheck.too_slow])  # fmt: skip
    @hypothesis.given(laws.terms(signature))
    def run(term: Any) -> None:
        found.append(term)

    run()
    found.clear()
    started = time.perf_counter()
    run()
    spent = time.perf_counter() - started
    return len(found) / spent, sum(map(_boxes, found)) / len(found)


def main() -> None:
    """The searches from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=100_000, help="checks of correct code, half in each precision")
    parser.add_argument("--faults", type=int, default=400, help="small faults in each precision")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for dtype in UNITS:
        found = false_alarms(given.checks // 2, dtype, given.seed, progress=sys.stderr.isatty())
        print(f"{dtype}: {found.checks} checks, {len(found.alarms)} false alarms, {dict(found.outcomes)}, "
              f"{found.seconds:.0f} s")  # fmt: skip
        for path, instance, verdict in found.alarms[:10]:
            print(f"  {path}: {instance}\n    {verdict}")
        seen, made = small_faults(given.faults, dtype, given.seed)
        print(f"{dtype}: {seen} of {made} faults of {UNITS[dtype]:.0e} seen ({seen / made:.1%})")


if __name__ == "__main__":
    main()
