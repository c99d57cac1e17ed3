"""The options of `lenses` for pytest: ``pytest --lenses-laws module:name`` makes a test of each law that applies.

Pytest imports this module in every run where the library is installed, so it imports nothing of the
library, which takes a second to start. `lenses.laws.plugin` does the work, where it is asked for.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("lenses", "laws of terms, layers and rules")
    add = group.addoption
    add("--lenses-laws", metavar="module:name", action="append", default=[],
        help="a test for each law of a term, a function, a class of boxes, a pair (forward, backward), a rule, "
        "a loss or an optimiser; may be given several times")  # fmt: skip
    add("--lenses-laws-at", metavar="SPACE", help='the domain of those that have none, e.g. "Real(64)"')
    add("--lenses-laws-only", metavar="NAME", action="append",
        help="only this law or structure, which may be one of your own; may be given several times")  # fmt: skip
    add("--lenses-laws-examples", metavar="N", type=int, help="instances a law (default: 4)")
    add("--lenses-laws-seed", metavar="N", type=int, default=0, help="of terms and points (default: 0)")


def pytest_configure(config: pytest.Config) -> None:
    """Loads what makes the tests, if there are any to make."""
    if config.option.lenses_laws and not config.option.help and not config.option.version:
        from lenses.laws.plugin import Laws

        config.pluginmanager.register(Laws(config), "lenses-laws-tests")
