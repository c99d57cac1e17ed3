"""Rules: one term, many backward passes. `rule` has the shape, each other module a rule of that shape."""

from .activations import guided, straight_through
from .feedback import direct_feedback_alignment, feedback_alignment
from .real_time import real_time
from .recompute import recompute
from .relevance import lrp
from .reversible import reversible
from .rule import Clause, Rule, backprop
from .truncated import truncated

__all__ = [
    "Clause",
    "Rule",
    "backprop",
    "direct_feedback_alignment",
    "feedback_alignment",
    "guided",
    "lrp",
    "real_time",
    "recompute",
    "reversible",
    "straight_through",
    "truncated",
]
