"""The examples that box classes give of themselves: one box each, small, and with a meaning."""

from __future__ import annotations

import importlib
import pkgutil

import jax
import jax.numpy as jnp
import pytest
from helpers import sample

import lenses
from lenses import Typed, compile
from lenses.boxes.pointwise import FUNCTIONS
from lenses.boxes.reductions import MEANINGS
from lenses.learner.losses import LOSSES
from lenses.learner.optimisers import SGD, Adagrad, Adam, Momentum, Nesterov, Optax, RMSProp
from lenses.terms import Box

APART = "lenses.laws"
"""Where laws are put as questions: boxes there are no boxes of the language."""

for module in pkgutil.walk_packages(lenses.__path__, "lenses."):
    if not module.name.endswith("__main__") and not module.name.startswith(APART):
        importlib.import_module(module.name)

BASES = {
    "BetweenBases",
    "Combinator",
    "Composite",
    "Derivative",
    "Elementwise",
    "Loop",
    "Normalise",
    "OnAxis",
    "Polynomial",
    "Weighted",
}
"""Classes that are no box themselves: what the boxes below them share."""

HERE = {name: box for name, box in Box.registry.items() if box.__module__.startswith("lenses.")}
CLASSES = {name: box for name, box in HERE.items() if not box.__module__.startswith(APART)}

every = pytest.mark.parametrize("box", [b for n, b in CLASSES.items() if n not in BASES], ids=lambda b: b.__name__)


def test_bases_give_none():
    assert set(CLASSES) >= BASES
    assert not [name for name in BASES if CLASSES[name].examples()]


@every
def test_examples_are_one_small_box_of_the_class(box):
    examples = box.examples()
    assert examples
    for term in examples:
        assert isinstance(term, Typed)
        assert type(term.term) is box
        assert max((array.size for array in [*term.dom, *term.cod]), default=0) <= 24
        assert all(array.dtype in ("float32", "int32") for array in [*term.dom, *term.cod])
    assert len(set(examples)) == len(examples)


@every
def test_examples_mean_something(box):
    """On positive inputs the outputs are finite, and as large as the types say."""
    nets = [compile(term) for term in box.examples()]

    def run(inputs):
        key = jax.random.key(0)
        given = [dict(state=net.init_state() if net.stateful else None, key=key) for net in nets]
        return [net(net.init(key), *xs, **side) for net, xs, side in zip(nets, inputs, given, strict=True)]

    for net, out in zip(nets, jax.jit(run)([sample(net.dom, positive=True) for net in nets]), strict=True):
        ys = jax.tree.leaves(out)
        assert all(jnp.isfinite(y).all() for y in ys), net
        assert [(y.shape, y.dtype) for y in ys[: len(net.cod)]] == [(a.sizes, a.dtype) for a in net.cod], net


def test_enumerations_are_whole():
    """Whatever is registered under a name has an example, and so has every optimiser."""

    def found(name, what):
        return {what(term.term) for term in CLASSES[name].examples() if isinstance(term, Typed)}

    assert found("Pointwise", lambda b: b.function) | found("Relu", lambda b: b.function) == set(FUNCTIONS)
    assert found("Reduce", lambda b: b.kind) == set(MEANINGS)
    assert found("Loss", lambda b: b.name) == set(LOSSES)
    optimisers = {SGD, Momentum, Nesterov, Adagrad, RMSProp, Adam, Optax}
    assert found("Update", lambda b: type(b.optimiser)) == optimisers
