"""A pair of functions (forward, backward) as a box, so that it composes and every law of lenses applies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from ..boxes.lifted import Function, Lifted
from ..interpret import Cx, Side
from ..terms import Term


class Given(Lifted):
    """A function of arrays with a backward function of its own: ``back(*xs, *dys)`` gives the changes of the inputs."""

    function: Function
    inputs: int = 1
    outputs: int = 1
    back: Function = Function(None, None)  # type: ignore[arg-type]

    def spell(self) -> str:
        wires = [] if self.arity == (1, 1) else [str(self.inputs), str(self.outputs)]
        return f"laws.pair({', '.join([repr(self.function), repr(self.back), *wires])})"

    def forward(self, cx: Cx, p: Side, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        ys, states = self.run(cx, p, xs)
        return ys, states, list(xs)

    def backward(self, cx: Cx, p: Side, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        back = self.back.fn
        for _ in range(cx.batch(kept[0]) if kept else 0):
            back = jax.vmap(back)
        changes = [d for d, a in zip(ds, cx.cod, strict=True) if a.change is not None]
        out = back(*kept, *changes)
        found = iter(out if isinstance(out, tuple | list) else (out,))
        return {}, [None if a.change is None else next(found) for a in cx.dom]


def pair(forward: Callable[..., Any], backward: Callable[..., Any], inputs: int = 1, outputs: int = 1) -> Term:
    """The box of a lens f: A -> B, f*: A * B' -> A', given as two JAX functions of one example.

    ``forward(*xs)`` gives the outputs, ``backward(*xs, *dys)`` the changes of the inputs. Both must be pure.
    """
    return Given(Function(forward, None), inputs, outputs, Function(backward, None))
