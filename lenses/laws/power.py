"""How much the laws notice: the share of seeded mistakes at which at least one of them fails."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
from tqdm import tqdm

from ..errors import LensError, explain
from ..spaces import Space
from ..syntax import shorten
from ..terms import Term
from ..typed import Typed, as_typed
from .instances import Maker, verdict_of
from .law import Law, find
from .mutants import MUTANTS, Mutant
from .rewrite import at_precision
from .signature import standard
from .structures import functor, parametrised, reverse, rules
from .structures import lens as lens_laws
from .subjects import Section
from .trial import Search

ORACLES = tuple(f"reverse derivative/{name}" for name in ("vjp", "jvp", "adjoint", "differences", "kinks"))
"""The laws that hold a derivative against the outside."""
FIRST = ("get", "vjp", "kinks", "batching")
"""Laws that are tried first, since they notice most; the share does not depend on the order."""


@dataclass(frozen=True)
class Trial:
    """What came of one mutant: the law that noticed it (None: it survived) and at which terms."""

    mutant: Mutant
    killed_by: Law | None
    at: str = ""

    @property
    def verdict(self) -> str:
        """The outcome in words."""
        if self.mutant.equivalent:
            known = f"equivalent: {self.mutant.equivalent}"
            return known if self.killed_by is None else f"NOTICED by {self.killed_by.path}, though argued {known}"
        return "SURVIVED" if self.killed_by is None else f"{self.killed_by.path}, at {self.at}"


@dataclass(frozen=True)
class Power:
    """The trials of all mutants that a subject has a place for."""

    subject: str
    trials: tuple[Trial, ...]
    elsewhere: tuple[Mutant, ...] = ()

    @property
    def mistakes(self) -> list[Trial]:
        """The trials of mutants that are mistakes indeed."""
        return [t for t in self.trials if not t.mutant.equivalent]

    @property
    def killed(self) -> list[Trial]:
        """The mistakes that were noticed."""
        return [t for t in self.mistakes if t.killed_by is not None]

    @property
    def survivors(self) -> list[Mutant]:
        """The mistakes that no law noticed."""
        return [t.mutant for t in self.mistakes if t.killed_by is None]

    @property
    def share(self) -> float:
        """The share of mistakes that were noticed; 1 where there were none to notice."""
        return len(self.killed) / len(self.mistakes) if self.mistakes else 1.0

    @property
    def by_law(self) -> dict[str, int]:
        """How many mistakes each law noticed first."""
        counts: dict[str, int] = {}
        for t in self.killed:
            assert t.killed_by is not None
            counts[t.killed_by.path] = counts.get(t.killed_by.path, 0) + 1
        return dict(sorted(counts.items(), key=lambda kv: -kv[1]))

    def __str__(self) -> str:
        width = max((len(t.mutant.name) for t in self.trials), default=0)
        lines = [f"mistakes seeded in the derivative, laws tried on {self.subject}"]
        lines += [f"  {t.mutant.name:<{width}}  {t.verdict}" for t in self.trials]
        lines.append(
            f"{len(self.killed)} of {len(self.mistakes)} mistakes noticed ({self.share:.1%}), "
            f"{len(self.trials) - len(self.mistakes)} equivalent, {len(self.elsewhere)} that have no place here"
        )
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def power(
    x: Term | None = None,
    space: Space | None = None,
    *,
    mutants: Sequence[Mutant] | None = None,
    without: Sequence[str] = (),
    examples: int = 4,
    seed: int = 0,
    progress: bool | None = None,
) -> Power:
    """How many of the seeded mistakes (`mutants.MUTANTS`) the laws notice.

    With a term `x`, those mistakes are tried that x has a place for, on x; without, each on small
    terms of its own. `without` leaves out laws by name: ``without=laws.ORACLES`` shows what the axioms
    notice alone. Raises LensError for a term whose space is missing, or a name that is no law's.
    """
    for name in without:
        find(name)
    chosen = MUTANTS if mutants is None else mutants
    if x is not None and not isinstance(x, Term):
        raise LensError(explain(f"{x!r:.80} is no term", do="laws.power() tries the boxes of the library"))
    with jax.enable_x64(True):
        subject = None if x is None else at_precision(as_typed(x, space, "power"), "float64")
        here = [m for m in chosen if subject is None or m.shows_in(subject)]
        elsewhere = tuple(m for m in chosen if m not in here)
        search = Search(Maker(standard("float64")), examples, seed)
        trials = []
        for mutant in tqdm(here, desc="mistakes", delay=3, leave=False, disable=progress is False):
            sites = mutant.sites if subject is None else (subject,)
            trials.append(_trial(mutant, sites, search, without))
    return Power("terms of their own" if subject is None else shorten(subject), tuple(trials), elsewhere)


def _laws(mutant: Mutant) -> list[Law]:
    if mutant.kind == "term":
        found = [*reverse.REVERSE.own.values(), functor.TANGENT.own["T is the tangent"]]
    else:
        flat = [each for each in reverse.REVERSE.own.values() if each.depth == 1]
        structures = (lens_laws.LENS, lens_laws.ADDITIVE_LENS, rules.RULE, parametrised.PARAMETRISED_LENS)
        found = [*flat, *(each for s in structures for each in s.own.values() if each.name != "compilation")]
    return sorted((e for e in found if e.holds), key=lambda e: FIRST.index(e.name) if e.name in FIRST else len(FIRST))


def _trial(mutant: Mutant, sites: tuple[Typed, ...], search: Search, without: Sequence[str]) -> Trial:
    R: Any = mutant.derivative
    section = Section((), R, "", sites)
    for each in _laws(mutant):
        if each.name in without or each.path in without:
            continue
        for instance in search.instances(section, each, search.examples):
            if not isinstance(instance, str) and verdict_of(instance, R).failed:
                return Trial(mutant, each, repr(instance)[:120])
    return Trial(mutant, None)
