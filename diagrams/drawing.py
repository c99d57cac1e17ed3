"""`draw`: a term, a learner or a JAX function as a picture."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from lenses.errors import LensError, explain, shown
from lenses.spaces import Array, Space
from lenses.terms import Term, tensor_spaces
from lenses.typed import as_typed

from .jaxpr import of_function
from .layout import lay, scene_of
from .overlays import add
from .plan import Fold, Plan, of_term
from .scene import Scene
from .sharding import sharded
from .styles import STYLES
from .themes import THEMES, Theme


def draw(
    subject: Any,
    *at: Any,
    style: str | None = None,
    fold: Fold = None,
    labels: str | None = None,
    theme: str | Theme = "light",
    title: str = "",
    names: Any = None,
    wrap: float | None = None,
    overlays: str | Sequence[str] = (),
    mesh: Mapping[str, str] | None = None,
    rule: Any = None,
) -> Scene:
    """The picture of a term or of a JAX function: a scene, which saves by file ending and shows in a notebook.

    `subject` is a term, typed or with its space after it, or a function with examples of its arguments (or
    their spaces) after it.

    - `style`: "neural" (axes are wires), "string" (arrays are wires), "circuit" (gates) or "graph" (boxes
      with their whole text); neural unless given.
    - `fold`: how many levels of parts are opened, or the paths of those that are closed, such as
      "encoder/attention"; all are opened unless given.
    - `labels`: what is written on wires: "both", "names", "sizes" or "none".
    - `theme`: "light", "dark", "print" or a `Theme`.
    - `title` stands above; `names` are those of the inputs, as a list or a text with spaces.
    - `wrap`: the width in points after which a long picture goes on in a new line.
    - `overlays`: facts drawn onto the picture: "memory" (bytes alive between boxes), "flops" (operations of
      boxes), "kept" (bytes that the backward pass keeps) and "recomputed", under `rule`, backpropagation
      unless given.
    - `mesh`: which axis lies on which axis of a device mesh, as in ``{"batch": "data"}``.

    Raises SpaceError for a term without its type, LensError for an unknown style, theme, label or part.
    """
    chosen = STYLES[_choice("style", style or "neural", STYLES)]
    if labels is not None:
        _choice("labels", labels, ("both", "names", "sizes", "none"))
        chosen = dataclasses.replace(chosen, names=labels)
    known = theme if isinstance(theme, Theme) else THEMES[_choice("theme", theme, THEMES)]
    if isinstance(subject, Term) or not callable(subject):
        typed = as_typed(subject, tensor_spaces(at) if at else None, "draw")
        plan = of_term(typed, fold)
    else:
        typed = None
        plan = _of_function(subject, at, fold)
    plan.names = _names(names, len(plan.dom)) or plan.names
    if mesh is not None:
        chosen = sharded(chosen, plan, mesh)
    laid = lay(plan, chosen, wrap)
    scene = scene_of(laid, title)
    scene.theme = known
    if overlays or mesh is not None:
        add(scene, laid, overlays, typed, rule)
    return scene


def _of_function(function: Any, at: Sequence[Any], fold: Fold) -> Plan:
    """The plan of a function; spaces stand for examples of their arrays and name their axes."""
    try:
        parameters = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        parameters = []
    examples: list[Any] = []
    named: dict[str, tuple[str | None, ...]] = {}
    for value in at:
        for array in value if isinstance(value, Space) else (value,):
            if isinstance(array, Array):
                if any(array.names) and len(examples) < len(parameters):
                    named[parameters[len(examples)]] = array.names
                array = jax.ShapeDtypeStruct(array.sizes, array.dtype)
            examples.append(array)
    return of_function(function, *examples, names=named or None, fold=fold)


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
