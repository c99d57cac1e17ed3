"""Learners: a model, a loss, an optimiser and a rate as one closed lens, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from ..compile import Compiled, as_array, check_arrays, compile, one
from ..errors import DataError, LensError, explain, shown
from ..inference import inference
from ..initialisers import init_tree
from ..rules.rule import Rule, backprop, check_rule
from ..spaces import Array, IndexElement, Space
from ..syntax import shorten
from ..terms import Term
from ..trees import Tree, check_tree, only, renew, shapes
from ..typed import Typed, as_typed
from .closed import Closed, supervised
from .fit import Fit, Measures, State
from .losses import Loss
from .optimisers import Optimiser
from .rates import Rate, Schedule, check_rate
from .run import (
    arrays,
    carried,
    carried_inputs,
    check_examples,
    check_measures,
    check_range,
    in_chunks,
    run,
    same_batch,
)


class Learner(Fit):
    """A supervised learner; made by `learner`.

    Attributes: `model` (Typed), `loss`, `optimiser`, `rate`, `rule`; `lens` is the closed lens, a
    typed term; `step` is the compiled step, a jitted function that donates the state.
    """

    def __init__(self, model: Typed, loss: Loss, optimiser: Optimiser, rate: Rate, rule: Rule):
        self.loss, self.optimiser = loss, optimiser
        self._closed: dict[bool, Closed] = {}
        super().__init__(model, rate, rule)

    @property
    def optimisers(self) -> Optimiser:
        return self.optimiser

    @property
    def _default_integers(self) -> bool:
        return self.loss.meaning.index is not None

    def closed(self, integers: bool) -> Closed:
        """The closed lens for labels that are indices, or for real ones."""
        if integers not in self._closed:
            parts = self.model, self.loss, self.optimiser, self.rate, self.rule
            self._closed[integers] = supervised(*parts, integers)
        return self._closed[integers]

    @property
    def shown(self) -> Closed:
        return self.closed(self._default_integers)

    def label_array(self, y: Any) -> Array:
        """The typed array of the labels that `y` holds, of indices or like the prediction."""
        return self.loss.labels(self.model.cod[0], bool(jnp.issubdtype(y.dtype, jnp.integer)))

    def check_label(self, y: Any) -> Any:
        """The labels as an array that fits the model and the loss; raises DataError otherwise."""
        choices = [self.loss.labels(self.model.cod[0], i) for i in (True, False)]
        do = "labels are " + " or ".join(dict.fromkeys(map(repr, choices))) + ", after the batch axes"
        (label,) = check_arrays(Space([self.label_array(y)]), (y,), self.model, "label", do)
        return label

    def begun(self, params: Tree) -> Any:
        return self.optimiser.init(params)

    # -- the step ----------------------------------------------------------------------------
    def _step(self, state: State, x: Any, y: Any) -> tuple[State, Any]:
        label = self.label_array(y)
        closed = self.closed(isinstance(label.element, IndexElement))
        closed.check(state.params)
        xs = check_arrays(self.model.dom, x if isinstance(x, tuple | list) else (x,), self.model)
        target = self.check_label(y)
        same_batch(xs, self.model.dom, target, label)
        self.check_optimiser(state)
        key, use = (None, None) if state.key is None else jax.random.split(state.key)
        values, slots = closed.values(state.params, xs), [state.optimiser]
        values, slots, states, loss = closed.put(values, slots, [target], state.states, use, {"labels": target})
        return State(closed.at(values, closed.wires.params), slots[0], states, key), loss

    def run(self, state: State, data: tuple[Any, Any], epochs: int, batch: int = 32, **options: Any) -> Any:
        """Trains for some epochs, scanned on the device; returns the new state and a `History`.

        Arguments, besides the state, the data (x, y) with examples along the first axis, `epochs` and `batch`:
        key: shuffles each epoch (default ``jax.random.key(0)``; None keeps the order).
        evaluate: (x, y) to evaluate after each epoch.
        measure: what else is evaluated, by name: functions of (prediction, label) to a number an example.
        patience: stop once the evaluated loss has not improved for so many epochs, and return the best state.
        progress: show a progress bar (default True).
        check_nans: step by step, raising a DataError that names the first box that makes a NaN.
        """
        return run(self, state, data, epochs, batch, **options)

    def checked(self, data: Any, batch: int) -> tuple[Any, Any]:
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise DataError(
                explain("the data is no pair", expected="(x, y), the inputs and the labels", came=type(data).__name__)
            )
        x, y = data
        if x is None or y is None:
            raise DataError(explain(f"the {'inputs' if x is None else 'labels'} are None", expected="(x, y), arrays"))
        xs, y = arrays(x), as_array(y, "label")
        check_examples(xs, batch, y)
        label = self.label_array(y)
        check_range(self.loss, label, y)
        typed, labels = check_arrays(self.model.dom, xs, self.model), self.check_label(y)
        same_batch(typed, self.model.dom, labels, label)
        return carried_inputs(typed, self.model.dom.arrays), carried(labels, label)

    def laid(self, state: State, x: Any, y: Any) -> tuple[Closed, list[Any], Any]:
        closed = self.closed(bool(jnp.issubdtype(y.dtype, jnp.integer)))
        key = None if state.key is None else jax.random.split(state.key)[1]
        return closed, [*closed.laid(closed.values(state.params, x), [state.optimiser]), y], key

    # -- use ---------------------------------------------------------------------------------
    @cached_property
    def inference(self) -> Compiled:
        """The trained model as a function: without dropout, with running statistics."""
        return compile(inference(self.model))

    def predict(self, state: State, *xs: Any) -> Any:
        """The model's output at `xs`, leading axes being batch axes."""
        return self.at(state.params, state.states, *xs)

    def at(self, params: Tree, states: Tree, *xs: Any) -> Any:
        """The model's output at `xs` with given parameters and states of the closed lens."""
        net = self.inference
        if not net.stateful:
            return net(params, *xs)
        return net(params, *xs, state=only(states.get("model_0", {}), net.circuit.states))[0]

    def evaluate(self, state: State, data: tuple[Any, Any], *, measure: Any = None) -> dict[str, float]:
        """The mean loss on (x, y), the accuracy where the loss has a notion of it, and what `measure` asks for."""
        x, y = self.checked(data, 1)
        found = jax.jit(self.evaluator(check_measures(measure)))(state.params, state.states, x, y)
        return {name: float(value) for name, value in found.items()}

    @property
    def measured(self) -> list[str]:
        return ["loss"] if self.loss.meaning.correct is None else ["loss", "accuracy"]

    def evaluator(self, measures: Measures = ()) -> Callable[..., dict[str, Any]]:
        def measure(params: Any, states: Any, xs: Any, y: Any) -> dict[str, Any]:
            out = self.at(params, states, *xs)
            label = self.label_array(y)
            found = {"loss": self.loss.of(label)(out, y).mean()}
            right = self.loss.right(label)
            if right is not None:
                found["accuracy"] = right(out, y).mean()
            return found | {name: f(out, y).mean() for name, f in measures}

        return in_chunks(measure)

    def __repr__(self) -> str:
        return f"learner({shorten(self.model)}, loss={self.loss!r}, optimiser={self.optimiser!r}, rule={self.rule!r})"


def learner(
    model: Term,
    space: Space | None = None,
    *,
    loss: Loss,
    optimiser: Optimiser,
    rate: float | Schedule | Rate = 1.0,
    rule: Rule = backprop,
) -> Learner:
    """The supervised learner of a model at a space: optimiser; model; loss; rate, closed to one lens.

    `rate` is what the mean loss counts for (a number or a schedule); the optimiser has its own step
    size. `rule` is the rule of the model's backward pass. Raises SpaceError where the model does
    not fit the space, or the loss the model.
    """
    typed = as_typed(model, space, "learner")
    return Learner(typed, *_closing("learner", loss, optimiser, rate, rule))


def _closing(call: str, loss: Any, optimiser: Any, rate: Any, rule: Any) -> tuple[Loss, Optimiser, Rate, Rule]:
    """What closes a model's lens, checked."""
    if not isinstance(loss, Loss):
        raise LensError(
            explain(f"{call}: loss={shown(loss)}", expected="one of lenses' losses, e.g. softmax_cross_entropy")
        )
    if not isinstance(optimiser, Optimiser):
        do = "wrap optax's as lenses.optax(...)"
        raise LensError(explain(f"{call}: optimiser={shown(optimiser)}", expected="e.g. adam(1e-3)", do=do))
    return loss, optimiser, rate if isinstance(rate, Rate) else Rate(check_rate(call, rate)), check_rule(call, rule)


@jax.tree_util.register_dataclass
@dataclass
class Dream:
    """What dreaming knows: the input, the optimiser's state, the states of the lens, a random key."""

    input: Any
    optimiser: Any
    states: Any
    key: Any


class Dreamer:
    """Learns an input of a trained model; made by `dream`. `lens` is the closed lens, `step` the compiled step."""

    def __init__(
        self, model: Typed, params: Tree, states: Tree, loss: Loss, optimiser: Optimiser, rate: Rate, rule: Rule
    ):
        self.model, self.params, self.states = Typed(inference(model.term), model.dom), params, states
        integers = loss.meaning.index is not None
        self.closed = supervised(self.model, loss, optimiser, rate, rule, integers, "inputs")
        self.loss, self.optimiser, self.rate, self.rule = loss, optimiser, rate, rule
        self.closed.check(params)
        self.step: Callable[..., Any] = jax.jit(self._step, donate_argnums=0)
        """``state, loss = step(state, y)``: moves the input towards the label `y`."""
        self._scan = jax.jit(self._many, static_argnums=2)

    @property
    def lens(self) -> Typed:
        """The closed lens: the optimiser on the input's wire, the model, the loss and the rate."""
        return self.closed.lens

    def init(self, key: Any = None, start: Any = None, scale: float = 0.01) -> Dream:
        """The initial state: `start` if it is given (an array, or a tuple of them), noise of `scale` otherwise.

        Over a ring the noise is uniform.
        """
        if start is None:
            keys = jax.random.split(jax.random.key(0) if key is None else key, len(self.model.dom))
            xs = [_noise(k, a, scale) for k, a in zip(keys, self.model.dom, strict=True)]
        else:
            given = start if isinstance(start, tuple | list) else (start,)
            xs = [jnp.array(x) for x in check_arrays(self.model.dom, [as_array(x) for x in given], self.model)]
        states = self._start_states()
        return Dream(one(xs), self.optimiser.init(xs), states, None)

    def _start_states(self) -> Any:
        circuit = self.closed.circuit
        fresh = init_tree(circuit.states, jax.random.key(0))
        if circuit.states and not self.states:
            do = "give states=state.states of the learner that trained the model"
            raise LensError(explain("dream: the model has states", states=shapes(circuit.states), do=do))
        states = self.states.get("model_0", self.states)
        known = circuit.states.get("model_0", {})
        check_tree(known, only(states, known) if states.keys() >= known.keys() else states, "states", self.model)
        # Steps donate the state, and what was given is not ours to give away.
        return jax.tree.map(jnp.array, renew(fresh, {"model_0": states}))

    def _step(self, state: Dream, y: Any) -> tuple[Dream, Any]:
        xs = state.input if isinstance(state.input, tuple) else (state.input,)
        label = self.loss.labels(self.model.cod[0], bool(jnp.issubdtype(jnp.result_type(y), jnp.integer)))
        (y,) = check_arrays(Space([label]), (y,), self.model, "label")
        closed = self.closed
        values, slots = closed.values(self.params, xs), [state.optimiser]
        values, slots, states, loss = closed.put(values, slots, [y], state.states, None, {"labels": y})
        return Dream(one(closed.at(values, closed.wires.inputs)), slots[0], states, None), loss

    def run(self, state: Dream, y: Any, steps: int) -> tuple[Dream, Any]:
        """`steps` steps towards the label in one scan; the new state and the losses."""
        y = as_array(y)
        check_range(self.loss, self.loss.labels(self.model.cod[0], bool(jnp.issubdtype(y.dtype, jnp.integer))), y)
        return self._scan(state, jnp.asarray(y), steps)

    def _many(self, state: Dream, y: Any, steps: int) -> tuple[Dream, Any]:
        return jax.lax.scan(lambda s, _: self._step(s, y), state, None, length=steps)


def _noise(key: Any, array: Array, scale: float) -> Any:
    if array.real:
        return jax.random.normal(key, array.sizes, array.dtype) * scale
    return jax.random.choice(key, jnp.asarray(array.element.values, array.dtype), array.sizes)


def dream(
    model: Term,
    space: Space | None = None,
    *,
    params: Tree,
    states: Tree | None = None,
    loss: Loss,
    optimiser: Optimiser,
    rate: float | Schedule | Rate = 1.0,
    rule: Rule = backprop,
) -> Dreamer:
    """Deep dreaming: the same closed lens as `learner`, with the optimiser on the input and the parameters fixed.

    `params` and `states` (needed where the model has running statistics) are those of a learner's
    state, or of a compiled model.
    """
    typed = as_typed(model, space, "dream")
    for i, a in enumerate(typed.dom):
        if a.change is None:
            raise LensError(explain(f"dream: input {i} cannot change", space=repr(a), do="dream after the embedding"))
    return Dreamer(typed, params, states or {}, *_closing("dream", loss, optimiser, rate, rule))
