"""DOT: the source of a graph with a node a glyph and an edge an array between two, for Graphviz to lay out.

Which glyphs an array joins is read off the picture: its strands end where those of a glyph begin, or
where others go on inside a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import graphviz

from ..scene import Address, Point, Scene, Wire, key
from .common import clean

WIDTH = 40
"""The most characters of a label; longer texts are tooltips."""

End = int | tuple[str, Any]
"""Where an edge begins or ends: at the glyph of that number, or loose."""


def write(scene: Scene) -> str:
    """The graph of a scene.

    The nodes g0, g1, ... are its glyphs in order, in clusters for the frames around them; the nodes in0, ... and
    out0, ... are where arrays come from outside and leave.
    """
    graph = graphviz.Digraph(node_attr={"shape": "box", "fontname": "Helvetica"}, edge_attr={"fontname": "Helvetica"})
    graph.attr(rankdir="LR", label=literal(scene.title))
    _nodes(graph, scene, range(len(scene.glyphs)), _around(scene), 0)
    edges = list(_edges(scene))
    names: dict[End, str] = {end: f"g{end}" for edge in edges for end in edge[:2] if isinstance(end, int)}
    for side in ("in", "out"):
        loose = dict.fromkeys(end for edge in edges for end in edge[:2] if not isinstance(end, int) and end[0] == side)
        for i, end in enumerate(loose):
            names[end] = f"{side}{i}"
            graph.node(names[end], shape="cds")
    for start, end, text in edges:
        graph.edge(names[start], names[end], literal(text))
    return graph.source


def literal(text: str) -> Any:
    """A text as a label that Graphviz shows as it is: no escapes, no HTML, no entities."""
    return graphviz.nohtml(graphviz.escape(clean(text).replace("&", "&amp;")).replace("\n", "\\n"))


def _around(scene: Scene) -> list[list[int]]:
    """For each glyph the numbers of the frames around it, the outermost first."""
    at: dict[Address, list[int]] = {}
    for i, frame in sorted(enumerate(scene.frames), key=lambda pair: pair[1].depth):
        at.setdefault(frame.address, []).append(i)
    return [[i for n in range(len(glyph.address) + 1) for i in at.get(glyph.address[:n], ())] for glyph in scene.glyphs]


def _nodes(graph: Any, scene: Scene, glyphs: Iterable[int], around: list[list[int]], depth: int) -> None:
    """Writes the nodes of glyphs that have `depth` frames in common, which are open."""
    for frame, inside in groupby(glyphs, lambda i: next(iter(around[i][depth:]), None)):
        if frame is not None:
            with graph.subgraph(name=f"cluster_{frame}") as part:
                part.attr(label=literal(scene.frames[frame].text), style="rounded")
                _nodes(part, scene, inside, around, depth + 1)
            continue
        for i in inside:
            text = scene.glyphs[i].title or scene.glyphs[i].text
            short = text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
            graph.node(f"g{i}", literal(short), tooltip=None if short == text else literal(text))


def _edges(scene: Scene) -> Iterator[tuple[End, End, str]]:
    """The arrays between two glyphs, or between one and the outside, with what they are."""
    makers = {key(p): i for i, glyph in enumerate(scene.glyphs) for array in glyph.outs for p in array}
    takers = {key(p) for glyph in scene.glyphs for array in glyph.ins for p in array}
    into = {key(wire.end): wire for wire in scene.wires}
    goes_on = {key(wire.start) for wire in scene.wires}

    def source(point: Point) -> End:
        """Where the strand that ends in a point comes from."""
        seen: set[Any] = set()
        last: Any = point
        while (at := key(point)) in into and at not in seen:
            seen.add(at)
            wire = into[at]
            last, point = (wire.address, wire.wire), wire.start
            if key(point) in makers:
                break
        return makers.get(key(point), ("in", last))

    for i, glyph in enumerate(scene.glyphs):
        for array in glyph.ins:
            if array:
                yield source(array[0]), i, _text(into.get(key(array[0])))
    left = {key(wire.end) for wire in scene.wires} - takers - goes_on
    for array, wire in {(w.address, w.wire): w for w in reversed(scene.wires) if key(w.end) in left}.items():
        yield source(wire.end), ("out", array), _text(wire)


def _text(wire: Wire | None) -> str:
    if wire is None:
        return ""
    return wire.title or "=".join(part for part in (wire.name, str(wire.size) if wire.axis >= 0 else "") if part)
