"""Pictures: how long they take, how that grows, and how large their files are."""

from __future__ import annotations

import importlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import diagrams
from lenses import Real, Typed, add, compose, copy, dense, identity, relu

from .measure import Figure, Options

TITLE = "pictures: time by length, and bytes"

LENGTHS = {100: None, 1000: 1.0, 5000: 6.0, 20_000: None}
"""Lengths in boxes, and in how many seconds they are to be drawn."""


def chain(boxes: int) -> Typed:
    """Layers one after the other."""
    return compose(*[dense(8) >> relu] * (boxes // 2)).at(Real(token=4, d=8))


def residual(boxes: int) -> Typed:
    """Layers, each with a wire that passes it by."""
    return compose(*[copy >> (identity @ dense(d=8)) >> add] * (boxes // 3)).at(Real(token=4, d=8))


def seconds(draw: Callable[[], Any], times: int) -> float:
    """The median time of a call."""
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        draw()
        spent.append(time.perf_counter() - started)
    return median(spent)


def _gallery() -> Any:
    sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
    return importlib.import_module("gallery")


def measure(options: Options) -> list[Figure]:
    """Times of SVG from term to text, and sizes of files."""
    pictures = {p.name: p for p in _gallery().PICTURES}
    attention = pictures["attention"].term
    diagrams.draw(attention).svg()
    spent = seconds(lambda: diagrams.draw(attention).svg(), options.times(50, 5))
    figures = [Figure("attention", 1e3 * spent, {}, "ms", None, "50 ms", spent < 0.05)]
    for shape in (chain, residual):
        each = {}
        for n, goal in LENGTHS.items():
            typed = shape(n)
            _ = typed.circuit
            spent = seconds(lambda typed=typed: diagrams.draw(typed).svg(), options.times(3, 1))
            each[n] = spent / n
            asked = ("", None) if goal is None else (f"{goal:g} s", spent < goal)
            figures.append(Figure(f"{shape.__name__} of {n} boxes", spent, {}, "s", None, *asked))
        growth = each[20_000] / each[1000]
        figures.append(
            Figure(f"{shape.__name__}: time a box at 20 000 to that at 1000", growth, {}, "times", None,
                   "near linear: 2", growth < 2)
        )  # fmt: skip
    size = len(diagrams.draw(pictures["transformer"].term).svg()) / 1e3
    figures.append(Figure("SVG of a transformer, all parts opened", size, {}, "kB", None, "300 kB", size < 300))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "transformer.pdf"
        diagrams.draw(pictures["transformer"].term).save(path)
        data = path.read_bytes()
    figures.append(Figure("PDF of it", len(data) / 1e3, {}, "kB", None))
    figures.append(Figure("raster images in it", data.count(b"/Subtype /Image"), {}, "", None, "0",
                          b"/Subtype /Image" not in data))  # fmt: skip
    return figures
