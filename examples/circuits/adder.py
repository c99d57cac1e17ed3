"""A two-bit adder learned from its truth table, simplified, proved to be an adder, and written as Verilog.

    python examples/circuits/adder.py [adder.v]

Sixteen examples, once each: over the ring of two elements a step of reverse derivative ascent from zero
puts the right bit into the row of the table that the example shows.
"""

import sys

import jax
import numpy as np

from lenses import Bits, split, wired
from lenses.boxes.rearrange import concatenate, rearrange
from lenses.circuits import Simplified, adder, ascend, binary, bit, lookup, prove_equal, simplify, to_verilog

X, Y = np.divmod(np.arange(16), 4)
TABLE = np.concatenate([binary(X, 2), binary(Y, 2)], 1), binary(X + Y, 3)
"""The truth table: two words of two bits to their sum, a word of three, the most significant bit first."""

model = lookup(4, 3)


@wired
def expected(words):
    """The ripple-carry adder, as a circuit of the same shape."""
    total, carry = adder(2)(*split(2, 2)(words), bit(0)())
    return concatenate()(rearrange("-> 1")(carry), total)


def learned() -> Simplified:
    """The adder that is learned, simplified."""
    fit = ascend(model, Bits(4))
    state, history = fit.run(fit.init(jax.random.key(0)), TABLE, progress=False)
    print(f"wrong bits before each example was seen: {100 * history.loss[0]:.1f} %")
    print(f"right sums after one pass: {100 * fit.evaluate(state, TABLE)['accuracy']:.1f} %")
    return simplify(model.at(Bits(4)), parameters=state.params)


def main(path: str | None = None) -> None:
    """Learns the adder, proves that it is one, and writes it."""
    circuit = learned()
    print(circuit)
    print(prove_equal(circuit, expected.at(Bits(4))))
    inputs, outputs = ["x1", "x0", "y1", "y0"], ["sum2", "sum1", "sum0"]
    text = to_verilog(circuit, name="adder", inputs=inputs, outputs=outputs)
    if path is None:
        print(text)
    else:
        with open(path, "w") as file:
            file.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:2])
