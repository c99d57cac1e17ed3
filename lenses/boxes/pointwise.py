"""Pointwise boxes: activations and arithmetic, one registry.

A function is registered once: its meaning in `jax.numpy`, and its derivatives written with the
boxes of this file and with ``+ - * /``. That one expression is the reverse derivative as a term
when it runs on wires, and is checked against `jax.vjp` on arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax

from ..arguments import as_number, refuse
from ..errors import LensError, explain, shown
from ..interpret import Cx, Side
from ..spaces import Real, Space
from ..strands import Strand, aligned
from ..terms import Box, Term
from .elementwise import Elementwise
from .linear import scale, traced


@dataclass(frozen=True)
class Function:
    """A registered function: meaning, number of arguments, and d(args..., y) -> one factor an argument.

    `derivative` gives, for each argument, what the change of the output is multiplied by (None for
    nowhere), as an expression in the arguments and the output that runs on wires.
    """

    meaning: Callable[..., Any]
    arguments: int = 1
    derivative: Callable[..., Sequence[Any]] | None = None


FUNCTIONS: dict[str, Function] = {}


class Pointwise(Box):
    """A registered function applied to each element of arrays of one space."""

    elementwise: ClassVar[bool] = True
    levels: ClassVar[bool] = False
    glyph: ClassVar[str] = "pointwise"
    function: str

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (FUNCTIONS[self.function].arguments, 1)

    @property
    def label(self) -> str:
        return self.function

    def spell(self) -> str:
        return self.function

    def type(self, dom: Space) -> Space:
        for i, array in enumerate(dom):
            if not array.real and (array.change is None or self.function != "multiply"):
                self.fail(i, "real numbers", array, "embed indices first: embedding(n) >> ...")
            if array != dom[0]:
                self.fail(i, f"{dom[0]!r}, as on wire 0", array)
        return Space([dom[0]])

    def strands(self, dom: Space) -> Sequence[Strand]:
        return aligned(range(dom[0].rank), len(dom))

    @classmethod
    def examples(cls) -> Sequence[Term]:
        own = {name: function for name, function in FUNCTIONS.items() if name != Relu.function}
        return [Pointwise(name).at(*[Real(2, 3)] * function.arguments) for name, function in own.items()]

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        if not cx.dom[0].real:
            return cx.dom[0].element.times(*xs)
        return FUNCTIONS[self.function].meaning(*xs)

    def reverse_term(self, dom: Space) -> Term | None:
        derivative = FUNCTIONS[self.function].derivative
        if derivative is None:
            return None

        def r(*args: Any) -> Any:
            *xs, d = args
            factors = derivative(*xs, self(*xs))
            return tuple(d * 0.0 if f is None else d if f is ONE else d * f for f in factors)

        return trace_pruned(r, self.arity[0] + 1)


ONE = object()
"""Stands for the factor 1 in a derivative."""


def trace_pruned(f: Any, wires: int) -> Term:
    """The term that `f` traces, without what no output needs."""
    from ..wiring import trace

    return trace(f, wires, prune=True)


class Relu(Pointwise):
    """max(x, 0), with derivative 0 at 0."""

    function: str = "relu"

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [relu.at(Real()), relu.at(Real(2, 2)), relu.at(Real(2, 3))]

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        (x,) = xs
        return (lax.max(x, lax.full_like(x, 0)),), {}, x > 0

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        (d,) = ds
        return {}, [lax.select(kept, d, lax.full_like(d, 0))]


class WithNumber(Elementwise):
    """x + number (`shift`) or x to the power `number` (`power`), on each element."""

    glyph: ClassVar[str] = "pointwise"
    function: str
    number: float

    @property
    def label(self) -> str:
        return self.function

    def spell(self) -> str:
        return f"{self.function}({self.number!r})"

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [shift(1.5).at(Real(2)), *(power(n).at(Real(2, 3)) for n in (0, 1, 2, 3, 0.5, -1, -1.5))]

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        (x,) = xs
        if self.function == "shift":
            return x + self.number
        return x ** (int(self.number) if self.number == int(self.number) else self.number)

    def reverse_term(self, dom: Space) -> Term:
        n = self.number
        if self.function == "shift":
            return traced(lambda x, d: d, 2)
        if n == 0.0:
            return traced(lambda x, d: d * 0.0, 2)
        return traced(lambda x, d: d * power(n - 1.0)(x) * n, 2)


def shift(number: float) -> Term:
    """x + number on each element."""
    value = as_number(number)
    return WithNumber("shift", refuse("shift", "the number", number, "a number") if value is None else value)


def power(number: float) -> Term:
    """x to the power `number` on each element."""
    value = as_number(number)
    if value is None or not math.isfinite(value):
        refuse("power", "the exponent", number, "a finite number")
    return WithNumber("power", value)


def operand(value: Any) -> float:
    """The number that is combined with a wire, as a float."""
    number = as_number(value)
    if number is None:
        raise LensError(explain(f"a wire cannot be combined with {shown(value)}", expected="a wire or a number"))
    return number


def with_number(name: str, number: float) -> Term:
    """The box that combines a wire with a number, for the operators of wires."""
    number = operand(number)
    return scale(number) if name == "multiply" else WithNumber(name, number)


def register(name: str, meaning: Callable[..., Any], derivative: Any = None, arguments: int = 1) -> Term:
    """Registers a pointwise function under `name` and returns its box; see `Function`."""
    if name in FUNCTIONS and FUNCTIONS[name].meaning is not meaning:
        raise LensError(explain(f"there is already a pointwise function {name!r}", do="choose another name"))
    FUNCTIONS[name] = Function(meaning, arguments, derivative)
    return Relu() if name == "relu" else Pointwise(name)


step = register("step", lambda x: (x > 0).astype(x.dtype), lambda x, y: (None,))
sign = register("sign", jnp.sign, lambda x, y: (None,))
relu = register("relu", jax.nn.relu, lambda x, y: (step(x),))
exp = register("exp", jnp.exp, lambda x, y: (y,))
log = register("log", jnp.log, lambda x, y: (reciprocal(x),))
sin = register("sin", jnp.sin, lambda x, y: (cos(x),))
cos = register("cos", jnp.cos, lambda x, y: (-sin(x),))
tanh = register("tanh", jnp.tanh, lambda x, y: (1.0 - y * y,))
sigmoid = register("sigmoid", jax.nn.sigmoid, lambda x, y: (y * (1.0 - y),))
softplus = register("softplus", jax.nn.softplus, lambda x, y: (sigmoid(x),))
silu = register("silu", lambda x: x * lax.logistic(x), lambda x, y: (sigmoid(x) + y * (1.0 - sigmoid(x)),))
gelu = register("gelu", jax.nn.gelu)
elu = register("elu", jax.nn.elu, lambda x, y: (step(x) + (1.0 - step(x)) * exp(-relu(-x)),))
leaky_relu = register("leaky_relu", jax.nn.leaky_relu, lambda x, y: (1.0 - step(-x) * 0.99,))
square = register("square", lambda x: x * x, lambda x, y: (x * 2.0,))
sqrt = register("sqrt", jnp.sqrt, lambda x, y: (reciprocal(y) * 0.5,))
rsqrt = register("rsqrt", lax.rsqrt, lambda x, y: (y * y * y * -0.5,))
reciprocal = register("reciprocal", lambda x: 1 / x, lambda x, y: (y * y * -1.0,))
absolute = register("absolute", jnp.abs, lambda x, y: (1.0 - step(-x) * 2.0,))
multiply = register("multiply", jnp.multiply, lambda x, y, z: (y, x), 2)
subtract = register("subtract", jnp.subtract, lambda x, y, z: (ONE, MINUS), 2)
divide = register("divide", jnp.divide, lambda x, y, z: (reciprocal(y), -(z * reciprocal(y))), 2)
maximum = register("maximum", jnp.maximum, None, 2)
minimum = register("minimum", jnp.minimum, None, 2)
MINUS = -1.0
