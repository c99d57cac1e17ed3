"""Trying a law: at instances of it, the subject in each role, until one fails or all have been tried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import LensError
from ..syntax import shorten
from ..terms import Box
from ..typed import Misfit, Typed
from .blame import blame, explained, replay_line, sides
from .compare import Verdict, compare
from .instances import Instance, Maker, parameters, verdict_of
from .law import DERIVING, Expected, Law
from .maps import Equation
from .report import Failure, Finding
from .structures import boxes
from .subjects import Section
from .verdict import FORMAL, FUNCTION

EXAMPLES = 4
"""Instances a law, by default."""
PATIENCE = 60
"""Instances that a law is tried at which is expected to fail, until it does."""


@dataclass(frozen=True)
class Search:
    """Tries laws at instances, and shrinks what fails."""

    maker: Maker
    examples: int = EXAMPLES
    seed: int = 0
    known: dict[Any, bool] = field(default_factory=dict)
    explained: list[Law] = field(default_factory=list)

    def unsound(self, section: Section, law: Law) -> str | None:
        """Why a subject cannot be asked for a law: it is no function, or has no derivative; None where it can."""
        if law.structure is boxes.BOX:
            return None
        if self._fails(section, "purity"):
            return "because it is not a function (see purity)"
        if law.structure.name in DERIVING and self._fails(section, "derivative"):
            return "because it has no derivative (see derivative)"
        return None

    def _fails(self, section: Section, name: str) -> bool:
        for subject in section.subjects:
            key = (name, subject, subject.dom.names)
            if key not in self.known:
                instance = Instance(boxes.BOX.own[name], {"f": subject}, {}, self.seed)
                self.known[key] = verdict_of(instance, section.R).failed
            if self.known[key]:
                return True
        return False

    def instances(self, section: Section, law: Law, count: int) -> Iterable[Instance | str]:
        """Instances of a law: the subjects in each role, alone first, then within random terms."""
        placed = [i for i, v in enumerate(law.variables) if "para" not in law.needs or v.name in ("f", "g")]
        if "once" in law.needs:
            count = 1
        if "box" in law.needs.split() and section.subjects:
            count = 2
        subjects = section.subjects or (None,)
        if subjects == (None,) and "box" in law.needs.split():
            return
        for i in range(count if law.variables else min(count, 3)):
            for subject in subjects:
                if subject is not None:
                    reason = _inapplicable(law, subject)
                    if reason:
                        yield reason
                        continue
                for role in (placed or [0]) if i == 0 else [placed[i % len(placed)] if placed else 0]:
                    alone = i == 0 or section.alone or "box" in law.needs.split() or len(subjects) > 4
                    try:
                        yield self.maker.make(law, self.seed * 1000 + i, subject, role, alone)
                    except (LensError, Misfit) as error:
                        yield str(error).splitlines()[0]

    def finding(self, section: Section, law: Law) -> Finding:
        """What comes of one law."""
        expected = section.expected.get(law.path, law.holds)
        if law.structure.subject is not None:
            return _claimed(law, section, expected, self.seed)
        reason = self.unsound(section, law)
        if reason:
            return Finding(law, section.of, "skipped", reason, expected)
        outcomes: list[Verdict] = []
        reasons: list[str] = []
        lost: list[Instance] = []
        count = self.examples if expected else max(self.examples, PATIENCE)
        for instance in self.instances(section, law, count):
            if isinstance(instance, str):
                reasons.append(instance)
                continue
            verdict = verdict_of(instance, section.R)
            if law.structure is boxes.BOX:
                subject = instance.terms["f"]
                self.known[law.name, subject, subject.dom.names] = verdict.failed
            if verdict.failed:
                failure = None
                if expected:  # the first failures are worth more work than those that follow from them
                    tries = 250 if len(self.explained) < 2 else 60
                    self.explained.append(law)
                    failure = explained(instance, section.R, tries, section.alone)
                return Finding(law, section.of, "fails", verdict.because, expected, len(outcomes) + 1, failure)
            if verdict.outcome in ("nothing", "refused"):
                reasons.append(verdict.because)
            elif verdict.outcome == "lost":
                lost.append(instance)
            else:
                outcomes.append(verdict)
        if lost and not outcomes and expected:
            because = "one side is no number wherever the other is one"
            fault, again = blame(lost[0], section.R), replay_line(lost[0], section.R)
            failure = Failure(lost[0], because, None, *sides(lost[0], section.R), fault, again)
            return Finding(law, section.of, "fails", because, expected, len(lost), failure)
        if not outcomes:
            return Finding(law, section.of, "skipped", f"because {reasons[0] if reasons else 'nothing fits'}", expected)
        if all(v.outcome == "proved" for v in outcomes):
            return _proved(law, section.of, outcomes, expected)
        return Finding(law, section.of, "holds", "", expected, sum(max(v.tried, 1) for v in outcomes))


def _inapplicable(law: Law, subject: Typed) -> str | None:
    needs = law.needs.split()
    mixed = any(a.change is None for a in (*subject.dom, *subject.cod))
    if ("real" in needs or "smooth" in needs) and mixed and law.variables:
        return f"{shorten(subject, 60)} has wires of indices, which have no changes"
    if "analysis" in needs and any(a.change is not None and not a.real for a in (*subject.dom, *subject.cod)):
        return "there are no limits over a finite ring; the axioms decide"
    if "parameters" in needs and not len(parameters(subject)):
        return "there are no parameters"
    if "box" in needs and not isinstance(subject.term, Box):
        return "it is a composite; kinks of composites are not those of their parts"
    return None


def _proved(law: Law, of: str, verdicts: Sequence[Verdict], expected: bool) -> Finding:
    """The finding on a law that was proved at all instances, in the weakest of the senses in which it was."""
    weakest = max(verdicts, key=lambda v: (v.notion == FUNCTION, v.notion == FORMAL))
    return Finding(law, of, "proved", weakest.because, expected, len(verdicts), None, weakest.notion)


def _claimed(law: Law, section: Section, expected: bool, seed: int) -> Finding:
    """The finding on a law of a loss, a rate, an optimiser or a learner."""
    made = law.build(section.R)
    if isinstance(made, str):
        return Finding(law, section.of, "skipped", f"because {made}", expected)
    if isinstance(made, Expected):
        made, expected = made.claims, made.holds
    found = []
    for claim in made if isinstance(made, list) else [made]:
        verdict = compare(claim, seed) if isinstance(claim, Equation) else claim.verdict(seed)
        if verdict.failed:
            failure = Failure(
                Instance(law, {}, {}, seed), verdict.because, verdict.difference, None, None,
                "this subject's own code", f"laws.check(..., law={law.path!r}, seed={seed})",
            )  # fmt: skip
            return Finding(law, section.of, "fails", verdict.because, expected, len(found) + 1, failure)
        found.append(verdict)
    some = [v for v in found if v.outcome != "nothing"]
    if not some:
        because = found[0].because if found else "there is nothing to compare"
        return Finding(law, section.of, "skipped", f"because {because}", expected)
    if all(v.outcome == "proved" for v in some):
        return _proved(law, section.of, some, expected)
    return Finding(law, section.of, "holds", "", expected, sum(max(v.tried, 1) for v in some))
