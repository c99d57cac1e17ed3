"""Layers of learned gates: many truth tables at once, and the wires that they read.

Each is a polynomial (see `lenses.circuits.polynomial`), so that it can be learned by any of the ways.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from ...arguments import whole
from ...boxes.linear import einsum
from ...boxes.structure import Discard
from ...initialisers import check as check_init
from ...interpret import Cx, Side
from ...ports import Port
from ...spaces import Array, Bits, Real, Space
from ...strands import Strand, aligned
from ...terms import Term, tensor
from ...wiring import trace
from ..polynomial import Polynomial
from ..reading import Reading, Signals, reads
from ..tables import tables


@lru_cache(maxsize=256)
def drawn(wires: int, gates: int, inputs: int, seed: int) -> np.ndarray:
    """The wires (gates, inputs) that gates read, each wire about equally often, no gate one of them twice."""
    rng = np.random.RandomState(seed)  # whose streams never change
    rounds = -(-gates * inputs // wires)
    picked = np.concatenate([rng.permutation(wires) for _ in range(rounds)])[: gates * inputs].reshape(gates, inputs)
    for row in picked[[len(set(row)) < inputs for row in picked.tolist()]] if inputs > 1 else ():
        row[:] = rng.permutation(wires)[:inputs]
    picked = picked.astype(np.int32)  # as JAX counts, whether or not float64 is on
    picked.setflags(write=False)
    return picked


class Connect(Polynomial):
    """Picks the wires that gates read: `wires` of the last axis to (gates, inputs), drawn from a seed.

    Each wire is read about equally often, and none twice by one gate.
    """

    arity = (1, 1)
    glyph: ClassVar[str] = "rearrange"
    linear: ClassVar[bool] = True
    gates: int
    inputs: int = 2
    seed: int = 0

    def type(self, dom: Space) -> Space:
        x = self.number(dom)
        if not x.rank or x.sizes[-1] < self.inputs:
            self.fail(0, f"at least {self.inputs} wires along the last axis", x)
        return Space([x.replace(-1, (self.gates, self.inputs))])

    def sources(self, dom: Space) -> np.ndarray:
        """The wires that are picked, (gates, inputs)."""
        return drawn(dom[0].sizes[-1], self.gates, self.inputs, self.seed)

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank - 1))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [connect(3).at(Bits(4)), connect(2, 1, seed=1).at(Bits(2, 3)), connect(3).at(Real(2, 3))]

    def flops(self, dom: Space) -> int:
        return 0

    def value(self, params: Mapping[str, Any], *xs: Any) -> Any:
        (x,) = xs
        sources = drawn(x.shape[-1], self.gates, self.inputs, self.seed)
        return jnp.moveaxis(jnp.moveaxis(x, -1, 0)[sources], (0, 1), (-2, -1))

    def reverse_term(self, dom: Space) -> Term:
        return tensor(Discard(), Collect(dom[0].sizes[-1], self.gates, self.inputs, self.seed))


class Collect(Polynomial):
    """The transpose of `Connect`: (gates, inputs) to `wires`, each the sum of the places that read it."""

    arity = (1, 1)
    glyph: ClassVar[str] = "rearrange"
    linear: ClassVar[bool] = True
    wires: int
    gates: int
    inputs: int
    seed: int

    def type(self, dom: Space) -> Space:
        x = self.number(dom)
        if x.sizes[-2:] != (self.gates, self.inputs):
            self.fail(0, f"the last two axes {self.gates} and {self.inputs}", x)
        return Space([x.replace(-2, (self.wires,))])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank - 2))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [Collect(4, 3, 2, 0).at(Bits(3, 2)), Collect(3, 3, 2, 1).at(Real(2, 3, 2))]

    def value(self, params: Mapping[str, Any], *xs: Any) -> Any:
        x = jnp.moveaxis(xs[0], (-2, -1), (0, 1))
        sources = drawn(self.wires, self.gates, self.inputs, self.seed)
        total = jnp.zeros((self.wires, *x.shape[2:]), x.dtype).at[sources].add(x)
        return jnp.moveaxis(total, 0, -1)

    def reverse_term(self, dom: Space) -> Term:
        return tensor(Discard(), Connect(self.gates, self.inputs, self.seed))


def connect(gates: int, inputs: int = 2, seed: int = 0) -> Term:
    """The wires that `gates` gates read, `inputs` each, drawn from `seed`: (wires,) to (gates, inputs)."""
    numbers = whole("connect", "the number of gates", gates), whole("connect", "the number of inputs", inputs)
    return Connect(*numbers, whole("connect", "the seed", seed, 0, 2**32 - 1))


class Choose(Polynomial):
    """Learned connections: `wires` of the last axis to (gates, inputs), each the sum of those that are chosen.

    The parameter `choice` is (gates, inputs, wires). Where one wire is chosen for each place, it is the
    wire; over the reals numbers that add up to 1 mix them.
    """

    arity = (1, 1)
    glyph: ClassVar[str] = "learned"
    gates: int
    inputs: int = 2
    init: str = "zeros"

    def type(self, dom: Space) -> Space:
        x = self.number(dom)
        if not x.rank:
            self.fail(0, "wires along the last axis", x)
        return Space([x.replace(-1, (self.gates, self.inputs))])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank - 1))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [choose(2, init="bernoulli").at(Bits(3)), choose(2, 1).at(Bits(2, 2)), choose(1, 2, "ones").at(Real(2))]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        x = dom[0]
        return (Port("choice", "param", Array((self.gates, self.inputs, x.sizes[-1]), element=x.element), self.init),)

    def flops(self, dom: Space) -> int:
        return 2 * dom[0].size * self.gates * self.inputs

    def value(self, params: Mapping[str, Any], *xs: Any) -> Any:
        return jnp.einsum("...w,giw->...gi", xs[0], params["choice"])

    def polynomial(self, dom: Space) -> Term:
        return trace(lambda choice, x: einsum("_w, _g _i _w -> _g _i")(x, choice), 2)


def choose(gates: int, inputs: int = 2, init: str = "zeros") -> Term:
    """Learned connections of `gates` gates, `inputs` each, to any of the wires; `init` says how they start."""
    numbers = whole("choose", "the number of gates", gates), whole("choose", "the number of inputs", inputs)
    return Choose(*numbers, check_init(init, "choose"))


def layer(count: int, inputs: int = 2, seed: int = 0, init: str = "zeros") -> Term:
    """A layer of `count` learned gates of `inputs` bits: ``connect(count, inputs, seed) >> tables(inputs, init)``."""
    return connect(count, inputs, seed) >> tables(inputs, init)


@reads(Connect)
def _read_connect(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    box: Any = cx.cell.box
    return [xs[0][..., box.sources(cx.dom)]]


@reads(Collect)
def _read_collect(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    box: Any = cx.cell.box
    places = drawn(box.wires, box.gates, box.inputs, box.seed).ravel()
    x = xs[0].reshape(*xs[0].shape[:-2], -1)
    uses = [x[..., places == wire] for wire in range(box.wires)]
    return [np.stack([reading.gates.parity(use, -1) for use in uses], -1)]


@reads(Choose)
def _read_choose(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    x = np.expand_dims(xs[0], (-3, -2))
    return [reading.gates.parity(reading.gates.conj(x, p["choice"]), -1)]
