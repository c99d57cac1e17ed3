"""The derivative of causal maps: causal again, the derivative of what they unroll to, and that of JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from helpers import close, normal, randomise

from lenses import (
    Causal,
    Index,
    Real,
    Space,
    compile,
    constant,
    copy,
    cos,
    dense,
    elman,
    embedding,
    gru,
    identity,
    lstm,
    multiply,
    sin,
    zero,
)
from lenses.causal import as_causal, delay, derivative, exposed, trace
from lenses.causal import tangent as tangent_of
from lenses.trees import leaves, pick

V = Real(2, dtype="float64")
PLAIN = {
    "product": trace(multiply >> sin >> copy, constant([0.5, -1.0], V)).at(V),
    "delay": delay(constant([1.0, 2.0], V)).at(V),
    "delayed product": (copy >> delay(V) @ cos >> multiply).at(V),
    "stateless": as_causal(sin).at(V),
    "first": Causal(zero(V), multiply >> copy, [identity @ sin]).at(V),
}
STEPS = 4


def on_sequences(f: Causal, params, *xs):
    """The outputs of a map on arrays with steps in front, by taking its steps one after the other."""
    net = compile(f.unroll(STEPS), Space(a for _ in range(STEPS) for a in f.domain("here")))
    rows = [x[t] for t in range(STEPS) for x in xs]
    out = net(params, *rows)
    many = f.arity[1]
    return [jnp.stack(out[i::many]) for i in range(many)]


def in_order(f: Causal, params) -> list:
    """The parameters of a step in the order in which they are wires."""
    return [pick(params, path) for path, _ in leaves(f.typed_step(len(f.first)).circuit.params)]


@pytest.mark.parametrize("name", PLAIN)
def test_tangent_is_that_of_jax(name, x64):
    f = PLAIN[name]
    x, dx = normal(1, STEPS, 2, dtype="float64"), normal(2, STEPS, 2, dtype="float64")
    want = jax.jvp(lambda x: on_sequences(f, {}, x)[0], [x], [dx])
    close(on_sequences(tangent_of(f), {}, x, dx), list(want), 1e-12, 1e-12)
    close(on_sequences(derivative(f), {}, x, dx), [want[1]], 1e-12, 1e-12)
    # Twice: along the tangent of the tangent, against JAX's.
    w, dw = normal(3, STEPS, 2, dtype="float64"), normal(4, STEPS, 2, dtype="float64")
    twice = jax.jvp(lambda x, d: jax.jvp(lambda x: on_sequences(f, {}, x)[0], [x], [d])[1], [x, dx], [w, dw])[1]
    close(on_sequences(derivative(derivative(f)), {}, x, dx, w, dw), [twice], 1e-12, 1e-12)


@pytest.mark.parametrize("cell", [elman, *(pytest.param(c, marks=pytest.mark.slow) for c in (lstm, gru))])
def test_tangent_of_cells_is_that_of_jax(cell, x64):
    f = cell(3, dtype="float64").at(V)
    d = tangent_of(f)
    assert d.dom == V @ V and d.state == f.state @ f.state and d.cod == f.cod @ f.cod
    scanned = compile(d.along(0), Real(STEPS, 2, dtype="float64") @ Real(STEPS, 2, dtype="float64"))
    net = compile(f.along(0), Real(STEPS, 2, dtype="float64"))
    params = randomise(net.init(jax.random.key(0)))
    assert jax.tree.structure(scanned.params) == jax.tree.structure(net.params)
    x, dx = normal(1, STEPS, 2, dtype="float64"), normal(2, STEPS, 2, dtype="float64")
    close(scanned(params, x, dx), jax.jvp(lambda x: net(params, x), [x], [dx]), 1e-12, 1e-12)


def test_parameters_as_wires_and_their_derivative(x64):
    f = elman(3, dtype="float64").at(V)
    bare = exposed(f)
    net = compile(f.along(0), Real(STEPS, 2, dtype="float64"))
    params, along = (randomise(net.init(jax.random.key(0)), seed) for seed in (1, 2))
    x = normal(1, STEPS, 2, dtype="float64")
    rows = [jnp.stack([p] * STEPS) for p in in_order(f, params["scan_0"])]
    assert [a.sizes for a in bare.domain("here")] == [*(p.shape[1:] for p in rows), (2,)]
    close(on_sequences(bare, {}, *rows, x)[0], net(params, x), 1e-12, 1e-12)
    moves = [jnp.stack([p] * STEPS) for p in in_order(f, along["scan_0"])]
    want = jax.jvp(lambda p: net(p, x), [params], [along])[1]
    close(on_sequences(derivative(bare), {}, *rows, x, *moves, 0 * x), [want], 1e-12, 1e-12)


def test_parameters_of_first_steps_as_wires():
    step = dense(2) @ identity >> multiply >> copy
    f = Causal(zero(Real(2)), step, [step]).at(Real(2))
    bare = exposed(f)
    net = compile(f.unroll(3), Real(2) @ Real(2) @ Real(2))
    params = randomise(net.init(jax.random.key(0)))
    own = [v for name in ("step_0", "step") for v in in_order(f, params[name])]
    assert [a.sizes for a in bare.domain("here")] == [(2, 2), (2,), (2, 2), (2,), (2,)]
    x = normal(1, 3, 2)
    every = compile(bare.unroll(3), Space(a for _ in range(3) for a in bare.domain("here")))
    close(every({}, *(v for t in range(3) for v in (*own, x[t]))), net(params, *x))


def test_indices_have_no_changes():
    f = (embedding(2) >> elman(2)).at(Index(below=3))
    d = tangent_of(f)
    assert d.dom == Index(below=3) and len(d.state) == 2 and len(d.cod) == 2


def test_a_wrong_start_of_the_derivative_is_seen(x64):
    """Started anywhere but at (i, 0) it is no derivative."""
    f = PLAIN["product"]
    d = tangent_of(f)
    wrong = Causal(f.initial @ f.initial, d.step, dom=d.dom)
    x, dx = normal(1, STEPS, 2, dtype="float64"), normal(2, STEPS, 2, dtype="float64")
    right, off = (on_sequences(g, {}, x, dx)[1] for g in (d, wrong))
    assert abs(right - off).max() > 0.1
