"""What combinators that act along an axis share: taking it out of an array's type and putting it in front."""

from __future__ import annotations

from collections.abc import Sequence

from ..spaces import Array, Space
from ..terms import Box


def without(box: Box, array: Array, wire: int) -> Array:
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
    return Array((size, *array.sizes), (name, *array.names), array.element)


def steps_along(box: Box, dom: Space, wires: Sequence[int]) -> tuple[int, str | None]:
    axis = box.fields["axis"]
    size, name = None, None
    for wire in wires:
        place = dom[wire].axis(axis)
        if size is not None and dom[wire].sizes[place] != size:
            box.fail(wire, f"{size} along the axis {axis!r}, as on the wires before", dom[wire])
        size, name = dom[wire].sizes[place], dom[wire].names[place]
    assert size is not None
    return size, name
