"""Games are drawn as the closed lenses that they are, from Python and from the shell."""

from __future__ import annotations

from typing import Any

import pytest

import diagrams
from lenses import LensError, Real, adversarial, dense, relu, sgd
from lenses.cli import main
from lenses.learner.optimisers import Update
from lenses.schemas import Architecture, Losses, Schema, SchemaLearner

CYCLE = Schema(["A", "B"], {"f": ("A", "B"), "g": ("B", "A")}, ["f ; g = id", "g ; f = id"])
FIT = adversarial(
    dense(3) >> relu >> dense(2), dense(1), Real(2), Real(2), optimisers=(sgd(0.1), sgd(0.2))
)  # fmt: skip


def cycle_learner():
    plane = Architecture(CYCLE, {"A": Real(2), "B": Real(2)}, {"f": dense(2), "g": dense(2)})
    return SchemaLearner(Losses(plane), sgd(0.1))


@pytest.mark.parametrize("make", [lambda: FIT, cycle_learner], ids=["adversarial", "schema"])
def test_a_game_is_drawn_as_its_closed_lens(make):
    fit = make()
    scene = diagrams.draw(fit)
    players = [node.box for node in fit.lens.graph.nodes if isinstance(node.box, Update)]
    assert sum(isinstance(glyph.box, Update) for glyph in scene.glyphs) == len(players) > 0
    assert diagrams.read(scene) == fit.lens.term
    assert scene.svg() == diagrams.draw(fit.lens, style="lens", fold=0).svg()


def test_what_cannot_be_said_of_a_game():
    wrongs: list[dict[str, Any]] = [{"style": "neural"}, {"rule": "lrp"}, {"expand": ""}, {"overlays": ("memory",)}]
    for wrong in wrongs:
        with pytest.raises(LensError, match="draw"):
            diagrams.draw(FIT, **wrong)


def test_games_and_schemas_from_the_shell(tmp_path, monkeypatch, capsys):
    (tmp_path / "some_game.py").write_text(
        "from lenses import Real, adversarial, dense, sgd\n"
        "from lenses.schemas import Schema\n"
        "fit = adversarial(dense(2), dense(1), Real(2), Real(2), optimisers=(sgd(0.1), sgd(0.1)))\n"
        "cycle = Schema(['A', 'B'], {'f': ('A', 'B'), 'g': ('B', 'A')}, ['f ; g = id'])\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in "fit", "cycle":
        assert main(["draw", f"some_game:{name}", "-o", f"{name}.svg"]) == 0
        assert (tmp_path / f"{name}.svg").read_text().startswith("<svg")
