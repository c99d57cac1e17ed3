"""Moore machines: learners and back, bisimulation against unrolling, propositions against all sets of states."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import networkx
import numpy as np
import pytest
from helpers import refused

from lenses import Bits, DataError, LensError, Real, learn, linear, relu
from lenses.circuits import lookup
from lenses.learn import L
from lenses.machines import (
    Logic,
    Moore,
    beside,
    bisimilar,
    check_map,
    classes,
    closed,
    constant,
    distinguish,
    interface,
    kept,
    learner,
    machine,
    monomial,
    quotient,
    taught,
)


def drawn(seed: int, n: int = 7, shows: int = 2, directions: int = 2) -> Moore:
    """A machine with random steps that shows one of a few things."""
    rng = np.random.default_rng(seed)
    return Moore(
        monomial(shows, directions), tuple(rng.integers(0, shows, n).tolist()), rng.integers(0, n, (n, directions))
    )


def learned(seed: int, n: int = 5) -> learn.Learn:
    rng = np.random.default_rng(seed)
    return learn.from_table(
        Bits(), Bits(), rng.integers(0, 2, (n, 2)), rng.integers(0, n, (n, 2, 2)), rng.integers(0, 2, (n, 2, 2))
    )


# -- learners --------------------------------------------------------------------------------


def test_learners_are_machines_on_lenses():
    f = learned(0)
    states, parts = machine(f), learn.table(f)
    assert states.interface == interface(Bits(), Bits()) and states.interface.count == 64
    for p in range(5):
        assert states.shows[p] == tuple(
            (int(parts.implement[p, a]), tuple(parts.request[p, a].tolist())) for a in range(2)
        )
        for a, b in itertools.product(range(2), repeat=2):
            assert states.step(p, (a, b)) == parts.update[p, a, b]
    back = learner(states, Bits(), Bits())
    assert learn.equal(f, back).bijection is not None and (learn.table(back).update == parts.update).all()
    refused(LensError, lambda: learner(states, Bits(2), Bits()), "no learner from Bits\\(2\\)")
    refused(LensError, lambda: machine(L(1)(lookup(5), Bits(5))), "2\\^32 parameters", "too large")
    refused(LensError, lambda: interface(Real(2), Bits()), "no finite space")


def test_ascent_of_a_truth_table():
    """An example flips the bit that it reads exactly where that is wrong; taught a function, it ends there."""
    states = machine(L(1)(lookup(2), Bits(2)))
    for p, a, b in np.ndindex(16, 4, 2):
        bit = 8 >> a
        wrong = bool(p & bit) != bool(b)
        assert states.step(p, (a, b)) == (p ^ bit if wrong else p)
    xor = taught(states, [(a, (a ^ (a >> 1)) & 1) for a in range(4)])
    logic = Logic(xor)
    done = logic.proposition([0b0110])
    assert (
        logic.after(range(16)) == logic.everything and xor.run(0b1001, [(a, (a ^ (a >> 1)) & 1) for a in range(4)]) == 6
    )
    assert not logic.boolean and ~done == logic.false and (done | ~done) != logic.true and ~~done == logic.true
    assert Logic(states).boolean and Logic(states).undecided() is None
    refused(LensError, lambda: taught(states, [(9, 9)]), "no direction")


# -- bisimulation ----------------------------------------------------------------------------


def unrolled(m: Moore, depth: int) -> list[Any]:
    """What each state shows, and all that it can come to show in so many steps."""

    @cache
    def tree(s: int, d: int) -> Any:
        return (m.shows[s], tuple(tree(int(t), d - 1) for t in m.steps[s] if t >= 0)) if d else m.shows[s]

    return [tree(s, depth) for s in range(len(m))]


@pytest.mark.parametrize("seed", range(6))
def test_classes_are_those_of_unrollings(seed):
    m = drawn(seed)
    found, trees = classes(m), unrolled(m, len(m))
    for s, t in itertools.combinations(range(len(m)), 2):
        assert (found[s] == found[t]) == (trees[s] == trees[t])
        row = distinguish(m, s, t)
        assert (row is None) == (found[s] == found[t])
        if row is not None:
            assert m.shows[m.run(s, row)] != m.shows[m.run(t, row)]
            assert unrolled(m, len(row))[s] != unrolled(m, len(row))[t]
            assert not row or unrolled(m, len(row) - 1)[s] == unrolled(m, len(row) - 1)[t]
    small, to = quotient(m)
    assert check_map(m, small, to) is None and bisimilar(m, small) and len(small) == len(set(trees))


@pytest.mark.parametrize("seed", range(4))
def test_classes_are_the_greatest_fixed_point(seed):
    """The largest relation that shows the same and is kept by steps, by taking pairs away, with networkx."""
    m = drawn(seed, 9)
    pairs = {(s, t) for s, t in itertools.product(range(9), repeat=2) if m.shows[s] == m.shows[t]}
    while True:
        fewer = {
            (s, t)
            for s, t in pairs
            if all((int(u), int(v)) in pairs for u, v in zip(m.steps[s], m.steps[t], strict=True))
        }
        if fewer == pairs:
            break
        pairs = fewer
    graph = networkx.Graph(list(pairs))
    assert networkx.number_connected_components(graph) == len(set(classes(m).tolist()))
    assert all(classes(m)[s] == classes(m)[t] for s, t in pairs)


def test_bisimilarity_is_coarser_than_equality():
    """One parameter and two that do the same: bisimilar, and not equal in Learn."""
    one = learn.from_table(Bits(), Bits(), [[0, 1]], [[[0, 0]] * 2], [[[0, 1]] * 2])
    two = learn.from_table(Bits(), Bits(), [[0, 1]] * 2, [[[1, 0]] * 2, [[0, 1]] * 2], [[[0, 1]] * 2] * 2)
    assert bisimilar(one, two) and not learn.equal(one, two)
    assert check_map(machine(two), machine(one), [0, 0]) is None
    other = learn.from_table(Bits(), Bits(), [[1, 1]], [[[0, 0]] * 2], [[[0, 1]] * 2])
    found = bisimilar(one, other)
    assert not found and found.alone == ("left", 0) and "state 0 of the left" in repr(found)
    assert "show different positions" in str(check_map(machine(one), machine(other), [0]))
    assert "no function" in str(check_map(machine(two), machine(one), [0]))
    m = drawn(1)
    wrong = np.roll(np.arange(7), 1)
    assert check_map(m, m, np.arange(7)) is None and check_map(m, m, wrong) is not None


def test_interfaces_with_different_numbers_of_directions():
    m = Moore(constant(1) + monomial(1, 2), ((0, 0), (1, 0), (1, 0)), [[-1, -1], [0, 2], [1, 0]])
    assert m.step(1, 1) == 2
    assert len(set(classes(m).tolist())) == 3 and distinguish(m, 1, 2) == (0,) and len(beside(m, m)) == 6
    refused(
        DataError,
        lambda: Moore(m.interface, m.shows, [[0, -1], [0, 2], [1, 0]]),
        "state 0, direction 0: 0",
        "-1 beyond",
    )
    refused(DataError, lambda: Moore(m.interface, m.shows, [[0, 1]]), "3 states")
    refused(DataError, lambda: Moore(monomial(2), (0,), [[0]]), "directions")


# -- propositions ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_propositions_against_all_sets(seed):
    """All closed sets by trying every set of states, and implication as the largest that meets into the conclusion."""
    m = drawn(seed, 6, directions=1 + seed % 2)
    logic, n = Logic(m), len(m)
    every = [
        frozenset(s) for k in range(n + 1) for s in itertools.combinations(range(n), k)
        if all(int(t) in s for u in s for t in m.steps[u])
    ]  # fmt: skip
    found = list(logic.all())
    assert {p.states for p in found} == set(every) and len(found) == len(every)
    for s, t in itertools.product(found, repeat=2):
        largest = max((u for u in every if u & s.states <= t.states), key=len)
        assert (s >> t).states == largest and all(u <= largest for u in every if u & s.states <= t.states)
    assert logic.boolean == all((s | ~s) == logic.true for s in found)
    assert (logic.undecided() is None) == logic.boolean
    for states in itertools.combinations(range(n), 3):
        assert logic.always(states).states == max((u for u in every if u <= set(states)), key=len)
    assert logic.where(lambda s: m.shows[s] == 0) <= logic.true


def test_the_smallest_undecided_proposition():
    """Two states and a step that cannot be undone: what it leads to is neither true nor false."""
    logic = Logic(Moore(monomial(1, 1), (0, 0), [[1], [1]]))
    (s,) = [p for p in logic.all() if p not in (logic.true, logic.false)]
    assert 1 in s and 0 not in s and ~s == logic.false and ~~s == logic.true and (s | ~s) == s == logic.undecided()
    assert "1 of 2" in repr(s)
    assert Logic(Moore(monomial(1, 1), (0, 0), [[1], [0]])).boolean
    refused(LensError, lambda: logic.proposition([0]), "a step leads from 0 to 1", "always")
    many = Logic(Moore(monomial(1, 1), (0,) * 20, [[i] for i in range(20)]))
    refused(LensError, lambda: many.all(), "too many")


def test_what_descent_keeps(x64):
    net = L(0.05)(linear(3) >> linear(2), Real(4, dtype="float64"))
    balance = lambda p: p[0].T @ p[0] - p[1] @ p[1].T  # noqa: E731
    assert kept(net, balance) and not kept(net, balance, flow=False)
    assert not kept(net, lambda p: p[0].T @ p[0] + p[1] @ p[1].T) and not kept(net, lambda p: p[0][0, 0])
    assert kept(net, lambda p: 0.0 * p[0]) and "flow" in repr(kept(net, balance))
    slower = kept(L(0.005)(linear(3) >> linear(2), Real(4, dtype="float64")), balance, flow=False)
    assert 50 < kept(net, balance, flow=False).off / slower.off < 200  # the square of the rate
    rectified = L(0.05)(linear(3) >> relu >> linear(2), Real(4, dtype="float64"))
    diagonal = lambda p: (p[0] ** 2).sum(0) - (p[1] ** 2).sum(1)  # noqa: E731
    assert kept(rectified, diagonal) and not kept(rectified, balance)
    zeros = lambda p: [0 * x for x in p]  # noqa: E731
    assert closed(net, lambda p: p, lambda p: tuple(zeros(p))) and not closed(
        net, lambda p: p[0], lambda p: (0 * p[0], p[1])
    )
