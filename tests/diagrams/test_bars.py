"""Bars over the names of axes: in the scene, and in every format that writes names."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from helpers import refused
from test_layout import ATTENTION, check_picture

import diagrams
from diagrams.curves import line
from diagrams.formats import raster, svg, tex
from diagrams.shapes import Group, Text
from diagrams.themes import THEMES
from lenses import LensError, Real, conv, dense, relu

TYPED = ATTENTION.at(Real(query=28, d=64), Real(key=28, d=64), Real(key=28, d=64))
NAME = "{http://www.w3.org/2000/svg}"


def barred(scene):
    """What has a bar over it in each label that has one."""
    return [label.text[a:b] for label in scene.labels for a, b in label.bars]


def test_a_bar_is_over_the_name_wherever_it_is_written():
    scene = check_picture(TYPED, "neural", bars=("query", "key"))
    labels = [label.text for label in scene.labels if label.text.split(" ")[0] in ("query", "key")]
    assert barred(scene) == [text.split(" ")[0] for text in labels] and "key = 28" in labels and len(labels) > 4
    assert [w.name for w in scene.wires] == [w.name for w in diagrams.draw(TYPED).wires]  # the names themselves
    assert not barred(diagrams.draw(TYPED, bars="query", labels="sizes"))


def test_a_name_that_begins_with_another_has_no_bar():
    scene = diagrams.draw(relu.at(Real(x=2, x1=3)), bars=["x"])
    assert [label.text for label in scene.labels if label.bars] == ["x = 2"]


def test_groups_and_legends_have_bars():
    pixels = {"pixel": ("y", "x")}
    term = (conv(4, (3, 3)) >> relu).at(Real(y=8, x=8, c=3))
    scene = check_picture(term, "neural", groups=pixels, bars="pixel c", labels="names", legend=True)
    (legend,) = (label for label in scene.labels if label.role == "legend")
    assert [legend.text[a:b] for a, b in legend.bars] == ["pixel", "c"]
    assert {"pixel", "c"} == set(barred(scene))


def test_every_format_draws_the_bars():
    scene = diagrams.draw(dense(3).at(Real(token=5, m=2)), bars="token")
    root = ET.fromstring(scene.svg())
    spans = [e for e in root.iter(f"{NAME}tspan")]
    assert [e.text for e in spans] == barred(scene) and {e.get("text-decoration") for e in spans} == {"overline"}
    assert "token = 5" in {"".join(e.itertext()) for e in root.iter(f"{NAME}text")}
    assert r"\ensuremath{\overline{\hbox{token}}}\ =\ 5}" in tex.write(scene)


def test_texts_under_a_bar_are_only_texts():
    label = "<&\\end_"
    text = f"{label} = 5"
    groups = [Group("label", (Text(text, 0, 0, bars=((0, len(label)),)),))]
    (element,) = ET.fromstring(svg.render(groups, 9, 9)).iter(f"{NAME}text")
    assert "".join(element.itertext()) == text
    assert r"\hbox{\ensuremath{<}\&\textbackslash{}end\_}" in tex.render(groups, 9, 9)


@pytest.mark.parametrize("anchor", ["start", "middle", "end"])
def test_matplotlib_draws_a_bar_over_what_it_drew(anchor):
    pytest.importorskip("matplotlib")
    from matplotlib.font_manager import FontProperties

    font = FontProperties(family="DejaVu Sans", size=10.0)
    full, half = (Text(t, 50.0, 20.0, 10.0, anchor, bars=((0, n),)) for t, n in (("mmmm", 4), ("mmmm", 2)))
    ((whole,), (part,)) = (list(raster._bars(text, font)) for text in (full, half))
    (x0, y), (x1, _) = whole[0][1:], whole[1][1:]
    assert part == line((x0, y), ((x0 + x1) / 2, y)) and y < 20.0 - 7.0
    assert {"start": x0, "middle": (x0 + x1) / 2, "end": x1}[anchor] == pytest.approx(50.0)
    groups = [Group("label", (full,))]
    assert raster.pdf(groups, 100, 40, THEMES["light"]) != raster.pdf(groups[:0], 100, 40, THEMES["light"])


def test_bars_that_are_refused():
    refused(LensError, lambda: diagrams.draw(TYPED, bars="token"), "no axis is called 'token'", "query, d, key")
    refused(LensError, lambda: diagrams.draw(TYPED, bars="key", style="graph"), "neural style alone")
    refused(LensError, lambda: diagrams.draw(TYPED, bars="key", style="backward"), "both directions")
    wrong: Any
    for wrong in (3, (3,), {"key": 1}):
        refused(LensError, lambda wrong=wrong: diagrams.draw(TYPED, bars=wrong), "bars", "names of axes")
