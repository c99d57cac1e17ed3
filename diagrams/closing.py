"""Closing: the term of a learner, out of the boxes in its picture and of what its model is read to be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lenses.combinators import Expose, expose
from lenses.learner.losses import Loss
from lenses.learner.optimisers import Update
from lenses.learner.rates import Rate
from lenses.spaces import Space, parse_space
from lenses.terms import Term
from lenses.trees import leaves, whole
from lenses.typed import Typed
from lenses.wiring import Builder

from .halves import Box, unreadable
from .scene import Glyph, Key, Point, Scene, Wire, key

Ports = tuple[Point, ...]
"""The points at which the strands of an array touch a box."""


def closed_lens(scene: Scene, inside: Callable[[Box], Term]) -> Term:
    """The closed lens that the picture of a learner or a dreamer shows; `inside` reads the term in a frame.

    Raises LensError where the optimiser, the model, the loss and the rate are not joined as they must be.
    """
    boxes = [box for box in (*scene.glyphs, *scene.frames) if len(box.address) == 1]
    update, loss, rate = (_one(boxes, kind) for kind in (Update, Loss, Rate))
    model = _one(boxes, Expose)
    optimiser: Any = update.box
    wires = {(key(w.start), key(w.end)): w for w in scene.wires if w.address == ()}
    into = {end: wire for (_, end), wire in wires.items()}
    dom = Space([parse_space(into[key(array[0])].title)[0] for array in model.ins])
    exposed = _exposed(model, dom, inside)
    dreaming = scene.style == "dreamer"
    states, params = len(optimiser.state.space), len(exposed.params)
    builder = Builder(states + params + len(dom) + 1)
    given = builder.wires()
    *before, label = given
    if dreaming:
        _joined(wires, update.outs, model.ins, "the optimiser", "the model")
        weights, rest = before[:params], before[params:]
        xs = builder.apply(optimiser, rest)
    else:
        if params:
            _above(wires, update.outs[0], model)
        made = builder.apply(optimiser, before[: states + params])
        paths = [path for path, _ in leaves(whole(exposed.term.circuit))]
        named = dict(zip(sorted(paths), made, strict=True))
        weights, xs = [named[path] for path in paths], before[states + params :]
    _joined(wires, model.outs, loss.ins[:1], "the model", "the loss")
    _joined(wires, loss.outs, rate.ins, "the loss", "the rate")
    y = builder.apply(exposed, [*weights, *xs])
    builder.apply(rate.box, builder.apply(loss.box, [*y, label]))
    return builder.term([])


def _one(boxes: Sequence[Box], kind: type) -> Box:
    """The box of a kind; raises LensError where there is none, or more than one."""
    found = [box for box in boxes if isinstance(box.box, kind)]
    if len(found) != 1:
        unreadable(kind.__name__.lower(), f"the picture of a learner has one, not {len(found)}")
    return found[0]


def _exposed(model: Box, dom: Space, inside: Callable[[Box], Term]) -> Expose:
    """The model that is read, its parameters as wires."""
    return model.box if isinstance(model, Glyph) else expose(Typed(inside(model), dom))


def _joined(wires: dict[tuple[Key, Key], Wire], starts: Sequence[Ports], ends: Sequence[Ports], a: str, b: str) -> None:
    """Raises LensError unless wires join these arrays: values go there, and changes come back beneath them."""
    for start, end in zip(starts, ends, strict=True):
        ways = [(key(start[0]), key(end[0])), *((key(q), key(p)) for p, q in zip(start[1:], end[1:], strict=True))]
        if any(way not in wires for way in ways):
            unreadable(f"between {a} and {b}", "there is none")


def _above(wires: dict[tuple[Key, Key], Wire], ports: Ports, model: Box) -> None:
    """Raises LensError unless a wire goes down from the optimiser to the upper edge of the model, and one back up."""
    down, up = (key(p) for p in ports)
    ends = [[w.end for (p, _), w in wires.items() if p == down], [w.start for (_, p), w in wires.items() if p == up]]
    for points in ends:
        if not any(abs(y - model.y) < 0.01 and model.x <= x <= model.x + model.width for x, y in points):
            unreadable("between the optimiser and the model", "there is none")
