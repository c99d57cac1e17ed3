"""The derivative of causal maps: T[f]: X * X' -> Y * Y' is causal, with state (s, ds) started at (i, 0).

D[f] is its part on Y'. Unrolling keeps both, so the laws of derivatives hold of sequences, and nothing need
be unrolled to differentiate. The transpose runs backwards in time; see `through_time`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...boxes.structure import Add, Copy, discard, zero
from ...causal import Causal, as_causal, delay, derivative, tangent, trace
from ...reverse import tangent as tangent_of_term
from ...spaces import Space
from ...terms import Identity, Term, compose, permute, swap, tensor
from ...typed import Typed
from ..law import law, structure
from ..maps import Equation, Map
from ..sequences import Body, Same, bodies, identity, memory, start, steps_for, unrolled
from .causal import claims, sorted_wires

DIFFERENTIAL = structure("derivative of a causal map", "T[f]: X * X' -> Y * Y'", subject=lambda: Causal)
SOURCE = "Sprunger and Katsumata 2019, the differential operator of St(C)"


def changing(f: Causal, build: Callable[[Causal], Any]) -> Any:
    """The claims about a subject in which something can change."""

    def made(f: Causal) -> Any:
        if not len(f.domain("laws").change) or not len(f.cod.change):
            return "nothing can change in it"
        return build(f)

    return claims(f, made)


@law(DIFFERENTIAL, "start", "the state of T[f] starts at (i, 0)", SOURCE, 35, needs="causal map")
def starts(f: Causal) -> Any:
    def build(f: Causal) -> Equation:
        state = f.spaces[0][0]
        return Equation(
            Map(Typed(tangent(f).initial, Space())), Map(Typed(tensor(f.initial, zero(state.change)), Space()))
        )

    return changing(f, build)


@law(DIFFERENTIAL, "unroll", "unroll(T[f]) = T[unroll(f)] and unroll(D[f]) = D[unroll(f)]", SOURCE, 35,
     needs="causal map")  # fmt: skip
def unrolls(f: Causal) -> Any:
    def build(f: Causal) -> list[Equation]:
        n, dom, out = steps_for(f), f.domain("laws"), f.cod
        moved = unrolled(tangent(f), n)
        once = tangent_of_term(unrolled(f, n).term)
        into = sorted_wires(n, [len(dom), len(dom.change)])
        widths = [len(f.spaces[min(t, len(f.first))][1].change) for t in range(n)]
        if len(set(widths)) > 1:
            return []
        onto = sorted_wires(n, [len(out), len(out.change)])
        whole = Equation(
            Map(Typed(compose(moved.term.term, onto), moved.dom)), Map(Typed(compose(into, once.term), moved.dom))
        )
        drop = tensor(*[discard] * (n * len(out)), Identity(n * len(out.change)))
        part = Equation(unrolled(derivative(f), n), Map(Typed(compose(into, once.term, drop), moved.dom)))
        return [whole, part]

    return changing(f, build)


@law(DIFFERENTIAL, "chain rule", "T[f; g] = T[f]; T[g], g a running sum", SOURCE, 35, needs="causal map")
def chain(f: Causal) -> Any:
    def build(f: Causal) -> Same:
        g = memory(f.cod, 1)
        return Same(tangent(f >> g), tangent(f) >> tangent(g))

    return changing(f, build)


@law(DIFFERENTIAL, "identity", "T[id] = id", SOURCE, 35, needs="causal map")
def of_identity(f: Causal) -> Any:
    def build(f: Causal) -> Same:
        dom = f.domain("laws")
        return Same(tangent(identity(dom)), identity(dom @ dom.change))

    return changing(f, build)


def beside(a: Space, b: Space) -> Term:
    """A * B * A' * B' to A * A' * B * B'."""
    widths = [len(a), len(b), len(a.change), len(b.change)]
    at = [sum(widths[:g]) for g in range(4)]
    return permute(*[at[g] + i for g in (0, 2, 1, 3) for i in range(widths[g])])


def together(a: Space, b: Space) -> Term:
    """A * A' * B * B' to A * B * A' * B'."""
    widths = [len(a), len(a.change), len(b), len(b.change)]
    at = [sum(widths[:g]) for g in range(4)]
    return permute(*[at[g] + i for g in (0, 2, 1, 3) for i in range(widths[g])])


@law(DIFFERENTIAL, "tensor", "T[f * g] = T[f] * T[g], up to the order of wires", SOURCE, 35, needs="causal map")
def of_tensor(f: Causal) -> Any:
    def build(f: Causal) -> Same:
        dom, g = f.domain("laws"), memory(f.cod, 1)
        every = dom @ f.cod
        apart = as_causal(Typed(beside(dom, f.cod), every @ every.change)) >> (tangent(f) @ tangent(g))
        return Same(tangent(f @ g), apart >> together(f.cod, g.cod))

    return changing(f, build)


@law(DIFFERENTIAL, "delay", "T of the delay that starts at i is the delay that starts at (i, 0)", SOURCE, 35,
     needs="causal map")  # fmt: skip
def of_delay(f: Causal) -> Any:
    def build(f: Causal) -> Same:
        y = f.cod
        i = start(y, 1)
        return Same(tangent(delay(i).at(y)), delay(tensor(i, zero(y.change))).at(y @ y.change))

    return changing(f, build)


@law(DIFFERENTIAL, "trace", "T[tr_i(b)] = tr_(i, 0)(T[b]), up to the order of wires", SOURCE, 35, needs="causal map")
def of_trace(f: Causal) -> Any:
    def build(f: Causal) -> list[Same]:
        return [one(body) for body in bodies(f)]

    def one(body: Body) -> Same:
        s, n = body.fed, len(body.fed)
        x, y = Space(body.map.domain("laws").arrays[n:]), Space(body.map.cod.arrays[n:])
        i = start(s, 1)
        dom = s @ s.change @ x @ x.change
        inner = as_causal(Typed(together(s, x), dom)) >> tangent(body.map) >> beside(s, y)
        return Same(tangent(trace(body.map, i)), trace(inner, tensor(i, zero(s.change))))

    return changing(f, build)


@law(DIFFERENTIAL, "additivity", "D[f](x, v + w) = D[f](x, v) + D[f](x, w) and D[f](x, 0) = 0", SOURCE, 35,
     needs="causal map")  # fmt: skip
def additivity(f: Causal) -> Any:
    def build(f: Causal) -> list[Same]:
        dom, change, d = f.domain("laws"), f.domain("laws").change, derivative(f)
        n, k, m = len(dom), len(change), d.arity[1]
        pairs = permute(*range(n), *[n + j for i in range(k) for j in (i, k + i)])
        summed = Typed(compose(pairs, tensor(Identity(n), *[Add(2)] * k)), dom @ change @ change)
        both = Typed(
            compose(tensor(*[Copy()] * n, Identity(2 * k)), permute(*[2 * i for i in range(n)],
                    *range(2 * n, 2 * n + k), *[2 * i + 1 for i in range(n)], *range(2 * n + k, 2 * n + 2 * k))),
            dom @ change @ change,
        )  # fmt: skip
        meet = compose(permute(*[j for i in range(m) for j in (i, m + i)]), tensor(*[Add(2)] * m))
        still = as_causal(Typed(tensor(Identity(n), zero(change)), dom)) >> d
        nothing = as_causal(Typed(tensor(*[discard] * n, zero(f.cod.change)), dom))
        return [Same(as_causal(summed) >> d, as_causal(both) >> (d @ d) >> meet), Same(still, nothing)]

    return changing(f, build)


@law(DIFFERENTIAL, "symmetry", "D[D[f]]((a, b), (c, d)) = D[D[f]]((a, c), (b, d))", SOURCE, 35, needs="causal map")
def symmetry(f: Causal) -> Any:
    def build(f: Causal) -> Any:
        dom = f.domain("laws")
        if dom.change != dom:
            return "some inputs cannot change"
        twice = derivative(derivative(f))
        n = len(dom)
        crossed = Typed(tensor(Identity(n), swap(n, n), Identity(n)), dom @ dom @ dom @ dom)
        return Same(as_causal(crossed) >> twice, twice)

    return changing(f, build)
