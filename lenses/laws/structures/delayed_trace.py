"""The delayed trace: b: S * X -> S * Y and an initial state i give tr_i(b): X -> Y, which feeds S back one step later.

The laws of a trace hold, but for two: the trace of the swap is the unit delay, where yanking wants the
identity; and a map may slide around the loop only together with the delay, which moves its own state and
the initial one a step on. The bodies are made of the subject f: f followed by a mixture of its outputs with
what is fed back, and f itself where its first wire can be fed back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...boxes.structure import discard
from ...causal import Causal, as_causal, delay, trace
from ...spaces import Space
from ...terms import Identity, compose, permute, swap, tensor
from ...typed import Typed
from ..law import law, structure
from ..sequences import Body, Same, bodies, identity, memory, mixed, start
from .causal import claims

DELAYED = structure("delayed trace", "tr_i(b): X -> Y, of b: S * X -> S * Y", subject=lambda: Causal)
SOURCE = "Sprunger and Katsumata 2019, delayed trace operators"
NOTHING = "nothing comes out of it, so nothing can be fed back"


def of_bodies(f: Causal, build: Callable[[Causal, Body], Any]) -> Any:
    """The claims about each body made of a subject."""

    def every(f: Causal) -> Any:
        made = bodies(f)
        return [build(f, body) for body in made] if made else NOTHING

    return claims(f, every)


def rest(body: Body) -> tuple[Space, Space]:
    """X and Y of a body."""
    n = len(body.fed)
    return Space(body.map.domain("laws").arrays[n:]), Space(body.map.cod.arrays[n:])


@law(DELAYED, "tightening", "tr((id * g); b; (id * h)) = g; tr(b); h, with running sums g and h", SOURCE, 34,
     needs="causal map")  # fmt: skip
def tightening(f: Causal) -> Any:
    def build(f: Causal, body: Body) -> Same:
        x, y = rest(body)
        i, same = start(body.fed), identity(body.fed)
        g, h = memory(x), memory(y, 1)
        return Same(trace((same @ g) >> body.map >> (same @ h), i), g >> trace(body.map, i) >> h)

    return of_bodies(f, build)


@law(DELAYED, "vanishing", "tr over nothing of f = f; tr over S * T = tr over T of tr over S", SOURCE, 34,
     needs="causal map")  # fmt: skip
def vanishing(f: Causal) -> Any:
    def build(f: Causal, body: Body) -> Same:
        n, (x, _) = len(body.fed), rest(body)
        s = body.fed
        # S * T * X -> S * T * Y with T = S: what is fed back on one goes on on the other.
        onto = tensor(mixed(s), Identity(len(rest(body)[1])))
        inner = identity(s) @ body.map >> onto >> tensor(swap(n, n), Identity(len(rest(body)[1])))
        both = as_causal(Typed(Identity(2 * n + len(x)), s @ s @ x)) >> inner
        one, two = start(s, 1), start(s)
        return Same(trace(both, one @ two), trace(trace(both, one), two))

    made = of_bodies(f, build)
    nothing = claims(f, lambda f: [Same(trace(f, Identity(0)), f)])
    return made if isinstance(made, str) else [*made, *nothing]


@law(DELAYED, "superposing", "tr(b * g) = tr(b) * g, with a running sum g", SOURCE, 34, needs="causal map")
def superposing(f: Causal) -> Any:
    def build(f: Causal, body: Body) -> Same:
        g, i = memory(f.cod), start(body.fed, 1)
        return Same(trace(body.map @ g, i), trace(body.map, i) @ g)

    return of_bodies(f, build)


@law(DELAYED, "delayed sliding", "tr_i((h * id); b) = tr_j(b; (h' * id)), where h takes i to j and becomes h'",
     SOURCE, 34, needs="causal map")  # fmt: skip
def delayed_sliding(f: Causal) -> Any:
    def build(f: Causal, body: Body) -> Same:
        n, i = len(body.fed), start(body.fed, 1)
        h = memory(body.fed, 1)
        x, y = rest(body)
        # The first step of h, taken on i, gives the state that it has next and what it hands on.
        taken = compose(h.initial @ i, h.step)
        width = h.width_at(0)
        state = compose(taken, tensor(Identity(width), *[discard] * n))
        out = compose(taken, tensor(*[discard] * width, Identity(n)))
        later = Causal(state, h.step, dom=body.fed)
        left = trace((h @ identity(x)) >> body.map, i)
        return Same(left, trace(body.map >> (later @ identity(y)), out))

    return of_bodies(f, build)


@law(DELAYED, "undelayed sliding", "tr_i(b; (h * id)) = tr_i((h * id); b), h a delay that starts elsewhere",
     SOURCE + ": dinaturality is missing", 34, holds=False, needs="causal map")  # fmt: skip
def undelayed_sliding(f: Causal) -> Any:
    def build(f: Causal) -> Any:
        if not len(f.cod):
            return NOTHING
        body = bodies(f)[0]
        if all(a.element.values is not None and len(a.element.values) == 1 for a in body.fed):
            return "what is fed back has one value alone"
        i, h = start(body.fed), delay(start(body.fed, 1)).at(body.fed)
        x, y = rest(body)
        return Same(trace((h @ identity(x)) >> body.map, i), trace(body.map >> (h @ identity(y)), i))

    return claims(f, build)


@law(DELAYED, "trace of swap", "tr_i(swap) is the unit delay that starts at i", SOURCE, 34, needs="causal map")
def trace_of_swap(f: Causal) -> Any:
    def build(f: Causal) -> Any:
        y, n = f.cod, len(f.cod)
        i = start(y, 1)
        shifted = f >> delay(i)
        return Same(f >> trace(Typed(swap(n, n), y @ y), i), shifted) if n else NOTHING

    return claims(f, build)


@law(DELAYED, "yanking", "tr_i(swap) = id", SOURCE + ": yanking is missing", 34, holds=False, needs="causal map")
def yanking(f: Causal) -> Any:
    def build(f: Causal) -> Any:
        y, n = f.domain("laws"), f.arity[0]
        if all(a.element.values is not None and len(a.element.values) == 1 for a in y):
            return "there is one input alone"
        return Same(trace(Typed(permute(*range(n, 2 * n), *range(n)), y @ y), start(y)), identity(y))

    return claims(f, build)
