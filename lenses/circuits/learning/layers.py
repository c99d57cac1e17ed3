"""Layers of learned gates: many truth tables at once, and the wires that they read.

Each box is a polynomial with whole coefficients, linear in every input and in every parameter. So it
has one meaning over any base: over bits the polynomial modulo 2, over the reals the same polynomial,
which is a mixture of the values at bits where inputs and parameters are numbers between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ...arguments import whole
from ...boxes.linear import einsum
from ...boxes.rearrange import rearrange, split
from ...boxes.reductions import reduce_sum, spread
from ...boxes.structure import Discard, add
from ...initialisers import check as check_init
from ...interpret import Cx, Side
from ...opaque import learned
from ...ports import Port
from ...reverse import reverse
from ...spaces import Array, Bits, Real, ResidueElement, Space
from ...strands import Strand, aligned
from ...terms import Box, Term, tensor
from ...wiring import trace
from ..reading import Reading, Signals, reads


class Polynomial(Box):
    """A box that is a polynomial with whole coefficients, linear in each input and in each parameter.

    A subclass gives `value(params, *xs)` in `jax.numpy`, with products and sums alone; over bits it is
    taken modulo 2, and so is its derivative.
    """

    def value(self, params: Mapping[str, Any], *xs: Any) -> Any:
        """The polynomial at arrays with batch axes in front; the parameters have none."""
        raise NotImplementedError(type(self).__name__)

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        y = self.value(learned(cx, p), *xs)
        return y if cx.cod[0].real else cx.cod[0].element.reduce(y)

    def slopes(self, cx: Cx, p: Side, xs: Sequence[Any], d: Any) -> tuple[dict[str, Any], Sequence[Any]]:
        """The derivative over the reals at bits: changes of the parameters and of the inputs, as floats."""
        real = jax.tree.map(lambda v: jnp.asarray(v, jnp.float32), (learned(cx, p), tuple(xs)))
        pull = jax.vjp(lambda params, xs: self.value(params, *xs), *real)[1]
        return pull(jnp.asarray(d, jnp.float32))

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        if cx.cod[0].real:
            return super().forward(cx, p, xs)
        return (self.apply(cx, p, *xs),), {}, list(xs)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        if cx.cod[0].real:
            return super().backward(cx, p, kept, ds)
        element = cx.cod[0].element
        # Whole numbers up to 2^24 are exact as floats; a batch that large is summed in parts by its rule.
        return jax.tree.map(lambda v: element.reduce(v.astype(element.dtype)), self.slopes(cx, p, kept, ds[0]))

    def polynomial(self, dom: Space) -> Term:
        """The box as a term of sums and products, its parameters as wires in front; for its reverse derivative."""
        raise NotImplementedError(type(self).__name__)

    def reverse_term(self, dom: Space) -> Term | None:
        if dom[0].real:
            return None
        ports = self.ports(dom)
        return reverse(self.polynomial(dom), Space(port.array for port in ports) @ dom).term

    def number(self, dom: Space, wire: int = 0) -> Array:
        """The array on a wire; refuses what is neither real nor of bits."""
        array = dom[wire]
        if not array.real and array.element != ResidueElement(2):
            self.fail(wire, "bits, or real numbers", array, "write the space as in Bits(4)")
        return array


# -- truth tables ----------------------------------------------------------------------------


def entry(table: Any, bits: Any) -> Any:
    """The entry of tables (n, 2^k) at bits (..., n, k), the first counting most: a tree of multiplexers."""
    # The batch stands last, so that a gate's work is one run through memory.
    x = jnp.moveaxis(bits, (-2, -1), (0, 1))
    rows = table.reshape(*table.shape, *(1,) * (x.ndim - 2))
    for i in range(x.shape[1]):
        half = rows.shape[1] // 2
        low, high = rows[:, :half], rows[:, half:]
        rows = low + x[:, i, None] * (high - low)
    return jnp.moveaxis(rows[:, 0], 0, -1)


class Tables(Polynomial):
    """n learned truth tables of k bits each: (n, k), the last two axes, to (n,); the first bit counts most.

    The parameter `table` is (n, 2^k), the tables one after another.
    """

    arity = (1, 1)
    glyph: ClassVar[str] = "learned"
    inputs: int
    init: str = "zeros"

    def type(self, dom: Space) -> Space:
        x = self.number(dom)
        if x.rank < 2 or x.sizes[-1] != self.inputs:
            self.fail(0, f"the bits of each table, {self.inputs} along the last of at least 2 axes", x)
        return Space([x.replace(-1, ())])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank - 2))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [tables(2).at(Bits(3, 2)), tables(1).at(Bits(2, 2, 1)), tables(2, "uniform:1").at(Real(2, 2))]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        x = dom[0]
        return (Port("table", "param", Array((x.sizes[-2], 2**self.inputs), element=x.element), self.init),)

    def flops(self, dom: Space) -> int:
        return 3 * dom[0].size // self.inputs * (2**self.inputs - 1)

    def value(self, params: Mapping[str, Any], *xs: Any) -> Any:
        return entry(params["table"], xs[0])

    def polynomial(self, dom: Space) -> Term:
        def f(rows: Any, x: Any) -> Any:
            for i, size in enumerate(reversed(dom[0].sizes[:-2])):
                rows = spread(size, -3 - i)(rows)
            bits = split(*[1] * self.inputs)(x)
            for s in bits if isinstance(bits, tuple) else (bits,):
                low, high = split(1, 1, axis=-2)(rearrange("(two r) -> two r", two=2)(rows))
                low, high = reduce_sum(-2)(low), reduce_sum(-2)(high)
                rows = add(low, einsum(", _r -> _r")(reduce_sum()(s), add(low, high)))
            return reduce_sum()(rows)

        return trace(f, 2)


def tables(inputs: int = 2, init: str = "zeros") -> Term:
    """Learned truth tables of `inputs` bits, one for each row: (n, inputs) to (n,). `init` says how they start."""
    return Tables(whole("tables", "the number of inputs", inputs, 1, 16), check_init(init, "tables"))


@reads(Tables)
def _read_tables(reading: Reading, cx: Cx, p: Side, xs: Sequence[Signals]) -> Sequence[Signals]:
    x, gates = xs[0], reading.gates
    rows = np.broadcast_to(p["table"], (*x.shape[:-1], np.shape(p["table"])[-1]))
    for i in range(x.shape[-1]):
        half = rows.shape[-1] // 2
        rows = gates.mux(x[..., i, None], rows[..., half:], rows[..., :half])
    return [rows[..., 0]]


# -- wires -----------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def drawn(wires: int, gates: int, inputs: int, seed: int) -> np.ndarray:
    """The wires (gates, inputs) that gates read, each wire about equally often, no gate one of them twice."""
    rng = np.random.RandomState(seed)  # whose streams never change
    rounds = -(-gates * inputs // wires)
    picked = np.concatenate([rng.permutation(wires) for _ in range(rounds)])[: gates * inputs].reshape(gates, inputs)
    for row in picked[[len(set(row)) < inputs for row in picked.tolist()]] if inputs > 1 else ():
        row[:] = rng.permutation(wires)[:inputs]
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


def gates(count: int, inputs: int = 2, seed: int = 0, init: str = "zeros") -> Term:
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
