"""Finite learners as tables: I, U and r written out over all parameters, inputs and labels.

What is asked of a finite learner (is it another one, up to names of parameters; what does it do in the
long run) is asked of its table. One that is too large to write out is refused, and told how large it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..arguments import whole
from ..errors import DataError, LensError, explain
from ..finite import all_points, count, places
from ..spaces import Index, Space
from .learn import Learn, one, wires

MOST = 1 << 22
"""The most entries, parameters times inputs times labels, of a table."""


@dataclass(frozen=True, eq=False)
class Table:
    """A finite learner written out: parameters, inputs and labels are numbered as `lenses.finite` does.

    Attributes: `implement` (P, A) of numbers of outputs, `update` (P, A, B) of numbers of parameters,
    `request` (P, A, B) of numbers of inputs; `dom` and `cod`.
    """

    dom: Space
    cod: Space
    implement: Any
    update: Any
    request: Any

    def __len__(self) -> int:
        return len(self.implement)

    @property
    def steps(self) -> Any:
        """`update` with examples in one row: (P, A * B)."""
        return self.update.reshape(len(self), -1)

    @property
    def readouts(self) -> Any:
        """What can be seen of each parameter, as numbers in a row: I(p, -), then r(p, -, -)."""
        return np.concatenate([self.implement, self.request.reshape(len(self), -1)], 1)

    def learner(self, params: Space | None = None, name: str = "learner") -> Learn:
        """The learner of the table, on the numbers of its parameters, or on a space that has as many points."""
        space = Index(below=len(self)) if params is None else params
        if count(space) != len(self):
            raise LensError(
                explain(f"{len(self)} parameters are not the points of {space!r}", expected=f"{len(self)} points",
                        came=f"{how_many(count(space))} points")
            )  # fmt: skip
        tables = [jnp.asarray(t, jnp.int32) for t in (self.implement, self.update, self.request)]

        def get(p: Any, a: Any) -> Any:
            return _point(self.cod, tables[0][_place(space, p), _place(self.dom, a)])

        def put(p: Any, a: Any, b: Any) -> tuple[Any, Any]:
            at = _place(space, p), _place(self.dom, a), _place(self.cod, b)
            return _point(space, tables[1][at]), _point(self.dom, tables[2][at])

        return Learn.lens(space, self.dom, self.cod, get, put, lambda key: _point(space, jnp.int32(0)), name)


def _place(space: Space, value: Any) -> Any:
    """The number of a point, as JAX computes it."""
    at = jnp.int32(0)
    for array, x in zip(space, wires(space, value), strict=True):
        for digit in jnp.reshape(jnp.asarray(x, jnp.int32), -1):
            at = at * len(array.element.values) + digit
    return at


def _point(space: Space, at: Any) -> Any:
    """The point with a number, as JAX computes it."""
    return one([jnp.asarray(table)[at] for table in all_points(space)])


def how_many(n: int | float) -> str:
    """A number in words that stay short: powers of two as such."""
    if n == math.inf:
        return "infinitely many"
    n = int(n)
    bits = n.bit_length() - 1
    return f"2^{bits}" if n == 1 << bits and bits > 12 else f"{n}" if bits < 40 else f"about 2^{bits}"


def entries(learner: Learn) -> int | float:
    """How many entries the table of a learner has: parameters times inputs times labels."""
    return math.prod(count(space) for space in (learner.params, learner.dom, learner.cod))


def check_finite(learner: Learn) -> None:
    """Raises LensError where a learner is too large to write out, saying how large."""
    sizes = [count(s) for s in (learner.params, learner.dom, learner.cod)]
    total = entries(learner)
    if total > MOST:
        p, a, b = map(how_many, sizes)
        raise LensError(
            explain(
                f"{learner!r} is too large to go through",
                params=f"{learner.params!r}: {p} parameters",
                inputs=f"{learner.dom!r}: {a}",
                labels=f"{learner.cod!r}: {b}",
                came=f"{how_many(total)} parameters with examples",
                expected=f"{how_many(MOST)} at most",
                do="take fewer bits, or for equality give by=(there, back), maps of parameters",
            )
        )


def table(learner: Learn) -> Table:
    """The learner written out. Raises LensError where it is too large, DataError where it leaves its spaces."""
    check_finite(learner)
    spaces = learner.params, learner.dom, learner.cod
    shape = tuple(int(count(s)) for s in spaces)
    at = np.unravel_index(np.arange(math.prod(shape)), shape)
    given = [one([x[i] for x in all_points(s)]) for s, i in zip(spaces, at, strict=True)]

    def both(p: Any, a: Any, b: Any) -> tuple[Any, ...]:
        return (learner.implement(p, a), *learner.put(p, a, b))

    if jax.tree.leaves(given):
        found = jax.jit(jax.vmap(both))(*given)
    else:  # values of empty spaces have no axis to map along
        found = jax.tree.map(lambda x: jnp.asarray(x)[None], both(*given))
    grids = [
        np.broadcast_to(_numbered(learner, s, v), math.prod(shape)).reshape(shape)
        for s, v in zip((learner.cod, learner.params, learner.dom), found, strict=True)
    ]
    return Table(learner.dom, learner.cod, grids[0][:, :, 0], *grids[1:])


def _numbered(learner: Learn, space: Space, value: Any) -> Any:
    arrays = [np.asarray(x) for x in wires(space, value)]
    for i, (array, x) in enumerate(zip(space, arrays, strict=True)):
        if x.min() < 0 or x.max() >= len(array.element.values):
            bad = x[(x < 0) | (x >= len(array.element.values))].flat[0]
            raise DataError(explain(f"{learner!r} leaves its space", wire=f"{i}: {array!r}", came=bad))
    return places(space, arrays)


def from_table(dom: Space, cod: Space, implement: Any, update: Any, request: Any) -> Learn:
    """The learner with these tables of numbers: (P, A) of outputs, (P, A, B) of parameters, (P, A, B) of inputs.

    Its parameters are the numbers from 0 on. Raises DataError where a table has another shape, or a number that
    is none of what it numbers.
    """
    n, k, m = len(np.asarray(implement)), int(count(dom)), int(count(cod))
    whole("from_table", "the number of parameters", n)
    made = []
    for name, given, shape, below in (
        ("implement", implement, (n, k), m),
        ("update", update, (n, k, m), n),
        ("request", request, (n, k, m), k),
    ):
        array = np.asarray(given)
        if array.shape != shape or array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= below:
            came = f"shape {array.shape}, {array.dtype}, from {array.min()} to {array.max()}" if array.size else "none"
            expected = f"whole numbers below {below}, of shape {shape}"
            raise DataError(explain(f"from_table: {name}", expected=expected, came=came))
        made.append(array)
    return Table(dom, cod, *made).learner(name=f"<learner of {n} parameters>")
