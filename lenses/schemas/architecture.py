"""Architectures and models: functors out of the free category on a schema's graph.

An architecture sends each object to a space and each arrow to a parametrised map between its ends; a path goes
to the composite, in which every occurrence of an arrow has the parameters of that arrow: they are tied, which is
reparametrisation along copy. With a point of all parameters it is a model, a functor to functions
(Gavranovic 2019, sections 3.3 and 3.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ..combinators import tied
from ..compile import Compiled, compile
from ..errors import LensError, SpaceError, explain, shown
from ..inference import inference
from ..spaces import Space
from ..syntax import shorten
from ..terms import Identity, Term, compose, tensor
from ..trees import Tree, check_tree, only
from ..typed import Typed
from .schema import Arrow, Path, Schema


class Architecture:
    """A functor F from the free category on a schema's graph to parametrised maps; ``F("f ; g")`` is a typed term.

    `spaces` gives each object a space, `terms` each arrow a term between those of its ends. The parameters of the
    arrow `f` stand under "f" in the tree of parameters, wherever and however often a path goes along f.

    Raises LensError where an object or arrow is left out or not there, and SpaceError, which names the arrow, its
    ends, what was expected and what came, where a term does not go between the spaces of the ends.
    """

    def __init__(self, schema: Schema, spaces: Mapping[str, Space], terms: Mapping[str, Term]):
        if not isinstance(schema, Schema):
            raise LensError(explain(f"Architecture: {shown(schema)} is no schema", expected="a Schema"))
        _complete("object", "spaces", schema.objects, spaces)
        _complete("arrow", "terms", [arrow.name for arrow in schema.arrows], terms)
        self.schema = schema
        self.spaces: dict[str, Space] = {name: _space(name, spaces[name]) for name in schema.objects}
        self.terms: dict[str, Typed] = {a.name: self._typed(a, terms[a.name]) for a in schema.arrows}

    def _typed(self, arrow: Arrow, term: Term) -> Typed:
        dom, cod = self.spaces[arrow.dom], self.spaces[arrow.cod]
        facts: dict[str, Any] = {"arrow": arrow, "expected": f"a term {dom!r} -> {cod!r}"}
        if not isinstance(term, Term):
            raise LensError(explain(f"the arrow {arrow} is sent to {shown(term)}, which is no term", **facts))
        text = f"the arrow {arrow} cannot be sent to {shorten(term, 60)}"
        try:
            typed = Typed(term, dom)
        except LensError as error:
            raise SpaceError(explain(text, **facts, came=error)) from None
        if typed.cod != cod:
            raise SpaceError(
                explain(text, **facts, came=f"a term {dom!r} -> {typed.cod!r}",
                        do=f"let its last box end in the space of {arrow.cod}")
            )  # fmt: skip
        if typed.circuit.states:
            raise SpaceError(
                explain(text, **facts, came="a term with states, which a path would rewrite at each occurrence",
                        do="use layer_norm or rms_norm in the place of batch_norm")
            )  # fmt: skip
        return typed

    def __call__(self, path: Path | str) -> Typed:
        """The image of a path: the composite of its arrows' terms, each arrow's parameters its own and tied."""
        path = self.schema.path(path)
        space = self.spaces[path.dom]
        factors = [tied(arrow.name, self.terms[arrow.name].term) for arrow in path.arrows]
        return Typed(compose(Identity(len(space)), *factors), space)

    @property
    def space(self) -> Space:
        """The spaces that the arrows start from, side by side in their order."""
        return Space(array for arrow in self.schema.arrows for array in self.spaces[arrow.dom])

    @cached_property
    def _every(self) -> Compiled:
        """All arrows side by side."""
        whole = tensor(Identity(0), *(tied(name, term.term) for name, term in self.terms.items()))
        return compile(whole, self.space)

    @property
    def params(self) -> Tree:
        """The tree of all parameters: a tree of ports for each arrow that has some, under its name."""
        return self._every.params

    def init(self, key: Any) -> dict[str, Any]:
        """Initial parameters of all arrows, by the arrows' names."""
        return self._every.init(key)

    def model(self, params: Any) -> Model:
        """The model at a point of all parameters; raises ParameterError for a tree that is not theirs."""
        return Model(self, params)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Architecture) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> Any:
        return (type(self), self.schema, tuple(self.spaces.values()), tuple(self.terms.values()))

    def __repr__(self) -> str:
        terms = ", ".join(f"{name!r}: {term.term!r}" for name, term in self.terms.items())
        spaces = ", ".join(f"{name!r}: {space!r}" for name, space in self.spaces.items())
        return f"Architecture({self.schema!r}, {{{spaces}}}, {{{terms}}})"


class Model:
    """An architecture at a point of all parameters: a functor to functions; ``model("f ; g")(x)``."""

    def __init__(self, architecture: Architecture, params: Any):
        check_tree(architecture.params, params, "parameters", architecture._every.term)
        self.architecture, self.params = architecture, params
        self._compiled: dict[Path, Compiled] = {}

    def __call__(self, path: Path | str) -> Any:
        """The function of a path, compiled: arrays to arrays (a tuple where a space has several).

        Leading axes are batch axes. Terms are taken as they are once they are trained: without dropout.
        """
        path = self.architecture.schema.path(path)
        if path not in self._compiled:
            self._compiled[path] = compile(inference(self.architecture(path)))
        net = self._compiled[path]
        return lambda *xs: net(only(self.params, net.params), *xs)


def _space(name: str, space: Any) -> Space:
    if not isinstance(space, Space):
        expected = "a space, as in Real(64) or Real(8, 8) @ Real(2)"
        raise LensError(explain(f"the object {name} is sent to {shown(space)}", expected=expected))
    return space


def _complete(what: str, argument: str, names: Any, given: Any) -> None:
    """Raises LensError unless `given` is a dict with exactly these names."""
    expected = ", ".join(names) or "none"
    if not isinstance(given, Mapping):
        raise LensError(explain(f"Architecture: {argument}={shown(given)}", expected=f"a dict with {expected}"))
    for name in names:
        if name not in given:
            came = ", ".join(map(str, given)) or "none"
            raise LensError(
                explain(f"the {what} {name} is sent nowhere", expected=f"{argument} of {expected}", came=came)
            )
    for name in given:
        if name not in names:
            raise LensError(explain(f"the schema has no {what} {shown(name)}", expected=f"{argument} of {expected}"))
