"""Causal maps on sequences: delays, traces, their derivative, and recurrent networks (Sprunger and Katsumata 2019)."""

from .cells import elman, gru, lstm
from .derivative import derivative, exposed, tangent
from .equality import Bisimulation, bisimilar
from .maps import Causal, as_causal
from .sequences import after, along, unroll
from .tracing import delay, trace

__all__ = [
    "Bisimulation",
    "Causal",
    "after",
    "along",
    "as_causal",
    "bisimilar",
    "delay",
    "derivative",
    "elman",
    "exposed",
    "gru",
    "lstm",
    "tangent",
    "trace",
    "unroll",
]
