"""Well-typed terms out of bytes: a stack machine whose every program is a term.

The row of arrays that the term so far ends in is the stack. Two bytes make a step: where, and which
of the boxes that fit there. Nothing is thrown away, so any bytes decode to a well-typed term, fewer
bytes to a smaller one, and a zero to no step at all, which is what shrinking wants.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from ..boxes.lookup import constant
from ..boxes.structure import Zero, discard
from ..combinators import block, repeat
from ..spaces import Array, Space
from ..terms import Identity, Term, compose, permute, tensor
from ..typed import Typed
from .signature import WIDEST, Signature

STEP = 2
"""Bytes a step."""
LENGTH = 9
"""Steps of a term by default; some do nothing."""
WRAP = 250
"""From this first byte on, a step makes a part (or a repeat) of the term so far."""


def decode(
    program: bytes, signature: Signature, dom: Sequence[Array] | None = None, cod: Sequence[Array] | None = None
) -> Typed:
    """The term that bytes spell: its domain, unless it is given, then its steps, then what leads to `cod`."""
    place = 0
    if dom is None:
        head = program[:4].ljust(4, b"\0")
        place = 4
        arrays = signature.arrays
        if cod is not None:
            dom = [*cod, *[arrays[b % len(arrays)] for b in head[1 : 1 + head[0] % 2]]]
        else:
            dom = [arrays[b % len(arrays)] for b in head[1 : 2 + head[0] % 3]]
    stack = list(dom)
    layers: list[Term] = [Identity(len(stack))]
    for at in range(place, len(program) - 1, STEP):
        where, which = program[at], program[at + 1]
        if not where:
            continue
        width = len(stack)
        if where >= WRAP:
            layers = [_wrapped(layers, stack == list(dom))]
            continue
        start = where % width if width else 0
        window = tuple(stack[start : start + WIDEST])
        option = signature.pick(window, width < signature.most, which)
        if option is None:
            continue
        box, takes, gives = option
        layers.append(tensor(Identity(start), box, Identity(width - start - takes)))
        stack[start : start + takes] = gives
    if cod is not None:
        layers += _lead_to(stack, cod)
        stack = list(cod)
    return Typed(compose(*layers), Space(dom), Space(stack))


def _wrapped(layers: list[Term], endomorphism: bool) -> Term:
    """The term so far as a part; repeated, where it ends in the row that it starts with."""
    body = compose(*layers)
    if isinstance(body, Identity):
        return body
    return repeat(body, 2) if endomorphism and body.arity[0] else block("part", body)


def _lead_to(stack: list[Array], cod: Sequence[Array]) -> list[Term]:
    """Layers from the row `stack` to `cod`: wires that carry the right arrays go there, others end, zeros fill."""
    free = list(range(len(stack)))
    chosen: list[int | None] = []
    for array in cod:
        found = next((i for i in reversed(free) if stack[i] == array), None)
        if found is not None:
            free.remove(found)
        chosen.append(found)
    zeros = [_zero(a) for a, i in zip(cod, chosen, strict=True) if i is None]
    kept = [i for i in chosen if i is not None]
    order = [*kept, *free]
    layers = [permute(*order), tensor(Identity(len(kept)), *[discard] * len(free), *zeros)]
    ends, fresh = [], len(kept)
    for i in chosen:
        if i is None:
            ends.append(fresh)
            fresh += 1
        else:
            ends.append(kept.index(i))
    return [*layers, permute(*ends)]


def _zero(array: Array) -> Term:
    """The zero of an array, from no wire; of indices, too, which have no changes."""
    space = Space([array])
    return Zero(space) if array.change is not None else constant(np.zeros(array.sizes, "int32"), space)


def random_term(
    rng: random.Random,
    signature: Signature,
    dom: Sequence[Array] | None = None,
    cod: Sequence[Array] | None = None,
    steps: int = LENGTH,
) -> Typed:
    """A random term over the signature, from any random source of Python's."""
    return decode(rng.randbytes(4 + STEP * steps), signature, dom, cod)
