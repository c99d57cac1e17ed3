"""DOT: the source of a graph with a node a glyph and an edge an array between two, for Graphviz to lay out."""

from __future__ import annotations

from typing import Any

import graphviz

from ..scene import Scene
from .common import clean
from .links import Edge, Node, links

WIDTH = 40
"""The most characters of a label; longer texts are tooltips."""
STYLES = {"change": "dashed", "kept": "dotted"}
"""How edges are drawn that are no values: changes, and what is kept for the way back."""


def write(scene: Scene) -> str:
    """The graph of a scene.

    The nodes g0, g1, ... are its glyphs in order, in clusters for the frames around them; the nodes in0, ... and
    out0, ... are the inputs and outputs from the top, from0, ... what comes from elsewhere, such as parameters,
    and in0_back, ... the changes of these. The two sides of an equation are clusters, and the nodes of the right
    one are called right_in0, ... The numbers at the ends of an edge are those of the array among the
    outputs of one box and the inputs of the other. Raises FileError where no wire leads to a box.
    """
    graph = graphviz.Digraph(node_attr={"shape": "box", "fontname": "Helvetica"}, edge_attr={"fontname": "Helvetica"})
    sign = next((label.text for label in scene.labels if label.role == "sign"), None)
    graph.attr(rankdir="LR", label=literal(scene.title or ("" if sign is None else f"left {sign} right")))
    nodes, edges = links(scene)
    tree: dict[Any, Any] = {}
    for node in nodes:
        part = tree if sign is None else tree.setdefault(("left", "right")[node.side], {})
        for frame in node.around:
            part = part.setdefault(frame, {})
        part[node] = None
    _nodes(graph, scene, tree)
    for edge in edges:
        _edge(graph, edge)
    return graph.source


def literal(text: str) -> Any:
    """A text as a label that Graphviz shows as it is: no escapes, no HTML, no entities."""
    return graphviz.nohtml(graphviz.escape(clean(text).replace("&", "&amp;")).replace("\n", "\\n"))


def _nodes(graph: Any, scene: Scene, tree: dict[Any, Any]) -> None:
    for item, inside in tree.items():
        if not isinstance(item, Node):
            with graph.subgraph(name=f"cluster_{item}") as part:
                part.attr(label=literal(item if isinstance(item, str) else scene.frames[item].text), style="rounded")
                _nodes(part, scene, inside)
        elif item.glyph < 0:
            graph.node(item.name, literal(item.text), shape="cds")
        else:
            short = item.text if len(item.text) <= WIDTH else item.text[: WIDTH - 1] + "…"
            graph.node(item.name, literal(short), tooltip=None if short == item.text else literal(item.text))


def _edge(graph: Any, edge: Edge) -> None:
    out, into = (None if number is None else str(number) for number in (edge.out, edge.into))
    style = STYLES.get(edge.kind)
    graph.edge(edge.start, edge.end, literal(edge.text), taillabel=out, headlabel=into, style=style)
