"""Functions of JAX itself: those that it writes out are found again, and small ones are drawn by their own glyphs."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from lenses.spaces import Array

from .primitives.look import Look, call, numbers
from .programs import Run, reads, shape


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
def _form(number: int, sizes: tuple[int, ...], dtype: str, axis: int) -> Any:
    fn = FORMS[number][1]
    return jax.make_jaxpr(lambda x: fn(x, axis))(jax.ShapeDtypeStruct(sizes, dtype)).jaxpr


def steps(jaxpr: Any) -> list[Any]:
    """The equations of a program, those together that are what a function in `FORMS` does."""
    if isinstance(jaxpr, Run):
        return list(jaxpr.eqns)
    uses, found, at = reads(jaxpr.eqns, jaxpr.outvars), [], 0
    while at < len(jaxpr.eqns):
        run = _recognised(jaxpr.eqns[at:], uses)
        found.append(run or jaxpr.eqns[at])
        at += len(run.eqns) if run else 1
    return found


def _recognised(eqns: Sequence[Any], uses: Counter[Any]) -> Run | None:
    """The function in `FORMS` that the first equations are."""
    variables = list(reads(eqns[:1]))
    if len(variables) != 1 or not jnp.issubdtype(getattr(variables[0].aval, "dtype", bool), jnp.floating):
        return None
    (x,) = variables
    axis = _reduced(eqns, x)
    for number, (name, _) in enumerate(FORMS):
        usual = _form(number, (2,), "float32", 0)
        if usual.eqns[0].primitive is not eqns[0].primitive or (axis is None and _axes(usual)):
            continue
        try:
            form = _form(number, shape(x), jnp.dtype(x.aval.dtype).name, axis or 0)
            run = eqns[: len(form.eqns)]
            if len(run) > 1 and _matches(form, run, x, uses):
                return Run(name, list(run), [x], list(run[-1].outvars))
        except (TypeError, ValueError):  # there is no such function of x, or parameters that cannot be compared
            continue
    return None


def _axes(jaxpr: Any) -> bool:
    """Whether a program reduces axes."""
    return any("axes" in e.params for e in jaxpr.eqns)


def _reduced(eqns: Sequence[Any], x: Any) -> int | None:
    """The one axis along which x, or what the first equation makes of it, is reduced at once."""
    same = (x, *eqns[0].outvars)
    for e in eqns[:3]:
        if "axes" in e.params and any(e.invars[0] is v for v in same):
            axes = e.params["axes"]
            return axes[0] if len(axes) == 1 and isinstance(axes[0], int) else None  # those of devices have names
    return None


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
            if bool(a.val != b.val) if isinstance(a, Literal) else same.get(a) is not b:
                return False
        if want.params.keys() != have.params.keys() or any(want.params[k] != have.params[k] for k in want.params):
            return False
        same |= zip(want.outvars, have.outvars, strict=True)
    inside = reads(run)
    made = [v for e in run[:-1] for v in e.outvars]
    return same.get(form.outvars[0]) is run[-1].outvars[0] and all(uses[v] == inside[v] for v in made)


def small(seen: Look, step: Any, dom: Sequence[Array], cod: Sequence[Array]) -> Look:
    """How a small function is drawn: one that is elementwise, and softmax along one axis, by their own glyphs."""
    strands = seen.strands
    straight = all(s.ins and s.outs and len({a for _, a in (*s.ins, *s.outs)}) == 1 for s in strands)
    if not dom or len(cod) != 1 or not straight:
        return seen
    (result,) = cod
    past = {place for s in strands for place in s.ins}
    rest = [(i, a) for i, array in enumerate(dom) for a in range(array.rank) if (i, a) not in past]
    if not rest and len(strands) == result.rank:
        known = numbers(step)
        return Look("pointwise", call(seen.text, step, known) if known else seen.text, strands, (), known)
    same = len(dom) == 1 and dom[0].sizes == result.sizes
    if seen.text in ("softmax", "log_softmax") and same and len(rest) == 1:
        data = (("axis", rest[0][1] - result.rank), ("log", seen.text == "log_softmax"))
        return Look("softmax", seen.text, strands, data, keeps=True)
    return seen
