"""Two circuits to compare, terms or netlists: their netlists, their interfaces, and how a counterexample is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import DataError, SpaceError, explain, shown
from ...interpret import Env, Side, evaluate, split_tied
from ...rules.rule import backprop
from ...spaces import Space
from ...syntax import shorten
from ...terms import Term
from ...trees import leaves, nest, pick, whole
from ...typed import Typed, as_typed
from ..netlist import Netlist
from ..reading import to_netlist

Circuit = Term | Netlist


@dataclass(frozen=True)
class Given:
    """One of two circuits: its netlist, and the term it was read from with the parameters that are fixed."""

    netlist: Netlist
    term: Typed | None = None
    parameters: Any = None

    @property
    def paths(self) -> list[tuple[Sequence[str], Any]]:
        """The parameters of the term that are inputs: where they are in its tree, and their ports."""
        return [] if self.term is None or self.parameters is not None else list(leaves(whole(self.term.circuit)))

    @property
    def spaces(self) -> tuple[Space, Space] | None:
        """What comes in, parameters last, and what comes out."""
        if self.term is None:
            return None
        return Space([*self.term.dom, *(port.array for _, port in self.paths)]), self.term.cod

    @property
    def interface(self) -> str:
        """The interface in words."""
        n = self.netlist
        if self.term is None:
            latches = f", {len(n.latches)} latches that start as {_row(n.latches)}" if len(n.latches) else ""
            return f"{n.inputs} inputs, {len(n.outputs)} outputs{latches}"
        params = [port.array for _, port in self.paths]
        return f"{self.term.dom!r} -> {self.term.cod!r}" + (f", parameters {Space(params)!r}" if params else "")

    def outputs(self, bits: np.ndarray) -> np.ndarray:
        """The outputs at some inputs, by the meaning of the term where there is one, gate by gate otherwise."""
        found = self.netlist.evaluate(bits)
        if self.term is not None:
            meant = np.concatenate([np.ravel(y) for y in self._meaning(bits)]) if len(self.term.cod) else found
            assert (meant[: len(found)] == found[: len(meant)]).all()
        return found

    def _meaning(self, bits: np.ndarray) -> list[Any]:
        assert self.term is not None
        arrays = self.arrays(bits)
        circuit, n = self.term.circuit, len(self.term.dom)
        paths = list(leaves(whole(circuit)))
        given = arrays[n:] if self.parameters is None else [np.asarray(pick(self.parameters, p)) for p, _ in paths]
        own, shared = split_tied(circuit, nest([path for path, _ in paths], given))
        ys, _ = evaluate(circuit, Side(own, {}, None, shared), arrays[:n], Env(backprop))
        return [np.broadcast_to(np.asarray(y), a.sizes) for y, a in zip(ys, self.term.cod, strict=True)]

    def arrays(self, bits: np.ndarray) -> list[Any]:
        """Input bits as the arrays of the term."""
        assert self.spaces is not None
        found, at = [], 0
        for a in self.spaces[0]:
            found.append(np.asarray(bits[at : at + a.size], a.dtype).reshape(a.sizes))
            at += a.size
        return found

    def named(self, bits: np.ndarray) -> Mapping[str, Any]:
        """Input bits by name: the wires and parameters of the term, or the names that the netlist gives."""
        if self.term is None:
            return dict(zip(self.netlist.input_names, bits.astype(int).tolist(), strict=False))
        names = [f"input {i}" for i in range(len(self.term.dom))]
        names += [".".join(path) for path, _ in self.paths]
        return dict(zip(names, self.arrays(bits), strict=True))

    def output_name(self, output: int) -> str:
        """An output bit by name."""
        if self.term is None:
            return self.netlist.output_names[output] if self.netlist.output_names else str(output)
        for wire, a in enumerate(self.term.cod):
            if output < a.size:
                place = np.unravel_index(output, a.sizes) if a.sizes else ()
                return f"{wire}{list(map(int, place)) if place else ''}"
            output -= a.size
        return f"change {output} that leaves to the side"


def _row(bits: Any) -> str:
    return "".join(map(str, np.asarray(bits).tolist()))


def read(f: Circuit, g: Circuit, space: Space | None, parameters: Any, call: str) -> tuple[Given, Given]:
    """Both circuits, read. Raises SpaceError or DataError where their interfaces differ."""
    trees = parameters if isinstance(parameters, tuple) else (parameters, parameters)
    if len(trees) != 2:
        raise DataError(
            explain(f"{call}: {len(trees)} trees of parameters", expected="one for both circuits, or a pair of them")
        )
    typed = [c for c in (f, g) if isinstance(c, Typed)]
    space = typed[0].dom if space is None and typed else space
    pair = (given(f, space, trees[0], call), given(g, space, trees[1], call))
    _check(*pair, call)
    return pair


def given(circuit: Circuit, space: Space | None, parameters: Any, call: str) -> Given:
    """A circuit, read; `space` is its domain where it is a term without a type."""
    if not isinstance(circuit, Term | Netlist):
        raise DataError(explain(f"{call} was given {shown(circuit)}", expected="a term over bits or a netlist"))
    if isinstance(circuit, Netlist):
        return Given(circuit)
    term = circuit if isinstance(circuit, Typed) else as_typed(circuit, space, call)
    has = bool(list(leaves(whole(term.circuit))))
    parameters = parameters if has else None
    return Given(to_netlist(term, parameters), term, parameters)


def _check(f: Given, g: Given, call: str) -> None:
    p, q = f.netlist, g.netlist
    counts = [(n.inputs, len(n.outputs), n.latches.tolist()) for n in (p, q)]
    if f.spaces is not None and g.spaces is not None:
        alike, do = f.spaces == g.spaces and counts[0] == counts[1], "give both the same wires, in the same order"
        if f.spaces[0] != g.spaces[0] and f.paths != g.paths:
            do = "fix the parameters with parameters=..., or give both the same ones"
    else:
        alike, do = counts[0] == counts[1], "give both the same inputs and outputs, in the same order"
        for a, b in ((p.input_names, q.input_names), (p.output_names, q.output_names)):
            if a != b and sorted(a) == sorted(b):
                raise DataError(
                    explain(f"{call}: the same names in another order", first=", ".join(a[:12]),
                            second=", ".join(b[:12]), because="circuits are compared by the order of their wires",
                            do="put the wires of one of them in the order of the other")
                )  # fmt: skip
    if not alike:
        kind = DataError if f.term is None and g.term is None else SpaceError
        raise kind(
            explain(f"{call}: two circuits with different interfaces",
                    first=f"{f.interface}{_named(f)}", second=f"{g.interface}{_named(g)}", do=do)
        )  # fmt: skip


def _named(side: Given) -> str:
    return "" if side.term is None else f", {shorten(side.term, 80)}"
