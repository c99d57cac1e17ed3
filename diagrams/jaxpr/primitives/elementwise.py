"""Elementwise functions: all axes run past. Numbers among their operands are written into their text."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...glyphs import boxes
from ...text import number
from ..programs import shape
from .look import Look, call, literal, numbers, through

NAMES = (
    "abs acos acosh add add_any and asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt ceil clamp clz complex "
    "conj convert_element_type copy copy_p cos cosh digamma div eq erf erf_inv erfc exp exp2 expm1 floor ge gt "
    "igamma igamma_grad_a igammac imag integer_pow is_finite le lgamma log log1p logistic lt max min mul ne neg "
    "nextafter not or polygamma population_count pow random_gamma_grad real reduce_precision "
    "regularized_incomplete_beta rem round rsqrt select_n shift_left shift_right_arithmetic shift_right_logical "
    "sign sin sinh sqrt square stop_gradient sub tan tanh xor zeta"
)
"""The primitives that are elementwise."""

SIGNS = {
    "add": "+", "add_any": "+", "sub": boxes.SIGNS["subtract"], "mul": boxes.SIGNS["multiply"],
    "div": boxes.SIGNS["divide"], "max": boxes.SIGNS["maximum"], "min": boxes.SIGNS["minimum"], "rem": "mod",
    "pow": "^", "eq": "=", "ne": "≠", "lt": "<", "le": "≤", "gt": ">", "ge": "≥",
}  # fmt: skip
"""The signs of elementwise functions of two arrays, those of terms where they have one."""

COMMUTING = ("add", "add_any", "mul", "max", "min")
"""Functions of two arrays that a number is written behind, wherever it stands."""


def elementwise(eqn: Any) -> Look:
    """Its sign, or its name, with the numbers among its operands; two of these have glyphs of their own."""
    name, sizes, known = eqn.primitive.name, [shape(v) for v in eqn.invars], numbers(eqn)
    strands = [
        through([i for i, own in enumerate(sizes) if own and own[a] == n], a, (0,), a)
        for a, n in enumerate(shape(eqn.outvars[0]))
    ]
    glyph, text, data = "pointwise", str(SIGNS.get(name, name)), ()
    if known and len(sizes) == 2:
        (at,) = known
        text = f"{text} {literal(eqn.invars[at])}" if at or name in COMMUTING else f"{literal(eqn.invars[0])} {text}"
        if name == "mul" or (name == "div" and at):
            glyph, factor = "scale", eqn.invars[at].val
            if name == "mul" and np.isreal(factor) and np.isfinite(factor):
                data = (("factor", float(factor)),)
    elif known:
        text = call(name, eqn, known)
    elif name in ("add", "add_any") and sizes[0] == sizes[1]:
        glyph, text = "plus", "add"
    elif name in ("integer_pow", "square"):
        text = f"^ {number(eqn.params.get('y', 2))}"
    elif name == "convert_element_type":
        text = str(eqn.params["new_dtype"])
    return Look(glyph, text, strands, data, known)
