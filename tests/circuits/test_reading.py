"""Terms over bits as netlists: the same functions, the same formal polynomials, the same reverse derivatives."""

from __future__ import annotations

import random

import numpy as np
import pytest
from helpers import refused
from polynomials import every_input, polynomials, reversed_polynomials, times, variable

import lenses
from lenses import (
    Bits,
    DataError,
    LensError,
    ParameterError,
    Port,
    Residue,
    SpaceError,
    add,
    block,
    compile,
    compose,
    constant,
    copy,
    discard,
    expose,
    identity,
    multiply,
    over,
    para,
    rearrange,
    reverse,
    scan,
    swap,
    tensor,
    tied,
    zero,
)
from lenses.circuits import bit, conj, disj, gate, lookup, mux, nand, neg, nor, reads, to_netlist, xnor, xor
from lenses.laws.generate import random_term
from lenses.laws.signature import Signature

half_adder = copy @ copy >> identity @ swap @ identity >> xor @ conj

GATES = Signature(
    [(box, 2) for box in (copy, xor, conj, swap)]
    + [discard, zero(Bits()), bit(1), neg, disj, nand, nor, xnor, gate(4), mux]
    + [lenses.concatenate(), lenses.split(1, 1), rearrange("a b -> b a"), lenses.spread(2)],
    [Bits(), Bits(), Bits(2)],
    most=4,
)


def outputs(term, params, xs):
    """The outputs of a compiled term on flat bits (inputs, n), as flat bits (outputs, n)."""
    net, arrays, at = compile(term), [], 0
    for a in term.dom:
        arrays.append(xs[at : at + a.size].T.reshape(-1, *a.sizes).astype("int32"))
        at += a.size
    ys = net(params, *arrays)
    found = []
    for y, a in zip(ys if isinstance(ys, tuple) else (ys,), term.cod, strict=True):
        found.append(np.broadcast_to(np.asarray(y), (xs.shape[1], *a.sizes)).reshape(-1, a.size))
    return np.concatenate([np.zeros((xs.shape[1], 0)), *found], 1).T


def agrees(term, params=None):
    """The netlist of a term computes what the compiled term does, on all inputs."""
    netlist = to_netlist(term, params)
    xs = every_input(netlist.inputs)
    np.testing.assert_array_equal(netlist.evaluate(xs), outputs(term, params or {}, xs))
    return netlist


def derives(term):
    """The netlist of R[f] has the formal derivatives of the polynomials of f."""
    netlist = to_netlist(term)
    assert polynomials(to_netlist(reverse(term))) == reversed_polynomials(polynomials(netlist), netlist.inputs)


def test_a_half_adder_is_two_gates():
    netlist = agrees(half_adder.at(Bits(), Bits()))
    assert [netlist.left.tolist(), netlist.right.tolist(), netlist.table.tolist()] == [[1, 1], [2, 2], [6, 8]]


def test_a_square_is_no_identity():
    squared = to_netlist((copy >> conj).at(Bits()))
    assert squared.gates == 1 and polynomials(squared) == [times(variable(0), variable(0))] != [variable(0)]
    assert polynomials(to_netlist((copy >> xor).at(Bits()))) == [frozenset()]


@pytest.mark.parametrize("seed", range(12))
def test_random_terms_keep_their_functions_and_their_derivatives(seed):
    term = random_term(random.Random(seed), GATES, (Bits()[0], Bits()[0], Bits(2)[0]), None, 8)
    agrees(term)
    derives(term)


@pytest.mark.parametrize("table", range(16))
def test_every_table_of_two_bits(table):
    term = gate(table).at(Bits(), Bits())
    netlist = agrees(term)
    assert netlist.table.tolist() == [table]
    assert [int(v) for v in netlist.evaluate(every_input(2))[0]] == [table >> k & 1 for k in range(4)]
    derives(term)
    assert agrees(gate(table).at(Bits(2, 3), Bits(2, 3))).gates == 6


SHAPES = [
    (copy >> lenses.reduce_sum() @ identity).at(Bits(2, 3)),
    lenses.reduce_sum(0).at(Bits(3, 2)),
    lenses.matmul.at(Bits(2, 3), Bits(3, 1)),
    lenses.einsum("i j, j, j -> i").at(Bits(2, 2), Bits(2), Bits(2)),
    lenses.einsum("i i -> i").at(Bits(2, 2)),
    (lenses.concatenate() >> lenses.split(2, 1)).at(Bits(2), Bits(1)),
    (lenses.select(-2, 0) >> lenses.select(0)).at(Bits(3, 2)),
    over("a", conj).at(Bits(a=3, b=2), Bits(2)),
    ((copy @ identity >> identity @ conj) ** 3).at(Bits(2), Bits(2)),
    scan(identity @ copy >> conj @ identity >> copy @ identity, carry=1).at(Bits(), Bits(3)),
    tensor(constant([[1, 0], [0, 1]], Bits(2, 2)), identity).at(Bits(2)) >> lenses.einsum("i j, j -> i"),
    block("part", half_adder >> disj).at(Bits(2), Bits(2)),
]


@pytest.mark.parametrize("term", SHAPES, ids=[repr(t)[:50] for t in SHAPES])
def test_shapes_loops_and_parts(term):
    agrees(term)


def learned():
    return lookup(3) >> copy >> tied("shared", para(multiply, [Port("w", "param", Bits()[0])])) @ neg >> xor


@pytest.mark.parametrize("inputs", [1, 2, 3, 4])
def test_a_lookup_is_its_table(inputs):
    for seed in range(3):
        table = np.random.default_rng(seed).integers(0, 2, 2**inputs)
        netlist = to_netlist(lookup(inputs).at(Bits(inputs)), {"lookup_0": {"table": table}})
        np.testing.assert_array_equal(netlist.evaluate(every_input(inputs))[0], table)
        assert netlist.gates <= 3 * 2**inputs
    formal = polynomials(to_netlist(lookup(inputs).at(Bits(inputs))))[0]
    assert all(sum(i >= inputs for i, _ in monomial) == 1 and dict(monomial).keys() for monomial in formal)
    assert len(formal) == 3**inputs


def test_parameters_are_constants_or_inputs_after_those_of_the_domain():
    term = learned().at(Bits(3))
    params = {"shared": {"w": np.array(1)}, "lookup_0": {"table": np.array([0, 1, 1, 0, 1, 0, 0, 1])}}
    fixed = agrees(term, params)
    assert fixed.inputs == 3
    open_ = to_netlist(term)
    assert open_.inputs == 3 + 1 + 8
    xs = every_input(3)
    given = np.concatenate([np.ones((1, 8)), np.repeat(params["lookup_0"]["table"][:, None], 8, 1)])
    np.testing.assert_array_equal(open_.evaluate(np.concatenate([xs, given.astype(bool)])), fixed.evaluate(xs))
    exposed = expose(term)
    swapped = np.concatenate([given.astype(bool), xs])
    np.testing.assert_array_equal(
        to_netlist(exposed.at(exposed.params, term.dom)).evaluate(swapped), fixed.evaluate(xs)
    )


def test_changes_of_parameters_leave_after_the_outputs():
    term = para(multiply, [Port("w", "param", Bits()[0])]).at(Bits())
    netlist = to_netlist(reverse(term))
    x, d, w = map(variable, range(3))
    assert polynomials(netlist) == [times(w, d), times(x, d)]


def test_a_million_gates_are_read_at_once():
    netlist = to_netlist((conj >> neg >> copy >> identity @ neg >> xor).at(Bits(200_000), Bits(200_000)))
    assert netlist.gates == 800_000 and netlist.depth == 4


def test_long_chains_are_read():
    assert to_netlist(compose(*[neg] * 5000).at(Bits())).depth == 5000


def test_what_is_no_circuit_is_refused():
    class Odd(lenses.Box):
        arity = (1, 1)

        def type(self, dom):
            return dom

    try:
        refused(LensError, lambda: to_netlist(Odd().at(Bits())), r"odd\(\) cannot be read as gates", r"@reads\(Odd\)")
        reads(Odd)(lambda reading, cx, p, xs: [reading.gates.neg(xs[0])])
        assert to_netlist(Odd().at(Bits(2))).table.tolist() == [3, 3]
    finally:
        del lenses.Box.registry["Odd"]
    refused(SpaceError, lambda: to_netlist(add), "input wires are missing")
    refused(SpaceError, lambda: to_netlist(add.at(Residue(modulo=3), Residue(modulo=3))), "input 0", r"Bits\(4\)")
    refused(SpaceError, lambda: to_netlist(identity.at(lenses.Real())), "input 0")
    term = lookup(1).at(Bits(1))
    refused(ParameterError, lambda: to_netlist(term, {}), "lookup_0.table")
    refused(DataError, lambda: to_netlist(term, {"lookup_0": {"table": np.array([0, 2])}}), "lookup_0.table", "0 or 1")
