"""Learners as machines: what two gates with learned inputs can learn, and what they never will.

    python examples/learners/machines.py [picture.png]

Each input bit goes through a truth table of its own, two bits that are learned, and then both through an AND gate.
Reverse derivative ascent makes this a learner with 16 parameters, and so a machine of 16 states, small enough to know
everything about. Taught AND, some states lead to it and some never do: a change comes back to one table only where
the other gives 1. "It has learned" and "it never will" are propositions, and for some states it is open which of
them comes true. With an exclusive or in place of AND, states come in pairs that nobody can tell apart.
"""

import sys
from pathlib import Path
from typing import Any

import networkx

from lenses import Bits
from lenses.circuits import conj, lookup, xor
from lenses.learn import L
from lenses.machines import Logic, bisimilar, distinguish, learner, machine, quotient, taught

PAIR = Bits(1) @ Bits(1)
EXAMPLES = [(a, (a >> 1) & a & 1) for a in range(4)]  # inputs as numbers, two bits each, with what AND gives


def bits(state: int) -> str:
    """The four learned bits of a state: the table of each input."""
    return f"{state >> 2:02b} {state & 3:02b}"


def gates(gate):
    """The learner: a table for each input, and a gate of both."""
    return L(1)((lookup(1) @ lookup(1)) >> gate, PAIR)


def describe(name: str, moore):
    """Prints how large a machine is, and how large one that does the same needs to be."""
    small, kind = quotient(moore)
    print(f"{name}: {len(moore)} states that show {len(set(moore.shows))} lenses; {len(small)} kinds of states")
    alike = [(s, t) for s in range(len(moore)) for t in range(s) if kind[s] == kind[t]]
    if alike:
        print("  nobody can tell apart", ", ".join(f"{bits(t)} and {bits(s)}" for s, t in alike[:3]), "...")
    else:
        first = next((s, t) for s in range(len(moore)) for t in range(s) if moore.shows[s] == moore.shows[t])
        row = distinguish(moore, *first)
        print(f"  {bits(first[1])} and {bits(first[0])} show the same, and no longer after {row}")
    return small


def draw(moore, learned, never, path: Path) -> None:
    """Writes the graph of states, in columns by how many steps they may still take."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print("no picture: matplotlib is not here; it comes with the extra `pictures`")
        return
    graph = networkx.DiGraph((s, t) for s, t in moore.graph.edges if s != t)
    for column, states in enumerate(networkx.topological_generations(graph.reverse())):
        for s in states:
            graph.nodes[s]["column"] = -column
    place = networkx.multipartite_layout(graph, "column")
    kinds = (learned, "#5fb85f"), (~never, "#c5e8c5"), (never, "#f08080"), (learned.logic.true, "#dddddd")
    colours = [next(colour for kind, colour in kinds if s in kind) for s in graph]
    figure, axes = plt.subplots(figsize=(10, 6), layout="constrained")
    networkx.draw_networkx_nodes(graph, place, node_size=1500, node_color=colours, edgecolors="#333333", ax=axes)
    networkx.draw_networkx_labels(graph, place, {s: bits(s) for s in graph}, font_size=9, ax=axes)
    curved: dict[str, Any] = {"connectionstyle": "arc3,rad=0.08", "edge_color": "#555555"}
    networkx.draw_networkx_edges(graph, place, node_size=1500, ax=axes, **curved)
    axes.set_title("taught AND: learned (green), not never (light), never (red), neither (grey)")
    axes.axis("off")
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"wrote {path}")


def main(path: Path | str = "machines.png") -> dict[str, int]:
    """Prints what the two learners are as machines and what can be said of one of them, and draws its states."""
    conjunction, parity = machine(gates(conj)), machine(gates(xor))
    print("interface:", conjunction.interface)
    describe("AND of two tables", conjunction)
    small = describe("exclusive or of two tables", parity)
    smaller = learner(small, PAIR, Bits())
    print(f"  one of {len(small)} parameters is a learner too, and they are {bisimilar(gates(xor), smaller)!r}")

    lesson = taught(conjunction, EXAMPLES)
    logic = Logic(lesson)
    learned = logic.where(lambda s: all(lesson.shows[s][a][0] == b for a, b in EXAMPLES))
    never = ~learned
    print(f"taught AND: {len(list(logic.all()))} propositions, of which")
    print("  it has learned:", ", ".join(map(bits, sorted(learned.states))))
    print("  it never will: ", ", ".join(map(bits, sorted(never.states))))
    print(f"  one or the other: at {len(learned | never)} of {len(lesson)} states, so excluded middle fails")
    print(f"  not never: at {len(~never)} states; never or not never: at {len(never | ~never)}")
    draw(lesson, learned, never, Path(path))
    return {"states": len(lesson), "learned": len(learned), "never": len(never), "kinds of parity": len(small)}


if __name__ == "__main__":
    main(sys.argv[1]) if len(sys.argv) > 1 else main()
