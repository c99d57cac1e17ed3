"""The loss of an architecture: task losses, and for each path equation how far its two sides are apart on data.

    loss = sum of weight * task + gamma * sum over equations l = r: A -> B of E_a |F(l)(a) - F(r)(a)|

(Gavranovic 2019, section 3.6). All of it is one term from the data to a vector of losses, in which each arrow's
parameters occur once, tied; what each loss counts for is the label that `dot_product` pairs the vector with, so
that a learner is closed as any other: optimiser; losses; weights; rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import positive
from ..boxes.rearrange import concatenate, rearrange
from ..boxes.reductions import reduce_mean
from ..boxes.structure import add
from ..combinators import block
from ..compile import as_array
from ..errors import LensError, SpaceError, explain, shown
from ..learner.losses import Loss, absolute_error
from ..spaces import Array, Space
from ..terms import Term
from ..typed import Typed
from ..wiring import listed, trace
from .architecture import Architecture
from .schema import Path, PathEquation


@dataclass(frozen=True)
class Task:
    """A task loss: a term from named data to one number an example.

    `sources` are the names of the data that it is given, each with its space; `term` goes from all of them, side by
    side, to a real number; `weight` is what it counts for. `critic` is the name of the parameters that climb it, where
    some do; the others descend. Raises SpaceError where the term does not fit.
    """

    name: str
    sources: tuple[tuple[str, Space], ...]
    term: Term
    weight: float = 1.0
    critic: str | None = None

    def __post_init__(self) -> None:
        dom = Space(array for _, space in self.sources for array in space)
        cod = Typed(self.term, dom).cod
        if len(cod) != 1 or cod[0].rank or not cod[0].real:
            raise SpaceError(
                explain(f"the task {self.name!r} is no number an example", expected="Real()", came=cod, term=self.term,
                        do="let it end in a loss, or in reduce_sum()")
            )  # fmt: skip
        object.__setattr__(self, "weight", positive(f"the task {self.name!r}", "its weight", self.weight))


def apart(loss: Loss, left: Space, right: Space) -> Term:
    """How far the arrays of two spaces are apart by `loss`, in sum, a number an example.

    Arrays of several axes, and those of none, are taken as vectors where `right` has the same axes.
    """
    n = len(left)

    def each(y: Any, t: Any, a: Array, b: Array) -> Any:
        if a == b:
            return loss(*(x if a.rank == 1 else vector(a)(x) for x in (y, t)))
        lost = loss(y, t)
        for _ in range(a.rank - 1):
            lost = reduce_mean()(lost)
        return lost

    def total(*wires: Any) -> Any:
        pairs = zip(wires[:n], wires[n:], left, right, strict=True)
        lost = [each(*pair) for pair in pairs]
        return lost[0] if n == 1 else add(n)(*lost)

    return trace(total, 2 * n)


def vector(array: Array) -> Term:
    """The axes of an array in one."""
    names = " ".join(f"a{i}" for i in range(array.rank))
    return rearrange(f"{names} -> ({names})" if names else "-> 1")


def violation(architecture: Architecture, equation: PathEquation | str, distance: Loss = absolute_error) -> Typed:
    """How far the two sides of a path equation are apart at a point of its domain: A -> Real().

    `distance` is a loss that is 0 exactly where prediction and label agree, such as `absolute_error` or `squared`.
    """
    equation = architecture.schema.equation(equation)
    left, right = architecture(equation.left), architecture(equation.right)
    for array in left.cod:
        if not array.real:
            raise SpaceError(
                explain(f"the equation {equation} has no distance", expected="real arrays at its end",
                        came=f"{equation.left.cod} is {left.cod!r}", do="send the object to logits or embeddings")
            )  # fmt: skip
    if not len(left.cod):
        raise SpaceError(explain(f"the equation {equation} ends in no arrays", came=f"{equation.left.cod} is the unit"))

    def between(*xs: Any) -> Any:
        return apart(distance, left.cod, right.cod)(*along(left.term, xs), *along(right.term, xs))

    return Typed(trace(between, len(left.dom)), left.dom)


def along(term: Term, wires: Sequence[Any]) -> tuple[Any, ...]:
    """The wires that come out of a term inside a traced function, however many."""
    return tuple(listed(term(*wires)))


def supervised(
    architecture: Architecture,
    path: Path | str,
    loss: Loss,
    inputs: str | None = None,
    labels: str = "labels",
    integers: bool = True,
    weight: float = 1.0,
    name: str | None = None,
) -> Task:
    """The task of supervised learning along a path: its image on `inputs`, compared with `labels` by `loss`.

    `inputs` and `labels` name data; inputs are those of the object that the path starts in unless another name is
    given. Labels are whole numbers where the loss takes them and `integers` is true, real otherwise.
    """
    path = architecture.schema.path(path)
    image = architecture(path)
    wanted = Space(loss.labels(array, integers) for array in image.cod)
    n = len(image.dom)

    def compared(*wires: Any) -> Any:
        return apart(loss, image.cod, wanted)(*along(image.term, wires[:n]), *wires[n:])

    sources = ((inputs or path.dom, image.dom), (labels, wanted))
    return Task(name or f"{path} as {labels}", sources, trace(compared, n + len(wanted)), weight)


class Losses:
    """All losses of an architecture as one term, from the data to the vector of them.

    Attributes: `term` (Typed), `names` of the losses in the order of the vector, first the tasks and then the
    `equations`, their `weights`, and `sources`, the data by name: a dict of spaces, the domain of the term in this
    order. Equations are called as they are written, "f ; g = id(A)".
    """

    def __init__(
        self,
        architecture: Architecture,
        tasks: Iterable[Task] = (),
        gamma: float = 1.0,
        distance: Loss = absolute_error,
        equations: Iterable[PathEquation | str] | None = None,
    ):
        schema = architecture.schema
        gamma = positive("Losses", "gamma", gamma)
        self.architecture, self.gamma, self.distance = architecture, gamma, distance
        self.tasks = tuple(tasks)
        if not all(isinstance(task, Task) for task in self.tasks):
            raise LensError(explain(f"Losses: tasks={shown(self.tasks)}", expected="Task each, as of supervised(...)"))
        self.equations = schema.equations if equations is None else tuple(map(schema.equation, equations))
        pieces = [(task.name, task.weight, task.sources, task.term) for task in self.tasks]
        for equation in self.equations:
            term = violation(architecture, equation, distance)
            pieces.append((str(equation), gamma, ((equation.left.dom, term.dom),), term.term))
        if not pieces:
            raise LensError(explain("there is nothing to learn", do="give the schema equations, or tasks"))
        self.names = tuple(name for name, *_ in pieces)
        twice = next((name for i, name in enumerate(self.names) if name in self.names[:i]), None)
        if twice is not None:
            raise LensError(explain(f"two losses are called {twice!r}", do="give one of the tasks another name"))
        self.weights = tuple(weight for _, weight, *_ in pieces)
        self.critics = frozenset(task.critic for task in self.tasks if task.critic is not None)
        self.sources: dict[str, Space] = {}
        for loss, _, sources, _ in pieces:
            for name, space in sources:
                if self.sources.setdefault(name, space) != space:
                    raise SpaceError(
                        explain(f"the data {name!r} are taken for two things", loss=loss, expected=self.sources[name],
                                came=space, do="give data that differ other names")
                    )  # fmt: skip
        self.term = Typed(self._vector(pieces), Space(a for space in self.sources.values() for a in space))

    def _vector(self, pieces: Sequence[Any]) -> Term:
        def losses(*wires: Any) -> Any:
            given = dict(zip(self.sources, self._parted(wires), strict=True))
            found = []
            for name, _, sources, term in pieces:
                taken = [wire for source, _ in sources for wire in given[source]]
                found.append(rearrange("-> 1")(block(_part(name), term)(*taken)))
            return found[0] if len(found) == 1 else concatenate(parts=len(found))(*found)

        return trace(losses, sum(map(len, self.sources.values())))

    def _parted(self, wires: Sequence[Any]) -> list[Sequence[Any]]:
        """The wires of the term's domain by source."""
        parts, at = [], 0
        for space in self.sources.values():
            parts.append(wires[at : at + len(space)])
            at += len(space)
        return parts

    def __repr__(self) -> str:
        each = ", ".join(f"{weight:g} * {name!r}" for name, weight in zip(self.names, self.weights, strict=True))
        return f"<losses {each}>"

    def arrays(self, data: Mapping[str, Any]) -> tuple[Any, ...]:
        """The data by name as the inputs of the term; a space of several arrays has a tuple of them.

        Data of fewer examples go round again, as unpaired data of other lengths must. Raises LensError for a name
        that is missing or not there, and for a wrong number of arrays.
        """
        names = ", ".join(f"{name}: {space!r}" for name, space in self.sources.items())
        if not isinstance(data, Mapping):
            raise LensError(explain(f"the data are {shown(data)}", expected=f"a dict with {names}"))
        for name in [*self.sources, *data]:
            if name not in data or name not in self.sources:
                what = "missing" if name not in data else "there that no loss takes"
                raise LensError(explain(f"data are {what}: {name!r}", expected=names, came=", ".join(map(str, data))))
        found: list[Any] = []
        for name, space in self.sources.items():
            given = data[name] if isinstance(data[name], tuple | list) and len(space) != 1 else (data[name],)
            if len(given) != len(space):
                raise LensError(
                    explain(f"the data {name!r} are {len(given)} arrays", expected=f"{space!r}: {len(space)}")
                )
            found += [as_array(x, f"the data {name!r}") for x in given]
        return _as_long(found)


def _part(name: str) -> str:
    """A name that a block can have."""
    return "".join("_" if c in "./" else c for c in name)


def _as_long(arrays: Sequence[Any]) -> tuple[Any, ...]:
    """The arrays, the shorter ones repeated along the first axis to the length of the longest."""
    lengths = [len(x) if x.ndim else 0 for x in arrays]
    most = max(lengths)
    if 0 in lengths or len({*lengths}) == 1:
        return tuple(arrays)
    return tuple(x[np.arange(most) % n] for x, n in zip(arrays, lengths, strict=True))
