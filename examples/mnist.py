"""MNIST, or any data set in its format: a small convolutional network on images from a folder.

    python examples/mnist.py FOLDER [--epochs 3]

FOLDER holds the four files of LeCun, Cortes and Burges, packed (.gz) or not: train-images-idx3-ubyte,
train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte. Fashion-MNIST has the same.
"""

import argparse
import gzip
import math
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from lenses import DataError, FileError, LensError, Real, adam, conv, dense, flatten, learner, max_pool, relu
from lenses import softmax_cross_entropy as cross_entropy
from lenses.errors import explain

# -- the data: IDX is a magic number (0, 0, type of the elements, number of axes), the sizes, the elements.


def read_idx(path: Path, axes: int) -> np.ndarray:
    """The array of unsigned bytes in an IDX file; raises FileError unless it is one with so many axes, and whole."""
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(explain(f"cannot read {path}", because=error, do="get a fresh copy of the file")) from None
    magic = bytes([0, 0, 8, axes])
    if raw[:4] != magic:
        raise FileError(
            explain(
                f"{path} is no IDX file of unsigned bytes with {axes} axes",
                expected=f"the magic number {magic.hex()}",
                came=raw[:4].hex() or "an empty file",
                do="unpack it, or check that images and labels have not been exchanged",
            )
        )
    sizes = np.frombuffer(raw, ">u4", min(axes, (len(raw) - 4) // 4), 4)
    wanted, body = math.prod(map(int, sizes)), raw[4 + 4 * axes :]
    if len(sizes) < axes or len(body) != wanted:
        raise FileError(
            explain(
                f"{path} is truncated, or too long",
                expected=f"{wanted} elements, sizes {tuple(map(int, sizes))}"
                if len(sizes) == axes
                else f"{axes} sizes",
                came=f"{len(body)} elements" if len(sizes) == axes else f"{len(sizes)} sizes",
                do="get a fresh copy of the file",
            )
        )
    return np.frombuffer(body, np.uint8).reshape(sizes)


def find(folder: Path, name: str) -> Path:
    """The file `name` of a folder, packed or not; raises FileError if there is neither."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise FileError(
        explain(
            f"there is no {name} in {folder}", expected=f"{name} or {name}.gz", do="name the folder of the four files"
        )
    )


def read(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """The images of `part` ("train" or "t10k") as (n, height, width, 1) with pixels in [0, 1], and the labels (n,)."""
    images = read_idx(find(folder, f"{part}-images-idx3-ubyte"), 3)
    labels = read_idx(find(folder, f"{part}-labels-idx1-ubyte"), 1)
    if len(images) != len(labels):
        raise DataError(
            explain(f"{folder}: images and labels of {part!r} differ in number", images=len(images), labels=len(labels))
        )
    return (images / 255).astype("float32")[..., None], labels.astype("int32")


# -- the model and its learner.

model = conv(16) >> relu >> max_pool() >> conv(32) >> relu >> max_pool() >> flatten >> dense(10)


def main(arguments: Sequence[str] | None = None) -> float:
    """Trains on the folder's training images; prints and returns the accuracy on its test images."""
    parser = argparse.ArgumentParser(description="Train a small convolutional network on MNIST.")
    parser.add_argument("folder", type=Path, help="the folder of the four IDX files")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args(arguments)

    train, test = read(options.folder, "train"), read(options.folder, "t10k")
    height, width = train[0].shape[1:3]
    print(f"{len(train[0])} images of {height} x {width} to learn from, {len(test[0])} to test on")
    fit = learner(model, Real(height=height, width=width, channel=1), loss=cross_entropy, optimiser=adam(1e-3))
    state = fit.init(jax.random.key(0))
    state, history = fit.run(state, train, epochs=options.epochs, batch=options.batch)
    print(history)
    accuracy = fit.evaluate(state, test)["accuracy"]
    print(f"test accuracy: {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    try:
        main()
    except LensError as error:
        sys.exit(str(error))
