"""Windows over the axes before the channels: what convolutions and poolings have in common, and a box of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
from jax import lax

from ..arguments import choice, flag, is_whole, number, refuse, wholes
from ..interpret import Cx, Side
from ..spaces import Array, Real, Space
from ..strands import Strand, aligned, moved
from ..terms import Box, Term

SPATIAL = {1: "W", 2: "HW", 3: "DHW"}
"""The letters of the axes of an image, by their number."""


def image(box: Box, dom: Space, axes: int) -> Array:
    """The array of `dom`, which must have `axes` axes and channels."""
    (x,) = dom
    if x.rank < axes + 1 or not x.real:
        place = ("width, channel", "height, width, channel", "depth, height, width, channel")[axes - 1]
        box.fail(
            0,
            f"a real array with at least {axes + 1} axes ({place})",
            x,
            f"give the space with its axes, as in Real({', '.join(['28'] * axes)}, 1)",
        )
    return x


def passed(dom: Space, kernel: tuple[int, ...], stride: tuple[int, ...]) -> list[int]:
    """The axes before the channels that a window does not reach along: the leading ones, and where it is one wide."""
    lead = dom[0].rank - len(kernel) - 1
    return [*range(lead), *(lead + i for i, reach in enumerate(zip(kernel, stride, strict=True)) if reach == (1, 1))]


def sizes_of(call: str, name: str, value: Any, axes: int) -> tuple[int, ...]:
    """The sizes of 1 to 3 axes; a single number stands for `axes` of them."""
    sizes = wholes(call, name, value, axes if is_whole(value) else None)
    if len(sizes) not in SPATIAL:
        refuse(call, name, value, "1 to 3 whole numbers, 1 or more")
    return sizes


def positions(box: Any, x: Array) -> tuple[int, ...]:
    """How many places the windows of a box have along each axis; refuses an array in which there is none."""
    axes = len(box.kernel)
    found = []
    for n, k, s, r in zip(x.sizes[-axes - 1 : -1], box.kernel, box.stride, box.dilation, strict=True):
        reach = (k - 1) * r + 1
        if box.transposed:
            found.append(n * s if box.padding == "SAME" else n * s + max(reach - s, 0))
        else:
            found.append(-(-n // s) if box.padding == "SAME" else (n - reach) // s + 1)
        if found[-1] < 1:
            box.fail(0, f"at least {reach} along each axis of the kernel", x, "use padding='SAME' or a smaller kernel")
    return tuple(found)


class Windows(Box):
    """The windows of an image, as new axes before the channels: (*places, channel) to (*places, *kernel, channel).

    They lie as those of `Conv` with the same kernel, stride, padding, dilation and `transposed`; what is
    beyond the image, and between its pixels where that is spread, is `fill`.
    """

    arity = (1, 1)
    glyph: ClassVar[str] = "windows"
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: str = "SAME"
    dilation: tuple[int, ...] = (1, 1)
    transposed: bool = False
    fill: float = 0.0

    @property
    def linear(self) -> bool:  # type: ignore[override]
        """Zeros are where a linear map puts them; other numbers are not."""
        return self.fill == 0.0

    def spell(self) -> str:
        ones = (1,) * len(self.kernel)
        arguments = [repr(self.kernel)]
        arguments += [f"stride={self.stride}"] * (self.stride != ones)
        arguments += [f"padding={self.padding!r}"] * (self.padding != "SAME")
        arguments += [f"dilation={self.dilation}"] * (self.dilation != ones)
        arguments += ["transposed=True"] * self.transposed
        value = self.fill if math.isfinite(self.fill) else f"float('{self.fill}')"
        arguments += [f"fill={value}"] * (self.fill != 0.0)
        return f"windows({', '.join(arguments)})"

    def type(self, dom: Space) -> Space:
        axes = len(self.kernel)
        x = image(self, dom, axes)
        names = (*x.names[-axes - 1 : -1], *(None,) * axes, x.names[-1])
        return Space([x.replace(-axes - 1, (*positions(self, x), *self.kernel, x.sizes[-1]), names)])

    def strands(self, dom: Space) -> Sequence[Strand]:
        rank = dom[0].rank
        channel = moved([(rank - 1, rank - 1 + len(self.kernel))])
        return [*aligned(passed(dom, self.kernel, self.stride)), *channel]

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [
            windows(2).at(Real(3, 1)),
            windows((2, 1)).at(Real(2, 2, 2)),
            windows((1, 2), stride=2, padding="VALID").at(Real(1, 4, 2)),
            windows(2, dilation=2, fill=-1.5).at(Real(2, 3, 1)),
            windows(2, stride=2, transposed=True).at(Real(2, 2)),
        ]

    def flops(self, dom: Space) -> int:
        return 0

    def beyond(self, n: int, k: int, s: int, r: int) -> tuple[int, int]:
        """How much is put before and after an axis of n pixels, for a kernel of k, a stride s and a dilation r."""
        reach = (k - 1) * r + 1
        if self.transposed:  # as `lax.conv_transpose` does
            total = reach + s - 2 + (0 if self.padding == "SAME" else max(reach - s, 0))
            low = reach - 1 if s > reach - 1 or self.padding == "VALID" else -(-total // 2)
            return low, total - low
        total = max((-(-n // s) - 1) * s + reach - n, 0) if self.padding == "SAME" else 0
        return total // 2, total - total // 2

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        (x,) = xs
        axes = len(self.kernel)
        first = x.ndim - axes - 1
        for i, (k, s, r) in enumerate(zip(self.kernel, self.stride, self.dilation, strict=True)):
            at = first + i
            padding = [(0, 0, 0)] * x.ndim
            padding[at] = (*self.beyond(x.shape[at], k, s, r), s - 1 if self.transposed else 0)
            x = lax.pad(x, jnp.asarray(self.fill, x.dtype), padding)
            step = 1 if self.transposed else s
            places = (x.shape[at] - (k - 1) * r - 1) // step + 1
            starts = [j * r for j in range(k)]
            slices = [lax.slice_in_dim(x, j, j + (places - 1) * step + 1, step, at) for j in starts]
            x = jnp.stack(slices, x.ndim - 1)
        return x


def windows(
    kernel: int | Sequence[int] = (3, 3),
    stride: int | Sequence[int] = 1,
    padding: str = "SAME",
    dilation: int | Sequence[int] = 1,
    transposed: bool = False,
    fill: float = 0.0,
) -> Term:
    """The windows of an image, (..., *places, channel) to (..., *places, *kernel, channel): what a convolution sees.

    ``windows(k) >> dense(n, axes=len(k) + 1)`` is ``conv(n, k)``, with the same weights. `fill` is the number
    beyond the image. The other arguments are those of `conv`.
    """
    sizes = sizes_of("windows", "the kernel", kernel, 1)
    axes = len(sizes)
    return Windows(
        sizes,
        wholes("windows", "the stride", stride, axes),
        choice("windows", "the padding", padding, ("SAME", "VALID")),
        wholes("windows", "the dilation", dilation, axes),
        flag("windows", "transposed", transposed),
        number("windows", "fill", fill),
    )
