"""Soft gates: they agree with the gates at bits, are means in between, learn, and harden."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import close, refused

from lenses import (
    Bits,
    LensError,
    Port,
    Real,
    Typed,
    adam,
    add,
    binary_cross_entropy,
    block,
    compile,
    concatenate,
    constant,
    copy,
    identity,
    learner,
    multiply,
    para,
    rearrange,
    reduce_sum,
    split,
    tied,
    wired,
)
from lenses.circuits import bit, conj, disj, gate, lookup, mux, nand, neg, nor, tables, to_netlist, xnor, xor
from lenses.circuits.learning import agreements, choose, harden, layer, log_odds, soften, tally

POINTS = np.array(list(itertools.product((0, 1), repeat=4)))


@wired
def mixed(x):
    a, b, c, d = (rearrange("1 -> ")(w) for w in split(1, 1, 1, 1)(x))
    one = bit(1)()
    return disj(mux(a, b, c), nand(c, xor(d, one))), add(3)(a, neg(b), nor(c, d))


GATES = [conj, xor, disj, nand, nor, xnor, mux, neg, add(4), *map(gate, (2, 11, 13))]


@pytest.mark.parametrize("term", GATES, ids=repr)
def test_a_soft_gate_is_the_mean_over_independent_bits(term):
    n = term.arity[0]
    space, real = Bits(), Real()
    for _ in range(n - 1):
        space, real = space @ Bits(), real @ Real()
    points = np.array(list(itertools.product((0, 1), repeat=n))).T
    values = np.asarray(compile(term, space)({}, *points))
    soft = compile(soften(term), real)
    np.testing.assert_array_equal(soft({}, *points.astype("float32")), values)
    p = np.random.default_rng(0).random(n).astype("float32")
    weights = np.prod(np.where(points == 1, p[:, None], 1 - p[:, None]), 0)
    close(soft({}, *p), values @ weights, 1e-5, 1e-6)


def certain(params):
    """Numbers that say these bits, with hardly a doubt."""
    return jax.tree.map(lambda b: jnp.asarray(80.0 * b - 40.0, "float32"), params)


LEARNED = [
    mixed,
    layer(5, 3, seed=1, init="bernoulli"),
    lookup(4),
    lookup(4, 2),
    block("part", layer(3, init="bernoulli")) >> lookup(3),
    tied("t", layer(4, seed=2, init="bernoulli")) >> tied("t", layer(4, seed=2, init="bernoulli")),
    layer(4, seed=2, init="bernoulli") ** 3,
    para(multiply, [Port("mask", "param", Bits(4)[0], "bernoulli")]),
    (constant([1, 0], Bits(2)) @ identity) >> concatenate() >> lookup(6),
]


@pytest.mark.parametrize("term", LEARNED, ids=lambda t: repr(t)[:40])
def test_a_softened_term_is_the_term_at_bits_and_hardens_to_it(term):
    net, soft = compile(term, Bits(4)), compile(soften(term), Real(4))
    params = net.init(jax.random.key(0))
    assert jax.tree.structure(params) == jax.tree.structure(soft.init(jax.random.key(0)))
    close(soft(certain(params), POINTS.astype("float32")), net(params, POINTS), 1e-5, 1e-5)
    hard = harden(term, certain(params), Bits(4))
    jax.tree.map(np.testing.assert_array_equal, hard, params)
    typed = soften(term.at(Bits(4)))
    assert isinstance(typed, Typed) and typed.dom == Real(4)
    assert to_netlist(term.at(Bits(4)), hard).inputs == 4


def test_mixtures_and_choices_harden_to_the_likeliest():
    term = choose(3) >> tables(2)
    soft = compile(soften(term, "mixture"), Real(4))
    params = soft.init(jax.random.key(0))
    assert params["tables_0"]["table"].shape == (3, 16) and params["choose_0"]["choice"].shape == (3, 2, 4)
    sure = {
        "tables_0": {"table": 40.0 * jax.nn.one_hot(np.array([8, 6, 12]), 16)},
        "choose_0": {"choice": 40.0 * jax.nn.one_hot(np.array([[0, 1], [1, 2], [3, 0]]), 4)},
    }
    hard = harden(term, sure, Bits(4))
    assert hard["tables_0"]["table"].tolist() == [[0, 0, 0, 1], [0, 1, 1, 0], [0, 0, 1, 1]]
    a, b, c, d = POINTS.T
    expected = np.stack([a & b, b ^ c, d], 1)
    np.testing.assert_array_equal(compile(term, Bits(4))(hard, POINTS), expected)
    close(soft(sure, POINTS.astype("float32")), expected, 1e-5, 1e-5)


@pytest.mark.parametrize("form", ["entries", "mixture"])
def test_circuits_that_start_through_hand_their_first_input_on(form):
    deep = layer(4, seed=0)
    for seed in range(1, 20):
        deep = deep >> layer(4, seed=seed)
    soft = compile(soften(deep, form), Real(4))
    hard = harden(deep, soft.init(jax.random.key(0)), Bits(4))
    out = np.asarray(compile(deep, Bits(4))(hard, POINTS))
    assert all(any((column == x).all() for x in POINTS.T) for column in out.T)


def test_xor_is_learned_and_hardened():
    term = choose(2) >> tables(2) >> rearrange("n -> 1 n") >> tables(2)
    y = (POINTS[:, 1] ^ POINTS[:, 3])[:, None]
    fit = learner(
        soften(term, start="random") >> log_odds(), Real(4), loss=binary_cross_entropy, optimiser=adam(0.1)
    )  # fmt: skip
    for seed in range(5):
        state = fit.init(jax.random.key(seed))
        state, _ = fit.run(state, (POINTS, y), epochs=300, batch=16, key=None, progress=False)
        hard = harden(term, state.params, Bits(4))
        if (np.asarray(compile(term, Bits(4))(hard, POINTS)) == y).all():
            return
    raise AssertionError("no start of five learned it")


def test_ends_of_models():
    x = np.random.default_rng(0).random((3, 12)).astype("float32")
    close(compile(tally(4, 2.0), Real(12))({}, x), x.reshape(3, 4, 3).sum(-1) / 2, 1e-6)
    p = np.array([0.1, 0.5, 0.9], "float32")
    close(compile(log_odds(1e-6), Real(3))({}, p), np.log(p / (1 - p)), 1e-4, 1e-5)


def test_a_step_computes_what_one_would_write_by_hand():
    """The same numbers, and no more floating-point operations."""
    from lenses.circuits.learning.layers import drawn

    term = layer(64, seed=1) >> layer(64, seed=2)
    net = compile(soften(term, start="random"), Real(16))
    params, x = net.init(jax.random.key(0)), np.random.default_rng(0).random((32, 16)).astype("float32")
    sources = [drawn(16, 64, 2, 1), drawn(64, 64, 2, 2)]

    def by_hand(params, x):
        x = x.T
        for name, wires in zip(("tables_0", "tables_1"), sources, strict=True):
            a, b, c, d = jax.nn.sigmoid(params[name]["table"]).T[:, :, None]
            u, v = x[wires[:, 0]], x[wires[:, 1]]
            low, high = a + u * (c - a), b + u * (d - b)
            x = low + v * (high - low)
        return x.T

    def program(f):
        return jax.jit(jax.value_and_grad(lambda p: f(p, x).sum())).lower(params).compile()

    ours, theirs = program(net), program(by_hand)
    close(ours(params), theirs(params), 1e-4, 1e-5)
    costs = [program.cost_analysis() or {} for program in (ours, theirs)]
    assert costs[0]["flops"] <= 1.1 * costs[1]["flops"]


def test_what_has_no_soft_meaning_is_refused():
    refused(LensError, lambda: soften(reduce_sum()), "reduce_sum", "no soft meaning")
    refused(LensError, lambda: soften(agreements(2)), "agreements", "no soft meaning")
    refused(LensError, lambda: soften(lookup(2), "other"), "form", "entries")
    refused(LensError, lambda: soften(copy, start="other"), "start", "through")
