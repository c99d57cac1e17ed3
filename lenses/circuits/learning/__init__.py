"""Learning of boolean circuits: one syntax, and several meanings of what comes back."""

from .ascent import Ascender, ascend, ascent, xor_error
from .integers import integer_dense
from .layers import choose, connect, layer
from .neurons import agreements, fires, numbers
from .soft import harden, log_odds, soften, tally
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
    "harden",
    "integer_dense",
    "layer",
    "log_odds",
    "numbers",
    "soften",
    "tally",
    "xor_error",
]
