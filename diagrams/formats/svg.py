"""SVG: a group an item, and a class a colour, so that a page can restyle it and a plain rasteriser still draws it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ..scene import Curve, Scene
from ..shapes import Group, Shape, Stroke
from ..themes import THEMES, Theme
from .common import clean, colour, number, parts, roles

SIZE = 11.0
"""The size of text that is not said at each one."""

TEXT_STYLES = ".m{text-anchor:middle}.e{text-anchor:end}.b{font-weight:bold}.i{font-style:italic}"

BAR = '<tspan text-decoration="overline">'
"""Begins what has a line over it."""

ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)
"""Characters that mark up, or that a parser would change."""


def write(scene: Scene) -> str:
    """The text of an SVG file of the scene; a point of the scene is a unit of the picture."""
    return render(*parts(scene))


def render(
    groups: Iterable[Group], width: float, height: float, theme: Theme = THEMES["light"], title: str = ""
) -> str:
    """The text of an SVG file with these groups, the first at the back.

    Each group becomes a `g` with its kind as class, its title, and its attributes as `data-*`. Colours are
    rules for the classes `s-ROLE` (stroke) and `f-ROLE` (fill), under a class of the root that is made from
    them: pictures of different themes can stand in one page.
    """
    groups = tuple(groups)
    w, h = number(width), number(height)
    css = style(groups, theme)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{scope(css)}" viewBox="0 0 {w} {h}" width="{w}" height="{h}"'
        ' role="img" xml:space="preserve" fill="none" stroke-linecap="round"'
        f' font-family="{escape(theme.font)}" font-size="{number(SIZE)}">',
        f"<title>{escape(title or 'Diagram')}</title>",
        f"<desc>{describe(groups)}</desc>",
        f"<style>{scoped(css)}</style>",
    ]
    if theme.filled:
        lines.append(f'<path class="f-paper" d="M0 0H{w}V{h}H0Z"/>')
    lines += [_group(group) for group in groups]
    return "\n".join([*lines, "</svg>", ""])


def escape(text: str) -> str:
    """The text as it stands in an element or an attribute, of XML as of HTML."""
    return clean(text).translate(ESCAPES)


def describe(groups: Iterable[Group]) -> str:
    """A sentence on what is drawn, for those who do not see it."""
    kinds = [group.kind for group in groups]
    return f"Boxes: {kinds.count('glyph')}. Wires: {kinds.count('wire')}. Time runs from left to right."


def rules(role: str, value: str) -> str:
    """What the two classes of a role mean, given its colour."""
    return f".s-{role}{{stroke:{value}}}.f-{role}{{fill:{value}}}"


def style(groups: Iterable[Group], theme: Theme) -> str:
    """The rules for all classes of the groups, a class a rule."""
    return "".join(rules(role, colour(theme, role)) for role in roles(groups)) + TEXT_STYLES


def scope(css: str) -> str:
    """The class of a root whose content follows these rules."""
    return "d" + hashlib.sha256(css.encode()).hexdigest()[:7]


def scoped(css: str) -> str:
    """The rules, for what is under such a root only."""
    return under(f".{scope(css)}", css)


def under(selector: str, css: str) -> str:
    """The rules, for what is under a selector only."""
    return "".join(f"{selector} {rule}}}" for rule in css.split("}")[:-1])


def path(curve: Curve) -> str:
    """A curve as the attribute `d`, with H and V for straight lines along the axes."""
    out = []
    last = ("", "")
    for command, *values in curve:
        texts = tuple(map(number, values))
        if command == "L" and texts[1] == last[1]:
            out.append(f"H{texts[0]}")
        elif command == "L" and texts[0] == last[0]:
            out.append(f"V{texts[1]}")
        else:
            out.append(command + " ".join(texts))
        last = texts[-2:] or ("", "")
    return "".join(out)


def _group(group: Group) -> str:
    data = {"".join(c if c.isascii() and c.isalnum() else "-" for c in k.lower()): v for k, v in group.attributes}
    attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    title = f"<title>{escape(group.title)}</title>" if group.title else ""
    return f'<g class="{escape(group.kind)}"{attributes}>{title}{"".join(map(_shape, group.shapes))}</g>'


def _shape(shape: Shape) -> str:
    if isinstance(shape, Stroke):
        classes = [f"s-{shape.stroke}"] * (shape.stroke is not None) + [f"f-{shape.fill}"] * (shape.fill is not None)
        width = f' stroke-width="{number(shape.width)}"' if shape.width != 1 else ""
        dash = f' stroke-dasharray="{" ".join(map(number, shape.dash))}" stroke-linecap="butt"' if shape.dash else ""
        return f'<path class="{" ".join(classes)}"{width}{dash} d="{path(shape.curve)}"/>'
    classes = [f"f-{shape.colour}"] + [{"middle": "m", "end": "e"}.get(shape.anchor, "")] * (shape.anchor != "start")
    classes += ["b"] * shape.bold + ["i"] * shape.italic
    size = f' font-size="{number(shape.size)}"' if shape.size != SIZE else ""
    place = f'x="{number(shape.x)}" y="{number(shape.y)}"'
    text = "".join(f"{BAR}{escape(part)}</tspan>" if bar else escape(part) for part, bar in shape.pieces())
    return f'<text class="{" ".join(classes)}"{size} {place}>{text}</text>'
