"""A game is one closed lens with several players: its put moves all of them at once, each by an optimiser of its own.

Let each player have parameters P_i of a model and an optimiser. The lens is (the optimisers side by side); model;
loss; rate, so player i gets the change of the one loss in P_i, at the point where all others are before the step, and
the sign is that of the optimiser (Cruttwell et al. 2024).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...boxes.linear import scale
from ...compile import compile
from ...errors import LensError
from ...initialisers import init_tree
from ...interpret import Env, Side, backward, forward
from ...learner.adversarial import Adversarial
from ...learner.closed import Closed, Stand
from ...learner.fit import State
from ...learner.games import Game, parts_of
from ...learner.modifiers import ascending
from ...learner.optimisers import SGD, Nesterov, Optimiser
from ...rules.rule import backprop
from ...terms import compose
from ...trees import renew
from ...typed import Misfit, Typed, elaborate
from ..law import law, structure
from ..programs import Agree, Inspect
from ..purity import leaf_cells
from ..rewrite import at_precision
from .learners import BATCH, KEY, Generator, some_params, some_values
from .optimisers import Way, counterpart, innermost, some_state

GAME = structure("game", "one closed lens to the unit, whose put moves every player at once", subject=lambda: Game)
SOURCE = "Cruttwell et al. 2024, generative adversarial networks"
STEPS = 2
"""How many steps are held against those by hand, so that optimisers come to use what they remember."""
Tree = Any


@dataclass(frozen=True, eq=False)
class Case:
    """A game in double precision, with what its laws are tried on: parameters, states of optimisers and lens, data."""

    fit: Any

    def draw(self, rng: Generator) -> tuple[Any, ...]:
        """Parameters, the players' states, the states of the lens, and a batch."""
        fit = self.fit
        params = some_params(fit.model, rng)
        slots = {name: some_state(fit.players[name], part, rng) for name, part in self.parts(params).items()}
        fresh = init_tree(fit.shown.circuit.states, jax.random.key(1))
        return params, slots, jax.tree.map(np.asarray, fresh), self.rows(rng)

    def rows(self, rng: Generator) -> list[Any]:
        """A batch of data."""
        return [some_values(a, (BATCH,), rng) for a in self.fit.data]

    def parts(self, params: Tree) -> dict[str, Tree]:
        """What each player stands on."""
        values = self.fit.shown.values(params, [])
        stands = zip(self.fit.players, self.fit.shown.stands, strict=True)
        return {name: self.fit.shown.at(values, stand.wires) for name, stand in stands}

    def whole(self, params: Tree, parts: dict[str, Tree]) -> Tree:
        """The parameters with what the players stand on replaced."""
        closed = self.fit.shown
        values = closed.values(params, [])
        for name, stand in zip(self.fit.players, closed.stands, strict=True):
            for i, value in zip(jax.tree.leaves(stand.wires), jax.tree.leaves(parts[name]), strict=True):
                values[i] = value
        return closed.at(values, closed.wires.params)

    def inputs(self, rows: list[Any], key: Any) -> tuple[list[Any], Any]:
        """The inputs of the model in a step, the noise drawn as the game draws it, and the next key."""
        key, draw, _ = (None,) * 3 if key is None else jax.random.split(key, 3)
        return self.fit.inputs(draw, rows), key

    @property
    def key(self) -> Any:
        """The random key of a state."""
        return KEY() if self.fit.keyed else None

    # -- steps -------------------------------------------------------------------------------
    def step(self, params: Tree, slots: Any, states: Tree, rows: list[Any]) -> tuple[Any, ...]:
        """The step of the game itself."""
        new, loss = self.fit.step(State(params, slots, states, self.key), *rows)
        return new.params, new.optimiser, new.states, loss

    def put(self, params: Tree, slots: Any, states: Tree, rows: list[Any]) -> tuple[Any, ...]:
        """Put of the closed lens, run as the term that it is."""
        fit, closed = self.fit, self.fit.shown
        rule = fit.rule.bind(fit.model)
        circuit = elaborate(fit.lens.term, fit.lens.dom, rule.ports)
        _, draw, use = (None,) * 3 if self.key is None else jax.random.split(self.key, 3)
        values, own = closed.values(params, fit.inputs(draw, rows)), [slots[name] for name in fit.players]
        env, side = Env(backprop, rule), Side({}, states, use, {})
        _, new, tape = forward(circuit, side, closed.laid(values, own), env)
        _, back = backward(circuit, side, tape, [], env)
        values, own = closed.read(back, values, own)
        slots = dict(zip(fit.players, own, strict=True))
        return closed.at(values, closed.wires.params), slots, renew(states, new), env.after["loss"]

    # -- other games -------------------------------------------------------------------------
    def made(self, players: dict[str, Optimiser] | None = None, model: Typed | None = None, loss: Any = None) -> Case:
        """The plain game of other players, another model, or another loss."""
        fit = self.fit
        moving = fit.players if players is None else players
        on = {name: fit.on[name] for name in moving} if model is None else parts_of(model, moving)
        kind = fit.plain if isinstance(fit, Adversarial) else type(fit)
        return Case(kind(model or fit.model, loss or fit.loss, moving, on, fit.noise, fit.rate, fit.rule))

    @property
    def apart(self) -> str | None:
        """Why its examples cannot be told apart, or its random numbers not be drawn again; None if they can."""
        if self.fit.shown.circuit.keyed:
            return "the model draws random numbers"
        return "the model has states" if self.fit.model.circuit.states else None

    @property
    def derives(self) -> str | None:
        """Why what comes back is not the derivative of the loss; None if it is."""
        if self.fit.rule is not backprop:
            return f"{self.fit.rule!r} is no gradient"
        scaled = any(not cell.box.derives for cell in leaf_cells(self.fit.model.circuit))
        return "changes are scaled within the model" if scaled else None

    def rate(self, k: int) -> Any:
        """What the mean loss counts for in step k."""
        rate = self.fit.rate.rate
        return rate(k) if callable(rate) else rate


@lru_cache(maxsize=16)
def case(fit: Any) -> Case:
    """The game in double precision where its model can be, in its own where not."""
    try:
        if isinstance(fit, Adversarial):
            g, d = (at_precision(part, "float64") for part in (fit.generator, fit.discriminator))
            parts = fit.compared, fit.labels, fit.saturating, fit.penalty, fit.both, fit.rate, fit.rule
            return Case(type(fit)(g, d, *parts))
        model = at_precision(fit.model, "float64")
        loss = at_precision(Typed(fit.loss, fit.model.cod), "float64").term
        return Case(type(fit)(model, loss, fit.players, fit.on, fit.noise, fit.rate, fit.rule))
    except (LensError, Misfit, TypeError, ValueError):
        return Case(fit)


# -- the step --------------------------------------------------------------------------------


@law(GAME, "closed", "the lens goes from the states and parameters of all players, with the inputs, to the unit",
     SOURCE, 16)  # fmt: skip
def closed(fit: Any) -> Inspect:
    here = case(fit)

    def finds(rng: Generator) -> str | None:
        params, slots, _, _ = here.draw(rng)
        lens, pieces = here.fit.lens, here.fit.shown
        if len(lens.cod):
            return f"the lens is open: it gives {lens.cod!r}"
        one = [np.zeros(a.sizes, a.dtype) for a in here.fit.model.dom]
        laid = pieces.laid(pieces.values(params, one), [slots[name] for name in here.fit.players])
        kinds = [(jnp.shape(w), jnp.result_type(w).name) for w in laid]
        found = [(a.sizes, a.dtype) for a in lens.dom]
        return None if found == kinds else f"the lens takes {found}, not {kinds}"

    return Inspect(finds)


@law(GAME, "step", "the compiled step is put of the closed lens", SOURCE, 16)
def step(fit: Any) -> Agree:
    here = case(fit)
    return Agree(here.step, here.put, here.draw, compiled=True)


Changes = Callable[[Tree, list[Any]], tuple[Any, Tree]]
"""(parameters where the model is run, inputs) -> the loss, and for each player by name the change that it gets."""


def played(here: Case, changes: Changes) -> Agree | str:
    """The claim that steps from the start move all players at once, each along its change, as optax does."""
    fit = here.fit
    ways: dict[str, Way] = {}
    for name, optimiser in fit.players.items():
        way = counterpart(optimiser)
        if isinstance(way, str):
            return way
        ways[name] = way

    def ours(params: Tree, rows: list[Any]) -> Any:
        state, losses = State(params, fit.begun(params), init_tree(fit.shown.circuit.states, KEY()), here.key), []
        for _ in range(STEPS):
            state, loss = fit._step(state, *rows)
            losses.append(loss)
        parts = here.parts(state.params)
        return {name: fit.players[name].look(state.optimiser[name], part) for name, part in parts.items()}, losses

    def by_hand(params: Tree, rows: list[Any]) -> Any:
        key, losses = here.key, []
        slots = {name: ways[name].start(part) for name, part in here.parts(params).items()}
        for k in range(STEPS):
            xs, key = here.inputs(rows, key)
            parts = here.parts(params)
            seen = here.whole(params, {name: ways[name].look(slots[name], part) for name, part in parts.items()})
            loss, sent = changes(seen, xs)
            sent = jax.tree.map(lambda d, rate: d * rate, sent, jax.tree.map(lambda _, k=k: here.rate(k), sent))
            moved = {name: ways[name].put(slots[name], part, sent[name]) for name, part in parts.items()}
            slots = {name: slot for name, (slot, _) in moved.items()}
            params = here.whole(params, {name: part for name, (_, part) in moved.items()})
            losses.append(loss)
        # Nesterov's momentum is compared at the point ahead, as its trajectories are.
        return {name: ways[name].look(slots[name], part) for name, part in here.parts(params).items()}, losses

    return Agree(ours, by_hand, lambda rng: (some_params(fit.model, rng), here.rows(rng)))


@law(GAME, "by hand", "a step moves each player along the gradient of the one loss, all at once, as optax does",
     SOURCE, 16)  # fmt: skip
def by_hand(fit: Any) -> Agree | str:
    here = case(fit)
    why = here.apart or here.derives
    if why:
        return why
    model = compile(here.fit.model)
    loss = compile(Typed(here.fit.loss, here.fit.model.cod))

    def mean(params: Tree, xs: list[Any]) -> Any:
        out = model(params, *xs)
        return loss({}, *(out if isinstance(out, tuple) else (out,))).mean()

    def changes(params: Tree, xs: list[Any]) -> tuple[Any, Tree]:
        value, sent = jax.value_and_grad(mean)(params, xs)
        return value, here.parts(sent)

    return played(here, changes)


@law(GAME, "simultaneous", "where each player goes does not depend on who else plays", SOURCE, 16)
def simultaneous(fit: Any) -> list[Agree] | str:
    here = case(fit)
    if any(isinstance(innermost(optimiser), Nesterov) for optimiser in here.fit.players.values()):
        return "a player is seen ahead of where it is"
    if here.fit.shown.circuit.keyed:
        return "another lens draws other random numbers"

    def alone(name: str) -> Agree:
        solo = here.made({name: here.fit.players[name]})

        def one(params: Tree, slots: Any, states: Tree, rows: list[Any]) -> Any:
            return solo.parts(solo.step(params, {name: slots[name]}, states, rows)[0])[name]

        return Agree(lambda *a: here.parts(here.step(*a)[0])[name], one, here.draw)

    return [alone(name) for name in here.fit.players]


@law(GAME, "signs", "to climb a loss is to descend its negative, for all players at once", SOURCE, 16)
def signs(fit: Any) -> Agree:
    here = case(fit)
    climbing = {name: ascending(optimiser) for name, optimiser in here.fit.players.items()}
    other = here.made(climbing, loss=compose(here.fit.loss, scale(-1.0)))
    return Agree(lambda *a: here.step(*a)[:2], lambda *a: other.step(*a)[:2], here.draw)


@law(GAME, "one optimiser on all", "players with one rate of descent are one player on all parameters", SOURCE, 16)
def one_on_all(fit: Any) -> Agree | str:
    here = case(fit)
    if here.fit.shown.circuit.keyed:
        return "another lens draws other random numbers"
    many = here.made({name: SGD(0.5) for name in here.fit.players})

    def together(params: Tree, slots: Any, states: Tree, rows: list[Any]) -> Any:
        parts = here.parts(params)
        return here.parts(many.step(params, {name: {} for name in parts}, states, rows)[0])

    def apart(params: Tree, slots: Any, states: Tree, rows: list[Any]) -> Any:
        fit = here.fit
        tops = [fit.on[name] for name in fit.players]
        single = Closed(fit.model, fit.loss, [Stand(SGD(0.5), tops)], fit.rate, fit.rule)
        _, draw, use = (None,) * 3 if here.key is None else jax.random.split(here.key, 3)
        values, *_ = single.put(single.values(params, fit.inputs(draw, rows)), [{}], [], states, use)
        return dict(zip(fit.players, single.at(values, tops), strict=True))

    return Agree(together, apart, here.draw)


@law(GAME, "batching", "the step of a batch is the mean of the steps of its examples", SOURCE, 16)
def batching(fit: Any) -> Agree | str:
    here = case(fit)
    if here.apart:
        return here.apart
    plain = here.made({name: SGD(1.0) for name in here.fit.players})
    closed = plain.fit.shown

    def put(params: Tree, xs: list[Any], states: Tree) -> Any:
        values, _, _, loss = closed.put(closed.values(params, xs), [{} for _ in closed.stands], [], states, None)
        return closed.at(values, closed.wires.params), loss

    def each(params: Tree, xs: list[Any], states: Tree) -> Any:
        news = [put(params, [x[i : i + 1] for x in xs], states) for i in range(BATCH)]
        return jax.tree.map(lambda *parts: sum(parts) / BATCH, *news)

    def draw(rng: Generator) -> tuple[Any, ...]:
        params, _, states, _ = here.draw(rng)
        return params, [some_values(a, (BATCH,), rng) for a in here.fit.model.dom], states

    return Agree(put, each, draw)
