"""How the primitives of JAX look: the table of those that are known. All others are boxes that act along all axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .axes import broadcast, iota, reshape, squeeze, transpose
from .boxes import along, each, matrices
from .elementwise import NAMES, elementwise
from .look import Look
from .products import product, reduction, total
from .slices import cut, gather, pad, scatter, window
from .windows import convolution, pooling

__all__ = ["LOOKS", "Look", "look"]

_TABLE: dict[str, Callable[[Any], Look]] = {
    NAMES: elementwise,
    "dot_general": product,
    "reduce_sum": total,
    "reduce_max reduce_min reduce_prod reduce_and reduce_or reduce_xor argmax argmin reduce": reduction,
    "transpose": transpose,
    "squeeze": squeeze,
    "reshape": reshape,
    "broadcast_in_dim": broadcast,
    "iota": iota,
    "slice": cut,
    "pad": pad,
    "dynamic_slice dynamic_update_slice": window,
    "gather": gather,
    "scatter scatter-add scatter_add scatter_mul scatter_sub scatter_min scatter_max": scatter,
    "conv_general_dilated": convolution,
    "reduce_window reduce_window_sum reduce_window_max reduce_window_min": pooling,
    "select_and_scatter_add select_and_gather_add": pooling,
    "cumsum cumprod cummax cummin cumlogsumexp sort rev concatenate split top_k": along,
    "cholesky lu triangular_solve eigh eig qr svd householder_product fft": matrices,
    "optimization_barrier device_put": each,
}

LOOKS = {name: look for names, look in _TABLE.items() for name in names.split()}
"""How equations of a primitive look, by its name."""


def look(eqn: Any) -> Look:
    """How an equation is drawn that calls no function."""
    known = LOOKS.get(eqn.primitive.name)
    return known(eqn) if known else Look("box", eqn.primitive.name)
