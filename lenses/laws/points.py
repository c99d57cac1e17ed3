"""Points of spaces to try equations at: ordinary ones, and those where mistakes hide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..spaces import Array, Space

Generator = np.random.Generator

KINDS: dict[str, Callable[[Generator, tuple[int, ...]], Any]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "positive": lambda rng, shape: np.abs(rng.normal(size=shape)) + 0.25,
    "ties": lambda rng, shape: rng.integers(-1, 2, shape) * 0.5,
    "equal": lambda rng, shape: np.full(shape, rng.normal()),
    "zero": lambda rng, shape: np.where(rng.random(shape) < 0.5, 0.0, -0.0),
    "wide": lambda rng, shape: rng.normal(size=shape) * 10.0 ** rng.integers(-3, 3, shape),
    "tiny": lambda rng, shape: rng.normal(size=shape) * 1e-30,
    "huge": lambda rng, shape: rng.normal(size=shape) * 1e30,
    "nan": lambda rng, shape: np.where(rng.random(shape) < 0.3, np.nan, rng.normal(size=shape)),
}
"""Kinds of points, by what their numbers look like."""

EXACT = ("ties", "zero", "equal")
"""Kinds whose numbers stand on kinks and ties, so that they are not moved to measure noise."""

USUAL = ("normal", "ties", "positive", "zero", "normal", "wide", "ties", "normal", "zero")
"""The kinds that an equation is tried at, in this order."""


def array_values(array: Array, kind: str, rng: Generator) -> Any:
    """Values of one array, of a kind of `KINDS`; indices are drawn evenly."""
    element: Any = array.element
    values = finite_values(array)
    if values is not None:
        return rng.choice(values, array.sizes).astype(array.dtype)
    if element.values is not None:
        return rng.integers(0, len(element.values), array.sizes).astype(array.dtype)
    return KINDS[kind](rng, array.sizes).astype(array.dtype)


def points(space: Space, rng: Generator, kinds: Sequence[str] = USUAL) -> list[Any]:
    """One array a wire, with an axis of points in front, a point for each of `kinds`.

    At a point of ties or zeros some wires are ordinary, so that a change meets a kink and is not 0 itself.
    """

    def kind(wanted: str) -> str:
        return "normal" if wanted in ("ties", "zero") and rng.random() < 0.4 else wanted

    return [np.stack([array_values(a, kind(k), rng) for k in kinds]) for a in space]


def finite_values(array: Array) -> Any:
    """All the values of an element, where they are few enough to choose from; None otherwise."""
    values = array.element.values
    return None if values is None or len(values) > 256 else np.asarray(values)
