"""Reverse derivative ascent: theta' = theta + the part of R[f](theta, x, f(theta, x) + y) on the parameters.

It is the closed lens of the core over the ring of two elements (Wilson and Zanasi 2021; Cruttwell et
al. 2021, section 3): the loss adds prediction and label, the rate is the identity, the optimiser
adds the change that came back. Nothing is approximated, and nothing is averaged: the votes of
several examples would be added in the ring, where equal ones cancel, so one example is taken at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp

from ...arguments import refuse
from ...boxes.structure import Copy, Discard
from ...learner.learner import Learner, State
from ...learner.losses import Loss, Meaning
from ...learner.optimisers import Optimiser, Rated, Tree, Update, each
from ...learner.rates import Rate, Schedule, check_rate
from ...rules.rule import backprop
from ...spaces import Array, Bits, Element, RealElement, ResidueElement, Space
from ...strands import Strand, aligned
from ...terms import Term, tensor
from ...typed import as_typed
from ..gates import bits


class BitError(Loss):
    """The sum of prediction and label in the ring of two elements: a bit that is 1 where they differ.

    Its codomain is the space of the prediction: it reduces nothing.
    """

    name: str = "xor_error"
    known: ClassVar[Meaning] = Meaning(jnp.bitwise_xor, None, jnp.equal)

    @property
    def meaning(self) -> Meaning:
        return self.known

    def right(self, label: Array) -> Callable[..., Any]:
        """Whether all bits of a prediction are right."""
        return lambda y, t: (y == t).all(tuple(range(-label.rank, 0)))

    def type(self, dom: Space) -> Space:
        bits(self, dom)
        if dom[1] != dom[0]:
            self.fail(1, f"labels: {dom[0]!r}, like the prediction", dom[1])
        return Space([dom[0]])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank), 2)

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [xor_error.at(Bits(), Bits()), xor_error.at(Bits(2, 3), Bits(2, 3))]

    def flops(self, dom: Space) -> int:
        return dom[0].size

    def reverse_term(self, dom: Space) -> Term:
        return tensor(Discard(), Discard(), Copy())


xor_error = BitError()
"""Where prediction and label differ, their exclusive or; over a batch, the share of bits that are wrong."""


@dataclass(frozen=True, repr=False)
class Ascent(Rated):
    """p + rate p'; over a ring, where the rate is 1, that is p + p'."""

    rate: float | Schedule = 1.0
    bases: ClassVar[tuple[type[Element], ...]] = (RealElement, ResidueElement)

    def lens(self, params: Tree) -> Update:
        made = super().lens(params)
        if self.rate != 1.0 and not all(array.real for array in made.params.space):
            refuse("ascent", "the rate", self.rate, "1, since the parameters are elements of a ring")
        return made

    def put(self, state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        if self.rate == 1.0:
            return state, each(jnp.add, params, changes)
        return self._next(state), each(lambda p, g: self.down(p, -g, state), params, changes)


def ascent(rate: float | Schedule = 1.0) -> Optimiser:
    """The optimiser p + rate p', up where descent goes down.

    Over bits the rate is 1, and a bit flips where the change that comes back is 1.
    """
    return Ascent(check_rate("ascent", rate))


class Ascender(Learner):
    """A learner by reverse derivative ascent; made by `ascend`."""

    def run(self, state: State, data: tuple[Any, Any], epochs: int = 1, batch: int = 1, **options: Any) -> Any:
        """As `Learner.run`: by default once over the data, an example at a time, in the order in which they come."""
        return super().run(state, data, epochs, batch, **{"key": None, **options})


def ascend(model: Term, space: Space | None = None) -> Ascender:
    """The learner of a boolean circuit by reverse derivative ascent on its own parameters, which start at zero.

    It is ``learner(model, space, loss=xor_error, optimiser=ascent())``, and has all that a learner has;
    only `run` goes once over the data, an example at a time, in file order. A batch of several
    examples warns: their votes meet in the ring, as parity, and cancel.
    """
    return Ascender(as_typed(model, space, "ascend"), xor_error, ascent(), Rate(), backprop)
