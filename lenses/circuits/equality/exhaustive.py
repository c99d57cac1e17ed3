"""All inputs, tried: 2^n evaluations of a circuit, thousands at a time, until one gives a 1.

Inputs are counted through: the first ones within a row of words, the others from block to block. Where
numba is installed, the gates of larger circuits are interpreted by a compiled loop over rows that fit
the cache, on all cores; otherwise a row is a number of Python (see `simulate`).
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..netlist import Netlist
from .simulate import Schedule, columns, lowest

ROW = 16
"""The inputs that are counted through within a row that is a number of Python."""
CACHE = 3 << 20
"""The bytes that the rows of one thread may take, so that they stay near the core."""
WORTH = 1 << 33
"""Gate evaluations from which compiling the loop pays."""
Stop = Callable[[], bool]


def estimate(netlist: Netlist) -> float:
    """The seconds that trying all inputs of a netlist takes, roughly."""
    work = float(netlist.gates + 1) * 2.0**netlist.inputs
    return work / (1e11 if work >= WORTH and kernel() is not None else 1e10)


def never() -> bool:
    """Goes on."""
    return False


def satisfying(netlist: Netlist, stop: Stop = never, compiled: bool | None = None) -> tuple[int | None, bool]:
    """The number of an input at which some output is 1, bit i being input i, or None; and whether all were tried.

    `stop` is asked now and then whether to give up. `compiled` says whether to use numba, by default
    where it is there and the circuit large.
    """
    if compiled is None:
        compiled = (netlist.gates << netlist.inputs) >= WORTH and kernel() is not None
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


@functools.cache
def kernel() -> Any:
    """The compiled loop over gates and words, or None where numba is not installed."""
    try:
        import numba
    except ImportError:
        return None
    try:
        return numba.njit(nogil=True, cache=True)(_blocks)
    except RuntimeError:  # there is no folder in which compiled code could be kept
        return numba.njit(nogil=True)(_blocks)


def _blocks(table, left, right, out, outputs, rows, inner, outer, start, end):  # pragma: no cover
    """Runs blocks `start` to `end`; the word, block and output of the first 1 that is met, or -1s."""
    width = rows.shape[1]
    for block in range(start, end):
        for i in range(outer):
            value = np.uint64(0xFFFFFFFFFFFFFFFF) if block >> i & 1 else np.uint64(0)
            for w in range(width):
                rows[1 + inner + i, w] = value
        for g in range(len(table)):
            x, y, z, t = rows[left[g]], rows[right[g]], rows[out[g]], table[g]
            flip = np.uint64(0)
            if t & 1:
                t, flip = t ^ 15, ~flip
            if t == 8:
                for w in range(width):
                    z[w] = flip ^ (x[w] & y[w])
            elif t == 6:
                for w in range(width):
                    z[w] = flip ^ x[w] ^ y[w]
            elif t == 14:
                for w in range(width):
                    z[w] = flip ^ (x[w] | y[w])
            elif t == 4:
                for w in range(width):
                    z[w] = flip ^ (x[w] & ~y[w])
            elif t == 2:
                for w in range(width):
                    z[w] = flip ^ (~x[w] & y[w])
            else:
                for w in range(width):
                    z[w] = flip ^ (x[w] if t == 12 else y[w] if t == 10 else np.uint64(0))
        for k in range(len(outputs)):
            z = rows[outputs[k]]
            for w in range(width):
                if z[w]:
                    return w, block, k
    return -1, -1, -1


def _compiled(netlist: Netlist, stop: Stop) -> tuple[int | None, bool]:
    schedule = Schedule.of(netlist)
    loop = kernel()
    inner = min(netlist.inputs, 6 + max(6, min(7, (CACHE // (8 * schedule.rows)).bit_length() - 1)))
    outer = netlist.inputs - inner
    width = 1 << (inner - 6)
    arrays = (schedule.table, schedule.left, schedule.right, schedule.out, schedule.outputs)
    filled = np.zeros((1 + inner, width), np.uint64)
    for i, column in enumerate(columns(inner)):
        filled[1 + i] = np.frombuffer(column.to_bytes(8 * width, "little"), "<u8")
    blocks = 1 << outer
    step = max(1, min(blocks, (1 << 28) // max(1, schedule.table.size * width * 64)))
    starts = iter(range(0, blocks, step))
    lock, found = threading.Lock(), []

    def work() -> bool:
        rows = np.zeros((schedule.rows, width), np.uint64)
        rows[: 1 + inner] = filled
        while True:
            with lock:
                start = next(starts, None)
            if start is None or found:
                return True
            if stop():
                return False
            word, block, output = loop(*arrays, rows, inner, outer, start, min(blocks, start + step))
            if word >= 0:
                value = int(rows[schedule.outputs[output], word])
                found.append(block << inner | word << 6 | lowest(value))
                return True

    many = min(os.cpu_count() or 1, blocks // step)
    if many < 2:
        done = [work()]
    else:
        with ThreadPoolExecutor(many) as pool:
            done = list(pool.map(lambda _: work(), range(many)))
    return (min(found), True) if found else (None, all(done))
