"""Laws as values: each equation of the theory has a name, a statement, a source and a place among the structures.

A law over maps is declared with the types of its maps, ``"f: A -> B, g: B -> C"``, and a function that
builds both sides from them. The notation is that of the papers: `;` is composition in the order of
the diagram, `*` the tensor, A' the changes of A, R the reverse derivative.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..errors import LensError, explain


@dataclass(frozen=True, eq=False)
class Structure:
    """A structure of the theory and its laws; `extends` names those whose laws it inherits.

    `subject` gives the class of what its laws are about, where that is no term.
    """

    name: str
    says: str
    extends: tuple[Structure, ...] = ()
    own: dict[str, Law] = field(default_factory=dict, repr=False)
    subject: Callable[[], Any] | None = None

    @property
    def laws(self) -> dict[str, Law]:
        """The laws by name, those inherited first."""
        found: dict[str, Law] = {}
        for structure in self.extends:
            found |= structure.laws
        return found | self.own

    def __iter__(self) -> Iterator[Law]:
        return iter(self.laws.values())


class Variable(NamedTuple):
    """A map that a law speaks of, and the letters of its domain and codomain."""

    name: str
    dom: str
    cod: str


@dataclass(frozen=True, eq=False)
class Law:
    """An equation (or another checkable claim) of the theory.

    `holds` says what is expected: True, or False for a statement that must be seen to fail. `item` is
    the number of the theory's item that it belongs to. `build` makes both sides; what it is given
    depends on the structure: maps and spaces, read from the law's declaration into `variables` and
    `spaces`, or the one subject (a loss, a rate, an optimiser, a learner) that `needs` names. It returns
    a claim or a list of claims, each an `Equation` or an object with ``verdict(seed) -> Verdict``; a
    string that says why the law does not apply; or `Expected(claims, holds)`.
    """

    name: str
    statement: str
    source: str
    structure: Structure = field(repr=False)
    item: int
    build: Callable[..., Any] = field(repr=False)
    variables: tuple[Variable, ...] = ()
    spaces: tuple[str, ...] = ()
    holds: bool = True
    depth: int = 1
    needs: str = ""

    @property
    def path(self) -> str:
        """The name of the law with its structure in front, by which it is found."""
        return f"{self.structure.name}/{self.name}"

    def __repr__(self) -> str:
        return f"<law {self.path}: {self.statement}>"


@dataclass(frozen=True)
class Expected:
    """What `build` returns where the expectation depends on the subject: one claim or a list, and whether they hold.

    It takes the place of the law's own `holds`: clipping by the norm of all changes is a fine optimiser
    of which "the optimiser of a product" must be seen to fail.
    """

    claims: Any
    holds: bool


DERIVING = frozenset(
    {"reverse derivative", "tangent functor", "lens", "lens with additive put", "lawful lens", "rule"}
    | {"parametrised lens", "additive map"}
)
"""The structures whose laws speak of derivatives."""
STRUCTURES: dict[str, Structure] = {}
"""Every structure by its name, in the order of the theory."""


def structure(name: str, says: str, *extends: Structure, subject: Callable[[], Any] | None = None) -> Structure:
    """Declares a structure; its laws follow with `law`."""
    made = Structure(name, says, extends, subject=subject)
    if name in STRUCTURES:
        raise LensError(explain(f"there is already a structure {name!r}", do="choose another name"))
    STRUCTURES[name] = made
    return made


DECLARATION = re.compile(r"^(\w+)\s*:\s*(\w+)\s*->\s*(\w+)$")


def _declared(text: str) -> tuple[tuple[Variable, ...], tuple[str, ...]]:
    variables, spaces = [], []
    for part in filter(None, (p.strip() for p in text.split(","))):
        found = DECLARATION.match(part)
        if found:
            variables.append(Variable(*found.groups()))
        elif part.isidentifier():
            spaces.append(part)
        else:
            raise LensError(explain(f"{part!r} declares no variable of a law", expected="f: A -> B, or a space A"))
    return tuple(variables), tuple(spaces)


def law(
    structure: Structure,
    name: str,
    statement: str,
    source: str,
    item: int,
    over: str = "",
    holds: bool = True,
    depth: int = 1,
    needs: str = "",
) -> Callable[[Callable[..., Any]], Law]:
    """Decorator: makes a law of the function that builds its sides, and puts it into its structure.

    `over` declares what the law speaks of, as in ``"f: A -> B, g: B -> C"`` or ``"A, B"``; `depth` is
    how often it differentiates, which bounds the size of the terms it is tried on; `needs` lists what
    it asks for: "real" (no indices), "smooth" (and derivatives of derivatives), "changes" (something
    that can change on both ends), "analysis" (real numbers, not a finite ring), "box" (a single box),
    "pass" (the lens of a rule), "para" (terms with their parameters on the side), "parameters" (that
    there are some), "once" (slow: one instance), or the kind of subject: "functor", "loss", "rate",
    "optimiser", "learner".
    """

    def make(build: Callable[..., Any]) -> Law:
        variables, spaces = _declared(over)
        made = Law(name, statement, source, structure, item, build, variables, spaces, holds, depth, needs)
        if name in structure.own:
            raise LensError(explain(f"{structure.name} already has a law {name!r}", do="choose another name"))
        structure.own[name] = made
        return made

    return make


def catalogue() -> list[Law]:
    """Every law, by structure, in the order of the theory."""
    return [law for s in STRUCTURES.values() for law in s.own.values()]


def find(name: str) -> Law:
    """The law of this name or path, e.g. ``"RD.5"`` or ``"reverse derivative/RD.5"``; LensError where there is none."""
    found = [law for law in catalogue() if name in (law.path, law.name)]
    if len(found) != 1:
        near = [law.path for law in catalogue() if name.lower() in law.path.lower()] or [s for s in STRUCTURES]
        what = "several laws are" if found else "no law is"
        raise LensError(explain(f"{what} called {name!r}", near=", ".join(near[:12]), do="print(laws.catalogue())"))
    return found[0]
