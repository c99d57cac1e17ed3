"""The rules beside backprop: gradients against hand-written JAX, bytes kept, and learning."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import close, refused, same, sample

from lenses import (
    Index,
    LensError,
    Real,
    add,
    argmax,
    batch_norm,
    block,
    compile,
    concatenate,
    conv,
    copy,
    coupling,
    dense,
    discard,
    dropout,
    embedding,
    flatten,
    identity,
    learner,
    relu,
    scan,
    sgd,
    softmax_cross_entropy,
    split,
    squared,
    tanh,
    tied,
)
from lenses.rules import (
    Clause,
    Rule,
    backprop,
    direct_feedback_alignment,
    feedback_alignment,
    recompute,
    reversible,
)

X, DY = np.random.default_rng(0).normal(size=(8, 5)), np.random.default_rng(1).normal(size=(8, 3))
MLP = dense(7) >> relu >> dense(6) >> tanh >> dense(3)


def gradients(term, space, rule, xs, dys, key=None):
    net = compile(term, space, rule=rule)
    params = net.init(jax.random.key(0))
    state = net.init_state(jax.random.key(1))
    _, pullback = net.vjp(params, *xs, state=state, key=key)
    return params, state, pullback(*dys)


def layers(params, x):
    """The pre-activations and activations of MLP, by hand."""
    w = [params[f"dense_{i}"]["weight"] for i in range(3)]
    b = [params[f"dense_{i}"]["bias"] for i in range(3)]
    z1 = x @ w[0] + b[0]
    a1 = jnp.maximum(z1, 0)
    a2 = jnp.tanh(a1 @ w[1] + b[1])
    return z1, a1, a2


# -- feedback --------------------------------------------------------------------------------


def test_feedback_alignment_by_hand(x64):
    params, state, (dparams, dx) = gradients(MLP, Real(5, dtype="float64"), feedback_alignment(), [X], [DY])
    feedback = [state[f"dense_{i}"]["feedback"] for i in range(3)]
    z1, a1, a2 = layers(params, X)
    d2 = DY @ feedback[2].T * (1 - a2**2)
    d1 = d2 @ feedback[1].T * (z1 > 0)
    for i, (x, d) in enumerate([(X, d1), (a1, d2), (a2, DY)]):
        close(dparams[f"dense_{i}"], {"weight": x.T @ d, "bias": d.sum(0)}, 1e-12, 1e-12)
    close(dx, d1 @ feedback[0].T, 1e-12, 1e-12)


def test_direct_feedback_alignment_by_hand(x64):
    params, state, (dparams, _) = gradients(MLP, Real(5, dtype="float64"), direct_feedback_alignment(), [X], [DY])
    to_hidden = [state[f"dense_{i}"]["feedback"] for i in (1, 2)]
    assert [b.shape for b in to_hidden] == [(3, 7), (3, 6)]
    z1, a1, a2 = layers(params, X)
    d1, d2 = DY @ to_hidden[0] * (z1 > 0), DY @ to_hidden[1] * (1 - a2**2)
    for i, (x, d) in enumerate([(X, d1), (a1, d2), (a2, DY)]):
        close(dparams[f"dense_{i}"], {"weight": x.T @ d, "bias": d.sum(0)}, 1e-12, 1e-12)


def test_feedback_through_convolutions(x64):
    """With the weight itself as feedback, feedback alignment is backprop."""
    model = conv(4) >> relu >> conv(2) >> flatten >> dense(3)
    space = Real(4, 4, 1, dtype="float64")
    net = compile(model, space, rule=feedback_alignment())
    params = net.init(jax.random.key(0))
    state = {name: {"feedback": p["weight"]} for name, p in params.items()}
    (x,) = sample(space, 3, (8,))
    _, pullback = net.vjp(params, x, state=state)
    _, expected = compile(model, space).vjp(params, x)
    close(pullback(DY), expected(DY), 1e-12, 1e-12)


def test_feedback_weights_stay():
    fit = learner(MLP, Real(5), loss=squared, optimiser=sgd(0.1), rule=feedback_alignment())
    state = fit.init(jax.random.key(0))
    before = jax.tree.map(np.asarray, state.states)
    state, _ = fit.step(state, X.astype("float32"), DY.astype("float32"))
    same(state.states, before)
    assert sorted(state.params) == ["dense_0", "dense_1", "dense_2"]


def test_an_unused_branch_gets_the_error_directly():
    """Discard is natural for feedback alignment and is not for direct feedback alignment."""
    term = copy >> (dense(3) @ (dense(4) >> dense(2) >> discard)) >> identity
    for rule, moved in ((feedback_alignment(), False), (direct_feedback_alignment(), True), (backprop, False)):
        _, _, (dparams, _) = gradients(term, Real(5), rule, [X], [DY])
        unused = dparams["dense_1"]["weight"]
        assert bool(jnp.any(unused != 0)) == moved
        assert rule.zero_preserving != moved


def test_feedback_inside_loops(x64):
    """Each time of a repeat has feedback weights of its own; a scan's steps share theirs."""
    space = Real(5, dtype="float64")
    _, state, (dparams, _) = gradients((dense(5) >> tanh) ** 3, space, feedback_alignment(), [X], [X])
    assert state["repeat_0"]["dense_0"]["feedback"].shape == (3, 5, 5)
    by_hand = dense(5) >> tanh >> dense(5) >> tanh >> dense(5) >> tanh
    net = compile(by_hand, space, rule=feedback_alignment())
    stacked = compile((dense(5) >> tanh) ** 3, space).init(jax.random.key(0))["repeat_0"]["dense_0"]
    params = {f"dense_{i}": jax.tree.map(lambda v, i=i: v[i], stacked) for i in range(3)}
    states = {f"dense_{i}": {"feedback": state["repeat_0"]["dense_0"]["feedback"][i]} for i in range(3)}
    expected = net.vjp(params, X, state=states)[1](X)[0]
    for i in range(3):
        close(jax.tree.map(lambda v, i=i: v[i], dparams["repeat_0"]["dense_0"]), expected[f"dense_{i}"], 1e-12, 1e-12)
    cell = (dense(5) @ dense(5)) >> add >> tanh >> copy
    _, state, _ = gradients(
        scan(cell, 0),
        Real(5) @ Real(4, 3),
        feedback_alignment(),
        sample(Real(5) @ Real(4, 3), 1),
        sample(Real(5) @ Real(4, 5), 2),
    )
    assert state["scan_0"]["dense_0"]["feedback"].shape == (5, 5)


# -- memory ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["blocks", "repeat", "dropout", "batch norm", "tied"])
def test_recomputation_is_backprop(name, x64):
    inner = dense(5) >> tanh >> dense(5) >> relu
    model = {
        "blocks": block("a", inner) >> block("b", inner),
        "repeat": block("a", inner) ** 3,
        "dropout": block("a", inner >> dropout(0.5)) >> dense(5),
        "batch norm": block("a", inner >> batch_norm()) >> dense(5),
        "tied": block("a", tied("w", inner)) >> tied("w", inner),
    }[name]
    key = jax.random.key(3)
    space = Real(5, dtype="float64")
    results = [gradients(model, space, rule, [X], [X], key)[2] for rule in (recompute(), backprop)]
    close(results[0], results[1], 1e-12, 1e-12)


def test_recomputation_keeps_the_inputs_of_blocks():
    inner = dense(64) >> tanh >> dense(64) >> tanh >> dense(5) >> tanh
    model = block("a", inner) >> block("b", inner)
    x = np.zeros((8, 5), "float32")
    kept = []
    for rule in (recompute(), recompute("b"), backprop):
        net = compile(model, Real(5), rule=rule)
        kept.append(list(net.kept(net.init(jax.random.key(0)), x).values()))
    # Of a block that is named nothing is kept but its input; what the other keeps is up to jax.
    assert kept[0] == [x.nbytes, x.nbytes]
    assert kept[2][0] <= sum(kept[1]) <= kept[2][0] + x.nbytes < sum(kept[2])


def test_recomputation_is_in_the_program():
    """The forward pass stands in it twice, behind a barrier, so that XLA does not merge the two."""
    net = compile(block("a", dense(5) >> tanh), Real(5), rule=recompute())
    text = net.lower_vjp(net.init(jax.random.key(0)), X.astype("float32")).as_text()
    assert text.count("stablehlo.tanh") == 2 and "optimization_barrier" in text


COUPLED = coupling(dense(5) >> tanh, dense(5) >> relu)


@pytest.mark.parametrize("depth", [1, 2, 6])
def test_reversible_is_backprop(depth, x64):
    space = Real(5, dtype="float64") @ Real(5, dtype="float64")
    results = [gradients(COUPLED**depth, space, rule, [X, X / 2], [X, X])[2] for rule in (reversible(), backprop)]
    close(results[0], results[1], 1e-9, 1e-9)


def test_reversible_among_other_boxes(x64):
    model = dense(10) >> split(5, 5) >> COUPLED**3 >> concatenate() >> copy >> (identity @ dense(10)) >> add >> dense(3)
    results = [gradients(model, Real(5, dtype="float64"), rule, [X], [DY])[2] for rule in (reversible(), backprop)]
    close(results[0], results[1], 1e-9, 1e-9)


def test_reversible_beside_a_discarded_branch(x64):
    model = COUPLED >> (identity @ discard)
    space = Real(5, dtype="float64") @ Real(5, dtype="float64")
    results = [gradients(model, space, rule, [X, X], [X])[2] for rule in (reversible(), backprop)]
    close(results[0], results[1], 1e-10, 1e-10)


def test_reversible_beside_a_copy_of_indices(x64):
    """Nothing comes back on wires of indices, so the copy has no message to join."""
    model = (copy >> (identity @ copy)) @ dense(3) >> (embedding(2) @ identity(3))
    space = Index(4, below=3) @ Real(5, dtype="float64")
    xs, dys = [np.array([[0, 2, 2, 1]] * 8), X], [np.ones((8, 4, 2), "float32"), DY]
    results = [gradients(model, space, rule, xs, dys)[2][0] for rule in (reversible(), backprop)]
    close(results[0], results[1], 1e-10, 1e-10)


def test_reversible_chains_keep_nothing():
    space = Real(5) @ Real(5)
    x = np.zeros((8, 5), "float32")
    temporary = {}
    for depth in (4, 32):
        for rule in (reversible(), backprop):
            net = compile(COUPLED**depth, space, rule=rule)
            params = net.init(jax.random.key(0))
            kept = sum(net.kept(params, x, x).values())
            assert (kept == 0) == (rule is not backprop)
            lowered = net.lower_vjp(params, x, x).compile()
            temporary[depth, rule is backprop] = lowered.memory_analysis().temp_size_in_bytes
    assert temporary[32, False] == temporary[4, False]
    assert temporary[32, True] > 4 * temporary[4, True]


# -- the shape of rules ----------------------------------------------------------------------


class Doubling(Clause):
    """A clause for the test: the change of the input is twice what it was."""

    def backward(self, cx, p, kept, ds):
        changes, dxs = super().backward(cx, p, kept, ds)
        return changes, [2 * d for d in dxs]


def test_clauses_are_looked_up_by_box_then_class_then_base():
    from lenses.boxes.linear import Dense, Weighted

    def change(clauses):
        return gradients(dense(3), Real(5), Rule("test", clauses), [X], [DY])[2][1]

    plain = change({})
    close(change({dense(3): Doubling()}), 2 * plain)
    close(change({dense(4): Doubling()}), plain)
    close(change({Dense: Doubling()}), 2 * plain)
    close(change({Weighted: Doubling(), Dense: Clause()}), plain)


def test_joining_is_the_rules(x64):
    class First(Rule):
        """Messages of copies meet by taking the first."""

        def join(self, array, messages):
            return messages[0]

    term = copy >> (dense(3) @ dense(3)) >> add
    params, _, (_, dx) = gradients(term, Real(5, dtype="float64"), First("first"), [X], [DY])
    close(dx, DY @ params["dense_0"]["weight"].T, 1e-12, 1e-12)


def test_meeting_of_uses_is_the_rules(x64):
    class First(Rule):
        """The uses of one parameter meet by taking the first, as weight noise wants."""

        def meet(self, array, use, other):
            return use

    term = tied("w", dense(5)) >> tanh >> tied("w", dense(5))
    summed = gradients(term, Real(5, dtype="float64"), backprop, [X], [X])[2][0]["w"]
    first = gradients(term, Real(5, dtype="float64"), First("first"), [X], [X])[2][0]["w"]
    other = jax.tree.map(jnp.subtract, summed, first)
    assert all(float(jnp.abs(leaf).max()) > 1e-3 for leaf in jax.tree.leaves(other))


@pytest.mark.parametrize(
    "rule", [backprop, feedback_alignment(), direct_feedback_alignment(), recompute(), reversible()]
)
def test_every_rule_learns(rule):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 5)).astype("float32")
    y = x[:, :3].argmax(1)
    fit = learner(
        dense(32) >> relu >> dense(32) >> relu >> dense(3),
        Real(5),
        loss=softmax_cross_entropy,
        optimiser=sgd(0.2),
        rule=rule,
    )
    state, history = fit.run(fit.init(jax.random.key(0)), (x, y), epochs=15, progress=False)
    assert history.loss[-1] < 0.6 * history.loss[0]
    assert fit.evaluate(state, (x, y))["accuracy"] > 0.8


@pytest.mark.parametrize("rule", [feedback_alignment(), recompute(), reversible()])
def test_index_wires(rule):
    model = embedding(5) >> block("a", dense(5) >> tanh)
    x = jnp.array([0, 1, 1, 2])
    _, _, (dparams, dx) = gradients(model, Index(below=3), rule, [x], [X[:4]])
    assert dx is None and dparams["embedding_0"]["table"].shape == (3, 5)


def test_errors():
    refused(LensError, lambda: compile(dense(3) >> argmax(), Real(5), rule=direct_feedback_alignment()), "real outputs")
    refused(
        LensError, lambda: compile(MLP, Real(5), rule=feedback_alignment("nonsense")).init_state(), "nonsense", "lecun"
    )
