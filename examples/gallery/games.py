"""Games: a generator and a discriminator as two reparametrised learners in one closed lens.

Values go to the right and changes come back beneath them. The discriminator's parameters are copied to both of its
uses, so their changes are added; the optimiser of one player climbs what that of the other descends. Maps are
small ones that stand for any.
"""

from __future__ import annotations

from lenses import Real, ascending, block, constant_rate, einsum, sgd, subtract, tanh, wired

from .picture import Picture
from .theory import RATE

Z, X, P, Q = Real(2), Real(3), Real(2, 3), Real(3)

generator = block("generator", einsum("i o, i -> o") >> tanh)  # P * Z -> X
critic = block("critic", einsum("i, i ->"))  # Q * X -> L
descend, climb = sgd(RATE).lens(list(P)), ascending(sgd(RATE)).lens(list(Q))
rate = constant_rate()


@wired
def closed(q, x, p, z):
    """The game: the players' optimisers, the model, the value, and the rate that ends it."""
    judge = climb(q)
    made = generator(descend(p), z)
    rate(subtract(critic(judge, x), critic(judge, made)))


GAMES = [
    Picture(
        "adversarial-closed",
        "A Wasserstein game is a closed lens",
        "Two players, each with an optimiser, of which one climbs; the critic's parameters go to both of its uses.",
        closed.at(Q, X, P, Z),
        "lens",
        0,
        ("q", "x", "p", "z"),
    ),
]
"""Generators against critics."""
