"""Games: several players learn parts of one model by one closed lens, each with an optimiser of its own.

A player is an optimiser and the parameters it stands on. All players' optimisers; the model; the loss; the rate
are one lens to the unit, and its put is a simultaneous step of all: where two players pull the one loss in
opposite directions, one optimiser descends and the other is `ascending` (Cruttwell et al. 2024, "Deep Learning with
Parametric Lenses", generative adversarial networks; players as reparametrisations: Capucci et al. 2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ..compile import check_arrays
from ..errors import LensError, explain, shown
from ..initialisers import check, initial
from ..ports import Port
from ..rules.rule import Rule, backprop, check_rule
from ..spaces import Array, Space
from ..syntax import shorten
from ..terms import Identity, Term
from ..trees import Tree, leaves, pick
from ..typed import Typed, as_typed
from .closed import Closed, Stand, Wires
from .fit import Fit, State
from .optimisers import Optimiser
from .rates import Rate, Schedule, check_rate
from .run import History, arrays, carried_inputs, check_examples, run, same_batches

Players = Mapping[str, Optimiser | None]


class Game(Fit):
    """Several optimisers on parts of one model; made by `game`.

    Attributes: `model` (Typed), `loss` (a term), `players` (name -> optimiser), `noise` (input -> initialiser),
    `rate`, `rule`; `lens` is the closed lens, `step` the compiled step.
    """

    def __init__(
        self, model: Typed, loss: Term, players: Mapping[str, Optimiser], on: Mapping[str, Tree],
        noise: Mapping[int, str], rate: Rate, rule: Rule,
    ):  # fmt: skip
        self.loss, self.players, self.noise, self.on = loss, dict(players), dict(noise), dict(on)
        stands = [Stand(players[name], on[name]) for name in self.players]
        self._closed = Closed(model, loss, stands, rate, rule)
        self.data = Space(a for i, a in enumerate(model.dom) if i not in self.noise)
        super().__init__(model, rate, rule)

    @property
    def shown(self) -> Closed:
        return self._closed

    @property
    def optimisers(self) -> dict[str, Optimiser]:
        return self.players

    @property
    def keyed(self) -> bool:
        return bool(self.noise) or super().keyed

    def begun(self, params: Tree) -> dict[str, Any]:
        values = self._closed.values(params, [])
        stands = zip(self.players, self._closed.stands, strict=True)
        return {name: stand.optimiser.init(self._closed.at(values, stand.wires)) for name, stand in stands}

    # -- the step ----------------------------------------------------------------------------
    def inputs(self, key: Any, xs: Sequence[Any]) -> list[Any]:
        """The inputs of the model: the data, and in their places the noise, drawn for as many examples."""
        given = iter(xs)
        lead = jnp.shape(xs[0])[: jnp.ndim(xs[0]) - self.data[0].rank]

        def one(i: int, array: Array) -> Any:
            if i not in self.noise:
                return next(given)
            return initial(noise_port(array, self.noise[i], lead), jax.random.fold_in(key, i))

        return [one(i, array) for i, array in enumerate(self.model.dom)]

    def laid(self, state: State, *rows: Any) -> tuple[Closed, list[Any], Any]:
        values, slots, _, use = self._before(state, rows)
        return self._closed, self._closed.laid(values, slots), use

    def _before(self, state: State, rows: Sequence[Any]) -> tuple[list[Any], list[Any], Any, Any]:
        key, draw, use = (None,) * 3 if state.key is None else jax.random.split(state.key, 3)
        values = self._closed.values(state.params, self.inputs(draw, rows))
        return values, [state.optimiser[name] for name in self.players], key, use

    def _step(self, state: State, *rows: Any) -> tuple[State, Any]:
        closed = self._closed
        closed.check(state.params)
        xs = check_arrays(self.data, rows, self.model)
        same_batches(xs, self.data)
        self.check_optimiser(state)
        values, slots, key, use = self._before(state, xs)
        values, slots, states, loss = closed.put(values, slots, [], state.states, use)
        optimisers = dict(zip(self.players, slots, strict=True))
        return State(closed.at(values, closed.wires.params), optimisers, states, key), loss

    def checked(self, data: Any, batch: int) -> tuple[Any, ...]:
        xs = arrays(data)
        check_examples(xs, batch)
        typed = check_arrays(self.data, xs, self.model)
        same_batches(typed, self.data)
        return carried_inputs(typed, self.data.arrays)

    def run(
        self, state: State, data: Any, epochs: int, batch: int = 32, *,
        key: Any = "default", progress: bool = True, check_nans: bool = False,
    ) -> tuple[State, History]:  # fmt: skip
        """Plays for some epochs, scanned on the device; returns the new state and a `History` of the loss.

        Arguments, besides the state, the data (an array, or a tuple of them, one for each input that is no noise),
        `epochs` and `batch`: `key`, `progress` and `check_nans` as in `Learner.run`.
        """
        return run(self, state, data, epochs, batch, key=key, progress=progress, check_nans=check_nans)

    def __repr__(self) -> str:
        return f"game({shorten(self.model)}, loss={shorten(self.loss)}, players={self.players!r}, rule={self.rule!r})"


def noise_port(array: Array, init: str, lead: tuple[int, ...]) -> Port:
    """What says how the noise on an input is drawn for a batch of the axes `lead`."""
    return Port("noise", "state", Array((*lead, *array.sizes), None, array.element), init)


def game(
    model: Term,
    space: Space | None = None,
    *,
    players: Players,
    loss: Term | None = None,
    noise: Mapping[int, str] | None = None,
    rate: float | Schedule | Rate = 1.0,
    rule: Rule = backprop,
) -> Game:
    """The closed lens of several players: their optimisers side by side; model; loss; rate.

    Arguments:
    model: P @ A -> B at the space A.
    players: for each part of the model by its name in the tree of parameters (a path with dots inside parts), the
        optimiser that moves it, `ascending(...)` where it climbs; None where it stays. Every parameter has a player.
    loss: a term B -> L, a number an example; left out where that is what the model gives.
    noise: inputs of the model that are drawn anew in each step, number -> initialiser, as in ``{0: "normal:1"}``.
    rate, rule: as for `learner`.

    Raises LensError where a player has no parameters, or a parameter no player, or two.
    """
    typed = as_typed(model, space, "game")
    noise = _checked_noise(typed, noise or {})
    on = parts_of(typed, players)
    loss = Identity(typed.arity[1]) if loss is None else loss
    rate = rate if isinstance(rate, Rate) else Rate(check_rate("game", rate))
    own = {name: optimiser for name, optimiser in players.items() if optimiser is not None}
    return Game(typed, loss, own, on, noise, rate, check_rule("game", rule))


def _checked_noise(model: Typed, noise: Mapping[int, str]) -> dict[int, str]:
    for i, init in noise.items():
        if i not in range(len(model.dom)) or not model.dom[i].real:
            raise LensError(
                explain(f"game: input {i!r} cannot be noise", model=shorten(model),
                        expected="the number of an input that carries real numbers", inputs=model.dom)
            )  # fmt: skip
        check(init, f"game: the noise of input {i}")
    if len(noise) == len(model.dom):
        raise LensError(explain("game: all inputs are noise", inputs=model.dom, expected="an input for the data"))
    return dict(noise)


def parts_of(model: Typed, players: Players) -> dict[str, Tree]:
    """The wires that each player stands on, as a tree."""
    if not isinstance(players, Mapping) or not players:
        raise LensError(
            explain(f"game: players={shown(players)}", expected="a dict from parts of the model to optimisers",
                    as_in='{"generator": adam(1e-3), "critic": ascending(adam(1e-3))}')
        )  # fmt: skip
    tree = Wires(model).params
    wires = {".".join(path): i for path, i in leaves(tree)}
    owner: dict[str, str] = {}
    found: dict[str, Tree] = {}
    for name, optimiser in players.items():
        if optimiser is not None and not isinstance(optimiser, Optimiser):
            raise LensError(
                explain(f"game: the player {name!r}", players=shown(players), came=shown(optimiser),
                        expected="an optimiser, e.g. adam(1e-3), or None", do="wrap optax's as lenses.optax(...)")
            )  # fmt: skip
        own = {path: i for path, i in wires.items() if f"{path}.".startswith(f"{name}.")}
        if not own:
            have = ", ".join(dict.fromkeys(path.split(".")[0] for path in wires)) or "none"
            raise LensError(
                explain(f"game: the player {name!r} has no parameters", parts=have, model=shorten(model),
                        do="name a part of the model as block(name, ...) or tied(name, ...) does")
            )  # fmt: skip
        for path in own:
            if path in owner:
                raise LensError(explain(f"game: {path} has two players", players=f"{owner[path]!r} and {name!r}"))
            owner[path] = name
        found[name] = pick(tree, name.split("."))
    left = [path for path in wires if path not in owner]
    if left:
        raise LensError(
            explain(f"game: no player moves {left[0]}", players=", ".join(map(repr, players)),
                    do="give it one, or None for what stays as it is")
        )  # fmt: skip
    return found
