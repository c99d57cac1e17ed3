"""The laws of losses, rates, optimisers and learners: as expected of what is here, not of what is a little wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lenses
from lenses import (
    Index,
    Real,
    Typed,
    adam,
    adamw,
    batch_norm,
    compile,
    conv,
    dense,
    dream,
    dropout,
    embedding,
    flatten,
    hinge,
    identity,
    learner,
    max_pool,
    momentum,
    multiply,
    nesterov,
    reduce_mean,
    relu,
    rmsprop,
    rules,
    sgd,
    softmax_cross_entropy,
    squared,
    tanh,
    tied,
)
from lenses.errors import LensError
from lenses.laws import registry
from lenses.laws.compare import compare
from lenses.laws.law import Expected, Law
from lenses.laws.maps import Equation
from lenses.laws.structures.learners import LEARNER
from lenses.laws.structures.losses import FACTS, LOSS
from lenses.laws.structures.optimisers import OPTIMISER, STEPS, counterpart, leafwise, slow
from lenses.laws.structures.rates import RATE
from lenses.learner.closed import supervised
from lenses.learner.learner import Dream, Dreamer, Learner, State
from lenses.learner.losses import LOSSES, Loss, Meaning
from lenses.learner.modifiers import Modified
from lenses.learner.optimisers import SGD, Adagrad, Adam, Momentum, Nesterov, Optax, Optimiser, Rated, RMSProp
from lenses.learner.rates import Rate, slowing
from lenses.rules import direct_feedback_alignment, feedback_alignment, recompute
from lenses.spaces import RealElement, Space, unit

each = jax.tree.map


def tried(law: Law, subject: Any, seed: int = 0) -> tuple[bool, list[Any]] | str:
    """Whether a law is expected to hold of a subject, and the verdicts on its claims; or why it does not apply."""
    made, holds = law.build(subject), law.holds
    if isinstance(made, str):
        return made
    if isinstance(made, Expected):
        made, holds = made.claims, made.holds
    claims = made if isinstance(made, list) else [made]
    return holds, [compare(c, seed) if isinstance(c, Equation) else c.verdict(seed) for c in claims]


def outcome(holds: bool, verdicts: list[Any]) -> str:
    """What came of a law: "as expected", "otherwise", or "nothing" where a claim said nothing."""
    outcomes = {v.outcome for v in verdicts}
    if "fails" in outcomes:
        return "otherwise" if holds else "as expected"
    if "nothing" in outcomes:
        return "nothing"
    return "as expected" if holds else "otherwise"


def only_verdict(law: Law, subject: Any) -> Any:
    """The verdict on the one claim of a law."""
    found = tried(law, subject)
    assert not isinstance(found, str), found
    (verdict,) = found[1]
    return verdict


def check_all(structure: Any, subject: Any) -> list[str]:
    """Asserts that every law that applies comes out as expected; the names of those that apply."""
    applying = []
    for law in structure:
        found = tried(law, subject)
        if isinstance(found, str):
            assert len(found) > 10, (law, found)
            continue
        applying.append(law.name)
        assert outcome(*found) == "as expected", (law, found)
    return applying


# -- what is here ----------------------------------------------------------------------------

ONLY_SOME = {"index labels", "kinks", "softmax cross-entropy as printed", "squared error as printed"}


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, x64):
    applying = check_all(LOSS, registry.losses()[name])
    assert set(applying) >= {law.name for law in LOSS} - ONLY_SOME
    for seed in range(1, 4):
        for law in LOSS:
            found = tried(law, Loss(name), seed)
            assert isinstance(found, str) or outcome(*found) == "as expected", (law, found)


def test_rates(x64):
    found = {repr(rate): set(check_all(RATE, rate)) for rate in registry.rates().values()}
    everywhere = {"closed", "count of steps", "mean loss"}
    assert found["scheduled_rate(slowing)"] == everywhere | {"scheduled"}
    assert found["constant_rate(0.5)"] == everywhere | {"constant", "sum of losses"}


OPTIMISERS: dict[str, Optimiser] = registry.optimisers() | {
    "scheduled": momentum(slow),
    "own numbers": adamw(0.01, 0.05, 0.8, 0.99, 1e-6),
    "clip alone": lenses.optax(optax.clip_by_global_norm(1.0)),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers(name, x64):
    optimiser = OPTIMISERS[name]
    applying = check_all(OPTIMISER, optimiser)
    assert {"get", "kinds", "purity", "update", "product", "trajectory"} <= set(applying)
    verdict = only_verdict(OPTIMISER.laws["trajectory"], optimiser)
    # Clipping alone goes too far; uphill, differences of rounding grow.
    assert verdict.tried == STEPS or name in ("clip alone", "Ascending")


def test_what_looks_at_all_parameters_is_known():
    assert [name for name, o in OPTIMISERS.items() if not leafwise(o)] == ["optax clipped", "clip alone"]


MODEL = dense(4) >> tanh >> dense(3)
X = Real(3)
PARAMS = compile(MODEL, X).init(jax.random.key(0))
NORMED = dense(4) >> batch_norm() >> tanh >> dense(3)

LEARNERS: dict[str, Any] = {
    "sgd": learner(MODEL, X, loss=squared, optimiser=sgd(0.1)),
    "nesterov, scheduled": learner(
        MODEL, X, loss=softmax_cross_entropy, optimiser=nesterov(slowing, 0.8), rate=slowing
    ),
    "dropout": learner(dense(4) >> dropout(0.5) >> dense(3), X, loss=softmax_cross_entropy, optimiser=adam(0.1)),
    "states": learner(NORMED, X, loss=squared, optimiser=adam(0.1), rate=slowing),
    "tied": learner(
        (tied("e", dense(2)) @ tied("e", dense(2))) >> multiply >> dense(2),
        X @ X,
        loss=hinge,
        optimiser=adamw(0.1),
        rate=0.5,
    ),
    "indices": learner(
        embedding(4) >> reduce_mean(0) >> dense(2),
        Index(3, below=5),
        loss=softmax_cross_entropy,
        optimiser=rmsprop(0.1),
    ),
    "convolution": learner(
        conv(2) >> relu >> max_pool() >> flatten >> dense(2),
        Real(4, 4, 1),
        loss=softmax_cross_entropy,
        optimiser=lenses.optax(optax.chain(optax.clip_by_global_norm(0.1), optax.sgd(0.1))),
    ),
    "no parameters": learner(tanh, X, loss=squared, optimiser=momentum(0.1)),
    "feedback": learner(MODEL, X, loss=squared, optimiser=momentum(0.1), rule=feedback_alignment()),
    "direct feedback": learner(MODEL, X, loss=squared, optimiser=sgd(0.1), rule=direct_feedback_alignment()),
    "recompute": learner(MODEL, X, loss=squared, optimiser=sgd(0.1), rule=recompute()),
    "dream": dream(MODEL, X, params=PARAMS, loss=softmax_cross_entropy, optimiser=adam(0.1), rate=slowing),
    "dream of two": dream(multiply >> MODEL, X @ X, params=PARAMS, loss=squared, optimiser=nesterov(0.1)),
    "dream with states": dream(
        NORMED,
        X,
        params=compile(NORMED, X).init(jax.random.key(0)),
        states=compile(NORMED, X).init_state(),
        loss=squared,
        optimiser=sgd(0.1),
    ),
}

AT_ONE_BASE = {law.name for law in LEARNER if law.item != 17}
"""Those of models that have a meaning over the reals alone."""
APPLIES = {
    "sgd": AT_ONE_BASE,
    "dropout": {"closed", "step", "rate 0"},
    "states": {"closed", "step", "composite", "by hand", "rate 0"},
    "indices": AT_ONE_BASE - {"both", "as in Flax"},
    "feedback": {"closed", "step", "composite", "rate 0", "batching", "both"},
    "dream": {"closed", "step", "composite", "by hand", "rate 0"},
}


@pytest.mark.parametrize("name", LEARNERS)
def test_learners(name, x64):
    applying = check_all(LEARNER, LEARNERS[name])
    assert set(applying) == APPLIES.get(name, set(applying))


# -- what is a little wrong ------------------------------------------------------------------


class WrongLoss(Loss):
    """A loss of a known name with another meaning."""

    wrong: Any = None

    @property
    def meaning(self) -> Meaning:
        return self.wrong


class SwappedLoss(Loss):
    """A loss whose changes are swapped."""

    def backward(self, cx, p, kept, ds):
        params, (y, t) = super().backward(cx, p, kept, ds)
        return params, [t, y]


class OpenRate(Rate):
    """A rate that hands the losses on."""

    arity = (1, 1)

    def type(self, dom: Space) -> Space:
        return dom


class SumRate(Rate):
    """A rate that counts every loss fully."""

    def backward(self, cx, p, kept, ds):
        _, (back,) = super().backward(cx, p, kept, ds)
        return {}, [back * kept.size]


class AheadRate(Rate):
    """A rate that reads the schedule one step ahead."""

    def backward(self, cx, p, kept, ds):
        rate: Any = self.rate
        return {}, [jnp.full(kept.shape, rate(p["steps"] + 1) / kept.size, kept.dtype)]


class StillRate(Rate):
    """A rate that does not count."""

    def run(self, cx, p, xs):
        return (), {"steps": p["steps"]}


class LoudRate(Rate):
    """A rate that publishes the sum of the losses."""

    def forward(self, cx, p, xs):
        found = super().forward(cx, p, xs)
        cx.env.after["loss"] = xs[0].sum()
        return found


class Drifting(SGD):
    """Runs the model elsewhere."""

    def look(self, state, params):
        return each(lambda p: p * (1 + 1e-9), params)


class Behind(Nesterov):
    """Looks back, not ahead."""

    def look(self, state, params):
        return each(lambda p, v: p + self.step_size(state) * self.gamma * v, params, state["velocity"])


class Narrowing(Momentum):
    """Keeps its state in single precision after the first step."""

    def put(self, state, params, changes):
        state, params = super().put(state, params, changes)
        return each(lambda v: v.astype("float32"), state), params


class Growing(SGD):
    """Has a slot more after a step."""

    def put(self, state, params, changes):
        state, params = super().put(state, params, changes)
        return state | {"last": changes}, params


class Upward(SGD):
    """Gives the parameters in another shape."""

    def put(self, state, params, changes):
        state, params = super().put(state, params, changes)
        return state, each(lambda p: p[None], params)


class InPlace(Momentum):
    """Writes into the state that it is given."""

    def put(self, state, params, changes):
        state["velocity"] = super().put(state, params, changes)[0]["velocity"]
        return state, each(lambda p, v: self.down(p, v, state), params, state["velocity"])


class Remembering(SGD):
    """Moves less each time it is called."""

    calls: ClassVar[list[int]] = []

    def put(self, state, params, changes):
        self.calls.append(0)
        return state, each(lambda p, g: p - g / len(self.calls), params, changes)


class Printing(SGD):
    """Has an effect."""

    def put(self, state, params, changes):
        jax.debug.callback(lambda: None)
        return super().put(state, params, changes)


class OtherBox(SGD):
    """Becomes the box of another optimiser."""

    def lens(self, params):
        assert not callable(self.rate)
        return SGD(self.rate * (1 + 1e-9)).lens(params)


class Uncounted(Adam):
    """Adam as printed in 2021, without the number of steps."""

    def init(self, params):
        return self.slots(params)

    def put(self, state, params, changes):
        m = each(lambda g, m: (1 - self.b1) * g + self.b1 * m, changes, state["mean"])
        v = each(lambda g, v: (1 - self.b2) * g * g + self.b2 * v, changes, state["square"])
        moved = each(lambda p, m, v: self.down(p, m / (jnp.sqrt(v) + self.epsilon), state), params, m, v)
        return {"mean": m, "square": v}, moved


class Stuck(Adam):
    """Its count stays where it is after the first step."""

    def put(self, state, params, changes):
        state, params = super().put(state, params, changes)
        return state | {"count": jnp.ones_like(state["count"])}, params


class Ignoring(SGD):
    """Does not ask for its rate."""

    def put(self, state, params, changes):
        return state, each(lambda p, g: p - 0.1 * g, params, changes)


class Normed(SGD):
    """Divides by the norm of all changes."""

    def put(self, state, params, changes):
        size = jnp.sqrt(sum((g**2).sum() for g in jax.tree.leaves(changes)))
        return super().put(state, params, each(lambda g: g / size, changes))


class Faster(SGD):
    """A rate that is off by 1e-9 of itself."""

    def put(self, state, params, changes):
        return super().put(state, params, each(lambda g: g * (1 + 1e-9), changes))


class Printed(Momentum):
    """Momentum with the sign as printed in 2021."""

    def put(self, state, params, changes):
        velocity = each(lambda s, g: g - self.gamma * s, state["velocity"], changes)
        return self._next(state) | {"velocity": velocity}, each(lambda p, s: self.down(p, s, state), params, velocity)


class FromZero(Adagrad):
    """Starts its sum of squares at 0."""

    def slots(self, params):
        return {"squares": each(jnp.zeros_like, params)}


class Outside(RMSProp):
    """Adds epsilon after the root."""

    def put(self, state, params, changes):
        squares = each(lambda s, g: (1 - self.decay) * g**2 + self.decay * s, state["squares"], changes)
        step = lambda p, g, s: self.down(p, g / (jnp.sqrt(s) + self.epsilon), state)  # noqa: E731
        return self._next(state) | {"squares": squares}, each(step, params, changes, squares)


class Coupled(Adam):
    """Adds the decay to the changes, as before it was decoupled."""

    def put(self, state, params, changes):
        plain = Adam(self.rate, self.b1, self.b2, self.epsilon)
        return plain.put(state, params, each(lambda g, p: g + self.decay * p, changes, params))


class Ascent(Rated):
    """Adds optax's updates with the wrong sign; it has no counterpart of its own."""

    def put(self, state, params, changes):
        return {}, each(lambda p, g: p + g, params, changes)


class Minus(Optax):
    """Takes optax's updates away."""

    def put(self, state, params, changes):
        updates, state = self.transformation.update(changes, state, params)
        return state, each(lambda p, u: p - u, params, updates)


class Late(SGD):
    """Reads its schedule one step ahead."""

    def step_size(self, state):
        return self.rate(state["count"] + 1) if callable(self.rate) else self.rate


class Lingering(Momentum):
    """Never without some momentum."""

    def put(self, state, params, changes):
        velocity = each(lambda s, g: g + max(self.gamma, 1e-9) * s, state["velocity"], changes)
        return self._next(state) | {"velocity": velocity}, each(lambda p, s: self.down(p, s, state), params, velocity)


class Straight(Nesterov):
    """Keeps the point ahead as its parameters, as optax does."""

    def look(self, state, params):
        return params

    def put(self, state, params, changes):
        velocity = each(lambda s, g: g + self.gamma * s, state["velocity"], changes)
        step = lambda p, g, s: self.down(p, g + self.gamma * s, state)  # noqa: E731
        return self._next(state) | {"velocity": velocity}, each(step, params, changes, velocity)


class Open(Learner):
    """Leaves a wire open."""

    @property
    def lens(self):
        whole = super().lens
        return Typed(whole.term @ identity, whole.dom @ Real())


class Off(Learner):
    """A step that is off by 1e-9 of itself."""

    def _step(self, state, x, y):
        new, loss = super()._step(state, x, y)
        return State(each(lambda p: p * (1 + 1e-9), new.params), new.optimiser, new.states, new.key), loss


class OtherRate(Learner):
    """A closed lens that has another rate."""

    def closed(self, integers):
        return supervised(self.model, self.loss, self.optimiser, Rate(0.5), self.rule, integers)


class Halving(Learner):
    """Learns half as much where weights are tied."""

    def _step(self, state, x, y):
        new, loss = super()._step(state, x, y)
        if self.model.circuit.tied:
            new.params = each(lambda p, q: (p + q) / 2, state.params, new.params)
        return new, loss


class Meeting(Learner):
    """Keeps copies together that nothing ties."""

    def _step(self, state, x, y):
        new, loss = super()._step(state, x, y)
        if set(new.params) == {"one", "two"}:
            mean = each(lambda a, b: (a + b) / 2, new.params["one"], new.params["two"])
            new.params = {"one": mean, "two": mean}
        return new, loss


class Shying(Dreamer):
    """Moves the input the other way."""

    def _step(self, state, y):
        new, loss = super()._step(state, y)
        return Dream(each(lambda a, b: 2 * a - b, state.input, new.input), new.optimiser, new.states, None), loss


def wrong(name: str, real: Any, index: Any = None) -> Loss:
    """A known loss with another meaning."""
    return WrongLoss(name, Meaning(real, index))


def like(kind: type, name: str = "sgd", **parts: Any) -> Any:
    """A learner (or dreamer) of another class, or with other parts, otherwise as one of those above."""
    fit = LEARNERS[name]
    names = ("model", "params", "states", "loss", "optimiser", "rate", "rule")
    return kind(*(parts.get(n, getattr(fit, n)) for n in names if hasattr(fit, n)))


CROSS_ENTROPY = LOSSES["softmax_cross_entropy"]


def off_by_one(y: Any, label: Any) -> Any:
    """Cross-entropy of the class before."""
    assert CROSS_ENTROPY.index is not None
    return CROSS_ENTROPY.index(y, (label - 1) % y.shape[-1])


MUTANTS: list[tuple[str, str, Any]] = [
    ("loss/change of the prediction", "without the half", lambda: wrong(
        "squared", lambda y, t: ((y - t) ** 2).sum(-1))),
    ("loss/change of the prediction", "a corner at logit 0", lambda: wrong(
        "binary_cross_entropy",
        lambda y, t: (jnp.maximum(y, 0) - y * t + jnp.log1p(jnp.exp(-jnp.abs(y)))).sum(-1))),
    ("loss/change of the prediction", "no log-sum-exp", lambda: wrong(
        "softmax_cross_entropy", lambda y, t: -(t * y).sum(-1))),
    ("loss/change of the prediction", "the wrong sign", lambda: wrong("dot_product", lambda y, t: (y * t).sum(-1))),
    ("loss/change of the prediction", "a margin of 2", lambda: wrong(
        "hinge", lambda y, t: jax.nn.relu(2 - y * t).sum(-1))),
    ("loss/change of the prediction", "squared", lambda: wrong("absolute_error", LOSSES["squared"].real)),
    ("loss/change of the label", "a label that stands still", lambda: wrong(
        "squared", lambda y, t: 0.5 * ((y - jax.lax.stop_gradient(t)) ** 2).sum(-1))),
    ("loss/index labels", "another class", lambda: wrong("softmax_cross_entropy", CROSS_ENTROPY.real, off_by_one)),
    ("loss/last axis", "all axes at once", lambda: wrong(
        "squared", lambda y, t: jnp.full(y.shape[:-1], 0.5 * ((y - t) ** 2).sum()))),
    ("loss/sum over positions", "a norm", lambda: wrong(
        "squared", lambda y, t: jnp.sqrt(((y - t) ** 2).sum(-1) + 1.0))),
    ("loss/sum over positions", "independent classes", lambda: wrong(
        "softmax_cross_entropy", LOSSES["binary_cross_entropy"].real)),
    ("loss/zero at the label", "shifted", lambda: wrong("squared", lambda y, t: 0.5 * ((y - t - 1e-3) ** 2).sum(-1))),
    ("loss/never negative", "shifted", lambda: wrong("squared", lambda y, t: 0.5 * ((y - t) ** 2).sum(-1) - 1.0)),
    ("loss/kinks", "1 at equality", lambda: wrong("absolute_error", lambda y, t: jnp.abs(y - t).sum(-1))),
    ("loss/kinks", "half at the margin", lambda: wrong("hinge", lambda y, t: jnp.maximum(1 - y * t, 0).sum(-1))),
    ("loss/softmax cross-entropy as printed", "as printed", lambda: wrong(
        "softmax_cross_entropy", lambda y, t: (t * (y - jax.nn.log_softmax(y))).sum(-1))),
    ("loss/squared error as printed", "swapped", lambda: SwappedLoss("squared")),
    ("rate/closed", "open", lambda: OpenRate(1.0)),
    ("rate/constant", "the sum", lambda: SumRate(0.5)),
    ("rate/scheduled", "a step ahead", lambda: AheadRate(slowing)),
    ("rate/scheduled", "the sum", lambda: SumRate(slowing)),
    ("rate/count of steps", "no counting", lambda: StillRate(slowing)),
    ("rate/mean loss", "the sum", lambda: LoudRate(1.0)),
    ("rate/sum of losses", "the sum", lambda: SumRate(0.5)),
    ("optimiser/get", "drifting", lambda: Drifting(0.1)),
    ("optimiser/look-ahead", "the wrong sign", lambda: Behind(0.1)),
    ("optimiser/kinds", "single precision", lambda: Narrowing(0.1)),
    ("optimiser/kinds", "a slot more", lambda: Growing(0.1)),
    ("optimiser/kinds", "another shape", lambda: Upward(0.1)),
    ("optimiser/purity", "in place", lambda: InPlace(0.1)),
    ("optimiser/purity", "a memory", lambda: Remembering(0.1)),
    ("optimiser/purity", "an effect", lambda: Printing(0.1)),
    ("optimiser/update", "another box", lambda: OtherBox(0.1)),
    ("optimiser/count of steps", "no count", lambda: Uncounted(0.1)),
    ("optimiser/count of steps", "stuck", lambda: Stuck(0.1)),
    ("optimiser/rate 0", "ignored", lambda: Ignoring(0.1)),
    ("optimiser/product", "a norm of all", lambda: Normed(0.1)),
    ("optimiser/trajectory", "off by 1e-9", lambda: Faster(0.1)),
    ("optimiser/trajectory", "the wrong sign", lambda: Printed(0.1)),
    ("optimiser/trajectory", "the wrong look", lambda: Behind(0.1)),
    ("optimiser/trajectory", "from 0", lambda: FromZero(0.1)),
    ("optimiser/trajectory", "epsilon outside", lambda: Outside(0.1)),
    ("optimiser/trajectory", "no count", lambda: Uncounted(0.1)),
    ("optimiser/trajectory", "coupled decay", lambda: Coupled(0.1, decay=0.1)),
    ("optimiser/trajectory", "updates taken away", lambda: Minus(optax.sgd(0.1))),
    ("optimiser/trajectory with a schedule", "a step ahead", lambda: Late(0.1)),
    ("optimiser/no momentum", "a little left", lambda: Lingering(0.1)),
    ("optimiser/momentum as printed", "as printed", lambda: Printed(0.1)),
    ("optimiser/Nesterov at the parameters", "optax's form", lambda: Straight(0.1)),
    ("optimiser/Adam as printed", "as printed", lambda: Uncounted(0.1)),
    ("learner/closed", "open", lambda: like(Open)),
    ("learner/step", "off by 1e-9", lambda: like(Off)),
    ("learner/step", "the other way", lambda: like(Shying, "dream")),
    ("learner/composite", "another rate", lambda: like(OtherRate)),
    ("learner/by hand", "off by 1e-9", lambda: like(Off)),
    ("learner/by hand", "the sum of a batch", lambda: like(Learner, rate=SumRate(1.0))),
    ("learner/by hand", "the other way", lambda: like(Shying, "dream")),
    ("learner/rate 0", "ignored by the optimiser", lambda: like(Learner, optimiser=Ignoring(0.1))),
    ("learner/rate 0", "ignored by the lens", lambda: like(OtherRate)),
    ("learner/batching", "the sum of a batch", lambda: like(Learner, rate=SumRate(1.0))),
    ("learner/both", "another step", lambda: like(Off)),
    ("learner/tied weights", "half", lambda: like(Halving)),
    ("learner/copies of weights", "kept together", lambda: like(Meeting)),
]  # fmt: skip

LAWS = {law.path: law for structure in (LOSS, RATE, OPTIMISER, LEARNER) for law in structure}


def test_every_law_has_a_mutant():
    assert {path for path, _, _ in MUTANTS} == {path for path, law in LAWS.items() if law.item <= 16 or law.item == 32}


@pytest.mark.parametrize(("path", "what", "make"), MUTANTS, ids=[f"{p}: {w}" for p, w, _ in MUTANTS])
def test_what_is_wrong_is_seen(path, what, make, x64):
    found = tried(LAWS[path], make())
    assert not isinstance(found, str), found
    assert outcome(*found) == "otherwise", found


def test_laws_without_a_class_of_their_own_say_why(x64):
    class Unknown(Rated):
        """A way of its own."""

    assert "COUNTERPARTS" in str(counterpart(Ascent(0.1))) and "COUNTERPARTS" in str(counterpart(Unknown(0.1)))
    new = WrongLoss("new", LOSSES["squared"])
    assert "FACTS" in str(tried(LOSS.laws["change of the prediction"], new))


def test_rounding_that_grows_says_nothing(x64):
    """A rate at which a difference in the last place grows from step to step decides nothing."""
    verdict = only_verdict(OPTIMISER.laws["trajectory"], adam(5.0))
    assert verdict.outcome in ("holds", "nothing") and verdict.tried <= STEPS


# -- enumerations ----------------------------------------------------------------------------


def test_what_is_registered_is_known():
    assert set(FACTS) == set(LOSSES) == set(registry.losses())
    moving = [k for k in registry.below(Optimiser) if registry.own(k) and k.put is not Optimiser.put]
    kinds = {k for k in moving if issubclass(k, Modified) or RealElement in k.bases}
    assert {type(o) for o in registry.optimisers().values()} == kinds >= {SGD, Nesterov, Adam, RMSProp, Adagrad}
    assert not [name for name, o in registry.optimisers().items() if isinstance(counterpart(o), str)]
    exported = set(rules.__all__) - {"Clause", "Rule"}
    assert set(registry.rules()) == exported
    assert {"Dense", "Loss", "Rate", "Update", "Repeat"} <= set(registry.boxes())
    assert not {"Combinator", "WrongLoss", "Get"} & set(registry.boxes())
    assert registry.rates() and all(len(rate.type(Real())) == len(unit) for rate in registry.rates().values())


def test_a_new_optimiser_is_noticed():
    """One that is added to the library below another is found; one without defaults is asked for them."""
    kind: Any = type("Adamax", (Momentum,), {"__module__": "lenses.learner.optimisers"})
    assert "Adamax" in registry.optimisers()
    kind.__module__ = __name__  # subclasses live on

    @dataclass(frozen=True, repr=False)
    class Bare(SGD):
        other: Any = None

        def __init__(self, rate, other):
            pass

    Bare.__module__ = "lenses.learner.optimisers"
    with pytest.raises(LensError, match="Bare has no default"):
        registry.optimisers()
    Bare.__module__ = __name__


def test_enumerations_are_the_same_each_time():
    assert registry.optimisers() == registry.optimisers()
    assert np.all([a is b for a, b in zip(registry.boxes().values(), registry.boxes().values(), strict=True)])
