"""The demonstration: a small network learns handwritten digits, its laws are checked, and the time is accounted for."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from .boxes.convolution import conv, max_pool
from .boxes.linear import dense
from .boxes.pointwise import relu
from .boxes.rearrange import flatten
from .cost import flops
from .errors import DataError, LensError, explain
from .laws import check
from .learner.learner import learner
from .learner.losses import softmax_cross_entropy
from .learner.optimisers import adam
from .pictures import draw
from .spaces import Real
from .trees import leaves

model = conv(16) >> relu >> max_pool() >> conv(32) >> relu >> max_pool() >> flatten >> dense(10)
"""The network, a term; `space` is what it is trained on."""
space = Real(height=8, width=8, channel=1)


def digits(seed: int = 0) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """scikit-learn's digits as (train, test), four fifths and one fifth, drawn by `seed`.

    Images are float32 (n, 8, 8, 1) in [0, 1], labels int (n,). Raises LensError without scikit-learn.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise LensError(
            explain("the digits come with scikit-learn, which is not installed", do="pip install 'paralens[examples]'")
        ) from None
    pixels, y = load_digits(return_X_y=True)
    x = (pixels / 16).astype("float32").reshape(-1, 8, 8, 1)
    order = np.random.default_rng(seed).permutation(len(x))
    test, train = np.split(order, [len(x) // 5])
    return (x[train], y[train]), (x[test], y[test])


class Clock:
    """Wall-clock seconds by phase; what JAX spends on tracing and compiling is taken out and counted by itself."""

    COMPILING = "tracing and compiling"

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._spans: list[tuple[float, float]] = []

    def add(self, phase: str, seconds: float) -> None:
        """Counts seconds to a phase."""
        self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Counts the time of a block to a phase; the compilation in it goes to its own."""
        jax.monitoring.register_event_duration_secs_listener(self._listen)
        self._spans.clear()
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - started
            jax.monitoring.unregister_event_duration_listener(self._listen)
            compiling = _covered(self._spans)
            self.add(name, spent - compiling)
            self.add(self.COMPILING, compiling)

    def _listen(self, event: str, duration_secs: float, **_: Any) -> None:
        # Told at its end how long something took. Tracing one function traces others, so spans overlap.
        if event.startswith("/jax/core/compile/"):
            now = time.perf_counter()
            self._spans.append((now - duration_secs, now))

    def __str__(self) -> str:
        total = sum(self.seconds.values())
        rows = [*self.seconds.items(), ("total", total)]
        return "\n".join(f"  {name:<24} {spent:6.1f} s  {spent / total:4.0%}" for name, spent in rows)


def _covered(spans: list[tuple[float, float]]) -> float:
    """The length of the union of intervals."""
    total, reached = 0.0, -np.inf
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def since_start() -> float:
    """Seconds since this process started; processor seconds where the system does not say."""
    try:
        with open("/proc/self/stat") as stat:
            started = int(stat.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, AttributeError, ValueError, IndexError):
        return time.process_time()


def run(epochs: int = 30, seed: int = 0, started: float | None = None, laws: bool = True, picture: Any = None) -> float:
    """Trains `model` on the digits, prints what happened, and returns the accuracy on the test images.

    `started`: seconds that went by before, for the table of times (default: none). `laws`: whether the
    model's laws are checked, too. `picture`: the file that the model is drawn into, if any.
    """
    if epochs < 1 or seed < 0:
        raise DataError(explain(f"demo: epochs={epochs}, seed={seed}", expected="1 epoch or more, a seed of 0 or more"))
    clock = Clock()
    if started is not None:
        clock.add("start and imports", started)
    with clock.phase("data and set-up"):
        train, test = digits(seed)
        fit = learner(model, space, loss=softmax_cross_entropy, optimiser=adam(2e-3))
        state = fit.init(jax.random.key(seed))
    numbers = sum(leaf.array.size for _, leaf in leaves(fit.model.circuit.params))
    print("model:     ", model)
    print("           ", f"{fit.model.dom} -> {fit.model.cod}, {numbers:,} parameters,")
    print("           ", f"{flops(model, space):,} operations an image")
    print(
        "data:      ",
        f"{len(train[1])} images of handwritten digits to learn from, {len(test[1])} others to test on",
        flush=True,
    )
    with clock.phase("training"):
        state, history = fit.run(state, train, epochs=epochs, key=jax.random.key(seed))
    with clock.phase("evaluation"):
        found = fit.evaluate(state, test)
    right = round(found["accuracy"] * len(test[1]))
    if laws:
        with clock.phase("laws"):
            report = check(model, space, examples=1)
        print("laws:      ", report.summary if report.passed else report)
    if picture is not None:
        with clock.phase("picture"):
            draw(model, space, title="digits", wrap=1000).save(picture)
        print("picture:   ", picture)
    print("loss:      ", f"{history.loss[0]:.3f} in the first epoch, {history.loss[-1]:.3f} in the last of {epochs}")
    print("accuracy:  ", f"{found['accuracy']:.4f} on the test images: {right} of {len(test[1])} right")
    print("where the time went:")
    print(clock)
    return found["accuracy"]
