"""Whole epochs on the device: shuffling, steps, evaluation and early stopping in one compiled loop.

The loop's bounds are arguments, so one program serves every number of epochs, and a progress bar
costs a return to Python a few times a second at most.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..compile import as_array
from ..errors import DataError, explain, shown
from ..nans import first_place, has_nan
from ..spaces import Array, IndexElement, ResidueElement, Space
from .fit import Fit, Measures, State

if TYPE_CHECKING:
    from .losses import Loss


@dataclass
class History:
    """What happened in a run, one entry an epoch: `loss` (mean over its steps), `evaluated` (name -> array), `seconds`.

    `best` is the epoch (from 0) whose state was returned, where there was early stopping.
    """

    loss: np.ndarray
    evaluated: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: float = 0.0
    best: int | None = None

    def __len__(self) -> int:
        return len(self.loss)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.loss if name == "loss" else self.evaluated[name]

    def __repr__(self) -> str:
        lines = [f"{len(self)} epochs in {self.seconds:.1f} s"]
        for name, values in {"loss": self.loss, **{f"evaluated {k}": v for k, v in self.evaluated.items()}}.items():
            if len(values):
                lines.append(f"  {name:<20} {_bars(values)}  {values[0]:.4g} -> {values[-1]:.4g}")
        if self.best is not None:
            lines.append(f"  stopped early; the state is that of epoch {self.best + 1}")
        return "\n".join(lines)


def _bars(values: np.ndarray, width: int = 30) -> str:
    picked = values[np.linspace(0, len(values) - 1, min(width, len(values))).astype(int)]
    low, high = np.nanmin(picked), np.nanmax(picked)
    scaled = np.nan_to_num((picked - low) / (high - low + 1e-30))
    return "".join("▁▂▃▄▅▆▇█"[int(7 * v)] for v in scaled)


def check_batch(batch: Any) -> None:
    """Raises DataError unless `batch` is a number of examples."""
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        raise DataError(explain(f"batch={batch!r}", expected="a whole number, 1 or more"))


def arrays(x: Any) -> list[Any]:
    """The inputs that `x` is, an array or several, as arrays."""
    if x is None:
        raise DataError(explain("the inputs are None", expected="arrays"))
    return [as_array(v, f"input {i}") for i, v in enumerate(x if isinstance(x, tuple | list) else (x,))]


def check_examples(xs: Sequence[Any], batch: int, y: Any = None) -> None:
    """Raises DataError unless inputs, and labels if given, are as many as each other, `batch` at least, without NaN."""
    every = [*xs, *([] if y is None else [y])]
    shapes = {"inputs": [v.shape for v in xs], "labels": None if y is None else y.shape}
    if not every or any(v.ndim == 0 or len(v) == 0 for v in every):
        raise DataError(explain("the data set is empty", **shapes))
    n = len(every[-1])
    if any(len(v) != n for v in every):
        what = "inputs" if y is None else "inputs and labels"
        raise DataError(explain(f"{what} differ in number", **shapes))
    if batch > n:
        raise DataError(explain(f"a batch of {batch} is larger than the data", examples=n, do=f"use batch={n} or less"))
    for i, v in enumerate(xs):
        if has_nan(v):
            raise DataError(
                explain(f"NaN in the data: input {i}", where=f"first at {first_place(v)}",
                        do="clean the data, e.g. with numpy.nan_to_num, or drop the rows")
            )  # fmt: skip


def carried_inputs(xs: Sequence[Any], dom: Sequence[Array]) -> tuple[Any, ...]:
    """The inputs as they lie on the device; raises DataError where numbers are no elements of a ring."""
    for i, (x, array) in enumerate(zip(xs, dom, strict=True)):
        _check_elements(f"input {i}", x, array)
    return tuple(map(carried, xs, dom))


def _check_elements(what: str, x: Any, array: Array) -> None:
    """Raises DataError where numbers are no elements of a ring."""
    if isinstance(array.element, ResidueElement):
        low, high = int(np.min(x)), int(np.max(x))
        if low < 0 or high >= array.element.modulo:
            came, expected = low if low < 0 else high, f"whole numbers from 0 to {array.element.modulo - 1}"
            raise DataError(explain(f"{what} is out of range: {came}", expected=f"{expected}, as in {array!r}"))


def carried(x: Any, array: Array) -> Any:
    """The data as they lie on the device: bits as bytes, which steps widen, all else as what it is."""
    return jnp.asarray(x, jnp.uint8 if array.element == ResidueElement(2) else None)


def same_batch(xs: Sequence[Any], dom: Space, label: Any, array: Array) -> None:
    """Raises DataError unless inputs and labels have the same batch axes."""
    shapes = _batches([*xs, label], [*dom, array])
    if any(s != shapes[0] for s in shapes):
        raise DataError(
            explain("inputs and labels have different batch axes", inputs=shapes[:-1], labels=shapes[-1],
                    expected=f"the same, before {dom!r} and {array!r}")
        )  # fmt: skip


def same_batches(xs: Sequence[Any], dom: Space) -> None:
    """Raises DataError unless inputs have the same batch axes."""
    shapes = _batches(xs, dom)
    if any(s != shapes[0] for s in shapes):
        raise DataError(
            explain("inputs have different batch axes", inputs=shapes, expected=f"the same, before those of {dom!r}")
        )


def _batches(xs: Sequence[Any], dom: Iterable[Array]) -> list[tuple[int, ...]]:
    return [x.shape[: x.ndim - a.rank] for x, a in zip(xs, dom, strict=True)]


def check_range(loss: Loss, label: Array, y: Any) -> None:
    """Raises DataError where labels are no indices of the prediction's last axis, or hold a NaN."""
    if isinstance(label.element, IndexElement):
        low, high, below = int(np.min(y)), int(np.max(y)), label.element.below
        if low < 0 or high >= below:
            raise DataError(
                explain(
                    f"a label is out of range: {low if low < 0 else high}",
                    loss=loss,
                    expected=f"whole numbers from 0 to {below - 1}, the model's last axis has {below}",
                    do="count classes from 0, or let the model's last layer have one output a class",
                )
            )
    elif isinstance(label.element, ResidueElement):
        _check_elements("a label", y, label)
    elif has_nan(y):
        raise DataError(explain("NaN in the labels", where=f"first at {first_place(y)}"))


def check_measures(measure: Any) -> Measures:
    """The measures of a dict of functions; raises DataError for anything else."""
    if measure is None:
        return ()
    if not isinstance(measure, Mapping) or not all(isinstance(n, str) and callable(f) for n, f in measure.items()):
        expected = "a dict {name: function of (prediction, label)}"
        raise DataError(explain(f"measure={shown(measure)}", expected=expected))
    for name in measure:
        if name in ("loss", "accuracy"):
            raise DataError(explain(f"measure: {name!r} is measured anyway", do="choose another name"))
    return tuple(measure.items())


def in_chunks(measure: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Means over examples, f(params, states, *rows), in chunks of 4096 rows."""

    def whole(params: Any, states: Any, *rows: Any) -> dict[str, Any]:
        n, size = _count(rows), 4096
        chunks, rest = divmod(n, size)
        if chunks == 0:
            return measure(params, states, *rows)
        cut = chunks * size
        many = jax.tree.map(lambda v: v[:cut].reshape(chunks, size, *v.shape[1:]), rows)
        totals = jax.tree.map(lambda v: v.sum() * size, lax.map(lambda part: measure(params, states, *part), many))
        if rest:
            last = measure(params, states, *jax.tree.map(lambda v: v[cut:], rows))
            totals = jax.tree.map(lambda a, b: a + b * rest, totals, last)
        return jax.tree.map(lambda v: v / n, totals)

    return whole


def _count(rows: Any) -> int:
    """The number of examples."""
    return len(jax.tree.leaves(rows)[-1])


@jax.tree_util.register_dataclass
@dataclass
class Progress:
    """The loop's carry: the state, the losses and measures so far, the best state, and epochs without improvement."""

    epoch: Any
    state: Any
    losses: Any
    measures: Any
    best_state: Any
    best_loss: Any
    best_epoch: Any
    stale: Any


NEVER = 2**30


def epochs_program(
    fit: Fit, batch: int, shuffle: bool, evaluated: bool, patience: int | None, measures: Measures
) -> Any:
    """The jitted ``loop(progress, stop, rows, key, test)``, which runs epochs until `stop`."""
    evaluate = fit.evaluator(measures) if evaluated else None

    def one_epoch(state: State, rows: Any, key: Any, epoch: Any) -> tuple[State, Any]:
        n = _count(rows)
        steps = n // batch
        if shuffle:
            order = jax.random.permutation(jax.random.fold_in(key, epoch), n)[: steps * batch].reshape(steps, batch)

            def step(state: State, drawn: Any) -> Any:
                return fit._step(state, *jax.tree.map(lambda v: v[drawn], rows))

            state, losses = lax.scan(step, state, order)
        else:
            parts = jax.tree.map(lambda v: v[: steps * batch].reshape(steps, batch, *v.shape[1:]), rows)
            state, losses = lax.scan(lambda s, part: fit._step(s, *part), state, parts)
        return state, losses.mean()

    def body(p: Progress, rows: Any, key: Any, test: Any) -> Progress:
        state, loss = one_epoch(p.state, rows, key, p.epoch)
        losses = p.losses.at[p.epoch].set(loss)
        if evaluate is None:
            return Progress(p.epoch + 1, state, losses, *(p.measures, p.best_state, p.best_loss, p.best_epoch, p.stale))
        found = evaluate(state.params, state.states, *test)
        measures = {k: p.measures[k].at[p.epoch].set(v) for k, v in found.items()}
        if patience is None:
            return Progress(p.epoch + 1, state, losses, measures, p.best_state, p.best_loss, p.best_epoch, p.stale)
        better = found["loss"] < p.best_loss
        best = jax.tree.map(lambda a, b: jnp.where(better, a, b), state, p.best_state)
        return Progress(
            p.epoch + 1, state, losses, measures, best, jnp.where(better, found["loss"], p.best_loss),
            jnp.where(better, p.epoch, p.best_epoch), jnp.where(better, 0, p.stale + 1),
        )  # fmt: skip

    def loop(p: Progress, stop: Any, rows: Any, key: Any, test: Any) -> Progress:
        limit = NEVER if patience is None else patience
        return lax.while_loop(lambda p: (p.epoch < stop) & (p.stale < limit), lambda p: body(p, rows, key, test), p)

    return jax.jit(loop, donate_argnums=0)


def run(
    fit: Fit,
    state: State,
    data: Any,
    epochs: int,
    batch: int = 32,
    *,
    key: Any = "default",
    evaluate: Any = None,
    measure: Mapping[str, Callable[..., Any]] | None = None,
    patience: int | None = None,
    progress: bool = True,
    check_nans: bool = False,
) -> tuple[State, History]:
    """See `Learner.run` and `Game.run`."""
    check_batch(batch)
    rows = fit.checked(data, batch)
    test = fit.checked(evaluate, 1) if evaluate is not None else None
    if not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1:
        raise DataError(explain(f"epochs={epochs!r}", expected="a whole number, 1 or more"))
    if patience is not None and evaluate is None:
        raise DataError(explain("patience needs something to evaluate", do="give evaluate=(x_held_out, y_held_out)"))
    measures = check_measures(measure)
    if measures and evaluate is None:
        raise DataError(explain("measure needs something to evaluate", do="give evaluate=(x_held_out, y_held_out)"))
    key = jax.random.key(0) if isinstance(key, str) else key
    if check_nans:
        if evaluate is not None or patience is not None:
            raise DataError(
                explain("check_nans runs step by step, without evaluation", do="leave out evaluate and patience")
            )
        return _checked_run(fit, state, rows, epochs, batch, key, progress)

    names = [*fit.measured, *(name for name, _ in measures)] if test is not None else []
    program = _program(fit, batch, key is not None, test is not None, patience, measures)
    spare = state if patience is not None else None
    # Buffers of a few sizes only, so that another number of epochs needs no other program.
    blank = jnp.full(max(256, 1 << (epochs - 1).bit_length()), jnp.nan)
    p = Progress(
        jnp.zeros((), jnp.int32), jax.tree.map(jnp.copy, state), blank, {k: jnp.copy(blank) for k in names},
        jax.tree.map(jnp.copy, spare), jnp.asarray(jnp.inf), jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32),
    )  # fmt: skip
    started = time.perf_counter()
    p = _drive(lambda p, stop: program(p, stop, rows, key, test), p, epochs, progress)
    done = int(p.epoch)
    losses = np.asarray(p.losses)[:done]
    history = History(losses, {k: np.asarray(v)[:done] for k, v in p.measures.items()}, time.perf_counter() - started)
    if np.isnan(losses).any():
        warnings.warn(
            explain("the loss became NaN", epoch=int(np.argmax(np.isnan(losses))) + 1,
                    do="run again from the state before with check_nans=True, which names the box"),
            stacklevel=3,
        )  # fmt: skip
    if patience is not None:
        history.best = int(p.best_epoch)
        return p.best_state, history
    return p.state, history


def _program(fit: Fit, *options: Any) -> Any:
    cache = fit.__dict__.setdefault("_programs", {})
    if options not in cache:
        cache[options] = epochs_program(fit, *options)
    return cache[options]


def _drive(program: Any, p: Progress, epochs: int, progress: bool) -> Progress:
    """Runs the program to the end, a quarter of a second at a time where there is a bar to move."""
    if not progress:
        return jax.block_until_ready(program(p, epochs))
    from tqdm.auto import tqdm

    chunk, done, patient = 1, 0, True
    with tqdm(total=epochs, unit="epoch", dynamic_ncols=True) as bar:
        while done < epochs and patient:
            started = time.perf_counter()
            p = jax.block_until_ready(program(p, min(epochs, done + chunk)))
            spent = time.perf_counter() - started
            now = int(p.epoch)
            patient = now == min(epochs, done + chunk)
            bar.update(now - done)
            if now > 0:
                shown = {"loss": float(p.losses[now - 1])} | {
                    f"evaluated {k}": float(v[now - 1]) for k, v in p.measures.items()
                }
                bar.set_postfix({k: f"{v:.4f}" for k, v in shown.items()})
            if done > 0:  # the first call compiles, so it says nothing of the time of an epoch
                chunk = max(1, int(chunk * 0.25 / max(spent, 1e-4)))
            done = now
    return p


def _checked_run(
    fit: Fit, state: State, rows: Any, epochs: int, batch: int, key: Any, progress: bool
) -> tuple[State, History]:
    from tqdm.auto import trange

    started, losses = time.perf_counter(), []
    step = jax.jit(fit._step)
    for epoch in trange(epochs, unit="epoch", disable=not progress):
        n = _count(rows)
        order = np.arange(n) if key is None else np.asarray(jax.random.permutation(jax.random.fold_in(key, epoch), n))
        total = 0.0
        for i in range(n // batch):
            drawn = order[i * batch : (i + 1) * batch]
            part = jax.tree.map(lambda v, drawn=drawn: v[drawn], rows)
            new, loss = step(state, *part)
            if np.isnan(float(loss)) or has_nan(new.params):
                fit.name_nan(state, *part)
            state, total = new, total + float(loss)
        losses.append(total / (n // batch))
    return state, History(np.asarray(losses), {}, time.perf_counter() - started)
