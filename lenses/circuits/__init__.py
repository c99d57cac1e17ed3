"""Boolean circuits: the base of two elements, where equality can be decided."""

from .circuit import Circuit, circuit, from_netlist
from .equality import Counterexample, Proof, Undecided, equal_formal, equal_function, prove_equal
from .formats import from_aiger, from_blif, from_verilog, load_circuit, save_circuit, to_aiger, to_blif, to_verilog
from .gates import bit, conj, disj, gate, lookup, mux, nand, neg, nor, xnor, xor
from .netlist import TABLES, Netlist, ordered
from .reading import reads, to_netlist
from .simplify import Simplified, simplify

__all__ = [
    "TABLES",
    "Circuit",
    "Counterexample",
    "Netlist",
    "Proof",
    "Simplified",
    "Undecided",
    "bit",
    "circuit",
    "conj",
    "disj",
    "equal_formal",
    "equal_function",
    "from_aiger",
    "from_blif",
    "from_netlist",
    "from_verilog",
    "gate",
    "load_circuit",
    "lookup",
    "mux",
    "nand",
    "neg",
    "nor",
    "ordered",
    "prove_equal",
    "reads",
    "save_circuit",
    "simplify",
    "to_aiger",
    "to_blif",
    "to_netlist",
    "to_verilog",
    "xnor",
    "xor",
]
