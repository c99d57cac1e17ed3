"""Terms from Python functions: wires get names, and the wiring is worked out.

`wired` runs a function once on symbolic wires and records which boxes it applies to which. A wire
used several times is copied, one that is not used is discarded; nothing else is added.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from .boxes.structure import Copy, discard
from .errors import ArityError, DataError, LensError, explain, shown
from .functor import fold
from .spaces import Array, Space, element_of
from .terms import Identity, Term, compose, permute, tensor


class Wire:
    """A symbolic wire of a term being traced. It can be given to terms, added, multiplied and negated."""

    __slots__ = ("builder", "number")

    def __init__(self, builder: Builder, number: int):
        self.builder, self.number = builder, number

    __array_ufunc__ = None  # so that NumPy leaves ``array + wire`` to the wire, which says what is wrong

    def _with(self, name: str, other: Any) -> Wire:
        from .boxes import pointwise

        if isinstance(other, Wire):
            return getattr(pointwise, name)(self, other)
        return pointwise.with_number(name, other)(self)

    def __add__(self, other: Any) -> Wire:
        from .boxes.structure import add

        return add(self, other) if isinstance(other, Wire) else self._with("shift", other)

    __radd__ = __add__

    def __mul__(self, other: Any) -> Wire:
        return self._with("multiply", other)

    __rmul__ = __mul__

    def __sub__(self, other: Any) -> Wire:
        from .boxes.pointwise import operand

        return self + (-other if isinstance(other, Wire) else -operand(other))

    def __rsub__(self, other: Any) -> Wire:
        return (-self) + other

    def __truediv__(self, other: Any) -> Wire:
        from .boxes.pointwise import operand

        if isinstance(other, Wire):
            return self._with("divide", other)
        if operand(other) == 0:
            raise LensError(explain(f"a wire cannot be divided by {other!r}", expected="a number that is not 0"))
        return self * (1.0 / operand(other))

    def __rtruediv__(self, other: Any) -> Wire:
        from .boxes.pointwise import reciprocal

        return reciprocal(self) * other

    def __neg__(self) -> Wire:
        return self * -1.0

    def __bool__(self) -> bool:
        raise LensError(explain("a wire has no value while a term is traced", do="use boxes in place of if and while"))

    def __iter__(self) -> Any:
        raise LensError(
            explain("one wire cannot be unpacked", do="end the box in copy or split(...), which give several")
        )


class Builder:
    """A term under construction: the terms applied so far, each with its input and output wires."""

    def __init__(self, inputs: int):
        self.inputs = inputs
        self.count = inputs
        self.nodes: list[tuple[Term, tuple[int, ...], tuple[int, ...]]] = []

    def wires(self) -> list[Wire]:
        """The input wires."""
        return [Wire(self, i) for i in range(self.inputs)]

    def apply(self, term: Term, wires: Sequence[Any]) -> tuple[Wire, ...]:
        """The output wires of `term` applied to `wires`."""
        for i, w in enumerate(wires):
            if not isinstance(w, Wire) or w.builder is not self:
                came = "a wire of another term" if isinstance(w, Wire) else shown(w)
                raise LensError(
                    explain(f"{term!r} takes wires of the term being traced", wire=f"input {i}", came=came,
                            do="give numbers and arrays as constant(...)() inside the function")
                )  # fmt: skip
        if len(wires) != term.arity[0]:
            raise ArityError(
                explain(
                    f"{term!r} is applied to {len(wires)} wires", expected=f"{term.arity[0]} wires", arity=term.arity
                )
            )
        outs = tuple(range(self.count, self.count + term.arity[1]))
        self.count += len(outs)
        self.nodes.append((term, tuple(w.number for w in wires), outs))
        return tuple(Wire(self, i) for i in outs)

    def inline(self, term: Term, wires: Sequence[Any]) -> list[Wire]:
        """`apply`, box by box, so that `term` can prune the boxes that nothing needs."""
        graph = term.graph
        return fold(graph.nodes, graph.outs, wires, lambda node, ins: self.apply(node.box, ins))

    def term(self, outs: Sequence[Wire], prune: bool = False) -> Term:
        """The finished term with output wires `outs`; `prune` leaves out what no output needs."""
        ends = [w.number for w in outs]
        nodes = self.nodes
        if prune:
            needed, kept = set(ends), []
            for node in reversed(nodes):
                if any(w in needed for w in node[2]):
                    needed.update(node[1])
                    kept.append(node)
            nodes = kept[::-1]
        return _linear(self.inputs, nodes, ends)


def _linear(inputs: int, nodes: Sequence[tuple[Term, tuple[int, ...], tuple[int, ...]]], ends: Sequence[int]) -> Term:
    """The term that applies the nodes in order, with copies and discards where they are needed."""
    uses = Counter(w for _, ins, _ in nodes for w in ins) + Counter(ends)
    row: list[int] = list(range(inputs))
    layers: list[Term] = []

    def layer(term: Term, at: int, width: int) -> None:
        layers.append(tensor(Identity(at), term, Identity(len(row) - at - width)))

    def fan(w: int) -> None:
        if uses[w] != 1:
            at = row.index(w)
            layer(Copy(uses[w]) if uses[w] else discard, at, 1)
            row[at : at + 1] = [w] * uses[w]

    for w in range(inputs):
        fan(w)
    for term, ins, outs in nodes:
        at = _bring(row, ins, layers)
        layer(term, at, len(ins))
        row[at : at + len(ins)] = outs
        for w in outs:
            fan(w)
    _bring(row, ends, layers)
    return compose(Identity(inputs), *layers)


def _bring(row: list[int], wanted: Sequence[int], layers: list[Term]) -> int:
    """Permutes the row so that the wanted wires stand together in order; returns where."""
    if not wanted:
        return len(row)
    taken: list[int] = []
    used: set[int] = set()
    for w in wanted:
        start = 0
        while True:
            place = row.index(w, start)
            if place not in used:
                break
            start = place + 1
        taken.append(place)
        used.add(place)
    first = min(taken)
    before = [i for i in range(len(row)) if i < first and i not in used]
    after = [i for i in range(len(row)) if i >= first and i not in used]
    order = [*before, *taken, *after]
    if order != sorted(order):
        layers.append(permute(*order))
        row[:] = [row[i] for i in order]
    return len(before)


_current: ContextVar[Builder | None] = ContextVar("builder", default=None)


def trace(f: Callable[..., Any], wires: int, prune: bool = False) -> Term:
    """The term of `wires` input wires that the function `f` describes."""
    builder = Builder(wires)
    token = _current.set(builder)
    try:
        result = f(*builder.wires())
    finally:
        _current.reset(token)
    outs = result if isinstance(result, tuple | list) else (result,) if result is not None else ()
    for i, w in enumerate(outs):
        if not isinstance(w, Wire) or w.builder is not builder:
            raise LensError(
                explain(
                    "a wired function returns wires", output=i, came=shown(w), do="return a wire or a tuple of wires"
                )
            )
    return builder.term(outs, prune)


def wired(f: Callable[..., Any]) -> Term:
    """Decorator: the term that a function of wires describes, an input wire a parameter of the function."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = None if isinstance(f, Term) else inspect.signature(f).parameters.values()
    except Exception:  # no function, or one that does not say
        parameters = None
    if parameters is None or any(p.kind not in kinds for p in parameters):
        raise ArityError(
            explain(
                f"wired: {getattr(f, '__name__', 'this')} must be a function with a fixed number of parameters",
                came=shown(f),
                parameters=None if parameters is None else f"({', '.join(map(str, parameters))})",
            )
        )
    return trace(f, len(parameters))


def call(term: Term, arguments: Sequence[Any]) -> Any:
    """`Term.__call__`: on wires while tracing, on arrays otherwise."""
    builder = next((w.builder for w in _flat(arguments) if isinstance(w, Wire)), None)
    if builder is None and not arguments:
        builder = _current.get()
    if builder is not None:
        outs = builder.apply(term, arguments)
        return outs[0] if len(outs) == 1 else outs
    from .compile import compile as compile_

    arrays = [_array(a, term, i) for i, a in enumerate(arguments)]
    if len(arrays) != term.arity[0]:
        raise ArityError(explain(f"{term!r} is applied to {len(arrays)} arrays", expected=f"{term.arity[0]}"))
    space = Space(Array(a.shape, None, _element(a, term, i)) for i, a in enumerate(arrays))
    model = compile_(term, space)
    if model.circuit.params or model.circuit.tied or model.circuit.states:
        raise LensError(
            explain(f"{term!r} has parameters, so it cannot be applied to arrays alone",
                    do="net = compile(term, space); params = net.init(key); net(params, x)")
        )  # fmt: skip
    return model({}, *arrays)


def _flat(arguments: Sequence[Any]) -> list[Any]:
    """The arguments, with those that come together in a tuple or list one by one."""
    return [w for a in arguments for w in (a if isinstance(a, tuple | list) else (a,))]


def _array(value: Any, term: Term, wire: int) -> Any:
    try:
        array = value if hasattr(value, "dtype") and hasattr(value, "shape") else np.asarray(value)
        if not hasattr(value, "dtype") and array.dtype.kind in "biuf":
            array = array.astype("float32")
    except Exception:  # ragged lists, objects: whatever NumPy says of them
        array = None
    if array is None or (isinstance(array, np.ndarray) and array.dtype.kind not in "biufcV") or 0 in array.shape:
        raise DataError(
            explain(
                f"{term!r} is applied to {shown(value)}",
                wire=f"input {wire}",
                expected="an array of numbers, not empty",
            )
        )
    return array


def _element(array: Any, term: Term, wire: int) -> Any:
    element = element_of(array.dtype)
    if element is None:
        raise LensError(
            explain(
                f"{term!r} is applied to an array of {array.dtype}", wire=f"input {wire}", expected="floats or integers"
            )
        )
    return element


__all__ = ["Builder", "Wire", "call", "trace", "wired"]


def listed(result: Any) -> list[Wire]:
    """The wires that a term applied to wires gave, as a list."""
    return list(result) if isinstance(result, tuple) else [result]
