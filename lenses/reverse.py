"""The reverse derivative and the tangent functor, as maps from terms to terms.

R[f]: A @ B' -> A' (Cockett et al. 2019) and T[f]: A @ A' -> B @ B'. Both run through the wiring
graph with symbolic wires: forward, each box is applied to its inputs; backward, its reverse term is
applied to those inputs and to the changes of its outputs. So the result is a term of the same
language, and can be typed, compiled, costed, drawn and differentiated again.

A box without a reverse (tangent) term of its own becomes an opaque box that means `jax.vjp`
(`jax.jvp`) of its meaning; these too can be differentiated again. Parameters come from the side as
they did, under the same names, and their changes leave to the side under those names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from .boxes.linear import dense
from .boxes.lookup import embedding
from .boxes.normalisation import rms_norm
from .boxes.pointwise import gelu, maximum
from .boxes.structure import Add, Copy, Discard, Zero, zero
from .combinators import Block, Composite, Coupling, Expose, Para, Tied, expose, para
from .errors import LensError, explain
from .interpret import Cx, Evened, Side, batch_ranks, broadcast, evaluate
from .opaque import analytic, without_reverse
from .spaces import Array, Index, Real, Space
from .syntax import shorten
from .terms import Box, Term
from .trees import leaves, nest, pick, whole
from .typed import Cell, Circuit, Typed, as_typed
from .wiring import Builder, Wire, trace

INLINE = (Block, Tied, Coupling, Expose, Para)
"""Boxes whose inner term is differentiated in place; loops are differentiated as one opaque box."""


class Derivative(Composite):
    """What `Reverse` and `Tangent` share: the exposed box whose derivative they are.

    Where the parameters have no batch axes and the other wires do, their changes are summed over
    them, as `jax.vjp` does.
    """

    levels: ClassVar[bool] = False
    term: Term

    @property
    def exposed(self) -> Typed:
        """The box with its parameters as wires, P @ A -> B, typed."""
        assert isinstance(self.term, Typed)
        return self.term

    def spell(self) -> str:
        return f"{self.spelling}({self.term!r})"

    def flops(self, dom: Space) -> int:
        from .cost import flops

        return 2 * flops(self.exposed.term, self.exposed.dom)

    def inside(self, dom: Space) -> tuple[Term, Space]:
        return self.exposed.term, self.exposed.dom

    def _check(self, dom: Space, expected: Space) -> None:
        for i, (came, wanted) in enumerate(zip(dom, expected, strict=True)):
            if came != wanted:
                self.fail(i, wanted, came)

    @property
    def weights(self) -> int:
        """How many of the exposed box's inputs are parameters."""
        return len(self.exposed.term.params) if isinstance(self.exposed.term, Expose) else 0

    def _split(self, cx: Cx, xs: Sequence[Any], held: Sequence[int]) -> tuple[list[Any], list[Any]]:
        """Inputs of the box and changes; all but the wires `held` with common batch axes."""
        free = [i for i in range(len(xs)) if i not in held]
        wires = [xs[i] for i in free]
        even = dict(zip(free, broadcast(batch_ranks([cx.dom[i] for i in free], wires), wires), strict=True))
        every = [even.get(i, x) for i, x in enumerate(xs)]
        n = len(self.exposed.dom)
        return every[:n], every[n:]

    def _function(self, cx: Cx, xs: Sequence[Any]) -> tuple[Any, list[Any]]:
        """The box as a function of its real inputs alone, with its real outputs alone; and those inputs."""
        dom, cod = self.exposed.dom, self.exposed.cod
        real = [i for i, a in enumerate(dom) if a.change is not None]

        def f(*moving: Any) -> Any:
            inputs = list(xs)
            for i, x in zip(real, moving, strict=True):
                inputs[i] = x
            ys, _ = evaluate(cx.inner, Side(), inputs, cx.env)
            return [y for y, a in zip(ys, cod, strict=True) if a.change is not None]

        return f, [xs[i] for i in real]

    # The meaning is a derivative of the inner term's, not the inner term's own, so the lens is the
    # one that jax makes of it.
    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        ys, states, kept = Box.forward(self, cx, p, xs)
        return ys, states, Evened(kept, batch_ranks(cx.cod, ys))

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        # Changes of parameters have no batch axes, and messages to them that were filled in may have.
        had = zip(cx.cod, ds, batch_ranks(cx.cod, ds), kept.had, strict=True)
        return Box.backward(self, cx, p, kept.tape, [cx.rule.unbatch(a, d, n - own) for a, d, n, own in had])

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return Box.run(self, cx, p, xs)


def _exposed() -> list[Typed]:
    """Boxes of which a derivative is taken in the examples, with their parameters as wires."""
    plain = [gelu.at(Real(2, 3)), maximum.at(Real(2), Real(2))]
    models = expose(dense(3), Real(2)), expose(rms_norm(), Real(3, 3)), expose(embedding(2), Index(3, below=2))
    return [*plain, *(f.at(f.params @ f.term.dom) for f in models)]


class Reverse(Derivative):
    """R of a box, P @ A @ B' -> P' @ A', as `jax.vjp` of its meaning."""

    glyph: ClassVar[str] = "reverse"

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        f = self.exposed
        return (len(f.dom) + len(f.cod.change), len(f.dom.change))

    def type(self, dom: Space) -> Space:
        self._check(dom, self.exposed.dom @ self.exposed.cod.change)
        return self.exposed.dom.change

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [Reverse(f).at(f.dom @ f.cod.change) for f in _exposed()]

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        inputs, changes = self._split(cx, xs, range(self.weights))
        f, moving = self._function(cx, inputs)
        ys, pull = jax.vjp(f, *moving)
        return tuple(pull([jnp.broadcast_to(d, y.shape) for d, y in zip(changes, ys, strict=True)]))


class Tangent(Derivative):
    """The derivative of a box along a change of its inputs, P @ A @ P' @ A' -> B', as `jax.jvp` of its meaning."""

    glyph: ClassVar[str] = "tangent"

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        f = self.exposed
        return (len(f.dom) + len(f.dom.change), len(f.cod.change))

    def type(self, dom: Space) -> Space:
        self._check(dom, self.exposed.dom @ self.exposed.dom.change)
        return self.exposed.cod.change

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [Tangent(f).at(f.dom @ f.dom.change) for f in _exposed()]

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        n = len(self.exposed.dom)
        inputs, changes = self._split(cx, xs, [*range(self.weights), *range(n, n + self.weights)])
        f, moving = self._function(cx, inputs)
        return tuple(
            jax.jvp(f, moving, [jnp.broadcast_to(d, x.shape) for d, x in zip(changes, moving, strict=True)])[1]
        )


# -- terms for boxes -------------------------------------------------------------------------


def bare(cell: Cell) -> Term:
    """The cell's box with its parameters as plain wires."""
    return expose(Typed(cell.box, cell.dom)) if cell.inner is not None or cell.ports else cell.box


def reverse_of(cell: Cell) -> Term:
    """R of the cell's box, P @ A @ B' -> P' @ A': its own term, or else the opaque one."""
    own = cell.box.reverse_term(cell.dom)
    if own is not None:
        return own
    exposed = Typed(bare(cell), _exposed_dom(cell))
    return Reverse(exposed) if analytic((*exposed.dom, *exposed.cod)) else without_reverse(cell.box, cell.dom)


def tangent_of(cell: Cell) -> Term:
    """The derivative of the cell's box along a change, P @ A @ P' @ A' -> B'.

    Over a base that JAX does not differentiate it is the part of R[R[f]](a, 0, v) on B'.
    """
    exposed = Typed(bare(cell), _exposed_dom(cell))
    if analytic((*exposed.dom, *exposed.cod)):
        return Tangent(exposed)
    twice = reverse(reverse(exposed))
    zeros, into = zero(exposed.cod.change), len(exposed.dom)

    def along(*wires: Wire) -> Any:
        out = twice(*wires[:into], *zeros() if len(exposed.cod.change) > 1 else [zeros()], *wires[into:])
        back = out if isinstance(out, tuple) else (out,)
        return back[len(back) - len(exposed.cod.change) :]

    return trace(along, into + len(exposed.dom.change), prune=True)


def _exposed_dom(cell: Cell) -> Space:
    term = bare(cell)
    return (term.params if isinstance(term, Expose) else Space()) @ cell.dom


# -- the forward pass on wires ---------------------------------------------------------------


class Trace:
    """A forward pass on symbolic wires: what each cell was applied to, for the pass back."""

    def __init__(
        self, builder: Builder, circuit: Circuit, params: dict[str, Any], shared: dict[str, Any], xs: Sequence[Wire]
    ):
        self.builder, self.circuit, self.params, self.shared = builder, circuit, params, shared
        self.ins: list[Sequence[Wire]] = []
        self.weights: list[list[Wire]] = []
        self.inner: list[Trace | None] = []
        carried: dict[int, Wire] = dict(enumerate(xs))
        for cell in circuit.cells:
            ins = [carried[w] for w in cell.ins]
            self.ins.append(ins)
            for w, wire in zip(cell.outs, self._apply(cell, ins), strict=True):
                carried[w] = wire
        self.outs = [carried[w] for w in circuit.outs]

    def _apply(self, cell: Cell, ins: Sequence[Wire]) -> Sequence[Wire]:
        own = self.own(cell)
        if cell.inner is not None and isinstance(cell.box, INLINE):
            params, shared, xs, skip = self.open(cell, own, ins)
            inner = Trace(self.builder, cell.inner, params, shared, xs)
            self.inner.append(inner)
            self.weights.append([])
            return inner.outs[skip:]
        weights = [pick({**own, **self.shared}, path) for path, _ in leaves(_tree(cell))]
        self.inner.append(None)
        self.weights.append(weights)
        return self.builder.apply(bare(cell), [*weights, *ins])

    def own(self, cell: Cell) -> dict[str, Any]:
        """The wires of a cell's own parameters."""
        return self.params if cell.whole else self.params.get(cell.name, {})

    def open(self, cell: Cell, own: Any, ins: Sequence[Wire]) -> tuple[Any, Any, Sequence[Wire], int]:
        """Parameters, shared ones and inputs of the term inside, and how many of its outputs leave to the side."""
        box = cell.box
        if isinstance(box, Tied):
            return self.shared.get(box.name, {}), self.shared, ins, 0
        if isinstance(box, Expose):
            n = len(ins) - len(box.term.dom)
            tree = nest([path for path, _ in leaves(whole(box.term.circuit))], ins[:n])
            shared = {name: tree.pop(name) for name in box.term.circuit.tied}
            return tree, shared, ins[n:], 0
        if isinstance(box, Para):
            sides = [pick(own, port.name.split(".")) for port in box.params]
            return own, self.shared, [*sides, *ins], len(box.changes)
        return own, self.shared, ins, 0


def _tree(cell: Cell) -> dict[str, Any]:
    """The parameters of a cell that is not opened, under the names by which the pass knows them."""
    if cell.inner is None:
        return {port.name: port for port in cell.ports if port.kind == "param"}
    circuit = Typed(cell.box, cell.dom).circuit
    own = next(iter(circuit.params.values()), {})
    return circuit.tied | own


# -- the backward pass on wires --------------------------------------------------------------


class Uses:
    """Changes of parameters, one list of wires a path; their sum is the change of the parameter."""

    def __init__(self, builder: Builder):
        self.builder = builder
        self.found: dict[int, list[Wire]] = {}

    def add(self, weight: Wire, change: Wire) -> None:
        """Records a change of the parameter that the wire `weight` carries."""
        self.found.setdefault(weight.number, []).append(change)

    def total(self, weight: Wire, array: Array) -> Wire:
        """The change of a parameter: the sum over its uses, or zero."""
        return total(self.builder, self.found.get(weight.number, []), array)


def total(builder: Builder, wires: Sequence[Wire], array: Array) -> Wire:
    """The sum of wires that carry changes of `array`."""
    if not wires:
        change = array.change
        assert change is not None
        return builder.apply(Zero(Space([change])), [])[0]
    return wires[0] if len(wires) == 1 else builder.apply(Add(len(wires)), wires)[0]


def pull_back(trace: Trace, messages: Sequence[Wire | None], uses: Uses) -> list[Wire | None]:
    """The changes of the inputs of a traced graph, None where nothing comes back."""
    circuit = trace.circuit
    carried: dict[int, Wire | None] = dict(zip(circuit.outs, messages, strict=True))
    for cell in reversed(circuit.cells):
        ds = [carried.get(w) for w in cell.outs]
        back = _pull_cell(trace, cell, ds, uses) if any(d is not None for d in ds) else [None] * len(cell.ins)
        for w, d in zip(cell.ins, back, strict=True):
            carried[w] = d
    return [carried.get(w) for w in range(len(circuit.dom))]


def _pull_cell(trace: Trace, cell: Cell, ds: Sequence[Wire | None], uses: Uses) -> Sequence[Wire | None]:
    builder, box = trace.builder, cell.box
    inner = trace.inner[cell.index]
    ins = trace.ins[cell.index]
    if inner is not None:
        skip = len(box.changes) if isinstance(box, Para) else 0
        back = pull_back(inner, [None] * skip + list(ds), uses)
        if isinstance(box, Expose):
            weights = ins[: len(ins) - len(back)]
            return [
                total(builder, uses.found.pop(w.number, []), a) for w, a in zip(weights, cell.dom, strict=False)
            ] + back
        if isinstance(box, Para):
            sides = trace.open(cell, trace.own(cell), ins)[2][: len(box.params)]
            for weight, d in zip(sides, back, strict=False):
                if d is not None:
                    uses.add(weight, d)
            return back[len(box.params) :]
        return back
    if isinstance(box, Copy):
        some = [d for d in ds if d is not None]
        return [total(builder, some, cell.dom[0])]
    if isinstance(box, Discard):
        return [None]
    weights = trace.weights[cell.index]
    changes = [
        total(builder, [] if d is None else [d], a) for d, a in zip(ds, cell.cod, strict=True) if a.change is not None
    ]
    back = builder.inline(reverse_of(cell), [*weights, *ins, *changes])
    for weight, d in zip(weights, back, strict=False):
        uses.add(weight, d)
    rest = iter(back[len(weights) :])
    return [None if a.change is None else next(rest) for a in cell.dom]


# -- the functors ----------------------------------------------------------------------------


def prepared(term: Term, space: Space | None, what: str) -> tuple[Typed, list[tuple[tuple[str, ...], Any]]]:
    """The term, typed, and its parameters by their paths; LensError for one with states or random keys."""
    typed = as_typed(term, space, what)
    circuit = typed.circuit
    if circuit.states or circuit.keyed:
        cell = next(c for c in circuit.cells if c.keyed or c.name in circuit.states)
        raise LensError(
            explain(f"{what} of a box with states or random keys", box=shorten(cell.box),
                    do="take inference(term), or compile(term).vjp, which runs it")
        )  # fmt: skip
    return typed, list(leaves(whole(circuit)))


def _begin(builder: Builder, typed: Typed, paths: Sequence[Any]) -> tuple[Trace, list[Wire], list[Wire]]:
    wires = builder.wires()
    n = len(paths)
    tree = nest([path for path, _ in paths], wires[:n])
    shared = {name: tree.pop(name) for name in typed.circuit.tied}
    return (
        Trace(builder, typed.circuit, tree, shared, wires[n : n + len(typed.dom)]),
        wires[:n],
        wires[n + len(typed.dom) :],
    )


def reverse(term: Term, space: Space | None = None) -> Typed:
    """R[f]: A @ B' -> A', the reverse derivative of a typed term, with P in and P' out on the side.

    Arrays that cannot change (indices) are left out of A' and B'. Compiled, it returns
    ``(dx, dparams)`` where the term has parameters, summed over batch axes. Raises SpaceError for
    an untyped term, LensError for a term with states or random keys.
    """
    typed, paths = prepared(term, space, "reverse")
    changes = typed.cod.change
    builder = Builder(len(paths) + len(typed.dom) + len(changes))
    trace, weights, incoming = _begin(builder, typed, paths)
    ds = iter(incoming)
    uses = Uses(builder)
    back = pull_back(trace, [None if a.change is None else next(ds) for a in typed.cod], uses)
    to_params = [uses.total(w, port.array) for w, (_, port) in zip(weights, paths, strict=True)]
    to_inputs = [total(builder, [] if d is None else [d], a) for d, a in zip(back, typed.dom, strict=True) if a.change]
    return _close(builder.term([*to_params, *to_inputs], prune=True), paths, typed.dom @ changes, True)


def _close(term: Term, paths: Sequence[Any], dom: Space, changes: bool) -> Typed:
    if not paths:
        return Typed(term, dom)
    names = [".".join(path) for path, _ in paths]
    ports = [_renamed(port, name) for (_, port), name in zip(paths, names, strict=True)]
    return Typed(para(term, ports, names if changes else []), dom)


def _renamed(port: Any, name: str) -> Any:
    import dataclasses

    return dataclasses.replace(port, name=name)


def tangent(term: Term, space: Space | None = None) -> Typed:
    """T[f]: A @ A' -> B @ B', values beside changes, a functor: T[f >> g] = T[f] >> T[g].

    Parameters come from the side and are held fixed; take ``tangent(expose(f))`` to move them too.
    Raises SpaceError for an untyped term, LensError for a term with states or random keys.
    """
    typed, paths = prepared(term, space, "tangent")
    builder = Builder(len(paths) + len(typed.dom) + len(typed.dom.change))
    trace, _, incoming = _begin(builder, typed, paths)
    ds = iter(incoming)
    moved = _push(trace, [None if a.change is None else next(ds) for a in typed.dom], {})
    out = [total(builder, [] if d is None else [d], a) for d, a in zip(moved, typed.cod, strict=True) if a.change]
    return _close(builder.term([*trace.outs, *out], prune=True), paths, typed.dom @ typed.dom.change, False)


def _push(trace: Trace, messages: Sequence[Wire | None], moving: dict[int, Wire]) -> list[Wire | None]:
    """The changes of the outputs of a traced graph; `moving` has those of parameters, by wire."""
    carried: dict[int, Wire | None] = dict(enumerate(messages))
    for cell in trace.circuit.cells:
        ds = [carried.get(w) for w in cell.ins]
        for w, d in zip(cell.outs, _push_cell(trace, cell, ds, moving), strict=True):
            carried[w] = d
    return [carried.get(w) for w in trace.circuit.outs]


def _push_cell(trace: Trace, cell: Cell, ds: Sequence[Wire | None], moving: dict[int, Wire]) -> Sequence[Wire | None]:
    builder, box, inner = trace.builder, cell.box, trace.inner[cell.index]
    ins, weights = trace.ins[cell.index], trace.weights[cell.index]
    if isinstance(box, Copy):
        return [ds[0]] * box.times
    if inner is not None:
        if isinstance(box, Expose):
            n = len(ins) - len(box.term.dom)
            moving = moving | {w.number: d for w, d in zip(ins, ds[:n], strict=False) if d is not None}
            return _push(inner, ds[n:], moving)
        if isinstance(box, Para):
            sides = trace.open(cell, trace.own(cell), ins)[2][: len(box.params)]
            return _push(inner, [*(moving.get(w.number) for w in sides), *ds], moving)[len(box.changes) :]
        return _push(inner, ds, moving)
    held = [moving.get(w.number) for w in weights]
    if all(d is None for d in [*held, *ds]):
        return [None] * len(cell.outs)
    changes = [total(builder, [] if d is None else [d], a) for d, a in zip(ds, cell.dom, strict=True) if a.change]
    if box.linear and len(changes) == len(cell.dom) and not weights and cell.inner is None:
        return list(builder.apply(box, changes))
    ports = [port.array for _, port in leaves(_tree(cell))]
    with_weights = [total(builder, [] if d is None else [d], a) for d, a in zip(held, ports, strict=True)]
    moved = iter(builder.apply(tangent_of(cell), [*weights, *ins, *with_weights, *changes]))
    return [None if a.change is None else next(moved) for a in cell.cod]
