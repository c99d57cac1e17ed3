"""The library's own subjects of laws, found by enumeration, so that a new one without laws is noticed.

Everything comes from where it is registered (box classes, losses) or from what subclasses there are
(optimisers); only what the library itself defines is listed.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import optax

import lenses

from .. import differentiation
from .. import rules as rules_module
from ..differentiation import LinearMaps
from ..differentiation.factors import MODES
from ..errors import LensError, explain
from ..learner.losses import LOSSES, Loss
from ..learner.modifiers import Modified
from ..learner.optimisers import Optax, Optimiser, adamw, momentum
from ..learner.optimisers import optax as wrapped
from ..learner.rates import Rate
from ..rules.rule import Rule
from ..spaces import RealElement
from ..terms import Box
from ..typed import Typed

RATE = 0.1
"""The rate that optimisers are made with."""
APART = "lenses.laws"
"""Where boxes are questions put to terms, and no boxes of the language."""


def everything() -> None:
    """Imports every module of the library but those of the laws, so that whatever registers itself has done so."""
    for module in pkgutil.walk_packages(lenses.__path__, "lenses."):
        if not module.name.endswith("__main__") and not module.name.startswith(APART):
            importlib.import_module(module.name)


def own(kind: type) -> bool:
    """Whether a class is of the library, apart from its laws."""
    return kind.__module__.startswith("lenses.") and not kind.__module__.startswith(APART)


def below(kind: type) -> Iterator[type]:
    """The subclasses of a class, and theirs."""
    for sub in kind.__subclasses__():
        yield sub
        yield from below(sub)


def boxes() -> dict[str, type[Box]]:
    """The box classes that give examples of themselves, by name; those that give none are bases of others."""
    everything()
    return {name: box for name, box in Box.registry.items() if own(box) and box.examples()}


def losses() -> dict[str, Loss]:
    """A loss for each name that is registered."""
    return {name: Loss(name) for name in LOSSES}


def rates() -> dict[str, Rate]:
    """The rates that the class of rates, and each class below it, gives as examples."""
    everything()
    kinds = [Rate, *filter(own, below(Rate))]
    terms = [term.term for kind in kinds for term in kind.examples() if isinstance(term, Typed)]
    return {repr(rate): rate for rate in terms if isinstance(rate, Rate)}


def optimisers() -> dict[str, Optimiser]:
    """An optimiser of every class that moves reals, with its defaults; and some of optax, one of them not leafwise."""
    everything()
    found: dict[str, Optimiser] = {}
    for kind in dict.fromkeys(filter(own, below(Optimiser))):
        if kind is Optax or kind.put is Optimiser.put:
            continue
        if not issubclass(kind, Modified) and RealElement not in kind.bases:
            continue
        try:
            found[kind.__name__] = kind(momentum(RATE)) if issubclass(kind, Modified) else kind(RATE)
        except TypeError as error:
            raise LensError(
                explain(f"the optimiser {kind.__name__} has no default instance", because=str(error),
                        do="give its fields other than the rate defaults")
            ) from None  # fmt: skip
    clipped = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(RATE))
    return found | {
        "AdamW": adamw(RATE),
        "optax lion": wrapped(_cached("lion", optax.lion(RATE))),
        "optax clipped": wrapped(_cached("clipped", clipped)),
    }


_transformations: dict[str, Any] = {}


def _cached(name: str, transformation: Any) -> Any:
    # Two transformations that do the same are not equal, and programs are kept by their optimiser.
    return _transformations.setdefault(name, transformation)


def representations() -> dict[str, LinearMaps]:
    """The representations of linear maps that `lenses.differentiation` exports, and lists of factors in every mode."""
    exported = (getattr(differentiation, name) for name in differentiation.__all__)
    found = [k for k in exported if isinstance(k, LinearMaps)]
    return {k.name: k for k in (*found, *map(differentiation.Factors, MODES))}


def rules() -> dict[str, Rule]:
    """The rules that `lenses.rules` exports, those that are made by a function with its defaults."""
    found: dict[str, Rule] = {}
    for name in rules_module.__all__:
        thing = getattr(rules_module, name)
        if isinstance(thing, Rule):
            found[name] = thing
        elif inspect.isfunction(thing):
            made = thing()
            if isinstance(made, Rule):
                found[name] = made
    return found
