"""Equality in Learn: a bijection of parameters that commutes with I, U and r.

A map of parameters that commutes is not enough: learners that behave alike may have different numbers of
parameters (Fong, Spivak and Tuyeras 2019, definition II.1; `lenses.machines` has the coarser notion).
Between finite learners a bijection is searched for. Parameters are told apart by what they implement and
request, then by where updates lead and where they come from, until no more are told apart (partition
refinement); where some still look alike, one is paired with each of those that it may go to, in turn.
Between others, a pair of inverse maps is given, and checked on points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import LensError, explain
from ..finite import all_points, count, places
from ..spaces import Space
from .learn import Learn, draw, one, wires
from .table import MOST, Table, check_finite, entries, how_many, table

Both = tuple[Callable[[Any], Any], Callable[[Any], Any]]
POINTS = 20
"""How many points a witness is checked on."""
TRIES = 10_000
"""How many pairings are tried before the search gives up."""


@dataclass(frozen=True)
class Equality:
    """Whether two learners are one, and why. Truthy where they are.

    `bijection` has for each parameter of the first, by its number, that of the second, where it was found.
    """

    equal: bool
    because: str
    bijection: tuple[int, ...] | None = None

    def __bool__(self) -> bool:
        return self.equal

    def __repr__(self) -> str:
        return f"{'equal' if self.equal else 'not equal'}: {self.because}"


def equal(f: Learn, g: Learn, by: Both | None = None, seed: int = 0) -> Equality:
    """Whether two learners are one in Learn.

    Args:
        by: maps of parameters there and back, inverse to each other; they are checked at all points of learners
            that can be gone through, and at random ones, up to rounding, of others. Without them, all bijections are
            considered, which must be finitely many.

    Raises LensError where a learner is too large to go through and no maps are given.
    """
    for what in ("dom", "cod"):
        if getattr(f, what) != getattr(g, what):
            return Equality(False, f"they are between other spaces: {getattr(f, what)!r} and {getattr(g, what)!r}")
    sizes = count(f.params), count(g.params)
    if sizes[0] != sizes[1]:
        return Equality(False, f"they have {how_many(sizes[0])} and {how_many(sizes[1])} parameters")
    if by is not None:
        return _by(f, g, by, seed)
    check_finite(f)
    check_finite(g)
    return bijection(table(f), table(g))


# -- by a witness ----------------------------------------------------------------------------


def _by(f: Learn, g: Learn, by: Both, seed: int) -> Equality:
    there, back = by
    if all(entries(learner) <= MOST for learner in (f, g)):
        return _by_tables(f, g, by)
    facts = {
        "there and then back is no identity": f.params,
        "back and then there is no identity": g.params,
        "they implement other maps": f.cod,
        "they update otherwise": g.params,
        "they request otherwise": f.dom,
    }

    @jax.jit
    def sides(p: Any, q: Any, a: Any, b: Any) -> list[tuple[Any, Any]]:
        (new, wanted), other = f.put(p, a, b), g.put(there(p), a, b)
        implemented = f.implement(p, a), g.implement(there(p), a)
        return [(back(there(p)), p), (there(back(q)), q), implemented, (there(new), other[0]), (wanted, other[1])]

    rng = np.random.default_rng(seed)
    for _ in range(POINTS):
        given = [draw(space, rng) for space in (f.params, g.params, f.dom, f.cod)]
        for (what, space), (x, y) in zip(facts.items(), sides(*given), strict=True):
            if not _close(space, x, y):
                return Equality(False, f"along these maps {what}, at {_said(given)}")
    return Equality(True, f"along these maps, on {POINTS} points")


def _by_tables(f: Learn, g: Learn, by: Both) -> Equality:
    """Whether maps of finitely many parameters make two learners one, at every example."""
    ways = zip(by, (f.params, g.params), (g.params, f.params), strict=True)
    forth, back = (_numbers(way, dom, cod) for way, dom, cod in ways)
    if (back[forth] != np.arange(len(forth))).any():
        return Equality(False, "along these maps there and then back is no identity")
    if not _commutes(table(f), table(g), forth):
        return Equality(False, "along these maps they implement, update or request otherwise")
    return Equality(True, "along these maps, at every parameter, input and label", tuple(forth.tolist()))


def _numbers(way: Callable[[Any], Any], dom: Space, cod: Space) -> Any:
    """The number of the image of each point."""
    if not len(dom):
        return np.zeros(1, int) + places(cod, [np.asarray(x) for x in wires(cod, way(()))])
    images = jax.vmap(way)(one([jnp.asarray(x) for x in all_points(dom)]))
    return np.zeros(int(count(dom)), int) + places(cod, [np.asarray(x) for x in wires(cod, images)])


def _close(space: Space, x: Any, y: Any) -> bool:
    for array, u, v in zip(space, wires(space, x), wires(space, y), strict=True):
        u, v = np.asarray(u), np.asarray(v)
        if u.shape != v.shape:
            return False
        if not array.real:
            if (u != v).any():
                return False
            continue
        unit = float(jnp.finfo(array.dtype).eps)
        if not np.allclose(u.astype("float64"), v.astype("float64"), rtol=1e3 * unit, atol=1e3 * unit, equal_nan=True):
            return False
    return True


def _said(given: Any) -> str:
    shown = ", ".join(np.array2string(np.asarray(x), precision=3, threshold=6) for x in jax.tree.leaves(given))
    return " ".join(shown.split())[:160]


def rename(learner: Learn, params: Space, there: Callable[[Any], Any], back: Callable[[Any], Any]) -> Learn:
    """The learner with its parameters named by the points of another space, along inverse maps there and back."""

    def put(q: Any, a: Any, b: Any) -> tuple[Any, Any]:
        new, wanted = learner.put(back(q), a, b)
        return there(new), wanted

    return Learn.lens(
        params, learner.dom, learner.cod,
        lambda q, a: learner.implement(back(q), a), put,
        lambda key: there(learner.init(key)), f"{learner!r}, renamed",
    )  # fmt: skip


# -- by search -------------------------------------------------------------------------------


class _Mixed:
    """Random numbers for colours: sums of them stand for multisets. Equal multisets have equal sums."""

    def __init__(self, labels: int):
        self.rng = np.random.default_rng(2019)
        self.labels = self.rng.integers(1, 1 << 62, (2, labels), dtype=np.uint64) | np.uint64(1)

    def of(self, colours: Any) -> Any:
        """A number for each colour, the same for the same colour, well spread."""
        x = colours.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
        return x ^ (x >> np.uint64(31))


def refine(steps: Any, colours: Any) -> Any:
    """The coarsest colours below the given ones that know the colours of successors and of predecessors.

    `steps` is (states, labels), the next state for each label; two states of one colour may still differ.
    """
    mixed, number = _Mixed(steps.shape[1]), len(np.unique(colours))
    while True:
        spread = mixed.of(colours)
        seen = mixed.of(colours) * np.uint64(3)
        for k in range(steps.shape[1]):
            after, before = spread[steps[:, k]], np.zeros(len(steps), np.uint64)
            np.add.at(before, steps[:, k], spread)
            seen = seen + mixed.of(after * mixed.labels[0, k]) + mixed.of(before * mixed.labels[1, k])
        # The old colour comes first, so that classes are only ever divided.
        found = np.unique(np.stack([colours.astype(np.uint64), seen], 1), axis=0, return_inverse=True)[1].reshape(-1)
        now = len(np.unique(found))
        if now == number:
            return found
        colours, number = found, now


def bijection(f: Table, g: Table) -> Equality:
    """A bijection between the parameters of two finite learners that commutes with I, U and r, or why there is none."""
    n = len(f)
    if n != len(g):
        return Equality(False, f"they have {n} and {len(g)} parameters")
    colours = np.unique(np.concatenate([f.readouts, g.readouts]), axis=0, return_inverse=True)[1].reshape(-1)
    steps = np.concatenate([f.steps, g.steps + n])
    stack, tries = [colours], 0
    first = None
    while stack:
        tries += 1
        if tries > TRIES:
            raise LensError(
                explain(f"no bijection of {n} parameters was found, nor that there is none", tried=f"{tries} pairings",
                        do="give by=(there, back), maps of parameters inverse to each other")
            )  # fmt: skip
        colours = refine(steps, stack.pop())
        left, right = (np.bincount(side, minlength=2 * n) for side in (colours[:n], colours[n:]))
        if (left != right).any():
            worst = int(np.flatnonzero(left != right)[0])
            first = first or (int(left[worst]), int(right[worst]))
            continue
        if left.max(initial=0) <= 1:
            there = np.empty(n, int)
            there[np.argsort(colours[:n])] = np.argsort(colours[n:])
            if _commutes(f, g, there):
                return Equality(True, f"a bijection of {n} parameters commutes", tuple(there.tolist()))
            continue
        sizes = np.where(left > 1, left, 2 * n + 1)
        which = int(sizes.argmin())
        one_of = int(np.flatnonzero(colours[:n] == which)[0])
        for other in np.flatnonzero(colours[n:] == which)[::-1]:
            paired = colours.copy()
            paired[[one_of, n + int(other)]] = 2 * n + 1
            stack.append(paired)
    said = f"{first[0]} parameters of the first behave in a way that {first[1]} of the second do" if first else ""
    return Equality(False, said or "no bijection of the parameters that look alike commutes")


def _commutes(f: Table, g: Table, there: Any) -> bool:
    return bool(
        (f.implement == g.implement[there]).all()
        and (f.request == g.request[there]).all()
        and (there[f.update] == g.update[there]).all()
    )
