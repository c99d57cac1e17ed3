"""Digits of 8 x 8 pixels, drawn by the generators of two games.

    python examples/games/digits.py [picture.png]

The data come with scikit-learn. A generator makes images of noise; the discriminator tells them from the data, by
the value of Goodfellow et al. (2014) or by the Wasserstein distance (Arjovsky et al. 2017, with the penalty of
Gulrajani et al. 2017). A classifier that has learned the true digits says what was drawn: how often it is sure,
and how evenly the ten classes come, as the entropy of their shares (1 where all are as frequent).
"""

import sys

import jax
import numpy as np
from sklearn.datasets import load_digits

from lenses import (
    Real,
    adam,
    adversarial,
    dense,
    dot_product,
    every,
    leaky_relu,
    learner,
    relu,
    sigmoid,
    softmax_cross_entropy,
)

PIXELS, LABELS = load_digits(return_X_y=True)
IMAGES = (PIXELS / 16).astype("float32")

generator = dense(128) >> relu >> dense(128) >> relu >> dense(64) >> sigmoid
discriminator = dense(128) >> leaky_relu >> dense(128) >> leaky_relu >> dense(1)


def games() -> dict:
    """The two games, by name. In the second the discriminator takes three steps for each of the generator."""
    step = adam(5e-4, b1=0.5)
    parts = generator, discriminator, Real(noise=16), Real(pixel=64)
    return {
        "GAN": adversarial(*parts, saturating=False, optimisers=(step, step)),
        "Wasserstein GAN": adversarial(*parts, loss=dot_product, penalty=1.0, optimisers=(every(3, step), step)),
    }


def classifier(epochs: int = 40):
    """The probabilities of the ten classes, of images (n, 64), by a network that has learned the true ones."""
    fit = learner(dense(128) >> relu >> dense(10), Real(64), loss=softmax_cross_entropy, optimiser=adam(2e-3))
    state, _ = fit.run(fit.init(jax.random.key(0)), (IMAGES, LABELS), epochs, batch=64)
    return lambda images: np.asarray(jax.nn.softmax(fit.predict(state, images)))


def described(probabilities: np.ndarray) -> tuple[float, float]:
    """How often one class has nine tenths or more, and the entropy of the shares of the classes, at most 1."""
    shares = np.bincount(probabilities.argmax(-1), minlength=10) / len(probabilities)
    some = shares[shares > 0]
    return float((probabilities.max(-1) >= 0.9).mean()), float(-(some * np.log(some)).sum() / np.log(10))


def draw(rows: dict[str, np.ndarray], picture: str) -> None:
    """Eight rows of images (n, 64) for each name."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture: pip install 'paralens[pictures]'")
        return
    figure = Figure(figsize=(3.2 * len(rows), 3.6), layout="constrained")
    for ax, (name, images) in zip(figure.subplots(1, len(rows)), rows.items(), strict=True):
        framed = np.pad(images[:64].reshape(64, 8, 8), ((0, 0), (1, 1), (1, 1)))
        ax.imshow(framed.reshape(8, 8, 10, 10).transpose(0, 2, 1, 3).reshape(80, 80), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[], title=name)
    figure.savefig(picture, dpi=130)
    print(f"what was drawn: {picture}")


def main(picture: str = "digits.png", *, epochs: int = 400, seed: int = 0) -> dict[str, tuple[float, float]]:
    """For the data and for each game, how often the classifier is sure, and how even the classes are."""
    judge = classifier()
    rows = {"data": IMAGES[np.random.default_rng(seed).permutation(len(IMAGES))]}
    for name, fit in games().items():
        state = fit.init(jax.random.key(seed))
        state, history = fit.run(state, IMAGES, epochs, batch=64, key=jax.random.key(seed))
        print(f"{name}: value {history.loss[0]:.2f} at first, {history.loss[-1]:.2f} at last")
        rows[name] = np.asarray(fit.sample(state, jax.random.key(seed + 1), 1000))
    found = {name: described(judge(images)) for name, images in rows.items()}
    for name, (sure, even) in found.items():
        print(f"{name}: the classifier is sure of {sure:.0%}, the classes are even to {even:.3f}")
    draw(rows, picture)
    return found


if __name__ == "__main__":
    main(*sys.argv[1:2])
