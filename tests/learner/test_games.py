"""Games: a step of the closed lens is the step of all players that one would write by hand."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import close, refused, same

from lenses import (
    DataError,
    LensError,
    ParameterError,
    Real,
    adam,
    adversarial,
    ascending,
    batch_norm,
    block,
    clipped,
    compile,
    dense,
    discard,
    dot_product,
    dropout,
    every,
    game,
    identity,
    leaky_relu,
    momentum,
    reduce_sum,
    rmsprop,
    scale_gradient,
    sgd,
    square,
    squared,
    tanh,
)

GENERATOR = dense(6) >> tanh >> dense(2)
DISCRIMINATOR = dense(5) >> leaky_relu >> dense(1)
X = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")


def mlp(params, x, activation):
    """A network of two layers, by hand."""
    first, second = params["dense_0"], params["dense_1"]
    return activation(x @ first["weight"] + first["bias"]) @ second["weight"] + second["bias"]


def g(params, z):
    return mlp(params, z, jnp.tanh)


def d(params, x):
    return mlp(params, x, lambda h: jnp.where(h > 0, h, 0.01 * h))[..., 0]


def slope(q, x):
    return jax.vmap(jax.grad(lambda x: d(q, x)))(x)


def value(name, p, q, z, x):
    if name == "wasserstein":
        return (d(q, x) - d(q, g(p, z))).mean()
    if name == "squares":
        return -(0.5 * d(q, g(p, z)) ** 2 + 0.5 * (d(q, x) - 1) ** 2).mean()
    return (jax.nn.log_sigmoid(d(q, x)) + jnp.log1p(-jax.nn.sigmoid(d(q, g(p, z))))).mean()


GAMES = {
    "minimax": {},
    "wasserstein": {"loss": dot_product},
    "squares": {"loss": squared},
    "non-saturating": {"saturating": False},
    "penalty": {"loss": dot_product, "penalty": 3.0},
    "both": {"saturating": False, "penalty": 0.5},
}


def by_hand(name, options, p, q, z, x, t):
    """The changes of the two players, by `jax.grad` of what each of them plays for."""
    kind = "wasserstein" if name == "penalty" else name
    saturating, penalty = options.get("saturating", True), options.get("penalty", 0.0)

    def generator(p):
        return value(kind, p, q, z, x) if saturating else -jax.nn.log_sigmoid(d(q, g(p, z))).mean()

    def discriminator(q):
        between = t[:, None] * x + (1 - t[:, None]) * g(p, z)
        size = jnp.sqrt((slope(q, between) ** 2).sum(-1) + 1e-12)
        return value(kind, p, q, z, x) - penalty * ((size - 1) ** 2).mean()

    return jax.grad(generator)(p), jax.grad(discriminator)(q)


QUICK = ("wasserstein", "both")
"""The games that are tried by default; the laws of games try others in the same way."""


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in GAMES])
def test_a_step_is_the_simultaneous_step_of_both_players(name, x64):
    options = GAMES[name]
    up = optax.chain(optax.scale(-1.0), optax.rmsprop(0.02))
    spaces = Real(3, dtype="float64"), Real(2, dtype="float64")
    fit = adversarial(GENERATOR, DISCRIMINATOR, *spaces, optimisers=(adam(0.01), rmsprop(0.02)), **options)
    state = fit.init(jax.random.key(3))
    p, q = (jax.tree.map(jnp.copy, state.params[part]) for part in ("generator", "discriminator"))
    down = optax.adam(0.01)
    slots, changes = (down.init(p), up.init(q)), jax.jit(lambda *a: by_hand(name, options, *a))
    x = X.astype("float64")
    for _ in range(3):
        _, draw, _ = jax.random.split(state.key, 3)
        z, _, *drawn = fit.inputs(draw, [x])
        t = drawn[0] if drawn else jnp.zeros(64)
        dp, dq = changes(p, q, z, x, t)
        state, _ = fit.step(state, x)
        moves, one = down.update(dp, slots[0])
        p = optax.apply_updates(p, moves)
        moves, two = up.update(dq, slots[1])
        q, slots = optax.apply_updates(q, moves), (one, two)
        close(state.params["generator"], p, 1e-10, 1e-12)
        close(state.params["discriminator"], q, 1e-10, 1e-12)


def test_the_lens_is_closed_and_has_both_players():
    fit = adversarial(GENERATOR, DISCRIMINATOR, Real(3), Real(2), optimisers=(adam(0.01), clipped(rmsprop(0.02), 0.1)))
    assert len(fit.lens.cod) == 0
    assert "ascending(clipped(rmsprop(0.02" in repr(fit.lens) and "@ adam(0.01" in repr(fit.lens)
    state, history = fit.run(fit.init(jax.random.key(0)), X, epochs=4, batch=16, progress=False)
    assert len(history) == 4 and np.isfinite(history.loss).all()
    assert max(float(abs(q).max()) for q in jax.tree.leaves(state.params["discriminator"])) <= np.float32(0.1)
    assert fit.sample(state, jax.random.key(1), 7).shape == (7, 2) and fit.judge(state, X[:5]).shape == (5, 1)
    close(fit.judge(state, X)[:, 0], d(state.params["discriminator"], X), 1e-5, 1e-6)


def test_a_state_is_saved_and_runs_go_on(tmp_path):
    fit = adversarial(GENERATOR, DISCRIMINATOR, Real(3), Real(2), optimisers=(every(2, adam(0.01)), momentum(0.02)))
    state, _ = fit.step(fit.init(jax.random.key(0)), X)
    fit.save(state, tmp_path / "game.safetensors")
    again = fit.load(tmp_path / "game.safetensors")
    same(jax.tree.leaves(state)[:-1], jax.tree.leaves(again)[:-1])
    one, _ = fit.step(state, X)
    two, _ = fit.step(again, X)
    same(one.params, two.params)


def test_now_and_then_one_player_rests():
    fit = adversarial(GENERATOR, DISCRIMINATOR, Real(3), Real(2), optimisers=(every(3, sgd(0.1)), sgd(0.1)))
    state = fit.init(jax.random.key(0))
    moved = []
    for _ in range(6):
        before = jax.tree.map(jnp.copy, state.params)
        state, _ = fit.step(state, X)
        sizes = jax.tree.map(lambda a, b: float(abs(a - b).max()), before, state.params)
        moved.append([max(jax.tree.leaves(sizes[part])) > 0 for part in ("generator", "discriminator")])
    assert moved == [[False, True], [False, True], [True, True]] * 2


def test_models_with_states_and_random_numbers():
    normed = dense(4) >> batch_norm(momentum=0.5) >> tanh >> dropout(0.2) >> dense(2)
    fit = adversarial(normed, DISCRIMINATOR, Real(3), Real(2), optimisers=(adam(0.01), adam(0.01)))
    state, _ = fit.step(fit.init(jax.random.key(0)), X)
    found, again = (fit.sample(state, jax.random.key(1), 5) for _ in range(2))
    same(found, again)
    own = state.states["model_0"]["generator"]["batch_norm_0"]
    assert float(abs(own["mean"]).max()) > 0


def test_a_discriminator_judges_with_its_statistics_of_data():
    judge = batch_norm(momentum=0.0) >> dense(1)
    fit = adversarial(GENERATOR, judge, Real(3), Real(2), optimisers=(sgd(0.0), sgd(0.0)), saturating=False)
    state, _ = fit.step(fit.init(jax.random.key(0)), 4 * X + 5)
    layer, x = state.params["discriminator"], 4 * X + 5
    normed = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) * layer["batch_norm_0"]["scale"] + layer["batch_norm_0"][
        "offset"
    ]
    close(fit.judge(state, x), normed @ layer["dense_0"]["weight"] + layer["dense_0"]["bias"], 1e-4, 1e-4)
    pair = sgd(0.1), sgd(0.1)
    parts = GENERATOR, judge, Real(3), Real(2)
    refused(LensError, lambda: adversarial(*parts, optimisers=pair, penalty=1.0), "a penalty", "batch_norm")


def test_images_and_patches():
    from lenses import conv, relu

    judge = conv(2, (3, 3), stride=2) >> relu >> conv(1, (1, 1))
    fit = adversarial(
        conv(1, (3, 3)), judge, Real(4, 4, 1), Real(4, 4, 1), optimisers=(sgd(0.1), sgd(0.1)), penalty=1.0, loss=squared
    )
    images = np.random.default_rng(0).normal(size=(8, 4, 4, 1)).astype("float32")
    state, loss = fit.step(fit.init(jax.random.key(0)), images)
    assert np.isfinite(float(loss)) and fit.judge(state, images).shape == (8, 2, 2, 1)


# -- games of any players --------------------------------------------------------------------


def test_three_players_each_with_its_own_optimiser_and_sign():
    model = block("a", dense(2)) >> block("b", dense(2)) >> block("c", dense(2)) >> square >> reduce_sum(-1)
    players = {"a": sgd(0.1), "b": ascending(momentum(0.2)), "c": None}
    fit = game(model, Real(2), players=players)
    state = fit.init(jax.random.key(0))
    params = jax.tree.map(jnp.copy, state.params)

    def loss(params):
        h = X
        for part in "abc":
            layer = params[part]["dense_0"]
            h = h @ layer["weight"] + layer["bias"]
        return (h**2).sum(-1).mean()

    changes = jax.grad(loss)(params)
    state, value = fit.step(state, X)
    close(value, loss(params), 1e-5)
    close(state.params["a"], jax.tree.map(lambda p, dp: p - 0.1 * dp, params["a"], changes["a"]), 1e-5, 1e-6)
    close(state.params["b"], jax.tree.map(lambda p, dp: p + 0.2 * dp, params["b"], changes["b"]), 1e-5, 1e-6)
    same(state.params["c"], params["c"])
    assert set(state.optimiser) == {"a", "b"}


def test_players_inside_of_parts_and_a_loss_that_is_a_term():
    model = block("pair", block("f", dense(2)) >> block("g", dense(2))) @ identity
    players = {"pair.f": sgd(0.1), "pair.g.dense_0.weight": adam(0.1), "pair.g.dense_0.bias": None}
    fit = game(model, Real(2) @ Real(2), players=players, loss=squared, noise={1: "normal:2"})
    state, history = fit.run(fit.init(jax.random.key(0)), X, epochs=2, batch=32, progress=False, key=None)
    assert set(state.optimiser) == {"pair.f", "pair.g.dense_0.weight"} and len(history) == 2
    assert not state.params["pair"]["g"]["dense_0"]["bias"].any() and state.params["pair"]["f"]["dense_0"]["bias"].any()


def test_gradients_are_scaled_and_stopped():
    model = (dense(3) >> scale_gradient(-0.5)).at(Real(2))
    net, plain = compile(model), compile(dense(3), Real(2))
    params = net.init(jax.random.key(0))
    out, pull = net.vjp(params, X)
    same(out, plain(params, X))
    wanted = jax.tree.map(lambda v: -0.5 * v, plain.vjp(params, X)[1](out))
    close(pull(out), wanted, 1e-6, 1e-6)
    still = compile(dense(3) >> scale_gradient(0.0), Real(2))
    assert not any(v.any() for v in jax.tree.leaves(still.vjp(params, X)[1](out)))


def test_errors():
    parts = GENERATOR, DISCRIMINATOR, Real(3), Real(2)
    pair: Any = (sgd(0.1), sgd(0.1))
    one: Any = sgd(0.1)
    other: Any = tanh
    number: Any = 0.1
    refused(LensError, lambda: adversarial(dense(3), *parts[1:], optimisers=pair), "does not make", "Real\\(3\\)")
    refused(LensError, lambda: adversarial(*parts, optimisers=one), "two, of the generator")
    refused(LensError, lambda: adversarial(*parts, optimisers=pair, loss=other), "binary_cross_entropy")
    refused(LensError, lambda: adversarial(GENERATOR, dense(1) @ discard, Real(3), Real(2), optimisers=pair), "wires")
    refused(LensError, lambda: adversarial(*parts, optimisers=pair, penalty=-1.0), "penalty")
    refused(LensError, lambda: ascending(number), "ascending", "adam")
    refused(LensError, lambda: clipped(sgd(0.1), -1.0), "bound")
    refused(LensError, lambda: every(0, sgd(0.1)), "number of steps")
    model = block("f", dense(2)) >> block("g", dense(1)) >> reduce_sum(-1)
    for players, *words in [
        ({}, "a dict from parts"),
        ({"f": sgd(0.1)}, "no player moves g.dense_0", "None"),
        ({"f": sgd(0.1), "h": sgd(0.1)}, "'h' has no parameters", "f, g"),
        (
            {"f": sgd(0.1), "g": sgd(0.1), "f.dense_0.bias": sgd(0.1)},
            "f.dense_0.bias has two players",
            "'f' and 'f.dense_0.bias'",
        ),
        ({"f": 0.1, "g": None}, "'f'", "an optimiser"),
    ]:
        refused(LensError, lambda players=players: game(model, Real(2), players=players), *words)
    both = {"f": sgd(0.1), "g": sgd(0.1)}
    refused(LensError, lambda: game(model, Real(2), players=both, noise={0: "normal:1"}), "all inputs are noise")
    refused(LensError, lambda: game(model, Real(2), players=both, noise={1: "normal:1"}), "input 1 cannot be noise")
    fit = game(model, Real(2), players=both)
    state = fit.init(jax.random.key(0))
    refused(DataError, lambda: fit.run(state, X[:, :1], 1), "input 0", "\\(64, 1\\)")
    refused(DataError, lambda: fit.run(state, X[:0], 1), "empty")
    refused(DataError, lambda: fit.run(state, np.full((40, 2), np.nan), 1), "NaN in the data")
    refused(ParameterError, lambda: game(model, Real(2), players=both | {"g": adam(0.1)}).step(state, X), "optimiser")


def test_a_nan_is_named():
    fit = game(block("f", dense(2)) >> square >> reduce_sum(-1), Real(2), players={"f": sgd(1e30)})
    refused(
        DataError,
        lambda: fit.run(fit.init(jax.random.key(0)), X, 5, 32, progress=False, check_nans=True),
        "square|dense",
    )
