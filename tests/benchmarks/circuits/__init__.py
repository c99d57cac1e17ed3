"""Boolean circuits: deciding, simplifying, running and learning them, a part a file; each has ``measure(options)``."""

from __future__ import annotations

import importlib

from ..measure import Figure, Options

TITLE = "boolean circuits"

PARTS = ("running", "soft", "equality")


def measure(options: Options) -> list[Figure]:
    """The figures of all parts."""
    return [f for part in PARTS for f in importlib.import_module(f"{__package__}.{part}").measure(options)]
