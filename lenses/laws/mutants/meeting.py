"""Mistakes in how messages meet at copies, sums and shared parameters, and in the pass through a term."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import lenses

from ...boxes.linear import Bias, Weighted
from ...boxes.rearrange import Split
from ...boxes.structure import Add, Copy, Discard
from ...combinators import Block, Repeat, Tied
from ...interpret import Cx, Side
from ...rules.rule import AddClause, Backward, Clause, CopyClause, DiscardClause, Forward, Rule
from ...spaces import Array, Space
from ...terms import Box, compose, identity, tensor
from .mutant import ANY, DENSE, V, W, Wrong, meeting

TWICE = compose(lenses.copy, tensor(lenses.tanh, lenses.sin), lenses.multiply).at(V)
HALF_USED = compose(lenses.split(1, 2), tensor(identity, lenses.discard)).at(V)

# -- how messages meet -----------------------------------------------------------------------


class FirstUse(Rule):
    """Of the uses of a wire, or of a parameter, one counts."""

    def join(self, array: Array, messages: Sequence[Any]) -> Any:
        return messages[-1]


class MeanUse(Rule):
    """The uses of a wire are averaged."""

    def join(self, array: Array, messages: Sequence[Any]) -> Any:
        return super().join(array, messages) / len(messages)


class LargestUse(Rule):
    """The largest of the uses of a wire counts."""

    def join(self, array: Array, messages: Sequence[Any]) -> Any:
        total = messages[0]
        for m in messages[1:]:
            total = jnp.maximum(total, m)
        return total


class OtherOrder(Rule):
    """The uses of a wire are added in the other order."""

    def join(self, array: Array, messages: Sequence[Any]) -> Any:
        return super().join(array, messages[::-1])


class FirstMeet(Rule):
    """Of two uses of a tied parameter one counts."""

    def meet(self, array: Array, use: Any, other: Any) -> Any:
        return use


class MeanMeet(Rule):
    """The uses of a tied parameter are averaged."""

    def meet(self, array: Array, use: Any, other: Any) -> Any:
        return (use + other) / 2


class SplitHalf(Rule):
    """The terms of a sum get equal parts of its change."""

    def split(self, message: Any, kept: Any, terms: int) -> Sequence[Any]:
        return [message / terms] * terms


class SplitFirst(Rule):
    """The first term of a sum gets the whole change, the others nothing."""

    def split(self, message: Any, kept: Any, terms: int) -> Sequence[Any]:
        return [message, *[message * 0] * (terms - 1)]


class SplitSigned(Rule):
    """The last term of a sum gets its change with the wrong sign."""

    def split(self, message: Any, kept: Any, terms: int) -> Sequence[Any]:
        return [*[message] * (terms - 1), -message] if terms > 1 else [message]


class FillOnes(Rule):
    """Where nothing came back, ones stand."""

    def fill(self, cod: Space, ds: Sequence[Any], shape: tuple[int, ...] | None = None) -> list[Any]:
        full = super().fill(cod, ds, shape)
        return [jnp.ones_like(f) if d is None and f is not None else f for d, f in zip(ds, full, strict=True)]


class UnusedOnes(Clause):
    """The pieces of a split that nothing uses get ones."""

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        some: Any = next(d for d in ds if d is not None)
        lead = some.shape[: some.ndim - cx.cod[0].rank]
        pieces = [jnp.ones(lead + a.sizes, a.dtype) if d is None else d for d, a in zip(ds, cx.cod, strict=True)]
        return super().backward(cx, p, kept, pieces)


class StartScaled(Rule):
    """The first message is half the change."""

    def start(self, y: Any, dy: Any) -> Any:
        return dy / 2


class FinishSigned(Rule):
    """The change of an input has the wrong sign."""

    def finish(self, message: Any) -> Any:
        return -message


class BatchMean(Rule):
    """Where a wire was the same for a batch, its changes are averaged."""

    def unbatch(self, array: Array, message: Any, axes: int) -> Any:
        return message.mean(tuple(range(axes))) if axes else message


THREE = compose(lenses.copy(3), lenses.add(3)).at(V)
SUM = (lenses.add.at(V, V), lenses.add(3).at(V, V, V))
TIED = compose(lenses.tied("w", lenses.bias()), lenses.tanh, lenses.tied("w", lenses.bias())).at(V)
meeting("copy: first use", "of the copies one sends back its change", FirstUse("first use"), TWICE, touches=(Copy,))
meeting("copy: mean", "the copies' changes are averaged", MeanUse("mean use"), TWICE, touches=(Copy,))
meeting("copy: largest", "the largest of the copies' changes counts", LargestUse("largest"), TWICE, touches=(Copy,))
meeting("tied: first use", "of the uses of a tied parameter one counts", FirstMeet("first meet"), TIED, touches=(Tied,))
meeting("tied: mean", "the changes of a tied parameter are averaged", MeanMeet("mean meet"), TIED, touches=(Tied,))
meeting("add: divided", "the terms of a sum share its change", SplitHalf("split half"), *SUM, touches=(Add,))
meeting("add: first only", "the first term gets the change", SplitFirst("split first"), *SUM, touches=(Add,))
meeting("add: last sign", "the last term's change has the wrong sign", SplitSigned("split sign"), *SUM, touches=(Add,))
meeting("nothing is one", "where nothing comes back, ones are sent", FillOnes("ones"), HALF_USED, touches=(Split,))
meeting(
    "split: unused is one",
    "a piece of a split that nothing uses sends back ones",
    Rule("unused ones", {Split: UnusedOnes()}),
    HALF_USED,
    touches=(Split,),
)
meeting("start: halved", "the first message is half the change", StartScaled("start"), *ANY)
meeting("finish: sign", "what comes out has the wrong sign", FinishSigned("finish"), *ANY)
CONSTANT = compose(tensor(identity, lenses.zero(V) >> lenses.bias()), lenses.concatenate()).at(V)
meeting(
    "batch: mean",
    "changes of what is the same for a batch are averaged over it",
    BatchMean("batch mean"),
    CONSTANT,
    touches=(Bias,),
)

# -- the pass --------------------------------------------------------------------------------


def _parameters_mean(cx: Cx, p: Side, kept: Any, ds: Sequence[Any], changes: Any, dxs: list[Any]) -> Any:
    lead = ds[0].shape[: ds[0].ndim - cx.cod[0].rank]
    return {k: v / max(1, int(np.prod(lead))) for k, v in changes.items()}, dxs


def _first_example(right: Clause, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
    ys, states, kept = right.forward(cx, p, xs)
    lead = xs[0].ndim - cx.dom[0].rank
    return ys, states, jnp.broadcast_to(xs[0][:1], xs[0].shape) if lead else kept


class DiscardOnes(DiscardClause):
    """A discarded wire sends back ones."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        return (), {}, jnp.ones_like(xs[0]) if cx.dom[0].change is not None else None

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return {}, [kept]


class Sending(Rule):
    """A rule under which dead ends send something back."""

    zero_preserving = False


class CopyLast(CopyClause):
    """Copies that send back what the last one gets, but count how many there are."""

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        some = [d for d in ds if d is not None]
        return {}, [some[-1] * len(some) if some else None]


class AddSwapped(AddClause):
    """The terms of a sum get each other's changes."""

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return {}, list(cx.rule.split(ds[0], kept, len(cx.dom)))[::-1]


class Passing(Clause):
    """Boxes that keep their space are passed by on the way back."""

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        changes, dxs = super().backward(cx, p, kept, ds)
        return changes, list(ds) if cx.dom == cx.cod and all(d is not None for d in ds) else dxs


class PartNothing(Clause):
    """The parameters inside of a part get no change."""

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return {}, super().backward(cx, p, kept, ds)[1]


class RepeatOnce(Clause):
    """All times of a repeat get the changes of the first."""

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        changes, dxs = super().backward(cx, p, kept, ds)
        return jax.tree.map(lambda d: jnp.broadcast_to(d[:1], d.shape), changes), dxs


PART = lenses.block("part", lenses.dense(2)).at(W)
TIMES = lenses.repeat(lenses.bias() >> lenses.sin, 2).at(V)
meeting(
    "batch: parameters averaged",
    "changes of parameters are averaged over a batch",
    Rule("averaged", {Weighted: Wrong(Clause(), _parameters_mean, None)}),
    *DENSE,
    touches=(Weighted,),
)
meeting(
    "batch: first example",
    "the first example stands for all in the weights' changes",
    Rule("first example", {Weighted: Wrong(Clause(), None, _first_example)}),
    *DENSE,
    touches=(Weighted,),
)
meeting(
    "discard: ones",
    "a discarded wire sends back ones",
    Sending("ones", {Discard: DiscardOnes()}),
    HALF_USED,
    touches=(Discard,),
)
meeting(
    "copy: last counted",
    "the last copy's change times the number of copies",
    Rule("last", {Copy: CopyLast()}),
    TWICE,
    THREE,
    touches=(Copy,),
)
meeting(
    "chain: passed by",
    "boxes that keep their space are left out on the way back",
    Rule("passed by", {Box: Passing()}),
    *ANY,
)
meeting(
    "part: nothing learned",
    "parameters in a part get no change",
    Rule("part", {Block: PartNothing()}),
    PART,
    touches=(Block,),
)
meeting(
    "repeat: first time",
    "every time of a repeat gets the changes of the first",
    Rule("repeat", {Repeat: RepeatOnce()}),
    TIMES,
    touches=(Repeat,),
)

# -- no mistakes -----------------------------------------------------------------------------

meeting(
    "add: swapped",
    "the terms of a sum get each other's changes",
    Rule("swapped", {Add: AddSwapped()}),
    *SUM,
    touches=(Add,),
    equivalent="R[add]((x, y), c) = (c, c): both terms get the same change, so swapping them changes nothing",
)
meeting(
    "copy: other order",
    "the copies' changes are added in the other order",
    OtherOrder("other order"),
    TWICE,
    touches=(Copy,),
    equivalent="addition is commutative and associative, so the order shows in rounding at most",
)
