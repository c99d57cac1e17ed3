"""One derivative, three ways to compute it: backwards through time, forwards with the state, and in windows.

    python examples/sequences/three_gradients.py [picture.png]

A network of Elman's sees a number that is to be remembered, and then noise; at the end it must say the number.
Backpropagation through time and real-time recurrent learning give the same gradient, and so the same curve.
Windows of steps give it where they are as long as the sequence; shorter ones hear nothing of the first step.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from lenses import Real, adam, backprop, compile, dense, elman, learner, squared
from lenses.rules import real_time, truncated

STEPS, STATES = 16, 6
SEQUENCE = Real(time=STEPS, d=2)
model = elman(STATES).after("time") >> dense(1)
RULES = {
    "backpropagation through time": backprop,
    "real-time recurrent learning": real_time(),
    f"windows of {STEPS}": truncated(STEPS),
    "windows of 8": truncated(8),
    "windows of 2": truncated(2),
}


def sequences(count: int, seed: int):
    """Sequences (count, STEPS, 2) and what is to be said at the end, (count, 1): the first number on the first wire.

    The second wire says when the number is there; later the first one carries noise.
    """
    rng = np.random.default_rng(seed)
    x = np.zeros((count, STEPS, 2), "float32")
    x[:, :, 0] = 0.5 * rng.normal(size=(count, STEPS))
    x[:, 0, 0] = rng.choice([-1.0, 1.0], count)
    x[:, 0, 1] = 1.0
    return x, x[:, 0, :1].copy()


def compared(names: Iterable[str] = tuple(RULES), seed: int = 0) -> dict[str, float]:
    """How far the gradient of each rule is from that of `jax.grad`, relative to its largest entry, in float64."""
    with jax.enable_x64(True):
        wide = elman(STATES, dtype="float64").after("time") >> dense(1)
        space = Real(time=STEPS, d=2, dtype="float64")
        x, y = (jnp.asarray(v, "float64") for v in sequences(32, seed))
        nets = {name: compile(wide, space, rule=RULES[name]) for name in names}
        plain = compile(wide, space)
        params = plain.init(jax.random.key(seed))
        want = jax.grad(lambda p: 0.5 * ((plain(p, x) - y) ** 2).sum())(params)
        largest = max(float(jnp.abs(v).max()) for v in jax.tree.leaves(want))
        found = {}
        for name, net in nets.items():
            out, pullback = net.vjp(params, x)
            gaps = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max()), pullback(out - y)[0], want)
            found[name] = max(jax.tree.leaves(gaps)) / largest
        return found


def draw(curves: dict[str, np.ndarray], path: Path) -> None:
    """Writes the curves of learning."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print("no picture: matplotlib is not here; it comes with the extra `pictures`")
        return
    figure, axes = plt.subplots(figsize=(7.5, 4.2))
    for (name, losses), style in zip(curves.items(), ("-", "--", ":", "-", "-"), strict=True):
        axes.plot(losses, style, label=name, linewidth=3 if style == ":" else 1.5)
    axes.set(xlabel="epoch", ylabel="loss", yscale="log", title=f"remembering a number for {STEPS} steps")
    axes.legend(loc="lower left")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"wrote {path}")


def main(path: Path | str = "three-gradients.png", epochs: int = 60, count: int = 512, seed: int = 0):
    """Compares gradients, learns by each rule from the same start, prints and draws; the last losses by rule."""
    print("distance of the gradient from that of jax.grad, in float64")
    for name, gap in compared(seed=seed).items():
        print(f"  {name:30s} {gap:.1e}")
    data = sequences(count, seed)
    curves = {}
    for name, rule in RULES.items():
        fit = learner(model, SEQUENCE, loss=squared, optimiser=adam(5e-3), rule=rule)
        state, history = fit.run(fit.init(jax.random.key(seed)), data, epochs=epochs, batch=32)
        curves[name] = np.asarray(history.loss)
        missed = fit.evaluate(state, sequences(1000, seed + 1))["loss"]
        print(f"{name:30s} loss {curves[name][-1]:.1e}, on new sequences {missed:.1e}", flush=True)
    draw(curves, Path(path))
    return {name: float(losses[-1]) for name, losses in curves.items()}


if __name__ == "__main__":
    main(sys.argv[1]) if len(sys.argv) > 1 else main()
