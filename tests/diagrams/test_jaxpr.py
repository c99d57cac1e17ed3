"""Plans of JAX functions leave nothing out: they are run, node by node, and must compute what the function computes."""

from __future__ import annotations

import functools
from typing import Any

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from running import KEY, Strands, checked, close, compiled, consistent, every, glyphs, plain, real, run

import diagrams
from diagrams.jaxpr import of_function
from diagrams.plan import Plan
from diagrams.styles import STYLES, space_text
from lenses.errors import LensError
from lenses.spaces import Element, Real, RealElement
from lenses.strands import Strand


def attention(q: Any, k: Any, v: Any) -> Any:
    scores = jnp.einsum("qd,kd->qk", q, k) * 0.125
    return jax.nn.softmax(scores) @ v


def test_attention_is_the_published_figure() -> None:
    names = {"q": ("query", "feature"), "k": ("key", "feature"), "v": ("key", "value")}
    plan = checked(attention, real(3, 8), real(4, 8), real(4, 5), names=names)
    assert glyphs(plan) == ["einsum", "scale", "softmax", "einsum"] and plan.names == ("q", "k", "v")
    product, scale, softmax, mix = plan.nodes
    cups = [s.ins for node in (product, mix) for s in node.strands if not s.outs]
    assert cups == [((0, 1), (1, 1)), ((0, 1), (1, 0))]
    assert dict(product.data)["pattern"] == "a b, c b -> a c" and dict(scale.data)["factor"] == 0.125
    assert softmax.strands == (Strand(((0, 0),), ((0, 0),)),) and dict(softmax.data)["axis"] == -1
    assert plan.cod[0].names == ("query", "value") and softmax.cod[0].names == ("query", "key")
    shapes = [jax.ShapeDtypeStruct(a.sizes, a.dtype) for a in plan.dom]
    again = of_function(attention, *shapes, names=names)
    assert [(n.glyph, n.text, n.ins, n.outs, n.strands) for n in again.nodes] == [
        (n.glyph, n.text, n.ins, n.outs, n.strands) for n in plan.nodes
    ]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_is_found_on_its_axis(axis: int) -> None:
    def by_hand(x: Any) -> Any:
        e = jnp.exp(x - x.max(axis, keepdims=True))
        return e / e.sum(axis, keepdims=True)

    for fn in (lambda x: jax.nn.softmax(x, axis), jax.jit(lambda x: jax.nn.softmax(x, axis)), by_hand):
        plan = checked(fn, real(2, 3, 4))
        plan = plan.nodes[0].inner or plan
        assert glyphs(plan) == ["softmax"] and len(plan.nodes[0].strands) == 2
        assert dict(plan.nodes[0].data)["axis"] % 3 == axis % 3


def test_what_only_resembles_softmax_is_not_drawn_as_one() -> None:
    def leaks(x: Any) -> Any:
        e = jnp.exp(x)
        return e / e.sum(1, keepdims=True) + e

    def scaled(x: Any) -> Any:
        e = jnp.exp(x)
        return e / x.sum(1, keepdims=True)

    for fn in (leaks, scaled, lambda x: jax.nn.softmax(x, (0, 1)), lambda x: jax.nn.softmax(x, where=x > 0)):
        assert "softmax" not in glyphs(checked(fn, real(3, 4)))
    assert glyphs(checked(lambda x: jax.nn.softmax(jax.nn.softmax(x)), real(3, 4))) == ["softmax", "softmax"]
    log = checked(jax.nn.log_softmax, real(3, 4)).nodes[0]
    assert log.glyph == "softmax" and dict(log.data)["log"]


def test_reductions_of_other_arrays_are_no_part_of_a_softmax() -> None:
    plan = checked(lambda s, v: jnp.exp(s) * v.sum(), np.float32(2), real(3))
    assert [n.text for n in plan.nodes] == ["exp", "einsum", "×"]
    plan = checked(lambda s, m: jnp.exp(s) + m.sum(1), real(3), real(3, 4))
    assert [n.text for n in plan.nodes] == ["exp", "einsum", "add"]
    assert glyphs(checked(lambda s: jnp.exp(s) * 2, np.float32(1))) == ["pointwise", "scale"]
    assert glyphs(of_function(lambda x: x.max(0, initial=0.0), real(0, 3)))[0] == "reduce"
    assert [n.text for n in checked(jax.nn.gelu, np.float32(2)).nodes] == ["gelu"]
    summed = checked(lambda x, y: jax.nn.gelu(x + 1) * y.sum((0, 1)), real(4), real(2, 3, 4))
    assert [n.text for n in summed.nodes if n.glyph == "pointwise"] == ["+ 1", "gelu", "×"]


def test_a_sum_over_devices_is_no_softmax() -> None:
    def shared(x: Any) -> Any:
        e = jnp.exp(x)
        return e / jax.lax.psum(e, "device")

    mesh = jax.make_mesh((1,), ("device",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec("device")
    (node,) = of_function(jax.shard_map(shared, mesh=mesh, in_specs=spec, out_specs=spec), real(2, 3)).nodes
    assert node.inner and glyphs(node.inner)[:2] == ["pointwise", "dot"] and node.strands == ()


def test_a_perceptron_with_activations_from_jax() -> None:
    def mlp(params: Any, x: Any) -> Any:
        for layer, activation in zip(params, (jax.nn.relu, jax.nn.gelu, jax.nn.silu, jax.nn.softplus), strict=True):
            x = activation(x @ layer["w"] + layer["b"])
        return jnp.where(x > 1, x, 0.0)

    params = [{"w": real(4, 4, seed=i), "b": real(4, seed=i)} for i in range(4)]
    plan = checked(mlp, params, real(3, 4), names={"x": ("batch", "feature")})
    texts = [n.text for n in plan.nodes if n.glyph == "pointwise"]
    assert texts == ["+", "relu", "+", "gelu", "+", "silu", "+", "softplus", "> 1", "where(·, ·, 0)"]
    assert plan.names[:2] == ("params.0.b", "params.0.w") and plan.names[-1] == "x"
    assert plan.cod[0].names == ("batch", None)
    assert all(node.inner is None for node in plan.nodes)
    exact = of_function(lambda x: jax.nn.gelu(x, approximate=False), real(3))
    assert [(n.glyph, n.text) for n in exact.nodes] == [("pointwise", "gelu")]


def filled(shapes: Any) -> Any:
    """Numbers for the shapes in a tree."""
    return jax.tree.map(lambda a: real(*a.shape) if hasattr(a, "shape") else a, shapes)


def test_flax_and_equinox_models() -> None:
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            x = nn.LayerNorm()(x + nn.MultiHeadDotProductAttention(2)(x))
            return nn.Dense(3)(nn.relu(nn.Dense(8)(x)))

    net, x = Net(), real(2, 5, 4)
    params = filled(jax.eval_shape(net.init, KEY, x))
    plan = checked(net.apply, params, x)
    assert "variables.params.Dense_0.kernel" in plan.names and "softmax" in glyphs(plan)
    assert sum(g == "einsum" and len(n.ins) == 2 for g, n in zip(glyphs(plan), plan.nodes, strict=True)) == 8
    assert any(node.title.endswith("in Net/Dense_1") for node in plan.nodes)

    linear = filled(nnx.eval_shape(lambda: nnx.Linear(4, 2, rngs=nnx.Rngs(0))))
    plan = checked(lambda model, x: model(x), linear, real(3, 4))
    assert len(plan.dom) == 3 and plan.names[-1] == "x" and "kernel" in plan.names[1]

    # Its activation is a leaf that is not an array.
    mlp = filled(eqx.filter_eval_shape(eqx.nn.MLP, 4, 2, 8, 2, key=KEY))
    plan = of_function(lambda model, x: jax.vmap(model)(x), mlp, real(3, 4))
    consistent(plan)
    assert len(plan.dom) == 7 and "model.layers.0.weight" in plan.names
    arrays = [leaf for leaf in jax.tree.leaves(mlp) if eqx.is_array(leaf)]
    close(run(plan, [plain(x) for x in (*arrays, real(3, 4))], Strands()), compiled(jax.vmap(mlp), real(3, 4)))
    closed = checked(jax.vmap(mlp), real(3, 4))
    types = [n.text for n in closed.nodes if n.glyph == "constant"]
    assert len(closed.dom) == 1 and types.count("float32[8,8]") == 1 and "float32[8,4]" in types


def test_the_gradient_of_a_loss() -> None:
    def loss(params: Any, x: Any, y: Any) -> Any:
        hidden = jnp.tanh(x @ params["w"] + params["b"])
        return jnp.mean((jax.nn.log_softmax(hidden) * y) ** 2)

    plan = checked(jax.value_and_grad(loss), {"w": real(4, 3), "b": real(3)}, real(5, 4), real(5, 3))
    assert [a.sizes for a in plan.cod] == [(), (3,), (4, 3)]
    assert "end" in glyphs(plan) or "dot" in glyphs(plan)


def test_a_recurrent_network_is_a_repeat() -> None:
    def rnn(w: Any, start: Any, xs: Any) -> Any:
        def step(state: Any, x: Any) -> Any:
            state = jnp.tanh(state @ w + x)
            return state, state.sum(-1)

        return jax.lax.scan(step, start, xs, reverse=True)

    plan = checked(rnn, real(4, 4), real(3, 4), real(5, 3, 4), names={"xs": ("time", "batch", "state")})
    (scan,) = plan.nodes
    assert scan.glyph == "repeat" and scan.text == "× 5 steps, backwards" and scan.inner is not None
    assert scan.strands == (Strand(((1, 0), (2, 1)), ((0, 0), (1, 1))),), "the batch runs past all steps"
    assert scan.enters == ((0, 1), (0, 1), (1, 2)) and scan.leaves == ((0, 1), (1,))
    assert scan.inner.dom[2].names == ("batch", "state") and scan.cod[1].names == ("time", "batch")
    mapped = checked(lambda xs: jax.lax.map(jnp.sort, xs), real(5, 3)).nodes[0]
    assert mapped.strands == (Strand(((0, 0),), ((0, 0),)),), "without a state the steps are apart"
    turned = checked(lambda x: jax.lax.scan(lambda c, _: (c.T, None), x, length=2)[0], real(3, 3)).nodes[0]
    assert turned.strands == (), "each step moves the axes, so neither is one index of all steps"
    many = checked(jax.vmap(lambda w, x: jax.lax.scan(lambda c, y: (c * y, c), w, x)), real(3), real(3, 4))
    assert any(node.glyph == "repeat" and len(node.strands) == 1 for node in many.nodes)


def test_loops_and_branches() -> None:
    def loop(x: Any, most: Any) -> Any:
        return jax.lax.while_loop(lambda c: c[0] < most, lambda c: (c[0] + 1, c[1] * x), (0, x))

    plan = checked(loop, real(3), np.int32(4))
    (node,) = [n for n in plan.nodes if n.glyph == "repeat"]
    assert node.text == "while" and node.inner is not None
    assert node.inner.nodes[-1].strands == (), "what may be chosen ends at the choice"
    assert [n.text for n in node.inner.nodes if n.glyph in ("block", "box")] == ["condition", "body", "choose"]
    assert Strand(((1, 0), (3, 0)), ((1, 0),)) in node.strands

    mapped = checked(jax.vmap(lambda x: jax.lax.while_loop(lambda c: c.sum() < 9, lambda c: c + 1, x)), real(3, 2))
    assert mapped.nodes[-1].strands == (Strand(((0, 0),), ((0, 0),)),), "each slice stops by itself"

    def branches(i: Any, x: Any, y: Any) -> Any:
        return jax.lax.switch(i, [lambda x, y: (x, y), lambda x, y: (y, x + 1), lambda x, y: (x[::-1], y)], x, y)

    for i in range(3):
        plan = checked(branches, np.int32(i), real(3, 2), real(3, 2, seed=1))
    node = plan.nodes[-1]
    assert node.glyph == "branch" and node.inner is not None
    assert [n.text for n in node.inner.nodes][-4:] == ["branch 0", "branch 1", "branch 2", "choose"]
    assert node.strands == (Strand(((1, 1), (2, 1)), ((0, 1), (1, 1))),), "one branch acts along the first axis"
    assert node.inner.nodes[-1].strands == (), "what may be chosen ends at the choice"


def test_loops_say_how_often() -> None:
    def counted(first: Any, last: Any, step: int = 1) -> str:
        def body(c: Any) -> Any:
            return c[0] + step, c[1], c[2] * 2.0

        plan = of_function(lambda a, b, x: jax.lax.while_loop(lambda c: c[0] < c[1], body, (first(a), last(b), x)),
                           np.int32(0), np.int32(3), real(2))  # fmt: skip
        return next(n.text for n in plan.nodes if n.glyph == "repeat")

    for steps, text in ((1, "× 1 step"), (4, "× 4 steps")):
        plan = checked(lambda x, n=steps: jax.lax.fori_loop(0, n, lambda i, c: c * 2, x), real(2))
        assert [n.text for n in plan.nodes if n.glyph == "repeat"] == [text]
    plan = checked(lambda n, x: jax.lax.fori_loop(-1, n, lambda i, c: c * i, x), np.int32(3), real(2))
    assert [n.text for n in plan.nodes if n.glyph == "repeat"] == ["for each step from −1"]
    assert counted(lambda a: 0, lambda b: 5) == "× 5 steps" and counted(lambda a: 7, lambda b: 5) == "× 0 steps"
    assert counted(lambda a: a, lambda b: np.int32(5)) == "for each step to 4" and counted(abs, abs) == "for each step"
    assert counted(lambda a: 0, lambda b: 5, 2) == "while"
    mapped = checked(jax.vmap(lambda n: jax.lax.fori_loop(0, n, lambda i, c: c + i, 0)), np.array([1, 3], np.int32))
    assert "for each step" in [n.text for n in mapped.nodes], "each slice counts its own"


def test_a_convolutional_network() -> None:
    def net(kernel: Any, x: Any) -> Any:
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.lax.reduce_window(jax.nn.relu(x), -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return x.mean((1, 2)).reshape(x.shape[0], -1)

    plan = checked(net, real(3, 3, 2, 5), real(2, 4, 4, 2), names={"x": ("batch", "height", "width", "channel")})
    convolution, relu, pooling = plan.nodes[:3]
    assert (convolution.glyph, relu.text, pooling.glyph) == ("convolution", "relu", "pooling")
    assert dict(convolution.data)["kernel"] == (3, 3) and dict(pooling.data)["window"] == (2, 2)
    assert len(convolution.strands) == 3 and len(pooling.strands) == 2
    assert plan.cod[0].names[0] == "batch"
    checked(jax.grad(lambda k, x: net(k, x).sum()), real(3, 3, 2, 2), real(1, 4, 4, 2))


def test_functions_of_functions_are_blocks() -> None:
    @jax.custom_vjp
    def scaled(x: Any) -> Any:
        return jnp.sin(x) * 2

    scaled.defvjp(lambda x: (scaled(x), x), lambda x, g: (g * x,))

    @jax.jit
    def layer(w: Any, x: Any) -> Any:
        return jax.checkpoint(lambda w, x: scaled(x @ w))(w, x)

    def net(w: Any, x: Any) -> Any:
        return layer(w, layer(w, x))

    plan = checked(net, real(3, 3), real(2, 3))
    assert [(n.glyph, n.text) for n in plan.nodes] == [("dot", "copy"), ("block", "layer"), ("block", "layer")]
    assert plan.nodes[1].strands == (Strand(((0, 1),), ((0, 1),)), Strand(((1, 0),), ((0, 0),)))
    inner = plan.nodes[1].inner
    assert inner and inner.nodes[0].inner and [n.text for n in inner.nodes[0].inner.nodes] == ["einsum", "scaled"]
    assert [n.inner for n in of_function(net, real(3, 3), real(2, 3), fold="layer").nodes] == [None] * 3
    assert [n.inner for n in of_function(net, real(3, 3), real(2, 3), fold=0).nodes] == [None] * 3
    one = of_function(net, real(3, 3), real(2, 3), fold=1).nodes[1].inner
    assert one and one.nodes[0].inner is None
    with pytest.raises(LensError, match=r"no part 'lair'(.|\n)*layer/"):
        of_function(net, real(3, 3), real(2, 3), fold=["lair"])
    with pytest.raises(LensError, match="expected"):
        of_function(net, real(3, 3), real(2, 3), fold=1.5)  # type: ignore[arg-type]


def test_constants_unused_inputs_and_repeated_outputs() -> None:
    table = jnp.arange(12.0).reshape(3, 4)

    def fn(x: Any, unused: Any) -> Any:
        return x, x, x + table, 3.0, jnp.array([True, False]), jnp.zeros((2, 2)), jnp.sin(2.0)

    plan = checked(fn, real(3, 4), real(2))
    texts = [n.text for n in plan.nodes if n.glyph == "constant"]
    assert "float32[3,4]" in texts and "3" in texts and "[True, False]" in texts and "0" in texts
    assert glyphs(plan).count("end") == 1 and [len(n.outs) for n in plan.nodes if n.glyph == "dot"] == [3]
    assert space_text(plan.cod[4]) == "2 bool"
    empty = checked(lambda: ())
    assert empty.nodes == [] and empty.dom == empty.cod == ()


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "uint32", "float16", "complex64"])
def test_elements_are_those_of_the_dtype(dtype: str) -> None:
    plan = of_function(lambda x, y: (x, y), *[jax.ShapeDtypeStruct(sizes, jnp.dtype(dtype)) for sizes in ((), (2, 3))])
    number, array = plan.dom
    assert number.dtype == array.dtype == jnp.dtype(dtype)
    if not isinstance(number.element, RealElement):
        assert (space_text(number), space_text(array)) == (dtype, f"2 × 3 {dtype}")
        assert repr(number) == dtype and repr(array) == f"{dtype}[2, 3]" and array.change is None
        assert STYLES["neural"].slots(array) == (0, 1) and STYLES["neural"].kind(number, -1) == "index"
        assert Element.registry["whole"](kind=dtype) == number.element  # type: ignore[call-arg]


def test_random_keys_are_keys() -> None:
    plan = checked(lambda key: jax.random.split(key), KEY)
    assert space_text(plan.dom[0]) == "key" and space_text(plan.cod[0]) == "2 key"


def test_spaces_name_the_axes_of_any_parameter() -> None:
    space = Real(b=4, f=3)

    def texts(fn: Any, *at: Any) -> list[str]:
        return [wire.name for wire in diagrams.draw(fn, *at).wires if wire.name]

    for fn in (jnp.add, lambda *xs: xs[0] + xs[1], lambda x, *xs: x + xs[0], functools.partial(lambda x, y: x + y)):
        assert {"b", "f"} <= set(texts(fn, space, space)) and {"b", "f"} <= set(texts(fn, space @ space))
    assert {"b", "f", "g"} <= set(texts(lambda w, x: x @ w["w"] + w["b"], {"w": Real(f=3, g=2), "b": Real(g=2)}, space))
    assert {"b", "f"} <= set(texts(lambda pairs: pairs[0][0] + pairs[0][1], [space @ space]))


def test_examples_are_arrays() -> None:
    for at, label in ((("hello",), "x is 'hello'"), (([1.0, "hello"],), "x.1 is 'hello'"), ((jnp.sin,), "x is ")):
        with pytest.raises(LensError, match=f"its example {label}(.|\n)*expected"):
            diagrams.draw(lambda x: x, *at)
    of_function(lambda net, x: net["f"](x), {"f": jnp.sin}, 1.0)
    assert of_function(lambda x, y: x, 1.0, None).names == ("x",)

    class Named(eqx.Module):
        scale: Any
        name: str = "plain"

    assert of_function(lambda net, x: net.scale * x, Named(real(3)), real(3)).names == ("net.scale", "x")


def test_errors_name_the_function_and_say_what_jax_says() -> None:
    def mismatched(x: Any, y: Any) -> Any:
        return x @ y

    def branches(x: Any) -> Any:
        return x if x > 0 else -x

    with pytest.raises(LensError) as caught:
        of_function(mismatched, real(2, 3), real(2, 3))
    lines = str(caught.value).splitlines()
    assert "mismatched" in lines[0] and "contracting dimensions" in lines[1] and len(lines) == 3
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    with pytest.raises(LensError, match=r"branches cannot be drawn(.|\n)*Attempted boolean conversion"):
        of_function(functools.partial(branches), 1.0)
    with pytest.raises(LensError, match=r"no input 'z'(.|\n)*inputs: +x, y"):
        of_function(mismatched, real(2, 3), real(3, 2), names={"z": ("a",)})
    with pytest.raises(LensError, match=r"'x' has 1 names(.|\n)*2 names"):
        of_function(mismatched, real(2, 3), real(3, 2), names={"x": ("a",)})


def test_plans_are_the_same_every_time_and_show_no_addresses() -> None:
    def text(plan: Plan) -> list[Any]:
        return [(n.glyph, n.text, n.title, n.ins, n.outs, n.strands) for _, n in every(plan)]

    fn = jax.grad(lambda x: jax.nn.relu(attention(x, x, x)).sum())
    plans = [text(of_function(fn, real(3, 4))) for _ in range(2)]
    assert plans[0] == plans[1] and "0x" not in repr(plans[0]) and "/" not in repr([row[2] for row in plans[0]])
