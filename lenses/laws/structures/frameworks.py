"""The same network elsewhere: learners against Flax and optax, from the same weights, step by step.

The papers' worked example is a convolutional network on images of 28 x 28, held against the same network in a
mainstream framework (Cruttwell et al. 2021, section 5; 2024). Here any learner of a chain of layers that Flax has is
sent to Flax, layer by layer; the loss is that of optax, the gradient `jax.grad`, the optimiser optax's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ...boxes.convolution import Conv, Pool
from ...boxes.linear import Dense
from ...boxes.pointwise import Pointwise
from ...boxes.rearrange import flatten
from ...learner.rates import Rate
from ...trees import leaves
from ...typed import Cell, Typed
from ..compare import Difference, Verdict
from ..law import law
from .learners import BATCH, LEARNER, Case, case, some_params, some_values
from .optimisers import Way, counterpart

STEPS = 10
DIGITS = 1e-9
"""How far weights may be apart, relative to the largest of an array or to 1, in double precision."""
Layer = Callable[[Any, Any], Any]
"""(the parameters of the layer as here, x) -> y, by Flax."""

LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "squared": lambda y, t: optax.l2_loss(y, t).sum(-1),
    "softmax_cross_entropy": optax.softmax_cross_entropy_with_integer_labels,
    "binary_cross_entropy": lambda y, t: optax.sigmoid_binary_cross_entropy(y, t).sum(-1),
    "hinge": lambda y, t: optax.hinge_loss(y, t).sum(-1),
    "absolute_error": lambda y, t: jnp.abs(y - t).sum(-1),
}
"""The losses of optax, by the names that they have here."""
ACTIVATIONS = ("relu", "tanh", "sigmoid", "softplus", "silu", "gelu", "elu", "leaky_relu")


def layer(cell: Cell) -> Layer | str:
    """A box as a layer of Flax; or what there is none for."""
    from flax import linen

    box = cell.box
    if isinstance(box, Dense) and box.axes == 1 and len(box.sizes) == 1:
        return _learned(linen.Dense(box.sizes[0], use_bias=box.bias, param_dtype=cell.dom[0].dtype))
    if isinstance(box, Conv) and not box.transposed:
        made = linen.Conv(
            box.features, box.kernel, box.stride, box.padding, kernel_dilation=box.dilation,
            feature_group_count=box.groups, use_bias=box.bias, param_dtype=cell.dom[0].dtype,
        )  # fmt: skip
        return _learned(made)
    if isinstance(box, Pool) and box.kind == "max":
        return lambda p, x: linen.max_pool(x, box.window, box.stride, box.padding)
    if isinstance(box, Pointwise) and box.function in ACTIVATIONS:
        return lambda p, x: getattr(linen, box.function)(x)
    if box == flatten:
        return lambda p, x: x.reshape(len(x), -1)
    return f"nothing in Flax for {box!r} here: add it to layer in lenses/laws/structures/frameworks.py"


def _learned(module: Any) -> Layer:
    names = {"weight": "kernel", "bias": "bias"}
    return lambda p, x: module.apply({"params": {names[name]: value for name, value in p.items()}}, x)


def in_flax(model: Typed) -> Callable[[Any, Any], Any] | str:
    """A chain of layers as the function of (parameters, batch) that Flax makes of it; or why it is none."""
    cells, layers = model.circuit.cells, []
    wires = [0, *(w for cell in cells for w in cell.outs)]
    if len(model.dom) != 1 or [cell.ins for cell in cells] != [(w,) for w in wires[:-1]]:
        return "it is no chain of layers"
    for cell in cells:
        found = layer(cell)
        if isinstance(found, str):
            return found
        layers.append((cell, found))

    def network(params: Any, x: Any) -> Any:
        for cell, f in layers:
            x = f(params if cell.whole else params.get(cell.name, {}), x)
        return x

    return network


@dataclass(frozen=True)
class SameSteps:
    """The claim that so many steps of a learner, from the same weights, are those of a network by Flax and optax."""

    here: Case
    network: Callable[[Any, Any], Any]
    loss: Callable[[Any, Any], Any]
    way: Way
    steps: int = STEPS
    batch: int = BATCH

    def trajectory(self, params: Any, rows: list[tuple[Any, Any]]) -> Any:
        """The weights after steps on the rows, in turn."""

        @jax.jit
        def step(state: Any, params: Any, x: Any, y: Any) -> tuple[Any, Any]:
            changes = jax.grad(lambda p: self.loss(self.network(p, x), y).mean())(self.way.look(state, params))
            return self.way.put(state, params, changes)

        state = self.way.start(params)
        for k in range(self.steps):
            state, params = step(state, params, *rows[k % len(rows)])
        return self.way.look(state, params)

    def ours(self, params: Any, rows: list[tuple[Any, Any]]) -> Any:
        """The weights of the learner after steps on the same rows."""
        fit = self.here.fit
        state = fit.start(params)
        for k in range(self.steps):
            x, y = rows[k % len(rows)]
            state, _ = fit.step(state, x, y)
        return fit.optimiser.look(state.optimiser, state.params)

    def verdict(self, seed: int = 0) -> Verdict:
        """Compares the weights, in double precision."""
        rng = np.random.default_rng(seed)
        model = self.here.fit.model
        params = some_params(model, rng)
        rows = [
            (some_values(model.dom[0], (self.batch,), rng), some_values(self.here.label, (self.batch,), rng))
            for _ in range(min(self.steps, 10))
        ]
        return self.compared(params, rows)

    def compared(self, params: Any, rows: list[tuple[Any, Any]]) -> Verdict:
        """Compares the weights that these lead to."""
        one, two = self.ours(params, rows), self.trajectory(jax.tree.map(jnp.asarray, params), rows)
        for (path, a), (_, b) in zip(leaves(one), leaves(two), strict=True):
            a, b = np.asarray(a), np.asarray(b)
            size = DIGITS * max(1.0, float(np.abs(b).max()))
            if not np.abs(a - b).max() <= size:
                given = [np.asarray(p) for p in jax.tree.leaves(params)]
                shown = Difference(0, a, b, size, given)
                return Verdict("fails", f"{'.'.join(path)} parts within {self.steps} steps", self.steps, shown)
        return Verdict("holds", f"on {self.steps}", self.steps)


def same_steps(fit: Any, steps: int = STEPS, batch: int = BATCH) -> SameSteps | str:
    """The claim for a learner; or why there is nothing to hold it against."""
    here = case(fit)
    if here.dreams:
        return "its parameters are fixed"
    if here.ring or here.fit.rule.name != "backprop" or here.fit.rate != Rate(1.0):
        return "it does not descend the mean of its loss by the gradient"
    try:
        network = in_flax(here.fit.model)
    except ImportError:
        return "Flax is not installed"
    way, loss = counterpart(here.fit.optimiser), LOSSES.get(here.fit.loss.name)
    if isinstance(network, str) or isinstance(way, str) or loss is None:
        return network if isinstance(network, str) else way if isinstance(way, str) else "nothing in optax for its loss"
    return SameSteps(here, network, loss, way, steps, batch)


@law(LEARNER, "as in Flax", "ten steps from the same weights are those of Flax and optax, for chains of its layers",
     "Cruttwell et al. 2021, section 5, the worked example", 18, needs="learner")  # fmt: skip
def as_in_flax(fit: Any) -> SameSteps | str:
    return same_steps(fit)
