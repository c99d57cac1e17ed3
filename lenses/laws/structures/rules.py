"""A rule: a functor from terms to lenses, given by clauses for boxes and by how messages meet.

Composition and tensor are never a rule's own, so it is a functor by construction, which is checked.
Whether copy and discard are natural under it, and whether a part sends back what it would alone, are
facts that are recorded with it (`additive`, `zero_preserving`, `local`) and checked as well.
"""

from __future__ import annotations

from ..law import law, structure
from ..maps import Derivative, Equation, Map
from .lens import ADDITIVE_LENS

RULE = structure("rule", "a functor from terms to lenses, given by clauses for boxes", ADDITIVE_LENS)


@law(RULE, "functor", "the pass through f; g is the pass through f and then through g",
     "Cruttwell et al. 2021, section 2.4; Fong, Spivak and Tuyeras 2019", 13,
     over="f: A -> B, g: B -> C")  # fmt: skip
def functor(R: Derivative, f: Map, g: Map) -> Equation:
    return Equation(R(f >> g), R.chain(f, g))
