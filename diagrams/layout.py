"""The layout: from a plan to a scene, one fold from left to right.

1. Columns: a box stands one column after the last of those it needs.
2. Order: the arrays alive between two columns are a list; a box takes the place of the mean of its
   inputs in it, so wires cross only where the wiring does.
3. Rows: in a column every strand has a row. A strand that runs past a box keeps its row on both
   sides, so it is drawn straight. Rows keep their heights from column to column unless pushed down.
4. Places: columns get the widths of their glyphs, and the gaps between them those of labels and curves.

Parts that are opened are laid out first, by the same fold, and stand in the outer one as a rigid
frame. Each step is linear in the number of wires alive in its columns, and nothing depends on chance.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from lenses.spaces import Array, IndexElement

from . import glyphs
from .plan import Node, Plan
from .scene import Address, Curve, Dash, Frame, Label, Point, Scene, Wire
from .styles import Style
from .text import clip, width

AXIS = 20.0
"""The distance between the axes of an array."""
ARRAY = 30.0
"""The distance between arrays."""
PAD = 10.0
"""The space around what is inside a frame."""
TITLE = 16.0
"""The height of a frame's title."""
RELABEL = 420.0
"""The distance after which a wire that runs on is labelled again."""

Slot = tuple[int, int]
"""A strand between columns: (wire, axis), with -1 for a number, an index or a whole array."""


@dataclass
class Row:
    """A height in a column: the strand that comes in there and the one that leaves, of wires or of a glyph's ports."""

    into: Slot | None = None
    out: Slot | None = None
    up: float = 0.0
    down: float = 0.0
    y: float = 0.0


@dataclass
class Item:
    """What stands in a column: a node with its rows, or a wire that passes."""

    node: Node | None
    wires: tuple[int, ...]
    rows: list[Row]
    laid: Laid | None = None


@dataclass
class Column:
    """A column of items; `before` and `after` give the height of each strand on its two sides."""

    items: list[Item]
    width: float = 0.0
    x: float = 0.0
    order: list[int] = field(default_factory=list)
    before: dict[Slot, float] = field(default_factory=dict)
    after: dict[Slot, float] = field(default_factory=dict)
    labels: list[Slot] = field(default_factory=list)
    label_width: float = 0.0
    curve_width: float = 0.0


@dataclass
class Laid:
    """A plan with its places, relative to its upper left corner at height 0."""

    plan: Plan
    arrays: dict[int, Array]
    columns: list[Column]
    width: float = 0.0
    top: float = 0.0
    bottom: float = 0.0
    ins: list[dict[int, float]] = field(default_factory=list)
    outs: list[dict[int, float]] = field(default_factory=list)
    framed: bool = False


def lay(plan: Plan, style: Style, framed: bool = False) -> Laid:
    """Lays a plan out. `framed`: it stands in a frame, so its inputs need no labels."""
    arrays = dict(enumerate(plan.dom))
    for node in plan.nodes:
        arrays |= zip(node.outs, node.cod, strict=True)
    laid = Laid(plan, arrays, [], framed=framed)
    inside = {id(n): lay(n.inner, style, True) for n in plan.nodes if n.inner is not None}
    user = {w: node for node in plan.nodes for w in node.ins}
    for node in plan.nodes if style.axes else ():
        if node.glyph == "einsum" and len([s for s in node.strands if not s.outs and len(s.ins) == 2]) == 1:
            follows = user.get(node.outs[0])
            if follows is not None and follows.glyph in ("scale", "pointwise") and len(follows.ins) == 1:
                follows.on_stub = node.on_stub = True
    live = list(range(len(plan.dom)))
    heights = _stack([(w, arrays[w]) for w in live], style)
    laid.ins = [{s: heights[w, s] for s in style.slots(arrays[w])} for w in live]
    start = Column([], order=live, after=heights)
    start.labels = [] if framed and not style.labels_inside else list(heights)
    laid.columns = [start]
    for nodes in _columns(plan):
        live, column = _column(live, nodes, heights, arrays, inside, style, user)
        laid.columns.append(column)
        heights = column.after
    laid.columns.append(_end(laid, style, live, heights, framed))
    _places(laid, style)
    return laid


# -- columns and order -----------------------------------------------------------------------


def _columns(plan: Plan) -> list[list[Node]]:
    """The nodes by column: after what they need; those that need nothing just before where they are used."""
    made: dict[int, int] = {w: -1 for w in range(len(plan.dom))}
    place: list[int] = []
    for node in plan.nodes:
        at = 1 + max((made[w] for w in node.ins), default=-1)
        place.append(at)
        made |= dict.fromkeys(node.outs, at)
    user = {w: i for i, node in enumerate(plan.nodes) for w in node.ins}
    last = max(place, default=-1)
    for i in reversed(range(len(plan.nodes))):
        node = plan.nodes[i]
        if not node.ins and node.outs:
            place[i] = max(min(place[user[w]] if w in user else last + 1 for w in node.outs) - 1, 0)
            if any(w in user and place[user[w]] <= place[i] for w in node.outs):
                place[i] = -1
    shift = 1 if -1 in place else 0
    columns: list[list[Node]] = [[] for _ in range(last + 1 + shift)]
    for node, at in zip(plan.nodes, place, strict=True):
        columns[at + shift].append(node)
    return columns


def _column(
    live: list[int],
    nodes: Sequence[Node],
    heights: dict[Slot, float],
    arrays: dict[int, Array],
    inside: dict[int, Laid],
    style: Style,
    user: dict[int, Node],
) -> tuple[list[int], Column]:
    position = {w: i for i, w in enumerate(live)}
    taken = {w for node in nodes for w in node.ins}
    keyed: list[tuple[float, int, Item]] = []
    for w in live:
        if w not in taken:
            rows = [Row((w, s), (w, s), *style.margin(arrays[w])) for s in style.slots(arrays[w])]
            keyed.append((position[w], 0, Item(None, (w,), rows)))
    for node in nodes:
        if node.ins:
            key = sum(position[w] for w in node.ins) / len(node.ins)
        else:
            key = _near(node, user, position, len(live))
        laid = inside.get(id(node))
        rows = _frame_rows(node, laid, style) if laid is not None else _rows(node, style)
        keyed.append((key, 1, Item(node, node.outs, rows, laid)))
    keyed.sort(key=lambda entry: entry[:2])
    column = Column([item for _, _, item in keyed], order=live)
    _heights(column, heights, style)
    return [w for item in column.items for w in item.wires], column


def _near(node: Node, user: dict[int, Node], position: dict[int, int], end: int) -> float:
    """Where a box without inputs stands: beside its neighbours at the box that uses it."""
    for w in node.outs:
        if w in user:
            ins = user[w].ins
            at = ins.index(w)
            for other in reversed(ins[:at]):
                if other in position:
                    return position[other] + 0.25
            for other in ins[at + 1 :]:
                if other in position:
                    return position[other] - 0.25
    return end


# -- rows ------------------------------------------------------------------------------------


def _rows(node: Node, style: Style) -> list[Row]:
    """The rows of a node: one for each strand in, the strands out on the rows of those they come of."""
    ins = [(i, s) for i, a in enumerate(node.dom) for s in style.slots(a)]
    outs = [(j, s) for j, a in enumerate(node.cod) for s in style.slots(a)]
    rows = [Row(into=(node.ins[i], s)) for i, s in ins]
    number = {place: k for k, place in enumerate(ins)}
    source: dict[tuple[int, int], int] = {}
    strands = style.strands(node)
    last = style.merges_down(node)
    for strand in strands:
        if strand.ins:
            for place in strand.outs:
                source[place] = number[strand.ins[-1 if last else 0]]
    past = {place for strand in strands for place in strand.ins}
    touched = [number[place] for place in ins if place not in past]
    ended = {place for strand in strands for place in strand.outs}
    fresh = [place for place in outs if place not in ended]
    for place, k in zip(fresh, touched, strict=False):
        source[place] = k
    for k, moved in style.displaced(node, number).items():
        for place, at in source.items():
            if at == k:
                source[place] = moved
    if style.aligned(node):
        source = {place: k for k, place in enumerate(outs) if k < len(ins)}
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
    up, down = glyphs.of(node, style).margins(node, style)
    placed[0].up, placed[-1].down = up, down
    return placed


def _frame_rows(node: Node, laid: Laid, style: Style) -> list[Row]:
    """The one row of a rigid frame, at the height 0 of what is inside."""
    return [Row(up=PAD + TITLE - laid.top, down=laid.bottom + PAD)]


def _heights(column: Column, heights: dict[Slot, float], style: Style) -> None:
    """Gives every row its height: where its strand was, or as far below the row above as they must be apart."""
    previous: Row | None = None
    edge = 0.0
    for item in column.items:
        wanted = _wanted(item, heights)
        for k, row in enumerate(item.rows):
            want = wanted[k]
            if previous is not None:
                apart = _apart(item, k, previous, row, style)
                least = edge + apart
                row.y = least if want is None else max(want, least)
            else:
                row.y = 0.0 if want is None else want
            previous, edge = row, row.y
        _ports(column, item)


def _wanted(item: Item, heights: dict[Slot, float]) -> list[float | None]:
    if item.laid is not None and item.node is not None:
        offsets = _frame_ports(item, item.laid)[0]
        for slot, offset in offsets.items():
            if slot in heights:
                return [heights[slot] - offset]
        return [None]
    wanted: list[float | None] = [None if r.into is None else heights[r.into] for r in item.rows]
    known = next((k for k, want in enumerate(wanted) if want is not None), None)
    if known is not None:
        for k in reversed(range(known)):
            wanted[k] = wanted[known] - AXIS * (known - k)  # type: ignore[operator]
    return wanted


def _apart(item: Item, k: int, above: Row, row: Row, style: Style) -> float:
    """How far a row must be from the one above it."""
    if k == 0:  # twice the room, since a dash runs in the middle
        return max(style.array, 2.0 * row.up - 2.0 if style.dashes else 0.0, above.down + row.up)
    kept = style.array if _parts(above.into, row.into) or _parts(above.out, row.out) else style.axis
    return max(kept, above.down + row.up)


def _parts(a: Slot | None, b: Slot | None) -> bool:
    """Whether two strands belong to different arrays, so that a dash runs between them."""
    return a is not None and b is not None and a[0] != b[0]


def _ports(column: Column, item: Item) -> None:
    if item.laid is not None:
        ins, outs = _frame_ports(item, item.laid)
        y = item.rows[0].y
        column.before |= {slot: y + offset for slot, offset in ins.items()}
        column.after |= {slot: y + offset for slot, offset in outs.items()}
        return
    for row in item.rows:
        if row.into is not None:
            column.before[row.into] = row.y
        if row.out is not None:
            column.after[row.out] = row.y


def _frame_ports(item: Item, laid: Laid) -> tuple[dict[Slot, float], dict[Slot, float]]:
    """Where the strands outside meet a frame, relative to its row; axes that are not inside end above the others."""
    node = item.node
    assert node is not None
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
            for s in range(array.rank):
                if s in linked:
                    found[w, s] = inner[i][linked[s]]
                else:
                    missing += 1
                    found[w, s] = top - AXIS * missing
            if isinstance(array.element, IndexElement):
                found[w, -1] = inner[i][-1]
        result.append(found)
    return result[0], result[1]


def _stack(wires: Sequence[tuple[int, Array]], style: Style) -> dict[Slot, float]:
    """Heights for arrays below each other, evenly."""
    heights: dict[Slot, float] = {}
    y = -style.array
    for w, array in wires:
        y += style.array
        for k, s in enumerate(style.slots(array)):
            y += style.axis if k else 0.0
            heights[w, s] = y
    return heights


def _end(laid: Laid, style: Style, live: list[int], heights: dict[Slot, float], framed: bool) -> Column:
    """The last column: the outputs in their order, the axes of each as close as they were at the start."""
    column = Column([], order=live)
    y = None
    for w in laid.plan.outs:
        slots = style.slots(laid.arrays[w])
        at = [heights[w, s] for s in slots]
        for k in reversed(range(len(slots) - 1)):
            at[k] = at[k + 1] - style.axis
        if y is not None and at and at[0] < y + style.array:
            at = [a + y + style.array - at[0] for a in at]
        column.before |= {(w, s): a for s, a in zip(slots, at, strict=True)}
        laid.outs.append(dict(zip(slots, at, strict=True)))
        y = at[-1] if at else y
    column.after = column.before
    column.labels = [] if framed else list(column.before)
    return column


# -- places ----------------------------------------------------------------------------------


def _places(laid: Laid, style: Style) -> None:
    """The widths of columns and of the gaps between them, and the extent of the whole."""
    x = 0.0
    seen: dict[Slot, float] = {}
    top, bottom = 0.0, 0.0
    for place, column in enumerate(laid.columns):
        first, last = place == 0, place == len(laid.columns) - 1
        if not first:
            before = laid.columns[place - 1]
            bent = max(
                (abs(column.before[s] - before.after[s]) for s in column.before if s in before.after), default=0.0
            )
            column.curve_width = min(max(14.0 + 0.55 * bent, 24.0), 90.0) if bent > 0.5 else 0.0
            x += before.label_width + column.curve_width
            x += style.gap if before.label_width + column.curve_width == 0 else 0.0
            column.x = x
            column.width = max((_op_width(item, style) for item in column.items), default=0.0)
            x += column.width
            column.labels = _last_labels(column, before, seen, x) if last else _labels(column, laid, style, seen, x)
        if not last or column.labels:
            seen |= {slot: x for slot in column.labels}
        texts = [style.label(laid.arrays[w], s, first) for w, s in column.labels]
        column.label_width = max((width(t, style.label_size) + 10.0 for t in texts if t), default=0.0)
        if laid.framed and (first or last):
            column.label_width = max(column.label_width, PAD)
        for item in column.items:
            for row in item.rows:
                top, bottom = min(top, row.y - row.up), max(bottom, row.y + row.down)
        for y in (*column.before.values(), *column.after.values()):
            top, bottom = min(top, y - style.label_size - 2), max(bottom, y + 4.0)
    last = laid.columns[-1]
    x += last.label_width
    laid.width, laid.top, laid.bottom = x, top, bottom


def _op_width(item: Item, style: Style) -> float:
    if item.node is None:
        return 0.0
    if item.laid is not None:
        return item.laid.width
    least = glyphs.of(item.node, style).width(item.node, style)
    heights = {row.into: row.y for row in item.rows if row.into} | {}
    number = {(i, s): heights[w, s] for i, w in enumerate(item.node.ins) for s in style.slots(item.node.dom[i])}
    out = {row.out: row.y for row in item.rows if row.out}
    leaving = {(j, s): out[w, s] for j, w in enumerate(item.node.outs) for s in style.slots(item.node.cod[j])}
    bent = max(
        (abs(number[a] - leaving[b]) for st in style.strands(item.node) for a in st.ins for b in st.outs), default=0.0
    )
    return max(least, min(20.0 + 0.5 * bent, 90.0)) if bent > 0.5 else least


def _last_labels(column: Column, before: Column, seen: dict[Slot, float], x: float) -> list[Slot]:
    """The outputs that are labelled: those whose label is not in sight on the same height."""
    return [
        slot
        for slot in column.labels
        if abs(column.before[slot] - before.after[slot]) > 0.5 or x - seen.get(slot, x - 200.0) > 120.0
    ]


def _labels(column: Column, laid: Laid, style: Style, seen: dict[Slot, float], x: float) -> list[Slot]:
    """The strands that are labelled after a column: new ones, and those that would be lost."""
    shown: list[Slot] = []
    for item in column.items:
        if item.laid is not None and item.node is not None:
            shown += _new_of_frame(item.node, column, laid, style, seen, x)
            continue
        for row in item.rows:
            slot, origin = row.out, row.into
            if slot is None:
                continue
            straight = origin is not None and style.alike(
                laid.arrays[origin[0]], origin[1], laid.arrays[slot[0]], slot[1]
            )
            if straight and x - seen.get(origin, x - RELABEL - 1) <= RELABEL:
                seen[slot] = seen[origin]
            else:
                shown.append(slot)
    return shown


def _goes_on(a: Slot, b: Slot, laid: Laid, style: Style, seen: dict[Slot, float], x: float) -> bool:
    """Whether strand `b` goes on where `a` ended, with the same label, which is still in sight at `x`."""
    return a in seen and x - seen[a] < RELABEL and style.alike(laid.arrays[a[0]], a[1], laid.arrays[b[0]], b[1])


def _new_of_frame(
    node: Node, column: Column, laid: Laid, style: Style, seen: dict[Slot, float], x: float
) -> list[Slot]:
    shown: list[Slot] = []
    for j, w in enumerate(node.outs):
        for s in style.slots(laid.arrays[w]):
            a = (node.ins[j] if j < len(node.ins) else -1, s)
            level = a in column.before and abs(column.before[a] - column.after[w, s]) < 0.5
            if level and _goes_on(a, (w, s), laid, style, seen, x - column.width):
                seen[w, s] = x - column.width
            else:
                shown.append((w, s))
    return shown


# -- the scene -------------------------------------------------------------------------------


def scene_of(laid: Laid, style: Style, title: str = "") -> Scene:
    """The scene of a laid out plan, with its inputs named on the left."""
    scene = Scene(0.0, 0.0, style.name, title)
    names = laid.plan.names
    left = max((width(n, 15.0) + 10.0 for n in names if n), default=0.0) + PAD
    head = TITLE + 8.0 if title else 0.0
    dx, dy = left, PAD + head - laid.top
    _Emit(scene, style).plan(laid, dx, dy, 0)
    for i, name in enumerate(names):
        if name and i < len(laid.ins):
            at = list(laid.ins[i].values())
            y = dy + (at[0] + at[-1]) / 2 + 5.0
            scene.labels.append(Label(name, left - 6.0, y, "end", 15.0, "input", name, width(name, 15.0), italic=True))
    scene.width, scene.height = dx + laid.width + PAD, dy + laid.bottom + PAD
    if title:
        scene.labels.append(Label(title, PAD, PAD + 12.0, "start", 13.0, "title", title, width(title, 13.0), bold=True))
        scene.width = max(scene.width, 2 * PAD + width(title, 13.0, True))
    return scene


class _Emit:
    """Writes laid out plans into a scene, at their places."""

    def __init__(self, scene: Scene, style: Style):
        self.scene, self.style = scene, style
        self.address: Address = ()
        self.stems: dict[tuple[Address, int], Any] = {}

    def plan(self, laid: Laid, dx: float, dy: float, depth: int) -> None:
        self.wires(laid, dx, dy)
        if self.style.dashes:
            self.dashes(laid, dx, dy)
        self.labels(laid, dx, dy)
        for column in laid.columns:
            for item in column.items:
                if item.node is None:
                    continue
                if item.laid is not None:
                    self.frame(item, column, dx, dy, depth)
                else:
                    self.glyph(item, column, dx + column.x, dy)

    def wires(self, laid: Laid, dx: float, dy: float) -> None:
        open_: dict[Slot, list[tuple[Any, ...]]] = {}
        previous = laid.columns[0]
        end = previous.x + previous.width
        for slot, y in previous.after.items():
            open_[slot] = [("M", dx + end, dy + y)]
        for column in laid.columns[1:]:
            right = dx + column.x
            left = right - column.curve_width
            for slot, y in column.before.items():
                path = open_[slot]
                before = previous.after[slot]
                if abs(before - y) > 0.01:
                    _line(path, left, dy + before)
                    middle = (left + right) / 2
                    path.append(("C", middle, dy + before, middle, dy + y, right, dy + y))
                else:
                    _line(path, right, dy + y)
            passing = {r.out for item in column.items if item.node is None for r in item.rows if r.out}
            far = right + column.width
            last = column is laid.columns[-1]
            for slot in column.before:
                if slot in passing:
                    _line(open_[slot], far, dy + column.after[slot])
                else:
                    path = open_.pop(slot)
                    if last:
                        _line(path, dx + laid.width, dy + column.before[slot])
                    self.wire(laid, slot, tuple(path))
            for slot, y in column.after.items():
                if slot not in open_ and not last:
                    open_[slot] = [("M", far, dy + y)]
            previous = column

    def wire(self, laid: Laid, slot: Slot, curve: Curve) -> None:
        w, s = slot
        array = laid.arrays[w]
        name, size = (array.names[s] or "", array.sizes[s]) if s >= 0 else ("", 0)
        kind = self.style.kind(array, s)
        self.scene.wires.append(Wire(kind, w, s, name, size, curve, laid.plan.address, title=repr(array)))

    def dashes(self, laid: Laid, dx: float, dy: float) -> None:
        slots = {w: self.style.slots(a) for w, a in laid.arrays.items()}
        runs: dict[tuple[int, int], list[tuple[Any, ...]]] = {}

        def middle(a: int, b: int, heights: dict[Slot, float]) -> float:
            return dy + (heights[a, slots[a][-1]] + heights[b, slots[b][0]]) / 2

        for place, column in enumerate(laid.columns[:-1]):
            after = laid.columns[place + 1]
            left, right = dx + column.x + column.width, dx + after.x
            order = after.order
            out = [w for item in after.items for w in (item.node.ins if item.node else item.wires)]
            into = out if place + 2 < len(laid.columns) else list(laid.plan.outs)
            pairs = set(pairwise(order))
            arriving = set(pairwise(into))
            self.address = laid.plan.address
            between = _between(after)
            for pair in sorted(pairs):
                y = middle(*pair, column.after)
                path = runs.setdefault(pair, [("M", left, y)])
                y = path[-1][-1]  # type: ignore[assignment]
                if pair in arriving:
                    z = dy + between[pair] if pair in between else middle(*pair, after.before)
                    if abs(y - z) > 0.01:
                        start = right - after.curve_width
                        _line(path, start, y)
                        half = (start + right) / 2
                        path.append(("C", half, y, half, z, right, z))
                    else:
                        _line(path, right, z)
                else:
                    _line(path, right - after.curve_width, y)
            for pair in pairs - arriving:
                self.end_dashes({pair: runs.pop(pair)})
            if place + 2 < len(laid.columns):
                self.through(after, runs, right, middle)
            else:
                for pair in list(runs):
                    _line(runs[pair], dx + laid.width, runs[pair][-1][-1])
        self.end_dashes(runs)

    def through(self, column: Column, runs: dict, left: float, middle: Any) -> None:
        """Carries the dashes through a column: on between what stays apart, begun and ended inside boxes."""
        right = left + column.width
        into = [(w, k) for k, i in enumerate(column.items) for w in (i.node.ins if i.node else i.wires)]
        out = [(w, k) for k, i in enumerate(column.items) for w in i.wires]
        arriving = {(j, k): (a, b) for (a, j), (b, k) in pairwise(into) if j != k}
        kept: dict[tuple[int, int], list[tuple[Any, ...]]] = {}
        for (a, j), (b, k) in pairwise(out):
            y = middle(a, b, column.after)
            pair = arriving.get((j, k)) if j != k else None
            if pair in runs:
                path = runs.pop(pair)
                _line(path, right, path[-1][-1])
                kept[a, b] = path
            elif j != k or column.items[j].laid is None:
                kept[a, b] = [("M", left + 0.6 * column.width, y), ("L", right, y)]
            else:
                kept[a, b] = [("M", right, y)]
        for pair in list(runs):
            path = runs[pair]
            if any(i.node is not None and i.laid is None and set(pair) <= set(i.node.ins) for i in column.items):
                _line(path, left + 0.4 * column.width, path[-1][-1])
        self.end_dashes(runs)
        runs.update(kept)

    def end_dashes(self, runs: dict) -> None:
        for path in runs.values():
            if len(path) > 1:
                self.scene.dashes.append(Dash(tuple(path), self.address))
        runs.clear()

    def labels(self, laid: Laid, dx: float, dy: float) -> None:
        style = self.style
        for place, column in enumerate(laid.columns):
            last = place == len(laid.columns) - 1
            x = dx + column.x + column.width
            for w, s in column.labels:
                text = style.label(laid.arrays[w], s, place == 0)
                if text:
                    at = column.after[w, s]
                    here = x + 4.0
                    wide = width(text, style.label_size)
                    self.scene.labels.append(
                        Label(text, here, dy + at - 4.0, "start", style.label_size, "axis", repr(laid.arrays[w]), wide)
                    )
            del last

    def frame(self, item: Item, column: Column, dx: float, dy: float, depth: int) -> None:
        node, laid = item.node, item.laid
        assert node is not None and laid is not None
        x, y = dx + column.x, dy + item.rows[0].y
        ins, outs = _frame_ports(item, laid)
        far = x + column.width

        def points(wires: Sequence[int], at: float, heights: dict[Slot, float]) -> tuple[tuple[Point, ...], ...]:
            return tuple(tuple((at, y + h) for slot, h in heights.items() if slot[0] == w) for w in wires)

        kind = "repeat" if node.glyph == "repeat" else "block"
        text = _frame_text(node)
        self.scene.frames.append(
            Frame(
                kind, x, y + laid.top - PAD - TITLE, column.width, laid.bottom - laid.top + 2 * PAD + TITLE, text,
                node.title, node.address, node.box, depth, points(node.ins, x, ins), points(node.outs, far, outs),
            )
        )  # fmt: skip
        self.plan(_stretched(laid, column.width), x, y, depth + 1)

    def glyph(self, item: Item, column: Column, x: float, dy: float) -> None:
        node = item.node
        assert node is not None
        style = self.style
        kind = glyphs.of(node, style)
        far = x + column.width
        before = {slot: y + dy for slot, y in column.before.items()}
        after = {slot: y + dy for slot, y in column.after.items()}
        ins = tuple(tuple((x, before[w, s]) for s in style.slots(a)) for w, a in zip(node.ins, node.dom, strict=True))
        outs = tuple(
            tuple((far, after[w, s]) for s in style.slots(a)) for w, a in zip(node.outs, node.cod, strict=True)
        )
        glyph = kind.place(node, style, ins, outs, x, far, dy + item.rows[0].y)
        where = node.address[:-1]
        stem = next((t.curve[-1][-2:] for t in glyph.threads if t.kind == "stem"), None)
        if stem is not None:
            self.stems[where, node.outs[0]] = stem
        elif node.on_stub and (where, node.ins[0]) in self.stems:
            start, y = self.stems[where, node.ins[0]]
            glyph = dataclasses.replace(glyph, y=y - glyph.height / 2, data=("stem", start))
        self.scene.glyphs.append(glyph)


def _frame_text(node: Node) -> str:
    """The title of a frame: the name of the part, how often it is repeated, or along which axis."""
    fields = dict(node.data)
    if node.glyph == "repeat":
        return f"× {fields['times']}" if "times" in fields else f"for each step of {fields.get('axis', 'an axis')}"
    return f"over {fields['axis']}" if node.text == "over" and "axis" in fields else clip(node.text, 40)


def _between(column: Column) -> dict[tuple[int, int], float]:
    """The height half way between neighbouring items, by the arrays that face each other there on the way in."""
    found: dict[tuple[int, int], float] = {}
    into = [(i.node.ins if i.node else i.wires, i) for i in column.items]
    facing = [(wires, item) for wires, item in into if wires]
    for (above, a), (below, b) in pairwise(facing):
        upper = a.rows[-1].y + (a.rows[-1].down if a.laid is not None else 0.0)
        lower = b.rows[0].y - (b.rows[0].up if b.laid is not None else 0.0)
        found[above[-1], below[0]] = (upper + lower) / 2
    return found


def _stretched(laid: Laid, wide: float) -> Laid:
    """A plan in a frame that its column makes wider: its last wires are longer."""
    if wide <= laid.width + 0.01:
        return laid
    return dataclasses.replace(laid, width=wide)


def _line(path: list[tuple[Any, ...]], x: float, y: float) -> None:
    """Goes on horizontally, in one line where it was one already."""
    if path[-1][0] == "L" and path[-1][2] == y:
        path[-1] = ("L", x, y)
    elif path[-1][1:] != (x, y):
        path.append(("L", x, y))
