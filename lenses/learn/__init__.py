"""The category Learn, and gradient descent as a functor to it (Fong, Spivak and Tuyeras 2019).

    from lenses import Real, dense, quartic, tanh
    from lenses.learn import L, Learn, equal

    descend = L(0.1, quartic)                       # Para -> Learn
    f = descend(dense(3) >> tanh, Real(2))          # a learner: f.implement, f.update, f.request
    g = Learn(params, Real(3), Real(1), implement, update, request)   # one that is written by hand
    h = f >> g                                      # g's requests are the labels of f

Names as in `lenses` mean the same of learners here: `compose`, `tensor`, `identity`, `swap`, `copy`,
`add`, `discard`, `zero`.
"""

from .equality import Equality, equal, rename
from .error import Error
from .functor import L
from .learn import Learn, compose, identity, swap, tensor
from .table import Table, from_table, table
from .wiring import add, copy, discard, zero

__all__ = [
    "Equality",
    "Error",
    "L",
    "Learn",
    "Table",
    "add",
    "compose",
    "copy",
    "discard",
    "equal",
    "from_table",
    "identity",
    "rename",
    "swap",
    "table",
    "tensor",
    "zero",
]
