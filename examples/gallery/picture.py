"""What a picture of the gallery is: a term, two sides of an equation, a schema or a causal map, and how to draw it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lenses import Causal, Dreamer, Learner, Typed
from lenses.schemas import Schema


@dataclass(frozen=True)
class Picture:
    """A picture: a typed `term`, an equation of two, `left` and `right`, a `schema` or a `causal` map.

    Attributes:
        name: the name of its file, without an ending.
        style: "neural" (each axis a wire), "string" (each array a wire), "circuit" (gates), "lens" or "backward"
            (both directions).
        learner: the learner or dreamer whose closed lens the term is; it is drawn as the papers do.
        fold: which blocks are drawn closed: those deeper than a number of levels, or those at paths such as
            "encoder/attention"; None opens all of them.
        inputs: letters for the arrays that come in, from the top.
        wrap: the width in points after which it goes on in a new line.
        expand: the path of the part that is drawn closed = opened; "" for all of the term, None for no such equation.
        how: other arguments of `diagrams.draw`.
    """

    name: str
    title: str
    caption: str
    term: Typed | None = None
    style: str = "neural"
    fold: int | str | tuple[str, ...] | None = None
    inputs: tuple[str, ...] = ()
    left: Typed | None = None
    right: Typed | None = None
    wrap: float = 2600.0
    learner: Learner | Dreamer | None = None
    expand: str | None = None
    how: Mapping[str, Any] = field(default_factory=dict)
    schema: Schema | None = None
    causal: Causal | None = None

    @property
    def terms(self) -> tuple[Typed, ...]:
        """The term, or the two sides; none of a schema or a causal map."""
        return tuple(t for t in (self.term, self.left, self.right) if t is not None)
