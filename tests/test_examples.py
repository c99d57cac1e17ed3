"""The examples: they run, they reach the accuracy that they promise, and MNIST's reader refuses what it cannot read."""

from __future__ import annotations

import gzip
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import EXAMPLES, example
from sklearn.datasets import load_digits

from lenses import DataError, FileError

PIXELS, LABELS = load_digits(return_X_y=True)


def test_iris_reaches_95_percent_on_held_out_folds(capsys):
    mean = example("iris").main()
    printed = capsys.readouterr().out
    folds = [float(line.rpartition(" ")[2]) for line in printed.splitlines() if line.startswith("fold")]
    assert len(folds) == 5
    assert mean == pytest.approx(np.mean(folds), abs=1e-3)
    assert mean >= 0.95


def test_digits_are_split_without_overlap():
    (x, y), (x_test, y_test) = example("digits").split(3)
    assert x.shape == (1438, 8, 8, 1) and x_test.shape == (359, 8, 8, 1)
    assert x.min() == 0 and x.max() == 1
    both = np.concatenate([x, x_test]).reshape(1797, 64) * 16
    together = sorted(zip(map(tuple, both), np.concatenate([y, y_test]), strict=True))
    assert together == sorted(zip(map(tuple, PIXELS), LABELS, strict=True))


@pytest.mark.optimised
def test_perceptron_reaches_97_percent_on_digits():
    digits = example("digits")
    assert digits.accuracy(digits.perceptron, epochs=60) >= 0.97


@pytest.mark.optimised
def test_convolutional_network_reaches_98_percent_on_digits():
    digits = example("digits")
    assert digits.accuracy(digits.convolutional) >= 0.98


# -- MNIST -----------------------------------------------------------------------------------


def idx(array: np.ndarray) -> bytes:
    """The array of bytes in the IDX format."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like MNIST's, with scikit-learn's digits enlarged to 16 x 16; two of the files are packed."""
    images = np.repeat(np.repeat(PIXELS.reshape(-1, 8, 8) * 15, 2, 1), 2, 2)
    parts = [images[:1200], LABELS[:1200], images[1200:], LABELS[1200:]]
    for i, (name, part) in enumerate(zip(NAMES, parts, strict=True)):
        if i % 2:
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(part)))
        else:
            (tmp_path / name).write_bytes(idx(part))
    return tmp_path


def test_mnist_trains_on_the_four_files(folder: Path, capsys):
    assert example("mnist").main([str(folder), "--epochs", "5", "--batch", "32"]) >= 0.85
    printed = capsys.readouterr().out
    assert "1200 images of 16 x 16 to learn from, 597 to test on" in printed


def test_mnist_reads_what_was_written(folder: Path):
    mnist = example("mnist")
    x, y = mnist.read(folder, "t10k")
    assert x.shape == (597, 16, 16, 1) and x.dtype == np.float32
    np.testing.assert_allclose(x[:, ::2, ::2, 0] * 255, PIXELS[1200:].reshape(-1, 8, 8) * 15, atol=1e-4)
    np.testing.assert_array_equal(y, LABELS[1200:])


def refused(folder: Path, kind: type[Exception], *words: str) -> None:
    """Reading the folder raises an error of this kind whose message has these words."""
    with pytest.raises(kind) as caught:
        example("mnist").read(folder, "train")
    for word in words:
        assert word in str(caught.value)


def test_mnist_missing_file(folder: Path):
    (folder / NAMES[0]).unlink()
    refused(folder, FileError, f"there is no {NAMES[0]}", str(folder), f"{NAMES[0]}.gz")


def test_mnist_bad_magic_number(folder: Path):
    raw = (folder / NAMES[0]).read_bytes()
    (folder / NAMES[0]).write_bytes(b"\x00\x00\x0d\x03" + raw[4:])
    refused(folder, FileError, NAMES[0], "00000803", "00000d03")


def test_mnist_images_given_as_labels(folder: Path):
    (folder / f"{NAMES[1]}.gz").write_bytes(gzip.compress((folder / NAMES[0]).read_bytes()))
    refused(folder, FileError, NAMES[1], "00000801", "00000803", "exchanged")


@pytest.mark.parametrize("keep", [-1, 4, 7, 16, 1000])
def test_mnist_truncated_file(folder: Path, keep: int):
    raw = (folder / NAMES[0]).read_bytes()
    (folder / NAMES[0]).write_bytes(raw[:keep])
    refused(folder, FileError, NAMES[0], "truncated")


def test_mnist_empty_file(folder: Path):
    (folder / NAMES[0]).write_bytes(b"")
    refused(folder, FileError, NAMES[0], "an empty file")


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-40], lambda raw: b"no gzip file", lambda raw: raw[:30] + b"\xff" * 9 + raw[39:]]
)
def test_mnist_damaged_archive(folder: Path, damage):
    packed = folder / f"{NAMES[1]}.gz"
    packed.write_bytes(damage(packed.read_bytes()))
    refused(folder, FileError, f"{NAMES[1]}.gz", "cannot read")


def test_mnist_differing_counts(folder: Path):
    (folder / f"{NAMES[1]}.gz").write_bytes(gzip.compress(idx(np.arange(7) % 10)))
    refused(folder, DataError, "differ in number", "1200", "7")


def test_mnist_as_a_program_says_what_is_wrong_without_a_traceback(tmp_path: Path):
    done = subprocess.run([sys.executable, EXAMPLES / "mnist.py", tmp_path], capture_output=True, text=True)
    assert done.returncode == 1
    assert NAMES[0] in done.stderr and "Traceback" not in done.stderr
