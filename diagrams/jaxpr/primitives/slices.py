"""Slices, padding, gathering and scattering."""

from __future__ import annotations

from typing import Any

from lenses.strands import Strand, aligned

from ..programs import shape
from .look import Look, besides, literal, numbers, others


def cut(eqn: Any) -> Look:
    """A slice, written as in NumPy."""
    sizes, starts, ends = shape(eqn.invars[0]), eqn.params["start_indices"], eqn.params["limit_indices"]
    steps = eqn.params["strides"] or (1,) * len(sizes)
    words = [
        ":" if (a, b, s) == (0, n, 1) else f"{a}:{b}" + f":{s}" * (s != 1)
        for a, b, s, n in zip(starts, ends, steps, sizes, strict=True)
    ]
    return Look("box", f"[{', '.join(words)}]", besides(eqn, [a for a, word in enumerate(words) if word != ":"]))


def pad(eqn: Any) -> Look:
    """Axes that are not padded run past."""
    config = tuple(eqn.params["padding_config"])
    padded = [a for a, sizes in enumerate(config) if any(sizes)]
    known = (1,) if numbers(eqn) == (1,) else ()
    text = f"pad {literal(eqn.invars[1])}" if known else "pad"
    return Look("box", text, aligned(others(len(config), padded)), (("sizes", config),), known)


def window(eqn: Any) -> Look:
    """A window at a place that is computed: axes run past where it has the whole size."""
    update = eqn.primitive.name == "dynamic_update_slice"
    whole, part = shape(eqn.invars[0]), shape(eqn.invars[1] if update else eqn.outvars[0])
    axes = [a for a, (n, m) in enumerate(zip(whole, part, strict=True)) if n == m]
    return Look("box", eqn.primitive.name, aligned(axes, 1 + update, 1), keeps=True)


def gather(eqn: Any) -> Look:
    """Slices at places that are computed: axes of the places, and those that are taken whole, run past."""
    spec, sizes = eqn.params["dimension_numbers"], eqn.params["slice_sizes"]
    whole, indices, out = map(shape, (*eqn.invars, *eqn.outvars))
    paired = dict(zip(spec.start_indices_batching_dims, spec.operand_batching_dims, strict=True))
    strands = []
    for k, d in zip(range(len(indices) - 1), others(len(out), spec.offset_dims), strict=True):
        strands.append(Strand((*([(0, int(paired[k]))] if k in paired else []), (1, k)), ((0, d),)))
    taken = others(len(whole), (*spec.collapsed_slice_dims, *spec.operand_batching_dims))
    for a, d in zip(taken, spec.offset_dims, strict=True):
        if sizes[a] == whole[a]:  # there is one place for it
            strands.append(Strand(((0, a),), ((0, int(d)),)))
    return Look("box", "gather", strands)


def scatter(eqn: Any) -> Look:
    """An update at places that are computed: axes that are updated whole run past."""
    spec, (whole, _, updates) = eqn.params["dimension_numbers"], map(shape, eqn.invars)
    rest = others(len(updates), spec.update_window_dims)
    strands = []
    for a, k in zip(spec.operand_batching_dims, spec.scatter_indices_batching_dims, strict=True):
        strands.append(Strand(((0, int(a)), (1, int(k)), (2, rest[k])), ((0, int(a)),)))
    put = others(len(whole), (*spec.inserted_window_dims, *spec.operand_batching_dims))
    for a, d in zip(put, spec.update_window_dims, strict=True):
        if updates[d] == whole[a]:
            strands.append(Strand(((0, a), (2, int(d))), ((0, a),)))
    return Look("box", eqn.primitive.name.replace("_", "-"), strands, keeps=True)
