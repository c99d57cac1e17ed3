"""Closed forms of the linear maps of softmax and of the normalisations: a diagonal less a product of few rows.

JAX's linearisation of these boxes does the same in more steps; written out, they take less work, and as much as is
said here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from ..boxes.linear import along
from ..boxes.normalisation import LayerNorm, RMSNorm
from ..boxes.reductions import Softmax
from .local import Local
from .point import Point

OneArray = Callable[[Any], Any]


def _local(at: Point, push: OneArray, pull: OneArray, works: tuple[int, int]) -> Local:
    """The map of a box with one wire in and out, with so many operations for each of its numbers."""
    size = at.dom[0].size
    return Local(at.name, at.dom, at.cod, lambda xs: [push(xs[0])], lambda ds: [pull(ds[0])],
                 None, (works[0] * size, works[1] * size))  # fmt: skip


def softmax(at: Point) -> tuple[list[Any], Local]:
    """v -> s (v - <s, v>), its own transpose; of its logarithm, v -> v - <s, v>."""
    box = at.cx.cell.box
    assert isinstance(box, Softmax)
    axis = box.place(at.cx.dom)
    (y,), _ = box.run(at.cx, at.side, at.xs)
    s = jnp.exp(y) if box.log else y

    def inner(v: Any) -> Any:
        return (s * v).sum(axis, keepdims=True)

    if box.log:
        return [y], _local(at, lambda v: v - inner(v), lambda d: d - s * d.sum(axis, keepdims=True), (3, 3))
    return [y], _local(at, lambda v: s * (v - inner(v)), lambda d: s * (d - inner(d)), (4, 4))


def normalised(at: Point) -> tuple[list[Any], Local]:
    """v -> w (v - mean v - z mean(z v)), z being x normalised and w what x is scaled by; of RMS without mean v."""
    box = at.cx.cell.box
    assert isinstance(box, LayerNorm | RMSNorm)
    centred = isinstance(box, LayerNorm)
    (x,) = at.xs
    y, _ = box.run(at.cx, at.side, at.xs)
    c = x - x.mean(-1, keepdims=True) if centred else x
    r = lax.rsqrt((c * c).mean(-1, keepdims=True) + box.epsilon)
    z, w = c * r, r * along(at.side["scale"], x)
    zw = z * w

    def mean(v: Any) -> Any:
        return v.sum(-1, keepdims=True) * (1 / x.shape[-1])

    def push(v: Any) -> Any:
        rest = v - mean(v) if centred else v
        return w * (rest - z * mean(z * v))

    def pull(d: Any) -> Any:
        rest = w * d - mean(w * d) if centred else w * d
        return rest - z * mean(zw * d)

    return list(y), _local(at, push, pull, (7, 8) if centred else (5, 5))
