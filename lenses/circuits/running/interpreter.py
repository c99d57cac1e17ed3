"""The second engine: an interpreter of circuits compiled by numba, gate by gate, on rows of a kilobyte.

It needs numba, of the extra `circuits`. Gates run in the order of the netlist, and a row is used again
as soon as the last gate that reads it has run, so circuits in a good order need few rows.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Any

import numpy as np

from ...errors import LensError, explain
from ..netlist import Netlist
from .levels import codes

ROW = 256
"""The words in a row."""


def installed() -> bool:
    """Whether numba is there."""
    return importlib.util.find_spec("numba") is not None


def check() -> None:
    """Raises LensError where numba is missing."""
    if not installed():
        raise LensError(explain("the engine 'numba' needs numba", do="pip install 'paralens[circuits]'"))


@cache
def _functions() -> tuple[Any, Any]:
    """The allocation of rows and the machine, compiled once they are called."""
    check()
    import numba

    def compiled(function: Any) -> Any:
        options: Any = {"nogil": True, "error_model": "numpy"}
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # there is no folder in which compiled code could be kept
            return numba.njit(**options)(function)

    return compiled(_rows), compiled(_machine)


def _rows(inputs: int, left: Any, right: Any, outputs: Any) -> Any:
    """The row of each signal (signals,), which gates an output needs (gates,), how many rows there are.

    Row 0 is the constant.
    """
    first = 1 + inputs
    last = np.full(first + len(left), -1, np.int32)
    for signal in outputs:
        last[signal] = len(left)
    for gate in range(len(left) - 1, -1, -1):
        if last[first + gate] >= 0:
            last[left[gate]] = max(last[left[gate]], gate)
            last[right[gate]] = max(last[right[gate]], gate)
    row = np.zeros(len(last), np.int32)
    row[1:first] = np.arange(1, first)
    free = np.zeros(len(last), np.int32)
    spare, most = 0, first
    for gate in range(len(left)):
        if last[first + gate] < 0:
            continue
        if spare:
            spare -= 1
            row[first + gate] = free[spare]
        else:
            row[first + gate] = most
            most += 1
        # Sources are freed after the gate has its row: a row that is read and written at once is slow.
        x, y = left[gate], right[gate]
        if x and last[x] == gate:
            free[spare] = row[x]
            spare += 1
        if y and y != x and last[y] == gate:
            free[spare] = row[y]
            spare += 1
    return row, last[first:] >= 0, most


def _machine(
    inputs: int,
    left: Any,
    right: Any,
    to: Any,
    code: Any,
    outputs: Any,
    rows: Any,
    words: Any,
    out: Any,
    first: int,
    end: int,
) -> None:
    """Puts words `first` to `end` of the outputs (outputs, words), of those of inputs (inputs, words), into `out`."""
    for start in range(first, end, ROW):
        many = min(ROW, end - start)
        for i in range(inputs):
            for w in range(many):
                rows[1 + i, w] = words[i, start + w]
        for gate in range(len(left)):
            x, y, z, k = left[gate], right[gate], to[gate], np.int64(code[gate])
            a, b = np.uint32(-(k & 1)), np.uint32(-(k >> 1 & 1))
            c, d = np.uint32(-(k >> 2 & 1)), np.uint32(-(k >> 3 & 1))
            for w in range(ROW):
                rows[z, w] = a ^ (b & rows[x, w]) ^ (c & rows[y, w]) ^ (d & rows[x, w] & rows[y, w])
        for i in range(len(outputs)):
            for w in range(many):
                out[i, start + w] = rows[outputs[i], w]


class Interpreter:
    """A netlist, ready to be run by numba."""

    def __init__(self, netlist: Netlist):
        allocate, self._run = _functions()
        row, needed, self.rows = allocate(netlist.inputs, netlist.left, netlist.right, netlist.outputs)
        self.inputs = netlist.inputs
        gates = (row[netlist.left], row[netlist.right], row[1 + netlist.inputs :], codes(netlist.table))
        self._gates = [values[needed] for values in gates]
        self._outputs = row[netlist.outputs]

    def __call__(self, words: np.ndarray, out: np.ndarray, start: int, end: int) -> None:
        """Words `start` to `end` of the outputs (outputs, words) uint32 into `out`, of inputs (inputs, words)."""
        rows = np.zeros((self.rows, ROW), np.uint32)
        self._run(self.inputs, *self._gates, self._outputs, rows, words, out, start, end)
