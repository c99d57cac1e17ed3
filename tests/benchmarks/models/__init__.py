"""The seven models, each written in the language and, beside it, by hand in `jax.numpy`, in Flax and in Equinox.

A hand-written version takes the parameters that the library names, so both programs start from the
same numbers.
"""

from . import convolutional, perceptron, recurrent, residual, residual_convolutional, transformer
from .model import Model

MODELS = {
    "perceptron": perceptron.model,
    "residual-10": lambda dtype="float32": residual.model(10, dtype),
    "residual-100": lambda dtype="float32": residual.model(100, dtype),
    "convolutional": convolutional.model,
    "residual-conv-layer": lambda dtype="float32": residual_convolutional.model("layer", dtype),
    "residual-conv-batch": lambda dtype="float32": residual_convolutional.model("batch", dtype),
    "transformer": transformer.model,
    "recurrent": recurrent.model,
}
"""Functions of a dtype that make the models, by name."""

__all__ = ["MODELS", "Model"]
