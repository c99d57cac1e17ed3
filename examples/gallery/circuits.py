"""Boolean circuits, drawn with the usual symbols of their gates."""

from __future__ import annotations

from lenses import Bits, copy, identity, reverse
from lenses.circuits import conj, disj, full_adder, mux

from .picture import Picture

CIRCUITS = [
    Picture(
        "full-adder",
        "A full adder",
        "Two bits and a carry, to their sum and the next carry.",
        full_adder.at(Bits(), Bits(), Bits()),
        "circuit",
        inputs=("x", "y", "c"),
    ),
    Picture(
        "and-reverse",
        "The reverse derivative of a gate is a circuit",
        "AND is a product over bits: a change goes to one input as far as the other is 1.",
        reverse(conj.at(Bits(), Bits())),
        "circuit",
    ),
    Picture(
        "multiplexer",
        "A multiplexer",
        "One bit chooses between two: y + s (x + y).",
        mux.at(Bits(), Bits(), Bits()),
        "circuit",
        inputs=("s", "x", "y"),
    ),
    Picture(
        "absorption",
        "Equal as functions alone",
        "x and (x or y) is x for all bits, yet as a polynomial it is x² + x² y + x y, and learns differently.",
        (copy @ identity >> identity @ disj >> conj).at(Bits(), Bits()),
        "circuit",
        inputs=("x", "y"),
    ),
]
"""The pictures of this page, in order."""
