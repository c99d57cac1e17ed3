"""Netlists: boolean circuits of any size as a few arrays, the form in which they are run, decided and exported.

A netlist has signals, numbered: 0 is the constant 0, then come its inputs, then its gates in an order
in which each gate reads only signals before it. A gate is a truth table of two signals. Over the ring
of two elements a table is the polynomial a + bx + cy + dxy, so a netlist is a formal polynomial too:
a gate that reads one signal twice squares it, and nothing here makes x out of x * x.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import whole
from ..errors import DataError, explain, shown
from ..spaces import Space
from ..syntax import Readable

if TYPE_CHECKING:
    from ..typed import Typed

TABLES = {"0": 0, "nor": 1, "not": 3, "xor": 6, "nand": 7, "and": 8, "xnor": 9, "buf": 12, "or": 14, "1": 15}
"""Common truth tables by name: the gate's value at (x, y) is the bit 2x + y of the number. `not` and `buf` read x."""

KINDS = (
    *("0", "nor", "not x and y", "not", "x and not y", "not y", "xor", "nand"),
    *("and", "xnor", "y", "x implies y", "buf", "y implies x", "or", "1"),
)
"""The 16 truth tables in words, by number."""


def polynomials(tables: Any) -> np.ndarray:
    """The polynomial a + bx + cy + dxy of each truth table, (gates,) to (gates, 4), over the ring of two elements."""
    at = np.asarray(tables)[:, None] >> np.arange(4) & 1
    return np.stack([at[:, 0], at[:, 0] ^ at[:, 2], at[:, 0] ^ at[:, 1], at.sum(1) & 1], 1).astype(np.uint8)


def dependences(tables: Any) -> tuple[Any, Any]:
    """Whether a truth table, or each of an array, depends on its left and on its right signal."""
    return tables & 3 != tables >> 2, tables & 5 != tables >> 1 & 5


def _whole_array(name: str, value: Any, most: Any, expected: str) -> np.ndarray:
    came = np.asarray(value)
    if not came.size:
        came = came.astype(np.int32)
    if came.ndim != 1 or came.dtype.kind not in "iu":
        raise DataError(
            explain(f"Netlist: `{name}` is {shown(value)}", expected=expected, do="give one whole number each")
        )
    wrong = np.flatnonzero((came < 0) | (came > most))
    if len(wrong):
        at = int(wrong[0])
        raise DataError(explain(f"Netlist: {name}[{at}] is {came[at]}", expected=expected))
    return came


@dataclass(frozen=True, eq=False)
class Netlist(Readable):
    """A boolean circuit as arrays.

    `inputs` is the number of input bits; `left`, `right` (gates,) int32 are the signals that each gate
    reads and `table` (gates,) uint8 its truth table, the value at (x, y) in bit 2x + y; `outputs` (n,)
    int32 are the signals that come out. `latches` are the initial values of the last inputs, whose next
    values are the last outputs. `input_names` and `output_names` are what files call them, or empty.
    Netlists are equal where all of these are.
    Raises DataError where a gate reads itself or a later one (see `ordered`), or a number is out of range.
    """

    inputs: int
    left: np.ndarray
    right: np.ndarray
    table: np.ndarray
    outputs: np.ndarray
    latches: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = whole("Netlist", "the number of inputs", self.inputs, 0, 2**30, kind=DataError)
        table = _whole_array("table", self.table, 15, "a truth table of two bits, from 0 to 15")
        before = count + np.arange(len(table))
        sources = {}
        for name in ("left", "right"):
            value = getattr(self, name)
            if len(value) != len(table):
                raise DataError(
                    explain(f"Netlist: `{name}` has {len(value)} entries", expected=f"{len(table)}, one a gate")
                )
            sources[name] = _whole_array(name, value, before, "a signal before the gate; `ordered` sorts gates")
        outputs = _whole_array("outputs", self.outputs, count + len(table), "a signal of the netlist")
        latches = _whole_array("latches", self.latches, 1, "an initial value, 0 or 1")
        if len(latches) > min(count, len(outputs)):
            raise DataError(
                explain(
                    f"Netlist: {len(latches)} latches",
                    expected=f"at most as many as inputs ({count}) and outputs ({len(outputs)})",
                    do="make each latch one of the last inputs, and its next value one of the last outputs",
                )
            )
        for name, names, many in (
            ("input_names", self.input_names, count),
            ("output_names", self.output_names, len(outputs)),
        ):
            if names and len(names) != many:
                raise DataError(explain(f"Netlist: `{name}` has {len(names)} names", expected=f"{many}, or none"))
        held = {"inputs": count, "table": table.astype(np.uint8), "outputs": outputs.astype(np.int32)}
        held |= {name: value.astype(np.int32) for name, value in sources.items()}
        held |= {"latches": latches.astype(np.uint8)}
        held |= {"input_names": tuple(self.input_names), "output_names": tuple(self.output_names)}
        for name, value in held.items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    @property
    def free(self) -> int:
        """The number of inputs that are no latches."""
        return self.inputs - len(self.latches)

    @property
    def results(self) -> int:
        """The number of outputs that are no next values of latches."""
        return len(self.outputs) - len(self.latches)

    @property
    def gates(self) -> int:
        """The number of gates."""
        return len(self.table)

    def levels(self) -> np.ndarray:
        """The depth of each signal, (1 + inputs + gates,) int32: 0 for an input, one more than what a gate reads."""
        level = [0] * (1 + self.inputs)
        for x, y in zip(self.left.tolist(), self.right.tolist(), strict=True):
            level.append(1 + max(level[x], level[y]))
        return np.array(level, np.int32)

    @property
    def depth(self) -> int:
        """The number of gates on the longest way from an input to an output."""
        return int(self.levels()[self.outputs].max(initial=0))

    @property
    def counts(self) -> dict[str, int]:
        """The number of gates of each kind of `KINDS`, the most frequent first."""
        many = np.bincount(self.table, minlength=16)
        return {KINDS[kind]: int(many[kind]) for kind in np.argsort(-many, kind="stable").tolist() if many[kind]}

    def evaluate(self, bits: Any) -> np.ndarray:
        """The outputs (n, ...) of inputs (inputs, ...): the definition, gate by gate, slow for many.

        Bits are bool; unsigned integers are words of bits, and each bit of a word is one evaluation.
        """
        words = np.asarray(bits)
        if words.dtype.kind not in "bu" or words.shape[:1] != (self.inputs,):
            expected = f"({self.inputs}, ...) bool, or unsigned integers as words of bits"
            raise DataError(
                explain("Netlist.evaluate: the bits", expected=expected, came=f"{words.shape} {words.dtype}")
            )
        ones = np.bool_(True) if words.dtype == np.bool_ else ~np.zeros((), words.dtype)
        zero = np.zeros(words.shape[1:], words.dtype)
        signal: list[Any] = [zero, *words]
        for x, y, (a, b, c, d) in zip(
            self.left.tolist(), self.right.tolist(), polynomials(self.table).tolist(), strict=True
        ):
            value = zero ^ ones if a else zero
            value = value ^ signal[x] if b else value
            value = value ^ signal[y] if c else value
            signal.append(value ^ (signal[x] & signal[y]) if d else value)
        return np.stack([signal[o] for o in self.outputs.tolist()]) if len(self.outputs) else zero[None][:0]

    def term(self, dom: Space | None = None, cod: Space | None = None) -> Typed:
        """The circuit as one box, typed; see `circuit`."""
        from .circuit import circuit

        return circuit(self, dom, cod)

    def to_data(self) -> tuple[Any, ...]:
        return tuple([getattr(self, f.name) for f in fields(self)])

    @cached_property
    def _code(self) -> tuple[Any, ...]:
        parts = self.to_data()
        arrays = b"".join(np.int64(v.size).tobytes() + v.tobytes() for v in parts if isinstance(v, np.ndarray))
        return (sha256(arrays).digest(), *(v for v in parts if not isinstance(v, np.ndarray)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Netlist) and self._code == other._code

    def __hash__(self) -> int:
        return hash(self._code)

    def renamed(self, inputs: Sequence[str], outputs: Sequence[str]) -> Netlist:
        """The netlist with other names for its inputs and outputs."""
        return replace(self, input_names=tuple(inputs), output_names=tuple(outputs))

    def spell(self) -> str:
        """The source text that makes the netlist."""
        values = [v.tolist() if isinstance(v, np.ndarray) else v for v in self.to_data()]
        while len(values) > 5 and not values[-1]:
            values.pop()
        return f"Netlist({', '.join(map(repr, values))})"

    def __repr__(self) -> str:
        latches = f", {len(self.latches)} latches" if len(self.latches) else ""
        return f"<netlist: {self.inputs} inputs, {self.gates} gates, {len(self.outputs)} outputs{latches}>"


def ordered(
    inputs: int,
    left: Iterable[int],
    right: Iterable[int],
    table: Sequence[int] | np.ndarray,
    outputs: Iterable[int],
    gate_names: Sequence[str] = (),
    **more: Any,
) -> Netlist:
    """The netlist of gates given in any order, sorted so that each reads only what stands before it.

    Signals are numbered as in `Netlist`, by the order given, and gates that are in order stay as they are.
    Raises DataError for a cycle, naming its gates (by `gate_names`, where they have any).
    """
    first = 1 + inputs
    sources = [np.asarray(list(side), np.int64) for side in (left, right)]
    table = np.asarray(table)
    for name, side in zip(("left", "right"), sources, strict=True):
        _whole_array(name, side, inputs + len(table), "a signal of the netlist")
    if all((side <= inputs + np.arange(len(table))).all() for side in sources):
        return Netlist(inputs, sources[0], sources[1], table, np.asarray(list(outputs), np.int64), **more)
    reads = [
        sorted({s - first for s in pair if s >= first}) for pair in zip(*(s.tolist() for s in sources), strict=True)
    ]
    readers: list[list[int]] = [[] for _ in reads]
    for gate, found in enumerate(reads):
        for source in found:
            readers[source].append(gate)
    waits = list(map(len, reads))
    order = [gate for gate, count in enumerate(waits) if not count]
    for gate in order:
        for reader in readers[gate]:
            waits[reader] -= 1
            if not waits[reader]:
                order.append(reader)
    if len(order) < len(reads):
        gate, seen = next(g for g, count in enumerate(waits) if count), []
        while gate not in seen:
            seen.append(gate)
            gate = next(g for g in reads[gate] if waits[g])
        cycle: list[int] = [*seen[seen.index(gate) :], gate][::-1]
        called = [gate_names[g] if gate_names else f"gate {g}" for g in cycle[:12]]
        raise DataError(
            explain(
                f"a netlist with a cycle: {' -> '.join(called)}{' ...' * (len(cycle) > 12)}",
                expected="gates that do not read themselves by any way round",
                do="break the cycle by a latch, one of the `latches`",
            )
        )
    place = np.arange(first + len(order), dtype=np.int64)
    place[first + np.array(order, np.int64)] = first + np.arange(len(order))
    chosen = np.array(order, np.int64)
    x, y = (place[side[chosen]] for side in sources)
    return Netlist(inputs, x, y, table[chosen], place[np.asarray(list(outputs), np.int64)], **more)
