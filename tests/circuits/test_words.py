"""Words against whole numbers: exhaustively where they are narrow, at random where they are wide."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import refused
from polynomials import every_input, polynomials, reversed_polynomials

from lenses import Bits, DataError, LensError, Space, SpaceError, compile, laws, over, reverse
from lenses.circuits import (
    adder,
    at_least,
    binary,
    equal,
    every,
    full_adder,
    half_adder,
    less,
    lookup,
    majority,
    multiplier,
    number,
    parity,
    popcount,
    some,
    subtractor,
    to_netlist,
    word,
)

PRODUCTS = ((1, 1), (1, 3), (3, 1), (4, 4), (3, 5))
CASES = {
    "half_adder": (half_adder, (None, None), lambda x, y: ((x + y) % 2, (x + y) // 2)),
    "full_adder": (full_adder, (None,) * 3, lambda x, y, c: ((x + y + c) % 2, (x + y + c) // 2)),
    **{f"adder {n}": (adder(n), (n, n, None), lambda x, y, c, n=n: divmod(x + y + c, 2**n)[::-1]) for n in (1, 2, 5)},
    **{f"subtractor {n}": (subtractor(n), (n, n), lambda x, y, n=n: ((x - y) % 2**n, x < y)) for n in (1, 3, 5)},
    **{f"multiplier {n} {m}": (multiplier(n, m), (n, m), lambda x, y: (x * y,)) for n, m in PRODUCTS},
    **{f"equal {n}": (equal(n), (n, n), lambda x, y: (x == y,)) for n in (1, 3, 5)},
    **{f"less {n}": (less(n), (n, n), lambda x, y: (x < y,)) for n in (1, 3, 5)},
    **{f"parity {n}": (parity(n), (n,), lambda x: (np.bitwise_count(x) % 2,)) for n in (1, 6)},
    **{f"every {n}": (every(n), (n,), lambda x, n=n: (x == 2**n - 1,)) for n in (1, 2, 7, 8)},
    **{f"some {n}": (some(n), (n,), lambda x: (x > 0,)) for n in (1, 6)},
    **{f"popcount {n}": (popcount(n), (n,), lambda x: (np.bitwise_count(x),)) for n in (1, 2, 3, 4, 5, 7, 8, 10)},
    **{f"majority {n}": (majority(n), (n,), lambda x, n=n: (2 * np.bitwise_count(x) > n,)) for n in (1, 2, 5, 6)},
    **{f"at least {k}": (at_least(5, k), (5,), lambda x, k=k: (np.bitwise_count(x) >= k,)) for k in range(6)},
}  # fmt: skip


def space_of(widths):
    return Space(a for n in widths for a in (Bits() if n is None else Bits(n)))


def numbers_of(rows, widths):
    """The numbers that words of these widths say, of bits (bits, ...); a width None is one bit."""
    out, at = [], 0
    for n in widths:
        out.append(number(rows[at : at + (n or 1)].T))
        at += n or 1
    return out


@pytest.mark.parametrize("name", CASES)
def test_every_input(name):
    term, widths, formula = CASES[name]
    typed = term.at(space_of(widths))
    netlist = to_netlist(typed)
    xs = every_input(netlist.inputs)
    found = numbers_of(netlist.evaluate(xs), [a.size if a.rank else None for a in typed.cod])
    expected = formula(*numbers_of(xs, widths))
    for got, value in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, value)


def test_wide_words():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 2**31, (2, 200))
    xs = np.concatenate([binary(x, 32).T, binary(y, 32).T]).astype(bool)
    product = to_netlist(multiplier(32).at(Bits(32), Bits(32))).evaluate(xs)
    np.testing.assert_array_equal(number(product.T), x * y)
    difference, borrow = np.split(to_netlist(subtractor(32).at(Bits(32), Bits(32))).evaluate(xs), [32])
    np.testing.assert_array_equal(number(difference.T), (x - y) % 2**32)
    np.testing.assert_array_equal(borrow[0], x < y)
    many = to_netlist(popcount(784).at(Bits(784)))
    image = rng.integers(0, 2, (784, 50)).astype(bool)
    np.testing.assert_array_equal(number(many.evaluate(image).T), image.sum(0))
    assert many.gates < 6 * 784 and to_netlist(adder(64).at(Bits(64), Bits(64), Bits())).gates == 5 * 64


@pytest.mark.parametrize("name", ["adder 2", "less 3", "multiplier 1 3", "popcount 4", "subtractor 1"])
def test_derivatives_are_formal_and_the_lens_runs_them(name):
    term, widths, _ = CASES[name]
    typed = term.at(space_of(widths))
    f, back = to_netlist(typed), to_netlist(reverse(typed))
    assert polynomials(back) == reversed_polynomials(polynomials(f), f.inputs)
    rng = np.random.default_rng(0)
    xs, ds = ([rng.integers(0, 2, (6, *a.sizes)).astype("int32") for a in s] for s in (typed.dom, typed.cod))
    y, pullback = compile(typed).vjp({}, *xs)
    rows = np.concatenate([v.reshape(6, -1) for v in (*xs, *ds)], 1).T.astype(bool)
    dx = pullback(*ds)[1]
    flat = [
        np.concatenate([np.asarray(v).reshape(6, -1) for v in (r if isinstance(r, tuple) else (r,))], 1)
        for r in (y, dx)
    ]
    np.testing.assert_array_equal(flat[0].T, f.evaluate(rows[: f.inputs]))
    np.testing.assert_array_equal(flat[1].T, back.evaluate(rows))


@pytest.mark.parametrize("name", ["adder 1", "less 1", "multiplier 1 1"])
def test_laws_are_proved(name):
    term, widths, _ = CASES[name]
    report = laws.check(term.at(space_of(widths)), law=["RD.5", "RD.6", "vjp", "functor"], examples=1, progress=False)
    assert report.passed, report
    assert all(f.outcome in ("proved", "skipped") for f in report), report


def test_on_more_axes_they_go_by_over():
    x, y = np.arange(6).reshape(2, 3) % 4, np.arange(6)[::-1].reshape(2, 3) % 4
    net = compile(over("pair", over("column", less(2))).at(Bits(pair=2, column=3, b=2), Bits(pair=2, column=3, b=2)))
    np.testing.assert_array_equal(net({}, binary(x, 2), binary(y, 2)), x < y)


def test_numbers_and_words():
    assert binary([5, 2], 4).tolist() == [[0, 1, 0, 1], [0, 0, 1, 0]] and number([[0, 1, 0, 1]]).tolist() == [5]
    assert compile(word(5, 4))({}).tolist() == [0, 1, 0, 1]
    table = np.array([0, 1, 1, 0, 1, 0, 0, 1], "int32")
    np.testing.assert_array_equal(
        compile(lookup(3), Bits(3))({"lookup_0": {"table": table}}, binary(np.arange(8), 3)), table
    )
    refused(DataError, lambda: binary([16], 4), "whole numbers from 0 to 15")
    refused(DataError, lambda: binary([0.5], 4), "whole numbers")


def test_other_widths_are_refused():
    refused(SpaceError, lambda: adder(8).at(Bits(8), Bits(7), Bits()), r"Bits\(7\)", r"Bits\(8\)", "input 1", "adder")
    refused(SpaceError, lambda: popcount(4).at(Bits(2, 2)), "popcount", r"Bits\(4\)", r"Bits\(2, 2\)")
    refused(LensError, lambda: adder(0), "adder: the number of bits")
    refused(LensError, lambda: at_least(4, 5), "threshold", "0 to 4")
    refused(LensError, lambda: word(4, 2), "from 0 to 3")
