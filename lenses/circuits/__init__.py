"""Boolean circuits: the base of two elements, where equality can be decided."""

from .gates import bit, conj, disj, lookup, mux, neg, xor
from .netlist import TABLES, Netlist, ordered

__all__ = ["TABLES", "Netlist", "bit", "conj", "disj", "lookup", "mux", "neg", "ordered", "xor"]
