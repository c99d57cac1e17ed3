"""Learning of boolean circuits: one syntax, and several meanings of what comes back."""

from .ascent import Ascender, ascend, ascent, xor_error
from .layers import choose, connect, gates, tables
from .neurons import agreements, fires
from .votes import boolean_variation, flips

__all__ = [
    "Ascender",
    "agreements",
    "ascend",
    "ascent",
    "boolean_variation",
    "choose",
    "connect",
    "fires",
    "flips",
    "gates",
    "tables",
    "xor_error",
]
