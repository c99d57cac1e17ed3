"""Boolean circuits: the base of two elements, where equality can be decided."""

from .gates import bit, conj, disj, gate, lookup, mux, nand, neg, nor, xnor, xor
from .netlist import TABLES, Netlist, ordered
from .reading import reads, to_netlist

__all__ = [
    "TABLES",
    "Netlist",
    "bit",
    "conj",
    "disj",
    "gate",
    "lookup",
    "mux",
    "nand",
    "neg",
    "nor",
    "ordered",
    "reads",
    "to_netlist",
    "xnor",
    "xor",
]
