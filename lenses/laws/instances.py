"""Instances of laws: terms for the variables of a law, with types that agree, made plain for its sides."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..combinators import expose
from ..errors import LensError
from ..spaces import Space
from ..typed import Misfit, Typed
from .compare import Verdict, compare
from .generate import random_term
from .law import DERIVING, Law, Variable
from .maps import Equation, Map, drawn
from .signature import Signature


def parameters(term: Typed) -> Space:
    """P of a parametrised term."""
    circuit = term.circuit
    return expose(term).params if circuit.params or circuit.tied else Space()


def plain(term: Typed) -> Map:
    """The plain map P @ A -> B of a parametrised term."""
    params = parameters(term)
    return Map(Typed(expose(term), params @ term.dom)) if len(params) else Map(term)


@dataclass(frozen=True)
class Instance:
    """A law at given terms (by the names of its variables) and spaces, with the seed of its points."""

    law: Law
    terms: Mapping[str, Typed]
    spaces: Mapping[str, Space]
    seed: int = 0

    @cached_property
    def arguments(self) -> list[Any]:
        """What the law's function takes after the derivative: plain maps (or the terms themselves), and spaces."""
        spaces = [self.spaces[s] for s in self.law.spaces]
        if "para" in self.law.needs:
            return [self.terms[v.name] if v.name in ("f", "g") else Map(self.terms[v.name]) for v in self.law.variables]
        return [*_carried(self.law.variables, self.terms), *spaces]

    def equations(self, R: Any) -> list[Any]:
        """The law's equations (or other claims) at these terms."""
        made = self.law.build(R, *self.arguments)
        return made if isinstance(made, list) else [made]

    def verdict(self, R: Any) -> Verdict:
        """Whether the law holds here, and the equation that decides."""
        found: list[Verdict] = []
        for claim in self.equations(R):
            strict = self.law.structure.name in DERIVING
            equation = isinstance(claim, Equation)
            verdict = compare(claim, self.seed, strict=strict) if equation else claim.verdict(self.seed)
            if verdict.failed:
                return verdict
            found.append(verdict)
        if not found:
            return Verdict("nothing", "there is nothing to compare")
        outcomes = [v.outcome for v in found]
        if all(o == "proved" for o in outcomes):
            return found[0]
        some = [v for v in found if v.outcome not in ("nothing", "lost")]
        if not some:
            return next((v for v in found if v.outcome == "lost"), found[0])
        return next((v for v in some if v.outcome == "holds"), some[0])

    def __repr__(self) -> str:
        parts = [f"{name} = {term!r}" for name, term in self.terms.items()]
        return ", ".join([*parts, *(f"{name} = {space!r}" for name, space in self.spaces.items())])


def _carried(variables: Sequence[Variable], terms: Mapping[str, Typed]) -> list[Map]:
    """Plain maps of which each carries along the parameters of those after it, so that they still compose."""
    params = {v.name: parameters(terms[v.name]) for v in variables}
    if not any(len(p) for p in params.values()):
        return [Map(terms[v.name]) for v in variables]

    def owners(letter: str) -> list[str]:
        found: list[str] = []
        for v in variables:
            if v.dom == letter:
                found += [v.name, *owners(v.cod)]
        return list(dict.fromkeys(found))

    maps = []
    for v in variables:
        before, after = owners(v.dom), owners(v.cod)
        if before == [v.name] and not after:
            maps.append(plain(terms[v.name]))
            continue
        body = plain(terms[v.name])
        if before == after and body.term == terms[v.name] and not before:
            maps.append(body)
            continue

        def whole(*bundles: Any, v: Variable = v, before: Any = before, after: Any = after, body: Map = body) -> Any:
            *sides, x = bundles
            side = dict(zip(before, sides, strict=True))
            y = body(side[v.name], x)
            return [w for name in after for w in side[name]] + list(y)

        maps.append(drawn(whole, *(params[name] for name in before), terms[v.name].dom))
    return maps


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


@dataclass(frozen=True)
class Maker:
    """Makes instances of laws over a signature, with a subject in one of the roles where there is one."""

    signature: Signature
    steps: int = 5

    def make(self, law: Law, seed: int, subject: Typed | None = None, role: int = 0, bare: bool = True) -> Instance:
        """An instance: `subject` in the place of variable `role`, alone (`bare`) or within a random composite."""
        rng = random.Random(f"{law.path} {seed} {role}")
        terms: dict[str, Typed] = {}
        bound: dict[str, Space] = {}
        variables = law.variables
        if subject is not None and variables:
            chosen = variables[role % len(variables)]
            terms[chosen.name] = subject if bare else self.around(subject, rng)
            bound |= {chosen.dom: terms[chosen.name].dom, chosen.cod: terms[chosen.name].cod}
        steps = max(1, self.steps - 2 * (law.depth - 1)) if law.depth > 1 else self.steps
        real = bool({"real", "smooth"} & set(law.needs.split()))
        whole = self.real if real else self.signature
        pure = self.parameter_free if "para" in law.needs else whole
        for v in variables:
            if v.name in terms:
                continue
            source = whole if v.name in ("f", "g") else pure
            dom, cod = bound.get(v.dom), bound.get(v.cod)
            if v.cod in ("P", "O") and "para" in law.needs:
                cod = parameters(terms["f" if v.cod == "P" else "g"])
            term = random_term(
                rng, source, None if dom is None else dom.arrays, None if cod is None else cod.arrays, steps
            )
            terms[v.name] = term
            bound |= {v.dom: term.dom, v.cod: term.cod}
        spaces = {}
        for i, letter in enumerate(law.spaces):
            arrays = whole.arrays
            drawn_space = Space(rng.choice(arrays) for _ in range(rng.randrange(1, 3)))
            ends = (subject.dom, subject.cod) if subject is not None and bare else ()
            fitting = i < len(ends) and not (real and any(a.change is None for a in ends[i]))
            spaces[letter] = ends[i] if fitting else drawn_space
        return Instance(law, {v.name: terms[v.name] for v in variables}, spaces, seed)

    @cached_property
    def parameter_free(self) -> Signature:
        """The signature without its boxes that have parameters."""
        return self.signature.where(lambda box: not _has_parameters(box, self.signature))

    @cached_property
    def real(self) -> Signature:
        """The signature without what has no changes: indices, and boxes that give them."""
        return self.signature.where(lambda box: True, lambda array: array.change is not None)

    def around(self, subject: Typed, rng: random.Random) -> Typed:
        """A random composite with `subject` in it."""
        few = max(1, self.steps // 2)
        before = random_term(rng, self.signature, subject.dom.arrays, subject.dom.arrays, few)
        after = random_term(rng, self.signature, subject.cod.arrays, None, few)
        return Typed(before.term >> subject.term >> after.term, subject.dom)


def _has_parameters(box: Any, signature: Signature) -> bool:
    if isinstance(box, Typed):
        return len(parameters(box)) > 0
    takes = box.arity[0]
    for array in signature.arrays:
        try:
            return len(parameters(Typed(box, Space([array] * takes)))) > 0
        except LensError:
            continue
    return False
