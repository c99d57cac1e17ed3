"""Learning a functor: descent on the losses of an architecture, by one closed lens as any learner's.

The lens is optimisers; losses; weights; rate. Each arrow has the optimiser for itself, and so has each critic one that
climbs: a game, whose steps, epochs, files and laws are those of every game.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..boxes.linear import einsum
from ..boxes.lookup import constant
from ..compile import compile
from ..errors import LensError, explain
from ..inference import inference
from ..learner.fit import State
from ..learner.games import Game, parts_of
from ..learner.modifiers import ascending
from ..learner.optimisers import Optimiser
from ..learner.rates import Rate, Schedule, check_rate
from ..learner.run import History, Measures, in_chunks, run
from ..rules.rule import Rule, backprop, check_rule
from ..terms import Term
from ..typed import Typed
from ..wiring import trace
from .architecture import Model
from .losses import Losses


class LossGame(Game):
    """A game on a vector of losses, each of which is measured under its name."""

    names: tuple[str, ...] = ()

    @property
    def measured(self) -> list[str]:
        return [*self.names, "loss"]

    def evaluator(self, measures: Measures = ()) -> Callable[..., dict[str, Any]]:
        net, total = compile(inference(self.model)), compile(self.loss, self.model.cod)

        def measure(params: Any, states: Any, *rows: Any) -> dict[str, Any]:
            losses = net(params, *rows)
            found = {name: losses[..., i].mean() for i, name in enumerate(self.names)}
            return found | {"loss": total({}, losses).mean()} | {name: f(losses).mean() for name, f in measures}

        return in_chunks(measure)

    def run(self, state: State, data: Any, epochs: int, batch: int = 32, **options: Any) -> tuple[State, History]:
        return run(self, state, data, epochs, batch, **options)


class SchemaLearner:
    """Learns the parameters of an architecture by descent on its losses; ``data`` is a dict of arrays by name.

    `optimiser` moves the parameters of every arrow, `critics` those of critics, which climb. Attributes: `losses`;
    `fit`, the game that it is; `lens`, the closed lens, a typed term. Raises LensError where critics have no optimiser.
    """

    def __init__(
        self,
        losses: Losses,
        optimiser: Optimiser,
        critics: Optimiser | None = None,
        rate: float | Schedule | Rate = 1.0,
        rule: Rule = backprop,
    ):
        self.losses = losses
        if losses.critics and critics is None:
            names = ", ".join(sorted(losses.critics))
            raise LensError(explain("the critics have no optimiser", critics=names, do="give critics=adam(1e-3)"))
        parts = compile(losses.term).params
        climb = None if critics is None else ascending(critics)
        players: dict[str, Any] = {name: climb if name in losses.critics else optimiser for name in parts}
        on = parts_of(losses.term, players) if players else {}
        rate = rate if isinstance(rate, Rate) else Rate(check_rate("SchemaLearner", rate))
        total = weighed(losses.weights, losses.term)
        self.fit = LossGame(losses.term, total, players, on, {}, rate, check_rule("SchemaLearner", rule))
        self.fit.names = losses.names
        self.step: Any = jax.jit(lambda state, data: self.fit._step(state, *losses.arrays(data)), donate_argnums=0)
        """``state, loss = step(state, data)``: one step on a batch.

        The state is donated: use the one that comes back.
        """

    @property
    def lens(self) -> Typed:
        """The closed lens: optimisers, losses, their weights and the rate as one typed term to the unit."""
        return self.fit.lens

    def init(self, key: Any) -> State:
        """The initial state."""
        return self.fit.init(key)

    def start(self, params: Any) -> State:
        """A state that starts from given parameters."""
        return self.fit.start(params)

    def run(
        self,
        state: State,
        data: Mapping[str, Any],
        epochs: int,
        batch: int = 32,
        *,
        evaluate: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> tuple[State, History]:
        """Trains for some epochs; returns the new state and the `History`.

        The history has for every task and every path equation, by its name, the mean of its loss after each epoch,
        on `evaluate`, or on the data themselves: ``history["f ; g = id(A)"]``. `options` are those of `Learner.run`;
        with `check_nans` nothing is measured.
        """
        rows = self.losses.arrays(data)
        if not options.get("check_nans", False):
            options["evaluate"] = rows if evaluate is None else self.losses.arrays(evaluate)
        return self.fit.run(state, rows, epochs, batch, **options)

    def evaluate(self, state: State, data: Mapping[str, Any]) -> dict[str, float]:
        """The mean of each loss on data, by name, and of their weighted sum, "loss"."""
        rows = self.fit.checked(self.losses.arrays(data), 1)
        found = jax.jit(self.fit.evaluator())(state.params, state.states, *rows)
        return {name: float(value) for name, value in found.items()}

    def violations(self, state: State, data: Mapping[str, Any]) -> dict[str, float]:
        """How far each path equation is from holding on data, by the equation as it is written."""
        found = self.evaluate(state, data)
        return {str(e): found[str(e)] for e in self.losses.equations}

    def model(self, state: State) -> Model:
        """The model that has been learned: a functor to functions."""
        params = {name: tree for name, tree in state.params.items() if name in self.losses.architecture.params}
        return Model(self.losses.architecture, jax.tree.map(jnp.array, params))

    def save(self, state: State, path: Any) -> None:
        """Writes the state and the term of the losses to a file, as `Learner.save` does."""
        self.fit.save(state, path)

    def load(self, path: Any) -> State:
        """The state that `save` wrote."""
        return self.fit.load(path)

    def __repr__(self) -> str:
        optimisers = dict.fromkeys(map(repr, self.fit.players.values()))
        return f"SchemaLearner({self.losses!r}, {', '.join(optimisers)}, rule={self.fit.rule!r})"


def weighed(weights: tuple[float, ...], term: Typed) -> Term:
    """The weighted sum of a vector of losses."""
    counts = constant(np.asarray(weights), term.cod)
    return trace(lambda losses: einsum("k, k ->")(losses, counts()), 1)
