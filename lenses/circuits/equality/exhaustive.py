"""All inputs, tried: 2^n evaluations of a circuit, thousands at a time, until one gives a 1.

Inputs are counted through: the first ones within a row of words, the others from block to block. Where
numba is installed, larger circuits are run by the compiled interpreter of `running`, on all cores;
otherwise a row is a number of Python (see `simulate`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..netlist import TABLES, Netlist
from ..running import interpreter
from .simulate import Schedule, columns, lowest

ROW = 16
"""The inputs that are counted through within a row that is a number of Python."""
PIECE = 1 << 28
"""The gate evaluations after which `stop` is asked again, roughly, in the compiled loop."""
WORTH = 1 << 33
"""Gate evaluations from which compiling the loop pays."""
Stop = Callable[[], bool]


def estimate(netlist: Netlist) -> float:
    """The seconds that trying all inputs of a netlist takes, roughly."""
    work = float(netlist.gates + 1) * 2.0**netlist.inputs
    return work / (1e11 if work >= WORTH and interpreter.installed() else 1e10)


def never() -> bool:
    """Goes on."""
    return False


def satisfying(netlist: Netlist, stop: Stop = never, compiled: bool | None = None) -> tuple[int | None, bool]:
    """The number of an input at which some output is 1, bit i being input i, or None; and whether all were tried.

    `stop` is asked now and then whether to give up. `compiled` says whether to use numba, by default
    where it is there and the circuit large.
    """
    if compiled is None:
        compiled = (netlist.gates << netlist.inputs) >= WORTH and interpreter.installed()
    if compiled and netlist.inputs > 8:
        return _compiled(netlist, stop)
    schedule = Schedule.of(netlist)
    inner = min(netlist.inputs, ROW)
    row, bits = columns(inner), 1 << inner
    ones = (1 << bits) - 1
    for block in range(1 << (netlist.inputs - inner)):
        if stop():
            return None, False
        outer = [ones if block >> i & 1 else 0 for i in range(netlist.inputs - inner)]
        for word in schedule.run([*row, *outer], bits):
            if word:
                return block << inner | lowest(word), True
    return None, True


# -- compiled --------------------------------------------------------------------------------


def _compiled(netlist: Netlist, stop: Stop) -> tuple[int | None, bool]:
    loop = interpreter.Interpreter(_some(netlist))
    inner = min(netlist.inputs, max(13, min(16, (PIECE // (1 + netlist.gates)).bit_length() - 1)))
    outer, width = netlist.inputs - inner, 1 << (inner - 5)
    row = np.zeros((netlist.inputs, width), np.uint32)
    for i, column in enumerate(columns(inner)):
        row[i] = np.frombuffer(column.to_bytes(4 * width, "little"), "<u4")
    blocks = 1 << outer
    starts = iter(range(blocks))
    lock, found = threading.Lock(), []

    def work() -> bool:
        words, out = row.copy(), np.empty((1, width), np.uint32)
        while True:
            with lock:
                block = next(starts, None)
            if block is None or found:
                return True
            if stop():
                return False
            words[inner:] = -(block >> np.arange(outer)[:, None] & 1)
            loop(words, out, 0, width)
            if out.any():
                word = int(np.flatnonzero(out)[0])
                found.append(block << inner | word << 5 | lowest(int(out[0, word])))
                return True

    many = min(os.cpu_count() or 1, blocks)
    if many < 2:
        done = [work()]
    else:
        with ThreadPoolExecutor(many) as pool:
            done = list(pool.map(lambda _: work(), range(many)))
    return (min(found), True) if found else (None, all(done))


def _some(netlist: Netlist) -> Netlist:
    """The netlist with one output: whether some of its outputs are 1."""
    outputs, first = netlist.outputs, 1 + netlist.inputs + netlist.gates
    last = np.concatenate([outputs[:1], first + np.arange(max(0, len(outputs) - 1))]).astype(np.int64)
    return Netlist(
        netlist.inputs,
        np.concatenate([netlist.left, last[:-1]]),
        np.concatenate([netlist.right, outputs[1:]]),
        np.concatenate([netlist.table, np.full(len(last[:-1]), TABLES["or"], np.uint8)]),
        last[-1:] if len(last) else np.zeros(1, np.int64),
    )
