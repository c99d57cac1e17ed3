"""Types flow forward; a term that does not fit says which box, which wire, what came and what was wanted."""

from __future__ import annotations

from typing import Any, cast

import jax
import pytest
from helpers import refused

from lenses import (
    ArityError,
    Index,
    LensError,
    Real,
    SpaceError,
    add,
    block,
    compile,
    compose,
    concatenate,
    constant,
    conv,
    copy,
    dense,
    einsum,
    embedding,
    flatten,
    identity,
    layer_norm,
    multiply,
    over,
    relu,
    select,
    softmax,
    split,
    swap,
    tanh,
    tied,
    unit,
    zero,
)


def test_names_flow():
    typed = (dense(d=4) >> relu >> layer_norm()).at(Real(time=5, pixel=64))
    assert typed.cod == Real(5, 4) and repr(typed.cod) == "Real(time=5, d=4)"
    image = (conv(8, (3, 3), stride=2) >> relu).at(Real(height=28, width=28, channel=1))
    assert repr(image.cod) == "Real(height=14, width=14, channel=8)"


def test_names_are_kept_for_each_use_of_one_box():
    """One box object at two spaces that differ in names alone."""
    typed = (relu @ relu).at(Real(a=3), Real(b=3))
    assert repr(typed.cod) == "Real(a=3) @ Real(b=3)"
    both = ((relu @ relu) >> (softmax("a") @ softmax("b"))).at(Real(a=3), Real(b=3))
    assert repr(both.cod) == "Real(a=3) @ Real(b=3)"
    inner = over("a", relu)
    assert repr((inner @ inner).at(Real(a=2, b=3), Real(a=2, c=3)).cod) == "Real(a=2, b=3) @ Real(a=2, c=3)"


def test_names_given_to_a_typed_term_hold():
    chain = identity.at(Real(a=3)) >> softmax("b").at(Real(b=3))
    net = compile(chain)
    x = jax.numpy.arange(3.0)
    assert jax.numpy.allclose(net({}, x), jax.nn.softmax(x))


def test_structure():
    assert (copy >> (identity @ dense(3)) >> add).at(Real(3)).cod == Real(3)
    assert swap.at(Real(2), Index(below=5)).cod == Index(below=5) @ Real(2)
    assert (embedding(4) @ identity >> add).at(Index(3, below=7), Real(3, 4)).cod == Real(3, 4)
    assert zero(Real(3)).at().cod == Real(3) and zero(Real(3)).at().dom == unit
    assert constant([1.0, 2.0]).at().cod == Real(2)


def test_wrong_number_of_spaces():
    refused(ArityError, lambda: add.at(Real(3)), "2 input wires", "1 arrays", "Real\\(3\\)")
    refused(ArityError, lambda: relu.at(Real(3), Real(3)), "1 input wires", "2 arrays")
    refused(LensError, lambda: relu.at(cast(Any, 3)), "3 is no space", "Real")
    refused(LensError, lambda: relu.at(cast(Any, "Real(3)")), "no space")


@pytest.mark.parametrize(
    ("term", "dom", "patterns"),
    [
        (
            dense(8) >> relu >> conv(8, (3, 3)) >> relu,
            Real(64),
            ["conv\\(8, \\(3, 3\\)\\)", "input 0", "at least 3 axes", "Real\\(8\\)", "\\^{10,}"],
        ),
        (
            dense(8) >> softmax("key"),
            Real(64),
            ["softmax\\('key'\\)", "the axis 'key'", "Real\\(8\\)", "name one or give its place"],
        ),
        (dense(8, axes=2), Real(64), ["dense\\(8, axes=2\\)", "at least 2 axes", "Real\\(64\\)"]),
        (add, Real(3) @ Real(4), ["add", "input 1", "Real\\(3\\), as on wire 0", "Real\\(4\\)"]),
        (multiply, Real(3) @ Real(3, dtype="bfloat16"), ["multiply", "input 1", "bfloat16"]),
        (relu, Index(3, below=5), ["relu", "real numbers", "Index\\(3, below=5\\)", "embed"]),
        (dense(3), Index(3, below=5), ["dense", "real numbers", "embed"]),
        (embedding(3), Real(3), ["embedding\\(3\\)", "indices", "Real\\(3\\)", "Index\\("]),
        (
            einsum("query d, key d -> query key"),
            Real(5, 3) @ Real(6, 4),
            ["einsum", "input 1", "'d' of size 3", "Real\\(6, 4\\)"],
        ),
        (einsum("i j, j -> i"), Real(5) @ Real(6), ["einsum", "input 0", "at least 2 axes", "Real\\(5\\)"]),
        (concatenate(0), Real(3, 4) @ Real(3, 5), ["concatenate", "input 1", "but for the axis 0"]),
        (select(3, "row"), Real(row=3, d=2), ["select\\(3, 'row'\\)", "4 or more along the axis 'row'", "from 0 to 2"]),
        (select(-4), Index(3, below=5), ["select\\(-4\\)", "4 or more along the axis -1", "from -3 to -1"]),
        (select(0, "row"), Real(d=3), ["select\\(0, 'row'\\)", "the axis 'row'", "the axes here have d"]),
        (split(2, 2), Real(5), ["split\\(2, 2\\)", "4 along the axis -1", "Real\\(5\\)"]),
        (flatten, Real(5, 4), ["rearrange", "at least 3 axes", "Real\\(5, 4\\)"]),
        (over("head", dense(3)), Real(5, 4), ["over\\('head'", "an array with the axis 'head'", "Real\\(5, 4\\)"]),
        (dense(5) ** 3, Real(4), ["dense\\(5\\) \\*\\* 3", "from a space to itself", "Real\\(4\\) -> Real\\(5\\)"]),
        (
            identity @ relu >> swap >> block("inner", tanh >> softmax("w")) @ identity,
            Real(3) @ Real(4),
            ["softmax\\('w'\\)", "inside: block\\('inner'"],
        ),
    ],
    ids=lambda v: None,
)
def test_terms_that_do_not_fit(term, dom, patterns):
    message = refused(SpaceError, lambda: term.at(dom), *patterns)
    for label in ("box:", "wire:", "expected:", "came:", "in:"):
        assert label in message, message


def test_the_box_is_marked_where_it_stands():
    term = relu @ tanh >> add >> softmax("w") >> relu
    message = refused(SpaceError, lambda: term.at(Real(3), Real(3)))
    text, under = next(
        (a, b) for a, b in zip(message.splitlines(), message.splitlines()[1:], strict=False) if set(b.strip()) == {"^"}
    )
    at = under.index("^")
    assert text[at : at + under.count("^")] == "softmax('w')"


def test_a_long_term_is_cut_around_the_box():
    term = compose(*[relu] * 500, softmax("w"), *[tanh] * 500)
    message = refused(SpaceError, lambda: term.at(Real(3)), "softmax\\('w'\\)")
    assert max(map(len, message.splitlines())) < 160 and "..." in message


def test_a_typed_term_is_not_typed_anew():
    typed = dense(3).at(Real(4))
    assert typed.at(Real(4)) == typed
    refused(SpaceError, lambda: typed.at(Real(5)), "Real\\(4\\)", "Real\\(5\\)")
    refused(SpaceError, lambda: compile(typed, Real(5)), "Real\\(4\\)", "Real\\(5\\)")


def test_a_domain_must_be_said():
    refused(
        SpaceError,
        lambda: compile(dense(3) >> relu),
        "compile needs a typed term",
        "dense\\(3\\) >> relu",
        "at\\(Real\\(64\\)\\)",
    )
    assert compile(zero(Real(2)))({}).shape == (2,)
    refused(LensError, lambda: compile(cast(Any, 3), Real(2)), "3 is no term")


def test_axes_by_name_that_do_not_exist():
    for term in (softmax("depth"), over("depth", relu)):
        refused(
            SpaceError, lambda term=term: term.at(Real(height=3, width=4)), "'depth'", "Real\\(height=3, width=4\\)"
        )


def test_tied_uses_must_agree():
    refused(
        LensError,
        lambda: compile(tied("w", dense(3)) >> tied("w", dense(3)), Real(4)),
        "tied\\('w'",
        "\\(4, 3\\)",
        "\\(3, 3\\)",
    )
    refused(LensError, lambda: compile(tied("w", dense(3)) >> tied("w", dense(3) >> dense(3)), Real(3)), "tied\\('w'")


def test_boxes_that_differ_in_names_of_axes_alone_are_typed_apart():
    """They are equal as boxes, but what comes after them may pick an axis by its name."""
    a, b = zero(Real(a=2)), zero(Real(b=2))
    for one, two in ((a, b), (block("part", a), block("part", b))):
        assert (one @ two >> identity @ softmax("b")).at().cod.names == (("a",), ("b",))
    typed = [block("part", identity.at(Real(**{name: 2}))) for name in "ab"]
    assert (copy >> typed[0] @ typed[1] >> identity @ softmax("b")).at(Real(2)).cod.names == (("a",), ("b",))
