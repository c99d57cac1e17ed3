"""Adversarial learning: a generator and a discriminator as two reparametrised learners in one closed lens.

For a generator g: P * Z -> X and a discriminator d: Q * X -> L the model is g * id; d * d: P * Q * Z * X -> L * L, the
discriminator's parameters copied to both of its uses, what was generated and the data. One loss compares the two
outputs. The optimiser of the discriminator climbs it, that of the generator descends (Cruttwell et al. 2024; Goodfellow
et al. 2014; Arjovsky et al. 2017). The value that is played for is

    V = -(loss(d(g(z)), fake) + loss(d(x), real)),

with binary cross-entropy log d(x) + log(1 - d(g(z))) and with the dot product d(x) - d(g(z)), the Wasserstein game.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import jax
import numpy as np

from ..arguments import flag, number, positive, refuse
from ..boxes.gradients import scale_gradient
from ..boxes.linear import einsum, scale
from ..boxes.lookup import constant
from ..boxes.pointwise import shift, sqrt, square
from ..boxes.reductions import reduce_mean, reduce_sum
from ..boxes.structure import add
from ..combinators import Tied, block, expose, para, reparametrise, tied
from ..compile import Compiled, compile
from ..errors import LensError, explain, shown
from ..inference import inference
from ..initialisers import initial
from ..ports import Port
from ..reverse import reverse
from ..rules.rule import Rule, backprop, check_rule
from ..spaces import Array, Real, Space, unit
from ..terms import Identity, Term, compose, tensor
from ..trees import leaves, only, whole
from ..typed import Typed, as_typed
from ..wiring import listed, trace
from .fit import State
from .games import Game, noise_port, parts_of
from .losses import Loss, binary_cross_entropy, dot_product, hinge
from .modifiers import ascending
from .optimisers import Optimiser
from .rates import Rate, Schedule, check_rate

SIGNS = (dot_product, hinge)
"""Losses whose labels are -1 and 1; others have 0 and 1."""


class Adversarial(Game):
    """A generator against a discriminator; made by `adversarial`, whose arguments are its attributes.

    The players, and the parts of the tree of parameters, are "generator" and "discriminator".
    """

    plain: ClassVar[type[Game]] = Game
    """What it is with other players, or another model."""

    def __init__(
        self, generator: Typed, discriminator: Typed, compared: Loss, labels: tuple[float, float],
        saturating: bool, penalty: float, optimisers: Sequence[Optimiser], rate: Rate, rule: Rule,
    ):  # fmt: skip
        g, d = generator, discriminator
        self.generator, self.discriminator, self.compared, self.labels = g, d, compared, labels
        self.saturating, self.penalty, self.both = saturating, penalty, tuple(optimisers)
        between = Real(dtype=d.dom[0].dtype) if penalty else unit
        model = Typed(_model(g, d, saturating, bool(penalty)), g.dom @ d.dom @ between)
        loss = _value(compared, d.cod[0], *labels, saturating, penalty)
        players = {"generator": self.both[0], "discriminator": ascending(self.both[1])}
        players = {name: optimiser for name, optimiser in players.items() if name in whole(model.circuit)}
        noise = dict.fromkeys(range(len(g.dom)), "normal:1") | ({len(model.dom) - 1: "uniform:1"} if penalty else {})
        super().__init__(model, loss, players, parts_of(model, players), noise, rate, rule)

    def sample(self, state: State, key: Any, number: int) -> Any:
        """So many samples of the generator, as a trained model: without dropout, with running statistics."""
        zs = [
            initial(noise_port(a, "normal:1", (number,)), jax.random.fold_in(key, i))
            for i, a in enumerate(self.generator.dom)
        ]
        return _run(self._generate, state, "generator", "generator", zs)

    def judge(self, state: State, *xs: Any) -> Any:
        """What the discriminator gives at `xs`, leading axes being batch axes; with its running statistics of data."""
        return _run(self._judge, state, "discriminator", self._use_on_data, xs)

    @cached_property
    def _use_on_data(self) -> str:
        """The name of the use of the discriminator on data: each use has states of its own."""
        first = len(self.generator.dom)
        data = tuple(range(first, first + len(self.discriminator.dom)))
        uses = [cell for cell in self.model.circuit.cells if isinstance(cell.box, Tied)]
        return next((cell.name for cell in uses if cell.ins == data), "")

    @cached_property
    def _generate(self) -> Compiled:
        return compile(inference(self.generator))

    @cached_property
    def _judge(self) -> Compiled:
        return compile(inference(self.discriminator))


def _run(net: Compiled, state: State, player: str, use: str, xs: Sequence[Any]) -> Any:
    """What a part of the game makes of its inputs, with the parameters of a player, and the states of a use of it."""
    params = state.params.get(player, {})
    if not net.stateful:
        return net(params, *xs)
    return net(params, *xs, state=only(state.states["model_0"][use], net.circuit.states))[0]


def adversarial(
    generator: Term,
    discriminator: Term,
    noise: Space,
    space: Space,
    *,
    loss: Loss = binary_cross_entropy,
    optimisers: tuple[Optimiser, Optimiser],
    labels: tuple[float, float] | None = None,
    saturating: bool = True,
    penalty: float = 0.0,
    rate: float | Schedule | Rate = 1.0,
    rule: Rule = backprop,
) -> Adversarial:
    """The game of a generator P @ Z -> X and a discriminator Q @ X -> L, closed to one lens.

    Arguments:
    noise, space: Z, of which normal noise is drawn in each step, and X, that of the data.
    loss: what is compared with labels; `binary_cross_entropy` of logits makes the game of Goodfellow et al., `squared`
        that of least squares, `dot_product` the Wasserstein game (bound the discriminator, by `clipped` or `penalty`).
    optimisers: that of the generator, which descends, and that of the discriminator, which is turned to climb.
    labels: (of what is generated, of data); (-1, 1) for the dot product and the hinge, (0, 1) for others.
    saturating: where it is False the generator descends loss(d(g(z)), real) in place of V, which pulls while
        the discriminator is sure; then the loss is V plus this.
    penalty: this many times (|d'(x)| - 1)^2 is taken from what the discriminator climbs, at random points x between
        data and what is generated (Gulrajani et al. 2017). The slope is the reverse derivative as a term.

    Raises SpaceError where a player does not fit its space, LensError where the two do not fit each other.
    """
    g, d = as_typed(generator, noise, "adversarial"), as_typed(discriminator, space, "adversarial")
    _check(g, d, loss, optimisers)
    penalty = positive("adversarial", "the penalty", penalty)
    if penalty and (d.circuit.states or d.circuit.keyed):
        raise LensError(
            explain("adversarial: a penalty on the slope of a discriminator with states or random numbers",
                    because="its slope at an example would depend on the others", do="leave out dropout and batch_norm")
        )  # fmt: skip
    if labels is None:
        labels = (-1.0, 1.0) if loss in SIGNS else (0.0, 1.0)
    elif not isinstance(labels, tuple | list) or len(labels) != 2:
        refuse("adversarial", "the labels", labels, "two numbers, of what is generated and of data, as in (0.0, 1.0)")
    fake, real = (number("adversarial", "a label", label) for label in labels)
    saturating = flag("adversarial", "saturating", saturating)
    rate = rate if isinstance(rate, Rate) else Rate(check_rate("adversarial", rate))
    rule = check_rule("adversarial", rule)
    return Adversarial(g, d, loss, (fake, real), saturating, penalty, optimisers, rate, rule)


def _check(g: Typed, d: Typed, loss: Any, optimisers: Any) -> None:
    if g.cod != d.dom:
        raise LensError(
            explain("adversarial: the generator does not make what the discriminator judges", generator=g,
                    expected=d.dom, came=g.cod)
        )  # fmt: skip
    if d.arity[1] != 1:
        raise LensError(explain("adversarial: the discriminator has one output", came=f"{d.arity[1]} outputs"))
    if not isinstance(loss, Loss):
        raise LensError(
            explain(f"adversarial: loss={shown(loss)}", expected="one of lenses' losses, e.g. binary_cross_entropy")
        )
    pair = isinstance(optimisers, tuple | list) and len(optimisers) == 2
    if not pair or not all(isinstance(o, Optimiser) for o in optimisers):
        raise LensError(
            explain(f"adversarial: optimisers={shown(optimisers)}",
                    expected="two, of the generator and of the discriminator, as in (adam(1e-3), adam(1e-3))")
        )  # fmt: skip


# -- the model -------------------------------------------------------------------------------


def _model(g: Typed, d: Typed, saturating: bool, penalised: bool) -> Term:
    """Z @ X -> L @ L: d at what is generated and at the data; then d for the generator alone, and the slope."""
    z, x = len(g.dom), len(d.dom)
    judge = tied("discriminator", d.term)
    model = compose(tensor(block("generator", g.term), Identity(x)), tensor(judge, judge))
    if saturating and not penalised:
        return model
    stop = tensor(*[scale_gradient(0.0)] * x)

    def wires(*wires: Any) -> list[Any]:
        fake, data = listed(block("generator", g.term)(*wires[:z])), wires[z : z + x]
        still = listed(stop(*fake))
        outs = [judge(*(fake if saturating else still)), judge(*data)]
        if not saturating:
            outs.append(tied("discriminator", frozen(d))(*fake))
        if penalised:
            between = [_between(a)(wires[-1], v, w) for a, v, w in zip(d.dom, data, still, strict=True)]
            outs.append(tied("discriminator", slope_penalty(d))(*between))
        return outs

    return trace(wires, z + x + penalised)


def ports_of(term: Typed) -> list[Port]:
    """The parameters of a term as ports whose names are their paths."""
    return [
        Port(".".join(path), "param", port.array, port.init, port.stacked) for path, port in leaves(whole(term.circuit))
    ]


def frozen(term: Typed) -> Term:
    """The term reparametrised along the lenses that stop changes: its parameters stay, changes of inputs pass."""
    ports = ports_of(term)
    return reparametrise(term, tensor(*[scale_gradient(0.0)] * len(ports)), ports) if ports else term


def _between(array: Array) -> Term:
    """(t, x, y) -> t x + (1 - t) y."""
    axes = " ".join(f"a{i}" for i in range(array.rank))
    weigh = einsum(f", {axes} -> {axes}")

    def between(t: Any, x: Any, y: Any) -> Any:
        return y + weigh(t, x - y)

    return trace(between, 3)


def slope_penalty(d: Typed) -> Term:
    """(|d'(x)| - 1)^2 for Q @ X -> L, the slope being R[d](q, x, 1) on X, under the parameters of d."""
    bare = expose(d)
    n, m = len(bare.params), len(d.dom)
    back = reverse(Typed(bare, bare.params @ d.dom)).term
    one = constant(np.ones(d.cod[0].sizes), Space([d.cod[0]]))

    def wires(*wires: Any) -> Any:
        slopes = listed(back(*wires, one()))[n:]
        squares = [compose(square, *[reduce_sum(-1)] * a.rank)(s) for s, a in zip(slopes, d.dom, strict=True)]
        size = sqrt(shift(1e-12)(add(m)(*squares)))
        return square(shift(-1.0)(size))

    return para(trace(wires, n + m, prune=True), ports_of(d))


# -- the value -------------------------------------------------------------------------------


def _value(loss: Loss, out: Array, fake: float, real: float, saturating: bool, penalty: float) -> Term:
    """L @ L -> V, less the penalty, plus what the generator descends of its own."""
    label = {v: constant(np.full(out.sizes, v), Space([out])) for v in (fake, real)}

    def against(wire: Any, value: float) -> Any:
        each = loss(wire, label[value]())
        for _ in range(out.rank - 1):
            each = reduce_mean(-1)(each)
        return each

    def wires(*wires: Any) -> Any:
        value = -(against(wires[0], fake) + against(wires[1], real))
        if not saturating:
            value = value + against(wires[2], real)
        return value + scale(-penalty)(wires[-1]) if penalty else value

    return trace(wires, 2 + (not saturating) + bool(penalty))
