"""Boolean variation: counted votes, the optimiser that flips bits by them, and neurons of bits."""

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
    Real,
    SpaceError,
    add,
    backprop,
    block,
    compile,
    concatenate,
    copy,
    dream,
    einsum,
    learner,
    logsumexp,
    multiply,
    reduce_max,
    reduce_mean,
    reduce_sum,
    scale,
    softmax_cross_entropy,
    spread,
)
from lenses.circuits import circuit, disj, lookup, mux, nand, neg, nor, tables, to_netlist, xnor
from lenses.circuits.learning import (
    agreements,
    boolean_variation,
    choose,
    fires,
    flips,
    integer_dense,
    layer,
    xor_error,
)

RULE = boolean_variation()


def votes(term, space, x, d, params=None):
    """The votes on the inputs and parameters of a term, for votes `d` on its output."""
    net = compile(term, space, rule=RULE)
    y, pullback = net.vjp(params or {}, *x)
    # The rule makes votes of errors: 1 for a label of 0, -1 for one of 1.
    return y, pullback(jnp.asarray(y) ^ jnp.asarray(d < 0, "int32"))


GATES = [add, multiply, nand, nor, xnor, disj, mux, add(3), neg]


@pytest.mark.parametrize("gate", GATES, ids=map(repr, GATES))
def test_a_vote_goes_through_the_difference_of_the_values_at_1_and_at_0(gate):
    n = gate.arity[0]
    points = np.array(list(itertools.product((0, 1), repeat=n))).T
    for sign in (1, -1):
        _, (_, dxs) = votes(gate, Bits() if n == 1 else tensor_of(n), list(points), np.full(2**n, sign))
        values = compile(gate, tensor_of(n))
        for i, dx in enumerate(dxs if n > 1 else [dxs]):
            ends = [np.array(points) for _ in (1, 0)]
            for end, value in zip(ends, (1, 0), strict=True):
                end[i] = value
            high, low = (np.asarray(values({}, *end)) for end in ends)
            np.testing.assert_array_equal(dx, sign * (high - low))


def tensor_of(n):
    space = Bits()
    for _ in range(n - 1):
        space = space @ Bits()
    return space


@pytest.mark.parametrize("term", [layer(3, 3, 1, "bernoulli"), choose(2, init="bernoulli") >> tables(2, "bernoulli")])
def test_votes_of_layers_are_slopes_over_the_reals(term):
    net, real = compile(term, Bits(4)), compile(term, Real(4))
    params = net.init(jax.random.key(0))
    x = np.random.default_rng(0).integers(0, 2, (6, 4))
    y = np.asarray(net(params, x))
    error = np.random.default_rng(1).integers(0, 2, y.shape)
    dparams, dx = compile(term, Bits(4), rule=RULE).vjp(params, x)[1](jnp.asarray(error))
    floats = jax.tree.map(lambda p: jnp.asarray(p, "float32"), params)
    expected, dx_expected = real.vjp(floats, x)[1](jnp.asarray(1.0 - 2.0 * (y ^ error), "float32"))
    if "choice" not in str(params):  # there parity is no sum
        close(jax.tree.leaves(dparams), jax.tree.leaves(expected), 1e-6)
        close(dx, dx_expected, 1e-6)
    assert any(np.abs(p).max() > 1 for p in jax.tree.leaves(dparams))  # votes of a batch are counted


def test_a_lookup_counts_votes_by_row():
    x = np.array([[0, 1], [0, 1], [0, 1], [1, 1]])
    y, (dparams, dx) = votes(
        lookup(2), Bits(2), [x], np.array([-1, -1, 1, 1]), {"lookup_0": {"table": np.array([0, 0, 0, 1])}}
    )
    assert y.tolist() == [0, 0, 0, 1]
    assert dparams["lookup_0"]["table"].tolist() == [0, -1, 0, 1]
    assert dx.tolist() == [[-1, 0], [-1, 0], [1, 0], [1, 1]]


def test_what_moves_bits_moves_votes_and_copies_add_them():
    space = Bits(2) @ Bits(2)
    term = concatenate() >> spread(3) >> reduce_sum()
    x, d = [np.array([1, 0]), np.array([0, 0])], np.array([1, -1, 1, 1])
    _, (_, dxs) = votes(term, space, x, d)
    # A sum of three copies: each goes up or down as the other two add up to 0, and there are three.
    np.testing.assert_array_equal(np.concatenate(dxs), 3 * d)
    twice = copy >> add
    _, (_, dx) = votes(twice, Bits(), [np.array([0, 1])], np.array([1, 1]))
    assert dx.tolist() == [2.0, -2.0]  # across boxes the chain rule is an approximation: the sum is always 0
    _, (_, dx) = votes(block("nothing", twice), Bits(), [np.array([0, 1])], np.array([1, 1]))
    assert dx.tolist() == [0.0, 0.0]  # a part of gates counts as one


def test_a_circuit_counts_as_one_box():
    """As a part of gates does, whatever its inputs have in common inside."""
    rng = np.random.default_rng(0)
    net = to_netlist(
        layer(6, seed=1, init="bernoulli").at(Bits(4)), {"tables_0": {"table": rng.integers(0, 2, (6, 4))}}
    )
    box = circuit(net, Bits(3) @ Bits(), Bits(2, 2) @ Bits(2))
    x = [rng.integers(0, 2, (5, 3)), rng.integers(0, 2, 5)]
    ys, pullback = compile(box, rule=RULE).vjp({}, *x)
    _, dxs = pullback(*ys)  # labels that are 0: every output votes for staying 0
    whole = np.concatenate([x[0], x[1][:, None]], 1)
    for i in range(4):
        ends = [whole.copy() for _ in (1, 0)]
        ends[0][:, i], ends[1][:, i] = 1, 0
        high, low = (net.evaluate(end.T.astype(bool)).astype(int).sum(0) for end in ends)
        np.testing.assert_array_equal(dxs[0][:, i] if i < 3 else dxs[1], high - low)


def test_dreaming_of_bits_by_votes():
    """Bits of an input flip until the classifier is sure of its class."""
    weight = np.array([[1, 0], [0, 1], [1, 0], [1, 0], [0, 1], [0, 1]])
    dreamer = dream(
        agreements(2), Bits(6), params={"agreements_0": {"weight": weight}},
        loss=softmax_cross_entropy, optimiser=flips(1.0, 0.9), rule=RULE,
    )  # fmt: skip
    state, losses = dreamer.run(dreamer.init(start=np.array([0, 1, 1, 0, 0, 1])), 0, 20)
    assert state.input.tolist() == weight[:, 0].tolist() and losses[-1] < 1e-4 < losses[0]


def test_flips_against_the_rule_written_by_hand():
    rng = np.random.default_rng(0)
    for beta in (1.0, 0.7, None):
        optimiser = flips(0.25, beta)
        p = {"w": jnp.asarray(rng.integers(0, 2, 50))}
        state, bits = optimiser.init(p), np.array(p["w"])
        m, kept, flipped = np.zeros(50), 1.0, 0
        for _ in range(8):
            q = rng.integers(-4, 5, 50)
            state, p = optimiser.put(state, p, {"w": jnp.asarray(q, "float32")})
            m = (kept if beta is None else beta) * m + 0.25 * q
            against = ((bits == 1) & (m >= 1)) | ((bits == 0) & (m <= -1))
            bits, m, kept = np.where(against, 1 - bits, bits), np.where(against, 0, m), 1 - against.mean()
            flipped += against.sum()
            np.testing.assert_array_equal(p["w"], bits)
            close(state["votes"]["w"], m, 1e-6, 1e-6)
        assert flipped > 10


@pytest.mark.parametrize("batch", [1, 7, 21])
def test_a_row_takes_its_majority_whatever_the_batch(batch):
    x = np.tile([[0], [1], [1]], (7, 1))
    y = np.array([1, 0, 1] * 3 + [0, 1, 0] * 2 + [1, 0, 0] * 2)
    fit = learner(lookup(1), Bits(1), loss=xor_error, optimiser=flips(1 / 32), rule=RULE)
    state, _ = fit.run(fit.init(jax.random.key(0)), (x, y), epochs=60, batch=batch, progress=False)
    majority = [int(np.mean(y[x[:, 0] == row]) > 0.5) for row in (0, 1)]
    assert state.params["lookup_0"]["table"].tolist() == majority == [1, 0]


# -- neurons ---------------------------------------------------------------------------------

NEURONS = (agreements(4) >> fires(7) >> agreements(2) >> fires(4)).at(Bits(7))
POINTS = np.array(list(itertools.product((0, 1), repeat=7)))


def test_neurons_count_agreements():
    net = compile(agreements(3), Bits(5))
    params = net.init(jax.random.key(0))
    w = np.asarray(params["agreements_0"]["weight"])
    x = POINTS[:20, :5]
    agree = (x[:, :, None] == w).sum(1)
    np.testing.assert_array_equal(net(params, x), 2 * agree - 5)
    on = compile(agreements(3) >> fires(5), Bits(5))(params, x)
    np.testing.assert_array_equal(on, 2 * agree >= 5)


def test_neurons_are_read_as_adders():
    net = compile(NEURONS)
    params = net.init(jax.random.key(1))
    read = to_netlist(NEURONS, params)
    np.testing.assert_array_equal(read.evaluate(POINTS.T.astype(bool)).T, net(params, POINTS))
    assert 0 < np.asarray(net(params, POINTS)).mean() < 1


def test_votes_of_neurons():
    """On a weight f at 1 less f at 0 of the count; through the threshold by the tanh of the paper."""
    net = compile(agreements(2), Bits(5), rule=RULE)
    params = net.init(jax.random.key(0))
    x, d = POINTS[9, :5], np.array([0.5, -2.0], "float32")
    dparams, dx = net.vjp(params, x)[1](d)
    plain = compile(agreements(2), Bits(5))
    for i in range(5):
        ends = [np.array(x) for _ in (1, 0)]
        ends[0][i], ends[1][i] = 1, 0
        close(dx[i], d @ np.subtract(*(plain(params, end) for end in ends)), 1e-6)
        for j in range(2):
            w = [np.array(params["agreements_0"]["weight"]) for _ in (1, 0)]
            w[0][i, j], w[1][i, j] = 1, 0
            ys = [plain({"agreements_0": {"weight": v}}, x) for v in w]
            close(dparams["agreements_0"]["weight"][i, j], d @ np.subtract(*ys), 1e-6)
    counts = np.array([-3.0, 0.0, 5.0], "float32")
    _, pullback = compile(fires(12), Real(3), rule=RULE).vjp({}, counts)
    error = np.array([0, 0, 0])  # labels as predicted: 0, 1, 1
    close(pullback(error)[1], np.array([1, -1, -1]) / np.cosh(np.pi * counts / 12) ** 2, 1e-5)


def test_neurons_learn_under_a_loss_of_real_numbers():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (300, 16))
    y = (x[:, :8].sum(1) > x[:, 8:].sum(1)).astype(int)
    fit = learner(
        agreements(24) >> fires(16) >> agreements(2) >> scale(0.2), Bits(16),
        loss=softmax_cross_entropy, optimiser=flips(1.0, None), rule=RULE,
    )  # fmt: skip
    state, _ = fit.run(fit.init(jax.random.key(0)), (x[:200], y[:200]), epochs=30, batch=20, progress=False)
    assert fit.evaluate(state, (x[200:], y[200:]))["accuracy"] >= 0.9
    assert {int(v) for leaf in jax.tree.leaves(state.params) for v in np.ravel(leaf)} == {0, 1}


@pytest.mark.parametrize("reduction", [reduce_sum(), reduce_mean(), reduce_max(), logsumexp()], ids=repr)
def test_reductions_of_real_numbers_are_what_they_are_under_backprop(reduction):
    x, d = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    by_votes, by_backprop = (compile(reduction, Real(3), rule=rule).vjp({}, x)[1](d[:, 0]) for rule in (RULE, backprop))
    close(by_votes, by_backprop)


@pytest.mark.parametrize("space", [Bits(5), Real(5)])
def test_whole_numbers_by_their_bits(space):
    term = integer_dense(2, 3)
    net, plain = compile(term, space, rule=RULE), compile(term, space)
    weight = np.array(net.init(jax.random.key(0))["integer_dense_0"]["weight"])
    x, d = POINTS[9, :5].astype(space[0].dtype), np.array([0.5, -2.0], "float32")
    numbers = np.where(weight[..., 0], -4, 0) + 2 * weight[..., 1] + weight[..., 2]
    close(plain({"integer_dense_0": {"weight": weight}}, x), x @ numbers, 1e-6)
    dparams, dx = net.vjp({"integer_dense_0": {"weight": weight}}, x)[1](d)
    close(dx, numbers @ d, 1e-6)
    for place in np.ndindex(weight.shape):
        ends = [weight.copy() for _ in (1, 0)]
        ends[0][place], ends[1][place] = 1, 0
        ys = [plain({"integer_dense_0": {"weight": end}}, x) for end in ends]
        close(dparams["integer_dense_0"]["weight"][place], d @ np.subtract(*ys), 1e-6)


def test_the_three_highest_bits_decide():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (400, 24))
    scores = x @ rng.normal(size=24)
    x, y = np.where(np.arange(24) < 1, 1, x), (scores > np.median(scores)).astype(int)
    fit = learner(
        integer_dense(2, 6) >> scale(1 / 64), Bits(24),
        loss=softmax_cross_entropy, optimiser=flips(1.0), rule=RULE,
    )  # fmt: skip
    state, _ = fit.run(fit.init(jax.random.key(0)), (x[:300], y[:300]), epochs=60, batch=30, progress=False)
    weight = np.array(state.params["integer_dense_0"]["weight"])
    reached = []
    for kept in (1, 3, 6):
        bits = np.where(np.arange(6) < kept, weight, 0)
        reached.append(fit.evaluate(fit.start({"integer_dense_0": {"weight": bits}}), (x[300:], y[300:]))["accuracy"])
    assert reached[2] >= 0.8 and reached[1] >= reached[2] - 0.05


def test_what_has_no_votes_or_no_derivative_says_so():
    fit = learner(NEURONS.term, NEURONS.dom, loss=xor_error, optimiser=flips(0.1))
    refused(LensError, lambda: fit.step(fit.init(jax.random.key(0)), POINTS[0], np.array([0, 1])), "boolean_variation")
    fit = learner((copy >> einsum("i, i ->")).at(Bits(2)), loss=xor_error, optimiser=flips(0.1), rule=RULE)
    refused(LensError, lambda: fit.step(fit.init(jax.random.key(0)), np.array([0, 1]), 1), "no variation", "einsum")
    refused(SpaceError, lambda: fires(3).at(Bits(3)), "counts")
    refused(SpaceError, lambda: agreements(3).at(Real(3)), "bits")
    refused(LensError, lambda: flips(0.1, threshold=0.0), "threshold", "above 0")
