"""The closed lens of learning: optimiser; model; loss; rate, one lens to the unit (Cruttwell et al. 2021, section 4).

Its put is a step: run the closed term forward and backward, and what comes back on the optimiser's
wires is the new state. Which wires the optimiser stands on is a choice: the parameters (supervised
learning) or an input (dreaming); the term and the fold are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from ..combinators import Expose, expose
from ..errors import LensError, explain
from ..fusing import fused
from ..interpret import Env, Side, backward, forward
from ..rules.rule import Rule, backprop
from ..spaces import Space
from ..terms import Identity, compose, permute, tensor
from ..trees import check_tree, leaves, nest, renew, whole
from ..typed import Typed, elaborate
from .losses import Loss
from .optimisers import Optimiser, Tree, Update
from .rates import Rate


class Closed:
    """One closed lens (S @ P) @ A @ T -> unit for a model P @ A -> B, a loss B @ T -> L and a rate L -> unit.

    `learned` says which of P and A the optimiser stands on: "params" or "input". Attributes: `lens`
    (the typed closed term), `model` (the exposed model), `update` (the optimiser's box).
    """

    def __init__(
        self,
        model: Typed,
        loss: Loss,
        optimiser: Optimiser,
        rate: Rate,
        rule: Rule,
        integers: bool,
        learned: str = "params",
    ):
        if model.arity[1] != 1:
            raise LensError(explain("a learner's model has one output", model=model, came=f"{model.arity[1]} outputs"))
        self.model: Expose = expose(model)
        self.rule = rule.bind(model)
        paths = [path for path, _ in leaves(whole(model.circuit))]
        tree = nest(paths, list(self.model.params))
        # A tree's leaves stand in sorted order, the model's wires in the order of the term.
        order = {path: i for i, path in enumerate(_sorted_paths(tree))}
        self._to_wires = [order[path] for path in paths]
        self.update: Update = optimiser.lens(tree if learned == "params" else list(model.dom))
        label = Space([loss.labels(model.cod[0], integers)])
        if learned == "params":
            arrange = compose(self.update, permute(*self._to_wires))
            front = tensor(arrange, Identity(len(model.dom) + 1))
            dom = self.update.state.space @ self.update.params.space @ model.dom @ label
        else:
            front = tensor(Identity(len(paths)), self.update, Identity(1))
            dom = self.model.params @ self.update.state.space @ model.dom @ label
        self.lens = Typed(compose(front, self.model @ Identity(1), loss, rate), dom)
        circuit = elaborate(self.lens.term, dom, self.rule.ports)
        self.circuit = fused(circuit) if rule is backprop else circuit

    def put(self, wires: Sequence[Any], states: Any, key: Any, before: dict[str, Any]) -> tuple[list[Any], Any, Any]:
        """What comes back on the wires, the new states, and the mean loss."""
        env = Env(backprop, self.rule, before)
        side = Side({}, states, key, {})
        _, new, tape = forward(self.circuit, side, wires, env)
        _, back = backward(self.circuit, side, tape, [], env)
        return back, renew(states, new), env.after["loss"]

    def wires_of(self, params: Tree) -> list[Any]:
        """The parameters' arrays in the order of the exposed model's wires."""
        flat = jax.tree.leaves(params)
        return [flat[i] for i in self._to_wires]

    def check(self, params: Any) -> None:
        """Raises ParameterError unless `params` is a tree of this model."""
        circuit = self.model.term.circuit
        check_tree(whole(circuit), params, "parameters", self.model.term)


def _sorted_paths(tree: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name in sorted(tree):
        sub = tree[name]
        found += _sorted_paths(sub, (*path, name)) if isinstance(sub, dict) else [(*path, name)]
    return found
