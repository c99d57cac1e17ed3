"""Differentiation as one functor out of terms, over any representation of linear maps (Elliott 2018).

D = differentiate(f, by=functions)   # a -> (f(a), f'(a)); by matrices, duals, continuations, begins, ...
J = jacobian(f)                      # the Jacobian, multiplied in the cheapest order
"""

from .category import Layer, LinearMap, LinearMaps
from .differentiate import differentiate
from .factors import Factors
from .functions import Functions, functions
from .jacobian import Jacobian, jacobian
from .local import Local
from .matrices import Matrices, matrices
from .transformers import Begin, Continuation, Dual, begins, continuations, duals

__all__ = [
    "Begin",
    "Continuation",
    "Dual",
    "Factors",
    "Functions",
    "Jacobian",
    "Layer",
    "LinearMap",
    "LinearMaps",
    "Local",
    "Matrices",
    "begins",
    "continuations",
    "differentiate",
    "duals",
    "functions",
    "jacobian",
    "matrices",
]
