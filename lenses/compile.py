"""From a typed term to JAX: initial parameters, the function, and the lens of a rule.

What is compiled is the fold of `lenses.interpret`, traced once: no object of this library is left
in the program that XLA sees. Parameters are nested dicts named after the term.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from .combinators import Para
from .errors import DataError, LensError, explain, shown
from .fusing import fused
from .initialisers import init_tree
from .interpret import Env, Side, close, evaluate, forward, split_tied
from .rules.rule import Rule, backprop, check_rule
from .spaces import Space
from .syntax import shorten
from .terms import Term
from .trees import Tree, check_tree, nest, only, pick, shapes, whole
from .typed import Circuit, Typed, as_typed, elaborate


def check_arrays(dom: Space, xs: Sequence[Any], term: Term, what: str = "input", do: str | None = None) -> list[Any]:
    """The arrays with the dtypes of `dom`, batch axes and all; raises DataError where they do not fit."""
    if len(xs) != len(dom):
        raise DataError(explain(f"{len(xs)} {what}s for {len(dom)} wires", term=shorten(term), expected=repr(dom)))
    out = []
    for i, (x, array) in enumerate(zip(xs, dom, strict=True)):
        x = as_array(x, f"{what} {i}")
        shape, dtype = jnp.shape(x), jnp.result_type(x)
        own = shape[len(shape) - array.rank :] if len(shape) >= array.rank else None
        if own != array.sizes:
            raise DataError(
                explain(
                    f"{what} {i} has the shape {shape}",
                    term=shorten(term),
                    expected=f"{array!r}, after any batch axes: (..., {', '.join(map(str, array.sizes))})",
                    came=f"an array of shape {shape}",
                    do=do,
                )
            )
        truths = jnp.issubdtype(dtype, jnp.bool_) and array.change is not None and not array.real
        integers = truths or jnp.issubdtype(dtype, jnp.integer)
        if not array.real and not integers:
            raise DataError(
                explain(
                    f"{what} {i} has the dtype {dtype}",
                    term=shorten(term),
                    expected=f"{array!r}: whole numbers, as int32",
                )
            )
        if array.real and not (integers or jnp.issubdtype(dtype, jnp.floating)):
            raise DataError(
                explain(f"{what} {i} has the dtype {dtype}", term=shorten(term), expected=f"{array!r}: numbers")
            )
        out.append(x if dtype == array.dtype else jnp.asarray(x, array.dtype))
    return out


def one(values: Sequence[Any]) -> Any:
    """The value of a single wire, the tuple of values otherwise."""
    return values[0] if len(values) == 1 else tuple(values)


@jax.tree_util.register_dataclass
@dataclass
class Pullback:
    """The backward pass at a point; a pytree, so it may cross `jit`. ``pullback(dy)`` is (dparams, dx)."""

    model: Compiled = field(metadata={"static": True})
    shapes: tuple[tuple[int, ...], ...] = field(metadata={"static": True})
    side: tuple[Any, Any, Any]
    outputs: Any
    tape: Any

    def __call__(self, *dys: Any) -> tuple[Any, Any]:
        """The changes of the parameters (a tree like theirs) and of the inputs (None where nothing can change)."""
        if len(dys) == 1 and isinstance(dys[0], tuple):
            dys = dys[0]
        changed = Space(a for a in self.model.cod if a.change is not None)
        dys = tuple(d for d in dys if d is not None)
        changes = check_arrays(changed, dys, self.model.term, "change")
        return self.model._jit_backward(self.side, self.outputs, self.tape, changes, self.shapes)


class Compiled:
    """A typed term under a rule, in JAX. Made by `compile`.

    Attributes: `term` (Typed), `dom`, `cod`, `rule`, `circuit` (the typed wiring graph).
    """

    def __init__(self, term: Typed, rule: Rule, check_nans: bool = False):
        self.term, self.dom, self.cod, self.rule, self.check_nans = (
            term,
            term.dom,
            term.cod,
            rule.bind(term),
            check_nans,
        )
        circuit = elaborate(term.term, term.dom, self.rule.ports)
        self.circuit: Circuit = fused(circuit) if rule is backprop else circuit
        for array in [*self.dom, *self.cod]:
            if array.dtype == "float64" and not jax.config.jax_enable_x64:  # type: ignore[attr-defined]
                raise LensError(
                    explain("float64 is switched off in JAX", do="jax.config.update('jax_enable_x64', True) first")
                )
        self._jit_call = jax.jit(self._call, inline=True)
        self._jit_forward = jax.jit(self._forward, inline=True)
        self._jit_backward = jax.jit(self._backward, inline=True, static_argnums=4)

    def __repr__(self) -> str:
        return f"compile({shorten(self.term)}, rule={self.rule!r})"

    # -- parameters and states ---------------------------------------------------------------
    @property
    def params(self) -> Tree:
        """The tree of parameters: nested dicts with a `Port` for each array."""
        return whole(self.circuit)

    def init(self, key: Any) -> dict[str, Any]:
        """Initial parameters, a tree of nested dicts named after the term."""
        return init_tree(self.params, key)

    def init_state(self, key: Any = None) -> dict[str, Any]:
        """Initial states (running statistics, a rule's own weights), a tree like the parameters'; maybe {}."""
        return init_tree(self.circuit.states, jax.random.key(0) if key is None else key)

    @property
    def stateful(self) -> bool:
        """Whether the term itself, rather than the rule alone, has states that a pass rewrites or reads."""
        return bool(self._plain.states)

    @property
    def _plain(self) -> Circuit:
        return self.term.circuit

    def side(self, params: Any, state: Any, key: Any) -> Side:
        """The side of the circuit, checked: parameters, states, key."""
        check_tree(self.params, params, "parameters", self.term)
        if state is None:
            if self.stateful:
                raise LensError(
                    explain("this model has states", states=shapes(self._plain.states),
                            do="pass state=net.init_state(), or compile inference(term) to use them without change")
                )  # fmt: skip
            state = self.init_state()
        check_tree(self.circuit.states, state, "states", self.term)
        if self.circuit.keyed and key is None:
            keyed = next(c.box for c in self.circuit.cells if c.keyed)
            raise LensError(
                explain("this model draws random numbers", box=shorten(keyed),
                        do="pass key=jax.random.key(...), or compile inference(term), which draws none")
            )  # fmt: skip
        own, shared = split_tied(self.circuit, params)
        return Side(own, state, key, shared)

    # -- the function ------------------------------------------------------------------------
    def _call(self, params: Any, state: Any, key: Any, xs: Sequence[Any]) -> Any:
        xs = check_arrays(self.dom, xs, self.term)
        ys, states = evaluate(self.circuit, self.side(params, state, key), xs, Env(self.rule))
        return one(ys), self._split(states)

    def _split(self, left: dict[str, Any]) -> tuple[Any, Any]:
        """What left to the side, as (new states of the term itself, changes)."""
        changes: dict[str, Any] = {}
        for cell in self.circuit.cells:
            if isinstance(cell.box, Para) and cell.box.changes:
                own = left if cell.whole else left.get(cell.name, {})
                paths = [tuple(name.split(".")) for name in cell.box.changes]
                changes |= nest(paths, [pick(own, path) for path in paths])
        return only(left, self._plain.states), changes

    def __call__(self, params: Any, *xs: Any, state: Any = None, key: Any = None) -> Any:
        """The output, an array or a tuple of arrays; leading axes of the inputs are batch axes.

        With states, (output, new states); for a term with changes on the side (`reverse`),
        (output, changes), the changes summed over batch axes.
        """
        y, (states, changes) = self._jit_call(params, state, key, [as_array(x, f"input {i}") for i, x in enumerate(xs)])
        if self.check_nans:
            self.raise_nan(params, *xs, state=state, key=key, outputs=y)
        out = (y, *([states] if self.stateful else []), *([changes] if changes else []))
        return out if len(out) > 1 else y

    # -- the lens ----------------------------------------------------------------------------
    def _forward(self, params: Any, state: Any, key: Any, xs: Sequence[Any]) -> Any:
        xs = check_arrays(self.dom, xs, self.term)
        side = self.side(params, state, key)
        ys, states, tape = forward(self.circuit, side, xs, Env(self.rule))
        return ys, self._split(states)[0], tape

    def _backward(self, side: Any, outputs: Any, tape: Any, dys: Sequence[Any], shapes: Any) -> tuple[Any, Any]:
        changes = iter(dys)
        error = [None if a.change is None else next(changes) for a in self.cod]
        dparams, dxs = close(self.circuit, self.side(*side), tape, outputs, error, Env(self.rule))
        return dparams, one(
            [
                jnp.zeros(shape, a.dtype) if d is None and a.change is not None else d
                for d, a, shape in zip(dxs, self.dom, shapes, strict=True)
            ]
        )

    def vjp(self, params: Any, *xs: Any, state: Any = None, key: Any = None) -> tuple[Any, Pullback]:
        """The output (as in a call) and the pullback: ``dparams, dx = pullback(dy)``, under the rule.

        For backprop they are those of `jax.vjp`, parameters summed over batch axes.
        """
        ys, states, tape = self._jit_forward(params, state, key, [as_array(x, f"input {i}") for i, x in enumerate(xs)])
        y = (one(ys), states) if self.stateful else one(ys)
        shapes = tuple(tuple(jnp.shape(x)) for x in xs)
        return y, Pullback(self, shapes, (params, state, key), ys if self.rule.keeps_outputs else None, tape)

    def custom_vjp(self) -> Callable[..., Any]:
        """f(params, *xs) as a `jax.custom_vjp` whose gradient is the rule's, for use inside other JAX programs."""
        if self.stateful or self.circuit.keyed:
            raise LensError(
                explain("custom_vjp: the model has states or draws random numbers", do="compile inference(term)")
            )

        @jax.custom_vjp
        def f(params: Any, *xs: Any) -> Any:
            return self(params, *xs)

        def forward(params: Any, *xs: Any) -> Any:
            return self.vjp(params, *xs)

        def backward(pullback: Pullback, dy: Any) -> Any:
            dparams, dxs = pullback(dy)
            return (dparams, *dxs) if isinstance(dxs, tuple) else (dparams, dxs)

        f.defvjp(forward, backward)
        return f

    # -- looking inside ----------------------------------------------------------------------
    def lower(self, params: Any, *xs: Any, state: Any = None, key: Any = None) -> Any:
        """The lowered call, as of any jitted function: ``.as_text()``, ``.compile().cost_analysis()``."""
        return self._jit_call.lower(params, state, key, [as_array(x, f"input {i}") for i, x in enumerate(xs)])

    def lower_vjp(self, params: Any, *xs: Any, state: Any = None, key: Any = None) -> Any:
        """Forward and backward pass in one lowered program, with the change of each output an input."""

        def both(params: Any, xs: Any, dys: Any) -> Any:
            y, pullback = self.vjp(params, *xs, state=state, key=key)
            return y, pullback(*dys)

        outputs = jax.eval_shape(self._jit_forward, params, state, key, list(xs))[0]
        dys = [
            jax.ShapeDtypeStruct(y.shape, y.dtype)
            for y, a in zip(outputs, self.cod, strict=True)
            if a.change is not None
        ]
        return jax.jit(both).lower(params, xs, dys)

    def kept(self, params: Any, *xs: Any, state: Any = None, key: Any = None) -> dict[str, int]:
        """How many bytes the forward pass keeps for the backward one, by box; parameters are not counted.

        An array that several boxes keep counts once, at the first of them.
        """
        arrays = [as_array(x, f"input {i}") for i, x in enumerate(xs)]
        jaxpr, out = jax.make_jaxpr(self._forward, return_shape=True)(params, state, key, arrays)
        given = set(jaxpr.jaxpr.invars[: len(jax.tree.leaves(params))])
        outvars = list(jaxpr.jaxpr.outvars)
        skip = len(jax.tree.leaves(out[:2]))
        seen: set[Any] = set()
        result: dict[str, int] = {}
        position = skip
        for cell, tape in zip(self.circuit.cells, out[2], strict=True):
            total = 0
            for leaf in jax.tree.leaves(tape):
                var = outvars[position]
                position += 1
                if hasattr(var, "val") or var in given or var in seen:  # a literal, a parameter, or counted
                    continue
                seen.add(var)
                total += leaf.size * leaf.dtype.itemsize
            if total:
                result[f"{cell.index}: {shorten(cell.box, 40)}"] = total
        return result

    def raise_nan(self, params: Any, *xs: Any, state: Any = None, key: Any = None, outputs: Any = None) -> None:
        """Raises DataError naming the first box that makes a NaN; does nothing if the outputs have none."""
        from .nans import has_nan, raise_first

        if outputs is not None and (isinstance(jax.tree.leaves(outputs)[0], Tracer) or not has_nan(outputs)):
            return
        arrays = check_arrays(self.dom, [as_array(x, f"input {i}") for i, x in enumerate(xs)], self.term)
        raise_first(self.circuit, self.side(params, state, key), arrays, Env(self.rule), self.term)


def as_array(x: Any, what: str = "this") -> Any:
    """`x` if it is an array, and a NumPy array of it otherwise. Raises DataError unless it holds numbers."""
    array = x if hasattr(x, "shape") and hasattr(x, "dtype") else np.asarray(x)
    if isinstance(array, np.ndarray) and array.dtype.kind not in "biufV":  # V: bfloat16 and its like
        raise DataError(
            explain(
                f"{what} is no array of numbers: dtype {array.dtype}",
                came=f"{x!r:.60}",
                do="convert it with numpy.asarray(x, 'float32')",
            )
        )
    return array


def compile(
    term: Term, space: Space | None = None, rule: Rule = backprop, scan: str | None = None, check_nans: bool = False
) -> Compiled:
    """The term at `space` as a JAX function and lens under `rule`.

    `scan="auto"` runs equal neighbouring layers as one `lax.scan`, with their parameters stacked as
    if they had been written with ``**``. With `check_nans`, a call whose result has a NaN raises a
    DataError that names the first box that made one.

    Under backprop a term over bits alone (`lenses.circuits`) that has enough gates for each bit that goes in
    or out takes batches of 1024 samples or more as a circuit, 32 samples in a word, with the same results.

    Raises SpaceError where the term does not fit the space, LensError for float64 without x64.
    """
    typed = as_typed(term, space, "compile")
    check_rule("compile", rule)
    if not (scan is None or (isinstance(scan, str) and scan == "auto")):
        raise LensError(explain(f"compile: scan={shown(scan)}", expected="None or 'auto'"))
    if scan == "auto":
        from .rolling import roll

        typed = roll(typed)
    return Compiled(typed, rule, check_nans)
