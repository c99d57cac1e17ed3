"""Three representations made of any other: duals and continuations (reverse mode), and begin-form (forward mode).

- `Dual(k)`: a map A -> B is a map B -> A of k, its transpose. Composition turns around, copy and add change
  places, and so do discard and zero (Elliott 2018, "Gradients and duality").
- `Continuation(k)`: a map f: A -> B is what sends each k-map h: B -> R to f ; h. So all composition in k
  associates to the right, from the end ("Reverse-mode automatic differentiation").
- `Begin(k)`: a map f: A -> B is what sends each k-map h: R -> A to h ; f. So all composition in k associates to
  the left, from the beginning ("Forward-mode automatic differentiation").

Nothing else is said of reverse mode or forward mode: the differentiator is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..spaces import Space
from .category import LinearMap, LinearMaps, beside
from .functions import functions
from .local import Local
from .matrices import matrices

Step = tuple[str, Callable[[Any], Any]]


@dataclass(frozen=True, eq=False, repr=False)
class Reversed(LinearMap):
    """A map A -> B, held as its transpose B -> A."""

    transpose: Any = None

    @property
    def says(self) -> str:
        return f"dual of {self.transpose.says}"


class Dual(LinearMaps):
    """The dual of a category of linear maps: every map is held as its transpose."""

    def __init__(self, of: LinearMaps = functions):
        self.base = of
        self.name = f"duals of {of.name}"

    def _held(self, transpose: Any) -> Reversed:
        return Reversed(transpose.cod, transpose.dom, transpose)

    def identity(self, space: Space) -> Reversed:
        return self._held(self.base.identity(space))

    def of(self, local: Local) -> Reversed:
        return self._held(self.base.of(local.transpose))

    def composite(self, maps: Sequence[Reversed]) -> Reversed:
        return self._held(self.base.compose(*(f.transpose for f in reversed(maps))))

    def product(self, maps: Sequence[Reversed]) -> Reversed:
        return self._held(self.base.cross(*(f.transpose for f in maps)))

    def copy(self, space: Space, times: int = 2) -> Reversed:
        return self._held(self.base.add(space, times))

    def add(self, space: Space, times: int = 2) -> Reversed:
        return self._held(self.base.copy(space, times))

    def discard(self, space: Space) -> Reversed:
        return self._held(self.base.zero(space))

    def zero(self, space: Space) -> Reversed:
        return self._held(self.base.discard(space))

    def blocks(self, f: Reversed) -> list[list[Any]]:
        rows = self.base.blocks(f.transpose)
        return [[None if row[o] is None else row[o].T for row in rows] for o in range(len(f.cod))]


@dataclass(frozen=True, eq=False, repr=False)
class Continued(LinearMap):
    """A map A -> B, held as what it does to maps: steps, of which `Continuation` takes the last one first."""

    steps: tuple[Step, ...] = ()
    wraps: str = "h"

    @property
    def says(self) -> str:
        return self.wraps.format(" ; ".join(name for name, _ in self.steps) or "id")


class _OnMaps(LinearMaps):
    """What continuations and begin-form share: a map is held as steps on the maps of k."""

    wraps = "{}"

    def __init__(self, of: LinearMaps = matrices):
        self.base = of

    def identity(self, space: Space) -> Continued:
        return Continued(space, space, (), self.wraps)

    def composite(self, maps: Sequence[Continued]) -> Continued:
        return Continued(maps[0].dom, maps[-1].cod, tuple(step for f in maps for step in f.steps), self.wraps)

    def product(self, maps: Sequence[Continued]) -> Continued:
        f, *rest = maps
        for g in rest:
            name = " * ".join(f"({h.says})" if len(h.steps) > 1 else _plain(h) for h in (f, g))
            step = (name, self.pair(f, g))
            f = Continued(beside([f.dom, g.dom]), beside([f.cod, g.cod]), (step,), self.wraps)
        return f

    def pair(self, f: Continued, g: Continued) -> Callable[[Any], Any]:
        """What f * g does to a map of k."""
        raise NotImplementedError(type(self).__name__)

    def run(self, f: Continued, h: Any) -> Any:
        """What f does to the map h of k."""
        raise NotImplementedError(type(self).__name__)


def _plain(f: Continued) -> str:
    return f.steps[0][0] if f.steps else "id"


class Continuation(_OnMaps):
    """Reverse mode: f: A -> B sends h: B -> R to f ; h: A -> R."""

    wraps = "h -> {} ; h"

    def __init__(self, of: LinearMaps = matrices):
        super().__init__(of)
        self.name = f"continuations of {of.name}"

    def of(self, local: Local) -> Continued:
        return Continued(local.dom, local.cod, ((local.name, lambda h: self.base.pull(local, h)),), self.wraps)

    def pair(self, f: Continued, g: Continued) -> Callable[[Any], Any]:
        def step(h: Any) -> Any:
            one, two = self.base.unjoin(h, f.cod, g.cod)
            return self.base.join(self.run(f, one), self.run(g, two))

        return step

    def run(self, f: Continued, h: Any) -> Any:
        for _, step in reversed(f.steps):
            h = step(h)
        return h

    def blocks(self, f: Continued) -> list[list[Any]]:
        return self.base.blocks(self.run(f, self.base.identity(f.cod)))


class Begin(_OnMaps):
    """Forward mode: f: A -> B sends h: R -> A to h ; f: R -> B."""

    wraps = "h -> h ; {}"

    def __init__(self, of: LinearMaps = matrices):
        super().__init__(of)
        self.name = f"begin-form of {of.name}"

    def of(self, local: Local) -> Continued:
        return Continued(local.dom, local.cod, ((local.name, lambda h: self.base.push(h, local)),), self.wraps)

    def pair(self, f: Continued, g: Continued) -> Callable[[Any], Any]:
        def step(h: Any) -> Any:
            one, two = self.base.unfork(h, f.dom, g.dom)
            return self.base.fork(self.run(f, one), self.run(g, two))

        return step

    def run(self, f: Continued, h: Any) -> Any:
        for _, step in f.steps:
            h = step(h)
        return h

    def blocks(self, f: Continued) -> list[list[Any]]:
        return self.base.blocks(self.run(f, self.base.identity(f.dom)))


duals = Dual()
"""Linear maps as the functions that are their transposes: reverse mode."""
continuations = Continuation()
"""Linear maps as what they do to matrices behind them: reverse mode."""
begins = Begin()
"""Linear maps as what they do to matrices before them: forward mode."""
