"""Rules: one term, many backward passes. `rule` has the shape, each other module a rule of that shape."""

from .feedback import direct_feedback_alignment, feedback_alignment
from .recompute import recompute
from .reversible import reversible
from .rule import Clause, Rule, backprop

__all__ = ["Clause", "Rule", "backprop", "direct_feedback_alignment", "feedback_alignment", "recompute", "reversible"]
