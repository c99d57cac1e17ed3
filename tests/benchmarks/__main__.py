"""``python -m tests.benchmarks [--quick] [--json FILE] [GROUP ...]``: measures and prints the figures.

Without GROUPs all of them are run, in the order of `GROUPS`; each is a module with a TITLE and
``measure(options)``. Ends with status 1 if a figure misses its target.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
import time
from pathlib import Path

import jax

from .measure import Figure, Options, table

GROUPS = (
    "imports",
    "chains",
    "forwards",
    "step",
    "gradients",
    "jacobian",
    "dispatch",
    "scan",
    "causal",
    "epochs",
    "optimisers",
    "accuracy",
    "rules",
    "laws",
    "pictures",
    "circuits",
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the groups; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="The figures of the library.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON too")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.groups if name not in GROUPS]
    if unknown:
        parser.error(f"no group {unknown[0]!r}; there are {', '.join(GROUPS)}")
    options = Options(given.quick)
    found: list[tuple[str, Figure]] = []
    print(f"jax {jax.__version__} on {jax.default_backend()}, Python {platform.python_version()}, {platform.machine()}")
    for name in given.groups or GROUPS:
        module = importlib.import_module(f"{__package__}.{name}")
        started = time.perf_counter()
        figures = module.measure(options)
        found += [(name, figure) for figure in figures]
        print(f"\n{table(module.TITLE, figures)}\n({name}: {time.perf_counter() - started:.0f} s)", flush=True)
    missed = [(name, figure) for name, figure in found if figure.reached is False]
    asked = sum(figure.reached is not None for _, figure in found)
    print(f"\n{asked - len(missed)} of {asked} figures reached" + ("; missed:" if missed else ""))
    for name, figure in missed:
        print(f"  {name}: {figure.name}")
    if given.json:
        given.json.write_text(json.dumps([figure.data(name) for name, figure in found], indent=1) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
