"""Boolean variation: learning by counted votes (Nguyen et al. 2024, "BOLD: Boolean Logic Deep Learning").

The variation of a boolean function in an input is f at 1 less f at 0: 1, 0 or -1. It is the slope of the
polynomial over the reals, at bits. A message is a number for each bit, what the loss gains when the
bit goes from 0 to 1; a box multiplies it by its variation, and where messages meet they are added, over
the batch too. So many examples are many votes, and what a batch is makes no difference to their sum.

Of a box that is elementwise the variation is exact, as it is of a part of such boxes without
parameters; across parts whose inputs depend on each other the chain rule is an approximation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from ...arguments import number
from ...boxes.reductions import Reduce
from ...boxes.structure import Add, Check, Copy, Discard, Zero
from ...combinators.parts import Block, Composite
from ...errors import LensError, explain
from ...interpret import Side
from ...learner.optimisers import Optimiser, Rated, Tree, each
from ...learner.rates import Schedule, check_rate
from ...opaque import analytic
from ...rules.rule import Backward, Clause, Forward, Rule
from ...spaces import Array, Element, ResidueElement
from ...syntax import shorten
from ...terms import Box
from ..circuit import Circuit
from ..polynomial import Polynomial
from ..tables import Lookup, row
from .integers import IntegerDense, places
from .neurons import Agreements, Fires, Numbers, signs

if TYPE_CHECKING:
    from ...interpret import Cx


def _differences(f: Callable[..., Sequence[Any]], xs: Sequence[Any], ds: Sequence[Any]) -> list[Any]:
    """The votes on the inputs of an elementwise function: for each, what f is at 1 less what it is at 0."""
    votes = []
    for i, x in enumerate(xs):
        high, low = (f(*xs[:i], jnp.full_like(x, value), *xs[i + 1 :]) for value in (1, 0))
        votes.append(sum(d * (a - b).astype(jnp.float32) for a, b, d in zip(high, low, ds, strict=True)))
    return votes


def _by_elements(box: Box) -> bool:
    """Whether what the box does to an element depends on the element at the same place alone."""
    return box.elementwise or isinstance(box, Add | Copy | Discard | Check)


class VariationClause(Clause):
    """The votes go through the variation of a box; boxes over the reals alone are what they are.

    A subclass says what else `votes` are, and which boxes are what they are.
    """

    def plain(self, cx: Cx) -> bool:
        """Whether the box is the lens that it is under any rule."""
        return analytic((*cx.dom, *cx.cod, *(port.array for port in cx.cell.ports)))

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        if self.plain(cx):
            return super().forward(cx, p, xs)
        ys, states = cx.cell.box.run(cx, p, xs)
        return tuple(ys), states, list(xs)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        if self.plain(cx):
            return super().backward(cx, p, kept, ds)
        if any(d is None for d in ds):
            ds = cx.rule.fill(cx.cod, ds, cx.lead)
        return self.votes(cx, p, kept, ds)

    def votes(self, cx: Cx, p: Side, xs: Sequence[Any], ds: Sequence[Any]) -> Backward:
        """The votes on the parameters and on the inputs, from the inputs and the votes on the outputs."""
        box = cx.cell.box
        if not cx.dom.arrays:
            return {}, []
        if _by_elements(box):
            return {}, _differences(lambda *xs: box.run(cx, p, xs)[0], xs, ds)
        if box.linear and not cx.cell.ports:
            return {}, _moved_back(lambda *xs: box.run(cx, p, xs)[0], xs, ds)
        raise LensError(
            explain(
                f"{shorten(box, 80)} has no variation",
                box=type(box).__name__,
                at=cx.dom,
                do=f"write it with gates, tables and lookups, or give {type(box).__name__} a clause in the rule",
            )
        )


def _moved_back(f: Callable[..., Sequence[Any]], xs: Sequence[Any], ds: Sequence[Any]) -> Sequence[Any]:
    """The votes on the inputs of a box that moves and copies elements."""
    shapes = [jax.ShapeDtypeStruct(x.shape, jnp.float32) for x in xs]
    return jax.linear_transpose(lambda *xs: tuple(f(*xs)), *shapes)(tuple(d.astype(jnp.float32) for d in ds))


class ParityClause(VariationClause):
    """A sum of bits along an axis changes with each of them, up or down as the others add up to 0 or 1."""

    def votes(self, cx: Cx, p: Side, xs: Sequence[Any], ds: Sequence[Any]) -> Backward:
        box: Any = cx.cell.box
        (x,), (y,), at = xs, box.run(cx, p, xs)[0], box.place(cx.dom)
        return {}, [jnp.expand_dims(ds[0], at) * (1 - 2 * (jnp.expand_dims(y, at) ^ x)).astype(jnp.float32)]


class PolynomialClause(VariationClause):
    """The votes of a polynomial box are its slopes over the reals."""

    def votes(self, cx: Cx, p: Side, xs: Sequence[Any], ds: Sequence[Any]) -> Backward:
        box = cx.cell.box
        assert isinstance(box, Polynomial)
        return box.slopes(cx, p, xs, ds[0])


class LookupClause(VariationClause):
    """A row's votes go to its entry; those on an input, to the difference of the two rows that it tells apart."""

    def votes(self, cx: Cx, p: Side, xs: Sequence[Any], ds: Sequence[Any]) -> Backward:
        (x,), (d,) = xs, ds
        table, at = jnp.asarray(p["table"]), row(x)
        votes = jnp.zeros(table.shape, jnp.float32).at[at].add(d)
        place = 1 << jnp.arange(x.shape[-1], dtype=x.dtype)[::-1]
        high, low = at[..., None] | place, at[..., None] & ~place
        return {"table": votes}, [d[..., None] * (table[high] - table[low]).astype(jnp.float32)]


class AgreementsClause(VariationClause):
    """A weight's votes, and an input's, go through the signs of what it meets: f at 1 less f at 0 is twice them."""

    def votes(self, cx: Cx, p: Side, xs: Sequence[Any], ds: Sequence[Any]) -> Backward:
        x, d = signs(xs[0]), ds[0]
        many = x.reshape(-1, x.shape[-1]), d.reshape(-1, d.shape[-1])
        return {"weight": 2 * many[0].T @ many[1]}, [2 * d @ signs(p["weight"]).T]


class IntegerClause(VariationClause):
    """The votes on a weight go to its bits, each by its place; those on an input through the weights."""

    def votes(self, cx: Cx, p: Side, xs: Sequence[Any], ds: Sequence[Any]) -> Backward:
        box, (x,), (d,) = cx.cell.box, xs, ds
        assert isinstance(box, IntegerDense)
        many = x.astype(d.dtype).reshape(-1, x.shape[-1]), d.reshape(-1, d.shape[-1])
        weight = (many[0].T @ many[1])[..., None] * jnp.asarray(places(box.width), d.dtype)
        return {"weight": weight}, [d @ box.numbers(p["weight"]).astype(d.dtype).T]


class FiresClause(VariationClause):
    """Votes pass where the count is near the threshold."""

    def votes(self, cx: Cx, p: Side, xs: Sequence[Any], ds: Sequence[Any]) -> Backward:
        box = cx.cell.box
        assert isinstance(box, Fires)
        return {}, [ds[0] * box.passed(xs[0])]


class NumbersClause(VariationClause):
    """Votes pass as they are."""

    def votes(self, cx: Cx, p: Side, xs: Sequence[Any], ds: Sequence[Any]) -> Backward:
        return {}, ds


class CircuitClause(VariationClause):
    """A whole circuit counts as one box: each of its inputs is tried at 1 and at 0, all of them side by side."""

    def votes(self, cx: Cx, p: Side, xs: Sequence[Any], ds: Sequence[Any]) -> Backward:
        return {}, [self._on_input(cx, p, xs, ds, i) for i in range(len(xs))]

    def _on_input(self, cx: Cx, p: Side, xs: Sequence[Any], ds: Sequence[Any], i: int) -> Any:
        x, array = xs[i], cx.dom[i]
        n = array.size
        place = jnp.eye(n, dtype=x.dtype).reshape(n, *(1,) * (x.ndim - array.rank), *array.sizes)
        wide = [jnp.broadcast_to(other, (n, *other.shape)) for other in xs]
        ends = []
        for value in (1, 0):
            wide[i] = x * (1 - place) + value * place
            ends.append(cx.cell.box.run(cx, p, wide)[0])
        gains = [d * (high - low).astype(jnp.float32) for high, low, d in zip(*ends, ds, strict=True)]
        total = sum(g.sum(tuple(range(-a.rank, 0))) if a.rank else g for g, a in zip(gains, cx.cod, strict=True))
        return jnp.moveaxis(jnp.asarray(total), 0, -1).reshape(x.shape)


class PartClause(VariationClause):
    """A part of elementwise boxes without parameters counts as one box; any other is what its boxes are."""

    def plain(self, cx: Cx) -> bool:
        cells = cx.inner.cells
        whole = all(not cell.ports and (_by_elements(cell.box) or isinstance(cell.box, Zero)) for cell in cells)
        return not whole or len(set(cx.dom)) != 1 or cx.dom[0].real

    def votes(self, cx: Cx, p: Side, xs: Sequence[Any], ds: Sequence[Any]) -> Backward:
        return {}, _differences(lambda *xs: cx.cell.box.run(cx, p, xs)[0], xs, ds)


class BooleanVariation(Rule):
    """Messages are votes, numbers that are added, of bits too; the first are the variation of the error.

    On an output of bits, the error e says where it differs from its label, so the label is y + e, and the
    vote for going from 0 to 1 is 1 where the label is 0, -1 where it is 1: every example votes, right or wrong.
    """

    votes: ClassVar[bool] = True
    keeps_outputs: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__("boolean_variation", CLAUSES)

    def start(self, y: Any, dy: Any) -> Any:
        if jnp.issubdtype(jnp.result_type(dy), jnp.floating):
            return dy
        return (1 - 2 * (y ^ dy)).astype(jnp.float32)

    def plus(self, array: Array, x: Any, y: Any) -> Any:
        return x + y

    def total(self, array: Array, messages: Any, axes: int) -> Any:
        return messages.sum(tuple(range(axes)))


CLAUSES: dict[Any, Clause] = {
    Box: VariationClause(),
    Add: VariationClause(),
    Reduce: ParityClause(),
    Polynomial: PolynomialClause(),
    Lookup: LookupClause(),
    Circuit: CircuitClause(),
    Agreements: AgreementsClause(),
    IntegerDense: IntegerClause(),
    Fires: FiresClause(),
    Numbers: NumbersClause(),
    Composite: Clause(),
    Block: PartClause(),
}


def boolean_variation() -> Rule:
    """The rule of boolean variation: messages on bits are counted votes (Nguyen et al. 2024).

    Use it with `flips`. Over the reals it is backprop, so layers of bits and of real numbers can be mixed.
    """
    return BooleanVariation()


# -- the optimiser ---------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Flips(Rated):
    """m' = beta m + rate q; a bit flips where m' votes against it by the threshold, and its m' is 0 again."""

    beta: float | None = 1.0
    threshold: float = 1.0
    bases: ClassVar[tuple[type[Element], ...]] = (ResidueElement,)

    def slots(self, params: Tree) -> dict[str, Any]:
        votes = {"votes": each(lambda p: jnp.zeros(p.shape, jnp.float32), params)}
        return votes | ({"kept": each(lambda p: jnp.ones(()), params)} if self.beta is None else {})

    def put(self, state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        rate, betas = self.step_size(state), state.get("kept", each(lambda p: self.beta, params))
        votes = each(lambda m, q, beta: beta * m + rate * q.astype(m.dtype), state["votes"], changes, betas)
        flips = each(lambda p, m: m * (2 * p - 1) >= self.threshold, params, votes)
        new = {"votes": each(lambda m, flip: jnp.where(flip, 0, m), votes, flips)}
        if self.beta is None:
            new |= {"kept": each(lambda flip: 1 - flip.mean(), flips)}
        return self._next(state) | new, each(lambda p, flip: jnp.where(flip, 1 - p, p), params, flips)


def flips(rate: float | Schedule, beta: float | None = 1.0, threshold: float = 1.0) -> Optimiser:
    """The optimiser of bits by accumulated votes (Nguyen et al. 2024), for the rule `boolean_variation`.

    Each bit has an accumulator m' = beta m + rate q of the votes q on it. The bit flips where it is 1 and
    m' is `threshold` or more, or 0 and m' is -threshold or less; then its accumulator starts again at 0.
    `beta` of None is the share of the bits of the same array that the last step left alone.
    """
    kept = None if beta is None else number("flips", "beta", beta, 0, 1)
    return Flips(check_rate("flips", rate), kept, _above_zero(threshold))


def _above_zero(threshold: Any) -> float:
    return number("flips", "the threshold", threshold, sys.float_info.min, expected="a number above 0")
