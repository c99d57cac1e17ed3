"""Causal maps: computations on sequences whose n-th output depends on the first n inputs alone.

A causal map X -> Y over a cartesian category is an initial state i: 1 -> S_0 and steps
f_k: S_k * X -> S_(k+1) * Y, one for each time k. Two of them are equal if all their unrollings are:
states that cannot be seen do not count. They compose step by step, states side by side; a term is the
causal map that remembers nothing (Sprunger and Katsumata 2019, "Differentiable causal computations via
delayed trace", the category St(C)).

Here the steps are terms, of which the last one goes on for ever, so that a sequence runs as one scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from ..errors import ArityError, SpaceError, explain
from ..spaces import Space, unit
from ..syntax import shorten
from ..terms import Identity, Term, check_terms, compose, swap, tensor, tensor_spaces
from ..typed import Typed, infer, plain


class Causal:
    """A causal map X -> Y: `initial`, a term 1 -> S; `first`, steps that are taken once; `step`, taken for ever after.

    Each step is a term S * X -> S * Y, the wires of the state in front. `first` may use other states, each
    handing on what the next one takes. `dom` is X where it is known (see `at`). All steps share the
    parameters of `step`; the initial state may have parameters too.

    ``f >> g`` and ``f @ g`` compose causal maps, and terms are taken for causal maps without a state.
    Raises ArityError where the wires of steps and states do not fit.
    """

    takes_terms = True  # so that a term leaves ``term >> causal`` to the causal map

    initial: Term
    step: Term
    first: tuple[Term, ...]
    dom: Space | None

    def __init__(self, initial: Term, step: Term, first: Sequence[Term] = (), dom: Space | None = None):
        check_terms("a part of a causal map", [initial, step, *first])
        steps = [plain(t, "a step of a causal map") for t in (*first, step)]
        self.__dict__.update(initial=plain(initial), step=steps[-1], first=tuple(steps[:-1]), dom=dom)
        self.__dict__["states"], self.__dict__["arity"] = _widths(self)
        if dom is not None:
            _ = self.spaces

    states: tuple[int, ...]
    """How many wires the state has before each step of `first`, and then before each step that follows."""
    arity: tuple[int, int]
    """How many wires come in and go out at each step, those of the state aside."""

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a causal map cannot be changed, so its {name} cannot be set; build another one")

    # -- steps -------------------------------------------------------------------------------
    def step_at(self, time: int) -> Term:
        """The step that is taken at a time, counted from 0."""
        return self.first[time] if time < len(self.first) else self.step

    def width_at(self, time: int) -> int:
        """How many wires the state has before that step."""
        return self.states[min(time, len(self.first))]

    # -- types -------------------------------------------------------------------------------
    def at(self, *spaces: Space) -> Causal:
        """The causal map whose inputs at each step are of `spaces`. Raises SpaceError where it does not fit.

        What a step hands on must be of the type of the state that the next one takes: the error names the wire.
        """
        return Causal(self.initial, self.step, self.first, tensor_spaces(spaces))

    @cached_property
    def spaces(self) -> tuple[tuple[Space, Space], ...]:
        """The state before, and the output of, each step of `first`, and then of `step`; needs `dom`."""
        dom = self.domain("spaces")
        if len(dom) != self.arity[0]:
            raise ArityError(
                explain(f"{shorten_causal(self)} at {dom!r}", expected=f"a space of {self.arity[0]} arrays, one a wire")
            )
        state, found = infer(self.initial, unit), []
        for time in range(len(self.first) + 1):
            step, nxt = self.step_at(time), self.width_at(time + 1)
            cod = infer(step, state @ dom)
            new, out = Space(cod.arrays[:nxt]), Space(cod.arrays[nxt:])
            found.append((state, out))
            if time == len(self.first):
                _same_state(self, state, new)
            state = new
        return tuple(found)

    def domain(self, call: str) -> Space:
        """X; raises SpaceError where it is not known."""
        if self.dom is None:
            raise SpaceError(
                explain(f"{call} needs the type of what comes in at each step", of=shorten_causal(self),
                        do="say it, as in f.at(Real(64))")
            )  # fmt: skip
        return self.dom

    @property
    def cod(self) -> Space:
        """Y, what comes out at each step once those of `first` are done; needs `dom`."""
        return self.spaces[-1][1]

    @property
    def state(self) -> Space:
        """S, the state that `step` takes; needs `dom`."""
        return self.spaces[-1][0]

    def typed_step(self, time: int) -> Typed:
        """The step taken at a time, typed; needs `dom`."""
        state = self.spaces[min(time, len(self.first))][0]
        return Typed(self.step_at(time), state @ self.domain("typed_step"))

    # -- composition -------------------------------------------------------------------------
    def __rshift__(self, other: Any) -> Causal:
        return _composite(self, as_causal(other, "composed"))

    def __rrshift__(self, other: Any) -> Causal:
        return _composite(as_causal(other, "composed"), self)

    def __matmul__(self, other: Any) -> Causal:
        return _beside(self, as_causal(other, "put in parallel"))

    def __rmatmul__(self, other: Any) -> Causal:
        return _beside(as_causal(other, "put in parallel"), self)

    # -- running -----------------------------------------------------------------------------
    def unroll(self, steps: int, name: str = "step") -> Term:
        """X^n -> Y^n, the first n steps as one term; see `lenses.causal.sequences.unroll`."""
        from .sequences import unroll

        return unroll(self, steps, name)

    def along(self, axis: int | str = 0, steps: int | None = None) -> Term:
        """The causal map on sequences that lie along an axis, as one scan; see `lenses.causal.sequences.along`."""
        from .sequences import along

        return along(self, axis, steps)

    def after(self, axis: int | str = 0) -> Term:
        """The state after all steps along an axis, as one scan; see `lenses.causal.sequences.after`."""
        from .sequences import after

        return after(self, axis)

    # -- as a value --------------------------------------------------------------------------
    def _repr_svg_(self) -> str | None:
        from ..pictures import drawer

        draw = drawer()
        return None if draw is None or self.dom is None or self.first else draw(self).svg()

    def __eq__(self, other: object) -> bool:
        """Whether the data are equal; `bisimilar` and the laws ask whether the sequences are."""
        return isinstance(other, Causal) and self._data == other._data

    def __hash__(self) -> int:
        return hash(self._data)

    @cached_property
    def _data(self) -> tuple[Any, ...]:
        return (self.initial, self.step, self.first, self.dom, self.dom and self.dom.names)

    def __repr__(self) -> str:
        parts = [repr(self.initial), repr(self.step)] + [f"first={self.first!r}"] * bool(self.first)
        tail = "" if self.dom is None else f".at({self.dom!r})"
        return f"Causal({', '.join(parts)}){tail}"


def shorten_causal(f: Causal) -> str:
    """The causal map as text, its middle left out where it is long."""
    text = repr(f)
    return text if len(text) <= 100 else f"{text[:48]} ... {text[-47:]}"


def as_causal(value: Any, how: str = "taken for a causal map") -> Causal:
    """A causal map as it is, and a term as the one without a state. Raises ArityError for anything else."""
    if isinstance(value, Causal):
        return value
    check_terms(how, [value])
    return Causal(Identity(0), value, dom=value.dom if isinstance(value, Typed) else None)


def _widths(f: Causal) -> tuple[tuple[int, ...], tuple[int, int]]:
    """The widths of the states, and the arity; raises ArityError where steps do not fit together."""
    if f.initial.arity[0]:
        raise ArityError(
            explain(f"the initial state {shorten(f.initial)} takes {f.initial.arity[0]} wires",
                    expected="a term from no wire, as zero(Real(64)) or constant(...)")
        )  # fmt: skip
    width = f.initial.arity[1]
    into = f.step_at(0).arity[0] - width
    last = f.step.arity[0] - into
    out = f.step.arity[1] - last
    if into < 0 or last < 0 or out < 0:
        _misfit(f, f.step_at(0) if into < 0 else f.step, f"{width} wires of state among those that come in and go out")
    widths = [width]
    for time in range(len(f.first)):
        step = f.first[time]
        width = step.arity[1] - out
        if step.arity[0] != widths[-1] + into or width < 0:
            _misfit(
                f, step, f"{widths[-1] + into} wires in, {widths[-1]} of them of the state, and {out} out beside it"
            )
        widths.append(width)
    if widths[-1] != last:
        _misfit(f, f.step, f"{widths[-1] + into} wires in, {widths[-1]} of them of the state")
    return tuple(widths), (into, out)


def _misfit(f: Causal, step: Term, expected: str) -> None:
    raise ArityError(
        explain(f"the step {shorten(step, 60)} has the arity {step.arity}", expected=expected,
                state=f"{shorten(f.initial, 60)} starts with {f.initial.arity[1]} wires",
                do="put the wires of the state in front, as many out as in")
    )  # fmt: skip


def _same_state(f: Causal, state: Space, new: Space) -> None:
    """Raises SpaceError unless the last step hands on a state of the type that it takes."""
    for wire, (wanted, came) in enumerate(zip(state, new, strict=True)):
        if wanted != came:
            raise SpaceError(
                explain("a state of one type comes in, and one of another is handed on",
                        step=shorten(f.step, 80), feedback_wire=wire, it_carries=repr(wanted), came=repr(came),
                        do=f"start it with a state of {came!r}, or let the step hand on {wanted!r}")
            )  # fmt: skip


# -- composition -----------------------------------------------------------------------------


def _both_typed(f: Causal, g: Causal) -> Space | None:
    return None if f.dom is None or g.dom is None else f.dom @ g.dom


def _times(f: Causal, g: Causal) -> range:
    return range(max(len(f.first), len(g.first)) + 1)


def _composite(f: Causal, g: Causal) -> Causal:
    """f; g: the states side by side, at each step first f's and then g's."""
    if f.arity[1] != g.arity[0]:
        raise ArityError(
            explain(f"{f.arity[1]} wires into {g.arity[0]}: a causal map cannot be followed by another",
                    left=f"{shorten_causal(f)} gives {f.arity[1]} at each step",
                    right=f"{shorten_causal(g)} takes {g.arity[0]}")
        )  # fmt: skip
    if f.dom is not None and g.dom is not None and f.cod != g.dom:
        wire = next(i for i, (a, b) in enumerate(zip(f.cod, g.dom, strict=True)) if a != b)
        raise SpaceError(
            explain("a causal map cannot be followed by another", left=f"{shorten_causal(f)} gives {f.cod!r}",
                    right=f"{shorten_causal(g)} takes {g.dom!r}", wire=f"{wire}: {f.cod[wire]!r} into {g.dom[wire]!r}")
        )  # fmt: skip
    into, middle = f.arity
    *first, last = [
        compose(
            tensor(Identity(f.width_at(t)), swap(g.width_at(t), into)),
            tensor(f.step_at(t), Identity(g.width_at(t))),
            tensor(Identity(f.width_at(t + 1)), swap(middle, g.width_at(t))),
            tensor(Identity(f.width_at(t + 1)), g.step_at(t)),
        )
        for t in _times(f, g)
    ]
    return Causal(tensor(f.initial, g.initial), last, first, f.dom)


def _beside(f: Causal, g: Causal) -> Causal:
    """f * g: the states side by side, and so are the inputs and the outputs."""
    *first, last = [
        compose(
            tensor(Identity(f.width_at(t)), swap(g.width_at(t), f.arity[0]), Identity(g.arity[0])),
            tensor(f.step_at(t), g.step_at(t)),
            tensor(Identity(f.width_at(t + 1)), swap(f.arity[1], g.width_at(t + 1)), Identity(g.arity[1])),
        )
        for t in _times(f, g)
    ]
    return Causal(tensor(f.initial, g.initial), last, first, _both_typed(f, g))
