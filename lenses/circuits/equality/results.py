"""What comes of comparing two circuits: a proof, or a counterexample that was checked; never a maybe."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ...errors import explain
from .identity import FieldPoint

NOTIONS = {
    "formal": "as formal polynomials over Z2: they are the same function and have the same reverse derivative",
    "function": "as functions",
}
"""The two equalities in words."""


@dataclass(frozen=True)
class Proof:
    """That two circuits are equal; true in a condition.

    `notion` is "formal" (one polynomial, so one function and one reverse derivative) or "function" (one
    function); `how` says how it was decided and `seconds` how long that took. `error` bounds the
    probability that it is wrong: 0.0, but where formal equality was decided at random points of a field.
    `remark` says what is known of the derivatives where only functions were compared.
    """

    notion: str
    how: str
    seconds: float
    error: float = 0.0
    remark: str = ""
    names: tuple[str, str] = ("the first circuit", "the second")

    def __bool__(self) -> Literal[True]:
        return True

    @property
    def exact(self) -> bool:
        """Whether the proof leaves no error at all."""
        return not self.error

    def __str__(self) -> str:
        error = f"wrong with a probability below 2^{math.ceil(math.log2(self.error))}" if self.error else None
        how = f"{self.how}, {_took(self.seconds)}"
        return explain(f"proved equal {NOTIONS[self.notion]}", how=how, error=error, derivatives=self.remark or None)

    __repr__ = __str__


@dataclass(frozen=True)
class Counterexample:
    """Where two circuits differ, evaluated on both before it is reported; false in a condition.

    Of functions, and of polynomials whose functions differ: `bits` (inputs,) bool are the inputs, also by
    name or as the arrays of the terms in `inputs`; `left` and `right` the values of output bit `output`.
    Of polynomials whose functions are equal, or not known to differ: `monomial` is one that a single one
    of them has, or `point` a point over GF(2^k) at which they differ.
    """

    notion: str
    how: str
    seconds: float
    output: int
    bits: Any = None
    left: int | None = None
    right: int | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    monomial: str | None = None
    point: FieldPoint | None = None
    remark: str = ""
    output_name: str = ""

    def __bool__(self) -> Literal[False]:
        return False

    def _where(self) -> dict[str, str]:
        if self.bits is not None:
            given = ", ".join(f"{name} = {_bits(value)}" for name, value in self.inputs.items())
            return {"at": given or _bits(self.bits), "output": f"{self.output_name or self.output}: "
                    f"{self.left} in the first, {self.right} in the second"}  # fmt: skip
        name = self.output_name or str(self.output)
        if self.monomial is not None:
            return {"output": name, "monomial": self.monomial}
        assert self.point is not None
        return {"output": name, "at": f"a point over GF(2^{self.point.k}), see `point`"}

    def __str__(self) -> str:
        return explain(f"not equal {NOTIONS[self.notion].split(':')[0]}", **self._where(),
                       how=f"{self.how}, {_took(self.seconds)}", functions=self.remark or None)  # fmt: skip

    __repr__ = __str__


def _took(seconds: float) -> str:
    return f"in {seconds:.1f} s" if seconds >= 0.1 else "in less than 0.1 s"


def _bits(value: Any) -> str:
    """Bits in print: a row without spaces, cut where it is long."""
    array = np.asarray(value).astype(int)
    rows = ["".join(map(str, row)) for row in array.reshape(-1, array.shape[-1] if array.ndim else 1).tolist()]
    text = " ".join(rows)
    return text if len(text) <= 160 else f"{text[:150]} ..."


Result = Proof | Counterexample
