"""`check(x)`: which laws apply to x, whether they hold, and where they fail on how little.

What x is decides what is tried. A law is tried at instances: x in each role of the law, first alone
and then within random terms. The first failure is shrunk, and whether a box's own derivative or the
composition is wrong is found out by asking each box in it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
from tqdm import tqdm

from ..errors import LensError, explain
from ..functor import Functor
from ..rules.rule import Rule
from ..spaces import Array, Space
from ..terms import Term
from ..typed import Misfit, Typed
from . import maps
from .compare import compare
from .instances import Maker, parameters
from .law import Law
from .maps import Equation, lens
from .report import Finding, Report
from .signature import Signature, finite, plain, standard
from .structures import parametrised
from .subjects import Section, chosen, plural, sections_of
from .trial import EXAMPLES, Search

DTYPES = ("float64", "float32", "float16", "bfloat16")
"""What real arrays can be carried by while laws are tried."""


@dataclass(frozen=True)
class Plan:
    """What a check will try: its subject in words, and each law with the section that it belongs to."""

    subject: str
    setting: str
    notes: tuple[str, ...]
    tasks: tuple[tuple[Section, Law], ...]
    search: Search

    def finding(self, section: Section, law: Law) -> Finding:
        """What comes of one of the tasks."""
        with jax.enable_x64(True):
            return self.search.finding(section, law)


def check(
    x: Any,
    space: Space | None = None,
    *,
    rule: Rule | None = None,
    law: str | Sequence[str] | None = None,
    examples: int = EXAMPLES,
    seed: int = 0,
    dtype: str = "float64",
    signature: Signature | None = None,
    progress: bool | None = None,
) -> Report:
    """The laws that apply to `x`, tried: proved, holding on so many points, failing, or skipped and why.

    Args:
        x: a term (or a JAX function, which is lifted), typed or with its `space`; a class of boxes; a pair of
            functions (forward, backward) of a lens, with f: A -> B and f*: A * B' -> A'; a rule; a loss, rate,
            optimiser, learner or game; a functor from terms to terms; a causal map; a representation of linear maps;
            a learner in Learn or gradient descent as a functor to it; a polynomial functor or a Moore machine.
        rule: the rule whose lens of a term is checked; backpropagation by default.
        law: only this law or structure, or these, by name.
        examples: instances a law; more find rarer faults.
        seed: of the terms and points; the same seed tries the same.
        dtype: the dtype in which real arrays are carried while laws are tried.
        signature: the boxes that x is composed with; a few plain ones by default, the `standard()` ones for a rule.
        progress: whether to show a bar; by default where it takes more than a few seconds.

    Raises LensError where `x` is nothing that has laws, or its space is missing.
    """
    planned = plan(x, space, rule=rule, law=law, examples=examples, seed=seed, dtype=dtype, signature=signature)
    findings = []
    bar = tqdm(total=len(planned.tasks), desc="laws", unit="law", delay=3, leave=False, disable=progress is False)
    with bar:
        for section, each in planned.tasks:
            bar.set_postfix_str(each.path, refresh=False)
            findings.append(planned.finding(section, each))
            bar.update()
    return Report(planned.subject, planned.setting, tuple(findings), planned.notes)


def plan(
    x: Any,
    space: Space | None = None,
    *,
    rule: Rule | None = None,
    law: str | Sequence[str] | None = None,
    examples: int = EXAMPLES,
    seed: int = 0,
    dtype: str = "float64",
    signature: Signature | None = None,
) -> Plan:
    """What `check` tries, given the same arguments, before it is tried."""
    if examples < 1:
        raise LensError(explain(f"{examples} instances a law would try nothing", expected="1 or more"))
    if dtype not in DTYPES:
        raise LensError(explain(f"laws are not tried in {dtype!r}", expected=", ".join(DTYPES)))
    with jax.enable_x64(True):
        subject, sections, notes = sections_of(x, space, rule, dtype)
        picked = chosen(sections, law)
        arrays = [a for s in sections for t in s.subjects for a in (*t.dom, *t.cod)]
        given = signature or _partners(arrays, dtype, rule is not None or isinstance(x, Rule | Functor))
        largest = max([a.size for a in arrays], default=1)
        if largest > given.largest:
            given = given.of(largest)
        under = rule or (x if isinstance(x, Rule) else None)
        if under is not None:
            given = _accepted(given, under)
        search = Search(Maker(given), examples, seed)
    setting = f"{plural(examples, 'instance')} a law, in {dtype}, seed {seed}"
    return Plan(subject, setting, notes, tuple((s, each) for s in picked for each in s.laws), search)


def _partners(arrays: Sequence[Array], dtype: str, many: bool) -> Signature:
    """What subjects on these arrays are composed with: boxes of their base, `many` of them or a few."""
    for array in arrays:
        if array.change is not None and array.element.values is not None:
            return finite(array.element)
    return standard(dtype) if many else plain(dtype)


def _accepted(signature: Signature, rule: Rule) -> Signature:
    """The boxes of a signature that a rule has clauses for."""
    R = lens(rule)

    def taken(box: Term) -> bool:
        for array in signature.arrays:
            try:
                typed = Typed(box, Space([array] * box.arity[0]))
                params = parameters(typed)
                dom = params @ typed.dom
                f = maps.Map(Typed(parametrised.plain(typed, typed.dom).term, dom))
                compare(Equation(R(f), R(f) + R(f)), 0, ("normal",))
                return True
            except (LensError, Misfit):
                continue
        return False

    return signature.where(taken)
