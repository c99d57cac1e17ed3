"""Overlays: numbers and marks that are added to a picture once it is laid out.

- "memory": under each column of data the bytes alive there, the sum over its arrays of the product of the
  axes times the size of an element. An array on two wires counts twice; parameters are not counted.
- "flops": under each column of boxes their multiplications and additions (see `lenses.cost`), those of a repeat
  as often as it runs.
- "kept": at each box the bytes that its forward pass keeps for the backward pass of a rule, as in the
  compiled program: an array that several boxes keep counts at the first of them, parameters do not.
- "recomputed": the parts that a rule runs again on the way back (see `lenses.rules.recompute`).
- "sharding": beside the name of an axis the axis of the mesh of devices over which it is spread.

A part counts with all that is in it in the column where it stands; if it is opened and alone there, column by
column. The charts of a wrapped picture stand at its foot, one below the other for each of its lines.
`sharding.sharded` makes room for the tags before the layout; `add` does everything else after it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from lenses.errors import LensError, explain, shown
from lenses.rules.rule import Rule, backprop, check_rule
from lenses.typed import Combinator, Typed

from ..curves import line, polygon
from ..layout import Laid, Rows, lay
from ..layout.model import Column, Item
from ..plan import Node, Plan, of_term
from ..scene import Address, Frame, Glyph, Label, Mark, Point, Scene
from ..shapes import Shape, Stroke, Text
from ..styles import Style
from ..text import clip, width
from .keeping import kept, recomputed
from .measures import alive, amount, inside, nbytes, peak, work
from .room import Room
from .sharding import SMALL, Sharded, tags

OVERLAYS = ("memory", "flops", "kept", "recomputed", "sharding")
"""The names of overlays."""

HIGH = 9.0
"""The height of a line of text."""
BAR = 20.0
"""The height of the largest bar."""
MARGIN = 10.0
"""The space left and right of what stands below the picture."""


def add(
    scene: Scene,
    laid: Laid,
    rows: Rows,
    overlays: str | Collection[str] = (),
    typed: Typed | None = None,
    rule: Rule | None = None,
) -> None:
    """Adds overlays, by their names, to the scene of a plan that is laid out in `rows`; sharding if it is `sharded`.

    `typed` is the term that is drawn, if it is one. Kept and recomputed values are those of `rule`, backprop
    unless given. Raises LensError for an unknown overlay, and for one that lacks its mesh, its rule, or a term.
    """
    names = _checked(overlays, laid.style, typed, rule)
    if isinstance(laid.style, Sharded):
        tags(scene, laid.style)
    notes: dict[Address, list[_Note]] = defaultdict(list)
    held: dict[Address, int] = {}
    if "kept" in names and typed is not None:
        held = _by_drawn(scene, kept(typed, rule or backprop))
        for address, n in held.items():
            notes[address].append(_Note("kept", amount(n, "B"), n, f"{n:,} bytes are kept for the backward pass"))
    if "recomputed" in names and typed is not None and rule is not None:
        again = recomputed(typed, rule)
        for address, n in _by_drawn(scene, dict.fromkeys(again, 1)).items():
            text = "recomputed" if address in again else "recomputed inside"
            notes[address].append(_Note("recomputed", text, n, "runs again on the way back"))
    _annotate(scene, notes)
    if "memory" in names:
        _chart(scene, rows, "memory", "memory, at most {}", max, _memory(laid, _opened(laid, typed)))
    if "flops" in names:
        _chart(scene, rows, "flops", "work, {} multiplications and additions", sum, _work(laid))
    if "kept" in names:
        _chart(scene, rows, "kept", "kept for the way back, {}", sum, _kept(laid, held))


def _checked(overlays: Any, style: Style, typed: Typed | None, rule: Rule | None) -> tuple[str, ...]:
    """The names of overlays, each once and with what it needs."""
    names = tuple(overlays) if isinstance(overlays, list | tuple | set | frozenset) else (overlays,)
    for name in names:
        if not isinstance(name, str) or name not in OVERLAYS:
            known = ", ".join(map(repr, OVERLAYS))
            raise LensError(explain(f"draw: there is no overlay {shown(name)}", expected=f"some of {known}"))
    if rule is not None:
        check_rule("draw", rule)
    if "sharding" in names and not isinstance(style, Sharded):
        raise LensError(explain("draw: the overlay 'sharding' needs a mesh", do="mesh={'batch': 'data'}, say"))
    if "recomputed" in names and rule is None:
        raise LensError(explain("draw: the overlay 'recomputed' needs a rule", do="rule=recompute('encoder'), say"))
    if typed is None and ("kept" in names or "recomputed" in names):
        raise LensError(explain("draw: what is kept or recomputed is a fact about terms", do="draw a term"))
    return tuple(dict.fromkeys(names))


# -- what stands below the picture -------------------------------------------------------------


class Bar(NamedTuple):
    """A number below a column: at which place, as in one line, and what it counts."""

    x: float
    value: int
    title: str
    hollow: bool = False


def _memory(
    laid: Laid, whole: Laid, x: float = 0.0, more: int = 0, around: tuple[int, int] | None = None
) -> Iterator[Bar]:
    """The bytes in each gap, and hollow where there are more inside a part than on both sides of it.

    `whole` is the same with all its parts opened. A part alone in its column is shown by its own gaps, beside
    which there are `more` bytes alive; its ends are left out where they are those `around` it.
    """
    before, last = 0, len(laid.columns) - 2
    for k, (column, after) in enumerate(pairwise(laid.columns)):
        arrays = alive(laid, k)
        now = nbytes(arrays) + more
        part = _alone(column)
        if part is not None and part.laid is not None:
            opened = next(item.laid for item in whole.columns[k].items if item.laid is not None)
            beside = more + inside(whole, k) - peak(opened)
            yield from _memory(part.laid, opened, x + column.x, beside, (before, now))
        elif (most := inside(whole, k) + more) > max(before, now):
            yield Bar(x + column.x + column.width / 2, most, f"at most {most:,} bytes inside", True)
        if around is None or (k, now) not in ((0, around[0]), (last, around[1])):
            end = laid.width if k == last else after.x
            what = clip(", ".join(map(repr, arrays)), 200)
            yield Bar(x + (column.x + column.width + end) / 2, now, f"{now:,} bytes: {what}")
        before = now


def _opened(laid: Laid, typed: Typed | None) -> Laid:
    """The same with all its parts opened."""

    def closed(plan: Plan) -> bool:
        return any(closed(n.inner) if n.inner is not None else isinstance(n.box, Combinator) for n in plan.nodes)

    def long(plan: Plan) -> bool:
        return any(n.inner is not None and (n.glyph in ("convolution", "pooling") or long(n.inner)) for n in plan.nodes)

    if typed is None or not closed(laid.plan):
        return laid
    return lay(of_term(typed, long=long(laid.plan)), laid.style)


def _alone(column: Column) -> Item | None:
    """The opened part that stands alone in a column, but for wires that pass."""
    items = [item for item in column.items if item.node is not None]
    return items[0] if len(items) == 1 and items[0].laid is not None else None


class _Place(NamedTuple):
    """The boxes of a column, the opened parts around it, and where it stands."""

    x: float
    nodes: tuple[Node, ...]
    above: tuple[Node, ...]


def _places(laid: Laid, whole: Container[Address] = ()) -> Iterator[_Place]:
    """The columns, those of a part in its place where it is opened and alone, unless it is among the `whole`."""

    def places(laid: Laid, x: float, above: tuple[Node, ...]) -> Iterator[_Place]:
        for column in laid.columns:
            part = _alone(column)
            if part is not None and part.laid is not None and part.node is not None and part.node.address not in whole:
                yield from places(part.laid, x + column.x, (*above, part.node))
            else:
                nodes = tuple([item.node for item in column.items if item.node is not None])
                yield _Place(x + column.x + column.width / 2, nodes, above)

    return places(laid, 0.0, ())


def _work(laid: Laid) -> Iterator[Bar]:
    times: dict[Address, Fraction] = {}
    for place in _places(laid):
        for node in place.above:
            if node.address not in times and node.inner is not None:
                times[node.address] = Fraction(work(node), sum(map(work, node.inner.nodes)) or 1)
        often = math.prod([times[node.address] for node in place.above])
        works = [(node, int(work(node) * often)) for node in place.nodes]
        title = clip(", ".join(f"{node.title}: {n:,}" for node, n in works if n), 200)
        yield Bar(place.x, sum(n for _, n in works), title)


def _kept(laid: Laid, held: Mapping[Address, int]) -> Iterator[Bar]:
    within: dict[Address, int] = defaultdict(int)
    for address, n in held.items():
        for k in range(len(address)):
            within[address[: k + 1]] += n
    for place in _places(laid, held):
        n = sum(within[node.address] for node in place.nodes)
        yield Bar(place.x, n, f"{n:,} bytes are kept")


def _chart(scene: Scene, rows: Rows, kind: str, heading: str, total: Any, found: Iterable[Bar]) -> None:
    """Writes bars under the columns, a row of them for each line of the picture, with their total above on the left."""
    unit = "" if kind == "flops" else "B"
    bars = [bar for bar in found if bar.value]
    values = [bar.value for bar in bars] or [0]
    text = heading.format(amount(total(values), unit))
    wide = width(text, SMALL + 1.0)
    scene.width = max(scene.width, wide + 2 * MARGIN)
    y = scene.height - 2.0
    left = rows.left
    placed = [(*rows.at(left + bar.x), bar) for bar in bars]
    for place, long in enumerate(rows.widths):
        y += HIGH
        if place:
            text = f"line {place + 1}"
        scene.labels.append(Label(text, MARGIN, y, "start", SMALL + 1.0, "note", f"{total(values):,}", wide))
        base = y + 4.0 + BAR
        rule = Stroke(line((left, base), (left + long, base)), "quiet", None, 0.5)
        scene.marks.append(Mark("rule", (rule,), left, base, long, 0.0))
        ends: list[float] = []
        for x, bar in sorted(((x, b) for row, x, b in placed if row == place), key=lambda pair: pair[0]):
            _bar(scene, kind, bar, x, base, max(values), ends, unit)
        y = base + 4.0 + HIGH * max(len(ends), 1)
    scene.height = y + MARGIN


def _bar(scene: Scene, kind: str, bar: Bar, x: float, base: float, most: int, ends: list[float], unit: str) -> None:
    """A bar with its number below, in the first of the lines of numbers in which there is room."""
    tall = max(BAR * bar.value / most, 0.8)
    text = amount(bar.value, unit)
    wide = width(text, SMALL)
    at = min(max(x, wide / 2 + 2.0), scene.width - wide / 2 - 2.0)
    row = next((k for k, end in enumerate(ends) if end + 4.0 < at - wide / 2), len(ends))
    ends[row : row + 1] = [at + wide / 2]
    colour = "ink" if bar.value == most else "quiet"
    curve = polygon((x - 4.0, base), (x - 4.0, base - tall), (x + 4.0, base - tall), (x + 4.0, base))
    shape = Stroke(curve, colour, "paper", 0.8) if bar.hollow else Stroke(curve, None, colour)
    scene.marks.append(Mark(kind, (shape,), x - 4.0, base - tall, 8.0, tall, bar.value, bar.title))
    scene.labels.append(Label(text, at, base + HIGH * (row + 1), "middle", SMALL, "note", bar.title, wide))


# -- what stands at the boxes ------------------------------------------------------------------


class _Note(NamedTuple):
    """What is written at a box."""

    kind: str
    text: str
    value: int
    title: str


SIGN = 8.0
"""The width of the sign before a note."""


def _by_drawn(scene: Scene, numbers: Mapping[Address, int]) -> dict[Address, int]:
    """Numbers by the addresses of what is drawn: of a closed part, the sum of those inside."""
    drawn = {g.address for g in scene.glyphs} | {f.address for f in scene.frames}
    found: dict[Address, int] = {}
    for address, n in numbers.items():
        while address not in drawn and len(address) > 1:
            address = address[:-1]
        found[address] = found.get(address, 0) + n
    return found


def _annotate(scene: Scene, notes: Mapping[Address, Sequence[_Note]]) -> None:
    """Writes notes at their boxes where there is room; where there is none close by, only signs or nothing."""
    room = Room(scene) if notes else None
    for item in (*scene.frames, *scene.glyphs):
        here = () if isinstance(item, Frame) and item.open[0] else notes.get(item.address, ())
        if not here or room is None:
            continue
        for texts in ([note.text for note in here], [""] * len(here)):
            wide = sum(SIGN + width(text, SMALL) + 4.0 for text in texts) - 4.0
            spots = ((x, y) for x, y in _spots(item, wide) if x > 0 and y > 0)
            spot = next(((x, y) for x, y in spots if room.free((x - 2.0, y, x + wide + 2.0, y + HIGH))), None)
            if spot is not None:
                x, y = spot
                room.take((x, y, x + wide, y + HIGH))
                scene.width, scene.height = max(scene.width, x + wide + 2.0), max(scene.height, y + HIGH + 4.0)
                for note, text in zip(here, texts, strict=True):
                    long = SIGN + width(text, SMALL)
                    shapes = (*_sign(note.kind, x, y), *_text(note.kind, text, x, y))
                    mark = Mark(note.kind, shapes, x, y, long, HIGH, note.value, note.title, item.address)
                    scene.marks.append(mark)
                    x += long + 4.0
                break


def _spots(item: Frame | Glyph, wide: float) -> Iterator[Point]:
    """Places for a note at a box, the best first: in the title of a frame, else under or over the box."""
    if isinstance(item, Frame):
        right = item.x + item.width - 8.0 - wide
        for x in (item.x + 20.0 + width(item.text, 10.0, True), right):
            if x <= right:
                yield x, item.y + 5.0
        yield item.x + 12.0, item.y + item.height - HIGH - 0.5
        return
    ports = [p for array in (*item.ins, *item.outs) for p in array] or [(item.x, item.y)]
    left, top, right, bottom = item.x, item.y, item.x + item.width, item.y + item.height
    if item.width < 1.0:  # it has no body, but strands that meet
        ends = [t.curve[-1][-2:] for t in item.threads if t.kind in ("cup", "meet", "end")]
        ends += [t.curve[0][-2:] for t in item.threads if t.kind in ("cup", "begin", "stub", "stem")]
        xs, ys = zip(*(ends or ports), strict=True)
        left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    middle, aside = (left + right - wide) / 2, (right - left + wide) / 2 + 3.0
    for gap in (1.5, 4.0, 8.0, 12.0, 16.0, 20.0):
        for shift in (0.0, -8.0, 8.0, -16.0, 16.0, -24.0, 24.0, -aside, aside):
            yield middle + shift, bottom + gap
            yield middle + shift, top - gap - HIGH


def _sign(kind: str, x: float, y: float) -> Iterator[Shape]:
    """An arrow down onto a line for what is put aside, a turn back for what is done again."""
    if kind == "kept":
        yield Stroke(line((x + 3.0, y + 1.2), (x + 3.0, y + 4.5)), "kept0", None, 1.3)
        yield Stroke(polygon((x + 0.4, y + 3.6), (x + 5.6, y + 3.6), (x + 3.0, y + 6.4)), None, "kept0")
        yield Stroke(line((x, y + 7.6), (x + 6.0, y + 7.6)), "kept0", None, 1.1)
        return
    a, b = x + 3.0, y + 4.8
    turn = (
        ("M", a, b - 2.8),
        ("C", a - 3.8, b - 2.8, a - 3.8, b + 2.8, a, b + 2.8),
        ("C", a + 1.9, b + 2.8, a + 2.8, b + 1.4, a + 2.8, b),
    )
    yield Stroke(turn, "backward", None, 1.1)
    yield Stroke(polygon((a - 0.4, b - 5.0), (a + 2.8, b - 2.8), (a - 0.4, b - 0.6)), None, "backward")


def _text(kind: str, text: str, x: float, y: float) -> Iterator[Shape]:
    if text:
        colour = "kept0" if kind == "kept" else "backward"
        yield Text(text, x + SIGN, y + 7.2, SMALL, colour=colour, width=width(text, SMALL))
