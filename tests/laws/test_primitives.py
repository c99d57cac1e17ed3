"""JAX programs in NumPy against JAX itself: each operation alone, then every box of the library, forward and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr

from lenses import Box, LensError, Real, Typed, dropout
from lenses.inference import inference
from lenses.interpret import Env, Side, evaluate
from lenses.laws import primitives, registry
from lenses.laws.instances import plain
from lenses.laws.maps import lens
from lenses.laws.points import points
from lenses.laws.primitives import PRIMITIVES, run
from lenses.laws.reference import fixed_state, meaning
from lenses.laws.rewrite import at_precision
from lenses.opaque import analytic
from lenses.rules.rule import backprop
from lenses.trees import map_tree

QUICKLY: dict[str, str | bool] = {"xla_backend_optimization_level": "0", "xla_llvm_disable_expensive_passes": "True"}


def compiled(f: Callable[..., Any], *xs: Any) -> Any:
    """What XLA makes of a function, with little work on making it fast."""
    return jax.jit(f).lower(*xs).compile(compiler_options=QUICKLY)(*xs)


def agree(ours: Any, theirs: Any, units: float = 1e3, floor: float = 1.0) -> None:
    """Equal shapes and dtypes, and values up to so many units in the last place of the largest (or of `floor`)."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    if ours.dtype.kind != "f":
        assert np.array_equal(ours, theirs)
        return
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    finite = np.isfinite(theirs)
    assert np.array_equal(ours[~finite], theirs[~finite], equal_nan=True)
    scale = max(floor, float(np.max(np.abs(theirs[finite]), initial=0)))
    np.testing.assert_allclose(ours[finite], theirs[finite], 0, units * np.finfo(ours.dtype).eps * scale)


# -- one operation at a time -----------------------------------------------------------------

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 3, 4)) * 2
UNIT = np.tanh(X)
POSITIVE = np.abs(X) + 0.1
LEAST = np.iinfo("int64").min
N, M = np.array([7, -7, 3, -9]), np.array([2, 2, -2, -4])
B, C = np.array([True, True, False, False]), np.array([True, False, True, False])
BITWISE = (lax.bitwise_or, lax.bitwise_xor)
CUBE = RNG.normal(size=(3, 4, 5))
KERNEL, IMAGES = RNG.normal(size=(2, 3, 2, 6)), RNG.normal(size=(2, 5, 6, 4))
ROWS = np.array([[0, 2], [1, 1]])
OUTSIDE = np.array([[-1, 7], [2, 0]])
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0])


def like(x: Any, constant: Any) -> Any:
    """The constant in the dtype of an array."""
    return jnp.asarray(constant, x.dtype)


def repeated(x: Any) -> Any:
    """A power by a loop that stops at a number reached."""
    return lax.while_loop(lambda c: c[0] < 5, lambda c: (c[0] + 1, c[1] * x + c[0]), (0, x))


def summed(reverse: bool, x: Any) -> Any:
    """A sum with all that was summed on the way."""
    return lax.scan(lambda c, row: (c * 0.5 + row, (c, row * c)), x[0], x, reverse=reverse)


def no_rows(x: Any) -> Any:
    """A loop without a step."""
    return lax.scan(lambda c, row: (c + row, row), x[0], x[:0])


@jax.custom_jvp
def own_jvp(x: Any) -> Any:
    """A function with a derivative of its own."""
    return jnp.sin(x) * 2


@jax.custom_vjp
def own_vjp(x: Any) -> Any:
    """A function with a reverse derivative of its own."""
    return jnp.cos(x) * 2


own_jvp.defjvp(lambda x, v: (own_jvp(x[0]), v[0]))
own_vjp.defvjp(lambda x: (own_vjp(x), x), lambda x, d: (d * x,))


def convolved(numbers: tuple[str, str, str], groups: int, batches: int, x: Any, k: Any) -> Any:
    return lax.conv_general_dilated(x, k, (2, 1), ((1, 2), (0, 3)), (1, 2), (2, 1), numbers, groups, batches)


def window(op: Any, start: float, x: Any, **more: Any) -> Any:
    return lax.reduce_window(x, start, op, (1, 2, 2), more.pop("strides", (1, 2, 1)), ((0, 0), (1, 0), (0, 1)), **more)


def of_pool(op: Any, start: float, x: Any) -> Any:
    """The change that a pool sends back."""
    return jax.grad(lambda x: (window(op, start, x, strides=(1, 1, 2)) ** 2).sum())(x)


def batched(f: Callable[..., Any], *xs: Any) -> Any:
    return jax.vmap(f)(*xs)


PLAIN: dict[str, tuple[Callable[..., Any], Any]] = {
    "add": (lambda x: x + Y, X),
    "sub": (lambda x: x - Y, X),
    "mul": (lambda x: x * Y, X),
    "div": (lambda x: x / Y, X),
    "div by zero": (lambda x: x / jnp.array([0.0, -0.0, 1.0, 2.0, 0.0, np.inf]), SPECIAL),
    "integers divided": (lambda x: lax.div(x, M), N),
    "rem": (lambda x: lax.rem(x, like(x, Y)), X),
    "rem of integers": (lambda x: lax.rem(x, M), N),
    "max": (lambda x: lax.max(x, jnp.zeros_like(x)), SPECIAL),
    "min": (lambda x: lax.min(x, jnp.zeros_like(x)), SPECIAL),
    "pow": (lambda x: x**Y, POSITIVE),
    "integer_pow": (lambda x: (x**3, x**-2, lax.integer_pow(x, 0), lax.integer_pow(x, 1)), X),
    "integer_pow of integers": (lambda x: lax.integer_pow(x, 5), N),
    "atan2": (lambda x: jnp.arctan2(x, Y), X),
    "atan2 at zeros": (lambda x: lax.atan2(x, like(x, np.array([-0.0, 0.0, -1.0, 1.0, 1.0, -2.0]))), SPECIAL),
    "clamp": (lambda x: lax.clamp(like(x, -0.5), x, like(x, 0.75)), X),
    "select_n": (lambda x: jnp.where(x > 0, x, Y), X),
    "select_n of three": (lambda x: lax.select_n(jnp.array([2, 0, 1, 2]), x, 2 * x, 3 * x), N),
    "convert_element_type": (lambda x: (x.astype(int), x.astype(bool), x.astype("float16")), X),
    "broadcast_in_dim": (lambda x: jnp.broadcast_to(x[:, None, :, None], (3, 2, 4, 2)), X),
    "reshape": (lambda x: x.reshape(2, 6), X),
    "squeeze": (lambda x: lax.squeeze(x[None, :, None], (0, 2)), X),
    "transpose": (lambda x: jnp.transpose(x, (2, 0, 1)), CUBE),
    "rev": (lambda x: jnp.flip(x, (0, 2)), CUBE),
    "concatenate": (lambda x: jnp.concatenate([x, 2 * x], 1), X),
    "pad": (lambda x: lax.pad(x, x[0, 0], ((1, 2, 0), (0, 1, 2))), X),
    "pad below zero": (lambda x: lax.pad(x, 0.5 * x[0, 0], ((-1, 2, 1), (0, -2, 0))), X),
    "slice": (lambda x: (x[1:, ::2], x[:2, 1:3]), X),
    "split": (lambda x: jnp.split(x, [1, 3], 1), X),
    "stack": (lambda x: jnp.stack([x, 2 * x], 1), X),
    "unstack": (lambda x: jnp.unstack(x, axis=1), X),
    "iota": (lambda x: lax.broadcasted_iota("int32", (2, 3, 2), 1) + x[0].astype("int32"), N),
    "reduce_sum": (lambda x: (x.sum(), x.sum((0, 2)), x.sum(())), CUBE),
    "reduce_max": (lambda x: (x.max(1), x.max()), CUBE),
    "reduce_min": (lambda x: x.min((1, 2)), CUBE),
    "reduce_prod": (lambda x: x.prod(1), CUBE),
    "reduce_and": (lambda x: (x > -1.5).all(1), X),
    "reduce_or": (lambda x: (x > 1.5).any(0), X),
    "bitwise reductions": (lambda x: [lax.reduce(x, x.dtype.type(0), f, (0, 1)) for f in BITWISE], N.reshape(2, 2)),
    "argmax": (lambda x: (x.argmax(1), x.argmax(0)), np.round(X)),
    "argmin": (lambda x: (x.argmin(1), x.argmin(0)), np.round(X)),
    "cumsum": (lambda x: (jnp.cumsum(x, 1), lax.cumsum(x, 2, reverse=True)), CUBE),
    "dot_general": (lambda x: (x @ Y.T, jnp.einsum("abc, adc -> bda", CUBE, CUBE)), X),
    "dot_general of nothing": (lambda x: x[:, :0] @ Y[:, :0].T, X),
    "dot_general of integers": (lambda x: lax.dot(x, like(x, M), preferred_element_type="int32"), N.astype("int8")),
    "eq": (lambda x: (x == M, x != M, x < M, x <= M, x > M, x >= M), np.array([2, 1, -2, 3])),
    "and": (lambda x: (x & C, x | C, x ^ C, ~x), B),
    "bits": (lambda x: (x & M, x | M, x ^ M, ~x), N),
    "is_finite": (jnp.isfinite, SPECIAL),
    "stop_gradient": (lambda x: lax.stop_gradient(x) * 2, X),
    "copy": (lambda x: jnp.array(x, copy=True) * 2, X),
    "add_any": (jax.grad(lambda x: (jnp.sin(x) * x).sum()), X),
    "cond": (lambda x: [lax.cond(x[0, 0] > t, jnp.sin, lambda y: y * 2, x) for t in (-99, 99)], X),
    "switch beyond its branches": (lambda x: [lax.switch(i, [jnp.sin, jnp.cos], x) for i in (-3, 1, 9)], X),
    "while": (repeated, X),
    "scan": (partial(summed, False), CUBE),
    "scan in reverse": (partial(summed, True), CUBE),
    "scan without a step": (no_rows, CUBE),
    "jit": (jax.jit(lambda x: jnp.sin(x) + like(x, X)), X),
    "jit differentiated": (jax.grad(lambda x: jax.jit(jnp.sin)(x).sum()), X),
    "custom_jvp_call": (own_jvp, X),
    "custom_vjp_call": (own_vjp, X),
    "remat": (jax.grad(lambda x: jax.checkpoint(lambda x: jnp.sin(jnp.sin(x)))(x).sum()), X),
    "conv_general_dilated": (
        lambda x: convolved(("NHWC", "HWIO", "NHWC"), 2, 1, x, like(x, KERNEL)),
        RNG.normal(size=(2, 5, 6, 4)),
    ),
    "conv in groups of the batch": (
        lambda x: convolved(("HNCW", "IHWO", "CWNH"), 1, 2, x, like(x, KERNEL.transpose(2, 0, 1, 3))),
        RNG.normal(size=(5, 4, 2, 6)),
    ),
    "changes of a conv": (
        jax.grad(lambda k: (convolved(("NHWC", "HWIO", "NHWC"), 2, 1, like(k, IMAGES), k) ** 2).sum()),
        RNG.normal(size=(2, 3, 2, 6)),
    ),
    "reduce_window_sum": (lambda x: window(lax.add, 0.0, x, base_dilation=(1, 2, 1)), CUBE),
    "reduce_window_max": (lambda x: window(lax.max, -jnp.inf, x, window_dilation=(1, 1, 2)), CUBE),
    "reduce_window_min": (lambda x: window(lax.min, jnp.inf, x), CUBE),
    "reduce_window of integers": (lambda x: lax.reduce_window(x, LEAST, lax.max, (2,), (1,), "SAME"), N),
    "select_and_scatter_add": (partial(of_pool, lax.max, -jnp.inf), CUBE),
    "select_and_scatter_add at ties": (partial(of_pool, lax.max, -jnp.inf), np.round(CUBE)),
    "select_and_scatter_add of the least": (partial(of_pool, lax.min, jnp.inf), np.round(CUBE)),
    "gather": (lambda x: (x[ROWS], x[:, ROWS], x[ROWS[:, 0], :, ROWS[:, 1]], jnp.take(x, ROWS, 2)), CUBE),
    "gather along": (lambda x: jnp.take_along_axis(x, np.argsort(CUBE, 1), 1), CUBE),
    "gather outside": (lambda x: [jnp.take(x, OUTSIDE, 0, mode=m) for m in ("clip", "fill")], CUBE),
    "gather in a batch": (partial(batched, lambda x, i: (x[i], x[:, i])), (CUBE, np.array([2, 0, 3]))),
    "scatter-add": (lambda x: (x.at[ROWS].add(like(x, X[:2, :2, None, None])), x.at[:, ROWS].add(2.0)), CUBE),
    "scatter-add outside": (lambda x: [x.at[OUTSIDE].add(2.0, mode=m) for m in ("clip", "drop")], CUBE),
    "scatter": (partial(batched, lambda x, i: lax.dynamic_update_slice(x, -x[1:], (i, 0))), (CUBE, N[:3] % 5)),
    "scatter outside": (lambda x: x.at[OUTSIDE].set(2.0, mode="drop", unique_indices=True), CUBE),
    "scatter-add in a batch": (partial(batched, lambda x, i: x.at[i].add(x[0])), (CUBE, np.array([2, 2, 3]))),
}  # fmt: skip

FUNCTIONS = {
    "neg sign floor ceil abs square": (lax.neg, lax.sign, lax.floor, lax.ceil, lax.abs, lax.square),
    "exp exp2 expm1 logistic tanh": (lax.exp, lax.exp2, lax.expm1, lax.logistic, lax.tanh),
    "sin cos tan atan": (lax.sin, lax.cos, lax.tan, lax.atan),
    "sinh cosh asinh cbrt": (lax.sinh, lax.cosh, lax.asinh, lax.cbrt),
    "log log1p sqrt rsqrt acosh": (lax.log, lax.log1p, lax.sqrt, lax.rsqrt, lax.acosh),
    "asin acos atanh": (lax.asin, lax.acos, lax.atanh),
}
"""Functions of one number: tried on numbers of their domains, and on zeros, infinities and no numbers."""


def applied(functions: tuple[Callable[[Any], Any], ...], x: Any) -> Any:
    """Several functions of one array."""
    return [f(x) for f in functions]


def cases() -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Functions of arrays, by name, with what they are tried on."""
    found: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {}
    for name, (f, given) in PLAIN.items():
        found[name] = (f, given if isinstance(given, tuple) else (given,))
    for name, functions in FUNCTIONS.items():
        values = POSITIVE + 1 if "acosh" in name else UNIT if "asin" in name else X
        found[name] = (partial(applied, functions), (values,))
        found[f"{name}, special"] = (partial(applied, functions), (SPECIAL,))
    return found


CASES = cases()


def single(x: Any) -> Any:
    return x.astype("float32") if x.dtype == "float64" else x


def names_in(jaxpr: Jaxpr) -> Iterator[str]:
    """The primitives of a program and of those within it."""
    for eqn in jaxpr.eqns:
        yield eqn.primitive.name
        for value in eqn.params.values():
            for inner in value if isinstance(value, tuple | list) else (value,):
                if isinstance(inner, ClosedJaxpr | Jaxpr):
                    yield from names_in(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner)


def met(f: Callable[..., Any], xs: Any, monkeypatch: Any) -> None:
    """Asserts that a function in NumPy is what it is in JAX, and that JAX is not asked for it."""
    monkeypatch.setattr(primitives, "_by_jax", lambda eqn, xs: pytest.fail(f"{eqn.primitive} has no entry"))
    program = jax.make_jaxpr(f)(*xs)
    theirs = jax.tree.leaves(compiled(f, *xs))
    for y, z in zip(run(program, xs), theirs, strict=True):
        agree(y, z, 64)


@pytest.mark.parametrize("name", CASES)
def test_an_operation_is_what_it_is_in_jax(name, x64, monkeypatch):
    f, xs = CASES[name]
    met(f, xs, monkeypatch)
    met(f, tuple(map(single, xs)), monkeypatch)


def test_every_entry_is_met(x64):
    """By the functions above alone, each of which is held against JAX, which stacks by concatenation before 0.10.1."""
    found = {n for f, xs in CASES.values() for n in names_in(jax.make_jaxpr(f)(*xs).jaxpr)}
    assert {*PRIMITIVES} - found in (set(), {"stack", "unstack"})


def test_what_has_no_entry_is_asked_of_jax(x64, monkeypatch):
    asked = []
    before = primitives._by_jax
    monkeypatch.setattr(primitives, "_by_jax", lambda eqn, xs: asked.append(eqn.primitive.name) or before(eqn, xs))

    def f(x: Any) -> Any:
        values, vectors = jnp.linalg.eigh(x @ x.T)
        return jnp.sort(x, 1), lax.cumprod(x, 0), lax.erf(x), values, jnp.abs(vectors)

    for y, z in zip(run(jax.make_jaxpr(f)(X), [X]), f(X), strict=True):
        agree(y, z)
    assert {"sort", "cumprod", "erf", "eigh"} <= {*asked} and not {*asked} & {*PRIMITIVES}


def test_noise_is_put_on_what_was_rounded_alone(x64):
    def f(x: Any) -> Any:
        return x.reshape(2, 6), jnp.sin(x), jnp.maximum(x, 0)

    plainly = run(jax.make_jaxpr(f)(X), [X])
    moved = run(jax.make_jaxpr(f)(X), [X], lambda y: y + 1)
    assert [float(np.max(abs(a - b))) for a, b in zip(plainly, moved, strict=True)] == [0, 1, 0]


# -- every box -------------------------------------------------------------------------------

BOXES = registry.boxes()
KINDS = ("normal", "positive", "normal")


def examples(kind: type[Box], dtype: str) -> Iterator[Typed]:
    """The examples of a class as plain maps in one precision, where they can be carried by it."""
    for term in kind.examples():
        assert isinstance(term, Typed)
        term = Typed(inference(term.term), term.dom)
        if not term.circuit.keyed:
            try:
                yield plain(at_precision(term, dtype)).term
            except LensError:  # an optimiser has parameters of one dtype
                yield plain(term).term


def in_jax(term: Typed, *xs: Any) -> tuple[Any, ...]:
    """The meaning of a term at one point."""
    states = map_tree(lambda port: jnp.asarray(fixed_state(port)), term.circuit.states)
    return tuple(evaluate(term.circuit, Side({}, states), xs, Env(backprop))[0])


def changes_in_jax(term: Typed, *given: Any) -> tuple[Any, ...]:
    """What `jax.vjp` of the meaning sends back at one point."""
    xs, changes = given[: len(term.dom)], iter(given[len(term.dom) :])
    ys, pullback = jax.vjp(partial(in_jax, term), *xs)
    zero = partial(np.zeros, dtype=jax.dtypes.float0)
    ds = [zero(y.shape) if a.change is None else next(changes) for y, a in zip(ys, term.cod, strict=True)]
    return tuple(d for d, a in zip(pullback(tuple(ds)), term.dom, strict=True) if a.change is not None)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", BOXES)
def test_a_box_is_what_it_is_in_jax(name, dtype, x64):
    """Forward, and where its lens is its derivative over the reals backward too, at several points at once."""
    kind = BOXES[name]
    terms = [t for t in examples(kind, dtype) if len(t.dom)]
    given = [points(t.dom @ t.cod.change, np.random.default_rng(i), KINDS) for i, t in enumerate(terms)]

    def every(given: Any) -> Any:
        there = [jax.vmap(partial(in_jax, t))(*xs[: len(t.dom)]) for t, xs in zip(terms, given, strict=True)]
        back = [
            jax.vmap(partial(changes_in_jax, t))(*xs) if kind.derives and analytic((*t.dom, *t.cod)) else ()
            for t, xs in zip(terms, given, strict=True)
        ]
        return there, back

    there, back = compiled(every, given)
    for term, xs, ys, dxs in zip(terms, given, there, back, strict=True):
        for ours, theirs in zip(meaning(term, xs[: len(term.dom)]), ys, strict=True):
            agree(ours, theirs)
        if dxs:
            put = lens()(plain(term)).term
            for ours, theirs in zip(meaning(put, xs), dxs, strict=True):
                agree(ours, theirs, 1e4)


@pytest.mark.parametrize("name", BOXES)
def test_a_box_without_inputs_is_what_it_is_in_jax(name, x64):
    for term in examples(BOXES[name], "float64"):
        if not len(term.dom):
            for ours, theirs in zip(meaning(term, []), in_jax(term), strict=True):
                agree(ours, np.asarray(theirs)[None])


def test_states_and_random_numbers_are_those_of_jax(x64):
    term = dropout(0.5).at(Real(3, dtype="float64"))
    xs = points(term.dom, np.random.default_rng(0), KINDS)
    theirs = evaluate(term.circuit, Side({}, {}, jax.random.key(0)), [jnp.asarray(xs[0][0])], Env(backprop))[0][0]
    agree(meaning(term, xs)[0][0], theirs)
