"""Lenses on the identity: values pass, changes come back weighed.

`scale_gradient(-1.0)` is gradient reversal (Ganin and Lempitsky 2015), `scale_gradient(0.0)` stops changes. Their
puts are additive, but they are not the reverse derivative of the identity unless the factor is 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..arguments import number
from ..interpret import Cx, Side
from ..spaces import Real, Space
from ..terms import Term, tensor
from .elementwise import Elementwise
from .linear import scale
from .structure import Discard


class ScaleGradient(Elementwise):
    """The identity forward; backward `factor` times the change, and nothing where the factor is 0."""

    derives: ClassVar[bool] = False
    levels: ClassVar[bool] = False
    glyph: ClassVar[str] = "pointwise"
    factor: float

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [scale_gradient(c).at(x) for c, x in ((-1.0, Real()), (0.0, Real(2)), (0.5, Real(2, 3)))]

    def flops(self, dom: Space) -> int:
        return 0

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return xs[0]

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        return tuple(xs), {}, None

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        return {}, [cx.rule.map(lambda d: d * self.factor, ds[0]) if self.factor else None]

    def reverse_term(self, dom: Space) -> Term:
        return tensor(Discard(), scale(self.factor))


def scale_gradient(factor: float) -> Term:
    """The identity whose changes come back `factor` times: 0 stops them, -1 turns them around."""
    return ScaleGradient(number("scale_gradient", "the factor", factor))
