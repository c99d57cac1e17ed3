"""Truth tables written out as sums and products, and what makes them as fast as reading one entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arguments import whole
from ..boxes.linear import einsum
from ..boxes.pointwise import multiply
from ..boxes.rearrange import concatenate, rearrange, split
from ..boxes.reductions import Reduce
from ..combinators.parametrised import Para
from ..combinators.parts import Block, block
from ..fusing import fuses
from ..spaces import ResidueElement
from ..terms import Box, Term
from ..typed import Cell
from ..wiring import trace
from .gates import neg
from .tables import Lookup


def basis(inputs: int) -> Term:
    """k bits to the indicator of the row that they say, (k,) to (2^k,): the product of x or 1 + x for each bit x.

    ``basis(k) >> para(multiply, [Port("table", "param", Bits(2**k)[0], "zeros")]) >> reduce_sum()`` is the
    model of a truth table as sums and products (Wilson and Zanasi 2021). It is the polynomial of `lookup`;
    where it is compiled or trained, the rows are never made, and the one entry is read.
    """
    whole("basis", "the number of inputs", inputs, 1, 20)

    def f(x: Any) -> Any:
        bits = split(*[1] * inputs)(x)
        rows: Any = None
        for bit in bits if isinstance(bits, tuple) else (bits,):
            pair = concatenate()(neg(bit), bit)
            rows = pair if rows is None else rearrange("a b -> (a b)")(einsum("_a, _b -> _a _b")(rows, pair))
        return rows

    return block("basis", trace(f, 1))


@fuses(Block, Para, Reduce)
def _entry(cells: Sequence[Cell]) -> Box | None:
    """The sum of the entries, each times the indicator of its row, is the polynomial that `Lookup` is.

    By induction on the number of bits: the entries of the rows where the first bit x is 0 or 1 are those
    of two tables l and h of the other bits, and (1 + x) l + x h = l + x (l + h), in any commutative ring
    of characteristic 2.
    """
    rows, _, _ = cells
    (x,), (indicator, weights, summed) = rows.dom, [cell.box.fields for cell in cells]
    if indicator["name"] != "basis" or x.rank != 1 or x.element != ResidueElement(2) or x.sizes[0] > 20:
        return None
    ports = [(port.name, port.kind) for port in weights["params"]]
    plain = weights["term"] == multiply and ports == [("table", "param")] and not weights["changes"]
    return Lookup(x.sizes[0]) if plain and summed["kind"] == "sum" and rows.box == basis(x.sizes[0]) else None
