"""More rigs as bases: their arithmetic against plain Python, and the reverse derivative over all of them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import reduce
from operator import xor as xor_of
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import read_back, refused

import lenses
from lenses import (
    Bits,
    Field,
    LensError,
    Port,
    Real,
    Residue,
    Space,
    SpaceError,
    Truth,
    add,
    compile,
    constant,
    copy,
    einsum,
    identity,
    laws,
    load_term,
    matmul,
    multiply,
    over,
    para,
    reduce_sum,
    reverse,
    save_term,
    scan,
    tied,
    unit,
    zero,
)
from lenses.circuits import full_adder, mux, nand, neg, to_netlist, xor
from lenses.laws.formal import DualElement, FormalReverse
from lenses.rigs import modulus
from lenses.spaces import Array, Element

cube = copy(3) >> identity @ multiply >> multiply


def product(a: int, b: int, degree: int) -> int:
    """The product in the field, by long multiplication and long division."""
    total = 0
    for i in range(degree):
        total ^= (a << i) * (b >> i & 1)
    for i in reversed(range(degree, 2 * degree)):
        total ^= (modulus(degree) << (i - degree)) * (total >> i & 1)
    return total


def values(term, *xs):
    return compile(term)({}, *[np.asarray(x, "int32") for x in xs])


@pytest.mark.parametrize("degree", [1, 2, 3, 4, 8, 30])
def test_a_field_multiplies_polynomials(degree):
    space = Field(degree=degree)
    x, y = np.random.default_rng(degree).integers(0, 1 << degree, (2, 100))
    expected = [product(int(a), int(b), degree) for a, b in zip(x, y, strict=True)]
    assert values(multiply.at(space, space), x, y).tolist() == expected
    assert values(add.at(space, space), x, y).tolist() == (x ^ y).tolist()


@pytest.mark.parametrize("degree", range(1, 9))
def test_moduli_have_no_factors(degree):
    """Against every product of two polynomials of smaller degrees."""

    def times(a: int, b: int) -> int:
        return reduce(xor_of, (a << i for i in range(b.bit_length()) if b >> i & 1))

    smaller = range(2, 1 << degree)
    products = {times(a, b) for a, b in itertools.product(smaller, repeat=2)}
    assert modulus(degree) == next(p for p in range(1 << degree, 2 << degree) if p not in products)


@pytest.mark.parametrize("degree", [2, 4])
def test_a_field_has_inverses_and_its_elements_to_the_power_of_its_size_are_themselves(degree):
    x = np.arange(1 << degree)
    times = multiply.at(Field(degree=degree), Field(degree=degree))
    products = np.asarray(values(times, *np.meshgrid(x[1:], x[1:])))
    assert ((products == 1).sum(0) == 1).all()
    power = x
    for _ in range(degree):
        power = np.asarray(values(times, power, power))
    np.testing.assert_array_equal(power, x)


def test_truth_values_add_by_or():
    x, y = np.array(list(itertools.product((0, 1), repeat=2))).T
    assert values(add.at(Truth(), Truth()), x, y).tolist() == [0, 1, 1, 1]
    assert values(multiply.at(Truth(), Truth()), x, y).tolist() == [0, 0, 0, 1]
    steps = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]])
    reached = values(matmul.at(Truth(3, 3), Truth(3, 3)), steps | np.eye(3, dtype=int), steps | np.eye(3, dtype=int))
    assert reached.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]  # the nodes of a graph reached in two steps


RIGS = {"Z2": Bits(), "Z3": Residue(modulo=3), "Z4": Residue(modulo=4), "GF(4)": Field(degree=2), "or-and": Truth()}
by_rig = pytest.mark.parametrize("rig", RIGS)


def like(space: Space, *sizes: int) -> Space:
    return Space([Array(sizes, None, space[0].element)])


def tables(element: Any) -> tuple[np.ndarray, np.ndarray]:
    """Sums and products of all pairs of elements."""
    x, y = (v.astype("int32") for v in np.meshgrid(element.values, element.values, indexing="ij"))
    return np.asarray(element.plus(x, y)), np.asarray(element.times(x, y))


@by_rig
def test_sums_and_products_of_arrays_are_those_of_their_elements(rig):
    space, rng = RIGS[rig], np.random.default_rng(0)
    plus, times = tables(space[0].element)
    x, y = rng.integers(0, len(plus), (2, 3, 4)), rng.integers(0, len(plus), (4, 2))
    got = values(matmul.at(like(space, 3, 4), like(space, 4, 2)), x, y)
    for b, i, j in itertools.product(range(2), range(3), range(2)):
        assert int(got[b, i, j]) == reduce(lambda m, n: plus[m, n], (times[x[b, i, k], y[k, j]] for k in range(4)))
    sums = values(reduce_sum().at(like(space, 3, 4)), x)
    assert sums.tolist() == [[reduce(lambda m, n: plus[m, n], row) for row in rows] for rows in x]


@pytest.mark.parametrize("rig", ["Z2", "Z3", "GF(4)", "or-and"])
def test_the_axioms_of_the_reverse_derivative_are_proved(rig):
    space = RIGS[rig]
    names = ["reverse derivative", "tangent functor"]
    report = laws.check(cube.at(space), law=names, examples=1, progress=False)
    assert report.passed, report
    assert all(report[f"RD.{i}"].outcome == "proved" for i in range(1, 8)) and report["vjp"].outcome == "proved"
    assert report["T of a composite"].outcome == report["T is the tangent"].outcome == "proved"


@by_rig
def test_the_derivative_of_a_cube_is_three_squares(rig):
    space = RIGS[rig]
    element: Any = space[0].element
    x, d = (np.ravel(v).astype("int32") for v in np.meshgrid(element.values, element.values))
    square = element.times(element.times(x, x), d)
    expected = element.plus(element.plus(square, square), square)
    np.testing.assert_array_equal(values(reverse(cube.at(space)), x, d), expected)
    np.testing.assert_array_equal(compile(cube.at(space)).vjp({}, x)[1](d)[1], expected)


GAIN = para(multiply, [Port("gain", "param", Field(degree=2)[0])])
LARGER = [
    (multiply @ identity >> add).at(Field(degree=4), Field(degree=4), Field(degree=4)),
    scan(multiply >> copy).at(Field(degree=3), Field(2, degree=3)),
    over(0, multiply).at(Truth(2), Truth(2)),
    einsum("i j, j -> i").at(Field(2, 2, degree=3), Field(2, degree=3)),
    (tied("t", GAIN) >> neg >> tied("t", GAIN)).at(Field(degree=2)),
    mux.at(*[Field(degree=4)] * 3),
    (nand >> neg).at(Field(degree=4), Field(degree=4)),
]


@pytest.mark.parametrize("term", LARGER, ids=[repr(t)[:40] for t in LARGER])
def test_the_lens_is_the_derivative_at_dual_numbers(term):
    net, rng = compile(term), np.random.default_rng(1)
    exposed = lenses.expose(term)
    plain = exposed.at(exposed.params @ term.dom)
    xs, ds = (
        [rng.integers(0, len(a.element.values), (5, *a.sizes)).astype("int32") for a in s]
        for s in (plain.dom, term.cod)
    )
    n = len(exposed.params)
    dual = compile(FormalReverse(plain).at(plain.dom @ plain.cod))({}, *xs, *ds)
    for i in range(5):
        tree = {"t": {"gain": xs[0][i]}} if n else {}
        dparams, dx = net.vjp(tree, *(x[i] for x in xs[n:]))[1](*(d[i] for d in ds))
        found = [*jax.tree.leaves(dparams), *(dx if isinstance(dx, tuple) else (dx,))]
        for got, expected in zip(found, dual if isinstance(dual, tuple) else (dual,), strict=True):
            np.testing.assert_array_equal(got, expected[i])


def test_bits_within_a_larger_field_are_bits():
    """Z2 is in every field of 2^k elements, and a polynomial over it means the same there."""
    rows = np.array(list(itertools.product((0, 1), repeat=3))).T
    for term in (mux, xor @ identity >> nand, full_adder):
        wide = compile(term, Space([Field(degree=8)[0]] * 3))({}, *rows.astype("int32"))
        narrow = compile(term, Space([Bits()[0]] * 3))({}, *rows.astype("int32"))
        for a, b in zip(
            wide if isinstance(wide, tuple) else (wide,),
            narrow if isinstance(narrow, tuple) else (narrow,),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)


def test_spaces_read_back_and_are_told_apart(tmp_path):
    for space in (Field(2, row=3, degree=5), Field(), Truth(4), Truth()):
        assert read_back(space) == space == lenses.parse_space(repr(space)) and space.change == space
    assert len({Field(degree=1), Bits(), Truth(), Field(degree=2), Residue(modulo=4)}) == 5
    term = (constant([3, 1], Field(2, degree=2)) @ identity >> add).at(Field(2, degree=2))
    save_term(term, tmp_path / "term")
    assert load_term(tmp_path / "term") == term
    assert compile(zero(Truth(2)) @ zero(Field(degree=3)), unit)({})[0].tolist() == [0, 0]


def test_what_is_no_element_or_no_space_is_refused():
    degree: Any
    for degree in (0, 31, 1.5, None):
        refused(SpaceError, lambda degree=degree: Field(degree=degree), "degree", "from 1 to 30")
    refused(LensError, lambda: constant(4, Field(degree=2)), "whole numbers from 0 to 3")
    refused(LensError, lambda: constant([0, 2], Truth(2)), "whole numbers from 0 to 1")
    refused(SpaceError, lambda: add.at(Field(degree=2), Field(degree=3)), "input 1")
    refused(SpaceError, lambda: neg.at(Truth()), "bits")
    refused(SpaceError, lambda: lenses.relu.at(Field()), "real")
    refused(SpaceError, lambda: to_netlist(add.at(Field(), Field())), "bits")
    assert Real()[0].element.characteristic == 0 and Residue(modulo=5)[0].element.characteristic == 5


def test_a_rig_of_a_users_own_is_one_class():
    """The larger and the smaller of three values in a row, a lattice: 0 < 2 < 1, as 0 is the zero and 1 the one."""
    rank = np.array([0, 2, 1], "int32")

    @dataclass(frozen=True)
    class Chain(Element):
        name: ClassVar[str] = "tests.chain"
        dtype: ClassVar[Any] = jnp.dtype("int32")
        values: ClassVar[Any] = range(3)

        def plus(self, x, y):
            return jnp.asarray(rank)[jnp.maximum(*(jnp.asarray(rank)[v] for v in (x, y)))]

        def times(self, x, y):
            return jnp.asarray(rank)[jnp.minimum(*(jnp.asarray(rank)[v] for v in (x, y)))]

        def total(self, x, axes):
            return jnp.asarray(rank)[jnp.asarray(rank)[x].max(tuple(axes))]

        def call(self, axes):
            return f"Chain({', '.join(axes)})"

    try:
        space = Space([Array((), None, Chain())])
        report = laws.check(cube.at(space), law=["RD.5", "RD.6", "vjp"], examples=1, progress=False)
        assert report.passed and report["RD.5"].outcome == report["vjp"].outcome == "proved", report
        row = np.array([[0, 2, 0], [2, 1, 0]], "int32")
        assert values(reduce_sum().at(Space([Array((3,), None, Chain())])), row).tolist() == [2, 1]
    finally:
        del Element.registry["tests.chain"]


def test_dual_numbers_are_a_rig():
    plus, times = tables(DualElement(Field(degree=2)[0].element))
    a, b, c = np.meshgrid(*[range(16)] * 3)
    for left, right in (
        (plus[a, b], plus[b, a]),
        (plus[plus[a, b], c], plus[a, plus[b, c]]),
        (times[a, b], times[b, a]),
        (times[times[a, b], c], times[a, times[b, c]]),
        (times[a, plus[b, c]], plus[times[a, b], times[a, c]]),
        (times[a, 1], a),
        (plus[a, 0], a),
    ):
        np.testing.assert_array_equal(left, right)
    assert times[4, 4] == 0  # e times e
