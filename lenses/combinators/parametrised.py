"""Parametrised maps: `expose(f)`: P @ A -> B with parameters as wires, and `para`, the Para construction, back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import jax

from ..arguments import refuse
from ..boxes.linear import dense, matmul
from ..boxes.lookup import embedding
from ..boxes.normalisation import batch_norm
from ..boxes.pointwise import multiply, tanh
from ..boxes.structure import copy
from ..errors import ArityError, explain
from ..interpret import (
    Cx,
    Side,
    backward,
    backward_whole,
    batch_ranks,
    broadcast,
    close,
    evaluate,
    forward,
)
from ..opaque import Residual, analytic
from ..spaces import Index, Real, Space
from ..terms import Box, Identity, Port, Term, check_terms, tensor
from ..trees import Tree, leaves, nest, pick, whole
from ..typed import Circuit, Typed, as_typed, infer, plain
from .parts import Composite, tied


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

    @cached_property
    def _paths(self) -> list[tuple[tuple[str, ...], Port]]:
        circuit = self.term.circuit
        return list(leaves(whole(circuit)))

    @cached_property
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

    @classmethod
    def examples(cls) -> Sequence[Term]:
        twice = tied("shared", dense(2)) >> tanh >> tied("shared", dense(2))
        real = [expose(t, Real(2)) for t in (tanh, dense(3), dense(2), twice)]
        exposed = [*real, expose(embedding(2), Index(3, below=2)), expose(batch_norm(training=False), Real(2, 3))]
        return [f.at(f.params @ f.term.dom) for f in exposed]

    def open_side(self, p: Side, values: Sequence[Any]) -> Side:
        """The side of the term inside, its parameters being these values of the wires of P."""
        tree = nest([path for path, _ in self._paths], values)
        shared = {name: tree.pop(name) for name in self.term.circuit.tied}
        return Side(tree, p.states, p.key, shared)

    def _batched(self, cx: Cx, xs: Sequence[Any]) -> tuple[int, ...] | None:
        """The batch axes of the wires if a parameter has any, so that each example has its own."""
        if cx.env.points:
            return None
        had = batch_ranks(self.params @ self.term.dom, xs)
        return had if any(had[: len(self._paths)]) else None

    def reverse_term(self, dom: Space) -> Term | None:
        if analytic((*dom, *self.term.cod)):
            return None
        from ..reverse import reverse

        return reverse(self, dom).term

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        n = len(self._paths)
        had = self._batched(cx, xs)
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
        if self._batched(cx, xs) is not None:
            return Box.forward(self, cx, p, xs)
        rule = cx.env.model
        ys, states, tape = forward(cx.inner, self.open_side(p, xs[:n]), xs[n:], cx.separate(rule))
        return tuple(ys), states, (list(xs[:n]), ys if rule.keeps_outputs else None, tape)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        if isinstance(kept, Residual):
            return Box.backward(self, cx, p, kept, ds)
        values, outputs, tape = kept
        side, rule = self.open_side(p, values), cx.env.model
        if rule is cx.rule:  # messages go in and out as they are
            changes, dxs = backward_whole(cx.inner, side, tape, ds, cx.separate())
            weights = [rule.start(v, pick(changes, path)) for v, (path, _) in zip(values, self._paths, strict=True)]
            return {}, [*weights, *dxs]
        changes, dxs = close(cx.inner, side, tape, outputs, ds, cx.separate(rule))
        return {}, [*(pick(changes, path) for path, _ in self._paths), *dxs]


def expose(term: Term, space: Space | None = None) -> Expose:
    """The underlying map P @ A -> B of a typed term, its parameters as plain wires in front."""
    exposed = Expose(as_typed(term, space, "expose"))
    _ = exposed.arity  # lays the parameters out, so that those that clash are refused here
    return exposed


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

    @classmethod
    def examples(cls) -> Sequence[Term]:
        gain, matrix = Port("gain", "param", Real(2)[0], "ones"), Port("matrix", "param", Real(2, 3)[0], "normal:1")
        return [
            para(tanh).at(Real(2)),
            *(para(matmul, [matrix]).at(x) for x in (Real(3, 1), Real(3, 3))),
            *(para(multiply >> copy, [gain], changes).at(Real(2)) for changes in ([], ["seen"])),
        ]

    def _sides(self, p: Side) -> list[Any]:
        return [pick(p.params if q.kind == "param" else p.states, q.name.split(".")) for q in self.params]

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        ys, states = evaluate(cx.inner, p, [*self._sides(p), *xs], cx.env)
        k = len(self.changes)
        out = [cx.rule.unbatch(a, y, y.ndim - a.rank) for y, a in zip(ys[:k], cx.inner.cod.arrays[:k], strict=True)]
        return tuple(ys[k:]), states | nest([tuple(name.split(".")) for name in self.changes], out)

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        ys, states, tape = forward(cx.inner, p, [*self._sides(p), *xs], cx.env)
        k = len(self.changes)
        out = [cx.rule.unbatch(a, y, y.ndim - a.rank) for y, a in zip(ys[:k], cx.inner.cod.arrays[:k], strict=True)]
        return tuple(ys[k:]), states | nest([tuple(name.split(".")) for name in self.changes], out), tape

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        messages = [None] * len(self.changes) + list(ds)
        changes, dxs = backward(cx.inner, p, kept, messages, cx.env)
        n = len(self.params)
        mine = [
            (tuple(q.name.split(".")), d if d is None else cx.rule.unbatch(q.array, d, d.ndim - q.array.rank))
            for q, d in zip(self.params, dxs[:n], strict=True)
            if q.kind == "param"
        ]
        return changes | nest([path for path, _ in mine], [d for _, d in mine]), dxs[n:]


def para(term: Term, params: Sequence[Port] = (), changes: Sequence[str] = ()) -> Term:
    """The parametrised map whose side wires are the first inputs (and outputs) of a plain one."""
    check_terms("given to para", [term])
    ports, names = _ports("para", params), changes
    if not isinstance(names, tuple | list):
        refuse("para", "changes", names, "a list of names")
    for name in names:
        if not isinstance(name, str) or not all(name.split(".")):
            refuse("para", "a change", name, "a name, its steps separated by dots")
    for came in ([port.name for port in ports], names):
        if _clash(came):
            refuse("para", "the list of names", came, "names of which none is another, or the path to another")
    if len(ports) > term.arity[0] or len(names) > term.arity[1]:
        raise ArityError(
            explain(
                f"para of {term!r}",
                because=f"{len(ports)} ports, {len(names)} changes and arity {term.arity}",
                ports=[port.name for port in ports],
                changes=names,
            )
        )
    return Para(plain(term), tuple(ports), tuple(names))


def _ports(call: str, params: Any) -> Sequence[Port]:
    """The ports in a sequence of nothing but ports that a plain wire can take the place of."""
    if not isinstance(params, tuple | list):
        refuse(call, "params", params, "a list of ports")
    for port in params:
        if not isinstance(port, Port) or port.kind == "key":
            refuse(call, "a port", port, "a Port of kind 'param' or 'state'", "draw random numbers in a box")
    return params


def _clash(names: Sequence[str]) -> bool:
    """Whether a name stands twice, or is the path to another."""
    paths = sorted(f"{name}." for name in names)
    return any(after.startswith(before) for before, after in pairwise(paths))


def reparametrise(term: Term, along: Term, params: Sequence[Port]) -> Term:
    """f^r: the parametrised map f with its parameters computed by `along`: Q -> P from ports of Q."""
    check_terms("given to reparametrise", [term, along])
    exposed = expose(as_typed(term, None, "reparametrise"))
    params = _ports("reparametrise", params)
    if along.arity != (len(params), len(exposed.params)):
        raise ArityError(
            explain(
                f"reparametrise: {along!r} has arity {along.arity}",
                expected=f"a term from {len(params)} wires, one a port, to the parameters {exposed.params!r}",
                of=term,
            )
        )
    return para(tensor(along, Identity(term.arity[0])) >> exposed, params)
