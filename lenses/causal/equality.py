"""Equality of causal maps over finite spaces, decided: no sequence of inputs tells them apart, or a shortest one does.

Two causal maps are equal if all their unrollings are. Where states and inputs are finitely many, that is
decided by going through the pairs of states that some inputs lead to: the maps differ exactly if at one
of these pairs some input makes them give different outputs. There are at most as many pairs as the product
of the numbers of states, so it is enough to unroll as often.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from ..compile import compile as compile_
from ..errors import LensError, SpaceError, explain
from ..finite import all_points, count
from ..typed import Typed
from .maps import Causal, shorten_causal

MOST = 1 << 16
"""The most pairs of states that are looked at, and the most inputs of a step."""


@dataclass(frozen=True)
class Bisimulation:
    """Whether two causal maps are equal; true or false as a value.

    `pairs` is how many pairs of states were looked at; `inputs` is a shortest sequence, one tuple of arrays a step,
    whose last outputs, `left` and `right`, differ, or None.
    """

    equal: bool
    pairs: int
    inputs: list[tuple[Any, ...]] | None = None
    left: Any = None
    right: Any = None

    def __bool__(self) -> bool:
        return self.equal

    def __repr__(self) -> str:
        if self.equal:
            return f"<equal: outputs agree at all {self.pairs} pairs of states that are reached>"
        steps = len(self.inputs or [])
        return f"<different: after {steps} step{'s' * (steps != 1)} {self.left} is not {self.right}>"


class _Machine:
    """The steps of a causal map as functions of rows: a state and an input are rows of whole numbers."""

    def __init__(self, f: Causal):
        self.f = f
        start = compile_(f.initial)({}) if f.width_at(0) else ()
        self.start = _rows(start if isinstance(start, tuple) else (start,), 1)
        self._steps = [_runner(f.typed_step(t)) for t in range(len(f.first) + 1)]

    def run(self, time: int, states: np.ndarray, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """New states and outputs, each (rows, columns), of states and inputs (rows, columns)."""
        place = min(time, len(self.f.first))
        found = self._steps[place](np.concatenate([states, inputs], 1))
        new = self.f.spaces[min(time + 1, len(self.f.first))][0]
        width = sum(a.size for a in new)
        return found[:, :width], found[:, width:]


def _rows(values: Any, rows: int) -> np.ndarray:
    """Arrays with `rows` in front as one array (rows, columns) of whole numbers."""
    parts = [np.asarray(v).reshape(rows, -1) for v in values]
    return np.concatenate([np.zeros((rows, 0), np.int64), *parts], 1).astype(np.int64)


def _runner(step: Typed) -> Callable[[np.ndarray], np.ndarray]:
    """A term without parameters as a function of rows."""
    net = compile_(step)
    cuts = np.cumsum([a.size for a in step.dom])[:-1]

    def run(rows: np.ndarray) -> np.ndarray:
        # Few numbers of rows, so that few programs are compiled.
        wide = np.zeros((1 << max(6, (len(rows) - 1).bit_length()), rows.shape[1]), np.int64)
        wide[: len(rows)] = rows
        parts = zip(np.split(wide, cuts, 1), step.dom, strict=False)
        arrays = [part.reshape((-1, *a.sizes)).astype(a.dtype) for part, a in parts]
        out = net({}, *arrays)
        pairs = zip(out if isinstance(out, tuple) else (out,), step.cod, strict=True)
        return _rows([np.broadcast_to(y, (len(wide), *a.sizes)) for y, a in pairs], len(wide))[: len(rows)]

    return run


def bisimilar(f: Causal, g: Causal, most: int = MOST) -> Bisimulation:
    """Whether two typed causal maps over finite spaces are equal; if not, a shortest sequence that tells them apart.

    Raises SpaceError where their types differ or are infinite, LensError for parameters, and where more than
    `most` pairs of states are reached.
    """
    _check(f, g, most)
    left, right = _Machine(f), _Machine(g)
    inputs = all_points(f.domain("bisimilar"))
    many = int(count(f.domain("bisimilar")))
    points = _rows(inputs, many)
    settled = max(len(f.first), len(g.first))
    pair = np.concatenate([left.start, right.start], 1)
    cut = left.start.shape[1]
    seen: dict[bytes, int] = {pair.tobytes(): 0}
    came: list[tuple[int, int]] = [(-1, -1)]  # of each pair that is numbered: the one before, and the input
    frontier, numbers, time = pair, [0], 0
    while len(frontier):
        rows = np.repeat(np.arange(len(frontier)), many)
        given = np.tile(points, (len(frontier), 1))
        (s, y), (t, z) = left.run(time, frontier[rows, :cut], given), right.run(time, frontier[rows, cut:], given)
        wrong = np.flatnonzero((y != z).any(1))
        if len(wrong):
            at = int(wrong[0])
            return Bisimulation(
                False, len(came), _way(came, numbers[at // many], at % many, inputs), y[at].tolist(), z[at].tolist()
            )
        time += 1
        if time <= settled:
            seen, cut = {}, s.shape[1]
        reached = np.concatenate([s, t], 1)
        found, where = (
            np.unique(reached, axis=0, return_index=True) if reached.shape[1] else (reached[:1], np.array([0]))
        )
        fresh = []
        for i, row in enumerate(found):
            key = row.tobytes()
            if key not in seen:
                seen[key] = len(came)
                at = int(where[i])
                came.append((numbers[at // many], at % many))
                fresh.append(i)
        if len(came) > most:
            raise LensError(
                explain(f"more than {most} pairs of states are reached", left=shorten_causal(f),
                        right=shorten_causal(g), do="compare smaller maps, or give a larger `most`")
            )  # fmt: skip
        frontier = found[fresh]
        numbers = [len(came) - len(fresh) + i for i in range(len(fresh))]
    return Bisimulation(True, len(came))


def _way(came: list[tuple[int, int]], number: int, last: int, inputs: list[np.ndarray]) -> list[tuple[Any, ...]]:
    """The inputs that lead to a pair, and the last one."""
    order = [last]
    while number > 0:
        number, point = came[number]
        order.append(point)
    return [tuple(x[point] for x in inputs) for point in reversed(order)]


def _check(f: Causal, g: Causal, most: int) -> None:
    for other, ours, theirs in (("input", f.domain("bisimilar"), g.domain("bisimilar")), ("output", f.cod, g.cod)):
        if ours != theirs:
            raise SpaceError(
                explain("two causal maps of other types cannot be equal", where=f"the {other} of a step",
                        left=repr(ours), right=repr(theirs))
            )  # fmt: skip
    for each in (f, g):
        spaces = [each.domain("bisimilar"), *(s for pair in each.spaces for s in pair)]
        wrong = next((a for s in spaces for a in s if a.element.values is None), None)
        if wrong is not None:
            raise SpaceError(
                explain("equality is decided over finite spaces", of=shorten_causal(each),
                        expected="bits or indices", came=repr(wrong), do="try the laws, or compare unrollings")
            )  # fmt: skip
        for time in range(len(each.first) + 1):
            net = compile_(each.typed_step(time))
            if net.params or net.stateful or jax.tree.leaves(compile_(each.initial).params):
                raise LensError(
                    explain("bisimilar: a causal map with parameters or states", of=shorten_causal(each),
                            do="take exposed(f), whose parameters come in at every step")
                )  # fmt: skip
    many = count(f.domain("bisimilar"))
    if many > most:
        raise LensError(explain(f"a step has {many} inputs", expected=f"at most {most}", of=shorten_causal(f)))
