"""Convolutions and pooling."""

from __future__ import annotations

from typing import Any

from lenses.strands import Strand

from ..programs import shape
from .look import Look, besides


def convolution(eqn: Any) -> Look:
    """The batch runs past, channels are summed and made."""
    p, kernel = eqn.params, shape(eqn.invars[1])
    spec = p["dimension_numbers"]
    strands = []
    if p["batch_group_count"] == 1:
        strands.append(Strand(((0, spec.lhs_spec[0]),), ((0, spec.out_spec[0]),)))
        if p["feature_group_count"] == 1:
            strands.append(Strand(((1, spec.rhs_spec[0]),), ((0, spec.out_spec[1]),)))
            strands.append(Strand(((0, spec.lhs_spec[1]), (1, spec.rhs_spec[1])), ()))
    data = (
        ("kernel", tuple([kernel[a] for a in spec.rhs_spec[2:]])),
        ("stride", tuple(p["window_strides"])),
        ("dilation", tuple(p["rhs_dilation"])),
        ("transposed", any(d != 1 for d in p["lhs_dilation"])),
    )
    return Look("convolution", "convolution", strands, data)


def pooling(eqn: Any) -> Look:
    """Axes along which the window has one place run past."""
    p, name, window = eqn.params, eqn.primitive.name, eqn.params["window_dimensions"]
    ones = (1,) * len(window)
    dilations = [p.get(key) or ones for key in ("base_dilation", "window_dilation")]
    sizes = zip(window, p["window_strides"], *dilations, strict=True)
    acted = [a for a, (each, pad) in enumerate(zip(sizes, p["padding"], strict=True)) if {*each} != {1} or any(pad)]
    data = (
        ("window", tuple([window[a] for a in acted])),
        ("kind", name.removeprefix("reduce_window").strip("_")),
    )
    glyph, text = ("pooling", "pooling") if name.startswith("reduce_window") else ("box", name)
    return Look(glyph, text, besides(eqn, acted), data)
