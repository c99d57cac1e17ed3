"""Recurrent cells as delayed traces: what a network remembers is what it feeds back to itself.

Each is the trace of an ordinary term H * X -> H * Y. Formulas, initialisers (LeCun for what comes in,
orthogonal for what is fed back, zero for biases) and where the biases are, are those of Flax's cells.
"""

from __future__ import annotations

from ..arguments import whole
from ..boxes.linear import dense, linear
from ..boxes.pointwise import multiply, sigmoid, subtract, tanh
from ..boxes.structure import add, copy
from ..combinators import block
from ..spaces import Real
from ..terms import Term, compose, identity
from ..wiring import wired
from .maps import Causal
from .tracing import trace

RECURRENT = "orthogonal"
"""How weights of what is fed back are initialised."""


def elman(features: int, dtype: str = "float32", activation: Term = tanh) -> Causal:
    """h' = tanh(U h + W x + b), which also comes out: the network of Elman (1990).

    The state is an array of `features` reals, 0 at first. Parameters, under "elman": `dense_0` (W and b) and
    `linear_0` (U).
    """
    size = whole("elman", "the number of features", features)
    cell = compose(linear(size, init=RECURRENT) @ dense(size), add, activation)
    return trace(block("elman", cell) >> copy, Real(size, dtype=dtype))


def lstm(features: int, dtype: str = "float32") -> Causal:
    """Long short-term memory (Hochreiter and Schmidhuber 1997) with forget gates (Gers et al. 2000).

    i, f, o = sigmoid(U h + W x + b), g = tanh(U h + W x + b), each with weights of its own; c' = f c + i g and
    h' = o tanh(c'), which also comes out. The state is (c, h), 0 at first. Parameters, under "lstm": "input",
    "forget", "cell" and "output", each with `dense_0` (U and b) and `linear_0` (W).
    """
    size = whole("lstm", "the number of features", features)

    def gate(name: str, activation: Term) -> Term:
        return block(name, compose(dense(size, init=RECURRENT) @ linear(size), add, activation))

    @wired
    def cell(c, h, x):  # type: ignore[no-untyped-def]
        i, f = gate("input", sigmoid)(h, x), gate("forget", sigmoid)(h, x)
        g, o = gate("cell", tanh)(h, x), gate("output", sigmoid)(h, x)
        new = f * c + i * g
        return new, o * tanh(new)

    return trace(block("lstm", cell) >> identity @ copy, Real(size, dtype=dtype) @ Real(size, dtype=dtype))


def gru(features: int, dtype: str = "float32") -> Causal:
    """The gated recurrent unit of Cho et al. (2014), with the reset gate behind the weights of what is fed back.

    r, z = sigmoid(U h + W x + b), n = tanh(W x + b + r (U h + a)), h' = n + z (h - n), which also comes out.
    The state is h, 0 at first. Parameters, under "gru": "reset" and "update", each with `dense_0` (W and b) and
    `linear_0` (U), and "new" with `dense_0` (U and a) and `dense_1` (W and b).
    """
    size = whole("gru", "the number of features", features)

    def gate(name: str) -> Term:
        return block(name, compose(linear(size, init=RECURRENT) @ dense(size), add, sigmoid))

    @wired
    def proposal(r, h, x):  # type: ignore[no-untyped-def]
        return tanh(multiply(r, dense(size, init=RECURRENT)(h)) + dense(size)(x))

    @wired
    def cell(h, x):  # type: ignore[no-untyped-def]
        r, z = gate("reset")(h, x), gate("update")(h, x)
        n = block("new", proposal)(r, h, x)
        return n + z * subtract(h, n)

    return trace(block("gru", cell) >> copy, Real(size, dtype=dtype))
