"""Terms over bits that are compiled: large batches are run packed where that pays, and only the clock shows it."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import lenses
from lenses import Bits, block, circuits, compile, compose, copy, fusing, identity, multiply, over, tied
from lenses.circuits import Packed, basis, lookup, multiplier, mux, neg, popcount, xor
from lenses.circuits.learning import boolean_variation, layer
from lenses.circuits.running import terms

LAYERS = (layer(40) >> layer(30, seed=1)).at(Bits(12))
TERMS = {
    "layers": LAYERS,
    "tied layers": (tied("same", layer(16)) >> tied("same", layer(16))).at(Bits(16)),
    "a loop": multiplier(6).at(Bits(6), Bits(6)),
    "a block": (block("part", popcount(16)) >> neg).at(Bits(16)),
    "rows": over(0, layer(50)).at(Bits(2, 8)),
}


@pytest.fixture
def early(monkeypatch):
    """Packs smaller batches than it pays for."""
    monkeypatch.setattr(terms, "SAMPLES", 30)


def bits(seed, lead, space):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 2, (*lead, *a.sizes)).astype("int32") for a in space]


def results(term, lead):
    net = compile(term)
    params = jax.tree.map(lambda p: bits(5, (), [p.array])[0], net.params, is_leaf=lambda p: hasattr(p, "array"))
    xs, ds = bits(0, lead, term.dom), bits(1, lead, term.cod)
    y, pullback = net.vjp(params, *xs)
    return net, (net(params, *xs), y, *pullback(*ds))


def packs(term):
    """Whether large batches go through it packed."""
    (cell, *_) = compile(term).circuit.cells
    return isinstance(cell.box, Packed) and terms.read(term) is not None


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
def test_results_are_the_same_packed(term, early, monkeypatch):
    assert packs(term)
    _, found = results(term, (4, 11))
    monkeypatch.setattr(terms, "SAMPLES", 1000)
    _, expected = results(term, (4, 11))
    monkeypatch.setattr(fusing, "WHOLES", [])
    plain, by_box = results(term, (4, 11))
    assert not isinstance(plain.circuit.cells[0].box, Packed)
    for other in expected, by_box:
        assert jax.tree.structure(found) == jax.tree.structure(other)
        for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(other), strict=True):
            np.testing.assert_array_equal(x, y)
            assert x.dtype == y.dtype == "int32"


@pytest.mark.parametrize(
    "term",
    [
        (mux @ identity >> xor).at(*[Bits(100)] * 4),
        compose(*[copy @ identity >> identity @ multiply] * 10 + [multiply]).at(Bits(30), Bits(30)),
        (basis(3) >> lookup(8)).at(Bits(3)),
        lookup(10).at(Bits(10)),
    ],
    ids=["elements", "many products of elements", "a table of a basis", "a table"],
)
def test_what_would_be_slower_is_not_packed(term):
    assert not packs(term)


def test_small_batches_and_other_rules_are_not_packed(early, monkeypatch):
    seen = []
    monkeypatch.setattr(terms, "run_arrays", lambda netlist, xs, *_: seen.append(xs) or [xs[0][..., :30]])
    for net, lead in ((compile(LAYERS), (29,)), (compile(LAYERS, rule=boolean_variation()), (64,))):
        net(net.init(jax.random.key(0)), *bits(0, lead, LAYERS.dom))
    assert not seen
    net = compile(LAYERS)
    net(net.init(jax.random.key(0)), *bits(0, (30,), LAYERS.dom))
    assert len(seen) == 1


def test_what_is_kept_is_what_went_in(early):
    net = compile(LAYERS)
    x = bits(0, (64,), LAYERS.dom)
    assert list(net.kept(net.init(jax.random.key(0)), *x).values()) == [x[0].nbytes]


def test_no_change_comes_back_where_none_was_sent(early):
    """A second output that nothing depends on sends no message."""
    term = (copy >> popcount(16) @ popcount(16)).at(Bits(16))
    assert packs(term)
    x, d = bits(0, (64,), term.dom), bits(1, (64,), Bits(*term.cod[0].sizes))
    net = compile(term)
    _, pullback = net.vjp({}, *x)
    once = compile(popcount(16).at(Bits(16)))
    np.testing.assert_array_equal(pullback(d[0], np.zeros_like(d[0]))[1], once.vjp({}, *x)[1](d[0])[1])


def test_a_box_of_its_own():
    """It is written as code and saved like any other."""
    box = Packed(xor).at(Bits(), Bits())
    assert eval(repr(box), vars(circuits) | vars(lenses)) == box
