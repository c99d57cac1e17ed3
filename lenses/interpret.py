"""Interpretation in JAX: a typed graph as a function of arrays, and as the lens of a rule.

`evaluate` is the functor to functions. `forward` and `backward` are the two halves of the functor
to lenses that a rule fixes: forward keeps a residual for each box, backward turns the messages on
the outputs into messages on the inputs and on the parameters. Each box runs once in each.

A box or combinator sees the fold through its context `Cx`, which lets a box with a term inside
fold that term under the same rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from .functor import fold, unfold
from .spaces import Array, Space
from .trees import Tree, complete
from .typed import Cell, Circuit

if TYPE_CHECKING:
    from .rules.rule import Rule


@dataclass(slots=True)
class Side:
    """What comes from the side: trees of parameters and states, a random key, parameters tied by name."""

    params: dict[str, Any] = field(default_factory=dict)
    states: dict[str, Any] = field(default_factory=dict)
    key: Any = None
    shared: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.params[name] if name in self.params else self.states[name]

    def of(self, cell: Cell) -> Side:
        """The part for one cell; its key is made from the key of the whole and the cell's place."""
        return Side(
            self.params if cell.whole else self.params.get(cell.name, {}),
            self.states if cell.whole else self.states.get(cell.name, {}),
            jax.random.fold_in(self.key, cell.index) if cell.keyed else None,
            self.shared,
        )


@dataclass(slots=True)
class Env:
    """What a whole pass shares.

    `before` is known before the forward pass (labels), `after` is published once it is done (the
    error at the outputs); `uses` collects the messages to parameters that are tied by name.
    `model` is the rule inside an exposed model, where that is not the rule of the pass.
    """

    rule: Rule
    model: Rule = field(default=None)  # type: ignore[assignment]  # the rule itself unless given
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    uses: dict[str, list[Any]] = field(default_factory=dict)

    points: ClassVar[bool] = False
    """Whether every array, parameters too, has an axis of points in front that nothing is ever summed over."""

    def __post_init__(self) -> None:
        self.model = self.model or self.rule

    def spread(self, tree: Any) -> Any:
        """A tree of arrays that are the same for all points, as the pass wants them."""
        return tree

    def anew(self, rule: Rule) -> Env:
        """An environment of the same kind for another pass, under `rule`."""
        return replace(self, rule=rule, model=rule, before={}, after={}, uses={})

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[Sequence[Any], Any]:
        """What one box does when a graph is evaluated. A subclass may run boxes in another way."""
        return cx.cell.box.run(cx, p, xs)

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[Sequence[Any], Any, Any]:
        """What one box does in a forward pass."""
        return self.rule.clause(cx.cell.box).forward(cx, p, xs)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        """What one box does in a backward pass."""
        return self.rule.clause(cx.cell.box).backward(cx, p, kept, ds)


class Cx:
    """The context of one box in a pass: its cell, and the pass it is part of.

    `lead` are the batch axes of its outputs, where a rule asks for messages that did not come back.
    """

    __slots__ = ("cell", "env", "lead")

    def __init__(self, cell: Cell, env: Env, lead: tuple[int, ...] | None = None):
        self.cell, self.env = cell, env
        self.lead = lead

    @property
    def dom(self) -> Space:
        """The box's typed domain."""
        return self.cell.dom

    @property
    def cod(self) -> Space:
        """The box's typed codomain."""
        return self.cell.cod

    @property
    def inner(self) -> Circuit:
        """The typed graph of the term inside the box."""
        assert self.cell.inner is not None
        return self.cell.inner

    @property
    def rule(self) -> Rule:
        """The rule of the pass."""
        return self.env.rule

    def batch(self, x: Any, wire: int = 0) -> int:
        """How many leading batch axes the array on input `wire` has."""
        return x.ndim - self.cell.dom[wire].rank

    def separate(self, rule: Rule | None = None) -> Env:
        """An environment for a pass within this one, uses of tied parameters collected apart; maybe another rule."""
        return replace(self.env, rule=rule or self.env.rule, uses={})

    def use(self, uses: dict[str, Any]) -> None:
        """Adds one message a tied parameter, collected apart, to those of the pass."""
        for name, message in uses.items():
            self.env.uses.setdefault(name, []).append(message)


# -- batch axes ------------------------------------------------------------------------------


def level(cell: Cell, xs: Sequence[Any]) -> tuple[Sequence[Any], tuple[int, ...] | None]:
    """Inputs with common batch axes, and how many each had before, None where they already agree.

    Wires that start from nothing (constants, zeros) carry no batch axes; where they meet wires
    that do, they are broadcast here, once for all boxes.
    """
    if len(xs) < 2 or not cell.box.levels:
        return xs, None
    had = batch_ranks(cell.dom, xs)
    return (xs, None) if min(had) == max(had) else (broadcast(had, xs), had)


def batch_ranks(dom: Iterable[Array], xs: Sequence[Any]) -> tuple[int, ...]:
    """How many leading batch axes each array has before those of its typed one."""
    return tuple([jnp.ndim(x) - a.rank for x, a in zip(xs, dom, strict=True)])


def broadcast(had: Sequence[int], xs: Sequence[Any]) -> list[Any]:
    """The arrays, of which each has so many batch axes, with those of the one that has most."""
    most = max(had, default=0)
    shape = next((jnp.shape(x)[:most] for x, n in zip(xs, had, strict=True) if n == most), ())
    return [jnp.broadcast_to(x, shape + jnp.shape(x)[n:]) if n < most else x for x, n in zip(xs, had, strict=True)]


@jax.tree_util.register_dataclass
@dataclass
class Levelled:
    """A residual of a box whose inputs were broadcast to common batch axes."""

    kept: Any
    had: tuple[int, ...] = field(metadata={"static": True})


@jax.tree_util.register_dataclass
@dataclass
class Batched:
    """A residual under a rule that goes on where nothing came back, with the batch axes of the outputs."""

    kept: Any
    lead: tuple[int, ...] = field(metadata={"static": True})


# -- the three passes ------------------------------------------------------------------------


def evaluate(circuit: Circuit, side: Side, xs: Sequence[Any], env: Env) -> tuple[list[Any], dict[str, Any]]:
    """The outputs of a typed graph and its new states."""
    states: dict[str, Any] = {}

    def clause(cell: Cell, xs: list[Any]) -> Sequence[Any]:
        ys, new = env.run(Cx(cell, env), side.of(cell), level(cell, xs)[0])
        _put(states, cell, new)
        return ys

    return fold(circuit.cells, circuit.outs, xs, clause), states


def _put(tree: dict[str, Any], cell: Cell, value: dict[str, Any]) -> None:
    """Puts what a cell says of its parameters or states where the graph's tree has them."""
    if cell.whole:
        tree.update(value)
    elif value:
        tree[cell.name] = value


def forward(circuit: Circuit, side: Side, xs: Sequence[Any], env: Env) -> tuple[list[Any], dict[str, Any], list[Any]]:
    """The forward pass of the rule's lens: outputs, new states, and the residual of each cell."""
    states: dict[str, Any] = {}
    tape: list[Any] = []

    def clause(cell: Cell, xs: list[Any]) -> Sequence[Any]:
        even, had = level(cell, xs)
        ys, new, kept = env.forward(Cx(cell, env), side.of(cell), even)
        _put(states, cell, new)
        kept = kept if had is None else Levelled(kept, had)
        if not env.rule.zero_preserving and cell.cod.arrays:
            kept = Batched(kept, jnp.shape(ys[0])[: jnp.ndim(ys[0]) - cell.cod[0].rank])
        tape.append(kept)
        return ys

    return fold(circuit.cells, circuit.outs, xs, clause), states, tape


def backward(
    circuit: Circuit, side: Side, tape: Sequence[Any], messages: Sequence[Any], env: Env
) -> tuple[dict[str, Any], list[Any]]:
    """The backward pass: messages to the parameters (a tree, entries without any left out) and to the inputs."""
    params: dict[str, Any] = {}
    rule = env.rule

    def clause(cell: Cell, ds: list[Any]) -> Sequence[Any]:
        if rule.zero_preserving and ds and all(d is None for d in ds):
            return [None] * len(cell.ins)
        kept, had, lead = tape[cell.index], None, None
        if isinstance(kept, Batched):
            kept, lead = kept.kept, kept.lead
        if isinstance(kept, Levelled):
            kept, had = kept.kept, kept.had
        changes, dxs = env.backward(Cx(cell, env, lead), side.of(cell), kept, ds)
        _put(params, cell, changes)
        if had is None:
            return dxs
        return [_gathered(rule, a, d, max(had) - n) for a, d, n in zip(cell.dom, dxs, had, strict=True)]

    dxs = unfold(circuit.cells, circuit.outs, len(circuit.dom), messages, clause)
    return params, dxs


def _gathered(rule: Rule, array: Array, message: Any, axes: int) -> Any:
    """The message to a wire that was broadcast over `axes` leading axes, an element of its array again."""
    return None if message is None else rule.unbatch(array, message, axes)


# -- passes inside loops and slices, where every output must have the batch axes of the inputs --


@jax.tree_util.register_dataclass
@dataclass
class Evened:
    """The tape of a pass whose outputs were broadcast: the batch axes there are, then those each output had."""

    tape: Any
    had: tuple[int, ...] = field(metadata={"static": True})


def _shape(circuit: Circuit, xs: Sequence[Any]) -> tuple[int, ...]:
    return jnp.shape(xs[0])[: jnp.ndim(xs[0]) - circuit.dom[0].rank] if xs else ()


def _even(circuit: Circuit, ys: Sequence[Any], shape: tuple[int, ...]) -> tuple[list[Any], tuple[int, ...] | None]:
    had = batch_ranks(circuit.cod, ys)
    if all(n == len(shape) for n in had):
        return list(ys), None
    return [jnp.broadcast_to(y, shape + a.sizes) for y, a in zip(ys, circuit.cod, strict=True)], had


def evaluate_even(circuit: Circuit, side: Side, xs: Sequence[Any], env: Env) -> tuple[list[Any], dict[str, Any]]:
    """`evaluate`, constants among the outputs broadcast to the batch axes of the inputs."""
    ys, states = evaluate(circuit, side, xs, env)
    return _even(circuit, ys, _shape(circuit, xs))[0], states


def forward_even(circuit: Circuit, side: Side, xs: Sequence[Any], env: Env) -> tuple[list[Any], dict[str, Any], Any]:
    """`forward`, constants among the outputs broadcast to the batch axes of the inputs."""
    ys, states, tape = forward(circuit, side, xs, env)
    even, had = _even(circuit, ys, _shape(circuit, xs))
    return even, states, tape if had is None else Evened(tape, (len(_shape(circuit, xs)), *had))


def backward_even(
    circuit: Circuit, side: Side, tape: Any, messages: Sequence[Any], env: Env
) -> tuple[dict[str, Any], list[Any]]:
    """`backward` of `forward_even`: messages to broadcast constants are summed again."""
    if isinstance(tape, Evened):
        most, *had = tape.had
        messages = [_gathered(env.rule, a, d, most - n) for a, d, n in zip(circuit.cod, messages, had, strict=True)]
        tape = tape.tape
    return backward(circuit, side, tape, messages, env)


def split_tied(circuit: Circuit, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A whole tree of parameters as (those of cells, those tied by name)."""
    own = {k: v for k, v in params.items() if k not in circuit.tied}
    return own, {k: params[k] for k in circuit.tied}


def close(
    circuit: Circuit, side: Side, tape: Sequence[Any], outputs: Sequence[Any] | None, dys: Sequence[Any], env: Env
) -> tuple[dict[str, Any], list[Any]]:
    """The backward pass of a whole model: from changes of its outputs to changes of its parameters and inputs.

    The rule makes the first messages, and the error is published in `env.after`.
    """
    rule = env.rule
    env.after = env.after | {"error": list(dys), "cod": circuit.cod}
    values = outputs if outputs is not None else [None] * len(dys)
    messages = [None if d is None else rule.start(y, d) for y, d in zip(values, dys, strict=True)]
    params, dxs = backward_whole(circuit, side, tape, messages, env)
    return params, [None if d is None else rule.finish(d) for d in dxs]


def backward_whole(
    circuit: Circuit, side: Side, tape: Sequence[Any], messages: Sequence[Any], env: Env
) -> tuple[dict[str, Any], list[Any]]:
    """`backward` of a term whose parameters are all its own: tied ones are met, and none is left out."""
    params, dxs = backward(circuit, side, tape, messages, env)
    tied = {name: meet_all(env, name, circuit.tied[name], side.shared[name]) for name in circuit.tied}
    return complete(side.params, params) | tied, dxs


def meet(rule: Rule, ports: Tree, use: Any, other: Any) -> Any:
    """The messages to a tree of parameters, from those of two of its uses."""
    return jax.tree.map(lambda port, x, y: rule.meet(port.array, x, y), ports, use, other)


def meet_all(env: Env, name: str, ports: Tree, params: dict[str, Any]) -> dict[str, Any]:
    """One message for each of the parameters `ports` that are tied by `name`, out of those of its uses."""
    uses = [complete(params, u) for u in env.uses.get(name, [])]
    total = uses[0] if uses else complete(params, {})
    for use in uses[1:]:
        total = meet(env.rule, ports, total, use)
    return total
