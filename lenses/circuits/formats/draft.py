"""A circuit while it is read: named signals, defined in any order, that become a netlist at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import FileError, explain
from ..netlist import TABLES, Netlist, ordered

Signal = int | str
"""A signal of a draft: the number of a gate, `ZERO`, or the name under which it is or will be defined."""
ZERO = -1


class Draft:
    """Inputs, latches and gates of the circuit in a file.

    `source` and the place `at` are for messages: a line's number, or a place in `text` where that is given.
    """

    def __init__(self, source: str, text: str | None = None):
        self.source, self.text = source, text
        self.inputs: list[str] = []
        self.latches: dict[str, tuple[Signal, int]] = {}
        self.named: dict[str, Signal | None] = {}
        self.gates: list[tuple[int, Signal, Signal, str]] = []

    def fail(self, at: int | None, what: str, expected: str | None = None, do: str | None = None) -> FileError:
        """The error of what is wrong at a place of the file."""
        line = at if at is None or self.text is None else 1 + self.text.count("\n", 0, at)
        where = self.source if line is None else f"{self.source}, line {line}"
        return FileError(explain(f"{where}: {what}", expected=expected, do=do))

    def _new(self, name: str, at: int | None) -> None:
        if name in self.named:
            raise self.fail(at, f"the signal {name!r} is defined twice", do="give each signal one driver")

    def input(self, name: str, at: int | None = None) -> None:
        """A new input."""
        self._new(name, at)
        self.named[name] = None
        self.inputs.append(name)

    def latch(self, name: str, then: Signal, initial: int, at: int | None = None) -> None:
        """A new latch, its next value and its first."""
        self._new(name, at)
        self.named[name] = None
        self.latches[name] = (then, initial)

    def gate(self, table: int, left: Signal = ZERO, right: Signal = ZERO, name: str = "") -> Signal:
        """A new gate; `name` is for messages."""
        self.gates.append((table, left, right, name or f"gate {len(self.gates)}"))
        return len(self.gates) - 1

    def define(self, name: str, signal: Signal, at: int | None = None) -> None:
        """`name` is another name of a signal, or the name of a gate."""
        self._new(name, at)
        self.named[name] = signal

    def negated(self, signal: Signal) -> Signal:
        """The negation of a signal."""
        return self.gate(TABLES["not"], signal)

    def joined(self, table: int, signals: Sequence[Signal]) -> Signal:
        """A gate of two bits over several signals, from the first on; no signal at all is the constant 0."""
        if not signals:
            return ZERO
        joint, *others = signals
        for signal in others:
            joint = self.gate(table, joint, signal)
        return joint

    def _found(self, signal: Signal, numbers: dict[str, int]) -> int:
        seen: list[Signal] = []
        while isinstance(signal, str) and signal not in numbers:
            if signal in seen:
                raise self.fail(None, f"a cycle: {' -> '.join(map(str, [*seen, signal]))}", do="break it by a latch")
            if self.named.get(signal) is None:
                raise self.fail(None, f"the signal {signal!r} is used and never defined", do="give it a driver")
            seen.append(signal)
            signal = self.named[signal]  # type: ignore[assignment]
        if isinstance(signal, str):
            return numbers[signal]
        return 0 if signal == ZERO else 1 + len(numbers) + signal

    def netlist(self, outputs: Sequence[tuple[str, Signal]]) -> Netlist:
        """The netlist with these outputs, each a name and a signal."""
        numbers = {name: 1 + i for i, name in enumerate([*self.inputs, *self.latches])}
        found: dict[Signal, int] = {}

        def number(signal: Signal) -> int:
            if signal not in found:
                found[signal] = self._found(signal, numbers)
            return found[signal]

        states: list[Any] = [(name, then) for name, (then, _) in self.latches.items()]
        tables, left, right, names = zip(*self.gates, strict=True) if self.gates else ((), (), (), ())
        try:
            return ordered(
                len(numbers),
                [number(x) for x in left],
                [number(y) for y in right],
                tables,
                [number(signal) for _, signal in [*outputs, *states]],
                gate_names=names,
                latches=[first for _, first in self.latches.values()],
                input_names=tuple(numbers),
                output_names=tuple(name for name, _ in [*outputs, *states]),
            )
        except FileError:
            raise
        except ValueError as error:
            raise FileError(explain(f"{self.source} holds no circuit", because=error)) from None
