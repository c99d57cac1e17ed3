"""The differentiator over every representation of linear maps, beside JAX's own derivatives."""

from __future__ import annotations

import inspect
import random
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import refused
from hypothesis import given, settings
from hypothesis import strategies as st

from lenses import (
    Bits,
    Index,
    LensError,
    Real,
    SpaceError,
    Typed,
    add,
    argmax,
    batch_norm,
    causal_mask,
    compile,
    compose,
    constant,
    conv,
    copy,
    cos,
    coupling,
    dense,
    discard,
    dropout,
    embedding,
    expose,
    flatten,
    identity,
    laws,
    layer_norm,
    lift,
    linear,
    matmul,
    max_pool,
    multiply,
    relu,
    scale,
    scan,
    sin,
    softmax,
    square,
    swap,
    tanh,
    tied,
    unit,
    zero,
)
from lenses.differentiation import (
    Begin,
    Continuation,
    Dual,
    Factors,
    LinearMaps,
    begins,
    continuations,
    differentiate,
    duals,
    functions,
    jacobian,
    matrices,
)
from lenses.laws import random_term, standard
from lenses.laws.programs import traced

REPRESENTATIONS = [functions, matrices, duals, continuations, begins, Factors(), Factors("forward"), Factors("reverse")]
NESTED = [Dual(matrices), Continuation(duals), Begin(functions), Dual(begins), Dual(Dual(matrices)), Begin(Factors())]


@pytest.fixture(autouse=True, scope="module")
def _double():
    with jax.enable_x64(True):
        yield


def point(term: Typed, seed: int = 0) -> tuple[Any, list[Any]]:
    """Random parameters and inputs of a term."""
    rng = np.random.default_rng(seed)
    params = jax.eval_shape(compile(term).init, jax.random.key(0))
    return jax.tree.map(lambda p: rng.normal(size=p.shape), params), [rng.normal(size=a.sizes) for a in term.dom]


def by_jax(term: Typed, params: Any, xs: Any, of: Any = jax.jacrev) -> Any:
    """The Jacobian of a term's meaning by JAX, as one matrix."""
    net = compile(term)

    def flat(*xs: Any) -> Any:
        ys = net(params, *xs)
        return jnp.concatenate([jnp.ravel(y) for y in (ys if isinstance(ys, tuple) else (ys,))])

    parts = of(flat, argnums=tuple(range(len(xs))))(*xs)
    return jnp.concatenate([jnp.reshape(p, (p.shape[0], -1)) for p in parts], 1)


def by_jacobian(term: Typed, mode: str, params: Any, xs: Any) -> Any:
    """What `jacobian` gives, as one matrix."""
    found = jacobian(term, mode=mode)(params, *xs)
    rows = found if len(term.cod) > 1 else (found,)
    rows = rows if len(term.dom) > 1 else [(row,) for row in rows]
    sizes = [a.size for a in term.cod]
    return jnp.concatenate(
        [jnp.concatenate([jnp.reshape(b, (n, -1)) for b in row], 1) for n, row in zip(sizes, rows, strict=True)]
    )


def agree(term: Typed, seed: int = 0, nested: bool = False) -> None:
    """All representations and modes give JAX's Jacobian, to 1e-12 of its largest number."""
    params, xs = point(term, seed)

    def every(params: Any, *xs: Any) -> list[Any]:
        maps = [*REPRESENTATIONS, *(NESTED if nested else [])]
        found = [k.matrix(differentiate(term, by=k)(params, *xs)[1]) for k in maps]
        found += [by_jacobian(term, mode, params, xs) for mode in ("auto", "forward", "reverse")]
        return [by_jax(term, params, xs), by_jax(term, params, xs, jax.jacfwd), *found]

    expected, again, *found = traced(every, params, *xs)(params, *xs)
    if not np.isfinite(expected).all():
        pytest.skip("an overflow: JAX's own Jacobian is not a number there")
    large = max(1.0, float(np.max(np.abs(expected), initial=0)))
    for ours in [again, *found]:
        assert ours.shape == expected.shape
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12 * large)


TERMS = {
    "cosSinProd": (multiply >> copy >> cos @ sin).at(Real(), Real()),
    "a perceptron": (dense(3) >> tanh >> dense(2)).at(Real(4)),
    "rows": (dense(3) >> tanh >> linear(2)).at(Real(2, 4)),
    "a residual": (copy >> identity @ (dense(3) >> relu) >> add).at(Real(3)),
    "one weight twice": (tied("w", dense(3)) >> tanh >> tied("w", dense(3))).at(Real(3)),
    "a repeat": ((dense(3) >> tanh) ** 3).at(Real(3)),
    "a scan": scan(dense(2) @ identity >> add >> tanh >> copy, 0).at(Real(2), Real(3, 2)),
    "a convolution": (conv(2, (2, 2)) >> relu >> max_pool() >> flatten >> dense(2)).at(Real(4, 4, 1)),
    "attention's parts": (matmul >> causal_mask(-1, -2) >> softmax()).at(Real(3, 2), Real(2, 3)),
    "a normalisation": (layer_norm() >> square).at(Real(3)),
    "a coupling": coupling(dense(2) >> tanh, dense(2)).at(Real(2), Real(2)),
    "wires that end and start": (discard @ copy >> identity @ zero(Real(2, dtype="float64")) @ tanh).at(
        Real(3, dtype="float64"), Real(2, dtype="float64")
    ),
    "a constant": (identity @ constant([0.5, -1.5], Real(2, dtype="float64")) >> swap).at(Real(2, dtype="float64")),
    "a sum with itself": (copy(3) >> add(3)).at(Real(2)),
    "the identity": identity(2).at(Real(2), Real()),
    "a function": lift(lambda x, y: (x * y.sum(), x + 1), 2, 2).at(Real(2), Real(3)),
    "indices inside": (copy >> identity @ (argmax() >> embedding(2, dtype="float64")) >> add).at(
        Real(2, dtype="float64")
    ),
}


def doubled(term: Typed) -> Typed:
    """The term in double precision."""
    from lenses.laws.signature import at_dtype

    return Typed(term.term, at_dtype(term.dom, "float64"))


@pytest.mark.parametrize("name", TERMS)
def test_every_representation_gives_jaxs_jacobian(name):
    agree(doubled(TERMS[name]), nested=name in ("cosSinProd", "rows"))


@pytest.mark.parametrize("seed", [1, 4, 7])
def test_random_terms(seed):
    term = random_term(random.Random(seed), standard("float64", indices=False), steps=7)
    if len(term.dom) and len(term.cod):
        agree(term, seed)


@pytest.mark.slow
@given(laws.terms(standard("float64", indices=False), steps=6), st.integers(0, 99))
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_terms_of_the_strategy(term, seed):
    if len(term.dom) and len(term.cod):
        with jax.enable_x64(True):
            agree(term, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_random_terms_at_length(seed):
    term = random_term(random.Random(seed), standard("float64", indices=False), steps=12)
    if len(term.dom) and len(term.cod):
        agree(term, seed)


def test_parameters_move_where_they_are_exposed():
    term = (dense(2) >> tanh >> dense(2)).at(Real(3, dtype="float64"))
    exposed = expose(term)
    agree(exposed.at(exposed.params @ term.dom))


def test_exposed_parameters_that_are_tied_or_deep_inside():
    twice = tied("w", dense(2)) >> tanh >> tied("w", dense(2))
    for model in twice, (dense(2) >> tanh) ** 3, (tied("w", dense(2)) >> tanh) ** 2 >> dense(1):
        exposed = expose(model.at(Real(2, dtype="float64")))
        agree(exposed.at(exposed.params @ exposed.term.dom))


def test_with_a_derivative_of_ones_own():
    @jax.custom_vjp
    def triple(x: Any) -> Any:
        return 3 * x

    triple.defvjp(lambda x: (3 * x, None), lambda _, d: (5 * d,))
    term = lift(triple).at(Real(2, dtype="float64"))
    for k in REPRESENTATIONS:
        found = k.matrix(differentiate(term, by=k)(np.ones(2))[1])
        np.testing.assert_array_equal(found, 5 * np.eye(2))


# -- what the paper says -----------------------------------------------------------------------


def test_value_and_derivative():
    y, change = differentiate((dense(2) >> tanh).at(Real(3)))({"dense_0": PARAMS}, jnp.ones(3))
    np.testing.assert_allclose(y, np.tanh(np.arange(6.0).reshape(3, 2).sum(0) / 10), rtol=1e-6)
    assert change.dom == Real(3) and change.cod == Real(2)
    assert change(jnp.ones(3))[0].shape == (2,)


PARAMS = {"weight": jnp.arange(6.0).reshape(3, 2) / 10, "bias": jnp.zeros(2)}


def test_multiplication_is_scale_join_scale():
    """D multiply (a, b) = scale b join scale a."""
    for k in REPRESENTATIONS:
        _, found = differentiate(multiply.at(Real(), Real()), by=k)(2.0, 3.0)
        joined = k.join(k.scale(Real(), 3.0), k.scale(Real(), 2.0))
        np.testing.assert_array_equal(k.matrix(found), k.matrix(joined))
        np.testing.assert_array_equal(k.matrix(found), [[3.0, 2.0]])


def test_what_maps_are_held_as():
    term = (multiply >> copy >> cos @ sin).at(Real(), Real())
    said = {k.name: differentiate(term, by=k)(2.0, 3.0)[1].says for k in REPRESENTATIONS}
    assert said["functions"] == "D[multiply] >> copy >> D[cos] @ identity(1) >> identity(1) @ D[sin]"
    assert said["duals of functions"] == "dual of identity(1) @ D[sin]' >> D[cos]' @ identity(1) >> add >> D[multiply]'"
    assert said["continuations of matrices"].endswith("; h") and said["begin-form of matrices"].startswith("h -> h ;")
    assert said["matrices"] == "[0.8382, 0.5588; 2.881, 1.92]"


@pytest.mark.parametrize("maps", [functions, duals, matrices, Factors()], ids=repr)
def test_chains_of_any_length(maps: LinearMaps):
    limit = sys.getrecursionlimit()
    term = compose(*[tanh] * 300).at(Real())

    def slope(x: Any) -> Any:
        return maps.matrix(differentiate(term, by=maps)(x)[1])

    sys.setrecursionlimit(len(inspect.stack()) + 250)
    try:
        shape = jax.eval_shape(slope, jnp.asarray(0.5, "float32"))
    finally:
        sys.setrecursionlimit(limit)
    assert shape.shape == (1, 1)


# -- errors ------------------------------------------------------------------------------------


def test_what_has_no_jacobian():
    for make in (jacobian, differentiate):
        refused(SpaceError, lambda make=make: make(argmax().at(Real(3))), "no Jacobian", "output 0", "Index")
        refused(SpaceError, lambda make=make: make(embedding(2).at(Index(below=3))), "input 0", "Index")
        refused(SpaceError, lambda make=make: make(add.at(Bits(), Bits())), "input 0", r"Bits\(\)", "real numbers")
        refused(SpaceError, lambda make=make: make(dense(3)), "needs a typed term")
        refused(LensError, lambda make=make: make(dropout(0.5).at(Real(3))), "random keys", "inference")
        refused(LensError, lambda make=make: make(batch_norm().at(Real(3))), "states", "inference")
    refused(LensError, lambda: jacobian(tanh.at(Real(3)), mode="sideways"), "'sideways'", "auto")
    refused(LensError, lambda: differentiate(tanh.at(Real(3)), by="matrices"), "representation")  # type: ignore[arg-type]


def test_points_that_do_not_fit():
    f = jacobian(dense(2).at(Real(3)))
    params = {"dense_0": {"weight": jnp.ones((3, 2)), "bias": jnp.zeros(2)}}
    refused(LensError, lambda: f(params, jnp.ones(4)), r"shape \(4,\)", "Real")
    refused(LensError, lambda: f(params, jnp.ones((5, 3))), "batch", "jax.vmap")
    refused(LensError, lambda: f(jnp.ones(3)), "inputs for 1 wires|parameters")
    assert jacobian(tanh.at(Real(3)))({}, jnp.ones(3)).shape == (3, 3)


def test_maps_that_do_not_compose():
    refused(
        LensError, lambda: matrices.compose(matrices.identity(Real(2)), matrices.identity(Real(3))),
        "do not compose", r"Real\(3\)", r"Real\(2\)",
    )  # fmt: skip


def test_nothing_in_or_out():
    assert jacobian(zero(Real(2)).at())() == ()
    assert jacobian(discard.at(Real(2)))(jnp.ones(2)) == ()
    assert matrices.matrix(matrices.identity(unit)).shape == (0, 0)
    assert np.array_equal(jacobian(scale(2.0).at(Real()))(1.0), 2.0)
