"""Which box made the first NaN: a pass without compilation that looks at every wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import jax
import jax.numpy as jnp

from .combinators import Block, Coupling, Expose, Repeat, Tied
from .errors import DataError, explain
from .functor import fold
from .interpret import Cx, Env, Side, evaluate, level
from .syntax import shorten
from .terms import Term
from .trees import leaves
from .typed import Cell, Circuit


def has_nan(tree: Any) -> bool:
    """Whether any float array of a tree holds a NaN."""
    return any(
        bool(jnp.isnan(x).any()) for x in jax.tree.leaves(tree) if jnp.issubdtype(jnp.result_type(x), jnp.floating)
    )


def raise_first(
    circuit: Circuit,
    side: Side,
    xs: Sequence[Any],
    env: Env,
    term: Term,
    otherwise: str = "step by step no box makes one",
) -> NoReturn:
    """Raises DataError: the input, the parameter or else the first box that has a NaN; `otherwise` if there is none."""
    for i, x in enumerate(xs):
        if has_nan(x):
            raise DataError(
                explain(f"NaN in the data: input {i}", term=shorten(term), where=f"first at {first_place(x)}",
                        do="clean the data, e.g. with numpy.nan_to_num, or drop the rows")
            )  # fmt: skip
    for path, _ in leaves(circuit.tied | circuit.params):
        value: Any = side.params | side.shared
        for step in path:
            value = value[step]
        if has_nan(value):
            raise DataError(
                explain("NaN in a parameter", parameter=".".join(path), do="a smaller rate, or another start")
            )
    found = _search(circuit, side, xs, env, ())
    raise DataError(
        explain("NaN, but not in any box's output", term=shorten(term), because=otherwise)
        if found is None
        else explain("a box made a NaN out of numbers", box=shorten(found[0]), inside=" / ".join(found[1]) or None,
                     inputs=found[2], do="look at the box at such inputs: log or sqrt below 0, 0 / 0, overflow")
    )  # fmt: skip


def first_place(x: Any) -> tuple[int, ...]:
    """The index of the first NaN of an array."""
    return tuple(int(i) for i in jnp.unravel_index(jnp.argmax(jnp.isnan(x)), jnp.shape(x)))


def _search(circuit: Circuit, side: Side, xs: Sequence[Any], env: Env, path: tuple[str, ...]) -> Any:
    found: list[Any] = []

    def clause(cell: Cell, inputs: list[Any]) -> Sequence[Any]:
        if found:
            return [None] * len(cell.outs)
        cx, p, even = Cx(cell, env), side.of(cell), level(cell, inputs)[0]
        ys, _ = cell.box.run(cx, p, even)
        if has_nan(ys):
            here = (*path, cell.name or shorten(cell.box, 30))
            found.append(_inside(cx, p, even, env, here) or (cell.box, path, _ranges(even)))
        return ys

    fold(circuit.cells, circuit.outs, list(xs), clause)
    return found[0] if found else None


def _inside(cx: Cx, p: Side, xs: Sequence[Any], env: Env, path: tuple[str, ...]) -> Any:
    box = cx.cell.box
    if isinstance(box, Repeat):
        keys = jax.random.split(p.key, box.times) if cx.cell.keyed else [None] * box.times
        for i in range(box.times):
            params, states = jax.tree.map(lambda v, i=i: v[i], (p.params, p.states))
            part = Side(params, states, keys[i], p.shared)
            found = _search(cx.inner, part, xs, env, (*path, f"time {i}"))
            if found:
                return found
            xs, _ = evaluate(cx.inner, part, xs, env)
        return None
    if isinstance(box, Expose):
        n = len(xs) - len(cx.inner.dom)
        return _search(cx.inner, box.open_side(p, xs[:n]), xs[n:], env, path)
    if isinstance(box, Block | Coupling | Tied):
        return _search(cx.inner, box.side(cx, p), xs, env, path)
    return None


def _ranges(xs: Sequence[Any]) -> str:
    shown = []
    for x in xs:
        shown.append(f"{jnp.shape(x)} from {float(jnp.min(x)):.4g} to {float(jnp.max(x)):.4g}")
    return "; ".join(shown) or "none"
