"""What constructors check of their arguments: each check names the call, the argument, what was expected and came.

A check returns the argument in the one form in which boxes keep it, or raises a LensError.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from numbers import Real
from typing import Any, NoReturn

import jax.numpy as jnp
import numpy as np

from .errors import LensError, explain, shown

MOST = 2**63 - 1
"""The longest axis that an array can have."""


def refuse(call: str, name: str, value: Any, expected: str, do: str | None = None, kind: Any = LensError) -> NoReturn:
    """Raises the error of an argument that cannot be: `call`, the `name` of the argument, its value."""
    raise kind(explain(f"{call}: {name} is {shown(value)}", expected=expected, do=do))


def is_whole(value: Any, least: int = 1, most: int = MOST) -> bool:
    """Whether the value is a whole number in these bounds; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and least <= int(value) <= most


def whole(
    call: str, name: str, value: Any, least: int = 1, most: int = MOST, do: str | None = None, kind: Any = LensError
) -> int:
    """A whole number from `least` to `most`."""
    if not is_whole(value, least, most):
        bound = f"{least} or more" if most == MOST else f"from {least} to {most}"
        refuse(call, name, value, f"a whole number, {bound}", do, kind)
    return int(value)


def wholes(call: str, name: str, value: Any, count: int | None = None) -> tuple[int, ...]:
    """Whole numbers of 1 or more, from a sequence of them or, where `count` is given, from one for all."""
    if count is not None and is_whole(value):
        return (int(value),) * count
    if not isinstance(value, tuple | list) or not all(map(is_whole, value)) or count not in (None, len(value)):
        many = "whole numbers, 1 or more" if count is None else f"a whole number, 1 or more, or {count} of them"
        refuse(call, name, value, many)
    return tuple(int(n) for n in value)


def as_number(value: Any) -> float | None:
    """A real number as a float, NaN too; None for anything else."""
    if type(value) is float:
        return value
    plain = isinstance(value, Real) or (getattr(value, "shape", None) == () and hasattr(value, "dtype"))
    if not plain or isinstance(value, bool | np.bool_):
        return None
    try:
        return float(value)
    except Exception:  # an array without a value yet, complex numbers, numbers beyond all floats
        return None


def number(
    call: str, name: str, value: Any, low: float = -math.inf, high: float = math.inf, expected: str | None = None
) -> float:
    """A real number from `low` to `high` as a float; NaN, truth values and text are none."""
    found = as_number(value)
    if found is None or not low <= found <= high:
        bounds = "" if (low, high) == (-math.inf, math.inf) else f" from {low:g} to {high:g}"
        refuse(call, name, value, expected or f"a number{bounds}")
    return found


def positive(call: str, name: str, value: Any, expected: str = "a finite number, 0 or more") -> float:
    """A finite number, 0 or more."""
    return number(call, name, value, 0.0, sys.float_info.max, expected)


def flag(call: str, name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        refuse(call, name, value, "True or False")
    return bool(value)


def choice(call: str, name: str, value: Any, options: Sequence[str]) -> str:
    """One of some words."""
    if not isinstance(value, str) or value not in options:
        refuse(call, name, value, " or ".join(map(repr, options)))
    return value


def axis(call: str, value: Any) -> int | str:
    """An axis: its name, or its place."""
    if isinstance(value, str) and value:
        return value
    if isinstance(value, str) or not is_whole(value, -MOST):
        refuse(call, "the axis", value, "the name of an axis, or its place (negative from the end)")
    return int(value)


def dtype(call: str, value: Any, kind: Any = LensError) -> str:
    """The name of a float dtype."""
    try:
        found = jnp.dtype(value) if isinstance(value, str | type | np.dtype) else None
    except TypeError:
        found = None
    if found is None or not jnp.issubdtype(found, jnp.floating):
        expected = "'float32', 'bfloat16', 'float16' or 'float64'"
        refuse(call, "the dtype", value, expected, "use Index for whole numbers", kind)
    return found.name
