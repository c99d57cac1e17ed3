"""The differentiator: D f = a -> (f(a), f'(a)), a functor for whichever representation of linear maps.

The derivative of a composite is the composite of derivatives, each at its own point; that of maps side by side
their derivatives side by side; a linear map is its own derivative everywhere. The representation does not
change the Jacobian, only what it costs, since it fixes how products associate.

The subject is a representation of linear maps (`lenses.differentiation.LinearMaps`); f, g, ... are random terms.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...boxes.linear import linear, scale
from ...boxes.pointwise import multiply
from ...boxes.rearrange import concatenate, rearrange
from ...boxes.reductions import reduce_sum, spread
from ...boxes.structure import add, copy
from ...cost import operations
from ...differentiation import Factors, LinearMaps, Matrices, differentiate, matrices
from ...differentiation.blocks import matrix
from ...differentiation.local import structured
from ...spaces import Space
from ...terms import swap
from ...typed import Typed
from ..generate import random_term
from ..instances import plain
from ..law import Expected, law, structure
from ..maps import Map, both, drawn
from ..points import array_values
from ..programs import Agree, Inspect
from ..signature import Signature, standard
from .biproducts import real

DIFFERENTIATOR = structure(
    "differentiator", "D f = a -> (f(a), f'(a)), over any representation of linear maps", subject=lambda: LinearMaps
)
RULES = "Elliott 2018, theorem"
SAME = "Elliott 2018, generalising automatic differentiation"
COST = "Elliott 2018, efficiency of composition"

TERMS = 2
"""How many random terms a law is tried at."""
STEPS = 5
"""The boxes of a random term, at most."""
START = (real(3), real(2, 2), real(2) @ real())
"""Domains of random terms, in turn."""


@cache
def signature() -> Signature:
    """The boxes that random terms are made of."""
    return standard("float64", indices=False)


@cache
def linear_boxes() -> Signature:
    """Linear boxes alone."""
    boxes = [(copy, 3), (add, 3), swap, scale(-1.5), scale(0.5), reduce_sum(), spread(2), concatenate(),
             rearrange("a b -> b a"), linear(2)]  # fmt: skip
    return Signature(boxes, [real(2), real(3), real(), real(2, 2)], name="linear")


def some(name: str, dom: Space, of: Signature | None = None, steps: int = STEPS) -> Map:
    """A random term as a plain map, its parameters among the inputs."""
    rng = random.Random(name)
    return plain(random_term(rng, of or signature(), dom.arrays, None, steps))


def points(space: Space) -> Callable[[np.random.Generator], tuple[Any, ...]]:
    """Points of a space."""
    return lambda rng: tuple(array_values(a, "normal", rng) for a in space)


def at(k: LinearMaps, f: Map, xs: Sequence[Any]) -> tuple[list[Any], Any]:
    """(f(a), f'(a)), the outputs as a list."""
    y, df = differentiate(f.term, by=k)(*xs)
    return (list(y) if isinstance(y, tuple) else [y]), df


def claims(
    name: str, count: int, make: Callable[[str, Space], tuple[Map, Callable[..., Any], Callable[..., Any]]]
) -> list[Agree]:
    """Claims at a few random terms: `make` gives, of a name and a domain, the whole map and both sides."""
    found = []
    for i in range(count):
        whole, left, right = make(f"{name} {i}", START[i % len(START)])
        found.append(Agree(left, right, points(whole.dom)))
    return found


# -- the rules ---------------------------------------------------------------------------------


@law(DIFFERENTIATOR, "composition", "D(f; g)(a) = (g(f(a)), f'(a); g'(f(a)))", f"{RULES} 1", 27,
     needs="representation")  # fmt: skip
def composition(k: LinearMaps) -> list[Agree]:
    def make(name: str, space: Space) -> Any:
        f, g, whole = _chain(name, space)

        def left(*xs: Any) -> Any:
            y, d = at(k, whole, xs)
            return y, k.matrix(d)

        def right(*xs: Any) -> Any:
            y, first = at(k, f, xs)
            z, second = at(k, g, y)
            return z, k.matrix(k.compose(first, second))

        return whole, left, right

    return claims("composition", TERMS, make)


def _chain(name: str, space: Space) -> tuple[Map, Map, Map]:
    """f, g and f; g, with the parameters of g as further inputs that f passes by."""
    first = some(f"{name} f", space)
    if not len(first.cod):
        first = drawn(lambda a: both(a, first(a)), first.dom)
    g = some(f"{name} g", first.cod)
    extra = Space(g.dom.arrays[: len(g.dom) - len(first.cod)])
    f = drawn(lambda p, a: both(p, first(a)), extra, first.dom)
    return f, g, f >> g


@law(DIFFERENTIATOR, "parallel", "D(f * g)(a, b) = ((f(a), g(b)), f'(a) * g'(b))", f"{RULES} 2", 27,
     needs="representation")  # fmt: skip
def parallel(k: LinearMaps) -> list[Agree]:
    def make(name: str, space: Space) -> Any:
        f, g = some(f"{name} f", space), some(f"{name} g", real(2))
        whole = f @ g

        def left(*xs: Any) -> Any:
            y, d = at(k, whole, xs)
            return y, k.matrix(d)

        def right(*xs: Any) -> Any:
            y, one = at(k, f, xs[: len(f.dom)])
            z, two = at(k, g, xs[len(f.dom) :])
            return [*y, *z], k.matrix(k.cross(one, two))

        return whole, left, right

    return claims("parallel", TERMS, make)


@law(DIFFERENTIATOR, "fork", "D<f, g>(a) = ((f(a), g(a)), fork(f'(a), g'(a)))", "Elliott 2018, corollary 2.1", 27,
     needs="representation")  # fmt: skip
def fork(k: LinearMaps) -> list[Agree]:
    def make(name: str, space: Space) -> Any:
        f, g = (_without_parameters(f"{name} {each}", space) for each in "fg")
        whole = drawn(lambda a: both(f(a), g(a)), space)

        def left(*xs: Any) -> Any:
            y, d = at(k, whole, xs)
            return y, k.matrix(d)

        def right(*xs: Any) -> Any:
            (y, one), (z, two) = at(k, f, xs), at(k, g, xs)
            return [*y, *z], k.matrix(k.fork(one, two))

        return whole, left, right

    return claims("fork", TERMS, make)


def _without_parameters(name: str, space: Space) -> Map:
    return next(f for i in range(99) if (f := some(f"{name} {i}", space)).dom == space)


@law(DIFFERENTIATOR, "linear maps", "f'(a) = f at every a, where f is linear", f"{RULES} 3", 27,
     needs="representation")  # fmt: skip
def linear_maps(k: LinearMaps) -> list[Agree]:
    def make(name: str, space: Space) -> Any:
        f = next(f for i in range(99) if (f := some(f"{name} {i}", space, linear_boxes())).dom == space and len(f.cod))

        def left(*xs: Any) -> Any:
            at_xs, at_zero = at(k, f, xs)[1], at(k, f, [x * 0 for x in xs])[1]
            flat = jnp.concatenate([jnp.ravel(x) for x in xs])
            return k.matrix(at_zero) @ flat, k.matrix(at_xs)

        def right(*xs: Any) -> Any:
            y, _ = at(k, f, xs)
            return jnp.concatenate([jnp.ravel(v) for v in y]), jax.vmap(_along(f), 1, 1)(np.eye(_size(f.dom)))

        return f, left, right

    return claims("linear maps", TERMS, make)


def _size(space: Space) -> int:
    return sum(a.size for a in space)


def _along(f: Map) -> Callable[[Any], Any]:
    """A map as a function of all its numbers in a row."""

    def flat(v: Any) -> Any:
        parts, start = [], 0
        for a in f.dom:
            parts.append(jnp.reshape(v[start : start + a.size], a.sizes))
            start += a.size
        y = f.term(*parts)
        return jnp.concatenate([jnp.ravel(x) for x in (y if isinstance(y, tuple) else (y,))])

    return flat


@law(DIFFERENTIATOR, "multiplication", "D multiply (a, b) = (a b, join(scale b, scale a))",
     "Elliott 2018, numeric operations", 27, needs="representation")  # fmt: skip
def multiplication(k: LinearMaps) -> Agree:
    space = real()

    def left(a: Any, b: Any) -> Any:
        y, d = differentiate(multiply.at(space, space), by=k)(a, b)
        return y, k.matrix(d)

    def right(a: Any, b: Any) -> Any:
        return a * b, k.matrix(k.join(k.scale(space, b), k.scale(space, a)))

    return Agree(left, right, points(space @ space))


@law(DIFFERENTIATOR, "at one point", "D(f; g)(a) = (g(f(a)), f'(a); g'(a)), with both derivatives at a", f"{RULES} 1",
     27, holds=False, needs="representation")  # fmt: skip
def at_one_point(k: LinearMaps) -> Agree:
    square = Map(Typed(copy >> multiply, real(2)))

    def left(x: Any) -> Any:
        return k.matrix(at(k, square >> square, [x])[1])

    def right(x: Any) -> Any:
        _, d = at(k, square, [x])
        return k.matrix(k.compose(d, d))

    return Agree(left, right, points(real(2)))


# -- one Jacobian ------------------------------------------------------------------------------


@law(DIFFERENTIATOR, "Jacobian", "the matrix of f'(a) is the Jacobian of f at a, as jax.jacfwd and jax.jacrev have it",
     SAME, 28, needs="representation")  # fmt: skip
def is_jacobian(k: LinearMaps) -> list[Agree]:
    found = []
    for of in (jax.jacfwd, jax.jacrev):

        def make(name: str, space: Space, of: Any = of) -> Any:
            f = some(name, space)

            def by_jax(*xs: Any) -> Any:
                flat = jnp.concatenate([jnp.ravel(x) for x in xs])
                return of(_along(f))(flat) if len(f.cod) else jnp.zeros((0, _size(f.dom)))

            return f, lambda *xs: k.matrix(at(k, f, xs)[1]), by_jax

        found += claims(f"Jacobian {of.__name__}", TERMS, make)
    return found


@law(DIFFERENTIATOR, "same Jacobian", "every representation gives the same Jacobian as matrices do", SAME, 28,
     needs="representation")  # fmt: skip
def same_jacobian(k: LinearMaps) -> list[Agree]:
    def make(name: str, space: Space) -> Any:
        f = some(name, space, steps=2 * STEPS)
        return f, lambda *xs: k.matrix(at(k, f, xs)[1]), lambda *xs: matrices.matrix(at(matrices, f, xs)[1])

    return claims("same Jacobian", TERMS, make)


# -- at another cost ---------------------------------------------------------------------------

SHAPES = {
    "narrower": (16, 8, 4, 1),
    "wider": (1, 4, 8, 16),
    "an hourglass": (12, 12, 1, 12, 12),
    "a spindle": (2, 12, 12, 12, 2),
}
"""Chains of matrices, by their widths."""


def product(k: LinearMaps, widths: Sequence[int]) -> Callable[..., Any]:
    """The Jacobian of a chain of matrices in a representation, as a program."""

    def program(*values: Any) -> Any:
        spaces = [real(n) for n in widths]
        maps = [
            k.of(structured("linear", a, b, {(0, 0): matrix(v)}))
            for a, b, v in zip(spaces, spaces[1:], values, strict=False)
        ]
        return k.matrix(k.compose(*maps))

    return program


def multiplications(k: LinearMaps, widths: Sequence[int]) -> int:
    """How many multiplications the Jacobian of a chain takes in a representation, counted in its program."""
    values = [jax.ShapeDtypeStruct((m, n), "float64") for n, m in pairwise(widths)]
    return operations(product(k, widths), *values).multiplications


@law(DIFFERENTIATOR, "cost of association", "(f; g); h and f; (g; h) do not take the same number of multiplications",
     COST, 28, needs="representation")  # fmt: skip
def cost_of_association(k: LinearMaps) -> Inspect | str:
    if not isinstance(k, Matrices):
        return "composing two maps multiplies nothing, so association costs nothing"

    def finds(rng: np.random.Generator) -> str | None:
        a, b, c, d = (real(n) for n in (2, 8, 2, 8))
        shapes = [(v[0].size, u[0].size) for u, v in ((a, b), (b, c), (c, d))]

        def count(associate: Callable[..., Any]) -> int:
            def program(*values: Any) -> Any:
                pairs = zip(((a, b), (b, c), (c, d)), values, strict=True)
                return k.matrix(associate(*(k.of(structured("f", u, v, {(0, 0): matrix(m)})) for (u, v), m in pairs)))

            return operations(program, *(jax.ShapeDtypeStruct(s, "float64") for s in shapes)).multiplications

        found = (
            count(lambda f, g, h: k.compose(k.compose(f, g), h)),
            count(lambda f, g, h: k.compose(f, k.compose(g, h))),
        )
        expected = (2 * 8 * 2 + 2 * 2 * 8, 8 * 2 * 8 + 2 * 8 * 8)
        return None if found == expected else f"they take {found} multiplications, not {expected}"

    return Inspect(finds)


@law(DIFFERENTIATOR, "cheapest", "on no shape of chain are there more multiplications than in the cheapest order",
     COST, 28, holds=False, needs="representation")  # fmt: skip
def cheapest(k: LinearMaps) -> Expected:
    def claim(shape: str) -> Inspect:
        def finds(rng: np.random.Generator) -> str | None:
            ours, best = (multiplications(maps, SHAPES[shape]) for maps in (k, Factors()))
            return None if ours <= best else f"on {shape} it takes {ours} multiplications, and {best} are enough"

        return Inspect(finds)

    # Lists of factors are multiplied in the cheapest order; any fixed one is dearer on some shape.
    return Expected([claim(shape) for shape in SHAPES], isinstance(k, Factors) and k.mode == "auto")
