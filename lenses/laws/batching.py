"""Whole passes with batch axes, traced or compiled, against each example alone in the reference meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ..compile import Compiled as Model
from ..compile import compile
from ..rules.rule import Rule
from ..spaces import Array, Space
from ..trees import leaves, map_tree, nest, pick, whole
from ..typed import Typed
from .compare import COPIES, Difference, Verdict, judge, precision, sample
from .maps import Get, Put
from .points import array_values
from .primitives import as_numpy, run
from .reference import fixed_state, meaning

EXAMPLES = ("normal", "positive", "normal")
"""The examples of a batch."""


@dataclass(frozen=True)
class Batching:
    """The claim that a term on a batch is the term on each example, and so are its changes, parameters' summed."""

    f: Typed
    rule: Rule

    def run(self, model: Model, params: Any, xs: list[Any], dys: list[Any]) -> list[Any]:
        """Outputs and changes of a batch, (outputs, parameters, inputs) in a row; here traced and run by NumPy."""

        def both(params: Any, xs: Any, dys: Any) -> Any:
            return _row(model, params, xs, dys)

        program = jax.make_jaxpr(both)(params, xs, dys)
        return run(program, jax.tree.leaves((params, xs, dys)))

    def verdict(self, seed: int = 0) -> Verdict:
        """Compares on one batch; what the examples' own noise is, is measured on each alone."""
        f, rng = self.f, np.random.default_rng(seed)
        if not len(f.dom):
            return Verdict("nothing", "there is no input that could have batch axes")
        model = compile(f, rule=self.rule)
        tree = whole(model.circuit)
        paths = [path for path, _ in leaves(tree)]
        space = Space(port.array for _, port in leaves(tree))
        unit = precision(space, f.dom, f.cod)
        copies, n = COPIES + 1, len(EXAMPLES)
        weights = [np.repeat(np.concatenate([w] * n), copies, 0) for w in _one(space, rng)]
        given = sample(f.dom @ f.cod.change, unit, rng, EXAMPLES)
        rows = [*weights, *given.rows]
        get = Typed(Get((f,), self.rule), space @ f.dom)
        put = Typed(Put((f,), self.rule), space @ f.dom @ f.cod.change)
        alone = [
            *meaning(get, rows[: len(space) + len(f.dom)], given.jitter),
            *meaning(put, rows, given.jitter),
        ]
        params = nest(paths, [w[0] for w in weights])
        xs = [x[::copies] for x in given.rows]
        together = self.run(model, params, xs[: len(f.dom)], xs[len(f.dom) :])
        outs = len(f.cod)
        ys, zs = [], []
        for i, (y, z) in enumerate(zip(alone, together, strict=True)):
            y = np.moveaxis(y.reshape((n, copies, *y.shape[1:])), 1, 0)
            if outs <= i < outs + len(space.change):
                y = as_numpy(_total(space.change[i - outs], y, 1))
            elif z.shape == y.shape[2:]:  # a constant has no batch axes
                z = np.broadcast_to(z, y.shape[1:])
            if z.shape != y.shape[1:]:
                said = f"a batch gives the shape {z.shape}, its examples {y.shape[1:]}"
                return Verdict("fails", said, 1, Difference(i, y[0], z, 0.0, xs))
            ys.append(y)
            zs.append(np.broadcast_to(z, y.shape))
        batch = type(given)(
            [np.moveaxis(x.reshape((n, copies, *x.shape[1:])), 1, 0) for x in given.rows], None, ("batch",)
        )
        return judge(ys, zs, batch, unit)


@dataclass(frozen=True)
class Compiled(Batching):
    """The same claim of the compiled program, which XLA runs."""

    def run(self, model: Model, params: Any, xs: list[Any], dys: list[Any]) -> list[Any]:
        return [as_numpy(v) for v in _row(model, params, xs, dys)]


def _row(model: Model, params: Any, xs: Any, dys: Any) -> list[Any]:
    state = map_tree(fixed_state, model.circuit.states)
    y, pullback = model.vjp(params, *xs, state=state)
    y = y[0] if model.stateful else y
    ys = y if isinstance(y, tuple) else (y,)
    real = [(y, a) for y, a in zip(ys, model.cod, strict=True) if a.change is not None]
    # A constant has no batch axes, and so has its change.
    changes = [_total(a, d, 0) if y.ndim == a.rank else d for d, (y, a) in zip(dys, real, strict=True)]
    dparams, dxs = pullback(*changes)
    dxs = dxs if isinstance(dxs, tuple) else (dxs,)
    paths = [path for path, _ in leaves(whole(model.circuit))]
    changing = [d for d, a in zip(dxs, model.dom, strict=True) if a.change is not None]
    return [*ys, *(pick(dparams, path) for path in paths), *changing]


def _total(array: Array, values: Any, axis: int) -> Any:
    """The sum along an axis, of real numbers or of elements of a rig."""
    return values.sum(axis) if array.real else array.element.total(values, [axis])


def _one(space: Space, rng: np.random.Generator) -> list[Any]:
    """One value an array, with an axis of one point in front."""

    def value(a: Array) -> Any:
        if a.change is None:
            return np.zeros((1, *a.sizes), a.dtype)
        return array_values(a, "normal", rng)[None]

    return [value(a) for a in space]
