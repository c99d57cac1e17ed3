"""Learners as machines, and what can be said of them (Spivak 2021, "Learners' Languages").

from lenses import Bits
from lenses.circuits import lookup
from lenses.learn import L
from lenses.machines import Logic, bisimilar, machine, quotient

f = L(1)(lookup(2), Bits(2))       # a learner of 2^4 truth tables, by reverse derivative ascent
states = machine(f)                # the Moore machine on [4 y^4, 2 y^2] that it is
small, kind = quotient(states)     # as small as a machine can be that does the same
logic = Logic(states)              # its propositions: sets of states that no step leaves
"""

from .bisimulation import Bisimilarity, beside, bisimilar, classes, distinguish, quotient
from .invariants import Kept, closed, kept
from .maps import PolynomialMap, curry, evaluation, identity, lens_of, maps
from .moore import Moore, check_map, interface, learner, machine, taught
from .polynomial import Hom, Polynomial, constant, hom, monomial, y
from .propositions import Logic, Proposition

__all__ = [
    "Bisimilarity",
    "Hom",
    "Kept",
    "Logic",
    "Moore",
    "Polynomial",
    "PolynomialMap",
    "Proposition",
    "beside",
    "bisimilar",
    "check_map",
    "classes",
    "closed",
    "constant",
    "curry",
    "distinguish",
    "evaluation",
    "hom",
    "identity",
    "interface",
    "kept",
    "learner",
    "lens_of",
    "machine",
    "maps",
    "monomial",
    "quotient",
    "taught",
    "y",
]
