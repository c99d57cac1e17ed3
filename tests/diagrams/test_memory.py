"""Memory by name: long wires are written into slots and read from them, and the picture says the same."""

from __future__ import annotations

import importlib
import random
import re
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest
from helpers import refused
from test_layout import TERMS, check_picture

import diagrams
from diagrams.following import strands as strands_of
from diagrams.formats.dot import write
from diagrams.paint import shapes
from diagrams.styles import STYLES
from lenses import LensError, Real, add, block, compose, copy, dense, identity, multiply, relu, swap, tanh, tensor

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
UNET: Any = next(p for p in importlib.import_module("gallery").PICTURES if p.name == "unet").term


def skip(*layers, inside=identity):
    """Layers with a way around them."""
    return copy >> (inside @ compose(*layers)) >> add


LONG = skip(*[dense(m=4) >> relu] * 4).at(Real(token=3, m=4))


def ends(scene):
    """The glyphs that write slots and those that read them, by the names of the slots."""
    return tuple({dict(g.data)["slot"]: g for g in scene.glyphs if g.kind == kind} for kind in ("write", "read"))


def test_a_long_wire_is_written_and_read_by_name():
    scene = check_picture(LONG, "neural", memory=True)
    (written,), (read,) = (list(found.values()) for found in ends(scene))
    assert (written.text, read.text) == ("→ m1", "m1 →") and dict(written.data)["colour"] == dict(read.data)["colour"]
    assert [len(written.ins[0]), len(read.outs[0])] == [2, 2] and not written.outs and not read.ins
    first, last = scene.glyphs[0], scene.glyphs[-1]
    assert first.x <= written.x < first.x + 120 and last.x - 120 < read.x < last.x
    assert not any(w.start[0] < 200 and w.end[0] > read.x for w in scene.wires)
    assert read.outs[0][0][1] < min(p[1] for g in scene.glyphs if g.kind == "card" for p in g.outs[0])  # no crossing


def test_the_number_says_how_long_a_wire_may_be():
    assert not any(ends(check_picture(LONG, "neural", memory=8)))
    assert all(map(len, ends(check_picture(LONG, "neural", memory=7))))
    assert diagrams.draw(LONG, memory=8).svg() == diagrams.draw(LONG).svg()
    part = skip(block("part", compose(*[tanh] * 6)), relu).at(Real(2))
    assert len(ends(check_picture(part, "neural", memory=6))[0]) == 1  # columns of an opened part count
    assert not any(ends(check_picture(part, "neural", memory=6, fold=0)))


@pytest.mark.parametrize("wrap", [None, 700])
def test_the_unet_keeps_each_scale_by_name(wrap):
    scene = check_picture(UNET, "neural", memory=True, groups={"pixel": ("y", "x")}, wrap=wrap)
    written, read = ends(scene)
    assert [*written] == ["m1", "m2"] and [*read] == ["m2", "m1"]  # the last that is written is read first
    assert {g.box.label for g in scene.glyphs if g.box} == {g.box.label for g in diagrams.draw(UNET).glyphs}


def test_slots_in_parts_have_names_of_their_own():
    inner = block("inner", skip(*[tanh] * 5))
    scene = check_picture((skip(inner, inner) >> inner**2).at(Real(2)), "neural", memory=3)
    written, read = ends(scene)
    assert len(written) == 4 and written.keys() == read.keys()
    assert {len(g.address) for g in written.values()} == {1, 2, 3}


def test_strands_are_followed_through_memory():
    scene, plain = (diagrams.draw(LONG, memory=m) for m in (True, False))
    assert len(set(strands_of(scene))) == len(set(strands_of(plain)))
    pairs = [dict(g.attributes).get("pair") for g in shapes(scene) if g.kind == "glyph"]
    assert [p for p in pairs if p] == ["m1", "m1"]


def test_memory_is_counted_while_it_is_held():
    for term, style in ((LONG, "neural"), (UNET, "neural"), (UNET, "string")):
        kept, plain = (diagrams.draw(term, memory=m, style=style, overlays="memory") for m in (3, False))
        at_boundaries = [m.value for m in plain.marks]
        assert [m.value for m in kept.marks] == at_boundaries and any(ends(kept))


def test_dot_joins_what_is_written_to_what_is_read():
    source = write(diagrams.draw(LONG, memory=True))
    (edge,) = re.findall(r"g(\d+) -> g(\d+) \[.*dotted", source)
    glyphs = diagrams.draw(LONG, memory=True).glyphs
    assert [glyphs[int(i)].kind for i in edge] == ["write", "read"]


def tangled(seed):
    """Layers that each join one or two of four wires, so that the others are long."""
    rng = random.Random(seed)
    layers = []
    for _ in range(rng.randint(6, 14)):
        term = rng.choice((tanh, add >> copy, swap, copy >> multiply, identity @ relu))
        above = rng.randint(0, 4 - term.arity[0])
        layers.append(tensor(*[identity] * above, term, *[identity] * (4 - above - term.arity[0])))
    return compose(*layers, tensor(add, multiply)).at(*[Real(token=2, m=3)] * 4)


@pytest.mark.parametrize("style", STYLES)
def test_terms_are_read_back_through_memory(style):
    seen = 0
    for seed in range(12):
        scene = check_picture(tangled(seed), style, memory=1 + seed % 2)
        seen += len(ends(scene)[0])
    assert seen > 12
    for term in TERMS[:20]:
        check_picture(term, style, memory=1)


def test_functions_have_memory_too():
    def function(x):
        y = x
        for _ in range(6):
            y = jnp.tanh(y)
        return x @ y

    assert [len(found) for found in ends(diagrams.draw(function, jnp.ones(3), memory=True))] == [1, 1]


def test_memory_that_is_refused():
    wrong: Any
    for wrong in (0, -1, 1.5, "long", None):
        refused(LensError, lambda wrong=wrong: diagrams.draw(LONG, memory=wrong), "memory", "1 or more")
    refused(LensError, lambda: diagrams.draw(LONG, style="backward", memory=True), "both directions")
    scene = diagrams.draw((skip(*[tanh] * 7) >> copy >> multiply).at(Real(2)), memory=True)
    scene.glyphs = [g for g in scene.glyphs if g.kind != "write"]
    refused(LensError, lambda: diagrams.read(scene), "cannot be read")
