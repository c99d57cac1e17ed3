"""What combinators that act along an axis share: taking it out of an array's type and putting it in front."""

from __future__ import annotations

from collections.abc import Sequence

from ..spaces import Array, Space
from ..terms import Box


def without(box: Box, array: Array, wire: int) -> Array:
    """The array on a wire without the axis of the box; refuses one that lacks it."""
    axis = box.fields["axis"]
    try:
        place = array.axis(axis) + array.rank
    except KeyError:
        return box.fail(
            wire, f"an array with the axis {axis!r}", array, "name the axis in the space, as in Real(time=64, d=8)"
        )
    keep = [i for i in range(array.rank) if i != place]
    return Array([array.sizes[i] for i in keep], [array.names[i] for i in keep], array.element)


def in_front(array: Array, size: int, name: str | None) -> Array:
    """The array with one more axis in front."""
    return Array((size, *array.sizes), (name, *array.names), array.element)


def steps_along(box: Box, dom: Space, wires: Sequence[int]) -> tuple[int, str | None]:
    """The size and the name of the axis of the box, which the given wires must agree on."""
    axis = box.fields["axis"]
    size, name = None, None
    for wire in wires:
        place = dom[wire].axis(axis)
        if size is not None and dom[wire].sizes[place] != size:
            box.fail(wire, f"{size} along the axis {axis!r}, as on the wires before", dom[wire])
        size, name = dom[wire].sizes[place], dom[wire].names[place]
    if size is None:
        return box.fail("any", f"an array with the axis {axis!r}", dom)
    return size, name
