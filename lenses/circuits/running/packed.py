"""Circuits on packed words in JAX: functions for use under `jit`, `vmap` and `scan`, forward and reverse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap

from ...errors import DataError, explain
from ..netlist import Netlist
from .backward import swept_back
from .levels import codes, every
from .machine import Program, plan, swept
from .pulls import Pulls, pulls, sent
from .schedule import LEAST, bucket, wires

WIDE = 2048
"""From so many words on, words are padded to whole blocks and no further."""
_PLANS: WeakKeyDictionary[Netlist, dict[Any, Any]] = WeakKeyDictionary()


def _planned(netlist: Netlist, key: Any, make: Callable[[], Any]) -> Any:
    """A schedule of the netlist, made once and kept with it."""
    known = _PLANS.setdefault(netlist, {})
    if key not in known:
        known[key] = make()
    return known[key]


def program(netlist: Netlist) -> tuple[Program, int]:
    """The schedule of a netlist, made once, and the number of words of a row."""

    def make() -> tuple[Program, int]:
        made = plan(netlist)
        return made.program, made.size

    return _planned(netlist, "program", make)


def _check(netlist: Netlist, what: str, words: Any, count: int, tables: Any = None) -> Any:
    words = jnp.asarray(words)
    if words.dtype != jnp.uint32 or words.shape[:1] != (count,):
        raise DataError(
            explain(f"{what} of {netlist!r}", expected=f"({count}, ...) uint32", came=f"{words.shape} {words.dtype}",
                    do="pack bits with pack_wires, or call Runner(netlist), which packs them")
        )  # fmt: skip
    if tables is not None and jnp.shape(tables) != (netlist.gates,):
        raise DataError(explain(f"the tables of {netlist!r}", expected=f"({netlist.gates},)", came=jnp.shape(tables)))
    return words


def padded_blocks(words: Any, most: int, xp: Any = jnp) -> tuple[Any, int, Any]:
    """Words (wires, words), padded to one of a few shapes; the words of a block, at most `most`; how many blocks."""
    many = words.shape[1]
    size = min(most, bucket(many, LEAST, 4))
    blocks = -(-many // size)
    wide = bucket(many, LEAST, 4) if many < WIDE else blocks * size
    return xp.pad(words, ((0, wires(len(words)) - len(words)), (0, wide - many))), size, np.int32(blocks)


def _flat(words: Any) -> Any:
    return words.reshape(words.shape[0], int(np.prod(words.shape[1:], dtype=np.int64)))


def _open(words: Any, count: int, like: tuple[int, ...]) -> Any:
    """The first wires of padded words, in the shape that they had."""
    many = int(np.prod(like, dtype=np.int64))
    return words[:count, :many].reshape(count, *like)


def _side_by_side(f: Callable[..., Any], arrays: int) -> Callable[..., Any]:
    """`f` of (words, ..., tables), whose first arguments are words: `vmap` makes more words of them.

    That is where their tables are not mapped too; else `f` runs with an axis in front.
    """
    wrapped = custom_vmap(f)

    @wrapped.def_vmap
    def rule(size: int, mapped: Any, *args: Any) -> Any:
        words, rest = args[:arrays], args[arrays:]
        if any(jax.tree.leaves(mapped[arrays:])):
            axes = jax.tree.map(lambda m: 0 if m else None, tuple(mapped))
            out = jax.vmap(f, axes)(*args)
            return out, jax.tree.map(lambda _: True, out)
        level = [w if m else jnp.broadcast_to(w, (size, *w.shape)) for w, m in zip(words, mapped, strict=False)]
        out = wrapped(*[jnp.moveaxis(w, 0, 1) for w in level], *rest)
        return jnp.moveaxis(out, 1, 0), True

    return wrapped


def forward(netlist: Netlist, words: Any, tables: Any = None) -> Any:
    """The outputs (outputs, ...) of a netlist on words (inputs, ...) uint32, in which each bit is one evaluation.

    `tables` (gates,) are truth tables in place of the netlist's. Under `vmap` the words of all are run together.
    Raises DataError for words of another shape or dtype.
    """
    words = _check(netlist, "the inputs", words, netlist.inputs, tables)
    own, most = program(netlist)

    def run(words: Any, tables: Any) -> Any:
        given = own if tables is None else replace(own, code=every(codes(tables), jnp)[own.gate])
        padded, size, blocks = padded_blocks(_flat(words), most)
        return _open(swept(given, padded, size, blocks), len(netlist.outputs), words.shape[1:])

    return _side_by_side(run, 1)(words, _unsigned(tables))


def _unsigned(tables: Any) -> Any:
    return None if tables is None else jnp.asarray(tables).astype(jnp.uint8)


def reverse(netlist: Netlist, words: Any, changes: Any, tables: Any = None) -> Any:
    """The reverse derivative at words (inputs, ...) of changes of the outputs (outputs, ...): changes of the inputs.

    It is that of the formal polynomials, sample by sample: what a parameter that many samples share
    changes by is the `parity` of its words. Bits of words that are no samples are to have no changes.
    `tables` (gates,) are truth tables in place of the netlist's.
    """
    words, changes = _check_both(netlist, words, changes, tables)
    own, most = _pulls(netlist, tables is None, False)

    def run(words: Any, changes: Any, tables: Any) -> Any:
        return _back(netlist, _with(own, tables), most, words, changes)[0]

    return _side_by_side(run, 2)(words, changes, _unsigned(tables))


def reverse_entries(netlist: Netlist, words: Any, changes: Any, tables: Any = None) -> tuple[Any, Any]:
    """`reverse`, and the changes of the gates' truth tables (gates, 4) uint8, summed over all samples.

    Entry 2x + y is that of the value at (x, y): a gate is linear in it, with the factor 1 where the gate
    reads x and y and 0 elsewhere.
    """
    words, changes = _check_both(netlist, words, changes, tables)
    own, most = _pulls(netlist, tables is None, True)
    return _back(netlist, _with(own, _unsigned(tables)), most, words, changes)


def _check_both(netlist: Netlist, words: Any, changes: Any, tables: Any) -> tuple[Any, Any]:
    words = _check(netlist, "the inputs", words, netlist.inputs, tables)
    changes = _check(netlist, "the changes of the outputs", changes, len(netlist.outputs))
    if words.shape[1:] != changes.shape[1:]:
        raise DataError(
            explain(f"the changes of the outputs of {netlist!r}", expected=f"(outputs, *{words.shape[1:]}), as inputs",
                    came=changes.shape)
        )  # fmt: skip
    return words, changes


def _pulls(netlist: Netlist, fixed: bool, entries: bool) -> tuple[Pulls, int]:
    return _planned(netlist, (fixed, entries), lambda: pulls(netlist, fixed, entries))


def _with(own: Pulls, tables: Any) -> Pulls:
    """The schedule with the codes of other truth tables."""
    if tables is None:
        return own
    code = codes(tables)
    ahead = replace(own.forward, code=every(code, jnp)[own.forward.gate])
    return replace(own, forward=ahead, code=sent(code, jnp)[own.edge])


def _back(netlist: Netlist, own: Pulls, most: int, words: Any, changes: Any) -> tuple[Any, Any]:
    padded, size, blocks = padded_blocks(_flat(words), most)
    inputs, entries = swept_back(own, padded, padded_blocks(_flat(changes), most)[0], size, blocks)
    return _open(inputs, netlist.inputs, words.shape[1:]), entries


def parity(words: Any) -> Any:
    """The sum over all samples of words (wires, ...), (wires,) uint8: what a shared wire changes by."""
    summed = jax.lax.reduce(jnp.asarray(words), jnp.uint32(0), jax.lax.bitwise_xor, tuple(range(1, jnp.ndim(words))))
    return (jax.lax.population_count(summed) & 1).astype(jnp.uint8)
