"""The formal derivative of polynomials over a finite rig, from outside: by dual numbers.

At a dual number a + ev, with ee = 0, a polynomial f is f(a) + e D[f](a, v), whatever the rig. So the
same boxes are run over the rig of dual numbers, once for each direction v of the inputs, and R is the
transpose: R[f](a, w) along v is <D[f](a, v), w>. Values alone do not determine it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ..circuits.circuit import run
from ..circuits.equality.derivative import reverse_netlist
from ..circuits.netlist import Netlist
from ..circuits.reading import to_netlist
from ..circuits.running.arrays import batch, joined, parted
from ..errors import LensError
from ..interpret import Cx, Side, evaluate
from ..spaces import Array, Element, Space
from ..terms import Box
from ..typed import Misfit, Typed
from .rewrite import rewrite


@dataclass(frozen=True)
class DualElement(Element):
    """Dual numbers over a finite rig of q elements: a + ev, carried by a + qv."""

    name: ClassVar[str] = "dual"
    base: Element

    @property
    def size(self) -> int:
        """q, the number of elements of the base."""
        return len(self.base.values)

    @property
    def dtype(self) -> Any:
        return self.base.dtype

    @property
    def values(self) -> range:
        return range(self.size**2)

    @property
    def characteristic(self) -> int:
        return self.base.characteristic

    def parts(self, x: Any) -> tuple[Any, Any]:
        """a and v."""
        return x % self.size, x // self.size

    def join(self, a: Any, v: Any) -> Any:
        """a + ev."""
        return a + self.size * v

    def plus(self, x: Any, y: Any) -> Any:
        return self.join(*(self.base.plus(a, b) for a, b in zip(self.parts(x), self.parts(y), strict=True)))

    def times(self, x: Any, y: Any) -> Any:
        (a, v), (b, w) = self.parts(x), self.parts(y)
        return self.join(self.base.times(a, b), self.base.plus(self.base.times(a, w), self.base.times(v, b)))

    def total(self, x: Any, axes: Sequence[int]) -> Any:
        return self.join(*(self.base.total(part, axes) for part in self.parts(x)))

    def call(self, axes: list[str]) -> str:
        return f"Dual({', '.join([*axes, repr(self.base)])})"


def over_duals(term: Typed) -> Typed:
    """The term with dual numbers in the place of the elements of finite rigs."""

    def array(a: Array) -> Array:
        return a if a.change is None or a.element.values is None else Array(a.sizes, a.names, DualElement(a.element))

    return rewrite(term, array)


class FormalReverse(Box):
    """R of a term over finite rigs, A @ B' -> A', as the derivative of its polynomial."""

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
        n = len(self.term.dom)
        try:
            dual = over_duals(self.term)
        except (LensError, Misfit):  # a box that is of bits alone
            return self._by_gates(xs)
        lead = batch(xs, cx.dom)
        moving = [i for i, a in enumerate(self.term.dom) if a.change is not None]
        ys, _ = evaluate(dual.circuit, Side(), _directions(dual.dom, xs[:n], moving), cx.env)
        return _transposed(self.term, ys, xs[n:], moving, lead)

    def _by_gates(self, xs: Sequence[Any]) -> Any:
        """R of the polynomials that the term's gates are."""
        dom, cod = self.term.dom @ self.term.cod, self.term.dom
        with jax.ensure_compile_time_eval():
            back: Netlist = reverse_netlist(to_netlist(self.term))
        changes = run(back, joined(xs, dom).T, cod[0].element)
        return tuple(parted(changes.T, cod, batch(xs, dom)))


def _directions(dom: Space, xs: Sequence[Any], moving: Sequence[int]) -> list[Any]:
    """The inputs as dual numbers, with an axis in front of all directions in which one number of one input moves."""
    many = sum(dom[i].size for i in moving)
    out, at = [], 0
    for i, (x, a) in enumerate(zip(xs, dom, strict=True)):
        x = jnp.broadcast_to(x, (many, *jnp.shape(x)))
        if i in moving:
            steps = np.zeros((many, a.size), np.int32)
            steps[at : at + a.size] = np.eye(a.size, dtype=np.int32)
            at += a.size
            element: Any = a.element
            x = element.join(x, jnp.reshape(steps, (many, *(1,) * (x.ndim - 1 - a.rank), *a.sizes)))
        out.append(x)
    return out


def _transposed(term: Typed, ys: Sequence[Any], ds: Sequence[Any], moving: Sequence[int], lead: Any) -> Any:
    """R along each direction, the sum over the outputs of what they move by times their changes."""
    cod = [(y, a) for y, a in zip(ys, term.cod, strict=True) if a.change is not None]
    many = sum(term.dom[i].size for i in moving)
    total = jnp.zeros((many, *lead), jnp.int32)
    for (y, a), d in zip(cod, ds, strict=True):
        dual = DualElement(a.element)
        y = jnp.broadcast_to(y, (many, *lead, *a.sizes))
        part = a.element.times(dual.parts(y)[1], jnp.broadcast_to(d, y.shape))
        total = a.element.plus(total, a.element.total(part, range(y.ndim - a.rank, y.ndim)))
    out, at = [], 0
    for i in moving:
        a = term.dom[i]
        out.append(jnp.moveaxis(total[at : at + a.size], 0, -1).reshape(*lead, *a.sizes).astype(a.dtype))
        at += a.size
    return tuple(out)
