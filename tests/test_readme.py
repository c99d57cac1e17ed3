"""README.md is true: its Python blocks run in order, in one namespace, and print what stands below them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

README = Path(__file__).parent.parent / "README.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d+\.\d+")


class Block(NamedTuple):
    """A Python block of a page, the line it starts on, and the text that it is said to print."""

    line: int
    code: str
    printed: str


def blocks(page: str) -> list[Block]:
    """The Python blocks of a page, each with the text block right after it, if there is one."""
    found: list[Block] = []
    last = -1
    for fence in FENCE.finditer(page):
        kind, body = fence.groups()
        if kind == "python":
            found.append(Block(page.count("\n", 0, fence.start(2)) + 1, body, ""))
            last = fence.end()
        elif kind == "text":
            assert page[last : fence.start()] == "\n", f"the output block {body!r} follows no Python block"
            found[-1] = found[-1]._replace(printed=body)
    return found


def assert_same(printed: str, expected: str) -> None:
    """The same text, but for the decimals of numbers, which may differ by 2 % between machines."""
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", expected)
    for a, b in zip(NUMBER.findall(printed), NUMBER.findall(expected), strict=True):
        assert float(a) == pytest.approx(float(b), rel=0.02, abs=0.02)


def test_every_block_runs_and_prints_what_it_says(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = blocks(README.read_text(encoding="utf-8"))
    assert len(found) > 10
    assert sum(bool(block.printed) for block in found) > 10
    namespace: dict[str, object] = {"__name__": "readme"}
    for block in found:
        # The newlines in front make tracebacks name the line of the page.
        exec(compile("\n" * (block.line - 1) + block.code, str(README), "exec"), namespace)
        assert_same(capsys.readouterr().out, block.printed)


def test_a_changed_number_or_word_is_noticed():
    assert_same("accuracy 0.986, best 3", "accuracy 0.981, best 3")
    for wrong in (
        "accuracy 0.886, best 3",
        "accuracy 0.986, best 4",
        "precision 0.986, best 3",
        "accuracy 0.986, best 3\n",
    ):
        with pytest.raises(AssertionError):
            assert_same(wrong, "accuracy 0.986, best 3")


def test_folders_that_the_page_names_exist():
    named = re.findall(r"^\| `([\w/]+/)`", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(named) >= 6
    for folder in named:
        assert (README.parent / folder).is_dir(), folder
