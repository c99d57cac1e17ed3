"""The formal derivative of polynomials over a finite ring, from outside: over whole numbers, by jax, then modulo n.

A term over residues means a polynomial with whole coefficients taken modulo n, and taking remainders
is a homomorphism. So the same boxes are run on real numbers that are whole, `jax.vjp` differentiates
them there, and the result is reduced: R of the polynomial, which its values alone do not determine.
Boxes that take nothing but bits are read as gates, whose polynomials are differentiated.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..circuits.equality.derivative import reverse_netlist
from ..circuits.netlist import polynomials
from ..circuits.reading import to_netlist
from ..errors import LensError
from ..interpret import Cx, Side, evaluate
from ..spaces import Array, RealElement, ResidueElement, Space
from ..terms import Box
from ..typed import Misfit, Typed
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
        try:
            real = over_reals(self.term)
        except (LensError, Misfit):  # a box that takes nothing but bits
            return self._by_gates(xs)
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

    def _by_gates(self, xs: Any) -> Any:
        """The derivative of the polynomial of gates that the term is read as."""
        with jax.ensure_compile_time_eval():
            netlist = reverse_netlist(to_netlist(self.term))
        signal = [jnp.int32(0), *(x for each in xs for x in jnp.ravel(each))]
        gates = zip(netlist.left.tolist(), netlist.right.tolist(), polynomials(netlist.table).tolist(), strict=True)
        for x, y, (a, b, c, d) in gates:
            signal.append(a ^ b * signal[x] ^ c * signal[y] ^ d * signal[x] * signal[y])
        found, at = [], 0
        for a in self.term.dom.change:
            some = [jnp.asarray(signal[o], a.dtype) for o in netlist.outputs[at : at + a.size].tolist()]
            found.append(jnp.stack(some).reshape(a.sizes) if some else jnp.zeros(a.sizes, a.dtype))
            at += a.size
        return tuple(found)
