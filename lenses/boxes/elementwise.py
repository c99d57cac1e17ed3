"""The base of boxes that work on each of the real numbers of one array by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..spaces import Space
from ..strands import Strand, aligned
from ..terms import Box


class Elementwise(Box):
    """A box of one array of real numbers, of any sizes, to one of the same; every axis runs past it."""

    arity = (1, 1)
    elementwise: ClassVar[bool] = True

    def type(self, dom: Space) -> Space:
        if not dom[0].real:
            self.fail(0, "real numbers", dom[0])
        return dom

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank))
