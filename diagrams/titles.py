"""Titles: a line of text above a picture."""

from __future__ import annotations

from .moving import Move
from .scene import Label, Scene
from .text import width

HEAD = 24.0
"""The room for a title."""
MARGIN = 10.0
"""The space around it."""


def add_title(scene: Scene, title: str) -> None:
    """Makes `title` that of the scene, and writes it above everything in it, unless it is empty."""
    scene.title = title
    if title:
        Move(0.0, HEAD).scene(scene)
        wide = width(title, 13.0, True)
        scene.labels.append(Label(title, MARGIN, MARGIN + 12.0, "start", 13.0, "title", title, wide, bold=True))
        scene.width, scene.height = max(scene.width, wide + 2 * MARGIN), scene.height + HEAD
