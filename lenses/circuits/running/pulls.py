"""Schedules of reverse passes: in which order signals gather the changes that the gates which read them send.

A step takes one reader for each signal of a chunk. The signals of a level are sorted by how many
readers they have, so that a chunk takes as many steps as any of its signals and hardly a lane is idle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from ..netlist import Netlist
from .levels import Levels, alternate, codes
from .machine import Plan, Program, padded, plan
from .schedule import NEVER, Chunks, block_of, chunks, latest, long, place, tall, width_of, wires

SILENT, WHOLE, ANY = 0, 1, 3
"""Codes of what a reader sends: of (p + qy) dz, p is bit 0 and q is bit 1. `ANY` stands for one that is not known."""

KEPT = 64
"""The fewest words of a row: signals that are kept do not all fit into the cache, and longer rows move faster."""


def sent(code: Any, xp: Any = np) -> Any:
    """What gates (gates,) with these polynomials send: codes (2 gates + 2,) to x, to y, of a copy, of nothing."""
    b, c, d = code >> 1 & 1, code >> 2 & 1, code >> 3 & 1
    return xp.concatenate([b | d << 1, c | d << 1, xp.asarray([WHOLE, SILENT], code.dtype)])


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Entries:
    """Where the changes of gates meet what they read, for the changes of their truth tables.

    (chunks, width): rows of the values `left` and `right`. `at` (chunks,) are the rows of the changes,
    `starts` where the chunks of each level start, from the highest down, and `place` (gates,) where
    each gate is among chunks * width; -1 for a gate that no output needs.
    """

    left: Any
    right: Any
    at: Any
    starts: Any
    place: Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pulls:
    """The schedule of a reverse pass, a pytree of arrays; those of two circuits of about a size have the same shapes.

    (steps, width): rows of the `change` of a reader and of the `other` value that it reads, the `code`
    of what it sends, and its `edge`, the place of that code among those of `sent`. `at` (steps,) are the
    rows that a step adds to, `adds` (steps,) uint32 whether something is there already. `starts` is
    where the steps of each level start, from the highest level, which is odd, down, and `pairs` how many
    pairs of levels there are. `inputs` (n,) are the rows of the inputs' changes. The changes of
    outputs start at row 1 of both banks.
    """

    forward: Program
    change: Any
    other: Any
    code: Any
    edge: Any
    at: Any
    adds: Any
    starts: Any
    pairs: Any
    inputs: Any
    entries: Entries | None
    rows: int = field(metadata={"static": True})
    """How many rows a bank of changes has."""


@dataclass(frozen=True)
class Edges:
    """Who reads what, (edges,): the signal read, its `reader`, the `other` that is read with it, the `edge`.

    A reader of -1 - n is output number n.
    """

    signal: np.ndarray
    reader: np.ndarray
    other: np.ndarray
    edge: np.ndarray

    def where(self, kept: np.ndarray) -> Edges:
        """Those of them."""
        return Edges(self.signal[kept], self.reader[kept], self.other[kept], self.edge[kept])


def _edges(levels: Levels, sends: np.ndarray) -> Edges:
    """The edges over which a change may come to a signal that may change, for gates that send `sends`."""
    nodes = np.arange(levels.first, levels.nodes)
    left, right, gate = levels.left[nodes], levels.right[nodes], levels.gate[nodes]
    gates, outs = levels.gates, np.arange(len(levels.outputs))
    is_gate = gate < gates
    found = Edges(
        np.concatenate([left, right, levels.outputs]),
        np.concatenate([nodes, nodes, -1 - outs]),
        np.concatenate([right, left, np.zeros_like(outs)]),
        np.concatenate([np.where(is_gate, gate, 2 * gates), np.where(is_gate, gate + gates, 2 * gates + 1),
                        np.full_like(outs, 2 * gates)]),
    )  # fmt: skip
    found = found.where((found.signal > 0) & (sends[found.edge] != SILENT))
    # A gate whose change is always zero sends nothing. Rounds end early: what is left over is only idle.
    for _ in range(8):
        changed = np.zeros(levels.nodes, bool)
        changed[found.signal] = True
        kept = (found.reader < 0) | changed[found.reader]
        if kept.all():
            break
        found = found.where(kept)
    return found


def pulls(netlist: Netlist, fixed: bool = True, entries: bool = False) -> tuple[Pulls, int]:
    """The schedule of a netlist's reverse pass, and the number of words of a row with which it is fastest.

    Without `fixed` it is one for any truth tables on the netlist's wires; with `entries` it finds the
    changes of truth tables too.
    """
    levels = alternate(netlist)
    sends = sent(codes(netlist.table))
    may = sends if fixed else np.where(np.arange(len(sends)) < 2 * levels.gates, ANY, sends)
    edges = _edges(levels, may)
    ahead = plan(netlist, levels, np.arange(levels.nodes) if entries else edges.other[may[edges.edge] > WHOLE])
    count = np.bincount(edges.signal, minlength=levels.nodes)
    nodes = np.flatnonzero(count)
    own = levels.level[nodes]
    cut = chunks(nodes, own, -count[nodes], width_of(np.bincount(own, minlength=1)), down=True)
    top = 2 * ahead.program.pairs + 1
    row, taken, at = _rows(levels, edges, cut, top)
    high = latest(len(cut.level), cut.chunk, count[cut.node])
    begin = np.cumsum(high) - high
    step, lane = _steps(edges, cut, begin, levels.nodes)
    steps = long(int(high.sum()))
    level = np.repeat(cut.level, high)
    adds = np.ones(len(level), np.uint32)
    adds[begin] = 0

    def rows(values: np.ndarray, fill: int, dtype: Any) -> np.ndarray:
        out = np.full((steps, cut.width), fill, dtype)
        out[step, lane] = values
        return out

    schedule = Pulls(
        forward=ahead.program,
        change=rows(np.where(edges.reader < 0, -edges.reader, row[edges.reader]), 0, np.uint32),
        other=rows(ahead.row[edges.other], 0, np.uint32),
        code=rows(sends[edges.edge], SILENT, np.uint8),
        edge=rows(edges.edge, len(sends) - 1, np.int32),
        at=padded(np.repeat(at, high), steps),
        adds=padded(adds, steps),
        starts=_starts(level, top),
        pairs=np.int32((top + 1) // 2),
        inputs=padded(row[1 : levels.first].astype(np.uint32), wires(netlist.inputs)),
        entries=_entries(ahead, cut, at, top) if entries else None,
        rows=tall(taken, len(levels.outputs)),
    )
    return schedule, max(block_of(2 * (ahead.taken + taken)), KEPT)


def _starts(level: np.ndarray, top: int) -> np.ndarray:
    """Where each level starts, from `top` down to 0, and the end, for entries sorted by level, down."""
    counts = np.bincount(level, minlength=top + 1)[top::-1]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return padded(starts, long(len(starts)), "edge")


def _rows(levels: Levels, edges: Edges, cut: Chunks, top: int) -> tuple[np.ndarray, int, np.ndarray]:
    """The row of each node's change, how many rows the larger bank takes, the first row of each chunk."""
    inner = edges.where(edges.reader >= 0)
    last = latest(levels.nodes, inner.reader, top - levels.level[inner.signal])
    last[: levels.first] = NEVER
    until = np.maximum(latest(len(cut.level), cut.chunk, last[cut.node]), top - cut.level)  # tables are met at once
    held = np.full(-(-len(levels.outputs) // cut.width), NEVER)
    block, blocks = place(top - cut.level, cut.level % 2, until, [held, held])
    at = 1 + block * cut.width
    row = np.zeros(levels.nodes, np.int32)
    row[cut.node] = at[cut.chunk] + cut.lane
    return row, 1 + blocks * cut.width, at.astype(np.int32)


def _steps(edges: Edges, cut: Chunks, begin: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """The step and the lane of each edge: the edges of a signal are taken one after the other."""
    chunk, lane = np.zeros(nodes, np.int64), np.zeros(nodes, np.int64)
    chunk[cut.node], lane[cut.node] = cut.chunk, cut.lane
    order = np.argsort(edges.signal, kind="stable")
    sorted_ = edges.signal[order]
    new = np.flatnonzero(np.diff(sorted_, prepend=-1))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(new, np.diff(np.append(new, len(order))))
    return begin[chunk[edges.signal]] + rank, lane[edges.signal]


def _entries(ahead: Plan, cut: Chunks, at: np.ndarray, top: int) -> Entries:
    levels, count = ahead.levels, long(len(cut.level))
    place = np.full(levels.gates, -1, np.int32)
    gate = levels.gate[cut.node]
    own = gate < levels.gates
    place[gate[own]] = (cut.chunk * cut.width + cut.lane)[own]
    return Entries(
        left=cut.rows(ahead.row[levels.left[cut.node]].astype(np.uint32), 0, count),
        right=cut.rows(ahead.row[levels.right[cut.node]].astype(np.uint32), 0, count),
        at=padded(at, count),
        starts=_starts(cut.level, top),
        place=place,
    )
