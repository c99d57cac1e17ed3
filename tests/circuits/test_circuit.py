"""Circuits as one box: run, differentiated, read, saved and written out gate by gate."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import refused
from polynomials import every_input, polynomials, reversed_polynomials

import lenses
from lenses import Bits, FileError, LensError, SpaceError, compile, laws, load_term, over, reverse, save_term, unit
from lenses.circuits import (
    Circuit,
    Netlist,
    circuit,
    conj,
    disj,
    from_netlist,
    gate,
    mux,
    nand,
    neg,
    to_netlist,
    xnor,
    xor,
)
from lenses.files import read_file


def random_netlist(inputs, gates, outputs, seed, near=10**9):
    """A random circuit; gates read the last `near` signals."""
    rng = np.random.default_rng(seed)
    first = 1 + inputs + np.arange(gates)
    left, right = (first - 1 - rng.integers(0, np.minimum(first, near)) for _ in range(2))
    return Netlist(inputs, left, right, rng.integers(0, 16, gates), rng.integers(0, 1 + inputs + gates, outputs))


CIRCUITS = {
    "random": random_netlist(5, 30, 4, 0),
    "shallow": random_netlist(3, 12, 3, 1),
    "deep": random_netlist(3, 60, 2, 1, near=2),
    "no gates": Netlist(2, [], [], [], [2, 0, 1]),  # type: ignore[arg-type]
    "no inputs": Netlist(0, [0], [0], [15], [1, 0]),  # type: ignore[arg-type]
    "one gate": Netlist(1, [1], [1], [8], [2]),  # type: ignore[arg-type]
}
every = pytest.mark.parametrize("netlist", CIRCUITS.values(), ids=CIRCUITS)


def bits_of(values):
    return np.asarray(values).T.astype("int32")


@every
def test_the_meaning_is_that_of_the_gates(netlist):
    net, xs = compile(netlist.term()), every_input(netlist.inputs)
    given = [bits_of(xs)] if netlist.inputs else []
    found = np.broadcast_to(net({}, *given), (xs.shape[1], len(netlist.outputs)))
    np.testing.assert_array_equal(found, bits_of(netlist.evaluate(xs)))
    assert compile(netlist.term())({}, *[x.reshape(2, -1, netlist.inputs) for x in given]).shape[-1] == len(
        netlist.outputs
    )


@every
def test_reading_gives_the_same_gates(netlist):
    assert to_netlist(netlist.term()) == netlist


def test_a_box_among_others_and_over_an_axis():
    netlist = CIRCUITS["random"]
    term = (netlist.term(Bits(2) @ Bits(3), Bits(2, 2)).term >> neg).at(Bits(2), Bits(3))
    xs = every_input(5)
    np.testing.assert_array_equal(to_netlist(term).evaluate(xs), ~netlist.evaluate(xs))
    many = over("a", netlist.term().term).at(Bits(a=3, b=5))
    read = to_netlist(many)
    assert read.gates == 3 * netlist.gates
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (3, 5)).astype(bool)
    np.testing.assert_array_equal(read.evaluate(x.reshape(-1, 1))[:, 0], netlist.evaluate(x.T).T.ravel())


@pytest.mark.parametrize("name", ["shallow", "one gate", "no gates"])
def test_the_reverse_derivative_is_a_circuit_and_formal(name):
    netlist = CIRCUITS[name]
    back = reverse(netlist.term())
    assert any(isinstance(node.box, Circuit) for node in back.term.graph.nodes)
    expected = reversed_polynomials(polynomials(netlist), netlist.inputs)
    assert polynomials(to_netlist(back)) == expected


def test_the_lens_runs_the_reverse_derivative():
    netlist = random_netlist(4, 25, 3, 7)
    net, rng = compile(netlist.term()), np.random.default_rng(1)
    x, d = (rng.integers(0, 2, (9, n)).astype("int32") for n in (4, 3))
    y, pullback = net.vjp({}, x)
    np.testing.assert_array_equal(y, bits_of(netlist.evaluate(x.T.astype(bool))))
    gates = compile(from_netlist(netlist, Bits(4), Bits(3)))
    np.testing.assert_array_equal(pullback(d)[1], gates.vjp({}, x)[1](d)[1])


def test_every_law_of_a_circuit_is_proved():
    names = ["purity", "naturality of copy", "reverse derivative", "functor"]
    report = laws.check(random_netlist(2, 5, 2, 3).term(), law=names, examples=1, progress=False)
    assert report.passed, report
    assert all(report[f"RD.{i}"].outcome == "proved" for i in range(1, 8))


@every
def test_gate_by_gate_it_is_the_same_polynomial(netlist):
    small = netlist if netlist.gates < 10 else random_netlist(3, 9, 2, 5)
    term = from_netlist(small)
    assert polynomials(to_netlist(term)) == polynomials(small)
    if small.inputs:
        assert not any(isinstance(node.box, Circuit) for node in term.term.graph.nodes)
        shaped = from_netlist(small, Bits(*[1] * 2, small.inputs), Bits(len(small.outputs)))
        assert polynomials(to_netlist(shaped)) == polynomials(small)


def test_single_gates_go_there_and_back():
    for term in (xor, conj, disj, nand, xnor, gate(2), mux):
        typed = term.at(*[Bits()] * term.arity[0])
        netlist = to_netlist(typed)
        assert to_netlist(from_netlist(netlist, typed.dom, typed.cod)) == netlist


def test_equality_is_by_content():
    one, same, other = random_netlist(3, 9, 2, 0), random_netlist(3, 9, 2, 0), random_netlist(3, 9, 2, 1)
    assert one == same and hash(one) == hash(same) and one != other
    assert one.term() == same.term() and hash(one.term()) == hash(same.term()) and one.term() != other.term()
    assert one.term() != one.term(Bits(3), Bits(1) @ Bits(1))
    assert one != one.renamed("abc", "de") and one != Netlist(3, one.left, one.right, one.table, one.outputs, [0])  # type: ignore[arg-type]


def test_small_circuits_read_back_as_text():
    for term in (
        CIRCUITS["one gate"].term(),
        CIRCUITS["no inputs"].term(),
        circuit(random_netlist(3, 9, 2, 0), cod=Bits() @ Bits()),
    ):
        names = {name: getattr(lenses, name) for name in dir(lenses)} | {"circuit": lambda *a: circuit(*a).term}
        assert eval(repr(term), names | {"Netlist": Netlist}) == term
    assert "5 inputs, 30 gates" in repr(CIRCUITS["random"].term())


def test_files_hold_the_arrays(tmp_path):
    path = tmp_path / "circuit.safetensors"
    netlist = random_netlist(8, 50_000, 6, 2).renamed("abcdefgh", "uvwxyz")
    term = (neg >> netlist.term().term >> neg).at(Bits(8))
    save_term(term, path)
    assert load_term(path) == term
    arrays, metadata = read_file(path)
    assert sorted(map(len, arrays.values())) == [0, 6, 50_000, 50_000, 50_000] and len(metadata["term"]) < 2000
    assert path.stat().st_size < 50_000 * 9 + 5000
    damaged = path.read_bytes()[:-100]
    (tmp_path / "damaged").write_bytes(damaged)
    refused(FileError, lambda: load_term(tmp_path / "damaged"), "changed|damaged|truncated")


def test_large_circuits_compile_once_and_run():
    netlist = random_netlist(64, 20_000, 16, 3, near=2000)
    x = np.random.default_rng(0).integers(0, 2, (32, 64)).astype("int32")
    words = np.packbits(x.astype(bool), axis=0).view(np.uint8)
    found = compile(netlist.term())({}, x)
    expected = np.unpackbits(netlist.evaluate(words.T.copy()).T.copy(), axis=0)
    np.testing.assert_array_equal(found, expected)


def test_spaces_of_another_size_are_refused():
    netlist = CIRCUITS["random"]
    refused(SpaceError, lambda: netlist.term(Bits(4)), "5 inputs", "a space of 5 bits", r"Bits\(4\)")
    refused(SpaceError, lambda: netlist.term(Bits(5), Bits(5)), "4 outputs")
    refused(SpaceError, lambda: netlist.term(lenses.Real(5)), r"Real\(5\)")
    refused(SpaceError, lambda: netlist.term().term.at(Bits(4)), "input 0", r"Bits\(5\)")
    refused(LensError, lambda: circuit(to_netlist), "a Netlist")  # type: ignore[arg-type]
    assert CIRCUITS["no inputs"].term().dom == unit


@pytest.mark.parametrize("lead", [(256,), (3, 100)])
def test_large_batches_are_run_packed_with_the_same_results(lead, monkeypatch):
    netlist = random_netlist(6, 50, 8, 2)
    term = netlist.term(Bits(2, 2) @ Bits(2), Bits() @ Bits(7))
    rng = np.random.default_rng(0)
    xs = [rng.integers(0, 2, (*lead, *a.sizes)).astype("int32") for a in term.dom]
    ds = [rng.integers(0, 2, (*lead, *a.sizes)).astype("int32") for a in term.cod]

    def pass_through():
        ys, pullback = compile(term).vjp({}, *xs)
        return *ys, *pullback(*ds)[1]

    packed, calls = pass_through(), []
    monkeypatch.setattr(Circuit, "pays", lambda self, samples: calls.append(samples))
    for one, other in zip(packed, pass_through(), strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype == "int32"
    assert calls
