"""Handwritten digits of 8 x 8 pixels told apart by 6000 gates, and the digits that the circuit dreams of.

    python examples/circuits/digits.py

Each pixel is three bits, whether it is above three thresholds. Three layers of gates read two wires each,
drawn once; their truth tables are learned softly and hardened, and each class scores by a tenth of the last
layer. Then the tables are held, and the bits of a grey image flip until the circuit sees a digit in it.
"""

import jax
import numpy as np
from sklearn.datasets import load_digits

from lenses import Bits, Real, adam, compile, dot_product, dream, learner, softmax_cross_entropy
from lenses.circuits import boolean_variation, flips, harden, layer, numbers, simplify, soften, tally, to_netlist

THRESHOLDS = (2, 6, 11)
CLASSES = 10
BITS = Bits(3 * 64)


def images(pixels: np.ndarray) -> np.ndarray:
    """Images (n, 64) of pixels from 0 to 16 as bits (n, 192)."""
    return np.concatenate([pixels > threshold for threshold in THRESHOLDS], 1).astype(int)


def split(seed: int = 0):
    """The digits as (train, test), four fifths and one fifth: bits (n, 192) and labels (n,)."""
    pixels, y = load_digits(return_X_y=True)
    x = images(pixels)
    test, train = np.split(np.random.default_rng(seed).permutation(len(x)), [len(x) // 5])
    return (x[train], y[train]), (x[test], y[test])


def circuit(width: int, depth: int = 3):
    """The learned circuit: layers of as many gates."""
    model = layer(width, seed=1)
    for seed in range(2, depth + 1):
        model = model >> layer(width, seed=seed)
    return model


def scored(model):
    """The circuit with the scores of the classes, still over bits."""
    return model >> numbers >> tally(CLASSES, 10.0)


def accuracy(model, bits, data) -> float:
    """How many images the hardened circuit gets right."""
    x, y = data
    return float((np.asarray(compile(scored(model), BITS)(bits, x)).argmax(-1) == y).mean())


def learn(model, train, seed: int = 0, epochs: int = 60):
    """The learned bits of a circuit."""
    soft = soften(model) >> tally(CLASSES, 10.0)
    fit = learner(soft, Real(192), loss=softmax_cross_entropy, optimiser=adam(0.05))
    state = fit.init(jax.random.key(seed))
    state, history = fit.run(state, train, epochs=epochs, batch=100, key=jax.random.key(seed), progress=False)
    print(f"loss {history.loss[0]:.3f} -> {history.loss[-1]:.3f} in {history.seconds:.0f} s")
    return harden(model, state.params, BITS)


def dreamed(model, bits, digit: int, steps: int = 60) -> np.ndarray:
    """An image (8, 8) of numbers from 0 to 3 that the circuit takes for this digit, from a grey one.

    What is learned is the image: its bits flip by the votes of the gates, up the score of the digit, down the others.
    """
    grey = images(np.full((1, 64), 8))[0]
    wanted = (10.0 * np.eye(CLASSES)[digit] - 1.0).astype("float32") / 9.0
    dreamer = dream(
        scored(model),
        BITS,
        params=bits,
        loss=dot_product,
        optimiser=flips(1.0, beta=0.9, threshold=0.1),
        rule=boolean_variation(),
    )
    state, _ = dreamer.run(dreamer.init(start=grey), wanted, steps)
    scores = np.asarray(compile(scored(model), BITS)(bits, state.input))
    print(f"a dream of {digit}, which has a score of {scores[digit]:.1f}, the next {np.sort(scores)[-2]:.1f}")
    return np.asarray(state.input).reshape(3, 8, 8).sum(0)


def main(width: int = 2000, epochs: int = 60, seed: int = 0) -> float:
    """Learns, hardens, counts gates and dreams; the accuracy of the hardened circuit on images it has not seen."""
    train, test = split(seed)
    model = circuit(width)
    bits = learn(model, train, seed, epochs)
    print(f"hardened: {accuracy(model, bits, train):.4f} on what it learned from, ", end="")
    reached = accuracy(model, bits, test)
    print(f"{reached:.4f} on new images, with {3 * width} gates")
    print(simplify(to_netlist(model.at(BITS), bits)))
    for digit in (0, 3, 7):
        for row in dreamed(model, bits, digit):
            print("   ", "".join(" .+#"[value] for value in row))
    return reached


if __name__ == "__main__":
    main()
