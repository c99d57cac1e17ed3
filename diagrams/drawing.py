"""`draw`: a term, a learner or a JAX function as a picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from lenses.causal import Causal
from lenses.errors import LensError, explain, shown
from lenses.learner.games import Game
from lenses.learner.learner import Dreamer, Learner
from lenses.schemas import Schema, SchemaLearner
from lenses.spaces import Array, Space
from lenses.terms import Term, tensor_spaces
from lenses.typed import as_typed

from .beside import joined
from .expanding import part_at, parts_of
from .folding import Fold
from .grouping import Groups, grouped, together
from .jaxpr import labels_of, of_function
from .layout import lay, scene_of, wrapped
from .layout.model import PAD
from .looping import looped
from .memory import check_memory, remembered
from .overlays import add, sharded
from .passes import draw_backward, draw_learner, draw_lens
from .plan import Plan, of_term
from .scene import Label, Scene
from .schemas import draw_schema
from .styles import STYLES, Style, barred
from .text import clip, width
from .themes import THEMES, Theme
from .titles import add_title
from .traces import drawable, fed_back


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
    legend: bool = False,
    groups: Groups | None = None,
    bars: str | Sequence[str] = (),
    convolutions: str | None = None,
    expand: str | None = None,
    memory: bool | int = False,
) -> Scene:
    """The picture of a term or of a JAX function: a scene, which saves by file ending and shows in a notebook.

    `subject` is a term, typed or with its space after it; a function with examples of its arguments (or
    their spaces) after it; a learner, a dreamer or a game, which is drawn as the closed lens that it is; a schema,
    which is drawn as a graph with its equations below; or a causal map, which is drawn as its step, each wire of the
    state fed back through a delay (in the styles of terms, arrays being wires unless one is given).

    - `style`: "neural" (axes are wires), "string" (arrays are wires), "circuit" (gates), "graph" (boxes
      with their whole text), "lens" (each box with its forward and its backward wires) or "backward" (the
      pass back below the pass forward, with what is kept for it); neural unless given.
    - `fold`: how many levels of parts are opened, or the paths of those that are closed, such as
      "encoder/attention"; all are opened unless given.
    - `labels`: what is written on wires: "both", "names", "sizes" or "none".
    - `theme`: "light", "dark", "print" or a `Theme`.
    - `title` stands above; `names` are those of the inputs, as a list or a text with spaces.
    - `wrap`: the width in points after which a long picture goes on in a new line, between boxes, also inside
      parts that are opened.
    - `overlays`: facts drawn onto the picture: "memory" (bytes alive between boxes), "flops" (operations of
      boxes), "kept" (bytes that the backward pass keeps) and "recomputed", under `rule`, backpropagation
      unless given.
    - `legend`: whether the sizes of the named axes stand below, as for ``labels="names"``; of a learner, those
      of its model.
    - `expand`: the path of a part, "" for the whole: it is drawn closed, and after an equals sign opened, as
      `expansion` does.
    - `convolutions`: "short", a box with the kernel, or "long": the trapezoid of the windows, which makes of
      each axis of pixels one of places and one of the kernel, and then the learned map, or the maximum or the
      mean of a pooling; short unless given. Those at paths in `fold` stay short, and so do groups, and means
      of padded windows.
    - `mesh`: which axis lies on which axis of a device mesh, as in ``{"batch": "data"}``.
    - `groups`: axes that are drawn as one double wire under a bold label, as in ``{"x": ("height", "width")}``
      (neural style alone). They must stand beside each other in an array, in this order. Where a box does
      not treat them alike, they are drawn apart along the wires that lead to it.
    - `bars`: the names of axes, or labels of groups, over which a bar is drawn wherever they are written, as
      Abbott does for tokens and pixels (neural style alone).
    - `memory`: wires that run past more columns of boxes than this number (5 for True) are cut: what they carry
      is written into a slot m1, m2, ... where they begin, and read from it where they end.

    Raises SpaceError for a term without its type, LensError for an unknown style, theme, label or part, for a group
    that is nowhere drawn as one, and for a bar over a name that no axis has.
    """
    _check(title, wrap)
    if isinstance(subject, type):
        raise LensError(
            explain(f"draw: {subject.__name__} is a class", do="draw one of it, as in draw(Box(...).at(space))")
        )
    if expand is not None:
        if isinstance(subject, Learner | Dreamer | Game | SchemaLearner | Schema | Causal) or (
            isinstance(style, str) and style in PASSES
        ):
            _only(subject, expand=expand)
        how = {"style": style, "labels": labels, "theme": theme, "names": names, "overlays": overlays, "mesh": mesh}
        how |= {"rule": rule, "legend": legend, "groups": groups, "bars": bars, "convolutions": convolutions}
        how["memory"] = memory
        across = {} if wrap is None else {"wrap": wrap}
        return expansion(subject, *at, path=expand, fold=fold, title=title, **across, **how)
    manner = _choice("style", style or "neural", (*STYLES, *PASSES))
    shown_on_wires = _choice("labels", labels or "both", ("both", "names", "sizes", "none"))
    long = _choice("convolutions", convolutions or "short", ("short", "long")) == "long"
    known = theme if isinstance(theme, Theme) else THEMES[_choice("theme", theme, THEMES)]
    both = {"wrap": wrap, "overlays": overlays, "mesh": mesh, "groups": groups, "bars": bars}
    both |= {"convolutions": convolutions, "memory": memory}
    common = {"fold": fold, "labels": shown_on_wires, "theme": known, "title": title}
    if isinstance(subject, Schema):
        _only(subject, style=style, at=at, rule=rule, names=names, labels=labels, fold=fold, legend=legend, **both)
        scene = draw_schema(subject)
        scene.theme = known
        add_title(scene, title)
        return scene
    if isinstance(subject, Game | SchemaLearner):
        _only(subject, style=style, at=at, rule=rule, legend=legend, names=names, **both)
        return draw(subject.lens, style="lens", fold=fold or 0, labels=labels, theme=theme, title=title)
    if isinstance(subject, Causal):
        _only(subject, rule=rule, legend=legend, **both)
        f = drawable(subject.at(*at) if at else subject)
        chosen = _choice("style", style or "string", STYLES)
        unnamed = [""] * f.width_at(0)
        held = None if names is None else [*unnamed, *_names(names, f.arity[0])]
        step = draw(f.typed_step(0), style=chosen, fold=fold, labels=labels, theme=theme, names=held)
        scene = fed_back(step, f, chosen)
        add_title(scene, title)
        return scene
    if isinstance(subject, Learner | Dreamer):
        _only(subject, style=style, at=at, rule=rule, **both)
        scene = draw_learner(subject, names=_names(names, len(subject.model.dom)), **common)
        return add_legend(scene, of_term(subject.model)) if legend else scene
    if not isinstance(subject, Term) and callable(subject):
        if long:
            because = "those of a function are equations of its jaxpr, which have no long form"
            raise LensError(explain("draw: convolutions='long'", because=because, do="draw a term"))
        typed = None
        plan = _of_function(subject, at, fold)
    else:
        typed = as_typed(subject, tensor_spaces(at) if at else None, "draw")
        if manner in PASSES:
            _only(typed, **both)
            more = {} if rule is None else {"rule": rule}
            scene = PASSES[manner](typed, names=_names(names, len(typed.dom)), **common, **more)
            return add_legend(scene, of_term(typed, fold)) if legend else scene
        plan = of_term(typed, fold, long)
    chosen = dataclasses.replace(STYLES[_choice("style", manner, STYLES)], names=shown_on_wires)
    plan.names = _names(names, len(plan.dom)) or plan.names
    plan = looped(plan)
    _axes_alone(chosen, groups=groups, bars=bars)
    if groups is not None:
        plan = grouped(plan, groups)
    if rule is not None and not overlays:
        do = "style='backward', or an overlay such as 'kept'"
        raise LensError(explain(f"draw: rule={shown(rule)}", because="nothing in this picture depends on it", do=do))
    chosen = dataclasses.replace(chosen, bars=_bars(plan, bars))
    if memory is not False:
        plan = remembered(plan, check_memory(memory))
    if mesh is not None:
        chosen = sharded(chosen, plan, mesh)
    laid = lay(plan, chosen)
    scene = scene_of(laid)
    rows = wrapped(scene, laid, wrap)
    scene.theme = known
    if legend:
        add_legend(scene, plan, chosen.bars)
    if overlays or mesh is not None:
        add(scene, laid, rows, overlays, typed, rule)
    add_title(scene, title)
    return scene


def expansion(
    subject: Any,
    *at: Any,
    path: str = "",
    fold: Fold = None,
    sign: str = "=",
    title: str = "",
    wrap: float | None = 900.0,
    **how: Any,
) -> Scene:
    """The picture that says what a part is: the part closed, the sign, and the same opened.

    `subject` is a term, typed or with its space after it. The part is the one at `path`, such as
    "encoder/attention", or all of the term unless given; it may be a convolution or a pooling, which opens to its
    long form. `fold` says what is closed inside the opened one, as in `draw` for the part alone; the sides stand
    below each other where they are wider than `wrap` together; `how` is what `draw` takes beside. Raises LensError
    where there is no such part, or none to open.
    """
    if not all(isinstance(text, str) for text in (path, sign, title)):
        came = f"path={shown(path)}, sign={shown(sign)}, title={shown(title)}"
        raise LensError(explain(f"expansion: {came}", expected="text"))
    part = part_at(as_typed(subject, tensor_spaces(at) if at else None, "expansion"), path)
    parts = parts_of(part)
    wanted = how.pop("convolutions", None) or ("short" if parts else "long")
    one = draw(part, fold=parts, **how)
    two = draw(part, fold=fold, convolutions=wanted, **how)
    if wrap is not None and two.width > wrap:
        two = draw(part, fold=fold, convolutions=wanted, wrap=wrap, **how)
    return joined(one, two, sign, title, wrap)


def add_legend(scene: Scene, plan: Plan, bars: Sequence[str] = ()) -> Scene:
    """Writes the sizes of a plan's named axes below its scene, those of one name that differ beside each other."""
    sizes: dict[str, dict[str, None]] = {}
    for array in plan.arrays():
        for k, name in enumerate(array.names):
            if name:
                sizes.setdefault(name, {})[" × ".join(map(str, together(array, k)))] = None
    text, places = "", []
    for name, found in sizes.items():
        text += ",  " * bool(text)
        start = len(text)
        text += f"{clip(name, 24)} = {' or '.join(found)}"
        places += barred(name, text, bars, start)
    if text:
        wide, y = width(text, 10.0), scene.height + 8.0
        scene.labels.append(Label(text, PAD, y, "start", 10.0, "legend", text, wide, bars=tuple(places)))
        scene.width, scene.height = max(scene.width, wide + 2 * PAD), scene.height + 8.0 + PAD
    return scene


def _axes_alone(style: Style, **given: Any) -> None:
    """Refuses arguments about axes in a style whose wires are arrays."""
    for name, value in given.items():
        if not style.axes and value is not None and value not in ((), [], ""):
            because = "axes are wires in the neural style alone"
            raise LensError(explain(f"draw: {name}={shown(value)}, style={style.name!r}", because=because))


def _bars(plan: Plan, bars: Any) -> tuple[str, ...]:
    """The names that have a bar over them, if they are names of axes in a plan."""
    names = bars.split() if isinstance(bars, str) else bars
    if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
        raise LensError(explain(f"draw: bars={shown(bars)}", expected="names of axes: ('token',)"))
    plan.check_axes("bars", names)
    return tuple(names)


PASSES = {"lens": draw_lens, "backward": draw_backward}
"""The styles that draw both directions of a term."""


def _only(subject: Any, **given: Any) -> None:
    """Refuses arguments that have no meaning for what is drawn."""
    for name, value in given.items():
        if value is not None and value is not False and value not in ((), []):
            kind = "a learner" if isinstance(subject, Learner | Dreamer) else "both directions of a term"
            kind = "a schema" if isinstance(subject, Schema) else kind
            kind = "a causal map" if isinstance(subject, Causal) else kind
            raise LensError(explain(f"draw: {name}={shown(value)}", because=f"pictures of {kind} have no {name}"))


def _of_function(function: Any, at: Sequence[Any], fold: Fold) -> Plan:
    """The plan of a function; spaces, also in trees, stand for examples of their arrays and name their axes."""

    def arrays(leaf: Any) -> Any:
        return (leaf[0] if len(leaf) == 1 else leaf.arrays) if isinstance(leaf, Space) else leaf

    def example(leaf: Any) -> Any:
        return jax.ShapeDtypeStruct(leaf.sizes, leaf.dtype) if isinstance(leaf, Array) else leaf

    given = jax.tree.map(arrays, [x for value in at for x in (value if isinstance(value, Space) else (value,))])
    labelled = zip(labels_of(function, given), jax.tree.leaves(given), strict=True)
    named = {label: leaf.names for label, leaf in labelled if isinstance(leaf, Array) and any(leaf.names)}
    return of_function(function, *jax.tree.map(example, given), names=named or None, fold=fold)


def _check(title: Any, wrap: Any) -> None:
    """Refuses a title that is no text and a width that is none."""
    if not isinstance(title, str):
        raise LensError(explain(f"draw: title={shown(title)}", expected="text"))
    if wrap is not None and not (isinstance(wrap, int | float) and not isinstance(wrap, bool) and wrap >= 100):
        raise LensError(explain(f"draw: wrap={shown(wrap)}", expected="a width of 100 points or more"))


def _choice(what: str, value: Any, known: Any) -> Any:
    if not isinstance(value, str) or value not in known:
        raise LensError(explain(f"draw: {what}={shown(value)}", expected=", ".join(map(repr, known))))
    return value


def _names(names: Any, inputs: int) -> tuple[str, ...]:
    if names is None:
        return ()
    names = names.split() if isinstance(names, str) else names
    if not isinstance(names, list | tuple) or len(names) != inputs or not all(isinstance(n, str) for n in names):
        raise LensError(explain(f"draw: names={shown(names)}", expected=f"{inputs} names, one an input"))
    return tuple(names)
