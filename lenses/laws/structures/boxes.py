"""What any generator must be before there are laws to speak of: a function of its inputs, typed as it says."""

from __future__ import annotations

from ...typed import Typed
from ..law import law, structure
from ..maps import Derivative
from ..purity import Derivable, Purity

BOX = structure("box", "a generator means one function, of the types that its typing rule gives")


@law(BOX, "purity", "the same inputs give the same outputs, of the types given",
     "the meaning is a functor to functions", 9, over="f: A -> B", needs="para once")  # fmt: skip
def purity(R: Derivative, f: Typed) -> Purity:
    return Purity(f)


@law(BOX, "derivative", "the backward pass gives changes of the shapes of the inputs and of the parameters",
     "a lens is a pair of maps of given types", 9, over="f: A -> B", needs="para once")  # fmt: skip
def derivative(R: Derivative, f: Typed) -> Derivable:
    return Derivable(f)
