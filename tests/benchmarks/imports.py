"""The time to import the library, beside JAX's own."""

from __future__ import annotations

import subprocess
import sys

from .measure import ROOT, Figure, Options, interleave

TITLE = "import"


def starting(code: str) -> None:
    """A Python that runs `code` and ends."""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def measure(options: Options) -> list[Figure]:
    """Whole processes, in turns; what Python itself takes is measured and taken off both."""
    calls = {
        "lenses": lambda: starting("import lenses"),
        "jax": lambda: starting("import jax"),
        "nothing": lambda: starting("pass"),
    }
    timing = interleave(calls, options.times(15, 5))
    empty = timing.median("nothing")
    ours, jax = timing.median("lenses") - empty, timing.median("jax") - empty
    return [Figure("import lenses", ours, {"import jax": jax}, "s", ours / jax, "at most 1.2", ours <= 1.2 * jax)]
