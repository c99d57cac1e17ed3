"""BLIF, the Berkeley Logic Interchange Format: named signals, each with the rows of its truth table.

Source: Berkeley Logic Interchange Format, University of California at Berkeley, 1992. One model,
`.inputs`, `.outputs`, `.latch` and `.names` are read; a table may have any number of inputs, as rows of
0, 1 and - that make the signal 1 (or, all of them, 0).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ...errors import DataError, explain
from ..netlist import TABLES, Netlist, dependences
from .draft import ZERO, Draft, Signal
from .names import signal_names


def write(netlist: Netlist, name: str = "circuit") -> bytes:
    """The bytes of a BLIF file with this circuit, a table a gate; its latches and the names of its signals."""
    free, results = netlist.free, netlist.results
    called = signal_names(netlist, _check)
    lines = [f".model {name}", _listed(".inputs", called.inputs[:free]), _listed(".outputs", called.outputs[:results])]
    for then, state, initial in zip(called.outputs[results:], called.inputs[free:], netlist.latches, strict=True):
        lines.append(f".latch {then} {state} {initial}")
    signals = [called.zero, *called.inputs, *called.gates]
    if called.zero_used:
        lines.append(f".names {called.zero}")
    for gate, table, left, right in zip(
        called.gates, netlist.table.tolist(), netlist.left.tolist(), netlist.right.tolist(), strict=True
    ):
        reads = dependences(table)
        sources = [signals[s] for s, read in zip((left, right), reads, strict=True) if read]
        lines.append(" ".join([".names", *sources, gate]))
        lines += (f"{row} 1".strip() for row in _rows(table, reads))
    for output, source in zip(called.outputs, netlist.outputs.tolist(), strict=True):
        lines += [f".names {signals[source]} {output}", "1 1"]
    return ("\n".join([*lines, ".end"]) + "\n").encode()


def _check(name: str) -> None:
    if not re.fullmatch(r"[!-~]+", name) or "#" in name or "\\" in name or name.startswith("."):
        expected = "printable ASCII without spaces, # or \\, and no . at the start"
        raise DataError(explain(f"BLIF cannot hold the name {name!r}", expected=expected, do="rename the signal"))


def _listed(directive: str, names: Sequence[str]) -> str:
    lines, line = [], directive
    for name in names:
        if len(line) + len(name) > 100:
            lines.append(line + " \\")
            line = ""
        line += f" {name}"
    return "\n".join([*lines, line])


def _rows(table: int, reads: tuple[bool, bool]) -> Iterator[str]:
    for at in range(4):
        x, y = at >> 1, at & 1
        if table >> at & 1 and (reads[0] or not x) and (reads[1] or not y):
            yield f"{x if reads[0] else ''}{y if reads[1] else ''}"


def read(raw: bytes, source: str = "the text") -> Netlist:
    """The circuit of a BLIF file. Raises FileError for any other, or one that is cut off."""
    reader = _Reader(source)
    draft = reader.draft
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        raise draft.fail(None, "bytes that are no ASCII text", do="check that it is a BLIF file") from None
    for line, words in _statements(text):
        reader.take(line, words)
    reader.settle()
    if not reader.ended:
        raise draft.fail(None, "no .end", do="use a whole copy of the file")
    return draft.netlist([(name, name) for name in reader.outputs])


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of the file as words, comments left out and continued lines joined, with their numbers."""
    held: list[str] = []
    first = None
    for number, line in enumerate(text.splitlines(), 1):
        body = line.split("#", 1)[0].rstrip()
        first = first or number
        if body.endswith("\\"):
            held += body[:-1].split()
            continue
        words = held + body.split()
        if words:
            yield first, words
        held, first = [], None
    if held:
        yield first or 1, held


class _Reader:
    def __init__(self, source: str):
        self.draft = Draft(source)
        self.outputs: list[str] = []
        self.begun = self.ended = False
        self.table: tuple[int, list[str]] | None = None
        self.rows: list[tuple[str, str]] = []

    def take(self, line: int, words: list[str]) -> None:
        """One statement of the file."""
        head, *rest = words
        if not head.startswith("."):
            return self._row(line, words)
        self.settle()
        if head == ".model" and not self.begun:
            self.begun = True
        elif not self.begun:
            raise self.draft.fail(
                line, f"{' '.join(words)[:60]!r}", expected=".model", do="check that it is a BLIF file"
            )
        elif self.ended:
            raise self.draft.fail(line, f"{head} after .end", expected="one model", do="flatten the circuit")
        elif head == ".inputs":
            for name in rest:
                self.draft.input(name, line)
        elif head == ".outputs":
            self.outputs += rest
        elif head == ".latch":
            self._latch(line, rest)
        elif head == ".names" and rest:
            self.table = (line, rest)
        elif head == ".end":
            self.ended = True
        else:
            expected = ".model, .inputs, .outputs, .names, .latch or .end"
            raise self.draft.fail(line, f"{head} cannot be read", expected=expected, do="flatten the circuit to tables")
        return None

    def _latch(self, line: int, rest: list[str]) -> None:
        if not 2 <= len(rest) <= 5:
            raise self.draft.fail(
                line, f".latch {' '.join(rest)}", expected=".latch input output [type clock] [initial]"
            )
        initial = rest[-1] if len(rest) in (3, 5) else "3"
        if initial not in ("0", "1"):
            what = f"the latch {rest[1]!r} has no initial value"
            raise self.draft.fail(line, what, expected="0 or 1 at the end", do="reset it by an input")
        self.draft.latch(rest[1], rest[0], int(initial), line)

    def _row(self, line: int, words: list[str]) -> None:
        if self.table is None:
            raise self.draft.fail(line, f"{' '.join(words)[:60]!r}", expected=".model, or a row after .names",
                                  do="check that it is a BLIF file")  # fmt: skip
        width = len(self.table[1]) - 1
        *inputs, value = words
        row = "".join(inputs)
        if len(words) > 2 or len(row) != width or set(row) - set("01-") or value not in ("0", "1"):
            expected = f"{width} of 0, 1 and -, and then 0 or 1"
            raise self.draft.fail(line, f"the row {' '.join(words)[:60]!r}", expected=expected)
        self.rows.append((row, value))

    def settle(self) -> None:
        """Turns the table that has just been read into gates."""
        if self.table is None:
            return
        (line, (*sources, name)), rows = self.table, self.rows
        self.table, self.rows = None, []
        if len({value for _, value in rows}) > 1:
            raise self.draft.fail(line, f"the table of {name!r} has rows of 0 and of 1", expected="one of the two")
        self.draft.define(name, self._cover(name, sources, rows), line)

    def _cover(self, name: str, sources: list[str], rows: list[tuple[str, str]]) -> Signal:
        gate = self.draft.gate
        if len(sources) <= 2:
            table = _small_table(tuple(rows), len(sources))
            if not sources and not table:
                return ZERO
            if table == TABLES["buf"]:
                return sources[0]
            return gate(table, *sources, name=name)
        products = []
        for row, _ in rows:
            literals = [
                s if sign == "1" else self.draft.negated(s) for s, sign in zip(sources, row, strict=True) if sign != "-"
            ]
            products.append(self.draft.joined(TABLES["and"], literals) if literals else gate(TABLES["1"], ZERO))
        cover = self.draft.joined(TABLES["or"], products)
        return self.draft.negated(cover) if rows and rows[0][1] == "0" else cover


@lru_cache(4096)
def _small_table(rows: tuple[tuple[str, str], ...], width: int) -> int:
    """The truth table of two bits, of which the first `width` are read, that these rows say."""
    table = 0
    for at in range(4):
        bits = f"{at >> 1}{at & 1}"[:width]
        if any(all(sign in ("-", bit) for sign, bit in zip(row, bits, strict=True)) for row, _ in rows):
            table |= 1 << at
    return table ^ 15 if rows and rows[0][1] == "0" else table
