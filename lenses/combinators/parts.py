"""Parts of a term: `block(name, f)`, and `tied(name, f)`, whose uses share their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..boxes.linear import bias, dense
from ..boxes.normalisation import batch_norm
from ..boxes.pointwise import tanh
from ..cost import flops
from ..errors import LensError, explain, shown
from ..interpret import (
    Cx,
    Side,
    backward,
    evaluate,
    forward,
)
from ..spaces import Real, Space
from ..terms import Term, identity, swap
from ..trees import Tree
from ..typed import Circuit, Combinator, infer, plain


class Composite(Combinator):
    """A combinator that means what its term means; the others override what they change."""

    @property
    def content(self) -> Term:
        """The term inside."""
        return self.fields["term"]

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return self.content.arity

    def inside(self, dom: Space) -> tuple[Term, Space] | None:
        return self.content, dom

    def type(self, dom: Space) -> Space:
        return infer(self.content, dom)

    def runs(self, dom: Space) -> int:
        """How many times the term inside is run."""
        return 1

    def flops(self, dom: Space) -> int:
        return self.runs(dom) * flops(*(self.inside(dom) or (self.content, dom)))

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        ys, states = evaluate(cx.inner, self.side(cx, p), xs, cx.env)
        return tuple(ys), states

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        ys, states, tape = forward(cx.inner, self.side(cx, p), xs, cx.env)
        return tuple(ys), states, tape

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        return backward(cx.inner, self.side(cx, p), kept, ds, cx.env)

    def side(self, cx: Cx, p: Side) -> Side:
        """The side of the term inside, out of the box's own."""
        return p


def part_name(call: str, name: Any) -> str:
    """`name` if it can name a part of a model; raises LensError otherwise."""
    if not isinstance(name, str) or not name or any(c in name for c in "./") or not name.isprintable():
        raise LensError(
            explain(
                f"{call}: {shown(name)} names no part", expected="printable text without '.' and '/', e.g. 'encoder_1'"
            )
        )
    return name


class Block(Composite):
    """The term `term` as a part called `name`."""

    glyph: ClassVar[str] = "block"
    named = True
    name: str
    term: Term

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [
            *(block("part", dense(3) >> tanh).at(x) for x in (Real(2), Real(3, 3))),
            block("part", swap >> tanh @ identity).at(Real(2), Real(3)),
            block("part", batch_norm(training=False)).at(Real(2, 3)),
        ]

    @property
    def label(self) -> str:
        return self.name


def block(name: str, term: Term) -> Term:
    """`term` as a part called `name`, under which its parameters are kept."""
    return Block(part_name("block", name), plain(term, "given to block"))


class Tied(Composite):
    """The term `term`, its parameters shared with every other use of the same `name` in a model."""

    glyph: ClassVar[str] = "block"
    name: str
    term: Term

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [
            *(tied("shared", dense(3) >> tanh).at(x) for x in (Real(2), Real(3, 3))),
            tied("shared", block("part", dense(2)) >> bias()).at(Real(3)),
        ]

    def ties(self, inner: Circuit) -> tuple[Tree, Tree]:
        return {}, inner.tied | ({self.name: inner.params} if inner.params else {})

    def side(self, cx: Cx, p: Side) -> Side:
        return Side(p.shared.get(self.name, {}), p.states, p.key, p.shared)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        changes, dxs = super().backward(cx, p, kept, ds)
        cx.use({self.name: changes})
        return {}, dxs


def tied(name: str, term: Term) -> Term:
    """`term`, sharing its parameters with all uses tied under `name`: reparametrisation along copy.

    The gradient of a shared parameter is the sum over its uses.
    """
    return Tied(part_name("tied", name), plain(term, "given to tied"))
