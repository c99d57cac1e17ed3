"""What models dream of: inputs that they take for a class, learned by the closed lens with its optimiser on the input.

    python examples/dreaming.py [picture.png]

Deep dreaming (Cruttwell et al. 2021, section 4) is learning with the parameters fixed and the input moved; nothing
else in the lens changes. Two models that know the digits of scikit-learn dream of each of the ten: a perceptron over
the reals, whose pixels are moved by Adam, and the boolean circuit of `circuits/digits.py`, whose bits flip by votes.
"""

import sys

import jax
import numpy as np
from circuits import digits as circuits
from sklearn.datasets import load_digits
from tqdm import tqdm

from lenses import Real, adam, dense, dream, dropout, learner, relu, sigmoid, softmax_cross_entropy

CLASSES = 10
perceptron = dropout(0.5) >> dense(128) >> relu >> dropout(0.5) >> dense(CLASSES)


def split(seed: int):
    """The digits as (train, test), four fifths and one fifth: pixels (n, 64) in [0, 1] and labels (n,)."""
    pixels, y = load_digits(return_X_y=True)
    x = (pixels / 16).astype("float32")
    test, train = np.split(np.random.default_rng(seed).permutation(len(x)), [len(x) // 5])
    return (x[train], y[train]), (x[test], y[test])


def learn(seed: int = 0, epochs: int = 100):
    """The parameters of the perceptron; its accuracy on images that it has not seen is printed."""
    train, test = split(seed)
    fit = learner(perceptron, Real(64), loss=softmax_cross_entropy, optimiser=adam(2e-3))
    state, _ = fit.run(fit.init(jax.random.key(seed)), train, epochs, batch=32)
    print(f"perceptron: {fit.evaluate(state, test)['accuracy']:.3f} on new images")
    return state.params


def dreams(params, steps: int = 100) -> list[np.ndarray]:
    """For each digit an image (8, 8) that the perceptron takes for it, from a grey one; a pixel is a sigmoid."""
    dreamer = dream(sigmoid >> perceptron, Real(64), params=params, loss=softmax_cross_entropy, optimiser=adam(0.05))
    found = []
    for digit in tqdm(range(CLASSES), desc="dreaming", unit="digit"):
        state, losses = dreamer.run(dreamer.init(start=np.zeros(64)), digit, steps)
        tqdm.write(f"a dream of {digit}: loss {losses[0]:.2f} at first, {losses[-1]:.4f} at last", file=sys.stdout)
        found.append(np.asarray(jax.nn.sigmoid(state.input)).reshape(8, 8))
    return found


def draw(rows: dict[str, list[np.ndarray]], picture: str) -> None:
    """A row of images for each model."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture: pip install 'paralens[pictures]'")
        return
    figure = Figure(figsize=(11, 1.3 * len(rows)), layout="constrained")
    for row, (name, images) in zip(figure.subplots(len(rows), CLASSES), rows.items(), strict=True):
        for ax, image in zip(row, images, strict=True):
            ax.imshow(image, cmap="gray_r", vmin=0)
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(name, fontsize=9)
    figure.savefig(picture, dpi=110)
    print(f"what was dreamed: {picture}")


def main(picture: str = "dreams.png", *, epochs: int = 100, width: int = 1000, circuit_epochs: int = 30):
    """The images of both models, by digit."""
    rows = {"perceptron": dreams(learn(epochs=epochs))}
    train, test = circuits.split()
    model = circuits.circuit(width)
    bits = circuits.learn(model, train, epochs=circuit_epochs)
    print(f"circuit of {3 * width} gates: {circuits.accuracy(model, bits, test):.3f} on new images")
    rows["circuit"] = [circuits.dreamed(model, bits, digit) for digit in range(CLASSES)]
    draw(rows, picture)
    return rows


if __name__ == "__main__":
    main(*sys.argv[1:2])
