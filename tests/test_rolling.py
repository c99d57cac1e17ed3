"""Finding repeats: the rolled term means what the written one means."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from helpers import calls, close, normal, randomise
from hypothesis import given, settings
from hypothesis import strategies as st

from lenses import (
    Real,
    add,
    compile,
    compose,
    copy,
    dense,
    einsum,
    identity,
    relu,
    scale,
    sin,
    softmax,
    square,
    tanh,
)
from lenses.rolling import LEAST, roll


def rolled(term, space=None):
    return roll(term.at(space or Real(4))).term


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (compose(*[tanh] * 5), tanh**5),
        (compose(*[dense(4) >> relu] * 7), (dense(4) >> relu) ** 7),
        (compose(sin, *[dense(4) >> relu] * 4, square), sin >> (dense(4) >> relu) ** 4 >> square),
        (compose(*[tanh] * 3, *[sin] * 4), tanh**3 >> sin**4),
        (compose(*[dense(4), dense(4), tanh] * 3), (dense(4) >> dense(4) >> tanh) ** 3),
        (compose(*[tanh] * (LEAST - 1)), compose(*[tanh] * (LEAST - 1))),
        (compose(dense(3), dense(5), dense(3), dense(5)), compose(dense(3), dense(5), dense(3), dense(5))),
        (compose(*[copy >> (identity @ dense(4)) >> add] * 6), (copy >> (identity @ dense(4)) >> add) ** 6),
        (relu, relu),
    ],
)
def test_runs_are_found(term, expected):
    assert rolled(term) == expected


def test_layers_that_change_the_space_are_left():
    term = compose(*[dense(3), dense(4)] * 4)
    assert rolled(term) == (dense(3) >> dense(4)) ** 4
    widening = compose(*[copy >> (identity @ identity) >> add] * 2)
    assert rolled(widening) == widening


@settings(max_examples=30)
@given(st.lists(st.sampled_from([tanh, sin, scale(0.5), square]), max_size=14))
def test_the_meaning_is_kept(boxes):
    term = compose(identity, *boxes)
    x = normal(0, 4) * 0.5

    def value(t):
        h = np.asarray(x, "float64")
        for node in t.graph.nodes:
            for _ in range(getattr(node.box, "times", 1)):
                inner = getattr(node.box, "term", node.box)
                for part in inner.graph.nodes:
                    h = {tanh: np.tanh, sin: np.sin, square: np.square}.get(part.box, lambda v: 0.5 * v)(h)
        return h

    np.testing.assert_allclose(value(rolled(term)), value(term), rtol=1e-12)


def test_compiled_values_and_changes_agree():
    term = compose(dense(4), *[dense(4) >> tanh >> dense(4)] * 3, tanh)
    one, two = compile(term, Real(3)), compile(term, Real(3), scan="auto")
    stacked = randomise(jax.eval_shape(two.init, jax.random.key(0)))
    flat = {"dense_0": stacked["dense_0"]}
    for i in range(3):
        for j in range(2):
            flat[f"dense_{1 + 2 * i + j}"] = jax.tree.map(lambda v, i=i: v[i], stacked["repeat_0"][f"dense_{j}"])
    x = normal(0, 5, 3)
    close(one(flat, x), two(stacked, x), 1e-4, 1e-5)
    y, pullback = two.vjp(stacked, x)
    dflat, dx = one.vjp(flat, x)[1](y)
    dstacked, dx2 = pullback(y)
    close(dx, dx2, 1e-3, 1e-4)
    close(dstacked["repeat_0"]["dense_1"]["weight"][2], dflat["dense_6"]["weight"], 1e-3, 1e-4)


def test_names_of_axes_end_a_run():
    """The second layer acts on the other axis, by its name: the layers are not alike, whatever their sizes say."""
    layer = softmax("a") >> einsum("a b -> b a")
    term = compose(*[layer] * 4)
    x = normal(0, 3, 3)
    space = Real(a=3, b=3)
    close(compile(term, space)({}, x), compile(term, space, scan="auto")({}, x), 1e-6)


def test_a_repeat_of_a_term_that_renames_its_axes():
    """``f ** n`` means f after itself, names and all; where that is no loop, it is refused."""
    layer = softmax("a") >> einsum("a b -> b a")
    x = normal(0, 3, 3)
    try:
        net = compile(layer**4, Real(a=3, b=3))
    except ValueError as error:
        assert "name" in str(error) or "axis" in str(error)
        return
    close(net({}, x), compile(compose(*[layer] * 4), Real(a=3, b=3))({}, x), 1e-6)


def test_long_chains_are_rolled_in_linear_time():
    def work(n):
        typed = compose(*[dense(4) >> relu >> dense(4) >> tanh] * n).at(Real(4))
        assert roll(typed).term == (dense(4) >> relu >> dense(4) >> tanh) ** n
        return calls(roll, typed)

    work(10)  # what is made once
    assert work(1600) < 4.4 * work(400)  # a square would be 16 times
