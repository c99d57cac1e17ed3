"""`over(axis, f)`: f on every slice along an axis, a strict monoidal functor pushed down to boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from ..arguments import axis as check_axis
from ..boxes.linear import dense, matmul
from ..boxes.pointwise import tanh
from ..interpret import (
    Cx,
    Side,
    backward_even,
    evaluate_even,
    forward_even,
)
from ..spaces import Array, Real, Space
from ..terms import Term
from ..typed import infer, plain
from .axes import in_front, steps_along, without
from .parts import Composite


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
            self.fail(
                "any",
                f"an array with the axis {self.axis!r}",
                dom,
                "name the axis in the space, as in Real(head=8, d=64)",
            )
        return wires

    def inside(self, dom: Space) -> tuple[Term, Space]:
        return self.term, Space(without(self, a, i) if self.has(a) else a for i, a in enumerate(dom))

    def type(self, dom: Space) -> Space:
        size, name = steps_along(self, dom, self._wires(dom))
        return Space(in_front(a, size, name) for a in infer(*self.inside(dom)))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        places: tuple[tuple[int | str, Space], ...] = (0, Real(2, 3)), (-1, Real(2, 2)), ("b", Real(3, a=1, b=2))
        return [
            *(over(axis, dense(3) >> tanh).at(x) for axis, x in places),
            over("b", matmul).at(Real(b=3, c=1, d=2), Real(2, 2)),
        ]

    def runs(self, dom: Space) -> int:
        return self.size(dom)

    def size(self, dom: Space) -> int:
        """How many slices there are."""
        return steps_along(self, dom, self._wires(dom))[0]

    def reverse_term(self, dom: Space) -> Term | None:
        from .reversing import reverse_of_over

        return reverse_of_over(self, dom)

    def _enter(self, cx: Cx, xs: Sequence[Any]) -> list[Any]:
        size = self.size(cx.dom)
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
                out.append(cx.rule.unbatch(a, front, 1))
        return changes, out


def over(axis: int | str, term: Term) -> Term:
    """`term` on every slice along `axis`, which the outputs have in front; parameters are shared.

    Wires that lack a named axis are the same for every slice. The slices run as one batch, so a
    weight's gradient is one contraction and never a stack.
    """
    return Over(check_axis("over", axis), plain(term, "given to over"))
