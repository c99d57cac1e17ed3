"""Spaces with finitely many points: how many there are, all of them in order, and the place of each.

The points of a space stand in the order of its numbers, read from the left, the last one fastest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .spaces import Space


def count(space: Space) -> int | float:
    """How many points a space has; infinitely many over the reals."""
    total = 1
    for array in space:
        values = array.element.values
        if values is None:
            return math.inf
        total *= len(values) ** array.size
    return total


def _bases(space: Space) -> list[int]:
    return [len(a.element.values) for a in space for _ in range(a.size)]


def all_points(space: Space) -> list[Any]:
    """Every point of a finite space, as arrays with an axis of points in front; the empty space has no arrays."""
    if not len(space):
        return []
    bases = _bases(space)
    table = np.stack(np.unravel_index(np.arange(math.prod(bases)), bases), 1)
    out, at = [], 0
    for a in space:
        values = np.asarray(a.element.values)[table[:, at : at + a.size]]
        out.append(values.reshape((-1, *a.sizes)).astype(a.dtype))
        at += a.size
    return out


def places(space: Space, arrays: Sequence[Any]) -> Any:
    """The place of each point among `all_points`, of arrays with axes of points in front; 0 in the empty space."""
    if not len(space):
        return 0
    lead = np.shape(arrays[0])[: np.ndim(arrays[0]) - space[0].rank]
    numbers = [
        np.searchsorted(np.asarray(a.element.values), np.asarray(x)).reshape((*lead, a.size))
        for a, x in zip(space, arrays, strict=True)
    ]
    digits = np.concatenate(numbers, -1)
    return np.ravel_multi_index(tuple(np.moveaxis(digits, -1, 0)), _bases(space))
