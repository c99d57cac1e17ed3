"""The wiring graph of a typed term in the DOT language: a node a box, an edge a wire with its space.

Boxes with a term inside are drawn as clusters around that term's graph, down to a depth. What is
drawn is the typed graph that also runs; the source needs nothing but Python.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import graphviz

from lenses.errors import FileError, LensError, explain
from lenses.files import write_whole
from lenses.spaces import Array
from lenses.terms import Term
from lenses.typed import Cell, Circuit, Combinator, as_typed

WIDTH = 40


class Picture:
    """A drawn term: `source`, its text in the DOT language, and `save`."""

    def __init__(self, graph: graphviz.Digraph):
        self._graph = graph
        self.source: str = graph.source

    def save(self, path: Any) -> None:
        """Writes the picture by the file's ending: .dot always; .svg, .pdf and .png where Graphviz' `dot` is installed.

        Raises FileError for another ending, a folder that cannot be written, or a missing `dot`.
        """
        ending = Path(path).suffix
        if ending == ".dot":
            write_whole(path, self.source.encode())
        elif ending in (".svg", ".pdf", ".png"):
            try:
                write_whole(path, self._graph.pipe(format=ending[1:]))
            except graphviz.ExecutableNotFound:
                do = "save it as .dot, or install Graphviz"
                raise FileError(explain(f"cannot write {path}: there is no program `dot` here", do=do)) from None
        else:
            raise FileError(
                explain(f"cannot write {path}", expected=".dot, .svg, .pdf or .png", came=ending or "no ending")
            )


def draw(term: Term, depth: int = 1) -> Picture:
    """The wiring graph of a typed term; boxes with a term inside are opened `depth` levels deep.

    Raises SpaceError for a term without its type.
    """
    if depth < 0:
        raise LensError(explain(f"draw: depth={depth}", expected="0 or more"))
    typed = as_typed(term, None, "draw")
    graph = graphviz.Digraph(graph_attr={"rankdir": "LR"}, node_attr={"shape": "box", "fontname": "Helvetica"})
    starts = []
    for i, _ in enumerate(typed.dom):
        graph.node(f"in{i}", f"{i}", shape="cds")
        starts.append(f"in{i}")
    ends = _circuit(graph, typed.circuit, starts, "n", depth)
    for i, (start, array) in enumerate(zip(ends, typed.cod, strict=True)):
        graph.node(f"out{i}", f"{i}", shape="cds")
        _wire(graph, start, f"out{i}", array)
    return Picture(graph)


def _wire(graph: graphviz.Digraph, start: str, end: str, array: Array) -> None:
    graph.edge(start, end, label=graphviz.escape(repr(array)))


def _circuit(graph: graphviz.Digraph, circuit: Circuit, starts: list[str], name: str, depth: int) -> list[str]:
    """Draws a typed graph whose inputs come from the nodes `starts`; the nodes its outputs come from."""
    carried: dict[int, tuple[str, Array]] = {
        i: (s, a) for i, (s, a) in enumerate(zip(starts, circuit.dom, strict=True))
    }
    for cell in circuit.cells:
        here = f"{name}_{cell.index}"
        ins = [carried[w] for w in cell.ins]
        if depth and _opens(cell):
            assert cell.inner is not None
            part = graphviz.Digraph(f"cluster_{here}")
            part.attr(label=graphviz.escape(cell.box.label), style="rounded")
            outs = _circuit(part, cell.inner, [s for s, _ in ins], here, depth - 1)
            graph.subgraph(part)
        else:
            text = repr(cell.box)
            graph.node(here, graphviz.escape(text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."))
            for start, array in ins:
                _wire(graph, start, here, array)
            outs = [here] * len(cell.outs)
        carried |= {w: (s, a) for w, s, a in zip(cell.outs, outs, cell.cod, strict=True)}
    return [carried[w][0] for w in circuit.outs]


def _opens(cell: Cell) -> bool:
    """Whether the box can be drawn as a cluster: a term inside with wires like the box's own."""
    inside = cell.inner
    return (
        isinstance(cell.box, Combinator) and inside is not None and (len(inside.dom), len(inside.cod)) == cell.box.arity
    )
