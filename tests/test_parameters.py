"""Trees of parameters: named after the term, equal for equal terms, with the initial values that are asked for."""

from __future__ import annotations

import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import close, interchange, normal, randomise, refused, same, seeded_term, space_of, term_of
from hypothesis import given, settings
from hypothesis import strategies as st

from lenses import (
    Index,
    LensError,
    Real,
    batch_norm,
    block,
    compile,
    dense,
    embedding,
    layer_norm,
    linear,
    relu,
    tied,
)


def test_trees_are_named_after_the_term():
    term = (
        block("encoder", dense(4) >> relu >> layer_norm())
        >> dense(2) ** 1
        >> block("encoder", dense(4))
        >> tied("w", dense(4))
        >> dense(4) ** 3
    )
    shapes = jax.tree.map(jnp.shape, compile(term, Real(3)).init(jax.random.key(0)))
    assert shapes == {
        "w": {"dense_0": {"weight": (4, 4), "bias": (4,)}},
        "encoder": {"dense_0": {"weight": (3, 4), "bias": (4,)}, "layer_norm_0": {"scale": (4,), "offset": (4,)}},
        "dense_0": {"weight": (4, 2), "bias": (2,)},
        "encoder_1": {"dense_0": {"weight": (2, 4), "bias": (4,)}},
        "repeat_0": {"dense_0": {"weight": (3, 4, 4), "bias": (3, 4)}},
    }


@pytest.mark.parametrize(
    ("term", "count"),
    [
        (block("dense_0", dense(4)) >> dense(3), 4),
        (dense(4) >> block("dense_0", dense(3)), 4),
        (block("a", dense(5)) >> block("a", dense(4)) >> block("a_1", dense(3)), 6),
        (block("a_1", dense(5)) >> block("a", dense(4)) >> block("a", dense(3)), 6),
        (tied("dense_0", dense(5)) >> dense(3), 4),
        (dense(5) >> tied("dense_0", dense(5)), 4),
        (tied("a", dense(5)) >> block("a", dense(3)), 4),
        (batch_norm() >> block("batch_norm_0", batch_norm()), 4),
    ],
)
def test_no_two_parts_share_a_name(term, count):
    """Names that meet are told apart, or refused with both parts named; no parameter is ever lost."""
    try:
        net = compile(term, Real(5))
    except LensError as error:
        assert "a" in str(error) and "name" in str(error)
        return
    params = net.init(jax.random.key(0))
    assert len(jax.tree.leaves(params)) == count
    x = jnp.ones((2, 5))
    y = net(params, x, state=net.init_state())[0] if net.stateful else net(params, x)
    assert y.shape == (2, *net.cod[0].sizes)


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_equal_terms_have_equal_parameters_and_values(seed):
    layers, start = seeded_term(seed, 8)
    term = term_of(layers, len(start))
    other = term_of(interchange(layers, random.Random(seed)), len(start))
    assert term == other
    one, two = compile(term, space_of(start)), compile(other, space_of(start))
    shapes = lambda net: jax.tree.map(lambda v: v.shape, jax.eval_shape(net.init, jax.random.key(0)))  # noqa: E731
    assert shapes(one) == shapes(two)
    assert jax.tree.structure(jax.eval_shape(one.init, jax.random.key(0))) == jax.tree.structure(
        jax.eval_shape(two.init, jax.random.key(0))
    )
    if seed % 8:
        return
    params = randomise(jax.eval_shape(one.init, jax.random.key(0)))
    same(one.init(jax.random.key(1)), two.init(jax.random.key(1)))
    xs = [normal(i, n) for i, n in enumerate(start)]
    close(one(params, *xs), two(params, *xs), 1e-6)


def test_initial_values():
    net = compile(dense(400) >> linear(300, init="he_normal"), Real(500))
    params = net.init(jax.random.key(0))
    weight = np.asarray(params["dense_0"]["weight"])
    assert abs(weight.std() - 500**-0.5) < 0.002 and abs(weight.mean()) < 0.002
    assert (params["dense_0"]["bias"] == 0).all()
    assert abs(np.asarray(params["linear_0"]["weight"]).std() - (2 / 400) ** 0.5) < 0.002
    other = net.init(jax.random.key(1))
    assert not (other["dense_0"]["weight"] == params["dense_0"]["weight"]).all()
    same(net.init(jax.random.key(0)), params)
    longer = compile(dense(400) >> linear(300, init="he_normal") >> dense(2), Real(500)).init(jax.random.key(0))
    same({k: longer[k] for k in params}, params)
    heads = compile(dense(head=8, d=16), Real(100)).init(jax.random.key(0))["dense_0"]["weight"]
    assert abs(np.asarray(heads).std() - 0.1) < 0.005
    table = compile(embedding(64), Index(below=300)).init(jax.random.key(0))["embedding_0"]["table"]
    assert abs(np.asarray(table).std() - 0.02) < 0.001
    stacked = compile(dense(100) ** 5, Real(100)).init(jax.random.key(0))["repeat_0"]["dense_0"]["weight"]
    assert abs(np.asarray(stacked).std() - 0.1) < 0.002
    refused(LensError, lambda: dense(3, init="nothing"), "no initialiser 'nothing'", "lecun_normal")


@pytest.mark.parametrize(
    "init",
    [
        "lecun_normal",
        "lecun_uniform",
        "he_normal",
        "he_uniform",
        "glorot_normal",
        "glorot_uniform",
        "orthogonal",
        "zeros",
        "ones",
        "constant:0.5",
        "normal:0.3",
        "uniform:0.2",
    ],
)
def test_initialisers_are_those_of_jax(init):
    net = compile(dense(40, init=init), Real(30))
    weight = np.asarray(net.init(jax.random.key(0))["dense_0"]["weight"])
    name, *numbers = init.split(":")
    make = getattr(jax.nn.initializers, name)
    make = make if name in ("zeros", "ones") else make(*map(float, numbers))
    expected = np.asarray(make(jax.random.key(5), (30, 40), jnp.float32))
    assert abs(weight.std() - expected.std()) < 0.02 and abs(weight.mean() - expected.mean()) < 0.02
    assert abs(abs(weight).max() - abs(expected).max()) < 0.3
    if name == "orthogonal":
        close(weight @ weight.T, np.eye(30), 1e-4, 1e-5)
