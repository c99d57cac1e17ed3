"""How the primitives of JAX are drawn: their plans compute what they do, along the strands that they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from running import KEY, checked, close, compiled, equation, real

from diagrams.jaxpr import of_function
from diagrams.jaxpr.primitives import look
from diagrams.jaxpr.primitives.axes import unchanged
from diagrams.jaxpr.strands import passing
from lenses.strands import Strand

INDICES = np.array([[2, 0], [1, 1]], np.int32)
SQUARE = real(2, 3, 3) @ np.swapaxes(real(2, 3, 3), 1, 2) + np.eye(3, dtype=np.float32)
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
        lambda x, i: jax.lax.dynamic_slice(x, (i, i, i), (2, 3, 1)), (real(2, 3, 4), np.int32(1)), 2,
    ),
    "window of each": (
        jax.vmap(lambda x, i: jax.lax.dynamic_slice_in_dim(x, i, 2)), (real(2, 4, 3), INDICES[0]), 2,
    ),
    "update of each": (
        jax.vmap(lambda x, y, i: jax.lax.dynamic_update_slice_in_dim(x, y, i, 0)),
        (real(2, 4, 3), real(2, 2, 3), INDICES[0]),
        2,
    ),
    "row": (lambda t: t[:, jnp.array([2, 0])], (real(2, 3, 4),), 2),
    "along axis": (lambda t, i: jnp.take_along_axis(t, i, 1), (real(2, 3), INDICES), 0),
    "dynamic slice": (lambda x, i: jax.lax.dynamic_slice_in_dim(x, i, 2, 1), (real(3, 4), np.int32(1)), 1),
    "update": (lambda x, y: jax.lax.dynamic_update_slice_in_dim(x, y, 1, 0), (real(3, 4), real(2, 4)), 1),
    "scatter": (lambda x, y: x.at[jnp.array([0, 2])].add(y), (real(3, 4), real(2, 4)), 1),
    "scatter batched": (jax.vmap(lambda x, i: x.at[i].set(7.0)), (real(2, 3), np.array([1, 2], np.int32)), 1),
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
    "padded window": (
        lambda x: jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 2), (1, 1), ((1, 0), (0, 0))), (real(2, 3),), 0,
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
    integer = [v.aval.dtype == jnp.int32 for v in eqn.invars]
    sizes = [v.aval.shape for v in eqn.invars]
    whole = [rng.integers(0, 2, n, np.int32) if i else real(*n) for i, n in zip(integer, sizes, strict=True)]
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
        close(compiled(mapped, *whole), equation(eqn, whole))


def test_signs_are_those_of_terms() -> None:
    def texts(fn: Callable[..., Any], *examples: Any) -> list[str]:
        return [n.text for n in of_function(fn, *examples, small=0).nodes]

    x = real(3)
    assert texts(lambda x, y: jax.lax.max(jax.lax.min(x - y, 2.0), -1.5), x, x) == ["−", "∧ 2", "∨ −1.5"]
    assert texts(lambda x: x**-2 - 1e-8, x) == ["^ −2", "− 1e−08"]
    assert texts(lambda x: jax.lax.clamp(-jnp.inf, x, np.float32(jnp.nan)) * -3, x) == ["clamp(−inf, ·, nan)", "× −3"]
    assert texts(lambda x: jax.lax.pad(x, -1.0, [(1, 0, 0)]), x) == ["pad −1"]
    assert texts(lambda: jnp.array([-1, 2])) == ["[−1, 2]"]
    assert texts(lambda: np.array([True, False]) * 1j - 2) == ["[−2+1j, −2+0j]"]


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
    assert unchanged(old, new) == kept
