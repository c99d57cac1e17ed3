"""Terms with wires to the side, such as reverse derivatives, are drawn opened: parameters grabbed, changes dropped."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from diagrams import draw, read
from lenses import (
    Real,
    add,
    block,
    compile,
    conv,
    copy,
    dense,
    discard,
    einsum,
    embedding,
    expose,
    identity,
    layer_norm,
    multiply,
    para,
    relu,
    reverse,
    scale,
    softmax,
    tanh,
    tied,
    wired,
)
from lenses.combinators.parametrised import Para
from lenses.laws.generate import decode
from lenses.laws.signature import standard
from lenses.spaces import Index
from lenses.terms import Port


@wired
def attention(q, k, v):
    scores = einsum("query d, key d -> query key")(q, k)
    weights = softmax("key")(scale(8**-0.5)(scores))
    return einsum("query key, key d -> query d")(weights, v)


GAIN = Port("gain", "param", Real(d=3)[0], "ones")
TERMS = {
    "perceptron": reverse((dense(h=5) >> tanh >> dense(k=3)).at(Real(t=2, x=4))),
    "attention": reverse(attention.at(Real(query=7, d=8), Real(key=5, d=8), Real(key=5, d=8))),
    "tied": reverse((tied("s", dense(4)) >> tanh >> tied("s", dense(4))).at(Real(4))),
    "words": reverse((embedding(m=4) >> block("head", dense(2) >> layer_norm())).at(Index(a=3, below=5))),
    "convolution": reverse((conv(3, (2, 2)) >> relu).at(Real(4, 4, 1))),
    "twice": reverse(reverse((dense(3) >> tanh).at(Real(2)))),
    "unused": para(discard @ tanh, [GAIN]).at(Real(2)),
    "given on": para(copy @ identity >> identity @ multiply, [GAIN], ["seen"]).at(Real(d=3)),
    "within": (para(multiply, [GAIN]) >> tanh >> para(add, [GAIN])).at(Real(d=3)),
    "nothing on the side": para(tanh).at(Real(2)),
}


@pytest.mark.parametrize("style", ["neural", "string", "graph"])
@pytest.mark.parametrize("name", TERMS)
def test_a_picture_with_sides_is_read_back(name, style):
    term = TERMS[name]
    scene = draw(term, style=style)
    assert not {g.text for g in scene.glyphs} & {"para", "reverse", "model"}
    assert read(scene) == term.term
    assert read(draw(term, style=style, fold=0, wrap=300)) == term.term


def test_parameters_are_grabbed_where_they_are_used_and_changes_dropped():
    term = TERMS["perceptron"]
    scene = draw(term)
    grabs = Counter(g.text for g in scene.glyphs if g.kind == "parameter")
    drops = Counter(g.text for g in scene.glyphs if g.kind == "change")
    assert isinstance(term.term, Para)
    names = list(term.term.changes)
    assert set(grabs) == set(names) and grabs["dense_0.weight"] == 2
    assert drops == Counter(f"{name}′" for name in names)
    starts = Counter(w.start for w in scene.wires)
    ends = Counter(w.end for w in scene.wires)
    for glyph in scene.glyphs:
        if glyph.kind == "parameter":
            assert [len(a) for a in glyph.outs] == [glyph.box.array.rank] and glyph.ins == ()
            assert all(starts[p] == 1 for p in glyph.outs[0])
        elif glyph.kind == "change":
            assert all(ends[p] == 1 for p in glyph.ins[0]) and glyph.outs == ()
    assert sorted(w.name for w in scene.wires if w.start[0] == min(s[0] for s in starts)) == ["k", "t", "t", "x"]


def test_products_on_the_way_back_are_products():
    scene = draw(TERMS["attention"])
    products = [g for g in scene.glyphs if g.kind == "product"]
    assert len(products) == 5  # two for each product, and the first of them again forward
    assert all([t.kind for t in g.threads].count("cup") == 1 for g in products)
    scene = draw(reverse(einsum("i i d, d -> i").at(Real(b=2, i=3, j=3, d=4), Real(d=4))))
    assert not [g for g in scene.glyphs if g.kind == "box"]
    assert "begin" not in [t.kind for g in scene.glyphs for t in g.threads]
    scene = draw(reverse(einsum("i j -> j").at(Real(i=3, j=4))))
    assert [t.kind for g in scene.glyphs for t in g.threads].count("begin") == 1


def test_exposed_boxes_look_like_the_boxes():
    term = expose(dense(k=3), Real(t=2, x=4))
    (card,) = draw(term.at(term.params @ Real(t=2, x=4))).glyphs
    assert card.kind == "card" and [t.kind for t in card.threads] == ["pass"] + ["touch"] * 5


def test_random_reverse_derivatives_are_read_back():
    rng = random.Random(0)
    signature = standard()
    for _ in range(30):
        term = decode(rng.randbytes(rng.choice((8, 20, 40))), signature)
        if compile(term).stateful:
            continue
        back = reverse(term)
        assert read(draw(back)) == back.term
