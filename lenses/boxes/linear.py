"""Linear algebra: dense, linear, bias, scale, einsum, matmul."""

from __future__ import annotations

import math
import string
from collections.abc import Collection, Sequence
from typing import Any, ClassVar

import numpy as np
from jax import lax

from .. import initialisers
from ..arguments import as_number, flag, refuse, whole
from ..boxes.structure import Discard
from ..errors import LensError, explain
from ..interpret import Cx, Side
from ..spaces import Array, Index, Real, Space
from ..strands import Place, Strand, aligned
from ..terms import Box, Port, Term, identity, tensor
from .elementwise import Elementwise


def along(b: Any, x: Any) -> Any:
    """A learned array of the last axes, broadcast to the shape of `x` in one operation."""
    return lax.broadcast_in_dim(b, x.shape, tuple(range(x.ndim - b.ndim, x.ndim)))


class Weighted(Box):
    """A box that is linear in its input and in a parameter called ``weight``, an additive bias aside.

    Rules that put something else in the weight's place on the way back match on this class.
    """

    arity = (1, 1)
    glyph: ClassVar[str] = "learned"

    def map(self, cx: Cx, weight: Any, x: Any) -> Any:
        """The bilinear map itself."""
        raise NotImplementedError(type(self).__name__)

    def pull_input(self, cx: Cx, weight: Any, d: Any) -> Any:
        """The change of the input, from the change of the output, through `weight`."""
        raise NotImplementedError(type(self).__name__)

    def pull_weight(self, cx: Cx, x: Any, d: Any) -> Any:
        """The change of the weight, from the input and the change of the output."""
        raise NotImplementedError(type(self).__name__)

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        y = self.map(cx, p["weight"], xs[0])
        return y + along(p["bias"], y) if "bias" in p.params else y

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        return (self.apply(cx, p, *xs),), {}, xs[0]

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        (d,) = ds
        changes = {"weight": self.pull_weight(cx, kept, d)}
        if "bias" in p.params:
            changes["bias"] = d.sum(tuple(range(d.ndim - p.params["bias"].ndim)))
        return changes, [self.pull_input(cx, p["weight"], d)]


class Dense(Weighted):
    """An affine map of the last `axes` axes to axes of `sizes`: y = x W + b.

    Parameters: `weight` with the axes in then the axes out, and `bias` with the axes out.
    """

    sizes: tuple[int, ...]
    names: tuple[str | None, ...]
    axes: int = 1
    bias: bool = True
    init: str = "lecun_normal"

    @property
    def label(self) -> str:
        return "dense" if self.bias else "linear"

    def spell(self) -> str:
        arguments = [str(n) for n, name in zip(self.sizes, self.names, strict=True) if name is None]
        arguments += [f"{name}={n}" for n, name in zip(self.sizes, self.names, strict=True) if name is not None]
        arguments += [f"axes={self.axes}"] * (self.axes != 1) + [f"init={self.init!r}"] * (self.init != "lecun_normal")
        return f"{self.label}({', '.join(arguments)})"

    def type(self, dom: Space) -> Space:
        (x,) = dom
        if x.rank < self.axes:
            self.fail(0, f"a real array with at least {self.axes} axes", x)
        if not x.real:
            self.fail(0, "real numbers", x, "embed indices first: embedding(n) >> ...")
        return Space([x.replace(-self.axes, self.sizes, self.names)])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank - self.axes))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [
            *(dense(3).at(x) for x in (Real(2), Real(3, 2), Real(3, 3))),
            *(linear(2).at(x) for x in (Real(3), Real(2, 2))),
            dense(3, axes=2).at(Real(1, 2, 2)),
            dense(1, 3, axes=2).at(Real(2, 2)),
            dense(head=2, d=1).at(Real(2, d=3)),
        ]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        (x,) = dom
        fans = "" if (self.axes, len(self.sizes)) == (1, 1) else f":{self.axes}:{len(self.sizes)}"
        init = self.init + fans if self.init.endswith(("normal", "uniform")) and "_" in self.init else self.init
        weight = Array(x.sizes[-self.axes :] + self.sizes, x.names[-self.axes :] + self.names, x.element)
        ports = (Port("weight", "param", weight, init),)
        return (*ports, Port("bias", "param", Array(self.sizes, self.names, x.element))) if self.bias else ports

    def flops(self, dom: Space) -> int:
        (x,) = dom
        rows = math.prod(x.sizes[: x.rank - self.axes])
        return rows * math.prod(self.sizes) * (2 * math.prod(x.sizes[-self.axes :]) + self.bias)

    def _dot(self, a: Any, b: Any, over_a: Sequence[int], over_b: Sequence[int]) -> Any:
        return lax.dot_general(a, b, ((tuple(over_a), tuple(over_b)), ((), ())))

    def map(self, cx: Cx, weight: Any, x: Any) -> Any:
        return self._dot(x, weight, range(x.ndim - self.axes, x.ndim), range(self.axes))

    def pull_input(self, cx: Cx, weight: Any, d: Any) -> Any:
        out = len(self.sizes)
        return self._dot(d, weight, range(d.ndim - out, d.ndim), range(self.axes, self.axes + out))

    def pull_weight(self, cx: Cx, x: Any, d: Any) -> Any:
        out, rows = len(self.sizes), range(d.ndim - len(self.sizes))
        turned = self._dot(d, x, rows, rows)
        return lax.transpose(turned, (*range(out, out + self.axes), *range(out)))

    def reverse_term(self, dom: Space) -> Term:
        (x,) = dom
        cut = x.rank - self.axes
        lead, rows, out = x.names[:cut], x.names[cut:], self.names
        every = distinct((*lead, *rows, *out), "a", ())
        lead, rows, out = every[:cut], every[cut : x.rank], every[x.rank :]
        line = " ".join
        to_weight = einsum(f"{line(lead + rows)}, {line(lead + out)} -> {line(rows + out)}")
        to_input = einsum(f"{line(lead + out)}, {line(rows + out)} -> {line(lead + rows)}")
        to_bias = einsum(f"{line(lead + out)} -> {line(out)}") if lead else identity

        def r(w: Any, *rest: Any) -> Any:
            *_, x, d = rest
            changes = (to_weight(x, d), to_bias(d)) if self.bias else (to_weight(x, d),)
            return (*changes, to_input(d, w))

        return traced(r, 4 if self.bias else 3)


def distinct(names: Sequence[str | None], kind: str, others: Collection[str]) -> list[str]:
    """Names for an einsum pattern: those of the axes, where they tell them apart from each other and from `others`;
    the rest are told apart by their `kind`, and leave the axes unnamed."""

    def plain(name: str | None) -> bool:
        return name is not None and name.isidentifier() and names.count(name) == 1 and name not in others

    return [name if plain(name) and name else f"_{kind}{i}" for i, name in enumerate(names)]


def dense(*sizes: int, axes: int = 1, bias: bool = True, init: str = "lecun_normal", **named: int) -> Term:
    """An affine map of the last `axes` axes to new axes, possibly named, as in ``dense(head=8, d=64)``.

    `init` names the initialiser of the weight (see `lenses.initialisers`); the bias starts at zero.
    """
    call = "dense" if bias is True else "linear"
    if not sizes and not named:
        raise LensError(explain(f"{call}()", expected="the sizes of the new axes, as in dense(64)"))
    names = (None,) * len(sizes) + tuple(named)
    values = zip(names, (*sizes, *named.values()), strict=True)
    shape = tuple([whole(call, f"the size of axis {name or '(unnamed)'}", n) for name, n in values])
    return Dense(shape, names, whole(call, "axes", axes), flag("dense", "bias", bias), initialisers.check(init, call))


def linear(*sizes: int, axes: int = 1, init: str = "lecun_normal", **named: int) -> Term:
    """A linear map of the last `axes` axes to new axes: `dense` without a bias."""
    return dense(*sizes, axes=axes, bias=False, init=init, **named)


class Bias(Box):
    """Adds a learned array of the last `axes` axes: y = x + b."""

    arity = (1, 1)
    glyph: ClassVar[str] = "learned"
    axes: int = 1

    def type(self, dom: Space) -> Space:
        if dom[0].rank < self.axes or not dom[0].real:
            self.fail(0, f"a real array with at least {self.axes} axes", dom[0])
        return dom

    def strands(self, dom: Space) -> Sequence[Strand]:
        # Each slice along its own axes has a bias of its own.
        return aligned(range(dom[0].rank - self.axes))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        ranks = (0, Real()), (1, Real(2)), (1, Real(3, 2)), (1, Real(2, 2)), (2, Real(2, 2)), (2, Real(3, 1, 2))
        return [bias(axes).at(x) for axes, x in ranks]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        (x,) = dom
        cut = x.rank - self.axes
        return (Port("bias", "param", Array(x.sizes[cut:], x.names[cut:], x.element)),)

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return xs[0] + along(p["bias"], xs[0])

    def reverse_term(self, dom: Space) -> Term:
        (x,) = dom
        cut = x.rank - self.axes
        every = distinct(x.names, "a", ())
        lead, own = every[:cut], every[cut:]
        total = einsum(f"{' '.join(lead + own)} -> {' '.join(own)}") if lead else identity
        return traced(lambda b, x, d: (total(d), d), 3)


def bias(axes: int = 1) -> Term:
    """Adds a learned array to the last `axes` axes."""
    return Bias(whole("bias", "axes", axes, 0))


class Scale(Elementwise):
    """Multiplies by the number `factor`."""

    linear: ClassVar[bool] = True
    glyph: ClassVar[str] = "scale"
    factor: float

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [scale(-1.5).at(Real(2)), scale(0.5).at(Real(2, 3)), scale(0.0).at(Real())]

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return xs[0] * self.factor

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        return (xs[0] * self.factor,), {}, None

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        return {}, [ds[0] * self.factor]

    def reverse_term(self, dom: Space) -> Term:
        return tensor(Discard(), self)


def scale(factor: float) -> Term:
    """Multiplies by a number."""
    value = as_number(factor)
    return Scale(refuse("scale", "the factor", factor, "a number") if value is None else value)


LETTERS = string.ascii_letters


class Einsum(Box):
    """A product of arrays with repeated axes summed, in einsum notation with names: "query d, key d -> query key".

    Axes are matched by place within each operand, and names that stand on the left alone are
    summed. A name twice in one operand takes the diagonal. Leading axes are broadcast. A name that
    starts with an underscore leaves its axis unnamed.
    """

    glyph: ClassVar[str] = "einsum"
    levels: ClassVar[bool] = False
    pattern: str

    @property
    def _operands(self) -> list[list[str]]:
        return [part.split() for part in self.pattern.split("->")[0].split(",")]

    @property
    def _result(self) -> list[str]:
        return self.pattern.split("->")[1].split()

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (len(self._operands), 1)

    def type(self, dom: Space) -> Space:
        sizes: dict[str, int] = {}
        lead: tuple[tuple[int, str | None], ...] = ()
        for wire, (names, array) in enumerate(zip(self._operands, dom, strict=True)):
            if array.change is None:
                self.fail(wire, "numbers that can be added and multiplied", array, "embed indices first")
            if array.element != dom[0].element:
                self.fail(wire, f"elements like those on wire 0, {dom[0]!r}", array)
            if array.rank < len(names):
                self.fail(wire, f"at least {len(names)} axes ({', '.join(names)})", array)
            cut = array.rank - len(names)
            for name, size in zip(names, array.sizes[cut:], strict=True):
                if sizes.setdefault(name, size) != size:
                    self.fail(wire, f"the axis {name!r} of size {sizes[name]}, as before", array)
            own = tuple(zip(array.sizes[:cut], array.names[:cut], strict=True))
            if lead and own and [n for n, _ in own] != [n for n, _ in lead]:
                self.fail(wire, f"the leading axes {[n for n, _ in lead]}, as on the wires before, or none", array)
            lead = lead or own
        result = self._result
        names = [None if n.startswith("_") else n for n in result]
        return Space(
            [Array([n for n, _ in lead] + [sizes[n] for n in result], [m for _, m in lead] + names, dom[0].element)]
        )

    def strands(self, dom: Space) -> Sequence[Strand]:
        ins: dict[Any, list[Place]] = {}  # by a letter, or the number of a leading axis
        for wire, (names, array) in enumerate(zip(self._operands, dom, strict=True)):
            for place, index in enumerate([*range(array.rank - len(names)), *names]):
                ins.setdefault(index, []).append((wire, place))
        leads = sorted(index for index in ins if isinstance(index, int))
        outs = {index: ((0, place),) for place, index in enumerate([*leads, *self._result])}
        return [Strand(tuple(places), outs.get(index, ())) for index, places in ins.items()]

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [
            *(matmul.at(Real(*a), Real(*b)) for a, b in (((1, 2), (2, 3)), ((2, 2), (2, 2)), ((2, 1, 2), (2, 2, 3)))),
            einsum("i d, d -> i").at(Real(1, 3, 2), Real(2)),
            einsum("i, i, i ->").at(*[Real(2)] * 3),
            einsum("i j -> j i").at(Real(3, 2, 2)),
            einsum("i j -> j").at(Real(2, 3)),
            einsum("i i -> i").at(Real(2, 2)),
        ]

    def letters(self, dom: Space) -> str:
        """The pattern for NumPy: '...' for batch axes alone, a letter for each typed axis, leading ones too."""
        letter: dict[str, str] = {}
        for name in [n for names in self._operands for n in names]:
            letter.setdefault(name, LETTERS[len(letter)])
        leads = [a.rank - len(names) for names, a in zip(self._operands, dom, strict=True)]
        lead = LETTERS[len(letter) : len(letter) + max(leads)]
        operands = [
            "..." + (lead if n else "") + "".join(letter[n] for n in names)
            for names, n in zip(self._operands, leads, strict=True)
        ]
        return f"{','.join(operands)}->...{lead}" + "".join(letter[n] for n in self._result)

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return cx.dom[0].element.contract(self.letters(cx.dom), xs)

    def flops(self, dom: Space) -> int:
        sizes = {
            n: s
            for names, a in zip(self._operands, dom, strict=True)
            for n, s in zip(names, a.sizes[a.rank - len(names) :], strict=True)
        }
        lead = max(math.prod(a.sizes[: a.rank - len(names)]) for names, a in zip(self._operands, dom, strict=True))
        return 2 * lead * math.prod(sizes.values())

    def reverse_term(self, dom: Space) -> Term:
        operands, result = self._full(dom)
        ones = {
            n: Array((k,), (n,), a.element)
            for names, a in zip(operands, dom, strict=True)
            for n, k in zip(names, a.sizes, strict=True)
        }
        pulls = [_pull([result, *operands[:i], *operands[i + 1 :]], names, ones) for i, names in enumerate(operands)]

        def r(*args: Any) -> Any:
            *xs, d = args
            return tuple(pull(d, *xs[:i], *xs[i + 1 :]) for i, pull in enumerate(pulls))

        return traced(r, len(operands) + 1)

    def _full(self, dom: Space) -> tuple[list[list[str]], list[str]]:
        """The names of all axes, of leading ones too where some operands lack them."""
        operands, result = self._operands, self._result
        leads = [a.rank - len(names) for a, names in zip(dom, operands, strict=True)]
        first = dom[leads.index(max(leads))].names[: max(leads)]
        names = distinct(first, "b", {n for names in operands for n in names})
        return [[*names[:n], *own] for n, own in zip(leads, operands, strict=True)], [*names, *result]


def _pull(given: Sequence[Sequence[str]], names: Sequence[str], ones: dict[str, Array]) -> Term:
    """The change of an operand with these names, from the change of the product and the other operands.

    `ones` has an array of one axis for each name.
    An axis that was summed in the operand alone gets the same change all along it, and one that stood in it
    twice has its change on the diagonal: a product with the identity matrix.
    """
    from .reductions import spread

    axes = list(dict.fromkeys(names))
    held = [n for n in axes if any(n in other for other in given)]
    pull = einsum(f"{', '.join(map(' '.join, given))} -> {' '.join(held)}")
    for k, n in enumerate(axes):
        if n not in held:
            pull >>= spread(ones[n].size, -1 - sum(m in held for m in axes[k:]), None if n.startswith("_") else n)
    return pull if len(axes) == len(names) else pull >> _diagonal(names, axes, ones)


def _diagonal(names: Sequence[str], axes: Sequence[str], ones: dict[str, Array]) -> Term:
    """An array with these axes as the diagonal of one in which the axes have several places."""
    places = [n if n not in names[:k] else f"_{n}{k}" for k, n in enumerate(names)]
    again = [(n, place) for n, place in zip(names, places, strict=True) if n != place]
    left = ", ".join([" ".join(axes), *map(" ".join, again)])
    return tensor(identity, *(_unit_matrix(ones[n]) for n, _ in again)) >> einsum(f"{left} -> {' '.join(places)}")


def _unit_matrix(array: Array) -> Term:
    """The identity matrix with the elements and the size of an array of one axis."""
    from .lookup import constant, one_hot

    n = array.size
    if array.real:
        return constant(range(n), Index(n, below=n)) >> one_hot(array.dtype.name)
    return constant(np.eye(n), Space([Array((n, n), (None, None), array.element)]))


def einsum(pattern: str) -> Term:
    """A product of arrays in einsum notation with names of axes, one operand a wire.

    ``einsum("query d, key d -> query key")``; ``einsum("i j -> j i")`` transposes. Raises LensError
    for a pattern without an arrow or with an axis on the right alone or twice.
    """
    if not isinstance(pattern, str):
        refuse("einsum", "the pattern", pattern, "text, as in einsum('query d, key d -> query key')")
    left, arrow, right = pattern.partition("->")
    known = {name for part in left.split(",") for name in part.split()}
    names = right.split()
    bad = [n for n in names if n not in known] + [n for n in names if names.count(n) > 1]
    odd = [n for n in sorted(known) if not n.isidentifier()]
    if odd and not bad:
        refuse(f"einsum({pattern!r})", "an axis", odd[0], "names of axes; leading axes stay by themselves, so no '...'")
    if not arrow or "->" in right or "," in right or bad or len(known) > 52:
        raise LensError(
            explain(
                f"einsum({pattern!r}) is no pattern",
                expected="names of axes, operands separated by commas, '->', and names from the left, each once",
                came=f"{bad[0]!r} on the right" if bad else pattern,
                do="write it as in einsum('query d, key d -> query key')",
            )
        )
    clean = ", ".join(" ".join(part.split()) for part in left.split(","))
    return Einsum(f"{clean} -> {' '.join(names)}".rstrip() if names else f"{clean} ->")


matmul = einsum("i j, j k -> i k")
"""The product of two matrices, the last two axes of each wire."""


def traced(f: Any, wires: int) -> Term:
    """The term that the function `f` of `wires` wires traces."""
    from ..wiring import trace

    return trace(f, wires)
