"""Boxes that are polynomials with whole coefficients, and so mean something over bits and over the reals.

Such a box is linear in every input and in every parameter. Over bits it is taken modulo 2; over the
reals it is the same polynomial, which is a mixture of the values at bits where inputs and parameters are
numbers between 0 and 1. Its derivatives are those of one polynomial: modulo 2, or counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ..interpret import Cx, Side
from ..opaque import learned
from ..reverse import reverse
from ..spaces import Array, ResidueElement, Space
from ..terms import Box, Term


class Polynomial(Box):
    """A box that is a polynomial with whole coefficients, linear in each input and in each parameter.

    A subclass gives `value(params, *xs)` in `jax.numpy`, with products and sums alone; over bits it is
    taken modulo 2, and so is its derivative.
    """

    def value(self, params: Mapping[str, Any], *xs: Any) -> Any:
        """The polynomial at arrays with batch axes in front; the parameters have none."""
        raise NotImplementedError(type(self).__name__)

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        y = self.value(learned(cx, p), *xs)
        return y if cx.cod[0].real else cx.cod[0].element.reduce(y)

    def slopes(self, cx: Cx, p: Side, xs: Sequence[Any], d: Any) -> tuple[dict[str, Any], Sequence[Any]]:
        """The derivative over the reals at bits: changes of the parameters and of the inputs, as floats."""
        real = jax.tree.map(lambda v: jnp.asarray(v, jnp.float32), (learned(cx, p), tuple(xs)))
        pull = jax.vjp(lambda params, xs: self.value(params, *xs), *real)[1]
        return pull(jnp.asarray(d, jnp.float32))

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        if cx.cod[0].real:
            return super().forward(cx, p, xs)
        return (self.apply(cx, p, *xs),), {}, list(xs)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        if cx.cod[0].real:
            return super().backward(cx, p, kept, ds)
        element = cx.cod[0].element
        # Sums of whole numbers are exact as floats, for batches of up to 2^24 examples.
        return jax.tree.map(lambda v: element.reduce(v.astype(element.dtype)), self.slopes(cx, p, kept, ds[0]))

    def polynomial(self, dom: Space) -> Term:
        """The box as a term of sums and products, its parameters as wires in front; for its reverse derivative."""
        raise NotImplementedError(type(self).__name__)

    def reverse_term(self, dom: Space) -> Term | None:
        if dom[0].real:
            return None
        ports = self.ports(dom)
        return reverse(self.polynomial(dom), Space(port.array for port in ports) @ dom).term

    def number(self, dom: Space, wire: int = 0) -> Array:
        """The array on a wire; refuses what is neither real nor of bits."""
        array = dom[wire]
        if not array.real and array.element != ResidueElement(2):
            self.fail(wire, "bits, or real numbers", array, "write the space as in Bits(4)")
        return array
