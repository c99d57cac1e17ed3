"""What every picture must be: read back it is the same term, nothing covers anything, the same bytes each time."""

from __future__ import annotations

import dataclasses
import random
import xml.etree.ElementTree
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from helpers import calls, refused

import diagrams
from diagrams.following import strands as strands_of
from diagrams.paint import shapes
from diagrams.shapes import Text
from diagrams.styles import STYLES
from diagrams.text import width
from lenses import (
    LensError,
    Real,
    Residue,
    SpaceError,
    add,
    block,
    causal_mask,
    compile,
    compose,
    concatenate,
    constant,
    copy,
    coupling,
    dense,
    discard,
    einsum,
    identity,
    learner,
    max_pool,
    multiply,
    over,
    relu,
    scale,
    scan,
    sgd,
    softmax,
    split,
    squared,
    subtract,
    swap,
    tanh,
    wired,
)
from lenses.circuits import gate
from lenses.combinators import Block
from lenses.laws.generate import decode
from lenses.laws.signature import standard


@wired
def ATTENTION(q, k, v):
    weights = softmax("key")(scale(8**-0.5)(einsum("query d, key d -> query key")(q, k)))
    return einsum("query key, key d -> query d")(weights, v)


def random_terms(n, seed=0):
    rng = random.Random(seed)
    signature = standard()
    return [decode(rng.randbytes(rng.choice((8, 20, 40))), signature) for _ in range(n)]


TERMS = random_terms(60)


def boxes(scene):
    """Rectangles of texts, by what they belong to."""
    for k, group in enumerate(shapes(scene)):
        for shape in group.shapes:
            if isinstance(shape, Text) and shape.text:
                wide = width(shape.text, shape.size, shape.bold)
                x = shape.x - {"start": 0.0, "middle": wide / 2, "end": wide}[shape.anchor]
                yield (x, shape.y - 0.75 * shape.size, x + wide, shape.y + 0.2 * shape.size), shape.text, k


def overlap(a, b, slack=0.6):
    return a[0] + slack < b[2] and b[0] + slack < a[2] and a[1] + slack < b[3] and b[1] + slack < a[3]


def points_along(curve, n=12):
    """Points of a path, for asking what it passes through."""
    at = (0.0, 0.0)
    for command, *p in curve:
        if command in "ML":
            if command == "L":
                yield from ((at[0] + (p[0] - at[0]) * k / n, at[1] + (p[1] - at[1]) * k / n) for k in range(n + 1))
            at = tuple(p)
        elif command == "C":
            (x0, y0), (x1, y1, x2, y2, x3, y3) = at, p
            for k in range(n + 1):
                t = k / n
                b = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                yield (
                    b[0] * x0 + b[1] * x1 + b[2] * x2 + b[3] * x3,
                    b[0] * y0 + b[1] * y1 + b[2] * y2 + b[3] * y3,
                )
            at = (x3, y3)


def check_picture(term, style, **how):
    scene = diagrams.draw(term, style=style, **how)
    assert diagrams.read(scene) == term.term
    texts = list(boxes(scene))
    for i, (a, text, group) in enumerate(texts):
        for b, other, its in texts[i + 1 :]:
            assert group == its or not overlap(a, b), f"{text!r} covers {other!r}"
    for wire in scene.wires:
        xs = [x for x, _ in points_along(wire.curve)]
        assert all(a <= b + 1e-6 for a, b in pairwise(xs)), "a wire runs back"
    bodies = [(g.x, g.y, g.x + g.width, g.y + g.height) for g in scene.glyphs if g.width and g.height]
    for i, a in enumerate(bodies):
        assert not any(overlap(a, b) for b in bodies[i + 1 :]), "two bodies overlap"
    for label in scene.labels:
        at = (label.x, label.y - 0.75 * label.size, label.x + width(label.text, label.size), label.y)
        assert label.anchor != "start" or not any(overlap(at, b) for b in bodies), f"{label.text!r} lies on a box"
    for wire in scene.wires:
        for x, y in points_along(wire.curve):
            for x0, y0, x1, y1 in bodies:
                assert not (x0 + 1 < x < x1 - 1 and y0 + 1 < y < y1 - 1), f"a wire of {wire.title} enters a body"
    alone = [g for g in scene.glyphs if max(len(g.ins), len(g.outs)) <= 1]  # no dash begins or ends at these
    for x, y in (p for dash in scene.dashes for p in points_along(dash.curve, 24)):
        for g in alone:
            inside = g.x + 1 < x < g.x + g.width - 1 and g.y + 1 < y < g.y + g.height - 1
            assert not inside, f"a dash goes through {g.title}"
    for x0, y0, x1, y1 in [*bodies, *(box for box, _, _ in texts)]:
        assert x0 >= -0.5 and y0 >= -0.5 and x1 <= scene.width + 0.5 and y1 <= scene.height + 0.5, (
            "outside of the paper"
        )
    assert diagrams.draw(term, style=style, **how).svg() == scene.svg()
    return scene


@pytest.mark.parametrize("style", STYLES)
def test_random_terms(style):
    for term in TERMS:
        check_picture(term, style)


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES)
def test_many_random_terms(style):
    for term in random_terms(1000, 1):
        check_picture(term, style)


def test_reading_goes_by_the_wires():
    typed = (tanh @ relu >> swap >> multiply).at(Real(2), Real(2))
    scene = diagrams.draw(typed)
    assert diagrams.read(scene) == typed.term
    a, b = (i for i, w in enumerate(scene.wires) if w.end in {p for array in scene.glyphs[-1].ins for p in array})
    first, second = scene.wires[a], scene.wires[b]
    scene.wires[a] = dataclasses.replace(first, curve=(second.curve[0], *first.curve[1:]))
    scene.wires[b] = dataclasses.replace(second, curve=(first.curve[0], *second.curve[1:]))
    assert diagrams.read(scene) == (tanh @ relu >> multiply) != typed.term
    scene.wires.pop(a)
    refused(LensError, lambda: diagrams.read(scene), "cannot be read", "no wire leads to it")


# -- the grammar, on the scene ---------------------------------------------------------------


def strands(scene, name):
    return [w for w in scene.wires if w.name == name]


def threads(glyph, kind):
    return [t for t in glyph.threads if t.kind == kind]


def test_attention():
    typed = ATTENTION.at(Real(query=28, d=64), Real(key=28, d=64), Real(key=28, d=64))
    scene = check_picture(typed, "neural", names="Q K V")
    assert [g.kind for g in scene.glyphs] == ["product", "floating", "softmax", "product"]
    scores, scaled, weights, out = scene.glyphs
    for product in (scores, out):  # both products are cups between neighbours
        (cup,) = threads(product, "cup")
        assert cup.curve[0][-2] == cup.curve[-1][-2] and cup.curve[0][-1] != cup.curve[-1][-1]
    # the scale stands on the arrow in which the first product leaves
    (stem,) = threads(scores, "stem")
    assert scaled.text == "× 0.3536" and scaled.y + scaled.height / 2 == pytest.approx(stem.curve[-1][2])
    # the triangle is on the key axis alone, and the query axis runs past everything, straight until the end
    (key,) = [p for p, axis in zip(weights.ins[0], (0, 1), strict=True) if axis == 1]
    assert weights.y < key[1] < weights.y + weights.height
    query = strands(scene, "query")
    assert all(t.kind == "pass" for g in scene.glyphs for t in g.threads if t.curve[0][2] == query[0].start[1])
    assert len({w.start[1] for w in query}) == 1 and query[-1].end[1] > query[-1].start[1]
    assert {label.text for label in scene.labels} >= {"query = 28", "key = 28", "d = 64", "Q", "K", "V", "query", "d"}


def test_multi_head_attention():
    @wired
    def heads(q, kv):
        project = [dense(k=16, head=4)(x) for x in (q, kv, kv)]
        scores = einsum("query k head, key k head -> query key head")(*project[:2])
        weights = softmax("key")(scale(0.25)(scores))
        mixed = einsum("query key head, key k head -> query k head")(weights, project[2])
        return dense(m=64, axes=2)(mixed)

    scene = check_picture(heads.at(Real(query=10, m=64), Real(key=12, m=64)), "neural")
    cards = [g for g in scene.glyphs if g.kind == "card"]
    assert len(cards) == 4 and [len(g.outs[0]) for g in cards] == [3, 3, 3, 2]
    for product in (g for g in scene.glyphs if g.kind == "product"):
        assert len(threads(product, "meet")) == 2  # the heads merge at a dot
        assert len(threads(product, "cup")) == 1
    assert cards[-1].height > 20  # two axes go into the last card


def test_copies_and_sums_are_dots_an_axis():
    skip = (copy >> identity @ tanh >> add).at(Real(token=3, d=4))
    scene = check_picture(skip, "neural")
    first, _, last = scene.glyphs
    assert first.kind == "copy" and len(threads(first, "meet")) == 2
    assert last.kind == "sum" and last.text == "+" and len(threads(last, "meet")) == 4
    assert len(scene.dashes) == 1  # between the copies, from where they part to where they merge


def test_broadcast_axes_run_past_as_vmap_maps_them():
    """`over` is drawn as what it does: the axis runs past every box, and ends in none."""
    term = over("batch", dense(5) >> relu).at(Real(batch=2, d=3))
    scene = check_picture(term, "neural")
    batch = strands(scene, "batch")
    assert len({w.start[1] for w in batch} | {w.end[1] for w in batch}) == 1
    net, inner = compile(term), compile(dense(5) >> relu, Real(3))
    params = net.init(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (2, 3))
    one = inner.init(jax.random.key(0))
    one = jax.tree.unflatten(jax.tree.structure(one), jax.tree.leaves(params))
    assert jnp.allclose(net(params, x), jax.vmap(lambda v: inner(one, v))(x))


def test_strands_are_followed():
    typed = ATTENTION.at(Real(query=28, d=64), Real(key=28, d=64), Real(key=28, d=64))
    scene = diagrams.draw(typed)
    number = strands_of(scene)
    found = {
        name: {n for n, w in zip(number, scene.wires, strict=True) if w.name == name} for name in ("query", "key", "d")
    }
    assert [len(found[name]) for name in ("query", "key", "d")] == [1, 3, 3]  # keys end at the triangle and begin anew
    inside = diagrams.draw(block("a", block("b", tanh) >> relu).at(Real(x=3)))
    assert len(set(strands_of(inside))) == 1 and len(inside.wires) > 4


def test_blocks_repeats_and_folds():
    part = block("encoder", copy >> (identity @ block("ff", dense(8) >> relu >> dense(d=4))) >> add)
    typed = (part**3).at(Real(token=5, d=4))
    opened = check_picture(typed, "neural")
    assert [(f.kind, f.text) for f in opened.frames] == [("repeat", "i = 1 … 3"), ("block", "encoder"), ("block", "ff")]
    for outer, inner in pairwise(opened.frames):
        assert outer.x < inner.x and inner.x + inner.width < outer.x + outer.width
        assert outer.y < inner.y and inner.y + inner.height < outer.y + outer.height
    for depth in range(3):
        assert len(check_picture(typed, "neural", fold=depth).frames) == depth
    closed = check_picture(typed, "string", fold="repeat_0/encoder/ff")
    assert [f.text for f in closed.frames] == ["i = 1 … 3", "encoder"] and "ff" in {g.text for g in closed.glyphs}


def test_steps_of_a_scan_are_framed():
    cell = (dense(4) @ dense(4)) >> add >> tanh >> copy
    scene = diagrams.draw(scan(cell, "time").at(Real(4), Real(time=7, d=3)))
    (frame,) = scene.frames
    assert frame.kind == "repeat" and frame.text == "time = 1 … 7"
    assert [len(points) for points in frame.ins] == [1, 2] and not strands(scene, "time")[-1].address


def test_long_pictures_are_wrapped():
    term = compose(*[dense(8) >> tanh] * 20).at(Real(token=3, d=8))
    flat, wrapped = diagrams.draw(term), check_picture(term, "neural", wrap=500)
    assert wrapped.width < 620 < flat.width and wrapped.height > 2 * flat.height


def test_gates_over_the_ring_of_two_elements():
    half_adder = (copy @ copy >> identity @ swap @ identity >> add @ multiply).at(Residue(), Residue())
    scene = check_picture(half_adder, "circuit")
    assert [g.kind for g in scene.glyphs] == ["copy", "copy", "xor", "and"]


def test_time_grows_with_the_length():
    def work(n):
        typed = compose(*[copy >> (identity @ dense(d=4)) >> add] * n).at(Real(token=2, d=4))
        return calls(lambda: diagrams.draw(typed).svg())

    work(5)  # what is made once
    assert work(400) < 4.4 * work(100)  # a square would be 16 times


def test_numbers_that_are_not_finite():
    for value, text in ((float("inf"), "∞"), (float("-inf"), "−∞"), (float("nan"), "NaN")):
        term = (identity @ constant(value) >> add).at(Real())
        assert text in {g.text for g in diagrams.draw(term).glyphs} and term._repr_svg_()
    assert "× ∞" in {g.text for g in diagrams.draw(scale(float("inf")).at(Real(2))).glyphs}


def test_an_axis_that_changes_its_size_says_so():
    labels = [label.text for label in diagrams.draw(max_pool((2, 2)).at(Real(h=8, w=6, c=3))).labels]
    assert labels == ["h = 8", "w = 6", "c = 3", "h = 4", "w = 3", "c"]
    cut = [{label.text for label in diagrams.draw(split(*n).at(Real(b=4, f=5))).labels} for n in ((2, 3), (1, 4))]
    assert cut[0] != cut[1]


def test_gates_are_for_bits_alone():
    bit, more = Residue(), Residue(modulo=5)
    for term in (relu.at(Real()), subtract.at(Real(), Real()), multiply.at(more, more), add.at(more, more)):
        assert not {g.kind for g in diagrams.draw(term, style="circuit").glyphs} & {"and", "xor"}
    assert [g.kind for g in diagrams.draw(multiply.at(bit, bit), style="circuit").glyphs] == ["and"]
    assert "gate(4)" in diagrams.draw(gate(4).at(bit, bit), style="circuit").svg()


def test_different_terms_are_different_pictures():
    a, b = (einsum(p).at(Real(a=2, b=2), Real(c=2, d=2)) for p in ("a b, b c -> a c", "a b, c b -> a c"))
    assert diagrams.draw(a, style="string").svg() != diagrams.draw(b, style="string").svg()
    above, below = (causal_mask(*q).at(Real(2, 2)) for q in ((), (-1, -2)))
    assert diagrams.draw(above).svg() != diagrams.draw(below).svg()


def test_a_line_does_not_break_at_a_stub():
    typed = ATTENTION.at(Real(query=28, d=64), Real(key=28, d=64), Real(key=28, d=64))
    scene = check_picture(typed, "neural", wrap=150)
    (scaled,) = (g for g in scene.glyphs if g.kind == "floating")
    (stem,) = (t for g in scene.glyphs for t in g.threads if t.kind == "stem")
    assert scaled.y + scaled.height / 2 == pytest.approx(stem.curve[-1][2]) and scaled.x > stem.curve[-1][1]


def test_what_is_written_on_a_stub_covers_nothing():
    """A part that lies where the product leaves keeps its place; then the function stands on its own wire."""
    parts = block("layer", copy >> identity @ block("inside", tanh) >> add) @ tanh
    term = (relu @ einsum("a, a k -> k") >> parts).at(Real(b=9), Real(a=2), Real(a=2, k=3))
    scene = check_picture(term, "neural")
    (product,) = (g for g in scene.glyphs if g.kind == "product")
    assert [t.kind for t in product.threads if t.kind in ("stem", "stub")] == ["stub"]
    assert not any(g.data[:1] == ("stem",) for g in scene.glyphs)
    for g in (g for g in scene.glyphs if g.kind == "floating"):
        for x, y in (p for dash in scene.dashes for p in points_along(dash.curve)):
            assert not (g.x < x < g.x + g.width and g.y < y < g.y + g.height), "a dash goes through it"


def test_parts_that_are_no_block():
    check_picture((split(2, 2) >> coupling(dense(2), dense(2)) >> concatenate()).at(Real(4)), "neural")
    titles = {f.text for f in diagrams.draw(over(0, tanh).at(Real(2, 3))).frames}
    titles |= {f.text for f in diagrams.draw(over("b", tanh).at(Real(b=2, d=3))).frames}
    assert titles == {"over 2", "over b"}


def test_equations():
    f = (copy >> tanh @ tanh).at(Real(2))
    scene = diagrams.equation((tanh >> copy).at(Real(2)), f, title="copy is natural", overlays="memory")
    assert "=" in {label.text for label in scene.labels} and len(scene.marks) > 4
    xs = [mark.x for mark in scene.marks]
    assert min(xs) < scene.width / 3 and max(xs) > scene.width / 2  # those of both sides, each below its own
    refused(SpaceError, lambda: diagrams.equation(f, tanh.at(Real(2))), "codomain")
    refused(SpaceError, lambda: diagrams.equation(copy.at(Real(2)), discard.at(Real(3))), "domain")


def test_a_legend_says_the_sizes():
    typed = ATTENTION.at(Real(query=28, d=64), Real(key=12, d=64), Real(key=12, d=64))
    scene = diagrams.draw(typed, labels="names", legend=True)
    (label,) = (label for label in scene.labels if label.role == "legend")
    assert label.text == "query = 28,  d = 64,  key = 12" and label.y < scene.height


def test_a_legend_in_both_directions():
    model = dense(hidden=3).at(Real(d=2))
    fit = learner(model, loss=squared, optimiser=sgd(0.1))
    for scene in (
        diagrams.draw(model, style="lens", legend=True, title="a"),
        diagrams.draw(model, style="backward", legend=True),
        diagrams.draw(fit, legend=True, labels="names"),
    ):
        (label,) = (label for label in scene.labels if label.role == "legend")
        assert label.text == "d = 2,  hidden = 3"
        lowest = max(y + tall for y, tall in ((g.y, g.height) for g in (*scene.glyphs, *scene.frames)))
        assert lowest < label.y < scene.height


# -- what is refused -------------------------------------------------------------------------


def test_refusals():
    typed = (block("encoder", dense(3) >> relu) >> dense(2)).at(Real(4))
    refused(SpaceError, lambda: diagrams.draw(dense(3)), "draw needs a typed term", "1 input wires", "at")
    refused(LensError, lambda: diagrams.draw(typed, style="cubist"), "style='cubist'", "'neural'", "'string'")
    refused(LensError, lambda: diagrams.draw(typed, labels="all"), "labels", "'sizes'")
    refused(LensError, lambda: diagrams.draw(typed, theme="blue"), "theme", "'dark'")
    refused(LensError, lambda: diagrams.draw(typed, fold="decoder"), "no part 'decoder'", "encoder_0|encoder")
    refused(LensError, lambda: diagrams.draw(typed, fold=-1), "fold=-1")
    refused(LensError, lambda: diagrams.draw(typed, names="a b"), "1 names")
    refused(LensError, lambda: diagrams.draw(3), "3")
    refused(LensError, lambda: diagrams.draw(typed, names=5), "1 names")
    wrong: Any = 3
    refused(LensError, lambda: diagrams.draw(typed, title=wrong), "title=3")
    for wrong in (0, -5, float("nan"), "wide", True):
        refused(LensError, lambda wrap=wrong: diagrams.draw(typed, wrap=wrap), "wrap", "100 points")
    refused(LensError, lambda: diagrams.draw(Block), "Block is a class")
    refused(LensError, lambda: diagrams.draw(typed, style="lens", wrap=500), "wrap=500", "both directions")
    refused(LensError, lambda: diagrams.draw(typed, style="lens", expand=""), "expand=''", "both directions")


@pytest.mark.parametrize("label", ["", "a" * 5000, "多層\u0000\u202eパーセプトロン", "</text><script>", "\n", "αβγ∑"])
def test_any_label_is_drawn(label):
    scene = diagrams.draw(dense(3).at(Real(d=2)), title=label, names=[label])
    assert xml.etree.ElementTree.fromstring(scene.svg()) is not None
    assert scene.width < 60_000


def test_typed_terms_show_themselves():
    assert dense(3).at(Real(2))._repr_svg_() == diagrams.draw(dense(3).at(Real(2))).svg()
