"""Sharding: beside the names of axes those of the axes of a mesh of devices over which they are spread."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from lenses.errors import LensError, explain, shown
from lenses.spaces import Array

from ..curves import line, rounded
from ..plan import Plan
from ..scene import Label, Mark, Scene
from ..shapes import Shape, Stroke, Text
from ..styles import Style
from ..text import width

SMALL = 7.5
"""The size of the text of tags."""
PARTS = "\u2063"
"""Parts a label from its tags, while room is made for both; no name of an axis keeps this character in a label."""
SPACES = "   "
"""Makes up for the margins of a tag, whose text is smaller than that of the label."""
DASHES = (None, (5.0, 2.0), (1.6, 1.6))
"""How the lines of the axes of the mesh are told apart without colours."""


@dataclass(frozen=True)
class Sharded(Style):
    """A style whose labels have tags: pairs of the name of an axis and of the axis of the mesh on which it lies."""

    mesh: tuple[tuple[str, str], ...] = ()

    def tags(self, array: Array, slot: int) -> list[str]:
        """The axes of the mesh over which a strand is spread, with its own where it is a whole array."""
        mesh = dict(self.mesh)
        if slot >= 0:
            return [mesh[n] for n in array.names[slot : slot + 1] if n in mesh]
        return [f"{n}: {mesh[n]}" for n in array.names if n in mesh and not self.axes and self.name != "circuit"]

    def label(self, array: Array, slot: int, first: bool) -> str:
        return "".join([super().label(array, slot, first), *(f"{PARTS}{SPACES}{t}" for t in self.tags(array, slot))])


def sharded(style: Style, plan: Plan, mesh: Mapping[str, str]) -> Style:
    """The style with tags, from a mapping of names of axes to those of the mesh, as in {"head": "model"}.

    Raises LensError for an axis that the plan does not have, and where an array would lie on one axis
    of the mesh twice.
    """
    if not isinstance(mesh, Mapping) or not all(isinstance(v, str) and v and v.isprintable() for v in mesh.values()):
        expected = "names of axes, each with that of an axis of the mesh: {'batch': 'data'}"
        raise LensError(explain(f"draw: mesh={shown(mesh)}", expected=expected))
    plan.check_axes("mesh", mesh)
    for array in plan.arrays():
        used = [mesh[n] for n in array.names if n and n in mesh]
        twice = next((m for m in used if used.count(m) > 1), None)
        if twice is not None:
            raise LensError(explain(f"draw: mesh: two axes of one array lie on {twice!r}", array=repr(array)))
    fields = {f.name: getattr(style, f.name) for f in dataclasses.fields(Style)}
    return Sharded(**fields, mesh=tuple(mesh.items()))


def tags(scene: Scene, style: Sharded) -> None:
    """Parts the labels into their texts and tags, and underlines both."""
    number = {m: k for k, m in enumerate(dict.fromkeys(m for _, m in style.mesh))}
    number |= {f"{n}: {m}": number[m] for n, m in style.mesh}
    labels: list[Label] = []
    for label in scene.labels:
        text, *tags = label.text.split(PARTS) if label.role == "axis" else [label.text]
        label = dataclasses.replace(label, text=text, width=width(text, label.size, label.bold))
        labels += [label] if text else []
        x = label.x + label.width + (5.0 if text else 0.0)
        under = label.x
        for tag in (t[len(SPACES) :] for t in tags):
            k = number[tag]
            wide, y = width(tag, SMALL) + 5.0, label.y + 6.4
            colour = f"kept{k % 6}"
            shapes: tuple[Shape, ...] = (
                Stroke(rounded(x, label.y - 8.0, wide, 9.6, 3.0), colour, "paper", 0.9),
                Text(tag, x + 2.5, label.y - 0.6, SMALL, width=wide - 5.0),
                Stroke(line((under, y), (x + wide, y)), colour, None, 1.8, DASHES[k % len(DASHES)]),
            )
            scene.marks.append(Mark("sharding", shapes, x, label.y - 8.0, wide, 9.6, tag, f"spread over {tag}"))
            under = x = x + wide + 3.0
    scene.labels[:] = labels
