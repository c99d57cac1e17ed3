"""A ring of eight Gaussians, learned by two games: which modes does the generator find?

    python examples/games/mixture.py [picture.png]

The data are points around eight places on a circle. A generator and a discriminator play for the value of
Goodfellow et al. (2014), and for the Wasserstein distance with the penalty of Gulrajani et al. (2017), five seeds each.
A mode counts as covered if at least 2 of 100 samples lie within three standard deviations of its middle; of the data
12.4 of 100 do, at each. The first game loses modes, the second covers all eight at every seed.
"""

import sys

import jax
import numpy as np

from lenses import Real, adam, adversarial, dense, dot_product, every, relu

MODES, RADIUS, SPREAD = 8, 2.0, 0.1
SHARE = 0.02
"""The share of samples by which a mode is covered."""
SAMPLES = 4000
ANGLES = 2 * np.pi * np.arange(MODES) / MODES
MIDDLES = RADIUS * np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)


def points(number: int, seed: int = 0) -> np.ndarray:
    """So many points (number, 2) of the mixture."""
    rng = np.random.default_rng(seed)
    found = MIDDLES[rng.integers(0, MODES, number)] + SPREAD * rng.normal(size=(number, 2))
    return found.astype("float32")


def shares(samples: np.ndarray) -> np.ndarray:
    """For each mode, the share of the samples within three standard deviations of its middle."""
    distances = np.linalg.norm(samples[:, None] - MIDDLES, axis=-1)
    return (distances < 3 * SPREAD).mean(0)


def network(features: int):
    """Two hidden layers of 64, and an output of so many features."""
    return dense(64) >> relu >> dense(64) >> relu >> dense(features)


def games() -> dict:
    """The two games, by name. In the second the discriminator takes three steps for each of the generator."""
    step = adam(1e-3, b1=0.5)
    parts = network(2), network(1), Real(noise=8), Real(2)
    return {
        "GAN": adversarial(*parts, saturating=False, optimisers=(step, step)),
        "Wasserstein GAN": adversarial(*parts, loss=dot_product, penalty=1.0, optimisers=(every(3, step), step)),
    }


def learn(fit, seed: int, epochs: int, data: np.ndarray) -> np.ndarray:
    """Samples (SAMPLES, 2) of the generator after so many epochs."""
    state = fit.init(jax.random.key(seed))
    state, _ = fit.run(state, data, epochs, batch=128, key=jax.random.key(seed))
    return np.asarray(fit.sample(state, jax.random.key(seed), SAMPLES))


def draw(found: dict[str, list[np.ndarray]], picture: str) -> None:
    """The samples of each game, a row, at each seed, a column; crosses are the modes."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no picture: pip install 'paralens[pictures]'")
        return
    columns = max(map(len, found.values()))
    figure = Figure(figsize=(2.2 * columns, 2.4 * len(found)), layout="constrained")
    axes = figure.subplots(len(found), columns, squeeze=False, sharex=True, sharey=True)
    for row, (name, each) in zip(axes, found.items(), strict=True):
        for seed, (ax, samples) in enumerate(zip(row, each, strict=True)):
            ax.scatter(*samples[:1000].T, s=2, alpha=0.5, color="#2f6fb2", linewidths=0)
            ax.scatter(*MIDDLES.T, s=40, marker="+", color="#c23b22", linewidths=0.8)
            ax.set_title(f"{name}, seed {seed}: {(shares(samples) >= SHARE).sum()} of {MODES}", fontsize=8)
            ax.set(xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], aspect="equal")
    figure.savefig(picture, dpi=110)
    print(f"samples of all seeds: {picture}")


def main(picture: str = "mixture.png", *, seeds: int = 5, epochs: int = 80, size: int = 12800) -> dict[str, list[int]]:
    """How many modes each game covers at each seed."""
    data = points(size)
    found: dict[str, list[np.ndarray]] = {}
    covered: dict[str, list[int]] = {}
    for name, fit in games().items():
        found[name] = [learn(fit, seed, epochs, data) for seed in range(seeds)]
        covered[name] = [int((shares(samples) >= SHARE).sum()) for samples in found[name]]
        close = np.mean([shares(samples).sum() for samples in found[name]])
        full = covered[name].count(MODES)
        print(f"{name}: {covered[name]} of {MODES} modes, all of them at {full} of {seeds} seeds; "
              f"{close:.0%} of the samples are near one")  # fmt: skip
    draw(found, picture)
    return covered


if __name__ == "__main__":
    main(*sys.argv[1:2])
