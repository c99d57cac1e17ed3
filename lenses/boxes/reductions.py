"""Reductions of an axis: sum, mean, maximum, minimum, logsumexp, argmax; softmax and log-softmax on one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..arguments import MOST, is_whole, refuse, whole
from ..arguments import axis as check_axis
from ..interpret import Cx, Side
from ..spaces import Array, Index, IndexElement, Real, Space
from ..strands import Strand, aligned, moved
from ..terms import Box, Term
from .linear import scale, traced

MEANINGS: dict[str, Callable[..., Any]] = {
    "sum": jnp.sum,
    "mean": jnp.mean,
    "max": jnp.max,
    "min": jnp.min,
    "logsumexp": jax.nn.logsumexp,
}


class OnAxis(Box):
    """A box that acts along one axis, given by name or by place (negative from the end)."""

    arity = (1, 1)
    moves: ClassVar[bool] = False
    """Whether it only moves elements, and so takes those of any type."""
    axis: int | str

    @property
    def polynomial(self) -> bool:
        """Whether it is a polynomial, and so means something over any rig."""
        return self.linear

    def place(self, dom: Space) -> int:
        """The axis as a negative index; refuses an array without it."""
        (x,) = dom
        if not self.moves and not x.real and not (self.polynomial and x.change is not None):
            self.fail(0, "numbers that can be added" if self.polynomial else "real numbers", x)
        try:
            return x.axis(self.axis)
        except KeyError:
            have = ", ".join(str(n) for n in x.names if n) or "no names"
            return self.fail(
                0, f"an array with the axis {self.axis!r}", x, f"the axes here have {have}; name one or give its place"
            )

    def others(self, dom: Space) -> list[int]:
        """The axes that it does not act along, counted from 0."""
        (x,) = dom
        at = self.place(dom) + x.rank
        return [i for i in range(x.rank) if i != at]


class Reduce(OnAxis):
    """An axis reduced by `kind`: sum, mean, max, min or logsumexp."""

    glyph: ClassVar[str] = "reduce"
    axis: int | str
    kind: str

    @property
    def label(self) -> str:
        return self.kind

    @property
    def polynomial(self) -> bool:
        return self.kind == "sum"

    def spell(self) -> str:
        name = self.kind if self.kind == "logsumexp" else f"reduce_{self.kind}"
        return f"{name}({'' if self.axis == -1 else repr(self.axis)})"

    def type(self, dom: Space) -> Space:
        (x,) = dom
        keep = self.others(dom)
        return Space([Array([x.sizes[i] for i in keep], [x.names[i] for i in keep], x.element)])

    def strands(self, dom: Space) -> Sequence[Strand]:
        own = [Strand(((0, self.place(dom) + dom[0].rank),), ())] if self.kind == "sum" else []
        return [*moved((a, b) for b, a in enumerate(self.others(dom))), *own]

    @classmethod
    def examples(cls) -> Sequence[Term]:
        places: tuple[tuple[int | str, Space], ...] = (-1, Real(2, 3)), (0, Real(2, 2))
        every = [Reduce(axis, kind).at(x) for kind in MEANINGS for axis, x in places]
        return [*every, reduce_mean("a").at(Real(a=2, b=3)), reduce_max().at(Real(3))]

    def flops(self, dom: Space) -> int:
        return dom[0].size

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        at = self.place(cx.dom)
        if self.kind == "sum" and not cx.dom[0].real:
            return cx.dom[0].element.total(xs[0], [at])
        return MEANINGS[self.kind](xs[0], axis=at)

    def reverse_term(self, dom: Space) -> Term | None:
        if self.kind not in ("sum", "mean"):
            return None
        (x,) = dom
        at = self.place(dom)
        spread = Spread(x.sizes[at], at, x.names[at])
        factor = 1.0 if self.kind == "sum" else 1.0 / x.sizes[at]
        return traced(lambda x, d: spread(scale(factor)(d) if factor != 1.0 else d), 2)


def reduce_sum(axis: int | str = -1) -> Term:
    """The sum along an axis."""
    return Reduce(check_axis("reduce_sum", axis), "sum")


def reduce_mean(axis: int | str = -1) -> Term:
    """The mean along an axis."""
    return Reduce(check_axis("reduce_mean", axis), "mean")


def reduce_max(axis: int | str = -1) -> Term:
    """The largest along an axis; ties share the change equally."""
    return Reduce(check_axis("reduce_max", axis), "max")


def reduce_min(axis: int | str = -1) -> Term:
    """The smallest along an axis; ties share the change equally."""
    return Reduce(check_axis("reduce_min", axis), "min")


def logsumexp(axis: int | str = -1) -> Term:
    """log of the sum of exp along an axis, without overflow."""
    return Reduce(check_axis("logsumexp", axis), "logsumexp")


class Spread(Box):
    """A new axis of `size` with the same value along it; `axis` is its place, negative from the end."""

    arity = (1, 1)
    linear: ClassVar[bool] = True
    glyph: ClassVar[str] = "copy"
    size: int
    axis: int = -1
    name: str | None = None

    def type(self, dom: Space) -> Space:
        (x,) = dom
        if x.rank < -self.axis - 1:
            self.fail(0, f"at least {-self.axis - 1} axes", x)
        at = x.rank + 1 + self.axis
        sizes, names = list(x.sizes), list(x.names)
        sizes.insert(at, self.size)
        names.insert(at, self.name)
        return Space([Array(sizes, names, x.element)])

    def strands(self, dom: Space) -> Sequence[Strand]:
        at = dom[0].rank + 1 + self.axis
        return [*moved(enumerate(b for b in range(dom[0].rank + 1) if b != at)), Strand((), ((0, at),))]

    @classmethod
    def examples(cls) -> Sequence[Term]:
        last, others = spread(3), [spread(2, -2).at(Real(2)), spread(2, -3, "new").at(Real(1, 3))]
        return [*(last.at(x) for x in (Real(), Real(2, 2), Index(2, below=3))), *others]

    def flops(self, dom: Space) -> int:
        return 0

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        wide = jnp.expand_dims(xs[0], xs[0].ndim + 1 + self.axis)
        shape = list(wide.shape)
        shape[self.axis] = self.size
        return jnp.broadcast_to(wide, shape)

    def reverse_term(self, dom: Space) -> Term | None:
        if dom[0].change is None:
            return None
        return traced(lambda x, d: reduce_sum(self.axis)(d), 2)


def spread(size: int, axis: int = -1, name: str | None = None) -> Term:
    """A new axis of `size` with the same value along it, at the place `axis`, negative from the end."""
    if not is_whole(axis, -MOST, -1):
        refuse("spread", "the axis", axis, "a place that is negative, from the end, -1 being the last")
    if name is not None and (not isinstance(name, str) or not name):
        refuse("spread", "the name", name, "the name of an axis, or None")
    return Spread(whole("spread", "the size", size), int(axis), name)


class ArgMax(OnAxis):
    """The index of the largest along an axis, the first of ties."""

    glyph: ClassVar[str] = "reduce"

    def spell(self) -> str:
        return f"argmax({'' if self.axis == -1 else repr(self.axis)})"

    def type(self, dom: Space) -> Space:
        (x,) = dom
        at = self.place(dom) + x.rank
        keep = [i for i in range(x.rank) if i != at]
        return Space([Array([x.sizes[i] for i in keep], [x.names[i] for i in keep], IndexElement(x.sizes[at]))])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return moved((a, b) for b, a in enumerate(self.others(dom)))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [argmax().at(Real(3)), argmax(0).at(Real(2, 2)), argmax("a").at(Real(a=2, b=3))]

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return jnp.argmax(xs[0], axis=self.place(cx.dom)).astype(jnp.int32)


def argmax(axis: int | str = -1) -> Term:
    """The index of the largest along an axis."""
    return ArgMax(check_axis("argmax", axis))


class Softmax(OnAxis):
    """exp(x) / sum exp(x) along an axis; `log` gives its logarithm."""

    glyph: ClassVar[str] = "softmax"
    axis: int | str
    log: bool = False

    @property
    def label(self) -> str:
        return "log_softmax" if self.log else "softmax"

    def spell(self) -> str:
        return f"{self.label}({'' if self.axis == -1 else repr(self.axis)})"

    def type(self, dom: Space) -> Space:
        self.place(dom)
        return dom

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(self.others(dom))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        places: tuple[tuple[int | str, Space], ...] = (-1, Real(3)), (0, Real(2, 2)), ("a", Real(a=2, b=3))
        return [Softmax(axis, log).at(x) for log in (False, True) for axis, x in places]

    def flops(self, dom: Space) -> int:
        return 5 * dom[0].size

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        at = self.place(cx.dom)
        return jax.nn.log_softmax(xs[0], axis=at) if self.log else jax.nn.softmax(xs[0], axis=at)

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        if self.log:
            return super().forward(cx, p, xs)
        y = self.apply(cx, p, *xs)
        return (y,), {}, y

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        if self.log:
            return super().backward(cx, p, kept, ds)
        (d,) = ds
        return {}, [kept * (d - (kept * d).sum(self.place(cx.dom), keepdims=True))]

    def reverse_term(self, dom: Space) -> Term | None:
        from .pointwise import multiply, subtract

        if self.log:
            return None
        at = self.place(dom)
        total = Reduce(at, "sum") >> Spread(dom[0].sizes[at], at, dom[0].names[at])

        def r(x: Any, d: Any) -> Any:
            y = self(x)
            return multiply(y, subtract(d, total(multiply(y, d))))

        return traced(r, 2)


def softmax(axis: int | str = -1) -> Term:
    """exp(x) / sum exp(x) along an axis."""
    return Softmax(check_axis("softmax", axis))


def log_softmax(axis: int | str = -1) -> Term:
    """x - log sum exp(x) along an axis."""
    return Softmax(check_axis("log_softmax", axis), True)
