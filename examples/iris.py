"""Three species of iris told apart by four lengths: a perceptron with one hidden layer, five held-out folds.

    python examples/iris.py

The data come with scikit-learn (Fisher 1936); nothing is downloaded.
"""

import jax
import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedKFold

from lenses import Real, adam, dense, learner, softmax_cross_entropy, tanh

# A model is a term: boxes composed with >>. Sizes of inputs are inferred when it meets a space.
model = dense(16) >> tanh >> dense(3)

# A learner is the model closed off with a loss and an optimiser, each of them a lens.
fit = learner(model, Real(feature=4), loss=softmax_cross_entropy, optimiser=adam(1e-2))


def main(epochs: int = 100) -> float:
    """Trains on four fifths of the flowers and tests on the last fifth, five times; the mean test accuracy."""
    x, y = load_iris(return_X_y=True)
    accuracies = []
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    for i, (train, test) in enumerate(folds.split(x, y)):
        # Scaled by what is known of the training flowers alone.
        scaled = ((x - x[train].mean(0)) / x[train].std(0)).astype("float32")
        state = fit.init(jax.random.key(i))
        state, history = fit.run(state, (scaled[train], y[train]), epochs=epochs, batch=8, progress=False)
        accuracies.append(fit.evaluate(state, (scaled[test], y[test]))["accuracy"])
        print(f"fold {i}: loss {history.loss[-1]:.3f}, test accuracy {accuracies[-1]:.3f}")
    mean = float(np.mean(accuracies))
    print(f"mean test accuracy: {mean:.3f}")
    return mean


if __name__ == "__main__":
    main()
