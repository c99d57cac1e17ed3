"""The strategies: any bytes are a well-typed term, which its own text makes again; values are of the kinds promised."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import lenses
from lenses import Index, LensError, Real, Space, Typed, laws, multiply, tanh, unit
from lenses.laws.generate import decode
from lenses.laws.points import KINDS
from lenses.terms import Box

STANDARD = laws.standard()
SMALL = laws.Signature([multiply, tanh, lenses.copy], [Real(2)], name="small")


def retyped(term: Typed) -> Typed:
    """The term typed anew from its text."""
    return eval(repr(term), dict(vars(lenses)))


def boxes(term: Typed) -> list[Box]:
    """The boxes of a term, those in parts not counted."""
    return [cell.box for cell in term.circuit.cells]


# -- terms -----------------------------------------------------------------------------------


@given(laws.terms())
def test_terms_are_well_typed_and_their_text_makes_them_again(term):
    assert isinstance(term, Typed)
    again = retyped(term)
    assert again == term and (again.dom, again.cod) == (term.dom, term.cod)
    assert term.term.at(term.dom).cod == term.cod


@given(st.binary(max_size=60))
def test_any_bytes_are_a_term_and_so_is_what_is_left_of_them(program):
    for start in (program, program[1:], program[:-1], program[len(program) // 2 :], program[: len(program) // 2]):
        term = decode(start, STANDARD)
        assert term.term.at(term.dom).cod == term.cod
        assert len(boxes(term)) <= max(0, len(start) - 4) // 2


@given(st.binary(min_size=4, max_size=40), st.integers(0, 17))
def test_a_step_of_zeros_is_no_step(program, place):
    """So bytes that hypothesis makes zero or takes away make the term smaller, and nothing else of it moves."""
    at = 4 + 2 * (place % max(1, (len(program) - 4) // 2))
    zeroed, cut = (decode(program[:at] + middle + program[at + 2 :], STANDARD) for middle in (b"\0\0", b""))
    assert zeroed == cut and zeroed.dom == cut.dom


@given(laws.spaces(), laws.spaces(), st.data())
def test_ends_are_as_asked(dom, cod, data):
    assert data.draw(laws.terms(dom=dom)).dom == dom
    assert data.draw(laws.terms(cod=cod)).cod == cod
    both = data.draw(laws.terms(dom=dom, cod=cod, steps=3))
    assert (both.dom, both.cod) == (dom, cod) and both.term.at(dom).cod == cod


@given(laws.terms(SMALL, steps=4))
def test_a_signature_of_ones_own(term):
    assert len(boxes(term)) <= 4
    assert {a for a in (*term.dom, *term.cod)} <= {*Real(2)}
    for cell in term.circuit.cells:
        assert repr(cell.box) in ("multiply", "tanh", "copy") or type(cell.box).__name__ in ("Block", "Repeat")


def test_boxes_of_a_user_are_generated():
    twice = lenses.lift(lambda x: x + x, name="twice")
    terms = [laws.random_term(random.Random(seed), SMALL | [twice]) for seed in range(60)]
    assert sum(box == twice for term in terms for box in boxes(term)) > 20


def test_every_box_of_the_standard_signature_is_met():
    rng = random.Random(0)
    seen = Counter(repr(box) for _ in range(2000) for box in boxes(laws.random_term(rng, STANDARD)))
    assert {repr(box) for box in STANDARD.boxes} - {"swap"} <= set(seen)  # a swap is wiring, which a term has none of


def test_hypothesis_shrinks_to_the_smallest_term():
    quick = settings(database=None, derandomize=True, max_examples=500)
    found = find(laws.terms(), lambda t: any(box == lenses.dense(3) for box in boxes(t)), settings=quick)
    assert found == lenses.dense(3).at(Real(1))
    few = find(laws.terms(), lambda t: len(boxes(t)) >= 2, settings=quick)
    assert len(boxes(few)) == 2


def test_the_same_seed_makes_the_same_term():
    made = [laws.random_term(random.Random(seed), STANDARD) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


# -- spaces and values -----------------------------------------------------------------------


@given(laws.spaces(most=2))
def test_spaces_are_of_the_arrays_of_the_signature(space):
    assert len(space) <= 2 and set(space) <= set(STANDARD.arrays)


def test_the_empty_space_is_drawn_too():
    assert find(laws.spaces(), lambda s: True) == unit


@given(laws.spaces(), st.sampled_from(sorted(KINDS)), st.data())
def test_values_fit_their_space(space, kind, data):
    xs = data.draw(laws.values(space, (kind,)))
    assert [(x.shape, x.dtype) for x in xs] == [(a.sizes, a.dtype) for a in space]


LARGE = Real(200)
PROMISES = {
    "normal": lambda x: len(set(x)) == 200 and x.min() < 0 < x.max(),
    "positive": lambda x: x.min() >= 0.25,
    "ties": lambda x: set(x) == {-0.5, 0.0, 0.5},
    "equal": lambda x: len(set(x)) == 1,
    "zero": lambda x: not x.any() and np.signbit(x).any() and not np.signbit(x).all(),
    "wide": lambda x: np.abs(x).max() > 1e4 * np.abs(x).min() > 0,
    "tiny": lambda x: 0 < np.abs(x).max() < 1e-28,
    "huge": lambda x: 1e29 < np.abs(x).max() < 1e31,
    "nan": lambda x: 0 < np.isnan(x).sum() < 200,
}


@pytest.mark.parametrize("kind", KINDS)
def test_values_keep_the_promise_of_their_kind(kind):
    @given(laws.values(LARGE, (kind,)))
    def kept(xs):
        assert PROMISES[kind](xs[0])

    kept()


def test_values_are_no_numbers_only_where_asked():
    quick = settings(database=None, derandomize=True, max_examples=300)
    assert np.isnan(find(laws.values(LARGE, nan=True), lambda xs: np.isnan(xs[0]).any(), settings=quick)[0]).any()

    @given(laws.values(LARGE))
    def none(xs):
        assert np.isfinite(xs[0]).all()

    none()


@given(laws.values(Index(50, below=3)))
def test_indices_are_drawn_evenly(xs):
    counts = np.bincount(xs[0], minlength=3)
    assert len(counts) == 3 and counts.min() >= 3


def test_errors():
    with pytest.raises(LensError, match="no kind of values is called 'odd'"):
        laws.values(Real(2), ("odd",))
    with pytest.raises(LensError, match="a signature without arrays"):
        laws.Signature([tanh], [])
    with pytest.raises(LensError, match="3 in a signature is no term"):
        laws.Signature([3], [Real(2)])  # type: ignore[list-item]
    assert Space() == unit
