"""Learning a functor: descent on the losses of an architecture, which is a learner like any other.

The closed lens is optimiser; losses; weights; rate. Its model is the term of all losses, its loss pairs them with
what each of them counts for, and its steps, epochs, files and laws are those of every learner.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..learner.learner import Learner, State, learner
from ..learner.losses import dot_product
from ..learner.optimisers import Optimiser
from ..learner.rates import Rate, Schedule
from ..learner.run import History
from ..rules.rule import Rule, backprop
from ..typed import Typed
from .architecture import Model
from .losses import Losses


class SchemaLearner:
    """Learns the parameters of an architecture by descent on its losses; ``data`` is a dict of arrays by name.

    Attributes: `losses`; `fit`, the learner that it is; `lens`, the closed lens, a typed term.
    """

    def __init__(
        self, losses: Losses, optimiser: Optimiser, rate: float | Schedule | Rate = 1.0, rule: Rule = backprop
    ):
        self.losses = losses
        self.fit: Learner = learner(losses.term, loss=dot_product, optimiser=optimiser, rate=rate, rule=rule)

    @property
    def lens(self) -> Typed:
        """The closed lens: optimiser, losses, their weights and the rate as one typed term to the unit."""
        return self.fit.lens

    def init(self, key: Any) -> State:
        """The initial state."""
        return self.fit.init(key)

    def start(self, params: Any) -> State:
        """A state that starts from given parameters."""
        return self.fit.start(params)

    def given(self, data: Mapping[str, Any]) -> tuple[tuple[Any, ...], Any]:
        """The data as the inputs and the label of the learner: for each example, minus what each loss counts for."""
        xs = self.losses.arrays(data)
        array = next(iter(self.losses.term.dom))
        lead = jnp.shape(xs[0])[: jnp.ndim(xs[0]) - array.rank]
        weights = -np.asarray(self.losses.weights, self.losses.term.cod[0].dtype)
        return xs, jnp.broadcast_to(weights, (*lead, len(weights)))

    def step(self, state: State, data: Mapping[str, Any]) -> tuple[State, Any]:
        """``state, loss = step(state, data)``: one step on a batch. The state is donated, as by `Learner.step`."""
        return self.fit.step(state, *self.given(data))

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
        on `evaluate`, or on the data themselves: ``history["f ; g = id(A)"]``. `options` are those of `Learner.run`.
        """
        measured = self.given(data if evaluate is None else evaluate)
        return self.fit.run(
            state, self.given(data), epochs, batch, evaluate=measured, measure=self.measures, **options
        )  # fmt: skip

    @property
    def measures(self) -> dict[str, Any]:
        """The losses by name, as functions of (the vector of losses, weights)."""
        return {name: Entry(i) for i, name in enumerate(self.losses.names)}

    def evaluate(self, state: State, data: Mapping[str, Any]) -> dict[str, float]:
        """The mean of each loss on data, by name, and of their weighted sum, "loss"."""
        return self.fit.evaluate(state, self.given(data), measure=self.measures)

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
        return f"SchemaLearner({self.losses!r}, {self.fit.optimiser!r}, rule={self.fit.rule!r})"


class Entry:
    """The function that takes one entry of a vector of losses; equal for equal entries, so that programs are kept."""

    def __init__(self, place: int):
        self.place = place

    def __call__(self, losses: Any, weights: Any) -> Any:
        return losses[..., self.place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and other.place == self.place

    def __hash__(self) -> int:
        return hash(self.place)
