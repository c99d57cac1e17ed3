"""Pictures of causal maps: the state is fed back over the step, through delays, and nothing crosses on its way."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from helpers import refused

import diagrams
from diagrams.traces import ABOVE
from lenses import (
    Bits,
    Causal,
    LensError,
    Real,
    SpaceError,
    add,
    constant,
    copy,
    delay,
    elman,
    gru,
    identity,
    lstm,
    swap,
    tanh,
    zero,
)
from lenses.causal import as_causal, trace
from lenses.circuits import xor

MAPS = {
    "elman": elman(3).at(Real(2)),
    "lstm": lstm(3).at(Real(2)),
    "delay": delay(1.0).at(Real()),
    "parity": trace(xor >> copy, Bits()).at(Bits()),
    "stacked": (elman(2) >> gru(3)).at(Real(2)),
    "matrix": trace(add >> copy, Real(2, 3)).at(Real(2, 3)),
    "numbers": delay(constant([1.0, 2.0]) @ constant([3.0, 3.0])).at(Real(2), Real(2)),
    "one start for two": Causal(zero(Real(2)) >> copy, swap @ identity).at(Real(2)),
    "no state": as_causal(tanh).at(Real(2)),
    "no input": trace(copy, constant(2.0)).at(),
}


@pytest.mark.parametrize("style", ["string", "neural", "circuit", "graph"])
@pytest.mark.parametrize("name", MAPS)
def test_read_back_it_is_the_map(name, style):
    f = MAPS[name]
    scene = diagrams.draw(f, style=style)
    assert diagrams.read(scene) == Causal(f.initial, f.step)
    delays = [glyph for glyph in scene.glyphs if glyph.kind == "delay"]
    assert len(delays) == len(f.state)
    inside = [g for g in scene.glyphs if g.kind != "delay"]
    for one, two in itertools.combinations(delays, 2):
        assert one.y + one.height < two.y or two.y + two.height < one.y
    for each in delays:
        assert each.y >= 0 and all(each.y + each.height < other.y for other in inside)
    for wire in scene.wires:
        for piece in wire.curve:
            for x, y in zip(piece[1::2], piece[2::2], strict=True):
                assert -0.01 <= x <= scene.width + 0.01 and -0.01 <= y <= scene.height + 0.01


def segments(wire):
    """The straight pieces of what is fed back, from corner to corner."""
    points = [piece[-2:] for piece in wire.curve]
    return [(p, q) for p, q in itertools.pairwise(points)]


@pytest.mark.parametrize("name", ["lstm", "stacked", "matrix", "numbers"])
def test_what_is_fed_back_does_not_cross(name):
    loops = [w for w in diagrams.draw(MAPS[name]).wires if w.address == ABOVE]
    for one, two in itertools.combinations(loops, 2):
        for (p, q), (r, s) in itertools.product(segments(one), segments(two)):
            if p[1] == q[1] and r[0] == s[0]:
                p, q, r, s = r, s, p, q
            if p[0] == q[0] and r[1] == s[1]:  # one upright, one level
                between = min(r[0], s[0]) < p[0] < max(r[0], s[0]) and min(p[1], q[1]) < r[1] < max(p[1], q[1])
                assert not between, (one.title, two.title)


def test_each_wire_of_the_state_leads_around():
    f = MAPS["lstm"]
    scene = diagrams.draw(f, names="x")
    loops = [w for w in scene.wires if w.address == ABOVE]
    assert len(loops) == 4 and [w.kind for w in loops] == ["array", "arrow"] * 2
    assert [label.text for label in scene.labels if label.role == "note"] == ["0 at first"] * 2
    assert [label.text for label in scene.labels if label.role == "input"] == ["x"]
    assert [label.text for label in diagrams.draw(MAPS["delay"]).labels if label.role == "note"] == ["1 at first"]


def test_a_wire_that_is_led_elsewhere_is_seen():
    scene = diagrams.draw(MAPS["lstm"])
    loops = [w for w in scene.wires if w.address == ABOVE]
    others = [w for w in scene.wires if w.address != ABOVE]
    swapped = [dataclasses.replace(loops[0], curve=(*loops[0].curve[:-1], loops[2].curve[-1])), *loops[1:]]
    for wires in (loops[1:], swapped):
        wrong = dataclasses.replace(scene, wires=[*others, *wires])
        refused(LensError, lambda wrong=wrong: diagrams.read(wrong), "delay")


@pytest.mark.parametrize("ending", ["svg", "tex", "dot", "html"])
def test_it_is_written_in_every_format(ending, tmp_path):
    file = tmp_path / f"elman.{ending}"
    diagrams.draw(elman(3), Real(2), title="Elman", theme="dark").save(file)
    assert "delay" in file.read_text(encoding="utf-8")


def test_what_cannot_be_drawn():
    refused(SpaceError, lambda: diagrams.draw(elman(3)), "draw needs the type")
    differing = Causal(zero(Real(2)), swap, [swap]).at(Real(2))
    refused(LensError, lambda: diagrams.draw(differing), "first steps differ", "unroll")
    refused(LensError, lambda: diagrams.draw(MAPS["elman"], wrap=500.0), "a causal map have no wrap")
    refused(LensError, lambda: diagrams.draw(MAPS["elman"], expand=""), "a causal map have no expand")
    refused(LensError, lambda: diagrams.draw(MAPS["elman"], style="lens"), "style='lens'")
    refused(LensError, lambda: diagrams.draw(MAPS["elman"], names="h x"), "1 names")
