"""A left-additive category: maps into a space can be added, and composing before a sum distributes.

On the right it does not: (f + g); h is f; h + g; h only where h is additive, which is checked of
every box that says it is linear.
"""

from __future__ import annotations

from ...spaces import Space
from ..law import law, structure
from ..maps import Derivative, Equation, Map, both, drawn, end, equal, zeros
from .copying import CARTESIAN, copying

ADDITIVE = structure("left-additive", "maps can be added, and h; (f + g) = h; f + h; g", CARTESIAN)
LINEAR = structure("additive map", "the map keeps sums and zero, as a box that says it is linear must")
SOURCE = "Cockett et al. 2019, left additive categories"


@law(ADDITIVE, "addition is associative", "(x + y) + z = x + (y + z)", SOURCE, 1, over="A", needs="real")
def associative(R: Derivative, a: Space) -> Equation:
    return equal(lambda x, y, z: (x + y) + z, lambda x, y, z: x + (y + z), a, a, a)


@law(ADDITIVE, "addition is commutative", "x + y = y + x", SOURCE, 1, over="A", needs="real")
def commutative(R: Derivative, a: Space) -> Equation:
    return equal(lambda x, y: x + y, lambda x, y: y + x, a, a)


@law(ADDITIVE, "zero is the unit", "x + 0 = x = 0 + x", SOURCE, 1, over="A", needs="real")
def zero_unit(R: Derivative, a: Space) -> list[Equation]:
    return [equal(lambda x: x + zeros(a), lambda x: x, a), equal(lambda x: zeros(a) + x, lambda x: x, a)]


@law(ADDITIVE, "copy is additive", "copy(x + y) = copy(x) + copy(y)", SOURCE, 1, over="A", needs="real")
def copy_additive(R: Derivative, a: Space) -> Equation:
    c = copying(a)
    return equal(lambda x, y: c(x + y), lambda x, y: c(x) + c(y), a, a)


@law(ADDITIVE, "left additivity", "h; (f + g) = h; f + h; g and h; 0 = 0", SOURCE, 1,
     over="h: A -> B, f: B -> C, g: B -> C", needs="real")  # fmt: skip
def left(R: Derivative, h: Map, f: Map, g: Map) -> list[Equation]:
    def nothing(x):  # type: ignore[no-untyped-def]
        end(h(x))
        return zeros(f.cod)

    return [
        Equation(h >> (f + g), (h >> f) + (h >> g)),
        equal(nothing, lambda x: (end(x), zeros(f.cod))[1], h.dom),
    ]


@law(ADDITIVE, "right additivity", "(f + g); h = f; h + g; h", SOURCE, 1,
     over="f: A -> B, g: A -> B, h: B -> C", holds=False, needs="real")  # fmt: skip
def right(R: Derivative, f: Map, g: Map, h: Map) -> Equation:
    return Equation((f + g) >> h, (f >> h) + (g >> h))


@law(
    LINEAR,
    "sums",
    "f(x + y) = f(x) + f(y)",
    "Cockett et al. 2019, left additive categories",
    2,
    over="f: A -> B",
    needs="real",
)
def sums(R: Derivative, f: Map) -> Equation:
    return equal(lambda x, y: f(x + y), lambda x, y: f(x) + f(y), f.dom, f.dom)


@law(LINEAR, "zero", "f(0) = 0", "Cockett et al. 2019, left additive categories", 2, over="f: A -> B", needs="real")
def zero(R: Derivative, f: Map) -> Equation:
    return Equation(drawn(lambda: f(zeros(f.dom))), drawn(lambda: zeros(f.cod)))


@law(LINEAR, "its own derivative", "D[f](a, v) = f(v)", "Cockett et al. 2019, linear maps", 8, over="f: A -> B",
     needs="real")  # fmt: skip
def own_derivative(R: Derivative, f: Map) -> Equation:
    d = R.forward(f)
    return equal(lambda a, v: d(a, v), lambda a, v: both(end(a), f(v)), f.dom, f.dom.change)
