"""Causal maps on sequences: unrolled into a term step by step, or along an axis as one scan.

Both are terms of the library: they compile, have derivatives, are drawn and learned as any other.
Backpropagation through time is the lens of the scan: forward it keeps what each step needs, backward it
takes the steps from the last to the first.
"""

from __future__ import annotations

from typing import Any

from ..arguments import axis as check_axis
from ..arguments import refuse
from ..arguments import whole as check_whole
from ..boxes.lookup import select
from ..boxes.rearrange import concatenate, split
from ..boxes.reductions import spread
from ..boxes.structure import discard
from ..combinators import block, over, scan, tied
from ..errors import LensError, explain
from ..terms import Identity, Term, compose, swap, tensor
from ..trees import whole
from ..typed import elaborate
from ..wiring import Wire, listed, trace
from .maps import Causal, shorten_causal

SHARED = "step"
"""The name under which the steps of an unrolled map share their parameters."""


def unroll(f: Causal, steps: int, name: str = SHARED) -> Term:
    """The first n steps as one term X^n -> Y^n: what comes in at step 0, then at step 1, and so on; so what goes out.

    The steps share parameters, which are tied by `name`; those of first steps that differ have it with their number, as
    in "step_0". Maps that are unrolled in one model need names of their own, unless they are to share. The last
    state is discarded. Unrolling keeps composites and tensors.
    """
    check_whole("unroll", "the number of steps", steps, 0)
    into, out = f.arity
    layers: list[Term] = [tensor(f.initial, Identity(steps * into))]
    for time in range(steps):
        after, left = f.width_at(time + 1), steps - time - 1
        layers.append(tensor(Identity(time * out), _shared(f, time, name), Identity(left * into)))
        layers.append(tensor(Identity(time * out), swap(after, out), Identity(left * into)))
    layers.append(tensor(Identity(steps * out), *[discard] * f.width_at(steps)))
    return compose(*layers)


def _shared(f: Causal, time: int, name: str) -> Term:
    """A step, its parameters shared with its other uses; as it is where it is known to have none."""
    if f.dom is not None:
        typed = f.typed_step(time)
        if not whole(elaborate(typed.term, typed.dom)):
            return f.step_at(time)
    return tied(f"{name}_{time}" if time < len(f.first) else name, f.step_at(time))


def along(f: Causal, axis: int | str = 0, steps: int | None = None) -> Term:
    """The causal map on whole sequences, X along `axis` to Y along a new first axis, as one `lax.scan`.

    Leading axes of the data are batch axes. Where the first steps differ, `steps`, the size of the axis, must be
    said, and the type (`f.at`) be known: those steps are taken one by one, the others scanned. Without a state
    there is nothing to hand on, so all steps are taken at once (`over`).
    """
    if not f.arity[0]:
        raise LensError(
            explain(f"{shorten_causal(f)} takes no input, so no axis says how many steps there are", do="f.unroll(n)")
        )
    axis = check_axis("along", axis)
    if f.first:
        return _uneven(f, axis, steps)
    if not f.width_at(0):
        return over(axis, f.step)
    return compose(_scanned(f, axis), tensor(*[discard] * f.width_at(0), Identity(f.arity[1])))


def after(f: Causal, axis: int | str = 0) -> Term:
    """The state after all steps along `axis`, X along the axis to S, as one `lax.scan`; outputs are discarded."""
    if f.first or not f.width_at(0) or not f.arity[0]:
        raise LensError(
            explain(f"after of {shorten_causal(f)}", expected="one step for all times, with a state and inputs")
        )
    keep = tensor(Identity(f.width_at(0)), *[discard] * f.arity[1])
    return compose(_scanned(f, check_axis("after", axis)), keep)


def _scanned(f: Causal, axis: int | str) -> Term:
    return compose(tensor(f.initial, Identity(f.arity[0])), scan(f.step, axis, f.width_at(0)))


def _uneven(f: Causal, axis: int | str, steps: int | None) -> Term:
    """The first steps one by one, on entries of the axis, and the others along what is left of it."""
    count = len(f.first)
    if f.dom is None or steps is None:
        do = "f.at(Real(64)).along('time', steps=8)"
        refuse("along", "steps", steps, "the size of the axis, and a typed map, where the first steps differ", do)
    total = check_whole("along", "steps", steps, count + 1)
    outs = f.cod
    for time, (_, out) in enumerate(f.spaces):
        if out != outs:
            raise LensError(
                explain(f"step {time} gives {out!r}, and later ones {outs!r}", do="f.unroll(n)",
                        because="an axis holds arrays of one type")
            )  # fmt: skip
    cut = split(count, total - count, axis=axis)

    def run(*xs: Wire) -> Any:
        state = listed(f.initial())
        parts = [cut(x) for x in xs]
        rows: list[list[Wire]] = [[] for _ in outs]
        for time in range(count):
            entries = [select(time, axis)(early) for early, _ in parts]
            width = f.width_at(time + 1)
            found = listed(block(f"{SHARED}_{time}", f.step_at(time))(*state, *entries))
            state = found[:width]
            for row, y, array in zip(rows, found[width:], outs, strict=True):
                row.append(spread(1, -array.rank - 1)(y))
        width = f.width_at(count)
        rest = listed(scan(f.step, axis, width)(*state, *(late for _, late in parts)))[width:]
        pairs = zip(rows, rest, outs, strict=True)
        return tuple(concatenate(-array.rank - 1, count + 1)(*row, y) for row, y, array in pairs)

    return trace(run, f.arity[0])
