"""The examples of schemas: small runs of all that they do, and under slow what they promise."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from helpers import example

from lenses import adam
from lenses.schemas import Losses, SchemaLearner

CYCLEGAN, PRODUCT = example("schemas/cyclegan"), example("schemas/product")


def test_cyclegan_runs_and_draws(tmp_path, capsys):
    path = tmp_path / "cyclegan.png"
    found = CYCLEGAN.main(str(path), epochs=12, number=192, progress=False)
    printed = capsys.readouterr().out
    assert set(found) == {"f ; g = id(A)", "g ; f = id(B)"} and min(found.values()) > 1.5
    for equation in found:
        assert f"evaluated {equation}" in printed and f"{equation} violated by" in printed
    assert path.read_bytes().startswith(b"\x89PNG") and f"drawn: {path}" in printed


def test_cyclegan_has_no_pairs():
    clouds = CYCLEGAN.clouds(500)
    assert abs(clouds["A"].mean(0)).max() < 0.2 and abs(clouds["B"].mean(0) - [3, 1]).max() < 0.2
    turns = [np.arctan2(*(x - x.mean(0)).T) for x in clouds.values()]
    assert abs(np.corrcoef(np.cos(turns[0]), np.cos(turns[1]))[0, 1]) < 0.2


def test_bars_by_hand():
    one = PRODUCT.bars(np.array([[-1.0], [0.2]]))
    assert one.shape == (2, 8, 8, 1) and (one[:, :, [0, 7]] == 0).all()
    np.testing.assert_allclose(one[0, :, 3, 0], np.exp(-((np.arange(8) - 1) ** 2) / 0.8), rtol=1e-5)
    assert one[1, :, 1:7, 0].argmax(0).tolist() == [4] * 6


def test_no_digit_is_seen_with_and_without_a_bar():
    data, held = PRODUCT.pictures()
    without = {x.tobytes() for x in (*data["A × B"][0], *held["A × B"][0])}
    under = {x.tobytes() for x in held["C without"]}
    assert len(without & under) < 3  # a few digits of the data are there twice
    np.testing.assert_array_less(-1e-6, held["C"] - held["C without"])
    learned = data["A × B"][0].reshape(len(data["A × B"][0]), -1)
    assert {x.tobytes() for x in held["A × B"][0]}.isdisjoint({x.tobytes() for x in learned})


def test_the_product_task_draws_and_steps(tmp_path):
    data, held = PRODUCT.pictures()
    losses = Losses(PRODUCT.architecture, PRODUCT.tasks)
    fit = SchemaLearner(losses, adam(1e-3), critics=adam(1e-3))
    state = jax.eval_shape(fit.init, jax.random.key(0))
    after, loss = jax.eval_shape(fit.step, state, data)
    assert jax.tree.structure(after) == jax.tree.structure(state) and loss.shape == ()
    own = {name: state.params[name] for name in ("insert", "delete")}
    zeros = jax.tree.map(lambda p: np.zeros(p.shape, p.dtype), own)
    path = tmp_path / "product.png"
    assert PRODUCT.draw(PRODUCT.architecture.model(zeros), held, str(path))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_losses_of_the_examples():
    assert len(CYCLEGAN.losses.names) == 6 and CYCLEGAN.losses.critics == {"critic of A", "critic of B"}
    losses = Losses(PRODUCT.architecture, PRODUCT.tasks)
    assert losses.critics == {"critic of C", "critic of A × B"} and len(losses.term.dom) == 3


@pytest.mark.slow
@pytest.mark.optimised
def test_cyclegan_as_it_is(capsys):
    assert min(CYCLEGAN.main(None, progress=False).values()) >= 20
    away = [line for line in capsys.readouterr().out.splitlines() if " from " in line]
    assert len(away) == 2 and all(float(line.split()[-2]) < 0.1 for line in away)


@pytest.mark.slow
@pytest.mark.optimised
def test_the_product_task_as_it_is(capsys):
    assert min(PRODUCT.main(None, progress=False).values()) >= 20
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "bars make" in line]
    before, after = float(line.split()[5]), float(line.split()[-3])
    assert after < 0.6 * before, line
