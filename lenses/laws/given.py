"""A pair of functions (forward, backward) as a box, so that it composes and every law of lenses applies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from ..boxes.lifted import Function, Lifted
from ..interpret import Cx, Side
from ..typed import Typed


class Given(Lifted):
    """A function of arrays with a backward function of its own: ``back(*xs, *dys)`` gives the changes of the inputs."""

    function: Function
    inputs: int = 1
    outputs: int = 1
    back: Function = Function(None, None)  # type: ignore[arg-type]

    @classmethod
    def of(cls, forward: Callable[..., Any], backward: Callable[..., Any], typed: Typed) -> Typed:
        """The box of a pair, at the domain of the lifted forward function."""
        wires, outputs = typed.arity
        return Typed(cls(Function(forward, None), wires, outputs, Function(backward, None)), typed.dom)

    def spell(self) -> str:
        return f"({self.function!r}, {self.back!r})"

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
