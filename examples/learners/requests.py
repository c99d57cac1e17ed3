"""Digits through sixteen codes: learners of different kinds composed by what they request of each other.

    python examples/learners/requests.py [picture.png]

An encoder turns an image into 16 numbers, a codebook replaces these by the nearest of its 16 codes, and a reader
tells the digit from the code alone. The encoder and the reader learn by gradient descent, as L(eps, squared) has it;
the codebook cannot, since what it implements is constant nearly everywhere, and its derivative 0. So it is a learner
written by hand, and it says itself what it wants: a code nearer to what the reader asks for. In Learn that is all that
is needed for the encoder to learn through it. The same codebook that requests nothing, as its derivative would,
leaves the encoder as it is.
"""

import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from lenses import LensError, Real, dense, log_cosh, tanh
from lenses.learn import L, Learn, equal, identity

PIXELS, WIDTH, CODES = Real(64), Real(16), Real(16, 16)
RATE = 0.05

descend = L(RATE)  # the functor from terms to learners, for the squared error
encoder_term, reader_term = (dense(64) >> tanh >> dense(16)).at(PIXELS), dense(10).at(WIDTH)
encoder, reader = descend(encoder_term), descend(reader_term)


def nearest(codes, a):
    """The place of the code that is nearest to a."""
    return jnp.argmin(((codes - a) ** 2).sum(-1))


def codebook(asks: bool) -> Learn:
    """R^16 -> R^16: the nearest code; a code moves to what it stands for, and to what is asked of it."""

    def implement(codes, a):
        return codes[nearest(codes, a)]

    def update(codes, a, b):
        i = nearest(codes, a)
        return codes.at[i].add(RATE * ((a - codes[i]) + (b - codes[i])))

    def request(codes, a, b):
        return a + (b - implement(codes, a)) if asks else a

    def init(key):
        return 0.5 * jax.random.normal(key, (16, 16))

    return Learn(CODES, WIDTH, WIDTH, implement, update, request, init, "codebook")


def split(seed: int):
    """The digits as (train, test): images (n, 64) with pixels in [0, 1], and labels (n,)."""
    pixels, y = load_digits(return_X_y=True)
    x = (pixels / 16).astype("float32")
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, random_state=seed)
    return (x, y), (x_test, y_test)


def train(model: Learn, data, epochs: int, seed: int, test):
    """The parameter after so many epochs, an example at a time, and the accuracy on the test after each."""
    (x, y), (x_test, y_test) = data, test
    p, learn = model.init(jax.random.key(seed)), jax.jit(model.learn)
    predict = jax.jit(jax.vmap(model.implement, (None, 0)))
    order, labels, right = np.random.default_rng(seed), np.eye(10, dtype="float32"), []
    for _ in tqdm(range(epochs), desc=f"{model.parts[1]!r}", unit="epoch", leave=False):
        shuffled = order.permutation(len(x))
        p = learn(p, x[shuffled], labels[y[shuffled]])
        right.append(float((predict(p, x_test).argmax(-1) == y_test).mean()))
    return p, right


def check_functor(x) -> None:
    """Says that L keeps the composite, that its step is that of jax.grad, and which error it refuses."""
    whole, parts = descend(encoder_term >> reader_term), encoder >> reader
    print("L(f ; g) and L(f) ; L(g):", equal(whole, parts, by=(lambda p: p, lambda p: p)))
    p, b = whole.init(jax.random.key(0)), jnp.zeros(10).at[3].set(1.0)
    slopes = jax.jit(jax.grad(lambda p: 0.5 * ((whole.implement(p, x) - b) ** 2).sum()))(p)
    by_jax = jax.tree.map(lambda q, d: q - RATE * d, p, slopes)
    off = max(float(jnp.abs(u - v).max()) for u, v in zip(jax.jit(parts.update)(p, x, b), by_jax, strict=True))
    print(f"its step and that of jax.grad differ by {off:.1e}")
    try:
        L(RATE, log_cosh)
    except LensError as error:
        first, because, *_ = str(error).splitlines()
        print(f"{first}: {because.partition(':')[2].strip()}")


def draw(curves, means, image, label: int, requests, path: Path) -> None:
    """Writes the curves of learning, what each code stands for, and what is requested in place of an image."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print("no picture: matplotlib is not here; it comes with the extra `pictures`")
        return
    figure = plt.figure(figsize=(12, 3.6), layout="constrained")
    thirds: Any = figure.subfigures(1, 3, width_ratios=(1.1, 1, 1.5))
    left, middle, right = thirds
    axes = left.subplots()
    for name, right_ones in curves.items():
        axes.plot(range(1, len(right_ones) + 1), right_ones, label=name)
    axes.set(xlabel="epoch", ylabel="unseen digits right", ylim=(0, 1))
    axes.legend()
    middle.suptitle("what each code stands for")
    for mean, cell in zip(means, middle.subplots(4, 4).flat, strict=True):
        cell.axis("off")
        if mean is not None:
            cell.imshow(mean.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    right.suptitle(f"a {label}, and what is requested for it to be a ...")
    cells = right.subplots(2, 6)
    largest = max(np.abs(r - image).max() for r in requests)
    for cell in cells.flat:
        cell.axis("off")
    cells[0, 0].imshow(image.reshape(8, 8), cmap="gray_r")
    for digit, (wanted, cell) in enumerate(zip(requests, [*cells[0, 1:], *cells[1, 1:]], strict=True)):
        change = np.asarray(wanted - image).reshape(8, 8)
        cell.imshow(change, cmap="PiYG", vmin=-largest, vmax=largest)
        cell.set_title(str(digit), fontsize=9)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"wrote {path}")


def main(path: Path | str = "requests.png", epochs: int = 30, seed: int = 0) -> dict[str, float]:
    """Checks the functor, trains three composites, prints how many unseen digits are right, and draws."""
    data, test = split(seed)
    check_functor(data[0][0])
    middles = {
        "no codebook": identity(WIDTH),
        "a codebook that asks": codebook(True),
        "a codebook that asks for nothing": codebook(False),
    }
    curves, trained = {}, {}
    for name, middle in middles.items():
        model = encoder >> middle >> reader
        trained[name], curves[name] = train(model, data, epochs, seed, test)
        print(f"{name + ':':34} {curves[name][-1]:.1%} of {len(test[0])} unseen digits right")
    model = encoder >> codebook(True) >> reader
    p, (x, y) = trained["a codebook that asks"], data
    own = p[: len(encoder.params)], p[len(encoder.params)]
    kinds = np.asarray(jax.jit(jax.vmap(lambda a: nearest(own[1], encoder.implement(own[0], a))))(x))
    means = [x[kinds == k].mean(0) if (kinds == k).any() else None for k in range(16)]
    print(f"{sum(m is not None for m in means)} of 16 codes are in use")
    requests = jax.jit(jax.vmap(lambda b: model.request(p, x[0], b)))(np.eye(10, dtype="float32"))
    draw(curves, means, x[0], int(y[0]), np.asarray(requests), Path(path))
    return {name: right[-1] for name, right in curves.items()}


if __name__ == "__main__":
    main(sys.argv[1]) if len(sys.argv) > 1 else main()
