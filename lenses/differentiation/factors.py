"""Linear maps as lists of factors that are not multiplied until their matrix is asked for, and then in the best order.

This is the free representation: composing two lists only joins them. What forward mode and reverse mode fix, each in
its way, is left open, and decided for the whole list at once from the shapes alone (`plan`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..spaces import Space
from . import order
from .blocks import Dense, Tally, work
from .category import Layer, LinearMap, LinearMaps, beside
from .local import Local
from .matrices import Matrices, Matrix
from .order import Costs, Instruction, Program

MODES = ("auto", "forward", "reverse")


@dataclass(frozen=True, eq=False, repr=False)
class Chain(LinearMap):
    """A list of factors, each the map of a box among the wires beside it."""

    layers: tuple[Layer, ...] = ()

    @property
    def says(self) -> str:
        return " ; ".join(layer.local.name for layer in self.layers) or "id"


class Factors(LinearMaps):
    """Lists of factors, whose matrix is multiplied in the order of a `mode`: the cheapest, forward or reverse."""

    def __init__(self, mode: str = "auto"):
        self.mode = mode
        self.name = f"factors, {mode}"

    def identity(self, space: Space) -> Chain:
        return Chain(space, space)

    def of(self, local: Local) -> Chain:
        return self.layer(Layer(local.dom, tuple(range(len(local.dom))), 0, local))

    def layer(self, layer: Layer) -> Chain:
        return Chain(layer.row, layer.cod, (layer,))

    def composite(self, maps: Sequence[Chain]) -> Chain:
        return Chain(maps[0].dom, maps[-1].cod, tuple(layer for f in maps for layer in f.layers))

    def product(self, maps: Sequence[Chain]) -> Chain:
        layers: list[Layer] = []
        for at, f in enumerate(maps):
            before, behind = beside([g.cod for g in maps[:at]]), beside([g.dom for g in maps[at + 1 :]])
            layers += [_among(before, layer, behind) for layer in f.layers]
        return Chain(beside([f.dom for f in maps]), beside([f.cod for f in maps]), tuple(layers))

    def blocks(self, f: Chain) -> list[list[Any]]:
        found = plan(f.dom, [shape_only(layer) for layer in f.layers], self.mode)
        maps = Matrices()
        return maps.blocks(found.run(f.layers, maps))


def _among(before: Space, layer: Layer, behind: Space) -> Layer:
    a, n = len(before), len(layer.row)
    own = tuple(a + i for i in layer.order)
    row = (*range(a), *own, *range(a + n, a + n + len(behind)))
    return Layer(before @ layer.row @ behind, row, a + layer.before, layer.local)


def shape_only(layer: Layer) -> Layer:
    """The layer without its numbers."""
    return replace(layer, local=layer.local.shape_only)


# -- what a layer does to matrices -----------------------------------------------------------


def push(maps: Matrices, f: Matrix, layer: Layer) -> Matrix:
    """f ; layer."""
    rows = [f.rows[i] for i in layer.order]
    start, stop = layer.before, layer.before + len(layer.local.dom)
    out = maps.push(Matrix(f.dom, layer.local.dom, tuple(rows[start:stop])), layer.local)
    return Matrix(f.dom, layer.cod, (*rows[:start], *out.rows, *rows[stop:]))


def pull(maps: Matrices, layer: Layer, f: Matrix) -> Matrix:
    """layer ; f."""
    start, stop = layer.before, layer.before + len(layer.local.cod)
    out = maps.pull(layer.local, Matrix(layer.local.cod, f.cod, tuple(row[start:stop] for row in f.rows)))
    back = [layer.order.index(i) for i in range(len(layer.order))]
    rows = [(*row[:start], *mine, *row[stop:]) for row, mine in zip(f.rows, out.rows, strict=True)]
    return Matrix(layer.row, f.cod, tuple(tuple(row[i] for i in back) for row in rows))


def application(f: Matrix) -> tuple[int, int]:
    """The multiplications and additions of pushing one column through a matrix of blocks, and of pulling one row."""
    products = sum(work(b) for row in f.rows for b in row)
    into = (sum(b is not None for b in row) for row in f.rows)
    out = (sum(row[i] is not None for row in f.rows) for i in range(len(f.dom)))
    sums = [
        sum(max(n - 1, 0) * a.size for n, a in zip(counts, space, strict=True))
        for counts, space in ((into, f.cod), (out, f.dom))
    ]
    return products + sums[0], products + sums[1]


# -- the plan --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """How to make the matrix of a chain of layers: which neighbours are first merged, the program, and its work.

    `groups` are the layers of each factor, as (start, stop). `flops` counts multiplications and additions.
    """

    dom: Space
    groups: tuple[tuple[int, int], ...]
    program: Program
    flops: int = 0

    def run(self, layers: Sequence[Layer], maps: Matrices) -> Matrix:
        """The matrix."""
        factors = [_factor(layers[a:b], maps) for a, b in self.groups]
        spaces = [self.dom, *(layers[b - 1].cod for _, b in self.groups)]
        stack: list[Matrix] = []
        for does, start, stop in self.program:
            if does == "identity":
                stack.append(maps.identity(spaces[start]))
            elif does == "own":
                f = factors[start]
                stack.append(f if isinstance(f, Matrix) else maps.layer(f))
            elif does == "push":
                for f in factors[start:stop]:
                    stack[-1] = maps.compose(stack[-1], f) if isinstance(f, Matrix) else push(maps, stack[-1], f)
            elif does == "pull":
                for f in reversed(factors[start:stop]):
                    stack[-1] = maps.compose(f, stack[-1]) if isinstance(f, Matrix) else pull(maps, f, stack[-1])
            else:
                last = stack.pop()
                stack[-1] = maps.compose(stack[-1], last)
        return stack.pop()

    def counted(self, layers: Sequence[Layer]) -> Plan:
        """The plan with its work, which is that of the matrices that it makes of layers without numbers."""
        tally = Tally()
        self.run(layers, Matrices(tally))
        return replace(self, flops=tally.flops)


def _factor(layers: Sequence[Layer], maps: Matrices) -> Layer | Matrix:
    if len(layers) == 1:
        return layers[0]
    return maps.compose(*(maps.layer(layer) for layer in layers))


def plans(dom: Space, layers: Sequence[Layer], mode: str = "auto") -> list[Plan]:
    """The plans that a mode chooses among, for a chain of layers without numbers, the one with the least work first."""
    n = len(layers)
    single = tuple((i, i + 1) for i in range(n))
    found = {"reverse": Plan(dom, single, order.reverse(n)), "forward": Plan(dom, single, order.forward(n))}
    if mode != "auto":
        return [found[mode].counted(layers)]
    if n:
        found["auto"] = ordered(dom, layers)
    return sorted((p.counted(layers) for p in found.values()), key=lambda p: p.flops)


def plan(dom: Space, layers: Sequence[Layer], mode: str = "auto") -> Plan:
    """The plan with the least work; by "auto" it is never more than that of the better of forward and reverse."""
    return plans(dom, layers, mode)[0]


def ordered(dom: Space, layers: Sequence[Layer]) -> Plan:
    """The plan that dynamic programming finds, once neighbours that are cheaper as one are merged."""
    groups, matrices = _merged(layers)
    own, ahead, back, widths = [], [], [], [_size(dom)]
    for (a, b), merged in zip(groups, matrices, strict=True):
        local = layers[a].local
        columns, rows = _size(local.dom), _size(local.cod)
        forward, backward = application(merged) if merged is not None and b - a > 1 else local.cost
        known = merged is not None or local.blocks is not None
        own.append(0 if known else min(columns * forward, rows * backward))
        ahead.append(forward)
        back.append(backward)
        widths.append(_size(layers[b - 1].cod))
    return Plan(dom, tuple(groups), order.cheapest(Costs(widths, own, ahead, back))[1])


def _size(space: Space) -> int:
    return sum(a.size for a in space)


def _merged(layers: Sequence[Layer]) -> tuple[list[tuple[int, int]], list[Matrix | None]]:
    """Runs of layers that are cheaper to apply once they are multiplied, and their matrices; those of diagonals are."""
    groups: list[tuple[int, int]] = []
    matrices: list[Matrix | None] = []
    for i, layer in enumerate(layers):
        blocks = layer.local.blocks
        light = blocks is not None and not any(isinstance(b, Dense) for b in blocks.values())
        groups.append((i, i + 1))
        matrices.append(Matrices().layer(layer) if light else None)
        while len(groups) > 1 and matrices[-1] is not None and matrices[-2] is not None:
            f, g, tally = matrices[-2], matrices[-1], Tally()
            product = Matrices(tally).compose(f, g)
            apart = [a + b for a, b in zip(application(f), application(g), strict=True)]
            if any(tally.flops + a > b for a, b in zip(application(product), apart, strict=True)):
                break
            groups[-2:] = [(groups[-2][0], i + 1)]
            matrices[-2:] = [product]
    return groups, matrices


def spelled(instruction: Instruction) -> str:
    """An instruction in words."""
    does, start, stop = instruction
    return f"{does} {start}" if does in ("own", "identity") else f"{does} {start}:{stop}" if stop else does
