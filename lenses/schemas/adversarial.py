"""Adversarial tasks: what a path makes of data is to be told from data by no critic.

A critic of the object B is a parametrised map d: B -> L. Along a path f: A -> B it climbs the value

    V = -(loss(d(f(a)), fake) + loss(d(b), real)),

and f descends loss(d(f(a)), real): CycleGAN has one for each of its objects (Zhu et al. 2017; Gavranovic 2019,
section 3.6). Changes of the first stop at what f has made, those of the second at the critic's parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..boxes.gradients import scale_gradient
from ..boxes.lookup import constant
from ..combinators import tied
from ..errors import LensError, SpaceError, explain, shown
from ..learner.adversarial import SIGNS, frozen
from ..learner.losses import Loss, binary_cross_entropy
from ..spaces import Space
from ..syntax import shorten
from ..terms import Term, tensor
from ..typed import Typed
from ..wiring import trace
from .architecture import Architecture
from .losses import Task, along, apart
from .schema import Path


def adversarial_tasks(
    architecture: Architecture,
    path: Path | str,
    critic: Term,
    *,
    loss: Loss = binary_cross_entropy,
    labels: tuple[float, float] | None = None,
    weight: float = 1.0,
    name: str | None = None,
) -> tuple[Task, Task]:
    """The two tasks of a path f: A -> B and a critic of B: to tell f(a) from b, and to fool the critic.

    `critic` goes from the space of B to one array of reals; its parameters stand under `name`, "critic of B" unless
    given, and are shared by all tasks of that name. `labels` are those of what is made and of data: (-1, 1) for the
    dot product and the hinge, (0, 1) for other losses; `binary_cross_entropy` of logits makes the game of Goodfellow et
    al., `squared` that of least squares.

    Raises SpaceError where the critic does not take B, or gives more or less than one array of reals.
    """
    path = architecture.schema.path(path)
    image = architecture(path)
    name = name or f"critic of {path.cod}"
    judge = _judge(path, image.cod, critic)
    if not isinstance(loss, Loss):
        raise LensError(explain(f"adversarial_tasks: loss={shown(loss)}", expected="a loss, e.g. binary_cross_entropy"))
    fake, real = labels if labels is not None else ((-1.0, 1.0) if loss in SIGNS else (0.0, 1.0))
    still = tensor(*[scale_gradient(0.0)] * len(image.cod))
    n = len(image.dom)

    def against(wire: Any, label: float) -> Any:
        same = constant(np.full(judge.cod[0].sizes, label), judge.cod)
        return apart(loss, judge.cod, judge.cod)(wire, same())

    def told(*wires: Any) -> Any:
        made = along(still, along(image.term, wires[:n]))
        of_made, of_data = (tied(name, judge.term)(*xs) for xs in (made, wires[n:]))
        return -(against(of_made, fake) + against(of_data, real))

    def fooled(*wires: Any) -> Any:
        return against(tied(name, frozen(judge))(*along(image.term, wires)), real)

    ends = (path.dom, image.dom), (path.cod, image.cod)
    return (
        Task(f"{name} along {path}", ends, trace(told, n + len(image.cod)), weight, critic=name),
        Task(f"{path} before the {name}", ends[:1], trace(fooled, n), weight),
    )


def _judge(path: Path, space: Space, critic: Any) -> Typed:
    facts = {"of": path.cod, "expected": f"a term from {space!r} to one array of reals"}
    if not isinstance(critic, Term):
        raise LensError(explain(f"adversarial_tasks: the critic is {shown(critic)}", **facts))
    try:
        judge = Typed(critic, space)
    except LensError as error:
        raise SpaceError(explain(f"the critic {shorten(critic, 60)} does not fit", **facts, came=error)) from None
    if len(judge.cod) != 1 or not judge.cod[0].real or judge.circuit.states:
        came = "a term with states" if judge.circuit.states else f"a term to {judge.cod!r}"
        raise SpaceError(explain(f"the critic {shorten(critic, 60)} does not judge", **facts, came=came))
    return judge
