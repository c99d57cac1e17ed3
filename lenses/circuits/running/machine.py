"""The machine that runs circuits: one program in JAX for all circuits of a shape, with wiring and tables as data.

Rows of words, one a signal, are kept in two banks (see `levels`). A step computes a chunk of gates: it
takes the rows that they read from one bank, evaluates the polynomials a + bx + cy + dxy, and writes a
block of the other bank, in place. All of it goes over a block of words at a time, small enough that
the rows stay in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..netlist import Netlist
from .levels import NOTHING, Levels, alternate, codes, every
from .schedule import NEVER, Chunks, block_of, chunks, latest, long, place, tall, width_of, wires


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Program:
    """A scheduled circuit, a pytree of arrays; those of two circuits of about a size have the same shapes.

    (chunks, width): `left` and `right` are the rows that are read, `code` the polynomials, `gate` the
    numbers of the gates. `at` (chunks,) are the rows where chunks are written, `starts` where the
    chunks of each level start, `pairs` how many pairs of levels there are. `outputs` (n,) are the rows
    of the outputs and `odd` whether they are in the bank of odd levels. Row 0 is zero; inputs start at row 1.
    """

    left: Any
    right: Any
    code: Any
    gate: Any
    at: Any
    starts: Any
    pairs: Any
    outputs: Any
    odd: Any
    rows: int = field(metadata={"static": True})
    """How many rows a bank has."""


@dataclass(frozen=True)
class Plan:
    """A program with what it was made from.

    `row` (nodes,) is where each node is kept, `taken` how many rows of a bank are in use, and `size` the
    number of words of a row with which they stay in the cache.
    """

    levels: Levels
    chunks: Chunks
    row: np.ndarray
    taken: int
    size: int
    program: Program


def plan(netlist: Netlist, levels: Levels | None = None, kept: Any = ()) -> Plan:
    """The schedule of a netlist; the rows of the nodes `kept` are not used again."""
    levels = levels or alternate(netlist)
    level, nodes = levels.level, np.arange(levels.first, levels.nodes)
    readers = level[nodes]
    last = np.maximum(
        latest(levels.nodes, levels.left[nodes], readers), latest(levels.nodes, levels.right[nodes], readers)
    )
    last[levels.outputs] = NEVER
    last[np.asarray(kept, np.int64)] = NEVER
    top = int(level.max())
    width = width_of(np.bincount(readers, minlength=1))
    cut = chunks(nodes, readers, last[nodes], width)
    row, taken, at = _rows(levels, cut, last)
    count, pairs = long(len(cut.level)), -(-top // 2)
    starts = cut.starts(range(2 * pairs + 1))[1:]  # no chunk is of level 0
    program = Program(
        left=cut.rows(row[levels.left[cut.node]].astype(np.uint32), 0, count),
        right=cut.rows(row[levels.right[cut.node]].astype(np.uint32), 0, count),
        code=cut.rows(every(codes(netlist.table))[levels.gate[cut.node]], NOTHING, count),
        gate=cut.rows(levels.gate[cut.node], levels.gates + 1, count),
        at=padded(at, count),
        starts=padded(starts, long(len(starts)), "edge"),
        pairs=np.int32(pairs),
        outputs=padded(row[levels.outputs].astype(np.uint32), wires(len(levels.outputs))),
        odd=padded(level[levels.outputs] % 2 == 1, wires(len(levels.outputs))),
        rows=tall(taken, netlist.inputs),
    )
    return Plan(levels, cut, row, taken, block_of(2 * taken), program)


def padded(values: np.ndarray, size: int, mode: Any = "constant") -> np.ndarray:
    """The values, more of them at the end up to a size: zeros, or the last one with "edge"."""
    return np.pad(values, (0, size - len(values)), mode)


def _rows(levels: Levels, cut: Chunks, last: np.ndarray) -> tuple[np.ndarray, int, np.ndarray]:
    """The row of each node, how many rows the larger bank takes, and the first row of each chunk."""
    inputs, width = levels.inputs, cut.width
    held = latest(-(-inputs // width), np.arange(inputs) // width, last[1 : levels.first])
    until = latest(len(cut.level), cut.chunk, last[cut.node])
    block, blocks = place(cut.level, cut.level % 2, until, [held, np.zeros(0, np.int32)])
    at = 1 + block * width
    row = np.zeros(levels.nodes, np.int32)
    row[1 : levels.first] = 1 + np.arange(inputs)
    row[cut.node] = at[cut.chunk] + cut.lane
    return row, 1 + blocks * width, at.astype(np.int32)


# -- the machine -----------------------------------------------------------------------------


def take(bank: Any, rows: Any) -> Any:
    """The rows of a bank."""
    return bank.at[rows].get(mode="promise_in_bounds", wrap_negative_indices=False)


def mask(code: Any, k: int) -> Any:
    """All ones in a word where bit k of the code is set, for each row."""
    return (jnp.uint32(0) - (code >> k & 1))[:, None]


def _gates(program: Program, k: Any, bank: Any) -> Any:
    code = program.code[k].astype(jnp.uint32)
    x, y = take(bank, program.left[k]), take(bank, program.right[k])
    return mask(code, 0) ^ (mask(code, 1) & x) ^ (mask(code, 2) & y) ^ (mask(code, 3) & x & y)


def write(bank: Any, rows: Any, at: Any) -> Any:
    """The bank with rows written from row `at` on."""
    return lax.dynamic_update_slice(bank, rows, (at, 0))


def upward(program: Program, inputs: Any, banks: tuple[Any, Any], shared: Any = None) -> tuple[Any, Any]:
    """The banks with all signals of a block of words, from inputs (inputs, words) and then shared ones (shared,)."""

    def level(source: Any, bank: Any, first: Any, end: Any) -> Any:
        return lax.fori_loop(first, end, lambda k, b: write(b, _gates(program, k, source), program.at[k]), bank)

    def pair(i: Any, banks: tuple[Any, Any]) -> tuple[Any, Any]:
        even, odd = banks
        odd = level(even, odd, program.starts[2 * i], program.starts[2 * i + 1])
        return level(odd, even, program.starts[2 * i + 1], program.starts[2 * i + 2]), odd

    even, odd = banks
    even = write(even, inputs, 1)
    if shared is not None:
        constant = jnp.broadcast_to((jnp.uint32(0) - shared)[:, None], (len(shared), even.shape[1]))
        even = write(even, constant, 1 + len(inputs))
    return lax.fori_loop(0, program.pairs, pair, (even, odd))


def outputs(program: Program, banks: tuple[Any, Any]) -> Any:
    """The rows of the outputs."""
    even, odd = (take(bank, program.outputs) for bank in banks)
    return jnp.where(program.odd[:, None], odd, even)


def block(words: Any, i: Any, size: int) -> Any:
    """Block number i of the words of each wire."""
    return lax.dynamic_slice(words, (0, i * size), (words.shape[0], size))


def sweep(program: Program, words: Any, size: int, blocks: Any, shared: Any = None) -> Any:
    """The outputs (outputs, words) of inputs (inputs, words), the first `blocks` blocks of `size` words of them.

    `shared` (n,) uint32 are bits that further inputs have in all samples.
    """

    def one(i: Any, carry: Any) -> Any:
        out, banks = carry
        banks = upward(program, block(words, i, size), banks, shared)
        return lax.dynamic_update_slice(out, outputs(program, banks), (0, i * size)), banks

    zeros = jnp.zeros((program.rows, size), jnp.uint32)
    out = jnp.zeros((program.outputs.shape[0], words.shape[1]), jnp.uint32)
    return lax.fori_loop(0, blocks, one, (out, (zeros, zeros)))[0]


swept = jax.jit(sweep, static_argnames="size")
"""`sweep`, compiled once for all circuits of a shape."""
