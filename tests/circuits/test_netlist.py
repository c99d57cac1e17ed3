"""Netlists: what they hold, their order, and their meaning gate by gate."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lenses import DataError
from lenses.circuits import TABLES, Netlist, ordered
from lenses.circuits.netlist import polynomials


def test_a_table_is_its_polynomial():
    for table, (a, b, c, d) in enumerate(polynomials(np.arange(16))):
        for x, y in itertools.product((0, 1), repeat=2):
            assert table >> (2 * x + y) & 1 == (a + b * x + c * y + d * x * y) % 2


def full_adder() -> Netlist:
    xor, conj, disj = TABLES["xor"], TABLES["and"], TABLES["or"]
    return Netlist(3, [1, 4, 1, 4, 6], [2, 3, 2, 3, 7], [xor, xor, conj, conj, disj], [5, 8])  # type: ignore[arg-type]


def test_a_full_adder_adds_on_bits_and_on_words_of_bits():
    bits = np.array(list(itertools.product((False, True), repeat=3))).T
    low, high = full_adder().evaluate(bits)
    assert (low + 2 * high == bits.sum(0)).all()
    words = np.array([0b11110000, 0b11001100, 0b10101010], np.uint8)
    assert [f"{w:08b}" for w in full_adder().evaluate(words).tolist()] == ["10010110", "11101000"]
    assert full_adder().depth == 3


def test_gates_in_any_order_are_sorted():
    shuffled = ordered(2, [4, 1], [4, 2], [TABLES["not"], TABLES["and"]], [3])
    assert shuffled.evaluate(np.array([[0, 0, 1, 1], [0, 1, 0, 1]], bool)).tolist() == [[True, True, True, False]]


def test_a_cycle_is_refused_by_its_gates():
    with pytest.raises(DataError, match=r"gate 0 -> gate 1 -> gate 0|gate 1 -> gate 0 -> gate 1"):
        ordered(1, [3, 2], [1, 1], [8, 8], [2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"table": [16]}, r"table\[0\] is 16"),
        ({"left": [2]}, r"left\[0\] is 2"),
        ({"outputs": [9]}, r"outputs\[0\] is 9"),
        ({"left": [1, 1]}, "`left` has 2 entries"),
        ({"latches": [2]}, r"latches\[0\] is 2"),
        ({"latches": [0, 0]}, "2 latches"),
        ({"input_names": ("a", "b")}, "`input_names` has 2 names"),
    ],
)
def test_numbers_out_of_range_are_refused(change: dict, message: str):
    good = {"inputs": 1, "left": [1], "right": [0], "table": [3], "outputs": [2]}
    Netlist(**good)
    with pytest.raises(DataError, match=message):
        Netlist(**{**good, **change})


def test_constants_need_no_inputs():
    one = Netlist(0, [0], [0], [15], [1, 0])  # type: ignore[arg-type]
    assert one.evaluate(np.zeros((0, 3), bool)).tolist() == [[True] * 3, [False] * 3]
