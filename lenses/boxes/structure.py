"""Copy, discard, add, zero: the generators that make a category cartesian and left-additive.

They are boxes like any other, and equality of terms uses no law of theirs: whether copy is natural,
say, is a question about a meaning, which a rule may answer either way. `Check` keeps a given type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..errors import LensError, explain, shown
from ..spaces import Index, Real, Space, unit
from ..strands import Strand, aligned
from ..terms import Box, Identity, Term, all_counts, one_count, tensor


class Copy(Box):
    """One wire to `times` wires, each carrying the same value. Its reverse derivative adds the changes."""

    glyph: ClassVar[str] = "dot"
    linear: ClassVar[bool] = True
    times: int = 2

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (1, self.times)

    def spell(self) -> str:
        return "copy" if self.times == 2 else f"copy({self.times})"

    def type(self, dom: Space) -> Space:
        return Space([dom[0]] * self.times)

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank), 1, self.times)

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [copy.at(Real(2)), copy(3).at(Real(2, 3)), copy(1).at(Real(2, 2)), copy.at(Index(2, below=3))]

    def flops(self, dom: Space) -> int:
        return 0

    def apply(self, cx: Any, p: Any, *xs: Any) -> Any:
        return xs * self.times

    def reverse_term(self, dom: Space) -> Term:
        if dom[0].change is None:
            return Discard()
        return tensor(Discard(), Add(self.times))

    def __call__(self, *arguments: Any) -> Any:
        return Copy(one_count("copy", arguments, 1)) if all_counts(arguments) else super().__call__(*arguments)


class Discard(Box):
    """One wire to none. Its reverse derivative is zero."""

    glyph: ClassVar[str] = "end"
    linear: ClassVar[bool] = True
    arity = (1, 0)

    def spell(self) -> str:
        return "discard"

    def type(self, dom: Space) -> Space:
        return unit

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [discard.at(Real(2)), discard.at(Real(2, 3)), discard.at(Index(2, below=3))]

    def apply(self, cx: Any, p: Any, *xs: Any) -> Any:
        return ()

    def reverse_term(self, dom: Space) -> Term:
        change = dom[0].change
        return Discard() if change is None else Discard() >> Zero(Space([change]))


class Add(Box):
    """The sum of `terms` wires that carry one space; changes go to every summand."""

    glyph: ClassVar[str] = "plus"
    linear: ClassVar[bool] = True
    terms: int = 2

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (self.terms, 1)

    def spell(self) -> str:
        return "add" if self.terms == 2 else f"add({self.terms})"

    def type(self, dom: Space) -> Space:
        for i, array in enumerate(dom):
            if array.change is None:
                self.fail(i, "numbers that can be added", array, "indices cannot be added; embed them first")
            if array != dom[0]:
                self.fail(i, f"{dom[0]!r}, as on wire 0", array)
        return Space([dom[0]])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank), self.terms)

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [add.at(*[Real(2)] * 2), add(3).at(*[Real(2, 3)] * 3), add(1).at(Real(2, 2)), add.at(*[Real()] * 2)]

    def flops(self, dom: Space) -> int:
        return (self.terms - 1) * dom[0].size

    def apply(self, cx: Any, p: Any, *xs: Any) -> Any:
        total, element = xs[0], cx.dom[0].element
        for x in xs[1:]:
            total = element.plus(total, x)
        return total

    def reverse_term(self, dom: Space) -> Term:
        return tensor(*[Discard()] * self.terms, Copy(self.terms) if self.terms != 1 else Identity())

    def __call__(self, *arguments: Any) -> Any:
        return Add(one_count("add", arguments, 1)) if all_counts(arguments) else super().__call__(*arguments)


class Zero(Box):
    """No wire to one that carries the zero of `space`, a single array."""

    glyph: ClassVar[str] = "start"
    linear: ClassVar[bool] = True
    arity = (0, 1)
    space: Space

    def __post_init__(self) -> None:
        if len(self.space) != 1 or self.space[0].change is None:
            raise LensError(explain(f"zero({self.space!r})", expected="the space of one array that can change"))

    def type(self, dom: Space) -> Space:
        return self.space

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(self.space[0].rank), 0)

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [zero(Real()).at(), zero(Real(2)).at(), zero(Real(2, 3)).at()]

    def apply(self, cx: Any, p: Any, *xs: Any) -> Any:
        # A NumPy constant: where it meets batch axes it is broadcast once, as one would by hand.
        return np.zeros(self.space[0].sizes, self.space[0].dtype)

    def reverse_term(self, dom: Space) -> Term:
        return Discard()


class Check(Box):
    """The identity on the wires of `space`, and of no other: types that were given are kept in the term."""

    glyph: ClassVar[str] = "wire"
    linear: ClassVar[bool] = True
    checks: ClassVar[bool] = True  # type: ignore[misc]
    space: Space

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (len(self.space), len(self.space))

    def spell(self) -> str:
        return f"{Identity(len(self.space)).spell()}.at({self.space!r})"

    def type(self, dom: Space) -> Space:
        for i, (came, expected) in enumerate(zip(dom, self.space, strict=True)):
            if came != expected:
                self.fail(i, expected, came)
        return self.space

    def strands(self, dom: Space) -> Sequence[Strand]:
        return Identity(len(dom)).strands(dom)

    @classmethod
    def examples(cls) -> Sequence[Term]:
        # Where even the names of the axes agree, typing shows that the check holds and leaves it out.
        mixed = Check(Real(a=2) @ Index(b=3, below=2))
        return [Check(Real(a=2, b=3)).at(Real(2, 3)), mixed.at(Real(2), Index(3, below=2))]

    def flops(self, dom: Space) -> int:
        return 0

    def apply(self, cx: Any, p: Any, *xs: Any) -> Any:
        return xs

    def reverse_term(self, dom: Space) -> Term:
        changes = Identity(len(self.space.change))
        return tensor(*[Discard()] * len(self.space), changes)


copy = Copy()
"""One wire to two; ``copy(n)`` to n."""
discard = Discard()
"""One wire to none."""
add = Add()
"""The sum of two wires; ``add(n)`` of n."""


def zero(space: Space) -> Term:
    """The zero of `space`, from no wire: one `Zero` box an array."""
    if not isinstance(space, Space) or any(array.change is None for array in space):
        raise LensError(explain(f"zero({shown(space)})", expected="a space that can change, as in zero(Real(64))"))
    return tensor(*[Zero(Space([array])) for array in space])
