"""The examples of learned circuits: the published figures exactly, the others at least; the whole runs are slow."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from helpers import example

from lenses.circuits import equal_function, from_verilog

NAMES = "iris", "monk", "life", "digits", "adder", "counter"
IRIS, MONK, LIFE, DIGITS, ADDER, COUNTER = (example(f"circuits/{name}") for name in NAMES)


@pytest.mark.parametrize(("species", "one_hot", "published"), [(2, False, "98.0"), (3, True, "73.3")])
def test_iris_by_ascent_is_as_published(species, one_hot, published):
    assert f"{IRIS.by_ascent(species, one_hot):.1f}" == published


def test_iris_by_votes_is_the_majority_of_each_row(one_hot=True, batch=75):
    (x, y), (x_test, y_test) = IRIS.flowers(3, one_hot)
    rows, rows_test = x @ [8, 4, 2, 1], x_test @ [8, 4, 2, 1]
    table = np.array([y[rows == row].mean(0) > 0.5 if (rows == row).any() else y[0] * 0 for row in range(16)])
    majority = 100 * (table[rows_test] == y_test).all(1).mean()
    assert IRIS.by_votes(one_hot, batch) == pytest.approx(majority) and majority >= 80.0


@pytest.mark.slow
@pytest.mark.optimised
def test_iris_prints_all_figures(capsys):
    IRIS.main()
    printed = capsys.readouterr().out
    assert printed.count("98.0 %") == 2 and printed.count("73.3 %") == 2 and printed.count("80.0 %") == 8
    assert printed.endswith("cancel: 33.3 %\n")


def test_the_adder_adds(capsys):
    ADDER.main()
    printed = capsys.readouterr().out
    assert "right sums after one pass: 100.0 %" in printed and "proved equal" in printed
    read = from_verilog(printed[printed.index("module") :])
    for x, y in itertools.product(range(4), repeat=2):
        bits = [x >> 1, x & 1, y >> 1, y & 1]
        high, middle, low = read.evaluate(np.array(bits, bool))
        assert 4 * high + 2 * middle + low == x + y


def lives(cells: np.ndarray) -> np.ndarray:
    """The rule of the Game of Life on neighbourhoods (n, 9), the cell last."""
    neighbours = cells[:, :8].sum(1)
    return (neighbours == 3) | ((neighbours == 2) & (cells[:, 8] == 1))


def test_life_is_learned_exactly(tmp_path):
    cells = np.array(list(itertools.product((0, 1), repeat=9)))
    circuit = LIFE.main(tmp_path / "life.v", tmp_path / "life.svg", starts=range(6, 40))
    np.testing.assert_array_equal(circuit.evaluate(cells.T.astype(bool))[0], lives(cells))
    assert circuit.gates <= 170
    assert equal_function(circuit, from_verilog((tmp_path / "life.v").read_text()))
    assert "<svg" in (tmp_path / "life.svg").read_text()


@pytest.mark.slow
@pytest.mark.optimised
def test_life_from_the_first_start():
    assert LIFE.main().gates <= 170


def test_monk_robots_are_those_of_the_published_rules():
    assert MONK.ROBOTS.shape == (432, 6) and MONK.WORDS.shape == (432, 12)
    assert [MONK.labels(problem).sum() for problem in (1, 2, 3)] == [216, 142, 228]
    for problem, size in ((1, 124), (2, 169), (3, 122)):
        x, y = MONK.drawn(problem)
        assert x.shape == (size, 12) and len(np.unique(x, axis=0)) == size
        truth = dict(zip(map(tuple, MONK.WORDS), MONK.labels(problem), strict=True))
        wrong = sum(truth[tuple(row)] != label for row, label in zip(x, y, strict=True))
        assert wrong == (6 if problem == 3 else 0)


def test_monk_in_short(capsys):
    (reached,) = MONK.main(problems=(1,), starts=6, members=3, epochs=300)
    assert reached >= 95 and "proved equal as functions" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.optimised
def test_monk_reaches_its_figures():
    first, second, third = MONK.main()
    assert first == 100 and second >= 99 and third >= 95


def test_digits_in_short(capsys):
    assert DIGITS.main(width=400, epochs=12) >= 0.85
    printed = capsys.readouterr().out
    assert "with 1200 gates" in printed and printed.count("a dream of") == 3


@pytest.mark.slow
@pytest.mark.optimised
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_digits_reach_95_percent_with_at_most_8000_gates(seed, capsys):
    assert DIGITS.main(seed=seed) >= 0.95
    assert "with 6000 gates" in capsys.readouterr().out


def test_the_counter_counts(capsys, tmp_path):
    found = COUNTER.main(tmp_path / "counter.v", tmp_path / "counter.svg")
    printed = capsys.readouterr().out
    assert printed.count("<equal: ") == 2 and "<different: after 9 steps [1, 0, 0, 0] is not [0, 0, 0, 0]>" in printed
    steps, counts = (line.split()[1] for line in printed.splitlines() if line.startswith(("steps", "counts")))
    rows = np.array(list(map(int, steps)))
    assert [int(c, 16) for c in counts] == (np.concatenate([[0], np.cumsum(rows)[:-1]]) % 16).tolist()
    assert len(found.state[0].sizes) == 1 and "posedge" in (tmp_path / "counter.v").read_text()
    assert (tmp_path / "counter.svg").read_text().startswith("<svg")
