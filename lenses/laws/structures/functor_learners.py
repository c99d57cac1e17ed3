"""Learning a functor out of a schema: descent on task losses and on how far the path equations are from holding.

    loss = sum of weight * task + gamma * sum over equations l = r: A -> B of E_a |F(l)(a) - F(r)(a)|

What the equations add is 0 exactly when they hold on the data. For two arrows that are to be inverse to each other
it is the cycle consistency of CycleGAN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...compile import compile
from ...learner.optimisers import SGD
from ...schemas.architecture import Architecture
from ...schemas.learner import SchemaLearner
from ...schemas.losses import Losses, Task, violation
from ...schemas.schema import Path, PathEquation
from ...spaces import Space
from ...trees import only
from ...typed import Typed
from ..law import law, structure
from ..programs import Agree, Inspect
from ..purity import leaf_cells
from .schemas import BATCH, SOURCE, Generator, Tree, along, as_wires, draw_data, wide

FUNCTOR_LEARNER = structure(
    "functor learner", "descent on task losses and on the path equations of a schema", subject=lambda: SchemaLearner
)


class Trial:
    """A learner of an architecture in double precision, with the loss written by hand."""

    def __init__(self, fit: SchemaLearner):
        given = fit.losses
        F = wide(given.architecture)
        wider = F is not given.architecture and not given.tasks
        self.losses = self._remade(given, F) if wider else given
        self.F = self.losses.architecture
        self.fit = type(fit)(self.losses, SGD(1.0), SGD(1.0))

    @staticmethod
    def _remade(given: Losses, F: Architecture) -> Losses:
        return type(given)(F, (), given.gamma, given.distance, given.equations)

    @property
    def keyed(self) -> bool:
        """Whether a step draws random numbers."""
        return self.losses.term.circuit.keyed

    def draw(self, rng: Generator) -> tuple[Tree, Any]:
        """All parameters of the losses, and data by name."""
        like = jax.eval_shape(compile(self.losses.term).init, jax.random.key(0))
        params = jax.tree.map(lambda p: (rng.normal(size=p.shape) * 0.7).astype(p.dtype), like)
        data = {name: draw_data(space, rng) for name, space in self.losses.sources.items()}
        return params, {name: arrays[0] if len(arrays) == 1 else tuple(arrays) for name, arrays in data.items()}

    def sides(self, params: Tree, data: Any) -> Iterator[tuple[PathEquation, tuple[Any, ...], tuple[Any, ...]]]:
        """Each equation with what its sides make of the data, arrow by arrow."""
        for equation in self.losses.equations:
            left, right = (along(self.F, params, p.arrows, data[p.dom]) for p in (equation.left, equation.right))
            yield equation, left, right

    def distances(self, params: Tree, data: Any) -> list[Any]:
        """How far the sides of each equation are apart, an example an entry."""
        meaning = self.losses.distance.meaning.real
        assert meaning is not None
        return [
            sum(meaning(y.reshape(BATCH, -1), z.reshape(BATCH, -1)) for y, z in zip(left, right, strict=True))
            for _, left, right in self.sides(params, data)
        ]

    def task(self, task: Task, params: Tree, data: Any, run: Callable[..., Any]) -> Any:
        """What `run` makes of a task's compiled term, its parameters and its data."""
        term = compile(Typed(task.term, Space(a for _, space in task.sources for a in space)))
        xs = [x for name, _ in task.sources for x in as_wires(data[name])]
        return run(term, only(params, term.params), xs)

    def by_hand(self, params: Tree, data: Any, tasks: bool = True) -> Any:
        """The sum of the tasks' weighted losses, and gamma times that of the equations' distances."""
        total = self.losses.gamma * sum(d.mean() for d in self.distances(params, data))
        for task in self.losses.tasks if tasks else ():
            mean = self.task(task, params, data, lambda term, own, xs: term(own, *xs).mean())
            total = total + task.weight * mean
        return total

    def gradient(self, params: Tree, data: Any) -> Tree:
        """By `jax.grad` where terms have derivatives; tasks whose lenses stop changes are asked for their own."""
        found = jax.grad(lambda p: self.by_hand(p, data, False) + 0.0 * sum(map(jnp.sum, jax.tree.leaves(p))))(params)
        for task in self.losses.tasks:

            def pulled(term: Any, own: Tree, xs: Any, weight: float = task.weight) -> Tree:
                if all(cell.box.derives for cell in leaf_cells(term.circuit)):
                    return jax.grad(lambda p: weight * term(p, *xs).mean())(own)
                loss, pullback = term.vjp(own, *xs)
                return pullback(jnp.full_like(loss, weight / BATCH))[0]

            change = self.task(task, params, data, pulled)
            found |= {name: jax.tree.map(jnp.add, found[name], d) for name, d in change.items()}
        up = self.losses.critics
        return {name: jax.tree.map(jnp.negative, d) if name in up else d for name, d in found.items()}

    def step(self, params: Tree, data: Any) -> tuple[Tree, Any]:
        """The parameters after a step of descent with rate 1, and the loss of the step."""
        state, loss = self.fit.step(self.fit.start(params), data)
        return state.params, loss


def trial(fit: SchemaLearner) -> Trial | str:
    """The trial of a learner, or why there is none."""
    here = Trial(fit)
    return "it draws random numbers" if here.keyed else here


@law(FUNCTOR_LEARNER, "loss", "the loss is the sum of the weighted tasks and gamma times the sum over equations of "
     "the mean distance of their sides", SOURCE + ".6", 30, needs="functor learner")  # fmt: skip
def composite_loss(fit: SchemaLearner) -> Agree | str:
    here = trial(fit)
    return here if isinstance(here, str) else Agree(lambda *a: here.step(*a)[1], here.by_hand, here.draw)


@law(FUNCTOR_LEARNER, "step", "a step descends along the gradient of the loss, summed over all occurrences of "
     "each arrow", SOURCE + ".6", 30, needs="functor learner")  # fmt: skip
def composite_step(fit: SchemaLearner) -> Agree | str:
    here = trial(fit)
    if isinstance(here, str):
        return here

    def by_jax(params: Tree, data: Any) -> Tree:
        return jax.tree.map(jnp.subtract, params, here.gradient(params, data))

    return Agree(lambda *a: here.step(*a)[0], by_jax, here.draw)


@law(FUNCTOR_LEARNER, "zero where paths agree", "the distance of a path from itself is 0 on all data", SOURCE + ".6",
     30, needs="functor learner")  # fmt: skip
def zero_where_paths_agree(fit: SchemaLearner) -> list[Agree] | str:
    here = trial(fit)
    if isinstance(here, str):
        return here
    paths = dict.fromkeys(p for e in here.losses.equations for p in (e.left, e.right))

    def claim(path: Path) -> Agree:
        net = compile(violation(here.F, PathEquation(path, path), here.losses.distance))

        def found(params: Tree, data: Any) -> Any:
            return net(only(params, net.params), *as_wires(data[path.dom]))

        def nothing(params: Tree, data: Any) -> Any:
            return jnp.zeros(BATCH, net.cod[0].dtype)

        return Agree(found, nothing, here.draw)

    return [claim(path) for path in paths] or "the schema has no equations"


@law(FUNCTOR_LEARNER, "zero only where equations hold", "the loss of the equations is 0 exactly when both sides of "
     "each are equal on the data", SOURCE + ".6", 30, needs="functor learner")  # fmt: skip
def zero_only_where_equations_hold(fit: SchemaLearner) -> Inspect | str:
    here = trial(fit)
    if isinstance(here, str):
        return here
    if not here.losses.equations:
        return "the schema has no equations"

    def finds(rng: Generator) -> str | None:
        params, data = here.draw(rng)
        vector = np.asarray(compile(here.losses.term)(params, *here.losses.arrays(data)))
        first = len(here.losses.tasks)
        for i, (equation, left, right) in enumerate(here.sides(params, data), first):
            sizes = [float(np.max(np.abs(np.asarray(x)), initial=1.0)) for x in (*left, *right)]
            noise = max(sizes) * 1e3 * float(jnp.finfo(left[0].dtype).eps)
            gap: Any = sum(np.abs(y - z).reshape(BATCH, -1).sum(-1) for y, z in zip(left, right, strict=True))
            for loss, differ in zip(vector[:, i], gap > noise, strict=True):
                if not (loss > 0 if differ else loss <= noise):
                    return f"{equation} has the loss {loss:.3g} where its sides {'differ' if differ else 'agree'}"
        return None

    return Inspect(finds)


@law(FUNCTOR_LEARNER, "cycle consistency", "where f and g are to be inverse to each other, the loss of their equations "
     "is gamma (E|g(f(a)) - a| + E|f(g(b)) - b|)", "Zhu et al. 2017, section 3.2; Gavranovic 2019, section 4.1", 31,
     needs="functor learner")  # fmt: skip
def cycle_consistency(fit: SchemaLearner) -> list[Agree] | str:
    here = trial(fit)
    if isinstance(here, str):
        return here
    if here.losses.distance.name != "absolute_error":
        return f"its distance is {here.losses.distance!r}"
    pairs = list(inverse(here.losses))
    if not pairs:
        return "no two arrows are to be inverse to each other"

    def claim(one: PathEquation, two: PathEquation) -> Agree:
        losses = type(here.losses)(here.F, (), here.losses.gamma, here.losses.distance, (one, two))
        own = type(here.fit)(losses, SGD(1.0))

        def draw(rng: Generator) -> tuple[Any, ...]:
            params, data = here.draw(rng)
            return only(params, compile(losses.term).params), {name: data[name] for name in losses.sources}

        def consistency(params: Tree, data: Any) -> Any:
            total: Any = 0.0
            for equation in (one, two):
                xs = as_wires(data[equation.left.dom])
                back = along(here.F, params, equation.left.arrows, xs)
                total = total + sum(jnp.abs(y - x).sum() / BATCH for x, y in zip(xs, back, strict=True))
            return losses.gamma * total

        return Agree(lambda params, data: own.step(own.start(params), data)[1], consistency, draw)

    return [claim(*pair) for pair in pairs]


def inverse(losses: Losses) -> Iterator[tuple[PathEquation, PathEquation]]:
    """The pairs of equations f; g = id and g; f = id."""
    round_trips = [e for e in losses.equations if len(e.left) == 2 and not len(e.right)]
    for i, one in enumerate(round_trips):
        for two in round_trips[i + 1 :]:
            if one.left.arrows == two.left.arrows[::-1]:
                yield one, two
