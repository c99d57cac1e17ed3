"""Learners as the papers draw them: a model, the optimiser on what is learned, the loss, and the rate that closes.

The optimiser stands over the model where parameters are learned, and before it where an input is
(Cruttwell et al. 2022, the figures of supervised learning and of deep dreaming). The rate is the cap
in which the wire of the loss is bent back into the wire of its change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from lenses.combinators import Expose
from lenses.learner.learner import Dreamer, Learner
from lenses.learner.losses import Loss
from lenses.learner.optimisers import Rated, Update
from lenses.learner.rates import Rate
from lenses.rules.rule import backprop
from lenses.spaces import Array
from lenses.typed import Cell

from ..curves import line, rounded
from ..folding import Fold
from ..glyphs import Kind, centred
from ..moving import Move
from ..plan import Node, Plan, of_term, under
from ..scene import Curve, Frame, Glyph, Label, Point, Scene, Wire
from ..shapes import ANCHORS, Shape, Stroke
from ..text import clip, number, width
from ..themes import THEMES, Theme
from ..titles import add_title
from .lens import APART, CHANGE, VALUE, dashed, lens_scene, lens_style, pair

HALF = 12.0
"""How far a body reaches above its first wire and below its last."""
OVER = 34.0
"""The distance between the optimiser and the model under it."""
PAD = 10.0
"""The space around the picture."""


def draw_learner(
    fit: Learner | Dreamer, fold: Fold = None, labels: str = "both", theme: Theme = THEMES["light"], title: str = "",
    names: Sequence[str] = (),
) -> Scene:  # fmt: skip
    """The picture of a learner, or of a dreamer, as one closed lens.

    `fold=0` draws the model as one box. Other arguments as in `draw`; `names` are those of the model's inputs.
    """
    cells: dict[Any, Cell] = {type(cell.box): cell for cell in fit.lens.circuit.cells}
    inputs = len(fit.model.dom)
    names = tuple(names) or (("x",) if inputs == 1 else tuple(f"x{i}" for i in range(1, inputs + 1)))
    dreaming = isinstance(fit, Dreamer)
    plan = _model(cells[Expose], fit, fold)
    scene = lens_scene(plan, labels, names=() if dreaming else names)
    picture = _Picture(scene, cells, labels)
    if dreaming:
        _fix(scene)
        picture.optimise_inputs(fit.model.dom.arrays, names)
    else:
        picture.optimise_parameters()
    picture.close()
    picture.caption(fit.rule.name)
    scene.theme, scene.style = theme, "dreamer" if dreaming else "learner"
    _fit(scene)
    add_title(scene, title)
    return scene


def _model(cell: Cell, fit: Learner | Dreamer, fold: Fold) -> Plan:
    """The plan of one node, the model, which is opened unless `fold` is 0."""
    opened = fold != 0
    inner = None
    if opened:
        inner = under(of_term(fit.model, fold - 1 if isinstance(fold, int) else fold, sides=False), (cell.index,))
    dom, cod = fit.model.dom.arrays, fit.model.cod.arrays
    ins, outs = tuple(range(len(dom))), tuple(range(len(dom), len(dom) + len(cod)))
    node = Node("block", "model", repr(fit.model), ins, outs, dom, cod, (), (cell.index,), cell.box, inner)
    if isinstance(fit, Dreamer):
        node.params = tuple(("P", array) for array in cell.dom.arrays[:1][: len(cell.dom) - len(dom)])
    return Plan(dom, cod, [node], outs)


def _fix(scene: Scene) -> None:
    """Leaves out the changes of parameters that are fixed, so that these come down in the middle."""
    ups = {(w.address, w.wire): w.start[0] for w in scene.wires if w.role == "parameter" and w.axis == CHANGE}
    wires = []
    for wire in scene.wires:
        if wire.role != "parameter":
            wires.append(wire)
        elif wire.axis == VALUE:
            (x, top), (_, bottom) = wire.start, wire.end
            middle = (x + ups[wire.address, wire.wire]) / 2
            wires.append(dataclasses.replace(wire, curve=line((middle, top), (middle, bottom))))
    scene.wires = wires


class _Picture:
    """Adds to the scene of a model what makes it a learner."""

    def __init__(self, scene: Scene, cells: dict[Any, Cell], labels: str):
        self.scene, self.cells = scene, cells
        self.style = lens_style(labels)
        self.optimiser: Update = cells[Update].box  # type: ignore[assignment]
        address = (cells[Expose].index,)
        self.model: Frame | Glyph = next(b for b in (*scene.frames, *scene.glyphs) if b.address == address)

    # -- boxes and wires ---------------------------------------------------------------------
    def box(
        self, kind: str, cell: Cell, text: str, x: float, y: float, wide: float, tall: float,
        ins: tuple[tuple[Point, ...], ...], outs: tuple[tuple[Point, ...], ...] = (),
    ) -> None:  # fmt: skip
        title = repr(cell.box)
        self.scene.glyphs.append(Glyph(kind, x, y, wide, tall, text, title, (cell.index,), cell.box, ins, outs))

    def text(self, text: str, x: float, y: float, anchor: str = "middle", role: str = "axis", title: str = "") -> None:
        if text:
            self.scene.labels.append(Label(text, x, y, anchor, 10.0, role, title or text, width(text, 10.0)))

    def level(
        self, name: str, title: str, number_: int, left: float, right: float, y: float, role: str, mark: str
    ) -> None:
        """The two wires of an array between boxes, with its name on them; `mark` stands behind what comes back."""
        there, back = line((left, y), (right, y)), line((right, y + APART), (left, y + APART))
        pair(self.scene, number_, name, title, there, back, (), role)
        if name:
            self.text(name, left + 5.0, y - 4.0, "start", role, title)
            self.text(name + mark, left + 5.0, y + APART - 4.0, "start", role, title)

    def upright(self, name: str, title: str, x: float, apart: float, top: float, bottom: float, role: str) -> None:
        """The two wires of an array from above: down and back up."""
        there, back = line((x - apart, top), (x - apart, bottom)), line((x + apart, bottom), (x + apart, top))
        pair(self.scene, 0, name, title, there, back, (), role)

    # -- the optimiser -----------------------------------------------------------------------
    def optimiser_text(self) -> str:
        """The optimiser as it is written, its first argument alone where there are many or where it is a schedule."""
        text = repr(self.optimiser)
        if isinstance(self.optimiser.optimiser, Rated) and callable(self.optimiser.optimiser.rate):
            text = f"{text.split('(')[0]}(scheduled)"
        return clip(text if text.count(",") < 2 else text.split(",")[0] + ", …)", 28)

    def optimise_parameters(self) -> None:
        """The optimiser over the model: it hands P down, P′ comes back, and S and P are renewed."""
        model, cell = self.model, self.cells[Update]
        state = self.optimiser.state.space
        text = self.optimiser_text()
        wide = max(width(text, 11.0) + 24.0, 110.0)
        middle = model.x + model.width / 2
        bottom = model.y - OVER
        top = bottom - 26.0
        x = min(middle, max(wire.end[0] for wire in self.scene.wires) - wide / 2) - wide / 2  # clear of the label
        sides: list[tuple[str, str, str]] = []
        ins: list[tuple[Point, ...]] = []
        outs: list[tuple[Point, ...]] = []
        if len(self.optimiser.params.space):
            arrays = f"P: {self.optimiser.params.space!r}"
            self.upright("P", arrays, middle, 8.0, bottom, model.y, "parameter")
            self.text("P", middle - 13.0, (bottom + model.y) / 2 + 3.5, "end", "parameter", arrays)
            self.text(
                "P′", middle + 13.0, (bottom + model.y) / 2 + 3.5, "start", "parameter", f"the change of {arrays}"
            )
            sides.append(("P", arrays, "parameter"))
            outs.append(((middle - 8.0, bottom), (middle + 8.0, bottom)))
        if len(state):
            sides.insert(0, ("S", f"S: {state!r}", "state"))
        for k, (name, title, role) in enumerate(sides):
            at = x + wide * (2 * k + 1) / (2 * len(sides))
            self.upright(name, title, at, 8.0, top - 24.0, top, role)
            self.text(name, at - 8.0, top - 28.0, "middle", role, title)
            self.text(f"{name}⁺", at + 8.0, top - 28.0, "middle", role, f"the new {title}")
            ins.append(((at - 8.0, top), (at + 8.0, top)))
        self.box("lens", cell, text, x, top, wide, bottom - top, tuple(ins), tuple(outs))

    def optimise_inputs(self, arrays: Sequence[Array], names: Sequence[str]) -> None:
        """The optimiser before the model: it hands the inputs on, and they and S are renewed."""
        cell, state = self.cells[Update], self.optimiser.state.space
        right = min(wire.start[0] for wire in self.scene.wires)
        heights = [port[0][1] for port in self.model.ins]
        text = self.optimiser_text()
        wide = width(text, 11.0) + 20.0
        x = right - wide
        top = heights[0] - (APART + 42.0 if len(state) else 0.0)
        long = max(width(self.style.label(a, VALUE, False) + "⁺", 10.0) for a in arrays) + 14.0
        left = x - max(long, 44.0)
        ins = []
        if len(state):
            self.level("S", f"S: {state!r}", 0, left, x, top, "state", "⁺")
            ins.append(((x, top), (x, top + APART)))
        for k, (name, array, y) in enumerate(zip(names, arrays, heights, strict=True)):
            self.level(self.style.label(array, VALUE, False), repr(array), k, left, x, y, "forward", "⁺")
            ins.append(((x, y), (x, y + APART)))
            wide_name = width(name, 15.0)
            self.scene.labels.append(
                Label(name, left - 6.0, y + APART / 2 + 5.0, "end", 15.0, "input", name, wide_name, italic=True)
            )
        outs = tuple(((right, y), (right, y + APART)) for y in heights)
        tall = heights[-1] + APART + HALF - (top - HALF)
        self.box("lens", cell, text, x, top - HALF, wide, tall, tuple(ins), outs)

    # -- the end -----------------------------------------------------------------------------
    def close(self) -> None:
        """The loss, with the label from above, and the rate that bends its wire back."""
        scene, loss, rate = self.scene, self.cells[Loss], self.cells[Rate]
        x = max(wire.end[0] for wire in scene.wires)
        y = self.model.outs[0][0][1]
        text = clip(loss.box.label.replace("_", " "), 28)
        wide = width(text, 11.0) + 16.0
        top = y - HALF
        middle = x + wide / 2
        label = loss.dom.arrays[1]
        apart = 5.0
        slots = self.style.slots(label)
        from_above = tuple((middle + (2 * k - 1) * apart, top) for k in range(len(slots)))
        if len(slots) > 1:
            self.upright("y", f"y: {label!r}", middle, apart, top - 20.0, top, "forward")
        else:
            from_above = ((middle, top),)
            down = line((middle, top - 20.0), (middle, top))
            scene.wires.append(Wire("arrow", 0, VALUE, "y", 0, down, (), "forward", f"y: {label!r}"))
        self.scene.labels.append(
            Label("y", middle, top - 26.0, "middle", 15.0, "input", f"y: {label!r}", width("y", 15.0), italic=True)
        )
        end = x + wide
        losses = rate.dom.arrays[0]
        right = end + max(24.0, width(self.style.label(losses, CHANGE, False), 10.0) + 16.0)
        self.level(self.style.label(losses, VALUE, False), repr(losses), 0, end, right, y, "forward", "′")
        scene.wires[-2] = dataclasses.replace(scene.wires[-2], kind="array")  # it goes on in the bend
        ins = (((x, y), (x, y + APART)), from_above)
        self.box("lens", loss, text, x, top, wide, APART + 2 * HALF, ins, (((end, y), (end, y + APART)),))
        value = rate.box.fields["rate"]
        text = getattr(value, "__name__", "") if callable(value) else number(float(value))
        text = clip(f"rate {text}".replace("<lambda>", "of step"), 24)
        deep = APART / 2
        ports = (((right, y), (right, y + APART)),)
        self.box("cap", rate, text, right + deep - 4.0, y + deep - 8.0, width(text, 10.0) + 14.0, 16.0, ports)

    def caption(self, rule: str) -> None:
        """Says beneath the model under which rule changes come back, unless it is backprop."""
        if rule != backprop.name:
            model, text = self.model, f"rule: {rule}"
            y = model.y + model.height + 12.0
            self.scene.labels.append(Label(text, model.x, y, "start", 8.5, "note", text, width(text, 8.5)))


class Cap(Kind):
    """A rate: the wire of the loss is bent back into that of its change."""

    def shapes(self, glyph: Glyph) -> Iterator[Shape]:
        (x, y), (_, z) = glyph.ins[0]
        r = (z - y) / 2
        there: Curve = (("M", x, y), ("C", x + 0.55 * r, y, x + r, y + 0.45 * r, x + r, y + r))
        back: Curve = (("M", x + r, y + r), ("C", x + r, z - 0.45 * r, x + 0.55 * r, z, x, z))
        yield Stroke(there)
        yield dashed(back)
        yield Stroke(rounded(glyph.x, glyph.y, glyph.width, glyph.height, 8.0), "ink", "paper", 1.1)
        yield centred(glyph, glyph.text, 10.0)


Cap("cap")


def _fit(scene: Scene) -> None:
    """Moves everything so that it fills the picture."""
    points = [p for w in scene.wires for p in (w.start, w.end)]
    for body in (*scene.frames, *scene.glyphs):
        points += [(body.x, body.y), (body.x + body.width, body.y + body.height)]
    for label in scene.labels:
        left = label.x - label.width * ANCHORS[label.anchor]
        points += [(left, label.y - label.size), (left + label.width, label.y + 0.25 * label.size)]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    Move(PAD - min(xs), PAD - min(ys)).scene(scene)
    scene.width, scene.height = max(xs) - min(xs) + 2 * PAD, max(ys) - min(ys) + 2 * PAD
