"""Signatures: the boxes that terms are generated from, and where each of them fits.

Whether a box fits is asked of the box: its typing rule is tried once for each row of arrays that it
could stand on, and the answer is kept. So any box is generated from, those of a user included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import lenses

from ..errors import LensError, explain
from ..spaces import Array, Element, RealElement, ResidueElement, Space
from ..terms import Box, Term
from ..typed import Misfit, Typed

WIDEST = 3
"""The most input wires of a box that is generated."""


class Option(NamedTuple):
    """A box that fits at a place: how many wires it takes there, and the arrays that it gives."""

    box: Term
    takes: int
    gives: tuple[Array, ...]


class Signature:
    """Boxes to generate terms from, and the arrays that their domains are made of.

    `boxes` are boxes or terms, each with how often it is drawn, 1 by default; `arrays` are spaces of one
    array. `largest` bounds the elements of an array, `most` the wires side by side.
    """

    def __init__(
        self,
        boxes: Iterable[Term | tuple[Term, int]],
        arrays: Iterable[Space],
        largest: int = 27,
        most: int = 5,
        name: str = "signature",
        allowed: Callable[[Array], bool] = lambda array: True,
    ):
        weighted = [b if isinstance(b, tuple) else (b, 1) for b in boxes]
        self.boxes: tuple[Term, ...] = tuple(box for box, _ in weighted)
        self.weights = tuple(weight for _, weight in weighted)
        self.arrays = tuple(array for space in arrays for array in space)
        self.largest, self.most, self.name, self.allowed = largest, most, name, allowed
        if not self.arrays:
            raise LensError(explain("a signature without arrays", do="say which, as in Signature(boxes, [Real(2)])"))
        for box in self.boxes:
            if not isinstance(box, Term):
                raise LensError(explain(f"{box!r} in a signature is no term", do="give boxes, or lift(fn)"))
        self._options: dict[tuple[tuple[Array, ...], bool], tuple[Option, ...]] = {}

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self.boxes)} boxes on {len(self.arrays)} arrays>"

    def __or__(self, boxes: Iterable[Term]) -> Signature:
        """The signature with more boxes, each drawn as often as all others together a third of the time."""
        more = list(boxes)
        often = max(1, sum(self.weights) // (2 * max(len(more), 1)))
        pairs = [*zip(self.boxes, self.weights, strict=True), *((b, often) for b in more)]
        return Signature(pairs, [Space([a]) for a in self.arrays], self.largest, self.most, self.name, self.allowed)

    def of(self, largest: int) -> Signature:
        """The signature with arrays of up to so many elements."""
        pairs = zip(self.boxes, self.weights, strict=True)
        return Signature(pairs, [Space([a]) for a in self.arrays], largest, self.most, self.name, self.allowed)

    def where(self, box: Callable[[Term], bool], array: Callable[[Array], bool] = lambda array: True) -> Signature:
        """The signature with those boxes and arrays alone, and with boxes that give such arrays."""
        kept = [(b, w) for b, w in zip(self.boxes, self.weights, strict=True) if box(b)]
        arrays = [Space([a]) for a in self.arrays if array(a)]
        return Signature(kept, arrays, self.largest, self.most, self.name, array)

    def pick(self, window: tuple[Array, ...], grow: bool, which: int) -> Option | None:
        """One of the boxes that fit at the start of `window`, chosen by a byte; `grow`: may it add wires."""
        fitting = [self._fitting(window[:takes], grow) for takes in range(min(len(window), WIDEST) + 1)]
        place = which * sum(map(len, fitting)) >> 8
        for options in fitting:
            if place < len(options):
                return options[place]
            place -= len(options)
        return None

    def _fitting(self, arrays: tuple[Array, ...], grow: bool) -> tuple[Option, ...]:
        key = (arrays, grow)
        found = self._options.get(key)
        if found is None:
            found = self._options[key] = tuple(self._find(arrays, grow))
        return found

    def _find(self, arrays: tuple[Array, ...], grow: bool) -> Iterable[Option]:
        for box, weight in zip(self.boxes, self.weights, strict=True):
            takes, gives = box.arity
            if takes != len(arrays) or (gives > takes and not grow):
                continue
            out = fits(box, arrays)
            if out is not None and all(a.size <= self.largest and a.rank <= 4 and self.allowed(a) for a in out):
                yield from [Option(box, takes, out)] * weight


def fits(box: Term, arrays: Sequence[Array]) -> tuple[Array, ...] | None:
    """The arrays that a box or term gives on these, None where it does not fit."""
    dom = Space(arrays)
    try:
        if isinstance(box, Typed):
            return box.cod.arrays if box.dom == dom else None
        return (box.type(dom) if isinstance(box, Box) else box.at(dom).cod).arrays
    except (Misfit, LensError):
        return None


def at_dtype(space: Space, dtype: str) -> Space:
    """The space with its real arrays carried by `dtype`."""
    return Space(
        Array(a.sizes, a.names, RealElement(dtype)) if isinstance(a.element, RealElement) else a for a in space
    )


SIZES = (1, 2, 3)
"""Small sizes, drawn so often that equal ones meet: a swap or a transpose shows only there."""


def standard(dtype: str = "float32", indices: bool = True) -> Signature:
    """The usual signature: structure, arithmetic, activations, linear maps, reductions and rearrangements."""
    vectors = [lenses.Real(n, dtype=dtype) for n in SIZES]
    arrays = [
        *vectors,
        *vectors,
        lenses.Real(dtype=dtype),
        lenses.Real(2, 2, dtype=dtype),
        lenses.Real(2, 3, dtype=dtype),
    ]
    boxes: list[Term | tuple[Term, int]] = [
        (lenses.copy, 4),
        (lenses.add, 4),
        (lenses.swap, 3),
        (lenses.discard, 1),
        (lenses.multiply, 4),
        (lenses.copy(3), 1),
        (lenses.add(3), 1),
        (lenses.subtract, 1),
        *[lenses.zero(a) for a in vectors],
        lenses.constant([0.5, -1.5], lenses.Real(2, dtype=dtype)),
        *[(f, 2) for f in (lenses.relu, lenses.tanh, lenses.sin, lenses.square)],
        *[lenses.sigmoid, lenses.softplus, lenses.gelu, lenses.silu, lenses.exp, lenses.absolute, lenses.maximum],
        (lenses.scale(0.5), 2),
        lenses.scale(-1.5),
        lenses.shift(0.25),
        *[(lenses.dense(n), 2) for n in SIZES],
        lenses.linear(2),
        lenses.bias(),
        lenses.matmul,
        lenses.einsum("i, j -> i j"),
        lenses.einsum("i, i ->"),
        lenses.einsum("i j -> j i"),
        lenses.reduce_sum(),
        lenses.reduce_mean(),
        lenses.reduce_max(),
        lenses.logsumexp(),
        lenses.softmax(),
        lenses.layer_norm(),
        lenses.spread(2),
        lenses.concatenate(),
        lenses.split(1, 1),
        lenses.flatten,
        lenses.block("part", lenses.copy >> lenses.tanh @ lenses.identity >> lenses.multiply),
        lenses.block("layer", lenses.dense(2) >> lenses.tanh),
        lenses.repeat(lenses.bias() >> lenses.sin, 2),
        lenses.tied("shared", lenses.bias().at(vectors[1])),
    ]
    if indices:
        arrays.append(lenses.Index(2, below=3))
        boxes += [lenses.embedding(2, dtype=dtype), lenses.one_hot(dtype), lenses.argmax()]
    return Signature(boxes, arrays, name=f"standard({dtype!r})")


def finite(modulo: int | Element = 2) -> Signature:
    """Polynomials over whole numbers modulo `modulo`, or over another finite rig: their laws can be decided."""
    element = modulo if isinstance(modulo, Element) else ResidueElement(modulo)
    bit, row = Space([Array((), element=element)]), Space([Array((2,), element=element)])
    boxes: list[Term | tuple[Term, int]] = [
        *((box, 3) for box in (lenses.copy, lenses.add, lenses.multiply, lenses.swap)),
        *(lenses.discard, lenses.zero(bit), lenses.zero(row), lenses.constant(1, bit)),
    ]
    return Signature(boxes, [bit, bit, row], most=4, name=f"finite({modulo})")


def plain(dtype: str = "float32") -> Signature:
    """A small signature, of what a box is composed with when the box itself is in question."""
    vectors = [lenses.Real(n, dtype=dtype) for n in SIZES]
    boxes: list[Term | tuple[Term, int]] = [
        *((box, 3) for box in (lenses.copy, lenses.add, lenses.swap, lenses.multiply)),
        *(lenses.discard, lenses.tanh, lenses.relu, lenses.scale(0.5), lenses.bias(), lenses.reduce_sum()),
        *(lenses.dense(n) for n in SIZES),
        *(lenses.zero(a) for a in vectors),
    ]
    return Signature(
        boxes, [*vectors, lenses.Real(dtype=dtype), lenses.Real(2, 3, dtype=dtype)], name=f"plain({dtype!r})"
    )
