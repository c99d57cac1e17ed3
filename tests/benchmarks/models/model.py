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

    `spread` broadcasts what stands along the last axes by `lax.broadcast_in_dim` and not by + and
    *; `var` takes `jnp.var` in the normalisations and not the deviations' own squares; `softmax(x)`
    is along the last axis; `loss(logits, labels)` is the cross-entropy of each example.
    """

    name: str
    spread: bool
    var: bool
    softmax: Callable[[Any], Any]
    loss: Callable[[Any, Any], Any]

    def along(self, v: Any, y: Any) -> Any:
        """`v`, which stands along the last axes of `y`, ready for + and *."""
        return lax.broadcast_in_dim(v, y.shape, tuple(range(y.ndim - v.ndim, y.ndim))) if self.spread else v

    def dense(self, p: Any, x: Any, axes: int = 1) -> Any:
        """An affine map of the last `axes` axes."""
        y = x @ p["weight"] if p["weight"].ndim == 2 else jnp.tensordot(x, p["weight"], axes)
        return y + self.along(p["bias"], y)

    def convolution(self, p: Any, x: Any) -> Any:
        """A convolution of images (batch, height, width, channel), same padding."""
        y = lax.conv_general_dilated(x, p["weight"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return y + self.along(p["bias"], y)

    def layer_norm(self, p: Any, x: Any) -> Any:
        """Layer normalisation of the last axis."""
        if self.var:
            y = (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-6)
        else:
            centred = x - x.mean(-1, keepdims=True)
            y = centred * lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-6)
        return y * self.along(p["scale"], x) + self.along(p["offset"], x)

    def batch_norm(self, p: Any, state: Any, x: Any) -> tuple[Any, Any]:
        """Batch normalisation over all axes but the last; running statistics with momentum 0.9."""
        axes = tuple(range(x.ndim - 1))
        mean = x.mean(axes)
        centred = x - self.along(mean, x)
        variance = x.var(axes) if self.var else (centred * centred).mean(axes)
        new = {
            "mean": 0.9 * state["mean"] + (1 - 0.9) * lax.stop_gradient(mean),
            "variance": 0.9 * state["variance"] + (1 - 0.9) * lax.stop_gradient(variance),
        }
        factor = lax.rsqrt(variance + 1e-5) * p["scale"]
        return centred * self.along(factor, x) + self.along(p["offset"], x), new


@jax.custom_vjp
def _softmax(x: Any) -> Any:
    return jax.nn.softmax(x)


_softmax.defvjp(lambda x: (y := jax.nn.softmax(x), y), lambda y, d: (y * (d - (y * d).sum(-1, keepdims=True)),))


def _loss(logits: Any, labels: Any) -> Any:
    picked = jnp.take_along_axis(logits, labels[:, None], axis=-1).squeeze(-1)
    return jax.nn.logsumexp(logits, axis=-1) - picked


def _optax_loss(logits: Any, labels: Any) -> Any:
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels)


PLAIN = Spelling("hand-written", False, False, jax.nn.softmax, _optax_loss)
"""As most people would write it, normalisation in two passes."""

VAR = Spelling("with jnp.var", False, True, jax.nn.softmax, _optax_loss)
"""The same with `jnp.var` in the normalisations."""

SAME = Spelling("same spelling", True, False, _softmax, _loss)
"""With the spellings that the library's boxes use, so that what differs is what the library itself adds or saves.

The transpose of `lax.broadcast_in_dim` sums once where that of `+` sums the batch and then an axis
of size 1; the loss picks the label's logit by `squeeze` (optax indexes, which gathers again and
scatters back); the derivative of softmax is y (d - sum y d).
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
