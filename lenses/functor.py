"""Folding over terms: the one way in which anything is computed from a term.

A functor out of the free category is fixed by what it does to boxes. So a functor here is a table
of clauses over box classes, and its value on a composite is the fold: `fold` runs through a wiring
graph in order and hands each node's clause what its input wires carry; `unfold` runs backwards and
hands each clause what has come back on its output wires. What wires carry is up to the functor:
spaces (typing), arrays (evaluation), arrays and residuals (the lens of a rule), symbolic wires of
another term (`Functor`, `reverse`, `tangent`). Composition and tensor are never part of a table,
which is why every table gives a functor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from .errors import ArityError, explain
from .terms import Box, Seq, Term, check_terms, compose, tensor


def fold(
    nodes: Iterable[Any], outs: Sequence[int], wires: Sequence[Any], clause: Callable[[Any, list[Any]], Sequence[Any]]
) -> list[Any]:
    """What the wires `outs` carry, when `wires` come in and each node's clause maps its inputs to its outputs."""
    carried: dict[int, Any] = dict(enumerate(wires))
    for node in nodes:
        for w, value in zip(node.outs, clause(node, [carried[w] for w in node.ins]), strict=True):
            carried[w] = value
    return [carried[w] for w in outs]


def unfold(
    nodes: Sequence[Any],
    outs: Sequence[int],
    inputs: int,
    messages: Sequence[Any],
    clause: Callable[[Any, list[Any]], Sequence[Any]],
) -> list[Any]:
    """What comes back on the `inputs` first wires, when `messages` come back on `outs`; nodes in reverse."""
    carried: dict[int, Any] = dict(zip(outs, messages, strict=True))
    for node in reversed(nodes):
        for w, value in zip(node.ins, clause(node, [carried.get(w) for w in node.outs]), strict=True):
            carried[w] = value
    return [carried.get(w) for w in range(inputs)]


C = TypeVar("C")


class Table(Generic[C]):
    """Clauses by key, looked up for a box as: this box -> its class -> base classes -> every box (`Box`)."""

    def __init__(self, clauses: Mapping[Any, C]):
        self.clauses = dict(clauses)
        self._boxes = any(isinstance(key, Box) for key in self.clauses)
        self._found: dict[type[Box], C | None] = {}

    def get(self, box: Box) -> C | None:
        """The clause for `box`, None where the table has none."""
        if self._boxes and box in self.clauses:
            return self.clauses[box]
        kind = type(box)
        if kind not in self._found:
            self._found[kind] = next((self.clauses[k] for k in kind.__mro__ if k in self.clauses), None)
        return self._found[kind]

    def __or__(self, clauses: Mapping[Any, C]) -> Table[C]:
        return Table(self.clauses | dict(clauses))


class Functor:
    """A functor from terms to terms, given by a clause (box -> term of the same arity) a box class.

    A box without a clause is kept; a box with a term inside is kept around that term's image.
    """

    def __init__(self, clauses: Mapping[Any, Callable[[Any], Term]]):
        self.table = Table(clauses)

    def box(self, box: Box) -> Term:
        """The image of a generator."""
        clause = self.table.get(box)
        if clause is None:
            inner = {f: self(v) for f, v in box.fields.items() if isinstance(v, Term)}
            return type(box)(**{**box.fields, **inner}) if inner else box
        image = clause(box)
        if image.arity != box.arity:
            raise ArityError(explain(f"{image!r} cannot stand for {box!r}", expected=box.arity, came=image.arity))
        return image

    def __call__(self, term: Term) -> Term:
        """The image of a term; composites go to composites, of any length and depth."""
        from .typed import Typed

        check_terms("mapped by a functor", [term])
        if isinstance(term, Typed):
            return Typed(self(term.term), term.dom)
        images: list[Term] = []
        stack: list[tuple[Term, bool]] = [(term, False)]
        while stack:
            t, open_ = stack.pop()
            if isinstance(t, Box):
                images.append(self.box(t))
                continue
            factors = t.parts if isinstance(t, Seq) else t.factors  # type: ignore[union-attr]
            if not open_:
                stack.append((t, True))
                stack.extend((f, False) for f in reversed(factors))
            else:
                done = images[len(images) - len(factors) :]
                del images[len(images) - len(factors) :]
                images.append(compose(*done) if isinstance(t, Seq) else tensor(*done))
        return images[0]
