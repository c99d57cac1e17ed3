"""The room between things: axes that end at brackets, labels and frames under dashes, bars and what passes them."""

from __future__ import annotations

import importlib
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from test_layout import ATTENTION, check_picture, points_along, strands, threads

import diagrams
from diagrams.paint import HEADS, shapes
from diagrams.shapes import Stroke
from lenses import (
    Index,
    Real,
    add,
    block,
    causal_mask,
    concatenate,
    conv,
    copy,
    dense,
    einsum,
    embedding,
    identity,
    layer_norm,
    reduce_mean,
    reduce_sum,
    relu,
    scale,
    scan,
    softmax,
    split,
    subtract,
    swap,
    tanh,
    zero,
)

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
PICTURES: Any = importlib.import_module("gallery").PICTURES
scene_of: Any = importlib.import_module("gallery.__main__").scene
CELL = (dense(4) @ dense(4)) >> add >> tanh >> copy
BARS = ("query", "key")


def heights(curve):
    return [part[-1] for part in curve]


def above(scene, label):
    """How far the dashes above a label are from its baseline."""
    for dash in scene.dashes:
        for x, y in points_along(dash.curve, 60):
            if label.x <= x <= label.x + label.width and label.y - 25.0 < y < label.y:
                yield label.y - y


@pytest.mark.parametrize("cell", [CELL, block("cell", CELL), dense(4) @ dense(4) >> swap])
def test_an_axis_that_ends_at_a_bracket_stays_below_the_dash_above_its_array(cell):
    scene = check_picture(scan(cell, "time").at(Real(h=4), Real(time=7, d=4)), "neural")
    arriving = [d for d in scene.dashes if not d.address and d.curve[0][1] < scene.frames[0].x]
    lowest = max(y for dash in arriving for y in heights(dash.curve))
    come, go = strands(scene, "time")
    assert len(set(heights(come.curve))) == 1 and come.start[1] >= lowest + 10.0
    assert go.start[1] >= max(y for d in scene.dashes for x, y in points_along(d.curve) if x >= go.start[0]) + 10.0


def test_wires_come_straight_into_a_step():
    scene = diagrams.draw(scan(block("cell", CELL), "time").at(Real(h=4), Real(time=7, d=3)))
    coming = [wire for wire in scene.wires if wire.end[0] <= scene.glyphs[0].ins[0][0][0]]
    assert len(coming) == 7 and all(len(set(heights(wire.curve))) == 1 for wire in coming)


def test_bold_and_barred_labels_have_room_under_a_dash():
    typed = ATTENTION.at(Real(query=28, d=64), Real(key=28, d=64), Real(key=28, d=64))
    barred = check_picture(typed, "neural", bars=BARS)
    pixels = scene_of(next(p for p in PICTURES if p.name == "visual-attention"))
    found = [far for scene in (barred, pixels) for a in scene.labels if a.bars or a.bold for far in above(scene, a)]
    assert len(found) > 20 and min(found) >= 14.5  # a bar is 10 above the baseline
    assert min(far for a in diagrams.draw(typed).labels for far in above(diagrams.draw(typed), a)) >= 11.0


def test_frames_and_dashes_do_not_touch():
    inner = block("part", dense(m=4) >> relu)
    scene = check_picture((copy >> inner @ identity >> identity @ inner >> add).at(Real(t=2, m=4)), "neural")
    assert len(scene.frames) == 2 and scene.dashes
    for frame in scene.frames:
        for x, y in (p for dash in scene.dashes for p in points_along(dash.curve)):
            if frame.x <= x <= frame.x + frame.width:
                assert min(abs(y - frame.y), abs(y - frame.y - frame.height)) >= 4.9


def test_a_box_between_dashes_does_not_bend_them():
    scores = causal_mask("t", "k") >> softmax("k")
    term = (scores @ block("part", dense(m=4)) @ identity).at(Real(t=3, k=3), Real(m=4), Real(m=4))
    scene = check_picture(term, "neural", fold=0)
    assert len(scene.dashes) >= 2
    for line in (*scene.dashes, *scene.wires):
        assert all(abs(a - b) in (0.0, *range(4, 99)) for a, b in pairwise(heights(line.curve)))


@pytest.mark.parametrize(
    "term",
    [
        (reduce_mean(-2) >> reduce_mean() >> tanh).at(Real(a=2, b=3)) @ (tanh >> tanh >> tanh).at(Real(c=3)),
        (reduce_mean() >> tanh).at(Real(a=2, b=3)) @ (tanh >> tanh).at(Real(c=3)),
        reduce_mean().at(Real(a=2, b=3)) >> identity @ zero(Real(2)) >> subtract,
        block("part", copy >> tanh @ identity >> add).at(Real(2)) >> identity @ zero(Real(2)) >> add,
    ],
)
def test_a_dash_stays_below_what_stands_above_it(term):
    scene = check_picture(term, "neural")
    assert scene.dashes
    for frame in scene.frames:
        outer = [p for dash in scene.dashes if dash.address == frame.address[:-1] for p in points_along(dash.curve)]
        assert not any(
            frame.x < x < frame.x + frame.width - 1 and frame.y < y < frame.y + frame.height for x, y in outer
        )


# -- bars ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "term",
    [
        concatenate("c").at(Real(y=2, x=2, c=3), Real(y=2, x=2, c=4)),
        concatenate("y").at(Real(y=2, c=3), Real(y=4, c=3)),
        split(1, 2).at(Real(y=2, x=2, c=3)),
        split(2, 3, axis="y").at(Real(b=3, y=5, c=3)),
    ],
)
def test_axes_that_merge_or_part_at_a_bar_do_not_cross_it(term):
    scene = check_picture(term, "neural")
    (bar,) = (g for g in scene.glyphs if g.kind == "bar")
    for thread in bar.threads:
        if thread.kind != "touch":
            for x, y in points_along(thread.curve, 40):
                assert not (bar.x < x < bar.x + bar.width and bar.y < y < bar.y + bar.height), "it crosses the bar"
    assert threads(bar, "meet")


# -- indices and arrows ----------------------------------------------------------------------


def test_every_learned_box_of_a_repeat_has_its_index():
    layer = layer_norm() >> conv(3, (3, 3)) >> relu
    scene = check_picture((layer**2).at(Real(y=8, x=8, c=3)), "neural")
    assert [g.text for g in scene.glyphs if g.kind in ("ring", "convolution")] == ["layerᵢ", "★ᵢ 3"]
    alone = diagrams.draw(layer.at(Real(y=8, x=8, c=3)))
    assert [g.text for g in alone.glyphs if g.kind in ("ring", "convolution")] == ["layer", "★ 3"]


def test_an_index_has_one_arrow_where_it_ends():
    def arrows(scene):
        strokes = [s for g in shapes(scene) if g.kind == "wire" for s in g.shapes if isinstance(s, Stroke)]
        return len([s for s in strokes if s.fill and s.stroke is None])

    term = embedding(m=4)
    typed = Index(token=3, below=9)
    assert HEADS["index"] and arrows(check_picture(term.at(typed), "neural")) == 1
    assert arrows(check_picture(block("words", term >> relu).at(typed), "neural")) == 1


# -- sums ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("term", "kinds"),
    [
        (reduce_sum("a").at(Real(a=2, b=3)), ["end", "pass"]),
        (reduce_sum("a").at(Real(a=2)), ["end", "touch"]),
        (einsum("a b -> ").at(Real(a=2, b=3)), ["end", "end", "touch", "touch"]),
        (einsum("a a -> ").at(Real(2, 2)), ["cup", "touch"]),
        ((einsum("a, a -> ") >> scale(0.5)).at(Real(a=2), Real(a=2)), ["cup", "touch"]),
    ],
)
def test_a_summed_axis_ends_and_a_number_leaves_from_there(term, kinds):
    scene = check_picture(term, "neural")
    product = scene.glyphs[0]
    assert (
        product.kind == ("summed" if "reduce" in product.title else "product")
        and sorted(t.kind for t in product.threads) == kinds
    )
    met = [p for t in product.threads if t.kind in ("end", "cup") for p in points_along(t.curve)]
    for thread in threads(product, "touch"):
        x, y = thread.curve[0][-2:]
        assert min(abs(x - a) + abs(y - b) for a, b in met) < 1.0, "it begins where nothing ends"
        assert thread.curve[-1][-2:] == product.outs[0][0]
