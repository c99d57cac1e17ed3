"""Folding: which parts of a term or a program are drawn closed."""

from __future__ import annotations

from collections.abc import Sequence

from lenses.errors import LensError, explain, shown

Fold = int | str | Sequence[str] | None
"""Which parts are closed: those deeper than a number of levels, or those at paths such as "encoder/attention"."""

Path = tuple[str, ...]
"""Where a part is: its name, after those of the parts that it is in."""


class Folding:
    """Decides which parts are closed; `met` are the paths of all parts that it was asked about.

    `long`: convolutions and poolings are parts too, at any depth. `sides`: maps with parameters from the side are.
    """

    def __init__(self, fold: Fold, long: bool = False, sides: bool = True):
        self.long, self.sides = long, sides
        if isinstance(fold, bool) or not (fold is None or isinstance(fold, int | str | list | tuple | set)):
            want = "a number of levels, or paths such as 'encoder/attention'"
            raise LensError(explain(f"fold={shown(fold)}", expected=want))
        if isinstance(fold, int) and fold < 0:
            raise LensError(explain(f"fold={fold}", expected="0 or more levels that are opened"))
        self.depth = fold if isinstance(fold, int) else None
        paths = () if fold is None or isinstance(fold, int) else (fold,) if isinstance(fold, str) else fold
        self.closed = {tuple(str(path).split("/")) for path in paths}
        self.met: set[Path] = set()

    def opens(self, path: Path) -> bool:
        """Whether the part at a path is drawn opened."""
        self.met.add(path)
        return path not in self.closed and (self.depth is None or len(path) <= self.depth)

    def writes_out(self, path: Path) -> bool:
        """Whether the convolution or pooling at a path is drawn in its long form."""
        if self.long:
            self.met.add(path)
        return self.long and path not in self.closed

    def finish(self, drawn: str) -> None:
        """Raises LensError for a path that was asked for and not met in what is `drawn`."""
        missing = sorted("/".join(path) for path in self.closed - self.met)
        if missing:
            have = ", ".join(sorted("/".join(path) for path in self.met)[:12]) or "none"
            raise LensError(
                explain(f"fold: there is no part {missing[0]!r}", drawn=drawn, parts=have,
                        do="give the names of parts, joined by '/', as they are nested")
            )  # fmt: skip
