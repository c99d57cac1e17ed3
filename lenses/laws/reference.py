"""The reference meaning: a term on many points at once in NumPy, with no compilation.

The fold is the library's own; only boxes are run in another way (`Points`): each is traced once for
a domain and run by `primitives`. Every array, parameters included, has the axis of points in front,
so that the points never meet. Some rows repeat a point with every box's output changed by a unit in
the last place: how far these rows end from the exact one is the noise that equations are judged by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..boxes.structure import Add, Check, Copy, Discard, Zero
from ..combinators import Block, Expose, Tied
from ..interpret import Cx, Env, Side, evaluate
from ..rules.rule import Rule, backprop
from ..terms import Identity, Permute, Port
from ..trees import map_tree
from ..typed import Typed
from .primitives import as_numpy, run

ROUTING = (Copy, Discard, Check, Identity, Permute, Zero)
"""Boxes that compute nothing, so they make no rounding error."""
CHEAP = (*ROUTING, Add)
"""Boxes that are not worth tracing."""
OPEN = (Expose, Block, Tied)
"""Boxes whose inner term is folded in place."""
ROWS = (12, 48)
"""Numbers of points that fewer are filled up to, so that one traced program serves them."""


class Program(NamedTuple):
    """A traced function of a pytree at each point, and the structure of what it gives."""

    jaxpr: Any
    tree: Any

    @classmethod
    def trace(cls, function: Callable[..., Any], flat: Sequence[Any], tree: Any, rows: int) -> Program:
        """The function of the leaves of `tree`; all but random keys have the axis of points."""

        def flattened(*values: Any) -> Any:
            return function(jax.tree.unflatten(tree, values))

        mapped = [not jnp.issubdtype(x.dtype, jax.dtypes.prng_key) for x in flat]
        if any(mapped):
            axes = tuple(0 if m else None for m in mapped)
            each = jax.vmap(flattened, in_axes=axes, axis_size=rows)
        else:
            each = jax.vmap(lambda _, *values: flattened(*values), (0, *[None] * len(flat)), axis_size=rows)
            each = partial(each, np.zeros(rows))
        jaxpr, shapes = jax.make_jaxpr(each, return_shape=True)(*flat)
        return cls(jaxpr, jax.tree.structure(shapes))

    def __call__(self, flat: Sequence[Any], jitter: Jitter | None) -> Any:
        return jax.tree.unflatten(self.tree, run(self.jaxpr, flat, jitter))


_programs: dict[Any, Program] = {}


_signs = np.random.default_rng(0).choice(np.array([-1.0, 1.0]), 1 << 14)


@dataclass
class Jitter:
    """Changes numbers by units in the last place: `amounts` says how many (a fraction) in each row."""

    amounts: Any
    place: int = 0

    def __call__(self, y: Any) -> Any:
        """The array with every element but those of exact rows moved up or down by its row's amount."""
        if y.dtype.kind != "f" or not y.ndim or len(y) != len(self.amounts):
            return y  # it is no array of numbers at each point
        size = y.size
        if self.place + size > len(_signs):
            self.place = (self.place * 31 + 17) % 97
        signs = _signs[self.place : self.place + size] if size <= len(_signs) - self.place else np.resize(_signs, size)
        self.place += size + 1
        amounts = self.amounts.reshape((-1,) + (1,) * (y.ndim - 1))
        return (y + y * (amounts * signs.reshape(y.shape))).astype(y.dtype)


@dataclass
class Kept:
    """What a traced forward pass keeps."""

    value: Any


@dataclass(slots=True)
class Points(Env):
    """A pass in which boxes run on many points at once, in NumPy; see the module."""

    points: ClassVar[bool] = True
    rows: int = 1
    jitter: Jitter | None = field(default=None)

    def spread(self, tree: Any) -> Any:
        return jax.tree.map(lambda x: np.broadcast_to(as_numpy(x), (self.rows, *np.shape(x))), tree)

    # -- one box -----------------------------------------------------------------------------
    def _program(self, kind: str, cx: Cx, function: Callable[..., Any], arguments: Any, *more: Any) -> Any:
        """What a function of a pytree gives at each point, traced once for a box, a domain and a kind of call."""
        ports = tuple(p.name for p in cx.cell.ports)
        flat, tree = jax.tree.flatten(arguments)
        key = (kind, cx.cell.box.identity, cx.dom, cx.dom.names, ports, self.rows, tree, *more)
        found = _programs.get(key)
        if found is None:
            if len(_programs) > 20_000:
                _programs.clear()
            found = _programs[key] = Program.trace(function, flat, tree, self.rows)
        return found(flat, self.jitter)

    @property
    def _own(self) -> Any:
        """The rule, where what its clauses do may depend on more than the clause."""
        return None if type(self.rule) is Rule else self.rule

    def _noisy(self, values: Any) -> Any:
        return values if self.jitter is None else jax.tree.map(self.jitter, values)

    def run(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[Sequence[Any], Any]:
        box = cx.cell.box
        if isinstance(box, Zero):
            return self.spread(box.run(cx, p, xs)[0]), {}
        if isinstance(box, ROUTING + OPEN) or box.passes:
            return box.run(cx, p, xs)
        if isinstance(box, Add):
            return self._noisy(box.run(cx, p, xs)[0]), {}
        plain = Env(backprop, self.model)

        def one(values: Any) -> Any:
            side, xs = values
            return box.run(Cx(cx.cell, plain), Side(*side), xs)

        return self._program("run", cx, one, (_side(p), list(xs)))

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[Sequence[Any], Any, Any]:
        clause, box = self.rule.clause(cx.cell.box), cx.cell.box
        if isinstance(box, Zero):
            ys, states, kept = clause.forward(cx, p, xs)
            return self.spread(ys), states, kept
        if isinstance(box, CHEAP + OPEN):
            ys, states, kept = clause.forward(cx, p, xs)
            return self._noisy(ys) if isinstance(box, Add) else ys, states, kept
        plain = Env(self.rule, self.model, self.before, self.after)

        def one(values: Any) -> Any:
            side, xs = values
            return clause.forward(Cx(cx.cell, plain), Side(*side), xs)

        ys, states, kept = self._program("forward", cx, one, (_side(p), list(xs)), clause, self._own)
        return ys, states, Kept(kept)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        clause = self.rule.clause(cx.cell.box)
        if not isinstance(kept, Kept):
            return clause.backward(cx, p, kept, ds)
        lead = None if cx.lead is None else cx.lead[1:]
        error = {k: v for k, v in self.after.items() if k == "error"}
        rest = {k: v for k, v in self.after.items() if k != "error"}

        def one(values: Any) -> Any:
            side, kept, ds, error = values
            plain = Env(self.rule, self.model, self.before, rest | error)
            changes, dxs = clause.backward(Cx(cx.cell, plain, lead), Side(*side), kept, ds)
            return changes, dxs, plain.uses

        arguments = (_side(p), kept.value, jax.tree.map(as_numpy, list(ds)), error)
        changes, dxs, uses = self._program("backward", cx, one, arguments, lead, clause, self._own, rest.get("cod"))
        for name, found in uses.items():
            self.uses.setdefault(name, []).extend(found)
        return changes, list(dxs)


def _side(p: Side) -> Any:
    """What comes from the side as a pytree."""
    return (p.params, p.states, p.key, p.shared)


def fixed_state(port: Port) -> Any:
    """A value for a state that its name and sizes alone decide, positive, so that a whole and its parts agree."""
    angles = np.arange(port.array.size, dtype="float64") * 1.7 + len(port.name)
    return np.reshape(0.6 + 0.4 * np.sin(angles), port.array.sizes).astype(port.array.dtype)


# -- a term ----------------------------------------------------------------------------------


def meaning(term: Typed, xs: Sequence[Any], jitter: Jitter | None = None, rule: Rule = backprop) -> list[Any]:
    """The outputs of a typed term without parameters on arrays that have the axis of points in front.

    States are the initial ones, random keys the same for all points.
    """
    circuit = term.circuit
    count = len(xs[0]) if xs else 1
    rows = min((size for size in ROWS if size >= count > 0), default=count)
    if jitter is not None:
        jitter = replace(jitter, amounts=np.pad(jitter.amounts, (0, rows - count)))
    env = Points(rule, rows=rows, jitter=jitter)
    key = jax.random.key(0) if circuit.keyed else None
    states = env.spread(map_tree(fixed_state, circuit.states))
    with np.errstate(all="ignore"):
        ys, _ = evaluate(circuit, Side({}, states, key), [_filled(x, rows) for x in xs], env)
    return [as_numpy(y)[:count] for y in ys]


def _filled(x: Any, rows: int) -> Any:
    """The array with its first point repeated at the end, up to so many rows."""
    more = rows - len(x)
    return np.concatenate([x, np.broadcast_to(x[:1], (more, *x.shape[1:]))]) if more else x
