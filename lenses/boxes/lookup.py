"""Lookup and constants: embedding, one-hot, one entry of an axis, constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from .. import initialisers
from ..arguments import MOST, is_whole, refuse, whole
from ..arguments import axis as check_axis
from ..arguments import dtype as check_dtype
from ..boxes.structure import Discard, Zero
from ..errors import LensError, explain, shown
from ..interpret import Cx, Side
from ..spaces import Array, Index, IndexElement, Real, RealElement, Space
from ..strands import Strand, aligned, moved
from ..terms import Box, Identity, Port, Term, literal, tensor
from .rearrange import Concatenate
from .reductions import OnAxis, Spread


class Embedding(Box):
    """A learned vector for each index: `table` is (below, features)."""

    arity = (1, 1)
    glyph: ClassVar[str] = "embed"
    features: int
    name: str | None = None
    dtype: str = "float32"
    init: str = "normal:0.02"

    def spell(self) -> str:
        size = str(self.features) if self.name is None else f"{self.name}={self.features}"
        tail = [f"dtype={self.dtype!r}"] * (self.dtype != "float32") + [f"init={self.init!r}"] * (
            self.init != "normal:0.02"
        )
        return f"embedding({', '.join([size, *tail])})"

    def type(self, dom: Space) -> Space:
        (x,) = dom
        if not isinstance(x.element, IndexElement):
            self.fail(0, "indices", x, "write the space as in Index(token=16, below=1000)")
        return Space([Array((*x.sizes, self.features), (*x.names, self.name), RealElement(self.dtype))])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        places = (2, Index(below=3)), (3, Index(1, below=2)), (2, Index(2, below=2))
        return [*(embedding(n).at(x) for n, x in places), embedding(d=1).at(Index(token=3, below=2))]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        element: Any = dom[0].element
        table = Array((element.below, self.features), (None, self.name), RealElement(self.dtype))
        return (Port("table", "param", table, self.init),)

    def flops(self, dom: Space) -> int:
        return 0

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return jnp.asarray(p["table"])[xs[0]]  # it may be a constant of NumPy, where it is not learned


def embedding(*features: int, dtype: str = "float32", init: str = "normal:0.02", **named: int) -> Term:
    """A learned vector of `features` for each index, as in ``embedding(64)`` or ``embedding(d=64)``."""
    sizes = [*((None, n) for n in features), *named.items()]
    if len(sizes) != 1:
        came = ", ".join(shown(n) for _, n in sizes)
        raise LensError(explain(f"embedding({came})", expected="one size, named or not"))
    ((name, size),) = sizes
    size = whole("embedding", "the number of features", size)
    return Embedding(size, name, check_dtype("embedding", dtype), initialisers.check(init, "embedding"))


class OneHot(Box):
    """The indicator vector of each index."""

    arity = (1, 1)
    glyph: ClassVar[str] = "embed"
    dtype: str = "float32"

    def type(self, dom: Space) -> Space:
        (x,) = dom
        if not isinstance(x.element, IndexElement):
            self.fail(0, "indices", x)
        below: Any = x.element.below  # type: ignore[union-attr]
        return Space([Array((*x.sizes, below), (*x.names, None), RealElement(self.dtype))])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [one_hot().at(x) for x in (Index(below=3), Index(2, below=2), Index(token=2, below=3))]

    def flops(self, dom: Space) -> int:
        return 0

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return jax.nn.one_hot(xs[0], cx.cod[0].sizes[-1], dtype=self.dtype)


def one_hot(dtype: str = "float32") -> Term:
    """The indicator vector of each index."""
    return OneHot(check_dtype("one_hot", dtype))


class Select(OnAxis):
    """The part of an array at `entry` of an axis, x[..., entry, ...]: the axis is gone, the others stay."""

    linear: ClassVar[bool] = True
    moves: ClassVar[bool] = True
    glyph: ClassVar[str] = "select"
    axis: int | str
    entry: int

    def spell(self) -> str:
        return f"select({self.entry}{'' if self.axis == -1 else f', {self.axis!r}'})"

    def type(self, dom: Space) -> Space:
        (x,) = dom
        size = x.sizes[self.place(dom)]
        if not -size <= self.entry < size:
            least = max(self.entry + 1, -self.entry)
            do = f"take an entry from 0 to {size - 1}, or from {-size} to -1, counted from the end"
            self.fail(0, f"{least} or more along the axis {self.axis!r}", x, do)
        keep = self.others(dom)
        return Space([Array([x.sizes[i] for i in keep], [x.names[i] for i in keep], x.element)])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return moved((a, b) for b, a in enumerate(self.others(dom)))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        last, first = select(-1), select(0, 0)
        spaces = (last, Real(3)), (last, Index(2, 3, below=4)), (first, Real(2, 3)), (first, Real(1))
        return [*(box.at(x) for box, x in spaces), select(1, "a").at(Real(a=3, b=2))]

    def flops(self, dom: Space) -> int:
        return 0

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        after = -self.place(cx.dom) - 1
        return xs[0][(..., self.entry, *[slice(None)] * after)]

    def reverse_term(self, dom: Space) -> Term | None:
        (x,) = dom
        change = x.change
        if change is None:
            return None
        at = self.place(dom)
        before = self.entry % x.sizes[at]

        def zeros(count: int) -> Term:
            sizes = (count, *x.sizes[at:][1:])
            return Zero(Space([change.replace(at, sizes, x.names[at:])])) if count else Identity(0)

        parts = zeros(before) @ Spread(1, at, x.names[at]) @ zeros(x.sizes[at] - 1 - before)
        return tensor(Discard(), parts >> Concatenate(at, parts.arity[1]))


def select(entry: int, axis: int | str = -1) -> Term:
    """One entry of an axis of an array with elements of any type, as in ``select(2, "row")`` or ``select(-1, axis=0)``.

    From an array of sizes (..., n, ...) to one of sizes (..., ...), without the axis; a negative entry is counted
    from the end. Raises SpaceError where there is no such axis, or no such entry along it.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.select.html
    """
    if not is_whole(entry, -MOST):
        refuse("select", "the entry", entry, "a whole number, its place along the axis (negative from the end)")
    return Select(check_axis("select", axis), int(entry))


class Constant(Box):
    """No wire to one that carries `values`, in row order, in the shape of `space`."""

    arity = (0, 1)
    glyph: ClassVar[str] = "constant"
    space: Space
    values: tuple[float, ...]

    def spell(self) -> str:
        shown: Any = np.asarray(self.values).reshape(self.space[0].sizes).tolist()
        return f"constant({literal(shown)}, {self.space!r})"

    def type(self, dom: Space) -> Space:
        return self.space

    @classmethod
    def examples(cls) -> Sequence[Term]:
        values = 2.5, [1.0, -2.0], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]
        return [*(constant(v).at() for v in values), constant([1, 2], Index(2, below=3)).at()]

    def flops(self, dom: Space) -> int:
        return 0

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return jnp.asarray(self.values, self.space[0].dtype).reshape(self.space[0].sizes)

    def reverse_term(self, dom: Space) -> Term | None:
        return Discard() if self.space[0].change is not None else None


def constant(values: Any, space: Space | None = None) -> Term:
    """An array that does not change, as a box from no wire; real and unnamed unless `space` says otherwise."""
    try:
        array = np.asarray(values)
        array = np.asarray(values, dtype=float) if array.dtype.kind in "biufV" and array.size else None
    except Exception:  # ragged lists, text, objects: whatever NumPy says of them
        array = None
    if array is None:
        refuse("constant", "the value", values, "a number, or an array of numbers that is not empty")
    if space is None:
        space = Space([Array(array.shape)])
    if not isinstance(space, Space) or len(space) != 1 or space[0].sizes != array.shape:
        raise LensError(explain("constant", expected=f"a space of one array of sizes {array.shape}", came=shown(space)))
    values_of = space[0].element.values
    if values_of is not None and not ((array >= 0) & (array == np.floor(array)) & (array < len(values_of))).all():
        refuse("constant", "the value", values, f"whole numbers from 0 to {len(values_of) - 1}, for {space!r}")
    return Constant(space, tuple(array.ravel().tolist()))
