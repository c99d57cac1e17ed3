"""Plans of JAX functions leave nothing out: they are run, node by node, and must compute what the function computes."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.core import Tracer
from jax.extend.core import Literal

from diagrams.jaxpr import _unchanged, look, of_function, passing
from diagrams.plan import Node, Plan
from lenses.errors import LensError
from lenses.spaces import IndexElement, RealElement
from lenses.strands import Strand

KEY = jax.random.key(0)


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """Compiles without optimisation, since every equation is run by itself, and once."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


def real(*sizes: int, seed: int = 0) -> Any:
    return jnp.asarray(np.random.default_rng([seed, *sizes]).normal(size=sizes), jnp.float32)


# -- an interpreter of plans, which knows nothing of how they are made ----------------------------


def equation(eqn: Any, values: Sequence[Any]) -> list[Any]:
    """What an equation computes; numbers that are not among the values are its literals."""
    rest = iter(values)
    numbers = len(values) < len(eqn.invars)
    folded = [numbers and isinstance(a, Literal) and not np.shape(a.val) for a in eqn.invars]
    full = [a.val if known else next(rest) for a, known in zip(eqn.invars, folded, strict=True)]
    assert next(rest, None) is None
    bound = eqn.primitive.get_bind_params(eqn.params)  # with functions beside in some versions of JAX
    functions, params = bound if isinstance(bound, tuple) else ((), bound)
    made = eqn.primitive.bind(*functions, *full, **params)
    return [plain(x) for x in (made if eqn.primitive.multiple_results else [made])]


def plain(x: Any) -> Any:
    """An array of NumPy, with which to check is faster; random keys and what is traced stay what they are."""
    keep = isinstance(x, Tracer) or jnp.issubdtype(x.dtype, jax.dtypes.prng_key)
    return x if keep else np.asarray(x)


def apply(node: Node, ins: list[Any], seen: Callable[[Node, list[Any], list[Any]], None]) -> list[Any]:
    eqn, inner = node.box, node.inner
    primitive = getattr(getattr(eqn, "primitive", None), "name", "")
    if node.glyph == "dot":
        return ins * len(node.outs)
    if node.glyph == "end":
        return []
    if node.text == "choose" and eqn is None:
        which, options, many = np.asarray(ins[0]), ins[1:], len(node.outs)
        if not which.ndim:
            return options[int(which) * many :][:many]
        pairs = zip(options[:many], options[many:], strict=True)
        return [np.where(np.expand_dims(which, tuple(range(which.ndim, a.ndim))), b, a) for a, b in pairs]
    if node.glyph == "constant" and not primitive:
        return [plain(jnp.asarray(eqn))]
    if inner is None and primitive:
        return equation(eqn, ins)
    if inner is None:  # a run of equations
        env = dict(zip(eqn.invars, ins, strict=True))
        for e in eqn.eqns:
            env |= zip(e.outvars, equation(e, [env[a] for a in e.invars if not isinstance(a, Literal)]), strict=True)
        return [env[v] for v in eqn.outvars]
    if primitive == "scan":
        p = eqn.params
        fixed, first = ins[: p["num_consts"]], p["num_consts"] + p["num_carry"]
        kept, made = ins[p["num_consts"] : first], []
        for t in reversed(range(p["length"])) if p["reverse"] else range(p["length"]):
            outs = run(inner, [*fixed, *kept, *(x[t] for x in ins[first:])], seen)
            kept = outs[: p["num_carry"]]
            made.append(outs[p["num_carry"] :])
        return [*kept, *(np.stack(x) for x in zip(*made[:: -1 if p["reverse"] else 1], strict=True))]
    if primitive == "while":
        going: list[bool] = []

        def watch(node: Node, ins: list[Any], outs: list[Any]) -> None:
            if node.address[:-1] == inner.address and node.text == "choose":
                going.append(bool(np.any(ins[0])))
            seen(node, ins, outs)

        fixed = ins[: len(ins) - len(node.outs)]
        while not going or going[-1]:
            ins = [*fixed, *run(inner, ins, watch)]
        return ins[len(fixed) :]
    return run(inner, ins, seen)


def run(plan: Plan, values: Sequence[Any], seen: Callable[[Node, list[Any], list[Any]], None]) -> list[Any]:
    """The results of a plan; every wire must be made once and used once, and have the sizes it is said to have."""
    wires = dict(enumerate(values))
    made = set(wires)
    assert [np.shape(v) for v in values] == [a.sizes for a in plan.dom]
    for node in plan.nodes:
        ins = [wires.pop(w) for w in node.ins]
        assert [np.shape(v) for v in ins] == [a.sizes for a in node.dom]
        outs = apply(node, ins, seen)
        assert [np.shape(v) for v in outs] == [a.sizes for a in node.cod] and not made & set(node.outs)
        assert [v.dtype for v in outs if jnp.issubdtype(v.dtype, jnp.inexact)] == [
            a.dtype for a in node.cod if isinstance(a.element, RealElement)
        ]
        wires |= zip(node.outs, outs, strict=True)
        made |= set(node.outs)
        seen(node, ins, outs)
    assert sorted(wires) == sorted(plan.outs)
    assert [np.shape(wires[w]) for w in plan.outs] == [a.sizes for a in plan.cod]
    return [wires[w] for w in plan.outs]


def take(values: Sequence[Any], places: Sequence[tuple[int, int]], which: Any) -> list[Any]:
    values = list(values)
    for i, axis in places:
        values[i] = values[i][(slice(None),) * axis + (which,)]
    return values


def close(a: Sequence[Any], b: Sequence[Any]) -> None:
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        np.testing.assert_allclose(np.asarray(x, complex), np.asarray(y, complex), rtol=2e-4, atol=2e-4)


def sound(strand: Strand, f: Callable[[list[Any]], list[Any]], ins: list[Any], outs: list[Any]) -> None:
    """Whether f does along a strand what the strand says; any map of slices to slices must commute with f."""
    side, (k, axis) = (ins, strand.ins[0]) if strand.ins else (outs, strand.outs[0])
    size = side[k].shape[axis]
    if strand.outs:
        which = np.random.default_rng(size).integers(0, size, size)
        close(f(take(ins, strand.ins, which)), take(outs, strand.outs, which))
        return
    parts = []
    for n in range(size):
        only = list(ins)
        for i, a in strand.ins:
            mask = np.arange(size) == n
            only[i] = only[i] * np.expand_dims(mask.astype(only[i].dtype), [d for d in range(only[i].ndim) if d != a])
        parts.append(f(only))
    close([functools.reduce(np.add, x) for x in zip(*parts, strict=True)], outs)


class Strands:
    """Checks the strands of nodes on the values that they meet, once for each primitive, its parameters and sizes."""

    def __init__(self) -> None:
        self.done: set[Any] = set()

    def __call__(self, node: Node, ins: list[Any], outs: list[Any]) -> None:
        what = (node.glyph, node.title, tuple(a.sizes for a in node.dom), node.strands)
        if what in self.done:
            return
        self.done.add(what)
        quiet = lambda *_: None  # noqa: E731
        for strand in node.strands:
            sound(strand, lambda values: apply(node, list(values), quiet), ins, outs)


# -- what every plan must be ------------------------------------------------------------------------


def every(plan: Plan) -> Iterator[tuple[Plan, Node]]:
    for node in plan.nodes:
        yield plan, node
        for inner in (*([node.inner] if node.inner else []), *dict(node.data).get("parts", ())):
            yield from every(inner)


def equations(value: Any) -> Iterator[Any]:
    """All equations of a program, and of the programs among their parameters."""
    if isinstance(value, tuple | list):
        for each in value:
            yield from equations(each)
    value = getattr(value, "jaxpr", value)
    for eqn in getattr(value, "eqns", ()):
        yield eqn
        yield from equations(tuple(eqn.params.values()))


def covered(plan: Plan) -> Iterator[Any]:
    """The equations of a plan: those of its nodes and of their parts, also of those that are closed."""
    for node in plan.nodes:
        inside = [node.inner] if node.inner else dict(node.data).get("parts", ())
        if hasattr(node.box, "primitive"):
            yield node.box
            yield from equations(() if inside else tuple(node.box.params.values()))
        elif not inside and hasattr(node.box, "eqns"):
            yield from equations(node.box)
        for plan in inside:
            yield from covered(plan)


def kind(eqn: Any) -> Any:
    shapes = [tuple(tuple(v.aval.shape) for v in side) for side in (eqn.invars, eqn.outvars)]
    return (eqn.primitive.name, *shapes)


def consistent(plan: Plan, address: tuple[int, ...] = ()) -> None:
    assert plan.address == address
    arrays = dict(enumerate(plan.dom))
    free = set(arrays)
    for number, node in enumerate(plan.nodes):
        assert node.address == (*address, number)
        assert free.issuperset(node.ins) and len(set(node.ins)) == len(node.ins), (
            "made before it is used, and used once"
        )
        free -= set(node.ins)
        assert not free & set(node.outs) and node.outs == tuple(range(len(arrays), len(arrays) + len(node.outs)))
        assert [arrays[w].names for w in node.ins] == [a.names for a in node.dom]
        assert [arrays[w] for w in node.ins] == list(node.dom)
        arrays |= zip(node.outs, node.cod, strict=True)
        free |= set(node.outs)
        for side, held in ((0, node.dom), (1, node.cod)):
            places = [p for strand in node.strands for p in strand[side]]
            assert len(set(places)) == len(places) and all(0 <= a < held[i].rank for i, a in places)
        for strand in node.strands:
            assert strand.ins or strand.outs
            sizes = {node.dom[i].sizes[a] for i, a in strand.ins} | {node.cod[o].sizes[a] for o, a in strand.outs}
            assert len(sizes) == 1
        eqn = node.box
        if getattr(eqn, "primitive", None):
            assert [a.sizes for a in node.cod] == [tuple(v.aval.shape) for v in eqn.outvars]
            read = [a for a in eqn.invars if not isinstance(a, Literal)]
            assert len(read) <= len(node.dom) <= len(eqn.invars)
            if len(node.dom) == len(eqn.invars):
                assert [a.sizes for a in node.dom] == [tuple(v.aval.shape) for v in eqn.invars]
        inner = node.inner
        if inner is not None:
            enters = node.enters or [range(a.rank) for a in node.dom]
            leaves = node.leaves or [range(a.rank) for a in node.cod]
            for outside, inside, axes in ((node.dom, inner.dom, enters), (node.cod, inner.cod, leaves)):
                want = [[a.sizes[k] for k in axis] for a, axis in zip(outside, axes, strict=True)]
                assert want == [list(a.sizes) for a in inside]
            consistent(inner, node.address)
    assert free == set(plan.outs) and [arrays[w] for w in plan.outs] == list(plan.cod)


def checked(fn: Callable[..., Any], *examples: Any, **options: Any) -> Plan:
    """The plan of a function, after all checks, with its small parts opened and closed."""
    jaxpr = jax.make_jaxpr(fn)(*examples)
    seen = Strands()
    for small in (0, 20):
        plan = of_function(fn, *examples, small=small, **options)
        consistent(plan)
        assert [a.sizes for a in plan.dom] == [tuple(v.aval.shape) for v in jaxpr.jaxpr.invars]
        assert len(plan.names) == len(plan.dom)
        assert Counter(map(kind, covered(plan))) == Counter(map(kind, equations(jaxpr)))
        flat = [plain(jnp.asarray(x)) for x in jax.tree.leaves(examples)]
        close(run(plan, flat, seen), jax.tree.leaves(fn(*examples)))
    return of_function(fn, *examples, **options)


def glyphs(plan: Plan) -> list[str]:
    return [node.glyph for node in plan.nodes]


# -- functions ------------------------------------------------------------------------------------------


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


def test_flax_and_equinox_models() -> None:
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            x = nn.LayerNorm()(x + nn.MultiHeadDotProductAttention(2)(x))
            return nn.Dense(3)(nn.relu(nn.Dense(8)(x)))

    net, x = Net(), real(2, 5, 4)
    params = jax.tree.map(lambda a: real(*a.shape), jax.eval_shape(net.init, KEY, x))
    plan = checked(net.apply, params, x)
    assert "variables.params.Dense_0.kernel" in plan.names and "softmax" in glyphs(plan)
    assert sum(g == "einsum" and len(n.ins) == 2 for g, n in zip(glyphs(plan), plan.nodes, strict=True)) == 8
    assert any(node.title.endswith("in Net/Dense_1") for node in plan.nodes)

    linear = nnx.Linear(4, 2, rngs=nnx.Rngs(0))
    plan = checked(lambda model, x: model(x), linear, real(3, 4))
    assert len(plan.dom) == 3 and plan.names[-1] == "x" and "kernel" in plan.names[1]

    mlp = eqx.nn.MLP(4, 2, 8, 2, key=KEY)  # its activation is a leaf that is not an array
    plan = of_function(lambda model, x: jax.vmap(model)(x), mlp, real(3, 4))
    consistent(plan)
    assert len(plan.dom) == 7 and "model.layers.0.weight" in plan.names
    arrays = [leaf for leaf in jax.tree.leaves(mlp) if eqx.is_array(leaf)]
    close(run(plan, [plain(x) for x in (*arrays, real(3, 4))], Strands()), [jax.vmap(mlp)(real(3, 4))])
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
    assert scan.glyph == "repeat" and scan.text == "scan × 5" and scan.inner is not None
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

    plan = checked(loop, real(3), jnp.int32(4))
    (node,) = [n for n in plan.nodes if n.glyph == "repeat"]
    assert node.text == "while" and node.inner is not None
    assert [n.text for n in node.inner.nodes if n.glyph in ("block", "box")] == ["condition", "body", "choose"]
    assert Strand(((1, 0), (3, 0)), ((1, 0),)) in node.strands

    mapped = checked(jax.vmap(lambda x: jax.lax.while_loop(lambda c: c.sum() < 9, lambda c: c + 1, x)), real(3, 2))
    assert mapped.nodes[-1].strands == (Strand(((0, 0),), ((0, 0),)),), "each slice stops by itself"

    def branches(i: Any, x: Any, y: Any) -> Any:
        return jax.lax.switch(i, [lambda x, y: (x, y), lambda x, y: (y, x + 1), lambda x, y: (x[::-1], y)], x, y)

    for i in range(3):
        plan = checked(branches, jnp.int32(i), real(3, 2), real(3, 2, seed=1))
    node = plan.nodes[-1]
    assert node.glyph == "branch" and node.inner is not None
    assert [n.text for n in node.inner.nodes][-4:] == ["branch 0", "branch 1", "branch 2", "choose"]
    assert node.strands == (Strand(((1, 1), (2, 1)), ((0, 1), (1, 1))),), "one branch acts along the first axis"


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
    assert isinstance(plan.cod[4].element, IndexElement) and plan.cod[4].element.below == 2
    empty = checked(lambda: ())
    assert empty.nodes == [] and empty.dom == empty.cod == ()


# -- primitives --------------------------------------------------------------------------------------------

INDICES = jnp.array([[2, 0], [1, 1]])
SQUARE = real(2, 3, 3) @ jnp.swapaxes(real(2, 3, 3), 1, 2) + jnp.eye(3)
PRIMITIVES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], int]] = {
    # a function, its arguments, and how many strands its last box has at least
    "batched product": (lambda x, y: jnp.einsum("bij,bkj->bik", x, y), (real(2, 3, 4), real(2, 5, 4)), 4),
    "outer product": (lambda x, y: jnp.einsum("i,j->ij", x, y), (real(3), real(4)), 2),
    "sum": (lambda x: x.sum((0, 2)), (real(2, 3, 4),), 3),
    "max": (lambda x: x.max(1), (real(2, 3, 4),), 2),
    "argmax": (lambda x: jnp.argmax(x, 0), (real(2, 3),), 0),
    "transpose": (lambda x: x.transpose(2, 0, 1), (real(2, 3, 4),), 3),
    "broadcast": (lambda x: jnp.broadcast_to(x[:, None], (3, 2, 4)), (real(3, 4),), 0),
    "flatten": (lambda x: x.reshape(2, 12, 5), (real(2, 3, 4, 5),), 2),
    "split axis": (lambda x: x.reshape(2, 3, 2, 5), (real(2, 6, 5),), 2),
    "ones": (lambda x: x.reshape(1, 4, 3, 1), (real(4, 1, 3),), 2),
    "concatenate": (lambda x, y: jnp.concatenate([x, y], 1), (real(2, 3), real(2, 1)), 1),
    "slice": (lambda x: x[:, 1:3], (real(2, 4),), 1),
    "reverse": (lambda x: x[:, ::-1], (real(2, 4),), 1),
    "pad": (lambda x: jnp.pad(x, ((0, 0), (1, 2))), (real(2, 4),), 1),
    "embedding": (lambda t, i: t[i], (real(3, 4), INDICES), 3),
    "whole slices": (
        lambda x, i: jax.lax.dynamic_slice(x, (i, i, i), (2, 3, 1)), (real(2, 3, 4), jnp.int32(1)), 2,
    ),
    "row": (lambda t: t[:, jnp.array([2, 0])], (real(2, 3, 4),), 2),
    "along axis": (lambda t, i: jnp.take_along_axis(t, i, 1), (real(2, 3), INDICES), 0),
    "dynamic slice": (lambda x, i: jax.lax.dynamic_slice_in_dim(x, i, 2, 1), (real(3, 4), jnp.int32(1)), 1),
    "update": (lambda x, y: jax.lax.dynamic_update_slice_in_dim(x, y, 1, 0), (real(3, 4), real(2, 4)), 1),
    "scatter": (lambda x, y: x.at[jnp.array([0, 2])].add(y), (real(3, 4), real(2, 4)), 1),
    "scatter batched": (jax.vmap(lambda x, i: x.at[i].set(7.0)), (real(2, 3), jnp.array([1, 2])), 1),
    "sort": (lambda x: jax.lax.sort(x, dimension=0), (real(4, 3),), 1),
    "cumsum": (lambda x: jax.lax.cumsum(x, 1), (real(2, 3),), 1),
    "top": (lambda x: jax.lax.top_k(x, 2), (real(2, 4),), 1),
    "split": (lambda x: jnp.split(x, 2, 1), (real(3, 4),), 1),
    "cholesky": (jnp.linalg.cholesky, (SQUARE,), 1),
    "solve": (lambda a, b: jax.scipy.linalg.solve_triangular(a, b), (SQUARE, real(2, 3, 2)), 1),
    "linear solve": (jnp.linalg.solve, (SQUARE[0], real(3, 2)), 0),
    "fourier": (lambda x: jnp.fft.fft(x), (real(2, 4),), 1),
    "iota": (lambda x: x + jax.lax.broadcasted_iota(jnp.float32, (3, 4), 1), (real(3, 4),), 2),
    "clamp": (lambda x: jax.lax.clamp(0.0, x, 1.0), (real(3, 4),), 2),
    "remainder": (lambda x: 2.0 / x, (real(3, 4),), 2),
    "select": (lambda p, x, y: jax.lax.select(p, x, y), (real(3) > 0, real(3), real(3, seed=1)), 1),
    "bfloat16": (lambda x: x.astype(jnp.bfloat16) * 3, (real(3),), 1),
    "random": (lambda key: jax.random.normal(key, (3,)), (KEY,), 0),
    "grouped convolution": (
        lambda x, k: jax.lax.conv_general_dilated(x, k, (1,), "VALID", feature_group_count=2),
        (real(2, 4, 5), real(6, 2, 3)),
        1,
    ),
    "reduction": (
        lambda x: jax.lax.reduce(x, 1.0, lambda a, b: a * b + 0 * a, (1,)), (real(2, 3),), 0,
    ),
    "variance": (lambda x: jnp.var(x, 1), (real(3, 4),), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", PRIMITIVES)
def test_primitives(name: str) -> None:
    fn, examples, strands = PRIMITIVES[name]
    plan = checked(fn, *examples)
    node = [n for n in plan.nodes if n.glyph not in ("end", "dot")][-1]
    assert len(node.strands) >= strands


@pytest.mark.parametrize("name", ["batched product", "max", "transpose", "sort", "concatenate", "cumsum", "embedding"])
def test_strands_are_what_vmap_takes_apart(name: str) -> None:
    fn, examples, _ = PRIMITIVES[name]
    eqn = jax.make_jaxpr(fn)(*examples).eqns[-1]
    rng = np.random.default_rng(0)
    whole = [
        jnp.asarray(rng.integers(0, 2, v.aval.shape) if v.aval.dtype == jnp.int32 else rng.normal(size=v.aval.shape))
        for v in eqn.invars
    ]
    whole = [x.astype(v.aval.dtype) for x, v in zip(whole, eqn.invars, strict=True)]
    passes = [s for s in look(eqn).strands if s.ins and s.outs]
    assert passes
    for strand in passes:
        axes, size = dict(strand.ins), whole[strand.ins[0][0]].shape[strand.ins[0][1]]
        outs = dict(strand.outs)

        def slices(*xs: Any, axes: Any = axes, size: int = size, outs: Any = outs) -> list[Any]:
            full = [jnp.stack([x] * size, axes[i]) if i in axes else x for i, x in enumerate(xs)]
            return [jnp.take(y, 0, outs[o]) if o in outs else y for o, y in enumerate(equation(eqn, full))]

        mapped = jax.vmap(
            slices,
            tuple(axes.get(i) for i in range(len(whole))),
            [outs.get(o) for o in range(len(eqn.outvars))],
        )
        close(mapped(*whole), equation(eqn, whole))


def test_unknown_primitives_are_labelled_boxes() -> None:
    node = of_function(lambda x: jax.lax.erf_inv(jax.lax.approx_max_k(x, 2)[0]), real(3, 4)).nodes[0]
    assert node.glyph == "box" and node.text == "approx_top_k" and node.strands == ()


def test_axes_that_meet_in_one_array_are_no_strand() -> None:
    plan = checked(lambda x: x * x.T, real(3, 3))
    assert len(plan.nodes[-1].strands) == 2 and passing(plan) == []
    assert passing(checked(lambda x: jnp.exp(x) - x[0], real(3, 4))) == [Strand(((0, 1),), ((0, 1),))]
    assert passing(checked(lambda x: x.sum(0) + jnp.zeros(4), real(3, 4))) == [Strand(((0, 1),), ((0, 0),))]
    assert passing(checked(lambda x: x + jnp.arange(4.0), real(3, 4))) == [Strand(((0, 0),), ((0, 0),))]


@pytest.mark.parametrize(
    "old, new, kept",
    [
        ((2, 3), (2, 3), [(0, 0), (1, 1)]),
        ((2, 3, 4), (6, 4), [(2, 1)]),
        ((2, 3, 4), (2, 12), [(0, 0)]),
        ((2, 3, 5, 2, 2), (6, 5, 4), [(2, 1)]),
        ((1, 4), (4, 1), [(1, 0)]),
        ((4,), (2, 2), []),
        ((4, 4), (16,), []),
        ((4, 4), (2, 2, 4), [(1, 2)]),
        ((), (1, 1), []),
        ((0, 3), (3, 0), []),
    ],
)
def test_axes_that_reshape_leaves(old: Any, new: Any, kept: Any) -> None:
    assert _unchanged(old, new) == kept


# -- errors -----------------------------------------------------------------------------------------------


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
