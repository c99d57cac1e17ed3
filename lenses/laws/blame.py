"""A failure made small and explained: its two sides, whose fault it is, and a line that replays it."""

from __future__ import annotations

from typing import Any

import jax

from ..errors import LensError, explain
from ..opaque import analytic
from ..rules.rule import Rule, backprop
from ..spaces import Space
from ..syntax import shorten
from ..terms import Term
from ..typed import Typed, as_typed
from . import maps
from .compare import Verdict, compare
from .instances import Instance, verdict_of
from .law import find
from .maps import Derivative, Equation, lens
from .purity import leaf_cells
from .report import Failure
from .shrink import shrink
from .structures import boxes, reverse
from .structures import lens as lens_laws
from .subjects import KNOWN


def explained(instance: Instance, R: Any, tries: int = 250, alone: bool = False) -> Failure:
    """The failure at the smallest instance that can be found, with its sides and whose fault it is.

    Of a law that speaks of the subject `alone` all boxes are kept, and only sizes shrink.
    """
    kinds = _kinds(instance)
    raised = _raised(verdict_of(instance, R))

    def fails(smaller: Instance) -> bool:
        if alone and _kinds(smaller) != kinds:
            return False
        verdict = verdict_of(smaller, R)
        return verdict.failed and _raised(verdict) == raised

    small = shrink(instance, fails, tries)
    verdict = verdict_of(small, R)
    left, right = sides(small, R)
    fault = blame(small, R) if isinstance(R, Derivative) else "this functor's own code"
    return Failure(small, verdict.because, verdict.difference, left, right, fault, replay_line(small, R))


def _kinds(instance: Instance) -> list[str]:
    """The classes of the boxes in an instance."""
    return sorted(type(cell.box).__qualname__ for t in instance.terms.values() for cell in t.circuit.cells)


def _raised(verdict: Verdict) -> str | None:
    """The kind of error that was raised, if one was: what fails otherwise does not shrink to it, nor it to that."""
    return verdict.because.split(":")[0] if verdict.because.startswith("it raised") else None


def sides(instance: Instance, R: Any) -> tuple[Typed | None, Typed | None]:
    """The two sides of the first equation that fails."""
    try:
        for claim in instance.equations(R):
            if isinstance(claim, Equation) and compare(claim, instance.seed).failed:
                return claim.left.term, claim.right.term
    except Exception:  # the sides of a law whose making raises cannot be shown
        return None, None
    return None, None


def replay_line(instance: Instance, R: Any) -> str:
    """The call that tries an instance again."""
    given = [f"{name}={term!r}" for name, term in instance.terms.items()]
    given += [f"{name}={space!r}" for name, space in instance.spaces.items()]
    of = ""
    if isinstance(R, Derivative) and R.name != "reverse":
        of = "" if R.rule is backprop else f", rule={R.rule.name}()"
        of = f", of='lens'{of}"
    return f"laws.replay({instance.law.path!r}, {', '.join(given)}{of}, seed={instance.seed})"


def blame(instance: Instance, R: Derivative) -> str:
    """Whether a box in an instance has a wrong derivative of its own, or the composition is at fault."""
    seen: set[Any] = set()
    arrays = [a for term in instance.terms.values() for a in (*term.dom, *term.cod)]
    names = ("vjp", "kinks", "differences") if analytic(arrays) else ("vjp",)  # over a finite ring are no limits
    oracles = [reverse.REVERSE.own[n] for n in names] if R.rule is backprop else []
    for term in instance.terms.values():
        for cell in leaf_cells(term.circuit):
            alone = Typed(cell.box, cell.dom)
            if (alone, alone.dom.names) in seen:
                continue
            seen.add((alone, alone.dom.names))
            for each in [*boxes.BOX.own.values(), *oracles, lens_laws.LENS.own["get"]]:
                D = lens(R.rule) if each.name == "get" else R
                for seed in (instance.seed, 1):
                    verdict = verdict_of(Instance(each, {"f": alone}, {}, seed), D)
                    if verdict.failed:
                        own = verdict.because.removeprefix(f"{shorten(cell.box, 60)}: ")
                        said = {
                            "purity": own,
                            "derivative": own,
                            "get": "its forward pass does not give its meaning",
                        }.get(each.name, f"its own derivative is wrong ({each.statement}: {verdict.because})")
                        return f"the box {shorten(cell.box, 80)} at {cell.dom!r}: {said}"
    if not oracles:
        return "the rule does so: no box's forward pass is wrong"
    where = "the composition" if instance.law.structure.name in KNOWN else "the term itself"
    return f"{where}: every box in it has a right derivative of its own"


def replay(
    law: str,
    *,
    of: str = "reverse",
    rule: Rule | None = None,
    seed: int = 0,
    **given: Term | Space,
) -> Verdict:
    """One law at given terms and spaces, by the names of its variables: what a failure's replay line calls.

    `of` is "reverse" for the reverse derivative as a term, "lens" for the lens that runs (under `rule`).
    """
    found = find(law)
    R = maps.terms if of == "reverse" else lens(rule or backprop)
    with jax.enable_x64(True):  # typed again here, where float64 is what it says
        terms = {v.name: _again(as_typed(given[v.name], None, v.name)) for v in found.variables if v.name in given}  # type: ignore[arg-type]
    missing = [v.name for v in found.variables if v.name not in terms] + [s for s in found.spaces if s not in given]
    if missing:
        raise LensError(explain(f"the law {found.path} also speaks of {', '.join(missing)}", do="give them by name"))
    spaces = {s: given[s] for s in found.spaces}
    with jax.enable_x64(True):
        return verdict_of(Instance(found, terms, spaces, seed), R)  # type: ignore[arg-type]


def _again(term: Typed) -> Typed:
    return Typed(term.term, term.dom)
