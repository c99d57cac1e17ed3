"""Glyphs: how each kind of box looks. To add one, subclass `Kind` and register it under its name.

A kind says how much room its glyph takes (`width`, `margins`), where its body stands between its
ports (`place`), and which curves and texts it is made of (`shapes`).
"""

from __future__ import annotations

from lenses.spaces import ResidueElement

from ..plan import Node
from ..styles import Style
from .boxes import (
    Card,
    Embedding,
    Entry,
    Floating,
    Folded,
    Mask,
    Pentagon,
    Reduction,
    Ring,
    Triangle,
)
from .convolutions import Convolution, Pooling, Trapezoid
from .kind import DOT, Kind, centred, filled
from .objects import Named
from .tags import COLOURS, Memory, Side, tag
from .textbook import Gate, Plain
from .wiring import Bar, Bare, Ends, Product, Sum, Wires

BIT = ResidueElement(2)
"""The elements of circuits."""

__all__ = ["COLOURS", "DOT", "Kind", "centred", "filled", "of", "tag"]


def of(node: Node, style: Style) -> Kind:
    """The kind of a node in a style; unknown kinds are outlined boxes."""
    if style.name == "circuit" and all(a.element == BIT for a in (*node.dom, *node.cod)):
        gate = _GATES.get((node.title, len(node.dom)))
        if gate is not None:
            return gate
    if not style.axes:
        return _STRING.get(node.glyph, BOX)
    if node.glyph == "reduce" and any(not strand.outs for strand in node.strands):
        return SUMMED
    return Kind.kinds.get(node.glyph, BOX)


BOX = Kind("box", "box", "loss", "optimiser", "cap", "reverse", "tangent", "branch")
Floating("floating", "pointwise", "scale")
Wires("wire", "wire")
Bare("copy", "dot")
Bare("spread", "copy")
Ends("discard", "end")
Sum("sum", "plus")
Product("product", "einsum")
SUMMED = Product("summed")
"""A sum along axes, drawn as a product of one array."""
Card("card", "learned")
Embedding("embedding", "embed")
Triangle("softmax", "softmax")
Reduction("reduction", "reduce")
Bar("bar", "rearrange")
Ring("ring", "normalise")
Pentagon("constant", "constant")
Entry("entry", "select")
Pentagon("zero", "start", fixed="0")
Mask("mask", "mask")
Convolution("convolution", "convolution")
Pooling("pooling", "pooling")
Trapezoid("windows", "windows")
Folded("part", "block", "repeat")
Named("object")
Memory("write", "write")
Memory("read", "read")
Side("parameter", "parameter")
Side("change", "change")

TAGS = ("write", "read", "parameter", "change")
_STRING: dict[str, Kind] = {
    **dict.fromkeys(Kind.kinds, Plain("plain")),
    **{name: Kind.kinds[name] for name in ("wire", "dot", "end", "plus", "constant", "start", *TAGS)},
}
"""The kinds of string diagrams, by the glyphs of boxes."""
_GATES: dict[tuple[str, int], Kind] = {
    ("add", 2): Gate("xor"),
    ("xnor", 2): Gate("xnor"),
    ("multiply", 2): Gate("and"),
    ("nand", 2): Gate("nand"),
    ("disj", 2): Gate("or"),
    ("nor", 2): Gate("nor"),
    ("neg", 1): Gate("not"),
}
"""The gates of circuits, by name and number of inputs of boxes on bits."""
