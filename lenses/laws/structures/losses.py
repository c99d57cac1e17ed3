"""A loss is a lens (prediction, label) -> number, with the label on the side of the model it is composed with.

Its get is a number for each example, which a rate averages; its put sends a change back to the
prediction, and to the label where that is real. For the losses of the papers both have closed forms,
and where a loss is a sum over positions, is never negative, or is 0 at the label, is known of each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp

from ...boxes.lifted import lift
from ...boxes.lookup import one_hot
from ...learner.losses import Loss
from ...spaces import Real, Space
from ...typed import Typed
from ..law import Expected, law, structure
from ..maps import Equation, Map, both, end, equal, lens
from ..programs import Inspect

LOSS = structure("loss", "a lens (prediction, label) -> number, with known changes", subject=lambda: Loss)
SOURCE = "Cruttwell et al. 2021, section 3.2"
PUT = lens()
LENGTH = 3
"""The length of the predictions that losses are tried on."""

Two = Callable[[Any, Any], Any]


def any_label(u: Any) -> Any:
    """Labels that are any vectors."""
    return u


def distribution(u: Any) -> Any:
    """Labels that are distributions, of any vector."""
    return jax.nn.softmax(u)


def between(u: Any) -> Any:
    """Labels between 0 and 1, of any vector."""
    return jax.nn.sigmoid(u)


def signs(u: Any) -> Any:
    """Labels that are -1 or 1, of any vector."""
    return jnp.where(u < 0, -1.0, 1.0).astype(u.dtype)


@dataclass(frozen=True)
class Facts:
    """What is known of a loss: its changes at (y, t) on the prediction and on a real label, its labels, and more.

    `positions`: it is a sum over the last axis; `zero`: it is 0 where prediction and label are equal;
    `positive`: it is never negative.
    """

    prediction: Two
    label: Two
    labels: Callable[[Any], Any] = any_label
    positions: bool = True
    zero: bool = False
    positive: bool = True


def _step(margin: Any) -> Any:
    return (margin > 0).astype(margin.dtype)


FACTS: dict[str, Facts] = {
    "squared": Facts(lambda y, t: y - t, lambda y, t: t - y, zero=True),
    "quartic": Facts(lambda y, t: (y - t) ** 3, lambda y, t: (t - y) ** 3, zero=True),
    "log_cosh": Facts(lambda y, t: jnp.tanh(y - t), lambda y, t: jnp.tanh(t - y), zero=True),
    "absolute_error": Facts(lambda y, t: jnp.sign(y - t), lambda y, t: jnp.sign(t - y), zero=True),
    "softmax_cross_entropy": Facts(
        lambda y, t: jax.nn.softmax(y) - t, lambda y, t: -jax.nn.log_softmax(y), distribution, positions=False
    ),
    "binary_cross_entropy": Facts(lambda y, t: jax.nn.sigmoid(y) - t, lambda y, t: -y, between),
    "dot_product": Facts(lambda y, t: -t, lambda y, t: -y, positive=False),
    "hinge": Facts(lambda y, t: -t * _step(1 - y * t), lambda y, t: -y * _step(1 - y * t), signs, zero=True),
}
"""By the name of a loss; one without an entry is reported, since its laws do not know it."""

REAL = Real(LENGTH, dtype="float64")
NUMBER = Real(dtype="float64")

_lifted: dict[Any, Any] = {}


def lifted(f: Callable[..., Any], inputs: int = 1, outputs: int = 1) -> Any:
    """The function as a box, the same one each time."""
    key = (f, inputs, outputs)
    if key not in _lifted:
        _lifted[key] = lift(f, inputs, outputs)
    return _lifted[key]


def on(f: Callable[..., Any], *bundles: Any) -> Any:
    """A JAX function of single wires inside a tracing function, its result a bundle."""
    wires = both(*bundles)
    return both(wires[0].builder.apply(lifted(f, len(wires)), wires))


def at(loss: Loss, prediction: Space = REAL, integers: bool = False) -> Map:
    """The loss as a map at a prediction, with real labels or indices."""
    return Map(Typed(loss, prediction @ Space([loss.labels(prediction[0], integers)])))


def facts(loss: Loss) -> Facts | str:
    """What is known of a loss, or why its laws do not apply."""
    if loss.meaning.real is None:
        return f"{loss!r} has no real labels"
    return FACTS.get(loss.name, f"nothing is known of {loss!r}: add it to FACTS in lenses/laws/structures/losses.py")


def _times(c: Any, v: Any) -> Any:
    return c * v


@law(LOSS, "change of the prediction",
     "R[loss](y, t, c) is c (y - t) on the prediction for squared; c (y - t)^3 for quartic; "
     "c tanh(y - t) for log-cosh; c sign(y - t) for absolute; c (softmax(y) - t); "
     "c (sigmoid(y) - t); -c t for dot product; -c t where 1 - y t > 0 for hinge",
     SOURCE, 14, needs="loss")  # fmt: skip
def change_of_prediction(loss: Loss) -> Equation | str:
    known = facts(loss)
    if isinstance(known, str):
        return known
    put = PUT(at(loss))

    def left(y, u, c):  # type: ignore[no-untyped-def]
        back = put(y, on(known.labels, u), c)
        end(back.last(REAL))
        return back.first(REAL)

    return equal(left, lambda y, u, c: on(_times, c, on(known.prediction, y, on(known.labels, u))), REAL, REAL, NUMBER)


@law(LOSS, "change of the label",
     "R[loss](y, t, c) is c (t - y) on the label for squared; c (t - y)^3 for quartic; "
     "c tanh(t - y) for log-cosh; c sign(t - y) for absolute; -c log softmax(y); "
     "-c y for binary and dot product; -c y where 1 - y t > 0 for hinge",
     SOURCE, 14, needs="loss")  # fmt: skip
def change_of_label(loss: Loss) -> Equation | str:
    known = facts(loss)
    if isinstance(known, str):
        return known
    put = PUT(at(loss))

    def left(y, u, c):  # type: ignore[no-untyped-def]
        back = put(y, on(known.labels, u), c)
        end(back.first(REAL))
        return back.last(REAL)

    return equal(left, lambda y, u, c: on(_times, c, on(known.label, y, on(known.labels, u))), REAL, REAL, NUMBER)


@law(LOSS, "index labels", "an index stands for its indicator: loss(y, i) = loss(y, e_i), and R is softmax(y) - e_i",
     SOURCE, 14, needs="loss")  # fmt: skip
def index_labels(loss: Loss) -> list[Equation] | str:
    if loss.meaning.index is None or loss.meaning.real is None:
        return f"{loss!r} takes no indices"
    known = facts(loss)
    if isinstance(known, str):
        return known
    index, real = at(loss, integers=True), at(loss)
    labels = Space([index.dom[1]])

    def indicator(i):  # type: ignore[no-untyped-def]
        return both(i[0].builder.apply(one_hot("float64"), i))

    return [
        equal(lambda y, i: index(y, i), lambda y, i: real(y, indicator(i)), REAL, labels),
        equal(
            lambda y, i, c: PUT(index)(y, i, c),
            lambda y, i, c: on(_times, c, on(known.prediction, y, indicator(i))),
            REAL, labels, NUMBER,
        ),
    ]  # fmt: skip


ROWS = Real(2, LENGTH, dtype="float64")


@lru_cache(maxsize=64)
def _one_by_one(f: Two) -> Two:
    """The loss of each row alone."""
    return lambda y, t: jnp.stack([f(y[i], t[i]) for i in range(len(y))])


@law(LOSS, "last axis", "the loss of a row of predictions is the row of their losses", SOURCE, 14, needs="loss")
def last_axis(loss: Loss) -> list[Equation] | str:
    def rows(f: Two, integers: bool) -> Equation:
        whole = at(loss, ROWS, integers)
        return equal(lambda y, t: whole(y, t), lambda y, t: on(_one_by_one(f), y, t), ROWS, Space([whole.dom[1]]))

    meanings = (loss.meaning.real, False), (loss.meaning.index, True)
    return [rows(f, integers) for f, integers in meanings if f is not None]


def _place(i: int) -> Callable[[Any], Any]:
    return lambda x: x[i : i + 1]


PLACES = [_place(i) for i in range(LENGTH)]
ONE = Real(1, dtype="float64")


@law(LOSS, "sum over positions", "loss(y, t) is the sum of loss(y_i, t_i); for all but softmax cross-entropy",
     SOURCE, 14, needs="loss")  # fmt: skip
def sum_over_positions(loss: Loss) -> Expected | str:
    known = facts(loss)
    if isinstance(known, str):
        return known
    whole, one = at(loss), at(loss, ONE)

    def right(y, u):  # type: ignore[no-untyped-def]
        t = on(known.labels, u)
        first, *rest = [one(on(place, y), on(place, t)) for place in PLACES]
        return sum(rest, first)

    return Expected(equal(lambda y, u: whole(y, on(known.labels, u)), right, REAL, REAL), known.positions)


def _nothing(x: Any) -> Any:
    return jnp.zeros((), x.dtype)


@law(LOSS, "zero at the label", "loss(t, t) = 0; for squared, quartic, log-cosh, absolute and hinge", SOURCE, 14,
     needs="loss")  # fmt: skip
def zero_at_label(loss: Loss) -> Expected | str:
    known = facts(loss)
    if isinstance(known, str):
        return known
    whole = at(loss)

    def left(u):  # type: ignore[no-untyped-def]
        t = on(known.labels, u)
        return whole(t, t)

    return Expected(equal(left, lambda u: on(_nothing, u), REAL), known.zero)


@law(LOSS, "never negative", "loss(y, t) >= 0; for all but the dot product", SOURCE, 14, needs="loss")
def never_negative(loss: Loss) -> Expected | str:
    known = facts(loss)
    if isinstance(known, str):
        return known
    whole = at(loss)
    value = lambda y, u: whole(y, on(known.labels, u))  # noqa: E731
    return Expected(equal(value, lambda y, u: on(jnp.abs, value(y, u)), REAL, REAL), known.positive)


def _kinks(known: Facts, loss: Loss) -> Callable[[Any], str | None]:
    """Whether the changes at a place where the loss has a kink or is flat are those of the formula, to the last bit."""

    def finds(rng: Any) -> str | None:
        t = known.labels(jnp.asarray(rng.normal(size=LENGTH)))
        dy = jax.grad(lambda y: loss.meaning.real(y, t))(t)  # type: ignore[misc]
        expected = known.prediction(t, t)
        return None if bool((dy == expected).all()) else f"at y = t = {t} the change is {dy}, not {expected}"

    return finds


@law(LOSS, "kinks", "at y = t, where absolute and hinge have kinks, the change is that of the formula: 0",
     "Cruttwell et al. 2021, section 3.2; one choice of derivative at kinks throughout", 8, needs="loss")  # fmt: skip
def kinks(loss: Loss) -> Inspect | str:
    known = facts(loss)
    if isinstance(known, str):
        return known
    return Inspect(_kinks(known, loss)) if known.zero else f"{loss!r} has no kink"


# -- as printed ------------------------------------------------------------------------------


def _lone_log_sum_exp(y: Any, t: Any) -> Any:
    return (t * (y - jax.nn.log_softmax(y))).sum()


@law(LOSS, "softmax cross-entropy as printed",
     "loss(y, t) = sum of t_i (y_i - log softmax(y)_i), the log-sum-exp alone",
     SOURCE + ", as printed; its derivative is softmax(y), not softmax(y) - t", 14, holds=False,
     needs="loss")  # fmt: skip
def cross_entropy_as_printed(loss: Loss) -> Equation | str:
    if loss.name != "softmax_cross_entropy":
        return "it speaks of softmax_cross_entropy"
    whole = at(loss)
    return equal(
        lambda y, u: whole(y, on(distribution, u)),
        lambda y, u: on(_lone_log_sum_exp, y, on(distribution, u)),
        REAL, REAL,
    )  # fmt: skip


@law(LOSS, "squared error as printed", "R[squared](y, t, c) = (c (t - y), c (y - t)), the components swapped",
     SOURCE + ", as printed", 14, holds=False, needs="loss")  # fmt: skip
def squared_as_printed(loss: Loss) -> Equation | str:
    if loss.name != "squared":
        return "it speaks of squared"
    known = FACTS["squared"]
    return equal(
        lambda y, t, c: PUT(at(loss))(y, t, c),
        lambda y, t, c: both(on(_times, c, on(known.label, y, t)), on(_times, c, on(known.prediction, y, t))),
        REAL, REAL, NUMBER,
    )  # fmt: skip
