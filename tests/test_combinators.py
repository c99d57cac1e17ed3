"""Boxes with a term inside: meaning and derivative against hand-written JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import close, normal, outputs, primitives, randomise, read_back, refused

from lenses import (
    ArityError,
    LensError,
    Port,
    Real,
    SpaceError,
    add,
    batch_norm,
    bias,
    block,
    compile,
    constant,
    copy,
    coupling,
    dense,
    discard,
    dropout,
    einsum,
    expose,
    identity,
    linear,
    multiply,
    over,
    para,
    relu,
    reparametrise,
    scale,
    scan,
    softmax,
    tanh,
    tensor,
    tied,
    zero,
)


def layer(p, x):
    return x @ p["weight"] + p["bias"]


def at(i, params):
    """The parameters of one step, out of stacked ones."""
    return jax.tree.map(lambda v: v[i], params)


def agree(term, space, oracle, batch=(5,), seed=0, tolerance=2e-5):
    """Values and pullbacks of the compiled term against jax.vjp of `oracle(params, *xs)`; returns the compiled term."""
    net = compile(term, space)
    params = jax.tree.map(lambda v: v * 0.5, randomise(jax.eval_shape(net.init, jax.random.key(0)), seed))
    xs = [normal(i + 10, *batch, *a.sizes) for i, a in enumerate(net.dom)]

    @jax.jit
    def both(params, xs):
        y, pullback = net.vjp(params, *xs)
        want, theirs = jax.vjp(lambda p, xs: oracle(p, *xs), params, xs)
        dy = jax.tree.map(lambda v: jnp.cos(jnp.arange(v.size, dtype=v.dtype)).reshape(v.shape), want)
        dparams, dxs = pullback(dy)
        return (y, net(params, *xs), dparams, list(dxs) if isinstance(dxs, tuple) else [dxs]), (want, want, *theirs(dy))

    ours, theirs = both(params, xs)
    close(ours, theirs, tolerance, tolerance)
    return net


# -- block and tied --------------------------------------------------------------------------


def test_block():
    net = agree(
        block("encoder", dense(4) >> relu) >> dense(2),
        Real(3),
        lambda p, x: layer(p["dense_0"], jax.nn.relu(layer(p["encoder"]["dense_0"], x))),
    )
    assert set(net.params) == {"encoder", "dense_0"}
    assert block("a", relu) != relu and block("a", relu) != block("b", relu)


@pytest.mark.parametrize("name", ["", "a.b", "a/b", 3, None, "a\nb"])
def test_names_of_parts_that_are_refused(name):
    refused(LensError, lambda: block(name, relu), "block", "names no part")
    refused(LensError, lambda: tied(name, relu), "tied", "names no part")


def test_tied_gradients_are_sums():
    shared = tied("w", dense(3))
    net = agree(
        shared >> tanh >> shared, Real(3), lambda p, x: layer(p["w"]["dense_0"], jnp.tanh(layer(p["w"]["dense_0"], x)))
    )
    assert set(net.params) == {"w"}
    agree(
        copy >> (shared @ (relu >> shared)) >> add,
        Real(3),
        lambda p, x: layer(p["w"]["dense_0"], x) + layer(p["w"]["dense_0"], jax.nn.relu(x)),
    )
    agree(
        block("b", shared) >> shared >> dense(2),
        Real(3),
        lambda p, x: layer(p["dense_0"], layer(p["w"]["dense_0"], layer(p["w"]["dense_0"], x))),
    )


def test_a_discarded_use_of_a_tied_parameter():
    shared = tied("w", dense(3))
    agree(copy >> (shared @ (shared >> discard)), Real(3), lambda p, x: layer(p["w"]["dense_0"], x))
    net = compile(shared >> discard >> constant([1.0]), Real(3))
    params = net.init(jax.random.key(0))
    close(net.vjp(params, jnp.ones(3))[1](jnp.ones(1))[0], jax.tree.map(jnp.zeros_like, params))


def test_tied_inside_loops():
    shared = tied("w", dense(3))

    def repeated(p, x):
        for i in range(4):
            x = jnp.tanh(layer(p["w"]["dense_0"], x)) + p["repeat_0"]["bias_0"]["bias"][i]
        return layer(p["w"]["dense_0"], x)

    agree((shared >> tanh >> bias()) ** 4 >> shared, Real(3), repeated)

    def stepped(p, h, xs):
        out = []
        for t in range(6):
            h = jnp.tanh(layer(p["w"]["dense_0"], h) + layer(p["w"]["dense_0"], xs[..., t, :]))
            out.append(h)
        return h, jnp.stack(out, -2)

    agree(scan((shared @ shared) >> add >> tanh >> copy, "time"), Real(3) @ Real(time=6, d=3), stepped)
    agree(
        over("time", shared) >> shared,
        Real(time=4, d=3),
        lambda p, x: layer(p["w"]["dense_0"], layer(p["w"]["dense_0"], x)),
    )


# -- repeat ----------------------------------------------------------------------------------


def test_repeat():
    def loop(p, x):
        for i in range(5):
            x = jnp.tanh(layer(at(i, p["repeat_0"]["dense_0"]), x))
        return x

    net = agree((dense(3) >> tanh) ** 5, Real(3), loop)
    params = net.init(jax.random.key(0))
    assert params["repeat_0"]["dense_0"]["weight"].shape == (5, 3, 3)
    assert not (params["repeat_0"]["dense_0"]["weight"][0] == params["repeat_0"]["dense_0"]["weight"][1]).all()
    assert (dense(3) >> tanh) ** 5 != (dense(3) >> tanh) ** 4


def test_repeat_of_several_wires():
    def loop(p, x, y):
        for i in range(3):
            x, y = y, x + layer(at(i, p["repeat_0"]["dense_0"]), y)
        return x, y

    from lenses import wired

    step = wired(lambda x, y: (y, x + dense(3)(y)))
    agree(step**3, Real(3) @ Real(3), loop)


def test_nested_repeats():
    def loop(p, x):
        for i in range(3):
            for j in range(2):
                x = x + jnp.tanh(layer(at((i, j), p["repeat_0"]["repeat_0"]["dense_0"]), x))
            x = x + p["repeat_0"]["bias_0"]["bias"][i]
        return x

    agree(((copy >> (identity @ (dense(3) >> tanh)) >> add) ** 2 >> bias()) ** 3, Real(3), loop)


@pytest.mark.parametrize("axis", ["forward", "both"])
def test_repeat_is_one_scan(axis):
    net = compile((dense(4) >> relu) ** 50, Real(4))
    params = net.init(jax.random.key(0))
    x = jnp.ones((2, 4))
    if axis == "forward":
        program, scans, dots = jax.make_jaxpr(net)(params, x), 1, 1
    else:
        program, scans, dots = jax.make_jaxpr(lambda p, x: net.vjp(p, x)[1](x))(params, x), 2, 3
    found = primitives(program.jaxpr)
    assert found.count("scan") == scans and found.count("dot_general") == dots


def test_repeat_keeps_no_weights_twice():
    """The residual of the scan has the inputs of each layer, and no copy of the stacked weights."""
    net = compile((dense(64) >> tanh) ** 20, Real(64))
    params = net.init(jax.random.key(0))
    kept = net.kept(params, jnp.ones((2, 64)))
    assert sum(kept.values()) <= 20 * 2 * 64 * 4 * 4  # four activations; the weights would be 16 times as much


def test_repeat_refuses():
    refused(SpaceError, lambda: (dense(5) ** 3).at(Real(4)), "dense\\(5\\) \\*\\* 3", "Real\\(4\\) -> Real\\(5\\)")
    refused(ArityError, lambda: add**2, "add", "repeated")
    refused(LensError, lambda: relu**True, "whole number")


def test_states_inside_repeat():
    net = compile((dense(3) >> batch_norm(momentum=0.5)) ** 4, Real(3))
    params, state = net.init(jax.random.key(0)), net.init_state()
    part = state["repeat_0"]["batch_norm_0"]
    assert part["mean"].shape == (4, 3)
    x = normal(0, 16, 3)
    y, new = net(params, x, state=state)
    h = np.asarray(x)
    for i in range(4):
        h = layer(jax.tree.map(lambda v, i=i: np.asarray(v[i]), params["repeat_0"]["dense_0"]), h)
        close(new["repeat_0"]["batch_norm_0"]["mean"][i], 0.5 * h.mean(0), 1e-4, 1e-5)
        close(new["repeat_0"]["batch_norm_0"]["variance"][i], 0.5 + 0.5 * h.var(0), 1e-4, 1e-5)
        h = (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5)
    close(y, h, 1e-3, 1e-4)
    (y2, new2), pullback = net.vjp(params, x, state=state)
    close((y2, new2), (y, new))
    dparams, dx = pullback(y)
    want = jax.vjp(lambda p, x: net(p, x, state=state)[0], params, x)[1](y)
    close((dparams, dx), want, 1e-4, 1e-5)


def test_keys_inside_loops():
    net = compile((dropout(0.5) >> scale(0.5)) ** 3 >> over("t", dropout(0.5)), Real(t=5, d=200))
    x = jnp.ones((5, 200))
    y, pullback = net.vjp({}, x, key=jax.random.key(0))
    assert abs(float((y != 0).mean()) - 1 / 16) < 0.03
    close(pullback(x)[1], y)
    stepped = scan((dropout(0.5) @ dropout(0.5)) >> add >> copy, "t")
    (h, ys), _ = compile(stepped, Real(100) @ Real(t=4, d=100)).vjp(
        {}, jnp.ones(100), jnp.ones((4, 100)), key=jax.random.key(1)
    )
    assert len({tuple((np.asarray(y) == 0).tolist()) for y in ys}) == 4 and h.shape == (100,)


# -- scan ------------------------------------------------------------------------------------


def recurrent(p, h, xs):
    out = []
    for t in range(xs.shape[-2]):
        h = jnp.tanh(h @ p["scan_0"]["linear_0"]["weight"] + layer(p["scan_0"]["dense_0"], xs[..., t, :]))
        out.append(h)
    return h, jnp.stack(out, -2)


def test_scan():
    cell = (linear(4) @ dense(4)) >> add >> tanh >> copy
    net = agree(scan(cell, "time"), Real(4) @ Real(time=7, d=3), recurrent)
    assert repr(net.cod) == "Real(4) @ Real(time=7, _1=4)"
    agree(scan(cell), Real(4) @ Real(7, 3), recurrent, batch=())
    agree(scan(cell, 0), Real(4) @ Real(7, 3), recurrent, batch=(2, 3))
    params, h, x = net.init(jax.random.key(0)), jnp.ones(4), jnp.ones((7, 3))
    assert primitives(jax.make_jaxpr(net)(params, h, x).jaxpr).count("scan") == 1


def test_scan_along_another_axis_and_several_wires():
    cell = tensor(add, identity) >> multiply >> copy
    term = scan(cell, "t")

    def loop(p, h, a, b):
        out = []
        for t in range(4):
            h = (h + a[..., :, t]) * b[..., t, :]
            out.append(h)
        return h, jnp.stack(out, -2)

    agree(term, Real(3) @ Real(d=3, t=4) @ Real(t=4, d=3), loop)


def test_scan_without_outputs_or_carry():
    agree(scan(add, "t"), Real(3) @ Real(t=5, d=3), lambda p, h, x: h + x.sum(-2))
    agree(scan(dense(2), "t", carry=0), Real(t=5, d=3), lambda p, x: layer(p["scan_0"]["dense_0"], x))


def test_scan_refuses():
    cell = add >> copy
    refused(SpaceError, lambda: scan(cell, "t").at(Real(3), Real(5, 3)), "the axis 't'", "Real\\(5, 3\\)")
    refused(
        SpaceError,
        lambda: scan(dense(2) @ identity >> (copy @ discard), "t").at(Real(3), Real(t=5, d=3)),
        "carried",
        "Real\\(2\\)",
    )
    refused(ArityError, lambda: scan(relu, "t"), "scan carries 1 wires", "relu")
    refused(
        SpaceError,
        lambda: scan(tensor(add, identity) >> add, "t").at(Real(3), Real(t=5, d=3), Real(t=6, d=3)),
        "5 along the axis 't'",
        "input 2",
    )


# -- over ------------------------------------------------------------------------------------


def test_over():
    agree(over("head", dense(4) >> tanh), Real(head=3, d=5), lambda p, x: jnp.tanh(layer(p["over_0"]["dense_0"], x)))
    agree(
        over("head", softmax(0)), Real(a=2, head=3, b=4), lambda p, x: jax.nn.softmax(jnp.moveaxis(x, -2, -3), axis=-2)
    )
    agree(
        over(0, dense(4, axes=2)),
        Real(3, 5, 2),
        lambda p, x: jnp.tensordot(x, p["over_0"]["dense_0"]["weight"], 2) + p["over_0"]["dense_0"]["bias"],
    )
    agree(
        over(-1, dense(2)),
        Real(5, 3),
        lambda p, x: jnp.moveaxis(x, -1, -2) @ p["over_0"]["dense_0"]["weight"] + p["over_0"]["dense_0"]["bias"],
    )


def test_over_shares_what_lacks_the_axis():
    agree(
        over("head", einsum("i j, j -> i")),
        Real(head=3, i=2, j=4) @ Real(4),
        lambda p, a, b: jnp.einsum("...hij,...j->...hi", a, b),
    )
    agree(
        over("head", add >> dense(2)),
        Real(d=4) @ Real(head=3, d=4),
        lambda p, a, b: layer(p["over_0"]["dense_0"], a[..., None, :] + b),
    )


def test_over_is_monoidal_and_nests():
    f, g = dense(4), tanh
    x = normal(0, 6, 3, 5)
    one, two = compile(over("h", f >> g), Real(h=3, d=5)), compile(over("h", f) >> over("h", g), Real(h=3, d=5))
    p = one.init(jax.random.key(0))
    close(one(p, x), two(p, x), 1e-6)
    agree(
        over("a", over("b", dense(2))),
        Real(a=3, b=4, d=5),
        lambda p, x: x @ p["over_0"]["over_0"]["dense_0"]["weight"] + p["over_0"]["over_0"]["dense_0"]["bias"],
    )
    agree(
        over("b", over("a", dense(2))),
        Real(a=3, b=4, d=5),
        lambda p, x: layer(p["over_0"]["over_0"]["dense_0"], jnp.swapaxes(x, -2, -3)),
    )


def test_a_weight_under_over_has_one_contraction():
    """No array of the backward pass is as large as a stack of per-slice gradients."""
    n, batch, d, out = 7, 5, 11, 13
    net = compile(over("slice", dense(out)), Real(slice=n, d=d))
    params = net.init(jax.random.key(0))
    program = jax.make_jaxpr(lambda p, x, dy: net.vjp(p, x)[1](dy))(
        params, jnp.ones((batch, n, d)), jnp.ones((batch, n, out))
    )
    for primitive, shape in outputs(program.jaxpr):
        assert int(np.prod(shape)) < d * out * min(n, batch), (primitive, shape)
    assert primitives(program.jaxpr).count("dot_general") == 3


def test_over_constants():
    """What does not depend on the input is the same for every slice, and its change is summed over them."""
    agree(
        over("a", discard >> constant([1.0, 2.0])),
        Real(a=3, b=4),
        lambda p, x: jnp.broadcast_to(jnp.array([1.0, 2.0]), (*x.shape[:-2], 3, 2)),
    )
    agree(
        over("a", discard >> zero(Real(2)) >> bias()),
        Real(a=3, b=4),
        lambda p, x: jnp.broadcast_to(p["over_0"]["bias_0"]["bias"], (*x.shape[:-2], 3, 2)),
    )
    agree(
        (discard >> zero(Real(3)) >> bias()) ** 2,
        Real(3),
        lambda p, x: jnp.broadcast_to(p["repeat_0"]["bias_0"]["bias"][1], x.shape),
    )
    agree(
        scan((discard @ identity) >> copy >> ((discard >> constant([1.0, 2.0])) @ identity), "t"),
        Real(2) @ Real(t=3, d=2),
        lambda p, h, x: (jnp.broadcast_to(jnp.array([1.0, 2.0]), h.shape), x),
    )


def test_over_refuses():
    refused(SpaceError, lambda: over("h", relu).at(Real(3, 4)), "over\\('h', relu\\)", "the axis 'h'", "name the axis")
    refused(SpaceError, lambda: over("h", add).at(Real(h=3, d=2), Real(h=4, d=2)), "3 along the axis 'h'", "input 1")


# -- coupling, expose, para ------------------------------------------------------------------


def test_coupling():
    def loop(p, a, b):
        part = p["coupling_0"]
        y = a + jnp.tanh(layer(part["f"]["dense_0"], b))
        return y, b + layer(part["g"]["dense_0"], y)

    agree(coupling(dense(3) >> tanh, dense(3)), Real(3) @ Real(3), loop)
    refused(ArityError, lambda: coupling(add, relu), "coupling", "f has arity \\(2, 1\\)")


def test_expose():
    model = (dense(4) >> relu >> dense(2)).at(Real(3))
    exposed = expose(model)
    assert exposed.arity == (5, 1) and exposed.params == Real(3, 4) @ Real(4) @ Real(4, 2) @ Real(2)
    net = compile(exposed, exposed.params @ Real(3))
    assert net.params == {}
    inner = compile(model)
    params = randomise(inner.init(jax.random.key(0)))
    wires = [
        params["dense_0"]["weight"],
        params["dense_0"]["bias"],
        params["dense_1"]["weight"],
        params["dense_1"]["bias"],
    ]
    x = normal(0, 6, 3)
    close(net({}, *wires, x), inner(params, x))
    _, dxs = net.vjp({}, *wires, x)[1](jnp.ones((6, 2)))
    dparams, dx = inner.vjp(params, x)[1](jnp.ones((6, 2)))
    close(
        list(dxs),
        [
            dparams["dense_0"]["weight"],
            dparams["dense_0"]["bias"],
            dparams["dense_1"]["weight"],
            dparams["dense_1"]["bias"],
            dx,
        ],
    )
    assert read_back(exposed) == exposed
    refused(SpaceError, lambda: exposed.at(Real(3, 4), Real(4), Real(4, 2), Real(3), Real(3)), "input 3", "Real\\(2\\)")
    refused(SpaceError, lambda: expose(dense(3)), "expose needs a typed term")


def test_para():
    """The ports of a model that is one `para` stand at the top of its tree; among other layers it is a layer."""
    port = Port("gain.value", "param", Real(3)[0], "ones")
    term = para(multiply, [port])
    assert term.arity == (1, 1)
    net = agree(term, Real(3), lambda p, x: p["gain"]["value"] * x)
    close(net.init(jax.random.key(0)), {"gain": {"value": jnp.ones(3)}})
    agree(
        term >> dense(2) >> tanh, Real(3), lambda p, x: jnp.tanh(layer(p["dense_0"], p["para_0"]["gain"]["value"] * x))
    )
    assert read_back(term) == term


def test_reparametrise_along_copy_is_tying():
    model = (linear(3) >> tanh >> linear(3)).at(Real(3))
    shared = reparametrise(model, copy, [Port("w", "param", Real(3, 3)[0], "lecun_normal")])
    agree(shared, Real(3), lambda p, x: jnp.tanh(x @ p["w"]) @ p["w"])
    halved = reparametrise(
        model, scale(0.5) @ scale(0.5), [Port("a", "param", Real(3, 3)[0]), Port("b", "param", Real(3, 3)[0])]
    )
    agree(halved, Real(3), lambda p, x: jnp.tanh(x @ p["a"] * 0.5) @ p["b"] * 0.5)
    with pytest.raises(LensError):
        reparametrise(model, identity, [Port("w", "param", Real(3, 3)[0])])


def test_para_publishes_changes():
    """Wires that leave to the side come back summed over batch axes."""
    term = para(copy, changes=["total"])
    y, changes = compile(term, Real(3))({}, jnp.arange(12.0).reshape(4, 3))
    close((y, changes), (jnp.arange(12.0).reshape(4, 3), {"total": jnp.arange(12.0).reshape(4, 3).sum(0)}))


# -- together --------------------------------------------------------------------------------


def test_everything_nested():
    """A repeat of blocks that scan over slices, with tied parts and an unbatched constant."""
    cell = (tied("u", linear(3)) @ dense(3)) >> add >> tanh >> copy
    part = block("cell", bias())
    term = (
        (part >> over("t", dense(3) >> tanh)) ** 2
        >> copy
        >> (identity @ (constant([0.1, 0.2, 0.3]) @ identity >> scan(cell, "t") >> discard @ identity))
        >> add
    )

    def loop(p, x):
        for i in range(2):
            q = jax.tree.map(lambda v, i=i: v[i], p["repeat_0"])
            x = jnp.tanh(layer(q["over_0"]["dense_0"], x + q["cell"]["bias_0"]["bias"]))
        h, out = jnp.broadcast_to(jnp.array([0.1, 0.2, 0.3]), (*x.shape[:-2], 3)), []
        for t in range(4):
            h = jnp.tanh(h @ p["u"]["linear_0"]["weight"] + layer(p["scan_0"]["dense_0"], x[..., t, :]))
            out.append(h)
        return x + jnp.stack(out, -2)

    agree(term, Real(t=4, d=3), loop)


def test_combinators_read_back():
    for term in (
        block("a", dense(3) >> relu),
        tied("w", dense(3)),
        (dense(3) >> relu) ** 3,
        dense(3) ** 3 >> relu,
        scan(add >> copy, "t"),
        scan(add, "t", 1),
        scan(dense(3), 0, carry=0),
        over("h", relu >> tanh),
        over(-1, relu),
        coupling(relu, tanh),
        (relu**2) ** 3,
        block("x", relu.at(Real(3))),
    ):
        assert read_back(term) == term and repr(read_back(term)) == repr(term)
