"""Terms over bits alone, run packed where that pays: read once as a circuit, whose last inputs are the parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ...boxes.structure import Add
from ...combinators.loops import Loop
from ...combinators.parametrised import Para
from ...combinators.parts import Composite
from ...errors import LensError
from ...fusing import fuses_whole
from ...interpret import Cx, Side, split_tied
from ...spaces import Bits, ResidueElement, Space
from ...terms import Box, Term
from ...trees import leaves, nest, pick, whole
from ...typed import Cell, Circuit, Typed
from ..gates import xor
from ..netlist import Netlist
from ..reading import to_netlist
from ..tables import lookup
from .arrays import batch, count, parted, reverse_arrays, run_arrays

SAMPLES = 1024
"""The fewest samples for which reading a term as a circuit pays."""
WORTH = 4
"""How many operations there are to be for each bit that goes in or out, for packing these to pay."""
POINTWISE = 1 / 16
"""What an operation on each element counts as, since XLA does many of them in one run through memory."""
RUN = 16
"""The elements of an array for which that is so."""
MOST = 2**20
"""The most operations of a term that is read as a circuit, which takes a second."""
DENSE = 16
"""The most gates for an operation, where a table, say, is one entry to read and many gates."""


class Packed(Composite):
    """The term `term`, over bits alone; large batches of samples go through it as a circuit on packed words.

    It stands for all of a term that is compiled under backprop, where packing pays; the results are the same.
    """

    glyph: ClassVar[str] = "block"
    term: Term

    def spell(self) -> str:
        return f"Packed({self.term!r})"

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [Packed(lookup(2)).at(Bits(2)), Packed(xor).at(Bits(), Bits())]

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        netlist = self._netlist(cx, xs)
        if netlist is None:
            return super().run(cx, p, xs)
        return tuple(run_arrays(netlist, xs, cx.dom, cx.cod, _shared(cx.inner, p))), {}

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        if self._netlist(cx, xs) is None:
            return super().forward(cx, p, xs)
        return *self.run(cx, p, xs), Inputs(tuple(xs))

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        if not isinstance(kept, Inputs):
            return super().backward(cx, p, kept, ds)
        lead, netlist = batch(kept.xs, cx.dom), self._netlist(cx, kept.xs)
        assert netlist is not None
        level = [jnp.broadcast_to(0 if d is None else d, (*lead, *a.sizes)) for d, a in zip(ds, cx.cod, strict=True)]
        dxs, shared = reverse_arrays(netlist, kept.xs, level, cx.dom, cx.cod, _shared(cx.inner, p))
        paths, params = _parameters(cx.inner)
        changes = nest(paths, parted(shared[None].astype(jnp.int32), params, ()) if paths else [])
        own, tied = split_tied(cx.inner, changes)
        cx.use(tied)
        return own, dxs

    def _netlist(self, cx: Cx, xs: Sequence[Any]) -> Netlist | None:
        """The circuit for arrays with the same batch axes and enough samples; None for others, or if none pays."""
        leads = {x.shape[: x.ndim - a.rank] for x, a in zip(xs, cx.dom, strict=True)}
        return read(Typed(self.term, cx.dom)) if len(leads) == 1 and count(leads.pop()) >= SAMPLES else None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Inputs:
    """What a packed pass keeps: what went in."""

    xs: tuple[Any, ...]


def _parameters(circuit: Circuit) -> tuple[list[tuple[str, ...]], Space]:
    """The paths of the parameters in their tree, and their arrays."""
    ports = list(leaves(whole(circuit)))
    return [path for path, _ in ports], Space(port.array for _, port in ports)


def _shared(circuit: Circuit, p: Side) -> Any:
    """The bits of the parameters, the last inputs of the circuit."""
    paths, _ = _parameters(circuit)
    return jnp.concatenate([jnp.ravel(pick(p.shared | p.params, path)) for path in paths]) if paths else None


@lru_cache(64)
def read(term: Typed) -> Netlist | None:
    """The term as a circuit; None where it is none, or has many more gates than the term has operations."""
    try:
        with jax.ensure_compile_time_eval():  # what is read are signals, whatever is being traced around
            netlist = to_netlist(term)
    except LensError:  # a box that is no circuit
        return None
    return netlist if netlist.gates <= DENSE * work(term.circuit) else None


@fuses_whole
def _packed(circuit: Circuit) -> Box | None:
    """Packed words for a term of bits that has enough operations for each bit that goes in or out."""
    arrays = [*circuit.dom, *circuit.cod, *(port.array for _, port in leaves(whole(circuit)))]
    if any(a.element != ResidueElement(2) for a in arrays) or not len(circuit.dom) or circuit.states or circuit.keyed:
        return None
    if any(isinstance(cell.box, Para) and cell.box.changes for cell in circuit.cells):  # they leave to the side
        return None
    wires = sum(a.size for a in (*circuit.dom, *circuit.cod))
    return Packed(circuit.term) if WORTH * wires <= work(circuit) <= MOST else None


def work(circuit: Circuit) -> float:
    """The operations of one sample, those on each element being cheap."""
    total = 0.0
    for cell in circuit.cells:
        if cell.inner is not None and isinstance(cell.box, Composite) and not isinstance(cell.box, Loop):
            total += work(cell.inner) * cell.box.runs(cell.dom)
        else:
            total += cell.box.flops(cell.dom) * (POINTWISE if _cheap(cell) else 1)
    return total


def _cheap(cell: Cell) -> bool:
    """Whether it works on each element of arrays that lie together, samples or elements side by side."""
    pointwise = cell.box.elementwise or isinstance(cell.box, Add)
    return pointwise and all(not a.rank or a.size >= RUN for a in cell.cod)
