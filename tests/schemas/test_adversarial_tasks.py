"""Adversarial tasks: their losses and gradients against JAX, who moves what, and CycleGAN on two clouds of points."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import close, normal, refused

from lenses import (
    LensError,
    Real,
    SpaceError,
    adam,
    batch_norm,
    concatenate,
    copy,
    dense,
    dot_product,
    flatten,
    leaky_relu,
    sgd,
    squared,
    tanh,
)
from lenses.schemas import Architecture, Losses, Schema, SchemaLearner, adversarial_tasks

CYCLE = Schema(["A", "B"], {"f": ("A", "B"), "g": ("B", "A")}, ["f ; g = id", "g ; f = id"])
NET = dense(8) >> tanh >> dense(2)
F = Architecture(CYCLE, {"A": Real(2), "B": Real(2)}, {"f": NET, "g": NET})
CRITIC = dense(8) >> tanh >> dense(1)
A, B = np.asarray(normal(1, 64, 2)), np.asarray(normal(2, 64, 2)) * 0.5 + 1
DATA = {"A": A, "B": B}


def forward(p, x):
    return jnp.tanh(x @ p["dense_0"]["weight"] + p["dense_0"]["bias"]) @ p["dense_1"]["weight"] + p["dense_1"]["bias"]


def entropy(y, label):
    return (jax.nn.softplus(y) - label * y).sum(-1).mean()


def climbed(p):
    """What critics climb: Goodfellow's value on each side."""
    found = 0.0
    for arrow, critic, xs, ys in (("f", "critic of B", A, B), ("g", "critic of A", B, A)):
        made = jax.lax.stop_gradient(forward(p[arrow], xs))
        found -= entropy(forward(p[critic], made), 0.0) + entropy(forward(p[critic], ys), 1.0)
    return found


def descended(p):
    """What arrows descend: to be taken for data, and cycle consistency 10 times."""
    still = jax.lax.stop_gradient(p)
    found = 0.0
    for arrow, critic, back, xs in (("f", "critic of B", "g", A), ("g", "critic of A", "f", B)):
        made = forward(p[arrow], xs)
        found += entropy(forward(still[critic], made), 1.0)
        found += 10.0 * jnp.abs(forward(p[back], made) - xs).sum(-1).mean()
    return found


def test_a_step_of_cyclegan_is_that_of_jax():
    """Zhu et al. 2017, with the losses of Goodfellow et al. 2014; generators and discriminators at once."""
    tasks = [*adversarial_tasks(F, "f", CRITIC), *adversarial_tasks(F, "g", CRITIC)]
    fit = SchemaLearner(Losses(F, tasks, gamma=10.0), sgd(0.1), critics=sgd(0.3))
    state = fit.init(jax.random.key(0))
    assert sorted(state.params) == ["critic of A", "critic of B", "f", "g"]
    params = jax.tree.map(jnp.array, state.params)
    pulled = jax.jit(lambda p: [jax.value_and_grad(value)(p) for value in (climbed, descended)])
    for _ in range(3):
        state, loss = fit.step(state, DATA)
        (value, up), (cost, down) = pulled(params)
        close(loss, value + cost, 1e-4, 1e-5)
        for name in params:
            assert all((abs(d) < 1e-9).all() for d in jax.tree.leaves((down if "critic" in name else up)[name]))
            rate, change = (0.3, up) if "critic" in name else (-0.1, down)
            params[name] = jax.tree.map(lambda p, d, r=rate: p + r * d, params[name], change[name])
    jax.tree.map(lambda x, y: close(x, y, 1e-4, 1e-5), state.params, params)


def test_critics_are_shared_by_name_and_may_take_several_arrays():
    fork = Schema(["A", "B", "C"], {"f": ("A", "C"), "g": ("B", "C")})
    pair = Real(2) @ Real(3)
    arch = Architecture(fork, {"A": Real(2), "B": Real(3), "C": pair}, {n: copy >> dense(2) @ dense(3) for n in "fg"})
    critic = concatenate() >> dense(4) >> leaky_relu >> dense(1)
    losses = Losses(
        arch, [*adversarial_tasks(arch, "f", critic, loss=squared), *adversarial_tasks(arch, "g", critic, loss=squared)]
    )
    assert losses.critics == {"critic of C"} and list(losses.sources) == ["A", "C", "B"]
    fit = SchemaLearner(losses, adam(1e-2), critics=adam(1e-2))
    state = jax.eval_shape(fit.init, jax.random.key(0))
    assert sorted(state.params) == ["critic of C", "f", "g"]
    data = {"A": A, "B": np.asarray(normal(3, 40, 3)), "C": (B, np.asarray(normal(4, 64, 3)))}
    after, loss = jax.eval_shape(fit.step, state, data)
    assert loss.shape == () and jax.tree.structure(after) == jax.tree.structure(state)
    own = Losses(arch, adversarial_tasks(arch, "f", critic, name="judge", loss=dot_product, weight=2.0))
    assert own.critics == {"judge"} and own.weights == (2.0, 2.0)
    assert own.names == ("judge along f", "f before the judge")


@pytest.mark.slow
@pytest.mark.optimised
def test_cyclegan_on_two_clouds():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 512)
    ring = np.stack([np.cos(angle), np.sin(angle)], -1).astype("float32")
    other = (ring[::-1] * [1.5, 0.5] + [3, 1]).astype("float32")
    net = dense(16) >> tanh >> dense(16) >> tanh >> dense(2)
    arch = Architecture(CYCLE, F.spaces, {"f": net, "g": net})
    critic = dense(32) >> leaky_relu >> dense(32) >> leaky_relu >> dense(1)
    tasks = [*adversarial_tasks(arch, "f", critic), *adversarial_tasks(arch, "g", critic)]
    rate = optax.cosine_decay_schedule(3e-3, 100 * 8)
    fit = SchemaLearner(Losses(arch, tasks, gamma=5.0), adam(rate, b1=0.5), critics=adam(rate, b1=0.5))
    data = {"A": ring, "B": other}
    start = fit.init(jax.random.key(0))
    before, away = fit.violations(start, data), distance(fit, start, data)
    state, history = fit.run(start, data, 100, batch=64, progress=False)
    after = fit.violations(state, data)
    for name in before:
        assert after[name] < before[name] / 20 and history[name][-1] == pytest.approx(after[name], rel=1e-3)
    assert distance(fit, state, data) < away / 10


def test_files_and_nans_of_games(tmp_path):
    fit = SchemaLearner(Losses(F, adversarial_tasks(F, "f", CRITIC)), adam(1e-2), critics=sgd(1e-2))
    state = fit.init(jax.random.key(0))
    fit.save(state, tmp_path / "game.safetensors")
    again = fit.load(tmp_path / "game.safetensors")
    assert jax.tree.all(jax.tree.map(lambda x, y: bool((x == y).all()), state, again))
    assert len(fit.lens.cod) == 0 and "ascending(sgd(0.01))" in repr(fit)
    state, history = fit.run(again, DATA, 1, check_nans=True, progress=False)
    assert len(history) == 1 and not history.evaluated


def distance(fit, state, data):
    """How far what f makes of A is from the nearest points of B, in the mean."""
    made = np.asarray(fit.model(state)("f")(data["A"]))
    return np.linalg.norm(made[:, None] - data["B"][None], axis=-1).min(1).mean()


def test_what_is_no_critic():
    refused(SpaceError, lambda: adversarial_tasks(F, "f", flatten), "does not fit", "of: +B", "Real\\(2\\)")
    refused(SpaceError, lambda: adversarial_tasks(F, "f", copy), "does not judge", "one array of reals")
    refused(SpaceError, lambda: adversarial_tasks(F, "f", batch_norm() >> dense(1)), "states")
    refused(LensError, lambda: adversarial_tasks(F, "f", "critic"), "'critic'")  # type: ignore[arg-type]
    refused(LensError, lambda: adversarial_tasks(F, "f", CRITIC, loss="hinge"), "loss='hinge'")  # type: ignore[arg-type]
    losses = Losses(F, adversarial_tasks(F, "f", CRITIC))
    refused(LensError, lambda: SchemaLearner(losses, adam(1e-2)), "no optimiser", "critic of B")
