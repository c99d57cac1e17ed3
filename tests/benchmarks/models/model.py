"""What a benchmark model is, and the ways in which the operations of the hand-written versions are spelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from lenses import Space, Term


@dataclass(frozen=True)
class Spelling:
    """How a hand-written program spells what can be spelled in several ways.

    `bias(y, b)` adds along the last axes; `layer_norm(p, x)` and `deviations(x)` (of all axes but
    the last: mean, deviations, variance) are of the normalisations; `softmax(x)` is along the last
    axis; `loss(logits, labels)` is the cross-entropy of each example.
    """

    name: str
    bias: Callable[[Any, Any], Any]
    layer_norm: Callable[[Any, Any], Any]
    deviations: Callable[[Any], tuple[Any, Any, Any]]
    softmax: Callable[[Any], Any]
    loss: Callable[[Any, Any], Any]

    def dense(self, p: Any, x: Any, axes: int = 1) -> Any:
        """An affine map of the last `axes` axes."""
        y = x @ p["weight"] if p["weight"].ndim == 2 else jnp.tensordot(x, p["weight"], axes)
        return self.bias(y, p["bias"])

    def convolution(self, p: Any, x: Any) -> Any:
        """A convolution of images (batch, height, width, channel), same padding."""
        y = lax.conv_general_dilated(x, p["weight"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return self.bias(y, p["bias"])

    def batch_norm(self, p: Any, state: Any, x: Any) -> tuple[Any, Any]:
        """Batch normalisation over all axes but the last; running statistics with momentum 0.9."""
        mean, centred, variance = self.deviations(x)
        new = {
            "mean": 0.9 * state["mean"] + (1 - 0.9) * lax.stop_gradient(mean),
            "variance": 0.9 * state["variance"] + (1 - 0.9) * lax.stop_gradient(variance),
        }
        return self.bias(centred * (lax.rsqrt(variance + 1e-5) * p["scale"]), p["offset"]), new


def _layer_norm(p: Any, x: Any) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    variance = (centred * centred).mean(-1, keepdims=True)
    return centred * lax.rsqrt(variance + 1e-6) * p["scale"] + p["offset"]


def _layer_norm_var(p: Any, x: Any) -> Any:
    return (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-6) * p["scale"] + p["offset"]


def _deviations(x: Any) -> tuple[Any, Any, Any]:
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axes)
    centred = x - mean
    return mean, centred, (centred * centred).mean(axes)


def _deviations_var(x: Any) -> tuple[Any, Any, Any]:
    axes = tuple(range(x.ndim - 1))
    return x.mean(axes), x - x.mean(axes), x.var(axes)


def _spread_bias(y: Any, b: Any) -> Any:
    return y + lax.broadcast_in_dim(b, y.shape, tuple(range(y.ndim - b.ndim, y.ndim)))


@jax.custom_vjp
def _softmax(x: Any) -> Any:
    return jax.nn.softmax(x)


_softmax.defvjp(lambda x: (y := jax.nn.softmax(x), y), lambda y, d: (y * (d - (y * d).sum(-1, keepdims=True)),))


def _loss(logits: Any, labels: Any) -> Any:
    picked = jnp.take_along_axis(logits, labels[:, None], axis=-1).squeeze(-1)
    return jax.nn.logsumexp(logits, axis=-1) - picked


def _optax_loss(logits: Any, labels: Any) -> Any:
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels)


def _add(y: Any, b: Any) -> Any:
    return y + b


PLAIN = Spelling("hand-written", _add, _layer_norm, _deviations, jax.nn.softmax, _optax_loss)
"""As most people would write it, normalisation in two passes."""

VAR = Spelling("with jnp.var", _add, _layer_norm_var, _deviations_var, jax.nn.softmax, _optax_loss)
"""The same with `jnp.var` in the normalisations."""

SAME = Spelling("same spelling", _spread_bias, _layer_norm, _deviations, _softmax, _loss)
"""With the spellings that the library's boxes use, so that what differs is what the library itself adds or saves.

The bias is broadcast by `lax.broadcast_in_dim` (the transpose of `+`'s own broadcasting sums the
batch and then an axis of size 1), the loss picks the label's logit by `squeeze` (optax indexes, which
gathers again and scatters back), and the derivative of softmax is y (d - sum y d).
"""


@dataclass
class Model:
    """A classifier in several spellings.

    `term` at `space` is the library's; `hand(spelling, params, states, x)` gives (logits, new
    states) for the same trees; `flax()` and `equinox()` make modules of the same sizes (Flax's is
    called on a batch, Equinox's on one example), None where there is none. `batch` and `classes`
    are counts, `normalised` says whether `VAR` differs from `PLAIN`.
    """

    name: str
    term: Term
    space: Space
    batch: int
    classes: int
    hand: Callable[[Spelling, Any, Any, Any], tuple[Any, Any]]
    flax: Callable[[], Any]
    equinox: Callable[[], Any]
    normalised: bool = False

    def data(self) -> tuple[Any, Any]:
        """A batch of normal inputs and labels."""
        (array,) = self.space
        x = jax.random.normal(jax.random.key(1), (self.batch, *array.sizes), array.dtype)
        return x, jnp.arange(self.batch, dtype=jnp.int32) % self.classes
