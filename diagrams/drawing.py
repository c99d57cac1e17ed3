"""`draw`: a term, a learner or a JAX function as a picture."""

from __future__ import annotations

import dataclasses
from typing import Any

from lenses.errors import LensError, explain, shown
from lenses.terms import Term
from lenses.typed import as_typed

from .layout import lay, scene_of
from .plan import Fold, of_term
from .scene import Scene
from .styles import STYLES
from .themes import THEMES, Theme


def draw(
    term: Term,
    style: str | None = None,
    fold: Fold = None,
    labels: str | None = None,
    theme: str | Theme = "light",
    title: str = "",
    names: Any = None,
    wrap: float | None = None,
) -> Scene:
    """The picture of a typed term: a scene, which saves by the file's ending and shows itself in a notebook.

    - `style`: "neural" (axes are wires), "string" (arrays are wires), "circuit" (gates) or "graph" (boxes
      with their whole text); neural unless given.
    - `fold`: how many levels of parts are opened, or the paths of those that are closed, such as
      "encoder/attention"; all are opened unless given.
    - `labels`: what is written on wires: "both", "names", "sizes" or "none".
    - `theme`: "light", "dark", "print" or a `Theme`.
    - `title` stands above; `names` are those of the inputs, as a list or a text with spaces.
    - `wrap`: the width in points after which a long picture goes on in a new line.

    Raises SpaceError for a term without its type, LensError for an unknown style, theme, label or part.
    """
    typed = as_typed(term, None, "draw")
    chosen = STYLES[_choice("style", style or "neural", STYLES)]
    if labels is not None:
        _choice("labels", labels, ("both", "names", "sizes", "none"))
        chosen = dataclasses.replace(chosen, names=labels)
    plan = of_term(typed, fold)
    plan.names = _names(names, len(plan.dom))
    scene = scene_of(lay(plan, chosen, wrap), title)
    scene.theme = theme if isinstance(theme, Theme) else THEMES[_choice("theme", theme, THEMES)]
    scene.source = typed
    return scene


def _choice(what: str, value: Any, known: Any) -> Any:
    if not isinstance(value, str) or value not in known:
        raise LensError(explain(f"draw: {what}={shown(value)}", expected=", ".join(map(repr, known))))
    return value


def _names(names: Any, inputs: int) -> tuple[str, ...]:
    if names is None:
        return ()
    if isinstance(names, str):
        names = names.split()
    if len(names) != inputs or not all(isinstance(n, str) for n in names):
        raise LensError(explain(f"draw: names={shown(names)}", expected=f"{inputs} names, one an input"))
    return tuple(names)
