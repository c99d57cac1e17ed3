"""A chain of many boxes: built, typed, hashed, compared, saved and loaded, each on a chain that is new."""

from __future__ import annotations

import functools
import math
import operator
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lenses import Real, Term, compose, dense, load_term, relu, save_term

from .measure import Figure, Options

TITLE = "chains of boxes"

LENGTHS = (1_000, 10_000, 100_000)


def boxes(length: int) -> list[Term]:
    """`length` boxes, each a value of its own: dense and relu in turn."""
    return [dense(64) if i % 2 == 0 else relu for i in range(length)]


def built(length: int) -> Term:
    """The chain."""
    return compose(*boxes(length))


def one_by_one(length: int) -> Term:
    """The chain, built with ``>>`` from the left."""
    return functools.reduce(operator.rshift, boxes(length))


def from_right(length: int) -> Term:
    """The chain, built with ``>>`` from the right."""
    return functools.reduce(lambda a, b: b >> a, reversed(boxes(length)))


def tree(term: Term) -> Any:
    """The typed wiring graph with the tree of parameters."""
    return term.at(Real(64)).circuit


def actions(folder: Path) -> dict[str, tuple[Callable[[int], Any], Callable[[Any], Any]]]:
    """What is done with a chain, by name: how its subject is prepared off the clock, and the action."""
    file = folder / "chain.safetensors"

    def saved(length: int) -> Path:
        save_term(built(length), file)
        return file

    def compare(pair: tuple[Term, Term]) -> None:
        if pair[0] != pair[1]:
            raise AssertionError("a chain does not equal itself")

    return {
        "built, with compose": (lambda n: n, built),
        "built, one by one with >>": (lambda n: n, lambda n: one_by_one(n).parts),
        "built, with >> from the right": (lambda n: n, lambda n: from_right(n).parts),
        "typed": (built, lambda t: t.at(Real(64))),
        "typed, with its tree of parameters": (built, tree),
        "hashed": (built, hash),
        "compared to one built alike": (lambda n: (built(n), built(n)), compare),
        "compared to one with other brackets": (lambda n: (built(n // 2) >> built(n - n // 2), from_right(n)), compare),
        "compared on the wiring graph": (lambda n: (built(n), built(n)), lambda p: p[0].graph.code == p[1].graph.code),
        "printed": (built, repr),
        "saved": (built, lambda t: save_term(t, file)),
        "loaded": (saved, load_term),
    }


def seconds(act: Callable[[Any], Any], subject: Any) -> float:
    """The processor's seconds for one action, which is pure Python on one core."""
    started = time.process_time()
    act(subject)
    return time.process_time() - started


def measure(options: Options) -> list[Figure]:
    """Each action at three lengths. The ratio is the exponent of growth from the first to the last: linear is 1."""
    figures = []
    limit = sys.getrecursionlimit()
    # Nothing may recurse over a chain: with this little stack, a recursion of 1000 would fail.
    sys.setrecursionlimit(400)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, (prepare, act) in actions(Path(folder)).items():
                times = {}
                for length in LENGTHS:
                    tries = options.times(3, 2) if length == LENGTHS[-1] else 5
                    times[length] = min(seconds(act, prepare(length)) for _ in range(tries))
                first, *_, last = times.values()
                exponent = math.log(last / first) / math.log(LENGTHS[-1] / LENGTHS[0])
                beside = {f"{length:_}": times[length] for length in LENGTHS[:-1]}
                name = f"{LENGTHS[-1]:_} boxes {name}"
                # The tree of parameters is no part of typing; it is shown for what compiling starts with.
                target, reached = "at most 2 s, linear", last <= 2 and exponent <= 1.3
                if act is tree:
                    target, reached = "linear", exponent <= 1.3
                figures.append(Figure(name, last, beside, "s", exponent, target, reached))
    finally:
        sys.setrecursionlimit(limit)
    return figures
