"""The laws of games, and those of one learner at two bases: as expected of what is here, not of seeded mistakes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lenses import (
    Bits,
    Port,
    Real,
    adam,
    adversarial,
    ascending,
    batch_norm,
    block,
    clipped,
    copy,
    dense,
    dot_product,
    dropout,
    einsum,
    every,
    game,
    identity,
    laws,
    leaky_relu,
    learner,
    momentum,
    multiply,
    nesterov,
    para,
    reduce_sum,
    rmsprop,
    sgd,
    square,
    squared,
    tanh,
)
from lenses.circuits import ascend, lookup
from lenses.laws.structures.bases import at_both
from lenses.laws.structures.games import GAME
from lenses.laws.structures.learners import some_params
from lenses.laws.structures.optimisers import innermost
from lenses.learner.adversarial import Adversarial
from lenses.learner.fit import State
from lenses.learner.games import Game
from lenses.learner.learner import Learner
from lenses.learner.rates import Rate, slowing
from lenses.rules import feedback_alignment
from lenses.spaces import Space

G, D, S = dense(3) >> tanh >> dense(2), dense(3) >> leaky_relu >> dense(1), (Real(2), Real(2))
THREE = block("a", dense(2)) >> tanh >> block("b", dense(2)) >> block("c", dense(2)) >> square >> reduce_sum(-1)
PLAYERS = {"a": sgd(0.1), "b": ascending(momentum(0.2)), "c": None}
each = jax.tree.map

GAMES: dict[str, Any] = {
    "minimax": adversarial(G, D, *S, optimisers=(adam(0.01), momentum(0.02))),
    "penalty": adversarial(
        G, D, *S, loss=dot_product, penalty=2.0, optimisers=(every(2, adam(0.01)), clipped(rmsprop(0.02), 0.5))
    ),
    "own losses": adversarial(G, D, *S, saturating=False, optimisers=(nesterov(0.01), sgd(0.02)), rate=slowing),
    "states": adversarial(dense(3) >> batch_norm() >> dense(2), D, *S, optimisers=(sgd(0.1), sgd(0.1))),
    "random": adversarial(G, dropout(0.5) >> D, *S, optimisers=(sgd(0.1), sgd(0.1))),
    "feedback": adversarial(G, D, *S, optimisers=(sgd(0.1), sgd(0.1)), rule=feedback_alignment()),
    "three": game(THREE, Real(2), players=PLAYERS),
    "noise": game(block("f", dense(2)) @ identity, *[Real(2) @ Real(2)], players={"f": adam(0.1)}, loss=squared,
                  noise={0: "normal:1"}, rate=0.5),
}  # fmt: skip

ANY = {"closed", "step", "signs", "one optimiser on all"}
APPLIES = {
    "minimax": {law.name for law in GAME},
    "penalty": ANY | {"simultaneous", "batching", "minimax"},
    "own losses": ANY | {"batching", "minimax"},
    "states": ANY | {"simultaneous"},
    "random": {"closed", "step", "signs"},
    "feedback": ANY | {"simultaneous", "batching"},
    "three": ANY | {"simultaneous", "batching", "by hand"},
    "noise": ANY | {"simultaneous", "batching", "by hand"},
}


def outcomes(subject: Any, law: Any = None) -> tuple[dict[str, str], Any]:
    """What came of each law that applies, and the report."""
    report = laws.check(subject, law=law, progress=False)
    return {f.law.name: f.outcome for f in report if f.outcome != "skipped"}, report


QUICK = ("minimax", "three", "noise")


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in GAMES])
def test_games(name):
    found, report = outcomes(GAMES[name])
    assert report.passed, str(report)
    assert set(found) == APPLIES[name], str(report)


# -- what is a little wrong ------------------------------------------------------------------


def moved(fit: Any, state: State, new: State, how: Any) -> State:
    """A new state in which the move of each player is another one."""
    params = {n: each(lambda p, q, n=n: how(n, p, q), state.params[n], new.params[n]) for n in new.params}
    return State(params, new.optimiser, new.states, new.key)


class Off(Game):
    """Steps that are too long by one part in 10^9."""

    def _step(self, state, *rows):
        new, loss = super()._step(state, *rows)
        return moved(self, state, new, lambda n, p, q: q + 1e-9 * (q - p)), loss


class Together(Game):
    """All players descend."""

    def _step(self, state, *rows):
        new, loss = super()._step(state, *rows)
        return moved(self, state, new, lambda n, p, q: 2 * p - q if n == "b" else q), loss


class Signless(Game):
    """Forgets who climbs."""

    def __init__(self, model, loss, players, *rest):
        super().__init__(model, loss, {name: innermost(optimiser) for name, optimiser in players.items()}, *rest)


class Waiting(Game):
    """Where there are two, the first waits for the second."""

    def _step(self, state, *rows):
        new, loss = super()._step(state, *rows)
        wait = len(self.players) > 1
        return moved(self, state, new, lambda n, p, q: p if wait and n == "a" else q), loss


class Drifting(Game):
    """Parameters grow by themselves."""

    def _step(self, state, *rows):
        new, loss = super()._step(state, *rows)
        return moved(self, state, new, lambda n, p, q: q + 1e-6 * p), loss


class SumEnd(Rate):
    """A rate that counts every loss fully."""

    def backward(self, cx, p, kept, ds):
        _, (back,) = super().backward(cx, p, kept, ds)
        return {}, [back * kept.size]


class OpenEnd(Rate):
    """A rate that hands the losses on."""

    arity = (1, 1)

    def type(self, dom: Space) -> Space:
        return dom


class Descending(Adversarial):
    """The discriminator descends."""

    def _step(self, state, *rows):
        new, loss = super()._step(state, *rows)
        return moved(self, state, new, lambda n, p, q: 2 * p - q if n == "discriminator" else q), loss


class Unpenalised(Adversarial):
    """A penalty that counts half."""

    def __init__(self, g, d, compared, labels, saturating, penalty, *rest):
        super().__init__(g, d, compared, labels, saturating, penalty, *rest)
        half = Adversarial(g, d, compared, labels, saturating, penalty / 2, *rest)
        self._closed, self.loss = half._closed, half.loss


class Halving(Game):
    """Learns half as much where weights are tied."""

    def _step(self, state, *rows):
        new, loss = super()._step(state, *rows)
        half = bool(self.model.circuit.tied)
        return moved(self, state, new, lambda n, p, q: (p + q) / 2 if half and n == "discriminator" else q), loss


class Meeting(Game):
    """Keeps copies together that nothing ties."""

    def _step(self, state, *rows):
        new, loss = super()._step(state, *rows)
        if {"made", "given"} <= set(new.params):
            mean = each(lambda a, b: (a + b) / 2, new.params["made"], new.params["given"])
            new.params = new.params | {"made": mean, "given": mean}
        return new, loss


class Turns(Game):
    """The discriminator first, and then the generator."""

    def _step(self, state, *rows):
        if set(self.players) != {"generator", "discriminator"}:
            return super()._step(state, *rows)
        loss = None
        for name in ("discriminator", "generator"):
            one = Game(self.model, self.loss, {name: self.players[name]}, {name: self.on[name]}, self.noise, self.rate,
                       self.rule)  # fmt: skip
            new, found = one._step(State(state.params, {name: state.optimiser[name]}, state.states, state.key), *rows)
            loss = found if loss is None else loss
            state = State(new.params, state.optimiser | new.optimiser, new.states, state.key)
        return state, loss


def three(kind: type[Game], rate: Any = None) -> Game:
    """The game of three of another class, or with another rate."""
    fit = GAMES["three"]
    rate = fit.rate if rate is None else rate
    return kind(fit.model, fit.loss, fit.players, fit.on, fit.noise, rate, fit.rule)


def two(kind: type[Adversarial], name: str = "minimax") -> Adversarial:
    """A game of a generator and a discriminator of another class."""
    fit = GAMES[name]
    parts = fit.compared, fit.labels, fit.saturating, fit.penalty, fit.both, fit.rate, fit.rule
    return kind(fit.generator, fit.discriminator, *parts)


def as_plain(kind: type[Game]) -> Any:
    """An adversarial game whose variations are plain games of another class."""

    class Made(Adversarial):
        plain = kind

    return two(Made)


MUTANTS: list[tuple[str, str, Any]] = [
    ("closed", "open", lambda: three(Game, OpenEnd(1.0))),
    ("step", "off by 1e-9", lambda: three(Off)),
    ("by hand", "off by 1e-9", lambda: three(Off)),
    ("by hand", "one sign for all", lambda: three(Together)),
    ("by hand", "the sum of a batch", lambda: three(Game, SumEnd(1.0))),
    ("simultaneous", "one waits", lambda: three(Waiting)),
    ("signs", "one sign for all", lambda: three(Signless)),
    ("one optimiser on all", "parameters that drift", lambda: three(Drifting)),
    ("batching", "the sum of a batch", lambda: three(Game, SumEnd(1.0))),
    ("minimax", "both descend", lambda: two(Descending)),
    ("minimax", "half of the penalty", lambda: two(Unpenalised, "penalty")),
    ("tied discriminator", "half", lambda: as_plain(Halving)),
    ("copies of the discriminator", "kept together", lambda: as_plain(Meeting)),
    ("one after another", "in turns", lambda: as_plain(Turns)),
]


def test_every_law_has_a_mutant():
    assert {name for name, _, _ in MUTANTS} == set(GAME.own)


@pytest.mark.parametrize(("name", "what", "make"), MUTANTS, ids=[f"{n}: {w}" for n, w, _ in MUTANTS])
def test_what_is_wrong_is_seen(name, what, make):
    found, report = outcomes(make(), f"game/{name}")
    assert found == {name: "fails" if GAME.own[name].holds else "holds"}, str(report)


# -- one definition, two bases ---------------------------------------------------------------

MATRIX, GAIN = Port("matrix", "param", Real(3, 2)[0], "normal:1"), Port("gain", "param", Real(2)[0], "normal:1")
LINEAR = para(einsum("i o, i -> o"), [MATRIX])
POLYNOMIALS = {"linear": LINEAR, "square": LINEAR >> copy >> multiply, "gain": LINEAR >> para(multiply, [GAIN])}
BASES = ["same lens at both bases", "same step at both bases"]


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_a_polynomial_is_learned_at_both_bases(name):
    fit = learner(POLYNOMIALS[name], Real(3), loss=squared, optimiser=adam(0.1))
    found, report = outcomes(fit, BASES)
    assert found == dict.fromkeys(BASES, "holds"), str(report)


def test_over_bits_the_step_flips_what_a_flip_would_change():
    """By trying: over bits a weight that stands once changes by the sum of the errors that flipping it changes."""
    both = at_both(learner(POLYNOMIALS["gain"], Real(3), loss=squared, optimiser=sgd(0.1)))
    assert not isinstance(both, str)
    fit = both[1].fit
    assert fit.model.dom == Bits(3)
    rng = np.random.default_rng(0)
    for _ in range(20):
        bits = some_params(fit.model, rng)
        x, y = rng.integers(0, 2, (1, 3)), rng.integers(0, 2, (1, 2))
        leaves, tree = jax.tree.flatten(bits)

        def said(leaves, tree=tree, x=x):
            return np.asarray(fit.predict(fit.start(jax.tree.unflatten(tree, leaves)), x))[0]

        error, expected = said(leaves) ^ y[0], []
        for k, leaf in enumerate(leaves):
            new = np.array(leaf)
            for place in np.ndindex(leaf.shape):
                flipped = np.array(leaf)
                flipped[place] ^= 1
                new[place] ^= (
                    (said([*leaves[:k], jnp.asarray(flipped), *leaves[k + 1 :]]) ^ said(leaves)) & error
                ).sum() % 2
            expected.append(new)
        came = jax.tree.leaves(fit.step(fit.start(bits), x, y)[0].params)
        for one, other in zip(came, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_models_of_one_base_say_so():
    for subject, words in [
        (learner(dense(2), Real(3), loss=squared, optimiser=sgd(0.1)), "no meaning at both"),
        (ascend(lookup(2), Bits(2)), "an axis"),
        (learner(tanh, Real(3), loss=squared, optimiser=sgd(0.1)), "no parameters"),
    ]:
        assert words in str(at_both(subject))


def test_a_step_that_is_off_is_seen():
    class Far(Learner):
        """Learns twice as much."""

        def _step(self, state, x, y):
            new, loss = super()._step(state, x, y)
            new.params = each(lambda p, q: p + 2 * (q - p), state.params, new.params)
            return new, loss

    fit = learner(LINEAR, Real(3), loss=squared, optimiser=sgd(0.1))
    wrong = Far(fit.model, fit.loss, fit.optimiser, fit.rate, fit.rule)
    assert not outcomes(wrong, "same step at both bases")[1].passed


def test_another_lens_at_one_base_is_seen():
    class Odd(Learner):
        """Over bits its model is another one."""

        def __init__(self, model, *rest):
            odd = model if model.dom[0].real else (model >> copy >> multiply)
            super().__init__(odd, *rest)

        def closed(self, integers):
            return super().closed(integers)

    fit = learner(LINEAR, Real(3), loss=squared, optimiser=sgd(0.1))
    wrong = Odd(fit.model, fit.loss, fit.optimiser, fit.rate, fit.rule)
    assert not outcomes(wrong, "same lens at both bases")[1].passed
