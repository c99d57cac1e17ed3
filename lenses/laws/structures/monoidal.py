"""A symmetric monoidal category: maps stand side by side, and wires cross.

`*` is strictly associative and unital, so the laws are the interchange of `;` and `*` and those of
the symmetry, the swap of two rows of wires.
"""

from __future__ import annotations

from ...spaces import Space, unit
from ...terms import Identity, swap
from ...typed import Typed
from ..law import law, structure
from ..maps import Derivative, Equation, Map, identity_on
from .category import CATEGORY

MONOIDAL = structure("symmetric monoidal", "maps stand side by side, and wires cross", CATEGORY)
SOURCE = "Mac Lane 1998, XI.1"


def crossing(a: Space, b: Space) -> Map:
    """The symmetry A * B -> B * A."""
    term = swap(len(a), len(b)) if len(a) + len(b) else Identity(0)
    return Map(Typed(term, a @ b))


@law(MONOIDAL, "tensor unit", "f * id_I = f = id_I * f", SOURCE, 9, over="f: A -> B")
def tensor_unit(R: Derivative, f: Map) -> list[Equation]:
    nothing = identity_on(unit)
    return [Equation(f @ nothing, f), Equation(nothing @ f, f)]


@law(MONOIDAL, "tensor associativity", "(f * g) * h = f * (g * h)", SOURCE, 9, over="f: A -> B, g: C -> D, h: E -> F")
def tensor_associativity(R: Derivative, f: Map, g: Map, h: Map) -> Equation:
    return Equation((f @ g) @ h, f @ (g @ h))


@law(MONOIDAL, "interchange", "(f; g) * (h; k) = (f * h); (g * k)", SOURCE, 9,
     over="f: A -> B, g: B -> C, h: D -> E, k: E -> F")  # fmt: skip
def interchange(R: Derivative, f: Map, g: Map, h: Map, k: Map) -> Equation:
    return Equation((f >> g) @ (h >> k), (f @ h) >> (g @ k))


@law(MONOIDAL, "identities", "id_A * id_B = id_(A * B)", SOURCE, 9, over="A, B")
def identities(R: Derivative, a: Space, b: Space) -> Equation:
    return Equation(identity_on(a) @ identity_on(b), identity_on(a @ b))


@law(MONOIDAL, "naturality of swap", "(f * g); swap = swap; (g * f)", SOURCE, 9, over="f: A -> B, g: C -> D")
def naturality_of_swap(R: Derivative, f: Map, g: Map) -> Equation:
    return Equation((f @ g) >> crossing(f.cod, g.cod), crossing(f.dom, g.dom) >> (g @ f))


@law(MONOIDAL, "swap twice", "swap; swap = id", SOURCE, 9, over="A, B")
def swap_twice(R: Derivative, a: Space, b: Space) -> Equation:
    return Equation(crossing(a, b) >> crossing(b, a), identity_on(a @ b))


@law(MONOIDAL, "hexagon", "swap_(A, B * C) = (swap_(A, B) * id); (id * swap_(A, C))", SOURCE, 9, over="A, B, C")
def hexagon(R: Derivative, a: Space, b: Space, c: Space) -> Equation:
    steps = (crossing(a, b) @ identity_on(c)) >> (identity_on(b) @ crossing(a, c))
    return Equation(crossing(a, b @ c), steps)
