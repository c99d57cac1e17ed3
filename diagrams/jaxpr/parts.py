"""Steps with a part inside: functions that are called, loops and branches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

import numpy as np
from jax.extend.core import Literal

from lenses.spaces import Array
from lenses.strands import Strand

from ..folding import Folding, Path
from ..plan import Plan
from ..scene import Address
from ..text import number
from .known import small
from .primitives.look import Look, through
from .programs import Called, Run, arrays, called, count, reads
from .sheet import Sheet
from .strands import passing


class Planner(Protocol):
    """What plans the program inside a step (`equations.Programs`)."""

    folding: Folding
    small: int

    def plan(
        self, jaxpr: Any, consts: Sequence[Any] | None, dom: Sequence[Array], address: Address, path: Path
    ) -> Plan:
        """The plan of a program with these inputs."""
        ...


class Drawn(NamedTuple):
    """A step as it is drawn: its look, its results, and the plan inside if it is opened (see `plan.Node`)."""

    look: Look
    cod: Sequence[Array]
    inner: Plan | None = None
    enters: tuple[tuple[int, ...], ...] | None = None
    leaves: tuple[tuple[int, ...], ...] | None = None


def part(planner: Planner, step: Any, dom: Sequence[Array], here: Address, path: Path) -> Drawn | None:
    """A step with a part inside, which reads these arrays; None if it has none, or one with unknown wiring."""
    name = "" if isinstance(step, Run) else step.primitive.name
    draw = _KINDS.get(name)
    if draw is None:
        function = called(step)
        if function is None:
            return None
        name, draw = function.name, partial(_call, function)
    below = (*path, name)
    drawn = draw(planner, step, dom, here, below)
    return drawn if planner.folding.opens(below) else Drawn(drawn.look, drawn.cod)


def _call(function: Called, planner: Planner, step: Any, dom: Sequence[Array], here: Address, path: Path) -> Drawn:
    program = function.jaxpr
    inner = planner.plan(program, function.consts, arrays(program.invars, [a.names for a in dom]), here, path)
    seen = Look("block", function.name, () if function.apart else passing(inner))
    cod = _results(step, inner)
    if function.own and count(program) <= planner.small:
        return Drawn(small(seen, step, dom, inner.cod), cod)
    return Drawn(seen, cod, inner)


def _results(step: Any, inner: Plan) -> list[Array]:
    return arrays(step.outvars, [a.names for a in inner.cod])


def _scan(planner: Planner, eqn: Any, dom: Sequence[Array], here: Address, path: Path) -> Drawn:
    """One step of a scan, in which scanned arrays lack their first axis."""
    closed, consts, kept = eqn.params["jaxpr"], eqn.params["num_consts"], eqn.params["num_carry"]
    first = consts + kept  # the first array that is scanned
    names = [a.names[i >= first :] for i, a in enumerate(dom)]
    inner = planner.plan(closed.jaxpr, closed.consts, arrays(closed.jaxpr.invars, names), here, path)
    strands = [
        Strand(tuple([(i, a + (i >= first)) for i, a in ins]), tuple([(o, a + (o >= kept)) for o, a in outs]))
        for ins, outs in passing(inner, [(consts + k, inner.outs[k]) for k in range(kept)])
    ]
    if not kept and inner.outs:  # nothing is handed on, so each step is by itself
        strands.append(through(range(first, len(dom)), 0, range(len(inner.outs)), 0))
    lead = dom[first].names[:1] if len(dom) > first else (None,)
    cod = arrays(eqn.outvars, [(*lead[: o >= kept], *a.names) for o, a in enumerate(inner.cod)])
    enters = tuple([tuple(range(i >= first, a.rank)) for i, a in enumerate(dom)])
    leaves = tuple([tuple(range(o >= kept, a.rank)) for o, a in enumerate(cod)])
    length = eqn.params["length"]
    data = (("length", length), ("reverse", eqn.params["reverse"]), ("kept", kept))
    text = times(length) + ", backwards" * eqn.params["reverse"]
    return Drawn(Look("repeat", text, strands, data), cod, inner, enters, leaves)


def times(steps: int) -> str:
    """How often a loop is gone through."""
    return f"× {steps} step" + "s" * (steps != 1)


def _while(planner: Planner, eqn: Any, dom: Sequence[Array], here: Address, path: Path) -> Drawn:
    """One step of a loop: what its body makes if its condition holds, else what it was given."""
    first = eqn.params["cond_nconsts"]
    second = first + eqn.params["body_nconsts"]
    sheet, kept = Sheet(dom, here), range(second, len(dom))
    programs = {
        "condition": ([*range(first), *kept], eqn.params["cond_jaxpr"]),
        "body": ([*range(first, second), *kept], eqn.params["body_jaxpr"]),
    }
    ((which,), new), old = _blocks(planner, sheet, programs, path, kept)
    inner, strands = sheet.chosen(which, [old, new])
    return Drawn(Look("repeat", _until(eqn), strands, (("kept", len(old)),)), _results(eqn, inner), inner)


def _until(eqn: Any) -> str:
    """What is known of when a loop ends: of those that count by one up to a limit, where they begin and end."""
    condition, body, consts = (eqn.params[key] for key in ("cond_jaxpr", "body_jaxpr", "body_nconsts"))
    if eqn.params["cond_nconsts"] or len(condition.jaxpr.eqns) != 1 or len(condition.jaxpr.invars) < 2:
        return "while"
    (test,), ends = condition.jaxpr.eqns, condition.jaxpr.invars[:2]
    at, limit = body.jaxpr.invars[consts : consts + 2]
    step = next((e for e in body.jaxpr.eqns if e.outvars[0] is body.jaxpr.outvars[0]), None)
    counts = (
        test.primitive.name == "lt"
        and all(a is b for a, b in zip(test.invars, ends, strict=True))
        and step is not None
        and (step.primitive.name, step.invars[0]) == ("add", at)
        and isinstance(step.invars[1], Literal)
        and np.all(step.invars[1].val == 1)
        and body.jaxpr.outvars[1] is limit
    )
    if not counts:
        return "while"
    first, last = (int(a.val) if isinstance(a, Literal) else None for a in eqn.invars[consts : consts + 2])
    if first is not None and last is not None:
        return times(max(last - first, 0))
    since = f" from {number(first)}" if first is not None else ""
    return f"for each step{since}" + (f" to {number(last - 1)}" if last is not None else "")


def _cond(planner: Planner, eqn: Any, dom: Sequence[Array], here: Address, path: Path) -> Drawn:
    """All branches, and the choice of one of their results."""
    sheet, wires = Sheet(dom, here), range(1, len(dom))
    programs = {f"branch {b}": (wires, branch) for b, branch in enumerate(eqn.params["branches"])}
    options, _ = _blocks(planner, sheet, programs, path)
    inner, strands = sheet.chosen(0, options)
    return Drawn(Look("branch", "cond", strands), _results(eqn, inner), inner)


_KINDS: dict[str, Callable[..., Drawn]] = {"scan": _scan, "while": _while, "cond": _cond}
"""By its primitive, how a step is drawn of which the part inside is wired in another way than the step itself."""


def _blocks(
    planner: Planner,
    sheet: Sheet,
    programs: Mapping[str, tuple[Sequence[int], Any]],
    path: Path,
    beside: Sequence[int] = (),
) -> tuple[list[list[int]], list[int]]:
    """Adds programs to a sheet, which read some of its inputs, as blocks one above the other.

    Returns the wires that each makes, and those of `beside`, which are read after them. Inputs are
    copied for those that need them: a program may have inputs that it does not read.
    """
    needs = []
    for wires, closed in programs.values():
        read = reads(closed.eqns, closed.jaxpr.outvars)
        needs.append([(w, v) for w, v in zip(wires, closed.jaxpr.invars, strict=True) if v in read])
    given = sorted({w for wires, _ in programs.values() for w in wires})
    uses = Counter([*(w for need in needs for w, _ in need), *beside])
    copies = {w: sheet.share(w, uses[w]) for w in given}
    made = []
    for (name, (_, closed)), need in zip(programs.items(), needs, strict=True):
        whole, below, ins = closed.jaxpr, (*path, name), [copies[w].pop(0) for w, _ in need]
        jaxpr = SimpleNamespace(
            constvars=whole.constvars, invars=[v for _, v in need], eqns=whole.eqns, outvars=whole.outvars
        )
        inner = planner.plan(jaxpr, closed.consts, [sheet.arrays[w] for w in ins], sheet.next(), below)
        opened = inner if planner.folding.opens(below) else None
        made.append(sheet.add("block", name, ins, inner.cod, passing(inner), inner=opened))
    return made, [copies[w].pop(0) for w in beside]
