"""Rates: lenses L -> 1 that end a learner (Cruttwell et al. 2021, section 3.3).

A rate reads the losses and sends back what each of them counts for: over the reals the mean over all
examples, times the rate; over a ring, where there is no mean, the loss itself, the identity. It
publishes the mean loss to the pass, over a ring the share of losses that are not zero.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..arguments import positive
from ..errors import LensError, explain, shown
from ..interpret import Cx, Side
from ..spaces import Array, Bits, IndexElement, Real, ResidueElement, Space, unit
from ..terms import Box, Port, Term

Schedule = Callable[[Any], Any]
"""From the number of steps so far (an int32 scalar) to a rate, as in optax."""


def slowing(steps: Any) -> Any:
    """The schedule 1 / (1 + steps)."""
    return 1.0 / (1.0 + steps)


class Rate(Box):
    """The cap L -> 1 with a constant rate, or with a schedule over the steps, which are counted in a state."""

    arity = (1, 0)
    derives: ClassVar[bool] = False
    glyph: ClassVar[str] = "cap"
    rate: float | Schedule = 1.0

    def spell(self) -> str:
        if callable(self.rate):
            return f"scheduled_rate({getattr(self.rate, '__name__', self.rate)})"
        return f"constant_rate({self.rate!r})"

    def type(self, dom: Space) -> Space:
        ring = isinstance(dom[0].element, ResidueElement)
        if not dom[0].real and not ring:
            self.fail(0, "losses, real numbers or bits", dom[0])
        if ring and self.rate != 1.0:
            self.fail(0, "real losses", dom[0], "over a ring a loss counts for itself: leave the rate at 1")
        return unit

    @classmethod
    def examples(cls) -> Sequence[Term]:
        constant = [constant_rate().at(Real()), constant_rate(0.5).at(Real(2, 3))]
        return [*constant, constant_rate().at(Bits(2)), *(scheduled_rate(slowing).at(x) for x in (Real(), Real(2, 2)))]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        return (Port("steps", "state", Array((), None, IndexElement(2**31))),) if callable(self.rate) else ()

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return (), {"steps": p["steps"] + 1} if callable(self.rate) else {}

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        (loss,) = xs
        ring = not cx.dom[0].real
        cx.env.after["loss"] = (loss != 0).mean() if ring else loss.mean()
        return (), self.run(cx, p, xs)[1], loss if ring else Shape(loss)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        if not cx.dom[0].real:
            self._warn_of_parity(cx, kept)
            return {}, [kept]
        rate = self.rate(p["steps"]) if callable(self.rate) else self.rate
        return {}, [jnp.full(kept.shape, rate / max(kept.size, 1), kept.dtype)]

    def _warn_of_parity(self, cx: Cx, losses: Any) -> None:
        """Warns where the messages of several examples meet in the ring, in which they cancel."""
        many = math.prod(losses.shape[: cx.batch(losses)])
        if many > 1 and not cx.env.model.votes:
            warnings.warn(
                explain(
                    f"a batch of {many} examples over {cx.dom[0]!r}",
                    because="their votes are added in the ring: over bits that is parity, and two equal votes cancel",
                    do="take batch=1, or learn by counted votes: rule=boolean_variation(), optimiser=flips()",
                ),
                stacklevel=2,
            )


@jax.tree_util.register_static
class Shape:
    """The shape and dtype of an array that is not kept itself."""

    def __init__(self, x: Any):
        self.shape, self.dtype, self.size = x.shape, x.dtype, x.size

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shape) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))


def constant_rate(rate: float = 1.0) -> Rate:
    """The cap that counts the mean loss `rate` times."""
    return Rate(check_rate("constant_rate", rate))


def scheduled_rate(schedule: Schedule) -> Rate:
    """The cap whose rate is a function of the steps so far, e.g. an optax schedule."""
    if not callable(schedule):
        raise LensError(explain(f"scheduled_rate({shown(schedule)})", expected="a function of the steps so far"))
    return Rate(schedule)


def check_rate(name: str, rate: Any) -> Any:
    """`rate` as a float, or the schedule that it is; raises LensError for anything else."""
    if callable(rate):
        return rate
    return positive(name, "the rate", rate, "a number, 0 or more, or a schedule (steps -> rate)")
