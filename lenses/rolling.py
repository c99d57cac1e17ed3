"""Finding repeats: runs of equal neighbours in a chain, turned into `**`, which compiles to a scan."""

from __future__ import annotations

from collections.abc import Sequence

from .combinators import Repeat
from .spaces import Space
from .terms import Term, compose
from .typed import Typed, infer

LEAST = 3
"""Shorter runs are left as they are: a scan of two steps costs more to set up than it saves."""

LONGEST = 64
"""The longest unit that is looked for."""


def roll(term: Typed) -> Typed:
    """The typed chain with every run of equal layers from a space to itself written with ``**``.

    The parameters of a run are stacked, so their tree is that of the term that is returned.
    """
    parts = term.term.parts
    spaces = [term.dom]
    for part in parts:
        spaces.append(infer(part, spaces[-1]))
    kinds = _numbers(parts)
    out: list[Term] = []
    at = 0
    while at < len(parts):
        period, times = _run(kinds, spaces, at)
        if times >= LEAST:
            out.append(Repeat(compose(*parts[at : at + period]), times))
            at += period * times
        else:
            out.append(parts[at])
            at += 1
    return Typed.known(compose(*out), term.dom, term.cod)


def _numbers(parts: Sequence[Term]) -> list[int]:
    known: dict[Term, int] = {}
    return [known.setdefault(part, len(known)) for part in parts]


def _run(kinds: Sequence[int], spaces: Sequence[Space], at: int) -> tuple[int, int]:
    """The unit at `at` that covers most of the chain when repeated, the shortest of those: (length, times)."""
    best = (1, 1)
    for period in range(1, min(LONGEST, (len(kinds) - at) // LEAST) + 1):
        if spaces[at] != spaces[at + period] or spaces[at].names != spaces[at + period].names:
            continue
        end = at + period
        while end < len(kinds) and kinds[end] == kinds[end - period]:
            end += 1
        times = (end - at) // period
        if times >= LEAST and period * times > best[0] * best[1]:
            best = (period, times)
    return best
