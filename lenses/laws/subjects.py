"""What can be checked, and which laws apply to it: terms, functions, box classes, pairs, rules, optimisers, ..."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax

from ..boxes.lifted import lift
from ..causal import Causal
from ..causal.maps import shorten_causal
from ..errors import LensError, explain
from ..functor import Functor
from ..inference import inference
from ..rules.rule import Rule, backprop
from ..spaces import Space
from ..syntax import shorten
from ..terms import Box, Term
from ..typed import Misfit, Typed, as_typed
from . import maps
from .given import pair
from .instances import Instance, verdict_of
from .law import STRUCTURES, Law, find
from .maps import lens
from .purity import Purity, leaf_cells
from .rewrite import at_precision
from .signature import standard
from .structures import additive, boxes, category, copying, functor, monoidal, parametrised, reverse, rules
from .structures import lens as lens_laws

KNOWN = frozenset(STRUCTURES)
"""The structures of the library; those of a user are tried where they are named."""


@dataclass(frozen=True)
class Section:
    """Laws to try together: under which derivative, on which subjects, and what is expected otherwise."""

    laws: tuple[Law, ...]
    R: Any
    of: str = ""
    subjects: tuple[Typed, ...] = ()
    expected: Mapping[str, bool] = field(default_factory=dict)
    alone: bool = False  # the laws are of the subjects themselves, not of what is composed with them


def plural(n: int, what: str) -> str:
    """So many of a thing, in words."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def sections_of(
    x: Any, space: Space | None, rule: Rule | None, dtype: str
) -> tuple[str, list[Section], tuple[str, ...]]:
    """The subject in words, the laws that apply to it, and notes on how it is checked."""
    if isinstance(x, type) and issubclass(x, Box):
        return _of_class(x, rule, dtype)
    if isinstance(x, Rule):
        return repr(x), _of_rule(x, ()), ()
    if isinstance(x, Functor):
        return type(x).__name__, [Section(tuple(functor.FUNCTOR), x)], ()
    if isinstance(x, tuple) and len(x) == 2 and all(map(callable, x)):
        return _of_pair(*x, space, dtype)
    special = _special(x)
    if isinstance(x, Causal):
        f = x if space is None else x.at(space)
        return shorten_causal(f), _special(f), ()
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
                "an optimiser, a learner, a game, a functor, a causal map, a representation of linear maps, a schema, "
                "an architecture, a learner in Learn, L(eps, e), a polynomial functor or a Moore machine",
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
    if isinstance(x, Causal):
        return x.dom is None
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
    return f"the class {kind.__name__}, on {plural(len(subjects), 'example')}", _of_terms(subjects, rule), notes


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
    lifted = _lifted(forward, space)
    typed = Typed(pair(forward, backward, *lifted.arity), lifted.dom)
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


def chosen(sections: list[Section], law: str | Sequence[str] | None) -> list[Section]:
    """The sections with the laws and structures of these names alone; LensError for one that is not among them."""
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
