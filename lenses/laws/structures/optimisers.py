"""An optimiser is a lens (S * P, S * P) -> (P, P'): get says where the model is run, put takes a change to what is new.

For all but Nesterov's momentum get is the parameters; his is the point ahead, p - rate gamma s. What
put does is fixed by the papers of each method, and held here against optax over a thousand steps of
learning. The forms misprinted in 2021 stand below as laws that must fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ...circuits.learning.ascent import Ascent
from ...interpret import Env, Side, backward, forward
from ...learner.modifiers import Ascending, Clipped, Every, Modified
from ...learner.optimisers import SGD, Adagrad, Adam, Momentum, Nesterov, Optax, Optimiser, Rated, RMSProp
from ...rules.rule import backprop
from ...typed import elaborate
from ..compare import Difference, Verdict
from ..law import Expected, law, structure
from ..programs import Agree, Inspect, moved, same_trees, traced

OPTIMISER = structure("optimiser", "a lens (S * P, S * P) -> (P, P'): get looks, put moves", subject=lambda: Optimiser)
SOURCE = "Cruttwell et al. 2021, section 3.4"
STEPS = 1000
DIGITS = 1e-12
"""How far two trajectories may be apart, relative to the parameters."""
SHAPES = {"bias": (2,), "weight": (3, 2)}
"""The parameters that optimisers are tried on."""
Generator = np.random.Generator
Tree = Any


def like_parameters(rng: Generator, size: float = 1.0) -> Tree:
    """A tree of the shapes of the parameters, of normal numbers."""
    return {name: rng.normal(size=shape) * size for name, shape in SHAPES.items()}


@lru_cache(maxsize=64)
def _third_state(optimiser: Optimiser, tree: Any, kinds: tuple[Any, ...]) -> Any:
    """The state after three steps, as a program of the parameters and the changes; and the tree of what it gives."""

    def program(params: Tree, changes: list[Tree]) -> Any:
        state = optimiser.init(params)
        for g in changes:
            state, params = optimiser.put(state, params, g)
        return state

    params = jax.tree.unflatten(tree, [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in kinds])
    given = params, [params] * 3
    return traced(program, *given), jax.tree.structure(jax.eval_shape(program, *given))


def some_state(optimiser: Optimiser, params: Tree, rng: Generator) -> Any:
    """A state after three steps, so that it is not 0 anywhere."""
    leaves, tree = jax.tree.flatten(params)
    program, made = _third_state(optimiser, tree, tuple((x.shape, x.dtype) for x in leaves))
    changes = [jax.tree.map(lambda x: rng.normal(size=x.shape).astype(x.dtype), params) for _ in range(3)]
    return jax.tree.unflatten(made, program(params, changes))


def drawn_state(optimiser: Optimiser) -> Callable[[Generator], tuple[Any, Tree, Tree]]:
    """Draws a state, parameters and changes."""

    def draw(rng: Generator) -> tuple[Any, Tree, Tree]:
        params = like_parameters(rng)
        return some_state(optimiser, params, rng), params, like_parameters(rng)

    return draw


def own_rate(optimiser: Optimiser) -> bool:
    """Whether the optimiser has a rate of its own."""
    return isinstance(optimiser, Rated)


def innermost(optimiser: Optimiser) -> Optimiser:
    """The optimiser that others are made of."""
    while isinstance(optimiser, Modified):
        optimiser = optimiser.optimiser
    return optimiser


def slow(steps: Any) -> Any:
    """The schedule that laws are tried with."""
    return 0.05 / (1.0 + 0.01 * steps)


# -- get and put -----------------------------------------------------------------------------


@law(OPTIMISER, "get", "get(s, p) = p, for all but Nesterov's momentum", SOURCE, 15, needs="optimiser")
def get(optimiser: Optimiser) -> Expected | str:
    inner = innermost(optimiser)
    if isinstance(inner, Nesterov) and inner.gamma == 0:
        return "without momentum there is nothing ahead"
    claim = Agree(lambda s, p, g: optimiser.look(s, p), lambda s, p, g: p, drawn_state(optimiser))
    return Expected(claim, not isinstance(inner, Nesterov))


@law(OPTIMISER, "look-ahead", "get(s, p) = p - rate gamma s, for Nesterov's momentum", SOURCE, 15, needs="optimiser")
def look_ahead(optimiser: Optimiser) -> Agree | str:
    if not isinstance(optimiser, Nesterov):
        return "only Nesterov's momentum looks ahead"
    gamma = optimiser.gamma

    def right(s: Any, p: Tree, g: Tree) -> Tree:
        rate = optimiser.rate(s["count"]) if callable(optimiser.rate) else optimiser.rate
        return jax.tree.map(lambda p, v: p - rate * gamma * v, p, s["velocity"])

    return Agree(lambda s, p, g: optimiser.look(s, p), right, drawn_state(optimiser))


@law(OPTIMISER, "kinds", "put keeps structure, shapes and dtypes of S and P, and get those of P: steps can be scanned",
     SOURCE, 15, needs="optimiser")  # fmt: skip
def kinds(optimiser: Optimiser) -> Inspect:
    def finds(rng: Generator) -> str | None:
        for dtype in ("float64", "float32", "bfloat16", "float16"):
            params = {name: jax.ShapeDtypeStruct(shape, dtype) for name, shape in SHAPES.items()}
            state = jax.eval_shape(optimiser.init, params)
            after = jax.eval_shape(optimiser.put, state, params, params)
            seen = jax.eval_shape(optimiser.look, state, params)
            wrong = same_trees((state, params), after) or same_trees(params, seen)
            if wrong:
                return f"for parameters of {dtype}, {wrong}"
        return None

    return Inspect(finds)


@law(OPTIMISER, "purity", "put is a function: it changes nothing it is given, and remembers nothing", SOURCE, 15,
     needs="optimiser")  # fmt: skip
def purity(optimiser: Optimiser) -> Inspect:
    def finds(rng: Generator) -> str | None:
        state, params, changes = drawn_state(optimiser)(rng)
        given = state, params, changes
        before, tree = jax.tree.leaves(given), jax.tree.structure(given)
        copies = [np.array(x) for x in before]
        programs = [jax.make_jaxpr(optimiser.put)(*given) for _ in range(2)]
        values = [jax.tree.leaves(optimiser.put(*given)) for _ in range(2)]
        after = jax.tree.leaves(given)
        if jax.tree.structure(given) != tree or any(x is not y for x, y in zip(after, before, strict=True)):
            return "it changes the trees that it is given"
        if any(not np.array_equal(x, y, equal_nan=True) for x, y in zip(before, copies, strict=True)):
            return "it changes the arrays that it is given"
        if str(programs[0]) != str(programs[1]) or programs[0].effects:
            return "it is another program each time, or has effects"
        if any(not np.array_equal(x, y, equal_nan=True) for x, y in zip(*values, strict=True)):
            return "it gives something else each time"
        return None

    return Inspect(finds)


@law(OPTIMISER, "update", "the box of an optimiser is its lens: forward it looks, backward it puts", SOURCE, 15,
     needs="optimiser")  # fmt: skip
def update(optimiser: Optimiser) -> Agree:
    def left(state: Any, params: Tree, changes: Tree) -> Any:
        box = optimiser.lens(params)
        circuit = elaborate(box, box.state.space @ box.params.space, backprop.ports)
        env, side = Env(backprop), Side()
        ys, _, tape = forward(circuit, side, [*jax.tree.leaves(state), *jax.tree.leaves(params)], env)
        return ys, backward(circuit, side, tape, jax.tree.leaves(changes), env)[1]

    def right(state: Any, params: Tree, changes: Tree) -> Any:
        seen, new = optimiser.look(state, params), optimiser.put(state, params, changes)
        return jax.tree.leaves(seen), jax.tree.leaves(new)

    return Agree(left, right, drawn_state(optimiser))


@law(OPTIMISER, "count of steps", "Adam's state, and that of every schedule, has the number of steps: k -> k + 1",
     "Kingma and Ba 2015, Algorithm 1; " + SOURCE, 15, needs="optimiser")  # fmt: skip
def count(optimiser: Optimiser) -> Inspect | str:
    if not (isinstance(optimiser, Adam) or (isinstance(optimiser, Rated) and callable(optimiser.rate))):
        return "nothing in it depends on the number of steps"

    def finds(rng: Generator) -> str | None:
        params = jax.tree.map(jnp.asarray, like_parameters(rng))
        state = optimiser.init(params)
        for k in range(3):
            if not isinstance(state, dict) or "count" not in state:
                return f"its state after {k} steps has no count"
            if int(state["count"]) != k:
                return f"its count after {k} steps is {int(state['count'])}"
            state, _ = optimiser.put(state, params, params)
        return None

    return Inspect(finds)


@law(OPTIMISER, "rate 0", "with rate 0 put leaves the parameters alone", SOURCE, 15, needs="optimiser")
def zero_rate(optimiser: Optimiser) -> Agree | str:
    if not own_rate(optimiser):
        return "its rate is inside"
    still = replace(optimiser, rate=0.0)
    return Agree(lambda s, p, g: still.put(s, p, g)[1], lambda s, p, g: p, drawn_state(still))


# -- products --------------------------------------------------------------------------------

WHOLE = (
    "add_noise",
    "apply_if_finite",
    "clip_by_global_norm",
    "conditionally_mask",
    "conditionally_transform",
    "normalize_by_update_norm",
    "scale_by_backtracking_linesearch",
    "scale_by_distance_over_gradients",
    "scale_by_lbfgs",
    "scale_by_polyak",
    "scale_by_zoom_linesearch",
)
"""Parts of optax that look at all parameters together."""


def parts_of(part: Any, seen: set[int] | None = None) -> Iterator[str]:
    """The names of the functions of optax that a transformation was made by."""
    seen = set() if seen is None else seen
    if id(part) in seen:
        return
    seen.add(id(part))
    if isinstance(part, tuple | list):
        for inner in part:
            yield from parts_of(inner, seen)
    elif callable(part):
        yield getattr(part, "__qualname__", "").split(".")[0]
        yield from parts_of(getattr(part, "__wrapped__", None), seen)
        for cell in getattr(part, "__closure__", None) or ():
            try:
                yield from parts_of(cell.cell_contents, seen)
            except ValueError:  # a cell that is not filled yet
                continue


def leafwise(optimiser: Optimiser) -> bool:
    """Whether what happens to a parameter is said to depend on that parameter alone."""
    inner = innermost(optimiser)
    return not isinstance(inner, Optax) or not any(name in WHOLE for name in parts_of(inner.transformation))


@law(OPTIMISER, "product", "the optimiser of P * Q is that of P beside that of Q; fails where a norm of all is taken",
     SOURCE, 15, needs="optimiser")  # fmt: skip
def product(optimiser: Optimiser) -> Expected:
    def steps(params: Tree, changes: list[Tree]) -> Tree:
        state = optimiser.init(params)
        seen = []
        for g in changes:
            state, params = optimiser.put(state, params, g)
            seen.append((optimiser.look(state, params), params))
        return seen

    def left(params: list[Tree], changes: list[list[Tree]]) -> Tree:
        together = steps({"p": params[0], "q": params[1]}, [{"p": g, "q": h} for g, h in zip(*changes, strict=True)])
        return [[jax.tree.map(lambda t, side=side: t[side], pair, is_leaf=lambda t: isinstance(t, dict) and "p" in t)
                 for pair in together] for side in ("p", "q")]  # fmt: skip

    def right(params: list[Tree], changes: list[list[Tree]]) -> Tree:
        return [steps(p, g) for p, g in zip(params, changes, strict=True)]

    def draw(size: float) -> Callable[[Generator], tuple[Any, Any]]:
        def one(rng: Generator) -> tuple[Any, Any]:
            return [like_parameters(rng) for _ in "pq"], [[like_parameters(rng, size) for _ in range(3)] for _ in "pq"]

        return one

    # Clipping shows at large changes alone, and elsewhere something else may show at small ones alone.
    claims = [Agree(left, right, draw(size)) for size in (1.0, 1e4, 1e-3)]
    return Expected(claims, leafwise(optimiser))


# -- trajectories ----------------------------------------------------------------------------


class Way(NamedTuple):
    """A way to learn: the state's start, where the model is run, and the step."""

    start: Callable[[Tree], Any]
    look: Callable[[Any, Tree], Tree]
    put: Callable[[Any, Tree, Tree], tuple[Any, Tree]]


@lru_cache(maxsize=128)
def way(optimiser: Optimiser) -> Way:
    """The way of an optimiser."""
    return Way(optimiser.init, optimiser.look, optimiser.put)


def by_optax(transformation: Any) -> Way:
    """The way of an optax transformation, as its own loop would have it."""

    def put(state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        updates, state = transformation.update(changes, state, params)
        return state, optax.apply_updates(params, updates)

    return Way(transformation.init, lambda state, params: params, put)


def by_hand(start: Any, step: Any, look: Any = None) -> Way:
    """A way with a count: step(k, slots, params, changes) -> slots and params, and look(k, slots, params)."""

    def put(state: Any, params: Tree, changes: Tree) -> tuple[Any, Tree]:
        k, slots = state
        slots, params = step(k, slots, params, changes)
        return (k + 1, slots), params

    return Way(
        lambda params: (jnp.zeros((), jnp.int32), start(params)),
        lambda state, params: params if look is None else look(*state, params),
        put,
    )


def replaced(inner: Way, put: Any) -> Way:
    """Another put, and the start and the look of a way."""
    return Way(inner.start, inner.look, put)


def boxed(bound: float, state: Any, params: Tree) -> tuple[Any, Tree]:
    """Parameters brought back into a box, by optax."""
    low, high = (jax.tree.map(lambda p, b=b: jnp.full_like(p, b), params) for b in (-bound, bound))
    return state, optax.projections.projection_box(params, low, high)


def now_and_then(steps: int, inner: Way) -> Way:
    """A way whose last of so many steps alone is taken, by optax's mask of the others."""

    def moves(changes: Tree, state: Any, params: Tree = None) -> tuple[Tree, Any]:
        state, new = inner.put(state, params, changes)
        return jax.tree.map(jnp.subtract, new, params), state

    def acts(step: Any, **_: Any) -> Any:
        return step % steps == steps - 1

    transformation: Any = (inner.start, moves)
    masked = optax.conditionally_mask(optax.GradientTransformation(*transformation), acts)
    way = by_optax(masked)
    return Way(way.start, lambda state, params: inner.look(state.inner_state, params), way.put)


def _zeros(params: Tree) -> Tree:
    return jax.tree.map(jnp.zeros_like, params)


def _rate(optimiser: Any, k: Any) -> Any:
    return optimiser.rate(k) if callable(optimiser.rate) else optimiser.rate


def velocities(optimiser: Any, sign: float = 1.0, ahead: bool = False) -> Way:
    """Momentum by hand: s' = sign gamma s + p', p - rate s'; with `ahead`, run at p - sign rate gamma s."""
    gamma = optimiser.gamma

    def step(k: Any, v: Tree, p: Tree, g: Tree) -> tuple[Tree, Tree]:
        v = jax.tree.map(lambda v, g: sign * gamma * v + g, v, g)
        return v, jax.tree.map(lambda p, v: p - _rate(optimiser, k) * v, p, v)

    def look(k: Any, v: Tree, p: Tree) -> Tree:
        return jax.tree.map(lambda p, v: p - sign * _rate(optimiser, k) * gamma * v, p, v)

    return by_hand(_zeros, step, look if ahead else None)


def _of_optax(make: Callable[[Any], Any]) -> Callable[[Any], Way]:
    return lambda optimiser: by_optax(make(optimiser))


def _nesterov(optimiser: Any) -> Way:
    # optax looks ahead by the rate of the step before, so schedules are written out instead.
    if callable(optimiser.rate):
        return velocities(optimiser, ahead=True)
    return by_optax(optax.sgd(optimiser.rate, momentum=optimiser.gamma, nesterov=True))


COUNTERPARTS: dict[type, Callable[[Any], Way]] = {
    SGD: _of_optax(lambda o: optax.sgd(o.rate)),
    Momentum: _of_optax(lambda o: optax.sgd(o.rate, momentum=o.gamma)),
    Nesterov: _nesterov,
    Adagrad: _of_optax(lambda o: optax.adagrad(o.rate, o.initial, o.epsilon)),
    RMSProp: _of_optax(lambda o: optax.rmsprop(o.rate, o.decay, o.epsilon)),
    Adam: _of_optax(
        lambda o: (
            optax.adamw(o.rate, o.b1, o.b2, o.epsilon, weight_decay=o.decay)
            if o.decay
            else optax.adam(o.rate, o.b1, o.b2, o.epsilon)
        )
    ),
    Ascent: _of_optax(lambda o: optax.chain(optax.scale(-1.0), optax.sgd(o.rate))),
    Optax: _of_optax(lambda o: o.transformation),
}
MODIFIERS: dict[type, Callable[[Any, Way], Way]] = {
    Ascending: lambda o, inner: replaced(inner, lambda s, p, g: inner.put(s, p, optax.tree.scale(-1.0, g))),
    Clipped: lambda o, inner: replaced(inner, lambda s, p, g: boxed(o.bound, *inner.put(s, p, g))),
    Every: lambda o, inner: now_and_then(o.steps, inner),
}
"""By the class of an optimiser, the way that it is held against; one without an entry is reported.

`MODIFIERS` has what makes an optimiser of another, and of the way of that one.
"""


@lru_cache(maxsize=128)
def counterpart(optimiser: Optimiser) -> Way | str:
    """What the trajectory of an optimiser is held against, by its nearest class; or why there is nothing."""
    for kind in type(optimiser).__mro__:
        if kind in COUNTERPARTS:
            return COUNTERPARTS[kind](optimiser)
        if kind in MODIFIERS:
            inner = counterpart(optimiser.optimiser)  # type: ignore[attr-defined]
            return inner if isinstance(inner, str) else MODIFIERS[kind](optimiser, inner)
    return f"nothing to hold {optimiser!r} against: add it to COUNTERPARTS in lenses/laws/structures/optimisers.py"


def _loss(params: Tree, x: Any, y: Any) -> Any:
    """Bounded in its slope, so that no rate makes it overflow."""
    return jnp.log(jnp.cosh(x @ params["weight"] - y)).sum(-1).mean()


@lru_cache(maxsize=256)
def _program(*rules: Way) -> Any:
    def trajectory(rule: Way, params: Tree, xs: Any, ys: Any) -> tuple[Tree, Tree]:
        def step(carry: Any, i: Any) -> Any:
            state, params = carry
            seen = rule.look(state, params)
            changes = jax.grad(_loss)(seen, xs[i % len(xs)], ys[i % len(ys)])
            return rule.put(state, params, changes), (seen, params)

        return jax.lax.scan(step, (rule.start(params), params), jnp.arange(STEPS))[1]

    def trajectories(params: Tree, xs: Any, ys: Any) -> list[tuple[Tree, Tree]]:
        return [trajectory(rule, params, xs, ys) for rule in rules]

    return jax.jit(jax.vmap(trajectories, (0, None, None)))


@dataclass(frozen=True)
class Trajectories:
    """The claim that two ways of learning go through the same points.

    Compared is where the model is run, or for a side of which `own` is true, the parameters themselves.
    """

    left: Way
    right: Way
    own: tuple[bool, bool] = (False, False)

    def verdict(self, seed: int = 0) -> Verdict:
        """Compares every step; a second start, a unit in the last place away, says what rounding does to the left."""
        rng = np.random.default_rng(seed)
        params = {"weight": like_parameters(rng)["weight"]}  # one array: the program is as small as can be
        xs, ys = rng.normal(size=(10, 8, 3)) * 0.7, rng.normal(size=(10, 8, 2))
        starts = jax.tree.map(lambda a, b: np.stack([a, b]), params, moved(params, 2.0**-52, rng))
        found = _program(self.left, self.right)(starts, xs, ys)
        points = [jax.tree.leaves(both[own]) for both, own in zip(found, self.own, strict=True)]
        left, right = (np.concatenate([np.asarray(v).reshape(2, STEPS, -1) for v in p], -1) for p in points)
        size = np.maximum(np.abs(left[0]).max(-1), 1.0)
        with np.errstate(all="ignore"):
            apart, spread = np.abs(left[0] - right[0]).max(-1) / size, np.abs(left[0] - left[1]).max(-1) / size
        clear = np.isfinite(apart) & (np.maximum.accumulate(spread) <= DIGITS / 4)
        wrong = np.flatnonzero(clear & (apart > DIGITS))
        if len(wrong):
            k = int(wrong[0])
            shown = Difference(0, left[0, k], right[0, k], DIGITS * float(size[k]), list(jax.tree.leaves(params)))
            return Verdict("fails", f"the trajectories part at step {k}", STEPS, shown)
        steps = int(clear.sum())
        if steps < STEPS // 10:
            return Verdict("nothing", f"after {steps} steps rounding grows too much", STEPS)
        return Verdict("holds", f"on {steps}", steps)


@law(OPTIMISER, "trajectory", "1000 steps go where optax's go, to 1e-12; Nesterov's at the point ahead",
     "theory of each method; optax as the outside oracle", 15, needs="optimiser")  # fmt: skip
def trajectory(optimiser: Optimiser) -> Trajectories | str:
    other = counterpart(optimiser)
    return other if isinstance(other, str) else Trajectories(way(optimiser), other)


@law(OPTIMISER, "trajectory with a schedule", "the same under a schedule; Nesterov's by the rate of the step itself",
     "optax as the outside oracle", 15, needs="optimiser")  # fmt: skip
def scheduled(optimiser: Optimiser) -> Trajectories | str:
    if not own_rate(optimiser):
        return "its rate is inside"
    return trajectory.build(replace(optimiser, rate=slow))


@law(OPTIMISER, "no momentum", "with gamma = 0 momentum is gradient descent", SOURCE, 15, needs="optimiser")
def no_momentum(optimiser: Optimiser) -> Trajectories | str:
    if not isinstance(optimiser, Momentum):
        return "it speaks of momentum"
    plain = counterpart(SGD(optimiser.rate))
    return plain if isinstance(plain, str) else Trajectories(way(replace(optimiser, gamma=0.0)), plain)


# -- as printed ------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _wrong_velocities(optimiser: Any) -> Way:
    return velocities(optimiser, -1.0, isinstance(optimiser, Nesterov))


@law(OPTIMISER, "momentum as printed", "s' = -gamma s + p'", SOURCE + ", as printed; the sign is +", 15, holds=False,
     needs="optimiser")  # fmt: skip
def momentum_as_printed(optimiser: Optimiser) -> Trajectories | str:
    if not isinstance(optimiser, Momentum) or optimiser.gamma == 0:
        return "it speaks of momentum"
    return Trajectories(way(optimiser), _wrong_velocities(optimiser))


@law(OPTIMISER, "Nesterov at the parameters", "the parameters themselves are those of optax's Nesterov momentum",
     "optax; they are the points ahead", 15, holds=False, needs="optimiser")  # fmt: skip
def nesterov_at_parameters(optimiser: Optimiser) -> Trajectories | str:
    if not isinstance(optimiser, Nesterov) or optimiser.gamma == 0:
        return "it speaks of Nesterov's momentum"
    other = counterpart(optimiser)
    return other if isinstance(other, str) else Trajectories(way(optimiser), other, (True, False))


@lru_cache(maxsize=64)
def _uncounted(optimiser: Any) -> Way:
    def step(k: Any, slots: Any, p: Tree, g: Tree) -> Any:
        m, v = slots
        m = jax.tree.map(lambda m, g: optimiser.b1 * m + (1 - optimiser.b1) * g, m, g)
        v = jax.tree.map(lambda v, g: optimiser.b2 * v + (1 - optimiser.b2) * g * g, v, g)
        move = lambda p, m, v: p - _rate(optimiser, k) * (m / (jnp.sqrt(v) + optimiser.epsilon) + optimiser.decay * p)  # noqa: E731
        return (m, v), jax.tree.map(move, p, m, v)

    return by_hand(lambda params: (_zeros(params), _zeros(params)), step)


@law(OPTIMISER, "Adam as printed", "p - rate m / (sqrt(v) + epsilon): no state has the number of steps",
     SOURCE + ", as printed; both means are to be divided by 1 - beta^k", 15, holds=False,
     needs="optimiser")  # fmt: skip
def adam_as_printed(optimiser: Optimiser) -> Trajectories | str:
    if not isinstance(optimiser, Adam):
        return "it speaks of Adam"
    return Trajectories(way(optimiser), _uncounted(optimiser))
