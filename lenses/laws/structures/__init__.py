"""The catalogue: one module a structure, its docstring the definition, its laws below it."""

from . import (
    additive,
    boxes,
    category,
    copying,
    functor,
    functor_learners,
    learners,
    lens,
    losses,
    monoidal,
    optimisers,
    parametrised,
    rates,
    reverse,
    rules,
    schemas,
)

__all__ = [
    "additive",
    "boxes",
    "category",
    "copying",
    "functor",
    "functor_learners",
    "learners",
    "lens",
    "losses",
    "monoidal",
    "optimisers",
    "parametrised",
    "rates",
    "reverse",
    "rules",
    "schemas",
]
