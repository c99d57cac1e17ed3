"""Long pictures in rows: what holds of a picture in one line holds of its rows, also where parts are broken."""

from __future__ import annotations

from collections import Counter

import pytest
from test_layout import ATTENTION, TERMS, check_picture

import diagrams
from diagrams.following import strands as strands_of
from diagrams.formats.links import links
from lenses import Real, add, block, compose, copy, dense, discard, identity, layer_norm, relu, scan, swap, tanh

DEEP = block("outer", compose(dense(8) >> tanh, block("inner", compose(*[dense(8) >> relu] * 5)), dense(8) >> tanh))
LONG = (copy >> identity @ (DEEP**3) >> add >> layer_norm()).at(Real(token=3, d=8))


@pytest.mark.parametrize("style", ["neural", "string"])
def test_random_terms_in_rows(style):
    broken = 0
    for term in TERMS[:40]:
        scene = check_picture(term, style, wrap=160)
        broken += any(wire.role == "breaks" for wire in scene.wires)
    assert broken > 10


def rows(scene, address):
    """The frames of a part, from the first row."""
    return [frame for frame in scene.frames if frame.address == address]


def test_opened_parts_are_broken():
    flat, scene = diagrams.draw(LONG), check_picture(LONG, "neural", wrap=420)
    assert scene.width < 450 < flat.width and diagrams.read(scene) == LONG.term
    addresses = [frame.address for frame in flat.frames]
    assert list(dict.fromkeys(frame.address for frame in scene.frames)) == addresses
    for address, whole in zip(addresses, flat.frames, strict=True):
        parts = rows(scene, address)
        assert len(parts) > 1 and [p.y for p in parts] == sorted({p.y for p in parts})
        assert [p.open[0] for p in parts] == [False] + [True] * (len(parts) - 1)
        assert [p.open[1] for p in parts] == [True] * (len(parts) - 1) + [False]
        assert [p.text for p in parts] == [whole.text] + [""] * (len(parts) - 1)
        assert (
            parts[0].ins
            and parts[-1].outs
            and not any(p.outs for p in parts[:-1])
            and not any(p.ins for p in parts[1:])
        )
        assert len({p.kind for p in parts}) == 1


def test_frames_hold_what_is_in_them():
    """Boxes and frames of a part are within its frame in their row, and what breaks does so at its edge."""
    scene = diagrams.draw(LONG, wrap=420)
    for frame in scene.frames:
        box = frame.x, frame.y, frame.x + frame.width, frame.y + frame.height
        for item in (*scene.glyphs, *scene.frames):
            inside = item.address[:-1][: len(frame.address)] == frame.address
            here = box[1] <= item.y + item.height / 2 <= box[3]
            if here and item is not frame and box[0] <= item.x + item.width / 2 <= box[2]:
                assert inside or frame.address[: len(item.address)] == item.address
            if inside and here:
                assert box[0] <= item.x and item.x + item.width <= box[2] and box[1] <= item.y
                assert item.y + item.height <= box[3]
    for wire in scene.wires:
        for frame in rows(scene, wire.address):
            if wire.role == "breaks" and frame.y < wire.start[1] < frame.y + frame.height:
                assert wire.end[0] == pytest.approx(frame.x + frame.width)


def test_wires_go_on_where_they_were_broken():
    flat, scene = diagrams.draw(LONG), diagrams.draw(LONG, wrap=420)
    assert len(set(strands_of(scene))) == len(set(strands_of(flat)))
    pieces = Counter((w.address, w.wire, w.axis) for w in scene.wires)
    ends = Counter((w.address, w.wire, w.axis) for w in scene.wires if w.role == "breaks")
    assert pieces.keys() == {(w.address, w.wire, w.axis) for w in flat.wires}
    assert all(n == ends[which] + 1 for which, n in pieces.items())
    begun = {(round(w.start[0], 3), round(w.start[1], 3)) for w in scene.wires}
    said = {(round(x.x - 4.0, 3), round(x.y + 4.0, 3)) for x in scene.labels if x.role == "axis"}
    left = min(w.start[0] for w in scene.wires)
    assert {p for p in begun if p[0] == round(left, 3)} <= said  # each row says what its wires are


def test_a_break_inside_a_part_is_avoided_where_there_is_room():
    parts = compose(*[block(f"part {k}", dense(4) >> relu) for k in range(6)]).at(Real(4))
    scene = check_picture(parts, "neural", wrap=480)
    assert scene.height > 2 * diagrams.draw(parts).height and not any(any(f.open) for f in scene.frames)


def test_stubs_and_what_is_written_on_them_stay_together():
    part = block("attention", ATTENTION).at(Real(query=28, d=64), Real(key=28, d=64), Real(key=28, d=64))
    for wrap in (150, 200, 260):
        scene = check_picture(part, "neural", wrap=wrap)
        (scaled,) = (g for g in scene.glyphs if g.kind == "floating")
        (stem,) = (t for g in scene.glyphs for t in g.threads if t.kind == "stem")
        assert scaled.data == ("stem", pytest.approx(stem.curve[-1][1]))
        assert scaled.y + scaled.height / 2 == pytest.approx(stem.curve[-1][2])


def test_other_parts_in_rows():
    cell = (dense(4) @ dense(4)) >> add >> tanh >> dense(4) >> relu >> copy
    check_picture(scan(cell, "time").at(Real(4), Real(time=7, d=3)), "neural", wrap=150)
    check_picture((copy >> block("a", swap) >> block("b", discard @ DEEP)).at(Real(2)), "graph", wrap=300)


def test_overlays_and_files_of_rows(tmp_path):
    flat = diagrams.draw(LONG, overlays=("memory", "flops", "kept"))
    scene = diagrams.draw(LONG, overlays=("memory", "flops", "kept"), wrap=420)
    for kind in ("memory", "flops", "kept"):
        one, more = (Counter(m.value for m in s.marks if m.kind == kind) for s in (flat, scene))
        assert one == more
    assert all(mark.x >= 0 and mark.x + mark.width <= scene.width for mark in scene.marks)
    plain = diagrams.draw(LONG, wrap=420)
    for ending in ("svg", "tex", "html", "dot"):
        plain.save(tmp_path / f"long.{ending}")
    around = {node.around for node in links(plain)[0] if node.around}
    assert len({n for frames in around for n in frames}) == len(diagrams.draw(LONG).frames)


def test_the_opened_side_of_an_expansion_is_wrapped():
    scene = diagrams.expansion(LONG, wrap=420)
    assert scene.width < 520 and any(frame.open[0] for frame in scene.frames)
