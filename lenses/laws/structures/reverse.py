"""A reverse derivative category: every f: A -> B has R[f]: A * B' -> A', with seven axioms.

D[f](a, v), the derivative along v, is the part of R[R[f]](a, 0, v) on B'. The axioms alone hold for
any additive choice on boxes, so what R is on boxes is held against the outside: finite differences
of the meaning, and `jax.vjp` of it.
"""

from __future__ import annotations

from typing import Any

from ...boxes.lifted import lift
from ...errors import LensError
from ...reverse import Reverse, Tangent
from ...spaces import Space
from ...typed import Typed
from ..differences import Differences, Kinks
from ..formal import FormalReverse
from ..law import law, structure
from ..maps import Bundle, Derivative, Equation, Map, both, drawn, end, equal, identity_on, zeros
from .additive import ADDITIVE
from .copying import ending

REVERSE = structure("reverse derivative", "every f: A -> B has R[f]: A * B' -> A'", ADDITIVE)
RDC = "Cockett et al. 2019, axiom"


def dot(x: Bundle, y: Bundle) -> Bundle:
    """The inner product of two bundles of one space, a number."""
    return Bundle(x[0].builder.apply(_product(len(x)), both(x, y)))


_products: dict[int, Any] = {}


def _product(n: int) -> Any:
    if n not in _products:

        def product(*values: Any) -> Any:
            return sum((a * b).sum() for a, b in zip(values[:n], values[n:], strict=True))

        _products[n] = lift(product, 2 * n)
    return _products[n]


@law(REVERSE, "RD.1", "R[f + g] = R[f] + R[g] and R[0] = 0", RDC + " RD.1", 1,
     over="f: A -> B, g: A -> B", needs="real")  # fmt: skip
def additive(R: Derivative, f: Map, g: Map) -> list[Equation]:
    zero = drawn(lambda a: (end(a), zeros(f.cod))[1], f.dom)
    none = drawn(lambda a, c: (end(a, c), zeros(f.dom.change))[1], f.dom, f.cod.change)
    return [Equation(R(f + g), R(f) + R(g)), Equation(R(zero), none)]


@law(REVERSE, "RD.2", "R[f](a, b + c) = R[f](a, b) + R[f](a, c) and R[f](a, 0) = 0", RDC + " RD.2", 2,
     over="f: A -> B")  # fmt: skip
def additive_changes(R: Derivative, f: Map) -> list[Equation]:
    r, change = R(f), f.cod.change
    return [
        equal(lambda a, b, c: r(a, b + c), lambda a, b, c: r(a, b) + r(a, c), f.dom, change, change),
        equal(lambda a: r(a, zeros(change)), lambda a: (end(a), zeros(f.dom.change))[1], f.dom),
    ]


@law(REVERSE, "RD.3", "R[id](a, c) = c, R[first]((a, b), c) = (c, 0), R[second]((a, b), c) = (0, c)",
     RDC + " RD.3", 3, over="A, B")  # fmt: skip
def projections(R: Derivative, a: Space, b: Space) -> list[Equation]:
    one, first, second = identity_on(a), identity_on(a) @ ending(b), ending(a) @ identity_on(b)
    return [
        equal(lambda x, c: R(one)(x, c), lambda x, c: both(end(x), c), a, a.change),
        equal(lambda x, c: R(first)(x, c), lambda x, c: both(end(x), c, zeros(b.change)), a @ b, a.change),
        equal(lambda x, c: R(second)(x, c), lambda x, c: both(end(x), zeros(a.change), c), a @ b, b.change),
    ]


@law(REVERSE, "RD.4", "R[<f, g>](a, (b, c)) = R[f](a, b) + R[g](a, c) and R[discard](a) = 0", RDC + " RD.4", 4,
     over="f: A -> B, g: A -> C")  # fmt: skip
def pairings(R: Derivative, f: Map, g: Map) -> list[Equation]:
    pair = drawn(lambda a: both(f(a), g(a)), f.dom)
    return [
        equal(
            lambda a, b, c: R(pair)(a, b, c),
            lambda a, b, c: R(f)(a, b) + R(g)(a, c),
            f.dom, f.cod.change, g.cod.change,
        ),
        equal(lambda a: R(ending(f.dom))(a), lambda a: both(end(a), zeros(f.dom.change)), f.dom),
    ]  # fmt: skip


@law(REVERSE, "RD.5", "R[f; g](a, c) = R[f](a, R[g](f(a), c))", RDC + " RD.5", 5, over="f: A -> B, g: B -> C")
def chain(R: Derivative, f: Map, g: Map) -> Equation:
    return equal(lambda a, c: R(f >> g)(a, c), lambda a, c: R(f)(a, R(g)(f(a), c)), f.dom, g.cod.change)


@law(REVERSE, "RD.6", "D[R[f]]((a, b), (0, c)) = R[f](a, c)", RDC + " RD.6", 6, over="f: A -> B", depth=3,
     needs="smooth")  # fmt: skip
def linear_changes(R: Derivative, f: Map) -> Equation:
    r, change = R(f), f.cod.change
    d = R.forward(r)
    return equal(
        lambda a, b, c: d(a, b, zeros(f.dom.change), c),
        lambda a, b, c: (end(b), r(a, c))[1],
        f.dom, change, change.change,
    )  # fmt: skip


@law(REVERSE, "RD.7", "D[D[f]]((a, b), (c, d)) = D[D[f]]((a, c), (b, d))", RDC + " RD.7", 7, over="f: A -> B",
     depth=4, needs="smooth")  # fmt: skip
def mixed(R: Derivative, f: Map) -> Equation:
    v = f.dom.change
    dd = R.forward(R.forward(f))
    return equal(lambda a, b, c, d: dd(a, b, c, d), lambda a, b, c, d: dd(a, c, b, d), f.dom, v, v, v)


# -- against the outside ---------------------------------------------------------------------


def stateless(f: Map) -> Map:
    """f; LensError if it has states, which the boxes of JAX's derivatives do not carry."""
    if f.term.circuit.states:
        raise LensError("JAX's derivative of a map with states is not one of its inputs alone")
    return f


def by_jax(f: Map) -> Map:
    """R[f] as `jax.vjp` of the meaning of f; over a finite ring, of the polynomial that f means."""
    if any(a.change is not None and not a.real for a in (*f.dom, *f.cod)):
        return Map(Typed(FormalReverse(f.term), f.dom @ f.cod.change))
    stateless(f)
    return Map(Typed(Reverse(f.term), f.dom @ f.cod.change))


def along_by_jax(f: Map) -> Map:
    """D[f] as `jax.jvp` of the meaning of f."""
    stateless(f)
    return Map(Typed(Tangent(f.term), f.dom @ f.dom.change))


@law(REVERSE, "vjp", "R[f] is jax.vjp of f", "Cockett et al. 2019, smooth maps; the outside oracle", 8,
     over="f: A -> B")  # fmt: skip
def vjp(R: Derivative, f: Map) -> Equation:
    return Equation(R(f), by_jax(f))


@law(REVERSE, "jvp", "D[f] is jax.jvp of f",
     "Cockett et al. 2019, the differential of a reverse derivative; the outside oracle", 8,
     over="f: A -> B", depth=2, needs="smooth analysis")  # fmt: skip
def jvp(R: Derivative, f: Map) -> Equation:
    return Equation(R.forward(f), along_by_jax(f))


@law(REVERSE, "adjoint", "<D[f](a, v), w> = <v, R[f](a, w)>",
     "Cockett et al. 2019, the reverse derivative as an adjoint", 8,
     over="f: A -> B", needs="changes analysis")  # fmt: skip
def adjoint(R: Derivative, f: Map) -> Equation | list[Equation]:
    if not (len(f.dom.change) and len(f.cod.change)):
        return []
    d, r = along_by_jax(f), R(f)
    return equal(lambda a, v, w: dot(d(a, v), w), lambda a, v, w: dot(v, r(a, w)), f.dom, f.dom.change, f.cod.change)


@law(REVERSE, "differences", "<(f(a + h v) - f(a - h v)) / 2h, w> = <v, R[f](a, w)> in the limit",
     "the outside oracle, central differences of order 6", 8, over="f: A -> B", needs="changes analysis")  # fmt: skip
def differences(R: Derivative, f: Map) -> Differences:
    return Differences(f, R(f))


@law(REVERSE, "kinks", "<v, R[f](a, e)> lies between the one-sided derivatives along v of one number <f, e> of a box f",
     "Clarke 1975, generalized gradients", 8, over="f: A -> B", needs="box changes analysis")  # fmt: skip
def kinks(R: Derivative, f: Map) -> Kinks:
    return Kinks(f, R(f))
