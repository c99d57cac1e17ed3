"""Draws the gallery: ``python -m examples.gallery [folder]`` writes an SVG a picture, and a page with all of them."""

from __future__ import annotations

import argparse
import html
from pathlib import Path
from typing import Any

from tqdm import tqdm

import diagrams
from lenses.files import write_whole

from . import ARCHITECTURES, CIRCUITS, DIFFERENTIATION, GAMES, LEARNERS, PICTURES, SCHEMAS, SEQUENCES, THEORY, Picture

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gallery</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #16181d; }}
figure {{ margin: 2.5rem 0; }}
figcaption {{ max-width: 45rem; }}
figcaption strong {{ display: block; }}
.picture {{ overflow-x: auto; }}
</style>
</head>
<body>
<h1>Gallery</h1>
<p>Each picture is drawn from a term that also runs.</p>
{sections}
</body>
</html>
"""


def scene(picture: Picture) -> diagrams.Scene:
    """The drawn picture: its term, or the two sides of its equation."""
    how: dict[str, Any] = {"style": picture.style, "fold": picture.fold, "names": picture.inputs or None, **picture.how}
    if picture.schema is not None:
        return diagrams.draw(picture.schema)
    if picture.causal is not None:
        return diagrams.draw(picture.causal, **how)
    if picture.learner is not None:
        return diagrams.draw(picture.learner, fold=picture.fold)
    if picture.style in ("lens", "backward"):
        return diagrams.draw(picture.term, **how)
    if picture.term is not None:
        return diagrams.draw(picture.term, wrap=picture.wrap, expand=picture.expand, **how)
    return diagrams.equation(picture.left, picture.right, **how)


def page(pictures: dict[str, list[tuple[Picture, str]]]) -> str:
    """The HTML page of pictures, as pairs with their SVG, under the headings of their sections."""
    parts = []
    for heading, drawn in pictures.items():
        parts.append(f"<h2>{html.escape(heading)}</h2>")
        for picture, svg in drawn:
            caption = f"<strong>{html.escape(picture.title)}</strong> {html.escape(picture.caption)}"
            parts.append(
                f'<figure id="{picture.name}"><div class="picture">{svg}</div>'
                f"<figcaption>{caption}</figcaption></figure>"
            )
    return PAGE.format(sections="\n".join(parts))


def main() -> None:
    """Writes the gallery into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=Path(__file__).parent / "pictures", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for picture in tqdm(PICTURES, desc="drawing", unit="picture"):
        drawn[picture.name] = scene(picture).svg()
        write_whole(folder / f"{picture.name}.svg", drawn[picture.name].encode())
    sections = {"Architectures": ARCHITECTURES, "Theory": THEORY, "Boolean circuits": CIRCUITS, "Schemas": SCHEMAS}
    sections |= {"Sequences": SEQUENCES, "Learners": LEARNERS, "Games": GAMES, "Differentiation": DIFFERENTIATION}
    text = page({heading: [(p, drawn[p.name]) for p in pictures] for heading, pictures in sections.items()})
    write_whole(folder / "gallery.html", text.encode())
    print(f"{len(drawn)} pictures and gallery.html in {folder}")


if __name__ == "__main__":
    main()
