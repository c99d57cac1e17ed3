"""Boxes with a term inside.

- `block(name, f)`: f as a named part, for people, pictures, parameter names, and rules on parts.
- `f ** n`, `repeat(f, n)`: f after itself n times, parameters stacked; one `lax.scan`.
- `scan(f, axis)`: f along an axis, the first wires carried from step to step, parameters shared.
- `over(axis, f)`: f on every slice along an axis, parameters shared; a strict monoidal functor.
- `tied(name, f)`: uses of f under one name share their parameters (reparametrisation along copy).
- `coupling(f, g)`: the invertible pair y1 = x1 + f(x2), y2 = x2 + g(y1).
- `expose(f)`: the underlying map P @ A -> B, parameters as plain wires; `Para` goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax

from .errors import ArityError, LensError, SpaceError, explain
from .interpret import (
    Cx,
    Side,
    backward,
    backward_even,
    batch_ranks,
    broadcast,
    close,
    complete,
    evaluate,
    evaluate_even,
    forward,
    forward_even,
    meet_all,
    renew,
)
from .opaque import Residual
from .spaces import Array, Space
from .syntax import bracketed
from .terms import Box, Identity, Port, Term, add, compose, copy, identity, tensor
from .typed import Circuit, Combinator, Tree, Typed, as_typed, infer, leaves, plain


class Composite(Combinator):
    """A combinator that means what its term means; the others override what they change."""

    @property
    def content(self) -> Term:
        """The term inside."""
        return self.fields["term"]

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return self.content.arity

    def inside(self, dom: Space) -> tuple[Term, Space] | None:
        return self.content, dom

    def type(self, dom: Space) -> Space:
        return infer(self.content, dom)

    def flops(self, dom: Space) -> int:
        from .cost import flops

        return flops(self.content, dom)

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        ys, states = evaluate(cx.inner, self.side(cx, p), xs, cx.env)
        return tuple(ys), states

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        ys, states, tape = forward(cx.inner, self.side(cx, p), xs, cx.env)
        return tuple(ys), states, tape

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        return backward(cx.inner, self.side(cx, p), kept, ds, cx.env)

    def side(self, cx: Cx, p: Side) -> Side:
        """The side of the term inside, out of the box's own."""
        return p


def part_name(call: str, name: Any) -> str:
    """`name` if it can name a part of a model; raises LensError otherwise."""
    if not isinstance(name, str) or not name or any(c in name for c in "./") or not name.isprintable():
        raise LensError(
            explain(f"{call}: {name!r} names no part", expected="printable text without '.' and '/', e.g. 'encoder_1'")
        )
    return name


class Block(Composite):
    """The term `term` as a part called `name`."""

    glyph: ClassVar[str] = "block"
    named = True
    name: str
    term: Term

    @property
    def label(self) -> str:
        return self.name


def block(name: str, term: Term) -> Term:
    """`term` as a part called `name`, under which its parameters are kept."""
    return Block(part_name("block", name), plain(term))


class Tied(Composite):
    """The term `term`, its parameters shared with every other use of the same `name` in a model."""

    glyph: ClassVar[str] = "block"
    name: str
    term: Term

    def ties(self, inner: Circuit) -> tuple[Tree, Tree]:
        return {}, inner.tied | ({self.name: inner.params} if inner.params else {})

    def side(self, cx: Cx, p: Side) -> Side:
        return Side(p.shared.get(self.name, {}), p.states, p.key, p.shared)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        changes, dxs = super().backward(cx, p, kept, ds)
        cx.use({self.name: changes})
        return {}, dxs


def tied(name: str, term: Term) -> Term:
    """`term`, sharing its parameters with all uses tied under `name`: reparametrisation along copy.

    The gradient of a shared parameter is the sum over its uses.
    """
    return Tied(part_name("tied", name), plain(term))


# -- loops -----------------------------------------------------------------------------------


class Loop(Composite):
    """What `Repeat` and `Scan` share: a term folded along an axis of steps by one `lax.scan`.

    `carried` first wires go from step to step. With `stacked`, every step has parameters of its
    own; otherwise all steps share them. Messages to shared parameters are summed on the way back.
    """

    glyph: ClassVar[str] = "repeat"
    stacked: ClassVar[bool] = True

    @property
    def carried(self) -> int:
        """How many first wires go from step to step."""
        return self.arity[0]

    def steps(self, cx: Cx) -> int:
        """How many steps there are."""
        raise NotImplementedError(type(self).__name__)

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
        n, k = self.steps(cx), self.carried

        def step(carry: Any, moving: Any) -> Any:
            (values, shared_states), (stepped, (params, states, key)) = carry, moving
            side = self._side(p, params, states if self.stacked else shared_states, key)
            ys, new = evaluate_even(cx.inner, side, [*values, *stepped], cx.env)
            kept_states, out_states = (shared_states, new) if self.stacked else (renew(shared_states, new), None)
            return (ys[:k], kept_states), (ys[k:], out_states)

        start = (list(xs[:k]), None if self.stacked else p.states)
        (values, last), (stepped, states) = lax.scan(step, start, (self.enter(cx, xs), self._per_step(cx, p, n)), length=n)
        return (*values, *self.leave(cx, cx.cod.arrays, stepped, False)), states if self.stacked else last

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        n, k = self.steps(cx), self.carried

        def step(carry: Any, moving: Any) -> Any:
            (values, shared_states), (stepped, (params, states, key)) = carry, moving
            side = self._side(p, params, states if self.stacked else shared_states, key)
            ys, new, tape = forward_even(cx.inner, side, [*values, *stepped], cx.env)
            kept_states, out_states = (shared_states, new) if self.stacked else (renew(shared_states, new), None)
            return (ys[:k], kept_states), (ys[k:], out_states, tape)

        start = (list(xs[:k]), None if self.stacked else p.states)
        (values, last), (stepped, states, tape) = lax.scan(step, start, (self.enter(cx, xs), self._per_step(cx, p, n)), length=n)
        return (*values, *self.leave(cx, cx.cod.arrays, stepped, False)), states if self.stacked else last, tape

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        n, k = self.steps(cx), self.carried
        rule = cx.rule
        own = {} if self.stacked else complete(p.params, {})
        shared = {name: complete(p.shared[name], {}) for name in cx.cell.shared}

        def step(carry: Any, moving: Any) -> Any:
            messages, total, uses = carry
            stepped, (params, states, key), tape = moving
            side = self._side(p, params, states if self.stacked else p.states, key)
            env = cx.separate()
            changes, dxs = backward_even(cx.inner, side, tape, [*messages, *stepped], env)
            changes = complete(side.params, changes)
            new_uses = {name: meet_all(env, name, p.shared[name]) for name in shared}
            uses = jax.tree.map(rule.meet, uses, new_uses)
            total = total if self.stacked else jax.tree.map(rule.meet, total, changes)
            dxs = rule.fill(cx.inner.dom, dxs)
            return (dxs[:k], total, uses), (dxs[k:], changes if self.stacked else None)

        start = (list(ds[:k]), own, shared)
        moving = (self.enter_messages(cx, ds), self._per_step(cx, p, n), kept)
        (messages, total, uses), (stepped, changes) = lax.scan(step, start, moving, length=n, reverse=True)
        cx.use(uses)
        return changes if self.stacked else total, [*messages, *self.leave(cx, cx.dom.arrays, stepped, True)]

    def enter_messages(self, cx: Cx, ds: Sequence[Any]) -> list[Any]:
        """The messages on stepped outputs with the axis of steps in front."""
        return []


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

    def steps(self, cx: Cx) -> int:
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

    def stack(self, port: Port) -> Port:
        return port.stack(self.times)

    def flops(self, dom: Space) -> int:
        return self.times * super().flops(dom)


def repeat(term: Term, times: int) -> Term:
    """`term` after itself `times` times, parameters stacked; ``term ** times``."""
    if isinstance(times, bool) or not isinstance(times, int) or times < 0:
        raise LensError(explain(f"{term!r} ** {times!r}", expected="a whole number of repetitions, 0 or more"))
    m, n = term.arity
    if m != n:
        raise ArityError(
            explain(f"{term!r} cannot be repeated", because=f"{m} wires in and {n} out", expected="as many in as out")
        )
    if isinstance(term, Typed):
        return repeat(term.term, times).at(term.dom)
    return Identity(m) if times == 0 else term if times == 1 else Repeat(term, times)


class Scan(Loop):
    """The term `term` along `axis`: its first `carry` wires go from step to step, the others are sliced."""

    stacked: ClassVar[bool] = False
    term: Term
    axis: int | str = 0
    carry: int = 1

    @property
    def carried(self) -> int:
        return self.carry

    def steps(self, cx: Cx) -> int:
        array = cx.dom[self.carry]
        return array.sizes[array.axis(self.axis)]

    def inside(self, dom: Space) -> tuple[Term, Space]:
        slices = [_without(self, a, i + self.carry) for i, a in enumerate(dom.arrays[self.carry :])]
        return self.term, _carried(self.term, Space(dom.arrays[: self.carry] + tuple(slices)), self.carry)

    def type(self, dom: Space) -> Space:
        term, inner = self.inside(dom)
        cod = infer(term, inner)
        n, name = _steps(self, dom, range(self.carry, len(dom)))
        for i in range(self.carry):
            if cod[i] != dom[i]:
                self.fail(i, f"{dom[i]!r} carried on to the next step", cod[i])
        return Space((*inner.arrays[: self.carry], *(_in_front(a, n, name) for a in cod.arrays[self.carry :])))

    def flops(self, dom: Space) -> int:
        from .cost import flops

        return _steps(self, dom, range(self.carry, len(dom)))[0] * flops(*self.inside(dom))

    def enter(self, cx: Cx, xs: Sequence[Any]) -> list[Any]:
        pairs = zip(xs[self.carry :], cx.dom.arrays[self.carry :], strict=True)
        return [jnp.moveaxis(x, a.axis(self.axis), 0) for x, a in pairs]

    def leave(self, cx: Cx, arrays: Sequence[Any], values: Sequence[Any], reverse: bool) -> list[Any]:
        places = [a.axis(self.axis) if reverse else -a.rank for a in arrays[self.carry :]]
        return [cx.rule.map(lambda x, i=i: jnp.moveaxis(x, 0, i), v) for v, i in zip(values, places, strict=True)]

    def enter_messages(self, cx: Cx, ds: Sequence[Any]) -> list[Any]:
        pairs = zip(ds[self.carry :], cx.cod.arrays[self.carry :], strict=True)
        return [cx.rule.map(lambda x, a=a: jnp.moveaxis(x, -a.rank, 0), d) for d, a in pairs]


def scan(term: Term, axis: int | str = 0, carry: int = 1) -> Term:
    """`term` along an axis: wires 0 to carry-1 are carried from step to step, the others lose the axis.

    For a cell H @ X -> H @ Y, ``scan(cell, "time")`` takes H @ X(time) to H @ Y(time), all steps
    sharing the cell's parameters; the outputs of the steps are stacked in front.
    """
    if not 0 <= carry < term.arity[0] or carry > term.arity[1]:
        raise ArityError(
            explain(f"scan carries {carry} wires of {term!r}", because=f"its arity is {term.arity}",
                    expected="fewer than come in, so that there is something to step through, and no more than go out")
        )  # fmt: skip
    return Scan(plain(term), axis, carry)


# -- an axis ---------------------------------------------------------------------------------


def _without(box: Box, array: Array, wire: int) -> Array:
    axis = box.fields["axis"]
    try:
        place = array.axis(axis) + array.rank
    except KeyError:
        return box.fail(wire, f"an array with the axis {axis!r}", array, "name the axis in the space, as in Real(time=64, d=8)")
    keep = [i for i in range(array.rank) if i != place]
    return Array([array.sizes[i] for i in keep], [array.names[i] for i in keep], array.element)


def _in_front(array: Array, size: int, name: str | None) -> Array:
    return Array((size, *array.sizes), (name, *array.names), array.element)


def _steps(box: Box, dom: Space, wires: Sequence[int]) -> tuple[int, str | None]:
    axis = box.fields["axis"]
    size, name = None, None
    for wire in wires:
        place = dom[wire].axis(axis)
        if size is not None and dom[wire].sizes[place] != size:
            box.fail(wire, f"{size} along the axis {axis!r}, as on the wires before", dom[wire])
        size, name = dom[wire].sizes[place], dom[wire].names[place]
    assert size is not None
    return size, name


class Over(Composite):
    """The term `term` on every slice along `axis` of the wires that have it; outputs have it in front."""

    axis: int | str
    term: Term

    def has(self, array: Array) -> bool:
        """Whether the array has the axis; one that does not is the same for every slice."""
        try:
            array.axis(self.axis)
        except KeyError:
            return False
        return True

    def _wires(self, dom: Space) -> list[int]:
        wires = [i for i, a in enumerate(dom) if self.has(a)]
        if not wires:
            self.fail("any", f"an array with the axis {self.axis!r}", dom, "name the axis in the space, as in Real(head=8, d=64)")
        return wires

    def inside(self, dom: Space) -> tuple[Term, Space]:
        return self.term, Space(_without(self, a, i) if self.has(a) else a for i, a in enumerate(dom))

    def type(self, dom: Space) -> Space:
        size, name = _steps(self, dom, self._wires(dom))
        return Space(_in_front(a, size, name) for a in infer(*self.inside(dom)))

    def flops(self, dom: Space) -> int:
        from .cost import flops

        return _steps(self, dom, self._wires(dom))[0] * flops(*self.inside(dom))

    def _enter(self, cx: Cx, xs: Sequence[Any]) -> list[Any]:
        size = _steps(self, cx.dom, self._wires(cx.dom))[0]
        out = []
        for x, a in zip(xs, cx.dom, strict=True):
            if self.has(a):
                out.append(jnp.moveaxis(x, a.axis(self.axis), -a.rank))
            else:
                wide = jnp.expand_dims(x, x.ndim - a.rank)
                shape = (*x.shape[: x.ndim - a.rank], size, *a.sizes)
                out.append(jnp.broadcast_to(wide, shape))
        return out

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        ys, states = evaluate_even(cx.inner, p, self._enter(cx, xs), cx.env)
        return tuple(ys), states

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        ys, states, tape = forward_even(cx.inner, p, self._enter(cx, xs), cx.env)
        return tuple(ys), states, tape

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        changes, dxs = backward_even(cx.inner, p, kept, ds, cx.env)
        out: list[Any] = []
        for d, a in zip(dxs, cx.dom, strict=True):
            if d is None:
                out.append(None)
            elif self.has(a):
                out.append(cx.rule.map(lambda x, a=a: jnp.moveaxis(x, -a.rank, a.axis(self.axis)), d))
            else:
                front = cx.rule.map(lambda x, a=a: jnp.moveaxis(x, -a.rank - 1, 0), d)
                out.append(cx.rule.unbatch(front, 1))
        return changes, out


def over(axis: int | str, term: Term) -> Term:
    """`term` on every slice along `axis`, which the outputs have in front; parameters are shared.

    Wires that lack a named axis are the same for every slice. The slices run as one batch, so a
    weight's gradient is one contraction and never a stack.
    """
    return Over(axis, plain(term))


# -- reversible ------------------------------------------------------------------------------


class Coupling(Composite):
    """y1 = x1 + f(x2), y2 = x2 + g(y1): invertible whatever f and g are (Dinh et al. 2014; Gomez et al. 2017)."""

    f: Term
    g: Term

    @cached_property
    def content(self) -> Term:
        first = compose(identity @ copy, identity @ Block("f", self.f) @ identity, add @ identity)
        second = compose(copy @ identity, identity @ Block("g", self.g) @ identity, identity @ add)
        return compose(first, second)

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (2, 2)


def coupling(f: Term, g: Term) -> Term:
    """The additive coupling of two terms with one wire in and out; the rule `reversible` keeps nothing of it."""
    for name, t in (("f", f), ("g", g)):
        if t.arity != (1, 1):
            raise ArityError(explain(f"coupling: {name} has arity {t.arity}", term=t, expected=(1, 1)))
    return Coupling(plain(f), plain(g))


# -- parameters as wires ---------------------------------------------------------------------


def whole(circuit: Circuit) -> Tree:
    """All parameters of a typed graph: tied ones by name, then those of its cells."""
    return circuit.tied | circuit.params


def nest(paths: Sequence[tuple[str, ...]], values: Sequence[Any]) -> dict[str, Any]:
    """The nested dict with these values at these paths."""
    tree: dict[str, Any] = {}
    for path, value in zip(paths, values, strict=True):
        at = tree
        for step in path[:-1]:
            at = at.setdefault(step, {})
        at[path[-1]] = value
    return tree


def pick(tree: Any, path: Sequence[str]) -> Any:
    """The value of a nested dict at a path."""
    for step in path:
        tree = tree[step]
    return tree


class Expose(Composite):
    """The underlying map of a parametrised one: P @ A -> B, the parameters of `term` as plain wires.

    P is in the order of the term's tree of parameters. States and random keys stay on the side.
    """

    levels: ClassVar[bool] = False
    term: Typed

    def spell(self) -> str:
        return f"expose({self.term!r})"

    @property
    def label(self) -> str:
        return "model"

    @property
    def _paths(self) -> list[tuple[tuple[str, ...], Port]]:
        circuit = self.term.circuit
        return list(leaves(whole(circuit)))

    @property
    def params(self) -> Space:
        """P, the space of the parameters."""
        return Space(port.array for _, port in self._paths)

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (len(self._paths) + self.term.arity[0], self.term.arity[1])

    def inside(self, dom: Space) -> tuple[Term, Space]:
        return self.term.term, self.term.dom

    def ties(self, inner: Circuit) -> tuple[Tree, Tree]:
        return {}, {}

    def type(self, dom: Space) -> Space:
        for i, (came, expected) in enumerate(zip(dom, self.params @ self.term.dom, strict=True)):
            if came != expected:
                self.fail(i, expected, came)
        return self.term.cod

    def open_side(self, p: Side, values: Sequence[Any]) -> Side:
        """The side of the term inside, its parameters being these values of the wires of P."""
        tree = nest([path for path, _ in self._paths], values)
        shared = {name: tree.pop(name) for name in self.term.circuit.tied}
        return Side(tree, p.states, p.key, shared)

    def _batched(self, xs: Sequence[Any]) -> tuple[int, ...] | None:
        """The batch axes of the wires if a parameter has any, so that each example has its own."""
        had = batch_ranks(self.params @ self.term.dom, xs)
        return had if any(had[: len(self._paths)]) else None

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        n = len(self._paths)
        had = self._batched(xs)
        if had is None:
            ys, states = evaluate(cx.inner, self.open_side(p, xs[:n]), xs[n:], cx.env)
            return tuple(ys), states

        def one(*xs: Any) -> tuple[Any, ...]:
            return tuple(evaluate(cx.inner, self.open_side(p, xs[:n]), xs[n:], cx.env)[0])

        for _ in range(max(had)):
            one = jax.vmap(one)
        return one(*broadcast(had, xs)), {}

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        n = len(self._paths)
        if self._batched(xs) is not None:
            return Box.forward(self, cx, p, xs)
        rule = cx.env.model
        ys, states, tape = forward(cx.inner, self.open_side(p, xs[:n]), xs[n:], cx.separate(rule))
        return tuple(ys), states, (list(xs[:n]), ys if rule.keeps_outputs else None, tape)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        if isinstance(kept, Residual):
            return Box.backward(self, cx, p, kept, ds)
        values, outputs, tape = kept
        side = self.open_side(p, values)
        changes, dxs = close(cx.inner, side, tape, outputs, ds, cx.separate(cx.env.model))
        return {}, [*(pick(changes, path) for path, _ in self._paths), *dxs]


def expose(term: Term, space: Space | None = None) -> Expose:
    """The underlying map P @ A -> B of a typed term, its parameters as plain wires in front."""
    return Expose(as_typed(term, space, "expose"))


class Para(Composite):
    """A parametrised map out of a plain one (the Para construction): the first wires come from the side.

    `term`: P @ A -> Q @ B becomes A -> B. `params` are the ports of P; `changes` names the wires of
    Q, which leave to the side, summed over batch axes.
    """

    transparent = True
    term: Term
    params: tuple[Port, ...] = ()
    changes: tuple[str, ...] = ()

    def spell(self) -> str:
        return f"para({self.term!r}, params={self.params!r}, changes={self.changes!r})"

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (self.term.arity[0] - len(self.params), self.term.arity[1] - len(self.changes))

    def inside(self, dom: Space) -> tuple[Term, Space]:
        return self.term, Space(p.array for p in self.params) @ dom

    def ports(self, dom: Space) -> tuple[Port, ...]:
        return self.params

    def type(self, dom: Space) -> Space:
        return Space(infer(*self.inside(dom)).arrays[len(self.changes) :])

    def _sides(self, p: Side) -> list[Any]:
        return [pick(p.params if q.kind == "param" else p.states, q.name.split(".")) for q in self.params]

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        ys, states = evaluate(cx.inner, p, [*self._sides(p), *xs], cx.env)
        k = len(self.changes)
        out = [cx.rule.unbatch(y, y.ndim - a.rank) for y, a in zip(ys[:k], cx.inner.cod.arrays[:k], strict=True)]
        return tuple(ys[k:]), states | nest([tuple(name.split(".")) for name in self.changes], out)

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        ys, states, tape = forward(cx.inner, p, [*self._sides(p), *xs], cx.env)
        k = len(self.changes)
        out = [cx.rule.unbatch(y, y.ndim - a.rank) for y, a in zip(ys[:k], cx.inner.cod.arrays[:k], strict=True)]
        return tuple(ys[k:]), states | nest([tuple(name.split(".")) for name in self.changes], out), tape

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        messages = [None] * len(self.changes) + list(ds)
        changes, dxs = backward(cx.inner, p, kept, messages, cx.env)
        n = len(self.params)
        mine = [
            (tuple(q.name.split(".")), d if d is None else cx.rule.unbatch(d, d.ndim - q.array.rank))
            for q, d in zip(self.params, dxs[:n], strict=True)
            if q.kind == "param"
        ]
        return changes | nest([path for path, _ in mine], [d for _, d in mine]), dxs[n:]


def para(term: Term, params: Sequence[Port] = (), changes: Sequence[str] = ()) -> Term:
    """The parametrised map whose side wires are the first inputs (and outputs) of a plain one."""
    if len(params) > term.arity[0] or len(changes) > term.arity[1]:
        raise ArityError(explain(f"para of {term!r}", because=f"{len(params)} ports and arity {term.arity}"))
    return Para(plain(term), tuple(params), tuple(changes))


def reparametrise(term: Term, along: Term, params: Sequence[Port]) -> Term:
    """f^r: the parametrised map f with its parameters computed by `along`: Q -> P from ports of Q."""
    exposed = expose(term)
    if along.arity != (len(params), len(exposed.params)):
        raise SpaceError(explain("reparametrise", expected=f"a term from {len(params)} wires to {exposed.params!r}"))
    return para(tensor(along, Identity(term.arity[0])) >> exposed, params)
