"""Boxes with a term inside: parts, loops, slices along an axis, couplings, parametrised maps."""

from .couplings import Coupling, coupling
from .loops import Repeat, Scan, repeat, scan
from .over import Over, over
from .parametrised import Expose, Para, expose, para, reparametrise
from .parts import Block, Composite, Tied, block, tied

__all__ = [
    "Block",
    "Composite",
    "Coupling",
    "Expose",
    "Over",
    "Para",
    "Repeat",
    "Scan",
    "Tied",
    "block",
    "coupling",
    "expose",
    "over",
    "para",
    "reparametrise",
    "repeat",
    "scan",
    "tied",
]
