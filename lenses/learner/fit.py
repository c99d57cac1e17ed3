"""What learners and games share: a state, and the put of a closed lens as the step that moves it along data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from ..compile import compile
from ..errors import ParameterError, explain
from ..files import load_arrays, save_arrays
from ..initialisers import init_tree
from ..interpret import Env, Side
from ..nans import raise_first
from ..rules.rule import Rule, backprop
from ..trees import Tree
from ..typed import Typed
from .closed import Closed
from .rates import Rate

Measures = tuple[tuple[str, Callable[..., Any]], ...]
"""What is measured besides the loss: by name, a function of (prediction, label) to a number an example."""


@jax.tree_util.register_dataclass
@dataclass
class State:
    """What a learner or a game knows: parameters, states of optimisers and of the lens, a random key (or None)."""

    params: Any
    optimiser: Any
    states: Any
    key: Any


class Fit:
    """Learning by the steps of a closed lens; `Learner` and `Game` say which lens, and what a row of data is.

    Attributes: `model` (Typed), `rate`, `rule`; `lens` is the closed lens, a typed term; `step` is the compiled
    step, a jitted function that donates the state.
    """

    def __init__(self, model: Typed, rate: Rate, rule: Rule):
        self.model, self.rate, self.rule = model, rate, rule
        self.step: Any = jax.jit(self._step, donate_argnums=0)
        """``state, loss = step(state, ...)``: one step on a batch.

        The state is donated: use the one that comes back. `step.lower(state, ...)` as for any jitted function.
        """
        _ = self.lens

    # -- what a kind of learning says --------------------------------------------------------
    @property
    def shown(self) -> Closed:
        """The closed lens with its pieces."""
        raise NotImplementedError(type(self).__name__)

    def begun(self, params: Tree) -> Any:
        """The optimisers' states to begin with."""
        raise NotImplementedError(type(self).__name__)

    def _step(self, state: State, *rows: Any) -> tuple[State, Any]:
        raise NotImplementedError(type(self).__name__)

    def laid(self, state: State, *rows: Any) -> tuple[Closed, list[Any], Any]:
        """The closed lens for these rows, what lies on its wires in a step, and the random key of the pass."""
        raise NotImplementedError(type(self).__name__)

    def checked(self, data: Any, batch: int) -> tuple[Any, ...]:
        """The data as rows, the arrays that a step takes; raises DataError where they do not fit."""
        raise NotImplementedError(type(self).__name__)

    def evaluator(self, measures: Measures = ()) -> Callable[..., dict[str, Any]]:
        """f(params, states, *rows) -> the means of what is measured, by name."""
        raise NotImplementedError(type(self).__name__)

    @property
    def measured(self) -> list[str]:
        """The names of what is measured anyway."""
        return []

    @property
    def keyed(self) -> bool:
        """Whether a step draws random numbers."""
        return self.shown.circuit.keyed

    # -- state -------------------------------------------------------------------------------
    @property
    def lens(self) -> Typed:
        """The closed lens: optimisers, model, loss and rate as one typed term to the unit."""
        return self.shown.lens

    def init(self, key: Any) -> State:
        """The initial state: parameters and states from `key`, the optimisers' states at zero."""
        start, noise = jax.random.split(key)
        params = compile(self.model).init(start)
        return self.start(params, noise if self.keyed else None, start)

    def start(self, params: Tree, key: Any = None, state_key: Any = None) -> State:
        """A state that starts from given parameters, e.g. those of another run."""
        self.shown.check(params)
        states = init_tree(self.shown.circuit.states, jax.random.key(0) if state_key is None else state_key)
        # Steps donate the state, and what was given is not ours to give away.
        params = jax.tree.map(jnp.array, params)
        return State(params, self.begun(params), states, key)

    def check_optimiser(self, state: State) -> None:
        """Raises ParameterError unless the state has the states of these optimisers."""
        expected = jax.eval_shape(self.begun, state.params)
        shapes = [jax.tree.map(jnp.shape, tree) for tree in (state.optimiser, expected)]
        if shapes[0] != shapes[1]:
            raise ParameterError(
                explain(
                    "this state is not that of this learner's optimiser",
                    optimiser=self.optimisers,
                    expected=jax.tree.structure(expected),
                    came=jax.tree.structure(state.optimiser),
                    do="start it with init, or with start(state.params) to change the optimiser",
                )
            )

    @property
    def optimisers(self) -> Any:
        """The optimiser, or those of the players by name."""
        raise NotImplementedError(type(self).__name__)

    def name_nan(self, state: State, *rows: Any) -> None:
        """Raises DataError naming the first box of the closed lens that makes a NaN in a step from `state`."""
        closed, wires, key = self.laid(state, *rows)
        otherwise = "the forward pass has none, so the backward pass or the optimiser made it; try a smaller rate"
        side, env = Side({}, state.states, key, {}), Env(backprop, self.rule)
        raise_first(closed.circuit, side, wires, env, closed.lens, otherwise)

    # -- files -------------------------------------------------------------------------------
    def save(self, state: State, path: Any) -> None:
        """Writes the state and the model's term to one file, whole or not at all; raises FileError if it cannot."""
        save_arrays(path, _tree(state), self.model)

    def load(self, path: Any) -> State:
        """The state that `save` wrote; raises FileError for a damaged or foreign file or another model."""
        like = jax.eval_shape(lambda: self.init(jax.random.key(0)))
        tree = load_arrays(path, self.model, _tree(like))
        return State(tree["params"], tree["optimiser"], tree["states"], tree["key"])


def _tree(state: State) -> dict[str, Any]:
    return {"params": state.params, "optimiser": state.optimiser, "states": state.states, "key": state.key}
