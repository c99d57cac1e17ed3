"""AIGER, the format of and-inverter graphs: ASCII (.aag) and binary (.aig).

Source: A. Biere, The AIGER and-inverter graph format, version 20071012, and its extension 1.9 (initial
values of latches). A variable v is written 2v, its negation 2v + 1; 0 and 1 are the constants. In the
binary form inputs and gates are numbered without gaps and a gate holds two differences, seven bits a byte.
"""

from __future__ import annotations

from typing import Any

from ..netlist import Netlist
from .draft import ZERO, Draft, Signal

ANDS = {
    8: (0, 0, 0),
    4: (0, 1, 0),
    2: (1, 0, 0),
    1: (1, 1, 0),
    7: (0, 0, 1),
    11: (0, 1, 1),
    13: (1, 0, 1),
    14: (1, 1, 1),
}
"""Truth tables that are one conjunction: whether its left, its right and its result are negated."""

MOST_INPUTS = 2**22
"""More inputs are taken for a broken file: the binary form spends no byte on them."""


class _Graph:
    """The conjunctions of a netlist, and the literal of each of its signals."""

    def __init__(self, netlist: Netlist):
        self.first = 1 + netlist.inputs
        self.ands: list[tuple[int, int]] = []
        self.literals = [2 * i for i in range(self.first)]
        gates = zip(netlist.table.tolist(), netlist.left.tolist(), netlist.right.tolist(), strict=True)
        for table, left, right in gates:
            self.literals.append(self._gate(table, self.literals[left], self.literals[right]))

    def _and(self, x: int, y: int) -> int:
        self.ands.append((max(x, y), min(x, y)))
        return 2 * (self.first + len(self.ands) - 1)

    def _gate(self, table: int, x: int, y: int) -> int:
        if table in ANDS:
            left, right, result = ANDS[table]
            return self._and(x ^ left, y ^ right) ^ result
        if table in (6, 9):
            return self._and(self._and(x, y ^ 1) ^ 1, self._and(x ^ 1, y) ^ 1) ^ (table == 6)
        return {0: 0, 15: 1, 12: x, 3: x ^ 1, 10: y, 5: y ^ 1}[table]


def write(netlist: Netlist, binary: bool = False) -> bytes:
    """The bytes of an AIGER file with this circuit, its latches and the names of its signals."""
    graph = _Graph(netlist)
    free, most = netlist.free, netlist.inputs + len(graph.ands)
    outputs = [graph.literals[o] for o in netlist.outputs.tolist()]
    results, nexts = outputs[: netlist.results], outputs[netlist.results :]
    head = f"{'aig' if binary else 'aag'} {most} {free} {len(nexts)} {len(results)} {len(graph.ands)}"
    lines = [head] if binary else [head, *(str(2 * (1 + i)) for i in range(free))]
    for i, (then, initial) in enumerate(zip(nexts, netlist.latches.tolist(), strict=True)):
        lines.append(" ".join(map(str, [2 * (1 + free + i)] * (not binary) + [then] + [1] * initial)))
    lines += map(str, results)
    if not binary:
        lines += (f"{2 * (graph.first + i)} {x} {y}" for i, (x, y) in enumerate(graph.ands))
    text = "".join(f"{line}\n" for line in lines).encode()
    return text + (_differences(graph) if binary else b"") + _symbols(netlist)


def _differences(graph: _Graph) -> bytes:
    out = bytearray()
    for i, (x, y) in enumerate(graph.ands):
        for difference in (2 * (graph.first + i) - x, x - y):
            while difference > 127:
                out.append(difference & 127 | 128)
                difference >>= 7
            out.append(difference)
    return bytes(out)


def _symbols(netlist: Netlist) -> bytes:
    kinds = [f"i{i}" for i in range(netlist.free)] + [f"l{i}" for i in range(len(netlist.latches))]
    named = [*zip(kinds, netlist.input_names, strict=False)]
    named += [(f"o{i}", name) for i, name in enumerate(netlist.output_names[: netlist.results])]
    return "".join(f"{kind} {name}\n" for kind, name in named).encode()


class _Reader:
    """The bytes of an AIGER file, read line by line and, in the binary part, byte by byte."""

    def __init__(self, raw: bytes, source: str):
        self.raw, self.at, self.line = raw, 0, 0
        self.draft = Draft(source)

    def text(self) -> str | None:
        """The next line, None at the end."""
        if self.at >= len(self.raw):
            return None
        end = self.raw.find(b"\n", self.at)
        end = len(self.raw) if end < 0 else end
        found, self.at, self.line = self.raw[self.at : end], end + 1, self.line + 1
        try:
            return found.decode().rstrip("\r")
        except UnicodeDecodeError:
            raise self.draft.fail(self.line, "bytes that are no text") from None

    def numbers(self, what: str, least: int, most: int | None = None) -> list[int]:
        """The next line as whole numbers, from `least` to `most` of them."""
        most = most or least
        line = self.text()
        if line is None:
            raise self.draft.fail(self.line + 1, f"the file ends where {what} should be", do="use a whole copy of it")
        parts = line.split(" ")
        if not least <= len(parts) <= most or not all(p.isascii() and p.isdigit() and len(p) < 12 for p in parts):
            raise self.draft.fail(self.line, f"{line[:60]!r}", expected=f"{what}: {least} whole numbers")
        return [int(p) for p in parts]

    def difference(self) -> int:
        """The next number of the binary part."""
        value = shift = 0
        while True:
            if self.at >= len(self.raw) or shift > 35:
                what = "the file ends among the gates" if shift <= 35 else "a number of the gates is too long"
                raise self.draft.fail(None, what, do="use a whole copy of it")
            byte = self.raw[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7


def read(raw: bytes, source: str = "the text") -> Netlist:
    """The circuit of an AIGER file, ASCII or binary. Raises FileError for any other, or one that is cut off."""
    reader = _Reader(raw, source)
    draft = reader.draft
    binary, (most, free, states, results, ands) = _head(reader)
    if binary and most != free + states + ands:
        raise draft.fail(1, f"{most} variables", expected=f"{free} + {states} + {ands}, in the binary format")
    defined = [2 * (1 + i) for i in range(free)] if binary else [reader.numbers("an input", 1)[0] for _ in range(free)]
    latches = []
    for i in range(states):
        found = reader.numbers("a latch", 2 - binary, 3 - binary)
        latches.append(([2 * (1 + free + i)] * binary + found + [0])[:3])
    outputs = [reader.numbers("an output", 1)[0] for _ in range(results)]
    gates = []
    for i in range(ands):
        if binary:
            result = 2 * (1 + free + states + i)
            left = result - reader.difference()
            gates.append((result, left, left - reader.difference()))
        else:
            gates.append(tuple(reader.numbers("a gate", 3)))
    for literal in [*defined, *(n for n, _, _ in latches), *(n for n, _, _ in gates)]:
        if literal % 2 or not 2 <= literal <= 2 * most + 1:
            expected = f"an even number from 2 to {2 * most}"
            raise draft.fail(None, f"the literal {literal} is defined", expected=expected)
    for literal in [*outputs, *(n for _, n, _ in latches), *(n for gate in gates for n in gate)]:
        if not 0 <= literal <= 2 * most + 1:
            raise draft.fail(None, f"the literal {literal} is used", expected=f"0 to {2 * most + 1}")
    names = _names(reader, free, states, results)
    return _netlist(draft, defined, latches, outputs, gates, names)


def _head(reader: _Reader) -> tuple[bool, list[int]]:
    head = (reader.text() or "").split(" ")
    counts = head[1:]
    if head[0] not in ("aag", "aig") or len(counts) < 5 or not all(n.isascii() and n.isdigit() for n in counts):
        expected = "a first line `aag M I L O A` or `aig M I L O A`"
        raise reader.draft.fail(1, f"{' '.join(head)[:60]!r}", expected=expected, do="check that it is an AIGER file")
    numbers = [int(n) for n in counts]
    if any(numbers[5:]):
        raise reader.draft.fail(1, "properties to be checked (bad states, constraints, justice, fairness)",
                                expected="a circuit alone", do="make them outputs")  # fmt: skip
    # A file has a byte or more for each thing that it counts, inputs of the binary form apart.
    if sum(numbers[1:5]) - numbers[1] * (head[0] == "aig") > len(reader.raw) or numbers[1] > MOST_INPUTS:
        raise reader.draft.fail(1, "more signals than the file can hold", do="use a whole copy of it")
    return head[0] == "aig", numbers[:5]


def _names(reader: _Reader, free: int, states: int, results: int) -> dict[str, str]:
    counts = {"i": free, "l": states, "o": results}
    names: dict[str, str] = {}
    while (line := reader.text()) is not None and line != "c":
        kind, _, name = line.partition(" ")
        place = kind[1:]
        if kind[:1] not in counts or not place.isdigit() or int(place) >= counts[kind[0]] or not name:
            raise reader.draft.fail(reader.line, f"{line[:60]!r}", expected="a name, as in `i0 name`, or `c`")
        names[kind] = name
    return names


def _netlist(
    draft: Draft, defined: list[int], latches: list[Any], outputs: list[int], gates: Any, names: Any
) -> Netlist:
    """The netlist of literals; an inverter that only one side of a gate sees goes into its table."""
    for literal in defined:
        draft.input(str(literal))
    gated = {result: i for i, (result, _, _) in enumerate(gates)}
    inverted: dict[int, Signal] = {}

    def positive(literal: int) -> Signal:
        return ZERO if literal == 0 else gated.get(literal, str(literal))

    for result, x, y in gates:
        draft.gate([8, 4, 2, 1][2 * (x & 1) + (y & 1)], positive(x & -2), positive(y & -2), f"literal {result}")
        draft.define(str(result), len(draft.gates) - 1)

    def signal(literal: int) -> Signal:
        if not literal & 1:
            return positive(literal)
        if literal not in inverted:
            inverted[literal] = draft.negated(positive(literal - 1))
        return inverted[literal]

    for literal, then, initial in latches:
        if initial not in (0, 1):
            what = f"the latch {literal} has no initial value"
            raise draft.fail(None, what, expected="0 or 1", do="reset it by an input")
        draft.latch(str(literal), signal(then), initial)
    netlist = draft.netlist([(names.get(f"o{i}", f"o{i}"), signal(o)) for i, o in enumerate(outputs)])
    inputs = [names.get(f"i{i}", f"i{i}") for i in range(len(defined))]
    states = [names.get(f"l{i}", f"l{i}") for i in range(len(latches))]
    result = netlist.output_names[: len(outputs)]
    return Netlist(
        netlist.inputs, netlist.left, netlist.right, netlist.table, netlist.outputs, netlist.latches,
        (*inputs, *states), (*result, *states),
    )  # fmt: skip
