"""Propositions about a machine: its sets of states closed under steps, a Heyting algebra.

"S or not S" fails wherever a step cannot be undone. What gradient descent keeps are propositions about a learner that
is too large to go through: quantities that the flow does not change, sets of parameters that no step leaves.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import networkx
import numpy as np

from ...boxes.linear import linear
from ...boxes.pointwise import tanh
from ...learn.functor import L
from ...machines.invariants import Kept, closed, kept
from ...machines.moore import Moore
from ...machines.propositions import Logic, Proposition
from ...spaces import Real
from ...terms import compose
from ..law import Expected, law
from ..programs import Inspect
from .descent import DESCENT
from .interfaces import Generator, nothing_wrong
from .machines import MACHINE

LOGIC = "Spivak 2021, section 3"


def propositions(logic: Logic, rng: Generator, most: int = 12) -> list[Proposition]:
    """A few propositions: true, false, what single states lead to, and where random sets of states hold for good."""
    n, found = len(logic.everything), [logic.true, logic.false]
    found += [logic.proposition(logic.after([int(s)])) for s in rng.permutation(n)[: most // 2]]
    while n and len(found) < most:
        found.append(logic.always(np.flatnonzero(rng.random(n) < rng.random()).tolist()))
    return list({s.states: s for s in found}.values())


@law(MACHINE, "Heyting adjunction", "S and T entails U exactly where S entails T => U", LOGIC, 38)
def adjunction(m: Moore) -> Inspect:
    def finds(rng: Generator) -> Iterator[str]:
        some = propositions(Logic(m), rng)
        for s, t, u in itertools.product(some, repeat=3):
            if (s & t <= u) != (s <= (t >> u)):
                yield f"with S, T and U at the states {sorted(s.states)}, {sorted(t.states)} and {sorted(u.states)}"

    return nothing_wrong(finds)


@law(MACHINE, "lattice", "meet, join and implication of propositions are propositions, and meet distributes over join",
     LOGIC, 38)  # fmt: skip
def lattice(m: Moore) -> Inspect:
    def finds(rng: Generator) -> Iterator[str]:
        logic = Logic(m)
        some = propositions(logic, rng, 8)
        for s, t in itertools.product(some, repeat=2):
            for made in (s & t, s | t, s >> t, ~s):
                if logic.after(made.states) != made.states:
                    yield f"a step leaves {sorted(made.states)}"
            for u in some:
                if (s & (t | u)) != ((s & t) | (s & u)):
                    yield f"with S at the states {sorted(s.states)}"

    return nothing_wrong(finds)


@law(MACHINE, "non-contradiction", "S and not S is false, and S entails not not S", LOGIC, 38)
def non_contradiction(m: Moore) -> Inspect:
    def finds(rng: Generator) -> Iterator[str]:
        logic = Logic(m)
        for s in propositions(logic, rng):
            if (s & ~s) != logic.false or not s <= ~~s:
                yield f"with S at the states {sorted(s.states)}"

    return nothing_wrong(finds)


def reversible(m: Moore) -> bool:
    """Whether every step can be undone by others, as networkx says."""
    graph = networkx.DiGraph(m.graph)
    strong = list(networkx.strongly_connected_components(graph))
    return len(strong) == networkx.number_weakly_connected_components(graph)


def _classical(m: Moore, holds: Callable[[Logic, Proposition], bool], said: str) -> Expected:
    def finds(rng: Generator) -> Iterator[str]:
        logic = Logic(m)
        whole = [logic.proposition(logic.after([s])) for s in sorted(logic.everything)[:200]]
        for s in [*whole, *propositions(logic, rng)]:
            if not holds(logic, s):
                yield f"{said} fails for S at the states {sorted(s.states)[:12]}"

    return Expected(nothing_wrong(finds), reversible(m))


@law(MACHINE, "excluded middle", "S or not S is true; where every step can be undone, and nowhere else", LOGIC, 38)
def excluded_middle(m: Moore) -> Expected:
    return _classical(m, lambda logic, s: (s | ~s) == logic.true, "S or not S")


@law(MACHINE, "double negation", "not not S entails S; where every step can be undone, and nowhere else", LOGIC, 38)
def double_negation(m: Moore) -> Expected:
    return _classical(m, lambda logic, s: ~~s <= s, "not not S => S")


# -- what gradient descent keeps -------------------------------------------------------------

INPUTS = Real(3, dtype="float64")
BALANCED = "Saxe et al. 2014; Du, Hu and Lee 2018, theorem 2.2"


def _balance(p: Any) -> Any:
    """W1^T W1 - W2 W2^T of a network x W1 W2."""
    return p[0].T @ p[0] - p[1] @ p[1].T


def _claim(found: Callable[[], Kept]) -> Inspect:
    def finds(rng: Generator) -> str | None:
        result = found()
        return None if result else result.because

    return Inspect(finds)


@law(DESCENT, "balance along the flow", "W1^T W1 - W2 W2^T of a linear network x W1 W2 is kept to first order, for all "
     "data and errors", BALANCED, 38)  # fmt: skip
def balance_along_flow(F: L) -> Inspect:
    return _claim(lambda: kept(F(compose(linear(2), linear(3)), INPUTS), _balance))


@law(DESCENT, "balance along steps", "W1^T W1 - W2 W2^T is kept by steps", BALANCED + "; to first order alone", 38,
     holds=False)  # fmt: skip
def balance_along_steps(F: L) -> Inspect | str:
    if not F.rate:
        return "at rate 0 nothing moves"
    return _claim(lambda: kept(F(compose(linear(2), linear(3)), INPUTS), _balance, flow=False))


@law(DESCENT, "equal units stay equal", "hidden units with equal weights, in and out, are a proposition: no step "
     "leaves them", LOGIC + "; weights must start unequal to become so", 38)  # fmt: skip
def equal_units(F: L) -> Inspect:
    def onto(p: Any) -> Any:
        first, second = p
        return first.at[:, 1].set(first[:, 0]), second.at[1].set(second[0])

    def off(p: Any) -> Any:
        return [p[0][:, 1] - p[0][:, 0], p[1][1] - p[1][0]]

    return _claim(lambda: closed(F(compose(linear(3), tanh, linear(2)), INPUTS), off, onto))
