"""Initial values of parameters and states, by name, so that a saved term says how it starts.

A specification is a name with its numbers after a colon, e.g. "normal:0.02" or "constant:1".
Most are those of `jax.nn.initializers`; "bernoulli:0.5" draws bits, "halves:0:1" is a truth table that
hands its first input on, and "spike:3:1" is 1 at place 3 of the last axis.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp

from .errors import LensError, explain, shown
from .terms import Port
from .trees import Tree


def _halves(low: float, high: float, key: Any, sizes: tuple[int, ...], dtype: Any) -> Any:
    """The first half of the last axis `low`, the second `high`: a truth table that hands its first input on."""
    half = sizes[-1] // 2
    row = jnp.concatenate([jnp.full(half, low), jnp.full(sizes[-1] - half, high)])
    return jnp.broadcast_to(row.astype(dtype), sizes)


def _spike(at: int, height: float, key: Any, sizes: tuple[int, ...], dtype: Any) -> Any:
    """`height` at the place `at` of the last axis, 0 elsewhere."""
    return jnp.zeros(sizes, dtype).at[..., at].set(height)


_MADE = {
    "zeros": lambda: jax.nn.initializers.zeros,
    "ones": lambda: jax.nn.initializers.ones,
    "constant": lambda value: jax.nn.initializers.constant(value),
    "normal": lambda stddev=0.01: jax.nn.initializers.normal(stddev),
    "uniform": lambda scale=0.01: jax.nn.initializers.uniform(scale),
    "bernoulli": lambda p=0.5: lambda key, sizes, dtype: jax.random.bernoulli(key, p, sizes).astype(dtype),
    "spike": lambda at=0.0, height=1.0: partial(_spike, int(at), height),
    "halves": lambda low=0.0, high=1.0: partial(_halves, low, high),
}
_FANS = ("lecun_normal", "lecun_uniform", "he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "orthogonal")

_NUMBERS = {"constant": (1,), "normal": (0, 1), "uniform": (0, 1), "bernoulli": (0, 1), "halves": (0, 2), "spike": (2,)}
"""How many numbers an initialiser may have."""

NAMES = (*_MADE, *_FANS)


def check(init: str, call: str = "init") -> str:
    """`init` if it says an initialiser with its numbers; raises LensError otherwise."""
    if not isinstance(init, str) or not _known(init):
        raise LensError(
            explain(
                f"{call}: there is no initialiser {shown(init)}",
                expected=", ".join(NAMES),
                do="give numbers after colons, as in 'normal:0.02' (deviation), 'lecun_normal:2:1' (axes in, out)",
            )
        )
    return init


@cache
def _known(init: str) -> bool:
    name, *numbers = init.split(":")
    if name in _FANS:
        return len(numbers) in (0, 2) and all(n.isascii() and n.isdigit() for n in numbers)
    if name not in _MADE or len(numbers) not in _NUMBERS.get(name, (0,)):
        return False
    try:
        return all(math.isfinite(float(n)) for n in numbers)
    except ValueError:
        return False


def initial(port: Port, key: Any) -> Any:
    """The initial array of a port.

    For initialisers that look at fans, the last axis counts as the output and the one before as
    the input, with all earlier ones as the receptive field; boxes with more axes of either kind
    say how many with a second number, as in "lecun_normal:2:1" (2 axes in, 1 out).
    """
    name, *numbers = check(port.init).split(":")
    sizes, dtype = port.array.sizes[port.stacked :], port.array.dtype
    if name in _FANS:
        shape = sizes
        if numbers:
            into, out = map(int, numbers)
            field = sizes[: len(sizes) - into - out]
            fan_in, fan_out = sizes[len(field) : len(field) + into], sizes[len(field) + into :]
            shape = (*field, _product(fan_in), _product(fan_out))
        make = getattr(jax.nn.initializers, name)()
        return make(key, shape, dtype).reshape(sizes)
    return _MADE[name](*map(float, numbers))(key, sizes, dtype)


def _product(sizes: tuple[int, ...]) -> int:
    total = 1
    for n in sizes:
        total *= n
    return total


def init_tree(tree: Tree, key: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Initial arrays for a tree of ports; each from the key and its own path, so a new layer moves no other."""
    out: dict[str, Any] = {}
    for name, sub in tree.items():
        here = (*path, name)
        if isinstance(sub, dict):
            out[name] = init_tree(sub, key, here)
        else:
            out[name] = _initial(sub, jax.random.fold_in(key, zlib.crc32("/".join(here).encode())))
    return out


def _initial(port: Port, key: Any) -> Any:
    make: Callable[[Any], Any] = partial(initial, port)
    stack = port.array.sizes[: port.stacked]
    for _ in stack:
        make = jax.vmap(make)
    return make(jax.random.split(key, stack) if stack else key)
