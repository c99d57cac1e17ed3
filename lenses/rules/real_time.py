"""Real-time recurrent learning: the derivative of a recurrent network forward in time, with the state.

Beside the state s runs its derivative J along every parameter, started at 0: J' = (ds'/ds) J + ds'/dp.
The change of an output at a time then gives that of the parameters at once, through J, so nothing of earlier
steps is kept: the bytes do not grow with the length of the sequence, but J is as large as state times parameters,
for each example. It is the causal derivative (`lenses.causal.derivative`) along all parameters together, and
the sum is the gradient of backpropagation through time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree

from ..combinators import Scan
from ..errors import LensError, explain
from ..interpret import evaluate_even
from ..opaque import analytic
from .rule import Backward, Clause, Forward, Rule

if TYPE_CHECKING:
    from ..interpret import Cx, Side


class RealTimeClause(Clause):
    """Changes of a scan's parameters forward in time; those of its inputs backwards, where anything asks for them."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        _check(cx)
        ys, states, tape = cx.cell.box.forward(cx, p, xs)
        # The tape is read for changes of the inputs alone: where nobody wants them it is no part of the program.
        return ys, states, (list(xs), tape)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        xs, tape = kept
        if any(d is None for d in ds):
            ds = cx.rule.fill(cx.cod, ds, cx.lead)
        box = cx.cell.box
        assert isinstance(box, Scan)  # the clause is looked up by this class
        learned = jax.tree.leaves((p.params, [p.shared[name] for name in cx.cell.shared]))
        if not learned or all(a.change is None for a in cx.inner.dom.arrays[: box.carried]):
            return box.backward(cx, p, tape, ds)  # nothing is learned, or nothing goes from step to step
        _, dxs = box.backward(Aside(cx), p, tape, ds)  # type: ignore[arg-type]
        changes, shared = _in_real_time(cx, p, xs, ds)
        cx.use(shared)
        return changes, dxs


class Aside:
    """The context of a box whose messages to shared parameters are not wanted."""

    def __init__(self, cx: Cx):
        self._cx = cx

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cx, name)

    def use(self, uses: dict[str, Any]) -> None:
        """Drops the messages."""


def _check(cx: Cx) -> None:
    inner = cx.inner
    if inner.states or inner.keyed or not analytic([a for a in (*inner.dom, *inner.cod) if a.change is not None]):
        raise LensError(
            explain("real-time recurrent learning of steps with states, random keys or no real numbers",
                    box=cx.cell.box, expected="real numbers, and all that is remembered on the wires of the scan",
                    do="take inference(term), or backpropagation")
        )  # fmt: skip


def _in_real_time(cx: Cx, p: Side, xs: Sequence[Any], ds: Sequence[Any]) -> tuple[Any, dict[str, Any]]:
    """The changes of the scan's own parameters, and of those that are tied by name."""
    from ..interpret import Side

    box = cx.cell.box
    assert isinstance(box, Scan)  # the clause is looked up by this class
    k, inner = box.carried, cx.inner
    theta, unravel = ravel_pytree((p.params, {name: p.shared[name] for name in cx.cell.shared}))
    moving = [i for i in range(k) if inner.dom[i].change is not None]
    seen = [i for i in range(k, len(inner.cod)) if inner.cod[i].change is not None]
    lead = jnp.shape(xs[0])[: jnp.ndim(xs[0]) - cx.dom[0].rank] if xs else ()

    def flat(x: Any) -> Any:
        """The batch axes as one."""
        return x.reshape((-1, *x.shape[len(lead) :]))

    def one(theta: Any, state: list[Any], fixed: list[Any], stepped: list[Any]) -> Any:
        """A step for one example: the state that can change, the outputs that can, and the rest of the state."""
        own, shared = unravel(theta)
        values = list(fixed)
        for i, value in zip(moving, state, strict=True):
            values[i] = value
        side = Side(own, {}, None, {**p.shared, **shared})
        ys, _ = evaluate_even(inner, side, [*values, *stepped], cx.separate())
        return ([ys[i] for i in moving], [ys[i] for i in seen]), ys[:k]

    def influence(state: list[Any], fixed: list[Any], stepped: list[Any], rows: Any, dys: list[Any]) -> Any:
        """For one example: the new state, its derivative along the parameters, and the change of the parameters."""
        (new, outs), pull, values = jax.vjp(lambda t, s: one(t, s, fixed, stepped), theta, state, has_aux=True)
        by_theta, by_state = pull((jax.tree.map(jnp.zeros_like, new), dys))
        gradient = by_theta + _vector(by_state) @ rows
        size = rows.shape[0]
        flat_new, unstate = ravel_pytree(new)
        nothing = jax.tree.map(jnp.zeros_like, outs)
        along, back = jax.vmap(lambda e: pull((unstate(e), nothing)))(jnp.eye(size, dtype=flat_new.dtype))
        across = jax.vmap(_vector)(back)
        return values, (along + across @ rows).astype(rows.dtype), gradient.astype(theta.dtype)

    def step(carry: Any, moved: Any) -> Any:
        values, rows, total = carry
        stepped, dys = moved
        state = [values[i] for i in moving]
        values, rows, gradient = jax.vmap(influence)(state, values, stepped, rows, dys)
        return (values, rows, total + gradient.sum(0)), None

    start = [flat(x) for x in xs[:k]]
    many = math.prod(lead)
    size = sum(inner.dom[i].size for i in moving)
    rows = jnp.zeros((many, size, theta.size), theta.dtype)
    entered = [jnp.moveaxis(flat(jnp.moveaxis(x, 0, len(lead))), 1, 0) for x in box.enter(cx, xs)]
    messages = [d if d is None else jnp.moveaxis(flat(jnp.moveaxis(d, 0, len(lead))), 1, 0)
                for d in box.enter_messages(cx, ds)]  # fmt: skip
    messages = [messages[i - k] for i in seen]
    (_, rows, total), _ = lax.scan(
        step, (start, rows, jnp.zeros_like(theta)), (entered, messages), length=box.steps(cx.dom), reverse=box.reversed
    )
    last = jax.vmap(_vector)([flat(ds[i]) for i in moving])
    return unravel(total + jnp.einsum("bs,bsp->p", last, rows))


def _vector(tree: Any) -> Any:
    return ravel_pytree(tree)[0]


def real_time() -> Rule:
    """Real-time recurrent learning (Williams and Zipser 1989): gradients of backprop, computed forward in time.

    At fixed parameters the gradient is that of backpropagation through time. With n reals of state and p parameters a
    step costs n^2 p in place of p, and what is kept is n p for each example, however many steps there are.
    Raises LensError for scans whose steps have states or random keys of their own, or are not over real numbers.
    """
    return Rule("real_time", {Scan: RealTimeClause()})
