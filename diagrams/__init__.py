"""Pictures of terms. So far one style: the wiring graph, boxes and arrows with the spaces on the wires."""

from .graph import Picture, draw

__all__ = ["Picture", "draw"]
