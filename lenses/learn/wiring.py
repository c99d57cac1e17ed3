"""Wiring in Learn where values can be subtracted: copy, discard, add and zero as learners without parameters.

They are what gradient descent makes of these maps under the squared error: a copy requests b1 + b2 - a,
a sum requests (b - a2, b - a1), a discard is content with what it has (Fong, Spivak and Tuyeras 2019,
section VI). They mean something over every ring, the reals or whole numbers modulo n.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from ..errors import SpaceError, explain
from ..spaces import Array, Space, unit
from .learn import Learn, beside, one, parts_of, wires


def minus(array: Array, x: Any, y: Any) -> Any:
    """x - y in the ring of the array's elements."""
    if array.real:
        return x - y
    element = array.element
    return element.plus(x, element.times(y, jnp.asarray(element.characteristic - 1, array.dtype)))


def check_ring(space: Space, what: str) -> None:
    """Raises SpaceError unless elements of the space can be subtracted."""
    for i, array in enumerate(space):
        if not array.real and (array.change != array or not array.element.characteristic):
            raise SpaceError(
                explain(
                    f"{what}: its values cannot be subtracted",
                    wire=f"{i}: {array!r}",
                    expected="real numbers, bits, or whole numbers modulo n",
                    do="write the learner by hand, Learn(params, dom, cod, implement, update, request)",
                )
            )


def minus_on(space: Space, x: Any, y: Any) -> Any:
    """The difference of two values of a space."""
    return one([minus(a, u, v) for a, u, v in zip(space, wires(space, x), wires(space, y), strict=True)])


def plus_on(space: Space, x: Any, y: Any) -> Any:
    """The sum of two values of a space."""
    rows = zip(space, wires(space, x), wires(space, y), strict=True)
    return one([u + v if a.real else a.element.plus(u, v) for a, u, v in rows])


def _wiring(name: str, dom: Sequence[Space], cod: Sequence[Space], get: Callable[..., Any], ask: Callable[..., Any]):  # type: ignore[no-untyped-def]
    """The learner without parameters of a function of values, and of one of values and labels that requests."""
    space, end = (Space(a for s in spaces for a in s) for spaces in (dom, cod))

    def implement(p: Any, a: Any) -> Any:
        return beside(cod, get(*parts_of(dom, a)))

    def put(p: Any, a: Any, b: Any) -> tuple[Any, Any]:
        return (), beside(dom, ask(*parts_of(dom, a), *parts_of(cod, b)))

    return Learn.lens(unit, space, end, implement, put, name=name)


def copy(space: Space) -> Learn:
    """A -> A * A; requests b1 + b2 - a. Raises SpaceError where values cannot be subtracted."""
    check_ring(space, f"copy({space!r})")
    return _wiring(
        f"copy({space!r})", [space], [space, space],
        lambda a: [a, a],
        lambda a, b, c: [minus_on(space, plus_on(space, b, c), a)],
    )  # fmt: skip


def add(space: Space) -> Learn:
    """A * A -> A; requests (b - a2, b - a1). Raises SpaceError where values cannot be subtracted."""
    check_ring(space, f"add({space!r})")
    return _wiring(
        f"add({space!r})", [space, space], [space],
        lambda x, y: [plus_on(space, x, y)],
        lambda x, y, b: [minus_on(space, b, y), minus_on(space, b, x)],
    )  # fmt: skip


def discard(space: Space) -> Learn:
    """A -> unit; requests what it is given."""
    return _wiring(f"discard({space!r})", [space], [], lambda a: [], lambda a: [a])


def zero(space: Space) -> Learn:
    """unit -> A, the zero; it has nothing to request."""
    check_ring(space, f"zero({space!r})")
    return _wiring(
        f"zero({space!r})", [], [space], lambda: [one([jnp.zeros(a.sizes, a.dtype) for a in space])], lambda b: []
    )
