"""Circuits on packed words in JAX: functions for use under `jit`, `vmap` and `scan`, forward and reverse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap

from ...errors import DataError, explain
from ..netlist import Netlist
from .backward import odd, summed, swept_back
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


class Changes(NamedTuple):
    """What a reverse pass finds: changes of the inputs (inputs, ...) in words, sample by sample.

    Those of what all samples share are summed over them: of shared inputs, (shared,) uint8, and of truth
    tables, (gates, 4) uint8, entry 2x + y being the value at (x, y); None where they were not asked for.
    """

    inputs: Any
    shared: Any
    tables: Any


def forward(netlist: Netlist, words: Any, shared: Any = None, tables: Any = None) -> Any:
    """The outputs (outputs, ...) of a netlist on words (inputs, ...) uint32, in which each bit is one evaluation.

    `shared` (n,) are bits of the last n inputs in all samples, parameters say; words are then those of
    the inputs before. `tables` (gates,) are truth tables in place of the netlist's. Under `vmap` over
    words they are run together. Raises DataError for arrays of other shapes or dtypes.
    """
    words, shared, tables = _check(netlist, words, shared, tables)
    own, most = program(netlist)

    def run(words: Any, shared: Any, tables: Any) -> Any:
        given = own if tables is None else replace(own, code=every(codes(tables), jnp)[own.gate])
        padded, size, blocks = padded_blocks(_flat(words), most, fixed=shared is not None)
        return _open(swept(given, padded, size, blocks, shared), len(netlist.outputs), words.shape[1:])

    return _side_by_side(run, 1)(words, shared, tables)


def reverse(
    netlist: Netlist, words: Any, changes: Any, shared: Any = None, tables: Any = None, entries: bool = False
) -> Changes:
    """The reverse derivative of `forward` at these arguments, for changes (outputs, ...) of the outputs.

    It is that of the formal polynomials, exact. With `entries` it has the changes of the truth tables:
    a gate is linear in each entry, with the factor 1 where it reads that row. Bits of words that stand
    for no sample are to have no changes. All signals of a block of words are computed once more.
    """
    words, shared, tables = _check(netlist, words, shared, tables)
    changes = _words(netlist, "the changes of the outputs", changes, len(netlist.outputs), words.shape[1:])
    fixed = tables is None
    own, most = _planned(netlist, (fixed, entries), lambda: pulls(netlist, fixed, entries))

    def run(words: Any, changes: Any, shared: Any, tables: Any) -> Changes:
        padded, size, blocks = padded_blocks(_flat(words), most, fixed=shared is not None)
        given = padded_blocks(_flat(changes), most)[0]
        inputs, *rest = swept_back(_with(own, tables), padded, given, size, blocks, shared)
        return Changes(_open(inputs, len(words), words.shape[1:]), *rest)

    return _side_by_side(run, 2, shared is None and not entries)(words, changes, shared, tables)


def parity(words: Any) -> Any:
    """The sum over all samples of words (wires, ...), (wires,) uint8: what a wire changes by that all samples share."""
    return odd(summed(jnp.asarray(words)))


# -- shapes ----------------------------------------------------------------------------------


def _words(netlist: Netlist, what: str, words: Any, count: int, like: tuple[int, ...] | None = None) -> Any:
    words = jnp.asarray(words)
    right = words.dtype == jnp.uint32 and words.shape[:1] == (count,)
    if not right or like not in (None, words.shape[1:]):
        shape = f"({', '.join(map(str, (count, *(like or ('...',)))))})"
        raise DataError(
            explain(f"{what} of {netlist!r}", expected=f"{shape} uint32", came=f"{words.shape} {words.dtype}",
                    do="pack bits with pack_wires, or call Runner(netlist), which packs them")
        )  # fmt: skip
    return words


def _check(netlist: Netlist, words: Any, shared: Any, tables: Any) -> tuple[Any, Any, Any]:
    shape = () if shared is None else jnp.shape(shared)
    if shared is not None and (len(shape) != 1 or shape[0] > netlist.inputs):
        expected = f"(n,), with n at most {netlist.inputs}"
        raise DataError(explain(f"the shared inputs of {netlist!r}", expected=expected, came=shape))
    if tables is not None and jnp.shape(tables) != (netlist.gates,):
        raise DataError(explain(f"the tables of {netlist!r}", expected=f"({netlist.gates},)", came=jnp.shape(tables)))
    words = _words(netlist, "the inputs", words, netlist.inputs - sum(shape))
    shared = None if shared is None else jnp.asarray(shared).astype(jnp.uint32)
    return words, shared, None if tables is None else jnp.asarray(tables).astype(jnp.uint8)


def _with(own: Pulls, tables: Any) -> Pulls:
    """The schedule with the codes of other truth tables."""
    if tables is None:
        return own
    code = codes(tables)
    ahead = replace(own.forward, code=every(code, jnp)[own.forward.gate])
    return replace(own, forward=ahead, code=sent(code, jnp)[own.edge])


def padded_blocks(words: Any, most: int, xp: Any = jnp, fixed: bool = False) -> tuple[Any, int, Any]:
    """Words (wires, words), padded to one of a few shapes; the words of a block, at most `most`; how many blocks.

    With `fixed` no wires are added.
    """
    many = words.shape[1]
    size = min(most, bucket(many, LEAST, 4))
    blocks = -(-many // size)
    wide = bucket(many, LEAST, 4) if many < WIDE else blocks * size
    more = 0 if fixed else wires(len(words)) - len(words)
    return xp.pad(words, ((0, more), (0, wide - many))), size, np.int32(blocks)


def _flat(words: Any) -> Any:
    return words.reshape(words.shape[0], int(np.prod(words.shape[1:], dtype=np.int64)))


def _open(words: Any, count: int, like: tuple[int, ...]) -> Any:
    """The first wires of padded words, in the shape that they had."""
    many = int(np.prod(like, dtype=np.int64))
    return words[:count, :many].reshape(count, *like)


def _side_by_side(f: Callable[..., Any], arrays: int, alone: bool = True) -> Callable[..., Any]:
    """`f` of words, its first so many arguments, and of what they share: `vmap` of `f` makes more words of them.

    Where something shared is mapped, or its changes come out, words not `alone`, `f` has an axis in front instead.
    """
    wrapped = custom_vmap(f)

    @wrapped.def_vmap
    def rule(size: int, mapped: Any, *args: Any) -> Any:
        words, rest = args[:arrays], args[arrays:]
        if not alone or any(jax.tree.leaves(mapped[arrays:])):
            axes = jax.tree.map(lambda m: 0 if m else None, tuple(mapped))
            found = jax.vmap(f, axes)(*args)
        else:
            level = [w if m else jnp.broadcast_to(w, (size, *w.shape)) for w, m in zip(words, mapped, strict=False)]
            found = wrapped(*[jnp.moveaxis(w, 0, 1) for w in level], *rest)
            found = jax.tree.map(lambda y: jnp.moveaxis(y, 1, 0), found)
        return found, jax.tree.map(lambda _: True, found)

    return wrapped
