"""Causal maps: what a step hands on to the next is a wire that is fed back through a delay.

The trace of a term S * X -> S * Y feeds S back one step later, so it is defined whatever the term is. The trace of
the swap is the delay itself, and not the identity.
"""

from __future__ import annotations

from lenses import Bits, Real, add, copy, delay, elman, gru, lstm, swap, wired
from lenses.causal import derivative, trace
from lenses.circuits import conj, xor

from .picture import Picture

WORD, WIDTH = Real(word=4), 3


@wired
def counting(a, b, x):
    """Two bits that count the ones that come in, and whether there were four."""
    carry = conj(a, x)
    return xor(a, x), xor(b, carry), conj(b, carry)


SEQUENCES = [
    Picture(
        "elman",
        "Elman's network is a delayed trace",
        "One step, h' = tanh(U h + W x + b); what it remembers is fed back through the delay.",
        causal=elman(WIDTH).at(WORD),
        style="string",
        inputs=("x",),
    ),
    Picture(
        "lstm",
        "Long short-term memory",
        "Two wires are fed back: the cell, which is only scaled and added to, and what came out.",
        causal=lstm(WIDTH).at(WORD),
        style="string",
        inputs=("x",),
    ),
    Picture(
        "gru",
        "A gated recurrent unit",
        "The update gate says how much of what was remembered stays.",
        causal=gru(WIDTH).at(WORD),
        style="string",
        inputs=("x",),
    ),
    Picture(
        "trace-of-swap",
        "The trace of the swap is the delay",
        "Yanking fails: a wire that is pulled straight loses its delay.",
        causal=trace(swap, Real()).at(Real()),
        style="string",
        inputs=("x",),
    ),
    Picture(
        "running-sum",
        "A running sum",
        "The trace of add and copy.",
        causal=trace(add >> copy, Real()).at(Real()),
        style="string",
        inputs=("x",),
    ),
    Picture(
        "derivative-of-a-trace",
        "The derivative of a causal map is causal",
        "Of the running sum after a delay: the state is (s, ds), started at (i, 0), and nothing is unrolled.",
        causal=derivative((delay(1.0) >> trace(add >> copy, Real())).at(Real())),
        style="string",
        inputs=("x", "dx"),
    ),
    Picture(
        "counter",
        "A counter of two bits",
        "A sequential circuit is a delayed trace over bits; its delays are latches.",
        causal=trace(counting, Bits() @ Bits()).at(Bits()),
        style="string",
        inputs=("x",),
        how={"style": "circuit"},
    ),
]
"""The pictures of this page, in order."""
