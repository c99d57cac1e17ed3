"""Optimisers made of optimisers: up instead of down, clipped, and now and then.

An optimiser is a lens (S * P, S * P) -> (P, P'). `ascending` follows it by the lens on P that turns changes
around, so that what comes back is climbed: the sign of a player in a game. `clipped` brings what is put back into
a box, which bounds the slope of a critic (Arjovsky et al. 2017). `every` lets all steps but each n-th pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from ..arguments import positive, refuse, whole
from ..spaces import Element
from .optimisers import Optimiser, Tree, each


@dataclass(frozen=True, repr=False)
class Modified(Optimiser):
    """An optimiser that does something to another one, `optimiser`."""

    optimiser: Optimiser

    @property
    def bases(self) -> tuple[type[Element], ...]:  # type: ignore[override]
        return self.optimiser.bases

    def init(self, params: Tree) -> Any:
        return self.optimiser.init(params)

    def look(self, state: Any, params: Tree) -> Tree:
        return self.optimiser.look(state, params)


@dataclass(frozen=True, repr=False)
class Ascending(Modified):
    """The optimiser of the opposite changes."""

    def put(self, state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        return self.optimiser.put(state, params, each(jnp.negative, changes))


@dataclass(frozen=True, repr=False)
class Clipped(Modified):
    """The optimiser, and then each parameter brought back to -bound ... bound."""

    bound: float = 0.01

    def put(self, state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        state, params = self.optimiser.put(state, params, changes)
        return state, each(lambda p: jnp.clip(p, -self.bound, self.bound), params)


@dataclass(frozen=True, repr=False)
class Every(Modified):
    """The optimiser at each `steps`-th step; at the others nothing moves, its state neither."""

    steps: int = 5

    def init(self, params: Tree) -> dict[str, Any]:
        return {"count": jnp.zeros((), jnp.int32), "own": self.optimiser.init(params)}

    def look(self, state: Any, params: Tree) -> Tree:
        return self.optimiser.look(state["own"], params)

    def put(self, state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        count = state["count"] + 1
        acts = count % self.steps == 0
        new = self.optimiser.put(state["own"], params, changes)
        own, params = jax.tree.map(lambda a, b: jnp.where(acts, a, b), new, (state["own"], params))
        return {"count": count, "own": own}, params


def _optimiser(call: str, optimiser: Any) -> Optimiser:
    if not isinstance(optimiser, Optimiser):
        refuse(call, "the optimiser", optimiser, "an optimiser, e.g. adam(1e-3)")
    return optimiser


def ascending(optimiser: Optimiser) -> Optimiser:
    """The optimiser that climbs what `optimiser` descends: it is given the opposite changes."""
    return Ascending(_optimiser("ascending", optimiser))


def clipped(optimiser: Optimiser, bound: float = 0.01) -> Optimiser:
    """`optimiser`, each parameter clipped to -bound ... bound after its step (Arjovsky et al. 2017, Algorithm 1)."""
    return Clipped(_optimiser("clipped", optimiser), positive("clipped", "the bound", bound))


def every(steps: int, optimiser: Optimiser) -> Optimiser:
    """`optimiser` at each `steps`-th step of the whole, so that others take several steps for one of its own."""
    return Every(_optimiser("every", optimiser), whole("every", "the number of steps", steps))
