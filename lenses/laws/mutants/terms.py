"""Mistakes in the reverse derivative as a term, made by changing that term."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lenses

from ...boxes.linear import Scale
from ...boxes.pointwise import Relu
from ...boxes.rearrange import Split
from ...boxes.reductions import Reduce
from ...boxes.structure import Add, Copy, Discard, Zero
from ...functor import Functor
from ...reverse import Reverse, reverse
from ...terms import Term, compose, identity, permute, tensor
from ...typed import Typed
from ..maps import Derivative
from .meeting import HALF_USED, TWICE
from .mutant import ANY, MUTANTS, Mutant, V


def term(name: str, says: str, change: Callable[[Typed], Typed], *sites: Typed, touches: Any = ()) -> None:
    """Registers a mutant of the derivative as a term, made by changing that term."""

    def of(f: Typed) -> Typed:
        return change(reverse(f))

    MUTANTS.append(Mutant(name, says, "term", Derivative(f"reverse, {name}", of), sites, touches))


def _swapping(clauses: Any) -> Callable[[Typed], Typed]:
    return lambda r: Typed(Functor(clauses)(r.term), r.dom)


def _outs_swapped(r: Typed) -> Typed:
    pairs = [(i, j) for i in range(len(r.cod)) for j in range(i) if r.cod[i] == r.cod[j]]
    if not pairs:
        return r
    order = list(range(len(r.cod)))
    i, j = pairs[0]
    order[i], order[j] = order[j], order[i]
    return Typed(r.term >> permute(*order), r.dom)


def _firsts(n: int) -> Term:
    return tensor(identity, *[lenses.discard] * (n - 1))


RESIDUAL = compose(lenses.copy, tensor(identity, lenses.tanh), lenses.add).at(V)
term(
    "term: sums keep the first",
    "of several changes the first is taken",
    _swapping({Add: lambda b: _firsts(b.terms)}),
    TWICE,
    RESIDUAL,
    touches=(Copy,),
)
term(
    "term: sums averaged",
    "several changes are averaged",
    _swapping({Add: lambda b: b >> lenses.scale(1 / b.terms)}),
    TWICE,
    RESIDUAL,
    touches=(Copy,),
)
term(
    "term: factors ignored",
    "numbers that changes are multiplied by are left out",
    _swapping({Scale: lambda b: identity}),
    lenses.square.at(V),
    lenses.scale(0.5).at(V),
)
term(
    "term: first factor",
    "of a product the first factor is taken",
    _swapping({lenses.multiply: lambda b: _firsts(2)}),
    lenses.tanh.at(V),
    lenses.multiply.at(V, V),
    touches=(lenses.multiply, lenses.tanh, lenses.sin),
)
term(
    "term: outputs swapped",
    "two changes of one space are swapped",
    _outs_swapped,
    lenses.multiply.at(V, V),
    lenses.subtract.at(V, V),
)
term(
    "term: step reversed",
    "the step function is taken from the wrong side",
    _swapping({lenses.step: lambda b: lenses.scale(-1.0) >> b}),
    lenses.relu.at(V),
    touches=(Relu,),
)
term(
    "term: sine for cosine",
    "the derivative of the sine is the sine",
    _swapping({lenses.cos: lambda b: lenses.sin}),
    lenses.sin.at(V),
    touches=(lenses.sin,),
)
term(
    "term: opaque sign",
    "derivatives that are no terms of their own have the wrong sign",
    _swapping({Reverse: lambda b: b >> tensor(*[lenses.scale(-1.0)] * b.arity[1])}),
    lenses.gelu.at(V),
    lenses.logsumexp().at(V),
    touches=(lenses.gelu, Reduce),
)
term(
    "term: nothing",
    "all changes are 0",
    lambda r: Typed(r.term >> tensor(*[lenses.scale(0.0)] * len(r.cod)) if len(r.cod) else r.term, r.dom),
    *ANY,
)
term(
    "term: zero is one",
    "where nothing comes back, ones stand",
    _swapping({Zero: lambda b: b >> lenses.shift(1.0)}),
    HALF_USED,
    touches=(Discard, Split),
)
