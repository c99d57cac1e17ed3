"""What backpropagation through time keeps of the way forward: as much as a scan written by hand, to the byte."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import pytest
from benchmarks.causal import CELLS, HAND, bytes_of
from helpers import normal

from lenses import Real, add, compile, copy, linear, scan
from lenses.combinators.loops import once

STEPS, SIZE, WIDTH, BATCH = 7, 3, 5, 2


def kept_by_jax(function: Any, params: Any, x: Any) -> int:
    """The bytes of what `jax.vjp` of a function keeps, its parameters aside, each array once."""
    program = jax.make_jaxpr(lambda p, x: jax.vjp(function, p, x)[1])(params, x).jaxpr
    given = set(program.invars[: len(jax.tree.leaves(params))])
    found = {v for v in program.outvars if not hasattr(v, "val") and v not in given}
    return sum(v.aval.size * v.aval.dtype.itemsize for v in found)


@pytest.mark.parametrize("name", CELLS)
def test_kept_is_that_of_the_hand_written_scan(name):
    net = compile(CELLS[name](WIDTH).along("time"), Real(time=STEPS, d=SIZE))
    params, x = net.init(jax.random.key(0)), normal(1, BATCH, STEPS, SIZE)
    assert sum(net.kept(params, x).values()) == kept_by_jax(HAND[name], params, x)


@pytest.mark.slow
@pytest.mark.optimised
def test_temporaries_are_no_more_than_those_of_the_hand_written_scan():
    ours, hand = bytes_of("lstm", 16, 4, 8, 3)
    assert 0 < ours <= hand


def test_what_several_boxes_of_a_step_keep_is_kept_once():
    """Three layers read the state, and two the input: each is kept once."""
    cell = copy(3) @ copy >> linear(2) @ linear(2) @ linear(2) @ linear(2) @ linear(2) >> add(5)
    net = compile(scan(cell, "t"), Real(2) @ Real(t=4, d=2))
    params = net.init(jax.random.key(0))
    kept = net.kept(params, normal(1, 2), normal(2, 4, 2))
    assert sum(kept.values()) == 4 * 4 * 2 * 2  # in 4 steps the state before and the input, of two reals each


def test_once_tells_arrays_apart_by_themselves():
    a, b, c = jnp.zeros(2), jnp.zeros(2), jnp.ones(3)
    own, (used, places, tree) = once([a, (b, a), c, {"x": c}], [c])
    assert own == [a, b] and used == [0] and places == (0, 1, 0, 2, 2)
    assert jax.tree.unflatten(tree, places) == [0, (1, 0), 2, {"x": 2}]
