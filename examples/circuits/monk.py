"""The three MONK problems learned as circuits, hardened, and proved equal to the Verilog that is written of them.

    python examples/circuits/monk.py

Six attributes of a robot say whether it belongs to a class (Thrun et al. 1991, "The MONK's Problems"). The
rules are published, so all 432 robots are made here, and 124, 169 and 122 of them drawn to learn from,
as many as were; in the third problem 5 % of the labels are wrong. A model goes through the attributes
in some order with a state of two bits, a learned table a step. Many are learned softly, each with another
order and start; the surest are hardened, and the majority of them decides.
"""

import itertools

import jax
import numpy as np

from lenses import (
    Bits,
    Real,
    adam,
    binary_cross_entropy,
    compile,
    concatenate,
    copy,
    learner,
    permute,
    rearrange,
    split,
    tensor,
    wired,
)
from lenses.circuits import (
    binary,
    circuit,
    from_verilog,
    harden,
    log_odds,
    lookup,
    majority,
    prove_equal,
    simplify,
    soften,
    to_netlist,
    to_verilog,
)

VALUES = (3, 3, 2, 3, 4, 2)
"""How many values each attribute has."""
ROBOTS = np.array(list(itertools.product(*map(range, VALUES)))) + 1
WORDS = binary(ROBOTS - 1, 2).reshape(len(ROBOTS), -1)
"""All robots as bits: two for each attribute."""
SIZES = (124, 169, 122)
"""How many robots there are to learn from in each problem."""


def labels(problem: int) -> np.ndarray:
    """The class of every robot in problem 1, 2 or 3, by the published rule."""
    a = ROBOTS.T
    rules = (
        (a[0] == a[1]) | (a[4] == 1),
        (ROBOTS == 1).sum(1) == 2,
        ((a[4] == 3) & (a[3] == 1)) | ((a[4] != 4) & (a[1] != 3)),
    )
    return rules[problem - 1].astype(int)


def drawn(problem: int, seed: int = 0):
    """The robots to learn from and their labels, of which 5 % are wrong in problem 3."""
    rng = np.random.RandomState(seed)
    rows = rng.permutation(len(ROBOTS))[: SIZES[problem - 1]]
    y = labels(problem)[rows]
    if problem == 3:
        wrong = rng.permutation(len(rows))[: round(0.05 * len(rows))]
        y[wrong] = 1 - y[wrong]
    return WORDS[rows], y


@wired
def machine(words):
    """Bits(12), six attributes, to one bit: a state of two bits, rewritten at each attribute by a learned table."""
    first, *others, last = split(*[2] * 6)(words)
    state = lookup(2, 2)(first)
    for attribute in others:
        state = lookup(4, 2)(concatenate()(state, attribute))
    return lookup(4)(concatenate()(state, last))


FIT = learner(
    soften(machine, start="random") >> rearrange("-> 1") >> log_odds(),
    Real(12),
    loss=binary_cross_entropy,
    optimiser=adam(0.1),
)
HARD = compile(machine, Bits(12))


def in_order(words: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The words with their attributes in another order."""
    return words.reshape(-1, 6, 2)[:, order].reshape(-1, 12)


def learn(x: np.ndarray, y: np.ndarray, starts: int = 48, members: int = 9, epochs: int = 600):
    """The circuit that is the majority of the surest machines: those with most robots right, then least loss."""
    found = []
    for start in range(starts):
        order = np.random.RandomState(start).permutation(6)
        state = FIT.init(jax.random.key(start))
        seen = in_order(x, order)
        state, history = FIT.run(state, (seen, y[:, None]), epochs, batch=len(x), key=None, progress=False)
        bits = harden(machine, state.params, Bits(12))
        wrong = int((np.asarray(HARD(bits, seen)) != y).sum())
        found.append((wrong, float(history.loss[-1]), start, order, bits))
    surest = sorted(found, key=lambda one: one[:3])[:members]
    print(f"  wrong on what they learned from: {[one[0] for one in surest]}")
    return together([(order, bits) for *_, order, bits in surest])


def together(machines):
    """The majority of hardened machines, each with its own order of attributes, as one circuit."""
    apart = split(*[2] * 6)
    parts = []
    for order, bits in machines:
        box = circuit(to_netlist(machine.at(Bits(12)), bits)).term
        parts.append(apart >> permute(*order.tolist()) >> concatenate(parts=6) >> box)
    votes = copy(len(parts)) >> tensor(*parts) >> concatenate(parts=len(parts))
    return (votes >> majority(len(parts))).at(Bits(12))


def main(problems=(1, 2, 3), seed: int = 0, **options: int) -> list[float]:
    """Learns each problem; the accuracies of the circuits on all 432 robots, in percent, once they are exported."""
    accuracies = []
    for problem in problems:
        x, y = drawn(problem, seed)
        print(f"MONK-{problem}, {len(y)} robots to learn from")
        model = learn(x, y, **options)
        small = simplify(model)
        text = to_verilog(small, name=f"monk_{problem}", outputs=["belongs"])
        print(f"  {small}")
        print(f"  what was learned and what the Verilog says: {prove_equal(model, from_verilog(text))}".split("\n")[0])
        right = small.evaluate(WORDS.T.astype(bool))[0] == labels(problem)
        accuracies.append(100 * float(right.mean()))
        print(f"  right on all robots: {accuracies[-1]:.1f} %")
    return accuracies


if __name__ == "__main__":
    main()
