"""Learners A -> B: (P, I, U, r). They compose by requests, and are one where a bijection of parameters commutes.

In the composite of (P, I, U, r) and (Q, J, V, s) the first learner's label is the request s(q, b, c) of the
second, made with the old q. Identity, tensor and swap make Learn a symmetric monoidal category. A map of
parameters that commutes does not make two learners one: it may forget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...boxes.pointwise import tanh
from ...boxes.structure import add
from ...combinators import para
from ...errors import SpaceError
from ...learn.equality import bijection, equal, rename
from ...learn.functor import L
from ...learn.learn import Learn, beside, draw, identity, one, parts_of, swap, tensor, wires
from ...learn.table import MOST, entries, table
from ...learn.wiring import check_ring
from ...spaces import Bits, Space, unit
from ...terms import Port, Term, compose
from ...terms import tensor as beside_terms
from ..compare import Verdict
from ..law import law, structure
from ..programs import Agree, Inspect

LEARN = structure("learner in Learn", "(P, I, U, r): P * A -> B, with updates and requests", subject=lambda: Learn)
SOURCE = "Fong, Spivak and Tuyeras 2019, definition II.1"
CATEGORY = "Fong, Spivak and Tuyeras 2019, section II"
Generator = np.random.Generator
Map = Callable[[Any], Any]


def itself(p: Any) -> Any:
    """The identity of parameters."""
    return p


@dataclass(frozen=True)
class Same:
    """The claim that two learners implement, update and request alike, along a map of the parameters of the left one.

    Finite learners are gone through; others are compared at points, as `Agree` does.
    """

    left: Learn
    right: Learn
    there: Map = itself
    draw: Callable[[Generator], tuple[Any, Any, Any]] | None = None

    def verdict(self, seed: int = 0) -> Verdict:
        """Compares the two."""
        f, g = self.left, self.right
        for what in ("dom", "cod"):
            if getattr(f, what) != getattr(g, what):
                return Verdict("fails", f"their {what} is {getattr(f, what)!r} and {getattr(g, what)!r}", 1)
        moved = jax.eval_shape(self.there, draw(f.params, np.random.default_rng(0)))
        if [jnp.shape(x) for x in jax.tree.leaves(moved)] != [a.sizes for a in g.params]:
            return Verdict("fails", f"their parameters are {f.params!r} and {g.params!r}", 1)
        if entries(f) <= MOST >> 6 and self.there is itself:
            return self._exactly()
        return Agree(
            lambda p, a, b: self._read(f, p, a, b, self.there),
            lambda p, a, b: self._read(g, self.there(p), a, b, itself),
            self.draw or (lambda rng: (draw(f.params, rng), draw(f.dom, rng), draw(f.cod, rng))),
        ).verdict(seed)

    def _exactly(self) -> Verdict:
        left, right = table(self.left), table(self.right)
        for what in ("implement", "update", "request"):
            wrong = np.argwhere(getattr(left, what) != getattr(right, what))
            if len(wrong):
                return Verdict("fails", f"they {what} otherwise at the points of number {wrong[0].tolist()}", 1)
        return Verdict("proved", "at every parameter, input and label", left.update.size)

    @staticmethod
    def _read(f: Learn, p: Any, a: Any, b: Any, name: Map) -> Any:
        new, wanted = f.put(p, a, b)
        spaces = f.cod, f.dom
        shown = [wires(s, v) for s, v in zip(spaces, (f.implement(p, a), wanted), strict=True)]
        values = jax.tree.leaves((shown, name(new)))
        # What is no number on one side alone is a difference.
        return values, [jnp.isnan(x).astype("int32") for x in values if jnp.issubdtype(x.dtype, jnp.floating)]


def partner(space: Space) -> Learn | str:
    """A learner from a space to itself that changes what it is given and learns, or why there is none."""
    try:
        check_ring(space, "a partner")
    except SpaceError:
        return f"there is no learner to compose with on {space!r}"
    real = all(a.real for a in space)
    made: list[Term] = []
    for i, array in enumerate(space):
        shift: Term = para(add, [Port(f"shift{i}", "param", array, "zeros")])
        made.append(compose(shift, tanh) if array.real else shift)
    return L(0.1 if real else 1)(beside_terms(*made), space)


# -- the composite ---------------------------------------------------------------------------


def by_formula(f: Learn, g: Learn, old: bool = True) -> Learn:
    """The composite as it is written in the paper; with `old` False the request is made with the new q."""
    spaces = f.params, g.params

    def get(pq: Any, a: Any) -> Any:
        p, q = parts_of(spaces, pq)
        return g.implement(q, f.implement(p, a))

    def update(pq: Any, a: Any, c: Any) -> Any:
        p, q = parts_of(spaces, pq)
        b = f.implement(p, a)
        new = g.update(q, b, c)
        return beside(spaces, [f.update(p, a, g.request(q if old else new, b, c)), new])

    def request(pq: Any, a: Any, c: Any) -> Any:
        p, q = parts_of(spaces, pq)
        b = f.implement(p, a)
        return f.request(p, a, g.request(q if old else g.update(q, b, c), b, c))

    return Learn(f.params @ g.params, f.dom, g.cod, get, update, request)


@law(LEARN, "put", "put is (U, r)", SOURCE, 19)
def put_is_both(f: Learn) -> Same:
    apart = Learn(f.params, f.dom, f.cod, f.implement, f.update, f.request)
    return Same(f, apart)


@law(LEARN, "composite", "f; g is (J(q, b), (U(p, a, b^), V(q, b, c)), r(p, a, b^)) with b = I(p, a), b^ = s(q, b, c)",
     SOURCE, 19)  # fmt: skip
def composite(f: Learn) -> list[Same] | str:
    g, h = partner(f.cod), partner(f.dom)
    claims = [Same(f >> g, by_formula(f, g))] if isinstance(g, Learn) else []
    claims += [Same(h >> f, by_formula(h, f))] if isinstance(h, Learn) else []
    return claims or str(g)


@law(LEARN, "request with the new q", "f; g may as well request s(V(q, b, c), b, c)", SOURCE + "; it is the old q",
     19, holds=False)  # fmt: skip
def new_request(f: Learn) -> Same | str:
    g = partner(f.cod)
    if not isinstance(g, Learn):
        return g
    if not len(g.params):
        return f"{g!r} has no parameters"
    return Same(f >> g, by_formula(f, g, old=False))


# -- the category ----------------------------------------------------------------------------


@law(LEARN, "units", "id; f = f = f; id", CATEGORY, 19)
def units(f: Learn) -> list[Same]:
    return [Same(identity(f.dom) >> f, f), Same(f >> identity(f.cod), f)]


@law(LEARN, "associativity", "(f; g); h = f; (g; h)", CATEGORY, 19)
def associativity(f: Learn) -> Same | str:
    before, after = partner(f.dom), partner(f.cod)
    if isinstance(before, str) or isinstance(after, str):
        return before if isinstance(before, str) else str(after)
    return Same((before >> f) >> after, before >> (f >> after))


def shuffle(*spaces: Space, order: tuple[int, ...]) -> Map:
    """The map of values of the tensor of spaces that puts them into another order."""
    return lambda p: beside([spaces[i] for i in order], [parts_of(spaces, p)[i] for i in order])


@law(LEARN, "interchange", "(f * g); (h * k) = (f; h) * (g; k), parameters reordered", CATEGORY, 19)
def interchange(f: Learn) -> Same | str:
    g, h = partner(f.dom), partner(f.cod)
    if isinstance(g, str) or isinstance(h, str):
        return g if isinstance(g, str) else str(h)
    order = shuffle(f.params, g.params, h.params, g.params, order=(0, 2, 1, 3))
    return Same((f @ g) >> (h @ g), (f >> h) @ (g >> g), order)


@law(LEARN, "unit of the tensor", "f * id = f = id * f on the empty space", CATEGORY, 19)
def tensor_unit(f: Learn) -> list[Same]:
    return [Same(f @ identity(unit), f), Same(identity(unit) @ f, f), Same(f @ tensor(), f)]


@law(LEARN, "naturality of swap", "(f * g); swap = swap; (g * f), parameters swapped", CATEGORY, 19)
def naturality(f: Learn) -> Same | str:
    g = partner(f.dom)
    if isinstance(g, str):
        return g
    crossed = swap(f.dom, g.dom) >> (g @ f)
    return Same((f @ g) >> swap(f.cod, g.cod), crossed, shuffle(f.params, g.params, order=(1, 0)))


@law(LEARN, "swap twice", "swap; swap = id", CATEGORY, 19)
def swap_twice(f: Learn) -> Same:
    return Same(swap(f.dom, f.cod) >> swap(f.cod, f.dom), identity(f.dom @ f.cod))


# -- equality --------------------------------------------------------------------------------


def _renamed(f: Learn, rng: Generator) -> tuple[Learn, tuple[Map, Map]]:
    """The learner with its parameters named otherwise, and the maps there and back."""
    signs = [np.where(rng.random(a.sizes) < 0.5, -2.0, 0.5).astype(a.dtype) if a.real else None for a in f.params]

    def scaled(p: Any, back: bool) -> Any:
        rows = zip(wires(f.params, p), signs, strict=True)
        return one([x if s is None else x / s if back else x * s for x, s in rows])

    maps = (lambda p: scaled(p, False)), (lambda q: scaled(q, True))
    return rename(f, f.params, *maps), maps


@law(LEARN, "equal along a bijection", "f is equal to f with its parameters renamed: a bijection is found, or checked",
     SOURCE, 20)  # fmt: skip
def equal_renamed(f: Learn) -> Inspect:
    def finds(rng: Generator) -> str | None:
        if entries(f) <= MOST >> 6:
            here = table(f)
            there = rng.permutation(len(here))
            back = np.argsort(there)
            moved = type(here)(f.dom, f.cod, here.implement[back], there[here.update[back]], here.request[back])
            found = bijection(here, moved)
            return None if found else f"with parameters renamed by {there.tolist()[:12]}: {found!r}"
        other, maps = _renamed(f, rng)
        found = equal(f, other, by=maps)
        return None if found else f"with parameters renamed: {found!r}"

    return Inspect(finds)


@law(LEARN, "a map is enough", "a map of parameters that commutes with I, U and r makes learners equal",
     SOURCE + "; it must be a bijection", 20, holds=False)  # fmt: skip
def map_is_enough(f: Learn) -> Inspect:
    """f with a bit that nothing reads: forgetting the bit commutes, and yet the two are not equal."""
    spaces = f.params, Bits()

    def put(px: Any, a: Any, b: Any) -> tuple[Any, Any]:
        p, x = parts_of(spaces, px)
        new, wanted = f.put(p, a, b)
        return beside(spaces, [new, x]), wanted

    def forget(px: Any) -> Any:
        return parts_of(spaces, px)[0]

    twice = Learn.lens(f.params @ Bits(), f.dom, f.cod, lambda px, a: f.implement(forget(px), a), put)

    def finds(rng: Generator) -> str | None:
        along = Same(twice, f, forget).verdict(int(rng.integers(1 << 30)))
        if along.failed:
            return None  # then it says nothing of maps that commute
        found = equal(twice, f, by=(forget, lambda p: beside(spaces, [p, np.int32(0)])))
        return None if found else f"forgetting a bit commutes, but {found!r}"

    return Inspect(finds)
