"""The lens that `jax.vjp` makes of any box's meaning, for boxes that do not write their own.

The residual is what `jax.vjp` keeps, less the parameters, which the backward pass is given again:
so weights are not kept twice, and a scan over layers does not stack them a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

import jax

from .errors import LensError, explain

if TYPE_CHECKING:
    from .interpret import Cx, Side
    from .spaces import Array, Space
    from .terms import Box


@jax.tree_util.register_dataclass
@dataclass
class Residual:
    """The leaves of a `jax.vjp`, and where a parameter stands in place of a leaf."""

    leaves: list[Any]
    tree: Any = field(metadata={"static": True})
    holes: tuple[tuple[int, int], ...] = field(metadata={"static": True})


def pullback(f: Callable[..., Any], params: Any, xs: Sequence[Any]) -> tuple[Any, Residual, Any]:
    """``f(params, xs) -> (ys, aux)``: its ys, what its pullback keeps, and aux."""
    ys, vjp, aux = jax.vjp(f, params, xs, has_aux=True)
    leaves, tree = jax.tree.flatten(vjp)
    place = {id(p): i for i, p in enumerate(jax.tree.leaves(params))}
    holes = tuple((i, place[id(leaf)]) for i, leaf in enumerate(leaves) if id(leaf) in place)
    taken = {i for i, _ in holes}
    return ys, Residual([leaf for i, leaf in enumerate(leaves) if i not in taken], tree, holes), aux


def pull(residual: Residual, params: Any, ds: Any) -> tuple[Any, Any]:
    """The changes of the parameters and of the xs that the pullback makes of the changes `ds`."""
    values = jax.tree.leaves(params)
    leaves = list(residual.leaves)
    for i, j in residual.holes:
        leaves.insert(i, values[j])
    return jax.tree.unflatten(residual.tree, leaves)(ds)


def learned(cx: Cx, p: Side) -> dict[str, Any]:
    """The box's own parameters by the names of its ports."""
    return {port.name: p.params[port.name] for port in cx.cell.ports if port.kind == "param"}


def forward(box: Box, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
    """The forward pass of the lens of a box; only wires that can change are differentiated."""
    dom, cod = cx.dom, cx.cod
    if not _analytic(cx):
        return *box.run(cx, p, xs), list(xs)
    real = [i for i, a in enumerate(dom) if a.change is not None]

    def f(params: Any, moving: Sequence[Any]) -> tuple[Any, Any]:
        inputs = list(xs)
        for i, x in zip(real, moving, strict=True):
            inputs[i] = x
        ys, states = box.run(cx, replace(p, params=params), inputs)
        out = [y for y, a in zip(ys, cod, strict=True) if a.change is not None]
        rest = [y for y, a in zip(ys, cod, strict=True) if a.change is None]
        return out, (rest, states)

    out, kept, (rest, states) = pullback(f, learned(cx, p), [xs[i] for i in real])
    reals, others = iter(out), iter(rest)
    return tuple(next(others) if a.change is None else next(reals) for a in cod), states, kept


def backward(box: Box, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """The backward pass: changes of the parameters by name, and of the inputs (None where nothing changes)."""
    out = [d for d, a in zip(ds, cx.cod, strict=True) if a.change is not None]
    if not _analytic(cx):
        return by_term(box, cx, p, kept, out)
    changes, moved = pull(kept, learned(cx, p), out)
    parts = iter(moved)
    return changes, [next(parts) if a.change is not None else None for a in cx.dom]


def _analytic(cx: Cx) -> bool:
    """Whether all that can change are real numbers, which `jax.vjp` differentiates."""
    return analytic((*cx.dom, *cx.cod, *(p.array for p in cx.cell.ports if p.kind == "param")))


def analytic(arrays: Iterable[Array]) -> bool:
    """Whether all of the arrays that can change carry real numbers."""
    return all(a.real for a in arrays if a.change is not None)


def without_reverse(box: Box, dom: Space) -> NoReturn:
    """Raises the error of a box without a reverse derivative over a base that jax does not differentiate."""
    do = "give its class a reverse_term, or write it with boxes that have one"
    raise LensError(explain(f"{box!r} has no reverse derivative over {dom!r}", do=do))


def by_term(box: Box, cx: Cx, p: Side, xs: Sequence[Any], ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """The backward pass by the box's reverse derivative as a term, over a base that jax does not differentiate."""
    from .interpret import Side, evaluate
    from .spaces import Space
    from .typed import Typed

    term = box.reverse_term(cx.dom) or without_reverse(box, cx.dom)
    own = learned(cx, p)
    ports = [port for port in cx.cell.ports if port.kind == "param"]
    dom = Space(port.array for port in ports) @ cx.dom @ cx.cod.change
    values = [*(own[port.name] for port in ports), *xs, *ds]
    out = iter(evaluate(Typed(term, dom).circuit, Side(), values, cx.env)[0])
    changes = {}
    for port in ports:
        change = next(out)
        changes[port.name] = cx.rule.unbatch(port.array, change, jax.numpy.ndim(change) - port.array.rank)
    return changes, [next(out) if a.change is not None else None for a in cx.dom]
