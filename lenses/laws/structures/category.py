"""A category: maps compose, composition is associative, and identities are its units.

Terms meet these on the nose, since composition is n-ary and flat; what is checked is that they are
one term, so the verdict is a proof.
"""

from __future__ import annotations

from ..law import law, structure
from ..maps import Derivative, Equation, Map, identity_on

CATEGORY = structure("category", "maps compose; composition is associative and has units")
SOURCE = "Mac Lane 1998, I.1"


@law(CATEGORY, "left unit", "id; f = f", SOURCE, 9, over="f: A -> B")
def left_unit(R: Derivative, f: Map) -> Equation:
    return Equation(identity_on(f.dom) >> f, f)


@law(CATEGORY, "right unit", "f; id = f", SOURCE, 9, over="f: A -> B")
def right_unit(R: Derivative, f: Map) -> Equation:
    return Equation(f >> identity_on(f.cod), f)


@law(CATEGORY, "associativity", "(f; g); h = f; (g; h)", SOURCE, 9, over="f: A -> B, g: B -> C, h: C -> D")
def associativity(R: Derivative, f: Map, g: Map, h: Map) -> Equation:
    return Equation((f >> g) >> h, f >> (g >> h))
