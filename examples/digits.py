"""Handwritten digits of 8 x 8 pixels: a perceptron and a small convolutional network, five seeds each.

    python examples/digits.py

The data come with scikit-learn; nothing is downloaded. Each seed draws its own split, four fifths
to learn from and one fifth to test on, and its own start.
"""

import jax
import numpy as np
from sklearn.datasets import load_digits

from lenses import Real, Term, adam, conv, dense, dropout, flatten, learner, max_pool, relu, softmax_cross_entropy

# Models are terms: boxes composed with >>. Nothing is said of the input, so either fits images of any size.
perceptron = flatten >> dense(256) >> relu >> dropout(0.3) >> dense(10)
convolutional = conv(16) >> relu >> max_pool() >> conv(32) >> relu >> max_pool() >> flatten >> dense(10)


def split(seed: int):
    """The digits as (train, test): images (n, 8, 8, 1) with pixels in [0, 1], and labels (n,)."""
    pixels, y = load_digits(return_X_y=True)
    x = (pixels / 16).astype("float32").reshape(-1, 8, 8, 1)
    order = np.random.default_rng(seed).permutation(len(x))
    test, train = np.split(order, [len(x) // 5])
    return (x[train], y[train]), (x[test], y[test])


def accuracy(model: Term, seeds: int = 5, epochs: int = 30) -> float:
    """The mean test accuracy of a model over seeds; each seed's is printed."""
    fit = learner(model, Real(height=8, width=8, channel=1), loss=softmax_cross_entropy, optimiser=adam(2e-3))
    print(model)
    accuracies = []
    for seed in range(seeds):
        train, test = split(seed)
        state = fit.init(jax.random.key(seed))
        state, _ = fit.run(state, train, epochs=epochs, batch=32, key=jax.random.key(seed), progress=False)
        accuracies.append(fit.evaluate(state, test)["accuracy"])
        print(f"  seed {seed}: test accuracy {accuracies[-1]:.4f}", flush=True)
    mean = float(np.mean(accuracies))
    print(f"  mean of {seeds}: {mean:.4f}")
    return mean


if __name__ == "__main__":
    accuracy(perceptron, epochs=60)
    accuracy(convolutional)
