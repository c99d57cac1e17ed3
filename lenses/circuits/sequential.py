"""Sequential circuits: a netlist with latches is a delayed trace over bits, and back.

A latch holds a bit for one step: it is a wire that is fed back through the unit delay. So a netlist whose
last inputs are latches is the causal map whose step is its gates and whose state is what the latches
hold, and each causal map over bits with one step for all times is such a netlist.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..boxes.lookup import constant
from ..causal import Causal
from ..causal.maps import shorten_causal
from ..compile import compile
from ..errors import LensError, explain
from ..spaces import Bits, Space, unit
from ..terms import compose, swap, tensor
from ..trees import whole
from ..typed import Typed, elaborate
from .circuit import circuit, from_netlist, whole_space
from .netlist import Netlist
from .reading import to_netlist


def latched(f: Causal, parameters: Any = None) -> Netlist:
    """The netlist of a typed causal map over bits: the bits of its state are latches, which start as the initial state.

    Inputs are the bits of X and then the latches, outputs those of Y and then what the latches hold next.
    `parameters` are those of the step, a tree of bits. Raises LensError where steps differ, or for parameters that
    are not given (`exposed(f)` has them as inputs); SpaceError for a map without a type or not over bits.
    """
    dom = f.domain("to_netlist")
    if f.first:
        raise LensError(
            explain("a causal map whose first steps differ is no netlist", of=shorten_causal(f),
                    do="say which step it is by a state, or unroll it")
        )  # fmt: skip
    if elaborate(f.initial, unit).params or (parameters is None and whole(f.typed_step(0).circuit)):
        raise LensError(
            explain("a causal map with parameters is no netlist", of=shorten_causal(f),
                    do="give parameters=..., bits for the step, or take exposed(f), where they come in at each step")
        )  # fmt: skip
    k, (into, out) = f.width_at(0), f.arity
    step = compose(swap(into, k), f.step, swap(k, out)) if k else f.step
    made = to_netlist(Typed(step, dom @ f.state), parameters)
    start = compile(f.initial)({}) if k else ()
    values = [np.ravel(np.asarray(v)) for v in (start if isinstance(start, tuple) else (start,))]
    return replace(made, latches=np.concatenate([np.zeros(0), *values]).astype(np.uint8))


def sequential(
    netlist: Netlist,
    dom: Space | None = None,
    cod: Space | None = None,
    state: Space | None = None,
    gates: bool = False,
) -> Causal:
    """The causal map of a netlist with latches, which are its state, fed back through delays.

    `dom` and `cod` are the spaces of its other inputs and outputs, and `state` that of its latches; by default one
    array of bits each. The step is one box, or, with `gates`, a term of single gates. Raises SpaceError where the
    spaces have more or fewer bits.
    """
    if not isinstance(netlist, Netlist):
        raise LensError(explain(f"sequential({netlist!r:.60})", expected="a Netlist", do="read one with load_circuit"))
    ins = whole_space(netlist, "inputs", dom, netlist.free)
    outs = whole_space(netlist, "outputs", cod, netlist.results)
    held = whole_space(netlist, "latches", state, len(netlist.latches))
    box = (from_netlist if gates else circuit)(replace(netlist, latches=np.zeros(0, np.uint8)), ins @ held, outs @ held)
    k = len(held)
    step = compose(swap(k, len(ins)), box.term, swap(len(outs), k)) if k else box.term
    starts, at = [], 0
    for array in held:
        values = netlist.latches[at : at + array.size].astype(float).reshape(array.sizes)
        starts.append(constant(values, Bits(*array.sizes)))
        at += array.size
    return Causal(tensor(*starts), step).at(ins)
