"""Widths of texts, estimated without a font file; numbers and names of axes as they are written in pictures."""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache
from typing import Any

_ADVANCES = (
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34,
    84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63, 61, 73, 68, 99,
    69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52,
    39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
)  # fmt: skip
"""Advance widths of the printable ASCII characters in DejaVu Sans, a wide font, in hundredths of the size."""


@lru_cache(4096)
def width(text: str, size: float = 11.0, bold: bool = False) -> float:
    """The width of a line of text in points, on the safe side for the usual sans-serif fonts."""
    total = 0
    for c in text:
        code = ord(c)
        if 32 <= code < 127:
            total += _ADVANCES[code - 32]
        elif unicodedata.combining(c) or unicodedata.category(c) in ("Cf", "Mn"):
            continue
        else:
            total += 105 if unicodedata.east_asian_width(c) in "WF" else 90
    return total * size / 100 * (1.12 if bold else 1.0)


def clip(text: str, most: int) -> str:
    """The text in one line of at most `most` characters, an ellipsis in place of what is cut."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def number(value: Any, digits: int = 4) -> str:
    """A number as people write it: few digits, a proper minus sign."""
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "NaN")
    if isinstance(value, float):
        value = int(value) if value == int(value) and abs(value) < 1e6 else float(f"{value:.{digits}g}")
    return str(value).replace("-", "−")
