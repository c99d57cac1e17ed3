"""In which order chains are multiplied: beside every order there is, and beside forward and reverse mode."""

from __future__ import annotations

import functools
import random
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lenses import Real, Typed, add, compile, compose, copy, dense, identity, jacobian, linear, multiply, scale, tanh
from lenses.cost import operations
from lenses.differentiation import order
from lenses.differentiation.order import Costs, cheapest

sys.path.insert(0, str(Path(__file__).parents[1]))


def every(costs: Costs) -> float:
    """The least cost of a chain, by trying every order: all splits, all first parts and all last parts."""

    @functools.cache
    def best(i: int, j: int) -> float:
        d = costs.widths
        if j - i == 1:
            return costs.own[i]
        found = [best(i, k) + best(k, j) + 2 * d[i] * d[k] * d[j] for k in range(i + 1, j)]
        found.append(best(i, j - 1) + d[i] * costs.push[j - 1])
        found.append(best(i + 1, j) + d[j] * costs.pull[i])
        return min(found)

    return best(0, len(costs.own))


def spent(program: order.Program, costs: Costs) -> float:
    """What a program costs, run on the numbers of columns and rows alone."""
    stack: list[tuple[int, int]] = []
    total = 0.0
    for does, start, stop in program:
        if does == "own":
            stack.append((start, start + 1))
            total += costs.own[start]
        elif does == "identity":
            stack.append((start, start))
        elif does == "push":
            a, b = stack.pop()
            assert b == start
            total += costs.widths[a] * sum(costs.push[start:stop])
            stack.append((a, stop))
        elif does == "pull":
            a, b = stack.pop()
            assert a == stop
            total += costs.widths[b] * sum(costs.pull[start:stop])
            stack.append((start, b))
        else:
            (c, d), (a, b) = stack.pop(), stack.pop()
            assert b == c
            total += 2 * costs.widths[a] * costs.widths[b] * costs.widths[d]
            stack.append((a, d))
    assert stack == [(0, len(costs.own))]
    return total


def drawn(rng: random.Random, n: int) -> Costs:
    widths = [rng.choice((1, 2, 3, 5, 8, 13, 40)) for _ in range(n + 1)]
    dense = [2 * a * b for a, b in pairwise(widths)]
    push = [rng.choice((w, w // 2, 0, rng.randint(0, 50))) for w in dense]
    pull = [rng.choice((w, w // 2, 0, rng.randint(0, 50))) for w in dense]
    return Costs(widths, [rng.choice((0, rng.randint(0, 500))) for _ in dense], push, pull)


@pytest.mark.parametrize("seed", range(40))
def test_no_order_is_cheaper(seed):
    rng = random.Random(seed)
    costs = drawn(rng, rng.randint(1, 9))
    cost, program = cheapest(costs)
    assert cost == every(costs) == spent(program, costs)


def test_the_textbook_chain_of_matrices():
    """Cormen et al., Introduction to Algorithms: 15125 multiplications for six matrices."""
    widths = (30, 35, 15, 5, 10, 20, 25)
    dense = [2 * a * b for a, b in pairwise(widths)]
    assert cheapest(Costs(widths, [0] * 6, dense, dense))[0] == 2 * 15125


@pytest.mark.parametrize("n", [97, 400, 2000])
def test_long_chains_are_cut_and_never_dearer_than_either_mode(n):
    costs = drawn(random.Random(n), n)
    cost, program = cheapest(costs)
    assert cost == pytest.approx(spent(program, costs))
    for mode in (order.forward(n), order.reverse(n)):
        assert cost <= spent(mode, costs) + min(costs.own[0], costs.own[-1])


def test_cutting_loses_little(monkeypatch):
    costs = drawn(random.Random(5), 90)
    exact, _ = cheapest(costs)
    monkeypatch.setattr(order, "MOST", 30)
    assert exact <= cheapest(costs)[0] <= 1.5 * exact


# -- Jacobians -----------------------------------------------------------------------------------


def layers(*widths: int, end: Any = identity) -> Typed:
    """Linear layers of these widths, with an activation between."""
    parts = [part for n in widths[1:] for part in (linear(n), end)]
    return compose(*parts[:-1]).at(Real(widths[0]))


def shapes(term: Typed) -> tuple[Any, Any]:
    params = jax.eval_shape(compile(term).init, jax.random.key(0))
    return params, jax.ShapeDtypeStruct(term.dom[0].sizes, term.dom[0].dtype)


@pytest.mark.parametrize("widths", [(9, 5, 3, 1), (1, 4, 8), (12, 12, 1, 12, 12), (2, 12, 12, 2), (3, 7, 2, 9, 4)])
@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_the_work_is_what_the_program_does(widths, mode):
    """Of linear layers the Jacobian depends on no values, so that products are all there is."""
    term = layers(*widths)
    ours = jacobian(term, mode=mode)
    assert operations(ours, *shapes(term)).total == ours.flops


def test_auto_is_the_better_mode_or_better():
    found = {}
    for name, widths in {"narrower": (16, 8, 1), "wider": (1, 8, 16), "hourglass": (16, 16, 1, 16, 16)}.items():
        term = layers(*widths, end=tanh)
        found[name] = [jacobian(term, mode=mode).flops for mode in ("auto", "forward", "reverse")]
    auto, forward, reverse = zip(*found.values(), strict=True)
    assert auto[0] == reverse[0] < forward[0] and auto[1] == forward[1] < reverse[1]
    assert 4 * auto[2] < min(forward[2], reverse[2])


@pytest.mark.parametrize("seed", range(12))
def test_random_chains_take_no_more_work_than_either_mode(seed):
    from benchmarks.jacobian import chain

    term = chain(random.Random(seed))
    auto, forward, reverse = (jacobian(term, mode=mode).flops for mode in ("auto", "forward", "reverse"))
    assert auto <= min(forward, reverse)


@pytest.mark.parametrize("seed", [43])
def test_measured_it_is_no_worse_as_compiled_either(seed):
    from benchmarks.jacobian import chain, counted

    found = counted(chain(random.Random(seed)))
    assert found["measured"][1] <= min(found["forward"][1], found["reverse"][1])


def test_diagonals_are_multiplied_first():
    """Twelve activations in a row are one diagonal."""
    term = (compose(*[tanh] * 12) >> linear(8)).at(Real(8))
    assert jacobian(term).flops == 11 * 8 + 8 * 8
    gate = (copy >> identity @ tanh >> multiply >> linear(8)).at(Real(8))
    assert jacobian(gate).flops == 8 + 8 + 8 * 8


def test_a_chain_of_1000_boxes_is_planned_without_recursion():
    rng = random.Random(0)
    parts = [part for _ in range(500) for part in (dense(rng.choice((4, 8, 16, 64))), tanh)]
    term = compose(*parts).at(Real(8))
    _ = term.circuit
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        ours = jacobian(term)
    finally:
        sys.setrecursionlimit(limit)
    assert ours.flops < min(jacobian(term, mode=mode).flops for mode in ("forward", "reverse"))
    residual = compose(*[copy >> identity @ tanh >> add, scale(0.5)] * 250).at(Real(3))
    assert jacobian(residual).flops == jacobian(residual, mode="reverse").flops or jacobian(residual).flops < 1e5


# -- as a function of JAX --------------------------------------------------------------------------


def test_jit_vmap_and_grad_of_a_jacobian():
    term = (linear(3) >> tanh >> linear(2)).at(Real(4))
    net, ours = compile(term), jacobian(term)
    params = net.init(jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (5, 4))
    theirs = jax.vmap(jax.jacrev(lambda v: net(params, v)))(x)
    np.testing.assert_allclose(jax.jit(jax.vmap(ours, (None, 0)))(params, x), theirs, atol=1e-6)

    def size(jac: Any) -> Any:
        return jax.jit(jax.grad(lambda p: (jac(p, x[0]) ** 2).sum()))(params)

    by_jax = size(lambda p, v: jax.jacrev(lambda v: net(p, v))(v))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), size(ours), by_jax)


def test_axes_of_several_wires():
    term = (copy @ identity >> identity @ add).at(Real(2, 3), Real(2, 3))
    (a, b), (c, d) = jacobian(term)(jnp.ones((2, 3)), jnp.ones((2, 3)))
    for block, expected in ((a, 1.0), (b, 0.0), (c, 1.0), (d, 1.0)):
        assert block.shape == (2, 3, 2, 3)
        np.testing.assert_array_equal(block.reshape(6, 6), expected * np.eye(6))


def test_the_order_in_words():
    ours = jacobian(layers(16, 16, 1, 16, 16))
    assert ours.order.split(", ")[-1] == "product" and "own" in ours.order
    assert "auto" in repr(ours) and jacobian(tanh.at(Real(2)), mode="forward").order == "identity 0, push 0:1"
