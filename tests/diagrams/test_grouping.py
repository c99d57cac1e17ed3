"""Axes drawn as one: double wires where every box treats them alike, apart where one does not."""

from __future__ import annotations

import importlib
import math
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import refused
from test_layout import TERMS, check_picture, points_along, threads

import diagrams
from diagrams.curves import line, parallel
from diagrams.following import strands as strands_of
from diagrams.paint import shapes
from diagrams.plan import of_term
from diagrams.shapes import Stroke
from lenses import (
    LensError,
    Real,
    block,
    conv,
    einsum,
    max_pool,
    over,
    rearrange,
    relu,
    scan,
    softmax,
)

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
PICTURES: dict[str, Any] = {p.name: p for p in importlib.import_module("gallery").PICTURES}
IMAGE = Real(y=8, x=8, c=3)
PIXELS = {"pixel": ("y", "x")}


def double(scene):
    return [w for w in scene.wires if w.kind == "axes"]


def names(scene):
    return {w.name for w in scene.wires}


def strokes(scene, kind):
    return [group.shapes for group in shapes(scene) if group.kind == kind]


def test_axes_of_a_group_are_one_wire_under_one_bold_label():
    term = (conv(4, (3, 3)) >> relu >> max_pool((2, 2))).at(IMAGE)
    scene = check_picture(term, "neural", groups=PIXELS)
    assert names(scene) == {"pixel", "c"} and len(double(scene)) * 2 == len(scene.wires)
    assert [[len(points) for points in (*g.ins, *g.outs)] for g in scene.glyphs] == [[2, 2]] * 3
    assert {w.size for w in double(scene)} == {64, 16}
    bold = [label.text for label in scene.labels if label.bold]
    assert bold == ["pixel = 8 × 8", *["pixel = 4 × 4"] * (len(bold) - 1)]
    for wire, drawn in zip(scene.wires, strokes(scene, "wire"), strict=True):
        assert len(drawn) == (2 if wire.kind == "axes" else 1)


def test_the_unet_has_no_wire_for_one_of_its_two_axes_of_pixels():
    scene = check_picture(PICTURES["unet"].term, "neural", groups=PIXELS)
    assert names(scene) == {"pixel", "c"}
    assert sum(t.kind == "meet" for g in scene.glyphs for t in g.threads) == 2 * 2 + 2 * 2  # copies; they merge


def test_a_contraction_over_a_group_is_one_double_cup():
    scene = check_picture(
        einsum("a y x, b y x -> a b").at(Real(a=2, y=3, x=4), Real(b=5, y=3, x=4)), "neural", groups=PIXELS
    )
    (product,) = scene.glyphs
    (cup,) = threads(product, "cup")
    curves = [stroke.curve for stroke in strokes(scene, "glyph")[0] if isinstance(stroke, Stroke)]
    assert parallel(cup.curve, 1.5) in curves and parallel(cup.curve, -1.5) in curves and cup.curve not in curves
    summed = check_picture(einsum("y x c -> c").at(IMAGE), "neural", groups=PIXELS)
    assert len(threads(summed.glyphs[0], "end")) == 1


def test_a_box_that_acts_on_one_axis_alone_has_the_group_apart_along_its_wires():
    term = (conv(4, (3, 3)) >> relu >> softmax("x") >> conv(2, (3, 3))).at(IMAGE)
    scene = check_picture(term, "neural", groups=PIXELS)
    first, act, triangle, last = scene.glyphs
    assert [len(g.ins[0]) for g in (first, act, triangle, last)] == [2, 3, 3, 3]  # y runs on past the triangle
    assert {p for w in double(scene) for p in (w.start, w.end)} >= {first.ins[0][0]}
    moved = check_picture((conv(4, (3, 3)) >> relu >> rearrange("y x c -> x y c")).at(IMAGE), "neural", groups=PIXELS)
    assert [len(g.outs[0]) for g in moved.glyphs] == [3, 3, 3] and double(moved)[0].end == moved.glyphs[0].ins[0][0]


def test_what_is_apart_does_not_spread_past_boxes_that_act_on_all_axes():
    term = (conv(4, (3, 3)) >> softmax("x") >> conv(2, (3, 3)) >> relu).at(IMAGE)
    scene = check_picture(term, "neural", groups=PIXELS)
    assert [len(g.outs[0]) for g in scene.glyphs] == [3, 3, 2, 2]


def test_groups_go_into_parts_and_out_of_them():
    inside = block("a", block("b", conv(4, (3, 3))) >> relu)
    term = (over("n", inside) >> relu).at(Real(n=2, y=8, x=8, c=4))
    scene = check_picture(term, "neural", groups=PIXELS)
    assert len(scene.frames) == 3 and names(scene) == {"n", "pixel", "c"}
    pixels = {n for n, w in zip(strands_of(scene), scene.wires, strict=True) if w.name == "pixel"}
    assert len(pixels) == 2  # the convolution acts on it, all else lets it pass
    rows = check_picture((conv(4, (3, 3)) >> over("y", relu)).at(IMAGE), "neural", groups=PIXELS)
    assert {len(f.ins[0]) for f in rows.frames} == {2}  # all run past in an over, also its own axis
    lost = check_picture((conv(4, (3, 3)) >> scan(relu, "y", carry=0)).at(IMAGE), "neural", groups=PIXELS)
    assert [len(lost.glyphs[0].ins[0]), len(lost.glyphs[0].outs[0])] == [2, 3]


def test_overlays_count_the_axes_that_are_there():
    term = (conv(4, (3, 3)) >> relu >> max_pool((2, 2))).at(IMAGE)
    plain, grouped = (diagrams.draw(term, overlays=("memory", "flops"), groups=g) for g in (None, PIXELS))
    assert [m.value for m in plain.marks] == [m.value for m in grouped.marks]


def test_any_group_of_any_term_is_read_back():
    """Neighbouring axes are given names at random, so that groups run through every kind of box."""
    rng = random.Random(5)
    seen = 0
    for term in TERMS:
        named = [Real(**{f"a{i}_{k}": n for k, n in enumerate(a.sizes)}) for i, a in enumerate(term.dom) if a.real]
        if len(named) != len(term.dom):
            continue
        try:
            typed = term.term.at(*named)
        except LensError:
            continue
        plan = of_term(typed)
        found = {
            array.names[k : k + 2]
            for array in (*plan.dom, *(a for node in plan.nodes for a in node.cod))
            for k in range(array.rank - 1)
            if None not in array.names[k : k + 2]
        }
        for pair in sorted(found, key=lambda _: rng.random())[:3]:
            try:
                scene = check_picture(typed, "neural", groups={"G": pair})
            except LensError as error:
                assert "cannot be drawn as one wire" in str(error)
                continue
            seen += 1
            assert double(scene)
    assert seen > 5


def test_groups_that_are_refused():
    term = (conv(4, (3, 3)) >> relu).at(IMAGE)
    sideways = {"pixel": ("x", "y")}
    refused(LensError, lambda: diagrams.draw(term, groups=sideways), "'pixel' = x, y", "beside each other", "y, x, c")
    alone = softmax("x").at(IMAGE)
    refused(LensError, lambda: diagrams.draw(alone, groups=PIXELS), "cannot be drawn as one", "softmax", "'x'", "fold=")
    refused(LensError, lambda: diagrams.draw(term, style="string", groups=PIXELS), "neural style alone")
    refused(LensError, lambda: diagrams.draw(term, style="lens", groups=PIXELS), "both directions")
    refused(LensError, lambda: diagrams.draw(term, groups={"p": "y x", "q": "x c"}), "'x' is in it twice")
    wrong: Any
    for wrong in (3, {"p": "y"}, {"p": 3}, {"": "y x"}, {3: "y x"}, {"p": (1, 2)}, ["y", "x"]):
        refused(LensError, lambda wrong=wrong: diagrams.draw(term, groups=wrong), "groups", "two or more axes")


def test_a_closed_part_hides_what_keeps_axes_apart():
    term = (block("rows", softmax("x")) >> relu).at(IMAGE)
    refused(LensError, lambda: diagrams.draw(term, groups=PIXELS), "cannot be drawn as one")


@pytest.mark.parametrize("aside", [-1.5, 1.5])
def test_parallel_curves_stay_beside_each_other(aside):
    bend = (("M", 0.0, 0.0), ("L", 10.0, 0.0), ("C", 40.0, 0.0, 40.0, 50.0, 70.0, 50.0), ("L", 90.0, 50.0))
    cup = (("M", 0.0, 0.0), ("C", 25.0, 0.0, 25.0, 20.0, 0.0, 20.0))
    for curve in (bend, cup, line((0.0, 0.0), (5.0, 0.0))):
        middle, beside = (list(points_along(c, 60)) for c in (curve, parallel(curve, aside)))
        for p in beside:
            assert math.dist(p, min(middle, key=lambda q: math.dist(p, q))) == pytest.approx(abs(aside), abs=0.4)
