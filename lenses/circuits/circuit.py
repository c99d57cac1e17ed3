"""A circuit of any size as one box: its gates are arrays inside, its meaning and its derivative are those of the gates.

The reverse derivative is formal, of the polynomials of the gates: it is a circuit again, so it can be
drawn, run, decided and differentiated like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..boxes.rearrange import concatenate, rearrange, split
from ..boxes.structure import zero
from ..errors import LensError, SpaceError, explain
from ..interpret import Cx, Side
from ..spaces import Array, Bits, Element, Space, unit
from ..terms import Box, Term
from ..typed import Typed
from ..wiring import trace
from .gates import Gate, bit, bits, conj, neg, xor
from .netlist import TABLES, Netlist, polynomials
from .running.arrays import SAMPLES, batch, count, joined, parted, reverse_arrays, run_arrays

SHOWN = 16
"""The most gates of a circuit whose text has them all."""


BIT = Bits()[0].element
"""What bits are elements of."""


def ring(dom: Space) -> Element:
    """What the arrays of a space are elements of; bits where there are none."""
    return dom[0].element if len(dom) else BIT


class Circuit(Box):
    """A netlist as a box: its inputs are the bits of `ins`, in row order, its outputs those of `outs`.

    A batch of 256 samples or more goes packed through a circuit with more gates than inputs and outputs,
    forward and back, with the same results, up to 40 times faster than others, which are whole numbers.
    It is a polynomial, so it also takes elements of other rings in which 1 + 1 is 0.
    """

    glyph: ClassVar[str] = "block"
    netlist: Netlist
    ins: Space
    outs: Space

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (len(self.ins), len(self.outs))

    def spell(self) -> str:
        netlist = self.netlist.spell() if self.netlist.gates <= SHOWN else repr(self.netlist)
        return f"circuit({netlist}, {self.ins!r}, {self.outs!r})"

    def type(self, dom: Space) -> Space:
        bits(self, dom)
        element = ring(dom)
        for i, (came, expected) in enumerate(zip(dom, self.ins, strict=True)):
            if came.sizes != expected.sizes or came.element != element:
                self.fail(i, expected, came)
        return Space(Array(a.sizes, a.names, element) for a in self.outs)

    @classmethod
    def examples(cls) -> Sequence[Term]:
        same, gates = np.array([1, 1]), np.array([TABLES["xor"], TABLES["and"]])
        half = Netlist(2, same, same + 1, gates, np.array([3, 4]))
        return [half.term(), half.term(Bits() @ Bits(), Bits() @ Bits())]

    def flops(self, dom: Space) -> int:
        return self.netlist.gates

    def pays(self, samples: int) -> bool:
        """Whether so many samples of bits are run packed, in machine words, rather than one by one."""
        return samples >= SAMPLES and self.netlist.gates >= self.netlist.inputs + len(self.netlist.outputs)

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        lead = batch(xs, self.ins)
        if ring(cx.dom) == BIT and self.pays(count(lead)):
            return tuple(run_arrays(self.netlist, xs, self.ins, self.outs))
        found = run(self.netlist, joined(xs, self.ins).T, ring(cx.dom))
        return tuple(parted(found.T, self.outs, lead))

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        if ring(cx.dom) != BIT or not self.pays(count(batch(kept, self.ins))):
            return super().backward(cx, p, kept, ds)
        return {}, reverse_arrays(self.netlist, kept, ds, self.ins, self.outs)[0]

    def reverse_term(self, dom: Space) -> Term:
        from .equality.derivative import reverse_netlist

        return Circuit(reverse_netlist(self.netlist), self.ins @ self.outs, self.ins)


class Rows(NamedTuple):
    """Gates in rows of one width, each reading earlier rows alone; signals are numbered row by row.

    `left`, `right` (rows, width) are signals, `factors` (rows, width, 4) polynomials, `outputs` (n,) signals.
    """

    left: np.ndarray
    right: np.ndarray
    factors: np.ndarray
    outputs: np.ndarray


@lru_cache(64)
def rows_of(netlist: Netlist) -> Rows:
    """The gates by depth, cut into rows of the mean width: at most twice as many places as gates, and rows."""
    level = netlist.levels()[1 + netlist.inputs :]
    order = np.argsort(level, kind="stable")
    many = np.bincount(level, minlength=2)[1:]
    width = max(1, -(-netlist.gates // max(len(many), 1)))
    cuts = -(-many // width)
    first = np.cumsum(cuts) - cuts
    within = np.arange(netlist.gates) - np.repeat(np.cumsum(many) - many, many)
    row = np.repeat(first, many) + within // width
    column = within % width
    place = np.arange(1 + netlist.inputs + netlist.gates)
    place[1 + netlist.inputs + order] = 1 + netlist.inputs + row * width + column
    left, right = (np.zeros((int(cuts.sum()), width), np.int32) for _ in range(2))
    factors = np.zeros((*left.shape, 4), np.uint8)
    left[row, column], right[row, column] = place[netlist.left[order]], place[netlist.right[order]]
    factors[row, column] = polynomials(netlist.table[order])
    return Rows(left, right, factors, place[netlist.outputs].astype(np.int32))


def run(netlist: Netlist, inputs: Any, element: Element) -> Any:
    """The outputs (n, ...) of a circuit's polynomials on inputs (inputs, ...) of a ring of characteristic 2."""
    rows = rows_of(netlist)
    count, width = rows.left.shape
    dtype = element.dtype
    signals = jnp.zeros((1 + netlist.inputs + count * width, *inputs.shape[1:]), dtype)
    signals = lax.dynamic_update_slice_in_dim(signals, inputs.astype(dtype), 1, 0)

    def step(signals: Any, row: Any) -> Any:
        left, right, factors, at = row
        x, y = signals[left], signals[right]
        wide = factors.astype(dtype).reshape(width, 4, *(1,) * (x.ndim - 1))
        terms = (
            jnp.broadcast_to(wide[:, 0], x.shape),
            x * wide[:, 1],
            y * wide[:, 2],
            element.times(x, y) * wide[:, 3],
        )
        total = terms[0]
        for term in terms[1:]:
            total = element.plus(total, term)
        return lax.dynamic_update_slice_in_dim(signals, total, at, 0), None

    places = 1 + netlist.inputs + np.arange(count, dtype=np.int32) * width
    if count:
        signals, _ = lax.scan(step, signals, (rows.left, rows.right, rows.factors, places))
    return signals[rows.outputs]


def whole_space(netlist: Netlist, what: str, space: Space | None, many: int) -> Space:
    """The space given if it has as many bits as the netlist has of these, and by default one array of them."""
    space = (Bits(many) if many else unit) if space is None else space
    if not isinstance(space, Space) or any(a != Bits(*a.sizes)[0] for a in space) or sum(a.size for a in space) != many:
        raise SpaceError(
            explain(
                f"a circuit with {many} {what}", circuit=repr(netlist), expected=f"a space of {many} bits", came=space
            )
        )
    return space


def circuit(netlist: Netlist, dom: Space | None = None, cod: Space | None = None) -> Typed:
    """The circuit as one box on spaces of bits; by default one array of all inputs, and one of all outputs.

    Latches are inputs and outputs like the others: the box is what happens in one step. Raises
    SpaceError where the spaces have more or fewer bits than the circuit.
    """
    if not isinstance(netlist, Netlist):
        raise LensError(explain(f"circuit({netlist!r:.60})", expected="a Netlist", do="read a term with to_netlist"))
    ins = whole_space(netlist, "inputs", dom, netlist.inputs)
    outs = whole_space(netlist, "outputs", cod, len(netlist.outputs))
    return Circuit(netlist, ins, outs).at(ins)


def from_netlist(netlist: Netlist, dom: Space | None = None, cod: Space | None = None) -> Typed:
    """The circuit as a term of single gates, for circuits small enough to be drawn; see `circuit`.

    Gates become `xor`, `conj`, `neg` and other tables of two bits; those that no output needs are left
    out. It takes time proportional to the number of gates times that of the wires side by side.
    """
    box = circuit(netlist, dom, cod)

    def draw(*wires: Any) -> Any:
        signals = [zero(Bits())()]
        for wire, array in zip(wires, box.dom, strict=True):
            signals += _scalars(wire, array.sizes)
        for x, y, table in zip(netlist.left.tolist(), netlist.right.tolist(), netlist.table.tolist(), strict=True):
            signals.append(_gate(table, signals[x], signals[y]))
        found = [signals[o] for o in netlist.outputs.tolist()]
        out, at = [], 0
        for array in box.cod:
            out.append(_array(found[at : at + array.size], array.sizes))
            at += array.size
        return tuple(out)

    return trace(draw, len(box.dom), prune=True).at(box.dom)


def _gate(table: int, x: Any, y: Any) -> Any:
    if table in (TABLES["0"], TABLES["1"]):
        return bit(table & 1)()
    if table in (TABLES["not"], 5):
        return neg(x if table == TABLES["not"] else y)
    if table in (TABLES["buf"], 10):
        return x if table == TABLES["buf"] else y
    return {TABLES["xor"]: xor, TABLES["and"]: conj}.get(table, Gate(table))(x, y)


def _scalars(wire: Any, sizes: Sequence[int]) -> list[Any]:
    """The bits of an array, a wire each."""
    names = " ".join(f"axis{i}" for i in range(len(sizes)))
    if not sizes:
        return [wire]
    parts = split(*[1] * int(np.prod(sizes)))(rearrange(f"{names} -> ({names})")(wire) if len(sizes) > 1 else wire)
    return [rearrange("1 ->")(w) for w in (parts if isinstance(parts, tuple) else (parts,))]


def _array(wires: Sequence[Any], sizes: Sequence[int]) -> Any:
    """The array of these sizes with these bits."""
    if not sizes:
        return wires[0]
    row = concatenate(parts=len(wires))(*(rearrange("-> 1")(w) for w in wires))
    names = [f"axis{i}" for i in range(len(sizes))]
    shape = dict(zip(names, sizes, strict=True))
    return row if len(sizes) == 1 else rearrange(f"({' '.join(names)}) -> {' '.join(names)}", **shape)(row)
