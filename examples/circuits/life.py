"""Conway's Game of Life learned from its 512 neighbourhoods, as gates: proved, written as Verilog, drawn.

    python examples/circuits/life.py [life.v life.svg]

The model is a machine that goes through the eight neighbours with a state of three bits, a learned table
a step, and decides by the state and the cell in the middle. Its tables are learned softly and hardened.
Nothing tells it to count. Known circuits that were learned by gates at random wires have 170 to 336 gates.
"""

import itertools
import sys
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

import diagrams
from lenses import Bits, Real, Space, adam, binary_cross_entropy, compile, concatenate, learner, rearrange, split, wired
from lenses.circuits import (
    Simplified,
    at_least,
    conj,
    from_netlist,
    harden,
    log_odds,
    lookup,
    neg,
    prove_equal,
    simplify,
    soften,
    to_netlist,
    to_verilog,
)

CELLS = np.array(list(itertools.product((0, 1), repeat=9)))
"""All neighbourhoods: the eight neighbours, then the cell in the middle."""
NEIGHBOURS = CELLS[:, :8].sum(1)
ALIVE = ((NEIGHBOURS == 3) | ((NEIGHBOURS == 2) & (CELLS[:, 8] == 1))).astype(int)
STATE = 3
"""The bits of the state."""


@wired
def machine(cells):
    """The learned circuit: Bits(9) to whether the cell lives on."""
    first, *others, middle = split(*[1] * 9)(cells)
    state = lookup(1, STATE)(first)
    for cell in others:
        state = lookup(STATE + 1, STATE)(concatenate()(state, cell))
    return lookup(STATE + 1)(concatenate()(state, middle))


@wired
def rule(cells):
    """Conway's rule: at least three alive with the cell itself, and less than four without it."""
    neighbours, _ = split(8, 1)(cells)
    return conj(at_least(9, 3)(cells), neg(at_least(8, 4)(neighbours)))


def learn(starts: Iterable[int] = range(60), epochs: int = 1000) -> Simplified:
    """The circuit of the first start that gets all neighbourhoods right; raises RuntimeError if none does."""
    fit = learner(
        soften(machine, start="random") >> rearrange("-> 1") >> log_odds(),
        Real(9),
        loss=binary_cross_entropy,
        optimiser=adam(0.1),
    )
    hard = compile(machine, Bits(9))
    for start in starts:
        state = fit.init(jax.random.key(start))
        state, history = fit.run(state, (CELLS, ALIVE[:, None]), epochs, batch=512, key=None, progress=False)
        bits = harden(machine, state.params, Bits(9))
        right = (np.asarray(hard(bits, CELLS)) == ALIVE).sum()
        print(f"start {start}: loss {history.loss[-1]:.4f}, {right} of 512 neighbourhoods right", flush=True)
        if right == 512:
            return simplify(to_netlist(machine.at(Bits(9)), bits))
    raise RuntimeError("no start learned the rule")


def main(verilog: str | None = None, picture: str | None = None, **options: Any) -> Simplified:
    """Learns the rule, proves it, and writes and draws the circuit where paths are given."""
    circuit = learn(**options)
    print(circuit)
    print(prove_equal(circuit, rule.at(Bits(9))))
    names = [*(f"n[{i}]" for i in range(8)), "cell"]
    text = to_verilog(circuit, name="life", inputs=names, outputs=["alive"])
    if verilog is not None:
        with open(verilog, "w") as file:
            file.write(text)
    if picture is not None:
        bits = Space([Bits()[0]] * 9)  # a wire a cell
        diagrams.draw(from_netlist(circuit, bits, Bits()), style="circuit").save(picture)
    return circuit


if __name__ == "__main__":
    main(*sys.argv[1:3])
