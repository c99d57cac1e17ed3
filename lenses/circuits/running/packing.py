"""Bits in machine words: sample 32w + k of a wire is bit k of its word w."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

BITS = 32
"""The bits of a word."""
SHIFTS = np.arange(BITS, dtype=np.uint32)[:, None]
SLAB = 2**21
"""How many bits are packed at a time, so that what is read twice is still in the cache."""
STEP = 2**16
"""How many bits JAX packs in one step."""


def words_of(samples: int) -> int:
    """How many words hold so many samples."""
    return -(-samples // BITS)


def _slab(wires: int) -> int:
    return max(8, SLAB // (BITS * max(wires, 1)))


def pack(bits: np.ndarray) -> np.ndarray:
    """Samples (samples, wires) bool as words (wires, words) uint32; the last word is filled with zeros."""
    samples, wires = bits.shape
    out = np.zeros((wires, words_of(samples)), np.uint32)
    whole, step = samples // BITS, _slab(wires)
    octets = np.ascontiguousarray(bits).view(np.uint8)
    grouped = octets[: whole * BITS].reshape(whole, 4, 8, wires)
    for start in range(0, whole, step):
        part = _pack(grouped[start : start + step])
        out[:, start : start + len(part)] = part.T
    if samples > whole * BITS:
        last = np.zeros((BITS, wires), np.uint8)
        last[: samples - whole * BITS] = octets[whole * BITS :]
        out[:, whole] = _pack(last.reshape(1, 4, 8, wires))[0]
    return out


def _pack(octets: np.ndarray) -> np.ndarray:
    """(words, 4, 8, wires) of 0 and 1 as words (words, wires)."""
    packed = octets[:, :, 7].copy()
    for k in range(6, -1, -1):
        np.add(packed, packed, out=packed)
        np.bitwise_or(packed, octets[:, :, k], out=packed)
    words = packed[:, 0].astype(np.uint32)
    for k in (1, 2, 3):
        words |= packed[:, k].astype(np.uint32) << np.uint32(8 * k)
    return words


def unpack(words: np.ndarray, samples: int) -> np.ndarray:
    """The first `samples` samples (samples, wires) bool of words (wires, words) uint32."""
    wires, many = words.shape
    out, step = np.empty((many, 4, 8, wires), np.uint8), _slab(wires)
    for start in range(0, many, step):
        part = np.ascontiguousarray(words[:, start : start + step].T, "<u4")
        part = part.view(np.uint8).reshape(len(part), wires, 4)
        for j in range(4):
            octets = part[:, :, j].copy()
            for k in range(8):
                np.bitwise_and(octets, 1, out=out[start : start + step, j, k])
                np.right_shift(octets, 1, out=octets)
    return out.reshape(many * BITS, wires)[:samples].view(bool)


def pack_wires(bits: Any) -> Any:
    """`pack` in JAX: 0 and 1 of any dtype, (samples, wires), as words (wires, words)."""
    samples, wires = bits.shape
    group = _group(samples, wires)
    many = -(-samples // (BITS * group))
    padded = jnp.pad(bits, ((0, many * BITS * group - samples), (0, 0)))
    grouped = padded.reshape(many, group, BITS, wires)
    # A loop, for XLA fuses what is packed with the transposition otherwise, and then reads it in strides.
    words = lax.map(lambda part: (part.astype(jnp.uint32) << SHIFTS).sum(1, dtype=jnp.uint32), grouped)
    return words.reshape(many * group, wires)[: words_of(samples)].T


def unpack_wires(words: Any, samples: int, dtype: Any = bool) -> Any:
    """`unpack` in JAX: the first `samples` samples of words (wires, words), (samples, wires) of a dtype."""
    wires, many = words.shape
    group = _group(samples, wires)
    steps = -(-many // group)
    rows = jnp.pad(words, ((0, 0), (0, steps * group - many))).T.reshape(steps, group, 1, wires)
    bits = lax.map(lambda part: ((part >> SHIFTS) & 1).astype(dtype), rows)
    return bits.reshape(steps * group * BITS, wires)[:samples]


def _group(samples: int, wires: int) -> int:
    """How many words are packed in one step."""
    return max(1, min(words_of(samples), STEP // (BITS * max(wires, 1))))
