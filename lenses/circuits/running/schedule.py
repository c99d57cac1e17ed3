"""Schedules: which rows of memory hold which signals, and in which order chunks of gates are computed.

A chunk is a number of gates of one level that are computed together and written to neighbouring rows,
a block. A block is used again once nothing will read its signals any more.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CACHE = 1_500_000
"""The bytes of memory that all rows may take together: what a core's second cache holds."""
STEP_COST = 1000
"""What a step costs beyond its gates, in words of gates."""
WIDTHS = (1, 4, 16, 64, 256)
"""How many gates a chunk may have."""
LEAST, MOST = 32, 4096
"""The fewest and most words of a row."""
NEVER = np.int32(2**31 - 1)
"""The level at which an output is last read."""


def block_of(rows: int) -> int:
    """How many words a row may have, a power of two, so that so many rows stay in the cache."""
    return int(np.clip(2 ** int(np.log2(max(CACHE // (4 * max(rows, 1)), 1))), LEAST, MOST))


def width_of(sizes: np.ndarray) -> int:
    """The number of gates in a chunk for which levels of these sizes cost least."""
    words = block_of(2 * int(sizes.max(initial=1)))
    cost = [float((-(-sizes // width) * (width + STEP_COST / words)).sum()) for width in WIDTHS]
    return WIDTHS[int(np.argmin(cost))]


def bucket(size: int, least: int, factor: int) -> int:
    """The size, rounded up so that circuits of about a size have one shape: `least` times a power of `factor`."""
    while least < size:
        least *= factor
    return least


def long(size: int) -> int:
    """The length of an array of steps, of which those at the end are never taken."""
    return bucket(size, 256, 4)


def wires(size: int) -> int:
    """The number of rows for so many inputs or outputs."""
    return bucket(size, 32, 2)


def tall(taken: int, ends: int) -> int:
    """The number of rows of a bank of which so many are used, and which starts with so many inputs or outputs."""
    return bucket(max(taken, 1 + wires(ends)), 128, 2)


@dataclass(frozen=True)
class Chunks:
    """Nodes in chunks: `node` (n,) in order, `chunk` and `lane` (n,) where each went, `level` (chunks,) of each."""

    width: int
    node: np.ndarray
    chunk: np.ndarray
    lane: np.ndarray
    level: np.ndarray

    def rows(self, values: np.ndarray, fill: int = 0, count: int | None = None) -> np.ndarray:
        """What is known of each of the nodes, in order, as rows (chunks, width); `fill` where there is no node."""
        out = np.full((len(self.level) if count is None else count, self.width), fill, values.dtype)
        out[self.chunk, self.lane] = values
        return out

    def starts(self, order: Sequence[int] | range) -> np.ndarray:
        """Where the chunks of each level start, for levels in this order, the order of the chunks, and the end."""
        counts = np.bincount(self.level, minlength=len(order)) if len(self.level) else np.zeros(len(order), np.int64)
        return np.concatenate([[0], np.cumsum(counts[np.asarray(order, np.int64)])]).astype(np.int32)


def chunks(nodes: np.ndarray, level: np.ndarray, key: np.ndarray, width: int, down: bool = False) -> Chunks:
    """The nodes in chunks by level, up or down, those with the same `key` together. Level and key are (nodes,)."""
    time = -level if down else level
    order = np.lexsort((key, time))
    node, own = nodes[order], level[order]
    starts = np.flatnonzero(np.diff(own, prepend=own[:1] - 1)) if len(own) else np.zeros(0, np.int64)
    sizes = np.diff(np.append(starts, len(own)))
    many = -(-sizes // width)
    place = np.arange(len(own)) - np.repeat(starts, sizes)
    chunk = np.repeat(np.cumsum(many) - many, sizes) + place // width
    return Chunks(width, node, chunk, place % width, np.repeat(own[starts], many))


def latest(count: int, parts: np.ndarray, when: np.ndarray) -> np.ndarray:
    """The latest of the times `when` of each of `count` parts, 0 for a part without one."""
    out = np.zeros(count, np.int32)
    np.maximum.at(out, parts, when.astype(np.int32))
    return out


def place(times: np.ndarray, banks: np.ndarray, last: np.ndarray, held: Sequence[np.ndarray]) -> tuple[np.ndarray, int]:
    """The block of each chunk in its bank, and how many blocks the larger bank has.

    Chunks are made at `times`, ascending, and last read at `last`; `held` are, for each of the two
    banks, the times when the blocks that it starts with are last read. A block that is free is used again.
    """
    waiting = [[(int(when), i) for i, when in enumerate(given) if when < NEVER] for given in held]
    free: list[list[int]] = [[], []]
    for heap in waiting:
        heapq.heapify(heap)
    most, out = list(map(len, held)), []
    for time, bank, until in zip(times.tolist(), banks.tolist(), last.tolist(), strict=True):
        heap, spare = waiting[bank], free[bank]
        while heap and heap[0][0] < time:
            spare.append(heapq.heappop(heap)[1])
        if spare:
            block = spare.pop()
        else:
            block = most[bank]
            most[bank] += 1
        heapq.heappush(heap, (until, block))
        out.append(block)
    return np.array(out, np.int32), max(most)
