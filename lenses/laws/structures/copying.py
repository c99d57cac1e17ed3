"""Copy and discard: each space is a commutative comonoid, and in a cartesian category every map keeps it.

The comonoid is the same for every meaning. Whether copy and discard are natural is a property of
the maps: it holds for functions, and for the lenses of a rule only where messages meet additively.
"""

from __future__ import annotations

from ...spaces import Space
from ..law import law, structure
from ..maps import Derivative, Equation, Map, both, drawn, end, equal, identity_on
from .monoidal import MONOIDAL, crossing

COPYING = structure("copy-discard", "each space has a copy and a discard, a commutative comonoid", MONOIDAL)
CARTESIAN = structure("cartesian", "copy and discard are natural: maps are functions", COPYING)
SOURCE = "Fox 1976; Cruttwell et al. 2021, section 2.1"


def copying(a: Space) -> Map:
    """The copy A -> A * A of a whole space."""
    return drawn(lambda x: both(x, x), a)


def ending(a: Space) -> Map:
    """The discard A -> I of a whole space."""
    return drawn(lambda x: end(x), a)


@law(COPYING, "coassociativity", "copy; (copy * id) = copy; (id * copy)", SOURCE, 10, over="A")
def coassociativity(R: Derivative, a: Space) -> Equation:
    one = identity_on(a)
    return Equation(copying(a) >> (copying(a) @ one), copying(a) >> (one @ copying(a)))


@law(COPYING, "counit", "copy; (discard * id) = id = copy; (id * discard)", SOURCE, 10, over="A")
def counit(R: Derivative, a: Space) -> list[Equation]:
    one = identity_on(a)
    return [Equation(copying(a) >> (ending(a) @ one), one), Equation(copying(a) >> (one @ ending(a)), one)]


@law(COPYING, "cocommutativity", "copy; swap = copy", SOURCE, 10, over="A")
def cocommutativity(R: Derivative, a: Space) -> Equation:
    return Equation(copying(a) >> crossing(a, a), copying(a))


@law(CARTESIAN, "naturality of copy", "f; copy = copy; (f * f)", SOURCE, 10, over="f: A -> B", needs="deterministic")
def naturality_of_copy(R: Derivative, f: Map) -> Equation:
    return Equation(f >> copying(f.cod), copying(f.dom) >> (f @ f))


@law(CARTESIAN, "naturality of discard", "f; discard = discard", SOURCE, 10, over="f: A -> B")
def naturality_of_discard(R: Derivative, f: Map) -> Equation:
    return Equation(f >> ending(f.cod), ending(f.dom))


@law(CARTESIAN, "pairing", "<f, g>; first = f and <f, g>; second = g", SOURCE, 10, over="f: A -> B, g: A -> C")
def pairing(R: Derivative, f: Map, g: Map) -> list[Equation]:
    def first(x):  # type: ignore[no-untyped-def]
        y = f(x)
        end(g(x))
        return y

    def second(x):  # type: ignore[no-untyped-def]
        end(f(x))
        return g(x)

    return [equal(first, lambda x: f(x), f.dom), equal(second, lambda x: g(x), f.dom)]
