"""The time that a decision may take."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ...arguments import positive
from ...errors import LensError, explain


class Undecided(LensError):
    """Two circuits of which neither a proof nor a counterexample was found: a time-out, or no solver."""


@dataclass(frozen=True)
class Clock:
    """Counts from when it was made; asked with a call whether `limit` seconds have passed."""

    limit: float
    started: float = field(default_factory=time.perf_counter)

    @classmethod
    def of(cls, call: str, seconds: float) -> Clock:
        """A clock for a call; LensError where the limit is no number of seconds."""
        return cls(positive(call, "the limit `seconds`", seconds, "a finite number of seconds, 0 or more"))

    @property
    def seconds(self) -> float:
        """The seconds that have passed."""
        return time.perf_counter() - self.started

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return max(0.0, self.limit - self.seconds)

    def __call__(self) -> bool:
        return self.seconds > self.limit

    def within(self, seconds: float) -> Clock:
        """A clock of its own for a part, which stops when this one does at the latest."""
        return Clock(min(seconds, self.left))

    def late(self, way: str) -> Undecided:
        """The error of a decision that was not reached in time, on this way."""
        return Undecided(
            explain(f"undecided after {self.seconds:.1f} s", way=way, limit=f"{self.limit:g} s",
                    do="allow more time with seconds=..., or compare parts of the circuits")
        )  # fmt: skip
