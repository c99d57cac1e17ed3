"""The programs that lenses run, read as gates: what is proved of a backward pass is proved of what runs.

A pass over bits is traced to a jaxpr, whose operations on whole numbers are followed by their lowest
bits: a sum is an exclusive or, a product a conjunction, and masks and remainders by 2 change nothing.
So the netlist is the formal polynomial that the program computes. An operation that has no such
meaning (a comparison, an index that depends on the inputs) is refused, and the pass is run instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.extend.core import Jaxpr, Literal

from ..circuits.netlist import TABLES
from ..circuits.reading import Gates, Reading
from ..errors import LensError, explain
from ..interpret import Cx, Env, Side
from ..rules.rule import backprop
from .primitives import PRIMITIVES

MOVING = frozenset(
    ("broadcast_in_dim", "reshape", "squeeze", "transpose", "rev", "slice", "split", "expand_dims", "copy", "gather")
)
"""Primitives that move the elements of their first operand; the others say where to."""


@dataclass(frozen=True, eq=False)
class Bits:
    """Numbers of which the lowest bits are known as signals, an array of them."""

    signals: Any


class Program:
    """The operations of a traced program on arrays of signals, numbers that do not depend on inputs aside."""

    def __init__(self, gates: Gates):
        self.gates = gates

    def bits(self, x: Any) -> Any:
        """The signals of the lowest bits of a value."""
        return x.signals if isinstance(x, Bits) else self.gates.constant(np.asarray(x) & 1)

    def run(self, jaxpr: Jaxpr, consts: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        """The outputs of a jaxpr."""
        known: dict[Any, Any] = dict(zip(jaxpr.constvars, map(np.asarray, consts), strict=True))
        known.update(zip(jaxpr.invars, arguments, strict=True))
        for eqn in jaxpr.eqns:
            xs = [np.asarray(v.val) if isinstance(v, Literal) else known[v] for v in eqn.invars]
            ys = self.operation(eqn.primitive.name, eqn.params, xs)
            known.update(zip(eqn.outvars, ys if eqn.primitive.multiple_results else [ys], strict=True))
        return [np.asarray(v.val) if isinstance(v, Literal) else known[v] for v in jaxpr.outvars]

    def operation(self, name: str, params: Any, xs: Sequence[Any]) -> Any:
        """What one operation gives."""
        symbolic = [isinstance(x, Bits) for x in xs]
        inner = params.get("jaxpr")
        if name == "scan":
            return self._scan(params, xs)
        if name == "jit" and params.get("name") == "remainder" and not symbolic[1] and (xs[1] == 2).all():
            return [xs[0]]
        if name == "jit" and any(symbolic):
            return self.run(inner.jaxpr, inner.consts, xs)
        if not any(symbolic) and name in PRIMITIVES:
            return PRIMITIVES[name](params, *xs)
        if name in MOVING and symbolic[0] and not any(symbolic[1:]):
            found = PRIMITIVES[name](params, xs[0].signals, *xs[1:]) if name != "copy" else xs[0].signals
            return [Bits(y) for y in found] if isinstance(found, list | tuple) else Bits(found)
        if name in PLACING and not any(symbolic[PLACING[name] :]):
            return Bits(_placed(name, params, list(map(self.bits, xs[: PLACING[name]])), xs[PLACING[name] :]))
        meaning = MEANINGS.get(name)
        if meaning is None:
            raise LensError(explain(f"the operation {name} is no polynomial of bits"))
        return Bits(meaning(self, params, *map(self.bits, xs)))

    def _scan(self, params: Any, xs: Sequence[Any]) -> list[Any]:
        """The steps one after the other."""
        jaxpr, fixed, carried = params["jaxpr"], params["num_consts"], params["num_carry"]
        consts, carry, stepped = xs[:fixed], list(xs[fixed : fixed + carried]), xs[fixed + carried :]
        out: list[list[Any]] = []
        steps = range(params["length"])
        for i in reversed(steps) if params["reverse"] else steps:
            now = [Bits(x.signals[i]) if isinstance(x, Bits) else x[i] for x in stepped]
            ys = self.run(jaxpr.jaxpr, jaxpr.consts, [*consts, *carry, *now])
            carry = ys[:carried]
            out.append([self.bits(y) for y in ys[carried:]])
        rows = out[::-1] if params["reverse"] else out
        return [*carry, *(Bits(np.stack(each)) for each in zip(*rows, strict=True))]


PLACING = {"dynamic_slice": 1, "dynamic_update_slice": 2}
"""Primitives that take or put a part of an array, and how many operands come before where it starts."""


def _placed(name: str, params: Any, arrays: Sequence[Any], starts: Sequence[Any]) -> Any:
    """The part taken, or the array with the part put in; a start is moved until the part lies within."""
    whole, sizes = arrays[0], arrays[-1].shape if len(arrays) > 1 else params["slice_sizes"]
    first = [int(np.clip(s, 0, n - m)) for s, n, m in zip(starts, whole.shape, sizes, strict=True)]
    part = tuple(slice(i, i + m) for i, m in zip(first, sizes, strict=True))
    if len(arrays) == 1:
        return whole[part]
    found = np.array(whole)
    found[part] = arrays[1]
    return found


def _sum(program: Program, params: Any, x: Any) -> Any:
    for axis in sorted(params["axes"], reverse=True):
        x = program.gates.parity(x, axis)
    return x


def _dot(program: Program, params: Any, x: Any, y: Any) -> Any:
    """Batch axes first, then those of the left, then those of the right; the contracted ones are summed."""
    (over_x, over_y), (batch_x, batch_y) = params["dimension_numbers"]
    free_x = [i for i in range(x.ndim) if i not in (*over_x, *batch_x)]
    free_y = [i for i in range(y.ndim) if i not in (*over_y, *batch_y)]
    x, y = x.transpose([*batch_x, *free_x, *over_x]), y.transpose([*batch_y, *free_y, *over_y])
    n, k = len(batch_x), len(over_x)
    x = np.expand_dims(x, tuple(range(n + len(free_x), n + len(free_x) + len(free_y))))
    y = np.expand_dims(y, tuple(range(n, n + len(free_x))))
    product = program.gates.conj(*np.broadcast_arrays(x, y))
    for _ in range(k):
        product = program.gates.parity(product, -1)
    return product


def _concatenate(program: Program, params: Any, *xs: Any) -> Any:
    return np.concatenate(xs, params["dimension"])


def _power(program: Program, params: Any, x: Any) -> Any:
    if params["y"] < 1:
        raise LensError(explain("a power below 1 is no polynomial of bits"))
    product = x
    for _ in range(params["y"] - 1):
        product = program.gates.conj(product, x)
    return product


def _whole(program: Program, params: Any, x: Any) -> Any:
    if not np.issubdtype(params["new_dtype"], np.integer):
        raise LensError(explain(f"whole numbers as {params['new_dtype']} are no polynomials of bits"))
    return x


MEANINGS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("add", "add_any", "sub", "xor"), lambda program, params, x, y: program.gates.xor(x, y)),
    **dict.fromkeys(("mul", "and"), lambda program, params, x, y: program.gates.conj(x, y)),
    "or": lambda program, params, x, y: program.gates.gate(TABLES["or"], x, y),
    "not": lambda program, params, x: program.gates.neg(x),
    "neg": lambda program, params, x: x,
    "convert_element_type": _whole,
    "integer_pow": _power,
    "reduce_sum": _sum,
    "dot_general": _dot,
    "concatenate": _concatenate,
    "pad": lambda program, params, x, value: PRIMITIVES["pad"](params, x, value),
}
"""Primitives on the lowest bits of numbers."""


def read_pass(reading: Reading, cx: Cx, p: Side, xs: Sequence[Any]) -> Sequence[Any]:
    """How a `Get` or `Put` is read: as it is traced, under backpropagation alone; other rules mean no polynomials."""
    box: Any = cx.cell.box
    if box.rule is not backprop:
        raise LensError(explain(f"the lens of {box.rule!r} is run, not read"))
    shapes = [jax.ShapeDtypeStruct(x.shape, a.dtype) for x, a in zip(xs, cx.dom, strict=True)]
    traced = jax.make_jaxpr(lambda *xs: box.run(Cx(cx.cell, Env(backprop)), Side(), xs)[0])(*shapes)
    program = Program(reading.gates)
    return [program.bits(y) for y in program.run(traced.jaxpr, traced.consts, [Bits(x) for x in xs])]
