"""Ports: the wires of a box that come from the side."""

from __future__ import annotations

import dataclasses
from typing import Any

from .arguments import refuse, whole
from .spaces import Array, Space


@dataclasses.dataclass(frozen=True)
class Port:
    """A wire from the side: its `name` (a path with dots), kind, array and initialiser.

    `kind` is "param" (learned), "state" (rewritten by a forward pass) or "key" (random).
    `init` names an initialiser of `lenses.initialisers`, with its numbers after a colon; it fills
    what is behind the first `stacked` axes, which hold one array for each time of a repeat.
    """

    name: str
    kind: str
    array: Array
    init: str = "zeros"
    stacked: int = 0

    def __post_init__(self) -> None:
        from .initialisers import check

        if isinstance(self.array, Space) and len(self.array) == 1:  # as it is printed
            object.__setattr__(self, "array", self.array[0])
        path = self.name.split(".") if isinstance(self.name, str) else [""]
        if not all(part and part.isprintable() and "/" not in part for part in path):
            refuse("Port", "the name", self.name, "printable text without '/', its steps separated by dots")
        if not isinstance(self.kind, str) or self.kind not in ("param", "state", "key"):
            refuse(f"Port {self.name!r}", "the kind", self.kind, "'param', 'state' or 'key'")
        if not isinstance(self.array, Array):
            refuse(f"Port {self.name!r}", "the array", self.array, "the space of one array, as in Real(64)")
        check(self.init, f"Port {self.name!r}")
        whole(f"Port {self.name!r}", "the number of stacked axes", self.stacked, 0, self.array.rank)

    def stack(self, size: int) -> Port:
        """The port with one more axis stacked in front."""
        array = Array((size, *self.array.sizes), (None, *self.array.names), self.array.element)
        return dataclasses.replace(self, array=array, stacked=self.stacked + 1)

    def to_data(self) -> tuple[Any, ...]:
        """The arguments of `from_data`, as plain data."""
        return (self.name, self.kind, Space([self.array]), self.init, self.stacked)

    @classmethod
    def from_data(cls, name: str, kind: str, space: Space, init: str, stacked: int) -> Port:
        """The port again."""
        return cls(name, kind, space[0], init, stacked)
