"""One case or more for every registered box class: the box, its domain, and an independent formula in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import einops
import numpy as np
import scipy.special
from scipy.signal import correlate

import lenses
from lenses import Index, Real, Space, Term, unit

Formula = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """`formula(p, *xs)` is the meaning on one example, for parameters and states `p` by name.

    `positive` inputs stay away from 0; a box that is not `smooth` has no finite differences; a `fixed`
    case stands at its domain alone, whatever the element type.
    """

    term: Term
    dom: Space
    formula: Formula
    positive: bool = False
    smooth: bool = True
    fixed: bool = False

    @property
    def id(self) -> str:
        return f"{self.term!r} at {self.dom!r}"[:90]


def numpy_softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


V, M, T = Real(4), Real(3, 4), Real(2, 3, 4)

POINTWISE: dict[str, Formula] = {
    "step": lambda p, x: (x > 0) * 1.0,
    "sign": lambda p, x: np.sign(x),
    "relu": lambda p, x: np.maximum(x, 0),
    "exp": lambda p, x: np.exp(x),
    "log": lambda p, x: np.log(x),
    "sin": lambda p, x: np.sin(x),
    "cos": lambda p, x: np.cos(x),
    "tanh": lambda p, x: np.tanh(x),
    "sigmoid": lambda p, x: sigmoid(x),
    "softplus": lambda p, x: np.log1p(np.exp(x)),
    "silu": lambda p, x: x * sigmoid(x),
    "gelu": lambda p, x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "elu": lambda p, x: np.where(x > 0, x, np.expm1(x)),
    "leaky_relu": lambda p, x: np.where(x > 0, x, 0.01 * x),
    "square": lambda p, x: x**2,
    "sqrt": lambda p, x: np.sqrt(x),
    "rsqrt": lambda p, x: x**-0.5,
    "reciprocal": lambda p, x: 1.0 / x,
    "absolute": lambda p, x: np.abs(x),
    "multiply": lambda p, x, y: x * y,
    "subtract": lambda p, x, y: x - y,
    "divide": lambda p, x, y: x / y,
    "maximum": lambda p, x, y: np.where(x > y, x, y),
    "minimum": lambda p, x, y: np.where(x < y, x, y),
}


def convolution(x: Any, w: Any, stride: int = 1, padding: str = "SAME", dilation: int = 1) -> Any:
    """A two-dimensional cross-correlation written out with loops over the kernel, as in the textbook."""
    height, width, _ = x.shape
    kh, kw, _, features = w.shape
    reach = [(k - 1) * dilation + 1 for k in (kh, kw)]
    if padding == "SAME":
        out = [-(-n // stride) for n in (height, width)]
        pad = [max((o - 1) * stride + r - n, 0) for o, r, n in zip(out, reach, (height, width), strict=True)]
    else:
        out = [(n - r) // stride + 1 for n, r in zip((height, width), reach, strict=True)]
        pad = [0, 0]
    wide = np.pad(x, [(p // 2, p - p // 2) for p in pad] + [(0, 0)])
    y = np.zeros((*out, features))
    for i in range(out[0]):
        for j in range(out[1]):
            for a in range(kh):
                for b in range(kw):
                    y[i, j] += wide[i * stride + a * dilation, j * stride + b * dilation] @ w[a, b]
    return y


def grouped(x: Any, w: Any, groups: int) -> Any:
    parts = zip(np.split(x, groups, -1), np.split(w, groups, -1), strict=True)
    return np.concatenate([convolution(a, b) for a, b in parts], -1)


def enlarged(x: Any, w: Any, stride: int) -> Any:
    """A transposed convolution with padding VALID: the kernel is laid down, scaled, at every pixel, as JAX has it."""
    height, width, _ = x.shape
    kh, kw, _, features = w.shape
    size = [n * stride + max(k - stride, 0) for n, k in ((height, kh), (width, kw))]
    y = np.zeros((*size, features))
    for i in range(height):
        for j in range(width):
            for a in range(kh):
                for b in range(kw):
                    y[i * stride + kh - 1 - a, j * stride + kw - 1 - b] += x[i, j] @ w[a, b]
    return y


def windows(x: Any, reduce: Callable[..., Any], size: int, stride: int, same: bool = False) -> Any:
    height, width, channels = x.shape
    if same:
        out = [-(-n // stride) for n in (height, width)]
        low = [max((o - 1) * stride + size - n, 0) // 2 for o, n in zip(out, (height, width), strict=True)]
    else:
        out, low = [(n - size) // stride + 1 for n in (height, width)], [0, 0]
    y = np.zeros((*out, channels))
    for i in range(out[0]):
        for j in range(out[1]):
            a, b = i * stride - low[0], j * stride - low[1]
            y[i, j] = reduce(x[max(a, 0) : a + size, max(b, 0) : b + size], (0, 1))
    return y


def layer_norm(x: Any, scale: Any, offset: Any, epsilon: float) -> Any:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon) * scale + offset


IMAGE = Real(5, 6, 2)

CASES: list[Case] = [
    *[
        Case(
            getattr(lenses, n),
            M @ M if n in ("multiply", "subtract", "divide", "maximum", "minimum") else M,
            f,
            positive=n in ("log", "sqrt", "rsqrt", "reciprocal", "divide"),
            smooth=n not in ("step", "sign"),
        )
        for n, f in POINTWISE.items()
    ],
    Case(lenses.shift(1.5), M, lambda p, x: x + 1.5),
    Case(lenses.power(3), M, lambda p, x: x**3),
    Case(lenses.power(2.5), M, lambda p, x: x**2.5, positive=True),
    Case(lenses.power(-1), M, lambda p, x: 1 / x, positive=True),
    Case(lenses.power(0), M, lambda p, x: x * 0 + 1),
    Case(lenses.scale(0.3), M, lambda p, x: 0.3 * x),
    # structure
    Case(lenses.identity, M, lambda p, x: x),
    Case(lenses.identity(2), M @ V, lambda p, x, y: (x, y)),
    Case(lenses.swap, M @ V, lambda p, x, y: (y, x)),
    Case(lenses.permute(2, 0, 1), M @ V @ T, lambda p, x, y, z: (z, x, y)),
    Case(lenses.copy, M, lambda p, x: (x, x)),
    Case(lenses.copy(3), Index(3, below=5), lambda p, x: (x, x, x)),
    Case(lenses.add, M @ M, lambda p, x, y: x + y),
    Case(lenses.add(3), M @ M @ M, lambda p, x, y, z: x + y + z),
    Case(lenses.discard, M, lambda p, x: ()),
    Case(lenses.zero(M), unit, lambda p: np.zeros((3, 4))),
    Case(lenses.identity @ lenses.relu.at(M), M @ M, lambda p, x, y: (x, np.maximum(y, 0)), smooth=False, fixed=True),
    # linear algebra
    Case(lenses.dense(5), V, lambda p, x: x @ p["weight"] + p["bias"]),
    Case(lenses.dense(5), T, lambda p, x: x @ p["weight"] + p["bias"]),
    Case(lenses.linear(5), M, lambda p, x: x @ p["weight"]),
    Case(lenses.dense(2, 5, axes=2), T, lambda p, x: np.tensordot(x, p["weight"], 2) + p["bias"]),
    Case(lenses.dense(head=2, d=3), M, lambda p, x: np.tensordot(x, p["weight"], 1) + p["bias"]),
    Case(lenses.bias(), M, lambda p, x: x + p["bias"]),
    Case(lenses.bias(2), T, lambda p, x: x + p["bias"]),
    Case(lenses.matmul, M @ Real(4, 2), lambda p, x, y: x @ y),
    Case(lenses.einsum("query d, key d -> query key"), M @ Real(5, 4), lambda p, x, y: x @ y.T),
    Case(lenses.einsum("i j -> j i"), T, lambda p, x: np.swapaxes(x, -1, -2)),
    Case(lenses.einsum("i j ->"), M, lambda p, x: x.sum()),
    Case(lenses.einsum("i i -> i"), Real(3, 3), lambda p, x: np.diagonal(x)),
    Case(lenses.einsum("i d, d -> i"), Real(5, 2, 3) @ Real(3), lambda p, x, y: np.einsum("lid,d->li", x, y)),
    Case(lenses.einsum("d, i d -> i"), Real(3) @ Real(5, 2, 3), lambda p, x, y: np.einsum("d,lid->li", x, y)),
    Case(lenses.einsum("i, i, i ->"), Real(3) @ Real(3) @ Real(3), lambda p, x, y, z: (x * y * z).sum()),
    # reductions
    *[
        Case(getattr(lenses, f"reduce_{n}")(), T, lambda p, x, n=n: getattr(np, n)(x, -1))
        for n in ("sum", "mean", "max", "min")
    ],
    Case(lenses.reduce_sum(0), T, lambda p, x: x.sum(0)),
    Case(lenses.reduce_mean("b"), Real(a=2, b=3, c=4), lambda p, x: x.mean(1)),
    Case(lenses.logsumexp(), M, lambda p, x: scipy.special.logsumexp(x, -1)),
    Case(lenses.spread(5), M, lambda p, x: np.repeat(x[..., None], 5, -1)),
    Case(lenses.spread(5, -3), M, lambda p, x: np.repeat(x[None], 5, 0)),
    Case(lenses.spread(2, -2, "new"), M, lambda p, x: np.repeat(x[:, None], 2, 1)),
    Case(lenses.argmax(), M, lambda p, x: x.argmax(-1)),
    Case(lenses.argmax("a"), Real(a=3, b=4), lambda p, x: x.argmax(0)),
    Case(lenses.softmax(), M, lambda p, x: numpy_softmax(x)),
    Case(lenses.softmax("a"), Real(a=3, b=4), lambda p, x: numpy_softmax(x, 0)),
    Case(lenses.log_softmax(), M, lambda p, x: np.log(numpy_softmax(x))),
    Case(lenses.log_softmax(0), M, lambda p, x: np.log(numpy_softmax(x, 0))),
    # rearrangement
    Case(lenses.flatten, IMAGE, lambda p, x: x.reshape(-1)),
    Case(lenses.rearrange("h w c -> c (w h)"), T, lambda p, x: einops.rearrange(x, "h w c -> c (w h)")),
    Case(
        lenses.rearrange("(h two) -> two h", two=2),
        Real(3, 4),
        lambda p, x: einops.rearrange(x, "n (h two) -> n two h", two=2),
    ),
    Case(lenses.rearrange("a b -> a 1 b"), Index(3, 4, below=9), lambda p, x: x[:, None]),
    Case(lenses.concatenate(), M @ Real(3, 2), lambda p, x, y: np.concatenate([x, y], -1)),
    Case(lenses.concatenate(0, 3), M @ Real(1, 4) @ M, lambda p, *xs: np.concatenate(xs, 0)),
    Case(lenses.concatenate("a"), Real(a=2, b=3) @ Real(a=1, b=3), lambda p, *xs: np.concatenate(xs, 0)),
    Case(lenses.select(2, 0), M, lambda p, x: x[2]),
    Case(lenses.select(-1), T, lambda p, x: x[:, :, 3]),
    Case(lenses.select(1, "b"), Index(a=2, b=3, c=4, below=9), lambda p, x: x[:, 1]),
    Case(lenses.split(1, 3), M, lambda p, x: tuple(np.split(x, [1], -1))),
    Case(lenses.split(1, 1, 1, axis=0), M, lambda p, x: tuple(np.split(x, 3, 0))),
    # convolution
    Case(lenses.conv(3), IMAGE, lambda p, x: convolution(x, p["weight"]) + p["bias"]),
    Case(lenses.conv(3, (2, 3), stride=2, bias=False), IMAGE, lambda p, x: convolution(x, p["weight"], 2)),
    Case(
        lenses.conv(3, padding="VALID", stride=2),
        IMAGE,
        lambda p, x: convolution(x, p["weight"], 2, "VALID") + p["bias"],
    ),
    Case(
        lenses.conv(3, (2, 2), padding="VALID", dilation=2),
        IMAGE,
        lambda p, x: convolution(x, p["weight"], 1, "VALID", 2) + p["bias"],
    ),
    Case(lenses.conv(4, groups=2, bias=False), IMAGE, lambda p, x: grouped(x, p["weight"], 2)),
    Case(lenses.conv(3), Real(2, 5, 6, 2), lambda p, x: np.stack([convolution(v, p["weight"]) for v in x]) + p["bias"]),
    Case(
        lenses.conv(2, (3,), bias=False),
        Real(7, 3),
        lambda p, x: np.stack(
            [sum(correlate(np.pad(x[:, i], 1), p["weight"][:, i, o], "valid") for i in range(3)) for o in range(2)], -1
        ),
    ),
    Case(
        lenses.conv(2, (2, 2, 2), padding="VALID", bias=False),
        Real(3, 4, 3, 1),
        lambda p, x: np.stack([correlate(x[..., 0], p["weight"][..., 0, o], "valid") for o in range(2)], -1),
    ),
    Case(
        lenses.conv(3, (2, 2), stride=2, padding="VALID", transposed=True, bias=False),
        Real(3, 4, 2),
        lambda p, x: enlarged(x, p["weight"], 2),
    ),
    Case(
        lenses.conv(3, (3, 3), stride=2, padding="VALID", transposed=True, bias=False),
        Real(3, 2, 2),
        lambda p, x: enlarged(x, p["weight"], 2),
    ),
    Case(
        lenses.windows((2, 3), stride=(1, 2), padding="VALID"),
        Real(4, 5, 2),
        lambda p, x: np.moveaxis(np.lib.stride_tricks.sliding_window_view(x, (2, 3), (0, 1))[:, ::2], 2, -1),
    ),
    Case(
        lenses.windows(3, dilation=2, fill=2.0),
        Real(4, 2),
        lambda p, x: np.stack([np.pad(x, ((2, 2), (0, 0)), constant_values=2.0)[j : j + 4] for j in (0, 2, 4)], 1),
    ),
    Case(lenses.max_pool(), Real(5, 6, 2), lambda p, x: windows(x, np.max, 2, 2)),
    Case(lenses.max_pool((3, 3), stride=2, padding="SAME"), Real(5, 6, 2), lambda p, x: windows(x, np.max, 3, 2, True)),
    Case(lenses.mean_pool((2, 2), stride=1), Real(4, 3, 2), lambda p, x: windows(x, np.mean, 2, 1)),
    Case(
        lenses.mean_pool((3, 3), stride=2, padding="SAME"), Real(5, 6, 2), lambda p, x: windows(x, np.mean, 3, 2, True)
    ),
    Case(lenses.max_pool((2,)), Real(6, 2), lambda p, x: x.reshape(3, 2, 2).max(1)),
    # normalisation
    Case(lenses.layer_norm(), M, lambda p, x: layer_norm(x, p["scale"], p["offset"], 1e-6)),
    Case(lenses.rms_norm(), M, lambda p, x: x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * p["scale"]),
    Case(
        lenses.batch_norm(training=False),
        M,
        lambda p, x: (x - p["mean"]) / np.sqrt(p["variance"] + 1e-5) * p["scale"] + p["offset"],
    ),
    # masks
    Case(lenses.causal_mask(), T, lambda p, x: np.where(np.tri(3, 4) > 0, x, -1e9)),
    Case(
        lenses.causal_mask("query", "key", fill=-2.5),
        Real(key=3, query=4, head=2),
        lambda p, x: np.where(np.tri(4, 3).T[..., None] > 0, x, -2.5),
    ),
    Case(lenses.causal_mask(0, 1, fill=0.0), M, lambda p, x: np.tril(x)),
    # lookup
    Case(lenses.embedding(3), Index(2, below=5), lambda p, x: p["table"][x]),
    Case(lenses.embedding(d=3), Index(below=5), lambda p, x: p["table"][x]),
    Case(lenses.one_hot(), Index(2, below=5), lambda p, x: np.eye(5)[x]),
    Case(lenses.constant([[1.0, 2.0], [3.0, 4.5]]), unit, lambda p: np.array([[1, 2], [3, 4.5]])),
    Case(lenses.constant([1, 2], Index(2, below=3)), unit, lambda p: np.array([1, 2])),
    # losses
    Case(lenses.squared, V @ V, lambda p, y, t: 0.5 * ((y - t) ** 2).sum(-1)),
    Case(lenses.squared, M @ M, lambda p, y, t: 0.5 * ((y - t) ** 2).sum(-1)),
    Case(lenses.absolute_error, V @ V, lambda p, y, t: np.abs(y - t).sum(-1)),
    Case(lenses.softmax_cross_entropy, V @ V, lambda p, y, t: -(t * np.log(numpy_softmax(y))).sum(-1)),
    Case(lenses.softmax_cross_entropy, V @ Index(below=4), lambda p, y, t: -np.log(numpy_softmax(y))[t]),
    Case(
        lenses.softmax_cross_entropy,
        M @ Index(3, below=4),
        lambda p, y, t: -np.take_along_axis(np.log(numpy_softmax(y)), t[:, None], 1)[:, 0],
    ),
    Case(
        lenses.binary_cross_entropy,
        V @ V,
        lambda p, y, t: -(t * np.log(sigmoid(y)) + (1 - t) * np.log(1 - sigmoid(y))).sum(-1),
    ),
    Case(lenses.dot_product, V @ V, lambda p, y, t: -(y * t).sum(-1)),
    Case(lenses.hinge, V @ V, lambda p, y, t: np.maximum(1 - y * t, 0).sum(-1)),
]

ELSEWHERE = {
    "Dropout": "test_random.py",
    "Lifted": "test_lifted.py",
    "Block": "test_combinators.py",
    "Packed": "test_packed_terms.py",
    "Tied": "test_combinators.py",
    "Repeat": "test_combinators.py",
    "Scan": "test_combinators.py",
    "Over": "test_combinators.py",
    "Coupling": "test_combinators.py",
    "Expose": "test_combinators.py",
    "Para": "test_combinators.py",
    "Negation": "test_gates.py",
    "Gate": "test_gates.py",
    "Circuit": "test_circuit.py",
    "Lookup": "test_gates.py",
    "Tables": "test_layers.py",
    "Connect": "test_layers.py",
    "Collect": "test_layers.py",
    "Choose": "test_layers.py",
    "BitError": "test_ascent.py",
    "Agreements": "test_votes.py",
    "Fires": "test_votes.py",
    "Numbers": "test_soft.py",
    "Soft": "test_soft.py",
    "IntegerDense": "test_votes.py",
    "Elementwise": "the base of boxes of one array of numbers",
    "Polynomial": "the base of the learned tables and connections",
    "BetweenBases": "the base of the neurons of bits",
    "Update": "test_optimisers.py",
    "Rate": "test_rates.py",
    "ScaleGradient": "test_games.py",
    "Loop": "the base of Repeat and Scan",
    "Composite": "the base of the combinators",
    "Combinator": "the base of the combinators",
    "OnAxis": "the base of the boxes on one axis",
    "Weighted": "the base of Dense and Conv",
    "Normalise": "the base of the normalisations",
}
"""Classes without a formula here, and where they are tested."""
