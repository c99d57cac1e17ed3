"""The transposed derivative of a causal map, which runs backwards in time, and other ways to compute it.

Backpropagation through time is the lens of the scan that runs a sequence. Real-time recurrent learning carries
the causal derivative along all parameters forward instead; windows of steps cut the messages between them.
At fixed parameters, and where the window is the sequence, all give one gradient.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...causal import Causal
from ...compile import compile
from ...interpret import Env, Side, evaluate
from ...rules.real_time import real_time
from ...rules.rule import Rule, backprop
from ...rules.truncated import truncated
from ...spaces import Space
from ...trees import leaves, map_tree, whole
from ...typed import Typed
from ..law import law
from ..points import array_values
from ..programs import Agree
from ..sequences import plain, steps_for, wide
from .differential import DIFFERENTIAL, SOURCE


def scanned(subject: Causal | str) -> str | None:
    """Why a subject is not run as one scan over real numbers; None where it is."""
    if isinstance(subject, str):
        return subject
    if subject.first or not subject.arity[0]:
        return "it has first steps that differ, or no inputs, and a scan takes one step again and again"
    if any(not a.real for a in (*subject.domain("laws"), *subject.cod, *subject.state)):
        return "JAX differentiates real numbers alone"
    return None


def sequence(subject: Causal) -> Space:
    """The inputs of all steps, along a first axis."""
    n = steps_for(subject)
    return Space(a.replace(0, (n, *a.sizes)) for a in subject.domain("laws"))


def drawn_arrays(space: Space, rng: np.random.Generator) -> list[Any]:
    """Normal numbers of a space."""
    return [array_values(a, "normal", rng) for a in space]


def changes(subject: Causal, rng: np.random.Generator) -> list[Any]:
    """Changes of the outputs of all steps."""
    n = steps_for(subject)
    return drawn_arrays(Space(a.replace(0, (n, *a.sizes)) for a in subject.cod), rng)


@law(DIFFERENTIAL, "backpropagation through time", "the lens of f along an axis is the vjp of its steps in `lax.scan`",
     SOURCE + "; Werbos 1990", 35, needs="causal map")  # fmt: skip
def through_time(f: Causal) -> Agree | str:
    subject = plain(f)
    reason = scanned(subject)
    if reason is not None or isinstance(subject, str):
        return str(reason)
    net, step, width = compile(subject.along(0), sequence(subject)), subject.typed_step(0), subject.width_at(0)
    initial = Typed(subject.initial, Space())

    def run(circuit: Any, xs: Any) -> Any:
        return evaluate(circuit, Side(), xs, Env(backprop))[0]

    def by_hand(*xs: Any) -> Any:
        def one(state: Any, xs: Any) -> Any:
            found = run(step.circuit, [*state, *xs])
            return found[:width], found[width:]

        state = [jnp.asarray(s) for s in run(initial.circuit, [])]
        return jax.lax.scan(one, state, xs)[1]

    def left(xs: Any, dys: Any) -> Any:
        y, pullback = net.vjp({}, *xs)
        back = pullback(*dys)[1]
        return (y if isinstance(y, tuple) else (y,)), (back if isinstance(back, tuple) else (back,))

    def right(xs: Any, dys: Any) -> Any:
        ys, pullback = jax.vjp(by_hand, *xs)
        return tuple(ys), pullback(list(dys))

    return Agree(left, right, lambda rng: (drawn_arrays(sequence(subject), rng), changes(subject, rng)))


def other_way(f: Causal, rule: Rule) -> Agree | str:
    """The claim that a rule gives the gradient of backpropagation through time."""
    subject = wide(f)
    reason = scanned(subject)
    if reason is not None or isinstance(subject, str):
        return str(reason)
    if not subject.width_at(0):
        return "it has no state, so nothing goes through time"
    nets = [compile(subject.along(0), sequence(subject), rule=each) for each in (rule, backprop)]
    if not list(leaves(nets[0].params)):
        return "it has no parameters"

    def gradient(net: Any) -> Any:
        return lambda params, xs, dys: net.vjp(params, *xs)[1](*dys)

    def draw(rng: np.random.Generator) -> tuple[Any, ...]:
        params = map_tree(lambda port: array_values(port.array, "normal", rng), whole(nets[0].circuit))
        return params, drawn_arrays(sequence(subject), rng), changes(subject, rng)

    return Agree(gradient(nets[0]), gradient(nets[1]), draw)


@law(DIFFERENTIAL, "real-time recurrent learning", "D[f] along all parameters, forward in time, has the same gradient",
     "Williams and Zipser 1989", 35, needs="causal map")  # fmt: skip
def in_real_time(f: Causal) -> Agree | str:
    return other_way(f, real_time())


@law(DIFFERENTIAL, "windows", "truncated at the length of the sequence the gradient is the same",
     "Williams and Peng 1990", 35, needs="causal map")  # fmt: skip
def windows(f: Causal) -> Agree | str:
    return other_way(f, truncated(steps_for(f)))
