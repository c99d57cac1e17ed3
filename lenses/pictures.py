"""The door to pictures: this package draws nothing, and asks whoever does so by an entry point, `lenses.pictures`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from .errors import LensError, explain

GROUP = "lenses.pictures"
"""The group of entry points in which a package names its function `draw`."""


@cache
def drawer() -> Callable[..., Any] | None:
    """The installed function that draws terms, ``draw(term, ...)`` to a picture with `save` and `svg`; None without."""
    for entry in entry_points(group=GROUP, name="draw"):
        return entry.load()
    return None


def draw(*arguments: Any, **how: Any) -> Any:
    """Draws with the installed function; raises LensError where there is none."""
    function = drawer()
    if function is None:
        raise LensError(explain("nothing is installed that draws terms", do="install this project with pip"))
    return function(*arguments, **how)
