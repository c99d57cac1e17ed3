"""The derivative of a causal map is again causal, with state (s, ds) started at (i, 0); nothing is unrolled.

T[f]: X * X' -> Y * Y' runs f beside its derivative: the step at time k is the tangent of f's own,
(s, ds, x, dx) to f_k(s, x) and its derivative there along (ds, dx). D[f]: X * X' -> Y' is the part on Y'.
They are derivatives of sequences: unrolled, T[f] is the tangent of f unrolled (Sprunger and Katsumata
2019, the differential operator of St(C)). Hence the chain rule, and symmetry of second derivatives.

The transposed derivative runs backwards in time, so it is not causal: it is backpropagation through
time, the lens of the scan (`along`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ..boxes.lookup import constant
from ..boxes.structure import discard, zero
from ..combinators import expose
from ..errors import LensError, explain
from ..initialisers import init_tree
from ..reverse import tangent as tangent_of_term
from ..spaces import Space, unit
from ..terms import Identity, Term, compose, permute, tensor
from ..trees import whole
from ..typed import Typed, elaborate
from .maps import Causal, shorten_causal


def _regrouped(groups: Sequence[int], order: Sequence[int]) -> Term:
    """The permutation that puts runs of wires of these lengths into another order."""
    starts = [sum(groups[:i]) for i in range(len(groups))]
    return permute(*[starts[g] + i for g in order for i in range(groups[g])])


def tangent(f: Causal) -> Causal:
    """T[f]: X * X' -> Y * Y', causal, its state (s, ds) started at (i, 0). Parameters are held fixed.

    Take ``tangent(exposed(f))`` to move parameters too. Arrays that cannot change (indices) are left out of X'
    and Y'. Raises SpaceError where the type of f is not known, LensError for steps with states or random keys.
    """
    dom = f.domain("tangent")
    states = [state for state, _ in f.spaces]
    states.append(states[-1])
    steps = []
    for time, (state, out) in enumerate(f.spaces):
        inner = tangent_of_term(f.typed_step(time))
        new = states[time + 1]
        into = [len(state), len(state.change), len(dom), len(dom.change)]
        onto = [len(new), len(out), len(new.change), len(out.change)]
        steps.append(compose(_regrouped(into, (0, 2, 1, 3)), inner.term, _regrouped(onto, (0, 2, 1, 3))))
    *first, last = steps
    return Causal(tensor(f.initial, zero(states[0].change)), last, first, dom @ dom.change)


def derivative(f: Causal) -> Causal:
    """D[f]: X * X' -> Y', the part of `tangent(f)` on Y': f is differentiated at X along X'."""
    out = f.arity[1]
    moved = tangent(f)
    return moved >> tensor(*[discard] * out, Identity(moved.arity[1] - out))


def exposed(f: Causal) -> Causal:
    """P * X -> Y: the parameters of the steps come in at every step, in front of X, as wires.

    P are those of each step of `first` and then those of `step`, in the order of their trees; at a time only the
    parameters of the step that is taken matter. An initial state with parameters is taken as it is initialised
    from the key 0. Raises SpaceError where the type of f is not known.
    """
    dom = f.domain("exposed")
    terms = [expose(f.typed_step(time)) for time in range(len(f.first) + 1)]
    every = Space(a for t in terms for a in t.params)
    steps, at = [], 0
    for time, inner in enumerate(terms):
        width, own = f.width_at(time), len(inner.params)
        before, behind = at, len(every) - at - own
        drop = tensor(*[discard] * before, Identity(own), *[discard] * behind)
        steps.append(
            compose(
                tensor(Identity(width), drop, Identity(len(dom))),
                _regrouped([width, own, len(dom)], (1, 0, 2)),
                inner,
            )
        )
        at += own
    *first, last = steps
    return Causal(_settled(f), last, first, every @ dom)


def _settled(f: Causal) -> Term:
    """The initial state without parameters."""
    circuit = elaborate(f.initial, unit)
    if not whole(circuit):
        return f.initial
    import jax

    from ..compile import compile as compile_

    net = compile_(Typed(f.initial, unit))
    if net.stateful or circuit.keyed:
        raise LensError(explain(f"the initial state of {shorten_causal(f)} has states or draws random numbers"))
    values = net(init_tree(net.params, jax.random.key(0)))
    arrays = values if isinstance(values, tuple) else (values,)
    return tensor(*[constant(v, Space([a])) for v, a in zip(arrays, net.cod, strict=True)])
