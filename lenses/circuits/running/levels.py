"""Circuits whose gates read only what is computed at levels of the other parity.

Signals of even levels are kept in one bank of rows and those of odd levels in another, so that a
level reads one bank and writes the other, in place and in one pass. A signal that is read at a level
of its own parity is copied to the level after its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..netlist import Netlist

COPY, NOTHING = 0b0010, 0
"""The codes of x and of 0: bit k of a code is coefficient k of the polynomial a + bx + cy + dxy."""


def every(gates: Any, xp: Any = np) -> Any:
    """The codes of gates (gates,), then those of a copy and of nothing."""
    return xp.concatenate([gates, xp.asarray([COPY, NOTHING], gates.dtype)])


def codes(tables: Any) -> Any:
    """The polynomials of truth tables, unsigned integers of any shape: coefficient k of a + bx + cy + dxy in bit k."""
    a, b, c = tables & 1, (tables ^ tables >> 2) & 1, (tables ^ tables >> 1) & 1
    d = (tables ^ tables >> 1 ^ tables >> 2 ^ tables >> 3) & 1
    return a | b << 1 | c << 2 | d << 3


@dataclass(frozen=True)
class Levels:
    """The nodes of a circuit: the constant, the inputs, the gates that are needed, copies of signals.

    Arrays of (nodes,): `level` is 0 for inputs and more for what is computed later; `left` and `right`
    are the nodes that are read, 0 where there is none; `gate` is the number of the gate, `gates` for a
    copy, `gates + 1` for the constant and the inputs. Levels of a node and of those that it reads,
    the constant apart, differ by an odd number. `outputs` (n,) are the nodes that come out.
    """

    inputs: int
    gates: int
    level: np.ndarray
    left: np.ndarray
    right: np.ndarray
    gate: np.ndarray
    outputs: np.ndarray

    @property
    def nodes(self) -> int:
        """How many there are."""
        return len(self.level)

    @property
    def first(self) -> int:
        """The first node that computes something."""
        return 1 + self.inputs


def heights(netlist: Netlist) -> np.ndarray:
    """How many gates are on the longest way from each signal to an output, (signals,); -1 where there is none."""
    first = 1 + netlist.inputs
    height = [-1] * (first + netlist.gates)
    for signal in netlist.outputs.tolist():
        height[signal] = 0
    signal = len(height)
    for x, y in zip(netlist.left[::-1].tolist(), netlist.right[::-1].tolist(), strict=True):
        signal -= 1
        above = height[signal] + 1
        if above:
            if height[x] < above:
                height[x] = above
            if height[y] < above:
                height[y] = above
    return np.array(height, np.int32)


def alternate(netlist: Netlist) -> Levels:
    """The levels of a netlist, with the copies that let even and odd levels take turns.

    Each gate is as late as the outputs allow, which needs fewer rows than as early as possible; gates
    that no output needs are left out.
    """
    first, height = 1 + netlist.inputs, heights(netlist)
    top = int(height.max(initial=0))
    level = np.where(np.arange(len(height)) < first, 0, top - height)
    used = np.flatnonzero(height[first:] >= 0)
    own = level[first:][used]
    sources = [side[used].astype(np.int64) for side in (netlist.left, netlist.right)]
    even = [((own - level[side]) % 2 == 0) & (side > 0) for side in sources]
    copied = np.zeros(len(level), bool)
    for side, wrong in zip(sources, even, strict=True):
        copied[side[wrong]] = True
    originals = np.flatnonzero(copied)
    node = np.zeros(len(level), np.int64)
    node[:first] = np.arange(first)
    node[first + used] = first + np.arange(len(used))
    copy = np.zeros(len(level), np.int64)
    copy[originals] = first + len(used) + np.arange(len(originals))
    x, y = (np.where(wrong, copy[side], node[side]) for side, wrong in zip(sources, even, strict=True))
    before, nothing, gates = np.zeros(first, np.int64), np.zeros(len(originals), np.int64), netlist.gates
    return Levels(
        netlist.inputs,
        gates,
        np.concatenate([before, own, level[originals] + 1]).astype(np.int32),
        np.concatenate([before, x, node[originals]]).astype(np.int32),
        np.concatenate([before, y, nothing]).astype(np.int32),
        np.concatenate([before + gates + 1, used, nothing + gates]).astype(np.int32),
        node[netlist.outputs].astype(np.int32),
    )
