"""Boolean circuits: the base of two elements, where equality can be decided."""

from .equality import Counterexample, Proof, Undecided, equal_formal, equal_function, prove_equal
from .gates import bit, conj, disj, gate, lookup, mux, nand, neg, nor, xnor, xor
from .netlist import TABLES, Netlist, ordered
from .reading import reads, to_netlist
from .simplify import Simplified, simplify

__all__ = [
    "TABLES",
    "Counterexample",
    "Netlist",
    "Proof",
    "Simplified",
    "Undecided",
    "bit",
    "conj",
    "disj",
    "equal_formal",
    "equal_function",
    "gate",
    "lookup",
    "mux",
    "nand",
    "neg",
    "nor",
    "ordered",
    "prove_equal",
    "reads",
    "simplify",
    "to_netlist",
    "xnor",
    "xor",
]
