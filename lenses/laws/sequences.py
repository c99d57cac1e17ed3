"""Claims about causal maps, and maps to compose a subject with.

Two causal maps are equal if all their unrollings are. They are proved so where they are one by the laws of the
free category, or, over finite spaces, where no sequence of inputs tells them apart; elsewhere their
unrollings to a few steps are compared at points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..boxes.lookup import constant
from ..boxes.structure import add, copy
from ..causal import Causal, as_causal, bisimilar, delay, exposed, trace
from ..causal.equality import MOST
from ..errors import LensError
from ..finite import count
from ..spaces import Array, Space, unit
from ..terms import Identity, Term, compose, permute, swap, tensor
from ..trees import whole
from ..typed import Misfit, Typed, elaborate
from .compare import Difference, Verdict, compare, expression
from .maps import Equation, Map
from .rewrite import at_precision

STEPS = 3
"""How many steps are unrolled."""


def steps_for(*maps: Causal) -> int:
    """How many steps to unroll, so that some are taken after the first ones that differ."""
    return STEPS + max(len(f.first) for f in maps)


def unrolled(f: Causal, steps: int) -> Map:
    """The first steps of a causal map, as a plain map."""
    dom = f.domain("laws")
    return Map(Typed(f.unroll(steps), Space([a for _ in range(steps) for a in dom])))


@dataclass(frozen=True)
class Same:
    """The claim that two causal maps are equal."""

    left: Causal
    right: Causal

    def verdict(self, seed: int = 0) -> Verdict:
        """Proved, holding up to a few steps, or failing."""
        left, right = self.left, self.right
        if left.dom != right.dom or left.cod != right.cod:
            said = f"{left.dom!r} -> {left.cod!r} and {right.dom!r} -> {right.cod!r}"
            return Verdict("fails", f"they have other types: {said}")
        if (left.initial, left.step, left.first) == (right.initial, right.step, right.first):
            return Verdict("proved", "both are one initial state and one step of the free category")
        if _one_expression(left, right):
            return Verdict("proved", "both are one initial state and one step of the free cartesian category")
        if finite(left) and finite(right):
            try:
                found = bisimilar(left, right)
            except LensError:  # too many states are reached
                pass
            else:
                if found:
                    because = f"equal at all {found.pairs} pairs of states that are reached"
                    return Verdict("proved", because, found.pairs)
                inputs = [x for row in found.inputs or [] for x in row]
                difference = Difference(0, np.asarray(found.left), np.asarray(found.right), 0.0, inputs)
                return Verdict("fails", "a sequence tells them apart", found.pairs, difference)
        steps = steps_for(left, right)
        return compare(Equation(unrolled(left, steps), unrolled(right, steps)), seed)


def _one_expression(left: Causal, right: Causal) -> bool:
    """Whether two causal maps have one initial state and one step, copies and discards resolved."""
    if left.first or right.first or left.state != right.state:
        return False
    sides = (left.initial, right.initial, unit), (left.step, right.step, left.typed_step(0).dom)
    return all(expression(Map(Typed(a, dom))) == expression(Map(Typed(b, dom))) for a, b, dom in sides)


def finite(f: Causal) -> bool:
    """Whether a causal map has few inputs, of finite spaces, and so have its states."""
    spaces = [s for pair in f.spaces for s in pair]
    return count(f.domain("laws")) <= MOST and all(count(s) < math.inf for s in spaces)


# -- the subject -----------------------------------------------------------------------------


@lru_cache(maxsize=16)
def wide(f: Causal) -> Causal | str:
    """The subject in double precision where it can be; or why laws cannot be asked of it."""
    f.domain("the laws of a causal map")
    for time in range(len(f.first) + 1):
        circuit = f.typed_step(time).circuit
        if circuit.states or circuit.keyed:
            return "its steps have states or random keys of their own"
    with suppress(LensError, Misfit, TypeError, ValueError):
        return _widened(f)
    return f


@lru_cache(maxsize=16)
def plain(f: Causal) -> Causal | str:
    """The subject with its parameters as wires, in double precision; or why laws cannot be asked of it."""
    found = wide(f)
    if isinstance(found, str):
        return found
    f = found
    if any(whole(t.circuit) for t in (f.typed_step(k) for k in range(len(f.first) + 1))):
        return exposed(f)
    return exposed(f) if whole(elaborate(f.initial, unit)) else f


def _widened(f: Causal) -> Causal:
    """The causal map with real arrays carried by float64."""
    initial = at_precision(Typed(f.initial, unit), "float64").term
    steps = [at_precision(f.typed_step(k), "float64") for k in range(len(f.first) + 1)]
    dom = Space(steps[0].dom.arrays[f.width_at(0) :])
    *first, last = [t.term for t in steps]
    return Causal(initial, last, first, dom)


# -- maps to compose with --------------------------------------------------------------------


def numbers(array: Array, value: int) -> Term:
    """A constant of an array's type: 0, or another number where there is one."""
    values = array.element.values
    chosen = value if values is None or value < len(values) else len(values) - 1
    return constant(np.full(array.sizes, chosen), Space([array]))


def start(space: Space, value: int = 0) -> Term:
    """A state of this type, every number of it the same."""
    return tensor(*[numbers(a, value) for a in space])


def memory(space: Space, value: int = 0) -> Causal:
    """A causal map of a space to itself that remembers: running sums, and delays of what cannot be added."""
    parts = [trace(add >> copy, numbers(a, value)) if a.change is not None else delay(numbers(a, value)) for a in space]
    return beside(parts).at(space)


def beside(maps: Sequence[Causal]) -> Causal:
    """Causal maps side by side."""
    made = as_causal(Identity(0))
    for f in maps:
        made = made @ f
    return made


def identity(space: Space) -> Causal:
    """The identity of a space."""
    return as_causal(Typed(Identity(len(space)), space))


def mixed(space: Space) -> Term:
    """S * S to S * S, wire by wire: the sum twice, or what cannot be added swapped."""
    n = len(space)
    pairs = permute(*[i for k in range(n) for i in (k, n + k)])
    apart = permute(*[2 * k for k in range(n)], *[2 * k + 1 for k in range(n)])
    return compose(pairs, tensor(*[add >> copy if a.change is not None else swap for a in space]), apart)


@dataclass(frozen=True)
class Body:
    """What a trace is taken of: a causal map S * X -> S * Y and the type of what is fed back."""

    map: Causal
    fed: Space


def bodies(f: Causal) -> list[Body]:
    """Bodies of traces made of a subject f: f mixed with S, and f itself where its first wire can be fed back."""
    dom, out = f.domain("laws"), f.cod
    made = []
    if len(out):
        mixture = (identity(out) @ f) >> mixed(out)
        made.append(Body(mixture, out))
    if len(dom) and len(out) and all(len(o) and o[0] == dom[0] for _, o in f.spaces):
        seen = f >> tensor(copy, Identity(len(out) - 1))
        made.append(Body(seen, Space([dom[0]])))
    return made
