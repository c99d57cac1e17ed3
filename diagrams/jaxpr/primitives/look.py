"""How an equation looks, and what the looks of several primitives are made of."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import Literal

from lenses.strands import Strand

from ...text import number
from ..programs import shape


class Look(NamedTuple):
    """How an equation is drawn. Strands count all its operands, also those in `folded`, which are in the text.

    `keeps`: axes that it acts along are the same afterwards, so that they keep their names.
    """

    glyph: str
    text: str
    strands: Sequence[Strand] = ()
    data: tuple[tuple[str, Any], ...] = ()
    folded: tuple[int, ...] = ()
    keeps: bool = False


def numbers(step: Any) -> tuple[int, ...]:
    """The operands that are numbers known beforehand, if others are not."""
    known = tuple([i for i, a in enumerate(step.invars) if isinstance(a, Literal) and not np.shape(a.val)])
    return known if len(known) < len(step.invars) else ()


def constant(value: Any, atom: Any) -> str:
    """A constant as a short text: a number, a short list, or only its type."""
    dtype, sizes = getattr(atom.aval, "dtype", None), shape(atom)
    if value is not None and len(sizes) < 2 and math.prod(sizes) <= 4:
        try:
            words = [_number(x) for x in np.ravel(np.asarray(value))]
            return f"[{', '.join(words)}]" if sizes else words[0]
        except (TypeError, ValueError, jax.errors.JAXTypeError):  # a random key, or a value that is traced
            pass
    return f"{getattr(dtype, 'name', None) or dtype}[{','.join(map(str, sizes))}]"


def _number(x: Any) -> str:
    if isinstance(x, np.bool_ | np.integer):
        return number(x.item())
    if np.iscomplexobj(x):
        return number(f"{complex(x):.4g}")
    return number(float(x) if np.isfinite(x) else str(x))


def literal(atom: Any) -> str:
    """A literal as a short text."""
    return constant(atom.val, atom)


def call(name: str, step: Any, known: Container[int]) -> str:
    """The call of a function, in which those operands are written that are known, as in "clamp(0, ·, 1)"."""
    return f"{name}({', '.join([literal(a) if i in known else '·' for i, a in enumerate(step.invars)])})"


def others(rank: int, axes: Container[int]) -> list[int]:
    """The axes of an array but those in `axes`."""
    return [a for a in range(rank) if a not in axes]


def through(ins: Iterable[int], a: int, outs: Iterable[int], b: int) -> Strand:
    """The strand through axis a of all operands in `ins` and axis b of all results in `outs`."""
    return Strand(tuple([(i, a) for i in ins]), tuple([(o, b) for o in outs]))


def spread(axes: Iterable[int]) -> list[Strand]:
    """A strand for each of these axes of a result, which is the same all along it."""
    return [through((), 0, (0,), a) for a in axes]


def besides(eqn: Any, axes: Container[int]) -> list[Strand]:
    """A strand for each axis but these, through all operands of the rank of the first, and all results."""
    ranks = [len(shape(v)) for v in eqn.invars]
    ins = [i for i, rank in enumerate(ranks) if rank == ranks[0]]
    return [through(ins, a, range(len(eqn.outvars)), a) for a in others(ranks[0], axes)]
