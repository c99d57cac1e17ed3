"""Learning of boolean circuits: one syntax, and several meanings of what comes back."""

from .ascent import Ascender, ascend, ascent, xor_error
from .layers import choose, connect, gates, tables

__all__ = ["Ascender", "ascend", "ascent", "choose", "connect", "gates", "tables", "xor_error"]
