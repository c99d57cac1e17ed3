"""Causal maps on sequences: unrolled and scanned they are the hand-written loop, values and gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from helpers import close, normal, primitives, randomise
from jax import lax

from lenses import (
    Real,
    adam,
    compile,
    dense,
    elman,
    gru,
    learner,
    lstm,
    reverse,
    softmax_cross_entropy,
    tanh,
)
from lenses.causal import as_causal

CELLS = {"elman": elman, "lstm": lstm, "gru": gru}
FLAX = {"elman": linen.SimpleCell, "lstm": linen.OptimizedLSTMCell, "gru": linen.GRUCell}
STEPS, SIZE, WIDTH = 6, 3, 4


def cells(*quick: str) -> list:
    """The names of all cells, those that are not among the quick ones marked as slow."""
    return [pytest.param(name, marks=[pytest.mark.slow] * (name not in quick)) for name in CELLS]


def flax_params(name: str, tree: dict) -> dict:
    """Our parameters under Flax's names."""

    def kernel(box: dict) -> dict:
        return {"kernel": box["weight"]} | ({"bias": box["bias"]} if "bias" in box else {})

    if name == "elman":
        return {"i": kernel(tree["dense_0"]), "h": kernel(tree["linear_0"])}
    if name == "lstm":
        gates = {"i": "input", "f": "forget", "g": "cell", "o": "output"}
        fed = {f"h{k}": kernel(tree[g]["dense_0"]) for k, g in gates.items()}
        return fed | {f"i{k}": kernel(tree[g]["linear_0"]) for k, g in gates.items()}
    gates = {
        "r": ("reset", "linear_0", "dense_0"),
        "z": ("update", "linear_0", "dense_0"),
        "n": ("new", "dense_0", "dense_1"),
    }
    fed = {f"h{k}": kernel(tree[g][h]) for k, (g, h, _) in gates.items()}
    return fed | {f"i{k}": kernel(tree[g][i]) for k, (g, _, i) in gates.items()}


@pytest.mark.parametrize("name", cells("gru"))
def test_cells_are_those_of_flax(name, x64):
    f = CELLS[name](WIDTH, dtype="float64")
    net = compile(f.along("time"), Real(time=STEPS, d=SIZE, dtype="float64"))
    params = randomise(net.init(jax.random.key(0)))
    x = normal(1, 5, STEPS, SIZE, dtype="float64")
    cell = linen.RNN(FLAX[name](WIDTH, param_dtype="float64", dtype="float64"))
    theirs = {"params": {"cell": flax_params(name, params["scan_0"][name])}}
    shapes = jax.tree.map(jnp.shape, cell.init(jax.random.key(0), x))
    assert jax.tree.map(jnp.shape, theirs) == shapes
    close(net(params, x), cell.apply(theirs, x), 1e-12, 1e-12)
    weights = normal(2, 5, STEPS, WIDTH, dtype="float64")

    def loss(params, x):
        return (cell.apply({"params": {"cell": flax_params(name, params["scan_0"][name])}}, x) * weights).sum()

    _, pullback = net.vjp(params, x)
    close(pullback(weights), jax.grad(loss, (0, 1))(params, x), 1e-12, 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_cells_start_as_those_of_flax_do(name):
    """Orthogonal weights for what is fed back, LeCun's for what comes in, no bias: by their statistics."""
    size = 96
    net = compile(CELLS[name](size).along("time"), Real(time=2, d=64))
    ours = flax_params(name, net.init(jax.random.key(0))["scan_0"][name])
    theirs = linen.RNN(FLAX[name](size)).init(jax.random.key(1), jnp.zeros((1, 2, 64)))["params"]["cell"]
    for key, box in theirs.items():
        for part, value in box.items():
            here = np.asarray(ours[key][part])
            if part == "bias":
                assert not here.any() and not np.asarray(value).any()
                continue
            assert abs(here.std() / np.asarray(value).std() - 1) < 0.05, key
            square = here.shape[0] == here.shape[1]
            assert square == (key.startswith("h"))
            if square:
                close(here @ here.T, np.eye(size), 1e-4, 1e-4)


@pytest.mark.parametrize("name", cells("lstm"))
def test_unrolled_and_scanned_are_one(name, x64):
    f = CELLS[name](WIDTH, dtype="float64").at(Real(SIZE, dtype="float64"))
    scanned = compile(f.along(0), Real(STEPS, SIZE, dtype="float64"))
    space = Real(SIZE, dtype="float64")
    dom = space
    for _ in range(STEPS - 1):
        dom = dom @ space
    unrolled = compile(f.unroll(STEPS), dom)
    params = randomise(scanned.init(jax.random.key(0)))
    shared = {"step": params["scan_0"]}
    x, dy = normal(1, 2, STEPS, SIZE, dtype="float64"), normal(2, 2, STEPS, WIDTH, dtype="float64")
    y, pull = scanned.vjp(params, x)
    ys, pulls = unrolled.vjp(shared, *jnp.moveaxis(x, 1, 0))
    close(jnp.moveaxis(y, 1, 0), jnp.stack(ys), 1e-12, 1e-12)
    (dparams, dx), (dshared, dxs) = pull(dy), pulls(*jnp.moveaxis(dy, 1, 0))
    close(dparams["scan_0"], dshared["step"], 1e-12, 1e-12)
    close(jnp.moveaxis(dx, 1, 0), jnp.stack(dxs), 1e-12, 1e-12)


def hand(params, x):
    """Elman's network by hand: a scan over time."""
    cell = params["scan_0"]["elman"]

    def step(h, x):
        h = jnp.tanh(h @ cell["linear_0"]["weight"] + x @ cell["dense_0"]["weight"] + cell["dense_0"]["bias"])
        return h, h

    return lax.scan(step, jnp.zeros(WIDTH, x.dtype), x)[1]


def test_backpropagation_through_time_is_the_gradient_of_the_scan(x64):
    net = compile(elman(WIDTH, dtype="float64").along("time"), Real(time=STEPS, d=SIZE, dtype="float64"))
    params = randomise(net.init(jax.random.key(0)))
    x, dy = normal(1, STEPS, SIZE, dtype="float64"), normal(2, STEPS, WIDTH, dtype="float64")
    gradient = jax.grad(lambda p, x: (hand(p, x) * dy).sum(), (0, 1))(params, x)
    close(net.vjp(params, x)[1](dy), gradient, 1e-12, 1e-12)
    # The lens is a JAX function too: jit, vmap and grad go through it, and the derivative is a term.
    close(jax.jit(jax.grad(lambda p, x: (net(p, x) * dy).sum(), (0, 1)))(params, x), gradient, 1e-12, 1e-12)
    many = jax.vmap(net, (None, 0))(params, jnp.stack([x, 2 * x]))
    close(many, net(params, jnp.stack([x, 2 * x])), 1e-12, 1e-12)
    back = compile(reverse(net.term))
    dx, dparams = back(params, x, dy)
    close((dparams, dx), gradient, 1e-12, 1e-12)


@pytest.mark.parametrize("name", cells("elman", "lstm"))
def test_a_sequence_is_one_scan(name):
    net = compile(CELLS[name](WIDTH).along("time"), Real(time=STEPS, d=SIZE))
    params = net.init(jax.random.key(0))
    x = normal(1, 2, STEPS, SIZE)
    assert primitives(jax.make_jaxpr(net)(params, x).jaxpr).count("scan") == 1

    def both(params, x):
        y, pull = net.vjp(params, x)
        return pull(y)

    assert primitives(jax.make_jaxpr(both)(params, x).jaxpr).count("scan") == 2


def test_without_a_state_all_steps_are_taken_at_once():
    plain = compile(as_causal(dense(2) >> tanh).along("t"), Real(t=3, d=4))
    params = plain.init(jax.random.key(0))
    x = normal(1, 3, 4)
    assert "scan" not in primitives(jax.make_jaxpr(plain)(params, x).jaxpr)
    (box,) = params["over_0"].values()
    close(plain(params, x), jnp.tanh(x @ box["weight"] + box["bias"]))


def test_stacked_cells_are_one_scan_with_parts_for_parameters():
    deep = lstm(3) >> gru(4) >> elman(2)
    net = compile(deep.along("time"), Real(time=4, d=2))
    params = randomise(net.init(jax.random.key(0)))
    assert sorted(params["scan_0"]) == ["elman", "gru", "lstm"]
    x = y = normal(1, 4, 2)
    for name, width in (("lstm", 3), ("gru", 4), ("elman", 2)):
        each = compile(CELLS[name](width).along("time"), Real(time=4, d=y.shape[-1]))
        y = each({"scan_0": {name: params["scan_0"][name]}}, y)
    close(net(params, x), y)
    states = compile(deep.after("time"), Real(time=4, d=2))(params, x)
    assert [s.shape for s in states] == [(3,), (3,), (4,), (2,)]
    close(states[3], y[-1])


def test_a_learner_on_sequences():
    """It tells which of two rows came first, which no map without memory can."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 256)
    x = np.zeros((256, 5, 2), "float32")
    x[np.arange(256), 0, y] = 1
    x[:, 1:] = 0.1 * rng.normal(size=(256, 4, 2))
    model = gru(8).after("time") >> dense(2)
    fit = learner(model, Real(time=5, d=2), loss=softmax_cross_entropy, optimiser=adam(2e-2))
    state, history = fit.run(fit.init(jax.random.key(0)), (x, y), epochs=6, progress=False)
    assert fit.evaluate(state, (x, y))["accuracy"] == 1.0
    assert history.loss[-1] < 0.2 < history.loss[0]
    assert sorted(state.params) == ["dense_0", "scan_0"]
