"""The unit delay and the delayed trace, from which causal maps are made.

For b: S * X -> S * Y and an initial state i: 1 -> S the delayed trace feeds S back one step later, and gives i at
first. Unlike the trace of a traced category it is defined for every b; what is missing are yanking, since the
trace of the swap is the unit delay, and sliding around the loop, unless the delay is slid along (Sprunger and
Katsumata 2019, delayed trace operators).
"""

from __future__ import annotations

from typing import Any

from ..boxes.lookup import constant
from ..boxes.structure import zero
from ..errors import ArityError, LensError, SpaceError, explain, shown
from ..spaces import Space, unit
from ..syntax import shorten
from ..terms import Identity, Term, compose, swap, tensor
from ..typed import infer, plain
from .maps import Causal, as_causal


def initial_state(state: Any, call: str) -> Term:
    """A term from no wire: a term as it is, of a space its zero, an array as a constant."""
    if isinstance(state, Space):
        return zero(state)
    if isinstance(state, Term):
        if state.arity[0]:
            raise ArityError(
                explain(f"{call}: the initial state {shorten(state, 60)} takes {state.arity[0]} wires",
                        expected="a term from no wire, as zero(Real(64)) or constant(...)")
            )  # fmt: skip
        return plain(state)
    if state is None:
        raise LensError(explain(f"{call}: initial={shown(state)}", expected="a space, a term from no wire, or numbers"))
    return constant(state)


def delay(initial: Any) -> Causal:
    """The unit delay: at each step it gives what came in at the step before, and `initial` at first.

    `initial` is a space (its zero), a term from no wire, or an array of numbers; the state is what came in.
    """
    start = initial_state(initial, "delay")
    wires = start.arity[1]
    return Causal(start, swap(wires, wires))


def trace(body: Any, initial: Any) -> Causal:
    """The delayed trace: the first wires that go out of `body` come in again on its first wires, one step later.

    For `body`: S * X -> S * Y, a term or a causal map, it is the causal map X -> Y that feeds S back through
    a delay which starts at `initial`, a space (its zero), a term from no wire, or an array of numbers. The
    delay makes it defined whatever the body is; for it, yanking and sliding without a delay fail.

    Raises ArityError where `body` has too few wires, and SpaceError, once types are known, where what is fed
    back is not of the type of the state.
    """
    inner, start = as_causal(body, "traced"), initial_state(initial, "trace")
    wires = start.arity[1]
    into, out = inner.arity
    if wires > min(into, out):
        raise ArityError(
            explain(f"trace feeds {wires} wires of {shown(body)} back", because=f"its arity is {inner.arity}",
                    expected="as many wires in front, in and out, as the initial state has")
        )  # fmt: skip
    *first, last = [
        compose(
            tensor(swap(wires, inner.width_at(t)), Identity(into - wires)),
            inner.step_at(t),
            tensor(swap(inner.width_at(t + 1), wires), Identity(out - wires)),
        )
        for t in range(len(inner.first) + 1)
    ]
    dom = None
    if inner.dom is not None:
        _fed_back(inner, infer(start, unit), body)
        dom = Space(inner.dom.arrays[wires:])
    return Causal(tensor(start, inner.initial), last, first, dom)


def _fed_back(inner: Causal, state: Space, body: Any) -> None:
    """Raises SpaceError unless the state, what comes in and what is fed back are of one type, wire by wire."""
    dom = inner.domain("trace")
    for wire, wanted in enumerate(state):
        for said, came in (("takes", dom[wire]), *(("feeds back", out[wire]) for _, out in inner.spaces)):
            if came != wanted:
                raise SpaceError(
                    explain(f"the body of a trace {said} another type than the state's", body=shown(body),
                            feedback_wire=wire, it_carries=repr(wanted), came=repr(came),
                            do=f"start the trace at a state of {came!r}, or change the body")
                )  # fmt: skip
