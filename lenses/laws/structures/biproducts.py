"""Linear maps as a category with biproducts: A * B is a product and a coproduct, and maps can be added.

`fork` and `unfork` are each other's inverses, and so are `join` and `unjoin`; copy and add, discard and zero
are each other's transposes. All of this holds of maps that keep sums. Of functions that do not, pairs still
come apart and together, since that is all that a pair is; but a function of (a, b) is no longer the sum of one
of a and one of b, and adding before it is not adding after it.

The subject is a representation of linear maps (`lenses.differentiation.LinearMaps`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from ...differentiation import Dual, Functions, LinearMaps, Local
from ...differentiation.blocks import diagonal, matrix, unit
from ...differentiation.local import structured
from ...spaces import Real, Space
from ..law import law, structure
from ..programs import Agree

BIPRODUCTS = structure(
    "category with biproducts", "linear maps: A * B is a product and a coproduct", subject=lambda: LinearMaps
)
SOURCE = "Elliott 2018, putting the pieces together"
DUALITY = "Elliott 2018, gradients and duality"


def real(*sizes: int) -> Space:
    """A space of one array in double precision."""
    return Real(*sizes, dtype="float64")


A, B, C, D = real(2), real(3) @ real(), real(2, 2), real(1)
"""Spaces of one array and of several, of different sizes and ranks."""
Draw = Callable[[np.random.Generator], tuple[Any, ...]]


class Drawn:
    """Random linear maps of a representation: a few of its boxes composed, out of numbers that are drawn."""

    def __init__(self, maps: LinearMaps, numbers: Any):
        self.maps, self.numbers = maps, iter(numbers)

    def __call__(self, dom: Space, cod: Space) -> Any:
        """A map of many kinds of blocks: identities, diagonals, matrices, and none."""
        blocks = {}
        for o, b in enumerate(cod):
            for i, a in enumerate(dom):
                block = next(self.numbers)[: b.size, : a.size]
                kind = (3 * o + i + 2 * len(dom)) % 5
                if kind == 1 and a.size == b.size:
                    blocks[o, i] = diagonal(block[0])
                elif kind == 2 and a == b:
                    blocks[o, i] = unit(a.size)
                elif kind != 4:
                    blocks[o, i] = matrix(block)
        return self.maps.of(structured("f", dom, cod, blocks))


def draw(rng: np.random.Generator) -> tuple[Any, ...]:
    """Numbers enough for the maps of a law."""
    return (rng.normal(size=(24, 4, 4)),)


def same(maps: LinearMaps, left: Callable[[Drawn], Any], right: Callable[[Drawn], Any]) -> Agree:
    """The claim that two ways of making a map, or several, of the same drawn ones give the same matrices."""

    def program(made: Callable[[Drawn], Any]) -> Callable[[Any], list[Any]]:
        def run(numbers: Any) -> list[Any]:
            found = made(Drawn(maps, list(numbers)))
            return [maps.matrix(f) for f in (found if isinstance(found, tuple) else (found,))]

        return run

    return Agree(program(left), program(right), draw)


# -- a category --------------------------------------------------------------------------------


@law(BIPRODUCTS, "units", "id; f = f = f; id", SOURCE, 29, needs="representation")
def units(k: LinearMaps) -> list[Agree]:
    return [
        same(k, lambda f: k.compose(k.identity(A), f(A, B)), lambda f: f(A, B)),
        same(k, lambda f: k.compose(f(A, B), k.identity(B)), lambda f: f(A, B)),
    ]


@law(BIPRODUCTS, "associativity", "(f; g); h = f; (g; h): one Jacobian, though not at one cost", SOURCE, 28,
     needs="representation")  # fmt: skip
def associativity(k: LinearMaps) -> Agree:
    def left(f: Drawn) -> Any:
        return k.compose(k.compose(f(A, B), f(B, C)), f(C, D))

    def right(f: Drawn) -> Any:
        one, two, three = f(A, B), f(B, C), f(C, D)
        return k.compose(one, k.compose(two, three))

    return same(k, left, right)


@law(BIPRODUCTS, "interchange", "(f; g) * (h; k) = (f * h); (g * k)", SOURCE, 29, needs="representation")
def interchange(k: LinearMaps) -> Agree:
    def left(f: Drawn) -> Any:
        return k.cross(k.compose(f(A, B), f(B, C)), k.compose(f(B, D), f(D, A)))

    def right(f: Drawn) -> Any:
        one, two, three, four = f(A, B), f(B, C), f(B, D), f(D, A)
        return k.compose(k.cross(one, three), k.cross(two, four))

    return same(k, left, right)


@law(BIPRODUCTS, "matrix", "the Jacobian of the map of a matrix is that matrix", SOURCE, 28, needs="representation")
def its_matrix(k: LinearMaps) -> Agree:
    def held(numbers: Any) -> list[Any]:
        return [k.matrix(k.of(structured("f", A, C, {(0, 0): matrix(numbers[0][:4, :2])})))]

    return Agree(held, lambda numbers: [numbers[0][:4, :2]], draw)


# -- products and coproducts -------------------------------------------------------------------


@law(BIPRODUCTS, "fork and unfork", "fork(unfork h) = h and unfork(fork(f, g)) = (f, g)", SOURCE, 29,
     needs="representation")  # fmt: skip
def fork_and_unfork(k: LinearMaps) -> list[Agree]:
    return [
        same(k, lambda f: k.fork(*k.unfork(f(A, B @ C), B, C)), lambda f: f(A, B @ C)),
        same(k, lambda f: k.unfork(k.fork(f(A, B), f(A, C)), B, C), lambda f: (f(A, B), f(A, C))),
    ]


@law(BIPRODUCTS, "join and unjoin", "join(unjoin h) = h and unjoin(join(f, g)) = (f, g)", SOURCE, 29,
     needs="representation")  # fmt: skip
def join_and_unjoin(k: LinearMaps) -> list[Agree]:
    return [
        same(k, lambda f: k.join(*k.unjoin(f(A @ B, C), A, B)), lambda f: f(A @ B, C)),
        same(k, lambda f: k.unjoin(k.join(f(A, C), f(B, C)), A, B), lambda f: (f(A, C), f(B, C))),
    ]


@law(BIPRODUCTS, "fork and join by copy and add", "fork(f, g) = copy; (f * g) and join(f, g) = (f * g); add",
     SOURCE, 29, needs="representation")  # fmt: skip
def composed(k: LinearMaps) -> list[Agree]:
    plain = LinearMaps
    return [
        same(k, lambda f: k.fork(f(A, B), f(A, C)), lambda f: plain.fork(k, f(A, B), f(A, C))),
        same(k, lambda f: k.join(f(A, C), f(B, C)), lambda f: plain.join(k, f(A, C), f(B, C))),
        same(k, lambda f: k.unfork(f(A, B @ C), B, C), lambda f: plain.unfork(k, f(A, B @ C), B, C)),
        same(k, lambda f: k.unjoin(f(A @ B, C), A, B), lambda f: plain.unjoin(k, f(A @ B, C), A, B)),
    ]


@law(BIPRODUCTS, "first; left + second; right", "A * B is the sum of what goes through A and what goes through B",
     SOURCE, 29, needs="representation")  # fmt: skip
def resolution(k: LinearMaps) -> Agree:
    def through(f: Drawn) -> Any:
        one = k.compose(k.first(A, B), k.left(A, B))
        return k.plus(one, k.compose(k.second(A, B), k.right(A, B)))

    return same(k, through, lambda f: k.identity(A @ B))


@law(BIPRODUCTS, "projections of injections", "left; first = id and left; second = 0", SOURCE, 29,
     needs="representation")  # fmt: skip
def projections(k: LinearMaps) -> list[Agree]:
    nothing = k.compose(k.discard(A), k.zero(B))
    return [
        same(k, lambda f: k.compose(k.left(A, B), k.first(A, B)), lambda f: k.identity(A)),
        same(k, lambda f: k.compose(k.right(A, B), k.second(A, B)), lambda f: k.identity(B)),
        same(k, lambda f: k.compose(k.left(A, B), k.second(A, B)), lambda f: nothing),
    ]


@law(BIPRODUCTS, "naturality of add", "add; f = (f * f); add and zero; f = zero", SOURCE, 29, needs="representation")
def naturality_of_add(k: LinearMaps) -> list[Agree]:
    def after(f: Drawn) -> Any:
        one = f(A, B)
        return k.compose(k.cross(one, one), k.add(B))

    return [
        same(k, lambda f: k.compose(k.add(A), f(A, B)), after),
        same(k, lambda f: k.compose(k.zero(A), f(A, B)), lambda f: k.zero(B)),
    ]


@law(BIPRODUCTS, "naturality of copy", "f; copy = copy; (f * f) and f; discard = discard", SOURCE, 29,
     needs="representation")  # fmt: skip
def naturality_of_copy(k: LinearMaps) -> list[Agree]:
    def before(f: Drawn) -> Any:
        one = f(A, B)
        return k.compose(k.copy(A), k.cross(one, one))

    return [
        same(k, lambda f: k.compose(f(A, B), k.copy(B)), before),
        same(k, lambda f: k.compose(f(A, B), k.discard(B)), lambda f: k.discard(A)),
    ]


@law(BIPRODUCTS, "sum", "the Jacobian of f + g is the sum of theirs; scale multiplies it", SOURCE, 29,
     needs="representation")  # fmt: skip
def addition(k: LinearMaps) -> list[Agree]:
    def apart(numbers: Any) -> list[Any]:
        f = Drawn(k, list(numbers))
        return [k.matrix(f(A, B)) + k.matrix(f(A, B))]

    def together(numbers: Any) -> list[Any]:
        f = Drawn(k, list(numbers))
        return [k.matrix(k.plus(f(A, B), f(A, B)))]

    def scaled(numbers: Any) -> list[Any]:
        return [k.matrix(k.compose(Drawn(k, list(numbers[1:]))(A, B), k.scale(B, numbers[0, 0, 0])))]

    def times(numbers: Any) -> list[Any]:
        return [numbers[0, 0, 0] * k.matrix(Drawn(k, list(numbers[1:]))(A, B))]

    return [Agree(together, apart, draw), Agree(scaled, times, draw)]


@law(BIPRODUCTS, "duality", "copy and add, discard and zero are transposes, and (f; g)' = g'; f'", DUALITY, 28,
     needs="representation")  # fmt: skip
def duality(k: LinearMaps) -> list[Agree]:
    dual = Dual(k)

    def transposes(first: Callable[[Any], Any], second: Callable[[Any], Any]) -> Agree:
        return Agree(lambda n: [dual.matrix(first(n))], lambda n: [k.matrix(second(n)).T], draw)

    def chain(k: LinearMaps) -> Callable[[Any], Any]:
        def made(numbers: Any) -> Any:
            f = Drawn(k, list(numbers))
            return k.compose(f(A, B), k.copy(B), k.cross(f(B, C), k.discard(B)))

        return made

    return [
        transposes(lambda n: dual.copy(B), lambda n: k.add(B)),
        transposes(lambda n: dual.add(B), lambda n: k.copy(B)),
        transposes(lambda n: dual.zero(B), lambda n: k.discard(B)),
        transposes(lambda n: dual.discard(B), lambda n: k.zero(B)),
        Agree(lambda n: [dual.matrix(chain(dual)(n))], lambda n: [k.matrix(chain(k)(n))], draw),
    ]


# -- functions that keep no sums ---------------------------------------------------------------


def bend(a: Any, b: Any) -> Sequence[Any]:
    """A function of two arrays, and to two, that keeps no sums."""
    return [jnp.sin(a) * b[:2].sum(), jnp.exp(-b * b) + a[0]]


BENT = Local("bend", A @ real(3), A @ real(3), lambda xs: bend(*xs), lambda xs: xs)


def bent(k: LinearMaps, made: Callable[[Any], Any]) -> Agree | str:
    """The claim that what is made of a function that keeps no sums is still that function."""
    if not isinstance(k, Functions):
        return "its maps are linear by what they are held as"
    h = k.of(BENT)
    return Agree(
        lambda a, b: list(made(h)(a, b)),
        lambda a, b: list(h(a, b)),
        lambda rng: (rng.normal(size=2), rng.normal(size=3)),
    )


@law(BIPRODUCTS, "pairs of any functions", "fork(unfork h) = h, whether h keeps sums or not", SOURCE, 29,
     needs="representation")  # fmt: skip
def pairs_of_functions(k: LinearMaps) -> Agree | str:
    return bent(k, lambda h: k.fork(*k.unfork(h, A, real(3))))


@law(BIPRODUCTS, "join of any functions", "join(unjoin h) = h, where h keeps no sums", SOURCE, 29, holds=False,
     needs="representation")  # fmt: skip
def join_of_functions(k: LinearMaps) -> Agree | str:
    return bent(k, lambda h: k.join(*k.unjoin(h, A, real(3))))


@law(BIPRODUCTS, "add before any function", "add; f = (f * f); add, where f keeps no sums", SOURCE, 29, holds=False,
     needs="representation")  # fmt: skip
def add_before_functions(k: LinearMaps) -> Agree | str:
    if not isinstance(k, Functions):
        return "its maps are linear by what they are held as"
    h, space = k.of(BENT), BENT.dom
    left, right = k.compose(k.add(space), h), k.compose(k.cross(h, h), k.add(space))
    return Agree(
        lambda *xs: list(left(*xs)),
        lambda *xs: list(right(*xs)),
        lambda rng: tuple(rng.normal(size=n) for n in (2, 3, 2, 3)),
    )
