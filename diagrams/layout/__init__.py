"""The layout: from a plan to a scene, one fold from left to right.

1. Columns: a box stands one column after the last of those it needs (`columns`).
2. Order: the arrays alive between two columns are a list; a box takes the place of the mean of its
   inputs in it, so wires cross only where the wiring does.
3. Rows: in a column every strand has a row. A strand that runs past a box keeps its row on both
   sides, so it is drawn straight. Rows keep their heights from column to column unless they are
   pushed down; a second pass lets a wire that will be pushed down go there at once (`rows`).
4. Places: columns get the widths of their glyphs, and the gaps between them those of labels and
   curves (`places`).
5. The scene is written at those places (`emit`, `dashes`), and a long one cut into rows (`wrapping`).

Parts that are opened are laid out first, by the same fold, and stand in the outer one as a rigid
frame. Each step is linear in the number of wires alive in its columns, and nothing depends on chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..plan import Node, Plan
from ..styles import Style
from .columns import by_column, column_of
from .emit import scene_of
from .model import HOOK, PAD, Column, Laid, Slot
from .places import place
from .rows import frame_row, missing, settle
from .wrapping import Rows, wrapped

__all__ = ["Laid", "Rows", "lay", "scene_of", "wrapped"]


def lay(
    plan: Plan,
    style: Style,
    framed: Sequence[float] | None = None,
    side: float = PAD,
    outside: tuple[Sequence[int], Sequence[int]] = ((), ()),
) -> Laid:
    """Lays a plan out, in one line.

    `framed`: it stands in a frame, and these are the heights at which its strands come in, as far as they
    leave room for each other; its ends need no labels. `side` is the room at its sides; `outside` how many axes
    of each array that comes in, and that leaves, end at the frame.
    """
    arrays = dict(enumerate(plan.dom))
    for node in plan.nodes:
        arrays |= zip(node.outs, node.cod, strict=True)
    laid = Laid(plan, style, arrays, framed is not None, side)
    user = {w: node for node in plan.nodes for w in node.ins}
    if style.axes:
        _mark_stubs(plan, user)
    start = laid.stack(list(range(len(plan.dom))), framed or (), outside[0])
    laid.ins = [{s: start[w, s] for s in laid.slots(w)} for w in range(len(plan.dom))]
    middle = _columns(laid, start, user)
    aims: dict[Slot, float] = {}
    heights = _settle(laid, middle, start, aims)
    if _turn_copies(laid, aims):
        middle = _columns(laid, start, user)
        aims = {}
        _settle(laid, middle, start, aims)
    heights = _settle(laid, middle, start, aims)
    live = [w for item in middle[-1].items for w in item.wires] if middle[1:] else list(range(len(plan.dom)))
    laid.columns = [*middle, _end(laid, live, heights, outside[1])]
    place(laid)
    return laid


def _columns(laid: Laid, start: dict[Slot, float], user: dict[int, Node]) -> list[Column]:
    """The columns with what is in them from the top; the first is the left edge."""
    columns = [Column([], [], {}, start)]
    live = list(range(len(laid.plan.dom)))
    for nodes in by_column(laid.plan):
        columns.append(column_of(laid, live, nodes, user))
        live = [w for item in columns[-1].items for w in item.wires]
    return columns


def _settle(
    laid: Laid, columns: list[Column], heights: dict[Slot, float], aims: dict[Slot, float]
) -> dict[Slot, float]:
    """Gives the rows of all columns their heights, notes in `aims` how low each strand gets, and returns the last."""
    for column in columns[1:]:
        _open_parts(column, laid, heights)
        settle(column, laid, heights, aims)
        heights = column.after
        aims |= {slot: y for slot, y in column.before.items() if y > aims.get(slot, y - 1.0)}
    return heights


def _turn_copies(laid: Laid, aims: dict[Slot, float]) -> bool:
    """Orders the outputs of each copy as they are used, from the top; whether any changed."""
    changed = False
    for node in laid.plan.nodes:
        if node.glyph == "dot" and len(node.outs) > 1:
            ends = [aims.get((w, laid.slots(w)[0]), math.inf) for w in node.outs]
            turned = tuple(sorted(range(len(ends)), key=ends.__getitem__))
            changed |= turned != (node.turned or tuple(range(len(ends))))
            node.turned = turned
    return changed


def _open_parts(column: Column, laid: Laid, heights: dict[Slot, float]) -> None:
    """Lays out the parts that are opened in a column, to fit the heights at which wires come to it."""
    for item in column.items:
        node = item.node
        if node is None or node.inner is None:
            continue
        at: tuple[float, ...] = ()
        if node.enters is None:
            at = tuple(heights[w, s] for w in node.ins for s in laid.slots(w))
            at = tuple(round(y - at[0], 3) for y in at)
        if (node.address, at) not in laid.parts:
            side = HOOK if "again" in dict(node.data) else PAD
            laid.parts[node.address, at] = lay(node.inner, laid.style, at, side, missing(node, laid.style))
        item.laid = laid.parts[node.address, at]
        item.rows = [frame_row(item.laid)]


def _mark_stubs(plan: Plan, user: dict[int, Node]) -> None:
    """Marks products that leave by an arrow on which the next box is written, and those boxes."""
    for node in plan.nodes:
        if node.glyph == "einsum" and len([s for s in node.strands if not s.outs and len(s.ins) == 2]) == 1:
            after = user.get(node.outs[0])
            if after is not None and node.cod[0].rank and after.glyph in ("scale", "pointwise") and len(after.ins) == 1:
                after.on_stub = node.on_stub = True


def _end(laid: Laid, live: list[int], heights: dict[Slot, float], outside: Sequence[int]) -> Column:
    """The last column: the outputs in their order, the axes of each as close as they were at the start, with room
    for those that begin at the frame, as many of each as in `outside`."""
    column = Column([], live)
    edge: float | None = None
    for n, w in enumerate(laid.plan.outs):
        slots = laid.slots(w)
        at = [heights[w, s] for s in slots]
        for k in reversed(range(len(slots) - 1)):
            at[k] = at[k + 1] - laid.style.axis
        least = laid.between(w, outside[n] if outside else 0)
        if edge is not None and at[0] < edge + least:
            at = [y + edge + least - at[0] for y in at]
        column.before |= {(w, s): y for s, y in zip(slots, at, strict=True)}
        laid.outs.append(dict(zip(slots, at, strict=True)))
        edge = at[-1]
    column.after = column.before
    return column
