"""The catalogue: one module a structure, its docstring the definition, its laws below it."""

from . import additive, category, copying, functor, lens, monoidal, parametrised, reverse

__all__ = [
    "additive",
    "category",
    "copying",
    "functor",
    "lens",
    "monoidal",
    "parametrised",
    "reverse",
]
