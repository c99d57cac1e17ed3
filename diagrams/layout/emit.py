"""The scene of a layout: wires, frames, glyphs and labels at their places."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from .. import glyphs
from ..scene import Address, Frame, Label, Point, Scene, Wire
from ..styles import barred
from ..text import width
from .dashes import dashes
from .model import PAD, TITLE, Column, Item, Laid, Slot
from .places import frame_text
from .rows import frame_ports


def scene_of(laid: Laid) -> Scene:
    """The scene of a laid out plan, with its inputs named on the left."""
    scene = Scene(0.0, 0.0, laid.style.name)
    names = laid.plan.names
    left = left_of(laid)
    dy = PAD - laid.top
    _Emit(scene).plan(laid, left, dy, 0)
    for name, at in zip(names, laid.ins, strict=False):
        if name:
            heights = list(at.values())
            y = dy + (heights[0] + heights[-1]) / 2 + 5.0
            scene.labels.append(Label(name, left - 6.0, y, "end", 15.0, "input", name, width(name, 15.0), italic=True))
    scene.width, scene.height = left + laid.width + PAD, dy + laid.bottom + PAD
    return scene


def left_of(laid: Laid) -> float:
    """The place of a layout's left edge in its scene, right of the names of its inputs."""
    return max((width(n, 15.0) + 10.0 for n in laid.plan.names if n), default=0.0) + PAD


def wire_label(laid: Laid, slot: Slot, y: float, first: bool, x: float = 0.0) -> Label | None:
    """What stands over a strand at the height `y`, from `x` on, where anything does; `first` at an input."""
    w, s = slot
    array, text = laid.arrays[w], laid.label(w, s, first)
    if not text:
        return None
    wide, bold = laid.label_width(w, s, first), laid.bold(w, s)
    bars = barred(array.names[s], text, laid.style.bars) if s >= 0 else ()
    at = y - (4.5 if bold else 4.0)
    return Label(text, x, at, "start", laid.style.label_size, "axis", repr(array), wide, bold, bars=bars)


class _Emit:
    """Writes laid out plans into a scene, at their places; remembers where products leave."""

    def __init__(self, scene: Scene):
        self.scene = scene
        self.stems: dict[tuple[Address, int], tuple[int, Point]] = {}

    def plan(self, laid: Laid, dx: float, dy: float, depth: int) -> None:
        self.wires(laid, dx, dy)
        if laid.style.dashes:
            self.scene.dashes += dashes(laid, dx, dy)
        for k, column in enumerate(laid.columns):
            self.labels(laid, column.labels, column.after, dx + column.x + column.width, dy, k == 0)
            for item in column.items:
                if item.laid is not None:
                    self.frame(item, column, dx, dy, depth)
                elif item.node is not None:
                    self.glyph(laid, item, column, dx + column.x, dy)

    def wires(self, laid: Laid, dx: float, dy: float) -> None:
        before = laid.columns[0]
        open_: dict[Slot, list[tuple[Any, ...]]] = {slot: [("M", dx, dy + y)] for slot, y in before.after.items()}
        for column in laid.columns[1:]:
            right = dx + column.x
            left = right - column.curve
            for slot, y in column.before.items():
                path, was = open_[slot], dy + before.after[slot]
                if abs(was - dy - y) > 0.01:
                    _line(path, left, was)
                    middle = (left + right) / 2
                    path.append(("C", middle, was, middle, dy + y, right, dy + y))
                else:
                    _line(path, right, dy + y)
            last = column is laid.columns[-1]
            far = dx + laid.width if last else right + column.width
            passing = {r.out for item in column.items if item.node is None for r in item.rows if r.out}
            for slot in column.before:
                if slot in passing:
                    _line(open_[slot], far, dy + column.after[slot])
                else:
                    path = open_.pop(slot)
                    if last:
                        _line(path, far, dy + column.before[slot])
                    self.wire(laid, slot, path)
            if not last:
                open_ |= {slot: [("M", far, dy + y)] for slot, y in column.after.items() if slot not in open_}
            before = column

    def wire(self, laid: Laid, slot: Slot, path: Iterable[tuple[Any, ...]]) -> None:
        w, s = slot
        array = laid.arrays[w]
        name, size = (array.names[s] or "", array.sizes[s]) if s >= 0 else ("", 0)
        kind = laid.style.kind(array, s)
        self.scene.wires.append(Wire(kind, w, s, name, size, tuple(path), laid.plan.address, title=repr(array)))

    def labels(
        self, laid: Laid, slots: Sequence[Slot], heights: dict[Slot, float], x: float, dy: float, first: bool
    ) -> None:
        labels = (wire_label(laid, slot, dy + heights[slot], first, x + 4.0) for slot in slots)
        self.scene.labels += [label for label in labels if label is not None]

    def frame(self, item: Item, column: Column, dx: float, dy: float, depth: int) -> None:
        node, laid = item.node, item.laid
        assert node is not None and laid is not None
        x, y = dx + column.x, dy + item.rows[0].y
        far = x + column.width

        def points(wires: Sequence[int], at: float, heights: dict[Slot, float]) -> tuple[tuple[Point, ...], ...]:
            return tuple(tuple((at, y + h) for slot, h in heights.items() if slot[0] == w) for w in wires)

        ins, outs = frame_ports(item)
        kind = "repeat" if node.glyph == "repeat" else "block"
        top, tall = y + laid.top - PAD - TITLE, laid.bottom - laid.top + 2 * PAD + TITLE
        self.scene.frames.append(
            Frame(
                kind, x, top, column.width, tall, frame_text(node), node.title, node.address, node.box, depth,
                points(node.ins, x, ins), points(node.outs, far, outs), again=dict(node.data).get("again", ()),
            )
        )  # fmt: skip
        if column.width > laid.width:  # the column is wider: the last wires inside are longer
            laid = dataclasses.replace(laid, width=column.width)
        self.plan(laid, x, y, depth + 1)

    def glyph(self, laid: Laid, item: Item, column: Column, x: float, dy: float) -> None:
        node, style = item.node, laid.style
        assert node is not None
        far = x + column.width

        def points(
            wires: Sequence[int], arrays: Sequence[Any], at: float, heights: dict[Slot, float]
        ) -> tuple[tuple[Point, ...], ...]:
            pairs = zip(wires, arrays, strict=True)
            return tuple(tuple((at, dy + heights[w, s]) for s in style.slots(a)) for w, a in pairs)

        ins = points(node.ins, node.dom, x, column.before)
        outs = points(node.outs, node.cod, far, column.after)
        glyph = glyphs.of(node, style).place(node, style, ins, outs, x, far, dy + item.rows[0].y)
        where = node.address[:-1]
        stem = next((t.curve[-1][-2:] for t in glyph.threads if t.kind == "stem"), None)
        if stem is not None:
            self.stems[where, node.outs[0]] = len(self.scene.glyphs), stem
        elif node.on_stub and (where, node.ins[0]) in self.stems:
            k, (start, y) = self.stems[where, node.ins[0]]
            if _free(column, item, y - dy, glyph.height / 2):
                glyph = dataclasses.replace(glyph, y=y - glyph.height / 2, data=("stem", start))
            else:  # the product leaves as others do
                threads = [dataclasses.replace(t, kind="stub" if t.kind == "stem" else t.kind)
                           for t in self.scene.glyphs[k].threads]  # fmt: skip
                self.scene.glyphs[k] = dataclasses.replace(self.scene.glyphs[k], threads=tuple(threads))
        self.scene.glyphs.append(glyph)


def _free(column: Column, item: Item, y: float, half: float) -> bool:
    """Whether nothing but `item` is at a height in a column."""
    spans = [(other.rows[0], other.rows[-1]) for other in column.items if other is not item]
    return not any(a.y - a.up < y + half and y - half < b.y + b.down for a, b in spans)


def _line(path: list[tuple[Any, ...]], x: float, y: float) -> None:
    """Goes on horizontally, in one line where it was one already."""
    if path[-1][0] == "L" and path[-1][2] == y:
        path[-1] = ("L", x, y)
    elif path[-1][1:] != (x, y):
        path.append(("L", x, y))
