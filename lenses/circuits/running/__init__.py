"""Running circuits: on packed words, forward and reverse, one compiled program for all circuits of a shape."""

from .packed import Changes, forward, parity, reverse
from .packing import pack, pack_wires, unpack, unpack_wires
from .runner import Runner, run

__all__ = [
    "Changes",
    "Runner",
    "forward",
    "pack",
    "pack_wires",
    "parity",
    "reverse",
    "run",
    "unpack",
    "unpack_wires",
]
