"""What a rule is: one functor from terms to lenses with their residual, given by a table.

A rule sends a term A -> B to a forward pass A -> B * M and a backward pass M * B* -> A*, with the
parameters alongside. It is fixed by

1. what the messages on wires are: `start` makes one of an output and its change, `finish` takes the
   change of an input out of one, and whatever else is a message goes between;
2. a clause for each box class, `clauses`, looked up box -> class -> base class -> every box, where
   every box falls back on the lens that it is itself (`Box.forward`, `Box.backward`);
3. how messages meet: `join` at a copy, nothing at a discard, `split` at an add, `meet` for the uses
   of one parameter;
4. the pass: `Cx.env.before` (labels and the like, known before the forward pass) and
   `Cx.env.after` (the error at the outputs, published once the forward pass is done).

Composition and tensor are folds over the wiring graph and never overridden: functoriality holds by
construction. Backprop is the rule in which messages are changes, they join by +, and every clause
is the reverse derivative. Other laws are facts about a rule and recorded with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from ..arguments import refuse
from ..boxes.structure import Add, Check, Copy, Discard, Zero
from ..functor import Table
from ..spaces import Array, Space
from ..terms import Box, Port

if TYPE_CHECKING:
    from ..interpret import Cx, Side
    from ..typed import Typed

Forward = tuple[tuple[Any, ...], Any, Any]
Backward = tuple[Any, Sequence[Any]]


class Clause:
    """What a rule does to a class of boxes; the default is the lens that the box itself is."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        """Outputs (a tuple), new states (a dict), and the residual (a pytree of arrays)."""
        return cx.cell.box.forward(cx, p, xs)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        """Messages to the parameters (a dict) and to the input wires, from those on the output wires.

        A message is None where nothing came back; `Rule.fill` puts zeros there.
        """
        if any(d is None for d in ds):
            ds = cx.rule.fill(cx.cod, ds, cx.lead)
        return cx.cell.box.backward(cx, p, kept, ds)


class CopyClause(Clause):
    """Messages of the copies are joined."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        return (xs[0],) * len(cx.cod), {}, None

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        some = [d for d in ds if d is not None]
        return {}, [cx.rule.join(cx.dom[0], some) if some and cx.dom[0].change is not None else None]


class DiscardClause(Clause):
    """Nothing comes back from a discarded wire."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        return (), {}, None

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return {}, [None]


class AddClause(Clause):
    """A message to a sum is split among the summands."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        ys, states = cx.cell.box.run(cx, p, xs)
        return ys, states, cx.rule.keep_terms(xs)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return {}, cx.rule.split(ds[0], kept, len(cx.dom))


class ZeroClause(Clause):
    """A message to a constant goes nowhere."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        ys, states = cx.cell.box.run(cx, p, xs)
        return ys, states, None

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return {}, []


class CheckClause(Clause):
    """Messages pass a check of types as they are."""

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> Forward:
        return tuple(xs), {}, None

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> Backward:
        return {}, ds


STRUCTURE: dict[Any, Clause] = {
    Box: Clause(),
    Copy: CopyClause(),
    Discard: DiscardClause(),
    Add: AddClause(),
    Zero: ZeroClause(),
    Check: CheckClause(),
}


class Rule:
    """A rule; see the module. The class itself, with no clause of its own, is backprop.

    Subclass it to change the type of messages; pass `clauses` to change what boxes do.
    """

    keeps_outputs: ClassVar[bool] = False
    """Whether the first message needs the outputs themselves."""
    additive: ClassVar[bool] = True
    """Messages meet additively: copy is natural."""
    zero_preserving: ClassVar[bool] = True
    """Where nothing comes back to a box, nothing goes on: discard is natural, dead branches cost nothing."""
    votes: ClassVar[bool] = False
    """Over a ring, messages are numbers that are counted, and not elements that meet in the ring."""
    local: ClassVar[bool] = True
    """What a box sends back depends on what came back to it, not on the error of the whole: composites are of parts."""

    def __init__(self, name: str = "backprop", clauses: Mapping[Any, Clause] | None = None):
        self.name = name
        self._table: Table[Clause] = Table(STRUCTURE) | (clauses or {})

    def clause(self, box: Box) -> Clause:
        """The clause for a box."""
        found = self._table.get(box)
        assert found is not None  # STRUCTURE has one for every box
        return found

    def __repr__(self) -> str:
        return f"<rule {self.name}>"

    def bind(self, term: Typed) -> Rule:
        """The rule for one model, for rules whose clauses need to know its codomain."""
        return self

    # -- the rule's own ports ----------------------------------------------------------------
    def ports(self, box: Box, dom: Space) -> tuple[Port, ...]:
        """States that the rule adds to a box, e.g. its feedback weights."""
        return ()

    # -- messages ----------------------------------------------------------------------------
    def start(self, y: Any, dy: Any) -> Any:
        """The message on an output wire, from its value and its change."""
        return dy

    def finish(self, message: Any) -> Any:
        """The change of an input wire, out of the message on it."""
        return message

    def join(self, array: Array, messages: Sequence[Any]) -> Any:
        """The message at a copy, from those of its uses (at least one), the last use first."""
        total = messages[-1]
        for message in messages[-2::-1]:
            total = self.plus(array, total, message)
        return total

    def plus(self, array: Array, x: Any, y: Any) -> Any:
        """The sum of two messages to a wire or a parameter that carries `array`."""
        return array.element.plus(x, y)

    def total(self, array: Array, messages: Any, axes: int) -> Any:
        """The sum of messages to `array` along `axes` leading axes."""
        return array.element.total(messages, range(axes))

    def split(self, message: Any, kept: Any, terms: int) -> Sequence[Any]:
        """The messages to the summands of a sum."""
        return [message] * terms

    def keep_terms(self, xs: Sequence[Any]) -> Any:
        """What is kept of the summands for `split`."""
        return None

    def meet(self, array: Array, use: Any, other: Any) -> Any:
        """The message to a parameter, from those of two of its uses."""
        return self.plus(array, use, other)

    def lead(self, space: Space, ds: Sequence[Any]) -> tuple[int, ...]:
        """The batch axes of the messages on wires of `space`, as sizes; () if there are no messages."""
        some = next(((d, a) for d, a in zip(ds, space, strict=True) if d is not None), None)
        return jnp.shape(some[0])[: jnp.ndim(some[0]) - some[1].rank] if some else ()

    def fill(self, cod: Space, ds: Sequence[Any], shape: tuple[int, ...] | None = None) -> list[Any]:
        """The messages on wires of `cod`, zeros where nothing came back, of batch axes `shape` or the others'."""
        shape = self.lead(cod, ds) if shape is None else shape
        return [
            jnp.zeros(shape + a.sizes, a.dtype) if d is None and a.change is not None else d
            for d, a in zip(ds, cod, strict=True)
        ]

    def unbatch(self, array: Array, message: Any, axes: int) -> Any:
        """The message to a wire of `array` that was broadcast over `axes` leading axes."""
        return self.total(array, message, axes) if axes else message

    def map(self, f: Any, message: Any) -> Any:
        """The message with `f` (a rearrangement of axes) applied to its arrays."""
        return jax.tree.map(f, message)


backprop = Rule()
"""The reverse derivative: messages are changes, they join by +, every clause is the box's own lens."""


def check_rule(call: str, rule: Any) -> Rule:
    """`rule` if it is one; raises LensError otherwise."""
    if not isinstance(rule, Rule):
        refuse(call, "the rule", rule, "a rule, e.g. backprop")
    return rule
