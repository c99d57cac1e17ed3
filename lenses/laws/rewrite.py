"""The same term with other data in its boxes: other sizes, or another dtype."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..functor import Functor
from ..spaces import Array, RealElement, Space
from ..terms import Box, Port, Term
from ..typed import Typed


class Rewrite(Functor):
    """Sends each box to the box of its class whose arrays and other fields are changed."""

    def __init__(self, array: Callable[[Array], Array], field: Callable[[str, Any], Any]):
        super().__init__({})
        self.array, self.field = array, field

    def box(self, box: Box) -> Term:
        if not box.fields:
            return box
        changed = {name: self._value(name, value) for name, value in box.fields.items()}
        return type(box)(**changed)

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, Term):
            return self(value)
        if isinstance(value, Space):
            return Space(self.array(a) for a in value)
        if isinstance(value, Port):
            return replace(value, array=self.array(value.array))
        if isinstance(value, tuple):
            return tuple(self._value(name, v) for v in value)
        return self.field(name, value)

    def __call__(self, term: Term) -> Term:
        if isinstance(term, Typed):
            return Typed(self(term.term), Space(self.array(a) for a in term.dom))
        return super().__call__(term)


def rewrite(
    term: Typed,
    array: Callable[[Array], Array],
    field: Callable[[str, Any], Any] = lambda name, value: value,
) -> Typed:
    """The typed term with `array` applied to every array and `field` to every other value in its boxes.

    Raises SpaceError (or LensError) where the result does not type.
    """
    result = Rewrite(array, field)(term)
    assert isinstance(result, Typed)
    return result


def at_precision(term: Typed, dtype: str) -> Typed:
    """The term with its real arrays carried by `dtype`. Raises LensError where a box insists on its own."""

    def array(a: Array) -> Array:
        return Array(a.sizes, a.names, RealElement(dtype)) if isinstance(a.element, RealElement) else a

    def field(name: str, value: Any) -> Any:
        return dtype if name == "dtype" else value

    return rewrite(term, array, field)
