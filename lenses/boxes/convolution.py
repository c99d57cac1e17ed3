"""Convolution and pooling over the axes before the last, which is the channels: (..., height, width, channel)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax

from .. import initialisers
from ..arguments import choice, flag, refuse, whole, wholes
from ..errors import LensError, explain
from ..interpret import Cx, Side
from ..spaces import Array, Real, Space
from ..strands import Strand, aligned
from ..terms import Box, Port, Term, compose
from .linear import Dense, Weighted
from .reductions import Reduce
from .windows import SPATIAL, Windows, image, passed, positions, sizes_of


def _flat(x: Any, axes: int) -> Any:
    """The array with exactly one leading axis."""
    return x if x.ndim == axes + 2 else x.reshape((-1, *x.shape[x.ndim - axes - 1 :]))


def _numbers(axes: int) -> tuple[str, str, str]:
    return f"N{SPATIAL[axes]}C", f"{SPATIAL[axes]}IO", f"N{SPATIAL[axes]}C"


def _convolve(x: Any, w: Any, stride: Any, padding: Any, spread: Any, dilation: Any, groups: int = 1) -> Any:
    """The convolution of lax, channels last; `spread` puts zeros between the elements of x."""
    numbers = _numbers(w.ndim - 2)
    return lax.conv_general_dilated(x, w, stride, padding, spread, dilation, numbers, feature_group_count=groups)


class Conv(Weighted):
    """A convolution with `features` output channels; `weight` is (*kernel, channels in / groups, features).

    `transposed` is the gradient-style convolution that enlarges by `stride`.
    """

    glyph: ClassVar[str] = "convolution"
    features: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: str = "SAME"
    dilation: tuple[int, ...] = (1, 1)
    groups: int = 1
    transposed: bool = False
    bias: bool = True
    init: str = "lecun_normal"

    def spell(self) -> str:
        axes = len(self.kernel)
        arguments = [str(self.features), repr(self.kernel)]
        arguments += [f"stride={self.stride}"] * (self.stride != (1,) * axes)
        arguments += [f"padding={self.padding!r}"] * (self.padding != "SAME")
        arguments += [f"dilation={self.dilation}"] * (self.dilation != (1,) * axes)
        arguments += [f"groups={self.groups}"] * (self.groups != 1)
        arguments += ["transposed=True"] * self.transposed + ["bias=False"] * (not self.bias)
        arguments += [f"init={self.init!r}"] * (self.init != "lecun_normal")
        return f"conv({', '.join(arguments)})"

    def type(self, dom: Space) -> Space:
        axes = len(self.kernel)
        x = image(self, dom, axes)
        if x.sizes[-1] % self.groups:
            self.fail(0, f"channels divisible by {self.groups} groups", x)
        names = x.names[-axes - 1 : -1]
        return Space([x.replace(-axes - 1, (*positions(self, x), self.features), (*names, x.names[-1]))])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(passed(dom, self.kernel, self.stride))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [
            *(conv(2).at(x) for x in (Real(3, 3, 1), Real(2, 1, 3, 2))),
            conv(1, (2, 3), stride=(1, 2), bias=False).at(Real(2, 3, 2)),
            conv(1, (1, 2), padding="VALID", dilation=2).at(Real(1, 3, 2)),
            conv(2, (2, 1), groups=2).at(Real(2, 3, 2)),
            conv(2, 2, stride=2).at(Real(2, 3, 1)),
            conv(1, (1, 2, 2), padding="VALID").at(Real(2, 2, 3, 1)),
            conv(1, (2, 3), stride=2, transposed=True).at(Real(1, 2, 2)),
            conv(2, 3, stride=2, padding="VALID", transposed=True).at(Real(2, 1)),
        ]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        (x,) = dom
        shape = (*self.kernel, x.sizes[-1] // self.groups, self.features)
        weight = Port("weight", "param", Array(shape, None, x.element), self.init)
        return (weight, Port("bias", "param", Array((self.features,), None, x.element))) if self.bias else (weight,)

    def long_form(self, dom: Space) -> Term | None:
        """The same map, with the same weights, as the windows of the image and a learned map of what is in each.

        None where there are groups, which have a learned map each.
        """
        if self.groups != 1:
            return None
        seen = Windows(self.kernel, self.stride, self.padding, self.dilation, self.transposed)
        name = dom[0].names[-1]
        return seen >> Dense((self.features,), (name,), len(self.kernel) + 1, self.bias, self.init)

    def flops(self, dom: Space) -> int:
        channels = dom[0].sizes[-1] // self.groups
        places = dom[0].size // dom[0].sizes[-1] if self.transposed else self.type(dom)[0].size // self.features
        return 2 * places * math.prod(self.kernel) * channels * self.features

    def _call(self, x: Any, weight: Any) -> Any:
        if self.transposed:
            numbers = _numbers(len(self.kernel))
            return lax.conv_transpose(x, weight, self.stride, self.padding, self.dilation, numbers)
        return _convolve(x, weight, self.stride, self.padding, None, self.dilation, self.groups)

    def map(self, cx: Cx, weight: Any, x: Any) -> Any:
        axes = len(self.kernel)
        y = self._call(_flat(x, axes), weight)
        return y if x.ndim == axes + 2 else y.reshape((*x.shape[: x.ndim - axes - 1], *y.shape[1:]))

    # XLA on the CPU has a fast convolution for one layout of its operands only, and inside loops it
    # does not bring others into it (a factor of 10 to 80). So both pulls are written in that layout.
    # Elsewhere, and for groups and transposed convolutions, jax's own transposes are as good.
    @property
    def _canonical(self) -> bool:
        return self.groups == 1 and not self.transposed and jax.default_backend() == "cpu"

    def _padding(self, n: int, k: int, s: int, r: int) -> tuple[int, int]:
        """The reach of the kernel along an axis of size n, and the padding before it."""
        reach = (k - 1) * r + 1
        total = max((-(-n // s) - 1) * s + reach - n, 0) if self.padding == "SAME" else 0
        return reach, total // 2

    def pull_input(self, cx: Cx, weight: Any, d: Any) -> Any:
        axes = len(self.kernel)
        sizes = cx.dom[0].sizes[-axes - 1 :]
        shape = (*d.shape[: d.ndim - axes - 1], *sizes)
        if not self._canonical:
            return _transpose(lambda x: self.map(cx, weight, x), d, shape, d)
        padding = []
        for n, m, k, s, r in zip(sizes, d.shape[-axes - 1 :], self.kernel, self.stride, self.dilation, strict=False):
            reach, before = self._padding(n, k, s, r)
            low = reach - 1 - before
            padding.append((low, n + reach - 2 - (m - 1) * s - low))
        space = tuple(range(axes))
        turned = lax.transpose(lax.rev(weight, space), (*space, axes + 1, axes))
        ones = (1,) * axes
        return _convolve(_flat(d, axes), turned, ones, padding, self.stride, self.dilation).reshape(shape)

    def pull_weight(self, cx: Cx, x: Any, d: Any) -> Any:
        axes = len(self.kernel)
        if not self._canonical:
            port = next(p for p in cx.cell.ports if p.name == "weight")
            return _transpose(lambda w: self.map(cx, w, x), x, port.array.sizes, d)
        x, d = _flat(x, axes), _flat(d, axes)
        padding = []
        for n, m, k, s, r in zip(x.shape[1:], d.shape[1:], self.kernel, self.stride, self.dilation, strict=False):
            reach, before = self._padding(n, k, s, r)
            padding.append((before, reach - 1 + (m - 1) * s + 1 - n - before))
        space = tuple(range(1, axes + 1))
        images, kernels = lax.transpose(x, (axes + 1, *space, 0)), lax.transpose(d, (*space, 0, axes + 1))
        out = _convolve(images, kernels, self.dilation, padding, None, self.stride)
        return lax.transpose(out, (*space, 0, axes + 1))


def _transpose(f: Any, like: Any, shape: Sequence[int], d: Any) -> Any:
    (out,) = jax.linear_transpose(f, jax.ShapeDtypeStruct(tuple(shape), like.dtype))(d)
    return out


def conv(
    features: int,
    kernel: int | Sequence[int] = (3, 3),
    stride: int | Sequence[int] = 1,
    padding: str = "SAME",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    transposed: bool = False,
    bias: bool = True,
    init: str = "lecun_normal",
) -> Term:
    """A convolution over the axes before the channels, as many as `kernel` has (1, 2 or 3).

    `padding` is "SAME" or "VALID". `transposed` enlarges by `stride`; `groups` = channels is depthwise.
    """
    sizes = sizes_of("conv", "the kernel", kernel, 1)
    features, groups = whole("conv", "features", features), whole("conv", "groups", groups)
    if features % groups:
        refuse("conv", "groups", groups, f"a number that divides the {features} features")
    if flag("conv", "transposed", transposed) and groups != 1:
        raise LensError(explain("conv: a transposed convolution has no groups", came=f"groups={groups}"))
    axes = len(sizes)
    return Conv(
        features,
        sizes,
        wholes("conv", "the stride", stride, axes),
        choice("conv", "the padding", padding, ("SAME", "VALID")),
        wholes("conv", "the dilation", dilation, axes),
        groups,
        bool(transposed),
        flag("conv", "bias", bias),
        initialisers.check(init, "conv"),
    )


class Pool(Box):
    """The maximum or the mean over windows. Of tied maxima, the first one gets the change."""

    arity = (1, 1)
    glyph: ClassVar[str] = "pooling"
    kind: str
    window: tuple[int, ...]
    stride: tuple[int, ...]
    padding: str = "VALID"

    @property
    def label(self) -> str:
        return f"{self.kind}_pool"

    def spell(self) -> str:
        arguments = [repr(self.window)] + [f"stride={self.stride}"] * (self.stride != self.window)
        arguments += [f"padding={self.padding!r}"] * (self.padding != "VALID")
        return f"{self.label}({', '.join(arguments)})"

    def type(self, dom: Space) -> Space:
        axes = len(self.window)
        x = image(self, dom, axes)
        sizes = [
            -(-n // s) if self.padding == "SAME" else (n - k) // s + 1
            for n, k, s in zip(x.sizes[-axes - 1 : -1], self.window, self.stride, strict=True)
        ]
        if min(sizes) < 1:
            self.fail(0, f"at least {self.window} before the channels", x)
        return Space([x.replace(-axes - 1, (*sizes, x.sizes[-1]), x.names[-axes - 1 :])])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned([*passed(dom, self.window, self.stride), dom[0].rank - 1])

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [
            *(pool((2, 2)).at(Real(2, 3, 2)) for pool in (max_pool, mean_pool)),
            *(pool((2, 3), stride=(1, 2), padding="SAME").at(Real(3, 3, 1)) for pool in (max_pool, mean_pool)),
            *(pool((2,), stride=1).at(Real(2, 3, 1)) for pool in (max_pool, mean_pool)),
            max_pool((1, 2, 2)).at(Real(1, 2, 3, 2)),
        ]

    def long_form(self, dom: Space) -> Term | None:
        """The same map as the windows of the image and the maximum or the mean of each.

        None for a mean in which padding is not counted.
        """
        axes = len(self.window)
        ones, least = (1,) * axes, -math.inf if self.kind == "max" else 0.0
        seen = Windows(self.window, self.stride, self.padding, ones, fill=least)
        sides = zip(dom[0].sizes[-axes - 1 :], self.window, self.stride, ones, strict=False)
        if not any(sum(seen.beyond(*side)) for side in sides):
            seen = Windows(self.window, self.stride, "VALID", ones)
        elif self.kind == "mean":
            return None
        return compose(seen, *[Reduce(-2, self.kind)] * axes)

    def flops(self, dom: Space) -> int:
        return self.type(dom)[0].size * math.prod(self.window)

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        (x,) = xs
        lead = (1,) * (x.ndim - len(self.window) - 1)
        window, stride = (*lead, *self.window, 1), (*lead, *self.stride, 1)
        if self.kind == "max":
            return lax.reduce_window(x, -jnp.inf, lax.max, window, stride, self.padding)
        total = lax.reduce_window(x, 0.0, lax.add, window, stride, self.padding)
        if self.padding == "VALID":
            return total / math.prod(self.window)
        return total / lax.reduce_window(jnp.ones_like(x), 0.0, lax.add, window, stride, self.padding)


def _pool(kind: str, window: int | Sequence[int], stride: int | Sequence[int] | None, padding: str) -> Term:
    call = f"{kind}_pool"
    sizes = sizes_of(call, "the window", window, 2)
    steps = sizes if stride is None else wholes(call, "the stride", stride, len(sizes))
    return Pool(kind, sizes, steps, choice(call, "the padding", padding, ("SAME", "VALID")))


def max_pool(
    window: int | Sequence[int] = (2, 2), stride: int | Sequence[int] | None = None, padding: str = "VALID"
) -> Term:
    """The maximum over windows before the channels; the stride is the window unless given."""
    return _pool("max", window, stride, padding)


def mean_pool(
    window: int | Sequence[int] = (2, 2), stride: int | Sequence[int] | None = None, padding: str = "VALID"
) -> Term:
    """The mean over windows before the channels, padding not counted; the stride is the window unless given."""
    return _pool("mean", window, stride, padding)
