"""HTML: one file that opens without a network, with the picture as SVG and a small script to look around in it.

Its security policy lets in nothing but the styles and the script written here, told by their checksums.
Without scripts the picture is still there, with the browser's own tooltips.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ..scene import Scene
from ..shapes import Group, Text
from ..themes import THEMES, Theme
from . import svg
from .common import colour, parts, roles

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src {script_hash}; \
style-src {style_hash} {rules_hash}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main id="view">
{picture}</main>
<section class="unseen">
<h2>Boxes, in reading order</h2>
<ol>
{boxes}
</ol>
</section>
<p id="help">Drag to move, turn a wheel to zoom. Click a wire to follow it, again for its name, a frame to fold it.</p>
<div id="bar" role="toolbar" aria-label="View" hidden>
<button type="button" data-do="in" title="Zoom in (+)" aria-label="Zoom in">+</button>
<button type="button" data-do="out" title="Zoom out (-)" aria-label="Zoom out">&minus;</button>
<button type="button" data-do="fit" title="Show all (0)">Fit</button>
<button type="button" data-do="fold" title="Fold or unfold all frames" aria-pressed="false">Fold</button>
</div>
<div id="tip" role="tooltip" dir="auto" hidden></div>
<script>{script}</script>
</body>
</html>
"""


def write(scene: Scene) -> str:
    """The page of a scene."""
    return render(*parts(scene))


def render(
    groups: Iterable[Group], width: float, height: float, theme: Theme = THEMES["light"], title: str = ""
) -> str:
    """A page with these groups, the first at the back.

    In the light theme, it is dark for readers who prefer so; in the light and the dark theme, print has its own.
    """
    groups = tuple(groups)
    style, script = _style(groups, theme), _asset("page.js")
    rules = svg.scoped(svg.style(groups, theme))
    return PAGE.format(
        title=svg.escape(title or "Diagram"),
        style=style,
        script=script,
        style_hash=_checksum(style),
        script_hash=_checksum(script),
        rules_hash=_checksum(rules),
        picture=svg.render(groups, width, height, theme, title),
        boxes="\n".join(f'<li dir="auto">{svg.escape(_said(g))}</li>' for g in groups if g.kind == "glyph"),
    )


def _said(group: Group) -> str:
    """What a box is called."""
    return group.title or " ".join(shape.text for shape in group.shapes if isinstance(shape, Text)) or "box"


def _style(groups: Iterable[Group], theme: Theme) -> str:
    """The page's own style, and the picture's colours as variables that differ in the dark and in print."""
    names = list(dict.fromkeys([*roles(groups), "ink", "quiet"]))

    def colours(theme: Theme) -> str:
        return "".join(f"--{name}:{colour(theme, name)};" for name in names)

    rules = "".join(svg.rules(name, f"var(--{name})") for name in names)
    lines = [f":root{{{colours(theme)}}}", svg.under("#view", rules)]
    if theme == THEMES["light"]:
        lines.append(f"@media (prefers-color-scheme:dark){{:root{{color-scheme:dark;{colours(THEMES['dark'])}}}}}")
    if theme in (THEMES["light"], THEMES["dark"]):
        lines.append(f"@media print{{:root{{color-scheme:light;{colours(THEMES['print'])}}}}}")
    return "\n".join([*lines, _asset("page.css")])


@cache
def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _checksum(text: str) -> str:
    """A text as a security policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
