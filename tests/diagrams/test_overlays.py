"""Overlays say true numbers, in their places: by hand, as in XLA, and as in the compiled program."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from helpers import refused

from diagrams.jaxpr import of_function
from diagrams.layout import lay, scene_of, wrapped
from diagrams.overlays.charts import OVERLAYS, add
from diagrams.overlays.keeping import kept, recomputed
from diagrams.overlays.measures import amount, nbytes
from diagrams.overlays.room import Room, overlap, text_box
from diagrams.overlays.sharding import sharded
from diagrams.passes import draw_backward
from diagrams.plan import of_term
from diagrams.reading import read
from diagrams.shapes import Text
from diagrams.styles import STYLES
from diagrams.themes import THEMES
from lenses import (
    Index,
    LensError,
    Real,
    backprop,
    block,
    compile,
    copy,
    dense,
    einsum,
    embedding,
    identity,
    layer_norm,
    linear,
    over,
    relu,
    scale,
    scan,
    softmax,
    tanh,
    unit,
    wired,
)
from lenses import add as plus
from lenses.cost import flops
from lenses.interpret import Env, Side, evaluate
from lenses.rules import recompute, reversible
from lenses.typed import as_typed

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
gallery: Any = __import__("gallery")


@wired
def ATTENTION(q, k, v):
    weights = softmax("key")(scale(8**-0.5)(einsum("query d, key d -> query key")(q, k)))
    return einsum("query key, key d -> query d")(weights, v)


ATTENTION = ATTENTION.at(Real(query=28, d=64), Real(key=28, d=64), Real(key=28, d=64))
PERCEPTRON = (dense(64) >> relu >> dense(10) >> softmax()).at(Real(pixel=100))
FEED = block("feed", dense(64) >> relu >> dense(m=32))
ENCODER = (block("encoder", copy >> identity @ FEED >> plus >> layer_norm()) ** 3 >> dense(2)).at(Real(token=5, m=32))


def picture(
    term: Any, *overlays: Any, mesh=None, rule=None, style="neural", fold=None, wrap=None, labels="both", names=()
):
    """The scene of a term or a plan with overlays."""
    function = not hasattr(term, "term")
    plan = term if function else of_term(term, fold)
    plan.names = names
    chosen = dataclasses.replace(STYLES[style], names=labels)
    laid = lay(plan, chosen if mesh is None else sharded(chosen, plan, mesh))
    scene = scene_of(laid)
    rows = wrapped(scene, laid, wrap)
    scene.theme = THEMES["light"]
    add(scene, laid, rows, overlays, None if function else term, rule)
    return scene


def values(scene, kind):
    """The numbers of an overlay, from the left; those at boxes are not among them."""
    return [m.value for m in scene.marks if m.kind == kind and not m.address]


def notes(scene, kind):
    """What an overlay writes at boxes, by their addresses."""
    return {m.address: m.value for m in scene.marks if m.kind == kind and m.address}


def check(scene):
    """Nothing that an overlay adds lies on a text or another mark, and all is within the picture."""
    boxes = [(text_box(label), label.text) for label in scene.labels]
    boxes += [((m.x, m.y, m.x + m.width, m.y + m.height), m) for m in scene.marks if m.kind != "rule"]
    for i, (a, what) in enumerate(boxes):
        assert a[0] >= 0 and a[1] >= 0 and a[2] <= scene.width and a[3] <= scene.height, f"{what} is outside"
        for b, other in boxes[:i]:
            assert not overlap(a, b), f"{what} lies on {other}"


# -- numbers by hand -------------------------------------------------------------------------


def test_a_perceptron_by_hand():
    scene = picture(PERCEPTRON, "memory", "flops", "kept")
    assert values(scene, "memory") == [400, 256, 256, 40, 40]
    assert values(scene, "flops") == [64 * (2 * 100 + 1), 64, 10 * (2 * 64 + 1), 5 * 10]
    assert notes(scene, "kept") == {(0,): 400, (1,): 64, (2,): 256, (3,): 40}  # of relu one byte a unit
    assert values(scene, "kept") == [400, 64, 256, 40]
    assert {"400 B", "12.9 k", "memory, at most 400 B", "kept for the way back, 760 B"} <= {
        label.text for label in scene.labels
    }


def test_attention_by_hand():
    scene = picture(ATTENTION, "memory", "flops", "kept")
    array, scores = 28 * 64 * 4, 28 * 28 * 4
    assert values(scene, "memory") == [3 * array, scores + array, scores + array, scores + array, array]
    assert values(scene, "flops") == [2 * 28 * 28 * 64, 28 * 28, 5 * 28 * 28, 2 * 28 * 28 * 64]
    assert notes(scene, "kept") == {(0,): 2 * array, (2,): scores, (3,): array}  # the weights count at softmax


def test_numbers_have_units():
    cases = {0: "0", 999: "999", 1000: "1 k", 3456: "3.46 k", 999_499: "999 k", 999_500: "1 M", 25e11: "2.5 T"}
    assert {n: amount(n) for n in cases} == cases
    assert amount(3500, "B") == "3.5 kB" and amount(12, "B") == "12 B"
    assert nbytes((Real(3, 4) @ Real(2, dtype="bfloat16") @ Index(5, below=10)).arrays) == 48 + 4 + 20


# -- the numbers of XLA and of the compiled program --------------------------------------------

MATRICES = [
    (linear(8) >> linear(3)).at(Real(5, 4)),
    linear(8, axes=2).at(Real(7, 5, 4)),
    (einsum("q d, k d -> q k") @ identity >> einsum("q k, k d -> q d")).at(Real(5, 7), Real(6, 7), Real(6, 7)),
    einsum("q k h, p k h -> q p h").at(Real(q=5, k=7, h=2), Real(p=6, k=7, h=2)),
    (linear(k=3, head=2) @ linear(k=3, head=2) >> einsum("a k h, b k h -> h a b")).at(Real(a=4, m=6), Real(b=5, m=6)),
]


@pytest.mark.parametrize("term", MATRICES, ids=str)
def test_matrices_cost_what_xla_says(term):
    net = compile(term)
    params = net.init(jax.random.key(0))
    cost: Any = net.lower(params, *[jnp.ones(a.sizes) for a in term.dom]).compile().cost_analysis()
    assert sum(values(picture(term, "flops"), "flops")) == cost["flops"] == flops(term)


@pytest.mark.parametrize("term", [ATTENTION, PERCEPTRON, *MATRICES[:3]], ids=str)
def test_memory_is_that_of_the_arrays(term):
    net = compile(term)
    xs = [jnp.zeros(a.sizes, a.dtype) for a in term.dom]
    sizes = {w: x.nbytes for w, x in enumerate(xs)}

    class Noting(Env):
        def run(self, cx, p, xs):
            ys, states = super().run(cx, p, xs)
            sizes.update({w: y.size * y.dtype.itemsize for w, y in zip(cx.cell.outs, ys, strict=True)})
            return ys, states

    params = jax.eval_shape(net.init, jax.random.key(0))
    jax.eval_shape(lambda p, xs: evaluate(net.circuit, Side(p), xs, Noting(backprop))[0], params, xs)
    gaps = [sum(sizes[w] for w in column.order) for column in lay(of_term(term), STYLES["neural"]).columns[1:]]
    assert values(picture(term, "memory"), "memory") == gaps


@pytest.mark.parametrize("rule", [backprop, recompute(), recompute("feed")], ids=["backprop", "all", "feed"])
@pytest.mark.parametrize("term", [PERCEPTRON, ATTENTION, ENCODER], ids=["perceptron", "attention", "encoder"])
def test_what_is_kept_is_what_the_program_keeps(term, rule):
    net = compile(term, rule=rule)
    params = jax.eval_shape(net.init, jax.random.key(0))
    total = sum(net.kept(params, *[jnp.zeros(a.sizes) for a in term.dom]).values())
    for fold in (None, 0, 1):
        scene = picture(term, "kept", rule=rule, fold=fold)
        assert sum(notes(scene, "kept").values()) == sum(values(scene, "kept")) == total
    assert sum(kept(term, rule).values()) == total


def test_indices_are_kept():
    words = (embedding(8) >> dense(3)).at(Index(token=6, below=11))
    scene = picture(words, "memory", "kept")
    assert values(scene, "memory")[0] == 6 * 4
    assert notes(scene, "kept") == {(0,): 6 * 4, (1,): 6 * 8 * 4}


# -- parts -------------------------------------------------------------------------------------

CELL = identity @ dense(8) >> plus >> tanh >> copy
PARTS = {
    "encoder": ENCODER,
    "beside": (block("a", dense(4) >> tanh >> linear(3)) @ block("b", copy >> plus)).at(Real(2, 3), Real(5)),
    "scan": scan(CELL, "time").at(Real(8), Real(time=6, d=3)),
    "over": over("b", block("in", dense(3) >> tanh)).at(Real(a=4, b=5, c=2)),
    "nested": ((block("x", dense(6) >> tanh) ** 2 >> relu) ** 3).at(Real(4, 6)),
}


@pytest.mark.parametrize("name", PARTS)
def test_totals_do_not_depend_on_what_is_opened(name):
    term = PARTS[name]
    scenes = [picture(term, "memory", "flops", fold=fold) for fold in (None, 0, 1)]
    assert [sum(values(s, "flops")) for s in scenes] == [flops(term)] * 3
    assert len({max(values(s, "memory")) for s in scenes}) == 1
    headings = [[label.text for label in s.labels if label.text.startswith(("memory", "work"))] for s in scenes]
    assert headings[0] == headings[1] == headings[2]
    for scene in scenes:
        check(scene)


def test_a_repeat_counts_as_often_as_it_runs():
    row = 5 * (2 * 32 + 1) * 64
    scene = picture(ENCODER, "flops", "memory", "kept")
    assert values(scene, "flops")[0] == 3 * row  # opened and alone, it is shown column by column
    assert picture(ENCODER, "flops", fold=0).marks[1].value == flops(ENCODER) - 5 * 2 * (2 * 32 + 1)
    x = 5 * 32 * 4
    assert values(scene, "memory") == [x, 2 * x, 3 * x, 3 * x, 2 * x, x, x, 40]
    assert values(picture(ENCODER, "memory", fold=0), "memory") == [x, 3 * x, x, 40]
    frame = next(f for f in scene.frames if f.text == "× 3")
    inside = [m for m in scene.marks if m.kind == "flops"][:-1]
    assert all(frame.x < m.x < frame.x + frame.width for m in inside)


def test_bars_stand_under_their_columns():
    scene = picture(ATTENTION, "flops", names=("Q", "K", "V"))
    bars = [m for m in scene.marks if m.kind == "flops"]
    for bar, glyph in zip(bars, scene.glyphs, strict=True):
        points = [p[0] for array in (*glyph.ins, *glyph.outs) for p in array]
        assert bar.x + bar.width / 2 == pytest.approx((min(points) + max(points)) / 2)
    heights = [bar.height / bar.value for bar in bars if bar.height > 1]
    assert max(heights) == pytest.approx(min(heights))
    wrapped = picture(ATTENTION, "flops", "memory", wrap=120)
    assert values(wrapped, "flops") == values(scene, "flops")
    assert {"line 2", "line 3"} <= {label.text for label in wrapped.labels}
    check(wrapped)


def test_recomputed_parts_are_marked():
    scene = picture(ENCODER, "kept", "recomputed", rule=recompute("feed"))
    (feed,) = [f.address for f in scene.frames if f.text == "feed"]
    assert recomputed(ENCODER, recompute("feed")) == [feed] and list(notes(scene, "recomputed")) == [feed]
    assert notes(scene, "kept")[feed] == 3 * 5 * 32 * 4  # its input, in each of three layers
    assert len(notes(picture(ENCODER, "recomputed", rule=recompute()), "recomputed")) == 1
    folded = picture(ENCODER, "recomputed", rule=recompute("feed"), fold=0)
    texts = [shape.text for m in folded.marks for shape in m.shapes if isinstance(shape, Text)]
    assert texts == ["recomputed inside"]
    assert not notes(picture(ENCODER, "recomputed", rule=backprop), "recomputed")


# -- sharding ----------------------------------------------------------------------------------


def test_axes_are_tagged_with_those_of_the_mesh():
    plain = picture(ATTENTION)
    scene = picture(ATTENTION, mesh={"query": "data", "d": "model"})
    check(scene)
    spread = {"query": "data", "d": "model"}
    labels = [label for label in scene.labels if label.text.split(" ")[0] in spread]
    marks: list[Any] = [m for m in scene.marks if m.kind == "sharding"]
    assert [m.value for m in marks] == [spread[label.text.split(" ")[0]] for label in labels]
    for label, mark in zip(labels, marks, strict=True):
        assert mark.x >= label.x + label.width and abs(mark.y + 8.0 - label.y) < 0.1
    assert [label.text for label in scene.labels] == [label.text for label in plain.labels]
    lines = {m.value: m.shapes[-1] for m in marks}
    assert len({line.stroke for line in lines.values()}) == len({line.dash for line in lines.values()}) == 2


def test_whole_arrays_say_which_axis_is_spread():
    scene = picture(ATTENTION, mesh={"query": "data", "d": "model"}, style="string")
    assert {m.value for m in scene.marks} == {"query: data", "d: model"}
    assert not picture(ATTENTION, mesh={"query": "data"}, style="circuit").marks
    check(scene)
    assert {m.value for m in picture(ATTENTION, mesh={"query": "data"}, labels="none").marks} == {"data"}


# -- the picture ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [p.name for p in gallery.PICTURES if p.term is not None][:22])
def test_nothing_lies_on_anything(name):
    (picture_,) = [p for p in gallery.PICTURES if p.name == name]
    scene = picture(picture_.term, "memory", "flops", "kept", fold=picture_.fold, style=picture_.style)
    check(scene)
    boxes = {m.address: m for m in scene.marks if m.kind == "kept" and m.address}
    room = Room(dataclasses.replace(scene, marks=[]))
    for mark in boxes.values():
        assert room.free((mark.x, mark.y, mark.x + mark.width, mark.y + mark.height))


def test_overlays_are_no_part_of_the_term():
    cases: list[tuple[Any, str]] = [(ENCODER, "m"), (ATTENTION, "d")]
    for term, axis in cases:
        scenes = [picture(term, *OVERLAYS, mesh={axis: "model"}, rule=recompute()) for _ in range(2)]
        assert read(scenes[0]) == term.term and scenes[0].svg() == scenes[1].svg()
    plain, marked = picture(ENCODER), picture(ENCODER, "memory", "flops", "kept")
    assert (plain.wires, plain.glyphs, plain.frames) == (marked.wires, marked.glyphs, marked.frames)
    assert marked.labels[: len(plain.labels)] == plain.labels


def test_every_format_writes_overlays(tmp_path):
    scene = picture(ATTENTION, "memory", "kept", mesh={"query": "data"})
    for ending in (".svg", ".tex", ".dot"):
        scene.save(tmp_path / f"picture{ending}")
    for ending in (".svg", ".tex"):
        text = (tmp_path / f"picture{ending}").read_text().replace("\\ ", " ")
        assert "21.5 kB" in text and "data" in text


def test_functions_have_overlays_too():
    def f(x, w):
        return jnp.tanh(jax.nn.relu(x @ w) * 2.0).sum()

    plan = of_function(f, jnp.ones((5, 4)), jnp.ones((4, 3)))
    scene = picture(plan, "memory", "flops")
    assert values(scene, "flops") == [2 * 5 * 4 * 3, 15, 15, 15, 15]
    assert values(scene, "memory")[0] == 80 + 48 and values(scene, "memory")[-1] == 4
    loop = of_function(lambda x: jax.lax.scan(lambda c, _: (c @ c, None), x, length=7)[0], jnp.ones((3, 3)), fold=0)
    assert sum(values(picture(loop, "flops"), "flops")) == 7 * 2 * 27
    refused(LensError, lambda: picture(plan, "kept"), "a fact about terms")


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["colour", 3, None, ["memory"]])
def test_unknown_overlays_are_refused(name):
    refused(LensError, lambda: picture(ATTENTION, name), "there is no overlay", *OVERLAYS)


def test_overlays_say_what_they_lack():
    refused(LensError, lambda: picture(ATTENTION, "sharding"), "needs a mesh")
    refused(LensError, lambda: picture(ATTENTION, "recomputed"), "needs a rule")
    refused(LensError, lambda: picture(ATTENTION, mesh={"head": "model"}), "no axis is called 'head'", "query, d, key")
    refused(LensError, lambda: picture(ATTENTION, mesh={"query": "x", "d": "x"}), "two axes of one array lie on 'x'")
    for mesh in ("data", {"query": 3}, {"query": ""}, {"query": "a\u2063b"}):
        refused(LensError, lambda mesh=mesh: picture(ATTENTION, mesh=mesh), "mesh=", "expected")


@pytest.mark.parametrize("overlay", ["memory", "kept", "recomputed"])
def test_what_is_no_rule_is_refused(overlay):
    refused(LensError, lambda: picture(ATTENTION, overlay, rule="x"), "the rule is 'x'", "a rule, e.g. backprop")


def test_a_repeated_overlay_counts_once():
    once, twice = (picture(ATTENTION, *(["memory", "kept"] * n)) for n in (1, 2))
    assert once.svg() == twice.svg()


def test_overlays_and_backward_passes_show_one_walk_of_the_tape():
    typed = as_typed(ATTENTION, None, "draw")
    for rule in (recompute(), reversible()):
        drops = [g for g in draw_backward(ATTENTION, rule=rule).glyphs if g.kind == "drop"]
        found = {g.address: dict(g.data)["bytes"] for g in drops if dict(g.data)["colour"] != "parameter"}
        assert kept(typed, rule) == {address: n for address, n in found.items() if n}


def test_pictures_without_wires():
    scene = picture(identity(0).at(unit), "memory", "flops", "kept")
    assert not values(scene, "memory") and "memory, at most 0 B" in [label.text for label in scene.labels]
    check(scene)
