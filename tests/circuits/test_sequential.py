"""Circuits with latches as delayed traces: counters and registers simulated, written, read back and proved the same."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import refused

from lenses import (
    Bits,
    Causal,
    DataError,
    LensError,
    Real,
    SpaceError,
    compile,
    concatenate,
    constant,
    copy,
    delay,
    elman,
    identity,
    rearrange,
    swap,
    wired,
    zero,
)
from lenses.causal import as_causal, bisimilar, trace
from lenses.circuits import (
    Netlist,
    conj,
    disj,
    from_aiger,
    from_blif,
    from_verilog,
    load_circuit,
    lookup,
    neg,
    save_circuit,
    sequential,
    to_aiger,
    to_blif,
    to_netlist,
    to_verilog,
    xor,
)

BIT = Bits()


@wired
def ripple(a, b, c, d, x):  # type: ignore[no-untyped-def]
    """Four bits, the lowest first, that count the ones that come in; they come out as they were before."""
    one = conj(a, x)
    two = conj(b, one)
    three = conj(c, two)
    return xor(a, x), xor(b, one), xor(c, two), xor(d, three), a, b, c, d


counter = trace(ripple, zero(BIT @ BIT @ BIT @ BIT)).at(BIT)
register = (delay(BIT).at(BIT) >> delay(constant(1, BIT)) >> copy >> delay(BIT) @ identity).at(BIT)
MAPS = {
    "counter": counter,
    "register": register,
    "set and reset": trace(disj @ neg >> conj >> copy, BIT).at(BIT, BIT),
    "words": delay(constant([[1, 0, 1], [0, 1, 1]], Bits(2, 3))).at(Bits(2, 3)),
    "clock": trace(copy >> neg @ identity, constant(1, BIT)).at(),
    "gate": as_causal(xor).at(BIT, BIT),
}
FORMATS = {
    "AIGER": (to_aiger, from_aiger),
    "binary AIGER": (lambda f: to_aiger(f, binary=True), from_aiger),
    "BLIF": (to_blif, from_blif),
    "Verilog": (to_verilog, from_verilog),
}


def simulated(netlist: Netlist, rows: np.ndarray) -> np.ndarray:
    """The outputs (steps, n) of a netlist with latches on inputs (steps, m), a step after the other."""
    held, out = netlist.latches.astype(bool), []
    for row in rows.astype(bool):
        found = netlist.evaluate(np.concatenate([row, held]))
        out.append(found[: netlist.results])
        held = found[netlist.results :]
    return np.array(out)


def run(f: Causal, rows: np.ndarray) -> np.ndarray:
    """The outputs (steps, n) of a causal map over bits on inputs (steps, m), all unrolled."""
    dom = f.domain("here")
    cuts = np.cumsum([a.size for a in dom])[:-1]
    arrays = [
        jnp.asarray(part.reshape(a.sizes)) for row in rows for part, a in zip(np.split(row, cuts), dom, strict=False)
    ]
    typed = f.unroll(len(rows)).at(*([dom] * len(rows)))
    out = compile(typed)({}, *arrays)
    flat = np.concatenate([np.ravel(y) for y in (out if isinstance(out, tuple) else (out,))])
    return flat.reshape(len(rows), -1).astype(bool)


def rows_for(f: Causal, steps: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (steps, sum(a.size for a in f.domain("here"))))


@pytest.mark.parametrize("name", MAPS)
def test_a_netlist_does_what_the_trace_does(name):
    f = MAPS[name]
    netlist = to_netlist(f)
    assert len(netlist.latches) == sum(a.size for a in f.state)
    rows = rows_for(f, 12)
    np.testing.assert_array_equal(simulated(netlist, rows), run(f, rows))
    for gates in (False, True):
        again = sequential(netlist, f.dom, f.cod, f.state, gates=gates)
        assert again.dom == f.dom and again.cod == f.cod and bisimilar(again, f)
    np.testing.assert_array_equal(simulated(to_netlist(again), rows), simulated(netlist, rows))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ["counter", "register", "words"])
def test_written_and_read_back_it_is_the_same_map(name, form):
    f, (write, read) = MAPS[name], FORMATS[form]
    again = sequential(read(write(f)), f.dom, f.cod)
    assert bisimilar(again, f)


def test_the_counter_counts():
    rows = rows_for(counter, 40, seed=3)
    counts = np.concatenate([[0], np.cumsum(rows[:, 0])[:-1]]) % 16
    np.testing.assert_array_equal(simulated(to_netlist(counter), rows) @ [1, 2, 4, 8], counts)
    assert bisimilar(counter, counter).pairs == 16
    text = to_verilog(counter, name="counter", inputs=["step"], outputs=["b0", "b1", "b2", "b3"])
    assert text.count("reg ") == text.count("posedge") == 4 and "input step;" in text and "output b3;" in text
    again = from_verilog(text)
    np.testing.assert_array_equal(simulated(again, rows) @ [1, 2, 4, 8], counts)


def test_a_wrong_latch_is_seen():
    netlist = to_netlist(counter)
    for wrong in ({"latches": np.array([0, 1, 0, 0])}, {"outputs": netlist.outputs[[0, 1, 2, 3, 5, 4, 6, 7]]}):
        assert not bisimilar(sequential(replace(netlist, **wrong), BIT, counter.cod), counter)


def test_a_learned_table_in_a_loop(tmp_path):
    """A step with a table of its own: with parameters it is a netlist, and is saved as one."""
    pair = rearrange("-> 1") @ rearrange("-> 1") >> concatenate()
    f = Causal(zero(BIT), pair >> lookup(2) >> copy).at(BIT)
    params = compile(f.typed_step(0)).init(jax.random.key(0))
    netlist = to_netlist(f, params)
    assert netlist.free == 1 and len(netlist.latches) == 1
    save_circuit(f, tmp_path / "f.aag", params)
    assert bisimilar(sequential(load_circuit(tmp_path / "f.aag"), BIT, BIT), sequential(netlist, BIT, BIT))
    refused(LensError, lambda: to_netlist(f), "with parameters is no netlist", "exposed")


def test_what_is_refused():
    refused(SpaceError, lambda: to_netlist(trace(xor >> copy, BIT)), "needs the type")
    refused(SpaceError, lambda: to_netlist(delay(Real()).at(Real())), "only terms over bits")
    refused(LensError, lambda: to_netlist(elman(2).at(Real(2))), "with parameters")
    refused(LensError, lambda: to_netlist(Causal(zero(BIT), swap, [swap]).at(BIT)), "first steps differ")
    refused(LensError, lambda: sequential(counter), "expected: a Netlist")  # type: ignore[arg-type]
    refused(SpaceError, lambda: sequential(to_netlist(counter), BIT @ BIT), "1 inputs")
    refused(SpaceError, lambda: sequential(to_netlist(counter), BIT, counter.cod, BIT), "4 latches")
    refused(DataError, lambda: to_verilog(counter, inputs=["a", "b"]), "2 names of inputs")
