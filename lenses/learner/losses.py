"""Losses: lenses from a prediction and a label to a number an example (Cruttwell et al. 2021, section 3).

Each is a box of two wires, the prediction and the label, that reduces the last axis; what is left
are the losses of the examples, which a rate averages. The label is a wire like any other, so it has
a change too, where it is real.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..interpret import Cx, Side
from ..spaces import Array, IndexElement, Real, Space
from ..strands import Strand, aligned
from ..terms import Box, Term


def _integer_cross_entropy(y: Any, label: Any) -> Any:
    picked = jnp.take_along_axis(y, jnp.expand_dims(label, -1), axis=-1).squeeze(-1)
    return jax.nn.logsumexp(y, axis=-1) - picked


def _size(x: Any) -> Any:
    """|x|, with derivative 0 at 0, where that of `jnp.abs` is 1."""
    return x * jnp.sign(x)


@dataclass(frozen=True)
class Meaning:
    """A registered loss: its function of (prediction, real label), of (prediction, index), and its measure of success.

    `correct` tells for each example whether the prediction is right, None where that makes no sense.
    """

    real: Callable[..., Any] | None
    index: Callable[..., Any] | None = None
    correct: Callable[..., Any] | None = None


def _right_class(y: Any, label: Any) -> Any:
    best = jnp.argmax(y, -1)
    return best == (label if jnp.issubdtype(label.dtype, jnp.integer) else jnp.argmax(label, -1))


LOSSES: dict[str, Meaning] = {
    "squared": Meaning(lambda y, t: 0.5 * ((y - t) ** 2).sum(-1)),
    "quartic": Meaning(lambda y, t: 0.25 * ((y - t) ** 4).sum(-1)),
    "log_cosh": Meaning(lambda y, t: (jnp.logaddexp(y - t, t - y) - math.log(2)).sum(-1)),
    "absolute_error": Meaning(lambda y, t: _size(y - t).sum(-1)),
    "softmax_cross_entropy": Meaning(
        lambda y, t: -(t * jax.nn.log_softmax(y)).sum(-1), _integer_cross_entropy, _right_class
    ),
    "binary_cross_entropy": Meaning(
        lambda y, t: (jax.nn.softplus(y) - y * t).sum(-1),
        None,
        lambda y, t: ((y > 0) == (t > 0.5)).all(-1),
    ),
    "dot_product": Meaning(lambda y, t: -(y * t).sum(-1)),
    "hinge": Meaning(lambda y, t: jax.nn.relu(1 - y * t).sum(-1), None, lambda y, t: (y * t > 0).all(-1)),
}


class Loss(Box):
    """A registered loss of a prediction (wire 0) and a label (wire 1) along the last axis."""

    arity = (2, 1)
    glyph: ClassVar[str] = "loss"
    name: str

    @property
    def label(self) -> str:
        return self.name

    def spell(self) -> str:
        return self.name

    @property
    def meaning(self) -> Meaning:
        """What is registered under the name."""
        return LOSSES[self.name]

    def of(self, label: Array) -> Callable[..., Any]:
        """The function of (prediction, label) for labels that are such an array."""
        f = self.meaning.index if isinstance(label.element, IndexElement) else self.meaning.real
        assert f is not None
        return f

    def right(self, label: Array) -> Callable[..., Any] | None:
        """Whether predictions are right, a function of (prediction, label), where the loss has a notion of it."""
        return self.meaning.correct

    def labels(self, prediction: Array, integers: bool) -> Array:
        """The array of labels that goes with a prediction: indices of its last axis, or like itself."""
        if integers and self.meaning.index is not None:
            return Array(prediction.sizes[:-1], prediction.names[:-1], IndexElement(prediction.sizes[-1]))
        return prediction

    def allowed(self, prediction: Array) -> list[Array]:
        """The arrays of labels that go with a prediction: real ones, indices, or either."""
        real = [self.labels(prediction, False)] if self.meaning.real else []
        return real + ([self.labels(prediction, True)] if self.meaning.index else [])

    def type(self, dom: Space) -> Space:
        y, label = dom
        if y.rank < 1 or not y.real:
            do = None if y.real or y.change is None else "over bits, use xor_error"
            self.fail(0, "a real array with at least 1 axis, the one that the loss reduces", y, do)
        allowed = self.allowed(y)
        if label not in allowed:
            self.fail(1, "labels: " + " or ".join(map(repr, allowed)), label)
        return Space([Array(y.sizes[:-1], y.names[:-1], y.element)])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank - 1), 2)

    @classmethod
    def examples(cls) -> Sequence[Term]:
        pairs = [(loss, y) for loss in map(Loss, LOSSES) for y in (Real(3), Real(2, 2))]
        return [loss.at(y, Space([label])) for loss, y in pairs for label in loss.allowed(y[0])]

    def flops(self, dom: Space) -> int:
        return 4 * dom[0].size

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return self.of(cx.dom[1])(*xs)


squared = Loss("squared")
"""Half the sum of squared differences along the last axis."""
quartic = Loss("quartic")
"""A quarter of the sum of fourth powers of differences along the last axis."""
log_cosh = Loss("log_cosh")
"""The sum of log cosh of the differences along the last axis; its derivative, their tanh, is bounded."""
absolute_error = Loss("absolute_error")
"""The sum of absolute differences along the last axis."""
softmax_cross_entropy = Loss("softmax_cross_entropy")
"""-log softmax of the logits at the label, an index or a distribution; its derivative is softmax - label."""
binary_cross_entropy = Loss("binary_cross_entropy")
"""The sum of binary cross-entropies of logits and labels in [0, 1]."""
dot_product = Loss("dot_product")
"""Minus the inner product, so that descent aligns the prediction with the label."""
hinge = Loss("hinge")
"""max(0, 1 - y t) for labels t of -1 and 1, summed."""
