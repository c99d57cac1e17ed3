"""Laws as tests: what ``pytest --lenses-laws module:name`` adds to a run.

Each law that applies is a test of its own, so that it is selected with ``-k``, spread over processes
with ``-n`` and counted like any other: it passes where the law is proved, holds, or fails as it
should; it is skipped where the law says nothing here. The options are in `pytest_lenses`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ..cli import find_object
from ..errors import LensError, explain
from ..spaces import Space, parse_space
from .check import Plan, plan
from .law import Law
from .subjects import Section, needs_space

FOUND = "finding"
"""The name under which a report carries a law that holds against expectation."""
SHORT = {"the term reverse(f)": "term", "the lens that runs": "lens"}
"""What a section is called in the name of a test."""


class Laws:
    """The plugin: it plans the checks when pytest starts, and adds their tests to what pytest collects."""

    def __init__(self, config: pytest.Config):
        options = config.option
        try:
            space = None if options.lenses_laws_at is None else parse_space(options.lenses_laws_at)
            given = {"law": options.lenses_laws_only, "seed": options.lenses_laws_seed}
            if options.lenses_laws_examples is not None:
                given["examples"] = options.lenses_laws_examples
            self.plans = {place: planned(place, space, **given) for place in dict.fromkeys(options.lenses_laws)}
        except LensError as error:
            raise pytest.UsageError(f"--lenses-laws: {error}") from None

    def pytest_report_header(self) -> list[str]:
        """A line for each subject, and one for each of its notes."""
        lines = []
        for place, made in self.plans.items():
            lines.append(f"lenses: {len(made.tasks)} laws of {place}, {made.setting}")
            lines += [f"  note: {note}" for note in made.notes]
        return lines

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Iterator[Any]:
        """What a session collects, and the subjects after it."""
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            made = [Subject.of(collector, place, plan) for place, plan in self.plans.items()]
            report.result = [*report.result, *made]
        return report

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The laws that hold although they fail in general."""
        reports = terminalreporter.getreports("passed")
        found = [(r.nodeid, text) for r in reports for name, text in r.user_properties if name == FOUND]
        if found:
            terminalreporter.section("laws that hold here, though they fail in general")
            for nodeid, text in found:
                terminalreporter.line(f"{nodeid}: {text}")


def planned(place: str, space: Space | None, **options: Any) -> Plan:
    """The plan of the check of what is at `place`, at `space` if it has none of its own."""
    x = find_object(place)
    missing = needs_space(x)
    if missing and space is None:
        raise LensError(explain(f"the space of {place} is missing", do='say it, as in --lenses-laws-at "Real(64)"'))
    return plan(x, space if missing else None, **options)


class Subject(pytest.Collector):
    """What has laws: the collector of their tests."""

    plan: Plan

    @classmethod
    def of(cls, session: pytest.Session, place: str, plan: Plan) -> Subject:
        """The subject at `place`."""
        file = getattr(sys.modules.get(place.partition(":")[0]), "__file__", None)
        made = cls.from_parent(session, name=place, nodeid=place, path=Path(file) if file else session.path)
        made.plan = plan
        return made

    def collect(self) -> Iterable[pytest.Item]:
        """A test a law."""
        seen = Counter[str]()
        for section, law in self.plan.tasks:
            of = SHORT.get(section.of, section.of.removeprefix("under "))
            name = f"{law.path} [{of}]" if of else law.path
            seen[name] += 1
            item = LawTest.from_parent(self, name=name if seen[name] == 1 else f"{name} {seen[name]}")
            item.plan, item.section, item.law = self.plan, section, law
            yield item


class LawTest(pytest.Item):
    """The test that a law holds, or is seen to fail where it should."""

    plan: Plan
    section: Section
    law: Law

    def runtest(self) -> None:
        """Tries the law. A report of the test carries its statement and the verdict as properties."""
        finding = self.plan.finding(self.section, self.law)
        self.user_properties += [("law", self.law.statement), ("verdict", finding.verdict)]
        if finding.surprise:
            self.user_properties.append((FOUND, f"{finding.verdict}: {self.law.statement}"))
        if finding.outcome == "skipped":
            pytest.skip(finding.because.removeprefix("because "))
        if not finding.ok:
            raise LawFails(finding.text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report on a law that fails, in place of a traceback."""
        if isinstance(excinfo.value, LawFails | LensError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The file of the subject, and the heading of a failure."""
        assert self.parent is not None
        return self.path, 0, f"{self.name} of {self.parent.name}"


class LawFails(Exception):
    """A law fails; the text says where."""
