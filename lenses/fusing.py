"""Fusing: boxes of a typed graph that one box computes faster, as the same formal map.

A fusion is registered for the classes of boxes that follow each other, by a function that looks at their
cells and gives the box that stands for all of them; or for whole graphs. The parameters stay where they
were, under their names. Since the box is the same polynomial, it has the same reverse derivative: nothing
but the time shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .terms import Box
from .typed import Cell, Circuit

Fuse = Callable[[Sequence[Cell]], Box | None]
FUSIONS: dict[tuple[type[Box], ...], Fuse] = {}
"""What stands for boxes of these classes in a row, or None where these very ones cannot be fused."""


def fuses(*kinds: type[Box]) -> Callable[[Fuse], Fuse]:
    """Decorator: registers what stands for boxes of these classes in a row, each with one wire into the next."""

    def register(fuse: Fuse) -> Fuse:
        FUSIONS[kinds] = fuse
        return fuse

    return register


WHOLES: list[Callable[[Circuit], Box | None]] = []
"""What stands for a whole typed graph, or None where this one cannot be fused."""


def fuses_whole(fuse: Callable[[Circuit], Box | None]) -> Callable[[Circuit], Box | None]:
    """Decorator: registers what stands for a whole typed graph, a box with the graph inside."""
    WHOLES.append(fuse)
    return fuse


def fused(circuit: Circuit) -> Circuit:
    """The typed graph with what can be fused in it, and in the graphs inside its boxes; parameters as before."""
    circuit = _rows(circuit)
    box = next(filter(None, (fuse(circuit) for fuse in WHOLES)), None)
    if box is None:
        return circuit
    ins, outs = range(len(circuit.dom)), range(len(circuit.dom), len(circuit.dom) + len(circuit.cod))
    cell = Cell(box, tuple(ins), tuple(outs), circuit.dom, circuit.cod, 0, inner=circuit, shared=tuple(circuit.tied),
                whole=True)  # fmt: skip
    return replace(circuit, cells=[cell], outs=cell.outs)


def _rows(circuit: Circuit) -> Circuit:
    if not FUSIONS:
        return circuit
    cells = [_inside(cell) for cell in circuit.cells]
    makers, uses = {wire: cell for cell in cells for wire in cell.outs}, _uses(circuit)
    gone: set[int] = set()
    for cell in cells:
        for kinds, fuse in FUSIONS.items():
            row = _row(cell, kinds, makers, uses)
            box = fuse(row) if row else None
            if box is not None:
                gone |= {c.index for c in row[:-1]}
                cells[cell.index] = _one(row, box)
                makers |= dict.fromkeys(cell.outs, cells[cell.index])
    if not gone and all(new is old for new, old in zip(cells, circuit.cells, strict=True)):
        return circuit
    kept = [cell for cell in cells if cell.index not in gone]
    return replace(circuit, cells=[replace(cell, index=i) for i, cell in enumerate(kept)])


def _inside(cell: Cell) -> Cell:
    inner = None if cell.inner is None else _rows(cell.inner)
    return cell if inner is cell.inner else replace(cell, inner=inner)


def _uses(circuit: Circuit) -> dict[int, int]:
    uses: dict[int, int] = {}
    for wire in (*(w for cell in circuit.cells for w in cell.ins), *circuit.outs):
        uses[wire] = uses.get(wire, 0) + 1
    return uses


def _row(last: Cell, kinds: Sequence[type[Box]], makers: dict[int, Cell], uses: dict[int, int]) -> list[Cell]:
    """The cells of these classes in a row that ends in `last`, or none."""
    row, cell = [], last
    for at, kind in enumerate(reversed(kinds)):
        if not isinstance(cell.box, kind) or len(cell.outs) != 1 or (at and uses.get(cell.outs[0]) != 1):
            return []
        row.insert(0, cell)
        if at + 1 < len(kinds):
            maker = makers.get(cell.ins[0]) if len(cell.ins) == 1 else None
            if maker is None:
                return []
            cell = maker
    return row


def _one(row: Sequence[Cell], box: Box) -> Cell:
    """The cell of `box` in place of the row, with the place in the trees of the one that has one."""
    first, last = row[0], row[-1]
    named = next((cell for cell in row if cell.name or cell.whole), last)
    return replace(named, box=box, ins=first.ins, outs=last.outs, dom=first.dom, cod=last.cod, index=last.index,
                   ports=box.ports(first.dom), inner=None)  # fmt: skip
