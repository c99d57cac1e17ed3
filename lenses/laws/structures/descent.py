"""Gradient descent L_(eps, e) is a functor from parametrised maps to learners where de/dx(x, -) is invertible.

U(p, a, b) = p - eps dE/dp, and r(p, a, b) is what de/dx(a, -) takes to dE/da, number by number, with no eps.
Under the error log cosh, whose derivative tanh is not onto, requests are missing and composites are lost.
For the squared error a step is that of the parametrised lens, GetPut holds and PutGet fails.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from ...boxes.linear import dense
from ...boxes.structure import add, copy
from ...circuits.learning.ascent import ascend
from ...learn import wiring
from ...learn.functor import L, ordered
from ...learn.learn import Learn, draw, identity, one, swap, wires
from ...learner.learner import learner
from ...learner.losses import squared
from ...learner.optimisers import sgd
from ...spaces import Array, Real, ResidueElement, Space
from ...terms import Identity, compose
from ...terms import swap as swap_term
from ...trees import nest, pick
from ...typed import Typed
from ..compare import Verdict
from ..generate import random_term
from ..law import Expected, law, structure
from ..programs import Agree
from ..signature import Signature, finite, plain
from .learn import Generator, Same

DESCENT = structure("gradient descent functor", "L(eps, e) from parametrised maps to learners", subject=lambda: L)
SOURCE = "Fong, Spivak and Tuyeras 2019, theorem III.2"
REQUESTS = "Fong, Spivak and Tuyeras 2019, section VI"
COUNT = 3
"""How many random terms a law is tried at."""
STEPS = 5
"""Steps of such a term."""
REALS = plain("float64")
VECTOR = Real(3, dtype="float64")


def terms(rng: random.Random, count: int, signature: Signature = REALS) -> list[Typed]:
    """Random terms, each from where the one before ends."""
    found: list[Typed] = []
    for _ in range(count):
        found.append(random_term(rng, signature, found[-1].cod.arrays if found else None, steps=STEPS))
    return found


@dataclass(frozen=True)
class Everywhere:
    """The claim that something holds of random terms: `of`, given a random source, makes the claims of one case.

    It fails where one of them does, or where one side is no number at a point where the other is one.
    """

    of: Callable[[random.Random], list[Any]]
    count: int = COUNT

    def verdict(self, seed: int = 0) -> Verdict:
        """Tries so many cases."""
        tried, outcomes = 0, []
        for i in range(self.count):
            for claim in self.of(random.Random(seed * 1000 + i)):
                found = claim.verdict(seed)
                if found.outcome == "lost":
                    return Verdict("fails", found.because, tried + 1)
                if found.failed:
                    return found
                tried += found.tried
                outcomes.append(found.outcome)
        if not outcomes or all(o == "nothing" for o in outcomes):
            return Verdict("nothing", "no point at which both sides are numbers")
        if all(o == "proved" for o in outcomes):
            return Verdict("proved", "at every parameter, input and label", tried)
        return Verdict("holds", f"on {tried}", tried)


def far(f: Learn, times: float) -> Callable[[Generator], tuple[Any, Any, Any]]:
    """Points whose labels are far from what is implemented, so that derivatives add up to more than 1."""
    return lambda rng: (draw(f.params, rng), draw(f.dom, rng), jax.tree.map(lambda b: b * times, draw(f.cod, rng)))


def sound(F: L) -> bool:
    """Whether the error's derivative can be inverted, so that F is a functor."""
    return F.error.fault is None


# -- functoriality ---------------------------------------------------------------------------


@law(DESCENT, "identity", "L(id) = id: it requests b", SOURCE, 22)
def keeps_identity(F: L) -> Same:
    return Same(F(Identity(1), VECTOR), identity(VECTOR))


@law(DESCENT, "composition", "L(f; g) = L(f); L(g); for errors whose derivative can be inverted", SOURCE, 21)
def keeps_composition(F: L) -> Expected:
    def of(rng: random.Random) -> list[Any]:
        f, g = terms(rng, 2)
        whole = F(f >> g)
        return [Same(whole, F(f) >> F(g), draw=far(whole, 5.0 if sound(F) else 50.0))]

    # Derivatives that add up: what comes back is three times what the error can ask for.
    f, g = Typed(dense(2), VECTOR), Typed(compose(copy(3), add(3)), Real(2, dtype="float64"))
    summed = F(f >> g)
    added = Same(summed, F(f) >> F(g), draw=far(summed, 5.0 if sound(F) else 50.0))
    return Expected([Everywhere(lambda rng: [added], 1), Everywhere(of)], sound(F))


@law(DESCENT, "tensor", "L(f * g) = L(f) * L(g)", SOURCE, 21)
def keeps_tensor(F: L) -> Everywhere:
    def of(rng: random.Random) -> list[Any]:
        (f,), (g,) = terms(rng, 1), terms(rng, 1)
        whole = F(f.term @ g.term, f.dom @ g.dom)
        return [Same(whole, F(f) @ F(g))]

    return Everywhere(of)


@law(DESCENT, "swap", "L(swap) = swap", SOURCE, 21)
def keeps_swap(F: L) -> Same:
    other = Real(2, dtype="float64")
    return Same(F(swap_term, VECTOR @ other), swap(VECTOR, other))


# -- what it sends a map to ------------------------------------------------------------------


def total(F: L, f: Learn) -> Callable[[Any, Any, Any], Any]:
    """E(p, a, b), the sum of the errors of the numbers of the output, by hand."""

    def E(p: Any, a: Any, b: Any) -> Any:
        rows = zip(wires(f.cod, f.implement(p, a)), wires(f.cod, b), strict=True)
        each = [F.error.total(jnp.reshape(y, -1), jnp.reshape(t, -1)) for y, t in rows]
        return sum(each, jnp.zeros((), "float64"))

    return E


def _random(F: L, claim: Callable[[Learn], Any]) -> Everywhere:
    return Everywhere(lambda rng: [claim(F(terms(rng, 1)[0]))])


def _draws(f: Learn) -> Callable[[Generator], tuple[Any, Any, Any]]:
    return lambda rng: (draw(f.params, rng), draw(f.dom, rng), draw(f.cod, rng))


@law(DESCENT, "update", "U(p, a, b) = p - eps dE/dp, with E by hand and jax.grad", SOURCE, 21)
def update(F: L) -> Everywhere:
    def claim(f: Learn) -> Agree:
        def by_hand(p: Any, a: Any, b: Any) -> Any:
            return jax.tree.map(lambda x, d: x - F.rate * d, p, jax.grad(total(F, f))(p, a, b))

        return Agree(f.update, by_hand, _draws(f))

    return _random(F, claim)


@law(DESCENT, "request", "de/dx(a, r(p, a, b)) = dE/da, number by number, with jax.grad", SOURCE, 21)
def request(F: L) -> Everywhere:
    def claim(f: Learn) -> Agree:
        def there(p: Any, a: Any, b: Any) -> Any:
            return jax.tree.map(F.error.derivative, a, f.request(p, a, b))

        def by_hand(p: Any, a: Any, b: Any) -> Any:
            found = jax.grad(total(F, f), 1)(p, a, b)
            # Where there is no request there is nothing to say.
            asked = there(p, a, b)
            return jax.tree.map(lambda z, d: jnp.where(jnp.isnan(z), z, d), asked, found)

        return Agree(there, by_hand, _draws(f))

    return _random(F, claim)


@law(DESCENT, "no rate in requests", "r is the same for every eps", SOURCE, 21)
def no_rate(F: L) -> Everywhere:
    other = L(3 * F.rate + 0.5, F.error, partial=F.partial)

    def of(rng: random.Random) -> list[Any]:
        (f,) = terms(rng, 1)
        return [Agree(other(f).request, F(f).request, _draws(F(f)))]

    return Everywhere(of)


class Rated(L):
    """L as it is not: its requests invert de/dx at eps dE/da."""

    def __call__(self, term: Any, space: Any = None) -> Learn:
        f = super().__call__(term, space)

        def put(p: Any, a: Any, b: Any) -> tuple[Any, Any]:
            new, wanted = f.put(p, a, b)
            slopes = jax.tree.map(self.error.derivative, a, wanted)
            return new, jax.tree.map(lambda x, d: self.error.inverse(x, self.rate * d), a, slopes)

        return Learn.lens(f.params, f.dom, f.cod, f.implement, put)


@law(DESCENT, "the rate in requests", "with r inverted at eps dE/da composites are kept",
     SOURCE + "; there is no eps in r", 21, holds=False)  # fmt: skip
def rate_in_requests(F: L) -> Everywhere | str:
    if F.rate == 1:
        return "at rate 1 the two agree"
    wrong = Rated(F.rate, F.error, partial=F.partial)

    def of(rng: random.Random) -> list[Any]:
        f, g = terms(rng, 2)
        return [Same(wrong(f >> g), wrong(f) >> wrong(g))]

    return Everywhere(of, 10 * COUNT)


# -- requests, and the lens ------------------------------------------------------------------


def _squared(F: L) -> str | None:
    return None if F.error.squared else f"it speaks of the squared error, not of {F.error!r}"


@law(DESCENT, "request of copy", "L(copy) requests b1 + b2 - a", REQUESTS, 22)
def copy_requests(F: L) -> Same | str:
    return _squared(F) or Same(F(copy, VECTOR), wiring.copy(VECTOR))


@law(DESCENT, "request of add", "L(add) requests (b - a2, b - a1)", REQUESTS, 22)
def add_requests(F: L) -> Same | str:
    return _squared(F) or Same(F(add, VECTOR @ VECTOR), wiring.add(VECTOR))


def _with_one_output(rng: random.Random) -> Iterator[Typed]:
    """Random terms with parameters that end in a single vector, as the models of learners do."""
    while True:
        (f,) = terms(rng, 1)
        if len(f.cod) == 1 and f.cod[0].rank == 1 and len(f.dom) and ordered(f):
            yield f


@law(DESCENT, "step of the parametrised lens", "for squared e, U is the step of the closed lens under descent at eps",
     "Cruttwell et al. 2021, section 4; Fong, Spivak and Tuyeras 2019, section III", 22)  # fmt: skip
def lens_step(F: L) -> Everywhere | str:
    def of(rng: random.Random) -> list[Any]:
        model = next(_with_one_output(rng))
        f, fit = F(model), learner(model, loss=squared, optimiser=sgd(F.rate))
        paths = [path for path, _ in ordered(model)]

        def step(p: Any, a: Any, b: Any) -> Any:
            state = fit.init(jax.random.key(0))
            state.params = nest(paths, wires(f.params, p))
            given = wires(f.dom, a)
            new, _ = fit.step(state, one(given), b)
            return one([pick(new.params, path) for path in paths])

        return [Agree(f.update, step, _draws(f))]

    return _squared(F) or Everywhere(of, 2)


@law(DESCENT, "GetPut", "U(p, a, I(p, a)) = p and r(p, a, I(p, a)) = a; where de/dx(x, x) = 0", REQUESTS, 22)
def get_put(F: L) -> Expected:
    def claim(f: Learn) -> Agree:
        return Agree(lambda p, a: f.put(p, a, f.implement(p, a)), lambda p, a: (p, a), lambda rng: _draws(f)(rng)[:2])

    x = jnp.linspace(-2.0, 2.0, 7)
    still = bool((jnp.abs(F.error.derivative(x, x)) < 1e-6).all())
    return Expected(_random(F, claim) if still else Everywhere(_random(F, claim).of, 10 * COUNT), still)


@law(DESCENT, "PutGet", "I(U(p, a, b), r(p, a, b)) = b", REQUESTS + "; a step goes only part of the way", 22,
     holds=False)  # fmt: skip
def put_get(F: L) -> Everywhere:
    def claim(f: Learn) -> Agree:
        return Agree(lambda p, a, b: f.implement(*f.put(p, a, b)), lambda p, a, b: b, _draws(f))

    return Everywhere(_random(F, claim).of, 10 * COUNT)


# -- over a ring -----------------------------------------------------------------------------


def _exact(F: L) -> str | None:
    return _squared(F) or (None if F.rate == 1 else "over a ring the rate is 1")


@law(DESCENT, "composition over rings", "over whole numbers modulo 2 and 3, L(f; g) = L(f); L(g) at rate 1",
     SOURCE + ", which uses nothing of the reals but differences", 21)  # fmt: skip
def composition_over_rings(F: L) -> list[Everywhere] | str:
    def claims(modulo: int) -> Everywhere:
        def of(rng: random.Random) -> list[Any]:
            f, g = terms(rng, 2, finite(modulo))
            return [Same(F(f >> g), F(f) >> F(g))]

        return Everywhere(of)

    return _exact(F) or [claims(2), claims(3)]


@law(DESCENT, "ascent", "over bits, U is the step of reverse derivative ascent",
     "Wilson and Zanasi 2021, definition 5.1", 24)  # fmt: skip
def ascent(F: L) -> Everywhere | str:
    from ...circuits.tables import lookup

    bit = Space([Array((2,), element=ResidueElement(2))])
    model = Typed(lookup(2), bit)

    def of(rng: random.Random) -> list[Any]:
        f, fit = F(model), ascend(model)
        (path,) = [path for path, _ in ordered(model)]

        def step(p: Any, a: Any, b: Any) -> Any:
            state = fit.init(jax.random.key(0))
            state.params = nest([path], [p])
            return pick(fit.step(state, a, b)[0].params, path)

        return [Agree(f.update, step, _draws(f))]

    return _exact(F) or Everywhere(of, 2)
