"""Pictures of lenses, of both passes and of learners are read back, and refused where the way back is another."""

from __future__ import annotations

import dataclasses
import random

import pytest
from helpers import refused
from test_lens import FOLDS, LEARNERS, PERCEPTRON

from diagrams import draw, read
from diagrams.passes.lens import CHANGE
from lenses import Real, dense, learner, sgd, squared, tanh
from lenses.errors import LensError
from lenses.laws.generate import decode
from lenses.laws.signature import standard
from lenses.learner.losses import Loss
from lenses.rules import feedback_alignment, lrp


@pytest.mark.parametrize("style", ["lens", "backward"])
@pytest.mark.parametrize("name", FOLDS)
def test_pictures_of_both_directions_are_read_back(name, style):
    term, fold = FOLDS[name]
    assert read(draw(term, style=style, fold=fold)) == term.term


@pytest.mark.parametrize("fold", [0, 1, None])
@pytest.mark.parametrize("name", LEARNERS)
def test_learners_are_read_back_as_their_closed_lens(name, fold):
    assert read(draw(LEARNERS[name], fold=fold)) == LEARNERS[name].lens.term


def test_what_is_read_is_what_is_drawn():
    model = (dense(4) >> tanh >> dense(2)).at(Real(3))
    fits = [learner(model, loss=squared, optimiser=sgd(rate)) for rate in (0.1, 0.2)]
    first, second = (read(draw(fit)) for fit in fits)
    assert first == fits[0].lens.term != second == fits[1].lens.term
    for rule in (feedback_alignment(), lrp()):
        assert read(draw(model, style="backward", rule=rule)) == model.term
    scene = draw(model, style="lens")
    (box,) = [g for g in scene.glyphs if g.text == "tanh"]
    other = dataclasses.replace(box, box=dense(4))
    scene.glyphs[scene.glyphs.index(box)] = other
    assert read(scene) == dense(4) >> dense(4) >> dense(2)


def test_random_terms():
    rng = random.Random(1)
    signature = standard()
    for _ in range(20):
        term = decode(rng.randbytes(rng.choice((8, 20, 40))), signature)
        for style in ("lens", "backward"):
            assert read(draw(term, style=style)) == term.term


def back_wires(scene):
    return [i for i, w in enumerate(scene.wires) if w.role == "backward"]


@pytest.mark.parametrize("style", ["lens", "backward"])
def test_a_change_that_comes_back_another_way_is_refused(style):
    for k in range(4):
        scene = draw(PERCEPTRON, style=style)
        del scene.wires[back_wires(scene)[k]]
        refused(LensError, lambda scene=scene: read(scene), "cannot be read", "its change does not come back")
    scene = draw(PERCEPTRON, style=style)
    i, j = back_wires(scene)[:2]
    a, b = scene.wires[i], scene.wires[j]
    scene.wires[i], scene.wires[j] = dataclasses.replace(a, curve=b.curve), dataclasses.replace(b, curve=a.curve)
    refused(LensError, lambda: read(scene), "cannot be read", "another way")


def test_a_slot_that_is_not_grabbed_is_refused():
    scene = draw(PERCEPTRON, style="backward")
    scene.glyphs.remove(next(g for g in scene.glyphs if g.kind == "grab" and g.text == "k1"))
    refused(LensError, lambda: read(scene), "cannot be read", "the slot k1")


@pytest.mark.parametrize(
    "lost, said",
    [
        (lambda w: w.name == "P" and w.axis == CHANGE and w.start[1] > w.end[1] > 40.0, "the optimiser and the model"),
        (lambda w: w.role == "backward" and w.address == () and w.title.startswith("the change"), "the loss and"),
        (lambda w: w.role == "backward" and w.address == (1,), "does not come back"),
    ],
)
def test_a_learner_that_is_not_closed_is_refused(lost, said):
    scene = draw(LEARNERS["perceptron"])
    kept = [w for w in scene.wires if not lost(w)]
    assert len(kept) < len(scene.wires)
    scene.wires[:] = kept
    refused(LensError, lambda: read(scene), "cannot be read", said)


def test_two_losses_are_refused():
    scene = draw(LEARNERS["perceptron"])
    scene.glyphs.append(next(g for g in scene.glyphs if isinstance(g.box, Loss)))
    refused(LensError, lambda: read(scene), "cannot be read", "has one, not 2")
