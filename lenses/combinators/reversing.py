"""The reverse derivatives of loops and slices as loops and slices again, for bases that JAX does not differentiate.

Over the reals they are one opaque box, the `jax.vjp` of the loop, which keeps what it needs of the way
forward. Over a finite ring a loop runs once for the inputs of its steps and once backwards with the
reverse derivative of a step, which is a term; so these too can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..boxes.rearrange import Rearrange
from ..boxes.reductions import Spread, reduce_sum
from ..boxes.structure import Zero, add
from ..opaque import analytic
from ..spaces import Array, Space
from ..terms import Term
from ..trees import leaves, whole
from ..typed import Typed, plain
from ..wiring import Builder, Wire, listed, trace
from .loops import Loop, Scan
from .over import Over
from .parametrised import expose


def inside(box: Loop | Over, dom: Space) -> Typed:
    """The term inside a box at its domain, typed."""
    found = box.inside(dom)
    assert found is not None
    return Typed(*found)


def real(inner: Typed) -> bool:
    """Whether all that can change in a box with this term inside are real numbers."""
    return analytic((*inner.dom, *inner.cod, *(port.array for _, port in leaves(whole(inner.circuit)))))


def changing(arrays: Sequence[Array]) -> list[Array]:
    """The arrays that have changes."""
    return [a for a in arrays if a.change is not None]


def cut(wires: Sequence[Any], *groups: Sequence[Any]) -> list[list[Any]]:
    """The wires in runs as long as the groups."""
    out, at = [], 0
    for group in groups:
        out.append(list(wires[at : at + len(group)]))
        at += len(group)
    return out


def moved(array: Array, axis: int | str) -> tuple[Callable[[Wire], Wire], Callable[[Wire], Wire]]:
    """The functions that bring an axis of an array to the front, and back to its place."""
    place = array.axis(axis) + array.rank
    names = [f"axis{i}" for i in range(array.rank)]
    before, after = " ".join(names), " ".join([names[place], *names[:place], *names[place + 1 :]])
    if before == after:
        return (lambda w: w), (lambda w: w)
    there, back = Rearrange(f"{before} -> {after}"), Rearrange(f"{after} -> {before}")
    return there, back


def spread_in_front(array: Array, size: int) -> Spread:
    """The same array `size` times, along a new first axis."""
    return Spread(size, -(array.rank + 1))


def opened(term: Typed) -> tuple[Typed, Typed]:
    """A term with its parameters as plain wires, and its reverse derivative: P @ A -> B and P @ A @ B' -> P' @ A'."""
    from ..reverse import Trace, reverse

    exposed = expose(term)
    whole_term = Typed(exposed, exposed.params @ term.dom)
    builder = Builder(len(whole_term.dom))
    traced = Trace(builder, whole_term.circuit, {}, {}, builder.wires())
    return builder.term(traced.outs).at(whole_term.dom), reverse(whole_term)


def reverse_of_loop(box: Loop, dom: Space) -> Term | None:
    """R of a `Repeat` or a `Scan`, P @ A @ B' -> P' @ A', as two scans; None over the reals."""
    inner = inside(box, dom)
    if real(inner):
        return None
    tied, own = ([port.array for _, port in leaves(tree)] for tree in (inner.circuit.tied, inner.circuit.params))
    shared, stacked = (tied, own) if box.stacked else ([*tied, *own], [])
    carried, stepped = inner.dom.arrays[: box.carried], inner.dom.arrays[box.carried :]
    made, times = inner.cod.arrays[box.carried :], box.steps(dom)
    groups = shared, carried, stacked, stepped
    there, back = _onward(inner, *groups, box.reversed), _backward(inner, *groups, not box.reversed)
    moves = [moved(a, box.fields["axis"]) for a in dom.arrays[box.carried :]]
    ticks = Zero(Space([Array((times,), element=next(a.element for a in (*dom, *shared, *stacked) if a.change))]))

    def r(*wires: Wire) -> Any:
        s, p, h, x, dh, dy = cut(wires, shared, stacked, carried, stepped, changing(carried), changing(made))
        x = [front(w) for w, (front, _) in zip(x, moves, strict=True)]
        inputs = listed(there(*s, *h, *p, *x, ticks()))[len(shared) + len(carried) :]
        zeros = [Zero(Space([a]))() for a in shared]
        out = listed(back(*s, *zeros, *dh, *p, *inputs, *x, *dy))[len(shared) :]
        ds, dh, dp, dx = cut(out, shared, changing(carried), stacked, changing(stepped))
        own_moves = [m for m, a in zip(moves, stepped, strict=True) if a.change is not None]
        return (*ds, *dp, *dh, *(behind(w) for w, (_, behind) in zip(dx, own_moves, strict=True)))

    return trace(r, sum(map(len, (shared, stacked, carried, stepped, changing(carried), changing(made)))), prune=True)


def _onward(inner: Typed, shared: Any, carried: Any, stacked: Any, stepped: Any, last_first: bool) -> Term:
    """The scan that carries P and H, and gives the H that each step started from."""
    step, _ = opened(inner)

    def onward(*wires: Wire) -> Any:
        s, h, p, x = cut(wires, shared, carried, stacked, stepped)
        return (*s, *listed(step(*s, *p, *h, *x))[: len(carried)], *h)

    groups = (shared, carried, stacked, stepped)
    return Scan(trace(onward, sum(map(len, groups)) + 1), 0, len(shared) + len(carried), last_first)


def _backward(inner: Typed, shared: Any, carried: Any, stacked: Any, stepped: Any, last_first: bool) -> Term:
    """The scan the other way round that carries P, P' and H', and gives the changes of what was stepped."""
    _, step = opened(inner)
    moving = changing(carried), changing(inner.cod.arrays[len(carried) :])

    def backward(*wires: Wire) -> Any:
        s, ds, dh, p, h, x, dy = cut(wires, shared, shared, moving[0], stacked, carried, stepped, moving[1])
        back = listed(step(*s, *p, *h, *x, *dh, *dy))
        new_s, new_p, new_h, new_x = cut(back, shared, stacked, moving[0], changing(stepped))
        return (*s, *(add(a, b) for a, b in zip(ds, new_s, strict=True)), *new_h, *new_p, *new_x)

    groups = (shared, shared, moving[0], stacked, carried, stepped, moving[1])
    return Scan(trace(backward, sum(map(len, groups))), 0, 2 * len(shared) + len(moving[0]), last_first)


def reverse_of_over(box: Over, dom: Space) -> Term | None:
    """R of an `Over`, P @ A @ B' -> P' @ A', as R of the term inside over the first axis; None over the reals."""
    inner = inside(box, dom)
    if real(inner):
        return None
    params = [port.array for _, port in leaves(whole(inner.circuit))]
    size, made = box.size(dom), changing(inner.cod.arrays)
    sides: list[tuple[Array, Any, Any]] = [(a, spread_in_front(a, size), reduce_sum(0)) for a in params]
    for array, part in zip(dom, inner.dom, strict=True):
        there, back = moved(array, box.axis) if box.has(array) else (spread_in_front(part, size), reduce_sum(0))
        sides.append((part, there, back))
    slices = Over(0, plain(opened(inner)[1]))

    def r(*wires: Wire) -> Any:
        given = [front(w) for w, (_, front, _) in zip(wires, sides, strict=False)]
        back = listed(slices(*given, *wires[len(sides) :]))
        kept = [behind for array, _, behind in sides if array.change is not None]
        return tuple(behind(d) for d, behind in zip(back, kept, strict=True))

    return trace(r, len(sides) + len(made), prune=True)
