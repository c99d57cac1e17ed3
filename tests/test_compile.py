"""Compiled terms: JAX's transformations, batch axes, states, keys, scans, one pass each way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import close, normal, primitives, randomise, refused, same, seeded_term, space_of, term_of
from hypothesis import given, settings
from hypothesis import strategies as st

import lenses
from lenses import (
    Index,
    LensError,
    ParameterError,
    Real,
    add,
    argmax,
    batch_norm,
    block,
    compile,
    compose,
    copy,
    dense,
    discard,
    dropout,
    embedding,
    identity,
    inference,
    layer_norm,
    multiply,
    relu,
    swap,
    tanh,
    tensor,
    unit,
    zero,
)

mlp = dense(8) >> relu >> dense(3)
NET = compile(mlp, Real(5))
PARAMS = randomise(jax.eval_shape(NET.init, jax.random.key(0)))


def by_hand(p, x):
    return (
        jax.nn.relu(x @ p["dense_0"]["weight"] + p["dense_0"]["bias"]) @ p["dense_1"]["weight"] + p["dense_1"]["bias"]
    )


# -- JAX's transformations -------------------------------------------------------------------


def test_jit_grad_vmap_and_tree():
    x, t = normal(0, 16, 5), normal(1, 16, 3)
    loss = lambda f: lambda p: ((f(p, x) - t) ** 2).mean()  # noqa: E731
    close(jax.jit(NET)(PARAMS, x), by_hand(PARAMS, x))
    close(jax.grad(loss(NET))(PARAMS), jax.grad(loss(by_hand))(PARAMS), 1e-5, 1e-6)
    close(jax.vmap(NET, (None, 0))(PARAMS, x), by_hand(PARAMS, x))
    many = jax.vmap(NET.init)(jax.random.split(jax.random.key(0), 4))
    close(jax.vmap(NET, (0, None))(many, x), jax.vmap(by_hand, (0, None))(many, x))
    close(jax.jvp(lambda x: NET(PARAMS, x), (x,), (x,)), jax.jvp(lambda x: by_hand(PARAMS, x), (x,), (x,)))
    hessian = jax.hessian(lambda x: tanh_net(PARAMS, x).sum())(x[0])
    close(hessian, jax.hessian(lambda x: by_hand_tanh(PARAMS, x).sum())(x[0]), 1e-4, 1e-5)
    doubled = jax.tree.map(lambda v: 2 * v, PARAMS)
    assert jax.tree.structure(doubled) == jax.tree.structure(PARAMS)
    close(NET(doubled, x), by_hand(doubled, x))


tanh_net = compile(dense(8) >> tanh >> dense(3), Real(5))


def by_hand_tanh(p, x):
    return jnp.tanh(x @ p["dense_0"]["weight"] + p["dense_0"]["bias"]) @ p["dense_1"]["weight"] + p["dense_1"]["bias"]


def test_optax_on_parameters():
    x, t = normal(0, 32, 5), normal(1, 32, 3)
    tx = optax.adam(1e-2)

    def run(f):
        def step(carry, _):
            params, opt = carry
            loss, grads = jax.value_and_grad(lambda p: ((f(p, x) - t) ** 2).mean())(params)
            updates, opt = tx.update(grads, opt, params)
            return (optax.apply_updates(params, updates), opt), loss

        return jax.jit(lambda p: jax.lax.scan(step, (p, tx.init(p)), None, length=50))(PARAMS)

    (ours, _), losses = run(NET)
    (theirs, _), expected = run(by_hand)
    close(ours, theirs, 1e-3, 1e-4)
    close(losses, expected, 1e-4)
    assert losses[-1] < losses[0] * 0.9


def test_gradients_are_those_of_jax_to_the_last_bit():
    x, dy = normal(0, 16, 5), normal(1, 16, 3)
    ours = jax.jit(lambda p, x: NET.vjp(p, x)[1](dy))(PARAMS, x)
    theirs = jax.jit(lambda p, x: jax.vjp(by_hand, p, x)[1](dy))(PARAMS, x)
    same(ours, tuple(theirs))


@pytest.mark.parametrize("batch", [(), (4,), (2, 3), (1,), (0,)])
def test_batch_axes(batch):
    x = normal(0, *batch, 5)
    close(NET(PARAMS, x), by_hand(PARAMS, x))
    y, pullback = NET.vjp(PARAMS, x)
    close(pullback(y), tuple(jax.vjp(by_hand, PARAMS, x)[1](y)), 1e-5, 1e-5)


def test_wires_with_fewer_batch_axes():
    net = compile(multiply >> tanh, Real(3) @ Real(3))
    x, y = normal(0, 4, 3), normal(1, 3)
    f = lambda x, y: jnp.tanh(x * y)  # noqa: E731
    out, pullback = net.vjp({}, x, y)
    close(out, f(x, y))
    close(pullback(out)[1], jax.vjp(f, x, y)[1](out))
    dense_net = compile((dense(2) @ identity) >> add, Real(3) @ Real(2))
    params = dense_net.init(jax.random.key(0))
    g = lambda p, x, y: x @ p["dense_0"]["weight"] + p["dense_0"]["bias"] + y  # noqa: E731
    out, pullback = dense_net.vjp(params, x, normal(2, 2))
    want = jax.vjp(g, params, x, normal(2, 2))[1](out)
    close(pullback(out), (want[0], want[1:]), 1e-5)


@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
def test_inputs_from_which_nothing_comes_back(batch):
    """Their change is zero, in the shape of the input."""
    x = normal(0, *batch, 3)
    for term in (discard, argmax(), (argmax() >> discard)):
        _y, pullback = compile(term, Real(3)).vjp({}, x)
        dx = pullback()[1]
        close(dx, jnp.zeros_like(x))
    pair = compile(identity @ discard, Real(3) @ Real(2))
    _, dxs = pair.vjp({}, x, normal(1, *batch, 2))[1](x)
    close(list(dxs), [x, jnp.zeros((*batch, 2))])


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_random_terms_against_jax(seed):
    """A random term without parameters against its layers run by hand on arrays, forward and backward."""
    layers, start = seeded_term(seed, 9)
    layers = [(a, tanh if has_parameters(box) else box, b) for a, box, b in layers if takes_wires(box)]
    row = list(start)
    kept = []
    for before, box, _ in layers:  # leave out what no longer fits
        ins = row[before : before + box.arity[0]]
        if len(ins) == box.arity[0] and (box not in (add, multiply) or ins[0] == ins[1]):
            kept.append((before, box, len(row) - before - len(ins)))
            row[before : before + len(ins)] = sizes_after(box, ins)
    net = compile(term_of(kept, len(start)), space_of(start))
    assert net.params == {}
    xs = [normal(i, 4, n) for i, n in enumerate(start)]

    def by_layers(xs):
        row = list(xs)
        for before, box, _ in kept:
            row[before : before + box.arity[0]] = meaning(box, row[before : before + box.arity[0]])
        return row

    want, theirs = jax.vjp(by_layers, xs)
    got, pullback = net.vjp({}, *xs)
    got = list(got) if isinstance(got, tuple) else [got]
    close(got, want, 1e-5, 1e-6)
    dys = [jnp.cos(jnp.arange(y.size, dtype="float32")).reshape(y.shape) for y in want]
    dxs = pullback(*dys)[1]
    close(list(dxs) if isinstance(dxs, tuple) else [dxs], theirs(dys)[0], 1e-4, 1e-5)


def has_parameters(box):
    return type(box).__name__ in ("Dense", "Bias")


def takes_wires(box):
    return type(box).__name__ != "Zero"


def sizes_after(box, ins):
    if box == swap:
        return ins[::-1]
    return [ins[0]] * box.arity[1] if ins else []


def meaning(box, xs):
    """A few boxes by hand."""
    if box == relu:
        return [jax.nn.relu(xs[0])]
    if box == tanh:
        return [jnp.tanh(xs[0])]
    if box == add:
        return [xs[0] + xs[1]]
    if box == multiply:
        return [xs[0] * xs[1]]
    if box == discard:
        return []
    if box == swap:
        return [xs[1], xs[0]]
    if isinstance(box, type(copy)):
        return [xs[0]] * box.times
    return [xs[0] * box.factor]


# -- one pass each way -----------------------------------------------------------------------


def left(parts):
    total = parts[0]
    for part in parts[1:]:
        total = total >> part
    return total


def right(parts):
    total = parts[-1]
    for part in parts[-2::-1]:
        total = part >> total
    return total


def balanced(parts):
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return balanced(parts[:half]) >> balanced(parts[half:])


@pytest.mark.parametrize("bracket", [left, right, balanced])
def test_each_forward_runs_once(bracket):
    n = 17
    term = bracket([dense(4) >> tanh] * n)
    net = compile(term, Real(4))
    params = net.init(jax.random.key(0))
    x = jnp.ones((2, 4))
    found = primitives(jax.make_jaxpr(net)(params, x).jaxpr)
    assert found.count("tanh") == n and found.count("dot_general") == n
    found = primitives(jax.make_jaxpr(lambda p, x: net.vjp(p, x)[1](x))(params, x).jaxpr)
    assert found.count("tanh") == n and found.count("dot_general") == 3 * n


def test_nested_blocks_run_once():
    term = dense(4) >> tanh
    for i in range(12):
        term = block(f"b{i}", term >> block("x", tanh))
    net = compile(term, Real(4))
    params = net.init(jax.random.key(0))
    found = primitives(jax.make_jaxpr(lambda p, x: net.vjp(p, x)[1](x))(params, jnp.ones(4)).jaxpr)
    assert found.count("tanh") == 13 and found.count("dot_general") == 3


def test_operations_are_those_of_a_program_written_by_hand():
    """StableHLO operations of the value and the pullback together: no more than by hand, and the same contractions."""
    x, dy = normal(0, 16, 5), normal(1, 16, 3)

    def program(p, x, dy):
        y, pullback = jax.vjp(by_hand, p, x)
        return y, pullback(dy)

    def histogram(lowered):
        return Counter(re.findall(r"stablehlo\.\w+", lowered.as_text()))

    ours, theirs = histogram(NET.lower_vjp(PARAMS, x)), histogram(jax.jit(program).lower(PARAMS, x, dy))
    assert ours["stablehlo.dot_general"] == theirs["stablehlo.dot_general"] == 6
    assert ours.total() <= theirs.total(), (ours, theirs)


def test_lower_and_text():
    lowered = NET.lower(PARAMS, jnp.ones((2, 5)))
    assert lowered.as_text().count("stablehlo.dot_general") == 2
    cost = lowered.compile().cost_analysis()
    cost = cost[0] if isinstance(cost, list) else cost
    assert cost["flops"] >= 2 * 2 * (5 * 8 + 8 * 3)
    assert NET.lower_vjp(PARAMS, jnp.ones((2, 5))).as_text().count("stablehlo.dot_general") == 6
    assert "dense(8) >> relu >> dense(3)" in repr(NET)


def test_kept_bytes():
    kept = NET.kept(PARAMS, jnp.ones((16, 5)))
    assert sum(kept.values()) == 16 * 5 * 4 + 16 * 8 * 4 + 16 * 8  # input, hidden, and one bit a hidden unit
    assert all(isinstance(v, int) for v in kept.values())


# -- the pullback and custom_vjp -------------------------------------------------------------


def test_the_pullback_crosses_jit_and_scan():
    x, dy = normal(0, 16, 5), normal(1, 16, 3)
    _y, pullback = jax.jit(NET.vjp)(PARAMS, x)
    want = tuple(jax.vjp(by_hand, PARAMS, x)[1](dy))
    close(jax.jit(lambda f, d: f(d))(pullback, dy), want)
    assert len(jax.tree.leaves(pullback)) > 0
    _, all_of_them = jax.lax.scan(lambda c, x: (c, NET.vjp(PARAMS, x)[1]), 0, x)
    each = jax.vmap(lambda f, d: f(d)[1])(all_of_them, dy)
    close(each, want[1], 1e-4, 1e-5)
    linear_in_dy = pullback(2 * dy)[1]
    close(linear_in_dy, 2 * pullback(dy)[1], 1e-5)


def test_custom_vjp():
    f = NET.custom_vjp()
    x = normal(0, 16, 5)
    close(
        jax.value_and_grad(lambda p: (f(p, x) ** 2).sum())(PARAMS),
        jax.value_and_grad(lambda p: (by_hand(p, x) ** 2).sum())(PARAMS),
        1e-4,
        1e-4,
    )
    close(jax.jit(jax.vmap(lambda x: f(PARAMS, x)))(x), by_hand(PARAMS, x))
    pair = compile(swap >> (dense(2) @ tanh), Real(3) @ Real(4))
    params = pair.init(jax.random.key(0))
    a, b = normal(0, 3), normal(1, 4)
    grads = jax.grad(lambda a, b: sum(v.sum() for v in pair.custom_vjp()(params, a, b)), (0, 1))(a, b)
    close(grads, jax.grad(lambda a, b: sum(v.sum() for v in pair(params, a, b)), (0, 1))(a, b), 1e-5)
    refused(LensError, lambda: compile(dropout(0.1), Real(3)).custom_vjp(), "random numbers", "inference")


def test_index_inputs_through_custom_vjp():
    net = compile(embedding(4) >> dense(2), Index(3, below=7))
    params = net.init(jax.random.key(0))
    tokens = jnp.array([[1, 2, 1], [0, 6, 6]])
    f = lambda p: p["embedding_0"]["table"][tokens] @ p["dense_0"]["weight"] + p["dense_0"]["bias"]  # noqa: E731
    want = jax.grad(lambda p: (f(p) ** 2).sum())(params)
    close(jax.grad(lambda p: (net.custom_vjp()(p, tokens) ** 2).sum())(params), want, 1e-5)
    y, pullback = net.vjp(params, tokens)
    dparams, dtokens = pullback(2 * y)
    close(dparams, want, 1e-5)
    assert dtokens is None


# -- states, keys, inference -----------------------------------------------------------------


def test_states_are_passed_and_returned():
    net = compile(dense(4) >> batch_norm(momentum=0.8) >> relu, Real(3))
    params, state = net.init(jax.random.key(0)), net.init_state()
    assert net.stateful and jax.tree.map(jnp.shape, state) == {"batch_norm_0": {"mean": (4,), "variance": (4,)}}
    x = normal(0, 32, 3)
    y, new = net(params, x, state=state)
    h = np.asarray(x @ params["dense_0"]["weight"])
    close(y, np.maximum((h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5), 0), 1e-4, 1e-5)
    close(new["batch_norm_0"], {"mean": 0.2 * h.mean(0), "variance": 0.8 + 0.2 * h.var(0)}, 1e-4, 1e-5)
    assert jax.tree.structure(new) == jax.tree.structure(state)
    trained = compile(inference(dense(4) >> batch_norm(momentum=0.8) >> relu), Real(3))
    out, kept = trained(params, x, state=new)
    close(kept, new)
    want = np.maximum(
        (h - np.asarray(new["batch_norm_0"]["mean"])) / np.sqrt(np.asarray(new["batch_norm_0"]["variance"]) + 1e-5), 0
    )
    close(out, want, 1e-4, 1e-5)
    refused(LensError, lambda: net(params, x), "has states", "batch_norm_0.mean", "init_state")
    refused(ParameterError, lambda: net(params, x, state={}), "states", "batch_norm_0.mean")


def test_the_change_through_batch_statistics():
    net = compile(batch_norm(), Real(3))
    params, state = randomise(net.init(jax.random.key(0))), net.init_state()
    x, dy = normal(0, 8, 3), normal(1, 8, 3)

    def f(p, x):
        q = p["batch_norm_0"]
        return (x - x.mean(0)) / jnp.sqrt(x.var(0) + 1e-5) * q["scale"] + q["offset"]

    close(net.vjp(params, x, state=state)[1](dy), tuple(jax.vjp(f, params, x)[1](dy)), 1e-4, 1e-4)


def test_keys():
    net = compile(dense(4) >> dropout(0.5), Real(3))
    params, x = net.init(jax.random.key(0)), jnp.ones((6, 3))
    same(net(params, x, key=jax.random.key(1)), net(params, x, key=jax.random.key(1)))
    assert not (net(params, x, key=jax.random.key(1)) == net(params, x, key=jax.random.key(2))).all()
    refused(LensError, lambda: net(params, x), "draws random numbers", "dropout\\(0.5\\)", "key=jax.random.key")
    close(compile(inference(dense(4) >> dropout(0.5)), Real(3))(params, x), x @ params["dense_0"]["weight"])


# -- dtypes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_dtypes(dtype):
    net = compile(dense(4) >> layer_norm() >> tanh >> dense(2), Real(3, dtype=dtype))
    params = net.init(jax.random.key(0))
    assert all(v.dtype == dtype for v in jax.tree.leaves(params))
    y, pullback = net.vjp(params, jnp.ones((2, 3), dtype))
    assert y.dtype == dtype and all(v.dtype == dtype for v in jax.tree.leaves(pullback(y)))
    assert net(params, np.ones((2, 3))).dtype == dtype


def test_double_precision_must_be_switched_on(x64):
    net = compile(mlp, Real(5, dtype="float64"))
    params = randomise(net.init(jax.random.key(0)))
    x = np.random.default_rng(0).normal(size=(4, 5))
    close(net(params, x), by_hand(params, jnp.asarray(x)), 1e-14, 1e-14)
    with jax.enable_x64(False):
        refused(LensError, lambda: compile(mlp, Real(5, dtype="float64")), "float64", "jax_enable_x64")


# -- finding repeats -------------------------------------------------------------------------


def test_equal_neighbours_become_one_scan():
    term = compose(dense(4), *[dense(4) >> relu] * 10, dense(2))
    net = compile(term, Real(3), scan="auto")
    assert net.term.term == dense(4) >> (dense(4) >> relu) ** 10 >> dense(2)
    params = net.init(jax.random.key(0))
    assert params["repeat_0"]["dense_0"]["weight"].shape == (10, 4, 4)
    flat = {"dense_0": params["dense_0"], "dense_11": params["dense_1"]}
    flat |= {f"dense_{i + 1}": jax.tree.map(lambda v, i=i: v[i], params["repeat_0"]["dense_0"]) for i in range(10)}
    x = normal(0, 3, 3)
    close(net(params, x), compile(term, Real(3))(flat, x), 1e-5, 1e-6)
    assert primitives(jax.make_jaxpr(net)(params, x).jaxpr).count("scan") == 1
    refused(LensError, lambda: compile(term, Real(3), scan="always"), "scan='always'", "auto")


# -- nothing and much ------------------------------------------------------------------------


def test_small_terms():
    assert compile(identity(0), unit)({}) == ()
    close(compile(zero(Real(2)), unit)({}), np.zeros(2))
    close(compile(identity, Real(2))({}, np.ones(2)), np.ones(2))
    assert compile(discard, Real(2))({}, np.ones(2)) == ()
    y, pullback = compile(copy >> (identity @ discard), Real(2)).vjp({}, jnp.ones(2))
    close(pullback(y)[1], np.ones(2))


def test_several_outputs():
    net = compile(copy >> (dense(2) @ argmax()), Real(3))
    params = net.init(jax.random.key(0))
    (a, b), pullback = net.vjp(params, jnp.ones((4, 3)))
    assert a.shape == (4, 2) and b.shape == (4,) and b.dtype == jnp.int32
    want = jax.vjp(lambda p, x: x @ p["dense_0"]["weight"] + p["dense_0"]["bias"], params, jnp.ones((4, 3)))[1](a)
    close(pullback(a), tuple(want))
    close(pullback((a, None)), tuple(want))


def test_a_thousand_layers_compile():
    net = compile((dense(4) >> tanh) ** 1000, Real(4))
    params = jax.tree.map(lambda v: v * 1.5, net.init(jax.random.key(0)))
    y, pullback = jax.jit(net.vjp)(params, jnp.ones(4))
    assert y.shape == (4,) and pullback(y)[0]["repeat_0"]["dense_0"]["weight"].shape == (1000, 4, 4)
    wide = compile(tensor(*[tanh] * 300), space_of([2] * 300))
    assert len(wide({}, *[np.ones(2)] * 300)) == 300


def test_orbax_checkpoint(tmp_path):
    checkpoint = pytest.importorskip("orbax.checkpoint")
    saver = checkpoint.PyTreeCheckpointer()
    saver.save(tmp_path / "params", PARAMS)
    back = saver.restore(tmp_path / "params")
    close(NET(back, np.ones((2, 5))), NET(PARAMS, np.ones((2, 5))))


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from lenses import *
assert jax.device_count() == 2
net = compile(dense(8) >> relu >> dense(4), Real(6))
params = net.init(jax.random.key(0))
x = jnp.asarray(np.random.default_rng(0).normal(size=(16, 6)), "float32")
y, pullback = net.vjp(params, x)
want = (y, pullback(y))
mesh = Mesh(np.array(jax.devices()), ("d",))
put = lambda v, *spec: jax.device_put(v, NamedSharding(mesh, P(*spec)))
layouts = {
    "data": (jax.tree.map(put, params), put(x, "d")),
    "model": ({"dense_0": {"weight": put(params["dense_0"]["weight"], None, "d"),
                           "bias": put(params["dense_0"]["bias"], "d")},
               "dense_1": {"weight": put(params["dense_1"]["weight"], "d", None),
                           "bias": put(params["dense_1"]["bias"])}}, put(x)),
}
for name, (p, v) in layouts.items():
    y, pullback = jax.jit(net.vjp)(p, v)
    got = (y, jax.jit(lambda f, d: f(d))(pullback, y))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    print(name, y.sharding.is_fully_replicated)
fit = learner(dense(8) >> relu >> dense(4), Real(6), loss=softmax_cross_entropy, optimiser=adam(1e-2))
labels = np.arange(16) % 4
one = fit.init(jax.random.key(0)); two = jax.tree.map(put, fit.init(jax.random.key(0)))
for _ in range(3):
    one, a = fit.step(one, x, labels)
    two, b = fit.step(two, put(x, "d"), put(labels, "d"))
    np.testing.assert_allclose(a, b, rtol=1e-5)
print("step")
"""


def test_sharding_over_two_devices():
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(Path(lenses.__file__).parents[1]), environment.get("PYTHONPATH", "")]
    )
    done = subprocess.run([sys.executable, "-c", SHARDED], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["data", "False", "model", "True", "step"]
