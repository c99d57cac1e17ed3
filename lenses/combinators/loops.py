"""Loops, one `lax.scan` each: `f ** n`, f after itself, parameters stacked; `scan(f, axis)`, f along an axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax

from ..arguments import axis as check_axis
from ..arguments import flag, is_whole
from ..boxes.linear import bias, dense
from ..boxes.normalisation import batch_norm
from ..boxes.pointwise import multiply, tanh
from ..boxes.structure import add, copy
from ..errors import ArityError, LensError, explain, shown
from ..interpret import (
    Cx,
    Side,
    backward_even,
    evaluate_even,
    forward_even,
    meet,
    meet_all,
)
from ..spaces import Array, Real, Space
from ..syntax import bracketed
from ..terms import Identity, Port, Term, check_terms, identity
from ..trees import complete, renew
from ..typed import Typed, infer, plain
from .axes import in_front, steps_along, without
from .parts import Composite, tied

Between = Callable[[list[Any], Any], list[Any]]
"""What becomes of the messages that a step sends back, and its place along the axis, a traced number."""


@jax.tree_util.register_dataclass
@dataclass
class Steps:
    """The tapes of all steps, an axis of steps in front: each array once, however many boxes keep it.

    `places` says where the leaves of a step's tape are among `arrays`, in the order of `tree`.
    """

    arrays: list[Any]
    places: tuple[int, ...] = field(metadata={"static": True})
    tree: Any = field(metadata={"static": True})

    def at(self, arrays: Sequence[Any]) -> Any:
        """The tape of one step, out of its part of `arrays`."""
        return jax.tree.unflatten(self.tree, [arrays[i] for i in self.places])


def once(tape: Any, given: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The arrays of a step's tape that are not among those it was given, each once; and how the tape is made again.

    That is: which of the given ones are kept, and the places and the tree of `Steps`.
    """
    leaves, tree = jax.tree.flatten(tape)
    own: list[Any] = []
    numbers: dict[int, int] = {}
    inputs = {id(x): i for i, x in enumerate(given)}
    used = list(dict.fromkeys(inputs[id(x)] for x in leaves if id(x) in inputs))
    for x in leaves:
        if id(x) not in inputs and id(x) not in numbers:
            numbers[id(x)] = len(own)
            own.append(x)
    places = [len(own) + used.index(inputs[id(x)]) if id(x) in inputs else numbers[id(x)] for x in leaves]
    return own, [used, tuple(places), tree]


class Loop(Composite):
    """What `Repeat` and `Scan` share: a term folded along an axis of steps by one `lax.scan`.

    `carried` first wires go from step to step. With `stacked`, every step has parameters of its
    own; otherwise all steps share them. Messages to shared parameters are summed on the way back.
    """

    glyph: ClassVar[str] = "repeat"
    stacked: ClassVar[bool] = True
    reversed = False

    @property
    def carried(self) -> int:
        """How many first wires go from step to step."""
        return self.arity[0]

    def steps(self, dom: Space) -> int:
        """How many steps there are at a domain."""
        raise NotImplementedError(type(self).__name__)

    def runs(self, dom: Space) -> int:
        return self.steps(dom)

    def enter(self, cx: Cx, xs: Sequence[Any]) -> list[Any]:
        """The stepped inputs with the axis of steps in front."""
        return []

    def leave(self, cx: Cx, arrays: Sequence[Space | Array], values: Sequence[Any], reverse: bool) -> list[Any]:
        """Stepped values with the axis of steps put back where the typed arrays have it."""
        return []

    def _side(self, p: Side, params: Any, states: Any, key: Any) -> Side:
        return Side(params if self.stacked else p.params, states, key, p.shared)

    def _per_step(self, cx: Cx, p: Side, n: int) -> tuple[Any, Any, Any]:
        keys = jax.random.split(p.key, n) if cx.cell.keyed else None
        return (p.params, p.states, keys) if self.stacked else (None, None, keys)

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        n, k = self.steps(cx.dom), self.carried

        def step(carry: Any, moving: Any) -> Any:
            (values, shared_states), (stepped, (params, states, key)) = carry, moving
            side = self._side(p, params, states if self.stacked else shared_states, key)
            ys, new = evaluate_even(cx.inner, side, [*values, *stepped], cx.env)
            kept_states, out_states = (shared_states, new) if self.stacked else (renew(shared_states, new), None)
            return (ys[:k], kept_states), (ys[k:], out_states)

        start = (list(xs[:k]), None if self.stacked else p.states)
        (values, last), (stepped, states) = lax.scan(
            step, start, (self.enter(cx, xs), self._per_step(cx, p, n)), length=n, reverse=self.reversed
        )
        return (*values, *self.leave(cx, cx.cod.arrays, stepped, False)), states if self.stacked else last

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        n, k = self.steps(cx.dom), self.carried
        entered = self.enter(cx, xs)
        plan: list[Any] = []

        def step(carry: Any, moving: Any) -> Any:
            (values, shared_states), (stepped, (params, states, key)) = carry, moving
            side = self._side(p, params, states if self.stacked else shared_states, key)
            ys, new, tape = forward_even(cx.inner, side, [*values, *stepped], cx.env)
            kept_states, out_states = (shared_states, new) if self.stacked else (renew(shared_states, new), None)
            kept, plan[:] = once(tape, stepped)
            return (ys[:k], kept_states), (ys[k:], out_states, kept)

        start = (list(xs[:k]), None if self.stacked else p.states)
        (values, last), (stepped, states, kept) = lax.scan(
            step, start, (entered, self._per_step(cx, p, n)), length=n, reverse=self.reversed
        )
        tape = Steps([*kept, *(entered[i] for i in plan[0])], *plan[1:])
        return (*values, *self.leave(cx, cx.cod.arrays, stepped, False)), states if self.stacked else last, tape

    def backward(
        self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any], between: Between | None = None
    ) -> tuple[Any, Sequence[Any]]:
        """The steps backwards. `between` changes what a step, by its place along the axis, sends to the one before."""
        n, k = self.steps(cx.dom), self.carried
        rule, tied = cx.rule, cx.inner.tied
        own = {} if self.stacked else complete(p.params, {})
        shared = {name: complete(p.shared[name], {}) for name in cx.cell.shared}

        def step(carry: Any, moving: Any) -> Any:
            messages, total, uses = carry
            (stepped, (params, states, key), own_kept), place = moving
            tape = kept.at(own_kept)
            side = self._side(p, params, states if self.stacked else p.states, key)
            env = cx.separate()
            changes, dxs = backward_even(cx.inner, side, tape, [*messages, *stepped], env)
            changes = complete(side.params, changes)
            new_uses = {name: meet_all(env, name, tied[name], p.shared[name]) for name in shared}
            uses = {name: meet(rule, tied[name], uses[name], new_uses[name]) for name in shared}
            total = total if self.stacked else meet(rule, cx.inner.params, total, changes)
            dxs = rule.fill(cx.inner.dom, dxs, rule.lead(cx.inner.cod, [*messages, *stepped]))
            sent = dxs[:k] if between is None else between(dxs[:k], place)
            return (sent, total, uses), (dxs[k:], changes if self.stacked else None)

        start = (list(ds[:k]), own, shared)
        moving = (self.enter_messages(cx, ds), self._per_step(cx, p, n), kept.arrays)
        places = None if between is None else jnp.arange(n)
        (messages, total, uses), (stepped, changes) = lax.scan(
            step, start, (moving, places), length=n, reverse=not self.reversed
        )
        cx.use(uses)
        return changes if self.stacked else total, [*messages, *self.leave(cx, cx.dom.arrays, stepped, True)]

    def enter_messages(self, cx: Cx, ds: Sequence[Any]) -> list[Any]:
        """The messages on stepped outputs with the axis of steps in front."""
        return []

    def reverse_term(self, dom: Space) -> Term | None:
        from .reversing import reverse_of_loop

        return reverse_of_loop(self, dom)


def _carried(term: Term, dom: Space, carried: int) -> Space:
    """The domain at which every step types alike: names of axes that a step does not hand on are left out."""
    while True:
        cod = infer(term, dom)
        arrays = [
            Array(a.sizes, [m if m == n else None for m, n in zip(a.names, b.names, strict=True)], a.element)
            if a == b
            else a
            for a, b in zip(dom.arrays[:carried], cod, strict=False)
        ]
        new = Space([*arrays, *dom.arrays[carried:]])
        if new.names == dom.names:
            return dom
        dom = new


class Repeat(Loop):
    """The term `term` after itself `times` times, each time with parameters of its own."""

    operator: ClassVar[bool] = True
    term: Term
    times: int

    def spell(self) -> str:
        return f"{bracketed(self.term)} ** {self.times}"

    @property
    def label(self) -> str:
        return "repeat"

    def steps(self, dom: Space) -> int:
        return self.times

    def inside(self, dom: Space) -> tuple[Term, Space]:
        return self.term, _carried(self.term, dom, len(dom))

    def type(self, dom: Space) -> Space:
        cod = infer(self.term, dom)
        if cod != dom:
            self.fail(
                "all", "a term from a space to itself", f"{dom!r} -> {cod!r}",
                "let the first layer change the size, and repeat the layers that keep it",
            )  # fmt: skip
        return infer(*self.inside(dom))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        twice = [t**2 for t in (dense(3) >> tanh, tied("shared", dense(3)) >> tanh, batch_norm(training=False))]
        sums = copy @ identity >> identity @ add
        return [*(t.at(Real(3)) for t in twice), (bias() ** 3).at(Real(2, 3)), (sums**2).at(Real(2), Real(2))]

    def stack(self, port: Port) -> Port:
        return port.stack(self.times)


def repeat(term: Term, times: int) -> Term:
    """`term` after itself `times` times, parameters stacked; ``term ** times``."""
    check_terms("given to repeat", [term])
    if not is_whole(times, 0):
        raise LensError(explain(f"{term!r} ** {shown(times)}", expected="a whole number of repetitions, 0 or more"))
    m, n = term.arity
    if m != n:
        raise ArityError(
            explain(f"{term!r} cannot be repeated", because=f"{m} wires in and {n} out", expected="as many in as out")
        )
    if isinstance(term, Typed):
        return repeat(term.term, times).at(term.dom)
    return Identity(m) if times == 0 else term if times == 1 else Repeat(term, times)


class Scan(Loop):
    """The term `term` along `axis`: its first `carry` wires go from step to step, the others are sliced.

    With `reversed` the last step comes first.
    """

    stacked: ClassVar[bool] = False
    term: Term
    axis: int | str = 0
    carry: int = 1
    reversed: bool = False

    @property
    def carried(self) -> int:
        return self.carry

    def steps(self, dom: Space) -> int:
        array = dom[self.carry]
        return array.sizes[array.axis(self.axis)]

    def inside(self, dom: Space) -> tuple[Term, Space]:
        slices = [without(self, a, i + self.carry) for i, a in enumerate(dom.arrays[self.carry :])]
        return self.term, _carried(self.term, Space(dom.arrays[: self.carry] + tuple(slices)), self.carry)

    def type(self, dom: Space) -> Space:
        term, inner = self.inside(dom)
        cod = infer(term, inner)
        n, name = steps_along(self, dom, range(self.carry, len(dom)))
        for i in range(self.carry):
            if cod[i] != dom[i]:
                self.fail(i, f"{dom[i]!r} carried on to the next step", cod[i])
        return Space((*inner.arrays[: self.carry], *(in_front(a, n, name) for a in cod.arrays[self.carry :])))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        cell = dense(2) @ identity >> add >> tanh >> copy
        return [
            *(scan(cell, axis).at(Real(2), x) for axis, x in ((0, Real(3, 2)), (1, Real(2, 2)), ("t", Real(2, t=3)))),
            scan(dense(2) >> batch_norm(training=False), carry=0).at(Real(2, 3)),
            scan(multiply @ identity, axis=-1).at(Real(), Real(3), Real(2, 3)),
            scan(multiply >> copy, reversed=True).at(Real(), Real(3)),
        ]

    def enter(self, cx: Cx, xs: Sequence[Any]) -> list[Any]:
        pairs = zip(xs[self.carry :], cx.dom.arrays[self.carry :], strict=True)
        return [jnp.moveaxis(x, a.axis(self.axis), 0) for x, a in pairs]

    def leave(self, cx: Cx, arrays: Sequence[Any], values: Sequence[Any], reverse: bool) -> list[Any]:
        places = [a.axis(self.axis) if reverse else -a.rank for a in arrays[self.carry :]]
        return [cx.rule.map(lambda x, i=i: jnp.moveaxis(x, 0, i), v) for v, i in zip(values, places, strict=True)]

    def enter_messages(self, cx: Cx, ds: Sequence[Any]) -> list[Any]:
        pairs = zip(ds[self.carry :], cx.cod.arrays[self.carry :], strict=True)
        return [cx.rule.map(lambda x, a=a: jnp.moveaxis(x, -a.rank, 0), d) for d, a in pairs]


def scan(term: Term, axis: int | str = 0, carry: int = 1, reversed: bool = False) -> Term:
    """`term` along an axis: wires 0 to carry-1 are carried from step to step, the others lose the axis.

    For a cell H @ X -> H @ Y, ``scan(cell, "time")`` takes H @ X(time) to H @ Y(time), all steps
    sharing the cell's parameters; the outputs of the steps are stacked in front. With `reversed` the
    steps are taken from the last to the first.
    """
    check_terms("given to scan", [term])
    axis = check_axis("scan", axis)
    if not is_whole(carry, 0, term.arity[1]) or carry >= term.arity[0]:
        raise ArityError(
            explain(f"scan carries {shown(carry)} wires of {term!r}", because=f"its arity is {term.arity}",
                    expected="fewer than come in, so that there is something to step through, and no more than go out")
        )  # fmt: skip
    return Scan(plain(term), axis, carry, flag("scan", "reversed", reversed))
