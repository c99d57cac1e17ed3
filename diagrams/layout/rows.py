"""Rows: the height of every strand in a column. A strand that runs past keeps its row, unless pushed down."""

from __future__ import annotations

from collections.abc import Sequence

from lenses.spaces import Array, IndexElement
from lenses.strands import Strand

from .. import glyphs
from ..plan import Node
from ..styles import Style
from .model import CLEAR, OVER, PAD, TITLE, Column, Item, Laid, Row, Slot


def rows_of(node: Node, style: Style) -> list[Row]:
    """The rows of a node: one for each strand in, the strands out on the rows of those they come of."""
    into = node.turned if node.turned is not None and node.glyph == "plus" else range(len(node.dom))
    away = node.turned if node.turned is not None and node.glyph == "dot" else range(len(node.cod))
    ins = [(i, s) for i in into for s in style.slots(node.dom[i])]
    outs = [(j, s) for j in away for s in style.slots(node.cod[j])]
    rows = [Row(into=(node.ins[i], s)) for i, s in ins]
    source = _sources(node, style, ins, outs)
    placed: list[Row] = []
    free = 0
    for place in outs:
        slot = (node.outs[place[0]], place[1])
        k = source.get(place)
        if k is not None and k >= free:
            placed += rows[free : k + 1]
            rows[k].out = slot
            free = k + 1
        else:
            placed.append(Row(out=slot))
    placed += rows[free:]
    if not placed:
        placed = [Row()]
    placed[0].up, placed[-1].down = glyphs.of(node, style).margins(node, style)
    return placed


def _sources(
    node: Node, style: Style, ins: list[tuple[int, int]], outs: list[tuple[int, int]]
) -> dict[tuple[int, int], int]:
    """For each strand out, the number of the row in that it stands on if it can."""
    number = {place: k for k, place in enumerate(ins)}
    strands = style.strands(node)
    meet = max if style.merges_down(node) else min
    source = {place: meet(number[p] for p in strand.ins) for strand in strands if strand.ins for place in strand.outs}
    past = {place for strand in strands for place in strand.ins}
    begun = {place for strand in strands for place in strand.outs}
    for strand in _below_bar(node, strands, outs, begun):
        source = {place: k for place, k in source.items() if place not in strand.outs}
        source[max(strand.outs)] = max(number[place] for place in strand.ins)
    touched = [number[place] for place in ins if place not in past]
    source |= zip([place for place in outs if place not in begun], touched, strict=False)
    if not touched and node.glyph in ("einsum", "reduce"):  # a number leaves where axes are summed
        summed = [min(number[place] for place in strand.ins) for strand in strands if not strand.outs]
        source |= zip([place for place in outs if place not in begun], summed, strict=False)
    order = [source[place] for place in outs if place in source]
    if style.aligned(node) and order != sorted(order):
        return {place: k for k, place in enumerate(outs) if k < len(ins)}
    moved = style.displaced(node, number)
    return {place: moved.get(k, k) for place, k in source.items()}


def _below_bar(
    node: Node, strands: Sequence[Strand], outs: list[tuple[int, int]], begun: set[tuple[int, int]]
) -> list[Strand]:
    """The strands that merge or part at a bar and stand below it, as they come after the axes that it touches."""
    joins = node.glyph == "rearrange" and len(node.dom) != len(node.cod)
    barred = {axis for array, axis in outs if (array, axis) not in begun} if joins else set()
    return [s for s in strands if barred and len(s.ins) != len(s.outs) and min(s.outs)[1] > min(barred)]


def frame_row(laid: Laid) -> Row:
    """The one row of a rigid frame, at the height 0 of what is inside."""
    return Row(up=PAD + TITLE + CLEAR - laid.top, down=laid.bottom + PAD + CLEAR)


def settle(column: Column, laid: Laid, heights: dict[Slot, float], aims: dict[Slot, float]) -> None:
    """Gives every row its height: where its strand was, or as far below the row above as they must be apart.

    A wire that passes goes to the height in `aims`, at which it will be later, where nothing is in the way.
    """
    rows = [(item, k) for item in column.items for k in range(len(item.rows))]
    wanted = [want for item in column.items for want in _wanted(item, heights)]
    below: float | None = None
    for i in reversed(range(len(rows))):
        item, k = rows[i]
        row = item.rows[k]
        want = wanted[i]
        if item.node is None and row.into in aims and want is not None:
            most = aims[row.into] if below is None else min(aims[row.into], below)
            want = wanted[i] = max(want, most)
        if i:
            above = rows[i - 1][0].rows[rows[i - 1][1]]
            apart = _apart(item, k, above, laid)
            below = want - apart if want is not None else None if below is None else below - apart
    edge: float | None = None
    for i, (item, k) in enumerate(rows):
        row, want = item.rows[k], wanted[i]
        if edge is not None:
            above = rows[i - 1][0].rows[rows[i - 1][1]]
            least = edge + _apart(item, k, above, laid)
            row.y = least if want is None else max(want, least)
        else:
            row.y = 0.0 if want is None else want
        edge = row.y
    for item in column.items:
        ins, outs = ports(item, laid)
        column.before |= ins
        column.after |= outs


def _wanted(item: Item, heights: dict[Slot, float]) -> list[float | None]:
    """The heights at which the strands of an item's rows arrive; None for rows that begin here."""
    if item.laid is not None:
        for slot, offset in frame_ports(item)[0].items():
            return [heights[slot] - offset]
        return [None]
    wanted: list[float | None] = [None if r.into is None else heights[r.into] for r in item.rows]
    known = next((k for k, want in enumerate(wanted) if want is not None), None)
    if known is not None:
        for k in range(known):
            wanted[k] = heights[item.rows[known].into] - 20.0 * (known - k)  # type: ignore[index]
    return wanted


def _apart(item: Item, k: int, above: Row, laid: Laid) -> float:
    """How far the k-th row of an item must be from the one above it."""
    row, style = item.rows[k], laid.style
    least = max((laid.between(slot[0]) for slot in (row.into, row.out) if slot), default=style.array)
    if k == 0 and style.dashes:  # a dash runs between
        stands = item.node is not None and item.node.on_stub and item.node.glyph != "einsum"
        up = max(row.up, OVER) if stands else row.up  # it stands on its wire where the stub has no room for it
        return max(least, max(style.array / 2, above.down + 2.0) + 2.0 + up)
    if k == 0:
        return max(style.array, above.down + row.up)
    if not style.axes and item.node is not None and item.node.glyph == "plus" and style.meets(item.node):
        return 0.45 * style.array  # summands of a string diagram merge at once
    sides = (above.into, row.into), (above.out, row.out)
    parts = any(a is not None and b is not None and a[0] != b[0] for a, b in sides)
    return max(least if parts else style.axis, above.down + row.up)


def ports(item: Item, laid: Laid) -> tuple[dict[Slot, float], dict[Slot, float]]:
    """The heights of the strands of an item on its two sides."""
    if item.laid is not None:
        y = item.rows[0].y
        ins, outs = frame_ports(item)
        return {slot: y + d for slot, d in ins.items()}, {slot: y + d for slot, d in outs.items()}
    return {r.into: r.y for r in item.rows if r.into}, {r.out: r.y for r in item.rows if r.out}


def missing(node: Node, style: Style) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How many axes of each array that comes to a part, and that leaves it, are not inside."""

    def count(arrays: Sequence[Array], links: Sequence[Sequence[int]] | None) -> tuple[int, ...]:
        if links is None:
            return (0,) * len(arrays)
        return tuple(
            len([s for s in style.slots(array) if s >= 0 and s not in linked])
            for array, linked in zip(arrays, links, strict=True)
        )

    return count(node.dom, node.enters), count(node.cod, node.leaves)


def frame_ports(item: Item) -> tuple[dict[Slot, float], dict[Slot, float]]:
    """Where the strands outside meet a frame, relative to its row; axes that are not inside end above the others."""
    node, laid = item.node, item.laid
    assert node is not None and laid is not None
    result: list[dict[Slot, float]] = []
    for wires, arrays, inner, links in (
        (node.ins, node.dom, laid.ins, node.enters),
        (node.outs, node.cod, laid.outs, node.leaves),
    ):
        found: dict[Slot, float] = {}
        for i, (w, array) in enumerate(zip(wires, arrays, strict=True)):
            if links is None:
                found |= {(w, s): y for s, y in inner[i].items()}
                continue
            linked = {outer: k for k, outer in enumerate(links[i])}
            top = min(inner[i].values(), default=0.0)
            missing = 0
            for s in laid.style.slots(array):
                if s in linked:
                    found[w, s] = inner[i][linked[s]]
                elif s < 0 and (isinstance(array.element, IndexElement) or not laid.style.axes):
                    found[w, s] = inner[i][-1]
                else:
                    missing += 1
                    found[w, s] = top - laid.style.axis * missing
        result.append(found)
    return result[0], result[1]
