"""The examples of games and of dreaming: short runs of each, and the figures that they promise; whole runs are slow."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import example

from lenses import Real, compile, inference

EXAMPLES = Path(__file__).parent.parent / "examples"
MIXTURE, DIGITS = (example(f"games/{name}") for name in ("mixture", "digits"))


@pytest.fixture
def dreaming(monkeypatch):
    """The example of dreaming, which reads another one beside it."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return example("dreaming")


def test_modes_of_the_data_are_covered_and_a_lost_one_is_seen():
    data = MIXTURE.points(4000)
    np.testing.assert_allclose(MIXTURE.shares(data), (1 - np.exp(-4.5)) / 8, atol=0.02)
    lost = data[np.linalg.norm(data - MIXTURE.MIDDLES[3], axis=1) > 0.5]
    assert [k for k, share in enumerate(MIXTURE.shares(lost)) if share < MIXTURE.SHARE] == [3]


def test_the_mixture_is_played_and_drawn(tmp_path, monkeypatch, capsys):
    one = {"GAN": MIXTURE.games()["GAN"]}
    monkeypatch.setattr(MIXTURE, "games", lambda: one)
    found = MIXTURE.main(str(tmp_path / "mixture.png"), seeds=1, epochs=1, size=256)
    assert list(found) == ["GAN"] and len(found["GAN"]) == 1
    assert (tmp_path / "mixture.png").stat().st_size > 1000
    assert "of 8 modes" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.optimised
def test_the_wasserstein_game_covers_all_modes_at_five_seeds(tmp_path):
    found = MIXTURE.main(str(tmp_path / "mixture.png"))
    assert found["Wasserstein GAN"] == [8] * 5 and min(found["GAN"]) < 8


def test_digits_are_described():
    sure, even = DIGITS.described(np.eye(10))
    assert sure == 1 and even == pytest.approx(1)
    sure, even = DIGITS.described(np.full((7, 10), 0.1))
    assert sure == 0 and even == pytest.approx(0)


def test_digits_are_played_and_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(DIGITS, "IMAGES", DIGITS.IMAGES[:128])
    monkeypatch.setattr(DIGITS, "LABELS", DIGITS.LABELS[:128])
    one = {"GAN": DIGITS.games()["GAN"]}
    monkeypatch.setattr(DIGITS, "games", lambda: one)
    found = DIGITS.main(str(tmp_path / "digits.png"), epochs=2)
    assert list(found) == ["data", "GAN"] and (tmp_path / "digits.png").exists()


@pytest.mark.slow
@pytest.mark.optimised
def test_digits_of_the_wasserstein_game_are_of_all_classes(tmp_path):
    sure, even = DIGITS.main(str(tmp_path / "digits.png"))["Wasserstein GAN"]
    assert sure >= 0.6 and even >= 0.97


def test_without_matplotlib_no_picture_is_drawn(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    DIGITS.draw({"data": DIGITS.IMAGES}, "nowhere.png")
    assert "pip install" in capsys.readouterr().out


@pytest.mark.optimised
def test_perceptrons_dream_of_what_they_know(dreaming, tmp_path):
    params = dreaming.learn(epochs=10)
    images = dreaming.dreams(params)
    seen = compile(inference(dreaming.perceptron), Real(64))(params, np.reshape(images, (10, 64)))
    assert (np.asarray(seen).argmax(-1) == np.arange(10)).all()
    dreaming.draw({"a": images, "b": images}, str(tmp_path / "dreams.png"))
    assert (tmp_path / "dreams.png").exists()


@pytest.mark.slow
@pytest.mark.optimised
def test_circuits_dream_too(dreaming, tmp_path, capsys):
    rows = dreaming.main(str(tmp_path / "dreams.png"))
    assert set(rows) == {"perceptron", "circuit"} and all(len(images) == 10 for images in rows.values())
    assert capsys.readouterr().out.count("which has a score") == 10
