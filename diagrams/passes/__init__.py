"""Pictures of both directions: terms as lenses, learners, and backward passes with what is kept for them."""

from .backward import draw_backward
from .learner import draw_learner
from .lens import draw_lens

__all__ = ["draw_backward", "draw_learner", "draw_lens"]
