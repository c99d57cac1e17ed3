"""Reading terms over bits as netlists: the functor from terms to circuits, a table of clauses over box classes.

What wires carry are arrays of signals of the sizes of their spaces, so a box over an array of a
million bits is read at once. Only equations of formal polynomials are used on the way: x + 0, x + x,
x * 0 and x * 1 are simplified, x * x is not, so the netlist has the reverse derivative of the term.

A class of boxes becomes readable by a clause of its own, `reads(ItsClass)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from ..boxes.linear import Einsum
from ..boxes.lookup import Constant, Select
from ..boxes.pointwise import Pointwise
from ..boxes.rearrange import Concatenate, Rearrange, Split
from ..boxes.reductions import Reduce, Spread
from ..boxes.structure import Add, Check, Copy, Discard, Zero
from ..causal.maps import Causal
from ..combinators.loops import Loop
from ..combinators.parametrised import Para
from ..combinators.parts import Composite
from ..errors import DataError, LensError, SpaceError, explain, shown
from ..functor import Table
from ..interpret import Cx, Env, Side, evaluate, split_tied
from ..rules.rule import backprop
from ..spaces import Array, ResidueElement, Space
from ..syntax import shorten
from ..terms import Box, Identity, Permute, Term
from ..trees import check_tree, leaves, nest, pick, whole
from ..typed import Typed, as_typed
from .circuit import Circuit
from .gates import Gate, Negation
from .netlist import TABLES, Netlist
from .tables import Lookup, Tables

Signals = Any
"""An array of signals, int32."""
Clause = Callable[["Reading", Cx, Side, Sequence[Signals]], Sequence[Signals]]


class Gates:
    """A netlist under construction: gates are added many at a time, elementwise on arrays of signals."""

    def __init__(self, inputs: int):
        self.inputs = inputs
        self.count = 1 + inputs
        self._chunks: list[tuple[Any, Any, Any]] = []
        self._few: list[tuple[int, int, int]] = []
        self._one: Any = -1

    def signals(self, *sizes: int, start: int = 0) -> Signals:
        """The inputs from `start` on as an array of signals of these sizes."""
        many = int(np.prod(sizes, dtype=np.int64))
        return np.arange(1 + start, 1 + start + many, dtype=np.int32).reshape(sizes)

    def gate(self, table: Any, x: Signals, y: Signals) -> Signals:
        """One gate a pair of signals with the truth table `table`, as it is; the signals of the gates."""
        if np.ndim(x) == np.ndim(y) == np.ndim(table) == 0:
            self._few.append((x, y, table))
            self.count += 1
            return np.int32(self.count - 1)
        shape = np.broadcast_shapes(np.shape(x), np.shape(y), np.shape(table))
        many = int(np.prod(shape, dtype=np.int64))
        if self.count + many > 2**31 - 1:
            raise LensError(explain("a circuit of more than 2^31 gates", do="read a smaller part of it"))
        self._flush()
        left, right, kind = (np.broadcast_to(v, shape).ravel() for v in (x, y, table))
        self._chunks.append((left, right, kind))
        out = np.arange(self.count, self.count + many, dtype=np.int32).reshape(shape)
        self.count += many
        return out

    def _flush(self) -> None:
        """Turns the gates added one by one into a chunk."""
        if self._few:
            left, right, kind = np.array(self._few, np.int32).T
            self._chunks.append((left, right, kind))
            self._few = []

    @property
    def one(self) -> Signals:
        """The signal that is always 1."""
        if self._one < 0:
            self._one = self.gate(TABLES["1"], 0, 0)
        return self._one

    def constant(self, values: Any) -> Signals:
        """The signals of constant bits."""
        values = np.asarray(values)
        return np.where(values, self.one, 0).astype(np.int32) if values.any() else np.zeros(values.shape, np.int32)

    def constants(self, x: Signals) -> Any:
        """Where the signals are constant."""
        return (x == 0) | (x == self._one)

    def _sparsely(self, table: int, x: Signals, y: Signals, known: Any, value: Signals) -> Signals:
        """`value` where the result is `known`, a gate elsewhere."""
        if not known.any():
            return self.gate(table, x, y)
        out = np.array(np.broadcast_to(value, known.shape), np.int32)
        if not known.all():
            out[~known] = self.gate(table, x[~known], y[~known])
        return out

    def neg(self, x: Signals) -> Signals:
        """1 + x."""
        known = self.constants(x)
        if np.ndim(x) == 0:
            return self.gate(TABLES["not"], x, 0) if not known else self.one if x == 0 else np.int32(0)
        value = np.where(x == 0, self.one, 0) if known.any() else x
        return self._sparsely(TABLES["not"], x, np.zeros_like(x), known, value)

    def xor(self, x: Signals, y: Signals) -> Signals:
        """x + y."""
        if np.ndim(x) == np.ndim(y) == 0:
            if x == 0 or y == 0 or x == y:
                return np.int32(0) if x == y else x if y == 0 else y
            if self._one in (x, y):
                return self.neg(y if x == self._one else x)
            return self.gate(TABLES["xor"], x, y)
        x, y = np.broadcast_arrays(x, y)
        known = (x == y) | (x == 0) | (y == 0)
        value = np.where(x == y, 0, np.where(x == 0, y, x))
        flips = ((x == self._one) | (y == self._one)) & ~known
        if flips.any():
            value[flips] = self.neg(np.where(x == self._one, y, x)[flips])
            known = known | flips
        return self._sparsely(TABLES["xor"], x, y, known, value)

    def conj(self, x: Signals, y: Signals) -> Signals:
        """x * y."""
        if np.ndim(x) == np.ndim(y) == 0:
            if x == 0 or y == 0:
                return np.int32(0)
            return y if x == self._one else x if y == self._one else self.gate(TABLES["and"], x, y)
        x, y = np.broadcast_arrays(x, y)
        none, first, second = (x == 0) | (y == 0), x == self._one, y == self._one
        value = np.where(none, 0, np.where(first, y, x))
        return self._sparsely(TABLES["and"], x, y, none | first | second, value)

    def mux(self, s: Signals, x: Signals, y: Signals) -> Signals:
        """x where s is 1, y where it is 0: y + s(x + y)."""
        return self.xor(y, self.conj(s, self.xor(x, y)))

    def table(self, kind: int, x: Signals, y: Signals) -> Signals:
        """The truth table `kind` of two signals, without a gate where it is constant or one of them."""
        if kind in (0, 15):
            return np.full(x.shape, self.one if kind else 0, np.int32)
        if kind in (3, 5):
            return self.neg(x if kind == 3 else y)
        return x if kind == 12 else y if kind == 10 else self.gate(kind, x, y)

    def parity(self, x: Signals, axis: int) -> Signals:
        """The sum along an axis, as a tree."""
        x = np.moveaxis(np.asarray(x), axis, 0)
        if not len(x):
            return np.zeros(x.shape[1:], np.int32)
        while len(x) > 1:
            half = len(x) // 2
            x = np.concatenate([self.xor(x[:half], x[half : 2 * half]), x[2 * half :]])
        return x[0]

    def include(self, netlist: Netlist, inputs: Signals) -> Signals:
        """The gates of a netlist as they are, on inputs (inputs, ...); its outputs (outputs, ...)."""
        shape = inputs.shape[1:]
        given = np.concatenate([np.zeros((1, *shape), np.int32), inputs]).reshape(1 + netlist.inputs, -1)
        many = given.shape[1]
        place = self.count + np.arange(netlist.gates, dtype=np.int64)[:, None] * many + np.arange(many)
        every = np.concatenate([given, place.astype(np.int32)])
        self.gate(netlist.table[:, None], every[netlist.left], every[netlist.right])
        return every[netlist.outputs].reshape(len(netlist.outputs), *shape)

    def netlist(self, outputs: Signals) -> Netlist:
        """The netlist with these outputs."""
        self._flush()
        empty = [np.zeros(0, np.int32)]
        left, right, table = (np.concatenate([c[i] for c in self._chunks] or empty) for i in range(3))
        return Netlist(self.inputs, left, right, table, outputs)


@dataclass(slots=True)
class Reading(Env):
    """The pass in which wires carry signals: each box adds its gates."""

    gates: Gates = field(default_factory=lambda: Gates(0))

    def run(self, cx: Cx, p: Side, xs: Sequence[Signals]) -> tuple[Sequence[Signals], Any]:
        box = cx.cell.box
        clause = CLAUSES.get(box)
        if clause is not None:
            return clause(self, cx, p, xs), {}
        if isinstance(box, Composite):
            ys, states = box.run(cx, p, xs)
            return [np.asarray(y) for y in ys], states
        raise LensError(
            explain(
                f"{shorten(box, 80)} cannot be read as gates",
                box=type(box).__name__,
                at=cx.dom,
                expected="a polynomial over bits, of the boxes add, multiply, neg, constant, lookup, structure, ...",
                do=f"write it with those boxes, or give its class a clause: @reads({type(box).__name__})",
            )
        )


CLAUSES: Table[Clause] = Table({})
"""What boxes do to signals, by class."""


def reads(*kinds: type[Box]) -> Callable[[Clause], Clause]:
    """Decorator: registers how boxes of these classes are read.

    The clause is given the pass (its `gates` adds gates), the context of the box, its side (parameters
    are arrays of signals too) and its inputs, arrays of signals with leading axes in front of those of
    its domain, and returns one array of signals an output wire.
    """

    def register(clause: Clause) -> Clause:
        global CLAUSES
        CLAUSES = CLAUSES | dict.fromkeys(kinds, clause)
        return clause

    return register


# -- clauses ---------------------------------------------------------------------------------


@reads(Copy, Discard, Check, Identity, Permute, Rearrange, Select)
def _moved(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    return [np.asarray(y) for y in cx.cell.box.run(cx, p, [np.asarray(x) for x in xs])[0]]


@reads(Concatenate)
def _concatenated(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    box: Any = cx.cell.box
    return [np.concatenate(xs, box.place(Space([cx.dom[0]])))]


@reads(Split)
def _cut(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    box: Any = cx.cell.box
    return np.split(xs[0], np.cumsum(box.sizes)[:-1], box.place(cx.dom))


@reads(Spread)
def _spread(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    box: Any = cx.cell.box
    wide = np.expand_dims(xs[0], xs[0].ndim + 1 + box.axis)
    return [np.repeat(wide, box.size, box.axis)]


@reads(Add)
def _sum(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    total = xs[0]
    for x in xs[1:]:
        total = reading.gates.xor(total, x)
    return [total]


@reads(Zero, Constant)
def _constant(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    values = np.asarray(cx.cell.box.run(cx, p, xs)[0][0])
    return [reading.gates.constant(values % 2)]


@reads(Pointwise)
def _product(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    return [reading.gates.conj(*xs)]


@reads(Negation)
def _negation(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    return [reading.gates.neg(xs[0])]


@reads(Gate)
def _gate(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    box: Any = cx.cell.box
    return [reading.gates.gate(box.table, *xs)]


@reads(Circuit)
def _circuit(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    box: Any = cx.cell.box
    lead = xs[0].shape[: xs[0].ndim - cx.dom[0].rank] if xs else ()
    rows = [np.moveaxis(x.reshape(*lead, -1), -1, 0) for x in xs] or [np.zeros((0, *lead), np.int32)]
    found = np.moveaxis(reading.gates.include(box.netlist, np.concatenate(rows)), 0, -1)
    cuts = np.cumsum([a.size for a in cx.cod])[:-1]
    return [y.reshape((*lead, *a.sizes)) for y, a in zip(np.split(found, cuts, -1), cx.cod, strict=True)]


@reads(Reduce)
def _parity(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    box: Any = cx.cell.box
    return [reading.gates.parity(xs[0], box.place(cx.dom))]


@reads(Einsum)
def _einsum(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    box: Any = cx.cell.box
    left, right = box.letters(cx.dom).replace("...", "").split("->")
    summed = sorted(set(left) - set(right) - {","})
    order = [*right, *summed]
    product: Any = None
    for letters, x in zip(left.split(","), xs, strict=True):
        lead = x.ndim - len(letters)
        own = [n for n in order if n in letters]
        diagonal = np.einsum(f"...{letters}->...{''.join(own)}", x)
        missing = [lead + i for i, n in enumerate(order) if n not in letters]
        wide = np.expand_dims(diagonal, missing)
        product = wide if product is None else reading.gates.conj(*_aligned(product, wide, len(order)))
    for _ in summed:
        product = reading.gates.parity(product, -1)
    return [product]


def _aligned(x: Signals, y: Signals, rank: int) -> tuple[Signals, Signals]:
    """Two arrays of `rank` own axes with as many leading ones."""
    lead = max(x.ndim, y.ndim) - rank
    return tuple([np.expand_dims(v, tuple(range(v.ndim - rank, lead))) for v in (x, y)])  # type: ignore[return-value]


@reads(Lookup)
def _lookup(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    gates, (x,) = reading.gates, xs
    bits = [x[..., i] for i in range(x.shape[-1])]
    rows = p["table"]
    if len(bits) > 1 and gates.constants(rows).all():
        # A table of two bits is one gate, made once for all rows that share it.
        kinds = (rows != 0).reshape(-1, 4) @ np.array([1, 2, 4, 8])
        y, x = bits.pop(), bits.pop()
        made = {kind: gates.table(kind, x, y) for kind in np.unique(kinds).tolist()}
        rows = np.stack([made[kind] for kind in kinds.tolist()])
    else:
        rows = rows.reshape(-1, *(1,) * (x.ndim - 1))
    for s in reversed(bits):
        rows = gates.mux(s, rows[1::2], rows[0::2])
    return [rows[0]]


@reads(Tables)
def _tables(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    x, gates = xs[0], reading.gates
    rows = np.broadcast_to(p["table"], (*x.shape[:-1], np.shape(p["table"])[-1]))
    for i in range(x.shape[-1]):
        half = rows.shape[-1] // 2
        rows = gates.mux(x[..., i, None], rows[..., half:], rows[..., :half])
    return [rows[..., 0]]


@reads(Loop)
def _loop(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    box: Any = cx.cell.box
    carried, stepped = list(xs[: box.carried]), [np.asarray(x) for x in box.enter(cx, xs)]
    out: list[list[Signals]] = []
    steps = range(box.steps(cx.dom))
    for i in reversed(steps) if box.reversed else steps:
        params = jax.tree.map(lambda v, i=i: v[i], p.params) if box.stacked else p.params
        side = Side(params, {}, None, p.shared)
        ys, _ = evaluate(cx.inner, side, [*carried, *(x[i] for x in stepped)], reading)
        carried = ys[: box.carried]
        out.append(ys[box.carried :])
    in_order = out[::-1] if box.reversed else out
    stacked = [np.stack(np.broadcast_arrays(*each)) for each in zip(*in_order, strict=True)]
    return [*carried, *(np.asarray(y) for y in box.leave(cx, cx.cod.arrays, stacked, False))]


# -- terms -----------------------------------------------------------------------------------


def _check_bits(arrays: Sequence[tuple[str, Array]], term: Term) -> None:
    for where, array in arrays:
        if array.element != ResidueElement(2):
            raise SpaceError(
                explain(
                    "only terms over bits are read as netlists",
                    term=shorten(term),
                    wire=where,
                    expected="bits, as in Bits(4)",
                    came=repr(array),
                )
            )


def to_netlist(term: Term | Causal, parameters: Any = None) -> Netlist:
    """The netlist of a typed term over `Bits`: the same formal polynomials, and so the same reverse derivative.

    Inputs are the bits of the domain's arrays, in row order, one array after the other; outputs those of
    the codomain. `parameters`, a tree of bits as `compile(term).init` makes, become constants; without
    them parameters are inputs too, after the domain's, in the order of the tree. Changes that leave to
    the side (of a `reverse`) are outputs after the codomain's. A causal map is a netlist with latches; see
    `lenses.circuits.sequential`.

    Raises SpaceError for a term without a type or with a wire that is not of bits, LensError for a box
    that has no clause (see `reads`), ParameterError or DataError for parameters of another tree or not of bits.
    """
    if isinstance(term, Causal):
        from .sequential import latched

        return latched(term, parameters)
    typed = as_typed(term, None, "to_netlist")
    circuit = typed.circuit
    if circuit.states or circuit.keyed:
        raise LensError(
            explain("a term with states or random keys is no circuit", term=shorten(term), do="take inference(term)")
        )
    paths = list(leaves(whole(circuit)))
    _check_bits([(f"input {i}", a) for i, a in enumerate(typed.dom)], typed)
    _check_bits([(f"output {i}", a) for i, a in enumerate(typed.cod)], typed)
    _check_bits([(f"parameter {'.'.join(path)}", port.array) for path, port in paths], typed)
    arrays = [*typed.dom, *((port.array for _, port in paths) if parameters is None else ())]
    gates = Gates(sum(a.size for a in arrays))
    wires, at = [], 0
    for array in arrays:
        wires.append(gates.signals(*array.sizes, start=at))
        at += array.size
    n = len(typed.dom)
    values = wires[n:] if parameters is None else _constants(gates, typed, parameters, paths)
    own, shared = split_tied(circuit, nest([path for path, _ in paths], values))
    ys, left = evaluate(circuit, Side(own, {}, None, shared), wires[:n], Reading(backprop, gates=gates))
    ys = [np.broadcast_to(y, a.sizes) for y, a in zip(ys, typed.cod, strict=True)] + _changes(circuit, left)
    return gates.netlist(np.concatenate([np.ravel(y) for y in ys]) if ys else np.zeros(0, np.int32))


def _constants(gates: Gates, term: Typed, parameters: Any, paths: Sequence[Any]) -> list[Signals]:
    check_tree(whole(term.circuit), parameters, "parameters", term)
    out = []
    for path, _ in paths:
        value = np.asarray(pick(parameters, path))
        if value.dtype.kind not in "biu" or ((value != 0) & (value != 1)).any():
            raise DataError(
                explain(
                    f"the parameter {'.'.join(path)} is {shown(value)}", term=shorten(term), expected="bits, 0 or 1"
                )
            )
        out.append(gates.constant(value))
    return out


def _changes(circuit: Any, left: dict[str, Any]) -> list[Signals]:
    """What leaves a term to the side, in the order of its boxes."""
    found = []
    for cell in circuit.cells:
        if isinstance(cell.box, Para):
            own = left if cell.whole else left.get(cell.name, {})
            found += [np.asarray(pick(own, name.split("."))) for name in cell.box.changes]
    return found
