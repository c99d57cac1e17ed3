"""Functions that move axes, take them away or add them: transpositions, reshapes, broadcasts, counters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax.extend.core import Literal

from lenses.strands import moved

from ..programs import shape
from .look import Look, literal, others, spread


def transpose(eqn: Any) -> Look:
    """Every axis has its new place."""
    return Look("rearrange", "transpose", moved((int(a), b) for b, a in enumerate(eqn.params["permutation"])))


def squeeze(eqn: Any) -> Look:
    """Axes of size 1 are taken away."""
    kept = others(len(shape(eqn.invars[0])), eqn.params["dimensions"])
    return Look("rearrange", "squeeze", moved((a, b) for b, a in enumerate(kept)))


def reshape(eqn: Any) -> Look:
    """Axes run past if they are as they were."""
    plain = eqn.params.get("dimensions") is None
    pairs = unchanged(shape(eqn.invars[0]), shape(eqn.outvars[0])) if plain else []
    return Look("rearrange", "reshape", moved(pairs))


def unchanged(old: Sequence[int], new: Sequence[int]) -> list[tuple[int, int]]:
    """The axes that a reshape leaves as they are: those with as many elements before and behind them as before."""
    short = min(len(old), len(new))
    head = next((k for k in range(short) if old[k] != new[k]), short)
    tail = next((k for k in range(short - head) if old[-1 - k] != new[-1 - k]), short - head)
    pairs = [(k, k) for k in range(head)] + [(len(old) - 1 - k, len(new) - 1 - k) for k in range(tail)]
    if 0 in (*old, *new):
        return pairs if list(old) == list(new) else []
    ins = [k for k in range(head, len(old) - tail) if old[k] != 1]
    outs = [k for k in range(head, len(new) - tail) if new[k] != 1]
    while ins and outs:
        i, j = ins.pop(0), outs.pop(0)
        before, after = old[i], new[j]
        if before == after:
            pairs.append((i, j))
        while before != after:
            if before < after:
                before *= old[ins.pop(0)]
            else:
                after *= new[outs.pop(0)]
    return sorted(pairs)


def broadcast(eqn: Any) -> Look:
    """Axes are new, along which all is the same; a number that is spread is a constant."""
    source, out = eqn.invars[0], shape(eqn.outvars[0])
    dims = [int(d) for d in eqn.params["broadcast_dimensions"]]
    new = spread(others(len(out), dims))
    if isinstance(source, Literal) and not shape(source):
        return Look("constant", literal(source), new, folded=(0,))
    kept = moved((a, d) for a, d in enumerate(dims) if shape(source)[a] == out[d])
    return Look("copy", "spread", [*kept, *new])


def iota(eqn: Any) -> Look:
    """A constant that counts along one axis."""
    out, along = shape(eqn.outvars[0]), eqn.params["dimension"]
    return Look("constant", f"0 … {out[along] - 1}", spread(others(len(out), (along,))))
