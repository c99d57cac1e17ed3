"""Loops: their range, the indices of parameters, and the arrows of what goes on from step to step."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from test_layout import TERMS, boxes, check_picture, overlap, points_along

import diagrams
from diagrams.paint import shapes
from diagrams.shapes import Stroke
from diagrams.styles import STYLES
from lenses import Real, add, block, copy, dense, identity, over, relu, scan, swap, tanh, tied
from lenses.combinators.loops import Repeat

CELL = (dense(4) @ dense(4)) >> add >> tanh >> copy
PART = block("layer", dense(m=4) >> tanh)


def cards(scene):
    return [g.data[0] for g in scene.glyphs if g.kind == "card"]


def hooks(scene):
    """The curves of the arrows at brackets."""
    frames = [group for group in shapes(scene) if group.kind == "frame"]
    return [s.curve for group in frames for s in group.shapes if isinstance(s, Stroke) and s.width == 0.9]


def test_every_step_has_its_parameters_by_its_index():
    term = ((PART**2 >> dense(m=4)) ** 3).at(Real(token=3, m=4))
    scene = check_picture(term, "neural")
    assert [f.text for f in scene.frames] == ["i = 1 … 3", "j = 1 … 2", "layer"]
    assert cards(scene) == ["ij+", "i+"]
    above = [name for g in check_picture(term, "string").glyphs for name, _ in g.data]
    assert above == ["weightᵢⱼ", "biasᵢⱼ", "weightᵢ", "biasᵢ"]
    assert [f.text for f in check_picture(term, "neural", fold=1).frames] == ["i = 1 … 3"]


def test_parameters_that_steps_share_have_no_index():
    shared = tied("shared", dense(m=4))
    assert check_picture((shared**2).at(Real(m=4)), "neural").frames[0].text == "× 2"
    mixed = check_picture(((shared >> dense(m=4)) ** 2).at(Real(m=4)), "neural")
    assert mixed.frames[0].text == "i = 1 … 2" and cards(mixed) == ["+", "i+"]
    assert [f.text for f in check_picture((relu**2).at(Real(m=4)), "neural").frames] == ["× 2"]
    assert cards(diagrams.draw(scan(CELL, "time").at(Real(4), Real(time=7, d=3)))) == ["+", "+"]


def test_what_is_carried_re_enters():
    scene = check_picture((PART**3).at(Real(token=3, m=4)), "neural")
    repeat, layer = scene.frames
    assert repeat.again == ((0, 0),) and not layer.again
    enters, leaves = repeat.ins[0], repeat.outs[0]
    found = hooks(scene)
    assert len(found) == len(enters) + len(leaves) == 4
    for point, curve in zip((*enters, *leaves), found, strict=True):
        on_wire = curve[-1][-2:] if point in enters else curve[0][-2:]
        assert on_wire[1] == point[1] and abs(on_wire[0] - point[0]) == 18.0
        assert all(repeat.x < x < repeat.x + repeat.width for x, _ in points_along(curve))


def test_arrows_are_at_the_ends_of_a_loop_that_goes_on_in_other_rows():
    term = (block("layer", dense(m=4) >> tanh >> dense(m=4) >> tanh >> dense(m=4) >> tanh) ** 3).at(Real(m=4))
    scene = check_picture(term, "neural", wrap=200)
    pieces = [f for f in scene.frames if f.kind == "repeat"]
    assert len(pieces) > 1 and len(hooks(scene)) == 2
    first, last = hooks(scene)
    assert first[-1][-1] == pieces[0].ins[0][0][1] and last[0][-1] == pieces[-1].outs[0][0][1]


def test_a_scan_carries_its_first_wires_alone():
    scene = check_picture(scan(CELL, "time").at(Real(4), Real(time=7, d=3)), "neural")
    (frame,) = scene.frames
    assert frame.text == "time = 1 … 7" and frame.again == ((0, 0),) and len(frame.ins) == len(frame.outs) == 2
    assert len(hooks(scene)) == 2
    free = scan(dense(2), 0, carry=0).at(Real(5, 3))
    assert [(f.text, f.again) for f in check_picture(free, "neural").frames] == [("t = 1 … 5", ())]
    assert not hooks(diagrams.draw(over("b", relu).at(Real(b=2, d=3))))
    wide = check_picture(over("b", scan(CELL, "time")).at(Real(b=2, h=4), Real(b=2, time=7, d=3)), "neural")
    assert [f.text for f in wide.frames] == ["over b", "time = 1 … 7"]


def test_loops_of_functions_carry_too():
    def function(x, weights):
        kept, sums = jax.lax.scan(lambda h, w: (jnp.tanh(h @ w + x), h.sum()), x, weights)
        return jax.lax.fori_loop(0, 3, lambda i, h: h * x, kept), sums

    scene = diagrams.draw(function, jnp.ones(3), jnp.ones((5, 3, 3)))
    steps, loop = (f for f in scene.frames if f.kind == "repeat")
    assert steps.text == "× 5 steps" and loop.text == "× 3 steps"
    for frame in (steps, loop):
        assert frame.again and all(len(frame.ins[i]) == len(frame.outs[j]) for i, j in frame.again)
    assert len(steps.again) == 1 and steps.again[0][1] == 0


@pytest.mark.parametrize("style", STYLES)
def test_arrows_cover_nothing(style):
    terms = [term for term in TERMS if any(isinstance(c.box, Repeat) for c in term.circuit.cells)]
    square = [t for t in TERMS if t.dom == t.cod and len(t.dom)]
    terms += [Repeat(t.term, 2).at(t.dom) for t in square[:8]]
    seen = 0
    for term in [*terms, ((swap >> identity @ tanh) ** 2).at(Real(2), Real(2))]:
        scene = check_picture(term, style)
        bodies = [(g.x, g.y, g.x + g.width, g.y + g.height) for g in scene.glyphs if g.width and g.height]
        for curve in hooks(scene):
            xs, ys = zip(*points_along(curve), strict=True)
            box = (min(xs), min(ys), max(xs), max(ys))
            seen += 1
            assert not any(overlap(box, b) for b in [*bodies, *(b for b, _, _ in boxes(scene))])
    assert seen > 4
