"""`prove_equal`, `equal_formal` and `equal_function`: a proof or a checked counterexample, never a maybe."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arguments import choice
from ...spaces import Space
from . import formal, function
from .clock import Clock, Undecided
from .derivative import reverse_netlist
from .pair import Circuit, Given, read
from .results import Counterexample, Proof, Result

SECONDS = 60.0
"""The time that a decision may take, by default."""
ASIDE = 1.0
"""The seconds that the remark on derivatives may take."""


def equal_formal(
    f: Circuit, g: Circuit, *, space: Space | None = None, parameters: Any = None, seconds: float = SECONDS
) -> Result:
    """Whether two circuits are one formal polynomial over Z2: then they have one reverse derivative, to every order.

    A gate is a + bx + cy + dxy, and x * x is not x: a copy followed by AND is **not** equal to the
    identity. Decided by sparse normal forms, or where these are large by evaluation at random points
    of a field of 2^k elements; a difference is exact, and equality then has an `error` below 2^-100.

    Args:
        f, g: terms over bits, or netlists, of one interface.
        space: the domain, where neither term has a type.
        parameters: bits for the parameters of the terms, or a pair of such trees; without them the terms
            are compared for all parameters.
        seconds: the time that it may take.

    Raises SpaceError or DataError where the interfaces differ, Undecided (a LensError) where it takes too long.
    """
    clock = Clock.of("equal_formal", seconds)
    p, q = read(f, g, space, parameters, "equal_formal")
    return _formal(p, q, clock, formal.decide(p.netlist, q.netlist, clock))


def equal_function(
    f: Circuit,
    g: Circuit,
    *,
    space: Space | None = None,
    parameters: Any = None,
    seconds: float = SECONDS,
    how: str | None = None,
) -> Result:
    """Whether two circuits are one function: the same outputs at all inputs. Their derivatives may differ.

    Up to 24 inputs all are tried; beyond, the difference is expanded as a polynomial while that is small,
    and then given to a solver (python-sat, of the extra `circuits`). `how` asks for one way: "exhaustive",
    all inputs of the circuits as they are; or "sat". The other arguments and errors are those of `equal_formal`.
    """
    clock = Clock.of("equal_function", seconds)
    if how is not None:
        choice("equal_function", "`how`", how, ("exhaustive", "sat"))
    p, q = read(f, g, space, parameters, "equal_function")
    return _function(p, q, clock, how, "not compared; see equal_formal")


def prove_equal(
    f: Circuit, g: Circuit, *, space: Space | None = None, parameters: Any = None, seconds: float = SECONDS
) -> Result:
    """A `Proof` that two circuits are equal, or a `Counterexample` that was evaluated on both; never a maybe.

    The proof says in which sense: as formal polynomials (the same function and the same reverse
    derivative) where that holds, otherwise as functions, with a remark on their derivatives. It is true
    in a condition, a counterexample false. Arguments and errors are those of `equal_formal`.

        >>> prove_equal(mux, neg @ swap >> mux, space=Bits() @ Bits() @ Bits())
    """
    clock = Clock.of("prove_equal", seconds)
    p, q = read(f, g, space, parameters, "prove_equal")
    try:
        found = formal.decide(p.netlist, q.netlist, clock.within(clock.limit / 2))
    except Undecided:
        return _function(p, q, clock, None, "it was not decided whether they are one polynomial")
    if found.equal or found.bits is not None:
        return _formal(p, q, clock, found, "function" if found.bits is not None else "formal")
    return _function(p, q, clock, None)


def _formal(p: Given, q: Given, clock: Clock, found: formal.FoundFormal, notion: str = "formal") -> Result:
    if found.equal:
        return Proof(notion, found.how, clock.seconds, found.error)
    if found.bits is not None:
        remark = "they differ too" if notion == "formal" else ""
        return _counterexample(p, q, notion, found.how, clock, found.bits, remark)
    return Counterexample(
        notion, found.how, clock.seconds, found.output, monomial=found.monomial, point=found.point,
        output_name=p.output_name(found.output), remark="not compared; see equal_function",
    )  # fmt: skip


def _function(p: Given, q: Given, clock: Clock, how: str | None, remark: str = "") -> Result:
    found = function.decide(p.netlist, q.netlist, clock, how)
    if found.bits is not None:
        return _counterexample(p, q, "function", found.how, clock, found.bits)
    seconds = clock.seconds
    return Proof("function", found.how, seconds, found.error, remark or _derivatives(p, q, clock))


def _derivatives(p: Given, q: Given, clock: Clock) -> str:
    """What is known of the derivatives of two circuits that are one function and two polynomials."""
    said = "they are two polynomials"
    try:
        r, s = reverse_netlist(p.netlist), reverse_netlist(q.netlist)
        found = function.decide(r, s, clock.within(ASIDE))
    except Undecided:
        return f"{said}; whether their reverse derivatives agree was not decided"
    if found.bits is None:
        return f"{said}, whose reverse derivatives agree at all bits"
    n = p.netlist.inputs
    x, d = ("".join(map(str, part.astype(int).tolist())) for part in (found.bits[:n], found.bits[n:]))
    where = f" at inputs {x}, change {d}" if len(found.bits) <= 64 else ""
    return f"{said}, and their reverse derivatives differ{where}"


def _counterexample(
    p: Given, q: Given, notion: str, how: str, clock: Clock, bits: np.ndarray, remark: str = ""
) -> Counterexample:
    """The counterexample at some inputs, evaluated on both circuits."""
    seconds = clock.seconds
    left, right = p.outputs(bits), q.outputs(bits)
    apart = np.flatnonzero(left != right)
    assert len(apart), "a counterexample at which both circuits agree"
    output = int(apart[0])
    return Counterexample(
        notion, how, seconds, output, bits, int(left[output]), int(right[output]), p.named(bits),
        output_name=p.output_name(output), remark=remark,
    )  # fmt: skip
