"""Soft gates: a boolean term over the reals, learned by descent, and hardened to bits again.

`soften` is a functor from terms over bits to terms over the reals. Every gate becomes the polynomial over
the reals that agrees with it at bits: the mean of its value over independent bits of these probabilities.
Every learned bit becomes a function of unbounded parameters, a mixture of the functions that a gate may
be (Petersen et al. 2022, "Deep Differentiable Logic Gate Networks"; the entries of its truth table by
themselves, as in Ruttgers et al. 2025, "Light Differentiable Logic Gate Networks"). The trees of parameters
have the same names, and `harden` takes the one to the other: the result is learned bits of the term itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ...arguments import choice, number
from ...arguments import whole as whole_number
from ...boxes.linear import scale
from ...boxes.lookup import Constant
from ...boxes.pointwise import Pointwise, log, multiply, shift, sigmoid, subtract
from ...boxes.rearrange import Rearrange, rearrange
from ...boxes.reductions import OnAxis, Reduce, Spread, reduce_sum
from ...boxes.structure import Add, Check, Copy, Discard, Zero, add, copy
from ...combinators.parametrised import Para, para
from ...combinators.parts import Composite, block
from ...errors import LensError, explain
from ...functor import Functor
from ...interpret import Cx, Side
from ...opaque import learned
from ...ports import Port
from ...spaces import Array, Real, RealElement, ResidueElement, Space
from ...strands import Strand
from ...syntax import shorten
from ...terms import Box, Identity, Permute, Term, identity, tensor
from ...trees import Tree, leaves, nest, pick, whole
from ...typed import Typed, as_typed
from ...wiring import wired
from ..gates import Gate, Negation, mux
from ..polynomial import Polynomial
from ..tables import Lookup, Tables, lookup, tables
from .layers import Choose, choose

FORMS = ("entries", "mixture")
STARTS = ("through", "random")


class Soft(Box):
    """A polynomial box over the reals, its parameters kept between 0 and 1 as functions of real numbers.

    A truth table in the form "entries" is the logistic function of as many numbers; in the form "mixture"
    it is the mean of all truth tables of its inputs under the softmax of a number for each, the table
    that entry r of number f is the bit r of f. A choice of wires is a softmax.
    """

    glyph: ClassVar[str] = "learned"
    box: Term
    form: str = "entries"
    start: str = "through"

    @property
    def inner(self) -> Polynomial:
        """The box whose parameters are softened."""
        assert isinstance(self.box, Polynomial)
        return self.box

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return self.box.arity

    @property
    def label(self) -> str:
        return self.inner.label

    def type(self, dom: Space) -> Space:
        for i, array in enumerate(dom):
            if not array.real:
                self.fail(i, "real numbers between 0 and 1", array)
        return self.inner.type(dom)

    def strands(self, dom: Space) -> Sequence[Strand]:
        return self.inner.strands(dom)

    @classmethod
    def examples(cls) -> Sequence[Term]:
        boxes = [
            (lookup(2), Real(3, 2), "entries"), (tables(2), Real(2, 2), "mixture"), (choose(2, 1), Real(3), "entries"),
        ]  # fmt: skip
        return [Soft(box, form, "random").at(space) for box, space, form in boxes]

    def ports(self, dom: Space) -> tuple[Port, ...]:
        return tuple([self._soft(port) for port in self.inner.ports(dom)])

    def _soft(self, port: Port) -> Port:
        """The port of the numbers of which the values of `port` are functions."""
        sizes, entries = port.array.sizes, port.array.sizes[-1]
        if port.name == "choice":
            return Port(port.name, "param", port.array, "normal:1")
        through = f"halves:-{CERTAIN}:{CERTAIN}"
        if self.form == "mixture":
            first = sum(1 << row for row in range(entries // 2, entries))
            sizes, through = (*sizes[:-1], 2**entries), f"spike:{first}:{CERTAIN_OF_MANY}"
        return Port(
            port.name,
            "param",
            Array(sizes, element=port.array.element),
            through if self.start == "through" else "normal:1",
        )

    def flops(self, dom: Space) -> int:
        return self.inner.flops(dom)

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return self.inner.value({k: squashed(k, self.form, v) for k, v in learned(cx, p).items()}, *xs)


CERTAIN = 2.0
"""How far from 0 the logits of a gate that hands its first input on start."""
CERTAIN_OF_MANY = 5.0
"""The same, of a mixture."""


def every_table(entries: int) -> np.ndarray:
    """All truth tables, (2^entries, entries): entry r of number f is the bit r of f."""
    return (np.arange(2**entries)[:, None] >> np.arange(entries) & 1).astype(np.float32)


def squashed(name: str, form: str, value: Any) -> Any:
    """The probabilities that are meant by the numbers of a soft parameter."""
    if name == "choice":
        return jax.nn.softmax(value)
    if form == "mixture":
        return jax.nn.softmax(value) @ every_table(value.shape[-1].bit_length() - 1)
    return jax.nn.sigmoid(value)


# -- the functor -----------------------------------------------------------------------------


def _real(space: Space) -> Space:
    """The space with real numbers in the place of bits."""

    def array(a: Array) -> Array:
        return Array(a.sizes, a.names, RealElement()) if a.element == ResidueElement(2) else a

    return Space(map(array, space))


@wired
def _xor(x: Any, y: Any) -> Any:
    return subtract(add(x, y), scale(2.0)(multiply(x, y)))


SOFT_XOR = block("xor", _xor)
"""x + y - 2xy."""
SOFT_NEG = scale(-1.0) >> shift(1.0)
"""1 - x."""


@wired
def _mux(s: Any, x: Any, y: Any) -> Any:
    return add(y, multiply(s, subtract(x, y)))


def _sum(box: Any) -> Term:
    """The soft sum of several bits, one after another."""
    if box.terms == 1:
        return identity
    term: Term = SOFT_XOR
    for _ in range(box.terms - 2):
        term = term @ identity >> SOFT_XOR
    return term


def _gate(box: Any) -> Term:
    """The polynomial over the reals of a truth table of two bits."""
    low, second, first, both = (box.table >> row & 1 for row in range(4))

    @wired
    def value(x: Any, y: Any) -> Any:
        total = multiply(x, y) * float(both - first - second + low)
        return total + x * float(first - low) + y * float(second - low) + float(low)

    return block(box.spell().split("(")[0], value)


def _product(box: Any) -> Term:
    if box.function != "multiply":
        _refuse(box)
    return box


def _parameters(functor: Softening, box: Any) -> Term:
    """A parametrised map whose parameters are logistic functions of numbers."""
    ports = [
        Port(port.name, port.kind, _real(Space([port.array]))[0], "normal:1", port.stacked)
        if port.array.element == ResidueElement(2)
        else port
        for port in box.params
    ]
    squash = [sigmoid if new is not old else identity for new, old in zip(ports, box.params, strict=True)]
    return para(tensor(*squash, Identity(box.arity[0])) >> functor(box.term), ports, box.changes)


def _refuse(box: Box) -> Any:
    raise LensError(
        explain(
            f"soften: {shorten(box, 80)} has no soft meaning",
            box=type(box).__name__,
            expected="gates, tables, lookups, connections, structure, and parts of them",
            do="write it with those boxes",
        )
    )


KEPT = (Copy, Discard, Identity, Permute, OnAxis, Rearrange, Spread, Polynomial)
"""Boxes that move numbers as they move bits."""


class Softening(Functor):
    """The functor from terms over bits to terms over the reals."""

    def __init__(self, form: str, start: str):
        soft: Callable[[Any], Term] = lambda box: Soft(box, form, start)  # noqa: E731
        super().__init__(
            dict.fromkeys(KEPT, lambda box: box)
            | dict.fromkeys((Lookup, Tables, Choose), soft)
            | {
                Reduce: _refuse,
                Add: _sum,
                Gate: _gate,
                Negation: lambda box: SOFT_NEG,
                mux: lambda box: block("mux", _mux),
                Pointwise: _product,
                Constant: lambda box: Constant(_real(box.space), box.values),
                Zero: lambda box: Zero(_real(box.space)),
                Check: lambda box: Check(_real(box.space)),
                Para: lambda box: _parameters(self, box),
            }
        )

    def box(self, box: Box) -> Term:
        if self.table.get(box) is None and not isinstance(box, Composite):
            _refuse(box)
        return super().box(box)

    def __call__(self, term: Term) -> Term:
        return Typed(self(term.term), _real(term.dom)) if isinstance(term, Typed) else super().__call__(term)


def soften(term: Term, form: str = "entries", start: str = "through") -> Term:
    """A term over bits as one over the reals between 0 and 1, with parameters that are any real numbers.

    `form` says what each learned truth table is a function of: "entries", a number for each of its rows,
    or "mixture", one for each truth table of as many inputs, of which there are 16 for 2. `start` says how
    tables begin: "through" hands the first input on, so that deep circuits learn, "random" does not.

    Raises LensError for a box that has no soft meaning, such as a sum along an axis.
    """
    choice("soften", "the form", form, FORMS)
    return Softening(form, choice("soften", "the start", start, STARTS))(term)


def harden(term: Term, params: Tree, space: Space | None = None) -> Tree:
    """The learned bits of a term over bits, out of the parameters of its softening: what is the likeliest each.

    `params` may have other parameters too, of what was composed with the softened term. Raises
    ParameterError or LensError where they are not those of the term.
    """
    circuit = as_typed(term, space, "harden").circuit
    paths = list(leaves(whole(circuit)))
    values = [_bits(port, pick(params, path)) for path, port in paths]
    return nest([path for path, _ in paths], values)


def _bits(port: Port, value: Any) -> Any:
    sizes = port.array.sizes
    if port.name.split(".")[-1] == "choice":
        return jax.nn.one_hot(jnp.argmax(value, -1), sizes[-1], dtype=jnp.int32)
    if jnp.shape(value) != sizes:
        return jnp.asarray(every_table(sizes[-1]), jnp.int32)[jnp.argmax(value, -1)]
    return (value > 0).astype(jnp.int32)


# -- ends of models --------------------------------------------------------------------------


def tally(classes: int, temperature: float = 1.0) -> Term:
    """Scores of classes out of bits: each the sum of its share of the wires, over `temperature`; ends a classifier."""
    count = whole_number("tally", "the number of classes", classes)
    heat = number("tally", "the temperature", temperature, 1e-6, 1e6)
    return rearrange("(c g) -> c g", c=count) >> reduce_sum() >> scale(1.0 / heat)


def log_odds(least: float = 1e-4) -> Term:
    """log p / (1 - p) of probabilities, moved inside by `least`: what `binary_cross_entropy` wants of bits."""
    number("log_odds", "the least probability", least, 1e-7, 0.5)
    inside = scale(1.0 - 2.0 * least) >> shift(least)
    return inside >> copy >> log @ (SOFT_NEG >> log) >> subtract
