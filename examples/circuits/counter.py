"""A counter as a delayed trace: two designs proved the same, run, written as Verilog, and drawn.

    python examples/circuits/counter.py [counter.v] [counter.svg]

A sequential circuit is a causal map over bits: what its latches hold is fed back through the unit delay. Two of
them are equal if no sequence of inputs tells them apart, which is decided by going through the states that
they reach together. Bit 0 of a word is its most significant one.
"""

import sys

import numpy as np

import diagrams
from lenses import Bits, compile, concatenate, rearrange, wired, zero
from lenses.causal import Causal, bisimilar, trace
from lenses.circuits import adder, conj, from_verilog, number, sequential, to_netlist, to_verilog, word, xor

BIT, WORD = Bits(), Bits(4)


@wired
def toggles(a, b, c, d, step):
    """Each bit, the lowest first, turns over when all below it are 1 and a step comes in; the old count comes out."""
    one = conj(a, step)
    two = conj(b, one)
    three = conj(c, two)
    joined = concatenate(parts=4)(*(rearrange("-> 1")(bit) for bit in (d, c, b, a)))
    return xor(a, step), xor(b, one), xor(c, two), xor(d, three), joined


@wired
def adds(count, step):
    """The step is the carry that comes into a sum with 0."""
    total, _ = adder(4)(count, word(0, 4)(), step)
    return total, count


toggling = trace(toggles, zero(BIT @ BIT @ BIT @ BIT)).at(BIT)  # four wires are fed back
adding = trace(adds, WORD).at(BIT)  # one wire is, a word


@wired
def forgetful(count, step):
    """A mistake: the carry into the highest bit is lost, so it counts to 7."""
    total, _ = adder(4)(count, word(0, 4)(), step)
    return conj(total, word(7, 4)()), count


def main(verilog: str | None = None, picture: str | None = None) -> Causal:
    """Proves, refutes, runs and writes; returns the counter that was read back from its Verilog."""
    print("toggling and adding:", bisimilar(toggling, adding))
    wrong = bisimilar(adding, trace(forgetful, WORD).at(BIT))
    print(f"adding and forgetful: {wrong}")
    steps = 40
    rows = np.random.default_rng(0).integers(0, 2, steps)
    counts = number(np.asarray(compile(adding.along(0), Bits(steps))({}, rows)))
    print("steps ", "".join(map(str, rows)))
    print("counts", "".join(f"{n:x}" for n in counts))
    print(to_netlist(toggling))
    text = to_verilog(toggling, name="counter", inputs=["step"], outputs=["count"])
    print(text, end="")
    again = sequential(from_verilog(text), BIT, WORD)
    print("read back from Verilog:", bisimilar(again, adding))
    if verilog is not None:
        with open(verilog, "w") as file:
            file.write(text)
    if picture is not None:
        diagrams.draw(toggling, style="circuit", names=["step"]).save(picture)
    return again


if __name__ == "__main__":
    main(*sys.argv[1:3])
