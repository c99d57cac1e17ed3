"""One definition of a learner, over the reals and over the ring of two elements (Cruttwell et al. 2021, sections 3, 4).

A model that is a polynomial, an array of parameters and inputs, means something over both. Its learner by ascent is
written once: optimiser, model, loss and rate are composed to the unit, whatever the numbers are, and put is

    theta' = theta + the part on P of R[f](theta, x, f(theta, x) - y),

where over the ring - is +, so that it is reverse derivative ascent (Wilson and Zanasi 2021).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ...circuits.learning import ascent, xor_error
from ...errors import LensError
from ...interpret import Env, Side, evaluate
from ...learner.learner import Dreamer, Learner
from ...learner.losses import Loss, squared
from ...learner.rates import Rate
from ...reverse import reverse
from ...rules.rule import backprop
from ...spaces import Array, Bits, Element, Real
from ...trees import leaves, whole
from ...typed import Circuit, Misfit, Typed
from ..law import law
from ..programs import Agree, Inspect
from ..rewrite import rewrite
from .learners import LEARNER, Case

SOURCE = "Cruttwell et al. 2021, sections 3 and 4"
REALS, BITS = Real(dtype="float64")[0].element, Bits()[0].element


def over(model: Typed, element: Element) -> Typed:
    """The model with all arrays over another base; raises LensError where a box has no meaning there."""
    return rewrite(model, lambda a: a if a.change is None else Array(a.sizes, a.names, element))


def definition(kind: type[Learner], model: Typed, loss: Loss) -> Learner:
    """The learner of a model by ascent, at any base."""
    return kind(model, loss, ascent(), Rate(), backprop)


@lru_cache(maxsize=16)
def at_both(fit: Any) -> tuple[Case, Case] | str:
    """The learner over the reals and over bits; or why the model has no meaning at one of them."""
    if isinstance(fit, Dreamer):
        return "its parameters are fixed"
    model = fit.model
    if not list(leaves(whole(model.circuit))):
        return "the model has no parameters"
    if model.circuit.states or model.circuit.keyed:
        return "the model has states, or draws random numbers"
    if len(model.cod) != 1 or model.cod[0].rank < 1:
        return "the loss of real numbers takes one array with an axis"
    try:
        real, ring = (definition(type(fit), over(model, e), loss) for e, loss in ((REALS, squared), (BITS, xor_error)))
    except (LensError, Misfit, TypeError, ValueError) as error:
        return f"its model has no meaning at both: {str(error).splitlines()[0]}"
    return Case(real), Case(ring)


def shape_of(circuit: Circuit) -> list[tuple[Any, ...]]:
    """A term as boxes and wires, but for the base of its numbers and the loss that goes with it."""
    return [
        (
            Loss if isinstance(cell.box, Loss) else type(cell.box),
            cell.ins,
            cell.outs,
            cell.inner and shape_of(cell.inner),
        )
        for cell in circuit.cells
    ]


@law(LEARNER, "same lens at both bases", "over the reals and over bits a learner is the same composite of boxes",
     SOURCE, 17, needs="learner")  # fmt: skip
def same_lens(fit: Any) -> Inspect | str:
    both = at_both(fit)
    if isinstance(both, str):
        return both
    here, there = both

    def finds(rng: Any) -> str | None:
        one, two = shape_of(here.fit.lens.circuit), shape_of(there.fit.lens.circuit)
        if one == two:
            return None
        return f"over the reals the closed lens is {here.fit.lens.term!r}, over bits {there.fit.lens.term!r}"

    return Inspect(finds)


@law(LEARNER, "same step at both bases",
     "at both the step is put of that lens: theta + the part of R[f](theta, x, f(theta, x) - y) on P",
     SOURCE + "; Wilson and Zanasi 2021", 17, needs="learner")  # fmt: skip
def same_step(fit: Any) -> list[Agree] | str:
    both = at_both(fit)
    if isinstance(both, str):
        return both
    return [claim for here in both for claim in _steps(here)]


def _steps(here: Case) -> list[Agree]:
    """At one base: the step is put of the closed lens, and is what the reverse derivative as a term says."""
    model, closed = here.fit.model, here.closed
    exposed = closed.model
    back = reverse(Typed(exposed, exposed.params @ model.dom)).circuit
    ahead = Typed(exposed, exposed.params @ model.dom).circuit
    element = model.cod[0].element

    def written(params: Any, slots: Any, states: Any, xs: Any, y: Any) -> Any:
        values = closed.values(params, [x[0] for x in xs])
        said = evaluate(ahead, Side(), values, Env(backprop))[0][0]
        error = said - y[0] if element == REALS else element.plus(said, y[0])
        sent = evaluate(back, Side(), [*values, error], Env(backprop))[0]
        new = [element.plus(p, d) for p, d in zip(values, sent[: len(exposed.params)], strict=False)]
        return closed.at(new, closed.wires.params)

    def draw(rng: Any) -> tuple[Any, ...]:
        return here.draw(rng, (1,))

    return [
        Agree(here.step, here.put, draw, compiled=True),
        Agree(lambda *a: here.step(*a)[0], written, draw),
    ]
