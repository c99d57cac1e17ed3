"""Dashes: the lines between the arrays of a tuple, from where both begin to where one of them ends."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from .. import glyphs
from ..scene import Dash
from ..styles import Style
from .model import Column, Item, Laid, Slot

Path = list[tuple[Any, ...]]
Pair = tuple[int, int]


def dashes(laid: Laid, dx: float, dy: float) -> Iterator[Dash]:
    """The dashes of a plan. Each runs half a distance below the array above it, and around frames."""
    runs: dict[Pair, Path] = {}
    for k, column in enumerate(laid.columns[:-1]):
        after = laid.columns[k + 1]
        left, right = dx + column.x + column.width, dx + after.x
        facing = _facing(after, laid)
        arriving = dict.fromkeys(pairwise(laid.plan.outs), None) if k + 2 == len(laid.columns) else facing
        for pair in pairwise(after.order):
            y = dy + below(laid, pair[0], column.after)
            path = runs.setdefault(pair, [("M", left, y)])
            if pair in arriving:
                z = dy + (facing[pair] if pair in facing else below(laid, pair[0], after.before))
                _bend(path, right - after.curve, right, z)
            else:
                _straight(path, right - after.curve)
                yield from _finish({pair: runs.pop(pair)}, laid, None)
        if k + 2 < len(laid.columns):
            runs, ended = _through(laid, after, runs, right, dy)
            yield from _finish(ended, laid, None)
    yield from _finish(runs, laid, dx + laid.width)


def below(laid: Laid, wire: int, heights: dict[Slot, float]) -> float:
    """The height of a dash below an array: half a distance below its last strand."""
    return heights[wire, laid.slots(wire)[-1]] + laid.style.array / 2


def _facing(column: Column, laid: Laid) -> dict[Pair, float]:
    """The heights of dashes on the way into a column, between arrays of neighbouring items and within one."""
    found: dict[Pair, float] = {}
    items = [item for item in column.items if item.ins]
    for item in items:
        found |= {pair: below(laid, pair[0], column.before) for pair in pairwise(item.arriving)}
    for a, b in pairwise(items):
        found[a.arriving[-1], b.arriving[0]] = beneath(a, laid.style)
    return found


def beneath(item: Item, style: Style) -> float:
    """The height of the dash beneath an item, on the way in: below its body, or below the last strand that comes in."""
    last = item.rows[-1]
    if item.laid is not None:
        return last.y + last.down + 2.0
    if item.node is not None and not glyphs.of(item.node, style).half:
        last = max((row for row in item.rows if row.into), key=lambda row: row.y)
    return last.y + max(style.array / 2, last.down + 2.0)


def goes_under(item: Item, y: float, style: Style) -> bool:
    """Whether a dash that leaves below an item at a height has to stay below its body until it is past it."""
    if item.node is None or item.node.inner is not None or glyphs.of(item.node, style).half == 0.0:
        return False
    return beneath(item, style) > y + 0.5


def _through(
    laid: Laid, column: Column, runs: dict[Pair, Path], left: float, y0: float
) -> tuple[dict[Pair, Path], dict[Pair, Path]]:
    """Carries the dashes through a column: on between what stays apart, begun and ended inside boxes."""
    right = left + column.width
    into = [(w, k) for k, item in enumerate(column.items) for w in item.arriving]
    out = [(w, k) for k, item in enumerate(column.items) for w in item.wires]
    arriving = {(j, k): (a, b) for (a, j), (b, k) in pairwise(into) if j != k}
    kept: dict[Pair, Path] = {}
    for (a, j), (b, k) in pairwise(out):
        y = y0 + below(laid, a, column.after)
        pair = arriving.get((j, k)) if j != k else None
        above = column.items[j]
        rigid = above.laid is not None or (j != k and goes_under(above, y - y0, laid.style))
        if pair is not None and pair in runs:
            kept[a, b] = runs.pop(pair)
            if rigid:
                _straight(kept[a, b], right)
            else:
                _bend(kept[a, b], left, right, y)
        elif not rigid:
            kept[a, b] = [("M", left + 0.6 * column.width, y), ("L", right, y)]
        else:
            kept[a, b] = [("M", right, y)]
    for pair, path in runs.items():
        if any(item.laid is None and set(pair) <= set(item.ins) for item in column.items):
            _straight(path, left + 0.4 * column.width)
    return kept, runs


def _straight(path: Path, x: float) -> None:
    y = path[-1][-1]
    if path[-1][0] == "L":
        path[-1] = ("L", x, y)
    elif path[-1][-2] < x:
        path.append(("L", x, y))


def _bend(path: Path, start: float, end: float, y: float) -> None:
    before = path[-1][-1]
    if abs(before - y) < 0.01:
        _straight(path, end)
        return
    start = max(min(start, end - 6.0), path[-1][-2])
    _straight(path, start)
    middle = (start + end) / 2
    path.append(("C", middle, before, middle, y, end, y))


def _finish(runs: dict[Pair, Path], laid: Laid, x: float | None) -> Iterator[Dash]:
    for path in runs.values():
        if x is not None:
            _straight(path, x)
        if len(path) > 1:
            yield Dash(tuple(path), laid.plan.address)
    if x is not None:
        runs.clear()
