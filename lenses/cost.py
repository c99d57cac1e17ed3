"""The cost functor: multiplications and additions of a term, from its boxes."""

from __future__ import annotations

from .spaces import Space
from .terms import Term
from .typed import as_typed


def flops(term: Term, space: Space | None = None) -> int:
    """The floating-point operations of one application of a typed term (or of a term at a space), one example."""
    return sum(cell.box.flops(cell.dom) for cell in as_typed(term, space, "flops").circuit.cells)
