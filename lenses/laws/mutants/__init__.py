"""Mistakes that people make in derivatives and in their composition, each as a reverse derivative of its own.

A mutant is backpropagation with one thing wrong: the clause of one kind of box, how messages meet,
or what the derivative is as a term. The laws are worth as much as the share of them that they notice
(`power`). An equivalent mutant only looks like a mistake; it comes with the argument why it is none.
"""

from . import boxes, meeting, terms
from .mutant import MUTANTS, Mutant

__all__ = ["MUTANTS", "Mutant", "boxes", "meeting", "terms"]
