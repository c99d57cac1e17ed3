"""Functors out of the language: they keep identities, composites and tensors.

A functor here is a table over boxes and its value on a term is a fold, so it must keep composition;
what is checked is that it does: T, the tangent functor, and any `Functor` that a user makes.
"""

from __future__ import annotations

from ...functor import Functor
from ...reverse import tangent
from ...spaces import Space
from ...typed import Typed
from ..law import law, structure
from ..maps import Derivative, Equation, Map, both, equal, identity_on

FUNCTOR = structure("functor", "F keeps identities, composites and tensors")
TANGENT = structure("tangent functor", "T[f]: A * A' -> B * B' keeps composites, unlike D alone")
SOURCE = "Mac Lane 1998, I.3"
TANGENTS = "Cockett and Cruttwell 2014, the tangent functor"


def image(F: Functor, f: Map) -> Map:
    """F f, at the domain of f."""
    return Map(Typed(F(f.term.term), f.dom))


@law(FUNCTOR, "identity", "F(id) = id", SOURCE, 13, over="A", needs="functor")
def keeps_identity(F: Functor, a: Space) -> Equation:
    return Equation(image(F, identity_on(a)), identity_on(a))


@law(FUNCTOR, "composition", "F(f; g) = F(f); F(g)", SOURCE, 13, over="f: A -> B, g: B -> C", needs="functor")
def keeps_composition(F: Functor, f: Map, g: Map) -> Equation:
    return Equation(image(F, f >> g), image(F, f) >> image(F, g))


@law(FUNCTOR, "tensor", "F(f * g) = F(f) * F(g)", SOURCE, 13, over="f: A -> B, g: C -> D", needs="functor")
def keeps_tensor(F: Functor, f: Map, g: Map) -> Equation:
    return Equation(image(F, f @ g), image(F, f) @ image(F, g))


def T(f: Map) -> Map:
    """The tangent functor on a plain map."""
    return Map(tangent(f.term))


@law(
    TANGENT,
    "T of identity",
    "T[id] = id",
    TANGENTS,
    8,
    over="A",
    needs="real",
)
def tangent_identity(R: Derivative, a: Space) -> Equation:
    return Equation(T(identity_on(a)), identity_on(a @ a.change))


@law(TANGENT, "T of a composite", "T[f; g] = T[f]; T[g]", TANGENTS, 8,
     over="f: A -> B, g: B -> C", needs="real")  # fmt: skip
def tangent_composite(R: Derivative, f: Map, g: Map) -> Equation:
    return Equation(T(f >> g), T(f) >> T(g))


@law(TANGENT, "T of a tensor", "T[f * g]((a, b), (v, w)) = T[f](a, v) and T[g](b, w)",
     TANGENTS, 8, over="f: A -> B, g: C -> D", needs="real")  # fmt: skip
def tangent_tensor(R: Derivative, f: Map, g: Map) -> Equation:
    def right(a, b, v, w):  # type: ignore[no-untyped-def]
        y, z = T(f)(a, v), T(g)(b, w)
        return both(y.first(f.cod), z.first(g.cod), y.last(f.cod.change), z.last(g.cod.change))

    return equal(lambda a, b, v, w: T(f @ g)(a, b, v, w), right, f.dom, g.dom, f.dom.change, g.dom.change)


@law(TANGENT, "T is the tangent", "T[f](a, v) = (f(a), D[f](a, v))", TANGENTS, 8,
     over="f: A -> B", depth=2, needs="smooth")  # fmt: skip
def tangent_is(R: Derivative, f: Map) -> Equation:
    d = R.forward(f)
    return equal(lambda a, v: T(f)(a, v), lambda a, v: both(f(a), d(a, v)), f.dom, f.dom.change)
