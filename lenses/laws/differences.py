"""Derivatives against differences of the meaning: the oracle that knows nothing of derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import LensError
from ..typed import Misfit
from .compare import Difference, Verdict, precision
from .maps import Map
from .points import points
from .reference import meaning
from .rewrite import at_precision

WEIGHTS = {1: 45 / 60, 2: -9 / 60, 3: 1 / 60}
"""The central difference of order 6: sum of weight_k (f(a + k h v) - f(a - k h v)) / h."""


SMALLER = (1, 30, 900)
"""What the step is divided by, one after the other, until no kink lies within it."""


def _moving(f: Map) -> list[int]:
    return [i for i, a in enumerate(f.dom) if a.change is not None]


def _inner(xs: Sequence[Any], ys: Sequence[Any]) -> Any:
    """The inner product at each point, of two rows of arrays with an axis of points in front."""
    parts = [
        (np.asarray(x, "float64") * np.asarray(y, "float64")).reshape(len(x), -1).sum(1)
        for x, y in zip(xs, ys, strict=True)
    ]
    return np.sum(parts, axis=0)


def _along(f: Map, xs: Sequence[Any], vs: Sequence[Any], steps: Sequence[float]) -> list[list[Any]]:
    """f(x + s v) for each of the steps s, all run at once: the changing outputs."""
    n = len(xs[0])
    moving = dict(zip(_moving(f), vs, strict=True))
    rows = [
        np.concatenate([(x + s * moving[i]).astype(x.dtype) if i in moving else x for s in steps])
        for i, x in enumerate(xs)
    ]
    ys = [y for y, a in zip(meaning(f.term, rows), f.cod, strict=True) if a.change is not None]
    return [[y[k * n : (k + 1) * n] for y in ys] for k in range(len(steps))]


def _setting(f: Map, seed: int, kinds: Sequence[str]) -> tuple[list[Any], list[Any], list[Any]]:
    rng = np.random.default_rng(seed)
    usual = ["normal"] * len(kinds)
    xs, ws = points(f.dom, rng, kinds), points(f.cod.change, rng, usual)
    return xs, points(f.dom.change, rng, usual), ws


def _double(*maps: Map) -> tuple[Map, ...]:
    """The maps in double precision, where differences have digits to lose; as they are if a box insists on its own."""
    try:
        return tuple(Map(at_precision(m.term, "float64")) for m in maps)
    except (LensError, Misfit, TypeError, ValueError):
        return maps


def _one_number(ws: Sequence[Any], rng: np.random.Generator) -> list[Any]:
    """For each point, 1 at one number of all outputs and 0 elsewhere."""
    flat = np.zeros((len(ws[0]), sum(w[0].size for w in ws)))
    flat[np.arange(len(flat)), rng.integers(0, flat.shape[1], len(flat))] = 1
    ends = np.cumsum([w[0].size for w in ws])[:-1]
    return [part.reshape(w.shape).astype(w.dtype) for part, w in zip(np.split(flat, ends, 1), ws, strict=True)]


def _by_steps(f: Map, xs: list[Any], vs: list[Any], ws: list[Any], h: float) -> tuple[Any, Any, Any]:
    """The derivative along `vs` by differences with the step h, and with half of it; the size of the values."""
    ks = [sign * k for k in WEIGHTS for sign in (1, -1)]
    found, size = [], np.zeros(0)
    for step in (h, h / 2):
        inner = [_inner(y, ws) for y in _along(f, xs, vs, [k * step for k in ks])]
        found.append(sum(np.sign(k) * WEIGHTS[abs(k)] * i for k, i in zip(ks, inner, strict=True)) / step)
        size = np.max(np.abs(inner), axis=0)
    return found[0], found[1], size


@dataclass(frozen=True)
class Differences:
    """The claim that r is the reverse derivative of f, to be held against central differences."""

    f: Map
    r: Map

    def verdict(self, seed: int = 0) -> Verdict:
        """Compares along random directions; the step is halved to see how far the differences can be trusted.

        Where a kink lies within the step they cannot, and smaller steps are tried.
        """
        kinds = ("normal", "positive", "normal", "positive")
        f, r = _double(self.f, self.r)
        if not (len(f.dom.change) and len(f.cod.change)):
            return Verdict("nothing", "nothing can change")
        xs, vs, ws = _setting(f, seed, kinds)
        unit = precision(f.dom, f.cod)
        given = _inner(vs, meaning(r.term, [*xs, *ws]))
        found, trust, clear = np.zeros_like(given), np.zeros_like(given), np.zeros(given.shape, bool)
        with np.errstate(all="ignore"):
            for h in 2 * unit ** (1 / 7) / np.array(SMALLER):
                coarse, fine, size = _by_steps(f, xs, vs, ws, h)
                now = 20 * np.abs(coarse - fine) + 200 * unit / h * np.maximum(size, 1e-3)
                good = np.isfinite(given) & np.isfinite(now) & (now < 100 * unit**0.5 * np.maximum(np.abs(fine), 1e-1))
                new = good & ~clear
                found[new], trust[new] = fine[new], now[new]
                clear |= good
                if clear.all():
                    break
            wrong = np.flatnonzero(clear & (np.abs(given - found) > trust))
        if len(wrong):
            i = int(wrong[0])
            where = Difference(0, found[i], given[i], float(trust[i]), [x[i] for x in xs], kinds[i])
            return Verdict("fails", "the derivative is not the limit of differences", len(kinds), where)
        if not clear.any():
            return Verdict("nothing", "no point at which differences can be trusted", len(kinds))
        return Verdict("holds", f"on {int(clear.sum())}", int(clear.sum()))


@dataclass(frozen=True)
class Kinks:
    """The claim that at kinks and ties r stays between the derivatives of f to both sides.

    One number of the output is looked at at a time: two kinks of opposite turn could hide one another.
    """

    f: Map
    r: Map

    def verdict(self, seed: int = 0) -> Verdict:
        """Compares at points of ties and equal values with one-sided differences of order 2."""
        kinds = ("ties", "zero", "ties", "equal", "ties", "ties")
        f, r = _double(self.f, self.r)
        if not (len(f.dom.change) and len(f.cod.change)):
            return Verdict("nothing", "nothing can change")
        xs, vs, ws = _setting(f, seed, kinds)
        ws = _one_number(ws, np.random.default_rng(seed))
        unit = precision(f.dom, f.cod)
        h = unit ** (1 / 3) * 4
        steps = (0.0, h, 2 * h, h / 2, -h, -2 * h, -h / 2)
        with np.errstate(all="ignore"):
            zero, r1, r2, r0, l1, l2, l0 = (_inner(y, ws) for y in _along(f, xs, vs, steps))
            sides = [
                ((4 * r1 - r2 - 3 * zero) / (2 * h), (4 * r0 - r1 - 3 * zero) / h),
                ((4 * l1 - l2 - 3 * zero) / (-2 * h), (4 * l0 - l1 - 3 * zero) / -h),
            ]
            given = _inner(vs, meaning(r.term, [*xs, *ws]))
            fine = np.stack([b for _, b in sides])
            trust = 20 * sum(np.abs(a - b) for a, b in sides) + 1e3 * unit / h * np.maximum(np.abs(zero), 1.0)
            low, high = fine.min(0) - trust, fine.max(0) + trust
            clear = (
                np.isfinite(given) & np.isfinite(low + high) & (trust < 1e-2 * np.maximum(np.abs(fine).max(0), 1e-1))
            )
            wrong = np.flatnonzero(clear & ((given < low) | (given > high)))
        if len(wrong):
            i = int(wrong[0])
            found = Difference(0, fine[:, i], np.float64(given[i]), float(trust[i]), [x[i] for x in xs], kinds[i])
            return Verdict("fails", "the derivative lies outside those to both sides", len(kinds), found)
        if not clear.any():
            return Verdict("nothing", "no point at which one-sided differences can be trusted", len(kinds))
        return Verdict("holds", f"on {int(clear.sum())}", int(clear.sum()))
