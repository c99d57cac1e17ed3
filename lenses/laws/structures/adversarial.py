"""A generator against a discriminator: two players whose model is the generator, and the discriminator twice.

For g: P * Z -> X and d: Q * X -> L the value is V = -(loss(d(g(z)), fake) + loss(d(x), real)). The discriminator climbs
it, less its penalty, the generator descends it, or a loss of its own. Its parameters are copied to both of its uses, so
its change is the sum of what comes back from what was generated and from the data (Cruttwell et al. 2024).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...combinators import block
from ...compile import compile
from ...learner.adversarial import Adversarial
from ...learner.modifiers import ascending
from ...learner.optimisers import SGD
from ...rules.rule import backprop
from ...spaces import Space
from ...terms import Identity, compose, tensor
from ...typed import Typed
from ..law import law
from ..programs import Agree
from .games import GAME, SOURCE, Case, Tree, case, played

GOODFELLOW = "Goodfellow et al. 2014; Arjovsky et al. 2017; Gulrajani et al. 2017"


@law(GAME, "minimax",
     "the discriminator climbs V - penalty, the generator descends V or its own loss: jax.grad of each, by optax",
     GOODFELLOW, 16)  # fmt: skip
def minimax(fit: Any) -> Agree | str:
    here = case(fit)
    if not isinstance(here.fit, Adversarial):
        return "it is no game of a generator and a discriminator"
    if here.apart:
        return here.apart
    if here.fit.rule is not backprop:
        return f"{here.fit.rule!r} is no gradient"
    game = here.fit
    generate, judge = compile(game.generator), compile(game.discriminator)
    z, x = len(game.generator.dom), len(game.discriminator.dom)
    real = game.compared.meaning.real
    assert real is not None

    def against(q: Tree, xs: list[Any], label: float) -> Any:
        said = judge(q, *xs)
        return real(said, jnp.full(said.shape, label)).mean()

    def made(p: Tree, xs: list[Any]) -> list[Any]:
        out = generate(p, *xs[:z])
        return list(out) if isinstance(out, tuple) else [out]

    def value(p: Tree, q: Tree, xs: list[Any]) -> Any:
        return -against(q, made(p, xs), game.labels[0]) - against(q, xs[z : z + x], game.labels[1])

    def slope(q: Tree, p: Tree, xs: list[Any]) -> Any:
        t, fakes = xs[-1], made(p, xs)
        mixed = [_times(t, a) + _times(1 - t, b) for a, b in zip(xs[z : z + x], fakes, strict=True)]
        slopes = jax.vmap(jax.grad(lambda xs: judge(q, *xs).sum()))(mixed)
        size = jnp.sqrt(sum((s.reshape(len(s), -1) ** 2).sum(1) for s in slopes) + 1e-12)
        return game.penalty * ((size - 1.0) ** 2).mean()

    def changes(params: Tree, xs: list[Any]) -> tuple[Any, Tree]:
        p, q = params.get("generator", {}), params.get("discriminator", {})
        own = value if game.saturating else lambda p, q, xs: against(q, made(p, xs), game.labels[1])
        lost = slope if game.penalty else lambda q, p, xs: 0.0
        loss = value(p, q, xs) - lost(q, p, xs) + (0.0 if game.saturating else own(p, q, xs))
        sent = {
            "generator": jax.grad(own)(p, q, xs),
            "discriminator": jax.grad(lambda q: value(p, q, xs) - lost(q, p, xs))(q),
        }
        return loss, sent

    return played(here, changes)


def _times(t: Any, x: Any) -> Any:
    return t.reshape(-1, *[1] * (x.ndim - 1)) * x


def _branches(fit: Any) -> tuple[Case, Case] | str:
    """The game of plain steps, and the one in which the discriminator's two uses have parameters of their own."""
    here = case(fit)
    if not isinstance(here.fit, Adversarial):
        return "it is no game of a generator and a discriminator"
    if here.apart or here.derives:
        return here.apart or here.derives or ""
    g, d = here.fit.generator, here.fit.discriminator
    if set(here.fit.players) != {"generator", "discriminator"} or d.circuit.tied:
        return "a player has no parameters, or ties some itself"
    judges = tensor(block("made", d.term), block("given", d.term))
    model = Typed(compose(tensor(block("generator", g.term), Identity(len(d.dom))), judges), Space(here.fit.model.dom))
    up = ascending(SGD(1.0))
    tied = here.made({"generator": SGD(1.0), "discriminator": up})
    return tied, here.made({"generator": SGD(1.0), "made": up, "given": up}, model)


def _own_copies(apart: Case, params: Tree, slots: Any, states: Tree, rows: list[Any]) -> tuple[Tree, Tree, Tree]:
    """What two copies that start from one discriminator, and the generator, are after a step."""
    start = {"generator": params["generator"], "made": params["discriminator"], "given": params["discriminator"]}
    new = apart.step(start, {name: {} for name in start}, states, rows)[0]
    return new["made"], new["given"], new["generator"]


def _plain_step(tied: Case, params: Tree, slots: Any, states: Tree, rows: list[Any]) -> Tree:
    return tied.step(params, {name: {} for name in tied.fit.players}, states, rows)[0]


@law(GAME, "tied discriminator", "the discriminator's change is the sum of those of its two uses",
     "Cruttwell et al. 2021, section 2.1; " + SOURCE, 16)  # fmt: skip
def tied_discriminator(fit: Any) -> Agree | str:
    both = _branches(fit)
    if isinstance(both, str):
        return both
    tied, apart = both

    def summed(params: Tree, *rest: Any) -> Tree:
        made, given, generator = _own_copies(apart, params, *rest)
        add = jax.tree.map(lambda p, a, b: a + b - p, params["discriminator"], made, given)
        return {"generator": generator, "discriminator": add}

    return Agree(lambda *a: _plain_step(tied, *a), summed, tied.draw)


@law(GAME, "copies of the discriminator", "two copies of the discriminator that start equal stay equal",
     "what tying is for; Gavranovic 2019", 16, holds=False)  # fmt: skip
def copies(fit: Any) -> Agree | str:
    both = _branches(fit)
    if isinstance(both, str):
        return both
    tied, apart = both
    return Agree(lambda *a: _own_copies(apart, *a)[0], lambda *a: _own_copies(apart, *a)[1], tied.draw)


@law(GAME, "one after another", "a step of both is a step of the discriminator and then one of the generator",
     "in papers' algorithms they take turns; the put of one lens moves both at once", 16, holds=False)  # fmt: skip
def one_after_another(fit: Any) -> Agree | str:
    both = _branches(fit)
    if isinstance(both, str):
        return both
    tied, _ = both

    def turns(params: Tree, slots: Any, states: Tree, rows: list[Any]) -> Tree:
        for name in ("discriminator", "generator"):
            solo = tied.made({name: tied.fit.players[name]})
            params = solo.step(params, {name: {}}, states, rows)[0]
        return params

    return Agree(lambda *a: _plain_step(tied, *a), turns, tied.draw)
