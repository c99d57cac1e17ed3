"""The laws of the free symmetric monoidal category, as equalities of terms; immutability; long chains."""

from __future__ import annotations

import copy as python_copy
import functools
import pickle
import random
from typing import Any, cast

import pytest
from helpers import calls, interchange, isomorphic, read_back, refused, seeded_term, space_of, term_of, terms
from hypothesis import given, settings
from hypothesis import strategies as st

from lenses import (
    ArityError,
    LensError,
    Real,
    SpaceError,
    Term,
    add,
    compose,
    copy,
    dense,
    discard,
    dropout,
    identity,
    load_term,
    permute,
    relu,
    save_term,
    scale,
    swap,
    tanh,
    tensor,
    zero,
)


@st.composite
def chains(draw, count):
    """Terms that compose one after the other, with the sizes of the first one's wires."""
    first, start, sizes = draw(terms(longest=4))
    found = [first]
    for _ in range(count - 1):
        term, _, sizes = draw(terms(dom=tuple(sizes), longest=4))
        found.append(term)
    return found, start


def alike(f: Term, g: Term) -> None:
    """Equal, with equal hashes, and equal in networkx's eyes."""
    assert f == g
    assert hash(f) == hash(g)
    assert isomorphic(f, g)


@given(chains(3))
def test_composition_is_associative_and_unital(drawn):
    (f, g, h), _ = drawn
    alike((f >> g) >> h, f >> (g >> h))
    assert repr((f >> g) >> h) == repr(f >> (g >> h)) == repr(compose(f, g, h))
    alike(identity(f.arity[0]) >> f, f)
    alike(f >> identity(f.arity[1]), f)


@given(terms(), terms(), terms())
def test_tensor_is_associative_and_unital(a, b, c):
    f, g, h = a[0], b[0], c[0]
    alike((f @ g) @ h, f @ (g @ h))
    assert repr((f @ g) @ h) == repr(f @ (g @ h)) == repr(tensor(f, g, h))
    alike(identity(0) @ f, f)
    alike(f @ identity(0), f)
    assert (f @ g).arity == (f.arity[0] + g.arity[0], f.arity[1] + g.arity[1])


@given(chains(2), chains(2))
def test_interchange(one, two):
    (f, g), _ = one
    (h, k), _ = two
    alike((f >> g) @ (h >> k), (f @ h) >> (g @ k))


@given(terms(), terms())
def test_swap_is_natural(a, b):
    f, g = a[0], b[0]
    alike((f @ g) >> swap(f.arity[1], g.arity[1]), swap(f.arity[0], g.arity[0]) >> (g @ f))


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_hexagon_and_inverse(m, n, k):
    assert swap(m, n) >> swap(n, m) == identity(m + n)
    assert swap(m, n + k) == (swap(m, n) @ identity(k)) >> (identity(n) @ swap(m, k))
    assert swap(m + n, k) == (identity(m) @ swap(n, k)) >> (swap(m, k) @ identity(n))


@given(st.permutations(range(5)), st.permutations(range(5)))
def test_permutations_compose_as_permutations(p, q):
    assert permute(*p) >> permute(*q) == permute(*[p[i] for i in q])
    back = sorted(range(5), key=lambda i: p[i])
    assert permute(*p) >> permute(*back) == identity(5)


def test_copy_and_add_have_no_laws_of_their_own():
    assert copy >> swap != copy
    assert swap >> add != add
    assert relu >> copy != copy >> (relu @ relu)
    assert relu >> discard != discard
    assert copy >> (discard @ identity) != identity
    assert copy >> (copy @ identity) != copy >> (identity @ copy)
    assert copy >> (copy @ identity) != copy(3)
    assert copy(1) != identity and add(1) != identity
    assert zero(Real(3)) @ identity >> add != identity


def test_terms_that_differ():
    assert dense(3) != dense(4) and dense(3) != dense(3, init="zeros") and dense(3) != dense(a=3)
    assert relu @ tanh != tanh @ relu
    assert relu >> tanh != tanh >> relu
    assert (dense(3) @ dense(4)) >> swap != dense(3) @ dense(4)
    assert relu != relu >> relu and relu @ identity != identity @ relu
    assert relu**2 != relu >> relu
    assert relu != "relu" and relu != None  # noqa: E711
    assert identity(2) == identity @ identity and identity(0) != identity


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_equality_agrees_with_isomorphism_of_graphs(seed, other):
    layers, start = seeded_term(seed, 10)
    f = term_of(layers, len(start))
    g = term_of(interchange(layers, random.Random(other)), len(start))
    alike(f, g)


@settings(max_examples=150)
@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 4))
def test_inequality_agrees_with_isomorphism_of_graphs(seed, other, length):
    """Small terms over few boxes, so that many pairs are equal and many are nearly so."""
    found = []
    for s in (seed, other):
        rng = random.Random(s)
        boxes = [relu, swap, copy, add, zero(Real(2)), discard]
        width, layers = 2, []
        for _ in range(length):
            box = rng.choice([b for b in boxes if b.arity[0] <= width])
            at = rng.randint(0, width - box.arity[0])
            layers.append((at, box, width - at - box.arity[0]))
            width += box.arity[1] - box.arity[0]
        found.append(term_of(layers, 2))
    f, g = found
    if f.arity != g.arity:
        assert f != g
        return
    assert (f == g) == isomorphic(f, g)
    if f == g:
        assert hash(f) == hash(g)


def test_parts_that_touch_no_boundary_are_a_bag():
    scalars = [
        zero(Real(2)) >> discard,
        zero(Real(3)) >> discard,
        zero(Real(2)) >> relu >> discard,
        zero(Real(2)) >> copy >> add >> discard,
    ]
    rng = random.Random(0)
    first = tensor(*scalars, relu)
    for _ in range(5):
        rng.shuffle(scalars)
        alike(first, tensor(relu, *scalars))
        alike(first, tensor(*scalars[:2], relu, *scalars[2:]))
    assert first != tensor(*scalars[:3], relu)
    loop = zero(Real(2)) >> copy >> (relu @ tanh) >> add >> discard
    crossed = zero(Real(2)) >> copy >> (tanh @ relu) >> add >> discard
    assert loop != crossed and isomorphic(loop, crossed) is False


@given(terms(), st.integers(0, 1000))
def test_equality_is_an_equivalence(drawn, seed):
    f = drawn[0]
    layers, start = seeded_term(seed, 6)
    g = term_of(layers, len(start))
    h = term_of(interchange(layers, random.Random(1)), len(start))
    assert f == f and (f == g) == (g == f) and g == h
    assert (f == g) == (f == h)


@given(terms())
def test_repr_reads_back(drawn):
    term, start, end = drawn
    alike(read_back(term), term)
    assert repr(read_back(term)) == repr(term)
    typed = term.at(space_of(start))
    assert typed.cod == space_of(end)
    assert read_back(typed) == typed and read_back(typed).cod == typed.cod


@given(terms())
def test_typing_of_equal_terms_is_equal(drawn):
    term, start, _ = drawn
    one = term.at(space_of(start))
    other = (identity(len(start)) >> term >> identity(term.arity[1])).at(space_of(start))
    assert one == other and hash(one) == hash(other) and one.cod == other.cod


# -- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "term",
    [relu, relu >> tanh, relu @ tanh, dense(3).at(Real(4)), relu**3, identity(2), zero(Real(3))],
    ids=["box", "composite", "tensor", "typed", "repeat", "identity", "zero"],
)
def test_terms_are_immutable(term):
    arity, text, number = term.arity, repr(term), hash(term)
    for name in ("arity", "term", "dom", "parts", "times", "space", "anything"):
        with pytest.raises((AttributeError, LensError)):
            setattr(term, name, (9, 9))
    assert (term.arity, repr(term), hash(term)) == (arity, text, number)


def test_terms_are_not_pickled():
    for term in (relu, relu >> tanh, dense(3).at(Real(2))):
        with pytest.raises(LensError, match="save_term"):
            pickle.dumps(term)


def test_terms_can_be_keys_and_members():
    table = {relu >> tanh: 1, dense(3): 2}
    assert table[identity >> relu >> (tanh >> identity)] == 1
    assert dense(4) not in table
    assert len({(relu @ identity) >> (identity @ tanh), relu @ tanh, (identity @ tanh) >> (relu @ identity)}) == 1


def test_copying_a_term_is_no_way_round():
    term = relu >> tanh
    with pytest.raises(LensError):
        python_copy.deepcopy(term)


# -- arity -----------------------------------------------------------------------------------


def test_arity_is_checked_when_built():
    message = refused(
        ArityError,
        lambda: (dense(8) @ dense(16)) >> dense(3),
        "2 wires into 1",
        "dense\\(8\\) @ dense\\(16\\)",
        "dense\\(3\\)",
    )
    assert "left:" in message and "right:" in message and "do:" in message
    refused(ArityError, lambda: relu >> add, "1 wire into 2", "relu", "add", "copy")
    refused(ArityError, lambda: compose(), "compose", "identity")
    refused(ArityError, lambda: compose(relu, copy, relu), "2 wires into 1", "copy")
    for wrong in (3, None, "relu", lambda x: x):
        for operator in (">>", "@"):
            with pytest.raises(TypeError):
                eval(f"relu {operator} wrong", {"relu": relu, "wrong": wrong})


def test_structure_refuses_what_is_no_number_of_wires():
    refused(ArityError, lambda: copy(0), "copy", "1 or more")
    refused(ArityError, lambda: add(0), "add")
    refused(ArityError, lambda: identity(-1), "identity", "0 or more")
    refused(ArityError, lambda: permute(0, 0), "permute", "once")
    refused(ArityError, lambda: permute(1, 2), "permute")
    refused(ArityError, lambda: swap(1), "swap")
    refused(ArityError, lambda: copy**2, "copy", "repeated", "1 wires in and 2 out")
    refused(LensError, lambda: relu**-1, "relu", "whole number")
    refused(LensError, lambda: relu ** cast(Any, 2.5), "relu", "whole number")


def test_arities():
    assert copy(5).arity == (1, 5) and add(5).arity == (5, 1) and discard.arity == (1, 0)
    assert zero(Real(3) @ Real(4)).arity == (0, 2) and swap(2, 3).arity == (5, 5)
    assert (dense(3) ** 4).arity == (1, 1) and relu**0 == identity and relu**1 == relu


# -- types given are checked at once ---------------------------------------------------------


def test_typed_composition_checks_at_once():
    typed = dense(4).at(Real(3))
    message = refused(
        SpaceError, lambda: typed >> relu.at(Real(5)), "dense\\(4\\)", "relu", "Real\\(4\\)", "Real\\(5\\)"
    )
    assert "wire" in message
    refused(SpaceError, lambda: typed >> copy >> add.at(Real(3), Real(3)), "Real\\(4\\)", "Real\\(3\\)")
    composed: Any = typed >> relu >> dense(2)
    assert composed.dom == Real(3) and composed.cod == Real(2)
    refused(SpaceError, lambda: typed >> dense(2, axes=2), "dense\\(2")


def test_types_inside_an_untyped_term_are_kept():
    term = relu >> dense(4).at(Real(3)) >> tanh
    assert term.at(Real(3)).cod == Real(4)
    refused(SpaceError, lambda: term.at(Real(2)), "Real\\(3\\)", "Real\\(2\\)")
    assert read_back(term) == term


@pytest.mark.parametrize("names", [False, True], ids=["plain", "with names of axes"])
def test_typed_composition_is_associative_and_unital(names):
    a = Real(a=3) if names else Real(3)
    f, g, h = relu.at(a), tanh, scale(2.0).at(a)
    assert identity >> f == f == f >> identity
    assert identity(0) @ f == f == f @ identity(0)
    assert (f >> g) >> h == f >> (g >> h) == compose(f, g, h)
    assert repr((f >> g) >> h) == repr(f >> (g >> h))
    assert (f @ h) >> (g @ g) == (f >> g) @ (h >> g)
    assert ((f @ h) @ f) == f @ (h @ f)
    assert f.at(a) == f


def test_typed_equality_tells_apart_what_means_different_things():
    from lenses import softmax

    along_first = softmax("a").at(Real(a=3, b=3))
    along_last = softmax("a").at(Real(b=3, a=3))
    assert along_first != along_last
    assert dense(3).at(Real(2)) != dense(3).at(Real(4)) and dense(3).at(Real(2)) != dense(3)


# -- long terms ------------------------------------------------------------------------------

N = 30_000  # the benchmarks take 100 000


def left(term, n):
    return functools.reduce(lambda a, b: a >> b, [term] * n)


def right(term, n):
    total = term
    for _ in range(n - 1):
        total = term >> total
    return total


def balanced(term, n):
    row = [term] * n
    while len(row) > 1:
        row = [row[i] >> row[i + 1] if i + 1 < len(row) else row[i] for i in range(0, len(row), 2)]
    return row[0]


def left_tensor(term, n):
    return functools.reduce(lambda a, b: a @ b, [term] * n)


def right_tensor(term, n):
    total = term
    for _ in range(n - 1):
        total = term @ total
    return total


def test_long_chains(tmp_path):
    chains = [compose(*[relu] * N), left(relu, N), right(relu, N), balanced(relu, N)]
    first = chains[0]
    for chain in chains:
        assert chain.arity == (1, 1) and len(chain.parts) == N
        assert chain == first and hash(chain) == hash(first)
        assert chain.at(Real(3)).cod == Real(3)
    text = repr(chains[2])
    assert text.startswith("relu >> relu") and text.count("relu") == N
    assert first != left(relu, N - 1) >> tanh
    save_term(right(relu, N), tmp_path / "chain.safetensors")
    assert load_term(tmp_path / "chain.safetensors") == first


def test_long_tensors(tmp_path):
    wide = [tensor(*[relu] * N), left_tensor(relu, N), right_tensor(relu, N)]
    for term in wide:
        assert term.arity == (N, N) and term == wide[0] and hash(term) == hash(wide[0])
    typed = wide[1].at(*[Real(2)] * N)
    assert len(typed.cod) == N
    assert repr(wide[2]).count("relu") == N
    save_term(wide[2], tmp_path / "wide.safetensors")
    assert load_term(tmp_path / "wide.safetensors") == wide[0]


def test_deep_nesting_of_both(tmp_path):
    """(((f @ 1) >> swap) @ 1 ...): composites inside tensors inside composites, thousands deep."""
    depth = 3_000
    term: Term = relu
    for _ in range(depth):
        term = copy >> (term @ identity) >> add
    assert term.arity == (1, 1) and term.at(Real(2)).cod == Real(2)
    again: Term = relu
    for _ in range(depth):
        again = copy >> (again @ identity) >> add
    assert term == again and hash(term) == hash(again)
    assert repr(term).count("copy") == depth
    save_term(term, tmp_path / "deep.safetensors")
    assert load_term(tmp_path / "deep.safetensors") == term


def test_long_chains_of_distinct_boxes(tmp_path):
    n = 20_000
    term = compose(*[scale(float(i)) for i in range(n)])
    other = left(identity, 2) >> balanced(relu, 2)
    assert other == relu >> relu
    assert term.at(Real(2)).cod == Real(2)
    save_term(term, tmp_path / "distinct.safetensors")
    assert load_term(tmp_path / "distinct.safetensors") == term
    assert term == compose(*[scale(float(i)) for i in range(n)])
    assert term != compose(*[scale(float(i + (i == n // 2))) for i in range(n)])


def test_many_scalars_take_linear_time():
    """Parts that touch no boundary, each of its own: no comparison of all with all."""

    def work(n):
        return calls(hash, tensor(*[zero(Real(2)) >> discard] * n))

    assert work(4_000) < 4.2 * work(1_000)  # a square would be 16 times


def test_folds_do_not_recurse(tmp_path):
    from lenses import inference

    chain = compose(*[dropout(0.5) >> relu] * 20_000)
    assert inference(chain) == compose(*[relu] * 20_000)
