"""The examples on sequences: what they print is so, and the whole runs, which are slow, reach what they promise."""

from __future__ import annotations

import re
import sys

import pytest
from helpers import example

DIGITS, GRADIENTS = example("sequences/digits"), example("sequences/three_gradients")


def test_gradients_of_short_windows_are_others():
    assert GRADIENTS.compared(["windows of 2"])["windows of 2"] > 0.1


def test_digits_are_read_a_little(capsys, tmp_path, monkeypatch):
    reached = DIGITS.main(tmp_path / "digits.png", epochs=2)
    printed = capsys.readouterr().out
    rows = [float(share) for share in re.findall(r"^ +\d +(\d+\.\d)%", printed, re.MULTILINE)]
    assert len(rows) == 8 and rows[-1] == pytest.approx(100 * reached, abs=0.1) and reached > 0.5
    assert rows[0] < 0.5 * rows[-1]  # one row says little
    if "no picture" not in printed:
        assert (tmp_path / "digits.png").read_bytes()[:4] == b"\x89PNG"
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    DIGITS.draw(None, None, None, 0, tmp_path / "none.png")
    assert "extra `pictures`" in capsys.readouterr().out and not (tmp_path / "none.png").exists()


@pytest.mark.slow
@pytest.mark.optimised
def test_digits_are_read(tmp_path):
    assert DIGITS.main(tmp_path / "digits.png") > 0.97


@pytest.mark.slow
@pytest.mark.optimised
def test_short_windows_do_not_remember(tmp_path):
    found = GRADIENTS.compared()
    one = "backpropagation through time", "real-time recurrent learning", f"windows of {GRADIENTS.STEPS}"
    assert max(found[name] for name in one) < 1e-12 and found["windows of 8"] > 0.1
    losses = GRADIENTS.main(tmp_path / "three.png")
    whole = [losses[name] for name in ("backpropagation through time", "real-time recurrent learning")]
    assert max(whole) < 1e-3 and losses["windows of 2"] > 0.3
