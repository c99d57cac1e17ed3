"""Running circuits: on packed words, forward and reverse, one compiled program for all circuits of a shape."""

from .packed import forward, parity, reverse, reverse_entries
from .packing import pack, pack_wires, unpack, unpack_wires
from .runner import Runner, run

__all__ = [
    "Runner",
    "forward",
    "pack",
    "pack_wires",
    "parity",
    "reverse",
    "reverse_entries",
    "run",
    "unpack",
    "unpack_wires",
]
