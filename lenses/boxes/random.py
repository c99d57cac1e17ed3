"""Random boxes: they draw from a key that comes from the side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..arguments import number, refuse
from ..interpret import Cx, Side
from ..spaces import Array, Real, Space
from ..terms import Port, Term
from .elementwise import Elementwise


class Dropout(Elementwise):
    """Each element is zero with probability `rate` and divided by 1 - rate otherwise; `inference` removes it."""

    linear: ClassVar[bool] = True
    glyph: ClassVar[str] = "pointwise"
    rate: float

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [dropout(0.5).at(Real(2)), dropout(0.25).at(Real(2, 3)), dropout(0.0).at(Real(2, 2))]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        return (Port("key", "key", Array(())),)

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        (x,) = xs
        keep = jax.random.bernoulli(p.key, 1 - self.rate, x.shape)
        return jnp.where(keep, x / (1 - self.rate), 0).astype(x.dtype)


def dropout(rate: float) -> Term:
    """Dropout (Srivastava et al. 2014): a random `rate` of the elements is set to zero while training."""
    value = number("dropout", "the rate", rate, 0, 1)
    if value == 1:
        refuse("dropout", "the rate", rate, "a rate from 0 to 1, 1 excluded")
    return Dropout(value)
