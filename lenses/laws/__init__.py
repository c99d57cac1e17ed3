"""Laws: a catalogue that runs, and a checker to point at a term, a box, a rule, a pair of functions, an optimiser.

    report = laws.check(dense(3).at(Real(2)))   # what holds, what fails, and on which smallest composite
    laws.catalogue()                            # every law: statement, source, structure
    laws.terms(laws.standard())                 # a hypothesis strategy of well-typed terms
    laws.power(...)                             # how many seeded mistakes the laws notice

A law is an equation between terms (`law`, `maps`, `structures/`); the two sides are decided where
that is possible and otherwise run in a reference meaning that needs no compilation (`reference`),
up to measured rounding noise (`compare`). A failure is made small (`shrink`) and explained (`check`).
"""

from . import structures
from .blame import replay
from .check import check
from .compare import Verdict, compare
from .generate import random_term
from .given import pair
from .law import STRUCTURES, Expected, Law, Structure, catalogue, find, law, structure
from .maps import Derivative, Equation, Map, equal, lens
from .mutants import MUTANTS, Mutant
from .power import ORACLES, Power, power
from .report import Failure, Finding, Report
from .sequences import Same
from .shrink import smallest
from .signature import Signature, finite, standard
from .strategies import spaces, terms, values

__all__ = [
    "MUTANTS",
    "ORACLES",
    "STRUCTURES",
    "Derivative",
    "Equation",
    "Expected",
    "Failure",
    "Finding",
    "Law",
    "Map",
    "Mutant",
    "Power",
    "Report",
    "Same",
    "Signature",
    "Structure",
    "Verdict",
    "catalogue",
    "check",
    "compare",
    "equal",
    "find",
    "finite",
    "law",
    "lens",
    "pair",
    "power",
    "random_term",
    "replay",
    "smallest",
    "spaces",
    "standard",
    "structure",
    "structures",
    "terms",
    "values",
]
