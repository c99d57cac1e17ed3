"""Convolutions in their long form, and parts as equations with what they are made of."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import refused
from test_layout import check_picture, threads

import diagrams
from lenses import (
    LensError,
    Real,
    add,
    block,
    cli,
    conv,
    copy,
    dense,
    identity,
    max_pool,
    mean_pool,
    over,
    relu,
)

IMAGE = Real(y=8, x=8, c=3)


def kinds(scene):
    return [glyph.kind for glyph in scene.glyphs]


def of_kind(scene, kind):
    return [glyph for glyph in scene.glyphs if glyph.kind == kind]


def wires_from(scene, glyph):
    """The wires that begin at a glyph, from the top."""
    points = {p for array in glyph.outs for p in array}
    return sorted((w for w in scene.wires if w.start in points), key=lambda w: w.start[1])


def test_a_long_convolution_is_its_windows_and_a_learned_map():
    """Pixels become places and axes of the kernel, and these and the channels end in the card."""
    scene = check_picture(conv(4, (3, 2), stride=2).at(IMAGE), "neural", convolutions="long")
    (frame,) = scene.frames
    assert frame.text == "convolution" and kinds(scene) == ["windows", "card"]
    seen, card = scene.glyphs
    assert [(w.name, w.size) for w in wires_from(scene, seen)] == [("y", 4), ("x", 4), ("", 3), ("", 2), ("c", 3)]
    channel = seen.ins[0][-1]
    (past,) = [t for t in threads(seen, "pass") if t.curve[0][-2:] == channel]
    assert past.curve[-1][2] > seen.y + seen.height  # the channels go on below the body
    touching = {t.curve[0][-2:] for t in threads(card, "touch")} & {p for p in card.ins[0]}
    assert touching == set(card.ins[0][-3:])  # both axes of the kernel, and the channels
    (name,) = {w.name for w in wires_from(scene, card)} - {"y", "x"}
    assert name == "c" and [w.size for w in wires_from(scene, card)] == [4, 4, 4]


def test_what_stands_in_the_trapezoid():
    found = {}
    for term in (conv(2, (3, 3)), conv(2, 3, stride=2, transposed=True), conv(2, (3, 2), stride=(1, 2), dilation=2)):
        scene = check_picture(term.at(IMAGE), "neural", convolutions="long")
        (seen,) = of_kind(scene, "windows")
        found[scene.frames[0].text, len(seen.data[0])] = seen.text, seen.data[0]
    assert list(found.values()) == [("★", ""), ("★", "2 T"), ("★", "1×2 :2")]
    assert [text for text, _ in found] == ["convolution", "transposed convolution", "convolution"]


@pytest.mark.parametrize("pool", [max_pool, mean_pool])
def test_a_long_pooling_ends_the_kernel_in_what_is_taken(pool):
    scene = check_picture(pool((2, 2)).at(IMAGE), "neural", convolutions="long")
    assert kinds(scene) == ["windows", "reduction", "reduction"]
    assert [g.text for g in scene.glyphs[1:]] == [pool((2, 2)).kind] * 2
    assert [w.size for w in wires_from(scene, scene.glyphs[-1])] == [4, 4, 3]


def test_long_forms_in_parts_along_axes_and_in_groups():
    part = block("f", conv(3, (3, 3)) >> relu)
    term = (copy >> identity @ (part >> over("b", conv(3, (1, 1)))) >> add).at(Real(b=2, y=4, x=4, c=3))
    scene = check_picture(term, "neural", convolutions="long")
    assert [f.text for f in scene.frames] == ["f", "convolution", "over b", "convolution"]
    grouped = check_picture(term, "neural", convolutions="long", groups={"p": ("y", "x")})
    assert {w.name for w in grouped.wires if w.kind == "axes"} == {"p"} and kinds(grouped) == kinds(scene)
    one = check_picture(term, "neural", convolutions="long", fold="f/conv_0")
    assert kinds(one).count("convolution") == 1 and len(of_kind(one, "windows")) == 1
    assert check_picture(term, "string", convolutions="long", fold=0).frames == []


def test_what_has_no_long_form_stays_short():
    term = conv(6, (3, 3), groups=3) >> mean_pool((3, 3), padding="SAME")
    scene = check_picture(term.at(IMAGE), "neural", convolutions="long")
    assert kinds(scene) == ["convolution", "pooling"]


def test_overlays_of_long_forms():
    term = (block("a", conv(4, (3, 3)) >> relu) >> conv(2, (1, 1))).at(IMAGE)
    how = {"overlays": ("memory", "flops", "kept"), "convolutions": "long"}
    totals = {}
    for fold in (None, "a"):
        scene = diagrams.draw(term, fold=fold, **how)
        totals[fold] = {k: sum(m.value for m in scene.marks if m.kind == k) for k in ("flops", "kept")}
    short = diagrams.draw(term, overlays=how["overlays"])
    assert totals[None]["kept"] == sum(m.value for m in short.marks if m.kind == "kept")
    assert totals[None]["flops"] == pytest.approx(sum(m.value for m in short.marks if m.kind == "flops"), rel=0.02)
    assert totals["a"]["flops"] == pytest.approx(totals[None]["flops"], rel=0.02)


# -- a part = what it is made of ---------------------------------------------------------------

PART = block("part", dense(5) >> relu >> block("inner", dense(3) >> relu))


def sides(scene):
    """What stands left and right of the sign."""
    (sign,) = [label for label in scene.labels if label.role == "sign"]
    left = [item for item in (*scene.glyphs, *scene.frames) if item.x < sign.x]
    return left, [item for item in (*scene.glyphs, *scene.frames) if item.x > sign.x], sign


def test_a_part_is_closed_and_opened():
    term = (dense(4) >> PART >> relu).at(Real(2))
    scene = diagrams.expansion(term, path="part", wrap=None)
    left, right, sign = sides(scene)
    assert sign.text == "=" and [(item.kind, item.text) for item in left] == [("part", "part")]
    assert [item.text for item in right if item.kind == "block"] == ["part", "inner"]
    assert len([item for item in right if item.kind == "card"]) == 2
    shallow = diagrams.expansion(term, path="part", fold=1, title="what a part is")
    assert [f.text for f in shallow.frames] == ["part"] and shallow.title == "what a part is"
    inner = diagrams.expansion(term, path="part/inner")
    assert [f.text for f in inner.frames] == ["inner"]
    assert {s.text for s in diagrams.draw(term, expand="part/inner").glyphs} == {s.text for s in inner.glyphs}


def test_a_repeat_and_a_term_of_parts_are_expanded():
    left, right, _ = sides(diagrams.expansion((dense(3) >> relu) ** 4, Real(b=2, d=3), wrap=None))
    assert [item.text for item in left] == ["repeat × 4"] and right[-1].text == "i = 1 … 4"
    left, right, _ = sides(diagrams.expansion(PART >> PART, Real(4), wrap=None))
    assert [item.text for item in left] == ["part", "part"] and len(right) > 6


def test_a_convolution_is_expanded_to_its_long_form():
    left, right, _ = sides(diagrams.expansion(conv(4, (3, 3), stride=2), IMAGE))
    assert [item.kind for item in left] == ["convolution"]
    assert [item.kind for item in right] == ["windows", "card", "block"]
    name = "f/max_pool"
    scene = diagrams.expansion(block("f", conv(4) >> max_pool()).at(IMAGE), path=name, labels="names", legend=True)
    assert kinds(scene)[0] == "pooling" and sum(label.role == "legend" for label in scene.labels) == 2


def test_expansions_are_saved_in_every_format(tmp_path):
    scene = diagrams.expansion(PART, Real(2))
    for ending in ("svg", "tex", "dot", "html"):
        scene.save(tmp_path / f"part.{ending}")
        assert "inner" in (tmp_path / f"part.{ending}").read_text()


def test_what_cannot_be_expanded():
    wrong: Any = 3
    refused(LensError, lambda: diagrams.expansion(relu, Real(2)), "nothing to open", "relu")
    refused(LensError, lambda: diagrams.expansion(PART, Real(2), path="part/none"), "no part 'part/none'", "inner")
    refused(LensError, lambda: diagrams.expansion(PART, Real(2), path="part/dense_0/x"), "no part", "none")
    refused(LensError, lambda: diagrams.draw(PART, Real(2), expand=wrong), "path=3", "text")
    refused(LensError, lambda: diagrams.draw(relu, Real(2), convolutions="big"), "'short', 'long'")
    refused(LensError, lambda: diagrams.draw(lambda x: x, Real(2), convolutions="long"), "draw a term")
    term = conv(2).at(IMAGE)
    refused(
        LensError, lambda: diagrams.draw(term, style="lens", convolutions="long"), "convolutions", "both directions"
    )


def test_from_the_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text("from lenses import *\nf = block('f', conv(2) >> relu)\n")
    assert cli.main(["draw", "net:f", "--at", "Real(4, 4, 1)", "--convolutions", "long", "-o", "long.svg"]) == 0
    assert cli.main(["draw", "net:f", "--at", "Real(4, 4, 1)", "--expand", "f/conv_0", "-o", "one.svg"]) == 0
    assert cli.main(["draw", "net:f", "--at", "Real(4, 4, 1)", "--expand", "-o", "all.svg"]) == 0
    texts = {name: (tmp_path / f"{name}.svg").read_text() for name in ("long", "one", "all")}
    assert ">★<" in texts["long"] and "★ 3" in texts["one"] and ">★<" in texts["one"] and ">=<" in texts["all"]
