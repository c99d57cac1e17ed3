"""Hypothesis strategies over a signature: well-typed terms, spaces, and arrays of a space.

A term is drawn as bytes, which `generate.decode` turns into a well-typed term whatever they are. So
nothing is filtered, and hypothesis shrinks by making the bytes fewer and smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LensError, explain
from ..spaces import Space
from ..typed import Typed
from .generate import LENGTH, STEP, decode
from .points import KINDS, array_values
from .signature import Signature, standard

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def _strategies() -> Any:
    from hypothesis import strategies  # here, since only tests should pay for importing it

    return strategies


def terms(
    signature: Signature | None = None,
    dom: Space | None = None,
    cod: Space | None = None,
    steps: int = LENGTH,
) -> SearchStrategy[Typed]:
    """Well-typed terms over a signature (`standard()` by default), at a given domain or codomain if wanted.

    `steps` bounds the boxes; hypothesis shrinks towards few and simple ones.
    """
    given = signature or standard()
    length = 4 + STEP * steps
    start = None if dom is None else dom.arrays
    end = None if cod is None else cod.arrays
    return _strategies().binary(min_size=length, max_size=length).map(lambda b: decode(b, given, start, end))


def spaces(signature: Signature | None = None, most: int = 3) -> SearchStrategy[Space]:
    """Spaces of up to `most` arrays of a signature, the empty one too."""
    st = _strategies()
    arrays = (signature or standard()).arrays
    return st.lists(st.sampled_from(arrays), max_size=most).map(Space)


def values(
    space: Space,
    kinds: Sequence[str] = ("normal", "positive", "ties", "equal", "zero", "wide", "tiny", "huge"),
    nan: bool = False,
) -> SearchStrategy[list[Any]]:
    """One NumPy array for each wire of a space, of a kind of `points.KINDS`: ties, repeats, zeros of both signs, ...

    With `nan`, some have entries that are no numbers. Indices are drawn evenly.
    """
    st = _strategies()
    unknown = [k for k in kinds if k not in KINDS]
    if unknown:
        raise LensError(explain(f"no kind of values is called {unknown[0]!r}", expected=", ".join(KINDS)))
    chosen = st.sampled_from([*kinds, "nan"] if nan else list(kinds))

    def draw(kind: str, seed: int) -> list[Any]:
        rng = np.random.default_rng(seed)
        return [array_values(a, kind, rng) for a in space]

    return st.builds(draw, chosen, st.integers(0, 2**32 - 1))
