"""The reverse derivative of a circuit as a circuit: that of its formal polynomial, gate by gate from the outputs."""

from __future__ import annotations

from ..hashing import FormalHashing
from ..netlist import TABLES, Netlist, polynomials


def reverse_netlist(netlist: Netlist) -> Netlist:
    """R[f] of f: A -> B as a netlist A * B' -> A': inputs, then changes of outputs, to changes of inputs.

    A gate a + bx + cy + dxy sends the change e of its output to (b + dy)e on x and (c + dx)e on y.
    """
    outputs = netlist.outputs.tolist()
    gates = FormalHashing(netlist.inputs + len(outputs))
    literals = gates.literals()
    signal = gates.signals(netlist, literals[: netlist.inputs])
    change = [0] * len(signal)

    def meet(at: int, table: str, x: int, y: int) -> None:
        change[at] = gates.gate(TABLES["xor"], change[at], gates.gate(TABLES[table], x, y))

    for output, literal in zip(outputs, literals[netlist.inputs :], strict=True):
        meet(output, "buf", literal, 0)
    rows = polynomials(netlist.table).tolist()
    left, right = netlist.left.tolist(), netlist.right.tolist()
    for gate in range(netlist.gates - 1, -1, -1):
        _, b, c, d = rows[gate]
        x, y, e = left[gate], right[gate], change[1 + netlist.inputs + gate]
        if b or d:
            meet(x, "and", signal[y] ^ b if d else b, e)
        if c or d:
            meet(y, "and", signal[x] ^ c if d else c, e)
    return gates.netlist([change[1 + i] for i in range(netlist.inputs)])
