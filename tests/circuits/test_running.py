"""Running circuits packed, forward and in reverse, against what they are by definition, gate by gate."""

from __future__ import annotations

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import refused

from lenses import Bits, DataError, LensError
from lenses.circuits import TABLES, Netlist, lookup
from lenses.circuits.equality.derivative import reverse_netlist
from lenses.circuits.running import (
    Runner,
    forward,
    pack,
    pack_wires,
    parity,
    reverse,
    run,
    unpack,
    unpack_wires,
)
from lenses.circuits.running.interpreter import Interpreter
from lenses.circuits.running.machine import plan

NUMBA = importlib.util.find_spec("numba") is not None
ENGINES = ["jax", pytest.param("numba", marks=pytest.mark.skipif(not NUMBA, reason="numba is not installed"))]


def random_netlist(inputs, gates, outputs, seed=0, near=10**9):
    """A random circuit; gates read the last `near` signals."""
    rng = np.random.default_rng(seed)
    first = 1 + inputs + np.arange(gates)
    left, right = (first - 1 - rng.integers(0, np.minimum(first, near)) for _ in range(2))
    return Netlist(inputs, left, right, rng.integers(0, 16, gates), rng.integers(0, 1 + inputs + gates, outputs))


def layers(count, width, seed=0):
    """A circuit in layers, each gate of which is needed."""
    rng = np.random.default_rng(seed)
    before = 1 + width * np.arange(count)[:, None]
    left = before + np.array([rng.permutation(width) for _ in range(count)])
    right = before + rng.integers(0, width, (count, width))
    last = 1 + width * count + np.arange(width)
    return Netlist(width, left.ravel(), right.ravel(), rng.integers(0, 16, count * width), last)


CIRCUITS = {
    "random": random_netlist(9, 200, 12),
    "deep": random_netlist(3, 120, 5, near=2),
    "layers": layers(5, 40),
    "no gates": Netlist(3, [], [], [], [2, 0, 1, 2]),  # type: ignore[arg-type]
    "no inputs": random_netlist(0, 8, 4),
    "no outputs": random_netlist(4, 9, 0),
    "constants": Netlist(2, [0, 3, 0, 1], [0, 0, 2, 1], [15, 3, 9, 8], [3, 4, 5, 0, 6, 6]),  # type: ignore[arg-type]
}
every = pytest.mark.parametrize("netlist", CIRCUITS.values(), ids=CIRCUITS)


def bits(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 2, shape).astype(bool)


def words(*shape, seed=0, dtype="uint32"):
    return np.random.default_rng(seed).integers(0, 2 ** np.iinfo(dtype).bits, shape, dtype=dtype)


def evaluated(netlist, xs):
    """The definition, of (..., inputs)."""
    return np.moveaxis(netlist.evaluate(np.moveaxis(np.asarray(xs, bool), -1, 0)), 0, -1)


# -- forward ---------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@every
def test_a_run_is_the_evaluation_of_each_sample(netlist, engine):
    runner = Runner(netlist, engine=engine)
    for lead in ((), (0,), (31,), (32,), (7, 11), (2, 0, 3)):
        xs = bits(*lead, netlist.inputs)
        ys = runner(xs)
        assert ys.dtype == bool and ys.shape == (*lead, len(netlist.outputs))
        np.testing.assert_array_equal(ys, evaluated(netlist, xs))
    for dtype, lead in (("uint32", ()), ("uint32", (3,)), ("uint64", (2, 5)), ("uint64", (0,))):
        packed = words(netlist.inputs, *lead, dtype=dtype)
        ys = runner.words(packed)
        assert ys.dtype == packed.dtype
        np.testing.assert_array_equal(ys, netlist.evaluate(packed))


@pytest.mark.parametrize("engine", ENGINES)
def test_batches_of_several_pieces(engine, monkeypatch):
    monkeypatch.setattr("lenses.circuits.running.runner.PIECE", 64)
    netlist = CIRCUITS["random"]
    xs, packed = bits(300, 9), words(9, 11)
    runner = Runner(netlist, engine=engine)
    np.testing.assert_array_equal(runner(xs), evaluated(netlist, xs))
    np.testing.assert_array_equal(runner.words(packed), netlist.evaluate(packed))


def test_a_run_takes_bits_of_any_kind_words_and_terms():
    netlist = CIRCUITS["random"]
    xs = bits(40, 9)
    for given in (xs, xs.astype(int), xs.tolist(), jnp.asarray(xs.astype("int32")), xs.astype("uint8")):
        np.testing.assert_array_equal(run(netlist, given), evaluated(netlist, xs))
    packed = words(9, 4)
    np.testing.assert_array_equal(run(netlist, packed), netlist.evaluate(packed))
    term, table = lookup(3).at(Bits(3)), np.array([0, 1, 1, 0, 1, 0, 0, 1])
    rows = (np.arange(8)[:, None] >> np.array([2, 1, 0]) & 1).astype(bool)
    np.testing.assert_array_equal(run(term, rows, {"lookup_0": {"table": table}})[:, 0], table)
    both = np.concatenate([rows, np.broadcast_to(table.astype(bool), (8, 8))], 1)
    np.testing.assert_array_equal(run(term, both)[:, 0], table)


def test_other_circuits_of_a_shape_compile_nothing():
    xs, packed, changes = bits(100, 24), words(24, 9), words(24, 9, seed=1)

    def use(netlist):
        Runner(netlist, engine="jax")(xs)
        forward(netlist, packed)
        reverse(netlist, packed, changes)

    use(layers(6, 24, 0))
    compiled: list[str] = []

    def listen(event: str, duration_secs: float, **_: str | int):
        compiled.extend([event] if event.endswith("backend_compile_duration") else [])

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        jax.jit(lambda x: x * 3.7)(1.0)
        assert compiled, "compilations are not noticed"
        compiled.clear()
        for seed in range(1, 4):
            use(layers(6, 24, seed))
        assert not compiled
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def test_rows_are_used_again():
    planned = plan(layers(50, 64))
    assert planned.taken <= 64 + planned.chunks.width
    if NUMBA:
        assert Interpreter(layers(50, 64)).rows <= 1 + 2 * 64
        assert Interpreter(random_netlist(20, 3000, 1, near=40)).rows <= 80


def test_circuits_by_the_level_do_not_depend_on_their_order():
    netlist = random_netlist(6, 80, 8, 3)
    level = plan(netlist).levels
    reads = np.stack([level.left, level.right])[:, level.first :]
    gap = level.level[level.first :] - level.level[reads]
    assert ((gap % 2 == 1) & (gap > 0) | (reads == 0)).all()


def test_words_run_under_jit_vmap_and_scan():
    netlist, packed = CIRCUITS["random"], words(9, 6, 5)
    expected = netlist.evaluate(packed)
    np.testing.assert_array_equal(jax.jit(lambda w: forward(netlist, w))(packed), expected)
    np.testing.assert_array_equal(jax.vmap(lambda w: forward(netlist, w), 1, 1)(packed), expected)
    _, found = jax.lax.scan(lambda _, w: (None, forward(netlist, w)), None, jnp.moveaxis(packed, 1, 0))
    np.testing.assert_array_equal(jnp.moveaxis(found, 0, 1), expected)


def test_other_tables_on_the_same_wires():
    netlist, packed, rng = CIRCUITS["random"], words(9, 6), np.random.default_rng(1)
    tables = rng.integers(0, 16, (2, netlist.gates))
    other = [Netlist(netlist.inputs, netlist.left, netlist.right, t, netlist.outputs) for t in tables]
    expected = [n.evaluate(packed) for n in other]
    for table, ys in zip(tables, expected, strict=True):
        np.testing.assert_array_equal(jax.jit(lambda w, t: forward(netlist, w, tables=t))(packed, table), ys)
    found = jax.vmap(lambda t: forward(netlist, packed, tables=t))(tables)
    np.testing.assert_array_equal(found, np.stack(expected))
    changes = words(12, 6, seed=2)
    for table, n in zip(tables, other, strict=True):
        found = reverse(netlist, packed, changes, tables=table)
        np.testing.assert_array_equal(found.inputs, reverse(n, packed, changes).inputs)


# -- reverse ---------------------------------------------------------------------------------


@every
def test_the_reverse_derivative_is_that_of_the_formal_polynomials(netlist):
    packed, changes = words(netlist.inputs, 3, 2), words(len(netlist.outputs), 3, 2, seed=1)
    expected = reverse_netlist(netlist).evaluate(np.concatenate([packed, changes]))
    found = reverse(netlist, packed, changes)
    np.testing.assert_array_equal(found.inputs, expected)
    assert found.shared is None and found.tables is None
    both = jax.vmap(lambda w, c: reverse(netlist, w, c).inputs, 1, 1)(packed, changes)
    np.testing.assert_array_equal(both, expected)


def with_tables_as_inputs(netlist):
    """The circuit whose inputs are those of the netlist and then the entries of all tables, four a gate."""
    first, left, right, table = 1 + netlist.inputs + 4 * netlist.gates, [], [], []

    def add(kind, x, y):
        for side, value in ((left, x), (right, y), (table, TABLES[kind])):
            side.append(value)
        return first + len(left) - 1

    signal = list(range(1 + netlist.inputs))
    for gate in range(netlist.gates):
        x, y = signal[netlist.left[gate]], signal[netlist.right[gate]]
        rows = [1 + netlist.inputs + 4 * gate + k for k in range(4)]
        flipped = [add("not", x, 0), add("not", y, 0)]
        parts = [
            add("and", row, add("and", (flipped[0], x)[k // 2], (flipped[1], y)[k % 2])) for k, row in enumerate(rows)
        ]
        signal.append(add("xor", add("xor", *parts[:2]), add("xor", *parts[2:])))
    return Netlist(first - 1, left, right, table, [signal[o] for o in netlist.outputs.tolist()])  # type: ignore[arg-type]


@pytest.mark.parametrize("netlist", [CIRCUITS["random"], CIRCUITS["constants"], CIRCUITS["no outputs"]])
def test_truth_tables_change_as_the_wires_that_they_would_be(netlist):
    packed, changes = words(netlist.inputs, 5), words(len(netlist.outputs), 5, seed=1)
    entries = (netlist.table[:, None] >> np.arange(4) & 1).astype(np.uint32).ravel()
    constant = np.broadcast_to((np.uint32(0) - entries)[:, None], (len(entries), 5))
    wired = reverse_netlist(with_tables_as_inputs(netlist))
    expected = wired.evaluate(np.concatenate([packed, constant, changes]))
    found = reverse(netlist, packed, changes, entries=True)
    np.testing.assert_array_equal(found.inputs, expected[: netlist.inputs])
    assert found.tables.shape == (netlist.gates, 4)
    np.testing.assert_array_equal(np.ravel(found.tables), parity(expected[netlist.inputs :]))


def test_inputs_that_all_samples_share_change_by_the_sum():
    netlist, many = CIRCUITS["random"], 70
    packed, shared, changes = words(5, many), bits(4), words(12, many, seed=1)
    every = np.concatenate([packed, np.broadcast_to((np.uint32(0) - shared.astype("uint32"))[:, None], (4, many))])
    np.testing.assert_array_equal(forward(netlist, packed, shared), netlist.evaluate(every))
    expected, found = reverse(netlist, every, changes).inputs, reverse(netlist, packed, changes, shared)
    np.testing.assert_array_equal(found.inputs, expected[:5])
    np.testing.assert_array_equal(found.shared, parity(expected[5:]))
    both = jax.vmap(lambda w, c: reverse(netlist, w, c, shared), 1)(packed[:, :2, None], changes[:, :2, None])
    np.testing.assert_array_equal(both.shared, [parity(expected[5:, i]) for i in range(2)])
    several = jax.vmap(lambda s: forward(netlist, packed[:, :3], s))(np.stack([shared, ~shared]))
    every[5:] = ~every[5:]
    np.testing.assert_array_equal(several[1], netlist.evaluate(every[:, :3]))


def test_parity_is_the_sum_over_samples():
    xs = bits(77, 3)
    np.testing.assert_array_equal(parity(pack(xs)), xs.sum(0) % 2)


# -- packing ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(0, 3), (5, 0), (1, 1), (32, 2), (100, 7), (64, 1)])
def test_packing_puts_sample_32w_plus_k_in_bit_k_of_word_w(shape):
    xs = bits(*shape)
    expected = np.zeros((shape[1], -(-shape[0] // 32)), np.uint32)
    for i, wire in np.argwhere(xs):
        expected[wire, i // 32] |= np.uint32(1) << np.uint32(i % 32)
    np.testing.assert_array_equal(pack(xs), expected)
    np.testing.assert_array_equal(pack_wires(jnp.asarray(xs)), expected)
    np.testing.assert_array_equal(unpack(expected, shape[0]), xs)
    np.testing.assert_array_equal(unpack_wires(jnp.asarray(expected), shape[0], "int32"), xs)


# -- errors ----------------------------------------------------------------------------------


def test_what_cannot_be_run_is_refused():
    netlist = CIRCUITS["random"]
    runner = Runner(netlist)
    refused(DataError, lambda: runner(bits(3, 8)), "9 inputs", r"\(\.\.\., 9\)", r"\(3, 8\)")
    refused(DataError, lambda: runner(np.full((3, 9), 2)), "0 and 1")
    refused(DataError, lambda: runner(np.zeros((3, 9))), "0 and 1")
    refused(DataError, lambda: runner.words(bits(9, 3)), "uint32 or uint64", "bool")
    refused(DataError, lambda: forward(netlist, jnp.zeros((9, 2), "int32")), r"\(9, \.\.\.\) uint32", "int32")
    refused(DataError, lambda: forward(netlist, words(9, 1), tables=np.zeros(3, int)), r"\(200,\)", r"\(3,\)")
    refused(DataError, lambda: forward(netlist, words(9, 1), np.zeros(3, int)), r"\(6, \.\.\.\)", r"\(9, 1\)")
    refused(DataError, lambda: forward(netlist, words(9, 1), np.zeros(10, int)), "shared", "at most 9")
    refused(DataError, lambda: reverse(netlist, words(9, 2), words(12, 3)), "changes of the outputs", r"\(12, 3\)")
    refused(LensError, lambda: Runner(netlist, engine="verilog"), "'jax' or 'numba'")
    refused(LensError, lambda: jax.jit(runner)(bits(3, 9)), "forward")


def test_numba_is_asked_for_where_it_is_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    refused(LensError, lambda: Runner(CIRCUITS["random"], engine="numba"), "numba", r"paralens\[circuits\]")
    xs = bits(3, 9)
    monkeypatch.setattr("lenses.circuits.running.runner.LONG", 0)
    np.testing.assert_array_equal(Runner(CIRCUITS["random"])(xs), evaluated(CIRCUITS["random"], xs))
