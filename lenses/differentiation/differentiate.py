"""The differentiator: D f = a -> (f(a), f'(a)), with f'(a) a linear map in whichever representation is wanted.

It is a functor out of terms (Elliott 2018, theorems 1 to 3): at a point, the derivative of
a composite is the composite of the derivatives, D(f ; g)(a) = Df(a) ; Dg(f(a)); that of maps side by side is
their derivatives side by side, D(f * g)(a, b) = Df(a) * Dg(b); and a linear map is its own derivative. So
all that is said of it is a table over box classes (`derivatives`). Which mode it is, is said by the
representation: linear functions, matrices, their duals or continuations (reverse mode), begin-form (forward
mode), or lists of factors, which are multiplied in the cheapest order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax

from ..combinators import Block, Coupling, Expose, Tied
from ..compile import check_arrays, one
from ..errors import LensError, SpaceError, explain
from ..functor import fold
from ..interpret import Cx, Env, Side, split_tied
from ..reverse import prepared
from ..rules.rule import backprop
from ..spaces import Array, Space
from ..syntax import shorten
from ..terms import Term
from ..trees import check_tree, map_tree, whole
from ..typed import Cell, Circuit, Typed
from .category import Layer, LinearMaps
from .derivatives import local
from .functions import functions
from .local import Local, copying, ending, starting
from .point import Point, weights


class Wire(NamedTuple):
    """The value that a wire carries, and the number of the wire if its value depends on the inputs."""

    value: Any
    number: int | None = None


@dataclass
class Trace:
    """The wires that depend on the inputs, in a row, and a layer for each box that they have come through."""

    row: list[tuple[int, Array]] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    wires: int = 0
    tied: dict[int, int] = field(default_factory=dict)  # the wire that is left of one that is used several times
    known: dict[Any, Local] | None = None  # of boxes looked at without numbers, the maps that there can be

    def enter(self, array: Array) -> int:
        """A new wire of the row, at its end."""
        self.wires += 1
        self.row.append((self.wires, array))
        return self.wires

    def apply(self, ins: Sequence[int], made: Any) -> list[int]:
        """The wires that come out of a box on the wires `ins`, whose map there is `made`."""
        place = {number: i for i, (number, _) in enumerate(self.row)}
        taken = [place[number] for number in ins]
        before = [i for i in range(len(self.row)) if i not in taken and (not taken or i < min(taken))]
        behind = [i for i in range(len(self.row)) if i not in taken and i not in before]
        self.layers.append(Layer(self.space, (*before, *taken, *behind), len(before), made))
        outs = [(self.wires + k + 1, array) for k, array in enumerate(made.cod)]
        self.wires += len(outs)
        self.row = [*(self.row[i] for i in before), *outs, *(self.row[i] for i in behind)]
        return [number for number, _ in outs]

    def use(self, number: int) -> int:
        """The wire to take for one of the uses of a wire: a copy, where there may be others."""
        if number in self.tied:
            array = next(array for n, array in self.row if n == self.tied[number])
            self.tied[number], number = self.apply([self.tied[number]], copying(Space([array])))
        return number

    def end(self, number: int) -> None:
        """Ends a wire of which there may be several uses, after the last one."""
        last = self.tied.pop(number)
        self.apply([last], ending(Space(array for n, array in self.row if n == last)))

    @property
    def space(self) -> Space:
        """The arrays of the row."""
        return Space(array for _, array in self.row)


def run(circuit: Circuit, side: Side, wires: Iterable[Wire], trace: Trace) -> list[Wire]:
    """The wires that come out of a typed graph; the leaves of its side are wires too."""
    env = Env(backprop)

    def clause(cell: Cell, ins: list[Wire]) -> Sequence[Wire]:
        own, box = side.of(cell), cell.box
        if cell.inner is not None and isinstance(box, Expose):
            n = len(cell.dom) - len(box.term.dom)
            inside = box.open_side(own, ins[:n])
            tied = [w.number for w in jax.tree.leaves(inside.shared, is_leaf=_is_wire) if w.number is not None]
            trace.tied |= {number: number for number in tied}
            outs = run(cell.inner, inside, ins[n:], trace)
            for number in tied:
                trace.end(number)
            return outs
        if cell.inner is not None and isinstance(box, Block | Tied | Coupling):
            return run(cell.inner, box.side(Cx(cell, env), own), ins, trace)
        return _through(cell, Cx(cell, env), own, ins, trace)

    return fold(circuit.cells, circuit.outs, list(wires), clause)


def _through(cell: Cell, cx: Cx, own: Side, ins: Sequence[Wire], trace: Trace) -> Sequence[Wire]:
    """The wires that come out of one box."""
    if trace.known is not None:
        return _looked(cell, cx, own, ins, trace, trace.known)
    learned, inputs = _moving(cell, own, ins)
    values, xs = _values(own), [w.value for w in ins]
    if not learned and not inputs:
        return [Wire(y) for y in cell.box.run(cx, values, xs)[0]]
    ys, made = local(Point(cx, values, xs, tuple(learned), tuple(inputs)))
    outs = iter(trace.apply([trace.use(n) for n in (*learned.values(), *inputs.values())], made))
    return [Wire(y, next(outs)) if a.real else Wire(y) for y, a in zip(ys, cell.cod, strict=True)]


def _looked(
    cell: Cell, cx: Cx, own: Side, ins: Sequence[Wire], trace: Trace, known: dict[Any, Local]
) -> Sequence[Wire]:  # fmt: skip
    """The same where wires carry shapes alone: equal boxes at equal spaces are looked at once."""
    learned, inputs = _moving(cell, own, ins)
    shapes = [jax.ShapeDtypeStruct(a.sizes, a.dtype) for a in cell.cod]
    if not learned and not inputs:
        return [Wire(shape) for shape in shapes]
    key = (cell.box.identity, cell.box.axis_names, cell.dom, cell.dom.names, tuple(learned), tuple(inputs))
    if key not in known:

        def look(values: Side, xs: Sequence[Any]) -> Any:
            ys, made = local(Point(cx, values, xs, tuple(learned), tuple(inputs)))
            known[key] = made.shape_only
            return ys

        values = _values(own)
        jax.eval_shape(lambda params, states, shared, xs: look(Side(params, states, None, shared), xs),
                       values.params, values.states, values.shared, [w.value for w in ins])  # fmt: skip
    outs = iter(trace.apply([trace.use(n) for n in (*learned.values(), *inputs.values())], known[key]))
    return [Wire(y, next(outs)) if a.real else Wire(y) for y, a in zip(shapes, cell.cod, strict=True)]


Path = tuple[str, ...]


def _moving(cell: Cell, own: Side, ins: Sequence[Wire]) -> tuple[dict[Path, int], dict[int, int]]:
    """The numbers of the wires that depend on the inputs: those of parameters by path, and of inputs by place."""
    learned = {path: w.number for path, w in _wires(weights(cell, own)) if w.number is not None}
    return learned, {i: w.number for i, w in enumerate(ins) if w.number is not None}


def _wires(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Wire]]:
    for name, sub in tree.items():
        if isinstance(sub, dict):
            yield from _wires(sub, (*path, name))
        else:
            yield (*path, name), sub


def _values(own: Side) -> Side:
    """The side with the values of its wires."""
    trees = (own.params, own.states, own.shared)
    params, states, shared = (jax.tree.map(_value, tree, is_leaf=_is_wire) for tree in trees)
    return Side(params, states, None, shared)


def _is_wire(x: Any) -> bool:
    return isinstance(x, Wire)


def _value(wire: Wire) -> Any:
    return wire.value


def trace(term: Typed, params: Any, xs: Sequence[Any]) -> tuple[list[Any], list[Layer]]:
    """The outputs of a term at a point, and its derivative there as a layer for each box."""
    made = Trace()
    return _traced(term, params, xs, made), made.layers


def outline(term: Typed) -> list[Layer]:
    """The layers of the derivative of a term without their numbers; nothing is computed."""
    made = Trace(known={})
    params = map_tree(shape_of, whole(term.circuit))
    _traced(term, params, [shape_of(a) for a in term.dom], made)
    return made.layers


def shape_of(array: Any) -> Any:
    """The shape and dtype of an array of a space, or of a port."""
    array = getattr(array, "array", array)
    return jax.ShapeDtypeStruct(array.sizes, array.dtype)


def _traced(term: Typed, params: Any, xs: Sequence[Any], made: Trace) -> list[Any]:
    held = jax.tree.map(Wire, params)
    own, shared = split_tied(term.circuit, held)
    ins = [Wire(x, made.enter(a)) for x, a in zip(xs, term.dom, strict=True)]
    outs = run(term.circuit, Side(own, {}, None, shared), ins, made)
    numbers = [
        w.number if w.number is not None else made.apply((), starting(Space([a])))[0]
        for w, a in zip(outs, term.cod, strict=True)
    ]
    order = [[number for number, _ in made.row].index(n) for n in numbers]
    if order != list(range(len(order))):
        made.layers.append(Layer(made.space, tuple(order), len(order), starting(Space())))
    return [w.value for w in outs]


class Differentiated:
    """D f for a term f: called at a point it gives (f(a), f'(a)). Made by `differentiate`."""

    def __init__(self, term: Typed, maps: LinearMaps):
        self.term, self.maps = term, maps
        self.params = whole(term.circuit)

    def __repr__(self) -> str:
        return f"differentiate({shorten(self.term)}, by={self.maps!r})"

    def __call__(self, *arguments: Any) -> tuple[Any, Any]:
        """(f(a), f'(a)), an array (a tuple for several wires) and a linear map; parameters first, if there are any."""
        params, xs = arrays(self.term, self.params, arguments)
        ys, layers = trace(self.term, params, xs)
        return one(ys), composed(self.maps, self.term.dom, layers)


def composed(maps: LinearMaps, dom: Space, layers: Sequence[Layer]) -> Any:
    """The composite of layers, in a representation."""
    return maps.compose(maps.identity(dom), *(maps.layer(layer) for layer in layers))


def arrays(term: Typed, params: Any, arguments: Sequence[Any]) -> tuple[Any, list[Any]]:
    """The parameters and the inputs in the arguments of a call, checked; a term without any may be called without."""
    given: Any = {}
    if params or (len(arguments) == len(term.dom) + 1 and arguments[0] == {}):
        given, arguments = (arguments[0], arguments[1:]) if arguments else (None, ())
        check_tree(params, given, "parameters", term)
    do = "give one point, without batch axes: jax.vmap maps the result over a batch"
    xs = check_arrays(term.dom, arguments, term, do=do)
    for i, (x, array) in enumerate(zip(xs, term.dom, strict=True)):
        if x.shape != array.sizes:
            raise SpaceError(
                explain(f"the derivative of {shorten(term, 60)} is asked for at a batch of points",
                        wire=f"input {i}", expected=array, came=f"an array of shape {x.shape}", do=do)
            )  # fmt: skip
    return given, xs


def differentiable(term: Term, space: Space | None, what: str) -> Typed:
    """The term, typed, if it is a map between real arrays; SpaceError names the first wire that is none."""
    if term.arity[0] and space is None and not isinstance(term, Typed):
        from ..typed import as_typed

        return as_typed(term, space, what)
    typed, _ = prepared(term, space, what)
    for kind, arrays in (("input", typed.dom), ("output", typed.cod)):
        for i, array in enumerate(arrays):
            if not array.real:
                raise SpaceError(
                    explain(
                        f"{shorten(typed, 60)} has no Jacobian", wire=f"{kind} {i}", expected="real numbers",
                        came=array, do="take the part of it between real arrays; reverse(term) leaves out what cannot "
                        "change, and works over bits",
                    )
                )  # fmt: skip
    return typed


def differentiate(term: Term, space: Space | None = None, by: LinearMaps = functions) -> Callable[..., tuple[Any, Any]]:
    """D f = a -> (f(a), f'(a)), the one differentiator, with linear maps represented as `by` says.

    The result is called as a compiled term is, with the parameters first; a term without parameters is
    called with its inputs alone. It may be traced by JAX. f'(a) is a map of changes of the inputs alone:
    ``expose(f)`` moves the parameters too. ``by.matrix(f'(a))`` is the Jacobian.

    Raises SpaceError for an untyped term or one with wires that are no real numbers, LensError for one with
    states or random keys.
    """
    if not isinstance(by, LinearMaps):
        raise LensError(
            explain(f"differentiate: by={by!r:.60}", expected="a representation of linear maps",
                    do="functions, matrices, duals, continuations, begins, or a class of your own")
        )  # fmt: skip
    return Differentiated(differentiable(term, space, "differentiate"), by)
