"""Gradient descent as a functor L_(eps, e): Para -> Learn (Fong, Spivak and Tuyeras 2019, theorem III.2).

For a parametrised map (P, I): A -> B, a rate eps and an error e of numbers, let E(p, a, b) be the sum of
e(I_j(p, a), b_j) over the numbers of b. Then L sends (P, I) to the learner (P, I, U, r) with

    U(p, a, b) = p - eps dE/dp,    r(p, a, b) = the y at which de/dx(a_i, y_i) is dE/da_i, number by number.

There is no eps in r. Composites go to composites because a request is the label that would have caused
just the derivative that comes back, for which de/dx(x, -) must be invertible (see `lenses.learn.error`).

The squared error means something over any ring: there U = p - R_P and r = a - R_A, where R is the reverse
derivative at the change I(p, a) - b, and eps is 1. Over bits this is reverse derivative ascent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arguments import positive
from ..compile import Compiled, compile
from ..errors import LensError, SpaceError, explain
from ..learner.losses import squared
from ..spaces import Space
from ..syntax import shorten
from ..terms import Port, Term
from ..trees import leaves, nest, pick
from ..typed import Typed, as_typed
from .error import Two, as_error
from .learn import Learn, one, wires
from .wiring import check_ring, minus

Path = tuple[str, ...]


class L:
    """The functor L_(eps, e): a callable from typed terms to learners.

    Args:
        rate: eps.
        error: e, a loss that is a sum over positions (`squared`, `quartic`, `binary_cross_entropy`, ...) or a
            JAX function of two numbers.
        inverse: (x, z) -> the y at which de/dx(x, y) is z, for an error of your own; found by bisection otherwise.
        partial: keep an error whose derivative has no inverse; requests are not numbers where there is none.

    Raises LensError for an error whose derivative has no inverse, and says where.
    """

    def __init__(self, rate: float, error: Any = squared, inverse: Two | None = None, partial: bool = False):
        self.rate, self.error, self.partial = positive("L", "the rate", rate), as_error(error, inverse), partial
        fault = self.error.fault
        if fault is not None and not partial:
            raise LensError(
                explain(
                    f"L({rate!r}, {self.error!r}): the derivative of the error in x has no inverse in y",
                    because=fault,
                    expected="de/dx(x, -) one to one and onto the reals, for each x",
                    do="use squared, quartic or binary_cross_entropy; with partial=True, requests that are "
                    "not there are not numbers",
                )
            )

    def __repr__(self) -> str:
        return f"L({self.rate!r}, {self.error!r}{', partial=True' if self.partial else ''})"

    def __call__(self, term: Term, space: Space | None = None) -> Learn:
        """The learner of a term. Its parameters are the term's, in the order of its text.

        Raises SpaceError where a wire cannot carry a request: indices, or, under an error other than the
        squared one, elements of a finite ring; LensError for a term with states or random numbers.
        """
        typed = as_typed(term, space, repr(self))
        net = compile(typed)
        if net.stateful or net.circuit.keyed:
            do = "use inference(term), which has neither"
            raise LensError(explain(f"{self!r} of a term with states or random numbers", term=shorten(typed), do=do))
        paths = ordered(typed)
        params = Space(port.array for _, port in paths)
        for what, arrays in (("a parameter", params), ("an input", typed.dom), ("an output", typed.cod)):
            self._check(what, arrays, typed)
        return _Descent(self, net, paths, params)

    def _check(self, what: str, space: Space, term: Typed) -> None:
        if not self.error.squared or self.rate != 1:
            for i, array in enumerate(space):
                if not array.real:
                    raise SpaceError(
                        explain(f"{self!r} of {shorten(term)}", wire=f"{what}, {i}: {array!r}", expected="real numbers",
                                do="over a ring use L(1, squared)")
                    )  # fmt: skip
        check_ring(space, f"{self!r} of {shorten(term)}, {what}")


class _Descent(Learn):
    """The learner that L makes of a term: one pass forward and one back."""

    def __init__(self, functor: L, net: Compiled, paths: Sequence[tuple[Path, Port]], params: Space):
        self.functor, self.net, self.params = functor, net, params
        self.dom, self.cod = net.dom, net.cod
        self.paths: list[Path] = [path for path, _ in paths]
        self.name = f"{functor!r}({shorten(net.term)})"

    def tree(self, p: Any) -> dict[str, Any]:
        """The parameters as the tree that a compiled term takes."""
        return nest(self.paths, wires(self.params, p))

    def flat(self, tree: dict[str, Any]) -> Any:
        """The tree of a compiled term's parameters as a value of `params`."""
        return one([pick(tree, path) for path in self.paths])

    def init(self, key: Any) -> Any:
        return self.flat(self.net.init(key))

    def implement(self, p: Any, a: Any) -> Any:
        ys = self.net(self.tree(p), *wires(self.dom, a))
        return () if not len(self.cod) else ys

    def put(self, p: Any, a: Any, b: Any) -> tuple[Any, Any]:
        error, inputs = self.functor.error, wires(self.dom, a)
        ys, pullback = self.net.vjp(self.tree(p), *inputs)
        labels = wires(self.cod, b)
        changes = [
            error.derivative(y, label) if array.real else minus(array, y, label)
            for array, y, label in zip(self.cod, wires(self.cod, ys), labels, strict=True)
        ]
        dparams, dinputs = pullback(*changes)
        updated = [
            q - self.functor.rate * d if array.real else minus(array, q, d)
            for array, q, d in zip(
                self.params, wires(self.params, p), wires(self.params, self.flat(dparams)), strict=True
            )
        ]
        requests = [
            error.inverse(x, d) if array.real else minus(array, x, d)
            for array, x, d in zip(self.dom, inputs, wires(self.dom, dinputs), strict=True)
        ]
        return one(updated), one(requests)


def ordered(term: Typed) -> list[tuple[Path, Port]]:
    """The parameters of a term with their paths, in the order of the boxes in its text; tied ones first.

    Those of a composite are therefore those of its parts side by side.
    """
    circuit, nodes = term.circuit, term.graph.nodes
    found = list(leaves(circuit.tied))
    for cell in sorted(circuit.cells, key=lambda cell: nodes[cell.index].leaf):
        if cell.whole:
            found += leaves(circuit.params)
        elif cell.name in circuit.params:
            found += leaves(circuit.params[cell.name], (cell.name,))
    return found
