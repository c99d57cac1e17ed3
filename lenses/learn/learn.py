"""The category Learn: learners between spaces, composed by what they request of each other.

A learner A -> B is (P, I, U, r): a space P of parameters, I: P * A -> B to implement, U: P * A * B -> P
to update a parameter by an example (a, b), and r: P * A * B -> A to request another input (Fong, Spivak
and Tuyeras 2019, definition II.1). The composite of (P, I, U, r): A -> B and (Q, J, V, s): B -> C has
the parameters P * Q and, at (p, q), a and c, with b = I(p, a) and the request b^ = s(q, b, c),

    implements J(q, b),   updates to (U(p, a, b^), V(q, b, c)),   requests r(p, a, b^).

The request is made with the old q. So (I, (U, r)) is a lens with parameters, and Learn is Para of such
lenses, in which nothing is said of derivatives (Spivak 2021, section 1).

Values are arrays: one for a space of one array, a tuple of them for any other. The functions are pure,
so that they run under `jit`, `vmap` and `scan`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..compile import one
from ..errors import DataError, LensError, SpaceError, explain, shown
from ..spaces import Space, unit


def wires(space: Space, value: Any) -> tuple[Any, ...]:
    """The arrays of a value of the space."""
    return (value,) if len(space) == 1 else tuple(value)


def parts_of(spaces: Sequence[Space], value: Any) -> list[Any]:
    """A value of the tensor of some spaces, as a value of each."""
    arrays = wires(Space(a for s in spaces for a in s), value)
    found, at = [], 0
    for space in spaces:
        found.append(one(arrays[at : at + len(space)]))
        at += len(space)
    return found


def beside(spaces: Sequence[Space], values: Sequence[Any]) -> Any:
    """Values of some spaces as one value of their tensor."""
    return one([x for s, v in zip(spaces, values, strict=True) for x in wires(s, v)])


def draw(space: Space, rng: np.random.Generator) -> Any:
    """A random value of a space: normal numbers, and elements of finite sets evenly."""

    def some(array: Any) -> Any:
        values, sizes = array.element.values, array.sizes
        drawn = rng.normal(size=sizes) if values is None else rng.integers(0, len(values), sizes)
        return jnp.asarray(drawn, array.dtype)

    return one([some(array) for array in space])


class Learn:
    """A learner: a morphism dom -> cod of Learn. `f >> g` and `f @ g` compose; see the module.

    Args:
        params, dom, cod: the spaces P, A and B.
        implement: I, a function (p, a) -> b.
        update: U, a function (p, a, b) -> p.
        request: r, a function (p, a, b) -> a.
        init: a function of a random key that gives a first p; needed only to call `init`.
        name: how it is printed.
    """

    def __init__(
        self,
        params: Space,
        dom: Space,
        cod: Space,
        implement: Callable[[Any, Any], Any],
        update: Callable[[Any, Any, Any], Any],
        request: Callable[[Any, Any, Any], Any],
        init: Callable[[Any], Any] | None = None,
        name: str = "learner",
    ):
        for what, space in (("params", params), ("dom", dom), ("cod", cod)):
            if not isinstance(space, Space):
                raise LensError(
                    explain(f"a learner whose {what} is {shown(space)}", expected="a space", do="write Real(3), unit")
                )
        self.params, self.dom, self.cod, self.name = params, dom, cod, name
        self._get, self._init = implement, init
        self._put = lambda p, a, b: (update(p, a, b), request(p, a, b))

    @classmethod
    def lens(
        cls,
        params: Space,
        dom: Space,
        cod: Space,
        get: Callable[[Any, Any], Any],
        put: Callable[[Any, Any, Any], tuple[Any, Any]],
        init: Callable[[Any], Any] | None = None,
        name: str = "learner",
    ) -> Learn:
        """The learner of a lens with parameters: get (p, a) -> b, put (p, a, b) -> (p, a)."""
        made = cls(params, dom, cod, get, lambda *x: put(*x)[0], lambda *x: put(*x)[1], init, name)
        made._put = put
        return made

    def __repr__(self) -> str:
        return self.name

    # -- the four parts ----------------------------------------------------------------------
    def implement(self, p: Any, a: Any) -> Any:
        """I(p, a), of the space `cod`."""
        return self._get(p, a)

    def update(self, p: Any, a: Any, b: Any) -> Any:
        """U(p, a, b), of the space `params`."""
        return self.put(p, a, b)[0]

    def request(self, p: Any, a: Any, b: Any) -> Any:
        """r(p, a, b), of the space `dom`."""
        return self.put(p, a, b)[1]

    def put(self, p: Any, a: Any, b: Any) -> tuple[Any, Any]:
        """(U(p, a, b), r(p, a, b)) in one pass."""
        return self._put(p, a, b)

    # -- use ---------------------------------------------------------------------------------
    def init(self, key: Any) -> Any:
        """A first parameter. Raises LensError where nothing says how to make one."""
        if not len(self.params):
            return ()
        if self._init is None:
            do = "give the learner init=, a function of a random key, or begin with a parameter of your own"
            raise LensError(explain(f"{self!r} does not say where its parameters start", params=self.params, do=do))
        return self._init(key)

    def learn(self, p: Any, inputs: Any, labels: Any) -> Any:
        """The parameter after updates by examples, one after the other; arrays have an axis of examples in front."""
        space = self.dom @ self.cod
        given = list(zip(space, (*wires(self.dom, inputs), *wires(self.cod, labels)), strict=True))
        lengths = {jnp.shape(x)[0] if jnp.ndim(x) == a.rank + 1 else None for a, x in given}
        if len(lengths) != 1 or None in lengths:
            came = ", ".join(str(jnp.shape(x)) for _, x in given)
            do = "give as many inputs as labels, with one axis of examples in front of each"
            raise DataError(explain(f"{self!r} cannot learn from these examples", came=came, do=do))

        def step(p: Any, example: Any) -> tuple[Any, None]:
            return self.update(p, *example), None

        return jax.lax.scan(step, p, (inputs, labels))[0]

    # -- composition -------------------------------------------------------------------------
    @property
    def parts(self) -> tuple[Learn, ...]:
        """The learner as a chain: the factors of `>>`."""
        return (self,)

    @property
    def factors(self) -> tuple[Learn, ...]:
        """The learners that stand side by side in it: the factors of `@`."""
        return (self,)

    def __rshift__(self, other: Learn) -> Learn:
        return compose(self, other)

    def __matmul__(self, other: Learn) -> Learn:
        return tensor(self, other)


class Chain(Learn):
    """The composite of learners, in one pass forward and one back, however long it is."""

    def __init__(self, parts: Sequence[Learn]):
        self._parts = tuple(parts)
        spaces = [f.params for f in parts]
        self.params = Space(a for s in spaces for a in s)
        self.dom, self.cod = parts[0].dom, parts[-1].cod
        self.name = " >> ".join(f"({f!r})" if len(f.factors) > 1 else repr(f) for f in parts)

    @property
    def parts(self) -> tuple[Learn, ...]:
        return self._parts

    def _own(self, p: Any) -> list[Any]:
        return parts_of([f.params for f in self.parts], p)

    def init(self, key: Any) -> Any:
        return _first(self.parts, key)

    def implement(self, p: Any, a: Any) -> Any:
        for f, own in zip(self.parts, self._own(p), strict=True):
            a = f.implement(own, a)
        return a

    def put(self, p: Any, a: Any, b: Any) -> tuple[Any, Any]:
        own, seen = self._own(p), [a]
        for f, q in zip(self.parts[:-1], own, strict=False):
            seen.append(f.implement(q, seen[-1]))
        updated = []
        for f, q, x in zip(self.parts[::-1], own[::-1], seen[::-1], strict=True):
            new, b = f.put(q, x, b)  # b is from here on what is requested of the learner before
            updated.append(new)
        return beside([f.params for f in self.parts], updated[::-1]), b


class Beside(Learn):
    """The tensor of learners: each has an input, a label and a parameter of its own."""

    def __init__(self, factors: Sequence[Learn]):
        self._factors = tuple(factors)
        self.params, self.dom, self.cod = (
            Space(a for f in factors for a in getattr(f, name)) for name in ("params", "dom", "cod")
        )
        self.name = " @ ".join(f"({f!r})" if len(f.parts) > 1 else repr(f) for f in factors) or "identity(unit)"

    @property
    def factors(self) -> tuple[Learn, ...]:
        return self._factors

    def _own(self, name: str, value: Any) -> list[Any]:
        return parts_of([getattr(f, name) for f in self.factors], value)

    def _whole(self, name: str, values: Sequence[Any]) -> Any:
        return beside([getattr(f, name) for f in self.factors], values)

    def init(self, key: Any) -> Any:
        return _first(self.factors, key)

    def implement(self, p: Any, a: Any) -> Any:
        rows = zip(self.factors, self._own("params", p), self._own("dom", a), strict=True)
        return self._whole("cod", [f.implement(q, x) for f, q, x in rows])

    def put(self, p: Any, a: Any, b: Any) -> tuple[Any, Any]:
        own = [self._own(name, value) for name, value in (("params", p), ("dom", a), ("cod", b))]
        done = [f.put(*row) for f, *row in zip(self.factors, *own, strict=True)]
        return self._whole("params", [new for new, _ in done]), self._whole("dom", [wanted for _, wanted in done])


def _first(learners: Sequence[Learn], key: Any) -> Any:
    keys = jax.random.split(key, len(learners)) if learners else []
    return beside([f.params for f in learners], [f.init(k) for f, k in zip(learners, keys, strict=True)])


def compose(*learners: Learn) -> Learn:
    """f1 >> f2 >> ...; raises SpaceError where one does not begin in the space that the one before ends in."""
    _check("composed", learners)
    if not learners:
        raise LensError(explain("compose() of no learners", do="use identity(space), which says on which space"))
    for left, right in pairwise(learners):
        if left.cod != right.dom:
            raise SpaceError(
                explain(
                    f"{left!r} cannot be followed by {right!r}",
                    left=f"it ends in {left.cod!r}",
                    right=f"it starts with {right.dom!r}",
                    do="a label of the first is a request of the second, so that both must be of one space",
                )
            )
    parts = [part for f in learners for part in f.parts]
    return parts[0] if len(parts) == 1 else Chain(parts)


def tensor(*learners: Learn) -> Learn:
    """f1 @ f2 @ ..., side by side; of none, the identity of the empty space."""
    _check("put side by side", learners)
    factors = [factor for f in learners for factor in f.factors]
    return factors[0] if len(factors) == 1 else Beside(factors)


def _check(how: str, learners: Sequence[Any]) -> None:
    for f in learners:
        if not isinstance(f, Learn):
            do = "make a learner of a term with L(rate, error)(term), and of functions with Learn(...)"
            raise LensError(explain(f"{shown(f)} is no learner, so it cannot be {how}", expected="a Learn", do=do))


def identity(space: Space) -> Learn:
    """The identity of a space: without parameters, it requests the label."""
    return Learn.lens(unit, space, space, lambda p, a: a, lambda p, a, b: ((), b), name=f"identity({space!r})")


def swap(left: Space, right: Space) -> Learn:
    """The symmetry left * right -> right * left: it requests the labels, swapped."""

    def get(p: Any, a: Any) -> Any:
        x, y = parts_of([left, right], a)
        return beside([right, left], [y, x])

    def put(p: Any, a: Any, b: Any) -> tuple[Any, Any]:
        y, x = parts_of([right, left], b)
        return (), beside([left, right], [x, y])

    return Learn.lens(unit, left @ right, right @ left, get, put, name=f"swap({left!r}, {right!r})")
