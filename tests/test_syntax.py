"""Text and data: what is printed reads back, and what is written down is data alone."""

from __future__ import annotations

import copy as python_copy
import json

import pytest
from helpers import NAMESPACE, read_back, refused, terms
from hypothesis import given
from hypothesis import strategies as st

from lenses import (
    FileError,
    LensError,
    Real,
    Term,
    block,
    compose,
    constant,
    dense,
    identity,
    lift,
    over,
    relu,
    scale,
    scan,
    softmax,
    swap,
    tanh,
    tied,
)
from lenses.syntax import from_data, marked, render, shorten, to_data


@pytest.mark.parametrize(
    "text",
    [
        "relu >> tanh",
        "relu @ tanh >> swap",
        "(relu >> tanh) @ identity",
        "(relu @ identity >> swap) @ (tanh >> sin)",
        "(dense(3) >> relu) ** 4",
        "dense(3) ** 2 @ relu >> swap",
        "(dense(3) ** 2) ** 5",
        "block('encoder', dense(3) >> relu) >> tied('w', linear(2))",
        "over('time', dense(3)) @ identity >> scan(add >> copy, 'time', 1)",
        "(dense(3) >> relu).at(Real(pixel=4))",
        "identity(3) >> permute(2, 0, 1)",
        "zero(Real(3)) >> relu",
        "dense(head=8, d=64, axes=2) >> softmax('d')",
        "conv(8, (3, 3), stride=(2, 2), padding='VALID', groups=2, bias=False)",
        "relu >> identity.at(Real(3)) >> dense(2)",
        "expose((dense(3) >> relu).at(Real(4)))",
        "coupling(dense(3), relu)",
    ],
)
def test_text_reads_back(text):
    try:
        term = eval(text, {}, NAMESPACE)
    except LensError:
        pytest.skip("the text itself is no term")
    assert read_back(term) == term
    assert repr(read_back(term)) == repr(term)


def test_text_has_the_fewest_brackets():
    assert repr(relu >> tanh) == "relu >> tanh"
    assert repr(relu @ tanh >> swap) == "relu @ tanh >> swap"
    assert repr((relu >> tanh) @ identity) == "(relu >> tanh) @ identity"
    assert repr((dense(3) >> relu) ** 2) == "(dense(3) >> relu) ** 2"
    assert repr(dense(3) ** 2 >> relu) == "dense(3) ** 2 >> relu"
    assert repr((dense(64) >> relu >> dense(10)).at(Real(64))) == "(dense(64) >> relu >> dense(10)).at(Real(64))"


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), 1e300, 5e-324, 1 / 3, -0.0])
def test_numbers_read_back(number):
    for term in (scale(number), constant([number, 1.0])):
        back = read_back(term)
        assert repr(back) == repr(term)
        if number == number:
            assert back == term
        assert repr(from_data(json.loads(json.dumps(to_data(term))))) == repr(term)


@given(terms())
def test_data_is_plain_and_reads_back(drawn):
    term = drawn[0]
    data = json.loads(json.dumps(to_data(term)))
    back = from_data(data)
    assert back == term and repr(back) == repr(term)


def test_equal_boxes_are_written_once():
    data = to_data(compose(*[dense(3) >> relu] * 1000))
    assert len(data["terms"]) < 10
    assert len(to_data(over("a", dense(3)) >> over("a", dense(3)))["terms"]) < 6


def test_names_of_axes_are_written_down():
    term = identity.at(Real(a=3))
    pair = (relu @ relu).at(Real(a=3), Real(b=3))
    for t in (term, pair, constant([1.0], Real(a=1)) @ constant([1.0], Real(b=1))):
        assert repr(from_data(to_data(t))) == repr(t)


@given(st.data())
def test_damaged_data_is_refused(data):
    """Any part of the data replaced by something else gives a term or a LensError, and nothing else."""
    good = to_data((block("a", relu >> softmax("x")) >> over("t", scale(2.0)) ** 2).at(Real(t=2, x=3)))
    broken = python_copy.deepcopy(json.loads(json.dumps(good)))
    places = []

    def walk(node):
        for k in node.keys() if isinstance(node, dict) else range(len(node)):
            places.append((node, k))
            if isinstance(node[k], dict | list):
                walk(node[k])

    walk(broken)
    node, k = places[data.draw(st.integers(0, len(places) - 1))]
    node[k] = data.draw(
        st.sampled_from(
            [None, -1, 0, 10**30, 2.5, "os.system", [], {}, ["term", 99], ["tuple"], ["term"], ["Function", "f"], True]
        )
    )
    try:
        term = from_data(broken)
        assert isinstance(term, Term)
        repr(term)
        assert len(term.arity) == 2
        hash(term)
    except LensError:
        pass


@pytest.mark.parametrize(
    "field",
    [{"wires": "os.system"}, {"wires": -3}, {"wires": 2.5}, {"wires": None}, {"wires": ["tuple", 1]}, {"unknown": 1}],
)
def test_fields_of_the_wrong_type_are_refused(field):
    refused(FileError, lambda: from_data({"language": 1, "terms": [["box", "Identity", field]], "root": 0}))


@pytest.mark.parametrize(
    "name", ["os.system", "Term", "Box", "__import__", "lenses.boxes.lifted.Function", "builtins.eval", "Seq"]
)
def test_unknown_classes_are_refused(name):
    message = refused(FileError, lambda: from_data({"language": 1, "terms": [["box", name, {}]], "root": 0}))
    assert name in message or "no term" in message


@pytest.mark.parametrize(
    "data",
    [
        None,
        3,
        [],
        {},
        {"language": 1},
        {"language": 2, "terms": [], "root": 0},
        {"language": 1, "terms": [], "root": 0},
        {"language": 1, "terms": 3, "root": 0},
        {"language": 1, "terms": [[]], "root": 0},
        {"language": 1, "terms": [["seq", 0]], "root": 0},
        {"language": 1, "terms": [["import", "os"]], "root": 0},
    ],
)
def test_data_that_is_no_term_is_refused(data):
    refused(FileError, lambda: from_data(data))


def test_a_lift_without_a_name_is_not_data():
    refused(LensError, lambda: to_data(relu >> lift(lambda x: x)), "name", "lift")


def test_shortening_and_marking():
    long = compose(*[relu] * 1000)
    assert len(shorten(long, 80)) <= 80 and "..." in shorten(long, 80)
    assert shorten(relu >> tanh) == "relu >> tanh"
    text = marked(relu >> tanh >> dense(3), 1)
    first, second = text.splitlines()
    assert first[second.index("^") : second.index("^") + second.count("^")] == "tanh"
    typed = (relu >> tanh).at(Real(3))
    shown = render(typed, 1)
    assert shown.text[shown.start : shown.end] == "tanh"


def test_scan_and_tied_read_back():
    cell = tied("cell", dense(3)) @ identity >> swap
    assert read_back(scan(cell, "time")) == scan(cell, "time")
