"""Test accuracy on real data: the models of `examples`, with the seeds and folds that these pages use."""

from __future__ import annotations

import contextlib
import io

from .measure import Figure, Options, once

TITLE = "accuracy on held-out data"


def measure(options: Options) -> list[Figure]:
    """Digits, two models, and iris; `quick` takes two seeds of the digits."""
    from examples import digits, iris

    seeds = 2 if options.quick else 5
    figures = []
    for name, run, least in (
        (f"digits, perceptron, {seeds} seeds", lambda: digits.accuracy(digits.perceptron, seeds, epochs=60), 0.97),
        (f"digits, convolutional, {seeds} seeds", lambda: digits.accuracy(digits.convolutional, seeds), 0.98),
        ("iris, one hidden layer, 5 folds", iris.main, 0.95),
    ):
        with contextlib.redirect_stdout(io.StringIO()):
            seconds, mean = once(run)
        figures.append(Figure(name, mean, {}, "", None, f"at least {least}", mean >= least, [f"took {seconds:.1f} s"]))
    return figures
