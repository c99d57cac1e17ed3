"""Ten mistakes in the derivative, each with the law that sees it and the size of the smallest term at which it does."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import lenses
from lenses import Real, Space, Typed, laws
from lenses.laws.instances import Instance, verdict_of
from lenses.laws.shrink import shrink, size
from lenses.laws.signature import fits

SIGNATURE = laws.standard("float64")


@dataclass(frozen=True)
class Bug:
    """A mutant by name, a law of one variable that it breaks, and the boxes of the smallest term at which it does.

    `rare`: boxes to draw more often, without which random terms would seldom show it.
    """

    mutant: str
    law: str
    boxes: int
    rare: tuple[Any, ...] = ()

    @property
    def derivative(self) -> Any:
        return next(m for m in laws.MUTANTS if m.name == self.mutant).derivative

    def fails(self, instance: Instance) -> bool:
        return verdict_of(instance, self.derivative).failed

    def instance(self, term: Typed, seed: int = 0) -> Instance:
        return Instance(laws.find(self.law), {"f": term}, {}, seed)

    def found(self, seed: int) -> Instance:
        """A random term of some size at which the law fails."""
        rng = random.Random(f"{self.mutant} {seed}")
        signature = SIGNATURE | self.rare if self.rare else SIGNATURE
        for i in range(20_000):
            instance = self.instance(laws.random_term(rng, signature, steps=9), i)
            if size(instance)[0] >= self.boxes + 3 and self.fails(instance):
                return instance
        raise AssertionError(f"no random term shows {self.mutant}")

    def smallest(self, seed: int) -> Instance:
        """What the shrinker makes of it."""
        return shrink(self.found(seed), self.fails)


PART = lenses.block("layer", lenses.dense(2) >> lenses.tanh)
SHARED = lenses.tied("shared", lenses.bias().at(Real(2, dtype="float64")))
BUGS = [
    Bug("copy: first use", "reverse derivative/vjp", 1),
    Bug("add: divided", "reverse derivative/vjp", 1),
    Bug("softmax: dropped term", "reverse derivative/vjp", 1, (lenses.softmax(),)),
    Bug("einsum: operands swapped", "reverse derivative/vjp", 1, (lenses.einsum("i, i ->"),)),
    Bug("relu: guided", "lens with additive put/naturality of copy", 1, (lenses.relu,)),
    Bug("multiply: own factor", "reverse derivative/vjp", 1),
    Bug("split: unused is one", "reverse derivative/vjp", 2, (lenses.split(1, 1), lenses.discard)),
    Bug("tied: first use", "reverse derivative/vjp", 4, (SHARED,)),
    Bug("part: nothing learned", "reverse derivative/vjp", 2, (PART,)),
    Bug("term: sums keep the first", "reverse derivative/vjp", 1),
]


def singles() -> Iterator[Typed]:
    """Every term of one box over the signature, at domains of its arrays."""
    arrays = list(dict.fromkeys(SIGNATURE.arrays))
    for box in dict.fromkeys(SIGNATURE.boxes):
        for dom in itertools.product(arrays, repeat=box.arity[0]):
            if fits(box, dom) is not None:
                yield Typed(box, Space(dom))
