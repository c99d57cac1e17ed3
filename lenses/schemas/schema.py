"""A schema: objects, arrows between them, and equations between paths.

A path is a row of arrows each of which starts where the one before it ends; paths with concatenation are the
free category on the graph, the empty path at an object being its identity. A schema presents the quotient of
that category by its equations (Gavranovic 2019, section 3.1, "Model schema"; Spivak 2012 for databases).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NoReturn

from ..errors import LensError, explain, shown

SIGNS = ";=()./"
"""Characters that no name may have: equations are written with them, and paths of parameters."""


@dataclass(frozen=True)
class Arrow:
    """A generator `name`: `dom` -> `cod`."""

    name: str
    dom: str
    cod: str

    def __str__(self) -> str:
        return f"{self.name}: {self.dom} -> {self.cod}"


@dataclass(frozen=True)
class Path:
    """A path from the object `dom` along `arrows`, a morphism of the free category; ``p >> q`` goes on along q.

    Raises LensError where one arrow does not start where the one before it ends.
    """

    dom: str
    arrows: tuple[Arrow, ...] = ()

    def __post_init__(self) -> None:
        if self.arrows and self.arrows[0].dom != self.dom:
            _refuse(self, expected=f"a first arrow out of {self.dom}", came=self.arrows[0])
        for before, after in pairwise(self.arrows):
            if before.cod != after.dom:
                _refuse(self, because=f"{before.name} ends in {before.cod} and {after.name} starts in {after.dom}",
                        arrows=", ".join(map(str, self.arrows)))  # fmt: skip

    @property
    def cod(self) -> str:
        """The object at its end."""
        return self.arrows[-1].cod if self.arrows else self.dom

    @property
    def ends(self) -> str:
        """Where it starts and ends, in words."""
        return f"{self.dom} -> {self.cod}"

    def __rshift__(self, other: Path) -> Path:
        if not isinstance(other, Path):
            return NotImplemented
        if self.cod != other.dom:
            raise LensError(
                explain(f"{self} does not compose with {other}",
                        because=f"the first ends in {self.cod}, the second starts in {other.dom}",
                        paths=f"{self}: {self.ends}, {other}: {other.ends}")
            )  # fmt: skip
        return Path(self.dom, self.arrows + other.arrows)

    def __len__(self) -> int:
        return len(self.arrows)

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return " ; ".join(arrow.name for arrow in self.arrows) or f"id({self.dom})"


def _refuse(path: Path, **facts: object) -> NoReturn:
    raise LensError(explain(f"the path {path} does not compose", **facts))


@dataclass(frozen=True)
class PathEquation:
    """Two paths with the same ends that are to be equal. Raises LensError where their ends differ."""

    left: Path
    right: Path

    def __post_init__(self) -> None:
        if (self.left.dom, self.left.cod) != (self.right.dom, self.right.cod):
            raise LensError(
                explain(f"the equation {self} is between paths with other ends",
                        left=f"{self.left}: {self.left.ends}", right=f"{self.right}: {self.right.ends}",
                        expected="paths that start in one object and end in one object")
            )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.left} = {self.right}"


@dataclass(frozen=True, init=False, repr=False)
class Schema:
    """A graph with path equations: objects by name, ``{arrow: (from, to)}``, and equations such as "f ; g = id(A)".

    `id` without an object is the identity where the other side starts. Attributes: `objects` (names),
    `arrows` (`Arrow` each) and `equations` (`PathEquation` each), all tuples. A schema is a value: it can
    be compared and hashed, and its repr reads back.

    Raises LensError for an arrow or an object that is not there, for paths that do not compose, and for
    equations between paths with other ends; it names the equation, the paths and their ends.
    """

    objects: tuple[str, ...]
    arrows: tuple[Arrow, ...]
    equations: tuple[PathEquation, ...]

    def __init__(
        self,
        objects: Iterable[str],
        arrows: Mapping[str, tuple[str, str]],
        equations: Iterable[str | PathEquation] = (),
    ):
        for name, value in (("objects", _names(objects)), ("arrows", _arrows(arrows)), ("equations", ())):
            object.__setattr__(self, name, value)
        for arrow in self.arrows:
            for end, which in ((arrow.dom, "starts"), (arrow.cod, "ends")):
                if end not in self.objects:
                    raise LensError(
                        explain(f"the arrow {arrow} {which} in an object that is not there", object=end,
                                expected=" or ".join(self.objects) or "an object; there is none")
                    )  # fmt: skip
        if isinstance(equations, str):
            raise LensError(explain(f"Schema: equations={equations!r}", expected="a list of them"))
        made = tuple(map(self.equation, equations))
        twice = next((e for i, e in enumerate(made) if e in made[:i]), None)
        if twice is not None:
            raise LensError(explain(f"Schema: the equation {twice} stands there twice"))
        object.__setattr__(self, "equations", made)

    def __repr__(self) -> str:
        arrows = {arrow.name: (arrow.dom, arrow.cod) for arrow in self.arrows}
        return f"Schema({list(self.objects)!r}, {arrows!r}, {list(map(str, self.equations))!r})"

    @cached_property
    def _by_name(self) -> dict[str, Arrow]:
        return {arrow.name: arrow for arrow in self.arrows}

    def arrow(self, name: str) -> Arrow:
        """The arrow of this name; raises LensError where there is none."""
        if name not in self._by_name:
            known = ", ".join(map(str, self.arrows)) or "none"
            raise LensError(explain(f"there is no arrow {shown(name)}", arrows=known))
        return self._by_name[name]

    def path(self, text: str | Path, at: str | None = None) -> Path:
        """The path that a text such as "f ; g" or "id(A)" spells; `at` is the object of an `id` that names none.

        Raises LensError where an arrow or object is not there, or the arrows do not compose.
        """
        if isinstance(text, Path):
            for arrow in text.arrows:
                if self._by_name.get(arrow.name) != arrow:
                    raise LensError(
                        explain(f"the path {text} is not one of this schema", arrow=arrow,
                                arrows=", ".join(map(str, self.arrows)) or "none")
                    )  # fmt: skip
            return Path(self._object(text.dom), text.arrows)
        if not isinstance(text, str):
            raise LensError(explain(f"{shown(text)} is no path", expected="text, as in 'f ; g' or 'id(A)', or a Path"))
        names = [name.strip() for name in text.split(";")]
        if len(names) == 1 and names[0].startswith("id(") and names[0].endswith(")"):
            return Path(self._object(names[0][3:-1].strip()))
        if names == ["id"] and "id" not in self._by_name:
            if at is None:
                raise LensError(explain("'id' does not say at which object", do="write it as in 'id(A)'"))
            return Path(self._object(at))
        arrows = tuple(map(self.arrow, names))
        return Path(arrows[0].dom, arrows)

    def identity(self, name: str) -> Path:
        """The empty path at an object."""
        return Path(self._object(name))

    def _object(self, name: str) -> str:
        if name not in self.objects:
            raise LensError(explain(f"there is no object {shown(name)}", objects=", ".join(self.objects) or "none"))
        return name

    def equation(self, given: str | PathEquation) -> PathEquation:
        """The equation that a text such as "f ; g = id" spells; raises LensError, naming it, where it is none."""
        if isinstance(given, PathEquation):
            return PathEquation(self.path(given.left), self.path(given.right))
        sides = given.split("=") if isinstance(given, str) else ()
        if len(sides) != 2:
            raise LensError(explain(f"{shown(given)} is no equation", expected="two paths, as in 'f ; g = id(A)'"))
        try:
            left, right = (None if side.strip() == "id" and "id" not in self._by_name else self.path(side)
                           for side in sides)  # fmt: skip
            if left is None and right is None:
                raise LensError("'id = id' does not say at which object")
            left = left or self.identity(right.dom)  # type: ignore[union-attr]
            return PathEquation(left, right or self.identity(left.dom))
        except LensError as error:
            message = str(error)
            raise LensError(
                message if given in message else explain(f"the equation {given!r}", because=message)
            ) from None

    def paths(self, longest: int) -> list[Path]:
        """All paths of at most so many arrows, the shorter ones first."""
        found = [Path(name) for name in self.objects]
        last = found
        for _ in range(longest):
            last = [Path(p.dom, (*p.arrows, a)) for p in last for a in self.arrows if p.cod == a.dom]
            found = found + last
        return found

    def networkx(self) -> Any:
        """The graph as a `networkx.MultiDiGraph`, an edge's key being the arrow's name."""
        import networkx

        graph = networkx.MultiDiGraph()
        graph.add_nodes_from(self.objects)
        for arrow in self.arrows:
            graph.add_edge(arrow.dom, arrow.cod, arrow.name)
        return graph

    def _repr_svg_(self) -> str | None:
        from ..pictures import drawer

        draw = drawer()
        return None if draw is None else draw(self).svg()


def _name(what: str, name: Any) -> str:
    fine = isinstance(name, str) and name.strip() == name != "" and name.isprintable()
    if not fine or any(c in SIGNS for c in name):
        expected = f"printable text without the characters {' '.join(SIGNS)} and without spaces at its ends"
        raise LensError(explain(f"Schema: {shown(name)} names no {what}", expected=expected))
    return name


def _names(objects: Any) -> tuple[str, ...]:
    if isinstance(objects, str) or not isinstance(objects, Iterable):
        raise LensError(explain(f"Schema: objects={shown(objects)}", expected="a list of names, as in ['A', 'B']"))
    found = tuple(_name("object", name) for name in objects)
    twice = next((name for i, name in enumerate(found) if name in found[:i]), None)
    if twice is not None:
        raise LensError(explain(f"Schema: two objects are called {twice!r}", objects=found))
    return found


def _arrows(arrows: Any) -> tuple[Arrow, ...]:
    if not isinstance(arrows, Mapping):
        raise LensError(explain(f"Schema: arrows={shown(arrows)}", expected="a dict, as in {'f': ('A', 'B')}"))
    for name, ends in arrows.items():
        _name("arrow", name)
        if not isinstance(ends, tuple | list) or len(ends) != 2:
            raise LensError(
                explain(f"Schema: the arrow {name!r} goes {shown(ends)}", expected="two objects, as in ('A', 'B')")
            )
    return tuple(Arrow(name, *ends) for name, ends in arrows.items())
