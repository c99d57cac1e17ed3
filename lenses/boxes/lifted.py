"""`lift`: any JAX function as a box."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from ..arguments import refuse, whole
from ..errors import LensError, explain, shown
from ..interpret import Cx, Side
from ..spaces import Array, Index, Real, Space, element_of
from ..syntax import Readable
from ..terms import Box, Term


class Function(Readable):
    """A JAX function with a name. A file holds the name; the function must be lifted again before loading."""

    named: ClassVar[dict[str, Function]] = {}

    def __init__(self, fn: Callable[..., Any], name: str | None):
        self.fn, self.name = fn, name
        if name is not None:
            Function.named[name] = self

    def to_data(self) -> tuple[Any, ...]:
        if self.name is None:
            raise LensError(
                explain(f"the function {self!r} of lift has no name, so it cannot be saved",
                        do="give it one, lift(fn, name='my_fn'), and lift it again before loading")
            )  # fmt: skip
        return (self.name,)

    @classmethod
    def from_data(cls, *data: Any) -> Function:
        if data[0] not in cls.named:
            raise LensError(
                explain(
                    f"the file uses the lifted function {data[0]!r}",
                    do=f"call lift(fn, name={data[0]!r}) before loading",
                )
            )
        return cls.named[data[0]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Function) and self.fn is other.fn

    def __hash__(self) -> int:
        return hash(self.fn)

    def __repr__(self) -> str:
        return getattr(self.fn, "__name__", repr(self.fn))


class Lifted(Box):
    """A JAX function of `inputs` arrays giving `outputs` arrays, mapped over batch axes."""

    spelling: ClassVar[str] = "lift"
    function: Function
    inputs: int = 1
    outputs: int = 1

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (self.inputs, self.outputs)

    @property
    def label(self) -> str:
        return repr(self.function)

    def spell(self) -> str:
        name = [f"name={self.function.name!r}"] if self.function.name else []
        wires = [] if self.arity == (1, 1) else [str(self.inputs), str(self.outputs)]
        return f"lift({', '.join([repr(self.function), *wires, *name])})"

    def type(self, dom: Space) -> Space:
        try:
            out = jax.eval_shape(self.function.fn, *(jax.ShapeDtypeStruct(a.sizes, a.dtype) for a in dom))
        except Exception as error:  # whatever the user's function raises is said in the library's way
            reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"
            return self.fail("all", "arrays that the function takes", dom, f"{self.function!r} raised {reason}")
        arrays = out if isinstance(out, tuple | list) else (out,)
        odd = next((a for a in arrays if not isinstance(a, jax.ShapeDtypeStruct)), out)
        if odd is not out or not isinstance(out, tuple | list | jax.ShapeDtypeStruct):
            self.fail(
                "output", "arrays", f"a value of type {type(odd).__name__}", "return an array or a tuple of arrays"
            )
        if len(arrays) != self.outputs:
            self.fail(
                "output",
                f"{self.outputs} arrays",
                f"{len(arrays)}",
                f"say lift(fn, inputs={self.inputs}, outputs={len(arrays)})",
            )
        return Space(Array(a.shape, None, self._element(a)) for a in arrays)

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [
            lift(jnp.cumprod, name="jax.numpy.cumprod").at(Real(3)),
            *(lift(jnp.outer, 2).at(x, Real(2)) for x in (Real(2), Real(3))),
            lift(jnp.take, 2).at(Real(3), Index(2, below=3)),
            lift(jnp.broadcast_arrays, 2, 2).at(Real(3), Real(2, 3)),
        ]

    def _element(self, array: Any) -> Any:
        return element_of(array.dtype) or self.fail("output", "floats or integers", array.dtype)

    def apply(self, cx: Cx, p: Side, *xs: Any) -> Any:
        fn = self.function.fn
        for _ in range(cx.batch(xs[0]) if xs else 0):
            fn = jax.vmap(fn)
        out = fn(*xs)
        return tuple(out) if isinstance(out, list) else out


def lift(fn: Callable[..., Any], inputs: int = 1, outputs: int = 1, name: str | None = None) -> Term:
    """A box of any JAX function of `inputs` arrays, returning an array or a tuple of `outputs` arrays.

    The function says what happens to one example; batch axes are mapped over. It must be pure.
    With a `name`, terms that hold it can be saved, and loaded where it is lifted under that name.
    """
    if not callable(fn):
        raise LensError(explain(f"lift({shown(fn)})", expected="a function of JAX arrays"))
    if name is not None and (not isinstance(name, str) or not name):
        refuse("lift", "the name", name, "text, or None")
    wires = whole("lift", "inputs", inputs, 0), whole("lift", "outputs", outputs, 0)
    return Lifted(Function(fn, name), *wires)
