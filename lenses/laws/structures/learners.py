"""A learner is the closed lens optimiser; model; loss; rate, one lens to the unit, whose put is the step of training.

Which wires the optimiser stands on is a choice: the parameters (supervised learning), an input
(dreaming), or both. The step is put of the lens, so it is what the puts of the four make of each
other, and for backpropagation what one would write by hand around the gradient of the mean loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...boxes.pointwise import multiply
from ...combinators import block, tied
from ...compile import compile, one
from ...errors import LensError
from ...inference import inference
from ...initialisers import init_tree
from ...interpret import Env, Side, backward, forward
from ...learner.closed import Closed, Stand, Wires
from ...learner.learner import Dream, Dreamer, Learner, State
from ...learner.optimisers import SGD
from ...learner.rates import Rate
from ...rules.rule import backprop
from ...spaces import Array, ResidueElement, Space
from ...terms import compose, tensor
from ...trees import leaves, map_tree, only, renew, whole
from ...typed import Misfit, Typed, elaborate
from ..law import law, structure
from ..programs import Agree, Inspect
from ..rewrite import at_precision
from .optimisers import own_rate, some_state
from .rates import put as put_of_rate

LEARNER = structure(
    "learner", "one closed lens to the unit, whose put is the step of training", subject=lambda: (Learner, Dreamer)
)
SOURCE = "Cruttwell et al. 2021, section 4"
BATCH = 3
"""The examples of a batch."""
Tree = Any
Generator = np.random.Generator


@dataclass(frozen=True, eq=False)
class Case:
    """A learner or dreamer in double precision, with what its laws are tried on.

    What is learned is the tree that the optimiser stands on: the parameters, or the list of inputs.
    What is `given` is the rest: the inputs, or the parameters.
    """

    fit: Any

    @property
    def dreams(self) -> bool:
        """Whether an input is learned."""
        return isinstance(self.fit, Dreamer)

    @property
    def closed(self) -> Any:
        """The closed lens with its pieces."""
        return self.fit.closed if self.dreams else self.fit.closed(self.integers)

    @property
    def integers(self) -> bool:
        """Whether labels are indices, in the lens that the learner shows."""
        return self.fit.loss.meaning.index is not None

    @property
    def label(self) -> Array:
        """The array of labels."""
        return self.fit.loss.labels(self.fit.model.cod[0], self.integers)

    @property
    def keyed(self) -> bool:
        """Whether a step draws random numbers."""
        return self.closed.circuit.keyed

    @property
    def ring(self) -> bool:
        """Whether it learns elements of a ring, where steps have no size and votes of examples are added."""
        arrays = [*self.fit.model.dom, *self.fit.model.cod, *self.closed.model.params]
        return any(isinstance(a.element, ResidueElement) for a in arrays)

    @property
    def stateful(self) -> bool:
        """Whether the model has states of its own, so that its examples depend on each other."""
        return bool(self.fit.model.circuit.states)

    def made(self, **parts: Any) -> Case:
        """The case of a learner of the same class with other parts."""
        names = ("model", "params", "states", "loss", "optimiser", "rate", "rule")
        fit = self.fit
        return Case(type(fit)(*(parts[n] if n in parts else getattr(fit, n) for n in names if hasattr(fit, n))))

    # -- arguments ---------------------------------------------------------------------------
    def draw(self, rng: Generator, batch: tuple[int, ...] = (BATCH,)) -> tuple[Any, ...]:
        """What is learned, the optimiser's state, the states of the lens, what is given, and a label."""
        fit = self.fit
        batch = () if self.dreams else batch
        batch = (1,) * len(batch) if self.ring else batch
        params = some_params(fit.model, rng)
        xs = [some_values(a, batch, rng) for a in fit.model.dom]
        learned, given = (xs, fit.params) if self.dreams else (params, tuple(xs))
        return (
            learned,
            some_state(fit.optimiser, learned, rng),
            self.states(),
            given,
            some_values(self.label, batch, rng),
        )

    def states(self) -> Tree:
        """The states of the lens to begin with; counts stand at 3."""
        fresh = init_tree(self.closed.circuit.states, jax.random.key(1))
        if self.dreams and self.fit.states:
            fresh = renew(fresh, {"model_0": self.fit.states.get("model_0", self.fit.states)})
        return jax.tree.map(lambda s: np.asarray(s * 0 + 3 if jnp.issubdtype(s.dtype, jnp.integer) else s), fresh)

    def read(self, learned: Tree, given: Any) -> tuple[Tree, list[Any]]:
        """(parameters, inputs), of what is learned and what is given."""
        return (given, list(learned)) if self.dreams else (learned, list(given))

    # -- steps -------------------------------------------------------------------------------
    def step(self, learned: Tree, slots: Any, states: Tree, given: Any, y: Any) -> tuple[Any, ...]:
        """The step of the learner itself."""
        if self.dreams:
            new, loss = self.fit.step(Dream(one(learned), slots, states, None), y)
            xs = new.input if isinstance(new.input, tuple) else (new.input,)
            return list(xs), new.optimiser, new.states, loss
        new, loss = self.fit.step(State(learned, slots, states, KEY() if self.keyed else None), given, y)
        return new.params, new.optimiser, new.states, loss

    def put(self, learned: Tree, slots: Any, states: Tree, given: Any, y: Any) -> tuple[Any, ...]:
        """Put of the closed lens, run as the term that it is."""
        fit = self.fit
        rule = fit.rule.bind(fit.model)
        circuit = elaborate(fit.lens.term, fit.lens.dom, rule.ports)
        key = jax.random.split(KEY())[1] if self.keyed and not self.dreams else None
        env, side = Env(backprop, rule, {"labels": y}), Side({}, states, key, {})
        _, new, tape = forward(circuit, side, self.wires(learned, slots, given, y), env)
        _, back = backward(circuit, side, tape, [], env)
        values, (slots,) = self.closed.read(back, self.closed.values(*self.read(learned, given)), [slots])
        learned = self.closed.at(values, self.closed.stands[0].wires)
        return learned, slots, renew(states, new), env.after["loss"]

    def wires(self, learned: Tree, slots: Any, given: Any, y: Any) -> list[Any]:
        """What lies on the wires of the closed lens."""
        return [*self.closed.laid(self.closed.values(*self.read(learned, given)), [slots]), y]

    def _after(self, states: Tree, model: Tree) -> Tree:
        """The states of the lens after a step: those of the model, and the count of a scheduled rate."""
        return {
            name: renew(old, model) if name == "model_0" else jax.tree.map(lambda s: s + 1, old)
            for name, old in states.items()
        }

    def composite(self, learned: Tree, slots: Any, states: Tree, given: Any, y: Any) -> tuple[Any, ...]:
        """The step as the composite of four lenses: four gets forward, four puts back."""
        fit = self.fit
        params, xs = self.read(fit.optimiser.look(slots, learned), given)
        model = compile(fit.model, rule=fit.rule)
        out, put_of_model = model.vjp(params, *xs, state=only(states.get("model_0", {}), model.circuit.states))
        b, new = out if model.stateful else (out, {})
        loss = compile(Typed(fit.loss, fit.model.cod @ Space([self.label])))
        each, put_of_loss = loss.vjp({}, b, y)
        steps = [s for name, tree in states.items() if name != "model_0" for s in jax.tree.leaves(tree)]
        back, _, mean = put_of_rate(fit.rate, loss.cod, each, *steps)
        dparams, dxs = put_of_model(put_of_loss(back)[1][0])
        change = ([dxs] if len(xs) == 1 else list(dxs)) if self.dreams else dparams
        slots, learned = fit.optimiser.put(slots, learned, change)
        return self._reduced(learned), slots, self._after(states, new), mean

    def _reduced(self, learned: Tree) -> Tree:
        """What is learned, as elements of the rings that it is in."""
        space = self.closed.model.params @ self.fit.model.dom
        return jax.tree.map(lambda i, x: space[i].element.reduce(x), self.closed.stands[0].wires, learned)

    def by_hand(self, learned: Tree, slots: Any, states: Tree, given: Any, y: Any) -> tuple[Any, ...]:
        """The step as one would write it around `jax.value_and_grad`."""
        fit = self.fit
        model = compile(fit.model)
        meaning = fit.loss.meaning.index if self.integers else fit.loss.meaning.real

        def mean_loss(seen: Tree) -> tuple[Any, Tree]:
            params, xs = self.read(seen, given)
            own = {"state": only(states.get("model_0", {}), model.circuit.states)} if model.stateful else {}
            out = model(params, *xs, **own)
            b, new = out if model.stateful else (out, {})
            return meaning(b, y).mean(), new

        (mean, new), changes = jax.value_and_grad(mean_loss, has_aux=True)(fit.optimiser.look(slots, learned))
        steps = [s for name, tree in states.items() if name != "model_0" for s in jax.tree.leaves(tree)]
        rate = fit.rate.rate(*steps) if callable(fit.rate.rate) else fit.rate.rate
        changes = jax.tree.map(lambda d: d * rate, changes)
        slots, learned = fit.optimiser.put(slots, learned, changes)
        return learned, slots, self._after(states, new), mean


def KEY() -> Any:
    """The random key of a state."""
    return jax.random.key(7)


def some_params(model: Typed, rng: Generator) -> Tree:
    """Parameters of a model, drawn at random."""
    return map_tree(lambda port: some_values(port.array, (), rng, 0.7), whole(model.circuit))


def some_values(array: Array, batch: tuple[int, ...], rng: Generator, size: float = 1.0) -> Any:
    """Values of an array for a batch: normal numbers, or elements as likely as each other."""
    shape = (*batch, *array.sizes)
    if array.element.values is not None:
        return rng.integers(0, len(array.element.values), shape).astype(array.dtype)
    return (rng.normal(size=shape) * size).astype(array.dtype)


@lru_cache(maxsize=16)
def case(fit: Any) -> Case:
    """The learner or dreamer in double precision where its model can be, in its own where not."""
    here = Case(fit)
    try:
        model = at_precision(fit.model, "float64")
        wide: dict[str, Any] = {"model": model}
        if here.dreams:
            wide |= {"params": jax.tree.map(_widened, fit.params), "states": jax.tree.map(_widened, fit.states)}
        return here.made(**wide)
    except (LensError, Misfit, TypeError, ValueError):
        return here.made()


def _widened(x: Any) -> Any:
    return np.asarray(x, "float64") if jnp.issubdtype(jnp.result_type(x), jnp.floating) else np.asarray(x)


def agree(here: Case, left: Callable[..., Any], right: Callable[..., Any], compiled: bool = False) -> Agree:
    """The claim that two steps are the same."""
    return Agree(left, right, here.draw, compiled)


# -- the step --------------------------------------------------------------------------------


@law(LEARNER, "closed", "the lens goes from the optimiser's S * P with the inputs and the label to the unit", SOURCE,
     16, needs="learner")  # fmt: skip
def closed(fit: Any) -> Inspect:
    here = case(fit)

    def finds(rng: Generator) -> str | None:
        learned, slots, _, given, y = here.draw(rng, ())
        wires = here.wires(learned, slots, given, y)
        lens = here.fit.lens
        if len(lens.cod):
            return f"the lens is open: it gives {lens.cod!r}"
        kinds = [(jnp.shape(w), jnp.result_type(w).name) for w in wires]
        found = [(a.sizes, a.dtype) for a in lens.dom]
        return None if found == kinds else f"the lens takes {found}, not {kinds}"

    return Inspect(finds)


@law(LEARNER, "step", "the compiled step is put of the closed lens", SOURCE, 16, needs="learner")
def step(fit: Any) -> Agree:
    here = case(fit)
    return agree(here, here.step, here.put, compiled=True)


@law(LEARNER, "composite", "put of the closed lens is what the puts of optimiser, model, loss and rate make of it",
     "Cruttwell et al. 2021, sections 2.2 and 4", 16, needs="learner")  # fmt: skip
def composite(fit: Any) -> Agree | str:
    here = case(fit)
    if here.keyed:
        return "a model apart from its lens draws other random numbers"
    return agree(here, here.put, here.composite)


@law(LEARNER, "by hand", "the step is optimiser.put of rate times the gradient of the mean loss", SOURCE, 16,
     needs="learner")  # fmt: skip
def by_hand(fit: Any) -> Agree | str:
    here = case(fit)
    if here.keyed:
        return "a model apart from its lens draws other random numbers"
    if here.fit.rule is not backprop:
        return f"{here.fit.rule!r} is no gradient"
    if here.ring:
        return "over a ring there is no gradient for JAX to take"
    return agree(here, here.step, here.by_hand)


@law(LEARNER, "rate 0", "where the rate, or the optimiser's own, is 0 nothing is learned", SOURCE, 16,
     needs="learner")  # fmt: skip
def zero_rate(fit: Any) -> list[Agree] | str:
    here = case(fit)
    if here.ring:
        return "over a ring a step has no size, and the votes of examples are added"
    if not here.dreams and not list(leaves(whole(here.fit.model.circuit))):
        return "the model has no parameters"
    still = [here.made(optimiser=SGD(1.0), rate=Rate(0.0))]
    if own_rate(here.fit.optimiser):
        still.append(here.made(optimiser=replace(here.fit.optimiser, rate=0.0)))
    return [agree(one, lambda *a, one=one: one.step(*a)[0], lambda *a: a[0]) for one in still]


@law(LEARNER, "batching", "the step of a batch is the mean of the steps of its examples", SOURCE, 16, needs="learner")
def batching(fit: Any) -> Agree | str:
    here = case(fit)
    if here.ring:
        return "over a ring a step has no size, and the votes of examples are added"
    if here.dreams:
        return "a dream has one example"
    if here.keyed or here.stateful:
        return "its examples meet in states or random numbers"
    plain = here.made(optimiser=SGD(1.0))

    def apart(params: Tree, slots: Any, states: Tree, xs: Any, y: Any) -> Any:
        each = [plain.step(params, slots, states, tuple(x[i] for x in xs), y[i]) for i in range(BATCH)]
        return jax.tree.map(lambda *parts: sum(parts) / BATCH, *[(new[0], new[3]) for new in each])

    return agree(plain, lambda *a: (plain.step(*a)[0], plain.step(*a)[3]), apart)


# -- what is learned -------------------------------------------------------------------------


@law(LEARNER, "both", "one closed lens with optimisers on parameters and input learns both as each is learned alone",
     SOURCE, 16, needs="learner")  # fmt: skip
def both(fit: Any) -> Agree | str:
    here = case(fit)
    if here.dreams:
        return "its parameters are fixed"
    here_fit, model = here.fit, here.fit.model
    if here.keyed or here.stateful or inference(model.term) != model.term:
        return "the model is another one once it is trained"
    if any(a.change is None for a in model.dom):
        return "an input cannot change"
    optimiser, wires = here_fit.optimiser, Wires(model)
    stands = [Stand(optimiser, wires.params), Stand(optimiser, wires.inputs)]
    closed = Closed(model, here_fit.loss, stands, here_fit.rate, here_fit.rule, Space([here.label]))

    def draw(rng: Generator) -> tuple[Any, ...]:
        params, slots, states, xs, y = here.draw(rng, ())
        return params, slots, list(xs), some_state(optimiser, list(xs), rng), states, y

    def together(params: Tree, slots: Any, xs: Any, own: Any, states: Tree, y: Any) -> Any:
        values, both = closed.values(params, xs), [slots, own]
        values, both, states, loss = closed.put(values, both, [y], states, None, {"labels": y})
        return both[0], closed.at(values, wires.params), both[1], closed.at(values, wires.inputs), states, loss

    def alone(params: Tree, slots: Any, xs: Any, own: Any, states: Tree, y: Any) -> Any:
        ahead = optimiser.look(own, xs)
        learned = here.step(params, slots, states, tuple(ahead), y)
        seen = optimiser.look(slots, params)
        dreamer = Dreamer(model, seen, {}, here_fit.loss, optimiser, here_fit.rate, here_fit.rule)
        dreamt = Case(dreamer).step(list(xs), own, states, seen, y)
        return learned[1], learned[0], dreamt[1], dreamt[0], learned[2], learned[3]

    return Agree(together, alone, draw)


def _copies(fit: Any) -> tuple[Case, Case] | str:
    """Learners of the product of the model at two inputs: with tied weights, and with copies of its own for each."""
    here = case(fit)
    if here.dreams:
        return "its parameters are fixed"
    model = here.fit.model
    if here.ring:
        return "over a ring a step has no size, and the votes of examples are added"
    if here.keyed or here.stateful or model.circuit.tied:
        return "the model has states, random numbers or tied weights already"
    if here.fit.rule is not backprop:
        return f"under {here.fit.rule!r} messages to copies need not be those to the model"
    if not list(leaves(whole(model.circuit))):
        return "the model has no parameters"
    pair = model.dom @ model.dom
    shared = compose(tensor(tied("shared", model.term), tied("shared", model.term)), multiply)
    apart = compose(tensor(block("one", model.term), block("two", model.term)), multiply)
    made = [here.made(model=Typed(term, pair), optimiser=SGD(1.0)) for term in (shared, apart)]
    return made[0], made[1]


def _apart(apart: Case, params: Tree, slots: Any, states: Tree, xs: Any, y: Any) -> list[Tree]:
    """What two copies that start from the same parameters are after a step."""
    (own,) = params.values()
    new = apart.step({"one": own, "two": own}, slots, states, xs, y)[0]
    return [new["one"], new["two"]]


@law(LEARNER, "tied weights", "what is learned of weights that are used twice is the sum of what two copies learn",
     "Cruttwell et al. 2021, section 2.1; Gavranovic 2019", 16, needs="learner")  # fmt: skip
def tied_weights(fit: Any) -> Agree | str:
    copies = _copies(fit)
    if isinstance(copies, str):
        return copies
    shared, apart = copies

    def summed(params: Tree, *rest: Any) -> Tree:
        (own,) = params.values()
        return jax.tree.map(lambda p, a, b: a + b - p, own, *_apart(apart, params, *rest))

    return agree(shared, lambda *a: next(iter(shared.step(*a)[0].values())), summed)


@law(LEARNER, "copies of weights", "two copies of weights that start equal stay equal",
     "Gavranovic 2019; tying is what keeps them", 32, holds=False, needs="learner")  # fmt: skip
def copies_of_weights(fit: Any) -> Agree | str:
    copies = _copies(fit)
    if isinstance(copies, str):
        return copies
    shared, apart = copies
    return agree(shared, lambda *a: _apart(apart, *a)[0], lambda *a: _apart(apart, *a)[1])
