"""Layers of whole numbers whose bits are the parameters, learned by votes like any bits.

The highest bits decide most: a bit's votes count by its place, and so do the errors that it makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax.numpy as jnp

from ...arguments import whole
from ...initialisers import check as check_init
from ...interpret import Cx, Side
from ...ports import Port
from ...spaces import Array, Bits, Real, RealElement, ResidueElement, Space
from ...strands import Strand, aligned
from ...terms import Term
from .neurons import BetweenBases


def places(width: int) -> tuple[int, ...]:
    """What each bit of a number of `width` bits counts in two's complement, the first -2^(width - 1)."""
    return (-(1 << width - 1), *(1 << i for i in reversed(range(width - 1))))


class IntegerDense(BetweenBases):
    """x W for weights that are whole numbers: (a,) bits or reals to (n,) reals.

    The parameter `weight` is (a, n, width), the bits of W in two's complement, the highest first.
    """

    arity = (1, 1)
    glyph: ClassVar[str] = "learned"
    features: int
    width: int = 4
    init: str = "bernoulli"

    def type(self, dom: Space) -> Space:
        (x,) = dom
        if not x.rank or not (x.real or x.element == ResidueElement(2)):
            self.fail(0, "bits or real numbers along the last axis", x)
        y = x.replace(-1, (self.features,))
        return Space([Array(y.sizes, y.names, x.element if x.real else RealElement())])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank - 1))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [integer_dense(2, 2).at(Bits(3)), integer_dense(1, 3).at(Real(2, 2))]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        weight = Array((dom[0].sizes[-1], self.features, self.width), element=ResidueElement(2))
        return (Port("weight", "param", weight, self.init),)

    def flops(self, dom: Space) -> int:
        return 2 * dom[0].size * self.features

    def numbers(self, weight: Any) -> Any:
        """The whole numbers (a, n) that bits (a, n, width) are, as floats."""
        return jnp.asarray(weight, jnp.float32) @ jnp.asarray(places(self.width), jnp.float32)

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return xs[0].astype(cx.cod[0].dtype) @ self.numbers(p["weight"]).astype(cx.cod[0].dtype)


def integer_dense(features: int, width: int = 4, init: str = "bernoulli") -> Term:
    """The product with a matrix of whole numbers of `width` bits, each bit learned by `boolean_variation`."""
    numbers = whole("integer_dense", "the number of features", features), whole("integer_dense", "the width", width)
    return IntegerDense(*numbers, check_init(init, "integer_dense"))
