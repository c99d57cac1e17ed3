"""Are two maps equal? Exactly where that can be decided, and up to measured rounding noise elsewhere.

Two terms that are one in the free category are equal: nothing is run. Over a finite domain every
point is tried and equality is exact; over bits it is decided however many points there are (`exact`).
All these are proofs. Over the reals both sides are run at several
points, and again with every input and every box's output moved by a unit in the last place; how far
the results move is the noise. Sides that differ by more than `ALLOW` times the noise are different.
A point where the noise is as large as half the digits (a kink was crossed) says nothing and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..boxes.structure import Check, Copy, Discard
from ..finite import all_points, count
from ..functor import fold
from ..spaces import RealElement, Space
from . import exact
from .maps import Equation, Map
from .points import EXACT, USUAL, points
from .reference import Jitter, meaning
from .verdict import FUNCTION, Difference, Verdict

ALLOW = 20.0
"""How many times the noise two equal sides may differ by."""
COPIES = 3
"""How often each point is run with noise."""
MOST = 1 << 16
"""The most points of a finite domain that are all tried."""


def compare(equation: Equation, seed: int = 0, kinds: Sequence[str] = USUAL, strict: bool = False) -> Verdict:
    """Whether the two sides of an equation are equal; see the module.

    `strict` says that over bits they must be one formal polynomial, where that can be decided, as laws of
    derivatives need it.
    """
    left, right = equation.left, equation.right
    if left.dom != right.dom or left.cod != right.cod:
        difference = Difference(-1, left.cod, right.cod, 0.0, [])
        return Verdict("fails", f"the sides have other types: {left.cod!r} and {right.cod!r}", 0, difference)
    if left.term == right.term:
        return Verdict("proved", "both sides are one term of the free category")
    if expression(left) == expression(right):
        return Verdict("proved", "both sides are one expression of the free cartesian category")
    rng = np.random.default_rng(seed)
    size = count(left.dom)
    pair = exact.read(equation)
    if size <= MOST:
        found = _exact(equation, all_points(left.dom), int(size))
        return exact.polynomials(pair, found, strict) if pair and found.outcome == "proved" else found
    decided = exact.decided(equation, pair, seed, strict) if pair else None
    if decided is not None:
        return decided
    return _noisy(equation, rng, kinds)


def expression(side: Map) -> tuple[Any, ...]:
    """The outputs as expressions in the inputs, copies and discards resolved: what no function can tell apart."""
    numbers: dict[Any, int] = {}

    def clause(node: Any, ins: list[Any]) -> list[Any]:
        box = node.box
        if isinstance(box, Copy):
            return ins * box.times
        if isinstance(box, Discard):
            return []
        if isinstance(box, Check):
            return ins
        key = (box.identity, *ins)
        number = numbers.setdefault(key, len(numbers))
        known[number] = key
        return [("out", number, port) for port in range(len(node.outs))]

    known: dict[int, Any] = {}
    outs = fold(side.term.graph.nodes, side.term.graph.outs, [("in", i) for i in range(len(side.dom))], clause)
    return _named(outs, known)


def _named(outs: list[Any], known: dict[int, Any]) -> tuple[Any, ...]:
    """The expressions that outputs need, numbered in the order in which they are met from the outputs."""
    order: dict[int, int] = {}
    listed: list[Any] = []
    stack = [(out, False) for out in reversed(outs)]
    while stack:
        (kind, number, *_), done = stack.pop()
        if kind == "in" or number in order:
            continue
        _, *ins = known[number]
        if not done:
            stack.append((("out", number, 0), True))
            stack.extend((i, False) for i in reversed(ins))
            continue
        order[number] = len(order)
        listed.append(number)

    def name(wire: Any) -> Any:
        return wire if wire[0] == "in" else ("out", order[wire[1]], wire[2])

    nodes = tuple((known[n][0], tuple(name(w) for w in known[n][1:])) for n in listed)
    return nodes, tuple(name(w) for w in outs)


def _exact(equation: Equation, xs: list[Any], size: int) -> Verdict:
    with np.errstate(all="ignore"):
        return _exactly(equation, xs, size)


def _exactly(equation: Equation, xs: list[Any], size: int) -> Verdict:
    ys, zs = (meaning(side.term, xs) for side in (equation.left, equation.right))
    real = any(isinstance(a.element, RealElement) for a in equation.left.cod)
    for wire, (y, z) in enumerate(zip(ys, zs, strict=True)):
        array = equation.left.cod[wire]
        noise = _ulp(array.dtype) * ALLOW * float(np.max(np.abs(y), initial=0.0)) if y.dtype.kind == "f" else 0
        wrong = (np.abs(y - z) > noise) if y.dtype.kind == "f" else (y != z)
        if np.any(wrong):
            row = int(np.argwhere(wrong)[0][0])
            found = Difference(wire, y[row], z[row], float(noise), [x[row] for x in xs])
            return Verdict("fails", f"at a point of {size}", size, found)
    if real:
        return Verdict("holds", f"at all of {size} points, up to rounding", size)
    return Verdict("proved", f"equal at all of {size} points", size, None, FUNCTION)


def _ulp(dtype: Any) -> float:
    return float(np.finfo(dtype).eps)


def precision(*spaces: Space) -> float:
    """The unit in the last place of the widest rounding among the real arrays of spaces."""
    found = [_ulp(a.dtype) for s in spaces for a in s if isinstance(a.element, RealElement)]
    return max(found, default=0.0)


@dataclass(frozen=True)
class Sample:
    """Points with their noisy copies: `rows` arrays of a space, and the jitter of each row."""

    rows: list[Any]
    amounts: Any
    kinds: Sequence[str]

    @property
    def jitter(self) -> Jitter:
        """A fresh jitter for one run."""
        return Jitter(self.amounts)


def sample(space: Space, unit: float, rng: np.random.Generator, kinds: Sequence[str] = USUAL) -> Sample:
    """Points of `space`, each followed by `COPIES` copies; those of ordinary kinds are moved a little already."""
    copies = COPIES + 1
    amounts = np.tile([0.0] + [unit] * COPIES, len(kinds))
    moved = np.repeat([0.0 if k in EXACT else 1.0 for k in kinds], copies) * amounts
    jitter = Jitter(moved, 5)
    return Sample([jitter(np.repeat(x, copies, 0)) for x in points(space, rng, kinds)], amounts, kinds)


def _noisy(equation: Equation, rng: np.random.Generator, kinds: Sequence[str]) -> Verdict:
    left, right = equation.left, equation.right
    unit = precision(left.dom, left.cod)
    given = sample(left.dom, unit, rng, kinds)
    ys, zs = (meaning(side.term, given.rows, given.jitter) for side in (left, right))
    return judge(ys, zs, given, unit)


def judge(ys: Sequence[Any], zs: Sequence[Any], given: Sample, unit: float, floor: Sequence[Any] = ()) -> Verdict:
    """The verdict on the outputs of two sides at a sample."""
    copies, n = COPIES + 1, len(given.kinds)
    said: set[int] = set()
    worst: Difference | None = None
    lost = 0
    changes = _largest(given.rows, n, copies)
    with np.errstate(all="ignore"):
        for wire, (y, z) in enumerate(zip(ys, zs, strict=True)):
            if y.dtype.kind != "f":
                y, z = y.astype("int64"), z.astype("int64")
            a, b = (v.reshape((n, copies, -1)).astype("float64" if v.dtype.kind == "f" else v.dtype) for v in (y, z))
            spread = np.maximum(
                np.abs(a - a[:, :1]).max((1, 2), initial=0), np.abs(b - b[:, :1]).max((1, 2), initial=0)
            )
            size = np.maximum(np.abs(a[:, 0]).max(1, initial=0), np.abs(b[:, 0]).max(1, initial=0))
            finite = np.isfinite(a).all((1, 2)) & np.isfinite(b).all((1, 2))
            alone = np.isfinite(a[:, 0]).all(1) != np.isfinite(b[:, 0]).all(1)
            lost += int(alone.any() and not finite.any())
            noise = ALLOW * (spread + unit * np.maximum(size, np.minimum(changes, 1.0)))
            scale = np.maximum(size, np.minimum(changes, 1.0))
            clear = finite & (spread <= np.sqrt(unit) * scale if y.dtype.kind == "f" else spread == 0)
            gap = np.abs(a[:, 0] - b[:, 0]).max(1, initial=0)
            said.update(np.flatnonzero(clear).tolist())
            wrong = np.flatnonzero(clear & (gap > noise))
            if len(wrong) and worst is None:
                row = int(wrong[0])
                at = row * copies
                worst = Difference(wire, y[at], z[at], float(noise[row]), [x[at] for x in given.rows], given.kinds[row])
    if worst is not None:
        return Verdict("fails", "the sides differ by more than rounding explains", n, worst)
    if lost and not said:
        return Verdict("lost", "one side is no number where the other is one", n)
    if not said:
        return Verdict("nothing", "no point at which both sides are finite and well-conditioned", n)
    return Verdict("holds", f"on {len(said)}", len(said))


def _largest(rows: Sequence[Any], n: int, copies: int) -> Any:
    real = [np.abs(x.reshape((n, copies, -1))[:, 0]).max(1, initial=0) for x in rows if x.dtype.kind == "f"]
    return np.max(real, axis=0) if real else np.zeros(n)
