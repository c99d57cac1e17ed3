"""The examples of learners: what they print is so, by other means, and they draw."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from helpers import example

from lenses.machines import machine


def test_machines(tmp_path, capsys):
    shown = example("learners/machines")
    picture = tmp_path / "states.png"
    assert shown.main(picture) == {"states": 16, "learned": 1, "never": 4, "kinds of parity": 8}
    printed = capsys.readouterr().out
    assert picture.stat().st_size > 10_000 and "so excluded middle fails" in printed and "bisimilar" in printed


def test_what_never_learns_by_walking_the_states():
    """States from which no row of examples leads to AND, with the two tables multiplied by hand."""
    shown = example("learners/machines")
    states = machine(shown.gates(shown.conj))

    def tables(s):
        """For each input bit, what its table gives, with the library's order of its bits."""
        position: Any = states.shows[s]
        return [position[a][0] for a in range(4)]

    right = {s for s in range(16) if tables(s) == [0, 0, 0, 1]}
    reach = {s: {s} for s in range(16)}
    for _ in range(16):
        for s, seen in itertools.product(range(16), shown.EXAMPLES):
            reach[s] |= reach[states.step(s, seen)]
    never = {s for s in range(16) if not reach[s] & right}
    assert len(right) == 1 and sorted(never) == [0b0000, 0b0010, 0b1000, 0b1010]
    assert all(tables(s)[3] == 0 for s in never)


def test_requests(tmp_path, capsys):
    shown = example("learners/requests")
    found = shown.main(tmp_path / "requests.png", epochs=1)
    assert found["a codebook that asks"] > 0.8 > 0.4 > found["a codebook that asks for nothing"]
    printed = capsys.readouterr().out
    assert "equal: along these maps" in printed and "it takes no value 10" in printed
    off = float(next(line for line in printed.splitlines() if "jax.grad differ" in line).rpartition(" ")[2])
    assert off < 1e-6 and (tmp_path / "requests.png").stat().st_size > 10_000


def test_a_codebook_that_asks_for_nothing_leaves_the_encoder_as_it_is():
    shown = example("learners/requests")
    model = shown.encoder >> shown.codebook(False)
    p = model.init(shown.jax.random.key(0))
    x, b = np.ones(64, "float32") / 3, np.zeros(16, "float32")
    new = model.update(p, x, b)
    assert all((u == v).all() for u, v in zip(p[:-1], new[:-1], strict=True)) and (p[-1] != new[-1]).any()
