"""`jacobian(f)`: the Jacobian of a term, by whichever order of multiplication is the cheapest for its shape.

Forward mode multiplies the Jacobians of the boxes from the first to the last, reverse mode from the last to
the first. A chain that is wide at both ends and narrow between, or narrow at both ends and wide between, is
best multiplied in neither order; the best one is found from the shapes, before anything is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ..arguments import choice, flag
from ..compile import one
from ..spaces import Space
from ..syntax import shorten
from ..terms import Term
from ..trees import map_tree, whole
from ..typed import Typed
from .differentiate import arrays, differentiable, outline, shape_of, trace
from .factors import MODES, Plan, plans, spelled
from .matrices import Matrices


class Jacobian:
    """The Jacobian of a term as a function of a point. Made by `jacobian`.

    Attributes: `term` (Typed), `dom`, `cod`, `mode`, `params` (the tree of parameters), `flops` (the
    multiplications and additions of the products of Jacobians; those of the term itself and of the
    derivatives of its boxes are the same in every order), `plan` (the order).
    """

    def __init__(self, term: Typed, mode: str, measure: bool = False):
        self.term, self.dom, self.cod, self.mode = term, term.dom, term.cod, mode
        self.params = whole(term.circuit)
        among = plans(term.dom, outline(term), mode)
        self.plan: Plan = min(among, key=self._measured) if measure and len(among) > 1 else among[0]
        self._jit = jax.jit(self._matrices, inline=True)

    def __repr__(self) -> str:
        return f"jacobian({shorten(self.term)}, mode={self.mode!r})"

    @property
    def flops(self) -> int:
        """The multiplications and additions that multiply the Jacobians of the boxes."""
        return self.plan.flops

    @property
    def order(self) -> str:
        """The order in words: the program of a stack of matrices, its factors numbered from 0."""
        return ", ".join(map(spelled, self.plan.program))

    def _measured(self, plan: Plan) -> float:
        """The work of the whole program under a plan, as XLA counts it once it has compiled it."""
        params = map_tree(shape_of, self.params)  # type: ignore[arg-type]
        lowered = jax.jit(lambda params, xs: self._by(plan, params, xs)).lower(params, [shape_of(a) for a in self.dom])
        return (lowered.compile().cost_analysis() or {}).get("flops", 0.0)

    def _matrices(self, params: Any, xs: Sequence[Any]) -> Any:
        return self._by(self.plan, params, xs)

    def _by(self, plan: Plan, params: Any, xs: Sequence[Any]) -> Any:
        maps = Matrices()
        _, layers = trace(self.term, params, xs)
        rows = maps.blocks(plan.run(layers, maps))

        def shaped(block: Any, o: int, i: int) -> Any:
            sizes = (*self.cod[o].sizes, *self.dom[i].sizes)
            return jnp.zeros(sizes, self.cod[o].dtype) if block is None else jnp.reshape(block, sizes)

        return one([one([shaped(b, o, i) for i, b in enumerate(row)]) for o, row in enumerate(rows)])

    def __call__(self, *arguments: Any) -> Any:
        """The Jacobian at a point: an array with the axes of the output and then those of the input.

        With several inputs a tuple of these, with several outputs a tuple of rows, as of `jax.jacrev`.
        """
        return self._jit(*arrays(self.term, self.params, arguments))


def jacobian(term: Term, space: Space | None = None, mode: str = "auto", measure: bool = False) -> Jacobian:
    """The Jacobian of a typed term (or of a term at `space`) as a function, to be traced, jitted and mapped by JAX.

    ``jacobian(f)(params, x)`` has the axes of the output and then those of the input; a term without
    parameters is called with its inputs alone. It is the Jacobian with respect to the inputs; take
    ``jacobian(expose(f))`` for the parameters too. Batches are mapped over with `jax.vmap`.

    `mode` is "forward", "reverse", or "auto": the cheapest order of multiplication that dynamic programming
    finds over the Jacobians of the boxes, each used as what it is (a diagonal, a matrix, or what pushes columns
    and pulls rows), which does no more work than the better of the other two. See `lenses.differentiation.order`.
    Work is counted in multiplications and additions. A compiler repeats some of them where it fuses others, so where
    two orders are close its own count may prefer the other one; with `measure` all three programs are compiled, and
    the one is taken in which XLA counts the fewest operations.

    Raises SpaceError for an untyped term, or one with an input or output that is no real array, LensError
    for another mode and for a term with states or random keys.
    """
    choice("jacobian", "mode", mode, MODES)
    return Jacobian(differentiable(term, space, "jacobian"), mode, flag("jacobian", "measure", measure))
