"""Structural Verilog, written: one module of assignments, with words as ports and latches as registers.

Source: IEEE Standard for Verilog, IEEE 1364-2005, continuous assignments (section 6). Inputs or outputs
called a[0], a[1], ... become one port of several bits.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from ...errors import DataError, explain
from ..netlist import Netlist
from .names import signal_names

KEYWORDS = frozenset({
    "always", "and", "assign", "begin", "buf", "case", "else", "end", "endmodule", "for", "function", "if",
    "initial", "inout", "input", "integer", "module", "nand", "negedge", "nor", "not", "or", "output",
    "parameter", "posedge", "real", "reg", "signed", "task", "time", "tri", "wand", "while", "wire", "wor",
    "xnor", "xor",
})  # fmt: skip
"""Words that Verilog keeps for itself, of those that a circuit is likely to use."""

EXPRESSIONS = {
    0: "1'b0", 15: "1'b1", 12: "{x}", 3: "~{x}", 10: "{y}", 5: "~{y}", 6: "{x} ^ {y}", 9: "~({x} ^ {y})",
    8: "{x} & {y}", 4: "{x} & ~{y}", 2: "~{x} & {y}", 1: "~({x} | {y})",
    7: "~({x} & {y})", 11: "~{x} | {y}", 13: "{x} | ~{y}", 14: "{x} | {y}",
}  # fmt: skip
"""Each truth table as an expression of the signals that it reads, of the kind that most tools read."""


def write(netlist: Netlist, name: str = "circuit") -> bytes:
    """The bytes of a Verilog file with one module of this name, an assignment a gate."""
    if not _simple(name):
        raise DataError(explain(f"Verilog cannot hold a module called {name!r}", expected="letters, digits and _"))
    free, results = netlist.free, netlist.results
    called = signal_names(netlist, _check)
    runs = {"input": list(_runs(called.inputs[:free])), "output": list(_runs(called.outputs[:results]))}
    words = {base: width for of_kind in runs.values() for base, width in of_kind if width is not None}
    _distinct(words, [*called.inputs, *called.outputs, *called.gates, called.zero])
    bits = {f"{base}[{i}]" for base, width in words.items() for i in range(width)}
    signals = ["1'b0", *(_reference(n, bits) for n in called.inputs), *called.gates]
    clock = _unused("clock", [*called.inputs, *called.outputs, *words])
    declared = {kind: [_port(*run) for run in of_kind] for kind, of_kind in runs.items()}
    declared["input"] += [("", clock)] * bool(len(netlist.latches))
    ports = [port for of_kind in declared.values() for _, port in of_kind]
    lines = [f"module {name} ({', '.join(ports)});"]  # on one line, as some readers need it
    lines += [f"  {kind} {width}{port};" for kind, of_kind in declared.items() for width, port in of_kind]
    for state, initial in zip(signals[1 + free : 1 + netlist.inputs], netlist.latches.tolist(), strict=True):
        lines.append(f"  reg {state} = 1'b{initial};")
    lines += _wires(called.gates)
    for gate, table, left, right in zip(
        called.gates, netlist.table.tolist(), netlist.left.tolist(), netlist.right.tolist(), strict=True
    ):
        x, y = signals[left], signals[right]
        lines.append(f"  assign {gate} = {EXPRESSIONS[table].format(x=x, y=y)};")
    sources = netlist.outputs.tolist()
    for output, source in zip(called.outputs[:results], sources, strict=False):
        lines.append(f"  assign {_reference(output, bits)} = {signals[source]};")
    for state, source in zip(signals[1 + free : 1 + netlist.inputs], sources[results:], strict=True):
        lines.append(f"  always @(posedge {clock}) {state} <= {signals[source]};")
    return ("\n".join([*lines, "endmodule"]) + "\n").encode()


def _simple(name: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)) and name not in KEYWORDS


def _check(name: str) -> None:
    if not re.fullmatch(r"[!-~]+", name):
        expected = "printable ASCII without spaces"
        raise DataError(explain(f"Verilog cannot hold the name {name!r}", expected=expected, do="rename the signal"))


def _distinct(words: Collection[str], names: Sequence[str]) -> None:
    for name in set(words) & set(names):
        raise DataError(explain(f"{name!r} is one signal and the name of a word {name}[0], ...", do="rename one"))


def _unused(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _runs(names: Sequence[str]) -> Iterator[tuple[str, int | None]]:
    """The ports that these names make, each with its width, None for a single bit."""
    at = 0
    while at < len(names):
        base = names[at][: -len("[0]")]
        width = 0
        while names[at].endswith("[0]") and names[at + width : at + width + 1] == [f"{base}[{width}]"]:
            width += 1
        if width and _simple(base):
            yield base, width
            at += width
        else:
            yield names[at], None
            at += 1


def _port(base: str, width: int | None) -> tuple[str, str]:
    """The width of a port, as it is declared, and its name."""
    return ("", _reference(base, ())) if width is None else (f"[{width - 1}:0] ", base)


def _reference(name: str, bits: Collection[str]) -> str:
    """A name as the language writes it: plain, one of the `bits` of words, or escaped."""
    return name if _simple(name) or name in bits else f"\\{name} "


def _wires(names: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(names), 12):
        yield f"  wire {', '.join(names[start : start + 12])};"
