"""What the formats share: what of a scene they write, its colours, and text and numbers fit to be written."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lenses.errors import DataError, explain

from ..paint import shapes
from ..scene import Scene
from ..shapes import Group, Stroke
from ..themes import THEMES, Theme

Parts = tuple[tuple[Group, ...], float, float, Theme, str]
"""Groups from the back to the front, width, height, theme and title: what `render` of every format takes."""

NONE = "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
UNWRITABLE = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{NONE}]")
"""Controls, lone surrogates and what Unicode says is no character."""


def parts(scene: Scene) -> Parts:
    """What there is to write of a scene."""
    return tuple(shapes(scene)), scene.width, scene.height, scene.theme or THEMES["light"], scene.title


def clean(text: str) -> str:
    """The text with a replacement character for each one that no format can hold."""
    return UNWRITABLE.sub("\ufffd", text)


def number(value: float) -> str:
    """A number with two decimals at most."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def roles(groups: Iterable[Group]) -> list[str]:
    """The names of the colours that the groups use, in order of appearance, after that of the paper."""
    found = {"paper": None}
    for group in groups:
        for shape in group.shapes:
            both = (shape.stroke, shape.fill) if isinstance(shape, Stroke) else (shape.colour,)
            found |= {role: None for role in both if role is not None}
    return list(found)


def colour(theme: Theme, role: str) -> str:
    """The colour of a role as #rrggbb. Raises DataError where the theme has none, or writes it otherwise."""
    value = theme.colours.get(role)
    if not re.fullmatch("[A-Za-z][A-Za-z0-9]*", role) or not re.fullmatch("#[0-9A-Fa-f]{6}", str(value)):
        raise DataError(
            explain(f"the theme {theme.name!r} has no usable colour {role!r}", expected="#rrggbb",
                    came="nothing" if value is None else repr(value))
        )  # fmt: skip
    return str(value)
