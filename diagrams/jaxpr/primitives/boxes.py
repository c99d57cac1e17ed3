"""Primitives that are labelled boxes and act along some of their axes, past which the others run."""

from __future__ import annotations

from typing import Any

from lenses.strands import aligned

from ..programs import shape
from .look import Look, besides, through


def along(eqn: Any) -> Look:
    """What acts along the axes that it names, such as a sort."""
    name, params = eqn.primitive.name, eqn.params
    axis = next(params[key] for key in ("axis", "dimension", "dimensions") if key in params)
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return Look("box", name, besides(eqn, axes), keeps=name not in ("split", "top_k"))


def matrices(eqn: Any) -> Look:
    """What acts on matrices, or a Fourier transform: along the last axes."""
    name, first = eqn.primitive.name, shape(eqn.invars[0])
    lead = first[: len(first) - (len(eqn.params["fft_lengths"]) if name == "fft" else 2)]
    passes = all(shape(v)[: len(lead)] == lead for v in (*eqn.invars, *eqn.outvars))
    return Look("box", name, aligned(range(len(lead) * passes), len(eqn.invars), len(eqn.outvars)))


def each(eqn: Any) -> Look:
    """What hands each operand on as it is."""
    strands = [through((i,), a, (i,), a) for i, v in enumerate(eqn.invars) for a in range(len(shape(v)))]
    return Look("box", eqn.primitive.name, strands)
