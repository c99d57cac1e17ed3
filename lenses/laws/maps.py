"""How laws are written: plain maps that are applied to bundles of wires, as on paper.

``R(f)(a, R(g)(f(a), c))`` is a term: `Map` applies a typed term to bundles, a bundle is the wires of
a whole space, `+` adds bundles, and `Both(...)` traces the two sides of an equation. A parametrised
term becomes a plain map P @ A -> B before a law sees it (`expose`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import jax
import numpy as np

from ..boxes.structure import Add, Zero, discard
from ..errors import LensError, explain
from ..interpret import Cx, Env, Side, backward, close, forward, split_tied
from ..reverse import reverse
from ..rules.rule import Rule, backprop
from ..spaces import Space
from ..terms import Box, Identity, Term, compose
from ..trees import leaves, map_tree, nest, pick, whole
from ..typed import Circuit, Typed, elaborate
from ..wiring import Builder, Wire
from .reference import fixed_state


class Bundle(tuple[Wire, ...]):
    """The wires of a space, in a term that is being traced."""

    __slots__ = ()

    def __add__(self, other: Any) -> Bundle:  # type: ignore[override]
        """The sum, wire by wire; `both` puts bundles beside each other."""
        if len(self) != len(other):
            raise LensError(explain("bundles of different widths are added", left=len(self), right=len(other)))
        return Bundle(v.builder.apply(Add(2), (v, w))[0] for v, w in zip(self, other, strict=True))

    def first(self, space: Space) -> Bundle:
        """As many wires as the space has, from the front."""
        return Bundle(self[: len(space)])

    def last(self, space: Space) -> Bundle:
        """As many wires as the space has, from the back."""
        return Bundle(self[len(self) - len(space) :])


def both(*bundles: Sequence[Wire]) -> Bundle:
    """Bundles beside each other."""
    return Bundle(w for b in bundles for w in b)


@dataclass(frozen=True)
class Map:
    """A typed term without parameters as a function of bundles."""

    term: Typed

    @property
    def dom(self) -> Space:
        """The domain."""
        return self.term.dom

    @property
    def cod(self) -> Space:
        """The codomain."""
        return self.term.cod

    def __call__(self, *bundles: Sequence[Wire]) -> Bundle:
        wires = both(*bundles)
        builder = wires[0].builder if wires else _builder()
        return Bundle(builder.apply(self.term.term, wires))

    def __rshift__(self, other: Map) -> Map:
        return Map(Typed(self.term.term >> other.term.term, self.dom))

    def __matmul__(self, other: Map) -> Map:
        return Map(Typed(self.term.term @ other.term.term, self.dom @ other.dom))

    def __add__(self, other: Map) -> Map:
        return drawn(lambda a: self(a) + other(a), self.dom)

    def __repr__(self) -> str:
        return repr(self.term)


def identity_on(space: Space) -> Map:
    """The identity of a space."""
    return Map(Typed(Identity(len(space)), space))


def zeros(space: Space) -> Bundle:
    """The zero of a space of changes, inside a tracing function."""
    return Bundle(w for a in space for w in _builder().apply(Zero(Space([a])), ()))


def no_wires() -> Bundle:
    """The bundle of the empty space."""
    return Bundle()


def end(*bundles: Sequence[Wire]) -> Bundle:
    """Discards the bundles in so many words."""
    for w in both(*bundles):
        w.builder.apply(discard, (w,))
    return Bundle()


_builders: list[Builder] = []


def _builder() -> Builder:
    return _builders[-1]


def drawn(f: Callable[..., Sequence[Wire]], *spaces: Space, prune: bool = False) -> Map:
    """The map that a function of bundles describes, a bundle a space. Wires that it does not use are discarded."""
    builder = Builder(sum(map(len, spaces)))
    wires = builder.wires()
    bundles, at = [], 0
    for space in spaces:
        bundles.append(Bundle(wires[at : at + len(space)]))
        at += len(space)
    _builders.append(builder)
    try:
        out = f(*bundles)
    finally:
        _builders.pop()
    return Map(Typed(builder.term(out, prune), Space(a for s in spaces for a in s)))


@dataclass(frozen=True)
class Equation:
    """Two maps that a law says are equal."""

    left: Map
    right: Map


def equal(left: Callable[..., Any], right: Callable[..., Any], *spaces: Space) -> Equation:
    """The equation of two functions of bundles of these spaces."""
    return Equation(drawn(left, *spaces), drawn(right, *spaces))


# -- the reverse derivative under test -------------------------------------------------------


class Pass(Box):
    """What `Get` and `Put` share: a chain of terms, each passed on its own under one rule.

    A chain of several is the composite of their lenses, one term is the lens of the whole. P are the
    parameters of all, in the order of the chain.
    """

    passes: ClassVar[bool] = True
    terms: tuple[Term, ...]
    rule: Rule

    def spell(self) -> str:
        return f"{self.spelling}({', '.join(map(repr, self.terms))}, {self.rule!r})"

    @cached_property
    def chain(self) -> list[Typed]:
        """The terms, typed."""
        return [t for t in self.terms if isinstance(t, Typed)]

    @cached_property
    def ends(self) -> tuple[Space, Space]:
        """A and B."""
        return self.chain[0].dom, self.chain[-1].cod

    @cached_property
    def params(self) -> Space:
        """P."""
        return Space(port.array for t in self.chain for _, port in leaves(whole(t.circuit)))

    def check(self, dom: Space, expected: Space) -> None:
        """Refuses any domain but the one of the chain."""
        for i, (came, wanted) in enumerate(zip(dom, expected, strict=True)):
            if came != wanted:
                self.fail(i, wanted, came)

    def begin(self, cx: Cx, xs: Sequence[Any]) -> Passed:
        """The forward passes of the chain, one after the other."""
        whole_chain = compose(*self.chain)
        assert isinstance(whole_chain, Typed)
        rule = self.rule.bind(whole_chain)
        env = cx.env.anew(rule)
        adds = type(rule).ports is not Rule.ports  # the rule has states of its own
        graphs = [elaborate(t.term, t.dom, rule.ports) if adds else t.circuit for t in self.chain]
        wires, sides, tapes = iter(xs), [], []
        # One key for all, so that a whole and its parts draw alike.
        key = jax.random.key(0) if any(graph.keyed for graph in graphs) else None
        for graph in graphs:
            paths = [path for path, _ in leaves(whole(graph))]
            own, shared = split_tied(graph, nest(paths, [next(wires) for _ in paths]))
            states = env.spread(map_tree(fixed_state, graph.states))
            sides.append(Side(own, states, key if graph.keyed else None, shared))
        values = [next(wires) for _ in self.ends[0]]
        for graph, side in zip(graphs, sides, strict=True):
            values, _, tape = forward(graph, side, values, env)
            tapes.append(tape)
        return Passed(env, graphs, sides, tapes, values, list(wires))

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return self.run(cx, p, xs)[0]


@dataclass
class Passed:
    """What the forward passes of a chain leave: graphs, sides, tapes, the outputs, and the wires not yet used."""

    env: Env
    graphs: list[Circuit]
    sides: list[Side]
    tapes: list[Any]
    values: Any
    rest: list[Any]


class Get(Pass):
    """The forward half of the lens of a rule, P @ A -> B, as a box."""

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (len(self.params) + len(self.ends[0]), len(self.ends[1]))

    def type(self, dom: Space) -> Space:
        self.check(dom, self.params @ self.ends[0])
        return self.ends[1]

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        return tuple(self.begin(cx, xs).values), {}


class Put(Pass):
    """The backward half of the lens of a rule, P @ A @ B' -> P' @ A', as a box: forward, then backward."""

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        (dom, cod), params = self.ends, self.params
        return (len(params) + len(dom) + len(cod.change), len(params.change) + len(dom.change))

    def type(self, dom: Space) -> Space:
        start, finish = self.ends
        self.check(dom, self.params @ start @ finish.change)
        return self.params.change @ start.change

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        there = self.begin(cx, xs)
        rest = iter(there.rest)
        changes = [None if a.change is None else next(rest) for a in self.ends[1]]
        out = _backward(there, changes)
        zero = [
            there.env.spread(np.zeros(a.sizes, a.dtype)) if d is None else d
            for d, a in zip(out, self.type(cx.dom), strict=True)
        ]
        return tuple(zero), {}


def _backward(there: Passed, changes: Sequence[Any]) -> list[Any]:
    """The passes back through a chain, messages handed on as they are; what comes back on parameters and inputs."""
    env, graphs = there.env, there.graphs
    paths = [[path for path, _ in leaves(whole(graph))] for graph in graphs]
    if len(graphs) == 1:
        params, dxs = close(graphs[0], there.sides[0], there.tapes[0], there.values, changes, env)
        return [*(pick(params, path) for path in paths[0]), *_changing(dxs, graphs[0])]
    env.after = env.after | {"error": list(changes), "cod": graphs[-1].cod}
    messages = [None if d is None else env.rule.start(y, d) for y, d in zip(there.values, changes, strict=True)]
    found: list[list[Any]] = []
    for graph, side, tape, own in zip(graphs[::-1], there.sides[::-1], there.tapes[::-1], paths[::-1], strict=True):
        if graph.tied:
            raise LensError(explain("a chain of lenses with tied parameters", do="pass the whole as one term"))
        params, messages = backward(graph, side, tape, messages, env)
        found.insert(0, [_maybe(params, path) for path in own])
    dxs = [None if d is None else env.rule.finish(d) for d in messages]
    return [*(d for part in found for d in part), *_changing(dxs, graphs[0])]


def _maybe(tree: Any, path: Sequence[str]) -> Any:
    for step in path:
        tree = None if tree is None else tree.get(step)
    return tree


def _changing(dxs: Sequence[Any], graph: Circuit) -> list[Any]:
    return [d for d, a in zip(dxs, graph.dom, strict=True) if a.change is not None]


@dataclass(frozen=True)
class Derivative:
    """A reverse derivative under test: what sends a plain map A -> B to a map A @ B' -> A'."""

    name: str
    of: Callable[[Typed], Typed]
    rule: Rule = field(default=backprop)
    known: dict[Any, Map] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, f: Map) -> Map:
        key = (f.term, f.term.dom.names)
        found = self.known.get(key)
        if found is None:
            if len(self.known) > 2000:
                self.known.clear()
            found = self.known[key] = Map(self.of(f.term))
        return found

    def forward(self, f: Map) -> Map:
        """D[f]: A @ A' -> B', the part of R[R[f]](a, 0, v) on B'."""
        rr = self(self(f))
        change = f.cod.change
        return drawn(lambda a, v: rr(a, zeros(change), v).last(change.change), f.dom, f.dom.change, prune=True)

    def get(self, f: Map) -> Map:
        """The forward half of the lens."""
        return Map(Typed(Get((f.term,), self.rule), f.dom))

    def chain(self, *maps: Map) -> Map:
        """The put of the composite of the lenses of a chain, each passed on its own."""
        first, last = maps[0], maps[-1]
        return Map(Typed(Put(tuple(f.term for f in maps), self.rule), first.dom @ last.cod.change))


def lens(rule: Rule = backprop) -> Derivative:
    """The backward half of the lens that a rule makes of a term: what learners run."""

    def of(term: Typed) -> Typed:
        return Typed(Put((term,), rule), term.dom @ term.cod.change)

    return Derivative(f"the lens of {rule!r}", of, rule)


terms = Derivative("reverse", reverse)
"""The reverse derivative as a term: what is drawn, costed and differentiated again."""
