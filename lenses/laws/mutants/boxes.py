"""Mistakes in the derivative of one kind of box."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

import lenses

from ...boxes.linear import Bias, Einsum, Scale, Weighted
from ...boxes.lookup import Embedding
from ...boxes.normalisation import LayerNorm
from ...boxes.pointwise import Relu, WithNumber
from ...boxes.rearrange import Concatenate, Rearrange, Split
from ...boxes.reductions import Reduce, Softmax, Spread
from ...interpret import Cx, Side
from ...terms import Box
from .mutant import ANY, DENSE, MATRIX, SQUARE, Back, V, W, derivative


def _box(cx: Cx) -> Any:
    return cx.cell.box


def _inputs(f: Callable[[Any], Any], which: int | None = None) -> Back:
    def back(cx: Cx, p: Side, kept: Any, ds: Sequence[Any], changes: Any, dxs: list[Any]) -> Any:
        return changes, [f(d) if d is not None and which in (None, i) else d for i, d in enumerate(dxs)]

    return back


def _params(f: Callable[[Any], Any], name: str | None = None) -> Back:
    def back(cx: Cx, p: Side, kept: Any, ds: Sequence[Any], changes: Any, dxs: list[Any]) -> Any:
        return {k: f(v) if name in (None, k) else v for k, v in changes.items()}, dxs

    return back


# -- linear maps -----------------------------------------------------------------------------

derivative("dense: wrong sign", "the input's change has the wrong sign", Weighted, *DENSE, back=_inputs(lambda d: -d))
derivative("dense: half a change", "the input's change is halved", Weighted, *DENSE, back=_inputs(lambda d: d / 2))
derivative("dense: no change of the input", "the input's change is 0", Weighted, *DENSE, back=_inputs(lambda d: d * 0))
derivative(
    "dense: transposed weight",
    "the square weight is not transposed on the way back",
    Weighted,
    DENSE[0],
    back=lambda cx, p, kept, ds, changes, dxs: (
        changes,
        [ds[0] @ p["weight"]] if p["weight"].ndim == 2 and len(set(p["weight"].shape)) == 1 else dxs,
    ),
)
derivative(
    "dense: reversed rows",
    "the weight's change has its rows in reverse",
    Weighted,
    *DENSE,
    back=_params(lambda d: d[::-1], "weight"),
)
derivative(
    "dense: transposed change",
    "the change of a square weight is transposed",
    Weighted,
    DENSE[0],
    back=_params(lambda d: d.T if d.ndim == 2 and len(set(d.shape)) == 1 else d, "weight"),
)
derivative("dense: bias ignored", "the bias gets no change", Weighted, *DENSE, back=_params(lambda d: d * 0, "bias"))
derivative(
    "dense: bias averaged",
    "the bias gets the mean of the changes",
    Weighted,
    *DENSE,
    back=_params(lambda d: jnp.full_like(d, d.mean()), "bias"),
)
derivative(
    "dense: bias ignored forward",
    "the forward pass of the lens leaves the bias out",
    Weighted,
    *DENSE,
    there=lambda right, cx, p, xs: ((cx.cell.box.map(cx, p["weight"], xs[0]),), {}, right.forward(cx, p, xs)[2]),
)
derivative(
    "dense: stale input",
    "the weight's change is made of the input's sign alone",
    Weighted,
    *DENSE,
    there=lambda right, cx, p, xs: (*right.forward(cx, p, xs)[:2], jnp.sign(xs[0])),
)
derivative(
    "dense: half precision kept",
    "the input is kept in half precision",
    Weighted,
    *DENSE,
    there=lambda right, cx, p, xs: (*right.forward(cx, p, xs)[:2], xs[0].astype("float16").astype(xs[0].dtype)),
)
derivative("bias: sign", "the bias's change has the wrong sign", Bias, lenses.bias().at(V), back=_params(lambda d: -d))
derivative(
    "scale: constant ignored",
    "the factor is left out on the way back",
    Scale,
    lenses.scale(0.5).at(V),
    back=lambda cx, p, kept, ds, changes, dxs: (changes, list(ds)),
)
derivative(
    "scale: inverted",
    "the change is divided by the factor",
    Scale,
    lenses.scale(0.5).at(V),
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [ds[0] / _box(cx).factor]),
)
derivative(
    "einsum: operands swapped",
    "two operands of one space get each other's changes",
    Einsum,
    lenses.einsum("i, i ->").at(V, V),
    lenses.einsum("i, j -> i j").at(W, W),
    back=lambda cx, p, kept, ds, changes, dxs: (
        changes,
        dxs[::-1] if len(dxs) == 2 and cx.dom[0] == cx.dom[1] else dxs,
    ),
)
derivative(
    "einsum: not transposed",
    "the change of a transposed square array is not transposed back",
    Einsum,
    lenses.einsum("i j -> j i").at(SQUARE),
    back=lambda cx, p, kept, ds, changes, dxs: (changes, list(ds) if len(dxs) == 1 and cx.dom == cx.cod else dxs),
)

# -- pointwise -------------------------------------------------------------------------------

derivative(
    "multiply: own factor",
    "each factor's change is multiplied by that factor",
    lenses.multiply,
    lenses.multiply.at(V, V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [x * ds[0] for x in kept[0]]),
)
derivative(
    "multiply: second dropped",
    "the second factor gets no change",
    lenses.multiply,
    lenses.multiply.at(V, V),
    back=_inputs(lambda d: d * 0, 1),
)
derivative(
    "subtract: sign",
    "the second term's change has the sign of the first",
    lenses.subtract,
    lenses.subtract.at(V, V),
    back=_inputs(lambda d: -d, 1),
)
derivative(
    "tanh: stale value",
    "1 - x^2 in place of 1 - y^2",
    lenses.tanh,
    lenses.tanh.at(V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [ds[0] * (1 - kept[0][0] ** 2)]),
)
derivative(
    "tanh: missing square",
    "1 - y in place of 1 - y^2",
    lenses.tanh,
    lenses.tanh.at(V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [ds[0] * (1 - kept[1][0])]),
)
derivative(
    "sin: not differentiated",
    "sin in place of cos",
    lenses.sin,
    lenses.sin.at(V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [ds[0] * kept[1][0]]),
)
derivative(
    "sigmoid: missing factor",
    "y in place of y (1 - y)",
    lenses.sigmoid,
    lenses.sigmoid.at(V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [ds[0] * kept[1][0]]),
)
derivative(
    "square: missing two", "x in place of 2 x", lenses.square, lenses.square.at(V), back=_inputs(lambda d: d / 2)
)
derivative(
    "exp: passed through",
    "the change goes through as it is",
    lenses.exp,
    lenses.exp.at(V),
    back=lambda cx, p, kept, ds, changes, dxs: (changes, list(ds)),
)
derivative(
    "gelu: derivative of relu",
    "the derivative of relu in gelu's place",
    lenses.gelu,
    lenses.gelu.at(V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [jnp.where(kept[0][0] > 0, ds[0], 0)]),
)
derivative(
    "absolute: no sign",
    "the change keeps its sign below 0",
    lenses.absolute,
    lenses.absolute.at(V),
    back=lambda cx, p, kept, ds, changes, dxs: (changes, list(ds)),
)
derivative(
    "relu: wrong tie",
    "the derivative at 0 is 1",
    Relu,
    lenses.relu.at(V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [jnp.where(kept[0][0] >= 0, ds[0], 0)]),
)
derivative(
    "relu: leak",
    "a hundredth of the change goes through below 0",
    Relu,
    lenses.relu.at(V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [jnp.where(kept[0][0] > 0, ds[0], 0.01 * ds[0])]),
)
derivative(
    "relu: guided", "only positive changes go back", Relu, lenses.relu.at(V), back=_inputs(lambda d: jnp.maximum(d, 0))
)
derivative(
    "power: exponent kept",
    "n x^n in place of n x^(n-1)",
    WithNumber,
    lenses.power(2.0).at(V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [d * x for d, x in zip(dxs, kept[0], strict=True)]),
)
derivative(
    "maximum: both at a tie",
    "at a tie both arguments get the whole change",
    lenses.maximum,
    lenses.maximum.at(V, V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (
        changes,
        [jnp.where(kept[0][i] == kept[1][0], ds[0], 0) for i in (0, 1)],
    ),
)

# -- reductions and normalisation ------------------------------------------------------------

MAX = lenses.reduce_max().at(V)
derivative(
    "max: every tie",
    "every one of tied maxima gets the whole change",
    Reduce,
    MAX,
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (
        changes,
        [jnp.where(kept[0][0] == kept[1][0][..., None], ds[0][..., None], 0)]
        if _box(cx).kind == "max" and _box(cx).place(cx.dom) == -1
        else dxs,
    ),
)
derivative(
    "max: spread evenly",
    "all places get an equal part of the change",
    Reduce,
    MAX,
    back=lambda cx, p, kept, ds, changes, dxs: (
        changes,
        [jnp.full_like(dxs[0], dxs[0].mean())] if _box(cx).kind == "max" else dxs,
    ),
)
derivative(
    "mean: not divided",
    "the change of a mean is not divided by the number",
    Reduce,
    lenses.reduce_mean().at(V),
    back=lambda cx, p, kept, ds, changes, dxs: (
        changes,
        [d * cx.dom[0].sizes[_box(cx).place(cx.dom)] for d in dxs] if _box(cx).kind == "mean" else dxs,
    ),
)
derivative(
    "sum: first only",
    "only the first term of a sum gets the change",
    Reduce,
    lenses.reduce_sum().at(V),
    back=lambda cx, p, kept, ds, changes, dxs: (
        changes,
        [d * (np.arange(d.shape[-1]) == 0) for d in dxs] if _box(cx).kind == "sum" else dxs,
    ),
)
derivative(
    "logsumexp: no softmax",
    "the change is not weighted by the softmax",
    Reduce,
    lenses.logsumexp().at(V),
    back=lambda cx, p, kept, ds, changes, dxs: (
        changes,
        [jnp.broadcast_to(ds[0][..., None], dxs[0].shape)] if _box(cx).kind == "logsumexp" else dxs,
    ),
)
derivative(
    "softmax: dropped term",
    "y d in place of y (d - <y, d>)",
    Softmax,
    lenses.softmax().at(V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [kept[1][0] * ds[0]]),
)
derivative(
    "softmax: doubled term",
    "y (d - 2 <y, d>)",
    Softmax,
    lenses.softmax().at(V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [2 * dxs[0] - kept[1][0] * ds[0]]),
)
derivative(
    "layer_norm: constant mean",
    "the mean is held for a constant",
    LayerNorm,
    lenses.layer_norm().at(V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [dxs[0] + (ds[0] * p["scale"]).mean(-1, keepdims=True)]),
)
derivative(
    "spread: first only",
    "only the first copy of a spread axis sends back its change",
    Spread,
    lenses.spread(2).at(V),
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [jnp.take(ds[0], 0, axis=_box(cx).axis)]),
)

# -- rearrangement and lookup ----------------------------------------------------------------

derivative(
    "concatenate: swapped",
    "two equal pieces get each other's changes",
    Concatenate,
    lenses.concatenate().at(W, W),
    back=lambda cx, p, kept, ds, changes, dxs: (changes, dxs[::-1] if cx.dom[0] == cx.dom[-1] else dxs),
)
derivative(
    "split: reversed",
    "the pieces' changes are put together in reverse",
    Split,
    lenses.split(1, 1).at(W),
    lenses.split(1, 2).at(V),
    back=lambda cx, p, kept, ds, changes, dxs: (
        changes,
        [jnp.concatenate([d for d in ds[::-1]], _box(cx).place(cx.dom))] if all(d is not None for d in ds) else dxs,
    ),
)
derivative(
    "rearrange: reversed",
    "the change comes back in reverse order",
    Rearrange,
    lenses.rearrange("a b -> (b a)").at(MATRIX),
    back=_inputs(lambda d: d.reshape(-1)[::-1].reshape(d.shape)),
)
derivative(
    "embedding: last wins",
    "of equal indices only the last one's change counts",
    Embedding,
    lenses.embedding(2, dtype="float64").at(lenses.Index(3, below=2)),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: ({"table": jnp.zeros_like(p["table"]).at[kept[0][0]].set(ds[0])}, dxs),
)

# -- any box ---------------------------------------------------------------------------------

derivative("any: clipped", "changes are clipped to [-1, 1]", Box, *ANY, back=_inputs(lambda d: jnp.clip(d, -1, 1)))
derivative(
    "any: small dropped",
    "changes below a thousandth are dropped",
    Box,
    *ANY,
    back=_inputs(lambda d: jnp.where(jnp.abs(d) < 1e-3, 0, d)),
)
derivative(
    "any: a little too large",
    "changes are too large by a part in ten million",
    Box,
    *ANY,
    back=_inputs(lambda d: d * (1 + 1e-7)),
)
derivative(
    "any: half precision",
    "changes go back in half precision",
    Box,
    *ANY,
    back=_inputs(lambda d: d.astype("float16").astype(d.dtype)),
)
derivative(
    "any: doubled noise",
    "each change comes with noise of a part in a million",
    Box,
    *ANY,
    back=_inputs(lambda d: d * (1 + 1e-6 * jnp.sin(1e4 * d))),
)
derivative(
    "any: parameters doubled",
    "changes of parameters count twice",
    Box,
    *DENSE,
    lenses.bias().at(V),
    back=_params(lambda d: 2 * d),
)
derivative(
    "any: two inputs swapped",
    "two inputs of one space get each other's changes",
    Box,
    lenses.multiply.at(V, V),
    lenses.divide.at(V, V),
    back=lambda cx, p, kept, ds, changes, dxs: (
        changes,
        dxs[::-1] if len(dxs) == 2 and cx.dom[0] == cx.dom[1] else dxs,
    ),
)

# -- no mistakes -----------------------------------------------------------------------------

derivative(
    "multiply: factors exchanged",
    "d y in place of y d",
    lenses.multiply,
    lenses.multiply.at(V, V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [ds[0] * kept[0][1], ds[0] * kept[0][0]]),
    equivalent="multiplication is commutative",
)
derivative(
    "exp: input kept",
    "exp(x) is computed again in place of keeping y",
    lenses.exp,
    lenses.exp.at(V),
    keep=True,
    back=lambda cx, p, kept, ds, changes, dxs: (changes, [ds[0] * jnp.exp(kept[0][0])]),
    equivalent="y = exp(x), whether it is kept or computed again",
)
