"""The one fold: functors from terms to terms keep composition, and tables are looked up from box to class."""

from __future__ import annotations

from typing import Any, cast

import pytest
from helpers import refused, terms
from hypothesis import given

from lenses import (
    ArityError,
    Real,
    add,
    batch_norm,
    block,
    compose,
    copy,
    dense,
    dropout,
    identity,
    inference,
    over,
    relu,
    tanh,
)
from lenses.boxes.linear import Dense, Scale, Weighted
from lenses.boxes.pointwise import Pointwise
from lenses.functor import Functor, Table, fold, unfold
from lenses.terms import Box

doubled = Functor({relu: lambda box: tanh >> tanh, Scale: lambda box: identity})


@given(terms(longest=5), terms(longest=5))
def test_functors_keep_composition_and_tensor(a, b):
    f, g = a[0], b[0]
    assert doubled(f @ g) == doubled(f) @ doubled(g)
    assert doubled(identity(f.arity[0]) >> f) == doubled(f)
    if f.arity[1] == g.arity[0]:
        assert doubled(f >> g) == doubled(f) >> doubled(g)
    assert doubled(f).arity == f.arity


@given(terms())
def test_equal_terms_have_equal_images(drawn):
    term = drawn[0]
    assert doubled(identity(term.arity[0]) >> term) == doubled(term)
    assert Functor({})(term) == term


def test_inside_boxes_and_types():
    term = block("a", relu >> over("t", relu)) >> dense(3)
    assert doubled(term) == block("a", tanh >> tanh >> over("t", tanh >> tanh)) >> dense(3)
    assert doubled((relu >> dense(3)).at(Real(4))) == (tanh >> tanh >> dense(3)).at(Real(4))
    assert doubled(relu**3) == (tanh >> tanh) ** 3


def test_long():
    n = 50_000
    assert doubled(compose(*[relu] * n)) == compose(*[tanh] * (2 * n))


def test_the_image_of_a_box_has_its_arity():
    refused(
        ArityError,
        lambda: Functor({relu: lambda box: copy})(relu >> dense(3)),
        "copy",
        "relu",
        "\\(1, 1\\)",
        "\\(1, 2\\)",
    )


def test_tables_look_from_box_to_class_to_every_box():
    table: Any = Table({relu: "relu", Pointwise: "pointwise", Weighted: "weighted", Box: "box"})
    assert table.get(relu) == "relu" and table.get(tanh) == "pointwise"
    assert table.get(dense(3)) == "weighted" and table.get(add) == "box"
    assert (table | {Dense: "dense"}).get(dense(3)) == "dense" and table.get(dense(3)) == "weighted"
    assert Table({relu: 1}).get(cast(Any, tanh)) is None


def test_inference():
    term = dense(3) >> batch_norm() >> dropout(0.5) >> block("b", relu >> dropout(0.1))
    assert inference(term) == dense(3) >> batch_norm(training=False) >> block("b", relu)
    assert inference(inference(term)) == inference(term)


def test_fold_and_unfold():
    """Paths counted forward and backward through a diamond."""
    term = copy >> (relu @ (copy >> add)) >> add
    nodes, outs = term.graph.nodes, term.graph.outs

    def forward(node, ins):
        return [sum(ins)] * len(node.outs) if node.ins else [0] * len(node.outs)

    def backward(node, messages):
        return [sum(messages)] * len(node.ins)

    assert fold(nodes, outs, [1], forward) == [3]
    assert unfold(nodes, outs, 1, [1], backward) == [3]
    with pytest.raises(ValueError):
        fold(nodes, outs, [1], lambda node, ins: [1, 2, 3, 4])
