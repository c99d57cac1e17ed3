"""PNG and PDF, drawn by matplotlib without axes: the size is the scene's, and a PDF is curves and text only."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from lenses.errors import FileError, explain

from ..curves import line
from ..scene import Curve, Scene
from ..shapes import ANCHORS, Group, Shape, Stroke, Text
from ..themes import THEMES, Theme
from .common import clean, colour, number, parts

DPI = 192.0
"""Dots an inch: two and two thirds for each point of a scene."""

MOST = 2**28
"""The most dots of a picture, which take a gigabyte."""

LONGEST = 500
"""The most characters of a label that are drawn: in PNG, matplotlib draws each label as an image of its own first."""


def write_png(scene: Scene, dpi: float = DPI) -> bytes:
    """A PNG file of the scene. Raises FileError without matplotlib, and for pictures of more than 2**28 dots."""
    return png(*parts(scene), dpi=dpi)


def write_pdf(scene: Scene) -> bytes:
    """A PDF file of the scene, of its size in points, with its fonts embedded. Raises FileError without matplotlib."""
    return pdf(*parts(scene))


def png(
    groups: Iterable[Group], width: float, height: float, theme: Theme = THEMES["light"], title: str = "",
    dpi: float = DPI,
) -> bytes:  # fmt: skip
    """A PNG file with these groups, of dpi / 72 dots a point."""
    if not dpi > 0:
        raise FileError(explain(f"cannot write a PNG file with dpi={dpi}", expected="a number above 0"))
    w, h = (max(1, round(side * dpi / 72)) for side in (width, height))
    if w * h > MOST or max(w, h) >= 2**16:
        most = min((MOST / (width * height)) ** 0.5, 2**16 / max(width, height)) * 72
        raise FileError(
            explain(f"cannot write a PNG file of {w} x {h} dots", expected=f"dpi of {number(most)} or less",
                    came=f"dpi={dpi}", do="or save it as .svg or .pdf")
        )  # fmt: skip
    metadata = {"Title": clean(title)} if title else {}
    # matplotlib cuts to whole dots, so a little more than whole
    return _drawn(groups, (w + 0.1) / dpi, (h + 0.1) / dpi, height, theme, "png", metadata, dpi)


def pdf(groups: Iterable[Group], width: float, height: float, theme: Theme = THEMES["light"], title: str = "") -> bytes:
    """A PDF file with these groups."""
    metadata = {"Title": clean(title) or None, "CreationDate": None}
    return _drawn(groups, max(width, 1) / 72, max(height, 1) / 72, height, theme, "pdf", metadata, 72)


def _drawn(
    groups: Iterable[Group], across: float, down: float, height: float, theme: Theme, kind: str,
    metadata: dict[str, Any], dpi: float,
) -> bytes:  # fmt: skip
    """A file of a figure of the given size in inches."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
        from matplotlib.transforms import Affine2D
    except ImportError:
        do = "pip install paralens[pictures], or save it as .svg, .html, .tex or .dot"
        raise FileError(explain("cannot write PNG and PDF files without matplotlib", do=do)) from None

    out = io.BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # it is drawn as a box
        matplotlib.rcdefaults()
        matplotlib.rcParams |= {"pdf.fonttype": 42, "lines.scale_dashes": False, "font.family": _fonts(theme)}
        figure = Figure((across, down), dpi)
        place = Affine2D().scale(1 / 72, -1 / 72).translate(0, down) + figure.dpi_scale_trans
        for order, shape in enumerate(shape for group in groups for shape in group.shapes):
            _add(figure, shape, theme, {"transform": place, "zorder": order})
        paper = colour(theme, "paper") if theme.filled else "none"
        figure.savefig(out, format=kind, dpi=dpi, facecolor=paper, metadata=metadata)
    return out.getvalue()


def _fonts(theme: Theme) -> list[str]:
    """The theme's fonts that are here; matplotlib brings the first of the usual ones along."""
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    return [name for name in (part.strip(" \"'") for part in theme.font.split(",")) if name in known] or ["DejaVu Sans"]


def _add(figure: Any, shape: Shape, theme: Theme, options: dict[str, Any]) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.text import Text as Line

    if isinstance(shape, Stroke):
        patch = PathPatch(
            _path(shape.curve),
            facecolor="none" if shape.fill is None else colour(theme, shape.fill),
            edgecolor="none" if shape.stroke is None else colour(theme, shape.stroke),
            linewidth=0 if shape.stroke is None else shape.width,
            linestyle=(0, shape.dash) if shape.dash else "solid",
            capstyle="butt" if shape.dash else "round",
            snap=False,
            **options,
        )
        figure.add_artist(patch)
    elif shape.text.strip():
        words = re.sub("[\t\n\r\u2028\u2029]", " ", clean(shape.text))
        text = Line(
            shape.x,
            shape.y,
            words if len(words) <= LONGEST else words[: LONGEST - 1] + "…",
            fontsize=shape.size,
            color=colour(theme, shape.colour),
            ha={"start": "left", "middle": "center", "end": "right"}[shape.anchor],
            va="baseline",
            weight="bold" if shape.bold else "normal",
            style="italic" if shape.italic else "normal",
            parse_math=False,
            **options,
        )
        figure.add_artist(text)
        for curve in _bars(shape, text.get_fontproperties()):
            figure.add_artist(PathPatch(_path(curve), edgecolor=colour(theme, shape.colour), linewidth=0.7, **options))


def _bars(shape: Text, font: Any) -> Iterator[Curve]:
    """The lines over parts of a text, which matplotlib measures."""
    from matplotlib.textpath import text_to_path

    def wide(text: str) -> float:
        return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]

    left = shape.x - ANCHORS[shape.anchor] * (wide(shape.text) if shape.bars else 0.0)
    y = shape.y - 0.85 * shape.size
    for start, end in shape.bars:
        yield line((left + wide(shape.text[:start]), y), (left + wide(shape.text[:end]), y))


def _path(curve: Curve) -> Any:
    from matplotlib.path import Path

    vertices, codes = [], []
    for command, *values in curve:
        points = list(zip(values[::2], values[1::2], strict=True)) or [(0.0, 0.0)]
        code = {"M": Path.MOVETO, "L": Path.LINETO, "C": Path.CURVE4, "Z": Path.CLOSEPOLY}[command]
        vertices += points
        codes += [code] * len(points)
    return Path(vertices, codes)
