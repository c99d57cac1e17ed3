"""What a check found: a line a law, and for each failure all that is needed to mend it."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..syntax import shorten
from ..terms import Term
from ..typed import Typed
from .compare import Difference
from .instances import Instance
from .law import Law


@dataclass(frozen=True)
class Failure:
    """The smallest instance found at which a law fails, and what is different there."""

    instance: Instance
    because: str
    difference: Difference | None
    left: Typed | None
    right: Typed | None
    fault: str
    replay: str

    @property
    def data(self) -> dict[str, Any]:
        """The failure as plain data, for JSON."""
        given = {**self.instance.terms, **self.instance.spaces}
        found: dict[str, Any] = {"with": {name: repr(value) for name, value in given.items()}}
        if self.difference is not None and self.difference.wire >= 0:
            found |= {
                "wire": self.difference.wire,
                "left": _plain(self.difference.left),
                "right": _plain(self.difference.right),
                "noise": _plain(self.difference.noise),
                "inputs": [_plain(x) for x in self.difference.inputs],
            }
        return {**found, "fault": self.fault, "replay": self.replay}

    def __str__(self) -> str:
        lines = []
        for name, term in self.instance.terms.items():
            lines.append(f"with {name}:   {term!r}")
        for name, space in self.instance.spaces.items():
            lines.append(f"with {name}:   {space!r}")
        lines.append(f"because:  {self.because}")
        if self.left is not None and self.right is not None:
            lines += [f"left:     {shorten(self.left, 160)}", f"right:    {shorten(self.right, 160)}"]
        found = self.difference
        if found is not None and found.wire >= 0:
            lines.append(f"wire:     output {found.wire}")
            lines += [f"left is:  {_shown(found.left)}", f"right is: {_shown(found.right)}"]
            lines.append(f"noise:    {found.noise:.1e} is allowed, they are {found.ratio:.1e} times that apart")
            lines += [f"input {i}:  {_shown(x)}" for i, x in enumerate(found.inputs[:6])]
        lines += [f"fault:    {self.fault}", f"replay:   {self.replay}"]
        return "\n".join(lines)


def _plain(x: Any) -> Any:
    """Numbers and lists of them; what is not finite, which JSON has no number for, as a string."""
    if not isinstance(x, list | tuple | float | int):
        array = np.asarray(x)
        x = (array if array.dtype.kind in "iub" else array.astype("float64")).tolist()
    if isinstance(x, list | tuple):
        return [_plain(y) for y in x]
    return x if math.isfinite(x) else str(x)


def _shown(x: Any) -> str:
    text = np.array2string(np.asarray(x), precision=6, threshold=12, separator=", ").replace("\n", " ")
    return text if len(text) < 160 else f"{text[:150]} ..."


@dataclass(frozen=True)
class Finding:
    """The outcome for one law: "proved", "holds", "fails" or "skipped"; `count` is the number of points or cases.

    `notion` says in which sense sides over a finite ring were proved equal, where it matters.
    """

    law: Law
    of: str
    outcome: str
    because: str
    expected: bool = True
    count: int = 0
    failure: Failure | None = None
    notion: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong: the law holds, was skipped, or was not expected to hold."""
        return self.outcome != "fails" or not self.expected

    @property
    def surprise(self) -> bool:
        """Whether a law that was expected to fail was not seen to."""
        return not self.expected and self.outcome in ("holds", "proved")

    @property
    def verdict(self) -> str:
        """The outcome in words."""
        if self.outcome == "fails":
            return "FAILS" if self.expected else "fails, as it should"
        if self.outcome == "holds":
            said = f"holds on {self.count}"
            return f"{said} (a finding: it fails in general)" if not self.expected else said
        if self.outcome == "proved":
            said = f"proved {self.notion}".strip()
            return f"{said} (a finding: it fails in general)" if not self.expected else said
        return f"skipped, {self.because}"

    @property
    def text(self) -> str:
        """The law and what came of it; of a failure all that is known, on several lines."""
        name = f"{self.law.path}{f', {self.of}' if self.of else ''}"
        lines = [f"{name} {self.verdict if self.outcome == 'fails' else f'({self.verdict})'}: {self.law.statement}"]
        if self.outcome == "fails":
            body = str(self.failure) if self.failure is not None else f"because:  {self.because}"
            lines.append("  " + f"source:   {self.law.source}\n{body}".replace("\n", "\n  "))
        return "\n".join(lines)

    @property
    def data(self) -> dict[str, Any]:
        """The finding as plain data, for JSON."""
        found = {
            "law": self.law.path,
            "of": self.of,
            "statement": self.law.statement,
            "source": self.law.source,
            "expected": self.expected,
            "outcome": self.outcome,
            "verdict": self.verdict,
            "ok": self.ok,
            "because": self.because.removeprefix("because "),
            "count": self.count,
        }
        return found if self.failure is None else {**found, "failure": self.failure.data}


@dataclass(frozen=True)
class Report:
    """The findings of a check. `passed` for scripts, `print(report)` for people; a notebook shows a table."""

    subject: str
    setting: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every law that was expected to hold does, as far as it was tried, and the subject is sound."""
        return all(f.ok for f in self.findings)

    @property
    def failures(self) -> list[Finding]:
        """The laws that fail against expectation."""
        return [f for f in self.findings if not f.ok]

    @property
    def surprises(self) -> list[Finding]:
        """The laws that hold here although they fail in general."""
        return [f for f in self.findings if f.surprise]

    def __bool__(self) -> bool:
        return self.passed

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __getitem__(self, law: str) -> Finding:
        """The finding on a law, by name or path; the first that matters, where several derivatives were tried."""
        found = [f for f in self.findings if law in (f.law.name, f.law.path)]
        if not found:
            raise KeyError(law)
        return next((f for f in found if not f.ok), found[0])

    def _groups(self) -> dict[tuple[str, str], list[Finding]]:
        groups: dict[tuple[str, str], list[Finding]] = {}
        for finding in self.findings:
            groups.setdefault((finding.law.structure.name, finding.of), []).append(finding)
        return groups

    @property
    def data(self) -> dict[str, Any]:
        """The report as plain data, for JSON."""
        return {
            "subject": self.subject,
            "setting": self.setting,
            "notes": list(self.notes),
            "passed": self.passed,
            "summary": self.summary,
            "findings": [f.data for f in self.findings],
        }

    @property
    def summary(self) -> str:
        """How many laws came out how, in a line."""
        counts = {
            "proved": sum(f.outcome == "proved" and f.expected for f in self.findings),
            "hold": sum(f.outcome == "holds" and f.expected for f in self.findings),
            "fail as they should": sum(f.outcome == "fails" and not f.expected for f in self.findings),
            "hold though they fail in general": len(self.surprises),
            "skipped": sum(f.outcome == "skipped" for f in self.findings),
            "FAIL": len(self.failures),
        }
        parts = [f"{n} {what}" for what, n in counts.items() if n]
        return f"{len(self.findings)} law{'s' * (len(self.findings) != 1)}: {', '.join(parts)}"

    def __str__(self) -> str:
        lines = [f"laws of {self.subject}", f"  {self.setting}", *(f"  note: {note}" for note in self.notes)]
        width = max((len(f.law.name) for f in self.findings), default=0)
        for (name, of), findings in self._groups().items():
            lines.append(f"{name}{f', {of}' if of else ''}")
            alike: dict[str, list[Finding]] = {}
            rest: list[Finding] = []
            for f in findings:
                short = f.outcome == "skipped" or (f.outcome == "proved" and f.expected)
                (alike.setdefault(f.verdict, []) if short else rest).append(f)
            for verdict, some in sorted(alike.items(), key=lambda item: not item[0].startswith("proved")):
                lines.append(f"  {verdict}: {', '.join(f.law.name for f in some)}")
            lines += [f"  {f.law.name:<{width}}  {f.verdict}" for f in rest]
        lines.append(self.summary)
        for finding in self.failures:
            lines += ["", finding.text]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = []
        for (name, of), findings in self._groups().items():
            title = html.escape(f"{name}{f', {of}' if of else ''}")
            rows.append(f'<tr><th colspan="3" style="text-align:left">{title}</th></tr>')
            for f in findings:
                mark = "&#10007;" if not f.ok else "&#8211;" if f.outcome == "skipped" else "&#10003;"
                cells = [mark, f"<b>{html.escape(f.law.name)}</b>", html.escape(f.verdict)]
                rows.append(
                    "<tr>" + "".join(f'<td style="text-align:left">{c}</td>' for c in cells)
                    + f'<td style="text-align:left"><code>{html.escape(f.law.statement)}</code></td></tr>'
                )  # fmt: skip
        parts = [f"<p><b>laws of {html.escape(self.subject)}</b><br>{html.escape(self.setting)}</p>"]
        parts += [f"<table>{''.join(rows)}</table>", f"<p>{html.escape(self.summary)}</p>"]
        for f in self.failures:
            said = str(f.failure) if f.failure is not None else f.because
            parts.append(f"<h4>{html.escape(f.law.path)} fails: {html.escape(f.law.statement)}</h4>")
            parts.append(f"<pre>{html.escape(said)}</pre>")
            if f.failure is not None:
                parts += [_picture(side) for side in (f.failure.left, f.failure.right)]
        return "\n".join(parts)


def _picture(term: Term | None) -> str:
    """The picture of a side, where a package that draws terms is there."""
    drawn = term._repr_svg_() if isinstance(term, Typed) else None
    return f"<div>{drawn}</div>" if drawn else ""
