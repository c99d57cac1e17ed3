"""The pages are true: their Python blocks run in order, in one namespace, and print what stands below them.

`python tests/test_readme.py` writes what they print now below them; read the difference before you keep it.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
import shlex
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

from lenses import cli, laws

README = Path(__file__).parent.parent / "README.md"
PAGES = {  # and how many blocks each has at least
    "README.md": 13,
    "examples/constructions.md": 8,
    "examples/is_my_layer_lawful.md": 8,
    "examples/circuits/two_equalities.md": 7,
}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d+\.\d+(?:e[+-]\d+)?")


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
    """The same text, but for numbers with decimals, which may differ by 2 % between machines.

    Numbers with an exponent, as of rounding noise, may differ by a factor of 30.
    """
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", expected)
    for a, b in zip(NUMBER.findall(printed), NUMBER.findall(expected), strict=True):
        if "e" in b:
            assert "e" in a and abs(math.log(float(a) / float(b))) < math.log(30)
        else:
            assert float(a) == pytest.approx(float(b), rel=0.02, abs=0.02)


@pytest.fixture
def structures():
    """Takes away the structures of laws that a page declares."""
    before = dict(laws.STRUCTURES)
    yield
    laws.STRUCTURES.clear()
    laws.STRUCTURES.update(before)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs_and_prints_what_it_says(capsys, tmp_path, monkeypatch, structures, page):
    monkeypatch.chdir(tmp_path)
    path = README.parent / page
    found = blocks(path.read_text(encoding="utf-8"))
    assert len(found) >= PAGES[page]
    assert sum(bool(block.printed) for block in found) >= PAGES[page] - 2
    namespace: dict[str, object] = {"__name__": "page"}
    for block in found:
        # The newlines in front make tracebacks name the line of the page.
        exec(compile("\n" * (block.line - 1) + block.code, str(path), "exec"), namespace)
        assert_same(capsys.readouterr().out, block.printed)


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_a_page_are_there(page):
    text = (README.parent / page).read_text(encoding="utf-8")
    bodies = [fence[2] for fence in FENCE.finditer(text) if not fence[1]]
    lines = [shlex.split(line, comments=True) for body in bodies for line in body.splitlines()]
    commands = [words[1:] for words in lines if words[:1] == ["lenses"]]
    assert len(commands) >= 2
    for words in commands:
        cli.parser().parse_args(words)


def test_a_changed_number_or_word_is_noticed():
    assert_same("accuracy 0.986, best 3", "accuracy 0.981, best 3")
    assert_same("noise 1.4e-13", "noise 2.9e-14")
    for wrong in ("noise 1.4e-11", "noise 1.4", "noise 1.4e-13 or so"):
        with pytest.raises(AssertionError):
            assert_same(wrong, "noise 1.4e-13")
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


def rewrite(page: str) -> None:
    """Runs the blocks of a page and replaces the printed text that stands below them."""
    path = README.parent / page
    text = path.read_text(encoding="utf-8")
    namespace: dict[str, object] = {"__name__": "page"}
    for block in blocks(text):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(block.code, namespace)
        if block.printed:
            text = text.replace(
                f"```python\n{block.code}```\n```text\n{block.printed}```",
                f"```python\n{block.code}```\n```text\n{printed.getvalue()}```",
            )
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.path[0] = str(README.parent)  # the folder of this file has one that is called as a package is
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name in PAGES:
            rewrite(name)
