"""Programs as JAX traces them: the arrays of their variables, and which programs their equations hold and call."""

from __future__ import annotations

import inspect
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from lenses.spaces import Array

from .elements import element

_LIBRARY = os.path.dirname(inspect.getfile(jax)) + os.sep


class Run(NamedTuple):
    """Equations in a row that are what a function of JAX does, such as softmax, which JAX does not mark as one."""

    name: str
    eqns: Sequence[Any]
    invars: Sequence[Any]
    outvars: Sequence[Any]
    constvars: tuple[Any, ...] = ()


class Called(NamedTuple):
    """A function that is called: the program inside and its constants.

    `own`: it is one of JAX's own. `apart`: inside are the parts of the arrays that one device has.
    """

    name: str
    jaxpr: Any
    consts: Sequence[Any] | None
    own: bool
    apart: bool = False


def shape(atom: Any) -> tuple[int, ...]:
    """The sizes of the array of a variable, or of a literal."""
    return tuple(getattr(atom.aval, "shape", ()))


def array(atom: Any, names: Iterable[str | None] | None = None) -> Array:
    """The array of a variable, or of a literal."""
    return Array(map(int, shape(atom)), names, element(getattr(atom.aval, "dtype", "int32")))


def arrays(atoms: Sequence[Any], names: Iterable[Iterable[str | None] | None]) -> list[Array]:
    """The arrays of variables, with these names of their axes."""
    return [array(a, axes) for a, axes in zip(atoms, names, strict=True)]


def reads(steps: Iterable[Any], outvars: Iterable[Any] = ()) -> Counter[Any]:
    """How often each variable is read: by equations, or as a result."""
    return Counter(a for atoms in (*[s.invars for s in steps], outvars) for a in atoms if not isinstance(a, Literal))


def held(eqn: Any) -> list[tuple[Any, Sequence[Any] | None]]:
    """The programs among the parameters of an equation, with their constants."""
    return list(_programs(tuple(eqn.params.values())))


def _programs(value: Any) -> Iterator[tuple[Any, Sequence[Any] | None]]:
    if isinstance(value, ClosedJaxpr):
        yield value.jaxpr, value.consts
    elif isinstance(value, Jaxpr):
        yield value, None
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _programs(each)


def count(jaxpr: Any) -> int:
    """The number of equations, inner ones included."""
    return len(jaxpr.eqns) + sum(count(inside) for eqn in jaxpr.eqns for inside, _ in held(eqn))


def called(step: Any) -> Called | None:
    """The function that a step calls, None where it calls none or one of which the wiring is not known."""
    if isinstance(step, Run):
        return Called(step.name, step, (), True)
    programs = held(step)
    if len(programs) != 1:
        return None
    ((jaxpr, consts),) = programs
    apart = step.primitive.name == "shard_map"
    for outside, inside in ((step.invars, jaxpr.invars), (step.outvars, jaxpr.outvars)):
        alike = [[len(shape(a)) if apart else shape(a) for a in atoms] for atoms in (outside, inside)]
        if alike[0] != alike[1]:
            return None
    name = step.params.get("name") or getattr(jaxpr.debug_info, "func_name", "")
    name = name.strip("<>").lstrip("_") if isinstance(name, str) else ""
    file = getattr(jaxpr.debug_info, "func_filename", None) or ""
    return Called(name or step.primitive.name, jaxpr, consts, file.startswith(_LIBRARY), apart)
