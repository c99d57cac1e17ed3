"""Expanding: which part of a term an equation is about, and what is closed on its left side."""

from __future__ import annotations

from lenses.errors import LensError, explain, shown
from lenses.syntax import shorten
from lenses.typed import Cell, Typed

from .plan import is_part, long_form


def _name(cell: Cell) -> str:
    """The name of a cell in a path."""
    return cell.name or cell.box.label


def part_at(typed: Typed, path: str) -> Typed:
    """The part of a term at a path, typed where it stands; the term itself at an empty one."""
    if not path:
        return typed
    cell, circuit = None, typed.circuit
    for name in path.split("/"):
        cells = {} if circuit is None else {_name(cell): cell for cell in reversed(circuit.cells)}
        if name not in cells:
            have = ", ".join(sorted(cells)[:12]) or "none"
            raise LensError(explain(f"expansion: there is no part {path!r}", came=shown(name), parts=have))
        cell = cells[name]
        circuit = cell.inner
    assert cell is not None
    return cell.box.at(cell.dom)


def parts_of(part: Typed) -> list[str]:
    """The names of what can be drawn opened in a term, convolutions aside.

    Raises LensError where there is neither such a part nor a convolution or pooling that has a long form.
    """
    cells = part.circuit.cells
    parts = {_name(cell) for cell in cells if is_part(cell)}
    if not parts and not any(long_form(cell) is not None for cell in cells):
        have = ", ".join(map(_name, cells)) or "none"
        raise LensError(explain("expansion: there is nothing to open", drawn=shorten(part.term), boxes=have))
    return sorted(parts)
