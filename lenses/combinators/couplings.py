"""`coupling(f, g)`: the invertible pair that reversible networks are made of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ..boxes.linear import dense
from ..boxes.pointwise import tanh
from ..boxes.structure import add, copy
from ..errors import ArityError, explain
from ..spaces import Real
from ..terms import Term, check_terms, compose, identity
from ..typed import plain
from .parts import Block, Composite


class Coupling(Composite):
    """y1 = x1 + f(x2), y2 = x2 + g(y1): invertible whatever f and g are (Dinh et al. 2014; Gomez et al. 2017)."""

    f: Term
    g: Term

    @classmethod
    def examples(cls) -> Sequence[Term]:
        even, uneven = coupling(tanh, dense(2)), coupling(dense(2) >> tanh, dense(3))
        return [even.at(Real(2), Real(2)), uneven.at(Real(1, 2), Real(1, 3))]

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
    check_terms("given to coupling", (f, g))
    for name, t in (("f", f), ("g", g)):
        if t.arity != (1, 1):
            raise ArityError(explain(f"coupling: {name} has arity {t.arity}", term=t, expected=(1, 1)))
    return Coupling(plain(f), plain(g))
