"""Layers of learned gates: their values, their derivatives, and the netlists that they are read as."""

from __future__ import annotations

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import close, read_back, refused

from lenses import Bits, Real, SpaceError, compile, reverse
from lenses.circuits import Circuit, tables, to_netlist
from lenses.circuits.equality.derivative import reverse_netlist
from lenses.circuits.learning import choose, connect, layer
from lenses.circuits.learning.layers import Collect, Connect, drawn
from lenses.circuits.tables import row

LAYERS = (layer(5, 3, seed=3, init="bernoulli") >> choose(3, init="bernoulli") >> tables(2, "bernoulli")).at(Bits(4))
PARTS = (("tables_0", "table"), ("choose_0", "choice"), ("tables_1", "table"))
POINTS = np.array(list(itertools.product((0, 1), repeat=4)))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_tables_say_the_entry_of_the_row(k):
    rng = np.random.default_rng(k)
    table, x = rng.integers(0, 2, (4, 2**k)), rng.integers(0, 2, (6, 4, k))
    rows = x @ (1 << np.arange(k)[::-1])
    expected = np.take_along_axis(np.broadcast_to(table, (6, *table.shape)), rows[..., None], -1)[..., 0]
    net = compile(tables(k), Bits(4, k))
    np.testing.assert_array_equal(net({"tables_0": {"table": table}}, x), expected)
    shared = compile(tables(k), Bits(6, 4, k))  # an axis in front shares the tables
    np.testing.assert_array_equal(shared({"tables_0": {"table": table}}, x), expected)


def test_over_the_reals_a_table_is_the_mean_over_independent_bits():
    rng = np.random.default_rng(0)
    table, x = rng.random((3, 4)).astype("float32"), rng.random((3, 2)).astype("float32")
    mean = sum(
        table[:, 2 * a + b] * (x[:, 0] if a else 1 - x[:, 0]) * (x[:, 1] if b else 1 - x[:, 1])
        for a, b in itertools.product((0, 1), repeat=2)
    )
    close(compile(tables(2), Real(3, 2))({"tables_0": {"table": table}}, x), mean, 1e-6)


@pytest.mark.parametrize(("wires", "count", "inputs"), [(4, 5, 2), (3, 7, 3), (64, 10, 4), (2, 1, 1), (5, 4, 2)])
def test_wires_are_read_about_equally_often_and_never_twice_by_a_gate(wires, count, inputs):
    picked = drawn(wires, count, inputs, 0)
    assert picked.shape == (count, inputs) and picked.min() >= 0 and picked.max() < wires
    assert all(len(set(row)) == inputs for row in picked.tolist())
    uses = np.bincount(picked.ravel(), minlength=wires)
    assert uses.max() - uses.min() <= 1 + (count * inputs % wires > 0) * 2
    assert (picked == drawn(wires, count, inputs, 0)).all() and drawn(64, 9, 2, 1).tolist() != drawn(
        64, 9, 2, 2
    ).tolist()


def test_connections_do_not_change_with_versions():
    """Saved circuits hold the seed alone."""
    assert drawn(6, 3, 2, 7).tolist() == [[3, 5], [0, 2], [1, 4]]


def test_a_netlist_is_the_same_function():
    net = compile(LAYERS)
    params = net.init(jax.random.key(0))
    read = to_netlist(LAYERS, params)
    np.testing.assert_array_equal(read.evaluate(POINTS.T.astype(bool)).T, net(params, POINTS))


def test_the_derivative_is_that_of_the_polynomial():
    """Both the pullback and the term `reverse`, against the netlist differentiated gate by gate."""
    net, oracle = compile(LAYERS), reverse_netlist(to_netlist(LAYERS))
    params, back = net.init(jax.random.key(1)), compile(reverse(LAYERS))

    def laid_out(tree):
        return [np.ravel(tree[name][port]) for name, port in PARTS]

    rng = np.random.default_rng(0)
    for x, d in zip(POINTS[::3], rng.integers(0, 2, (6, 3)), strict=True):
        given = np.concatenate([x, *laid_out(params), d]).astype(bool)
        expected = oracle.evaluate(given[:, None])[:, 0]
        dparams, dx = net.vjp(params, x)[1](jnp.asarray(d))
        np.testing.assert_array_equal(np.concatenate([dx, *laid_out(dparams)]), expected)
        dx, dparams = back(params, x, d)
        np.testing.assert_array_equal(np.concatenate([dx, *laid_out(dparams)]), expected)


def test_terms_read_back():
    for term in (LAYERS.term, connect(3, seed=2), Collect(4, 3, 2, 0)):
        names = {"tables": tables, "connect": connect, "choose": choose, "collect": Collect}
        assert eval(repr(term), names) == term
    assert read_back(Bits(4)) == Bits(4)


def test_what_does_not_fit_is_refused():
    refused(SpaceError, lambda: tables(2).at(Bits(3, 3)), "2 along the last")
    refused(SpaceError, lambda: tables(2).at(Bits(2)), "2 axes")
    refused(SpaceError, lambda: connect(4, 3).at(Bits(2)), "at least 3 wires")


@pytest.mark.parametrize("k", [1, 5, 15, 16, 17, 20])
def test_rows_of_many_bits(k):
    bits = np.random.default_rng(k).integers(0, 2, (30, k))
    np.testing.assert_array_equal(row(jnp.asarray(bits)), bits @ (1 << np.arange(k)[::-1]))


@pytest.mark.parametrize("kind", [Connect, Collect, Circuit], ids=lambda kind: kind.__name__)
def test_what_was_checked_in_double_precision_still_runs(kind):
    """Indices that are kept from one to the other are of the whole numbers that both have."""
    for term in kind.examples():
        xs = [np.ones(array.sizes, array.dtype) for array in term.dom]
        for double in (True, False):
            with jax.enable_x64(double):
                out = jax.jit(partial(compile(term), {}))(*xs)
        assert all(y.dtype in ("int32", "float32") for y in jax.tree.leaves(out))
