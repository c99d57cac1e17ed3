"""Handwritten digits read row by row, from the top, by a gated recurrent unit: what it believes after each row.

    python examples/sequences/digits.py [picture.png]

An image of 8 x 8 pixels is a sequence of eight rows. The network is one causal map: a state of 32 numbers is
fed back through a delay, and ten scores come out at each row, of which the last ones are learned. Nothing has
to be told of the earlier ones: they are outputs of the same map, and show when it makes up its mind.
"""

import sys
from pathlib import Path

import jax
import numpy as np
from sklearn.datasets import load_digits

from lenses import Real, adam, compile, dense, gru, learner, select, softmax_cross_entropy

ROWS = Real(row=8, pixel=8)
reader = gru(32) >> dense(10)  # a causal map: one row in, ten scores out, at each step
every_row = reader.along("row")  # on whole images: one scan
last_row = every_row >> select(-1, axis=0)


def split(seed: int):
    """The digits as (train, test): images (n, 8, 8) with pixels in [0, 1], and labels (n,)."""
    pixels, y = load_digits(return_X_y=True)
    x = (pixels / 16).astype("float32").reshape(-1, 8, 8)
    order = np.random.default_rng(seed).permutation(len(x))
    test, train = np.split(order, [len(x) // 5])
    return (x[train], y[train]), (x[test], y[test])


def draw(history, image, beliefs, label: int, path: Path) -> None:
    """Writes the curve of learning, an image, and what is believed of it after each row."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print("no picture: matplotlib is not here; it comes with the extra `pictures`")
        return
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.4), width_ratios=(1.4, 1, 1.6))
    left.plot(history.loss)
    left.set(xlabel="epoch", ylabel="loss", yscale="log", title="learning")
    middle.imshow(image, cmap="gray_r")
    middle.set(title=f"a {label}, read from the top", xticks=[], yticks=range(8), ylabel="row")
    shown = right.imshow(beliefs, cmap="viridis", vmin=0, vmax=1, aspect="auto")
    right.set(title="belief after each row", xlabel="digit", xticks=range(10), yticks=range(8))
    figure.colorbar(shown, ax=right)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"wrote {path}")


def main(path: Path | str = "digits-row-by-row.png", epochs: int = 40, seed: int = 0) -> float:
    """Learns, prints the accuracy on images it has not seen after each row, and draws; returns the last accuracy."""
    train, (x, y) = split(seed)
    fit = learner(last_row, ROWS, loss=softmax_cross_entropy, optimiser=adam(4e-3))
    state, history = fit.run(fit.init(jax.random.key(seed)), train, epochs=epochs, batch=32)
    scores = compile(every_row, ROWS)(state.params, x)  # the same parameters, all rows
    right = np.asarray(scores.argmax(-1) == y[:, None]).mean(0)
    print("rows read  right")
    for row, share in enumerate(right, 1):
        print(f"{row:9d}  {share:6.1%}  {'#' * round(40 * share)}")
    beliefs = np.asarray(jax.nn.softmax(scores, -1))
    # An image that was believed to be something else for long.
    told = (beliefs.argmax(-1) == y[:, None]) & (beliefs.max(-1) > 0.8)
    late = int(np.argmax(np.where(told[:, -1], (~told).sum(1), -1)))
    draw(history, x[late], beliefs[late], int(y[late]), Path(path))
    return float(right[-1])


if __name__ == "__main__":
    main(sys.argv[1]) if len(sys.argv) > 1 else main()
