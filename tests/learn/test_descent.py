"""Gradient descent as a functor: against jax.grad and formulas, its requests, its errors, and what is refused."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import close, normal, refused

from lenses import (
    Bits,
    Index,
    LensError,
    Real,
    Residue,
    SpaceError,
    Truth,
    absolute_error,
    add,
    batch_norm,
    binary_cross_entropy,
    block,
    compile,
    copy,
    dense,
    dot_product,
    dropout,
    embedding,
    hinge,
    identity,
    log_cosh,
    multiply,
    quartic,
    softmax_cross_entropy,
    squared,
    swap,
    tanh,
    tied,
)
from lenses.circuits import ascend, lookup
from lenses.learn import L, equal
from lenses.learn.error import INVERSES, as_error, bisect

ERRORS = {
    "squared": lambda x, y: 0.5 * (x - y) ** 2,
    "quartic": lambda x, y: 0.25 * (x - y) ** 4,
    "binary_cross_entropy": lambda x, y: jnp.log1p(jnp.exp(x)) - x * y,
}
"""Written again, one number at a time."""
BY_NAME = {"squared": squared, "quartic": quartic, "binary_cross_entropy": binary_cross_entropy}
ITSELF = (lambda p: p, lambda p: p)


SOME = ["quartic", *(pytest.param(name, marks=pytest.mark.slow) for name in ERRORS if name != "quartic")]


@pytest.mark.parametrize("name", SOME)
def test_against_jax(name, x64):
    """U is a step of descent, and de/dx at the request is the derivative in the input, for a model written by hand."""
    rate, e = 0.3, ERRORS[name]
    f = L(rate, BY_NAME[name])(dense(3) >> tanh >> dense(2), Real(4, dtype="float64"))
    p = tuple(jnp.asarray(normal(i, *a.sizes), "float64") for i, a in enumerate(f.params))
    a, b = jnp.asarray(normal(8, 4), "float64"), jnp.asarray(normal(9, 2), "float64")

    def total(p, a):
        w, c, v, d = p
        return jax.vmap(e)(jnp.tanh(a @ w + c) @ v + d, b).sum()

    dp, da = jax.grad(total, (0, 1))(p, a)
    close(f.update(p, a, b), tuple(x - rate * d for x, d in zip(p, dp, strict=True)), 1e-12, 1e-12)
    asked = f.request(p, a, b)
    close(jax.vmap(jax.grad(e))(a, asked), da, 1e-9, 1e-12)
    close(L(2.0, BY_NAME[name])(dense(3) >> tanh >> dense(2), f.dom).request(p, a, b), asked, 1e-12)


@pytest.mark.parametrize("name", SOME)
def test_composites(name, x64):
    F, f, g = L(0.1, BY_NAME[name]), copy >> dense(3) @ tanh, dense(2) @ identity >> swap
    f = f.at(Real(2, dtype="float64"))
    whole, parts = F(f >> g), F(f) >> F(g, f.cod)
    assert whole.params == parts.params and equal(whole, parts, by=ITSELF)
    wrong = F(f) >> L(0.1, squared if name != "squared" else quartic)(g, f.cod)
    assert "request" in equal(whole, wrong, by=ITSELF).because or "update" in equal(whole, wrong, by=ITSELF).because


def test_under_jit_vmap_and_grad():
    """Learners are functions of arrays: batches of them, and derivatives through a step of learning."""
    f = L(0.1)(dense(3) >> tanh, Real(4)) >> L(0.1, quartic)(dense(2), Real(3))
    p = f.init(jax.random.key(0))
    a, b = jnp.asarray(normal(0, 5, 4)), jnp.asarray(normal(1, 5, 2))
    put = jax.jit(f.put)
    new, asked = jax.jit(jax.vmap(f.put, (None, 0, 0)))(p, a, b)
    for i in range(5):
        close(jax.tree.map(lambda x, i=i: x[i], (new, asked)), put(p, a[i], b[i]), 1e-4)

    @jax.jit
    def after(b):
        return (f.implement(f.update(p, a[0], b), a[0]) ** 2).sum()

    slope, step = jax.grad(after)(b[0]), 1e-2
    by_difference = [(after(b[0].at[i].add(step)) - after(b[0].at[i].add(-step))) / (2 * step) for i in range(2)]
    close(slope, jnp.stack(by_difference), 2e-2, 1e-3)


def test_requests_of_wiring():
    F, space = L(0.1), Real(2)
    a, b, c = (jnp.asarray(normal(i, 2)) for i in range(3))
    close(F(copy, space).request((), a, (b, c)), b + c - a)
    close(F(add, space @ space).request((), (a, b), c), (c - b, c - a))
    close(F(identity, space).request((), a, b), b)
    assert F(copy, space).implement((), a)[1] is not None and F(copy, space).init(jax.random.key(0)) == ()


@pytest.mark.slow
def test_log_cosh_loses_composites(x64):
    """Its own derivative is bounded, but the sum of three is not, and then there is no label that asks for it."""
    F = L(0.1, log_cosh, partial=True)
    f = dense(2).at(Real(1, dtype="float64"))
    g = (copy(3) >> add(3)).at(f.cod)
    whole, parts = F(f >> g), F(f) >> F(g)
    p, a = whole.init(jax.random.key(0)), jnp.ones(1)
    p = jax.tree.map(lambda x: jnp.asarray(x, "float64"), p)
    near, distant = whole.implement(p, a) + 0.01, whole.implement(p, a) - 50.0
    close(whole.update(p, a, near), parts.update(p, a, near), 1e-9)
    assert jnp.isfinite(jnp.concatenate([x.ravel() for x in whole.update(p, a, distant)])).all()
    assert jnp.isnan(parts.update(p, a, distant)[1]).all() and jnp.isnan(F(g).request((), jnp.ones(2), -distant)).all()


def test_errors_without_an_inverse_say_where():
    refused(
        LensError,
        lambda: L(0.1, log_cosh),
        "L\\(0.1, log_cosh\\)",
        "at x = -2 it takes no value 10",
        "from -1 to 1",
        "partial=True",
    )
    refused(LensError, lambda: L(0.1, absolute_error), "absolute_error", "no value 0.01")
    refused(LensError, lambda: L(0.1, lambda x, y: jnp.sin(x - y)), "up and down")
    refused(LensError, lambda: L(0.1, lambda x, y: (x - y) ** 2, lambda x, z: x - z), "inverse of 0.01 was given as")
    refused(LensError, lambda: L(0.1, softmax_cross_entropy), "no sum of errors of single numbers")
    refused(LensError, lambda: L(0.1, hinge), "hinge")
    refused(LensError, lambda: L(0.1, 3), "3 is no error")
    refused(LensError, lambda: L(-1.0), "the rate", "0 or more")
    assert repr(L(0.1, quartic)) == "L(0.1, quartic)" and "partial" in repr(L(1, log_cosh, partial=True))


@pytest.mark.parametrize("name", [*SOME, "log_cosh", pytest.param("dot_product", marks=pytest.mark.slow)])
def test_known_inverses_are_those_that_bisection_finds(name, x64):
    assert name in INVERSES
    error = as_error(getattr(__import__("lenses"), name))
    rng = np.random.default_rng(0)
    x, z = jnp.asarray(rng.normal(size=20)), jnp.asarray(rng.normal(size=20) * 0.3)
    close(error.inverse(x, z), jax.jit(lambda x, z: bisect(error.derivative, x, z))(x, z), 1e-9, 1e-12)
    close(error.derivative(x, error.inverse(x, z)), z, 1e-9, 1e-12)


@pytest.mark.slow
def test_an_error_of_your_own(x64):
    """Bisection, and an inverse that is given, ask for the same."""

    def stiff(x, y):
        return jnp.cosh(x - y) + 0.5 * (x - y) ** 2

    x, z = jnp.array([-3.0, 0.0, 1e-3, 40.0]), jnp.array([7.0, 0.0, -1e-6, 250.0])
    error = as_error(stiff)
    close(error.derivative(x, jax.jit(error.inverse)(x, z)), z, 1e-9, 1e-12)
    assert error.fault is None and jax.eval_shape(error.inverse, x[:, None], z[:, None]).shape == (4, 1)
    given = L(0.1, lambda x, y: (x - y) ** 2, lambda x, z: x - z / 2)
    found, space = as_error(lambda x, y: (x - y) ** 2), Real(3, dtype="float64")
    close(given.error.inverse(x, z), jax.jit(found.inverse)(x, z), 1e-9, 1e-12)
    assert L(0.1, dot_product)(identity, space).request((), jnp.ones(3), jnp.arange(3.0)).tolist() == [0, 1, 2]
    assert jnp.isnan(bisect(lambda x, y: jnp.tanh(x - y), jnp.zeros(1), jnp.array([1.5]))).all()


def test_parameters_stand_in_the_order_of_the_text():
    F = L(0.1)
    f = (dense(1) @ dense(2) >> swap).at(Real(3), Real(4))
    g = (dense(5) @ dense(6)).at(f.cod)
    assert F(f).params == Real(3, 1) @ Real(1) @ Real(4, 2) @ Real(2)
    assert F(f >> g).params == F(f).params @ F(g).params
    assert F(block("part", dense(2)), Real(1)).params == Real(1, 2) @ Real(2)
    twice = F(tied("w", dense(2)) >> tanh >> tied("w", dense(2)), Real(2))
    assert len(twice.params) == 2
    net = compile(tied("w", dense(2)) >> tanh >> tied("w", dense(2)), Real(2))
    p, a, b = twice.init(jax.random.key(1)), jnp.ones(2), jnp.zeros(2)
    tree = twice.tree(p)  # type: ignore[attr-defined]
    by_jax = jax.grad(lambda t: 0.5 * ((net(t, a) - b) ** 2).sum())(tree)
    want = jax.tree.map(lambda x, d: x - 0.1 * d, tree, by_jax)
    close(twice.tree(twice.update(p, a, b)), want)  # type: ignore[attr-defined]


def test_over_rings(x64):
    """Over bits at rate 1 it is ascent, step by step; over whole numbers modulo 5 requests solve b1 + b2 - a."""
    f, fit = L(1)(lookup(3), Bits(3)), ascend(lookup(3), Bits(3))
    rng = np.random.default_rng(0)
    xs, ys = rng.integers(0, 2, (30, 3)).astype("int32"), rng.integers(0, 2, 30).astype("int32")
    state, _ = fit.run(fit.init(jax.random.key(0)), (xs, ys), progress=False)
    np.testing.assert_array_equal(f.learn(f.init(jax.random.key(0)), xs, ys), jax.tree.leaves(state.params)[0])
    five = L(1)(copy, Residue(modulo=5))
    assert int(five.request((), jnp.int32(4), (jnp.int32(1), jnp.int32(2)))) == (1 + 2 - 4) % 5
    product = L(1)(multiply, Residue(modulo=7) @ Residue(modulo=7))
    x, y, b = 3, 5, 2
    new = product.request((), (jnp.int32(x), jnp.int32(y)), jnp.int32(b))
    assert [int(v) for v in new] == [(x - y * (x * y - b)) % 7, (y - x * (x * y - b)) % 7]


def test_what_is_refused():
    refused(SpaceError, lambda: L(0.1)(embedding(2), Index(below=3)), "an input, 0", "Index", "real numbers")
    refused(SpaceError, lambda: L(1)(embedding(2), Index(below=3)), "cannot be subtracted")
    refused(SpaceError, lambda: L(0.1)(lookup(2), Bits(2)), "Bits", "L\\(1, squared\\)")
    refused(SpaceError, lambda: L(1, quartic)(lookup(2), Bits(2)), "Bits", "real numbers")

    def squared(x, y):
        return (x - y) ** 2

    refused(SpaceError, lambda: L(1, squared)(lookup(2), Bits(2)), "Bits", "real numbers")
    refused(SpaceError, lambda: L(1)(add, Truth() @ Truth()), "Truth", "cannot be subtracted")
    refused(LensError, lambda: L(1)(dropout(0.5), Real(2)), "states or random numbers", "inference")
    refused(LensError, lambda: L(1)(batch_norm(), Real(2, 3)), "states or random numbers")
    refused(SpaceError, lambda: L(1)(dense(2)), "L\\(1.0, squared\\) needs a typed term")
