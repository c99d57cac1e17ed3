"""Wiring graphs: the normal form of terms.

A graph is a list of nodes in single assignment form. Wires are numbered: the inputs first, then
the outputs of each node in order. Structure that only routes wires (identities, permutations,
brackets) is gone, so two terms are equal in the free symmetric monoidal category exactly when
their graphs are isomorphic. `canonical` picks one graph out of each class, in linear time: every
port is ordered, so a walk from the boundary meets the nodes in an order that no renaming changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple


class Node(NamedTuple):
    """A box with its input wires and output wires; `leaf` is its place in the term it was read from."""

    box: Any
    ins: tuple[int, ...]
    outs: tuple[int, ...]
    leaf: int


class Graph(NamedTuple):
    """Wires 0 .. inputs-1 come in; each node's outputs follow; `outs` leave."""

    inputs: int
    nodes: tuple[Node, ...]
    outs: tuple[int, ...]

    @property
    def code(self) -> Hashable:
        """What the graph is, up to nothing: equal for equal canonical graphs."""
        return (self.inputs, tuple((node.box.identity, node.ins) for node in self.nodes), self.outs)

    def networkx(self) -> Any:
        """The graph as a `networkx.MultiDiGraph`; nodes 'in', 'out' and 0, 1, ..., edges by wire and port."""
        import networkx

        result = networkx.MultiDiGraph()
        result.add_node("in")
        source: dict[int, tuple[Any, int]] = {w: ("in", w) for w in range(self.inputs)}
        for i, node in enumerate(self.nodes):
            result.add_node(i, box=node.box)
            source |= {w: (i, port) for port, w in enumerate(node.outs)}
        result.add_node("out")
        for i, ins in [*((i, node.ins) for i, node in enumerate(self.nodes)), ("out", self.outs)]:
            for port, w in enumerate(ins):
                start, start_port = source[w]
                result.add_edge(start, i, wire=w, ports=(start_port, port))
        return result


class _Walk:
    """The state of one canonical walk: which nodes were met, in which order, with which new wires."""

    def __init__(self, graph: Graph):
        self.nodes = graph.nodes
        self.producer = {w: i for i, node in enumerate(graph.nodes) for w in node.outs}
        self.consumer = {w: i for i, node in enumerate(graph.nodes) for w in node.ins}
        self.order: list[int] = []
        self.met: Any = bytearray(len(graph.nodes))
        self.wires: list[int] = list(range(graph.inputs))

    def back(self, start: int) -> None:
        """Meet node `start` after everything it needs, depth first, wires in order."""
        stack = [(start, 0)]
        while stack:
            i, port = stack.pop()
            if self.met[i]:
                continue
            ins = self.nodes[i].ins
            while port < len(ins):
                before = self.producer.get(ins[port])
                port += 1
                if before is not None and not self.met[before]:
                    stack += [(i, port), (before, 0)]
                    break
            else:
                self.met[i] = 1
                self.order.append(i)
                self.wires.extend(self.nodes[i].outs)

    def onward(self, position: int) -> None:
        """Meet all that the wires from `position` on lead to."""
        while position < len(self.wires):
            after = self.consumer.get(self.wires[position])
            if after is not None and not self.met[after]:
                self.back(after)
            position += 1


def canonical(graph: Graph) -> Graph:
    """The representative of the graph's class: nodes in a topological order fixed by the boundary.

    Outputs first, in order, each after what it needs; then what the inputs reach without reaching
    an output; then the parts that touch no boundary, sorted.
    """
    walk = _Walk(graph)
    for w in graph.outs:
        if (i := walk.producer.get(w)) is not None:
            walk.back(i)
    walk.onward(0)
    order = walk.order
    if len(order) < len(graph.nodes):
        order += [i for part in _floating(graph, walk) for i in part]
    return renumber(graph, order)


def renumber(graph: Graph, order: Sequence[int]) -> Graph:
    """The graph, its wires numbered in the order of its nodes, with the nodes in another topological order."""
    if list(order) == list(range(len(graph.nodes))):
        return graph
    new = {w: w for w in range(graph.inputs)}
    nodes: list[Node] = []
    for i in order:
        box, ins, outs, leaf = graph.nodes[i]
        first = len(new)
        for offset, w in enumerate(outs):
            new[w] = first + offset
        nodes.append(Node(box, tuple([new[w] for w in ins]), tuple(range(first, first + len(outs))), leaf))
    return Graph(graph.inputs, tuple(nodes), tuple([new[w] for w in graph.outs]))


def _floating(graph: Graph, walk: _Walk) -> list[list[int]]:
    """The components that touch no boundary, each in its least order, sorted by it.

    Every node is tried as the start of its component, least label first, so this costs a square of
    the largest such component in the worst case; they are scalars like ``zero(A) >> discard``.
    Boxes are told apart by their text, and where two that differ print alike, by their hash.
    """
    labels = [(repr(node.box), hash(node.box.identity)) for node in graph.nodes]
    found: list[tuple[tuple[Any, ...], list[int]]] = []
    seen: set[int] = set()
    for first in range(len(graph.nodes)):
        if walk.met[first] or first in seen:
            continue
        component = _component(graph, walk, first)
        seen.update(component)
        least = min(labels[i] for i in component)
        trials = [_trial(walk, start) for start in component if labels[start] == least]
        found.append(min((_trial_code(graph, labels, trial), trial.order) for trial in trials))
    return [order for _, order in sorted(found, key=lambda item: item[0])]


def _trial(walk: _Walk, start: int) -> _Walk:
    trial = _Walk.__new__(_Walk)
    trial.nodes, trial.producer, trial.consumer = walk.nodes, walk.producer, walk.consumer
    trial.order, trial.met, trial.wires = [], defaultdict(int), []
    trial.back(start)
    trial.onward(0)
    return trial


def _trial_code(graph: Graph, labels: Sequence[Any], trial: _Walk) -> tuple[Any, ...]:
    name = {w: k for k, w in enumerate(trial.wires)}
    return tuple((labels[i], tuple(name[w] for w in graph.nodes[i].ins)) for i in trial.order)


def _component(graph: Graph, walk: _Walk, start: int) -> list[int]:
    seen, stack = {start}, [start]
    while stack:
        node = graph.nodes[stack.pop()]
        near = [walk.producer.get(w) for w in node.ins] + [walk.consumer.get(w) for w in node.outs]
        for i in near:
            if i is not None and i not in seen:
                seen.add(i)
                stack.append(i)
    return sorted(seen)
