"""JAX programs in NumPy: a meaning of boxes that needs no compilation, for laws that run thousands of terms.

A box's meaning is traced to a jaxpr once for each domain, and the jaxpr is run with NumPy, one
operation at a time. That is some forty times faster than JAX's own dispatch on small arrays, costs
no compilation for a new term, and gives a second meaning to hold the compiled one against. An
operation without an entry here is handed to JAX.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

Values = Sequence[Any]
PRIMITIVES: dict[str, Callable[..., Any]] = {}
"""By the name of a JAX primitive: (its parameters, *arrays) -> an array, or a list of arrays."""


_ARITHMETIC = ("add", "add_any", "sub", "mul", "div", "pow", "integer_pow", "square", "sqrt", "rsqrt", "cbrt")
_FUNCTIONS = (
    *("exp", "exp2", "expm1", "log", "log1p", "logistic", "sin", "cos", "tan", "asin", "acos", "atan", "atan2"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "erf_inv", "lgamma", "digamma"),
)
_SUMS = (
    *("reduce_sum", "reduce_prod", "cumsum", "cumprod", "cumlogsumexp", "dot_general", "conv_general_dilated"),
    *("scatter-add", "reduce_window_sum", "select_and_scatter_add"),
)
ROUNDING = frozenset((*_ARITHMETIC, *_FUNCTIONS, *_SUMS))
"""Primitives whose results are rounded; the others move numbers or compare them."""

_noise: ContextVar[Callable[[Any], Any] | None] = ContextVar("noise", default=None)


def run(program: ClosedJaxpr, arguments: Values, noise: Callable[[Any], Any] | None = None) -> list[Any]:
    """The outputs of a traced program on NumPy arrays; `noise` is applied to every number that was rounded."""
    token = _noise.set(noise)
    try:
        with np.errstate(all="ignore"):
            return _run(program.jaxpr, program.consts, arguments)
    finally:
        _noise.reset(token)


def _run(jaxpr: Jaxpr, consts: Values, arguments: Values) -> list[Any]:
    noise = _noise.get()
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, map(as_numpy, consts), strict=True))
    known.update(zip(jaxpr.invars, arguments, strict=True))
    for eqn in jaxpr.eqns:
        xs = [v.val if isinstance(v, Literal) else known[v] for v in eqn.invars]
        meaning = PRIMITIVES.get(eqn.primitive.name)
        ys = _by_jax(eqn, xs) if meaning is None else meaning(eqn.params, *xs)
        if not eqn.primitive.multiple_results:
            ys = [ys]
        for v, y in zip(eqn.outvars, ys, strict=True):
            # NumPy may widen (a float and a Python number) or give a scalar where JAX has an array.
            dtype = v.aval.dtype  # type: ignore[attr-defined]
            y = y if getattr(y, "dtype", None) == dtype else as_numpy(y, dtype)
            known[v] = noise(y) if noise is not None and eqn.primitive.name in ROUNDING else y
    return [v.val if isinstance(v, Literal) else known[v] for v in jaxpr.outvars]


def as_numpy(x: Any, dtype: Any = None) -> Any:
    """The array in NumPy; arrays that NumPy does not have (random keys) stay as they are."""
    if jnp.issubdtype(getattr(x, "dtype", np.float64), jax.dtypes.prng_key):
        return x
    return np.asarray(x, dtype)


def _by_jax(eqn: Any, xs: Values) -> Any:
    out = eqn.primitive.bind(*[jnp.asarray(x) for x in xs], **eqn.params)
    return [as_numpy(y) for y in out] if eqn.primitive.multiple_results else as_numpy(out)


def primitive(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: registers the meaning of primitives."""

    def register(meaning: Callable[..., Any]) -> Callable[..., Any]:
        PRIMITIVES.update(dict.fromkeys(names, meaning))
        return meaning

    return register


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda params, *xs: function(*xs)


PRIMITIVES |= {
    name: _plain(function)
    for name, function in {
        "add": np.add,
        "add_any": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "max": np.maximum,
        "min": np.minimum,
        "rem": np.fmod,
        "pow": np.power,
        "atan2": np.arctan2,
        "neg": np.negative,
        "sign": np.sign,
        "floor": np.floor,
        "ceil": np.ceil,
        "abs": np.abs,
        "exp": np.exp,
        "exp2": np.exp2,
        "expm1": np.expm1,
        "log": np.log,
        "log1p": np.log1p,
        "sqrt": np.sqrt,
        "rsqrt": lambda x: 1 / np.sqrt(x),
        "cbrt": np.cbrt,
        "square": np.square,
        "sin": np.sin,
        "cos": np.cos,
        "tan": np.tan,
        "asin": np.arcsin,
        "acos": np.arccos,
        "atan": np.arctan,
        "sinh": np.sinh,
        "cosh": np.cosh,
        "tanh": np.tanh,
        "asinh": np.arcsinh,
        "acosh": np.arccosh,
        "atanh": np.arctanh,
        "eq": np.equal,
        "ne": np.not_equal,
        "lt": np.less,
        "le": np.less_equal,
        "gt": np.greater,
        "ge": np.greater_equal,
        "and": np.bitwise_and,
        "or": np.bitwise_or,
        "xor": np.bitwise_xor,
        "not": np.invert,
        "is_finite": np.isfinite,
        "stop_gradient": lambda x: x,
        "copy": lambda x: x,
        "clamp": lambda low, x, high: np.clip(x, low, high),
    }.items()
}


@primitive("logistic")
def _logistic(params: Any, x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


@primitive("div")
def _div(params: Any, x: Any, y: Any) -> Any:
    if np.issubdtype(np.result_type(x), np.integer):
        return np.trunc(np.divide(x, y)).astype(np.result_type(x))
    return np.divide(x, y)


@primitive("integer_pow")
def _integer_pow(params: Any, x: Any) -> Any:
    y = params["y"]
    power = x
    for _ in range(abs(y) - 1):
        power = power * x
    return np.ones_like(x) if y == 0 else power if y > 0 else 1 / power


@primitive("select_n")
def _select_n(params: Any, which: Any, *cases: Any) -> Any:
    if len(cases) == 2 and np.asarray(which).dtype == bool:
        return np.where(which, cases[1], cases[0])
    return np.choose(which, cases)


@primitive("convert_element_type")
def _convert(params: Any, x: Any) -> Any:
    return np.asarray(x).astype(params["new_dtype"])


@primitive("broadcast_in_dim")
def _broadcast(params: Any, x: Any, *dynamic: Any) -> Any:
    shape, dimensions = params["shape"], params["broadcast_dimensions"]
    x = np.asarray(x)
    own = [1] * len(shape)
    for size, at in zip(x.shape, dimensions, strict=True):
        own[at] = size
    return np.broadcast_to(x.reshape(own), shape)


@primitive("reshape")
def _reshape(params: Any, x: Any, *dynamic: Any) -> Any:
    order = params["dimensions"]  # the axes are brought into this order first
    return np.reshape(x if order is None else np.transpose(x, order), params["new_sizes"])


@primitive("squeeze")
def _squeeze(params: Any, x: Any) -> Any:
    return np.squeeze(x, tuple(params["dimensions"]))


@primitive("transpose")
def _transpose(params: Any, x: Any) -> Any:
    return np.transpose(x, params["permutation"])


@primitive("rev")
def _rev(params: Any, x: Any) -> Any:
    return np.flip(x, tuple(params["dimensions"]))


@primitive("concatenate")
def _concatenate(params: Any, *xs: Any) -> Any:
    return np.concatenate(xs, params["dimension"])


@primitive("pad")
def _pad(params: Any, x: Any, value: Any) -> Any:
    config = params["padding_config"]
    if any(low < 0 or high < 0 for low, high, _ in config):
        return as_numpy(jax.lax.pad(x, value, config))
    shape = [n + max(n - 1, 0) * inner + low + high for n, (low, high, inner) in zip(x.shape, config, strict=True)]
    out = np.full(shape, value, x.dtype)
    out[
        tuple(
            slice(low, low + n + max(n - 1, 0) * inner, inner + 1)
            for n, (low, _, inner) in zip(x.shape, config, strict=True)
        )
    ] = x
    return out


@primitive("slice")
def _slice(params: Any, x: Any) -> Any:
    strides = params["strides"] or (1,) * x.ndim
    return x[tuple(map(slice, params["start_indices"], params["limit_indices"], strides))]


@primitive("split")
def _split(params: Any, x: Any) -> Any:
    return np.split(x, np.cumsum(params["sizes"])[:-1], params["axis"])


@primitive("stack")
def _stack(params: Any, *xs: Any) -> Any:
    return np.stack(xs, params["axis"])


@primitive("unstack")
def _unstack(params: Any, x: Any) -> Any:
    return list(np.moveaxis(x, params["axis"], 0))


@primitive("iota")
def _iota(params: Any, *dynamic: Any) -> Any:
    shape, at = params["shape"], params["dimension"]
    line = np.arange(shape[at], dtype=params["dtype"])
    return np.broadcast_to(line.reshape([-1 if i == at else 1 for i in range(len(shape))]), shape)


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda params, x: function(x, axis=tuple(params["axes"]))


PRIMITIVES |= {
    "reduce_sum": _reduction(np.sum),
    "reduce_max": _reduction(np.max),
    "reduce_min": _reduction(np.min),
    "reduce_prod": _reduction(np.prod),
    "reduce_and": _reduction(np.bitwise_and.reduce),
    "reduce_or": _reduction(np.bitwise_or.reduce),
    "reduce_xor": _reduction(np.bitwise_xor.reduce),
}


def _first(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda params, x: function(x, params["axes"][0]).astype(params["index_dtype"])


PRIMITIVES |= {"argmax": _first(np.argmax), "argmin": _first(np.argmin)}


@primitive("cumsum")
def _cumsum(params: Any, x: Any) -> Any:
    at = params["axis"]
    return np.flip(np.cumsum(np.flip(x, at), at), at) if params["reverse"] else np.cumsum(x, at)


@primitive("dot_general")
def _dot_general(params: Any, x: Any, y: Any) -> Any:
    (over_x, over_y), (batch_x, batch_y) = params["dimension_numbers"]
    if not np.issubdtype(x.dtype, np.floating) or x.dtype != y.dtype:
        kind = params.get("preferred_element_type") or np.result_type(x, y)
        x, y = x.astype(kind), y.astype(kind)
    free_x = [i for i in range(x.ndim) if i not in over_x and i not in batch_x]
    free_y = [i for i in range(y.ndim) if i not in over_y and i not in batch_y]
    batch = [x.shape[i] for i in batch_x]
    inner = math.prod(x.shape[i] for i in over_x)
    rows, columns = [x.shape[i] for i in free_x], [y.shape[i] for i in free_y]
    a = x.transpose([*batch_x, *free_x, *over_x]).reshape([*batch, math.prod(rows), inner])
    b = y.transpose([*batch_y, *over_y, *free_y]).reshape([*batch, inner, math.prod(columns)])
    return np.matmul(a, b).reshape([*batch, *rows, *columns])


# -- windows ---------------------------------------------------------------------------------


def _padded(x: Any, value: Any, padding: Any, dilation: Sequence[int]) -> Any:
    config = [(low, high, d - 1) for (low, high), d in zip(padding, dilation, strict=True)]
    return _pad({"padding_config": config}, x, np.asarray(value, x.dtype))


def _windows(x: Any, shape: Sequence[int], strides: Sequence[int], dilation: Sequence[int]) -> Any:
    """The windows of an array, all its places first and then those within a window."""
    spans = [(n - 1) * d + 1 for n, d in zip(shape, dilation, strict=True)]
    views = np.lib.stride_tricks.sliding_window_view(x, spans)
    return views[(*(slice(None, None, s) for s in strides), *(slice(None, None, d) for d in dilation))]


def _window_reduction(function: Callable[..., Any], start: Callable[[Any], Any]) -> Callable[..., Any]:
    def reduction(params: Any, x: Any) -> Any:
        padded = _padded(x, start(x.dtype), params["padding"], params["base_dilation"])
        found = _windows(padded, params["window_dimensions"], params["window_strides"], params["window_dilation"])
        return function(found, axis=tuple(range(x.ndim, 2 * x.ndim)))

    return reduction


def _least(dtype: Any) -> Any:
    return -np.inf if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).min


def _greatest(dtype: Any) -> Any:
    return np.inf if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).max


PRIMITIVES |= {
    "reduce_window_sum": _window_reduction(np.sum, lambda dtype: 0),
    "reduce_window_max": _window_reduction(np.max, _least),
    "reduce_window_min": _window_reduction(np.min, _greatest),
}


@primitive("conv_general_dilated")
def _conv(params: Any, x: Any, kernel: Any) -> Any:
    numbers = params["dimension_numbers"]
    x, kernel = x.transpose(numbers.lhs_spec), kernel.transpose(numbers.rhs_spec)  # batch, channel, place
    places = x.ndim - 2
    padding = [(0, 0), (0, 0), *params["padding"]]
    x = _padded(x, 0, padding, (1, 1, *params["lhs_dilation"]))
    shape = (1, 1, *kernel.shape[2:])
    found = _windows(x, shape, (1, 1, *params["window_strides"]), (1, 1, *params["rhs_dilation"]))
    found = found.reshape(found.shape[: x.ndim] + kernel.shape[2:])
    batches, groups = params["batch_group_count"], params["feature_group_count"]
    over = (1, *range(2 + places, 2 + 2 * places))
    parts = [
        np.tensordot(rows, weights, (over, (1, *range(2, 2 + places))))
        for batch, kernels in zip(np.split(found, batches, 0), np.split(kernel, batches, 0), strict=True)
        for rows, weights in zip(np.split(batch, groups, 1), np.split(kernels, groups, 0), strict=True)
    ]
    out = np.moveaxis(np.concatenate(parts, -1), -1, 1)
    return out.transpose(np.argsort(numbers.out_spec))


@primitive("select_and_scatter_add")
def _select_and_scatter_add(params: Any, source: Any, x: Any) -> Any:
    shape, strides = params["window_dimensions"], params["window_strides"]
    largest = params["select_prim"] is jax.lax.ge_p
    one = (1,) * x.ndim
    padded = _padded(x, (_least if largest else _greatest)(x.dtype), params["padding"], one)
    found = _windows(padded, shape, strides, one)
    flat = found.reshape((*found.shape[: x.ndim], -1))
    chosen = np.unravel_index((np.argmax if largest else np.argmin)(flat, -1), shape)
    out = np.zeros(padded.shape, source.dtype)
    starts = (n * s for n, s in zip(np.indices(source.shape), strides, strict=True))
    np.add.at(out, tuple(n + c for n, c in zip(starts, chosen, strict=True)), source)
    return out[tuple(slice(low, low + n) for (low, _), n in zip(params["padding"], x.shape, strict=True))]


# -- indices ---------------------------------------------------------------------------------


def _places(
    shape: Sequence[int], sizes: Sequence[int], indices: Any, names: Sequence[Any], inner: Sequence[int], mode: Any
) -> tuple[tuple[Any, ...], Any]:
    """The places in an array of windows of `sizes` that start at `indices`, and which of these starts are in it.

    `names` are the axes that the indices are of, the array's batch axes, and those of the indices; `inner` are the
    axes of the array that the windows have.
    """
    of, batch, batch_of_indices = names
    lead = indices.shape[:-1]
    inside, places = np.ones(lead, bool), []
    for axis, (n, size) in enumerate(zip(shape, sizes, strict=True)):
        if axis in batch:
            start = np.indices(lead)[batch_of_indices[batch.index(axis)]]
        else:
            start = indices[..., of.index(axis)].astype(np.int64) if axis in of else np.zeros(lead, np.int64)
        inside &= (start >= 0) & (start <= n - size)
        start = np.clip(start, 0, n - size).reshape(lead + (1,) * len(inner))
        line = np.arange(size).reshape([-1 if a == axis else 1 for a in inner]) if axis in inner else 0
        places.append(start + line)
    return tuple(places), inside | (mode == jax.lax.GatherScatterMode.CLIP)


@primitive("gather")
def _gather(params: Any, x: Any, indices: Any) -> Any:
    numbers, sizes = params["dimension_numbers"], params["slice_sizes"]
    gone = (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)
    names = (numbers.start_index_map, numbers.operand_batching_dims, numbers.start_indices_batching_dims)
    inner = [i for i in range(x.ndim) if i not in gone]
    places, inside = _places(x.shape, sizes, np.asarray(indices), names, inner, params["mode"])
    if not inside.all():
        return as_numpy(jax.lax.gather_p.bind(jnp.asarray(x), jnp.asarray(indices), **params))
    found = x[tuple(np.broadcast_arrays(*places))] if places else x
    return np.moveaxis(found, range(inside.ndim, inside.ndim + len(inner)), numbers.offset_dims)


def _put(original: Any, write: Callable[..., Any] | None, params: Any, x: Any, indices: Any, updates: Any) -> Any:
    """The array with updates written into windows by `write(array, places, updates)`.

    Without it, and where some are outside, it is what JAX's `original` gives.
    """
    numbers = params["dimension_numbers"]
    gone = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
    names = (numbers.scatter_dims_to_operand_dims, numbers.operand_batching_dims, numbers.scatter_indices_batching_dims)
    inner = [i for i in range(x.ndim) if i not in gone]
    own = iter(numbers.update_window_dims)
    sizes = [updates.shape[next(own)] if i in inner else 1 for i in range(x.ndim)]
    places, inside = _places(x.shape, sizes, np.asarray(indices), names, inner, params["mode"])
    if write is None or not inside.all():
        return as_numpy(original.bind(*map(jnp.asarray, (x, indices, updates)), **params))
    out = np.array(x)
    write(out, places, np.moveaxis(updates, numbers.update_window_dims, range(inside.ndim, updates.ndim)))
    return out


@primitive("scatter-add")
def _scatter_add(params: Any, x: Any, indices: Any, updates: Any) -> Any:
    return _put(jax.lax.scatter_add_p, np.add.at, params, x, indices, updates)


@primitive("scatter")
def _scatter(params: Any, x: Any, indices: Any, updates: Any) -> Any:
    write = np.ndarray.__setitem__ if params["unique_indices"] else None
    return _put(jax.lax.scatter_p, write, params, x, indices, updates)


# -- programs within programs ----------------------------------------------------------------


@primitive("jit", "custom_jvp_call", "custom_vjp_call", "remat2")
def _call(params: Any, *xs: Any) -> Any:
    inner = next(params[k] for k in ("call_jaxpr", "jaxpr", "fun_jaxpr") if k in params)
    if isinstance(inner, ClosedJaxpr):
        return _run(inner.jaxpr, inner.consts, xs)
    return _run(inner, (), xs)


@primitive("cond")
def _cond(params: Any, which: Any, *xs: Any) -> Any:
    branches = params["branches"]
    chosen = branches[int(np.clip(which, 0, len(branches) - 1))]
    return _run(chosen.jaxpr, chosen.consts, xs)


@primitive("while")
def _while(params: Any, *xs: Any) -> Any:
    n, m = params["cond_nconsts"], params["body_nconsts"]
    test, body, carry = params["cond_jaxpr"], params["body_jaxpr"], list(xs[n + m :])
    while bool(_run(test.jaxpr, test.consts, [*xs[:n], *carry])[0]):
        carry = _run(body.jaxpr, body.consts, [*xs[n : n + m], *carry])
    return carry


@primitive("scan")
def _scan(params: Any, *xs: Any) -> Any:
    body, length = params["jaxpr"], params["length"]
    n, m = params["num_consts"], params["num_carry"]
    consts, carry, sliced = xs[:n], list(xs[n : n + m]), xs[n + m :]
    stacked: list[list[Any]] = [[None] * length for _ in body.out_avals[m:]]
    for i in reversed(range(length)) if params["reverse"] else range(length):
        out = _run(body.jaxpr, body.consts, [*consts, *carry, *(x[i] for x in sliced)])
        carry = out[:m]
        for rows, y in zip(stacked, out[m:], strict=True):
            rows[i] = y
    empty = [np.zeros((length, *a.shape), a.dtype) for a in body.out_avals[m:]]
    return [*carry, *(np.stack(rows) if rows else e for rows, e in zip(stacked, empty, strict=True))]
