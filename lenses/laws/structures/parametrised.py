"""Parametrised maps (Para): f: P * A -> B. They compose with their parameters side by side.

A reparametrisation a: Q -> P acts on f by f^a. Reverse derivatives lift to Para: the lens of a
parametrised map has parameters and their changes on its side, and R of a reparametrised map is R
reparametrised. Tying weights is reparametrisation along copy, so their gradient is the sum.
"""

from __future__ import annotations

from ...combinators import expose, reparametrise, tied
from ...spaces import Space
from ...terms import Identity, Port, Term, compose, tensor
from ...typed import Typed
from ..batching import Batching, Compiled
from ..law import law, structure
from ..maps import Derivative, Equation, Map, both, drawn, equal
from .lens import LENS

PARA = structure("parametrised map", "f: P * A -> B; parameters stand side by side in a composite")
PARAMETRISED_LENS = structure("parametrised lens", "a lens with parameters and their changes on its side", LENS)
SOURCE = "Cruttwell et al. 2021, section 2.1"


def plain(term: Term, dom: Space) -> Map:
    """The plain map P @ A -> B of a parametrised term."""
    exposed = expose(term, dom) if not isinstance(term, Typed) else expose(term)
    return Map(Typed(exposed, exposed.params @ dom)) if len(exposed.params) else Map(Typed(term, dom))


def ports(space: Space, prefix: str) -> list[Port]:
    """One parameter for each array of a space, under names that tell them apart."""
    return [Port(f"{prefix}{i}", "param", a) for i, a in enumerate(space)]


def along(f: Typed, a: Map, prefix: str) -> Typed:
    """f^a for a reparametrisation a: Q -> P."""
    return Typed(reparametrise(f, a.term.term, ports(a.dom, prefix)), f.dom)


def arranged(term: Typed, names: list[str]) -> Map:
    """The plain map of a parametrised term, its parameters in the order of `names` (the last steps of their paths)."""
    exposed = expose(term)
    order = [path[-1] for path, _ in exposed._paths]
    where = [names.index(n) for n in order]
    params = Space(exposed.params[order.index(n)] for n in names)
    inner = Map(Typed(exposed, exposed.params @ term.dom))
    return drawn(lambda p, x: inner([p[i] for i in where], x), params, term.dom)


def named(prefix: str, space: Space) -> list[str]:
    """The names that `ports` gives."""
    return [f"{prefix}{i}" for i in range(len(space))]


@law(PARA, "reparametrisation along id", "f^id = f", SOURCE, 12, over="f: A -> B", needs="para parameters")
def along_identity(R: Derivative, f: Typed) -> Equation:
    base = plain(f, f.dom)
    params = expose(f).params
    same = along(f, Map(Typed(Identity(len(params)), params)), "p")
    return Equation(arranged(same, named("p", params)), base)


@law(PARA, "reparametrisation twice", "(f^a)^b = f^(b; a)", SOURCE, 12, over="f: A -> B, a: Q -> P, b: S -> Q",
     needs="para parameters")  # fmt: skip
def along_twice(R: Derivative, f: Typed, a: Map, b: Map) -> Equation:
    once = along(f, a, "q")
    twice = along(once, b, "s")
    return Equation(arranged(twice, named("s", b.dom)), arranged(along(f, b >> a, "s"), named("s", b.dom)))


@law(PARA, "reparametrisation of a composite", "f^a; g^b = (f; g)^(a * b)", SOURCE, 12,
     over="f: A -> B, a: Q -> P, g: B -> C, b: S -> O", needs="para parameters")  # fmt: skip
def along_composite(R: Derivative, f: Typed, a: Map, g: Typed, b: Map) -> Equation:
    apart = Typed(compose(along(f, a, "q").term, along(g, b, "s").term), f.dom)
    base = plain(f, f.dom), plain(g, g.dom)
    names = [*named("q", a.dom), *named("s", b.dom)]
    return Equation(
        arranged(apart, names),
        drawn(lambda q, s, x: base[1](b(s), base[0](a(q), x)), a.dom, b.dom, f.dom),
    )


@law(PARA, "composition", "(p, q, x) -> g(q, f(p, x)) is f; g", SOURCE, 12, over="f: A -> B, g: B -> C",
     needs="para parameters")  # fmt: skip
def composition(R: Derivative, f: Typed, g: Typed) -> Equation:
    p, q = expose(f).params, expose(g).params
    f0, g0 = plain(f, f.dom), plain(g, g.dom)
    own = along(f, Map(Typed(Identity(len(p)), p)), "p"), along(g, Map(Typed(Identity(len(q)), q)), "q")
    whole = Typed(compose(own[0].term, own[1].term), f.dom)
    return Equation(
        arranged(whole, [*named("p", p), *named("q", q)]),
        drawn(lambda ps, qs, x: g0(qs, f0(ps, x)), p, q, f.dom),
    )


# -- with derivatives ------------------------------------------------------------------------


@law(PARAMETRISED_LENS, "R of a reparametrised map", "R[f^a] = R[f]^R[a]", "Cruttwell et al. 2021, section 2.3", 13,
     over="f: A -> B, a: Q -> P", needs="para parameters")  # fmt: skip
def reverse_reparametrised(R: Derivative, f: Typed, a: Map) -> Equation:
    base, moved = plain(f, f.dom), arranged(along(f, a, "q"), named("q", a.dom))

    def right(q, x, c):  # type: ignore[no-untyped-def]
        back = R(base)(a(q), x, c)
        dp, dx = back.first(a.cod.change), back.last(f.dom.change)
        return both(R(a)(q, dp), dx)

    return equal(lambda q, x, c: R(moved)(q, x, c), right, a.dom, f.dom, f.cod.change)


@law(PARAMETRISED_LENS, "tied weights", "R[f^copy] adds the changes of both uses",
     "Cruttwell et al. 2021, section 2.1", 16, over="f: A -> B", needs="para parameters")  # fmt: skip
def tied_weights(R: Derivative, f: Typed) -> Equation:
    base = plain(f, f.dom)
    params = expose(f).params
    shared = Typed(tensor(tied("weights", f.term), tied("weights", f.term)), f.dom @ f.dom)
    once = plain(shared, shared.dom)
    change = f.cod.change

    def right(p, a, b, c, d):  # type: ignore[no-untyped-def]
        one, two = R(base)(p, a, c), R(base)(p, b, d)
        total = one.first(params.change) + two.first(params.change)
        return both(total, one.last(f.dom.change), two.last(f.dom.change))

    return equal(lambda p, a, b, c, d: R(once)(p, a, b, c, d), right, params, f.dom, f.dom, change, change)


@law(PARAMETRISED_LENS, "batching", "R[batch f] is R[f] at each example, changes of parameters summed",
     "Cruttwell et al. 2021, section 3.1", 16, over="f: A -> B", needs="para pass")  # fmt: skip
def batching(R: Derivative, f: Typed) -> Batching:
    return Batching(f, R.rule)


@law(PARAMETRISED_LENS, "compilation", "compiled, f and its lens are what they are box by box",
     "the functor to programs preserves composition", 13, over="f: A -> B", needs="para pass once")  # fmt: skip
def compilation(R: Derivative, f: Typed) -> Compiled:
    return Compiled(f, R.rule)
