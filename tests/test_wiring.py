"""Terms from Python functions, against the same terms without names."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import close, normal, refused
from hypothesis import given
from hypothesis import strategies as st

from lenses import (
    ArityError,
    LensError,
    Real,
    add,
    compile,
    compose,
    constant,
    copy,
    dense,
    discard,
    divide,
    einsum,
    identity,
    multiply,
    permute,
    relu,
    scale,
    shift,
    softmax,
    split,
    swap,
    tanh,
    tensor,
    wired,
    zero,
)


def test_a_chain_is_the_chain():
    assert wired(lambda x: tanh(relu(x))) == relu >> tanh
    assert wired(lambda x: x) == identity
    assert wired(lambda x, y: (y, x)) == swap
    assert wired(lambda x, y, z: (z, x, y)) == permute(2, 0, 1)
    assert wired(lambda x, y: (relu(x), tanh(y))) == relu @ tanh
    assert wired(lambda x, y: (tanh(y), relu(x))) == (relu @ tanh) >> swap


def test_uses_are_copied_and_the_rest_discarded():
    assert wired(lambda x: add(x, x)) == copy >> add
    assert wired(lambda x: (x, x, x)) == copy(3)
    assert wired(lambda x, y: x) == identity @ discard
    assert wired(lambda x: None) == discard
    assert wired(lambda x: add(relu(x), x)) == copy >> (relu @ identity) >> add
    skip = wired(lambda x: add(tanh(relu(x)), x))
    assert skip == copy >> ((relu >> tanh) @ identity) >> add
    crossed = wired(lambda x: add(x, tanh(relu(x))))  # the copies are in the order of their uses
    assert crossed == copy >> ((relu >> tanh) @ identity) >> swap >> add
    assert wired(lambda x: (split(2, 2)(x)[0],)) == split(2, 2) >> (identity @ discard)
    assert wired(lambda x: (relu(x), ())[0]) == relu


def test_several_outputs_of_a_term():
    @wired
    def halves(x):
        a, b = split(2, 3)(x)
        return b, a

    assert halves == split(2, 3) >> swap and halves.arity == (1, 2)


def test_terms_without_inputs():
    assert wired(lambda x: add(x, constant([1.0, 2.0])())) == identity @ constant([1.0, 2.0]) >> add
    assert wired(lambda: zero(Real(3))()) == zero(Real(3))


def test_attention():
    @wired
    def attention(q, k, v):
        scores = einsum("query d, key d -> query key")(q, k)
        weights = softmax("key")(scale(8**-0.5)(scores))
        return einsum("query key, key d -> query d")(weights, v)

    plain = compose(
        einsum("query d, key d -> query key") @ identity,
        scale(8**-0.5) @ identity,
        softmax("key") @ identity,
        einsum("query key, key d -> query d"),
    )
    assert attention == plain and hash(attention) == hash(plain) and attention.arity == (3, 1)
    q, k, v = normal(0, 4, 8), normal(1, 5, 8), normal(2, 5, 8)
    scores = np.asarray(q) @ np.asarray(k).T / np.sqrt(8)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    net = compile(attention, Real(query=4, d=8) @ Real(key=5, d=8) @ Real(key=5, d=8))
    close(net({}, q, k, v), weights @ np.asarray(v))


def test_operators():
    assert wired(lambda x, y: x + y) == add
    assert wired(lambda x, y: x * y) == multiply
    assert wired(lambda x, y: x / y) == divide
    assert wired(lambda x: x * 2) == scale(2.0) == wired(lambda x: 2 * x)
    assert wired(lambda x: x + 3) == shift(3.0) == wired(lambda x: 3 + x)
    assert wired(lambda x: -x) == scale(-1.0)
    space = Real(5) @ Real(5)
    x, y = normal(0, 5), normal(1, 5)
    meanings = [
        (lambda a, b: a - b),
        (lambda a, b: (a - 1.5) * b),
        (lambda a, b: 2.0 - a * b),
        (lambda a, b: a / 4 + b),
        (lambda a, b: -(a + b) * a),
        (lambda a, b: a * a / (b * b + 1)),
    ]
    for f in meanings:
        close(compile(wired(f), space)({}, x, y), f(np.asarray(x), np.asarray(y)))


def test_dividing_a_number_by_a_wire():
    f = wired(lambda x: 1.0 / x)
    close(compile(f, Real(4))({}, jnp.arange(1.0, 5.0)), 1 / np.arange(1.0, 5.0))


def test_numbers_of_numpy():
    f = wired(lambda x: x * np.float32(2.0) + np.float64(1.0))
    close(compile(f, Real(3))({}, jnp.arange(3.0)), np.arange(3.0) * 2 + 1)


def test_terms_apply_to_arrays():
    close(add(jnp.ones(3), jnp.arange(3.0)), np.ones(3) + np.arange(3))
    close(softmax()(np.zeros(4, "float32")), np.full(4, 0.25))
    refused(LensError, lambda: dense(3)(jnp.ones(2)), "dense\\(3\\)", "has parameters", "compile")
    refused(ArityError, lambda: add(jnp.ones(3)), "add", "1 arrays", "2")


@given(st.integers(0, 10_000))
def test_random_wirings(seed):
    """A random program over wires, run on numbers by Python and as a term."""
    rng = np.random.default_rng(seed)
    steps = [(int(rng.integers(3)), rng.integers(0, 3 + i, 2).tolist()) for i in range(6)]
    ends = rng.integers(0, 9, 3).tolist()

    def program(a, b, c, ops):
        row = [a, b, c]
        for op, (i, j) in steps:
            row.append(ops[op](row[i], row[j]))
        return tuple(row[i] for i in ends)

    term = wired(lambda a, b, c: program(a, b, c, [add, multiply, lambda x, y: scale(2.0)(x)]))
    assert term.arity == (3, 3)
    xs = rng.normal(size=(3, 2)) * 0.5
    a, b, c = xs
    expected = program(a, b, c, [lambda x, y: x + y, lambda x, y: x * y, lambda x, y: 2 * x])
    close(term(*[jnp.asarray(x, "float32") for x in xs]), tuple(np.asarray(e, "float32") for e in expected), rtol=1e-4)


def test_errors():
    refused(ArityError, lambda: wired(lambda x: add(x)), "add is applied to 1 wires", "2 wires")
    refused(
        LensError, lambda: wired(lambda x: relu(3.0) if x is None else add(x, 3.0)), "add", "input 1", "3.0", "constant"
    )
    refused(LensError, lambda: wired(lambda x: add(x, jnp.ones(3))), "add", "input 1", "constant")
    refused(LensError, lambda: wired(lambda x: 3), "returns wires", "3")
    refused(ArityError, lambda: wired(lambda *xs: xs[0]), "fixed number of parameters")
    refused(ArityError, lambda: wired(lambda x, *, y: x), "fixed number of parameters")
    refused(LensError, lambda: wired(lambda x: relu(x) if x else x), "no value while a term is traced")
    refused(LensError, lambda: wired(lambda x: x + "a"), "cannot be combined with 'a'")

    def unpack(x):
        a, _b = relu(x)
        return a

    refused(LensError, lambda: wired(unpack), "one wire cannot be unpacked", "split")
    kept = []
    wired(lambda x: kept.append(x) or x)
    refused(LensError, lambda: wired(lambda x: add(x, kept[0])), "a wire of another term")


def test_an_error_inside_leaves_nothing_behind():
    with pytest.raises(ZeroDivisionError):
        wired(lambda x: 1 // 0)
    assert jnp.allclose(zero(Real(2))(), jnp.zeros(2))


def test_wide_and_nested():
    assert wired(lambda a, b, c: (tensor(relu, tanh)(a, c), b)[0]) == wired(lambda a, b, c: (relu(a), tanh(c)))
    outer = wired(lambda x: wired(lambda y: relu(y))(x))
    assert outer == relu
