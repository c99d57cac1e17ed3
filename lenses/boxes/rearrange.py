"""Rearrangement of axes in einops' notation; concatenation and splitting along an axis."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..arguments import axis as check_axis
from ..arguments import refuse, whole
from ..boxes.structure import Discard
from ..errors import LensError, explain
from ..interpret import Cx, Side
from ..spaces import Array, Index, Real, Space
from ..strands import Strand, aligned, moved
from ..terms import Box, Term, tensor
from .reductions import OnAxis

_SIDE = re.compile(r"(\s|1\b|[^\W\d]\w*|\((\s|1\b|[^\W\d]\w*)*\))*")
"""One side of a pattern."""


def _groups(side: str) -> list[tuple[str, ...]]:
    groups: list[tuple[str, ...]] = []
    rest = side.strip()
    while rest:
        if rest[0] == "(":
            inside, _, rest = rest[1:].partition(")")
            groups.append(tuple(inside.split()))
        else:
            name, _, rest = (
                rest.partition(" ")
                if "(" not in rest.split(" ")[0]
                else (rest.split("(")[0], "", rest[rest.index("(") :])
            )
            groups.append((name,))
        rest = rest.strip()
    return groups


class Rearrange(Box):
    """The axes of an array rearranged as an einops pattern says: "h w c -> (h w) c". Leading axes stay.

    `sizes` are the sizes of axes that the left side groups, as pairs (name, size).
    """

    arity = (1, 1)
    linear: ClassVar[bool] = True
    glyph: ClassVar[str] = "rearrange"
    pattern: str
    sizes: tuple[tuple[str, int], ...] = ()

    def spell(self) -> str:
        return f"rearrange({', '.join([repr(self.pattern), *(f'{k}={v}' for k, v in self.sizes)])})"

    @property
    def _sides(self) -> tuple[str, str]:
        left, right = self.pattern.split("->")
        return left.strip(), right.strip()

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        import einops

        left, right = self._sides
        return einops.rearrange(xs[0], f"... {left} -> ... {right}", **dict(self.sizes))

    def type(self, dom: Space) -> Space:
        (x,) = dom
        left, right = map(_groups, self._sides)
        if x.rank < len(left):
            self.fail(0, f"at least {len(left)} axes, for {self._sides[0]!r}", x)
        import einops

        try:
            shape = jax.eval_shape(lambda v: self.apply(None, None, v), jax.ShapeDtypeStruct(x.sizes, x.dtype)).shape  # type: ignore[arg-type]
        except (einops.EinopsError, ValueError) as error:
            reason = str(error).strip().splitlines()[-1]
            return self.fail(0, f"axes that fit {self.pattern!r}", x, reason)
        cut = x.rank - len(left)
        own = {group[0]: x.names[cut + i] or group[0] for i, group in enumerate(left) if len(group) == 1}
        names = [own.get(g[0], g[0]) if len(g) == 1 and not g[0].isdigit() else None for g in right]
        return Space([Array(shape, [*x.names[:cut], *names], x.element)])

    def strands(self, dom: Space) -> Sequence[Strand]:
        left, right = map(_groups, self._sides)
        cut = dom[0].rank - len(left)
        own = {i: right.index(g) for i, g in enumerate(left) if len(g) == 1 and g in right and not g[0].isdigit()}
        return moved([*((i, i) for i in range(cut)), *((cut + i, cut + j) for i, j in own.items())])

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [
            *(rearrange("h w -> w h").at(x) for x in (Real(2, 3), Real(2, 2), Real(3, a=1, b=2), Index(2, 3, below=3))),
            rearrange("h w c -> c (w h)").at(Real(1, 2, 3)),
            rearrange("(h w) -> w h", h=2).at(Real(2, 6)),
            rearrange("a b -> a 1 b").at(Real(2, 3)),
        ]

    def flops(self, dom: Space) -> int:
        return 0

    def reverse_term(self, dom: Space) -> Term | None:
        (x,) = dom
        if x.change is None:
            return None
        left, right = self._sides
        sizes = dict(self.sizes)
        cut = x.rank - len(_groups(left))
        for group, size in zip(_groups(left), x.sizes[cut:], strict=True):
            unknown = [n for n in group if n not in sizes and not n.isdigit()]
            if len(unknown) == 1:
                for n in group:
                    size //= sizes.get(n, 1)
                sizes[unknown[0]] = size
        grouped = {n for g in _groups(right) if len(g) > 1 for n in g}
        back = Rearrange(f"{right} -> {left}", tuple((k, v) for k, v in sizes.items() if k in grouped))
        return tensor(Discard(), back)


def rearrange(pattern: str, **sizes: int) -> Term:
    """The axes of an array rearranged in einops' notation, as in ``rearrange("h w c -> (h w c)")``.

    Raises LensError where the two sides do not have the same names: nothing is summed or repeated.
    """
    if not isinstance(pattern, str):
        refuse("rearrange", "the pattern", pattern, "text, as in rearrange('h w c -> (h w c)')")
    left, arrow, right = pattern.partition("->")
    for side in (left, right):
        if arrow and not _SIDE.fullmatch(side):
            refuse(
                f"rearrange({pattern!r})", "one side", side, "names of axes, 1, and groups of them in single brackets"
            )
    names = [[n for g in _groups(side) for n in g if not n.isdigit()] for side in (left, right)]
    unknown = [n for n in sizes if n not in names[0]]
    if not arrow or sorted(names[0]) != sorted(names[1]) or len(set(names[0])) < len(names[0]) or unknown:
        raise LensError(
            explain(
                f"rearrange({pattern!r}) is no rearrangement",
                expected="the same names on both sides of '->', each once; leading axes stay, so no '...'",
                came=f"{sorted(names[0])} and {sorted(names[1])}" + (f", sizes for {unknown}" if unknown else ""),
                do="use reduce_sum or reduce_mean to drop an axis and spread to add one",
            )
        )
    checked = tuple((k, whole("rearrange", f"the size of axis {k}", n)) for k, n in sizes.items())
    return Rearrange(" ".join(pattern.split()), checked)


flatten = rearrange("height width channel -> (height width channel)")
"""An image's three axes as one."""


class Concatenate(OnAxis):
    """`parts` arrays joined along an axis."""

    linear: ClassVar[bool] = True
    glyph: ClassVar[str] = "rearrange"
    axis: int | str
    parts_: int

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (self.parts_, 1)

    def spell(self) -> str:
        return f"concatenate({self.axis!r}{'' if self.parts_ == 2 else f', {self.parts_}'})"

    def type(self, dom: Space) -> Space:
        first = dom[0]
        at = self.place(Space([first]))
        for i, x in enumerate(dom):
            if (
                x.rank != first.rank
                or x.element != first.element
                or any(
                    a != b for k, (a, b) in enumerate(zip(x.sizes, first.sizes, strict=True)) if k != first.rank + at
                )
            ):
                self.fail(i, f"{first!r} but for the axis {self.axis!r}", x)
        sizes = list(first.sizes)
        sizes[at] = sum(x.sizes[at] for x in dom)
        return Space([Array(sizes, first.names, first.element)])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(self.others(Space([dom[0]])), self.parts_)

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [
            concatenate().at(Real(2, 1), Real(2, 3)),
            concatenate(0).at(Real(2, 2), Real(2, 2)),
            concatenate("a", 3).at(Real(a=2, b=2), Real(a=1, b=2), Real(a=3, b=2)),
            concatenate(parts=1).at(Real(2)),
        ]

    def flops(self, dom: Space) -> int:
        return 0

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return jnp.concatenate(xs, axis=self.place(Space([cx.dom[0]])))

    def reverse_term(self, dom: Space) -> Term:
        at = self.place(Space([dom[0]]))
        return tensor(*[Discard()] * len(dom), Split(at, tuple(x.sizes[at] for x in dom)))


def concatenate(axis: int | str = -1, parts: int = 2) -> Term:
    """`parts` wires joined along an axis of each."""
    return Concatenate(check_axis("concatenate", axis), whole("concatenate", "parts", parts))


class Split(OnAxis):
    """An array cut along an axis into pieces of `sizes`, a wire each."""

    linear: ClassVar[bool] = True
    glyph: ClassVar[str] = "rearrange"
    axis: int | str
    sizes: tuple[int, ...]

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (1, len(self.sizes))

    def spell(self) -> str:
        tail = "" if self.axis == -1 else f", axis={self.axis!r}"
        return f"split({', '.join(map(str, self.sizes))}{tail})"

    def type(self, dom: Space) -> Space:
        (x,) = dom
        at = self.place(dom)
        if x.sizes[at] != sum(self.sizes):
            self.fail(0, f"{sum(self.sizes)} along the axis {self.axis!r}", x)
        out = []
        for n in self.sizes:
            sizes = list(x.sizes)
            sizes[at] = n
            out.append(Array(sizes, x.names, x.element))
        return Space(out)

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(self.others(dom), 1, len(self.sizes))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [
            split(1, 2).at(Real(2, 3)),
            split(1, 1, axis=0).at(Real(2, 2)),
            split(1, 2, 1, axis="a").at(Real(a=4, b=2)),
            split(2).at(Real(2)),
        ]

    def flops(self, dom: Space) -> int:
        return 0

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        cuts: Sequence[int] = [sum(self.sizes[:i]) for i in range(1, len(self.sizes))]
        return tuple(jnp.split(xs[0], cuts, axis=self.place(cx.dom)))

    def reverse_term(self, dom: Space) -> Term:
        return tensor(Discard(), Concatenate(self.place(dom), len(self.sizes)))


def split(*sizes: int, axis: int | str = -1) -> Term:
    """An array cut along an axis into pieces of these sizes, a wire each."""
    if not sizes:
        raise LensError(explain("split()", expected="the size of each piece, as in split(8, 8)"))
    checked = tuple(whole("split", f"the size of piece {i}", n) for i, n in enumerate(sizes))
    return Split(check_axis("split", axis), checked)
