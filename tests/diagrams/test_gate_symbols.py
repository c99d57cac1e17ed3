"""Circuits are drawn with the symbols of their gates, and are read back from them."""

from __future__ import annotations

import diagrams
from lenses import Bits, Real, add
from lenses.circuits import conj, disj, nand, neg, nor, xnor, xor

MANY = disj @ nand @ xnor @ xor >> nor @ (neg @ neg >> conj)


def test_every_gate_has_its_symbol():
    scene = diagrams.draw(MANY.at(*[Bits()] * 8), style="circuit")
    kinds = sorted(glyph.kind for glyph in scene.glyphs)
    assert kinds == ["and", "nand", "nor", "not", "not", "or", "xnor", "xor"]
    assert diagrams.read(scene) == MANY


def test_sums_of_numbers_are_no_gates():
    kinds = [glyph.kind for glyph in diagrams.draw(add.at(Real(), Real()), style="circuit").glyphs]
    assert "xor" not in kinds
