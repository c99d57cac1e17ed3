"""Pictures of terms: neural circuit diagrams, string diagrams, circuits and graphs, drawn from the term that runs."""

from . import formats
from .drawing import draw, expansion
from .equations import equation
from .reading import read
from .scene import Scene
from .themes import THEMES, Theme

__all__ = ["THEMES", "Scene", "Theme", "draw", "equation", "expansion", "formats", "read"]
