"""Linear maps as functions: f'(a) takes a change of the input to that of the output (Elliott 2018)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..spaces import Space
from .category import LinearMap, LinearMaps, beside, split
from .local import Arrays, Local


@dataclass(frozen=True, eq=False, repr=False)
class Linear(LinearMap):
    """A linear function, as steps with their names: a chain of any length is applied without recursion."""

    steps: tuple[tuple[str, Callable[[Arrays], Arrays]], ...] = ()

    def __call__(self, *changes: Any) -> tuple[Any, ...]:
        """The change of each output, from one of each input."""
        xs: Arrays = list(changes)
        for _, step in self.steps:
            xs = step(xs)
        return tuple(xs)

    @property
    def says(self) -> str:
        return " >> ".join(name for name, _ in self.steps) or f"identity({len(self.dom)})"


class Functions(LinearMaps):
    """Linear functions of arrays; composition is that of functions."""

    name = "functions"

    def identity(self, space: Space) -> Linear:
        return Linear(space, space)

    def of(self, local: Local) -> Linear:
        return Linear(local.dom, local.cod, ((local.name, local.push),))

    def composite(self, maps: Sequence[Linear]) -> Linear:
        return Linear(maps[0].dom, maps[-1].cod, tuple(step for f in maps for step in f.steps))

    def product(self, maps: Sequence[Linear]) -> Linear:
        def step(xs: Arrays) -> Arrays:
            return [y for f, part in zip(maps, split(xs, maps, _dom), strict=True) for y in f(*part)]

        name = " @ ".join(f"({f.says})" if len(f.steps) > 1 else f.says for f in maps)
        return Linear(beside([f.dom for f in maps]), beside([f.cod for f in maps]), ((name, step),))

    def blocks(self, f: Linear) -> list[list[Any]]:
        """Each column is what the function makes of a vector of the basis."""
        rows: list[list[Any]] = [[] for _ in f.cod]
        for i, array in enumerate(f.dom):

            def column(v: Any, i: int = i) -> tuple[Any, ...]:
                return f(*(v if k == i else jnp.zeros(a.sizes, a.dtype) for k, a in enumerate(f.dom)))

            basis = jnp.reshape(np.eye(array.size, dtype=array.dtype), (array.size, *array.sizes))
            for row, out in zip(rows, jax.vmap(column)(basis), strict=True):
                row.append(jnp.reshape(out, (array.size, -1)).T)
        return rows


def _dom(f: LinearMap) -> Space:
    return f.dom


functions = Functions()
"""Linear maps as functions."""
