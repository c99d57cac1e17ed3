"""The reverse derivative of a circuit, packed: exact, over formal polynomials, of inputs and of truth tables.

A gate z = a + bx + cy + dxy sends the change dz of its output to (b + dy) dz for x and (c + dx) dz for
y, and the change of a signal is the sum over the gates that read it (Wilson and Zanasi 2021). As a
reader's level has the other parity, changes are kept in two banks too, and a level reads one and
writes the other. All signals of a block of words are kept while its changes are found, and no more.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .machine import block, mask, take, upward, write
from .pulls import Entries, Pulls

Banks = tuple[Any, Any]


def _pull(pulls: Pulls, k: Any, bank: Any, readers: Any, values: Any) -> Any:
    """The bank with what step k adds to it."""
    at, code = pulls.at[k], pulls.code[k].astype(jnp.uint32)
    there = lax.dynamic_slice(bank, (at, 0), (code.shape[0], bank.shape[1])) & (jnp.uint32(0) - pulls.adds[k])
    factor = mask(code, 0) ^ (mask(code, 1) & take(values, pulls.other[k]))
    return write(bank, there ^ (factor & take(readers, pulls.change[k])), at)


def _meet(entries: Entries, k: Any, total: Any, bank: Any, values: Any) -> Any:
    """The totals (chunks, 4, width) with the changes of the tables of the gates in chunk k."""
    x, y = take(values, entries.left[k]), take(values, entries.right[k])
    change = lax.dynamic_slice(bank, (entries.at[k], 0), x.shape)
    parts = jnp.stack([change & ~x & ~y, change & ~x & y, change & x & ~y, change & x & y])
    found = lax.reduce(parts, jnp.uint32(0), lax.bitwise_xor, (2,))
    return lax.dynamic_update_slice(total, lax.dynamic_slice(total, (k, 0, 0), (1, *found.shape)) ^ found, (k, 0, 0))


def downward(pulls: Pulls, values: Banks, changes: Any, banks: Banks, total: Any = None) -> tuple[Banks, Any]:
    """The banks with the changes of all signals of a block, from those of outputs; the totals of tables if there."""
    starts, entries = pulls.starts, pulls.entries

    def level(i: Any, bank: Any, readers: Any, own: Any, others: Any, total: Any) -> Any:
        bank = lax.fori_loop(starts[i], starts[i + 1], lambda k, b: _pull(pulls, k, b, readers, own), bank)
        if entries is not None:
            meet = partial(_meet, entries, bank=bank, values=others)
            total = lax.fori_loop(entries.starts[i], entries.starts[i + 1], meet, total)
        return bank, total

    def pair(i: Any, carry: Any) -> Any:
        (even, odd), total = carry
        odd, total = level(2 * i, odd, even, values[1], values[0], total)
        even, total = level(2 * i + 1, even, odd, values[0], values[1], total)
        return (even, odd), total

    even, odd = banks
    return lax.fori_loop(0, pulls.pairs, pair, ((write(even, changes, 1), write(odd, changes, 1)), total))


def sweep_back(pulls: Pulls, words: Any, changes: Any, size: int, blocks: Any, shared: Any = None) -> Any:
    """The changes of inputs (inputs, words), of shared ones (shared,), of tables (gates, 4), from those of outputs.

    The last two are summed over all samples, and None where there are none or where they are not asked for.
    """
    forward, entries, many = pulls.forward, pulls.entries, words.shape[0]

    def one(i: Any, carry: Any) -> Any:
        out, values, banks, total, common = carry
        values = upward(forward, block(words, i, size), values, shared)
        banks, total = downward(pulls, values, block(changes, i, size), banks, total)
        out = lax.dynamic_update_slice(out, take(banks[0], pulls.inputs[:many]), (0, i * size))
        if shared is not None:
            common = common ^ summed(take(banks[0], pulls.inputs[many : many + len(shared)]))
        return out, values, banks, total, common

    def zeros(*sizes: int) -> Any:
        return jnp.zeros(sizes, jnp.uint32)

    out, common = zeros(*words.shape), None if shared is None else zeros(len(shared))
    values, banks = (2 * (zeros(rows, size),) for rows in (forward.rows, pulls.rows))
    total = zeros(len(entries.at), 4, entries.left.shape[1]) if entries is not None else None
    out, _, _, total, common = lax.fori_loop(0, blocks, one, (out, values, banks, total, common))
    return out, common if shared is None else odd(common), None if entries is None else _tables(entries, odd(total))


def _tables(entries: Entries, found: Any) -> Any:
    """The changes of the tables (gates, 4), of those found in chunks (chunks, 4, width)."""
    place, rows = entries.place[:, None], found.transpose(0, 2, 1).reshape(-1, 4)
    return jnp.where(place < 0, jnp.uint8(0), rows[entries.place])


def summed(words: Any) -> Any:
    """The sum of the words of each wire (wires, ...), (wires,), bit by bit."""
    return lax.reduce(words, jnp.uint32(0), lax.bitwise_xor, tuple(range(1, words.ndim)))


def odd(words: Any) -> Any:
    """Whether words have an odd number of ones, uint8."""
    return (lax.population_count(words) & 1).astype(jnp.uint8)


swept_back = jax.jit(sweep_back, static_argnames="size")
"""`sweep_back`, compiled once for all circuits of a shape."""
