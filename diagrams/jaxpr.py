"""Plans of JAX functions: the program into which JAX traces a function, as boxes and wires, with nothing left out.

`of_function` traces with `jax.make_jaxpr`. Every equation becomes a node and every variable a wire. Where a
variable is read several times stands a copy, where it is not read a discard, and constants are nodes
too, but for numbers that are written into the text of an elementwise function, as in "× 0.125".
What is done at each equation is told by its primitive: `LOOKS` holds a function for each that is
known, which gives the glyph and the strands. All others are boxes that act along all their axes.

Parts (jitted functions, loops, branches) hold the plan of what they do, and their strands are found
from it: an axis runs past a part if it runs past all that it meets inside.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from lenses.errors import LensError, explain, shown
from lenses.spaces import Array, IndexElement, RealElement, element_of
from lenses.strands import Place, Strand, aligned, moved

from .plan import Fold, Node, Plan
from .scene import Address


def of_function(
    fn: Callable[..., Any],
    *examples: Any,
    names: Mapping[str, Sequence[str | None]] | None = None,
    fold: Fold = None,
    small: int = 20,
) -> Plan:
    """The plan of `fn(*examples)`. The examples are trees of arrays, of which only shapes and types matter.

    What is in them and cannot be traced, such as the functions in an Equinox module, is held fixed; their
    arrays are the inputs, in order, named by parameter and path: "x", "params.dense.kernel".
    `names` gives the axes of inputs names, which follow the strands: ``{"x": ("batch", "feature")}``.
    `fold` closes parts, by depth or by paths of their names, as in `of_term`. Functions of JAX itself
    with at most `small` equations, such as relu, are closed in any case; `small=0` opens them all.

    Elements are reals of the array's type for floats and complex numbers, and indices for all else.
    A node's `box` is its equation, or its value if it is a constant. Raises LensError where JAX cannot
    trace the function, and for names or parts that are not there.
    """
    leaves, tree = jax.tree.flatten(examples)
    places = [i for i, leaf in enumerate(leaves) if _traced(leaf)]

    def run(*arrays: Any) -> list[Any]:
        held = list(leaves)
        for i, array in zip(places, arrays, strict=True):
            held[i] = array
        return [leaf for leaf in jax.tree.leaves(fn(*jax.tree.unflatten(tree, held))) if _traced(leaf)]

    try:
        closed = jax.make_jaxpr(run)(*[leaves[i] for i in places])
    except Exception as error:
        why = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        do = "give arguments with which the function can be called under jax.jit"
        raise LensError(explain(f"{_called(fn)} cannot be drawn: JAX cannot trace it", because=why, do=do)) from None
    labels = _labels(fn, examples)
    inputs = tuple([labels[i] for i in places])
    avals = [v.aval for v in closed.jaxpr.invars]
    given = _given(names or {}, inputs, avals)
    folding = _Folding(fold, small)
    dom = [_array(aval, axes) for aval, axes in zip(avals, given, strict=True)]
    plan = folding.plan(closed.jaxpr, closed.consts, dom, (), ())
    folding.finish(_called(fn))
    plan.names = inputs
    return plan


def _traced(leaf: Any) -> bool:
    return isinstance(leaf, bool | int | float | complex) or (hasattr(leaf, "shape") and hasattr(leaf, "dtype"))


def _called(fn: Any) -> str:
    while isinstance(fn, functools.partial):
        fn = fn.func
    return getattr(fn, "__name__", None) or type(fn).__name__


def _labels(fn: Any, examples: tuple[Any, ...]) -> list[str]:
    """A name for each leaf of the examples."""
    heads: list[str] = []
    try:
        signature = inspect.signature(fn)
        for name, value in signature.bind(*examples).arguments.items():
            many = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL and len(value) > 1
            heads += [f"{name}{k}" for k in range(len(value))] if many else [name]
    except (TypeError, ValueError):
        heads = [f"x{k}" for k in range(len(examples))]
    labels = []
    for head, example in zip(heads, examples, strict=True):
        for path, _ in jax.tree_util.tree_flatten_with_path(example)[0]:
            labels.append(".".join(filter(None, (head, jax.tree_util.keystr(path, simple=True, separator=".")))))
    return labels


def _given(names: Mapping[str, Sequence[str | None]], inputs: Sequence[str], avals: Sequence[Any]) -> list[Any]:
    """The names of the axes of each input, None where they are not given."""
    for name in names:
        if name not in inputs:
            have = ", ".join(inputs[:12]) or "none"
            raise LensError(explain(f"names: there is no input {shown(name)}", inputs=have))
    given = [None if name not in names else tuple(names[name]) for name in inputs]
    for name, axes, aval in zip(inputs, given, avals, strict=True):
        if axes is not None and len(axes) != len(aval.shape):
            want = f"{len(aval.shape)} names, for the sizes {tuple(aval.shape)}"
            raise LensError(explain(f"names: {name!r} has {len(axes)} names", got=shown(axes), expected=want))
    return given


def _array(aval: Any, names: Iterable[str | None] | None = None) -> Array:
    dtype = getattr(aval, "dtype", None)
    element = None
    if dtype is not None and dtype == jnp.bool_:
        element = IndexElement(2)
    elif dtype is not None and jnp.issubdtype(dtype, jnp.complexfloating):
        element = RealElement(jnp.dtype(dtype).name)
    elif dtype is not None:
        element = element_of(dtype)
    sizes = tuple([int(n) for n in getattr(aval, "shape", ())])
    axes = None if names is None else tuple(names)
    return Array(sizes, axes if axes and len(axes) == len(sizes) else None, element or IndexElement(2**31))


# -- parts ------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """A function that is called: the program inside and its constants. `own`: it is one of JAX's own."""

    name: str
    jaxpr: Any
    consts: Sequence[Any] | None
    own: bool


class _Run(NamedTuple):
    """Equations in a row that are what a function of JAX does, such as softmax, which JAX does not mark as one."""

    name: str
    eqns: list[Any]
    invars: list[Any]
    outvars: list[Any]
    constvars: tuple[Any, ...] = ()


_LIBRARY = os.path.dirname(inspect.getfile(jax))


def _programs(value: Any) -> Iterator[tuple[Any, Sequence[Any] | None]]:
    """The programs among the parameters of an equation, with their constants."""
    if isinstance(value, ClosedJaxpr):
        yield value.jaxpr, value.consts
    elif isinstance(value, Jaxpr):
        yield value, None
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _programs(each)


def _part(step: Any) -> _Part | None:
    """The function that a step calls, None where it calls none or one of which the wiring is not known."""
    if isinstance(step, _Run):
        return _Part(step.name, step, (), True)
    programs = list(_programs(tuple(step.params.values())))
    if len(programs) != 1:
        return None
    (jaxpr, consts) = programs[0]

    def alike(outer: Sequence[Any], inner: Sequence[Any]) -> bool:
        if step.primitive.name == "shard_map":  # inside are the parts of one device
            return [len(s) for s in _shapes(outer)] == [len(s) for s in _shapes(inner)]
        return _shapes(outer) == _shapes(inner)

    if not (alike(step.invars, jaxpr.invars) and alike(step.outvars, jaxpr.outvars)):
        return None
    name = step.params.get("name") or getattr(jaxpr.debug_info, "func_name", "")
    name = name if isinstance(name, str) else ""
    file = getattr(jaxpr.debug_info, "func_filename", None) or ""
    name = name.strip("<>").lstrip("_") or step.primitive.name
    return _Part(name, jaxpr, consts, file.startswith(_LIBRARY + os.sep))


def _count(jaxpr: Any) -> int:
    """The number of equations, inner ones included."""
    return sum(1 + sum(_count(inner) for inner, _ in _programs(tuple(e.params.values()))) for e in jaxpr.eqns)


def _stable_softmax(x: Any, axis: int) -> Any:
    e = jnp.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _plain_softmax(x: Any, axis: int) -> Any:
    e = jnp.exp(x)
    return e / e.sum(axis, keepdims=True)


FORMS: tuple[tuple[str, Callable[[Any, int], Any]], ...] = (
    ("softmax", lambda x, axis: jax.nn.softmax(x, axis)),
    ("softmax", _stable_softmax),
    ("softmax", _plain_softmax),
    ("gelu", lambda x, axis: jax.nn.gelu(x)),
    ("gelu", lambda x, axis: jax.nn.gelu(x, approximate=False)),
)
"""Functions that JAX writes out in the program around them, found again by what they do: (name, of x and axis)."""


@functools.lru_cache(256)
def _form(number: int, shape: tuple[int, ...], dtype: str, axis: int) -> Any:
    fn = FORMS[number][1]
    return jax.make_jaxpr(lambda x: fn(x, axis))(jax.ShapeDtypeStruct(shape, dtype)).jaxpr


def _steps(jaxpr: Any) -> Iterator[Any]:
    """The equations, those together that are what a function in `FORMS` does."""
    uses = Counter(v for e in jaxpr.eqns for v in e.invars if not isinstance(v, Literal))
    uses.update(v for v in jaxpr.outvars if not isinstance(v, Literal))
    at = 0
    while at < len(jaxpr.eqns):
        step = jaxpr.eqns[at] if isinstance(jaxpr, _Run) else _recognised(jaxpr.eqns, at, uses)
        yield step
        at += len(step.eqns) if isinstance(step, _Run) else 1


def _recognised(eqns: Sequence[Any], at: int, uses: Counter[Any]) -> Any:
    first = eqns[at]
    reads = {v for v in first.invars if not isinstance(v, Literal)}
    if len(reads) != 1 or not jnp.issubdtype(getattr(next(iter(reads)).aval, "dtype", bool), jnp.floating):
        return first
    (x,) = reads
    for number, (name, _) in enumerate(FORMS):
        if _form(number, (2,), "float32", 0).eqns[0].primitive is not first.primitive:
            continue
        axes = next((e.params["axes"] for e in eqns[at : at + 3] if "axes" in e.params), (0,))
        if len(axes) != 1 and name == "softmax":
            continue
        form = _form(number, tuple(x.aval.shape), jnp.dtype(x.aval.dtype).name, int(axes[0]) if axes else 0)
        run = eqns[at : at + len(form.eqns)]
        if len(run) > 1 and _matches(form, run, x, uses):
            return _Run(name, list(run), [x], list(run[-1].outvars))
    return first


def _matches(form: Any, run: Sequence[Any], x: Any, uses: Counter[Any]) -> bool:
    """Whether equations are those of `form` on x, and nothing else reads what they make on the way."""
    if len(run) != len(form.eqns):
        return False
    same = {form.invars[0]: x}
    for want, have in zip(form.eqns, run, strict=True):
        if want.primitive is not have.primitive or len(want.invars) != len(have.invars):
            return False
        for a, b in zip(want.invars, have.invars, strict=True):
            if isinstance(a, Literal) != isinstance(b, Literal):
                return False
            if bool(a.val != b.val) if isinstance(a, Literal) else same[a] is not b:
                return False
        if want.params.keys() != have.params.keys() or any(want.params[k] != have.params[k] for k in want.params):
            return False
        same |= zip(want.outvars, have.outvars, strict=True)
    inside = Counter(v for e in run for v in e.invars if not isinstance(v, Literal))
    made = [v for e in run[:-1] for v in e.outvars]
    return same.get(form.outvars[0]) is run[-1].outvars[0] and all(uses[v] == inside[v] for v in made)


# -- how primitives look ------------------------------------------------------------------------


class Look(NamedTuple):
    """How an equation is drawn. Strands count all its operands, also those in `folded`, which are in the text.

    `keeps`: axes that it acts along are the same afterwards, so that they keep their names.
    """

    glyph: str
    text: str
    strands: Iterable[Strand] = ()
    data: tuple[tuple[str, Any], ...] = ()
    folded: tuple[int, ...] = ()
    keeps: bool = False


LOOKS: dict[str, Callable[[Any], Look]] = {}
"""How equations of a primitive look, by its name."""


def _looks(names: str) -> Callable[[Callable[[Any], Look]], Callable[[Any], Look]]:
    def add(look: Callable[[Any], Look]) -> Callable[[Any], Look]:
        LOOKS.update(dict.fromkeys(names.split(), look))
        return look

    return add


def _shapes(atoms: Iterable[Any]) -> list[tuple[int, ...]]:
    return [tuple(getattr(a.aval, "shape", ())) for a in atoms]


def _value(value: Any, aval: Any) -> str:
    """A constant as a short text: a number, a short list, or only its type."""
    dtype, shape = getattr(aval, "dtype", None), tuple(getattr(aval, "shape", ()))
    if value is not None and len(shape) < 2 and math.prod(shape) <= 4:
        try:
            words = [_number(x) for x in np.ravel(np.asarray(value))]
            return f"[{', '.join(words)}]" if shape else words[0]
        except (TypeError, ValueError, jax.errors.JAXTypeError):  # a random key, or a value that is traced
            pass
    return f"{getattr(dtype, 'name', None) or dtype}[{','.join(map(str, shape))}]"


def _number(x: Any) -> str:
    if isinstance(x, np.bool_ | np.integer):
        return str(x.item())
    return f"{complex(x):.4g}" if np.iscomplexobj(x) else f"{float(x):.4g}"


def _numbers(eqn: Any) -> tuple[int, ...]:
    """The operands that are numbers known beforehand, if others are not."""
    known = tuple([i for i, a in enumerate(eqn.invars) if isinstance(a, Literal) and not np.shape(a.val)])
    return known if len(known) < len(eqn.invars) else ()


SIGNS = {
    "add": "+", "add_any": "+", "sub": "-", "mul": "×", "div": "÷", "rem": "mod", "pow": "^", "eq": "=", "ne": "≠",
    "lt": "<", "le": "≤", "gt": ">", "ge": "≥",
}  # fmt: skip
"""The signs of elementwise functions of two arrays."""


@_looks(
    "abs acos acosh add add_any and asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt ceil clamp clz complex "
    "conj convert_element_type copy copy_p cos cosh digamma div eq erf erf_inv erfc exp exp2 expm1 floor ge gt "
    "igamma igamma_grad_a igammac imag integer_pow is_finite le lgamma log log1p logistic lt max min mul ne neg "
    "nextafter not or polygamma population_count pow random_gamma_grad real reduce_precision "
    "regularized_incomplete_beta rem round rsqrt select_n shift_left shift_right_arithmetic shift_right_logical "
    "sign sin sinh sqrt square stop_gradient sub tan tanh xor zeta"
)
def _elementwise(eqn: Any) -> Look:
    name, shapes, out = eqn.primitive.name, _shapes(eqn.invars), _shapes(eqn.outvars)[0]
    known = _numbers(eqn)
    strands = [
        Strand(tuple([(i, a) for i, s in enumerate(shapes) if s and s[a] == size]), ((0, a),))
        for a, size in enumerate(out)
    ]
    words = {i: _value(eqn.invars[i].val, eqn.invars[i].aval) for i in known}
    glyph, text, data = "pointwise", str(SIGNS.get(name, name)), ()
    if len(shapes) == 2 and known:
        if known == (1,) or name in ("add", "add_any", "mul", "max", "min"):
            text = f"{text} {words[known[0]]}"
        else:
            text = f"{words[0]} {text}"
        if name == "mul" or (name == "div" and known == (1,)):
            glyph = "scale"
            factor = eqn.invars[known[0]].val
            real = name == "mul" and np.isreal(factor) and np.isfinite(factor)
            data = (("factor", float(factor)),) if real else ()
    elif known:
        text = f"{name}({', '.join(words.get(i, '·') for i in range(len(shapes)))})"
    elif name in ("add", "add_any") and shapes[0] == shapes[1]:
        glyph, text = "plus", "add"
    elif name == "integer_pow":
        text = f"^ {eqn.params['y']}"
    elif name == "square":
        text = "^ 2"
    elif name == "convert_element_type":
        text = str(eqn.params["new_dtype"])
    return Look(glyph, text, strands, data, known)


@_looks("dot_general")
def _product(eqn: Any) -> Look:
    (contract, batch), (left, right) = eqn.params["dimension_numbers"], _shapes(eqn.invars)
    free = [
        [k for k in range(len(shape)) if k not in (*contract[side], *batch[side])]
        for side, shape in enumerate((left, right))
    ]
    ins: list[tuple[Place, ...]] = [((0, i), (1, j)) for i, j in zip(*batch, strict=True)]
    ins += [((side, k),) for side in (0, 1) for k in free[side]]
    strands = [Strand(places, ((0, o),)) for o, places in enumerate(ins)]
    strands += [Strand(((0, i), (1, j)), ()) for i, j in zip(*contract, strict=True)]
    return Look("einsum", "einsum", strands, (("pattern", _pattern(strands, (len(left), len(right)))),))


def _pattern(strands: Sequence[Strand], ranks: Sequence[int]) -> str:
    """A product as einsum notation: a letter for each strand, in the order of the operands' axes."""
    letters: dict[Strand, str] = {}
    at = {place: strand for strand in strands for place in strand.ins}

    def letter(strand: Strand) -> str:
        n = len(letters)
        return letters.setdefault(strand, chr(97 + n) if n < 26 else chr(65 + n - 26) if n < 52 else chr(140 + n))

    operands = [" ".join(letter(at[i, a]) for a in range(rank)) for i, rank in enumerate(ranks)]
    result = sorted((out, strand) for strand in strands for out in strand.outs)
    return f"{', '.join(operands)} -> {' '.join(letter(strand) for _, strand in result)}".strip()


@_looks("reduce_sum")
def _sum(eqn: Any) -> Look:
    rank, axes = len(_shapes(eqn.invars)[0]), eqn.params["axes"]
    kept = [a for a in range(rank) if a not in axes]
    strands = [*moved((a, b) for b, a in enumerate(kept)), *(Strand(((0, int(a)),), ()) for a in axes)]
    return Look("einsum", "einsum", strands, (("pattern", _pattern(strands, (rank,))),))


@_looks("reduce_max reduce_min reduce_prod reduce_and reduce_or reduce_xor argmax argmin reduce")
def _reduction(eqn: Any) -> Look:
    axes = eqn.params["dimensions" if eqn.primitive.name == "reduce" else "axes"]
    many = len(eqn.outvars)
    kept = [a for a in range(len(_shapes(eqn.invars)[0])) if a not in axes]
    strands = [
        Strand(tuple([(i, a) for i in range(many)]), tuple([(o, b) for o in range(many)])) for b, a in enumerate(kept)
    ]
    return Look("reduce", eqn.primitive.name.removeprefix("reduce_"), strands)


@_looks("transpose")
def _transpose(eqn: Any) -> Look:
    return Look("rearrange", "transpose", moved((int(a), b) for b, a in enumerate(eqn.params["permutation"])))


@_looks("squeeze")
def _squeeze(eqn: Any) -> Look:
    kept = [a for a in range(len(_shapes(eqn.invars)[0])) if a not in eqn.params["dimensions"]]
    return Look("rearrange", "squeeze", moved((a, b) for b, a in enumerate(kept)))


@_looks("reshape")
def _reshape(eqn: Any) -> Look:
    plain = eqn.params.get("dimensions") is None
    pairs = _unchanged(_shapes(eqn.invars)[0], _shapes(eqn.outvars)[0]) if plain else []
    return Look("rearrange", "reshape", moved(pairs))


def _unchanged(old: Sequence[int], new: Sequence[int]) -> list[tuple[int, int]]:
    """The axes that a reshape leaves as they are: those with as many elements before and behind them as before."""
    short = min(len(old), len(new))
    head = next((k for k in range(short) if old[k] != new[k]), short)
    tail = next((k for k in range(short - head) if old[-1 - k] != new[-1 - k]), short - head)
    pairs = [(k, k) for k in range(head)] + [(len(old) - 1 - k, len(new) - 1 - k) for k in range(tail)]
    if 0 in (*old, *new):
        return pairs if list(old) == list(new) else []
    ins = [k for k in range(head, len(old) - tail) if old[k] != 1]
    outs = [k for k in range(head, len(new) - tail) if new[k] != 1]
    while ins and outs:
        i, j = ins.pop(0), outs.pop(0)
        before, after = old[i], new[j]
        if before == after:
            pairs.append((i, j))
        while before != after:
            if before < after:
                before *= old[ins.pop(0)]
            else:
                after *= new[outs.pop(0)]
    return sorted(pairs)


@_looks("broadcast_in_dim")
def _broadcast(eqn: Any) -> Look:
    (shape, *_), out = _shapes(eqn.invars), _shapes(eqn.outvars)[0]
    source = eqn.invars[0]
    dims = [int(d) for d in eqn.params["broadcast_dimensions"]]
    strands = [Strand((), ((0, a),)) for a in range(len(out)) if a not in dims]
    if isinstance(source, Literal) and not shape:
        return Look("constant", _value(source.val, source.aval), strands, folded=(0,))
    return Look("copy", "spread", [*moved((a, d) for a, d in enumerate(dims) if shape[a] == out[d]), *strands])


@_looks("iota")
def _iota(eqn: Any) -> Look:
    shape, along = _shapes(eqn.outvars)[0], eqn.params["dimension"]
    strands = [Strand((), ((0, a),)) for a in range(len(shape)) if a != along]
    return Look("constant", f"0 … {shape[along] - 1}", strands)


def _besides(eqn: Any, axes: Iterable[int]) -> list[Strand]:
    """A strand for each axis but these, through all operands of the rank of the first, and all results."""
    shapes, outs, acted = _shapes(eqn.invars), range(len(eqn.outvars)), set(axes)
    ins = [i for i, s in enumerate(shapes) if len(s) == len(shapes[0])]
    return [
        Strand(tuple([(i, a) for i in ins]), tuple([(o, a) for o in outs]))
        for a in range(len(shapes[0]))
        if a not in acted
    ]


@_looks("cumsum cumprod cummax cummin cumlogsumexp sort rev concatenate split top_k")
def _along(eqn: Any) -> Look:
    params = eqn.params
    axis = next(params[key] for key in ("axis", "dimension", "dimensions") if key in params)
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return Look("box", eqn.primitive.name, _besides(eqn, axes), keeps=eqn.primitive.name not in ("split", "top_k"))


@_looks("slice")
def _slice(eqn: Any) -> Look:
    (shape,), starts, ends = _shapes(eqn.invars), eqn.params["start_indices"], eqn.params["limit_indices"]
    steps = eqn.params["strides"] or (1,) * len(shape)
    words = [
        ":" if (a, b, s) == (0, n, 1) else f"{a}:{b}" + f":{s}" * (s != 1)
        for a, b, s, n in zip(starts, ends, steps, shape, strict=True)
    ]
    return Look("box", f"[{', '.join(words)}]", _besides(eqn, [a for a, word in enumerate(words) if word != ":"]))


@_looks("pad")
def _pad(eqn: Any) -> Look:
    padded = [a for a, sizes in enumerate(eqn.params["padding_config"]) if any(sizes)]
    strands = [Strand(((0, a),), ((0, a),)) for a in range(len(_shapes(eqn.invars)[0])) if a not in padded]
    known = (1,) if _numbers(eqn) == (1,) else ()
    text = f"pad {_value(eqn.invars[1].val, eqn.invars[1].aval)}" if known else "pad"
    return Look("box", text, strands, (("sizes", tuple(eqn.params["padding_config"])),), known)


@_looks("dynamic_slice dynamic_update_slice")
def _window(eqn: Any) -> Look:
    update = eqn.primitive.name == "dynamic_update_slice"
    whole, part = _shapes(eqn.invars)[0], _shapes(eqn.invars[1:2] if update else eqn.outvars)[0]
    axes = [a for a, (n, m) in enumerate(zip(whole, part, strict=True)) if n == m]
    return Look("box", eqn.primitive.name, aligned(axes, 1 + update, 1), keeps=True)


@_looks("gather")
def _gather(eqn: Any) -> Look:
    numbers, sizes = eqn.params["dimension_numbers"], eqn.params["slice_sizes"]
    (shape, indices), out = _shapes(eqn.invars), _shapes(eqn.outvars)[0]
    paired = dict(zip(numbers.start_indices_batching_dims, numbers.operand_batching_dims, strict=True))
    rest = [d for d in range(len(out)) if d not in numbers.offset_dims]
    strands = []
    for k, d in zip(range(len(indices) - 1), rest, strict=True):
        strands.append(Strand((*([(0, int(paired[k]))] if k in paired else []), (1, k)), ((0, d),)))
    taken = [a for a in range(len(shape)) if a not in (*numbers.collapsed_slice_dims, *numbers.operand_batching_dims)]
    for a, d in zip(taken, numbers.offset_dims, strict=True):
        if sizes[a] == shape[a]:  # there is one place for it
            strands.append(Strand(((0, a),), ((0, int(d)),)))
    return Look("box", "gather", strands)


@_looks("scatter scatter-add scatter_add scatter_mul scatter_sub scatter_min scatter_max")
def _scatter(eqn: Any) -> Look:
    numbers, (shape, _, updates) = eqn.params["dimension_numbers"], _shapes(eqn.invars)
    windows = [int(d) for d in numbers.update_window_dims]
    rest = [d for d in range(len(updates)) if d not in windows]
    strands = []
    for a, k in zip(numbers.operand_batching_dims, numbers.scatter_indices_batching_dims, strict=True):
        strands.append(Strand(((0, int(a)), (1, int(k)), (2, rest[k])), ((0, int(a)),)))
    put = [a for a in range(len(shape)) if a not in (*numbers.inserted_window_dims, *numbers.operand_batching_dims)]
    for a, d in zip(put, windows, strict=True):
        if updates[d] == shape[a]:
            strands.append(Strand(((0, a), (2, d)), ((0, a),)))
    return Look("box", eqn.primitive.name.replace("_", "-"), strands, keeps=True)


@_looks("conv_general_dilated")
def _convolution(eqn: Any) -> Look:
    p, kernel = eqn.params, _shapes(eqn.invars)[1]
    spec = p["dimension_numbers"]
    strands = []
    if p["batch_group_count"] == 1:
        strands.append(Strand(((0, spec.lhs_spec[0]),), ((0, spec.out_spec[0]),)))
        if p["feature_group_count"] == 1:
            strands.append(Strand(((1, spec.rhs_spec[0]),), ((0, spec.out_spec[1]),)))
            strands.append(Strand(((0, spec.lhs_spec[1]), (1, spec.rhs_spec[1])), ()))
    size = tuple([kernel[a] for a in spec.rhs_spec[2:]])
    data = {"kernel": size, "stride": tuple(p["window_strides"]), "dilation": tuple(p["rhs_dilation"])}
    data["transposed"] = any(d != 1 for d in p["lhs_dilation"])
    return Look("convolution", "convolution", strands, tuple(data.items()))


@_looks("reduce_window reduce_window_sum reduce_window_max reduce_window_min")
@_looks("select_and_scatter_add select_and_gather_add")
def _pooling(eqn: Any) -> Look:
    p, name = eqn.params, eqn.primitive.name
    ones = (1,) * len(p["window_dimensions"])
    each = zip(
        p["window_dimensions"],
        p["window_strides"],
        p["padding"],
        p.get("base_dilation") or ones,
        p.get("window_dilation") or ones,
        strict=True,
    )
    acted = [a for a, (w, s, pad, b, d) in enumerate(each) if (w, s, b, d) != (1, 1, 1, 1) or any(pad)]
    data = (
        ("window", tuple([p["window_dimensions"][a] for a in acted])),
        ("kind", name.removeprefix("reduce_window").strip("_")),
    )
    if not name.startswith("reduce_window"):
        return Look("box", name, _besides(eqn, acted), data)
    return Look("pooling", "pooling", _besides(eqn, acted), data)


@_looks("cholesky lu triangular_solve eigh eig qr svd householder_product fft")
def _matrices(eqn: Any) -> Look:
    core = len(eqn.params["fft_lengths"]) if eqn.primitive.name == "fft" else 2
    shapes = _shapes((*eqn.invars, *eqn.outvars))
    lead = shapes[0][: len(shapes[0]) - core]
    passes = all(shape[: len(lead)] == lead for shape in shapes)
    return Look("box", eqn.primitive.name, aligned(range(len(lead) * passes), len(eqn.invars), len(eqn.outvars)))


@_looks("optimization_barrier device_put")
def _each(eqn: Any) -> Look:
    shapes = enumerate(_shapes(eqn.invars))
    strands = [Strand(((i, a),), ((i, a),)) for i, shape in shapes for a in range(len(shape))]
    return Look("box", eqn.primitive.name, strands)


def look(eqn: Any) -> Look:
    """How an equation is drawn that calls no function."""
    known = LOOKS.get(eqn.primitive.name)
    return known(eqn) if known else Look("box", eqn.primitive.name)


# -- plans ------------------------------------------------------------------------------------


class _Sheet:
    """A plan in the making: the arrays of all wires so far, and nodes that are added at the end."""

    def __init__(self, dom: Iterable[Array], address: Address):
        self.arrays = list(dom)
        self.plan = Plan(tuple(self.arrays), (), address=address)

    @property
    def here(self) -> Address:
        """The address of the next node."""
        return (*self.plan.address, len(self.plan.nodes))

    def add(
        self, glyph: str, text: str, ins: Iterable[int], cod: Iterable[Array], strands: Iterable[Strand] = (),
        **more: Any,
    ) -> list[int]:  # fmt: skip
        """Adds a node and returns the wires that it makes. Its title is its text where none is given."""
        ins, cod = tuple(ins), tuple(cod)
        outs = tuple(range(len(self.arrays), len(self.arrays) + len(cod)))
        dom = tuple([self.arrays[w] for w in ins])
        title = more.pop("title", text)
        self.plan.nodes.append(Node(glyph, text, title, ins, outs, dom, cod, tuple(strands), self.here, **more))
        self.arrays += cod
        return list(outs)

    def constant(self, value: Any, aval: Any) -> int:
        """The wire of a constant."""
        return self.add("constant", _value(value, aval), (), [_array(aval)], box=value)[0]

    def share(self, wire: int, times: int) -> list[int]:
        """A wire as many times as it is read: copied, or ended if it is not read."""
        if times == 1:
            return [wire]
        array = self.arrays[wire]
        if not times:
            return self.add("end", "discard", [wire], [])
        return self.add("dot", "copy", [wire], [array] * times, aligned(range(array.rank), 1, times))

    def done(self, outs: Iterable[int]) -> Plan:
        """The plan, from which these wires leave."""
        self.plan.outs = tuple(outs)
        self.plan.cod = tuple([self.arrays[w] for w in self.plan.outs])
        return self.plan

    def choose(self, which: int, options: Sequence[Sequence[int]]) -> list[int]:
        """Adds the choice of one of several tuples of arrays by a number, or by one for each slice of theirs."""
        cod = [self.arrays[w] for w in options[0]]
        own = self.arrays[which].rank  # the condition of a loop that was mapped has leading axes
        strands = [
            Strand((*[(0, a)] * (a < own), *((1 + b * len(cod) + o, a) for b in range(len(options)))), ((o, a),))
            for o, array in enumerate(cod)
            for a in range(array.rank)
        ]
        return self.add("box", "choose", [which, *(w for option in options for w in option)], cod, strands)


def passing(plan: Plan, ties: Iterable[tuple[int, int]] = ()) -> list[Strand]:
    """The strands of a whole plan: axes of what comes in and leaves that run past all its nodes.

    `ties` are pairs of wires that carry the same array, such as what a loop keeps, at its end and its start.
    """
    arrays = dict(enumerate(plan.dom))
    for node in plan.nodes:
        arrays |= zip(node.outs, node.cod, strict=True)
    boss: dict[Place, Place] = {(w, a): (w, a) for w, array in arrays.items() for a in range(array.rank)}
    acted: list[Place] = []

    def find(place: Place) -> Place:
        while boss[place] != place:
            boss[place] = boss[boss[place]]
            place = boss[place]
        return place

    def join(places: Sequence[Place]) -> None:
        for place in places[1:]:
            boss[find(place)] = find(places[0])

    for node in plan.nodes:
        free = {(w, a) for w in (*node.ins, *node.outs) for a in range(arrays[w].rank)}
        for strand in node.strands:
            places = [*((node.ins[i], a) for i, a in strand.ins), *((node.outs[o], a) for o, a in strand.outs)]
            join(places)
            if strand.outs:
                free.difference_update(places)
        if node.glyph != "end":
            acted += free
    for a, b in ties:
        for axis in range(arrays[a].rank):
            join([(a, axis), (b, axis)])
    bad = {find(place) for place in acted}
    seen: set[tuple[Place, int]] = set()
    for w, axis in boss:  # two axes of one array are no index of a strand
        root = find((w, axis))
        if (root, w) in seen:
            bad.add(root)
        seen.add((root, w))
    ends: dict[Place, tuple[list[Place], list[Place]]] = {}
    for side, wires in enumerate((range(len(plan.dom)), plan.outs)):
        for i, w in enumerate(wires):
            for axis in range(arrays[w].rank):
                ends.setdefault(find((w, axis)), ([], []))[side].append((i, axis))
    return [Strand(tuple(ins), tuple(outs)) for root, (ins, outs) in ends.items() if outs and root not in bad]


def _title(step: Any) -> str:
    """An equation as one line: its primitive, with those parameters that are plain values, and its scope."""

    def plain(value: Any) -> bool:
        return isinstance(value, int | float | str | np.generic | np.dtype) or (
            isinstance(value, tuple) and bool(value) and all(plain(v) or v == () for v in value)
        )

    if isinstance(step, _Run):
        return step.name
    words = [f"{k}={shown(v, 80)}" for k, v in step.params.items() if plain(v) and v is not False]
    scope = str(getattr(step.source_info, "name_stack", ""))
    return step.primitive.name + f"[{', '.join(words)}]" * bool(words) + f" in {scope}" * bool(scope)


def _renumbered(strands: Iterable[Strand], folded: Sequence[int], count: int) -> list[Strand]:
    """The strands of a box without some of its operands, which are numbers."""
    kept = [i for i in range(count) if i not in folded]
    number = {i: k for k, i in enumerate(kept)}
    return [Strand(tuple([(number[i], a) for i, a in ins]), outs) for ins, outs in strands]


def _named(avals: Sequence[Any], dom: Sequence[Array], strands: Iterable[Strand], keeps: bool) -> list[Array]:
    """The results of a box, with the names that come along its strands."""
    axes: list[list[str | None]] = [[None] * len(getattr(aval, "shape", ())) for aval in avals]
    if keeps:
        for names, aval in zip(axes, avals, strict=True):
            if len(names) == dom[0].rank:
                same = zip(dom[0].names, dom[0].sizes, aval.shape, strict=True)
                names[:] = [name if m == n else None for name, m, n in same]
    for ins, outs in strands:
        name = next((dom[i].names[a] for i, a in ins if dom[i].names[a]), None)
        for o, b in outs:
            axes[o][b] = name
    return [_array(aval, names) for aval, names in zip(avals, axes, strict=True)]


class _Folding:
    """Makes plans of programs and decides which of their parts are closed; `met` are the paths of all parts."""

    def __init__(self, fold: Fold, small: int):
        if isinstance(fold, bool) or not (fold is None or isinstance(fold, int | str | list | tuple | set)):
            want = "a number of levels, or paths such as 'encoder/attention'"
            raise LensError(explain(f"fold={shown(fold)}", expected=want))
        self.depth = fold if isinstance(fold, int) else None
        paths = () if fold is None or isinstance(fold, int) else (fold,) if isinstance(fold, str) else tuple(fold)
        self.closed = {tuple(str(path).split("/")) for path in paths}
        self.met: set[tuple[str, ...]] = set()
        self.small = small

    def opens(self, path: tuple[str, ...]) -> bool:
        """Whether the part at a path is drawn opened."""
        self.met.add(path)
        return path not in self.closed and (self.depth is None or len(path) <= self.depth)

    def finish(self, name: str) -> None:
        """Raises LensError for a path that was asked for and not met."""
        missing = sorted("/".join(path) for path in self.closed - self.met)
        if missing:
            have = ", ".join(sorted("/".join(path) for path in self.met)[:12]) or "none"
            raise LensError(explain(f"fold: there is no part {missing[0]!r}", function=name, parts=have))

    def plan(
        self, jaxpr: Any, consts: Sequence[Any] | None, dom: Sequence[Array], address: Address, path: tuple[str, ...]
    ) -> Plan:
        """The plan of a program with these inputs; constants without values are written as their types."""
        sheet, steps = _Sheet(dom, address), list(_steps(jaxpr))
        uses = Counter(v for step in steps for v in step.invars if not isinstance(v, Literal))
        uses.update(v for v in jaxpr.outvars if not isinstance(v, Literal))
        wires: dict[Any, list[int]] = {}

        def made(variables: Sequence[Any], outs: Sequence[int]) -> None:
            for v, w in zip(variables, outs, strict=True):
                wires[v] = sheet.share(w, uses[v])

        def take(atom: Any) -> int:
            return sheet.constant(atom.val, atom.aval) if isinstance(atom, Literal) else wires[atom].pop(0)

        values = [None] * len(jaxpr.constvars) if consts is None else consts
        for v, value in zip(jaxpr.constvars, values, strict=True):
            made([v], [sheet.constant(value, v.aval)])
        made(jaxpr.invars, range(len(dom)))
        for step in steps:
            arrays = [_array(a.aval) if isinstance(a, Literal) else sheet.arrays[wires[a][0]] for a in step.invars]
            made(step.outvars, self.step(sheet, step, arrays, take, path))
        return sheet.done([take(a) for a in jaxpr.outvars])

    def step(
        self, sheet: _Sheet, step: Any, arrays: Sequence[Array], take: Callable[[Any], int], path: tuple[str, ...]
    ) -> list[int]:
        """Adds the node of a step, which reads these arrays, and returns the wires that it makes."""
        # Before the node stand the constants that it reads.
        index = len(sheet.plan.nodes) + sum(isinstance(a, Literal) for a in step.invars)
        here, more = (*sheet.plan.address, index), {}
        kind = "" if isinstance(step, _Run) else step.primitive.name
        part = None if kind in ("scan", "while", "cond") else _part(step)
        if not kind or part or kind in ("scan", "while", "cond"):
            seen, cod, more = self.part(kind, step, part, arrays, here, path)
        else:
            seen = self.box(step, here, path)
            cod = _named([v.aval for v in step.outvars], arrays, seen.strands, seen.keeps)
        ins = [take(a) for i, a in enumerate(step.invars) if i not in seen.folded]
        strands = _renumbered(seen.strands, seen.folded, len(step.invars))
        more |= {"title": _title(step), "box": step, "data": seen.data}
        return sheet.add(seen.glyph, seen.text, ins, cod, strands, **more)

    def box(self, eqn: Any, here: Address, path: tuple[str, ...]) -> Look:
        """The look of an equation; programs among its parameters, of which the wiring is not known, are in its data."""
        seen = look(eqn)
        inside = (*path, eqn.primitive.name)
        parts = tuple(
            [
                self.plan(jaxpr, consts, [_array(v.aval) for v in jaxpr.invars], here, inside)
                for jaxpr, consts in _programs(tuple(eqn.params.values()))
            ]
        )
        return seen._replace(strands=list(seen.strands), data=(*seen.data, ("parts", parts)) if parts else seen.data)

    def part(
        self, kind: str, step: Any, part: _Part | None, arrays: Sequence[Array], here: Address, path: tuple[str, ...]
    ) -> tuple[Look, list[Array], dict[str, Any]]:
        """The look of a part, its results, and what else its node holds: the plan inside, if it is opened."""
        below = (*path, part.name if part else kind)
        opened = self.opens(below)
        if part is None:
            seen, inner = getattr(self, f"_{kind}")(step, arrays, here, below)
        else:
            dom = [_array(v.aval, a.names) for v, a in zip(part.jaxpr.invars, arrays, strict=True)]
            inner = self.plan(part.jaxpr, part.consts, dom, here, below)
            seen = Look("block", part.name, [] if kind == "shard_map" else passing(inner))
            if part.own and _count(part.jaxpr) <= self.small:
                opened, seen = False, _small(seen, step, arrays, inner.cod)
        cod = [_array(v.aval, a.names) for v, a in zip(step.outvars, inner.cod, strict=True)]
        more: dict[str, Any] = {"inner": inner} if opened else {}
        if kind == "scan":
            fixed, kept = step.params["num_consts"] + step.params["num_carry"], step.params["num_carry"]
            lead = arrays[fixed].names[:1] if len(arrays) > fixed else (None,)
            for o, v in enumerate(step.outvars[kept:], kept):
                cod[o] = _array(v.aval, (*lead, *inner.cod[o].names))
            if opened:
                more["enters"] = tuple([tuple(range(i >= fixed, a.rank)) for i, a in enumerate(arrays)])
                more["leaves"] = tuple([tuple(range(o >= kept, a.rank)) for o, a in enumerate(cod)])
        return seen, cod, more

    def _scan(self, eqn: Any, arrays: Sequence[Array], here: Address, path: tuple[str, ...]) -> tuple[Look, Plan]:
        """One step of a scan, in which scanned arrays lack their first axis."""
        p, closed = eqn.params, eqn.params["jaxpr"]
        kept, fixed = p["num_carry"], p["num_consts"] + p["num_carry"]
        names = [a.names[i >= fixed :] for i, a in enumerate(arrays)]
        dom = [_array(aval, axes) for aval, axes in zip(closed.in_avals, names, strict=True)]
        inner = self.plan(closed.jaxpr, closed.consts, dom, here, path)
        ties = [(p["num_consts"] + k, inner.outs[k]) for k in range(kept)]
        strands = [
            Strand(tuple([(i, a + (i >= fixed)) for i, a in ins]), tuple([(o, a + (o >= kept)) for o, a in outs]))
            for ins, outs in passing(inner, ties)
        ]
        if not kept and inner.outs:  # nothing is handed on, so each step is by itself
            ins, outs = range(fixed, len(arrays)), range(len(inner.outs))
            strands.append(Strand(tuple([(i, 0) for i in ins]), tuple([(o, 0) for o in outs])))
        data = (("length", p["length"]), ("reverse", p["reverse"]), ("kept", kept))
        return Look("repeat", f"scan × {p['length']}", strands, data), inner

    def _while(self, eqn: Any, arrays: Sequence[Array], here: Address, path: tuple[str, ...]) -> tuple[Look, Plan]:
        """One step of a loop: what its body makes if its condition holds, else what it was given."""
        p, sheet = eqn.params, _Sheet(arrays, here)
        first, second = p["cond_nconsts"], p["cond_nconsts"] + p["body_nconsts"]
        kept = range(second, len(arrays))
        programs = {"condition": ([*range(first), *kept], p["cond_jaxpr"])}
        programs["body"] = ([*range(first, second), *kept], p["body_jaxpr"])
        ((which,), new), (old,) = self.blocks(sheet, programs, path, [kept])
        inner = sheet.done(sheet.choose(which, [old, new]))
        ties = [(second + k, w) for k, w in enumerate(inner.outs)]
        return Look("repeat", "while", passing(inner, ties), (("kept", len(old)),)), inner

    def _cond(self, eqn: Any, arrays: Sequence[Array], here: Address, path: tuple[str, ...]) -> tuple[Look, Plan]:
        """All branches, and the choice of one of their results."""
        sheet, reads = _Sheet(arrays, here), range(1, len(arrays))
        programs = {f"branch {b}": (reads, branch) for b, branch in enumerate(eqn.params["branches"])}
        options, _ = self.blocks(sheet, programs, path, [])
        inner = sheet.done(sheet.choose(0, options))
        return Look("branch", "cond", passing(inner)), inner

    def blocks(
        self,
        sheet: _Sheet,
        programs: Mapping[str, tuple[Sequence[int], Any]],
        path: tuple[str, ...],
        others: Sequence[Sequence[int]],
    ) -> tuple[list[list[int]], list[list[int]]]:
        """Adds programs to a sheet, which read some of its inputs, as blocks one above the other.

        Returns the wires that each makes, and those of `others`, which read inputs too. Inputs are
        copied for those that need them: a program may have inputs that it does not read.
        """
        needs = []
        for wires, closed in programs.values():
            read = {v for e in closed.eqns for v in e.invars if not isinstance(v, Literal)}
            read.update(v for v in closed.jaxpr.outvars if not isinstance(v, Literal))
            needs.append([(w, v) for w, v in zip(wires, closed.jaxpr.invars, strict=True) if v in read])
        uses = Counter(w for need in needs for w, _ in need)
        uses.update(w for wires in others for w in wires)
        given = {w for wires, _ in programs.values() for w in wires}
        copies = {w: sheet.share(w, uses[w]) for w in sorted(given)}
        made = []
        for (name, (_, closed)), need in zip(programs.items(), needs, strict=True):
            whole, invars = closed.jaxpr, [v for _, v in need]
            jaxpr = SimpleNamespace(constvars=whole.constvars, invars=invars, eqns=whole.eqns, outvars=whole.outvars)
            below, ins = (*path, name), [copies[w].pop(0) for w, _ in need]
            opened = self.opens(below)
            inner = self.plan(jaxpr, closed.consts, [sheet.arrays[w] for w in ins], sheet.here, below)
            more = {"inner": inner} if opened else {}
            made.append(sheet.add("block", name, ins, inner.cod, passing(inner), **more))
        return made, [[copies[w].pop(0) for w in wires] for wires in others]


def _small(seen: Look, step: Any, arrays: Sequence[Array], cod: Sequence[Array]) -> Look:
    """How a small function is drawn: one that is elementwise, and softmax along one axis, by their own glyphs."""
    strands, known = list(seen.strands), _numbers(step)
    straight = [s for s in strands if len({a for _, a in (*s.ins, *s.outs)}) == 1 and s.ins and s.outs]
    if len(cod) != 1 or len(straight) != len(strands) or len(known) == len(arrays):
        return seen
    (result,) = cod
    past = {place for s in strands for place in s.ins}
    rest = [(i, a) for i, array in enumerate(arrays) for a in range(array.rank) if (i, a) not in past]
    if not rest and len(strands) == result.rank:
        words = {i: _value(step.invars[i].val, step.invars[i].aval) for i in known}
        text = f"{seen.text}({', '.join(words.get(i, '·') for i in range(len(arrays)))})" if known else seen.text
        return Look("pointwise", text, strands, (), known)
    same = len(arrays) == 1 and arrays[0].sizes == result.sizes
    if seen.text in ("softmax", "log_softmax") and same and len(rest) == 1:
        data = (("axis", rest[0][1] - result.rank), ("log", seen.text == "log_softmax"))
        return Look("softmax", seen.text, strands, data, keeps=True)
    return seen
