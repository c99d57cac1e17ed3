"""Simplified circuits: the same function, fewer gates, and the linear part linear."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from arithmetic import Draft, every_output, multiplier, prefix_adder, random_netlist, ripple_adder, select_adder
from helpers import refused

from lenses import Bits, LensError, copy, identity
from lenses.circuits import TABLES, Netlist, conj, equal_formal, lookup, neg, simplify, to_netlist, xor
from lenses.circuits.equality import Proof
from lenses.circuits.simplify import Simplified

BIT = Bits()


@pytest.mark.parametrize("resynthesise", [False, True])
def test_the_function_is_kept_and_no_gate_is_added(resynthesise):
    for seed in range(60):
        f = random_netlist(1 + seed % 7, 40, 4, seed, window=15)
        g = simplify(f, resynthesise=resynthesise)
        assert isinstance(g, Simplified) and isinstance(g.proof, Proof) and g.before == (f.gates, f.depth)
        np.testing.assert_array_equal(every_output(f), every_output(g))
        again = simplify(g, resynthesise=resynthesise)
        # An output that is a negated input is a gate of its own.
        assert again.gates <= g.gates <= f.gates + 4


@pytest.mark.parametrize(
    ("term", "gates"),
    [
        ((copy >> conj).at(BIT), 0),
        ((copy >> xor).at(BIT), 0),
        ((neg >> neg).at(BIT), 0),
        ((neg @ neg >> conj >> neg).at(BIT, BIT), 1),
        ((copy @ identity >> identity @ conj >> conj).at(BIT, BIT), 1),
        ((copy @ identity >> identity @ conj >> xor).at(BIT, BIT), 1),
        ((neg @ identity >> xor).at(BIT, BIT), 1),
    ],
    ids=repr,
)
def test_what_is_known_of_gates_is_used(term, gates):
    g = simplify(term)
    assert g.gates == gates
    np.testing.assert_array_equal(every_output(g), every_output(to_netlist(term)))


def test_copy_and_loses_its_derivative_and_the_result_says_so():
    term = (copy >> conj).at(BIT)
    g = simplify(term)
    assert not equal_formal(term, g) and "behaviour alone" in repr(g) and "0 gates in place of 1" in repr(g)


def test_parameters_are_inputs_or_constants():
    term = lookup(2).at(Bits(2))
    assert simplify(term).inputs == 6
    conjunction = simplify(term, parameters={"lookup_0": {"table": np.array([0, 0, 0, 1])}})
    assert (conjunction.inputs, conjunction.counts) == (2, {"and": 1})


def test_gates_are_counted_by_kind():
    f = ripple_adder(4)
    assert f.counts == {"and": 8, "xor": 8, "or": 4} and sum(f.counts.values()) == f.gates
    assert Netlist(1, [], [], [], [1]).counts == {}  # type: ignore[arg-type]
    not_both = Netlist(2, [1, 1], [2, 2], [4, 11], [3, 4])  # type: ignore[arg-type]
    assert not_both.counts == {"x and not y": 1, "x implies y": 1}


def life(rule) -> Netlist:
    """The next state of a cell from its neighbours (and itself last), as multiplexers on the truth table."""
    draft, known = Draft(9), {}
    states = np.arange(512)
    count = sum(states >> i & 1 for i in range(8))
    table = tuple(rule(count, states >> 8 & 1).astype(int).tolist())

    def node(rows: tuple[int, ...], i: int) -> int:
        if len(set(rows)) == 1:
            return draft("1", 0) if rows[0] else 0
        if (rows, i) not in known:
            half = len(rows) // 2
            low, high = node(rows[:half], i - 1), node(rows[half:], i - 1)
            chosen = draft("or", draft("and", 1 + i, high), draft("and", draft("not", 1 + i), low))
            known[rows, i] = chosen
        return known[rows, i]

    return draft.netlist([node(table, 8)])


def test_the_game_of_life_needs_no_more_than_a_third_of_its_multiplexers():
    f = life(lambda count, alive: (count == 3) | ((count == 2) & (alive == 1)))
    g = simplify(f)
    np.testing.assert_array_equal(every_output(f), every_output(g))
    assert f.gates > 150 and g.gates <= 60 and "2^9" in str(g.proof)


def test_adders_and_multipliers_get_no_larger_and_are_proved():
    for f in (ripple_adder(32), select_adder(32), prefix_adder(32), multiplier(10, True)):
        g = simplify(f)
        assert g.gates < f.gates and g.proof is not None and g.proof.exact
        bits = np.random.default_rng(0).integers(0, 2, (f.inputs, 200)).astype(bool)
        np.testing.assert_array_equal(f.evaluate(bits), g.evaluate(bits))


def test_latches_and_names_are_kept():
    toggle = Netlist(2, [1], [2], [TABLES["xor"]], [3, 3], [1], ("step", "held"), ("out", "next"))  # type: ignore[arg-type]
    g = simplify(toggle)
    assert g.latches.tolist() == [1] and g.input_names == ("step", "held") and g.output_names == ("out", "next")


def test_a_million_gates_take_seconds_and_ten_times_less_ten_times_less():
    seconds = []
    for gates in (4_000, 40_000):
        f = random_netlist(64, gates, 32, 0, window=2000)
        started = time.process_time()
        g = simplify(f, resynthesise=False)
        seconds.append(time.process_time() - started)
        assert g.gates < gates
    assert seconds[1] < 25 * seconds[0] and seconds[1] < 4


def test_what_is_no_circuit_is_refused():
    wrong: Any
    for wrong in (None, 3, "and"):
        refused(LensError, lambda wrong=wrong: simplify(wrong), "a term over bits or a netlist")
    refused(LensError, lambda: simplify(conj), "space")
    refused(LensError, lambda: simplify(ripple_adder(2), resynthesise=2), "True or False")  # type: ignore[arg-type]
