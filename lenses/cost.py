"""The cost functor: multiplications and additions, of a term from its boxes, and of a JAX program from its operations.

Both are counts, so they are exact and the same on every machine. Of a program, a product of matrices
counts a multiplication and an addition for each pair of numbers that meet, a reduction one operation
for each number that comes in, moving numbers nothing, and anything else one operation for each number
that comes out; the body of a loop counts as often as it runs, where that is known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from .spaces import Space
from .terms import Term
from .typed import as_typed


def flops(term: Term, space: Space | None = None) -> int:
    """The floating-point operations of one application of a typed term (or of a term at a space), one example."""
    return sum(cell.box.flops(cell.dom) for cell in as_typed(term, space, "flops").circuit.cells)


# -- of programs -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """How many operations a program does: multiplications, additions, and others (exponentials, comparisons, ...)."""

    multiplications: int = 0
    additions: int = 0
    others: int = 0

    @property
    def total(self) -> int:
        """All operations."""
        return self.multiplications + self.additions + self.others

    def __add__(self, other: Work) -> Work:
        return Work(
            self.multiplications + other.multiplications,
            self.additions + other.additions,
            self.others + other.others,
        )

    def __mul__(self, times: int) -> Work:
        return Work(self.multiplications * times, self.additions * times, self.others * times)


MOVES = frozenset(
    (
        "bitcast_convert_type", "broadcast_in_dim", "concatenate", "convert_element_type", "copy", "copy_p",
        "device_put", "dynamic_slice", "dynamic_update_slice", "expand_dims", "gather", "iota", "pad", "reshape",
        "rev", "select_n", "slice", "split", "squeeze", "stop_gradient", "transpose",
    )
)  # fmt: skip
"""The primitives of JAX that move numbers and compute none."""
MULTIPLIES = frozenset(("mul", "div", "square", "integer_pow", "reduce_prod", "cumprod"))
"""Those that multiply."""
ADDS = frozenset(("add", "add_any", "sub", "neg", "reduce_sum", "cumsum"))
"""Those that add."""


def operations(program: Callable[..., Any], *arguments: Any) -> Work:
    """The operations of a JAX function at arguments, of which shapes and dtypes alone matter.

    What no output needs is left out.
    """
    return work_of(jax.make_jaxpr(program)(*arguments).jaxpr)


def work_of(jaxpr: Any) -> Work:
    """The operations of a jaxpr, without those that no output needs."""
    total, needed = Work(), {v for v in jaxpr.outvars if not hasattr(v, "val")}
    for eqn in reversed(jaxpr.eqns):
        if eqn.effects or needed & set(eqn.outvars):
            needed |= {v for v in eqn.invars if not hasattr(v, "val")}
            total += work_of_equation(eqn)
    return total


def work_of_equation(eqn: Any) -> Work:
    """The operations of an equation of a jaxpr; a loop without a length counts once."""
    parts = [sub for v in eqn.params.values() for sub in (v if isinstance(v, list | tuple) else [v])]
    bodies = [getattr(sub, "jaxpr", sub) for sub in parts if hasattr(sub, "eqns") or hasattr(sub, "jaxpr")]
    if bodies:
        works = [work_of(body) for body in bodies]
        once = max(works, key=lambda w: w.total) if eqn.primitive.name == "cond" else sum(works, Work())
        return once * eqn.params.get("length", 1)
    name, sizes = eqn.primitive.name, [math.prod(v.aval.shape) for v in eqn.outvars]
    if name == "dot_general":
        left = eqn.invars[0].aval.shape
        pairs = sizes[0] * math.prod(left[k] for k in eqn.params["dimension_numbers"][0][0])
        return Work(pairs, pairs)
    if name == "conv_general_dilated":
        kernel, out = eqn.invars[1].aval.shape, eqn.params["dimension_numbers"].rhs_spec[0]
        pairs = sizes[0] * math.prod(kernel) // kernel[out]
        return Work(pairs, pairs)
    if name in MOVES:
        return Work()
    count = math.prod(eqn.invars[0].aval.shape) if name.startswith("reduce") else sum(sizes)
    return Work(count) if name in MULTIPLIES else Work(0, count) if name in ADDS else Work(0, 0, count)
