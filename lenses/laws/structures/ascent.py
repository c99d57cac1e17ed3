"""Reverse derivative ascent: theta' = theta + the part on P of R[f](theta, x, f(theta, x) + y), over bits.

The oracle is the model as a circuit whose inputs are P and A, differentiated gate by gate and evaluated
by NumPy, example by example; a step of a batch adds what they send back.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import jax
import numpy as np

from ...circuits.equality.derivative import reverse_netlist
from ...circuits.learning import Ascender
from ...circuits.reading import to_netlist
from ...circuits.tables import lookup
from ...errors import LensError
from ...trees import leaves, pick, whole
from ..law import law, structure
from ..programs import Inspect

ASCENT = structure(
    "reverse derivative ascent", "a learner of bits, whose step adds what R sends back", subject=lambda: Ascender
)
SOURCE = "Wilson and Zanasi 2021, section 5"
BATCHES = (1, 1, 3)
"""How many examples the steps that are tried have."""
LABELS, MOST = 40, 8
"""How many examples one pass has, and the most bits of a truth table that is filled in by one."""


@law(ASCENT, "step", "theta' = theta + the part on P of R[f](theta, x, f(theta, x) + y)", SOURCE, 24)
def step(fit: Ascender) -> Inspect | str:
    try:
        ahead = to_netlist(fit.model)
    except LensError as error:
        return str(error).splitlines()[0]
    back = reverse_netlist(ahead)
    inputs = sum(array.size for array in fit.model.dom)
    paths = [path for path, _ in leaves(whole(fit.model.circuit))]

    def finds(rng: np.random.Generator) -> str | None:
        for many in BATCHES:
            state = fit.init(jax.random.key(int(rng.integers(1 << 30))))
            params = jax.tree.map(lambda p: rng.integers(0, 2, p.shape).astype(p.dtype), state.params)
            theta = np.concatenate([np.zeros(0, int), *(np.ravel(pick(params, path)) for path in paths)])
            xs = [rng.integers(0, 2, (many, *array.sizes)).astype("int32") for array in fit.model.dom]
            y = rng.integers(0, 2, (many, *fit.model.cod[0].sizes)).astype("int32")
            rows = np.concatenate([x.reshape(many, -1) for x in xs], 1)
            given = np.concatenate([rows, np.broadcast_to(theta, (many, len(theta)))], 1).T
            error = ahead.evaluate(given.astype(bool)) ^ y.reshape(many, -1).T.astype(bool)
            sent = back.evaluate(np.concatenate([given, error]).astype(bool))[inputs:]
            expected = theta ^ np.bitwise_xor.reduce(sent.astype(int), axis=1)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="a batch of")  # votes cancel, which is what is asked here
                moved, _ = fit.step(replace(state, params=params), xs[0] if len(xs) == 1 else tuple(xs), y)
            came = np.concatenate([np.zeros(0, int), *(np.ravel(pick(moved.params, path)) for path in paths)])
            if (came != expected).any():
                wrong = int(np.flatnonzero(came != expected)[0])
                return f"bit {wrong} of the parameters becomes {came[wrong]} where R adds to {expected[wrong]}"
        return None

    return Inspect(finds)


@law(ASCENT, "one pass",
     "from zero, an example at a time, a truth table comes to say at each row the label that the row had last",
     "Wilson and Zanasi 2021, section 6: their figures on Iris are what this rule says of the data", 26)  # fmt: skip
def one_pass(fit: Ascender) -> Inspect | str:
    (first, *_), outputs = fit.model.dom, fit.model.cod[0].sizes
    k = first.size
    if first.rank != 1 or k > MOST or len(outputs) > 1 or fit.model.term != lookup(k, *outputs):
        return f"the model is not one truth table of at most {MOST} bits"

    def finds(rng: np.random.Generator) -> str | None:
        x = rng.integers(0, 2, (LABELS, k)).astype("int32")
        y = rng.integers(0, 2, (LABELS, *outputs)).astype("int32")
        last = {tuple(row): label for row, label in zip(x.tolist(), y, strict=True)}
        state, _ = fit.run(fit.init(jax.random.key(0)), (x, y), progress=False)
        said = np.asarray(fit.predict(state, np.array(list(last), "int32")))
        wrong = [row for row, label, one in zip(last, last.values(), said, strict=True) if (label != one).any()]
        return f"the row {wrong[0]} does not say the label that it had last" if wrong else None

    return Inspect(finds)
