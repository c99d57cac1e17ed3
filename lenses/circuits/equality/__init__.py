"""Exact equality of circuits, in two senses that are never confused.

*Formal*: one polynomial over Z2, where x * x is not x; it keeps the reverse derivative. *Function*: the
same values; it does not (copy followed by AND is the identity as a function, and its derivative is 0).
Each of the two is decided, not sampled: the result is a `Proof` or a `Counterexample`, else `Undecided` is raised.
"""

from .clock import Undecided
from .derivative import reverse_netlist
from .polynomials import Polynomials, algebraic_normal_form, normal_form
from .prove import equal_formal, equal_function, prove_equal
from .results import Counterexample, Proof

__all__ = [
    "Counterexample",
    "Polynomials",
    "Proof",
    "Undecided",
    "algebraic_normal_form",
    "equal_formal",
    "equal_function",
    "normal_form",
    "prove_equal",
    "reverse_netlist",
]
