"""Circuits on arrays of bits in JAX, 0 and 1 as whole numbers: packed on the way in and unpacked on the way out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from ...spaces import Space
from ..netlist import Netlist
from .packed import forward, reverse
from .packing import pack_wires, unpack_wires

SAMPLES = 256
"""The fewest samples for which packing pays."""


def batch(xs: Sequence[Any], space: Space) -> tuple[int, ...]:
    """The batch axes in front of arrays of a space."""
    return xs[0].shape[: xs[0].ndim - space[0].rank] if len(xs) else ()


def count(lead: Sequence[int]) -> int:
    """The number of samples on some batch axes."""
    return int(np.prod(lead, dtype=np.int64))


def joined(xs: Sequence[Any], space: Space) -> Any:
    """Arrays of a space as (samples, bits)."""
    many = count(batch(xs, space))
    flat = [x.reshape(many, a.size) for x, a in zip(xs, space, strict=True)]
    return jnp.concatenate(flat, 1) if flat else jnp.zeros((many, 0), jnp.int32)


def parted(bits: Any, space: Space, lead: tuple[int, ...]) -> list[Any]:
    """The arrays of a space, with batch axes in front, of bits (samples, bits)."""
    ends = np.cumsum([a.size for a in space])
    parts = [bits[:, end - a.size : end] for a, end in zip(space, ends.tolist(), strict=True)]
    return [part.reshape((*lead, *a.sizes)) for part, a in zip(parts, space, strict=True)]


def packed(xs: Sequence[Any], space: Space) -> Any:
    """Arrays of a space as words (bits, words)."""
    many = count(batch(xs, space))
    words = [pack_wires(x.reshape(many, a.size)) for x, a in zip(xs, space, strict=True)]
    return jnp.concatenate(words) if words else pack_wires(jnp.zeros((many, 0), bool))


def unpacked(words: Any, space: Space, lead: tuple[int, ...]) -> list[Any]:
    """The arrays of a space, int32 with batch axes in front, of words (bits, words)."""
    out, at = [], 0
    for array in space:
        bits = unpack_wires(words[at : at + array.size], count(lead), jnp.int32)
        out.append(bits.reshape(*lead, *array.sizes))
        at += array.size
    return out


def run_arrays(netlist: Netlist, xs: Sequence[Any], ins: Space, outs: Space, shared: Any = None) -> list[Any]:
    """The arrays that come out of a circuit, of those that go in; see `forward` for `shared`."""
    return unpacked(forward(netlist, packed(xs, ins), shared), outs, batch(xs, ins))


def reverse_arrays(
    netlist: Netlist, xs: Sequence[Any], ds: Sequence[Any], ins: Space, outs: Space, shared: Any = None
) -> tuple[list[Any], Any]:
    """The changes of the arrays that go in, and of what is shared, for those of the arrays that come out."""
    found = reverse(netlist, packed(xs, ins), packed(ds, outs), shared)
    return unpacked(found.inputs, ins, batch(xs, ins)), found.shared
