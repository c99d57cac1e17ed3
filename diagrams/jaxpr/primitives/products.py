"""Products, sums and other reductions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lenses.strands import Place, Strand, moved

from ..programs import shape
from .look import Look, others, through


def product(eqn: Any) -> Look:
    """Axes are paired (batched), summed (contracted) or kept."""
    contract, batch = eqn.params["dimension_numbers"]
    ranks = [len(shape(v)) for v in eqn.invars]
    ins: list[tuple[Place, ...]] = [((0, i), (1, j)) for i, j in zip(*batch, strict=True)]
    ins += [((side, a),) for side in (0, 1) for a in others(ranks[side], (*contract[side], *batch[side]))]
    strands = [Strand(places, ((0, o),)) for o, places in enumerate(ins)]
    strands += [Strand(((0, i), (1, j)), ()) for i, j in zip(*contract, strict=True)]
    return _einsum(strands, ranks)


def total(eqn: Any) -> Look:
    """A sum is a product of one array."""
    rank, axes = len(shape(eqn.invars[0])), eqn.params["axes"]
    kept = moved((a, b) for b, a in enumerate(others(rank, axes)))
    return _einsum([*kept, *(Strand(((0, int(a)),), ()) for a in axes)], [rank])


def _einsum(strands: Sequence[Strand], ranks: Sequence[int]) -> Look:
    """A product, with its pattern: a letter for each strand, in the order of the operands' axes."""
    letters: dict[Strand, str] = {}
    at = {place: strand for strand in strands for place in strand.ins}

    def letter(strand: Strand) -> str:
        n = len(letters)
        return letters.setdefault(strand, chr(97 + n) if n < 26 else chr(65 + n - 26) if n < 52 else chr(140 + n))

    operands = [" ".join(letter(at[i, a]) for a in range(rank)) for i, rank in enumerate(ranks)]
    result = sorted((out, strand) for strand in strands for out in strand.outs)
    pattern = f"{', '.join(operands)} -> {' '.join(letter(strand) for _, strand in result)}".strip()
    return Look("einsum", "einsum", strands, (("pattern", pattern),))


def reduction(eqn: Any) -> Look:
    """All axes but those that are reduced run past."""
    axes, many = eqn.params["dimensions" if eqn.primitive.name == "reduce" else "axes"], range(len(eqn.outvars))
    kept = others(len(shape(eqn.invars[0])), axes)
    strands = [through(many, a, many, b) for b, a in enumerate(kept)]
    return Look("reduce", eqn.primitive.name.removeprefix("reduce_"), strands)
