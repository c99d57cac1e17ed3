"""Errors e(x, y) of two numbers, with de/dx and its inverse in y, which turns a derivative into a request.

Gradient descent is a functor to Learn where de/dx(x, -): R -> R is invertible for each x (Fong, Spivak and
Tuyeras 2019, theorem III.2). The inverse is known for some errors; for others it is found by bisection,
since an invertible continuous function is monotone; or it is given. An error without one is refused: that
of log cosh has the derivative tanh(x - y), which takes no value beyond -1 and 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import LensError, explain, shown
from ..learner.losses import Loss, squared

Two = Callable[[Any, Any], Any]

INVERSES: dict[str, Two] = {
    "squared": lambda x, z: x - z,
    "quartic": lambda x, z: x - jnp.cbrt(z),
    "binary_cross_entropy": lambda x, z: jax.nn.sigmoid(x) - z,
    "dot_product": lambda x, z: -z,
    "log_cosh": lambda x, z: x - jnp.arctanh(z),  # not a number beyond -1 and 1
}
"""The y at which de/dx(x, y) is z, for losses of the library, where there is one."""

REACH = 40
"""How far bisection looks: from -2^REACH to 2^REACH, and as near to 0."""
HALVINGS = 55
"""Steps of bisection between neighbouring powers of two: down to neighbouring floats."""
PLACES = (-2.0, -0.5, 0.0, 1.0, 3.0)
"""The x at which an error is asked whether its derivative can be inverted."""
VALUES = (0.0, 0.01, -0.3, 1.0, -1.0, 10.0, -10.0, 300.0, -300.0)
"""The derivatives that it is asked for there."""


@dataclass(frozen=True)
class Error:
    """An error of numbers, as `total`, a JAX function of two vectors: the sum of the errors of their numbers.

    `known`: the inverse of its derivative, a function of arrays (x, z), where it is known.
    """

    total: Two = field(repr=False)
    name: str
    known: Two | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return self.name

    @property
    def squared(self) -> bool:
        """Whether it is the squared error of the library, whose derivative is a difference, over any ring."""
        return self.total is squared.meaning.real

    def derivative(self, x: Any, y: Any) -> Any:
        """de/dx, number by number, at two arrays of one shape."""
        return jax.grad(self.total)(jnp.reshape(x, -1), jnp.reshape(y, -1)).reshape(jnp.shape(x))

    def inverse(self, x: Any, z: Any) -> Any:
        """The y at which de/dx(x, y) is z, number by number; not a number where there is none."""
        return self.known(x, z) if self.known else bisect(self.derivative, x, z)

    @cached_property
    def fault(self) -> str | None:
        """Why de/dx(x, -) cannot be inverted, and at which x; None where it can, as far as it was tried."""
        xs, zs = np.asarray(PLACES)[:, None], np.asarray(VALUES)[None]
        ys = np.concatenate([-(2.0 ** np.arange(12, -6, -1)), [0.0], 2.0 ** np.arange(-5, 13)])[None]
        slope, inverse = jax.jit(self.derivative), jax.jit(self.inverse)
        slopes = np.asarray(slope(*(jnp.asarray(v) for v in np.broadcast_arrays(xs, ys))))
        x, z = (jnp.asarray(v) for v in np.broadcast_arrays(xs, zs))
        found = inverse(x, z)
        back = np.asarray(slope(x, found))
        wrong = ~(np.abs(back - zs) <= 1e-3 * (np.abs(zs) + 1))
        for i, at in enumerate(PLACES):
            steps = np.diff(slopes[i][np.isfinite(slopes[i])])
            if (steps > 0).any() and (steps < 0).any():
                return f"at x = {at:g} it goes up and down as y grows, so that it takes some value twice"
            if wrong[i].any():
                j = int(np.flatnonzero(wrong[i])[0])
                asked, y = VALUES[j], float(found[i, j])
                if self.known is not None and np.isfinite(y):
                    return f"at x = {at:g} the inverse of {asked:g} was given as {y:g}, where it is {back[i, j]:g}"
                ends = f"from {np.nanmin(slopes[i]):g} to {np.nanmax(slopes[i]):g}"
                return f"at x = {at:g} it takes no value {asked:g}: for y from -4096 to 4096 it is {ends}"
        return None


def bisect(slope: Two, x: Any, z: Any) -> Any:
    """The y at which slope(x, y) is z, for a slope that is monotone in y; not a number where it stays on one side."""
    dtype = jnp.result_type(x)

    def side(y: Any) -> Any:
        return jnp.sign(slope(jnp.broadcast_to(x, jnp.shape(y)), y) - z)

    powers = 2.0 ** np.arange(-REACH, REACH + 1)
    grid = jnp.asarray(np.concatenate([-powers[::-1], [0.0], powers]), dtype)
    sides = side(grid.reshape((-1,) + (1,) * jnp.ndim(x)) + jnp.zeros_like(x))
    crossed = sides[:-1] * sides[1:] <= 0
    first = jnp.argmax(crossed, 0)
    at_low = jnp.take_along_axis(sides, first[None], 0)[0]

    def halve(k: Any, ends: Any) -> Any:
        low, high = ends
        middle = low + (high - low) / 2
        left = side(middle) == at_low
        return jnp.where(left, middle, low), jnp.where(left, high, middle)

    low, high = jax.lax.fori_loop(0, HALVINGS, halve, (grid[first], grid[first + 1]))
    found = jnp.where(jnp.abs(slope(x, low) - z) < jnp.abs(slope(x, high) - z), low, high)
    found = jnp.where(at_low == 0, grid[first], found)
    return jnp.where(crossed.any(0), found, jnp.nan)


def as_error(error: Any, inverse: Two | None = None) -> Error:
    """The error of numbers that a loss, or a JAX function of two numbers, is.

    `inverse` (x, z) -> y inverts de/dx(x, -) where that is not known. Raises LensError for a loss that is
    no sum over positions, since it has no error of numbers.
    """
    if isinstance(error, Error):
        return error if inverse is None else Error(error.total, error.name, _each(inverse))
    if isinstance(error, Loss):
        real = error.meaning.real
        if real is None or not _positions(real):
            raise LensError(
                explain(f"{error!r} is no sum of errors of single numbers", expected="a loss such as squared, quartic",
                        do="give the error of two numbers, as in L(0.1, lambda x, y: (x - y) ** 2)")
            )  # fmt: skip
        return Error(real, error.name, _each(inverse)) if inverse else _known(real, error.name)
    if not callable(error):
        raise LensError(explain(f"{shown(error)} is no error", expected="a loss, or a JAX function of two numbers"))
    name = getattr(error, "__name__", repr(error))
    each: Any = jax.vmap(error)
    return Error(lambda x, y: each(x, y).sum(), name, _each(inverse) if inverse else None)


@lru_cache(maxsize=64)
def _known(total: Two, name: str) -> Error:
    """The error of a loss of the library, the same one each time, so that it is looked into once."""
    return Error(total, name, INVERSES.get(name))


def _each(f: Two) -> Two:
    """A function of two numbers, on the numbers of two arrays."""
    return lambda x, y: jax.vmap(f)(jnp.reshape(x, -1), jnp.reshape(y, -1)).reshape(jnp.shape(x))


@lru_cache(maxsize=64)
def _positions(real: Two) -> bool:
    """Whether a loss of vectors is the sum of its values at their numbers."""
    x, y = jnp.array([0.3, -1.2, 2.0]), jnp.array([0.25, 0.5, 0.125])
    apart = sum(real(x[i : i + 1], y[i : i + 1]) for i in range(3))
    return bool(jnp.allclose(real(x, y), apart, rtol=1e-4))
