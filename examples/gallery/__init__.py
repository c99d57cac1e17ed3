"""The gallery: terms whose pictures are known from papers, each short enough to be read beside its picture.

`architectures.py` has models, drawn with a wire for each axis; `theory.py` has lenses, learners and
the axioms of reverse derivatives, drawn with a wire for each array; `circuits.py` has boolean
circuits, drawn with gates; `schemas.py` has graphs with path equations and what their paths are sent to; `sequences.py`
has causal maps, drawn with what they remember fed back through a delay; `learners.py` has learners that compose by
requests; `games.py` has the closed lens of two players; `differentiation.py` has functions with their derivatives.
Every term runs.
"""

from .architectures import ARCHITECTURES
from .circuits import CIRCUITS
from .differentiation import DIFFERENTIATION
from .games import GAMES
from .learners import LEARNERS
from .picture import Picture
from .schemas import SCHEMAS
from .sequences import SEQUENCES
from .theory import THEORY

PICTURES = [*ARCHITECTURES, *THEORY, *CIRCUITS, *SCHEMAS, *SEQUENCES, *LEARNERS, *GAMES, *DIFFERENTIATION]
"""Every picture of the gallery; no two have one name."""

__all__ = [
    "ARCHITECTURES",
    "CIRCUITS",
    "DIFFERENTIATION",
    "GAMES",
    "LEARNERS",
    "PICTURES",
    "SCHEMAS",
    "SEQUENCES",
    "THEORY",
    "Picture",
]
