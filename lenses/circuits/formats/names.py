"""What the signals of a netlist are called in a file: its own names where it has any, short ones else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...causal.maps import Causal
from ...errors import DataError, explain, shown
from ...spaces import Space
from ...terms import Term
from ...trees import leaves, whole
from ...typed import as_typed
from ..netlist import Netlist, dependences
from ..reading import to_netlist

Port = tuple[str, int | None]
"""The name of an array and the number of its bits, None for one bit by itself."""


def named(
    circuit: Netlist | Term | Causal, parameters: Any = None, inputs: Sequence[str] = (), outputs: Sequence[str] = ()
) -> Netlist:
    """The netlist of a circuit, with names for its bits.

    A name stands for one bit, or for one array of a term's interface, whose bits are then name[0], name[1],
    ... in order. Without names those of the netlist stay; a term's arrays are x0, x1, ... and y0, y1, ...,
    and its parameters go by their own names. Raises DataError where there are more names or fewer.
    """
    if isinstance(circuit, Netlist):
        netlist, (input_names, output_names) = circuit, _own_names(circuit)
        ins: list[Port] = [(name, None) for name in input_names[: netlist.free]]
        outs: list[Port] = [(name, None) for name in output_names[: netlist.results]]
        state, then = input_names[netlist.free :], output_names[netlist.results :]
    elif isinstance(circuit, Causal):
        netlist = to_netlist(circuit, parameters)
        ins, outs = _interface(circuit.domain("a circuit to be written"), circuit.cod)
        state, then = ([f"{stem}{i}" for i in range(len(netlist.latches))] for stem in ("held", "next"))
    else:
        typed = as_typed(circuit, None, "a circuit to be written")
        netlist, state, then = to_netlist(typed, parameters), [], []
        ins, outs = _interface(typed.dom, typed.cod)
        if parameters is None:
            ins += [(".".join(path), port.array.size) for path, port in leaves(whole(typed.circuit))]
        outs += [(f"change{i}", None) for i in range(len(netlist.outputs) - sum(a.size for a in typed.cod))]
    return netlist.renamed(
        [*_bits("inputs", ins, inputs), *state],
        [*_bits("outputs", outs, outputs), *then],
    )


def _interface(dom: Space, cod: Space) -> tuple[list[Port], list[Port]]:
    """The arrays of an interface by their names."""
    ins, outs = ([(f"{stem}{i}", a.size if a.rank else None) for i, a in enumerate(space)]
                 for stem, space in (("x", dom), ("y", cod)))  # fmt: skip
    return ins, outs


def _own_names(netlist: Netlist) -> tuple[list[str], list[str]]:
    """The names of inputs and outputs, x0, x1, ... and y0, y1, ... where there are none."""
    sides = ((netlist.input_names, netlist.inputs, "x"), (netlist.output_names, len(netlist.outputs), "y"))
    inputs, outputs = (list(names) or [f"{stem}{i}" for i in range(many)] for names, many, stem in sides)
    return inputs, outputs


def _bits(side: str, ports: Sequence[Port], given: Sequence[str]) -> list[str]:
    """The names of single bits, from those of arrays or of bits."""
    own = [name for p, n in ports for name in ([p] if n is None else [f"{p}[{i}]" for i in range(n)])]
    if not given:
        return own
    if isinstance(given, str) or not all(isinstance(name, str) for name in given):
        raise DataError(explain(f"the names of {side}: {shown(given)}", expected="a list of texts"))
    if len(given) == len(ports):
        return _bits(side, [(name, n) for name, (_, n) in zip(given, ports, strict=True)], ())
    if len(given) != len(own):
        expected = f"{len(own)}, one a bit" + f", or {len(ports)}, one an array" * (len(ports) != len(own))
        raise DataError(explain(f"{len(given)} names of {side}", expected=expected, came=shown(given)))
    return list(given)


class Names(NamedTuple):
    """The names of inputs, outputs and gates, of the constant 0, and whether anything reads that."""

    inputs: list[str]
    outputs: list[str]
    gates: list[str]
    zero: str
    zero_used: bool


def signal_names(netlist: Netlist, check: Callable[[str], None]) -> Names:
    """One name a signal, all different; `check` raises where a format cannot hold a name.

    The last outputs, the next values of latches, are named apart from the latches. Raises DataError for
    a name that is given twice.
    """
    inputs, outputs = _own_names(netlist)
    outputs = outputs[: netlist.results]
    seen: set[str] = set()
    for name in [*inputs, *outputs]:
        check(name)
        if name in seen:
            raise DataError(
                explain(f"two signals of the netlist are called {name!r}", do="give each a name of its own")
            )
        seen.add(name)

    def fresh(stem: str, count: int) -> list[str]:
        """New names, of the first stem of which none is taken."""
        tail = 0
        while True:
            names = [f"{stem}{'_' * tail}{i}" for i in range(count)]
            if seen.isdisjoint(names):
                seen.update(names)
                return names
            tail += 1

    nexts = fresh("next", len(netlist.latches))
    reads_left, reads_right = dependences(netlist.table)
    zero_used = bool(
        np.any(netlist.outputs == 0)
        or np.any((netlist.left == 0) & reads_left)
        or np.any((netlist.right == 0) & reads_right)
    )
    return Names(inputs, [*outputs, *nexts], fresh("g", netlist.gates), fresh("zero", 1)[0], zero_used)
