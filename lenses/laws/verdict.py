"""What comes of comparing the two sides of an equation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

FORMAL, FUNCTION = "as formal polynomials", "as functions"
"""The two senses in which maps over a finite ring can be equal; the first implies the second."""


@dataclass(frozen=True)
class Difference:
    """Where two sides differ: the output wire, the values there, the noise, and the inputs of that point."""

    wire: int
    left: Any
    right: Any
    noise: float
    inputs: list[Any]
    kind: str = ""

    @property
    def ratio(self) -> float:
        """The difference in units of what noise would allow."""
        gap = np.max(np.abs(np.asarray(self.left, "float64") - np.asarray(self.right, "float64")), initial=0.0)
        return float(gap / self.noise) if self.noise else float("inf")


@dataclass(frozen=True)
class Verdict:
    """What came of a comparison: "proved", "holds", "fails", or that no point said anything.

    That is "nothing" where neither side is a number, and "lost" where one of them is. Of a proof over a
    finite ring `notion` says in which sense the sides are equal: `FORMAL`, or `FUNCTION` alone.
    """

    outcome: str
    because: str
    tried: int = 0
    difference: Difference | None = None
    notion: str = ""

    @property
    def failed(self) -> bool:
        """Whether the sides differ."""
        return self.outcome == "fails"
