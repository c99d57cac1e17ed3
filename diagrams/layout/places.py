"""Places: the widths of columns and of the gaps between them, and which wires are labelled."""

from __future__ import annotations

import math

from .. import glyphs
from ..plan import Node
from ..text import clip, width
from .dashes import below, beneath, goes_under
from .model import CLEAR, Column, Item, Laid, Slot

RELABEL = 420.0
"""The distance after which a wire that runs on is labelled again."""


def place(laid: Laid) -> None:
    """Gives columns and gaps their places, from left to right."""
    style = laid.style
    x = 0.0
    top, bottom = math.inf, -math.inf
    seen: dict[Slot, float] = {}
    last = laid.columns[-1]
    for k, column in enumerate(laid.columns):
        before = laid.columns[k - 1] if k else column
        if k:
            column.curve = _curve(laid, before, column)
            column.width = max((_width(item, laid) for item in column.items), default=0.0)
            x += before.label_width + column.curve or style.gap
            column.x = x
            x += column.width
        column.labels = (
            _first(laid)
            if not k
            else _last(laid, before, seen, x)
            if column is last
            else _labels(column, laid, seen, x)
        )
        seen |= dict.fromkeys(column.labels, x)
        column.label_width = _label_width(laid, column.labels, k == 0)
        if laid.framed and (not k or column is last):
            column.label_width = max(column.label_width, laid.side)
        laid.width = max(laid.width, x + column.label_width)
        for item in column.items:
            clear = CLEAR if item.laid is not None else 0.0
            for row in item.rows:
                top, bottom = min(top, row.y - row.up + clear), max(bottom, row.y + row.down - clear)
        for y in (*column.before.values(), *column.after.values()):
            top, bottom = min(top, y - style.label_size - 2), max(bottom, y + 4.0)
    laid.top, laid.bottom = (top, bottom) if top <= bottom else (0.0, 0.0)
    for j, w in enumerate(laid.plan.outs):
        laid.labelled |= {(j, s) for s in laid.slots(w) if (w, s) in seen and x - seen[w, s] < 60.0}


def _label_width(laid: Laid, slots: list[Slot], first: bool) -> float:
    wides = [laid.label_width(w, s, first) for w, s in slots]
    return max((wide + 10.0 for wide in wides if wide), default=0.0)


def _curve(laid: Laid, before: Column, column: Column) -> float:
    """The width in which wires bend on their way to a column."""
    bent = max((abs(y - before.after[s]) for s, y in column.before.items() if s in before.after), default=0.0)
    if laid.style.dashes:
        bent = max(bent, _dash_bend(column, laid), _dash_bend(before, laid))
    return min(max(14.0 + 0.55 * bent, 24.0), 90.0) if bent > 0.5 else 0.0


def _dash_bend(column: Column, laid: Laid) -> float:
    """How far a dash leaves the array above it to go under a body or a frame, with something below."""
    bent = 0.0
    for item in column.items[:-1]:
        if item.ins:
            low = beneath(item, laid.style)
            bent = max(bent, low - below(laid, item.arriving[-1], column.before))
            away = below(laid, item.wires[-1], column.after) if item.wires else low
            if goes_under(item, away, laid.style):
                bent = max(bent, low - away)
    return bent


def _width(item: Item, laid: Laid) -> float:
    """The width of an item's column."""
    node = item.node
    if node is None:
        return 0.0
    if item.laid is not None:
        return max(item.laid.width, width(frame_text(node), 10.0, True) + 26.0)
    style = laid.style
    least = glyphs.of(node, style).width(node, style)
    into = {r.into: r.y for r in item.rows if r.into}
    out = {r.out: r.y for r in item.rows if r.out}
    bent = max(
        (
            abs(into[node.ins[i], k] - out[node.outs[j], m])
            for strand in style.strands(node)
            for i, k in strand.ins
            for j, m in strand.outs
        ),
        default=0.0,
    )
    return max(least, min(20.0 + 0.5 * bent, 90.0)) if bent > 0.5 else least


def frame_text(node: Node) -> str:
    """The title of a frame: the name of the part, how often it is repeated, or along which axis."""
    fields = dict(node.data)
    if "range" in fields:
        return fields["range"]
    if "times" in fields:
        return f"× {fields['times']}"
    if "axis" in fields and node.inner is not None and node.enters is not None:
        of = _axis(node, fields["axis"])
        return f"for each step of {of}" if node.glyph == "repeat" else f"over {of}"
    return clip(node.text, 40)


def _axis(node: Node, axis: int | str) -> str:
    """The axis along which a part takes its slices: its name, or how long it is."""
    for array, entering in zip(node.dom, node.enters or (), strict=True):
        if node.glyph != "repeat" or len(entering) < array.rank:
            try:
                place = array.axis(axis)
            except KeyError:
                continue
            return clip(array.names[place] or f"{array.sizes[place]}", 24)
    return str(axis)


# -- labels ----------------------------------------------------------------------------------


def _first(laid: Laid) -> list[Slot]:
    """The inputs are labelled, unless they come from outside a frame."""
    return [] if laid.framed else list(laid.columns[0].after)


def _last(laid: Laid, before: Column, seen: dict[Slot, float], x: float) -> list[Slot]:
    """The outputs that are labelled: those whose label is not in sight on the same height."""
    if laid.framed:
        return []
    return [
        slot
        for slot, y in laid.columns[-1].before.items()
        if abs(y - before.after[slot]) > 0.5 or x - seen.get(slot, x - 200.0) > 120.0
    ]


def _labels(column: Column, laid: Laid, seen: dict[Slot, float], x: float) -> list[Slot]:
    """The strands that are labelled after a column: new ones, and those that would be lost."""
    shown: list[Slot] = []
    for item in column.items:
        if item.laid is not None:
            shown += _after_frame(item, column, laid, seen, x)
            continue
        for row in item.rows:
            if row.out is None:
                continue
            if row.into is not None and _goes_on(row.into, row.out, laid, seen, x):
                seen[row.out] = seen[row.into]
            else:
                shown.append(row.out)
    return shown


def _goes_on(a: Slot, b: Slot, laid: Laid, seen: dict[Slot, float], x: float) -> bool:
    """Whether strand `b` goes on where `a` ended, with the same label, which is still in sight at `x`."""
    return a in seen and x - seen[a] < RELABEL and laid.style.alike(laid.arrays[a[0]], a[1], laid.arrays[b[0]], b[1])


def _after_frame(item: Item, column: Column, laid: Laid, seen: dict[Slot, float], x: float) -> list[Slot]:
    shown: list[Slot] = []
    node, inside = item.node, item.laid
    assert node is not None and inside is not None
    for j, w in enumerate(node.outs):
        for s in laid.slots(w):
            a = (node.ins[j] if j < len(node.ins) else -1, s)
            level = a in column.before and abs(column.before[a] - column.after[w, s]) < 0.5
            if (j, s) in inside.labelled and node.leaves is None:
                seen[w, s] = x
            elif level and _goes_on(a, (w, s), laid, seen, x - column.width):
                seen[w, s] = x - column.width
            else:
                shown.append((w, s))
    return shown
