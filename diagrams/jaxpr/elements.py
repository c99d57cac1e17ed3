"""The elements of arrays in programs: reals, and whole numbers without the bound that indices have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from lenses.spaces import Element, RealElement


@dataclass(frozen=True)
class WholeElement(Element):
    """Whole numbers or truth values of a dtype, or random keys (carried by uint32), written as that dtype."""

    name: ClassVar[str] = "whole"
    kind: str = "int32"

    @property
    def dtype(self) -> Any:
        return jnp.dtype("uint32" if self.kind == "key" else self.kind)

    @property
    def change(self) -> None:
        return None

    def call(self, axes: list[str]) -> str:
        return f"{self.kind}[{', '.join(axes)}]" if axes else self.kind


def element(dtype: Any) -> Element:
    """The element type of arrays of a dtype."""
    if jnp.issubdtype(dtype, jax.dtypes.extended):
        return WholeElement("key")
    name = jnp.dtype(dtype).name
    return RealElement(name) if jnp.issubdtype(dtype, jnp.inexact) else WholeElement(name)
