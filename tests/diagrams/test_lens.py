"""Lenses, learners and backward passes as pictures: what is where, what belongs together, and what it weighs."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import jax
import pytest
from helpers import refused

from diagrams.paint import shapes
from diagrams.passes.backward import draw_backward
from diagrams.passes.keeping import passes
from diagrams.passes.learner import draw_learner
from diagrams.passes.lens import CHANGE, VALUE, draw_lens
from diagrams.plan import of_term
from diagrams.shapes import Stroke, Text
from diagrams.text import width
from diagrams.themes import THEMES
from lenses import (
    Index,
    Real,
    adam,
    add,
    block,
    compile,
    concatenate,
    conv,
    copy,
    coupling,
    dense,
    discard,
    dream,
    dropout,
    einsum,
    embedding,
    identity,
    layer_norm,
    learner,
    momentum,
    over,
    reduce_mean,
    relu,
    scale,
    scan,
    sgd,
    softmax,
    softmax_cross_entropy,
    squared,
    step,
    tanh,
    tied,
    wired,
)
from lenses.errors import LensError
from lenses.laws.generate import decode
from lenses.laws.signature import standard
from lenses.learner.losses import Loss
from lenses.learner.optimisers import Update
from lenses.learner.rates import Rate
from lenses.rules import (
    backprop,
    direct_feedback_alignment,
    feedback_alignment,
    guided,
    lrp,
    recompute,
    reversible,
    straight_through,
)


@wired
def attention(q, k, v):
    scores = einsum("query d, key d -> query key")(q, k)
    weights = softmax("key")(scale(8**-0.5)(scores))
    return einsum("query key, key d -> query d")(weights, v)


@wired
def two(a, b):
    return dense(4)(a) + dense(4)(b)


residual = copy >> identity @ block("ff", dense(64) >> relu >> dense(m=32)) >> add
encoder = block("encoder", residual >> layer_norm())

PERCEPTRON = (dense(hidden=64) >> relu >> dense(k=10) >> softmax()).at(Real(pixel=64))
ATTENTION = attention.at(Real(query=7, d=8), Real(key=5, d=8), Real(key=5, d=8))
STACK = (encoder**3 >> dense(2)).at(Real(token=5, m=32))
WORDS = (embedding(m=4) >> copy >> discard @ dense(2) >> reduce_mean()).at(Index(a=3, below=5))
TIED = (tied("s", dense(4)) >> tanh >> tied("s", dense(4))).at(Real(4))
CELL = dense(2) @ identity >> add >> tanh >> copy
TERMS = {
    "perceptron": PERCEPTRON,
    "attention": ATTENTION,
    "stack": STACK,
    "words": WORDS,
    "tied": TIED,
    "two": two.at(Real(3), Real(5)),
    "sliced": over("head", dense(3) >> tanh).at(Real(head=2, k=4)),
    "recurrent": scan(CELL, "t").at(Real(2), Real(t=3, x=2)),
    "random": (dropout(0.5) >> dense(3)).at(Real(4)),
}
FOLDS = {"closed": (STACK, 0), "blocks closed": (STACK, 1)} | {name: (term, None) for name, term in TERMS.items()}


def parts(plan):
    """The plan and those inside it."""
    yield plan
    for node in plan.nodes:
        if node.inner is not None:
            yield from parts(node.inner)


def arrays(plan):
    """The arrays of all plans by address and wire."""
    for part in parts(plan):
        yield from (((part.address, w), a) for w, a in enumerate(part.dom))
        for node in part.nodes:
            yield from (((part.address, w), a) for w, a in zip(node.outs, node.cod, strict=True))


def rectangle(text):
    wide = width(text.text, text.size, text.bold)
    x = text.x - {"start": 0.0, "middle": wide / 2, "end": wide}[text.anchor]
    return x, text.y - 0.75 * text.size, x + wide, text.y + 0.2 * text.size


def overlap(a, b, slack=0.6):
    return a[0] + slack < b[2] and b[0] + slack < a[2] and a[1] + slack < b[3] and b[1] + slack < a[3]


def check_clear(scene):
    """No text lies on another, no body on another, no label on a body, and nothing outside."""
    texts = [(rectangle(s), k) for k, g in enumerate(shapes(scene)) for s in g.shapes if isinstance(s, Text) and s.text]
    bodies = [(g.x, g.y, g.x + g.width, g.y + g.height) for g in scene.glyphs if g.width and g.height]
    for i, (a, group) in enumerate(texts):
        assert not any(its != group and overlap(a, b) for b, its in texts[i + 1 :])
    for i, a in enumerate(bodies):
        assert not any(overlap(a, b) for b in bodies[i + 1 :])
    for label in scene.labels:
        assert not any(overlap(rectangle(label), b) for b in bodies), label
    for x0, y0, x1, y1 in [*bodies, *(box for box, _ in texts)]:
        assert x0 >= -0.5 and y0 >= -0.5 and x1 <= scene.width + 0.5 and y1 <= scene.height + 0.5


# -- lenses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FOLDS)
def test_every_array_is_a_wire_forward_and_one_back(name):
    term, fold = FOLDS[name]
    scene = draw_lens(term, fold)
    plan = of_term(term, fold)
    wires = [w for w in scene.wires if w.role in ("forward", "backward")]
    found = Counter((w.address, w.wire, w.axis) for w in wires)
    expected = {(*key, VALUE) for key, _ in arrays(plan)}
    expected |= {(*key, CHANGE) for key, a in arrays(plan) if a.change is not None}
    assert found == Counter(expected)
    for wire in wires:
        sign = 1 if wire.role == "forward" else -1
        xs = [part[-2] for part in wire.curve]
        assert wire.role == ("backward" if wire.axis == CHANGE else "forward")
        assert all(sign * (b - a) >= -1e-6 for a, b in pairwise(xs)), "a wire runs the wrong way"
        assert wire.kind.startswith("change") == (wire.role == "backward"), "changes are dashed"
    check_clear(scene)
    assert draw_lens(term, fold).svg() == scene.svg()


@pytest.mark.parametrize("name", FOLDS)
def test_wires_end_at_the_ports_of_boxes(name):
    scene = draw_lens(*FOLDS[name])
    wires = [w for w in scene.wires if w.role != "parameter"]
    starts, ends = Counter(w.start for w in wires), Counter(w.end for w in wires)
    for glyph in scene.glyphs:
        for side, first, second in ((glyph.ins, ends, starts), (glyph.outs, starts, ends)):
            for value, *change in side:
                assert first[value] == 1
                assert all(second[point] == 1 for point in change)
        if glyph.kind == "lens":
            assert all(x == glyph.x and glyph.y < y < glyph.y + glyph.height for a in glyph.ins for x, y in a)
            assert all(x == glyph.x + glyph.width for a in glyph.outs for x, y in a)
            assert all(value[1] < change[0][1] for value, *change in (*glyph.ins, *glyph.outs) if change)


@pytest.mark.parametrize("name", FOLDS)
def test_parameters_come_from_above_and_their_changes_leave_there(name):
    term, fold = FOLDS[name]
    scene = draw_lens(term, fold)
    nodes = {node.address: node for part in parts(of_term(term, fold)) for node in part.nodes}
    for glyph in scene.glyphs:
        side = [w for w in scene.wires if w.role == "parameter" and w.address == glyph.address]
        node = nodes[glyph.address]
        inside = node.box.fields.get("term") is not None and node.inner is None and node.glyph in ("block", "repeat")
        names = ["P"] if inside else [n for n, _ in node.params]
        assert [w.name for w in side if w.axis == VALUE] == [w.name for w in side if w.axis == CHANGE] == names
        for wire in side:
            touch = wire.end if wire.axis == VALUE else wire.start
            assert touch[1] == glyph.y and glyph.x < touch[0] < glyph.x + glyph.width
            assert (wire.start[1] < wire.end[1]) == (wire.axis == VALUE)
            assert wire.kind == ("arrow" if wire.axis == VALUE else "change arrow")


def test_copies_are_sums_on_the_way_back_and_discards_are_zeros():
    scene = draw_lens(WORDS)
    painted = {g.kind: list(group.shapes) for g, group in glyph_groups(scene)}
    signs = {kind: [(s.text, s.colour) for s in found if isinstance(s, Text)] for kind, found in painted.items()}
    assert signs["lens copy"] == [("+", "backward")]
    assert signs["lens end"] == [("0", "backward")]
    (sum_,) = [group for g, group in glyph_groups(draw_lens(TERMS["two"])) if g.kind == "lens sum"]
    assert [(s.text, s.colour) for s in sum_.shapes if isinstance(s, Text)] == [("+", "ink")]
    assert [s.fill for s in sum_.shapes if not isinstance(s, Text) and s.fill] == ["backward", "paper"]


def glyph_groups(scene):
    groups = [g for g in shapes(scene) if g.kind == "glyph"]
    return list(zip(scene.glyphs, groups, strict=True))


def test_indices_have_no_way_back():
    scene = draw_lens(WORDS)
    (glyph,) = [g for g in scene.glyphs if g.text.startswith("embedding")]
    assert [len(a) for a in glyph.ins] == [1] and [len(a) for a in glyph.outs] == [2]


def test_blocks_are_framed_and_closed_parts_named():
    assert [f.text for f in draw_lens(STACK).frames] == ["× 3", "encoder", "ff"]
    assert [g.text for g in draw_lens(STACK, 0).glyphs] == ["repeat × 3", "dense(2)"]


def test_changes_are_told_apart_in_black_and_white():
    firsts = [g.shapes[0] for g in shapes(draw_lens(PERCEPTRON, theme=THEMES["print"])) if g.kind == "wire"]
    assert {(s.stroke, s.dash is not None) for s in firsts if isinstance(s, Stroke)} == {
        ("ink", False), ("backward", True), ("parameter", False), ("parameter", True),
    }  # fmt: skip


# -- learners --------------------------------------------------------------------------------

FIT = learner(PERCEPTRON, loss=softmax_cross_entropy, optimiser=adam(1e-3), rate=0.1)
DREAM = dream(
    TERMS["two"], params=compile(TERMS["two"]).init(jax.random.key(0)), loss=squared, optimiser=adam(0.1)
)  # fmt: skip
LEARNERS = {
    "perceptron": FIT,
    "two": learner(TERMS["two"], loss=squared, optimiser=sgd(0.1), rate=lambda step: 1 / (1 + step)),
    "stack": learner(STACK, loss=softmax_cross_entropy, optimiser=sgd(0.1)),
    "dream": DREAM,
}


@pytest.mark.parametrize("fold", [0, 1, None])
@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_has_one_optimiser_one_loss_and_one_cap(name, fold):
    fit = LEARNERS[name]
    scene = draw_learner(fit, fold)
    for kind in (Update, Loss, Rate):
        (glyph,) = [g for g in scene.glyphs if isinstance(g.box, kind)]
        (cell,) = [c for c in fit.lens.circuit.cells if isinstance(c.box, kind)]
        assert glyph.address == (cell.index,) and glyph.box is cell.box
    assert [g.kind for g in scene.glyphs].count("cap") == 1
    assert sum(f.text == "model" for f in scene.frames) == (fold != 0)
    assert sum(g.text == "model" for g in scene.glyphs) == (fold == 0)
    check_clear(scene)
    assert draw_learner(fit, fold).svg() == scene.svg()


def of_kind(scene, kind):
    return next(g for g in scene.glyphs if isinstance(g.box, kind))


@pytest.mark.parametrize("name", ["perceptron", "two", "stack"])
def test_the_optimiser_hands_parameters_down_and_takes_their_changes(name):
    scene = draw_learner(LEARNERS[name])
    (model,) = [f for f in scene.frames if f.text == "model"]
    update = of_kind(scene, Update)
    state = LEARNERS[name].optimiser.init({"p": jax.numpy.zeros(1)})
    assert update.y + update.height < model.y
    wires = [w for w in scene.wires if w.role in ("parameter", "state") and w.address == ()]
    assert Counter(w.name for w in wires) == {"P": 4} | ({"S": 2} if state else {})
    between = [w for w in wires if {w.start[1], w.end[1]} == {update.y + update.height, model.y}]
    assert [w.start[1] < w.end[1] for w in between] == [True, False]
    above = [w for w in wires if update.y in (w.start[1], w.end[1])]
    assert {p for a in update.ins for p in a} == {w.end if w.axis == VALUE else w.start for w in above}


def test_the_loss_is_bent_back_by_the_rate():
    scene = draw_learner(LEARNERS["two"])
    loss, cap = of_kind(scene, Loss), of_kind(scene, Rate)
    ((there, back),) = cap.ins
    wires = {(w.start, w.end): w.role for w in scene.wires}
    assert wires[loss.outs[0][0], there] == "forward" and wires[back, loss.outs[0][1]] == "backward"
    assert len(loss.ins[1]) == 2 and all(y == loss.y for _, y in loss.ins[1]), "the label comes from above"
    assert len(of_kind(draw_learner(FIT), Loss).ins[1]) == 1, "an index has no change"
    assert cap.text == "rate of step" and of_kind(draw_learner(FIT), Rate).text == "rate 0.1"


def test_dreaming_learns_the_inputs():
    scene = draw_learner(DREAM)
    update = of_kind(scene, Update)
    (model,) = [f for f in scene.frames if f.text == "model"]
    assert update.x + update.width < model.x
    starts = {w.start for w in scene.wires if w.role == "forward"}
    ends = {w.end for w in scene.wires if w.role == "backward"}
    assert len(update.outs) == 2
    assert all(value in starts and change in ends for value, change in update.outs)
    assert Counter(w.role for w in scene.wires if w.name == "S") == {"state": 2}


@pytest.mark.parametrize(
    "picture",
    [
        lambda t: draw_lens(PERCEPTRON, title=t),
        lambda t: draw_learner(FIT, title=t),
        lambda t: draw_backward(PERCEPTRON, title=t),
    ],
)
def test_titles_are_written_above_and_name_the_picture(picture):
    scene, bare = picture("A"), picture("")
    (label,) = [label for label in scene.labels if label.role == "title"]
    assert (label.text, scene.title, bare.title) == ("A", "A", "")
    assert "<title>A</title>" in scene.svg()
    assert label.y < min(g.y for g in scene.glyphs) and scene.height > bare.height


def test_parameters_that_are_fixed_send_nothing_back():
    for fold in (0, None):
        scene = draw_learner(DREAM, fold)
        fixed = [w for w in scene.wires if w.role == "parameter"]
        assert fixed and {w.axis for w in fixed} == {VALUE}
        labels = [label.x for label in scene.labels if label.role == "parameter"]
        assert sorted(labels) == pytest.approx(sorted(w.start[0] for w in fixed)), "each under its name"


@pytest.mark.parametrize("optimiser", [sgd(0.1), adam(0.1)])
def test_a_model_without_parameters_has_none_drawn(optimiser):
    scene = draw_learner(learner(relu, Real(3), loss=squared, optimiser=optimiser))
    assert not [w for w in scene.wires if w.role == "parameter"]
    assert not {label.text for label in scene.labels} & {"P", "P′", "P⁺"}
    assert of_kind(scene, Update).outs == ()
    check_clear(scene)


def test_scheduled_steps_are_named():
    for optimiser, text in ((adam(lambda n: 0.1), "adam(scheduled)"), (momentum(lambda n: 0.1), "momentum(scheduled)")):
        scene = draw_learner(learner(PERCEPTRON, loss=softmax_cross_entropy, optimiser=optimiser))
        assert of_kind(scene, Update).text == text
    assert of_kind(draw_learner(FIT), Update).text == "adam(0.001, …)"


def test_learners_name_their_rule_unless_it_is_backprop():
    fit = learner(PERCEPTRON, loss=softmax_cross_entropy, optimiser=sgd(0.1), rule=feedback_alignment())
    scene = draw_learner(fit)
    assert [label.text for label in scene.labels if label.role == "note"] == ["rule: feedback_alignment"]
    check_clear(scene)
    assert not [label for label in draw_learner(FIT).labels if label.role == "note"]


# -- both passes -----------------------------------------------------------------------------


def slots(scene, kind, weights=False):
    found = [g for g in scene.glyphs if g.kind == kind]
    return [g for g in found if (dict(g.data)["colour"] == "parameter") == weights]


def taken(scene):
    """The slots of kept values that are grabbed, whole or array by array."""
    return [*slots(scene, "grab"), *slots(scene, "held")]


def kept_bytes(term, rule=backprop):
    net = compile(term, rule=rule)
    params, state = net.init(jax.random.key(0)), net.init_state()
    xs = [jax.ShapeDtypeStruct(a.sizes, a.dtype) for a in term.dom]
    return sum(net.kept(params, *xs, state=state, key=jax.random.key(0)).values())


@pytest.mark.parametrize("name", FOLDS)
def test_what_is_drawn_as_kept_is_what_the_program_keeps(name):
    term, fold = FOLDS[name]
    scene = draw_backward(term, fold)
    drops, grabs = slots(scene, "drop"), taken(scene)
    assert sum(dict(g.data)["bytes"] for g in drops) == kept_bytes(term)
    names = [f"k{k}" for k in range(1, len(drops) + 1)]
    assert sorted(g.text for g in drops) == sorted({g.text for g in grabs}) == sorted(names)
    pairs = {g.text: g for g in drops}
    for grab in grabs:
        drop = pairs[grab.text]
        where = grab.address[:-1] if grab.kind == "held" else grab.address
        assert drop.y < grab.y and drop.address == where and drop.data[:3] == grab.data[:3]
    check_clear(scene)
    assert draw_backward(term, fold).svg() == scene.svg()


@pytest.mark.parametrize("name", TERMS)
def test_the_leaves_of_the_tape_are_the_kept_values(name):
    """Every array on the tape that is no parameter is in a slot, shared ones in all slots of boxes that keep them."""
    term = TERMS[name]
    net = compile(term)
    params = jax.eval_shape(net.init, jax.random.key(0))
    key = jax.random.key(0) if net.circuit.keyed else None
    xs = [jax.ShapeDtypeStruct(a.sizes, a.dtype) for a in term.dom]
    program, out = jax.make_jaxpr(net._forward, return_shape=True)(params, net.init_state(), key, xs)
    given = set(program.jaxpr.invars[: len(jax.tree.leaves(params))])
    tape = program.jaxpr.outvars[len(jax.tree.leaves(out[:2])) :]
    sizes = [v.aval.size * v.aval.dtype.itemsize for v in tape if not hasattr(v, "val") and v not in given]
    assert sum(kept.size for kept in passes(term, backprop).kept.values()) == sum(sizes)


@pytest.mark.parametrize("name", FOLDS)
def test_the_backward_pass_is_the_mirror_of_the_forward_one(name):
    term, fold = FOLDS[name]
    scene = draw_backward(term, fold)
    within = {f.address for f in scene.frames if f.kind == "bare"}  # what the ways back of products are made of
    scene.wires = [w for w in scene.wires if w.address not in within]
    scene.glyphs = [g for g in scene.glyphs if g.address[:-1] not in within]
    there = {(w.address, w.wire, w.axis): w for w in scene.wires if w.role == "forward"}
    back = {(w.address, w.wire, w.axis): w for w in scene.wires if w.role == "backward"}
    real = {key for key, a in arrays(of_term(term, fold)) if a.change is not None}
    assert len(there) + len(back) == len(scene.wires)
    assert set(back) == {key for key in there if key[:2] in real}
    ends = []
    for key, wire in back.items():
        forward = there[key]
        for a, b in ((wire.start, forward.end), (wire.end, forward.start)):
            assert abs(a[0] - b[0]) < 0.01
            ends.append((round(a[0], 1), b[1], a[1]))
    downs = {round(y - above, 3) for _, above, y in ends}
    assert len(downs) == 1 or within, "wires make room for the ways back of products alone"
    for (x, above, y), (u, other, v) in pairwise(sorted(ends)):
        assert x != u or above == other or y < v, "in one order"
    glyphs = [g for g in scene.glyphs if g.kind not in ("drop", "grab")]
    above = {g.address: g for g in glyphs if not g.kind.startswith("mirrored")}
    down = min(downs)
    for glyph in glyphs:
        if glyph.kind.startswith("mirrored"):
            forward = above[glyph.address]
            assert abs(middle(glyph) - middle(forward)) < 0.01, "each stands under the other"
            assert glyph.y > forward.y + 0.5 * down
            for mine, other in ((glyph.ins, forward.outs), (glyph.outs, forward.ins)):
                points = [(x, y + d) for a in other for x, y in a for d in downs]
                assert all(any(abs(x - u) + abs(y - v) < 0.02 for u, v in points) for a in mine for x, y in a)


def middle(glyph):
    return glyph.x + glyph.width / 2


def test_mirrors():
    scene = draw_backward(STACK)
    kinds = {}
    for glyph in scene.glyphs:
        if glyph.kind not in ("drop", "grab"):
            kinds.setdefault(glyph.address, []).append(glyph.kind)
    assert {tuple(v) for v in kinds.values()} == {
        ("copy", "mirrored sum"), ("sum", "mirrored copy"), ("card", "mirrored transposed card"),
        ("floating", "mirrored floating"), ("ring", "mirrored ring"),
    }  # fmt: skip
    assert [f.text for f in scene.frames] == ["× 3", "encoder", "ff"] * 2
    assert {g.text for g in draw_backward(PERCEPTRON).glyphs if g.kind.startswith("mirrored")} == {"Lᵀ", "R[relu]", ""}
    assert "mirrored zero" in [g.kind for g in draw_backward(WORDS).glyphs], "what is discarded sends back zero"


def test_weights_are_grabbed_and_their_changes_dropped():
    scene = draw_backward(PERCEPTRON)
    for at in ((0,), (2,)):
        grabs = [g.text for g in slots(scene, "grab", True) if g.address == at]
        assert grabs == ["weight", "bias", "weight"], "the backward pass does not need the bias"
        assert sorted(g.text for g in slots(scene, "drop", True) if g.address == at) == ["bias′", "weight′"]
    closed = draw_backward(STACK, 0)
    assert [g.text for g in slots(closed, "grab", True) if g.address == (0,)] == ["P", "P"]
    assert [g.text for g in slots(closed, "drop", True) if g.address == (0,)] == ["P′"]


def test_an_axis_that_one_input_lacks_does_not_run_past_on_the_way_back():
    scene = draw_backward((dense(2) @ identity >> concatenate("t")).at(Real(a=2, t=3, d=2), Real(a=2, t=4, d=2)))
    (card,) = [g for g in scene.glyphs if g.kind == "mirrored transposed card"]
    assert Counter(t.kind for t in card.threads) == {"pass": 2, "touch": 2}
    (ring,) = [g for g in draw_backward(STACK, 1).glyphs if g.address == (1,) and g.kind == "mirrored transposed card"]
    assert Counter(t.kind for t in ring.threads) == {"pass": 1, "touch": 2}, "the token axis runs past"


def test_recomputed_blocks_keep_their_inputs_as_a_whole():
    term = (encoder >> dense(2)).at(Real(token=5, m=32))
    scene = draw_backward(term, rule=recompute())
    assert not scene.frames, "a part that keeps something as a whole is closed"
    drops = slots(scene, "drop")
    assert [dict(g.data)["bytes"] for g in drops] == [5 * 32 * 4] * 2
    assert sum(dict(g.data)["bytes"] for g in drops) == kept_bytes(term, recompute())


def test_shared_values_are_counted_once():
    scene = draw_backward(ATTENTION)
    sizes = {g.text: dict(g.data)["bytes"] for g in slots(scene, "drop")}
    assert sizes == {"k1": 4 * (7 + 5) * 8, "k2": 4 * 7 * 5, "k3": 4 * 5 * 8}, "k2 has the weights already"
    assert "the rest kept in k2" in next(g.title for g in slots(scene, "drop") if g.text == "k3")


def test_the_way_back_of_a_product_is_products_of_what_was_kept():
    scene = draw_backward(ATTENTION)
    assert not [g for g in scene.glyphs if g.kind == "mirrored box"]
    frames = [f for f in scene.frames if f.kind == "bare"]
    assert [f.address for f in frames] == [(3,), (0,)]
    for frame in frames:
        inside = [g for g in scene.glyphs if g.address[:-1] == frame.address]
        assert Counter(g.kind for g in inside) == {"mirrored copy": 1, "held": 2, "mirrored product": 2}
        for glyph in inside:
            kinds = Counter(t.kind for t in glyph.threads)
            if glyph.kind == "mirrored product":  # one index is summed, those of the change run past
                assert kinds == {"cup": 1, "stub": 1, "pass": 2}
        ports = {p for array in (*frame.ins, *frame.outs) for p in array}
        wires = [w for w in scene.wires if w.address == frame.address]
        outer = [w for w in scene.wires if w.address == () and w.role == "backward"]
        assert all(any(w.end == p or w.start == p for w in wires) for p in ports), "wires go on inside"
        assert all(any(w.end == p or w.start == p for w in outer) for p in ports), "and outside"
    sizes = {(w.name, w.size) for w in scene.wires}
    assert sizes == {("query", 7), ("key", 5), ("d", 8)}
    assert scene.svg().count('data-pair="k1"') == 3


@pytest.mark.parametrize(
    "pattern, spaces, kinds",
    [
        ("i j -> j i", [Real(i=2, j=3)], {"mirrored product": 1}),
        ("i j -> j", [Real(i=2, j=3)], {"mirrored product": 1, "mirrored spread": 1}),
        ("i d, d -> i", [Real(t=2, i=3, d=4), Real(d=4)], {"mirrored product": 2, "held": 2, "mirrored copy": 1}),
        ("i, i, i ->", [Real(3)] * 3, {"mirrored product": 3, "held": 6, "mirrored copy": 1}),
    ],
)
def test_ways_back_of_products(pattern, spaces, kinds):
    scene = draw_backward((einsum(pattern) >> tanh).at(*spaces))
    check_clear(scene)
    assert Counter(g.kind for g in scene.glyphs if len(g.address) == 2) == kinds


def test_slots_can_be_paired_in_files():
    svg = draw_backward(PERCEPTRON).svg()
    assert svg.count('data-pair="k1"') == 2


def test_nothing_kept():
    scene = draw_backward((copy >> add).at(Real(3)), title="Twice", names=["x"])
    assert not slots(scene, "drop") and "nothing kept" in [label.text for label in scene.labels]
    assert {"x", "x′", "Twice"} <= {label.text for label in scene.labels}


def way_back(term, rule, fold=None):
    """What the boxes of a backward pass are called."""
    scene = draw_backward(term, fold, rule=rule)
    check_clear(scene)
    named = rule.name == "backprop" or f"← backward, rule: {rule.name}" in [label.text for label in scene.labels]
    assert named, "the rule is named"
    return [g.text for g in scene.glyphs if g.kind.startswith("mirrored") and g.text]


BINARY = (dense(4) >> step >> dense(2)).at(Real(3))
BRANCHES = (copy >> block("left", dense(4)) @ dense(4) >> add >> tanh >> scale(2.0) >> reduce_mean()).at(Real(t=2, x=3))
COUPLED = coupling(dense(2), dense(2) >> tanh).at(Real(2), Real(2))
IMAGE = (conv(4, 3) >> relu).at(Real(5, 5, 2))


@pytest.mark.parametrize(
    "term, rule, texts",
    [
        (PERCEPTRON, feedback_alignment(), ["B", "R[relu]", "B"]),
        (PERCEPTRON, direct_feedback_alignment(), ["B", "R[relu]", "B"]),
        (PERCEPTRON, guided(), ["Lᵀ", "guided[relu]", "Lᵀ"]),
        (BINARY, backprop, ["Lᵀ", "R[step]", "Lᵀ"]),
        (BINARY, straight_through(), ["Lᵀ", "straight_through[step]", "Lᵀ"]),
        (COUPLED, reversible(), ["R[coupling]"]),
        (COUPLED, feedback_alignment(), ["+", "addᵀ", "B", "+", "addᵀ", "R[tanh]", "B"]),
        (IMAGE, feedback_alignment(), ["B", "R[relu]"]),
        (BRANCHES, feedback_alignment(), ["+", "addᵀ", "B", "B", "R[tanh]", "× 2", "R[mean]"]),
        (
            BRANCHES,
            lrp(),
            ["+", "lrp[add]", "lrp[dense]", "lrp[dense]", "lrp[mean]", "lrp[scale]", "lrp[tanh]"],
        ),
    ],
)  # fmt: skip
def test_backward_passes_are_derivatives_only_where_the_rule_uses_them(term, rule, texts):
    assert sorted(way_back(term, rule)) == sorted(texts)


DEAD = (copy >> dense(4) @ (dense(2) >> discard) >> tanh).at(Real(3))


@pytest.mark.parametrize(
    "term, rule", [(PERCEPTRON, backprop), (DEAD, backprop), (TIED, lrp()), (STACK, backprop),
                   ((block("a", relu >> dense(3)) ** 2).at(Real(3)), lrp()), (PERCEPTRON, feedback_alignment())],
)  # fmt: skip
@pytest.mark.parametrize("fold", [None, 0])
def test_changes_are_dropped_where_the_rule_gives_some(term, rule, fold):
    net = compile(term, rule=rule)
    params = net.init(jax.random.key(1))
    y, pull = net.vjp(params, *[jax.random.normal(jax.random.key(2), a.sizes) for a in term.dom])
    changes = jax.tree.leaves(pull(jax.random.normal(jax.random.key(3), y.shape))[0])
    some = sum(bool((abs(change) > 0).any()) for change in changes)
    found = [g for g in slots(draw_backward(term, fold, rule=rule), "drop", True) if g.text.endswith("′")]
    assert bool(found) == bool(some)
    if not any(g.text == "P′" for g in found):
        assert len(found) == some


def test_parts_that_are_closed_name_a_rule_that_changes_what_is_in_them():
    assert way_back(STACK, guided(), 0) == ["Lᵀ", "guided[repeat] × 3"]
    for rule in (backprop, recompute(), reversible()):
        assert way_back(STACK, rule, 0) == ["Lᵀ", "R[repeat] × 3"]


def test_captions_fit_narrow_pictures():
    for term in (identity.at(Real()), relu.at(Real(2)), discard.at(Real())):
        check_clear(draw_backward(term, labels="none"))


def test_inputs_of_one_name_are_told_apart_by_their_places():
    term = (embedding(m=2) @ dense(2) >> add).at(Index(below=5) @ Real(3))
    found = [label for label in draw_backward(term, names=("x", "x")).labels if label.role == "input"]
    assert [label.text for label in found] == ["x", "x", "x′"]
    assert found[2].x == found[1].x


def test_pictures_of_lenses_are_of_no_rule():
    assert draw_lens(PERCEPTRON, rule=None).svg() == draw_lens(PERCEPTRON).svg()
    refused(LensError, lambda: draw_lens(PERCEPTRON, rule=recompute()), "the lens of any rule")


def test_random_terms():
    rng = random.Random(0)
    signature = standard()
    for _ in range(40):
        term = decode(rng.randbytes(rng.choice((8, 20, 40))), signature)
        check_clear(draw_lens(term))
        scene = draw_backward(term)
        check_clear(scene)
        assert sorted(g.text for g in slots(scene, "drop")) == sorted({g.text for g in taken(scene)})
        assert sum(dict(g.data)["bytes"] for g in slots(scene, "drop")) == kept_bytes(term)
