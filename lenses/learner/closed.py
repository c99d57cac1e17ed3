"""The closed lens of learning: optimisers; model; loss; rate, one lens to the unit (Cruttwell et al. 2021, section 4).

Its put is a step: run the closed term forward and backward, and what comes back on the optimisers'
wires are the new states and the new values. Which wires of the model P @ A -> B the optimisers stand on
is a choice: all parameters (supervised learning), the inputs (dreaming), both, or some of the parameters
each (games, in which they may pull the one loss in opposite directions). The term and the fold are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax

from ..combinators import Expose, expose
from ..errors import LensError, explain
from ..fusing import fused
from ..interpret import Env, Side, backward, forward
from ..rules.rule import Rule, backprop
from ..spaces import Space, unit
from ..terms import Identity, Term, compose, permute, tensor
from ..trees import check_tree, leaves, nest, renew, whole
from ..typed import Typed, elaborate
from .losses import Loss
from .optimisers import Optimiser, Tree, Update
from .rates import Rate


@dataclass(frozen=True)
class Stand:
    """An optimiser and what it stands on: a tree whose leaves are numbers of wires of P @ A."""

    optimiser: Optimiser
    wires: Any


class Wires:
    """The wires P @ A of a model: `params`, the tree of the numbers of those of P, and `inputs`, those of A."""

    def __init__(self, model: Typed):
        paths = [path for path, _ in leaves(whole(model.circuit))]
        self.params: Tree = nest(paths, range(len(paths)))
        self.inputs = list(range(len(paths), len(paths) + len(model.dom)))


class Closed:
    """One closed lens from the states S, P @ A and the labels T to the unit.

    It is made of a model P @ A -> B, a loss B @ T -> L, a rate L -> unit, and the optimisers `stands`.
    The domain of the lens has the wires of P @ A in order, but that all that an optimiser stands on
    comes with the first of its wires, its state in front. Attributes: `lens` (the typed closed term),
    `model` (the exposed model), `updates` (the boxes of the optimisers).
    """

    def __init__(
        self,
        model: Typed,
        loss: Term,
        stands: Sequence[Stand],
        rate: Rate,
        rule: Rule,
        labels: Space = unit,
    ):
        self.model: Expose = expose(model)
        self.rule, self.stands, self.wires = rule.bind(model), tuple(stands), Wires(model)
        space = self.model.params @ model.dom
        self.updates: list[Update] = [
            stand.optimiser.lens(jax.tree.map(lambda i: space[i], stand.wires)) for stand in self.stands
        ]
        self._stood = [list(jax.tree.leaves(stand.wires)) for stand in self.stands]
        self._blocks = list(_blocks(self._stood, len(space)))
        boxes: list[Term] = []
        dom = unit
        for at, wires in self._blocks:
            boxes.append(Identity(1) if at is None else self.updates[at])
            dom = dom @ (unit if at is None else self.updates[at].state.space) @ Space(space[i] for i in wires)
        order = [i for _, wires in self._blocks for i in wires]
        arranged = permute(*[order.index(i) for i in range(len(space))])
        front = compose(tensor(*boxes), arranged) if boxes else Identity(0)
        beside = Identity(len(labels))
        self.lens = Typed(compose(tensor(front, beside), tensor(self.model, beside), loss, rate), dom @ labels)
        circuit = elaborate(self.lens.term, self.lens.dom, self.rule.ports)
        self.circuit = fused(circuit) if rule is backprop else circuit

    def laid(self, values: Sequence[Any], slots: Sequence[Any]) -> list[Any]:
        """What lies on the wires of the lens, without labels: of the arrays on P @ A, and the optimisers' states."""
        on: list[Any] = []
        for at, wires in self._blocks:
            on += [] if at is None else jax.tree.leaves(slots[at])
            on += [values[i] for i in wires]
        return on

    def read(self, back: Sequence[Any], values: Sequence[Any], slots: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """The new arrays on P @ A and the new states, of what came back; where no optimiser stands all stays."""
        values, slots, n = list(values), list(slots), 0
        for at, wires in self._blocks:
            if at is not None:
                kept, tree = jax.tree.flatten(slots[at])
                slots[at] = jax.tree.unflatten(tree, back[n : n + len(kept)])
                n += len(kept)
                for k, i in enumerate(wires):
                    values[i] = back[n + k]
            n += len(wires)
        return values, slots

    def put(
        self,
        values: Sequence[Any],
        slots: Sequence[Any],
        labels: Sequence[Any],
        states: Any,
        key: Any,
        before: dict[str, Any] | None = None,
    ) -> tuple[list[Any], list[Any], Any, Any]:
        """A step: the new arrays on P @ A, the optimisers' new states, the new states of the lens, the mean loss."""
        env = Env(backprop, self.rule, before or {})
        side = Side({}, states, key, {})
        _, new, tape = forward(self.circuit, side, [*self.laid(values, slots), *labels], env)
        _, back = backward(self.circuit, side, tape, [], env)
        return *self.read(back, values, slots), renew(states, new), env.after["loss"]

    def values(self, params: Tree, xs: Sequence[Any]) -> list[Any]:
        """The arrays on P @ A: those of the tree of parameters, then the inputs."""
        numbers = jax.tree.leaves(self.wires.params)
        flat = dict(zip(numbers, jax.tree.leaves(params), strict=True))
        return [*(flat[i] for i in range(len(flat))), *xs]

    def at(self, values: Sequence[Any], wires: Any) -> Any:
        """The arrays of a tree of numbers of wires."""
        return jax.tree.map(lambda i: values[i], wires)

    def check(self, params: Any) -> None:
        """Raises ParameterError unless `params` is a tree of this model."""
        circuit = self.model.term.circuit
        check_tree(whole(circuit), params, "parameters", self.model.term)


def _blocks(stood: Sequence[Sequence[int]], wires: int) -> Any:
    """The optimisers and the wires that none stands on, in the order of the wires: pairs (optimiser, wires)."""
    owner = {i: at for at, on in enumerate(stood) for i in on}
    yield from ((at, on) for at, on in enumerate(stood) if not on)
    done: set[int] = set()
    for i in range(wires):
        at = owner.get(i)
        if at is None:
            yield None, [i]
        elif at not in done:
            done.add(at)
            yield at, list(stood[at])


def supervised(
    model: Typed, loss: Loss, optimiser: Optimiser, rate: Rate, rule: Rule, integers: bool, learned: str = "params"
) -> Closed:
    """The closed lens of one optimiser on all parameters, or on all inputs if `learned` is "inputs"."""
    if model.arity[1] != 1:
        raise LensError(explain("a learner's model has one output", model=model, came=f"{model.arity[1]} outputs"))
    wires = Wires(model)
    stand = Stand(optimiser, wires.inputs if learned == "inputs" else wires.params)
    return Closed(model, loss, [stand], rate, rule, Space([loss.labels(model.cod[0], integers)]))
