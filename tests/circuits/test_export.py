"""What is exported is proved equal to the circuit before it is written, under names that people gave."""

from __future__ import annotations

import os

import numpy as np
import pytest

from lenses import Bits, DataError, FileError, LensError, copy, identity, reverse, swap
from lenses.circuits import (
    Netlist,
    conj,
    formats,
    from_aiger,
    from_blif,
    from_verilog,
    load_circuit,
    lookup,
    prove_equal,
    save_circuit,
    to_aiger,
    to_blif,
    to_netlist,
    to_verilog,
    xor,
)

HALF_ADDER = copy @ copy >> identity @ swap @ identity >> xor @ conj


def test_the_tour():
    circuit = HALF_ADDER.at(Bits(), Bits())
    text = to_verilog(circuit, name="half_adder", inputs=["a", "b"], outputs=["sum", "carry"])
    assert text.startswith("module half_adder (a, b, sum, carry);")
    for read, written in ((from_verilog, text), (from_aiger, to_aiger(circuit)), (from_blif, to_blif(circuit))):
        assert prove_equal(read(written), to_netlist(circuit))
    assert from_aiger(to_aiger(circuit, binary=True)).input_names == ("x0", "x1")


def test_words_and_learned_tables_have_names():
    circuit = (lookup(2) @ identity >> xor).at(Bits(2), Bits())
    text = to_verilog(circuit)
    assert "input [1:0] x0;" in text and "input x1;" in text and "\\lookup_0.table[3] ;" in text
    fixed = to_verilog(circuit, {"lookup_0": {"table": np.array([0, 1, 1, 0])}})
    assert "table" not in fixed and prove_equal(
        from_verilog(fixed), to_netlist(circuit, {"lookup_0": {"table": np.array([0, 1, 1, 0])}})
    )
    back = reverse(HALF_ADDER.at(Bits(), Bits()))
    assert prove_equal(from_blif(to_blif(back)), to_netlist(back))


@pytest.mark.parametrize("ending", [".aag", ".aig", ".blif", ".v"])
def test_files_are_written_whole_or_not_at_all(ending: str, tmp_path, monkeypatch):
    path = tmp_path / f"adder{ending}"
    save_circuit(HALF_ADDER.at(Bits(4), Bits(4)), path)
    before = path.read_bytes()
    assert prove_equal(load_circuit(path), to_netlist(HALF_ADDER.at(Bits(4), Bits(4))))
    # A writer that makes an and out of each xor is found out before anything is written.
    form = formats.FORMATS[ending]
    broken = form._replace(write=lambda n: form.write(Netlist(n.inputs, n.left, n.right, n.table | 8, n.outputs)))
    monkeypatch.setitem(formats.FORMATS, ending, broken)
    with pytest.raises(LensError, match="is another circuit"):
        save_circuit(HALF_ADDER.at(Bits(4), Bits(4)), path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == [path.name]


def test_names_that_do_not_fit_are_refused(tmp_path):
    circuit = HALF_ADDER.at(Bits(2), Bits(2))
    with pytest.raises(DataError, match=r"3 names of inputs(.|\n)*4, one a bit, or 2, one an array"):
        to_verilog(circuit, inputs=["a", "b", "c"])
    with pytest.raises(DataError, match=r"'a b\[0\]'"):
        to_blif(circuit, inputs=["a b", "c"])
    with pytest.raises(DataError, match="two signals"):
        to_verilog(circuit, inputs=["a", "a"])
    with pytest.raises(DataError, match="module"):
        to_verilog(circuit, name="my module")
    with pytest.raises(FileError, match=r"\.aag, \.aig, \.blif, \.v"):
        save_circuit(circuit, tmp_path / "circuit.txt")
    with pytest.raises(FileError, match="no-such-folder"):
        save_circuit(circuit, tmp_path / "no-such-folder" / "c.v")
    with pytest.raises(FileError, match="cannot read"):
        load_circuit(tmp_path / "none.v")
