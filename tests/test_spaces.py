"""Spaces: equality, concatenation, printing and reading, changes, and what is refused."""

from __future__ import annotations

import contextlib
from typing import Any, cast

import jax.numpy as jnp
import pytest
from helpers import NAMESPACE, read_back, refused
from hypothesis import given
from hypothesis import strategies as st

from lenses import Index, LensError, Real, Space, SpaceError, dense, einsum, matmul, parse_space, unit

NAMES = st.sampled_from(["a", "b", "width", "in", "class", "dtype", "below", None])


@st.composite
def arrays(draw):
    sizes = draw(st.lists(st.integers(1, 5), max_size=4))
    plain = draw(st.integers(0, len(sizes)))
    names = draw(st.permutations(["a", "b", "width", "channel", "x1"]))
    named = dict(zip(names, sizes[plain:], strict=False))
    if draw(st.booleans()):
        return Index(*sizes[:plain], below=draw(st.integers(1, 9)), **named)
    return Real(*sizes[:plain], dtype=draw(st.sampled_from(["float32", "bfloat16", "float16", "float64"])), **named)


@st.composite
def spaces(draw):
    total = unit
    for array in draw(st.lists(arrays(), max_size=3)):
        total = total @ array
    return total


def key(space: Space):
    """What equality is on, written down apart from the library."""
    return [(a.sizes, str(a.dtype), getattr(a.element, "below", None)) for a in space]


@given(spaces(), spaces())
def test_equality_is_equality_of_sizes_and_elements(a, b):
    assert (a == b) == (key(a) == key(b))
    if a == b:
        assert hash(a) == hash(b)
    renamed = Space([type(x)(x.sizes, [f"n{i}" for i in range(x.rank)], x.element) for x in a])
    assert renamed == a and hash(renamed) == hash(a)


@given(spaces(), spaces(), spaces())
def test_concatenation_is_strict(a, b, c):
    assert (a @ b) @ c == a @ (b @ c)
    assert repr((a @ b) @ c) == repr(a @ (b @ c))
    assert unit @ a == a == a @ unit
    assert len(a @ b) == len(a) + len(b)
    assert list(a @ b) == [*a, *b]


@given(spaces())
def test_repr_reads_back(space):
    for back in (eval(repr(space), {}, NAMESPACE), parse_space(repr(space))):
        assert back == space
        assert repr(back) == repr(space)
        assert [a.names for a in back] == [a.names for a in space]


def test_unnamed_axis_after_a_named_one():
    space = einsum("row column -> column row")  # names its axes
    cod = dense(4).at(Real(row=2, column=3)).cod
    assert cod[0].names == ("row", None)
    assert read_back(cod)[0].names == ("row", None)
    assert space.at(Real(2, 3)).cod[0].names == ("column", "row")


@pytest.mark.parametrize(
    "space",
    [
        einsum("in out -> out in").at(Real(2, 3)).cod,
        einsum("class dtype -> dtype class").at(Real(2, 3)).cod,
        dense(i=4).at(Real(i=3, x=2)).cod,
        matmul.at(Real(i=2, a=3, b=4), Real(4, 5)).cod,
    ],
    ids=["keyword", "keyword argument", "same name twice", "a leading axis of that name"],
)
def test_names_that_python_cannot_take_as_keywords(space):
    back = read_back(space)
    assert back == space and repr(back) == repr(space)
    assert parse_space(repr(space)) == space


def test_changes():
    assert Real(3, 4).change == Real(3, 4)
    assert Index(3, below=9).change == unit
    mixed = Real(3) @ Index(below=4) @ Real(2, dtype="bfloat16")
    assert mixed.change == Real(3) @ Real(2, dtype="bfloat16")
    assert mixed.change.change == mixed.change
    assert unit.change == unit
    assert Index(3, below=9)[0].change is None


def test_dtypes_and_sizes():
    assert Real(2, dtype=jnp.bfloat16)[0].dtype == jnp.bfloat16
    assert Real(2, dtype="float64") != Real(2)
    assert Index(2, below=5)[0].dtype == jnp.int32
    assert Real(2, 3)[0].size == 6 and Real()[0].size == 1 and Real()[0].rank == 0
    assert Index(below=3) != Index(below=4)
    assert Real(2) != Real(2, 1) and Real(2) != unit


def test_axes_by_name_and_place():
    array = Real(5, height=7, width=9)[0]
    assert array.axis("height") == -2 and array.axis(0) == -3 and array.axis(-1) == -1
    for wrong in ("depth", 3, -4):
        with pytest.raises(KeyError):
            array.axis(wrong)


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "3", None])
def test_sizes_that_are_refused(size):
    refused(SpaceError, lambda: Real(3, width=size), "width", repr(size).replace("(", "."), "whole number")
    refused(SpaceError, lambda: Real(size), "unnamed")


def test_elements_that_are_refused():
    refused(SpaceError, lambda: Real(3, dtype="int32"), "int32", "Index")
    for below in (0, -1, True, 2.5, 2**31 + 1):
        refused(SpaceError, lambda below=below: Index(3, below=cast(Any, below)), "below", "whole number")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Real(",
        "Real(3) + Real(4)",
        "__import__('os').getcwd()",
        "Real(open)",
        "Real(3, 4).change",
        "Index(3)",
        "Space()",
        "Real(*[3])",
        "Real(3) @ 4",
        "eval('Real(3)')",
    ],
)
def test_text_that_is_no_space(text):
    refused(SpaceError, lambda: parse_space(text), "cannot read the space", "Real\\(28")


def test_nothing_is_read_in_silence():
    """A part of the text that is not understood is refused, and never left out."""
    with contextlib.suppress(SpaceError):
        assert parse_space("Real(**{'a': 3})") == Real(a=3)
    refused(SpaceError, lambda: parse_space("Real(**open)"))


@pytest.mark.parametrize("attribute", ["arrays"])
def test_spaces_are_immutable(attribute):
    space = Real(3)
    with pytest.raises((AttributeError, LensError)):
        setattr(space, attribute, ())
    with pytest.raises((AttributeError, LensError)):
        space[0].sizes = (4,)
    assert space == Real(3)
