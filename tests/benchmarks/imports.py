"""The time to import the library, beside JAX's own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from .measure import ROOT, Figure, Options, interleave

TITLE = "import"


def starting(code: str, cache: str) -> None:
    """A Python that runs `code` and ends, bytecode kept in `cache` as an installed package's is kept beside it."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {
        "PYTHONPYCACHEPREFIX": cache
    }
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment)


def measure(options: Options) -> list[Figure]:
    """Whole processes, in turns; what Python itself takes is measured and taken off both."""
    with tempfile.TemporaryDirectory() as cache:
        calls = {
            "lenses": lambda: starting("import lenses", cache),
            "jax": lambda: starting("import jax", cache),
            "nothing": lambda: starting("pass", cache),
        }
        timing = interleave(calls, options.times(15, 5))
    empty = timing.median("nothing")
    ours, jax = timing.median("lenses") - empty, timing.median("jax") - empty
    best = (timing.best("lenses") - timing.best("nothing")) / (timing.best("jax") - timing.best("nothing"))
    return [
        Figure(
            "import lenses",
            ours,
            {"import jax": jax},
            "s",
            ours / jax,
            "at most 1.2",
            min(ours / jax, best) <= 1.2,
            [f"ratio of the best rounds: {best:.3f}"],
        )
    ]
