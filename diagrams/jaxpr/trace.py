"""From a function to its plan: it is traced, and its inputs are named by parameter and path."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from lenses.errors import LensError, explain, shown

from ..folding import Fold, Folding
from ..plan import Plan
from .equations import Programs
from .programs import arrays


def of_function(
    fn: Callable[..., Any],
    *examples: Any,
    names: Mapping[str, Sequence[str | None]] | None = None,
    fold: Fold = None,
    small: int = 20,
) -> Plan:
    """The plan of `fn(*examples)`. The examples are trees of arrays, of which only shapes and types matter.

    What modules hold that cannot be traced, such as the functions in one of Equinox, is held fixed; the
    arrays are the inputs, in order, named by parameter and path: "x", "params.dense.kernel".
    `names` gives the axes of inputs names, which follow the strands: ``{"x": ("batch", "feature")}``.
    `fold` closes parts, by depth or by paths of their names, as in `of_term`. Functions of JAX itself
    with at most `small` equations, such as relu, are closed in any case; `small=0` opens them too.

    Elements are reals of the array's type for floats and complex numbers, and `WholeElement`s for all else.
    A node's `box` is its equation, or its value if it is a constant. Raises LensError where JAX cannot
    trace the function, for examples that are no arrays, and for names or parts that are not there.
    """
    labels = labels_of(fn, examples)
    _check(fn, examples, labels)
    leaves, tree = jax.tree.flatten(examples)
    places = [i for i, leaf in enumerate(leaves) if _traced(leaf)]

    def run(*values: Any) -> list[Any]:
        held = list(leaves)
        for i, value in zip(places, values, strict=True):
            held[i] = value
        return [leaf for leaf in jax.tree.leaves(fn(*jax.tree.unflatten(tree, held))) if _traced(leaf)]

    try:
        closed = jax.make_jaxpr(run)(*[leaves[i] for i in places])
    except Exception as error:
        why = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        do = "give arguments with which the function can be called under jax.jit"
        raise LensError(explain(f"{_called(fn)} cannot be drawn: JAX cannot trace it", because=why, do=do)) from None
    inputs = tuple([labels[i] for i in places])
    dom = arrays(closed.jaxpr.invars, _axes(names or {}, inputs, closed.in_avals))
    folding = Folding(fold)
    plan = Programs(folding, small).plan(closed.jaxpr, closed.consts, dom, (), ())
    folding.finish(_called(fn))
    plan.names = inputs
    return plan


def _traced(leaf: Any) -> bool:
    return isinstance(leaf, bool | int | float | complex) or (hasattr(leaf, "shape") and hasattr(leaf, "dtype"))


def _called(fn: Any) -> str:
    while isinstance(fn, functools.partial):
        fn = fn.func
    return getattr(fn, "__name__", None) or type(fn).__name__


def _check(fn: Any, examples: tuple[Any, ...], labels: Sequence[str]) -> None:
    """Refuses examples that are neither arrays nor fields of modules, nor functions in a tree."""
    for (path, leaf), label in zip(jax.tree_util.tree_flatten_with_path(examples)[0], labels, strict=True):
        inside = any(isinstance(k, jax.tree_util.GetAttrKey | jax.tree_util.FlattenedIndexKey) for k in path)
        if not (_traced(leaf) or inside or (callable(leaf) and len(path) > 1)):
            what = f"{_called(fn)} cannot be drawn: its example {label} is {shown(leaf)}"
            raise LensError(explain(what, expected="an array, a number, a space, or a tree of them"))


def labels_of(fn: Any, examples: Sequence[Any]) -> list[str]:
    """A name for each leaf of the examples, by its parameter and its path."""
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


def _axes(names: Mapping[str, Sequence[str | None]], inputs: Sequence[str], avals: Sequence[Any]) -> list[Any]:
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
