"""Every registered box: typing, broadcasting, meaning, derivative, element types, text and files."""

from __future__ import annotations

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import CASES, ELSEWHERE, POINTWISE
from helpers import close, difference, inner, randomise, read_back, sample

import lenses
from lenses import Real, Space, compile
from lenses.boxes.pointwise import FUNCTIONS, Pointwise, Relu
from lenses.laws.registry import everything
from lenses.spaces import Array, RealElement
from lenses.syntax import from_data, to_data
from lenses.terms import Box

every = pytest.mark.parametrize("case", CASES, ids=[c.id for c in CASES])
real = pytest.mark.parametrize(
    "case",
    [c for c in CASES if any(a.change for a in c.dom)],
    ids=[c.id for c in CASES if any(a.change for a in c.dom)],
)


def at_dtype(space: Space, dtype: str) -> Space:
    """The space with its real arrays carried by `dtype`."""
    return Space(Array(a.sizes, a.names, RealElement(dtype) if a.change else a.element) for a in space)


def boxes_in(term):
    return {type(node.box) for node in term.graph.nodes} | ({type(term)} if isinstance(term, Box) else set())


@functools.cache
def compiled(case, dtype):
    return compile(case.term, case.dom if case.fixed else at_dtype(case.dom, dtype))


def setting(case, dtype="float32", batch=(), seed=0):
    """The compiled case with random parameters, states and inputs."""
    net = compiled(case, dtype)
    params = randomise(jax.eval_shape(net.init, jax.random.key(0)), seed + 1)
    states = jax.tree.map(lambda v: abs(v) + 0.5, randomise(jax.eval_shape(net.init_state), seed + 2))
    xs = sample(net.dom, seed, batch, case.positive)
    return net, params, states, xs


def call(net, params, states, xs):
    return net(params, *xs, state=states)[0] if net.stateful else net(params, *xs)


def lens(net, params, states, xs):
    """The outputs, without new states, and the pullback."""
    if net.stateful:
        (y, _), pullback = net.vjp(params, *xs, state=states)
        return y, pullback
    return net.vjp(params, *xs)


def row(values):
    return values if isinstance(values, tuple) else (values,)


def flat(params, states):
    """Parameters and states of the only box that has any, by port name, in double precision."""
    found = {}
    for tree in (params, states):
        for part in tree.values():
            found |= {k: np.asarray(v, "float64") for k, v in part.items()}
    return found


def test_every_class_has_a_case():
    everything()
    covered = set().union(*(boxes_in(c.term) for c in CASES))
    here = {n: c for n, c in Box.registry.items() if c.__module__.startswith("lenses.")}
    elsewhere = ("lenses.rules", "lenses.reverse", "lenses.laws")
    missing = [
        n for n, c in here.items() if c not in covered and n not in ELSEWHERE and not c.__module__.startswith(elsewhere)
    ]
    assert not missing, f"no test case for the boxes {missing}"
    assert not [n for n in ELSEWHERE if n not in Box.registry]


def test_every_pointwise_function_has_a_formula():
    assert set(FUNCTIONS) == set(POINTWISE)


@every
def test_meaning(case):
    """One example against the formula, in double precision; and the typing rule against the shapes that come out."""
    with jax.enable_x64(True):
        net, params, states, xs = setting(case, "float64")
        out = row(call(net, params, states, xs))
        expected = row(case.formula(flat(params, states), *map(np.asarray, xs)))
        assert len(out) == len(net.cod) == len(expected)
        for y, array, e in zip(out, net.cod, expected, strict=True):
            assert y.shape == array.sizes == np.shape(e)
            assert y.dtype == array.dtype
            np.testing.assert_allclose(np.asarray(y), e, rtol=1e-9, atol=1e-11)


@every
def test_batch_axes_are_mapped_over(case):
    net, params, states, _ = setting(case)
    if not len(net.dom):
        assert jax.eval_shape(lambda: call(net, params, states, [])).shape == net.cod[0].sizes
        return

    def both(two):
        f = lambda *xs: call(net, params, states, xs)  # noqa: E731
        one = [x[0] for x in two]
        return (f(*one), jax.vmap(f)(*one)), (f(*two), jax.vmap(jax.vmap(f))(*two))

    for ours, mapped in jax.jit(both)(sample(net.dom, 3, (2, 5), case.positive)):
        close(ours, mapped, rtol=2e-5, atol=2e-5)


@real
def test_pullback_is_that_of_jax(case):
    """The lens against jax.vjp of the meaning, with a batch axis; and against finite differences."""
    with jax.enable_x64(True):
        net, params, states, xs = setting(case, "float64", (3,))
        moving = [i for i, a in enumerate(net.dom) if a.change]
        rng = np.random.default_rng(9)

        def f(params, moved):
            inputs = list(xs)
            for i, x in zip(moving, moved, strict=True):
                inputs[i] = x
            ys = row(call(net, params, states, inputs))
            return tuple(y for y, a in zip(ys, net.cod, strict=True) if a.change)

        at = (params, [xs[i] for i in moving])
        dys = tuple(jnp.asarray(rng.normal(size=y.shape), y.dtype) for y in jax.eval_shape(f, *at))
        direction = jax.tree.map(lambda v: jnp.asarray(rng.normal(size=v.shape), v.dtype), at)

        @jax.jit
        def both(at, dys):
            ys, pullback = lens(
                net, at[0], states, [at[1][moving.index(i)] if i in moving else x for i, x in enumerate(xs)]
            )
            expected, theirs = jax.vjp(f, *at)
            ours = pullback(*dys)
            slopes = difference(lambda at: f(*at), at, direction, 1e-4) if case.smooth else ()
            return row(ys), ours, expected, theirs(dys), slopes

        ys, (dparams, dxs), expected, (want_params, want_xs), slopes = both(at, dys)
        close(tuple(y for y, a in zip(ys, net.cod, strict=True) if a.change), expected, 1e-12, 1e-12)
        loose = 1e-5 if case.fixed else 1e-9
        close(dparams, want_params, loose, loose / 10)
        close([row(dxs)[i] for i in moving], want_xs, loose, loose / 10)
        assert all(d is None for d, a in zip(row(dxs), net.dom, strict=True) if a.change is None)
        if case.smooth and dys:
            got = inner((dparams, [row(dxs)[i] for i in moving]), direction)
            np.testing.assert_allclose(got, inner(dys, slopes), rtol=1e-6, atol=1e-7)


@real
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_element_types_are_kept(case, dtype):
    """Nothing is promoted, forward or backward."""
    if case.fixed and dtype != "float32":
        return
    net, params, states, xs = setting(case, dtype, (2,))
    assert all(v.dtype == dtype for v in jax.tree.leaves(params))

    def both(xs):
        ys, pullback = lens(net, params, states, xs)
        return row(ys), pullback(*[jnp.ones_like(v) for v, a in zip(row(ys), net.cod, strict=True) if a.change])

    ys, (dparams, dxs) = jax.eval_shape(both, xs)
    assert [v.dtype for v in ys] == [a.dtype for a in net.cod]
    assert jax.tree.map(lambda v: v.dtype, dparams) == jax.tree.map(lambda v: v.dtype, params)
    for d, a in zip(row(dxs), net.dom, strict=True):
        assert (d is None) if a.change is None else d.dtype == a.dtype


@every
def test_text_and_data_read_back(case):
    for term in (case.term, case.term.at(case.dom)):
        back = read_back(term)
        assert back == term and hash(back) == hash(term) and repr(back) == repr(term)
        loaded = from_data(json.loads(json.dumps(to_data(term))))
        assert loaded == term and repr(loaded) == repr(term)


@every
def test_cost_and_glyph(case):
    for node in case.term.graph.nodes:
        assert isinstance(node.box.glyph, str) and node.box.glyph
    if isinstance(case.term, Box):
        flops = case.term.flops(case.dom)
        assert isinstance(flops, int) and flops >= 0


@every
def test_linear_boxes_are_linear(case):
    if (
        not (isinstance(case.term, Box) and case.term.linear)
        or not all(a.change for a in case.dom)
        or not len(case.dom)
    ):
        return
    net, params, states, xs = setting(case)
    others = sample(net.dom, 5)

    @jax.jit
    def both(xs, others):
        total = call(net, params, states, [2 * x + y for x, y in zip(xs, others, strict=True)])
        one, other = (call(net, params, states, x) for x in (xs, others))
        return total, jax.tree.map(lambda a, b: 2 * a + b, one, other)

    total, apart = both(xs, others)
    close(total, apart, 1e-4, 1e-4)


@every
def test_elementwise_boxes_are_elementwise(case):
    """Changing one element of the input changes that element of the output, and no other."""
    if not (isinstance(case.term, Box) and case.term.elementwise):
        return
    net, params, states, xs = setting(case)
    moved = [xs[0].at[1, 2].add(0.7), *xs[1:]]
    changed = np.array(call(net, params, states, xs) != call(net, params, states, moved))
    changed[1, 2] = False
    assert not changed.any()


# -- derivatives of the pointwise functions --------------------------------------------------


@pytest.mark.parametrize("name", sorted(n for n, f in FUNCTIONS.items() if f.derivative is not None))
def test_reverse_terms_of_pointwise_functions(name):
    """The expression of each derivative, as the term that it makes, against jax.vjp of the meaning; at kinks too."""
    entry = FUNCTIONS[name]
    box = Relu() if name == "relu" else Pointwise(name)
    positive = name in ("log", "sqrt", "rsqrt", "reciprocal", "divide")
    points = np.array([0.25, 0.5, 1.0, 2.0, 3.5] if positive else [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])
    if name in ("relu", "step", "sign"):
        oracle = jax.nn.relu if name == "relu" else entry.meaning
    elif name == "leaky_relu":
        oracle = jax.nn.leaky_relu
    else:
        oracle = entry.meaning
    with jax.enable_x64(True):
        xs = [jnp.asarray(points), jnp.asarray(points[::-1] + 0.125)][: entry.arguments]
        space = Space([Array(points.shape, None, RealElement("float64"))] * entry.arguments)
        term = box.reverse_term(space)
        assert term is not None and term.arity == (entry.arguments + 1, entry.arguments)
        d = jnp.asarray(np.random.default_rng(0).normal(size=points.shape))
        _y, pullback = jax.vjp(oracle, *xs)
        got = compile(term, space @ Real(len(points), dtype="float64"))({}, *xs, d)
        close(got if isinstance(got, tuple) else (got,), tuple(pullback(d)), 1e-10, 1e-12)


@every
def test_reverse_terms(case):
    """Where a box has its reverse derivative as a term, it is that of jax.vjp: P @ A @ B' -> P' @ A'."""
    box = case.term
    if not isinstance(box, Box) or not all(a.change for a in case.dom):
        return
    with jax.enable_x64(True):
        net, params, _states, xs = setting(case, "float64")
        try:
            term = box.reverse_term(net.dom)
        except NotImplementedError:
            term = None
        if term is None or net.stateful:
            return
        ports = [p for p in box.ports(net.dom) if p.kind == "param"]
        values = [params[next(iter(params))][p.name] for p in ports]
        dys = [jnp.asarray(np.random.default_rng(i).normal(size=a.sizes)) for i, a in enumerate(net.cod) if a.change]
        dom = Space([*(p.array for p in ports), *net.dom, *(a for a in net.cod if a.change)])

        @jax.jit
        def both(values, params, xs, dys):
            _, pullback = net.vjp(params, *xs)
            return compile(term, dom)({}, *values, *xs, *dys), pullback(*dys)

        back, (dparams, dxs) = both(values, params, xs, dys)
        expected = [dparams[next(iter(dparams))][p.name] for p in ports] + list(
            dxs if isinstance(dxs, tuple) else (dxs,)
        )
        got = list(back if isinstance(back, tuple) else (back,))
        close(got, expected, 1e-9, 1e-10)


# -- ties ------------------------------------------------------------------------------------


def test_relu_at_zero():
    """The derivative of relu at 0 is 0, in the lens and in jax.grad of the compiled function alike."""
    net = compile(lenses.relu, Real(3))
    x = jnp.array([-1.0, 0.0, 1.0])
    close(net.vjp({}, x)[1](jnp.ones(3))[1], np.array([0.0, 0.0, 1.0]))
    close(jax.grad(lambda x: net({}, x).sum())(x), np.array([0.0, 0.0, 1.0]))
    close(jax.jvp(lambda x: net({}, x), (x,), (jnp.ones(3),))[1], np.array([0.0, 0.0, 1.0]))


def test_ties_of_max_pooling():
    """Of tied maxima, the first one in the window gets the change."""
    net = compile(lenses.max_pool(), Real(2, 4, 1))
    x = jnp.zeros((2, 4, 1)).at[1, 3].set(0.0)
    _, dx = net.vjp({}, x)[1](jnp.array([[[2.0], [3.0]]]))
    expected = np.zeros((2, 4, 1))
    expected[0, 0], expected[0, 2] = 2, 3
    close(dx, expected)


def test_ties_of_reductions_share():
    net = compile(lenses.reduce_max(), Real(4))
    _, dx = net.vjp({}, jnp.array([1.0, 3.0, 3.0, 2.0]))[1](jnp.array(1.0))
    close(dx, np.array([0, 0.5, 0.5, 0]))
    assert compile(lenses.argmax(), Real(4))({}, jnp.array([1.0, 3.0, 3.0, 2.0])) == 1


def test_extreme_inputs_stay_numbers():
    x = jnp.array([-1e4, -100.0, 0.0, 100.0, 1e4])
    for box in (
        lenses.softmax(),
        lenses.log_softmax(),
        lenses.logsumexp(),
        lenses.sigmoid,
        lenses.softplus,
        lenses.tanh,
        lenses.silu,
        lenses.gelu,
        lenses.elu,
        lenses.layer_norm(),
        lenses.rms_norm(),
    ):
        net = compile(box, Real(5))
        params = net.init(jax.random.key(0))
        y, pullback = net.vjp(params, x)
        assert jnp.isfinite(y).all(), box
        assert all(jnp.isfinite(v).all() for v in jax.tree.leaves(pullback(jnp.ones_like(y)))), box
