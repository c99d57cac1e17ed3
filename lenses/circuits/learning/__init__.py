"""Learning of boolean circuits: one syntax, and several meanings of what comes back."""

from .ascent import Ascender, ascend, ascent, xor_error

__all__ = ["Ascender", "ascend", "ascent", "xor_error"]
