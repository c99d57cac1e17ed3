"""CycleGAN as a schema: two clouds of points, a map each way, and two path equations, learned without any pair.

    python examples/schemas/cyclegan.py [cyclegan.png]

The schema has the objects A and B, the arrows f and g between them and the equations f ; g = id and g ; f = id
(Gavranovic 2019, section 4.1; Zhu et al. 2017). An architecture sends the objects to the plane and the arrows to small
networks; a critic of each object judges what comes there. A is a noisy circle, B a noisy square elsewhere.
"""

import sys
from typing import Any

import jax
import numpy as np
import optax

from lenses import Real, adam, dense, leaky_relu, tanh
from lenses.schemas import Architecture, Losses, Schema, SchemaLearner, adversarial_tasks

cycle = Schema(["A", "B"], {"f": ("A", "B"), "g": ("B", "A")}, ["f ; g = id", "g ; f = id"])

net = dense(32) >> tanh >> dense(32) >> tanh >> dense(2)
plane = Architecture(cycle, {"A": Real(2), "B": Real(2)}, {"f": net, "g": net})

critic = dense(64) >> leaky_relu >> dense(64) >> leaky_relu >> dense(1)
tasks = [*adversarial_tasks(plane, "f", critic), *adversarial_tasks(plane, "g", critic)]
losses = Losses(plane, tasks, gamma=5.0)


def clouds(number: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Points of A and of B, drawn apart from each other."""
    rng = np.random.default_rng(seed)
    angle, other = rng.uniform(0, 2 * np.pi, (2, number))
    circle = np.stack([np.cos(angle), np.sin(angle)], -1) * (1 + 0.08 * rng.normal(size=(number, 1)))
    square = np.stack([np.cos(other), np.sin(other)], -1)
    square /= np.abs(square).max(-1, keepdims=True)
    square = 1.2 * square + 0.05 * rng.normal(size=square.shape) + [3, 1]
    return {"A": circle.astype("float32"), "B": square.astype("float32")}


def away(made: Any, data: np.ndarray) -> float:
    """The mean distance of points from the nearest point of data."""
    return float(np.linalg.norm(np.asarray(made)[:, None] - data[None], axis=-1).min(1).mean())


def draw(model: Any, data: dict[str, np.ndarray], path: str) -> bool:
    """Draws both clouds, what is made of them, and where a point goes; False where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture: it needs the extra `pictures`")
        return False
    figure = Figure(figsize=(9, 4.5))
    colours = {name: np.arctan2(*(points - points.mean(0)).T) for name, points in data.items()}
    sides = [("A, and g of B", "A", model("g")(data["B"]), "B"), ("B, and f of A", "B", model("f")(data["A"]), "A")]
    for axes, (title, here, made, of) in zip(figure.subplots(1, 2), sides, strict=True):
        axes.scatter(*data[here].T, s=4, color="0.75")
        axes.scatter(*np.asarray(made).T, s=4, c=colours[of], cmap="hsv")
        axes.set_title(title)
        axes.set_aspect("equal")
    figure.savefig(path, dpi=120)
    return True


def main(picture: str | None = None, epochs: int = 400, number: int = 1024, progress: bool = True) -> dict[str, float]:
    """Trains, prints how far each equation was from holding and is, and draws; how many times less that is."""
    data, fresh = clouds(number), clouds(number, 1)
    rate = optax.cosine_decay_schedule(1e-3, epochs * (number // 64), 0.02)
    fit = SchemaLearner(losses, adam(rate, b1=0.5), critics=adam(rate, b1=0.5))
    start = fit.init(jax.random.key(0))
    before = fit.violations(start, fresh)
    state, history = fit.run(start, data, epochs, batch=64, evaluate=fresh, progress=progress)
    print(history)
    model, after = fit.model(state), fit.violations(state, fresh)
    print(f"\non {number} other points of each cloud:")
    for equation in before:
        first, last = before[equation], after[equation]
        print(f"  {equation:<13} violated by {first:.3f} at first, {last:.4f} now, {first / last:.0f} times less")
    for name, source, target in (("f", "A", "B"), ("g", "B", "A")):
        first = away(fit.model(start)(name)(fresh[source]), fresh[target])
        last = away(model(name)(fresh[source]), fresh[target])
        print(f"  {name} of {source} is {first:.3f} from {target} at first, {last:.3f} now")
    if picture is not None and draw(model, fresh, picture):
        print(f"drawn: {picture}")
    return {equation: before[equation] / after[equation] for equation in before}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "cyclegan.png")
