"""The formats in which a picture is written. Each knows curves and texts only, so that all of them show the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lenses.errors import FileError, LensError, explain, shown
from lenses.files import write_whole

from ..scene import WRITERS, Scene
from . import dot, html, raster, svg, tex

TEXTS = {".svg": svg.write, ".tex": tex.write, ".dot": dot.write, ".html": html.write}
"""The formats that are texts, by file ending; they need nothing but Python."""


def save(scene: Scene, path: Any, dpi: float = raster.DPI, **unknown: Any) -> None:
    """Writes a scene by the file's ending: .svg, .tex, .dot, .html, .pdf or .png, with `dpi` dots for 72 points.

    Raises FileError for another ending, a place that cannot be written, and .png and .pdf without matplotlib,
    LensError for other options; what stood in the file stays there then.
    """
    for name, value in unknown.items():
        raise LensError(explain(f"save: {name}={shown(value)}", expected="dpi, the one option"))
    try:
        ending = Path(path).suffix.lower()
    except TypeError:
        raise FileError(explain(f"cannot write {shown(path)}", expected="the path of a file")) from None
    if ending in TEXTS:
        raw = TEXTS[ending](scene).encode()
    elif ending == ".png":
        raw = raster.write_png(scene, dpi)
    elif ending == ".pdf":
        raw = raster.write_pdf(scene)
    else:
        known = f"{', '.join([*TEXTS, '.png'])} or .pdf"
        raise FileError(explain(f"cannot write {path}", expected=known, came=ending or "no ending"))
    write_whole(path, raw)


WRITERS |= {"save": save, "svg": svg.write}
