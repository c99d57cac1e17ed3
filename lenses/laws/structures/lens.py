"""Lenses: f: A -> B with f*: A * B' -> A'. The put of f; g is (a, c) -> f*(a, g*(f(a), c)).

Lenses form a symmetric monoidal category, and R makes one of each map. Copy and discard are natural
for lenses whose put is additive. A *lawful* lens, as for data, also meets GetPut, PutGet and PutPut;
the lenses of derivatives do not, which a checker must see.
"""

from __future__ import annotations

from ...spaces import Space
from ..law import law, structure
from ..maps import Derivative, Equation, Map, both, end, equal, identity_on
from .copying import copying, ending
from .monoidal import MONOIDAL, crossing

LENS = structure("lens", "f: A -> B with f*: A * B' -> A', composed as get and put", MONOIDAL)
ADDITIVE_LENS = structure("lens with additive put", "copy and discard are natural for such lenses", LENS)
LAWFUL = structure("lawful lens", "what is put is got, and putting what was got changes nothing")
SOURCE = "Cruttwell et al. 2021, section 2.2"
LAWS = "Foster et al. 2007; Cruttwell et al. 2021, section 2.2"


@law(LENS, "get", "the forward half of the lens of f is f", SOURCE, 9, over="f: A -> B", needs="pass")
def get(R: Derivative, f: Map) -> Equation:
    return Equation(R.get(f), f)


@law(LENS, "identity lens", "id*(a, c) = c", SOURCE, 9, over="A")
def identity_lens(R: Derivative, a: Space) -> Equation:
    return equal(lambda x, c: R(identity_on(a))(x, c), lambda x, c: both(end(x), c), a, a.change)


@law(LENS, "put of a composite", "(f; g)*(a, c) = f*(a, g*(f(a), c))", SOURCE, 9, over="f: A -> B, g: B -> C")
def put_of_composite(R: Derivative, f: Map, g: Map) -> Equation:
    return equal(lambda a, c: R(f >> g)(a, c), lambda a, c: R(f)(a, R(g)(f(a), c)), f.dom, g.cod.change)


@law(LENS, "put of a tensor", "(f * g)*((a, b), (c, d)) = (f*(a, c), g*(b, d))", SOURCE, 9,
     over="f: A -> B, g: C -> D")  # fmt: skip
def put_of_tensor(R: Derivative, f: Map, g: Map) -> Equation:
    return equal(
        lambda a, b, c, d: R(f @ g)(a, b, c, d),
        lambda a, b, c, d: both(R(f)(a, c), R(g)(b, d)),
        f.dom, g.dom, f.cod.change, g.cod.change,
    )  # fmt: skip


@law(LENS, "put of a swap", "swap*((a, b), (d, c)) = (c, d)", SOURCE, 9, over="A, B")
def put_of_swap(R: Derivative, a: Space, b: Space) -> Equation:
    return equal(
        lambda x, y, d, c: R(crossing(a, b))(x, y, d, c),
        lambda x, y, d, c: both(end(x, y), c, d),
        a, b, b.change, a.change,
    )  # fmt: skip


@law(ADDITIVE_LENS, "naturality of copy", "f; copy = copy; (f * f) as lenses", SOURCE, 10, over="f: A -> B")
def naturality_of_copy(R: Derivative, f: Map) -> Equation:
    return Equation(R(f >> copying(f.cod)), R(copying(f.dom) >> (f @ f)))


@law(ADDITIVE_LENS, "naturality of discard", "f; discard = discard as lenses", SOURCE, 10, over="f: A -> B")
def naturality_of_discard(R: Derivative, f: Map) -> Equation:
    return Equation(R(f >> ending(f.cod)), R(ending(f.dom)))


# -- lawful lenses ---------------------------------------------------------------------------


@law(LAWFUL, "GetPut", "f*(a, f(a)) = a", LAWS, 11, over="f: A -> B", holds=False, needs="real")
def get_put(R: Derivative, f: Map) -> Equation:
    return equal(lambda a: R(f)(a, f(a)), lambda a: a, f.dom)


@law(LAWFUL, "PutGet", "f(f*(a, b)) = b", LAWS, 11, over="f: A -> B", holds=False, needs="real")
def put_get(R: Derivative, f: Map) -> Equation:
    return equal(lambda a, b: f(R(f)(a, b)), lambda a, b: both(end(a), b), f.dom, f.cod)


@law(LAWFUL, "PutPut", "f*(f*(a, b), c) = f*(a, c)", LAWS, 11, over="f: A -> B", holds=False, needs="real")
def put_put(R: Derivative, f: Map) -> Equation:
    return equal(lambda a, b, c: R(f)(R(f)(a, b), c), lambda a, b, c: (end(b), R(f)(a, c))[1], f.dom, f.cod, f.cod)
