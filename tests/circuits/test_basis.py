"""A truth table as a basis, a product and a sum: the same formal polynomial as a lookup, and run as one."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest
from helpers import outputs, refused

from lenses import Bits, LensError, Port, compile, compose, copy, fusing, learner, para, reduce_sum, reverse
from lenses import multiply as product
from lenses.circuits import basis, equal_formal, lookup, xor
from lenses.circuits.learning import ascend, ascent, xor_error
from lenses.circuits.tables import Lookup


def written_out(k, name="table"):
    return basis(k) >> para(product, [Port(name, "param", Bits(2**k)[0], "zeros")]) >> reduce_sum()


def rows(k):
    return np.array(list(itertools.product((0, 1), repeat=k)), "int32")


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_a_basis_indicates_the_row(k):
    np.testing.assert_array_equal(compile(basis(k), Bits(k))({}, rows(k)), np.eye(2**k))


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_it_is_the_polynomial_of_a_lookup_and_so_has_its_derivative(k):
    ours, table = written_out(k).at(Bits(k)), lookup(k).at(Bits(k))
    assert equal_formal(ours, table)
    if k < 4:
        assert equal_formal(reverse(ours), reverse(table))


@pytest.fixture
def box_by_box(monkeypatch):
    """No box stands for a whole term."""
    monkeypatch.setattr(fusing, "WHOLES", [])


def test_what_is_not_fused_has_the_same_results(box_by_box):
    k, rng = 4, np.random.default_rng(0)
    x, d = rng.integers(0, 2, (40, k)).astype("int32"), rng.integers(0, 2, 40).astype("int32")
    table = rng.integers(0, 2, 2**k).astype("int32")
    fused, plain = (compile(written_out(k, name), Bits(k)) for name in ("table", "other"))
    assert [type(c.box) for c in fused.circuit.cells] == [Lookup] and len(plain.circuit.cells) == 3
    assert jax.tree.structure(fused.init(jax.random.key(0))) == jax.tree.structure({"table": 0})
    (y, pull), (z, push) = fused.vjp({"table": table}, x), plain.vjp({"other": table}, x)
    (change, dx), (other, dz) = pull(d), push(d)
    for one, two in ((y, z), (change["table"], other["other"]), (dx, dz), (y, table[x @ np.array([8, 4, 2, 1])])):
        np.testing.assert_array_equal(one, two)


def test_the_rows_are_never_made_where_it_is_run_or_trained():
    k = 10
    net, x = compile(written_out(k), Bits(k)), np.zeros((7, k), "int32")
    params = net.init(jax.random.key(0))
    shapes = [shape for _, shape in outputs(jax.make_jaxpr(lambda p, x: net.vjp(p, x)[1](x[:, 0]))(params, x))]
    assert (7, 2**k) not in shapes and (2**k,) in shapes
    fit = learner(written_out(k), Bits(k), loss=xor_error, optimiser=ascent())
    state = fit.init(jax.random.key(0))
    step = jax.make_jaxpr(lambda s, x, y: fit.step(s, x, y))(state, x[:1], x[:1, 0])
    assert (1, 2**k) not in [shape for _, shape in outputs(step)]


def test_parameters_keep_their_names_among_others(box_by_box):
    both = written_out(2) @ written_out(3) >> xor
    net = compile(both, Bits(2) @ Bits(3))
    assert [c.box.label for c in net.circuit.cells].count("basis") == 0
    assert jax.tree.map(np.shape, net.init(jax.random.key(0))) == jax.tree.map(
        np.shape, {name: {"table": np.zeros(n)} for name, n in zip(net.params, (4, 8), strict=True)}
    )
    named = both.at(Bits(2) @ Bits(3)).circuit.params
    assert list(named) == list(net.params)


def test_a_basis_that_is_used_twice_stays(box_by_box):
    indicator, *entry = written_out(2).parts
    twice = indicator >> copy >> compose(*entry) @ reduce_sum()
    net = compile(twice, Bits(2))
    assert [c.box.label for c in net.circuit.cells].count("basis") == 1
    np.testing.assert_array_equal(net({"table": np.array([0, 1, 1, 0])}, rows(2))[0], [0, 1, 1, 0])


def test_it_is_learned_one_example_at_a_time():
    k, y = 3, np.random.default_rng(1).integers(0, 2, 8).astype("int32")
    fit = ascend(written_out(k), Bits(k))
    state = fit.run(fit.init(jax.random.key(0)), (rows(k), y))
    state = state[0] if isinstance(state, tuple) else state
    np.testing.assert_array_equal(jax.tree.leaves(state.params)[0], y)


def test_sizes_are_refused():
    refused(LensError, lambda: basis(0), "from 1 to 20")
    refused(LensError, lambda: basis(21), "from 1 to 20")
