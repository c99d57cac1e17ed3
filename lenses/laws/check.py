"""`check(x)`: which laws apply to x, whether they hold, and where they fail on how little.

What x is decides what is tried. A law is tried at instances: x in each role of the law, first alone
and then within random terms. The first failure is shrunk, and whether a box's own derivative or the
composition is wrong is found out by asking each box in it alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
from tqdm import tqdm

from ..boxes.lifted import lift
from ..errors import LensError, explain
from ..functor import Functor
from ..inference import inference
from ..rules.rule import Rule, backprop
from ..spaces import Space
from ..syntax import shorten
from ..terms import Box, Term
from ..typed import Misfit, Typed, as_typed
from . import maps
from .compare import Verdict, compare
from .given import Given
from .instances import Instance, Maker, parameters
from .law import STRUCTURES, Expected, Law, find
from .maps import Derivative, Equation, lens
from .purity import Purity, leaf_cells
from .report import Failure, Finding, Report
from .rewrite import at_precision
from .shrink import shrink
from .signature import Signature, plain, standard
from .structures import additive, boxes, category, copying, functor, monoidal, parametrised, reverse, rules
from .structures import lens as lens_laws

EXAMPLES = 4
"""Instances a law, by default."""
DTYPES = ("float64", "float32", "float16", "bfloat16")
"""What real arrays can be carried by while laws are tried."""
KNOWN = frozenset(STRUCTURES)
"""The structures of the library; those of a user are tried where they are named."""
PATIENCE = 60
"""Instances that a law is tried at which is expected to fail, until it does."""


@dataclass(frozen=True)
class Section:
    """Laws to try together: under which derivative, on which subjects, and what is expected otherwise."""

    laws: tuple[Law, ...]
    R: Any
    of: str = ""
    subjects: tuple[Typed, ...] = ()
    expected: Mapping[str, bool] = field(default_factory=dict)
    alone: bool = False  # the laws are of the subjects themselves, not of what is composed with them


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
            optimiser or learner; a functor from terms to terms.
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
        subject, sections, notes = _sections(x, space, rule, dtype)
        chosen = _chosen(sections, law)
        given = signature or (standard if rule is not None or isinstance(x, Rule | Functor) else plain)(dtype)
        largest = max([a.size for s in sections for t in s.subjects for a in (*t.dom, *t.cod)], default=1)
        if largest > given.largest:
            given = given.of(largest)
        if rule is not None or isinstance(x, Rule):
            given = _accepted(given, rule or x)
        search = Search(Maker(given), examples, seed)
    setting = f"{_plural(examples, 'instance')} a law, in {dtype}, seed {seed}"
    return Plan(subject, setting, notes, tuple((s, each) for s in chosen for each in s.laws), search)


def _plural(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


# -- what applies ----------------------------------------------------------------------------


def _sections(x: Any, space: Space | None, rule: Rule | None, dtype: str) -> tuple[str, list[Section], tuple[str, ...]]:
    if isinstance(x, type) and issubclass(x, Box):
        return _of_class(x, rule, dtype)
    if isinstance(x, Rule):
        return repr(x), _of_rule(x, ()), ()
    if isinstance(x, Functor):
        return type(x).__name__, [Section(tuple(functor.FUNCTOR), x)], ()
    if isinstance(x, tuple) and len(x) == 2 and all(map(callable, x)):
        return _of_pair(*x, space, dtype)
    special = _special(x)
    if isinstance(x, Term):
        if special and space is None and not isinstance(x, Typed):
            return repr(x), special, ()
        typed = as_typed(x, space, "check")
        subjects, notes = _prepared([typed], dtype)
        return f"{shorten(typed)}", [*special, *_of_terms(subjects, rule)], notes
    if special:
        return repr(x), special, ()
    if callable(x):
        typed = _lifted(x, space)
        subjects, notes = _prepared([typed], dtype)
        return f"{shorten(typed)}", _of_terms(subjects, rule), notes
    raise LensError(
        explain(f"{x!r:.100} has no laws that are known",
                expected="a term, a function, a class of boxes, a pair (forward, backward), a rule, a loss, a rate, "
                "an optimiser, a learner or a functor",
                do="laws.check(lift(fn).at(Real(3))) for a function of arrays")
    )  # fmt: skip


def _special(x: Any) -> list[Section]:
    """The sections of losses, rates, optimisers and learners."""
    return [
        Section(tuple(s.own.values()), x)
        for s in STRUCTURES.values()
        if s.subject is not None and isinstance(x, s.subject())
    ]


def needs_space(x: Any) -> bool:
    """Whether `x` has laws only at a space that must be said: an untyped term, a function, a pair of functions."""
    if isinstance(x, Typed | Rule | Functor | type) or _special(x):
        return False
    if isinstance(x, Term):
        return x.arity[0] > 0
    first = x[0] if isinstance(x, tuple) and len(x) == 2 else x
    return callable(first) and bool(_wires(first))


def _wires(x: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function that have no default: its input wires."""
    try:
        return [p for p in inspect.signature(x).parameters.values() if p.default is p.empty]
    except ValueError:  # a function of C
        return []


def _lifted(x: Callable[..., Any], space: Space | None) -> Typed:
    name = getattr(x, "__name__", repr(x))
    if space is None:
        wires = _wires(x)
        if not wires:
            raise LensError(
                explain(f"{name} takes no arrays, so it is no map",
                        do=f"check what it makes, as in laws.check({name}())")
            )  # fmt: skip
        call = ", ".join(f"{p.name}=..." for p in wires)
        raise LensError(
            explain(f"the spaces of the inputs of {name}({call}) are missing",
                    do=f"say them, as in laws.check({name}, Real(3){' @ Real(2)' if len(wires) > 1 else ''})")
        )  # fmt: skip
    try:
        out = jax.eval_shape(x, *(jax.ShapeDtypeStruct(a.sizes, a.dtype) for a in space))
    except Exception as error:  # whatever the user's function raises is said in the library's way
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise LensError(
            explain(f"{name} cannot be called on {space!r}", because=f"{type(error).__name__}: {first}",
                    do="give a JAX function of one example, and the spaces of its inputs")
        ) from None  # fmt: skip
    outputs = len(out) if isinstance(out, tuple | list) else 1
    return lift(x, len(space), outputs).at(space)


def _prepared(terms: Iterable[Typed], dtype: str) -> tuple[tuple[Typed, ...], tuple[str, ...]]:
    """The terms as they are checked: without states and random keys, and in the precision asked for."""
    found, notes = [], []
    for term in terms:
        circuit = term.circuit
        if circuit.states or circuit.keyed:
            term = Typed(inference(term.term), term.dom)
            notes.append("it has states or draws random numbers, so inference(term) is checked, its states fixed")
            if term.circuit.keyed:
                raise LensError(
                    explain(f"{shorten(term)} draws random numbers even as inference(term)",
                            do="check its parts that do not")
                )  # fmt: skip
        try:
            term = at_precision(term, dtype)
        except (LensError, Misfit, TypeError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            notes.append(f"it is checked in its own precision, since it cannot be carried by {dtype}: {reason}")
        found.append(term)
    return tuple(found), tuple(dict.fromkeys(notes))


def _of_terms(subjects: tuple[Typed, ...], rule: Rule | None, box: bool = True) -> list[Section]:
    R = lens(rule or backprop)
    plain = [Section(tuple(s.own.values()), maps.terms, "", subjects)
             for s in (boxes.BOX, category.CATEGORY, monoidal.MONOIDAL, copying.COPYING,
                       copying.CARTESIAN)]  # fmt: skip
    sections = [*plain, Section(tuple(additive.ADDITIVE.own.values()), maps.terms, "", subjects)]
    linear = tuple(t for t in subjects if isinstance(t.term, Box) and t.term.linear)
    if linear:
        sections.append(Section(tuple(additive.LINEAR.own.values()), maps.terms, "", linear, alone=True))
    if rule is not None and rule is not backprop:
        return [*sections, *_of_rule(rule, subjects)]
    if not all(cell.box.derives for t in subjects for cell in leaf_cells(t.circuit)):
        # An optimiser or a rate is a lens of another kind: how it composes is all there is to ask.
        kept = [
            Section((s.own[name],), R, "", subjects) for s, name in ((lens_laws.LENS, "get"), (rules.RULE, "functor"))
        ]
        return [*sections, *kept]
    flat = tuple(each for each in reverse.REVERSE.own.values() if each.depth == 1)
    sections += [
        Section(tuple(reverse.REVERSE.own.values()), maps.terms, "the term reverse(f)", subjects),
        Section(flat, R, "the lens that runs", subjects),
        Section(tuple(functor.TANGENT.own.values()), maps.terms, "", subjects),
        Section(tuple(lens_laws.LENS.own.values()), R, "", subjects),
        Section(tuple(lens_laws.ADDITIVE_LENS.own.values()), R, "", subjects),
        Section(tuple(lens_laws.LAWFUL.own.values()), R, "", subjects),
        Section(tuple(rules.RULE.own.values()), R, "", subjects),
        Section(tuple(parametrised.PARA.own.values()), R, "", subjects),
        Section(tuple(parametrised.PARAMETRISED_LENS.own.values()), R, "", subjects),
    ]
    return sections


def _of_rule(rule: Rule, subjects: tuple[Typed, ...]) -> list[Section]:
    """What is checked of a rule; what its facts say of copy, discard and composites is what is expected."""
    R = lens(rule)
    expected = {
        "lens with additive put/naturality of copy": rule.additive,
        "lens with additive put/naturality of discard": rule.zero_preserving,
        "lens/put of a composite": rule.local,
        "lens/put of a tensor": rule.local,
    }
    structures = (lens_laws.LENS, lens_laws.ADDITIVE_LENS, rules.RULE)
    made = [Section(tuple(s.own.values()), R, f"under {rule.name}", subjects, expected) for s in structures]
    batch = parametrised.PARAMETRISED_LENS.own["batching"]
    return [*made, Section((batch,), R, f"under {rule.name}", subjects)]


def _of_class(kind: type[Box], rule: Rule | None, dtype: str) -> tuple[str, list[Section], tuple[str, ...]]:
    made = [t for t in kind.examples() if isinstance(t, Typed) and type(t.term) is kind] or _tried(kind)
    if not made:
        raise LensError(
            explain(f"the class {kind.__name__} gives no examples of itself",
                    do="define its classmethod examples(), which returns small typed terms of one box")
        )  # fmt: skip
    subjects, notes = _prepared(made, dtype)
    return f"the class {kind.__name__}, on {_plural(len(subjects), 'example')}", _of_terms(subjects, rule), notes


def _tried(kind: type[Box]) -> list[Typed]:
    """An instance with the class's defaults, at spaces that its typing rule takes."""
    try:
        box = kind()
    except (TypeError, LensError):
        return []
    found = []
    for array in dict.fromkeys(standard("float32").arrays):
        try:
            typed = Typed(box, Space([array] * box.arity[0]))
            Purity(typed).verdict()
        except Exception:  # its typing rule, or its meaning, does not take this space
            continue
        found.append(typed)
    return found[:4]


def _of_pair(
    forward: Callable[..., Any], backward: Callable[..., Any], space: Space | None, dtype: str
) -> tuple[str, list[Section], tuple[str, ...]]:
    typed = Given.of(forward, backward, _lifted(forward, space))
    subjects, notes = _prepared([typed], dtype)
    lawful = _lawful(subjects[0])
    R = lens()
    subject = f"the lens {typed.term!r}"
    if lawful:
        expected = {each.path: True for each in lens_laws.LAWFUL.own.values()}
        section = Section(tuple(lens_laws.LAWFUL.own.values()), R, "", subjects, expected, alone=True)
        own = Section(tuple(lens_laws.LENS.own.values()), R, "", subjects)
        said = "it meets GetPut, PutGet and PutPut: a lawful lens, as of data, and no derivative"
        return subject, [section, own], (*notes, said)
    flat = tuple(each for each in reverse.REVERSE.own.values() if each.depth == 1)
    sections = [
        Section(tuple(s.own.values()), R, "", subjects)
        for s in (boxes.BOX, lens_laws.LENS, lens_laws.ADDITIVE_LENS, lens_laws.LAWFUL)
    ]
    return subject, [Section(flat, R, "", subjects), *sections], notes


def _lawful(term: Typed) -> bool:
    """Whether a pair meets the laws of lawful lenses: then its put is no derivative, and is not judged as one."""
    if any(a.change is None for a in (*term.dom, *term.cod)):
        return False
    for each in lens_laws.LAWFUL.own.values():
        instance = Instance(each, {"f": term}, {}, 0)
        verdict = verdict_of(instance, lens())
        if verdict.outcome not in ("holds", "proved"):
            return False
    return True


def _chosen(sections: list[Section], law: str | Sequence[str] | None) -> list[Section]:
    if law is None:
        return sections
    names = [law] if isinstance(law, str) else list(law)
    own = [each for s in STRUCTURES.values() if s.name not in KNOWN and s.subject is None for each in s.own.values()]
    first = next((s for s in sections if s.subjects), None)
    if own and first is not None:
        sections = [*sections, replace(first, laws=tuple(own), expected={}, alone=True)]
    known = {each.name for s in sections for each in s.laws} | {each.path for s in sections for each in s.laws}
    known |= {each.structure.name for s in sections for each in s.laws}
    for name in names:
        if name not in known:
            if name not in STRUCTURES:
                find(name)
            raise LensError(
                explain(f"the law {name!r} does not apply here", because="it belongs to a structure that this has not",
                        laws=", ".join(dict.fromkeys(each.structure.name for s in sections for each in s.laws)))
            )  # fmt: skip
    kept = []
    for section in sections:
        some = tuple(e for e in section.laws if {e.name, e.path, e.structure.name} & set(names))
        if some:
            kept.append(replace(section, laws=some))
    return kept


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


# -- the search ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Search:
    """Tries laws at instances, and shrinks what fails."""

    maker: Maker
    examples: int = EXAMPLES
    seed: int = 0
    known: dict[Any, str] = field(default_factory=dict)
    explained: list[Law] = field(default_factory=list)

    def suspicion(self, section: Section) -> str | None:
        """Why a subject is no function, so that no law can be asked of it; None where it is one."""
        for subject in section.subjects:
            key = (subject, subject.dom.names)
            if key not in self.known:
                verdict = verdict_of(Instance(boxes.BOX.own["purity"], {"f": subject}, {}, self.seed), section.R)
                self.known[key] = verdict.because if verdict.failed else ""
            if self.known[key]:
                return self.known[key]
        return None

    def instances(self, section: Section, law: Law, count: int) -> Iterable[Instance | str]:
        """Instances of a law: the subjects in each role, alone first, then within random terms."""
        placed = [i for i, v in enumerate(law.variables) if "para" not in law.needs or v.name in ("f", "g")]
        if "once" in law.needs:
            count = 1
        if "box" in law.needs.split() and section.subjects:
            count = 2
        subjects = section.subjects or (None,)
        if subjects == (None,) and "box" in law.needs.split():
            return
        for i in range(count if law.variables else min(count, 3)):
            for subject in subjects:
                if subject is not None:
                    reason = _inapplicable(law, subject)
                    if reason:
                        yield reason
                        continue
                for role in (placed or [0]) if i == 0 else [placed[i % len(placed)] if placed else 0]:
                    alone = i == 0 or section.alone or "box" in law.needs.split() or len(subjects) > 4
                    try:
                        made = self.maker.make(law, self.seed * 1000 + i, subject, role, alone)
                    except (LensError, Misfit) as error:
                        yield str(error).splitlines()[0]
                        continue
                    if made is not None:
                        yield made

    def finding(self, section: Section, law: Law) -> Finding:
        """What comes of one law."""
        expected = section.expected.get(law.path, law.holds)
        if law.structure.subject is not None:
            return _claimed(law, section, expected, self.seed)
        if law.structure is not boxes.BOX and self.suspicion(section):
            return Finding(law, section.of, "skipped", "because it is not a function (see purity)", expected)
        outcomes: list[Verdict] = []
        reasons: list[str] = []
        lost: list[Instance] = []
        count = self.examples if expected else max(self.examples, PATIENCE)
        for instance in self.instances(section, law, count):
            if isinstance(instance, str):
                reasons.append(instance)
                continue
            verdict = verdict_of(instance, section.R)
            if verdict.failed:
                failure = None
                if expected:  # the first failures are worth more work than those that follow from them
                    tries = 250 if len(self.explained) < 2 else 60
                    self.explained.append(law)
                    failure = explained(instance, section.R, tries, section.alone)
                return Finding(law, section.of, "fails", verdict.because, expected, len(outcomes) + 1, failure)
            if verdict.outcome in ("nothing", "refused"):
                reasons.append(verdict.because)
            elif verdict.outcome == "lost":
                lost.append(instance)
            else:
                outcomes.append(verdict)
        if lost and not outcomes and expected:
            because = "one side is no number wherever the other is one"
            fault, again = blame(lost[0], section.R), _replay(lost[0], section.R)
            failure = Failure(lost[0], because, None, *_sides(lost[0], section.R), fault, again)
            return Finding(law, section.of, "fails", because, expected, len(lost), failure)
        if not outcomes:
            return Finding(law, section.of, "skipped", f"because {reasons[0] if reasons else 'nothing fits'}", expected)
        if all(v.outcome == "proved" for v in outcomes):
            return Finding(law, section.of, "proved", outcomes[0].because, expected, len(outcomes))
        return Finding(law, section.of, "holds", "", expected, sum(max(v.tried, 1) for v in outcomes))


def _inapplicable(law: Law, subject: Typed) -> str | None:
    needs = law.needs.split()
    mixed = any(a.change is None for a in (*subject.dom, *subject.cod))
    if ("real" in needs or "smooth" in needs) and mixed and law.variables:
        return f"{shorten(subject, 60)} has wires of indices, which have no changes"
    if "parameters" in needs and not len(parameters(subject)):
        return "there are no parameters"
    if "box" in needs and not isinstance(subject.term, Box):
        return "it is a composite; kinks of composites are not those of their parts"
    return None


def verdict_of(instance: Instance, R: Any) -> Verdict:
    """The verdict; a refusal of the library is "refused", and whatever a user's code raises is a failure."""
    try:
        return instance.verdict(R)
    except (LensError, Misfit) as error:
        return Verdict("refused", str(error).splitlines()[0])
    except NotImplementedError as error:
        return Verdict("refused", f"JAX cannot: {str(error).splitlines()[0] if str(error) else 'not implemented'}")
    except Exception as error:  # a box's own code, whose errors are what is being looked for
        if "(jvp) to a custom_vjp" in str(error):
            return Verdict("refused", "JAX has no forward derivative where there is a jax.custom_vjp")
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        return Verdict("fails", f"it raised {type(error).__name__}: {first}")


def _claimed(law: Law, section: Section, expected: bool, seed: int) -> Finding:
    """The finding on a law of a loss, a rate, an optimiser or a learner."""
    made = law.build(section.R)
    if isinstance(made, str):
        return Finding(law, section.of, "skipped", f"because {made}", expected)
    if isinstance(made, Expected):
        made, expected = made.claims, made.holds
    found = []
    for claim in made if isinstance(made, list) else [made]:
        verdict = compare(claim, seed) if isinstance(claim, Equation) else claim.verdict(seed)
        if verdict.failed:
            failure = Failure(
                Instance(law, {}, {}, seed), verdict.because, verdict.difference, None, None,
                "this subject's own code", f"laws.check(..., law={law.path!r}, seed={seed})",
            )  # fmt: skip
            return Finding(law, section.of, "fails", verdict.because, expected, len(found) + 1, failure)
        found.append(verdict)
    some = [v for v in found if v.outcome != "nothing"]
    if not some:
        because = found[0].because if found else "there is nothing to compare"
        return Finding(law, section.of, "skipped", f"because {because}", expected)
    if all(v.outcome == "proved" for v in some):
        return Finding(law, section.of, "proved", some[0].because, expected, len(some))
    return Finding(law, section.of, "holds", "", expected, sum(max(v.tried, 1) for v in some))


# -- failures --------------------------------------------------------------------------------


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
    left, right = _sides(small, R)
    fault = blame(small, R) if isinstance(R, Derivative) else "this functor's own code"
    return Failure(small, verdict.because, verdict.difference, left, right, fault, _replay(small, R))


def _kinds(instance: Instance) -> list[str]:
    """The classes of the boxes in an instance."""
    return sorted(type(cell.box).__qualname__ for t in instance.terms.values() for cell in t.circuit.cells)


def _raised(verdict: Verdict) -> str | None:
    """The kind of error that was raised, if one was: what fails otherwise does not shrink to it, nor it to that."""
    return verdict.because.split(":")[0] if verdict.because.startswith("it raised") else None


def _sides(instance: Instance, R: Any) -> tuple[Typed | None, Typed | None]:
    """The two sides of the first equation that fails."""
    try:
        for claim in instance.equations(R):
            if isinstance(claim, Equation) and compare(claim, instance.seed).failed:
                return claim.left.term, claim.right.term
    except Exception:  # the sides of a law whose making raises cannot be shown
        return None, None
    return None, None


def _replay(instance: Instance, R: Any) -> str:
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
    oracles = [reverse.REVERSE.own[n] for n in ("vjp", "kinks", "differences")]
    if R.rule is not backprop:
        oracles = []
    for term in instance.terms.values():
        for cell in leaf_cells(term.circuit):
            alone = Typed(cell.box, cell.dom)
            if (alone, alone.dom.names) in seen:
                continue
            seen.add((alone, alone.dom.names))
            for each in [boxes.BOX.own["purity"], *oracles, lens_laws.LENS.own["get"]]:
                D = lens(R.rule) if each.name == "get" else R
                for seed in (instance.seed, 1):
                    verdict = verdict_of(Instance(each, {"f": alone}, {}, seed), D)
                    if verdict.failed:
                        said = {
                            "purity": verdict.because,
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
    terms = {v.name: as_typed(given[v.name], None, v.name) for v in found.variables if v.name in given}  # type: ignore[arg-type]
    missing = [v.name for v in found.variables if v.name not in terms] + [s for s in found.spaces if s not in given]
    if missing:
        raise LensError(explain(f"the law {found.path} also speaks of {', '.join(missing)}", do="give them by name"))
    spaces = {s: given[s] for s in found.spaces}
    with jax.enable_x64(True):
        return verdict_of(Instance(found, terms, spaces, seed), R)  # type: ignore[arg-type]
