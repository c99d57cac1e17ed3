"""Windows, and the long forms that convolutions and poolings have in them, against `jax.lax`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import close, refused
from jax import lax

import lenses
from lenses import Index, Real, SpaceError, compile, conv, max_pool, mean_pool, windows
from lenses.boxes.convolution import Conv, Pool

CONVOLUTIONS = [
    conv(2, (3, 2), stride=2),
    conv(2, (2, 2), stride=(1, 3), padding="VALID"),
    conv(2, (2, 3), dilation=2),
    conv(2, (3, 2), stride=(1, 2), dilation=2, transposed=True),
    conv(2, (3, 3), stride=2, padding="VALID", transposed=True, bias=False),
]


def by_lax(box, p, x):
    """A convolution or a pooling as JAX has it, of a batch of images."""
    numbers = ("NHWC", "HWIO", "NHWC")
    if isinstance(box, Pool):
        window, stride = (1, *box.window, 1), (1, *box.stride, 1)
        start, function = (-jnp.inf, lax.max) if box.kind == "max" else (0.0, lax.add)
        total = lax.reduce_window(x, start, function, window, stride, box.padding)
        return total if box.kind == "max" else total / np.prod(window)
    if box.transposed:
        y = lax.conv_transpose(x, p["weight"], box.stride, box.padding, box.dilation, numbers)
    else:
        y = lax.conv_general_dilated(x, p["weight"], box.stride, box.padding, None, box.dilation, numbers)
    return y + p.get("bias", 0.0)


@pytest.mark.parametrize(
    "box",
    [
        *CONVOLUTIONS, max_pool((3, 2), stride=2, padding="SAME"), mean_pool((2, 3)),
        mean_pool((1, 5), padding="SAME"),
    ],
    ids=repr,
)  # fmt: skip
def test_long_forms_mean_the_same(box):
    dom = Real(y=6, x=5, c=3)
    assert isinstance(box, Conv | Pool)
    long = box.long_form(dom)
    assert long is not None and long.at(dom).cod == box.at(dom).cod
    net = compile(long, dom)
    params = jax.tree.map(lambda w: w + 0.5, net.init(jax.random.key(0)))
    x = jax.random.normal(jax.random.key(1), (2, *dom[0].sizes))
    weights = next(iter(params.values()), {})
    close(net(params, x), by_lax(box, weights, x), 1e-5, 1e-5)
    shapes = next(iter(compile(box, dom).init(jax.random.key(0)).values()), {})
    assert jax.tree.map(jnp.shape, shapes) == jax.tree.map(jnp.shape, weights)


def test_what_has_no_long_form():
    assert conv(4, (3, 3), groups=2).long_form(Real(5, 5, 2)) is None  # type: ignore[attr-defined]
    assert mean_pool((3, 3), padding="SAME").long_form(Real(5, 5, 2)) is None  # type: ignore[attr-defined]


def test_windows_of_a_row():
    seen = windows(3, padding="VALID").at(Real(x=5, c=1))
    assert seen.cod[0].sizes == (3, 3, 1) and seen.cod[0].names == ("x", None, "c")
    assert seen(jnp.arange(5.0)[:, None])[..., 0].tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert windows(3, fill=-1.0).at(Real(2, 1))(jnp.ones((2, 1)))[..., 0].tolist() == [[-1, 1, 1], [1, 1, -1]]


def test_windows_refuse():
    refused(SpaceError, lambda: windows((3, 3)).at(Real(5)), "at least 3 axes")
    refused(SpaceError, lambda: windows(6, padding="VALID").at(Real(5, 1)), "at least 6 along each axis")
    refused(SpaceError, lambda: windows(2).at(Index(5, 1, below=3)), "real")
    refused(lenses.LensError, lambda: windows(2, padding="FULL"), "padding", "'SAME'")
    wrong: Any = "zero"
    refused(lenses.LensError, lambda: windows(2, fill=wrong), "fill", "a number")
