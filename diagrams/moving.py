"""Moving scenes: shifted, and mirrored left to right."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from .scene import Curve, Glyph, Mark, Point, Scene, Thread
from .shapes import Shape

OTHER_END = {"start": "end", "end": "start", "middle": "middle"}
"""The anchors of texts in a mirror."""


@dataclasses.dataclass(frozen=True)
class Move:
    """The map (x, y) -> (sign x + dx, y + dy) of the plane; with sign -1 it is a mirror."""

    dx: float = 0.0
    dy: float = 0.0
    sign: int = 1

    def point(self, p: Point) -> Point:
        """Where a point goes."""
        return (self.sign * p[0] + self.dx, p[1] + self.dy)

    def curve(self, curve: Curve) -> Curve:
        """Where a curve goes."""
        return tuple(
            (part[0], *(v for i in range(1, len(part), 2) for v in self.point((part[i], part[i + 1]))))
            for part in curve
        )

    def left(self, x: float, width: float) -> float:
        """The left edge of what reaches from `x` over `width`."""
        return self.point((x if self.sign > 0 else x + width, 0.0))[0]

    def ports(self, ports: tuple[tuple[Point, ...], ...]) -> tuple[tuple[Point, ...], ...]:
        """Where ports go."""
        return tuple(tuple(self.point(p) for p in array) for array in ports)

    def glyph(self, glyph: Glyph) -> Glyph:
        """The glyph at its new place. In a mirror its body is still that of its kind."""
        return dataclasses.replace(
            glyph,
            x=self.left(glyph.x, glyph.width),
            y=glyph.y + self.dy,
            ins=self.ports(glyph.ins),
            outs=self.ports(glyph.outs),
            threads=tuple(Thread(t.kind, self.curve(t.curve)) for t in glyph.threads),
            data=("stem", self.left(glyph.data[1], 0.0)) if glyph.data[:1] == ("stem",) else glyph.data,
        )

    def item(self, item: Any) -> Any:
        """A frame, dash, wire or label at its new place."""
        changed: dict[str, Any] = {}
        if hasattr(item, "curve"):
            changed["curve"] = self.curve(item.curve)
        elif hasattr(item, "anchor"):
            x, y = self.point((item.x, item.y))
            changed |= {"x": x, "y": y, "anchor": item.anchor if self.sign > 0 else OTHER_END[item.anchor]}
        else:
            changed |= {"x": self.left(item.x, item.width), "y": item.y + self.dy}
            changed |= {"ins": self.ports(item.ins), "outs": self.ports(item.outs)}
        return dataclasses.replace(item, **changed)

    def shapes(self, shapes: Iterable[Shape]) -> Iterable[Shape]:
        """Where shapes go; texts stay readable."""
        return (self.item(shape) for shape in shapes)

    def mark(self, mark: Mark) -> Mark:
        """The mark at its new place."""
        x, y = self.left(mark.x, mark.width), mark.y + self.dy
        return dataclasses.replace(mark, shapes=tuple(self.shapes(mark.shapes)), x=x, y=y)

    def scene(self, scene: Scene) -> None:
        """Moves everything in a scene."""
        for name in ("frames", "dashes", "wires", "labels"):
            setattr(scene, name, [self.item(item) for item in getattr(scene, name)])
        scene.marks = [self.mark(mark) for mark in scene.marks]
        scene.glyphs = [self.glyph(glyph) for glyph in scene.glyphs]
