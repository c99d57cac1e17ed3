"""The cost functor: multiplications and additions of a term, from its boxes."""

from __future__ import annotations

from .spaces import Space
from .terms import Term
from .typed import elaborate


def flops(term: Term, dom: Space) -> int:
    """The floating-point operations of one application of a term at a domain, one example."""
    return sum(cell.box.flops(cell.dom) for cell in elaborate(term, dom).cells)
