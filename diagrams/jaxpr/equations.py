"""From a program to its plan: equation by equation, with copies, discards and constants between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax.extend.core import Literal

from lenses.errors import shown
from lenses.spaces import Array

from ..folding import Folding, Path
from ..plan import Plan
from ..scene import Address
from .known import steps
from .parts import Drawn, part
from .primitives import look
from .programs import Run, array, held, reads
from .sheet import Sheet
from .strands import named, renumbered


class Programs:
    """Makes plans of programs. `small`: functions of JAX itself with so many equations are closed."""

    def __init__(self, folding: Folding, small: int):
        self.folding = folding
        self.small = small

    def plan(
        self, jaxpr: Any, consts: Sequence[Any] | None, dom: Sequence[Array], address: Address, path: Path
    ) -> Plan:
        """The plan of a program with these inputs; constants without values are written as their types."""
        sheet, rows = Sheet(dom, address), steps(jaxpr)
        uses = reads(rows, jaxpr.outvars)
        wires: dict[Any, list[int]] = {}

        def made(variables: Sequence[Any], outs: Sequence[int]) -> None:
            for v, w in zip(variables, outs, strict=True):
                wires[v] = sheet.share(w, uses[v])

        def take(atom: Any) -> int:
            return sheet.constant(atom.val, atom) if isinstance(atom, Literal) else wires[atom].pop(0)

        values = [None] * len(jaxpr.constvars) if consts is None else consts
        for v, value in zip(jaxpr.constvars, values, strict=True):
            made([v], [sheet.constant(value, v)])
        made(jaxpr.invars, range(len(dom)))
        for step in rows:
            read = [array(a) if isinstance(a, Literal) else sheet.arrays[wires[a][0]] for a in step.invars]
            made(step.outvars, self._step(sheet, step, read, take, path))
        return sheet.done([take(a) for a in jaxpr.outvars])

    def _step(self, sheet: Sheet, step: Any, dom: Sequence[Array], take: Callable[[Any], int], path: Path) -> list[int]:
        """Adds the node of a step, which reads these arrays, and returns the wires that it makes."""
        here = sheet.next(sum(isinstance(a, Literal) for a in step.invars))  # after the constants that it reads
        drawn = part(self, step, dom, here, path) or self._box(step, dom, here, path)
        seen = drawn.look
        ins = [take(a) for i, a in enumerate(step.invars) if i not in seen.folded]
        strands = renumbered(seen.strands, seen.folded, len(step.invars))
        more = {"title": _title(step), "box": step, "data": seen.data}
        more |= {"inner": drawn.inner, "enters": drawn.enters, "leaves": drawn.leaves}
        return sheet.add(seen.glyph, seen.text, ins, drawn.cod, strands, **more)

    def _box(self, eqn: Any, dom: Sequence[Array], here: Address, path: Path) -> Drawn:
        """An equation by itself; programs among its parameters, of which the wiring is not known, are in its data."""
        seen, below = look(eqn), (*path, eqn.primitive.name)
        inside = [self.plan(p, consts, [array(v) for v in p.invars], here, below) for p, consts in held(eqn)]
        data = (*seen.data, ("parts", tuple(inside))) if inside else seen.data
        return Drawn(seen._replace(data=data), named(eqn.outvars, dom, seen.strands, seen.keeps))


def _title(step: Any) -> str:
    """An equation as one line: its primitive, with those parameters that are plain values, and its scope."""

    def plain(value: Any) -> bool:
        return isinstance(value, int | float | str | np.generic | np.dtype) or (
            isinstance(value, tuple) and bool(value) and all(plain(v) or v == () for v in value)
        )

    if isinstance(step, Run):
        return step.name
    words = [f"{k}={shown(v, 80)}" for k, v in step.params.items() if plain(v) and v is not False]
    scope = str(getattr(step.source_info, "name_stack", ""))
    return step.primitive.name + f"[{', '.join(words)}]" * bool(words) + f" in {scope}" * bool(scope)
