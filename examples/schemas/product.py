"""Inserting and deleting, the product task as a schema: bars put across handwritten digits, and taken away again.

    python examples/schemas/product.py [product.png]

The schema has the objects A × B (an image without a bar, and where a bar would be) and C (an image with a bar), and
two arrows that are to be inverse to each other (Gavranovic 2019, section 4.2). Nothing is paired: images without bars,
places of bars and images with bars are drawn apart from each other, and no digit is seen both with and without one. The
digits come with scikit-learn. At first the equations count little, so that the critics are heard; then they count more.
"""

import sys
from typing import Any

import jax
import numpy as np
import optax
from sklearn.datasets import load_digits

from lenses import Real, adam, concatenate, conv, dense, flatten, identity, leaky_relu, rearrange, wired
from lenses.schemas import Architecture, Losses, Schema, SchemaLearner, adversarial_tasks

product = Schema(
    ["A × B", "C"],
    {"insert": ("A × B", "C"), "delete": ("C", "A × B")},
    ["insert ; delete = id", "delete ; insert = id"],
)

hidden = dense(64) >> leaky_relu >> dense(64) >> leaky_relu
image = rearrange("(y x c) -> y x c", y=8, x=8)


@wired
def insert(picture, place):
    """A picture and a place to the picture with something painted there."""
    return picture + (hidden >> dense(64) >> image)(place)


@wired
def delete(picture):
    """A picture to what is left without what was painted, and to its place."""
    painted = (flatten >> dense(256) >> leaky_relu >> dense(256) >> leaky_relu >> dense(64))(picture)
    return picture - image(painted), (hidden >> dense(1))(painted)


spaces = {"A × B": Real(8, 8, 1) @ Real(1), "C": Real(8, 8, 1)}
architecture = Architecture(product, spaces, {"insert": insert, "delete": delete})

look = conv(12) >> leaky_relu >> conv(12, stride=2) >> leaky_relu >> conv(24, stride=2) >> leaky_relu >> flatten
tasks = [
    *adversarial_tasks(architecture, "insert", look >> dense(1)),
    *adversarial_tasks(architecture, "delete", look @ identity >> concatenate() >> dense(32) >> leaky_relu >> dense(1)),
]


def bars(places: np.ndarray) -> np.ndarray:
    """Pictures of bright bars, their heights given from -1 (row 1) to 1 (row 6); (n, 1) to (n, 8, 8, 1)."""
    rows, columns = np.mgrid[0:8, 0:8]
    away = rows - ((places + 1) * 2.5 + 1)[:, :, None]
    return (np.exp(-(away**2) / 0.8) * (columns > 0) * (columns < 7))[..., None].astype("float32")


def pictures(seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """The data by object, to learn from and held out; and, of the latter, C without its bars, which nothing learns."""
    rng = np.random.default_rng(seed)
    digits = (load_digits(return_X_y=True)[0] / 16).astype("float32").reshape(-1, 8, 8, 1)
    digits = digits[rng.permutation(len(digits))]

    def of(without: np.ndarray, under: np.ndarray) -> dict[str, Any]:
        here, there = rng.uniform(-1, 1, (2, len(without), 1)).astype("float32")
        return {"A × B": (without, here), "C": under + bars(there), "C without": under}

    learned = of(np.tile(digits[:800], (2, 1, 1, 1)), np.tile(digits[800:1600], (2, 1, 1, 1)))
    return {name: learned[name] for name in product.objects}, of(digits[1600:1698], digits[1698:1796])


def draw(model: Any, held: dict[str, Any], path: str) -> bool:
    """Draws what is inserted and deleted; False where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture: it needs the extra `pictures`")
        return False
    without, _ = held["A × B"]
    same = np.linspace(-0.9, 0.9, 10, dtype="float32")[:, None]
    rows = {
        "a": without[:10],
        "insert (a, b),\nb from -0.9 to 0.9": model("insert")(without[:10], same),
        "c": held["C"][:10],
        "delete (c)": model("delete")(held["C"][:10])[0],
        "what was\nunder the bar": held["C without"][:10],
    }
    figure = Figure(figsize=(10, 5.2))
    for line, (name, row) in zip(figure.subplots(len(rows), 10), rows.items(), strict=True):
        for axes, one in zip(line, np.asarray(row), strict=True):
            axes.imshow(one[..., 0], vmin=0, vmax=1.6, cmap="gray")
            axes.set_xticks([])
            axes.set_yticks([])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.savefig(path, dpi=100, bbox_inches="tight")
    return True


def main(
    picture: str | None = None, stages: tuple[tuple[float, int], ...] = ((0.5, 60), (3.0, 35)), progress: bool = True
) -> dict[str, float]:
    """Trains in stages (gamma, epochs), prints and draws; how many times less each equation is violated."""
    data, held = pictures()
    own = {name: held[name] for name in product.objects}
    first: Any = None
    state: Any = None
    for gamma, epochs in stages:
        rates = [optax.cosine_decay_schedule(rate, epochs * 25, 0.1) for rate in (2e-3, 1e-3)]
        fit = SchemaLearner(Losses(architecture, tasks, gamma), adam(rates[0], b1=0.5), critics=adam(rates[1], b1=0.5))
        state = fit.init(jax.random.key(0)) if state is None else fit.start(state.params)
        first = first or fit.violations(state, own)
        state, history = fit.run(state, data, epochs, batch=64, evaluate=own, progress=progress)
        print(f"gamma = {gamma}: {history}")
    model, last = fit.model(state), fit.violations(state, own)
    print("\non digits that were held out:")
    for equation, before in first.items():
        now = last[equation]
        print(f"  {equation:<27} violated by {before:.2f} at first, {now:.3f} now, {before / now:.0f} times less")
    left, _ = model("delete")(held["C"])
    error = [float(np.abs(one - held["C without"]).sum((1, 2, 3)).mean()) for one in (held["C"], left)]
    print(f"  bars make a difference of {error[0]:.2f} to digits; once they are deleted, {error[1]:.2f} is left")
    if picture is not None and draw(model, held, picture):
        print(f"drawn: {picture}")
    return {equation: first[equation] / last[equation] for equation in first}


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "product.png")
