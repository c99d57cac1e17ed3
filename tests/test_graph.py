"""The canonical wiring graph: one representative for each class, in linear time, as networkx sees it too."""

from __future__ import annotations

import random

import jax.numpy as jnp
import networkx
import pytest
from helpers import calls, interchange, isomorphic, seeded_term, term_of
from hypothesis import given
from hypothesis import strategies as st

from lenses import Real, add, compose, copy, dense, discard, identity, lift, relu, swap, tanh, tensor, zero
from lenses.graph import canonical, renumber
from lenses.terms import to_graph


def shuffled(term, rng):
    """The term's graph with its nodes in another topological order and its wires numbered anew."""
    graph = to_graph(term)
    producer = {w: i for i, node in enumerate(graph.nodes) for w in node.outs}
    left = set(range(len(graph.nodes)))
    order = []
    while left:
        ready = [i for i in left if not any(producer.get(w) in left for w in graph.nodes[i].ins)]
        order.append(rng.choice(sorted(ready)))
        left.remove(order[-1])
    return renumber(graph, order)


@given(st.integers(0, 100_000), st.integers(0, 100))
def test_every_order_has_the_same_canonical_graph(seed, other):
    layers, start = seeded_term(seed, 14)
    term = term_of(layers, len(start))
    graph = shuffled(term, random.Random(other))
    assert canonical(graph).code == term.graph.code
    again = term_of(interchange(layers, random.Random(other)), len(start))
    assert again.graph.code == term.graph.code


@given(st.integers(0, 100_000))
def test_canonical_is_idempotent_and_well_formed(seed):
    layers, start = seeded_term(seed, 12)
    graph = term_of(layers, len(start)).graph
    assert canonical(graph).code == graph.code
    known = set(range(graph.inputs))
    for node in graph.nodes:
        assert set(node.ins) <= known and not known & set(node.outs)
        assert (len(node.ins), len(node.outs)) == node.box.arity
        known |= set(node.outs)
    used = [w for node in graph.nodes for w in node.ins] + list(graph.outs)
    assert sorted(used) == sorted(known)  # every wire is used once


def test_networkx_view():
    term = copy >> (relu @ tanh) >> add
    graph = term.graph.networkx()
    assert isinstance(graph, networkx.MultiDiGraph)
    assert graph.number_of_nodes() == 4 + 2 and graph.number_of_edges() == 6
    assert networkx.is_directed_acyclic_graph(graph)
    boxes = networkx.get_node_attributes(graph, "box")
    assert sorted(map(repr, boxes.values())) == ["add", "copy", "relu", "tanh"]
    ports = sorted(data["ports"] for _, end, data in graph.edges(data=True) if repr(boxes.get(end)) == "add")
    assert [p[1] for p in ports] == [0, 1]


def test_wiring_leaves_no_node():
    assert compose(swap, swap, identity(2)).graph.nodes == ()
    assert (swap >> (relu @ tanh) >> swap).graph.code == (tanh @ relu).graph.code
    assert (identity @ identity).graph.outs == (0, 1) and swap.graph.outs == (1, 0)


def test_ports_matter():
    assert not isomorphic(copy >> (relu @ tanh) >> add, copy >> (tanh @ relu) >> add)
    assert copy >> (relu @ tanh) >> add != copy >> (tanh @ relu) >> add
    assert (copy >> (relu @ tanh) >> swap >> add) == (copy >> swap >> (tanh @ relu) >> add)


@pytest.mark.parametrize("ports", [2, 3, 5])
def test_symmetric_parts_without_boundary(ports):
    """A closed part with many automorphisms, spelled in several orders."""
    closed = zero(Real(2)) >> copy(ports) >> tensor(*[relu] * ports) >> add(ports) >> discard
    other = (
        zero(Real(2))
        >> copy(ports)
        >> compose(*[tensor(*[relu if j == i else identity for j in range(ports)]) for i in range(ports)])
        >> add(ports)
        >> discard
    )
    assert closed == other and hash(closed) == hash(other)


def test_lifted_functions_of_one_name():
    f = lift(lambda x: jnp.sin(x))
    g = lift(lambda x: jnp.cos(x))
    assert repr(f) == repr(g) and f != g
    a, b = zero(Real(2)) >> f >> discard, zero(Real(2)) >> g >> discard
    assert a != b and a @ b == b @ a and hash(a @ b) == hash(b @ a)


def test_linear_time():
    def work(n):
        layer = (relu @ tanh) >> swap
        return calls(hash, compose(*[layer] * n))

    assert work(4_000) < 4.2 * work(1_000)  # a square would be 16 times


@pytest.mark.slow
@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_every_order_has_the_same_canonical_graph_at_length(seed, other):
    layers, start = seeded_term(seed, 40, 4)
    term = term_of(layers, len(start))
    assert canonical(shuffled(term, random.Random(other))).code == term.graph.code


def test_boxes_of_one_kind_with_other_data_differ():
    assert (dense(2) @ dense(3)).graph.code != (dense(3) @ dense(2)).graph.code
