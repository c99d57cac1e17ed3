"""Optimisers as lenses (S * P, S * P) -> (P, P') (Cruttwell et al. 2021, section 3.4).

get: (s, p) -> the parameters at which the model is run (p itself, but for Nesterov's momentum);
put: (s, p, p') -> the new state and the new parameters. All rates may be schedules, functions of
the number of steps so far. Trajectories are those of optax.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..arguments import number, positive
from ..errors import LensError, explain, shown
from ..interpret import Cx, Side
from ..spaces import Array, Element, RealElement, Space, element_of
from ..terms import Box, Term
from .rates import Schedule, check_rate, slowing

Tree = Any
each: Callable[..., Tree] = jax.tree.map


@dataclass(frozen=True)
class Optimiser:
    """What an optimiser does to trees of parameters; `Update` is the box that it becomes.

    A subclass says how its state starts (`init`), where the model is run (`look`), and `put`.
    """

    bases: ClassVar[tuple[type[Element], ...]] = (RealElement,)
    """The element types of parameters that it moves."""

    def init(self, params: Tree) -> Any:
        """The initial state, a tree of arrays."""
        return {}

    def look(self, state: Any, params: Tree) -> Tree:
        """get: the parameters at which the model is run."""
        return params

    def put(self, state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        """The new state and the new parameters."""
        raise NotImplementedError(type(self).__name__)

    def lens(self, params: Tree) -> Update:
        """The optimiser as a box (S @ P -> P) at a tree of arrays, of their shapes, or of arrays of spaces."""
        flat = Flat.of(params)
        for array in flat.space:
            if not isinstance(array.element, self.bases):
                known = " or ".join(sorted(base.name for base in self.bases))
                do = "over bits, use ascent(), or flips() with the rule boolean_variation()"
                raise LensError(explain(f"{self!r} cannot move {array!r}", expected=f"{known} parameters", do=do))
        shapes = jax.tree.unflatten(flat.tree, [jax.ShapeDtypeStruct(a.sizes, a.dtype) for a in flat.space])
        return Update(self, Flat.of(jax.eval_shape(self.init, shapes)), flat)

    def __repr__(self) -> str:
        own = [getattr(self, f.name) for f in fields(self)]
        shown = [getattr(v, "__name__", repr(v)) if callable(v) else repr(v) for v in own]
        return f"{type(self).__name__.lower()}({', '.join(shown)})"


@dataclass(frozen=True, repr=False)
class Rated(Optimiser):
    """An optimiser with a rate, which may be a schedule; a subclass says what it remembers (`slots`)."""

    rate: float | Schedule

    def init(self, params: Tree) -> dict[str, Any]:
        """The initial state: a dict of slots; "count" only where something depends on it."""
        slots = self.slots(params)
        return {"count": jnp.zeros((), jnp.int32)} | slots if self.counts else slots

    @property
    def counts(self) -> bool:
        """Whether the state has the number of steps so far."""
        return callable(self.rate)

    def slots(self, params: Tree) -> dict[str, Any]:
        """The state's trees, each like the parameters."""
        return {}

    def step_size(self, state: Any) -> Any:
        """The rate at this step."""
        return self.rate(state["count"]) if callable(self.rate) else self.rate

    def down(self, p: Any, u: Any, state: Any) -> Any:
        """p moved by the rate against u, in p's own dtype."""
        rate = self.step_size(state)
        return p + u * -(rate.astype(p.dtype) if hasattr(rate, "astype") else rate)

    def _next(self, state: Any) -> dict[str, Any]:
        return {"count": state["count"] + 1} if self.counts else {}


@dataclass(frozen=True)
class Flat:
    """A tree's structure and the space of its leaves."""

    tree: Any
    space: Space

    @classmethod
    def of(cls, tree: Any) -> Flat:
        """The structure of a tree of arrays; arrays of spaces stay what they are."""
        leaves, structure = jax.tree.flatten(tree)
        arrays = []
        for x in leaves:
            if isinstance(x, Array):
                arrays.append(x)
                continue
            element = element_of(x.dtype)
            if element is None:
                raise LensError(
                    explain(f"an optimiser's state has an array of {x.dtype}", expected="floats or integers")
                )
            arrays.append(Array(x.shape, None, element))
        return cls(structure, Space(arrays))


class Update(Box):
    """An optimiser as a box, S @ P -> P: forward it looks, backward it puts."""

    derives: ClassVar[bool] = False
    glyph: ClassVar[str] = "optimiser"
    levels: ClassVar[bool] = False
    optimiser: Optimiser
    state: Flat
    params: Flat

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (len(self.state.space) + len(self.params.space), len(self.params.space))

    def spell(self) -> str:
        return repr(self.optimiser)

    def type(self, dom: Space) -> Space:
        for i, (came, expected) in enumerate(zip(dom, self.state.space @ self.params.space, strict=True)):
            if came != expected:
                self.fail(i, expected, came)
        return self.params.space

    @classmethod
    def examples(cls) -> Sequence[Term]:
        from optax import lion

        params = {name: jax.ShapeDtypeStruct(shape, "float32") for name, shape in (("bias", (2,)), ("weight", (2, 3)))}
        named = [make(0.1) for make in (sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw)]
        boxes = [f.lens(params) for f in (*named, momentum(slowing), optax(lion(0.1)))]
        return [box.at(box.state.space @ box.params.space) for box in boxes]

    def _trees(self, xs: Sequence[Any]) -> tuple[Any, Any]:
        n = len(self.state.space)
        return jax.tree.unflatten(self.state.tree, xs[:n]), jax.tree.unflatten(self.params.tree, xs[n:])

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        return tuple(jax.tree.leaves(self.optimiser.look(*self._trees(xs))))

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        return self.apply(cx, p, *xs), {}, list(xs)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        state, params = self._trees(kept)
        state, params = self.optimiser.put(state, params, jax.tree.unflatten(self.params.tree, list(ds)))
        moved = zip(self.params.space, jax.tree.leaves(params), strict=True)
        return {}, [*jax.tree.leaves(state), *(a.element.reduce(x) for a, x in moved)]


@dataclass(frozen=True, repr=False)
class SGD(Rated):
    """p - rate p'."""

    def put(self, state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        return self._next(state), each(lambda p, g: self.down(p, g, state), params, changes)


@dataclass(frozen=True, repr=False)
class Momentum(Rated):
    """s' = gamma s + p'; p - rate s'."""

    gamma: float = 0.9

    def slots(self, params: Tree) -> dict[str, Any]:
        return {"velocity": each(jnp.zeros_like, params)}

    def put(self, state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        velocity = each(lambda s, g: g + self.gamma * s, state["velocity"], changes)
        return self._next(state) | {"velocity": velocity}, each(lambda p, s: self.down(p, s, state), params, velocity)


@dataclass(frozen=True, repr=False)
class Nesterov(Momentum):
    """Momentum whose get looks ahead: the model is run at p - rate gamma s.

    The parameters at the look-ahead point are those of `optax.sgd(..., nesterov=True)`.
    """

    def look(self, state: Any, params: Tree) -> Tree:
        return each(lambda p, s: self.down(p, self.gamma * s, state), params, state["velocity"])


@dataclass(frozen=True, repr=False)
class Adagrad(Rated):
    """g = g + p'^2; p - rate p' / sqrt(g + epsilon)."""

    initial: float = 0.1
    epsilon: float = 1e-7

    def slots(self, params: Tree) -> dict[str, Any]:
        return {"squares": each(lambda p: jnp.full_like(p, self.initial), params)}

    def put(self, state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        squares = each(lambda s, g: g * g + s, state["squares"], changes)

        def move(p: Any, g: Any, s: Any) -> Any:
            return self.down(p, jnp.where(s > 0, jax.lax.rsqrt(s + self.epsilon), 0.0) * g, state)

        return self._next(state) | {"squares": squares}, each(move, params, changes, squares)


@dataclass(frozen=True, repr=False)
class RMSProp(Rated):
    """v = decay v + (1 - decay) p'^2; p - rate p' / sqrt(v + epsilon)."""

    decay: float = 0.9
    epsilon: float = 1e-8

    def slots(self, params: Tree) -> dict[str, Any]:
        return {"squares": each(jnp.zeros_like, params)}

    def put(self, state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        squares = each(lambda s, g: (1 - self.decay) * (g**2) + self.decay * s, state["squares"], changes)
        moved = each(lambda p, g, s: self.down(p, jax.lax.rsqrt(s + self.epsilon) * g, state), params, changes, squares)
        return self._next(state) | {"squares": squares}, moved


@dataclass(frozen=True, repr=False)
class Adam(Rated):
    """Adam (Kingma and Ba 2015), with decoupled weight decay (Loshchilov and Hutter 2019) if `decay` is not 0."""

    b1: float = 0.9
    b2: float = 0.999
    epsilon: float = 1e-8
    decay: float = 0.0
    counts: ClassVar[bool] = True  # type: ignore[misc]

    def slots(self, params: Tree) -> dict[str, Any]:
        return {"mean": each(jnp.zeros_like, params), "square": each(jnp.zeros_like, params)}

    def put(self, state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        count = state["count"] + 1
        mean = each(lambda g, m: (1 - self.b1) * g + self.b1 * m, changes, state["mean"])
        square = each(lambda g, v: (1 - self.b2) * (g**2) + self.b2 * v, changes, state["square"])
        c1, c2 = 1 - self.b1**count, 1 - self.b2**count

        def move(p: Any, m: Any, v: Any) -> Any:
            u = (m / c1.astype(m.dtype)) / (jnp.sqrt(v / c2.astype(v.dtype)) + self.epsilon)
            return self.down(p, u + self.decay * p if self.decay else u, state)

        return {"count": count, "mean": mean, "square": square}, each(move, params, mean, square)


@dataclass(frozen=True, repr=False)
class Optax(Optimiser):
    """Any optax gradient transformation as a lens; its updates are added to the parameters."""

    transformation: Any

    def init(self, params: Tree) -> Any:
        return self.transformation.init(params)

    def put(self, state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        updates, state = self.transformation.update(changes, state, params)
        return state, each(lambda p, u: p + u.astype(p.dtype), params, updates)

    def __repr__(self) -> str:
        return "optax(...)"


def sgd(rate: float | Schedule) -> Optimiser:
    """Gradient descent."""
    return SGD(check_rate("sgd", rate))


def momentum(rate: float | Schedule, gamma: float = 0.9) -> Optimiser:
    """Gradient descent with momentum."""
    return Momentum(check_rate("momentum", rate), number("momentum", "gamma", gamma, 0, 1))


def nesterov(rate: float | Schedule, gamma: float = 0.9) -> Optimiser:
    """Nesterov's momentum; its get looks ahead."""
    return Nesterov(check_rate("nesterov", rate), number("nesterov", "gamma", gamma, 0, 1))


def adagrad(rate: float | Schedule, initial: float = 0.1, epsilon: float = 1e-7) -> Optimiser:
    """Adagrad (Duchi et al. 2011)."""
    numbers = positive("adagrad", "initial", initial), positive("adagrad", "epsilon", epsilon)
    return Adagrad(check_rate("adagrad", rate), *numbers)


def rmsprop(rate: float | Schedule, decay: float = 0.9, epsilon: float = 1e-8) -> Optimiser:
    """RMSprop (Tieleman and Hinton 2012)."""
    numbers = number("rmsprop", "decay", decay, 0, 1), positive("rmsprop", "epsilon", epsilon)
    return RMSProp(check_rate("rmsprop", rate), *numbers)


def adam(rate: float | Schedule, b1: float = 0.9, b2: float = 0.999, epsilon: float = 1e-8) -> Optimiser:
    """Adam (Kingma and Ba 2015)."""
    return _adam("adam", rate, b1, b2, epsilon)


def adamw(
    rate: float | Schedule, decay: float = 1e-4, b1: float = 0.9, b2: float = 0.999, epsilon: float = 1e-8
) -> Optimiser:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""
    return _adam("adamw", rate, b1, b2, epsilon, positive("adamw", "decay", decay))


def _adam(call: str, rate: Any, b1: Any, b2: Any, epsilon: Any, *decay: float) -> Optimiser:
    betas = number(call, "b1", b1, 0, 1), number(call, "b2", b2, 0, 1)
    return Adam(check_rate(call, rate), *betas, positive(call, "epsilon", epsilon), *decay)


def optax(transformation: Any) -> Optimiser:
    """Any optax gradient transformation (schedules, clipping, chains, ...) as an optimiser lens."""
    if not (hasattr(transformation, "init") and hasattr(transformation, "update")):
        raise LensError(explain(f"optax({shown(transformation)})", expected="an optax GradientTransformation"))
    return Optax(transformation)
