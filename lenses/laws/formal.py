"""The formal derivative of polynomials over a finite ring, from outside: over whole numbers, by jax, then modulo n.

A term over residues means a polynomial with whole coefficients taken modulo n, and taking remainders
is a homomorphism. So the same boxes are run on real numbers that are whole, `jax.vjp` differentiates
them there, and the result is reduced: R of the polynomial, which its values alone do not determine.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..interpret import Cx, Side, evaluate
from ..spaces import Array, RealElement, ResidueElement, Space
from ..terms import Box
from ..typed import Typed
from .rewrite import rewrite


def over_reals(term: Typed) -> Typed:
    """The term with real numbers in the place of residues."""

    def array(a: Array) -> Array:
        return Array(a.sizes, a.names, RealElement("float64")) if isinstance(a.element, ResidueElement) else a

    return rewrite(term, array)


class FormalReverse(Box):
    """R of a term over residues, A @ B' -> A', as the derivative of its polynomial."""

    levels: ClassVar[bool] = False
    term: Typed

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (len(self.term.dom) + len(self.term.cod.change), len(self.term.dom.change))

    def type(self, dom: Space) -> Space:
        for i, (came, wanted) in enumerate(zip(dom, self.term.dom @ self.term.cod.change, strict=True)):
            if came != wanted:
                self.fail(i, wanted, came)
        return self.term.dom.change

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        real = over_reals(self.term)
        n = len(real.dom)
        values = [jnp.asarray(x, a.dtype) for x, a in zip(xs[:n], real.dom, strict=True)]
        moving = [i for i, a in enumerate(real.dom) if a.change is not None]

        def f(*moved: Any) -> list[Any]:
            inputs = list(values)
            for i, x in zip(moving, moved, strict=True):
                inputs[i] = x
            ys, _ = evaluate(real.circuit, Side(), inputs, cx.env)
            return [y for y, a in zip(ys, real.cod, strict=True) if a.change is not None]

        ys, pull = jax.vjp(f, *(values[i] for i in moving))
        changes = pull([jnp.broadcast_to(jnp.asarray(d, y.dtype), y.shape) for d, y in zip(xs[n:], ys, strict=True)])
        out = [
            a.element.reduce(jnp.round(d).astype(a.dtype)) if not a.real else d
            for d, a in zip(changes, self.term.dom.change, strict=True)
        ]
        return tuple(out)
