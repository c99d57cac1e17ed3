"""Masks: what attention may not look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from jax import lax

from ..arguments import axis as check_axis
from ..arguments import number
from ..boxes.structure import Discard
from ..errors import LensError, explain
from ..interpret import Cx, Side
from ..spaces import Real, Space
from ..strands import Strand, aligned
from ..terms import Box, Term, tensor


class CausalMask(Box):
    """`fill` wherever the place along the axis `key` is after that along `query`; elsewhere the scores as they are."""

    arity = (1, 1)
    glyph: ClassVar[str] = "mask"
    query: int | str = -2
    key: int | str = -1
    fill: float = -1e9

    def places(self, dom: Space) -> tuple[int, int]:
        """The two axes as negative indices; refuses an array without them."""
        (x,) = dom
        if not x.real:
            self.fail(0, "real numbers", x)
        found = []
        for which in (self.query, self.key):
            try:
                found.append(x.axis(which))
            except KeyError:
                self.fail(0, f"an array with the axis {which!r}", x, "name the axis in the space, or give its place")
        query, key = found
        if query == key:
            self.fail(0, f"two axes, but {self.query!r} and {self.key!r} are one", x)
        return query, key

    def type(self, dom: Space) -> Space:
        self.places(dom)
        return dom

    def strands(self, dom: Space) -> Sequence[Strand]:
        rank = dom[0].rank
        return aligned(set(range(rank)) - {place + rank for place in self.places(dom)})

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [
            *(causal_mask().at(x) for x in (Real(3, 3), Real(2, 2, 3))),
            causal_mask("query", "key", fill=-1.5).at(Real(key=2, query=2, head=2)),
            causal_mask(fill=0.0).at(Real(3, 2)),
        ]

    def _masked(self, dom: Space, x: Any, fill: float) -> Any:
        query, key = (lax.broadcasted_iota("int32", x.shape, x.ndim + place) for place in self.places(dom))
        return lax.select(key <= query, x, lax.full_like(x, fill))

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return self._masked(cx.dom, xs[0], self.fill)

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        return (self.apply(cx, p, *xs),), {}, None

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        return {}, [self._masked(cx.dom, ds[0], 0.0)]

    def reverse_term(self, dom: Space) -> Term:
        return tensor(Discard(), CausalMask(*self.places(dom), fill=0.0))


def causal_mask(query: int | str = -2, key: int | str = -1, fill: float = -1e9) -> Term:
    """`fill` in place of the scores of keys that come after their query, so that softmax gives them no weight.

    `query` and `key` are two axes, by name or place; place i of `query` sees the places 0 to i of `key`.
    """
    axes = check_axis("causal_mask", query), check_axis("causal_mask", key)
    if axes[0] == axes[1]:
        raise LensError(explain(f"causal_mask: both axes are {query!r}", expected="two axes, as in ('query', 'key')"))
    return CausalMask(*axes, fill=number("causal_mask", "fill", fill))
