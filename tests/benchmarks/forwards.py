"""How many forwards a `vjp` runs: a chain of n boxes runs n, however it is bracketed."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lenses import Real, Term, block, compile, compose, copy, identity, lift, tensor

from .measure import Figure, Options

TITLE = "forwards of a vjp"

LENGTH = 64


def balanced(terms: Sequence[Term]) -> Term:
    """The terms composed as a balanced tree."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return balanced(terms[:middle]) >> balanced(terms[middle:])


BRACKETS: dict[str, Callable[[Sequence[Term]], Term]] = {
    "flat": lambda terms: compose(*terms),
    "left-nested": lambda terms: functools.reduce(operator.rshift, terms),
    "right-nested": lambda terms: functools.reduce(lambda a, b: b >> a, reversed(terms)),
    "balanced": balanced,
    "left-nested in blocks": lambda terms: functools.reduce(lambda a, b: block("part", a) >> b, terms),
    "right-nested in blocks": lambda terms: functools.reduce(lambda a, b: b >> block("part", a), reversed(terms)),
}


def forwards(arrange: Callable[[Sequence[Term]], Term]) -> tuple[int, int]:
    """How many times the boxes' function is run, and how many sines the whole pass has in its program."""
    runs = 0

    def box(x: Any) -> Any:
        nonlocal runs
        runs += 1
        return jnp.sin(x)

    net = compile(arrange([lift(box) for _ in range(LENGTH)]), Real(8))
    x = jnp.ones((2, 8))

    def both(x: Any) -> Any:
        y, pullback = net.vjp({}, x)
        return y, pullback(y)

    runs = 0  # typing has called the function for its shapes
    program = jax.make_jaxpr(both)(x)
    return runs, count(program.jaxpr, "sin")


def count(jaxpr: Any, name: str) -> int:
    """How often a primitive occurs in a program, inner programs included."""
    total = 0
    for equation in jaxpr.eqns:
        total += equation.primitive.name == name
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else (value,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    total += count(inner, name)
    return total


def measure(options: Options) -> list[Figure]:
    """One row a way to bracket the chain, and one for a copied wire."""
    figures = []
    for name, arrange in BRACKETS.items():
        runs, sines = forwards(arrange)
        figures.append(
            Figure(
                f"chain of {LENGTH}, {name}",
                runs,
                {"sin in the program": sines},
                "",
                None,
                str(LENGTH),
                runs == sines == LENGTH,
            )
        )
    shared = lambda terms: compose(terms[0], copy, tensor(identity, compose(*terms[1:])))  # noqa: E731
    runs, sines = forwards(shared)
    figures.append(
        Figure(
            "chain with a skip over it",
            runs,
            {"sin in the program": sines},
            "",
            None,
            str(LENGTH),
            runs == sines == LENGTH,
        )
    )
    return figures
