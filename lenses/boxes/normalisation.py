"""Normalisation: layer, root mean square, and batch, over the last axis (the channels)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from jax import lax

from ..arguments import flag, number, positive
from ..interpret import Cx, Side
from ..spaces import Array, Real, Space
from ..strands import Strand, aligned
from ..terms import Box, Port, Term
from .linear import along


class Normalise(Box):
    """What the normalisations share: they act on a real array's last axis and learn a scale along it."""

    arity = (1, 1)
    glyph: ClassVar[str] = "normalise"

    def type(self, dom: Space) -> Space:
        if dom[0].rank < 1 or not dom[0].real:
            self.fail(0, "a real array with at least 1 axis", dom[0])
        return dom

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank - 1))

    def flops(self, dom: Space) -> int:
        return 8 * dom[0].size

    def learned(self, dom: Space, name: str, kind: str = "param", init: str = "zeros") -> Port:
        """A port along the last axis."""
        (x,) = dom
        return Port(name, kind, Array(x.sizes[-1:], x.names[-1:], x.element), init)


class LayerNorm(Normalise):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset along the last axis (Ba et al. 2016)."""

    epsilon: float = 1e-6

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [*(layer_norm().at(x) for x in (Real(3), Real(3, 3), Real(2, 3))), layer_norm(0.5).at(Real(2))]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        return self.learned(dom, "scale", init="ones"), self.learned(dom, "offset")

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        (x,) = xs
        centred = x - x.mean(-1, keepdims=True)
        variance = (centred * centred).mean(-1, keepdims=True)
        y = centred * lax.rsqrt(variance + self.epsilon)
        return y * along(p["scale"], x) + along(p["offset"], x)


def layer_norm(epsilon: float = 1e-6) -> Term:
    """Layer normalisation of the last axis, with a learned scale and offset."""
    return LayerNorm(positive("layer_norm", "epsilon", epsilon))


class RMSNorm(Normalise):
    """x / sqrt(mean of squares + epsilon) * scale along the last axis (Zhang and Sennrich 2019)."""

    spelling: ClassVar[str] = "rms_norm"
    epsilon: float = 1e-6

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [*(rms_norm().at(x) for x in (Real(3), Real(3, 3), Real(2, 3))), rms_norm(0.5).at(Real(2))]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        return (self.learned(dom, "scale", init="ones"),)

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        (x,) = xs
        return x * lax.rsqrt((x * x).mean(-1, keepdims=True) + self.epsilon) * along(p["scale"], x)


def rms_norm(epsilon: float = 1e-6) -> Term:
    """Root-mean-square normalisation of the last axis, with a learned scale."""
    return RMSNorm(positive("rms_norm", "epsilon", epsilon))


class BatchNorm(Normalise):
    """Normalisation of each channel over the batch and all other axes (Ioffe and Szegedy 2015).

    While training it uses the batch's own statistics and rewrites its states, the running mean and
    variance; `training=False`, which `inference` puts, uses the states.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    training: bool = True

    def strands(self, dom: Space) -> Sequence[Strand]:
        return () if self.training else super().strands(dom)

    @classmethod
    def examples(cls) -> Sequence[Term]:
        training = [batch_norm().at(Real(3, 2)), batch_norm(0.5, 0.5).at(Real(3, 3))]
        return [*training, *(batch_norm(training=False).at(x) for x in (Real(2), Real(2, 2), Real(2, 3)))]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        return (
            self.learned(dom, "scale", init="ones"),
            self.learned(dom, "offset"),
            self.learned(dom, "mean", "state"),
            self.learned(dom, "variance", "state", "ones"),
        )

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        (x,) = xs
        if self.training:
            axes = tuple(range(x.ndim - 1))
            mean = x.mean(axes)
            centred = x - along(mean, x)
            variance = (centred * centred).mean(axes)
            m = self.momentum
            states = {
                "mean": m * p["mean"] + (1 - m) * lax.stop_gradient(mean),
                "variance": m * p["variance"] + (1 - m) * lax.stop_gradient(variance),
            }
        else:
            centred, variance = x - along(p["mean"], x), p["variance"]
            states = {"mean": p["mean"], "variance": p["variance"]}
        factor = lax.rsqrt(variance + self.epsilon) * p["scale"]
        return (centred * along(factor, x) + along(p["offset"], x),), states


def batch_norm(momentum: float = 0.9, epsilon: float = 1e-5, training: bool = True) -> Term:
    """Batch normalisation of the last axis over all others, with running statistics as states."""
    return BatchNorm(
        number("batch_norm", "the momentum", momentum, 0, 1),
        positive("batch_norm", "epsilon", epsilon),
        flag("batch_norm", "training", training),
    )
