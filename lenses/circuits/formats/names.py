"""What the signals of a netlist are called in a file: its own names where it has any, short ones else."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...errors import DataError, explain
from ..netlist import Netlist


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
    states = len(netlist.latches)
    inputs = list(netlist.input_names) or [f"x{i}" for i in range(netlist.inputs)]
    results = len(netlist.outputs) - states
    outputs = list(netlist.output_names[:results]) or [f"y{i}" for i in range(results)]
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

    nexts = fresh("next", states)
    reads_left = (netlist.table & 3) != (netlist.table >> 2)
    reads_right = (netlist.table & 5) != (netlist.table >> 1 & 5)
    zero_used = bool(
        np.any(netlist.outputs == 0)
        or np.any((netlist.left == 0) & reads_left)
        or np.any((netlist.right == 0) & reads_right)
    )
    return Names(inputs, [*outputs, *nexts], fresh("g", netlist.gates), fresh("zero", 1)[0], zero_used)
