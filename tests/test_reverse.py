"""The reverse derivative and the tangent functor as terms, against `jax.vjp` and `jax.jvp` of the forward meaning."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import NAMESPACE, close, refused, sample

from lenses import (
    Index,
    LensError,
    Real,
    Residue,
    SpaceError,
    Typed,
    add,
    batch_norm,
    bias,
    block,
    compile,
    compose,
    concatenate,
    constant,
    conv,
    copy,
    coupling,
    dense,
    discard,
    dropout,
    einsum,
    embedding,
    expose,
    flops,
    gelu,
    identity,
    layer_norm,
    lift,
    load_term,
    log_softmax,
    multiply,
    over,
    rearrange,
    reduce_max,
    reduce_mean,
    relu,
    reverse,
    save_term,
    scale,
    scan,
    sigmoid,
    softmax,
    split,
    square,
    swap,
    tangent,
    tanh,
    tied,
    zero,
)
from lenses.reverse import Reverse


def space(*sizes, **named):
    return Real(*sizes, dtype="float64", **named)


CASES = {
    "perceptron": (dense(5) >> tanh >> dense(3), space(4)),
    "residual": (copy >> (identity @ (dense(4) >> sigmoid)) >> add, space(4)),
    "unused branch": (copy >> (identity @ (dense(4) >> discard)) >> square, space(4)),
    "crossed": ((dense(3) @ square) >> swap >> (identity @ dense(2)), space(4) @ space(2)),
    "repeat": ((dense(4) >> relu) ** 3, space(4)),
    "tied": (tied("a", dense(4)) >> tanh >> tied("a", dense(4)), space(4)),
    "tied in a repeat": ((tied("a", dense(4)) >> tanh) ** 3, space(4)),
    "block": (block("e", dense(4) >> softmax()) >> copy >> einsum("a, b -> a b"), space(4)),
    "three uses": (copy(3) >> (dense(4) @ tanh @ identity) >> add(3), space(4)),
    "over": (over("h", dense(3) >> gelu), space(h=3, d=4)),
    "coupling": (coupling(dense(4) >> tanh, dense(4)), space(4) @ space(4)),
    "images": (layer_norm() >> rearrange("(a b) -> b a", a=2) >> conv(3, (3,)), space(4)),
    "scan": (scan((dense(4) @ dense(4)) >> add >> tanh >> copy, "time"), space(4) @ space(time=5, d=3)),
    "split": (concatenate() >> split(3, 5) >> (square @ log_softmax()), space(4) @ space(4)),
    "constants": ((identity @ constant([1.0, 2.0, 3.0], space(3))) >> multiply >> bias(), space(3)),
    "zero": ((identity @ zero(space(3))) >> add >> scale(2.0), space(3)),
    "reductions": (copy >> (reduce_mean() @ reduce_max()) >> multiply, space(2, 4)),
    "leading axes": (dense(3) >> tanh, space(2, 4)),
    "lifted": (dense(3) >> lift(lambda x: jnp.sin(x) * x), space(4)),
}


def one_or_more(value):
    return value if isinstance(value, tuple) else (value,)


def setup(term, dom, batch):
    net = compile(term, dom)
    params = jax.tree.map(lambda p: np.asarray(p) + 0.1, net.init(jax.random.key(0)))
    xs = sample(dom, 1, batch)
    ys = one_or_more(jax.eval_shape(net, params, *xs))
    dys = [
        jnp.asarray(np.broadcast_to(np.asarray(d, y.dtype), y.shape))
        for d, y in zip(sample(net.cod, 2, batch), ys, strict=True)
    ]
    return net, params, xs, dys


@pytest.mark.parametrize("batch", [(), (3,)], ids=["one", "batch"])
@pytest.mark.parametrize("name", CASES)
def test_reverse_is_that_of_jax(name, batch, x64):
    term, dom = CASES[name]
    net, params, xs, dys = setup(term, dom, batch)
    back = reverse(term, dom)
    assert back.dom == dom @ net.cod and back.cod == dom

    @jax.jit
    def both(params, xs, dys):
        _, pullback = jax.vjp(lambda p, *xs: one_or_more(net(p, *xs)), params, *xs)
        return pullback(tuple(dys)), compile(back)(params, *xs, *dys)

    (dparams, *dxs), out = both(params, xs, dys)
    got, changes = out if params else (out, {})
    close(list(one_or_more(got)), dxs, 1e-12, 1e-12)
    close(changes, dparams, 1e-12, 1e-12)


@pytest.mark.parametrize("batch", [(), (3,)], ids=["one", "batch"])
@pytest.mark.parametrize("name", CASES)
def test_tangent_is_that_of_jax(name, batch, x64):
    term, dom = CASES[name]
    net, params, xs, _ = setup(term, dom, batch)
    moves = sample(dom, 3, batch)
    along = tangent(term, dom)
    assert along.dom == dom @ dom and along.cod == net.cod @ net.cod

    @jax.jit
    def both(params, xs, moves):
        pair = jax.jvp(lambda *xs: one_or_more(net(params, *xs)), tuple(xs), tuple(moves))
        return pair, compile(along)(params, *xs, *moves)

    (ys, dys), out = both(params, xs, moves)
    close(list(one_or_more(out)), [*ys, *dys], 1e-12, 1e-12)


@pytest.mark.parametrize("name", ["perceptron", "repeat", "lifted", "scan"])
def test_tangent_of_exposed_parameters(name, x64):
    term, dom = CASES[name]
    whole = expose(term, dom)
    net = compile(whole, whole.params @ dom)
    values, moves = sample(net.dom, 1), sample(net.dom, 2)

    @jax.jit
    def both(values, moves):
        pair = jax.jvp(lambda *v: one_or_more(net({}, *v)), tuple(values), tuple(moves))
        return pair, compile(tangent(whole, whole.params @ dom))({}, *values, *moves)

    (ys, dys), got = both(values, moves)
    close(list(one_or_more(got)), [*ys, *dys], 1e-12, 1e-12)


@pytest.mark.parametrize("name", ["perceptron", "residual", "crossed", "lifted", "tied", "images"])
def test_reverse_again(name, x64):
    """R[R[f]] against the vjp of the vjp."""
    term, dom = CASES[name]
    net, params, xs, dys = setup(term, dom, ())
    first = reverse(term, dom)
    second = compile(reverse(first))

    def back(p, *args):
        xs, dys = args[: len(dom)], args[len(dom) :]
        _, pullback = jax.vjp(lambda *xs: one_or_more(net(p, *xs)), *xs)
        return pullback(tuple(dys))

    @jax.jit
    def both(params, xs, dys, seeds):
        _, pullback = jax.vjp(back, params, *xs, *dys)
        return pullback(seeds), second(params, *xs, *dys, *seeds)

    (dparams, *dall), out = both(params, xs, dys, tuple(sample(dom, 5)))
    # P also leaves the first reverse derivative on the side, where nothing comes back to it.
    got, changes = out if params else (out, {})
    close(list(one_or_more(got)), dall, 1e-12, 1e-12)
    close(changes, dparams, 1e-12, 1e-12)


def test_chain_rule_on_the_nose(x64):
    """T[f >> g] = T[f] >> T[g] as terms' meanings, and R[f >> g](a, c) = R[f](a, R[g](f a, c))."""
    f, g = (tanh >> square).at(space(3)), sigmoid.at(space(3))
    whole = compile(tangent(f >> g))
    parts = compile(tangent(f) >> tangent(g))
    xs = sample(space(3) @ space(3), 1, (4,))
    close(list(whole({}, *xs)), list(parts({}, *xs)), 1e-14, 1e-14)
    rf, rg, ff = compile(reverse(f)), compile(reverse(g)), compile(f)
    a, c = xs
    close(compile(reverse(f >> g))({}, a, c), rf({}, a, rg({}, ff({}, a), c)), 1e-14, 1e-14)


def test_indices_have_no_changes():
    back = reverse(embedding(3) >> dense(2), Index(5, below=7))
    assert back.dom == Index(5, below=7) @ Real(5, 2) and len(back.cod) == 0
    net = compile(embedding(3) >> dense(2), Index(5, below=7))
    params = net.init(jax.random.key(0))
    x, dy = jnp.array([0, 1, 1, 6, 2]), jnp.ones((5, 2))
    _, changes = compile(back)(params, x, dy)
    expected = jax.grad(lambda p: (net(p, x) * dy).sum())(params)
    close(changes, expected)


def test_a_derivative_is_a_term():
    back = reverse((dense(3) >> relu).at(Real(4)))
    assert isinstance(back, Typed) and back.arity == (2, 1)
    assert jax.tree.map(jnp.shape, compile(back).init(jax.random.key(0))) == {
        "dense_0": {"weight": (4, 3), "bias": (3,)}
    }
    assert eval(repr(back), dict(NAMESPACE)) == back
    assert flops(back) > flops(dense(3) >> relu, Real(4))


def test_a_derivative_is_saved(tmp_path):
    back = reverse(reverse((dense(3) >> relu).at(Real(4))))
    save_term(back, tmp_path / "back.safetensors")
    assert load_term(tmp_path / "back.safetensors") == back


def test_long_chains():
    back = reverse(_chain(3000))
    x = jnp.array([0.1, 0.2])
    assert back.arity == (2, 1)
    assert len(back.graph.nodes) == 3001  # the scales, and a discard of the input, which none of them needs
    close(compile(reverse(_chain(50)))({}, x, jnp.ones(2)), jnp.full(2, 0.999**50), 1e-5)


def _chain(n):
    return compose(*[scale(0.999)] * n).at(Real(2))


PRODUCTS = {
    "i d, d -> i": space(3, 4) @ space(4),
    "i j -> j i": space(2, 3, 4),
    "i j -> j": space(2, 3),
    "i j k -> j": space(2, 3, 4),
    "i j ->": space(2, 3),
    "i i -> i": space(3, 3),
    "i i ->": space(2, 3, 3),
    "i i j, j k -> i k": space(2, 2, 3) @ space(3, 4),
    "i i i, j -> j": space(2, 2, 2) @ space(3),
    "i, i, i ->": space(3) @ space(3) @ space(3),
    "d, d k -> k": space(b=2, h=3, d=4) @ space(4, 5),
    "i d, k -> i": space(a=2, i=3, d=4) @ space(5),
}


@pytest.mark.parametrize("batch", [(), (2,)], ids=["one", "batch"])
@pytest.mark.parametrize("pattern", PRODUCTS)
def test_the_reverse_of_a_product_is_a_term_of_products(pattern, batch, x64):
    dom = PRODUCTS[pattern]
    product = einsum(pattern).at(dom)
    back = reverse(product)
    assert not any(isinstance(node.box, Reverse) for node in back.graph.nodes)

    @jax.jit
    def three(*args):
        _, pullback = jax.vjp(lambda *xs: compile(product)({}, *xs), *args[:-1])
        opaque = compile(Reverse(product), back.dom)
        return compile(back)({}, *args), opaque({}, *args), pullback(args[-1])

    ours, opaque, theirs = three(*sample(back.dom, 1, batch))
    close(ours, opaque, 1e-12, 1e-12)
    close(list(one_or_more(ours)), list(theirs), 1e-12, 1e-12)


@pytest.mark.parametrize("pattern", ["i i -> i", "i j -> j", "i i j ->"])
def test_the_reverse_of_a_product_over_a_ring_is_its_transpose(pattern):
    """Of a linear map f, R[f](x, d) is the transpose at d: the sums of R[f](x, d) * y and of d * f(y) are equal."""
    ring = Residue(*[2] * len(pattern.split("->")[0].split()), modulo=5)
    f = einsum(pattern).at(ring)
    back = reverse(f)
    rng = np.random.default_rng(0)
    x, y = (jnp.asarray(rng.integers(1, 5, a.sizes), a.dtype) for a in (ring[0], ring[0]))
    d = jnp.asarray(rng.integers(1, 5, f.cod[0].sizes), f.cod[0].dtype)
    left = np.asarray(compile(back)({}, x, d), int) * np.asarray(y, int)
    right = np.asarray(d, int) * np.asarray(compile(f)({}, y), int)
    assert left.sum() % 5 == right.sum() % 5 != 0


def test_reverses_of_products_name_their_axes():
    assert reverse(dense(k=3).at(Real(t=2, x=4))).cod.names == (("t", "x"),)
    assert reverse(dense(x=4).at(Real(t=2, x=4))).cod == Real(2, 4)
    assert reverse(einsum("i d, d -> i").at(Real(t=2, i=3, d=4), Real(d=4))).cod.names == (("t", "i", "d"), ("d",))


def test_errors():
    refused(SpaceError, lambda: reverse(dense(3)), "reverse needs a typed term", "1 input wires", "term.at")
    refused(
        LensError, lambda: tangent(dense(3) >> dropout(0.5), Real(4)), "states or random keys", "dropout", "inference"
    )
    refused(LensError, lambda: reverse(batch_norm(), Real(4)), "batch_norm", "inference")
