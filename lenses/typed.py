"""Typing: spaces flow forward through a term, from its domain to its codomain.

`Typed` is a term with its domain and codomain. `elaborate` gives the typed wiring graph that every
meaning folds over: each node knows its spaces, its name in the tree of parameters, and, for a box
with a term inside, the typed graph of that term.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, NoReturn

from .boxes.structure import Check
from .errors import ArityError, LensError, SpaceError, explain, shown
from .functor import Functor, fold
from .graph import Node
from .spaces import Array, Space, unit
from .terms import Box, Identity, Port, Term, check_terms, compose, tensor
from .trees import Tree, map_tree, shapes


class Misfit(Exception):
    """Raised by `Box.fail`; becomes a SpaceError once it is known where in which term the box stands."""

    def __init__(self, box: Box, wire: int | str, expected: object, came: object, do: str | None):
        self.box, self.wire, self.expected, self.came, self.do = box, wire, expected, came, do


class Typed(Term):
    """A term at a domain: `term`, `dom` and `cod`. Composition with it checks types at once."""

    typed: ClassVar[bool] = True
    term: Term
    dom: Space
    cod: Space

    def compose_typed(self, terms: Sequence[Term]) -> Term:
        return compose_typed(terms)

    def tensor_typed(self, terms: Sequence[Term]) -> Term:
        return tensor_typed(terms)

    def __init__(self, term: Term, dom: Space, cod: Space | None = None):
        check_terms("typed", [term])
        _check_space(dom, term)
        if isinstance(term, Typed):
            if term.dom != dom:
                raise _typed_anew(term, dom)
            term = term.term
        found = infer(term, dom)
        if cod is not None and found != cod:
            raise _other_codomain(term, found, cod)
        self._set(term=_settled(term, dom), dom=dom, cod=found, arity=term.arity)

    @classmethod
    def known(cls, term: Term, dom: Space, cod: Space) -> Typed:
        """The untyped `term` at `dom`, where its codomain has been worked out already."""
        typed = cls.__new__(cls)
        typed._set(term=_settled(term, dom), dom=dom, cod=cod, arity=term.arity)
        return typed

    @property
    def parts(self) -> tuple[Term, ...]:
        return self.term.parts

    @cached_property
    def graph(self) -> Any:
        return self.term.graph

    @cached_property
    def circuit(self) -> Circuit:
        """The typed wiring graph, with the trees of parameters and states."""
        return elaborate(self.term, self.dom)

    @cached_property
    def axis_names(self) -> Any:
        return (self.dom.names, self.term.axis_names)

    @cached_property
    def _code(self) -> Any:
        return (self.dom, self.dom.names, self.term._code)

    def __eq__(self, other: object) -> bool:
        # Names of axes matter here: a box may pick its axis by name.
        return (
            isinstance(other, Typed)
            and self.dom == other.dom
            and self.dom.names == other.dom.names
            and self.term == other.term
        )

    def __hash__(self) -> int:
        return self._hash

    def _repr_svg_(self) -> str | None:
        from .pictures import drawer

        draw = drawer()
        return None if draw is None else draw(self).svg()


def _settled(term: Term, dom: Space) -> Term:
    """The term without the checks that its typing at `dom` has shown to hold, names of axes included."""
    if not term.checks:
        return term
    held: set[int] = set()

    def visit(node: Node, at: Space, cod: Space) -> None:
        if isinstance(node.box, Check) and at.names == node.box.space.names:
            held.add(node.leaf)

    _spread(term, dom, visit)
    return _Without(held)(term)


class _Without(Functor):
    """Replaces the boxes with these numbers, in the order of the term's text, by identities."""

    def __init__(self, leaves: set[int]):
        super().__init__({})
        self.leaves, self.leaf = leaves, -1

    def box(self, box: Box) -> Term:
        self.leaf += 1
        return Identity(box.arity[0]) if self.leaf in self.leaves else box


def as_typed(term: Term, space: Space | None = None, what: str = "this") -> Typed:
    """The term typed at `space`, or as it is if it carries its type; raises SpaceError if nothing says the domain."""
    check_terms(f"given to {what}", [term])
    if space is not None:
        _check_space(space, term, what)
        if term.arity[0] != len(space) and not isinstance(term, Typed):
            raise _wrong_number(term, space, what)
        return Typed(term, space)
    if isinstance(term, Typed):
        return term
    if term.arity[0] == 0:
        return Typed(term, unit)
    from .syntax import shorten

    raise SpaceError(
        explain(
            f"{what} needs a typed term: the spaces of {term.arity[0]} input wires are missing",
            term=shorten(term),
            do="say the domain, as in term.at(Real(64))",
        )
    )


def plain(term: Term, what: str = "composed") -> Term:
    """The term without its type on the outside, which is kept as a check of its inputs; `what` is done with it."""
    check_terms(what, [term])
    if not isinstance(term, Typed):
        return term
    return compose(Check(term.dom), term.term) if len(term.dom) else term.term


def compose_typed(terms: Sequence[Term]) -> Term:
    """The composite of terms of which some are typed; the first one's type flows on."""
    first, *rest = terms
    if not isinstance(first, Typed):
        return compose(*map(plain, terms))
    cod = first.cod
    chain: list[Term] = [first.term]
    for left, term in zip(terms, rest, strict=False):
        if isinstance(term, Typed):
            if term.dom != cod:
                raise _typed_mismatch(left, cod, term)
            renames = term.dom.names != cod.names
            chain += [Check(term.dom), term.term] if renames else [term.term]
            cod = term.cod
        else:
            chain.append(term)
            cod = infer(term, cod)
    return Typed.known(compose(*chain), first.dom, cod)


def tensor_typed(terms: Sequence[Term]) -> Term:
    """The tensor of terms of which some are typed; typed if all are."""
    typed: list[Typed] = []
    for t in terms:
        if isinstance(t, Typed):
            typed.append(t)
        elif t.arity[0] == 0:
            typed.append(Typed(t, unit))
        else:
            return tensor(*map(plain, terms))
    dom = Space(a for t in typed for a in t.dom)
    return Typed.known(tensor(*(t.term for t in typed)), dom, Space(a for t in typed for a in t.cod))


def _typed_mismatch(left: Term, cod: Space, right: Typed) -> SpaceError:
    from .syntax import shorten

    wire = next(i for i, (a, b) in enumerate(zip(cod, right.dom, strict=True)) if a != b)
    return SpaceError(
        explain(
            f"{shorten(left.parts[-1], 60)} cannot be followed by {shorten(right.parts[0], 60)}",
            left=f"{shorten(left, 70)} ends in {cod!r}",
            right=f"{shorten(right, 70)} starts with {right.dom!r}",
            wire=f"{wire}: {cod[wire]!r} into {right.dom[wire]!r}",
        )
    )


def _typed_anew(term: Typed, dom: Space) -> LensError:
    from .syntax import shorten

    if len(dom) != len(term.dom):
        return _wrong_number(term, dom)
    wire = next(i for i, (a, b) in enumerate(zip(dom, term.dom, strict=True)) if a != b)
    return SpaceError(
        explain(
            f"{shorten(term.parts[0], 60)} is typed already, at another space",
            term=shorten(term),
            wire=f"input {wire}",
            expected=term.dom[wire],
            came=dom[wire],
            do="leave the space out, or type term.term",
        )
    )


def _other_codomain(term: Term, found: Space, given: Any) -> LensError:
    from .syntax import shorten

    if isinstance(given, Space) and len(given) == len(found):
        wire = next(i for i, (a, b) in enumerate(zip(found, given, strict=True)) if a != b)
        wire, expected, came = f"output {wire}", given[wire], found[wire]
    else:
        wire, expected, came = "all outputs", shown(given), found
    last = shorten(term.parts[-1], 60)
    return SpaceError(
        explain(
            f"{last} does not end in the codomain given", term=shorten(term), wire=wire, expected=expected, came=came
        )
    )


def _spread(term: Term, dom: Space, visit: Callable[[Node, Space, Space], None] | None = None) -> Space:
    """The codomain of a term; `visit` is told each node with its domain and codomain, in order."""
    # Equality of spaces leaves out names, but the type of a box may depend on them.
    known: dict[Any, Space] = {}

    def clause(node: Node, arrays: list[Array]) -> Any:
        box = node.box
        at = Space(arrays)
        key = (box.identity, box.axis_names, at, at.names)
        cod = known.get(key)
        if cod is None:
            try:
                cod = box.type(at)
            except Misfit as misfit:
                _refuse(misfit, node, at, term)
            except SpaceError as error:
                raise SpaceError(f"{error}\n  inside: {_label(box)}") from None
            known[key] = cod
        if visit is not None:
            visit(node, at, cod)
        return cod

    return Space(fold(term.graph.nodes, term.graph.outs, dom.arrays, clause))


def _label(box: Box) -> str:
    from .syntax import shorten

    return shorten(box, 80)


def _refuse(misfit: Misfit, node: Node, dom: Space, term: Term) -> NoReturn:
    from .syntax import marked

    came = dom if len(dom) != 1 else dom[0]
    raise SpaceError(
        explain(
            f"{_label(misfit.box)} cannot take {came!r}",
            box=_label(misfit.box),
            wire=f"input {misfit.wire}" if isinstance(misfit.wire, int) else misfit.wire,
            expected=misfit.expected,
            came=misfit.came,
            in_=marked(term, node.leaf),
            do=misfit.do,
        ).replace("  in :", "  in: ")
    ) from None


def infer(term: Term, dom: Space) -> Space:
    """The codomain of a term at a domain, in linear time. Raises SpaceError with the box marked in the term."""
    _check_space(dom, term)
    if isinstance(term, Typed):
        return Typed(term, dom).cod
    if len(dom) != term.arity[0]:
        raise _wrong_number(term, dom)
    return _spread(term, dom)


def _check_space(dom: Any, term: Term, what: str | None = None) -> None:
    if not isinstance(dom, Space):
        from .syntax import shorten

        do = "write Real(64), Real(h=28, w=28), Index(below=10), ..."
        raise LensError(explain(f"{shown(dom)} is no space", term=shorten(term), given_to=what, do=do))


def _wrong_number(term: Term, dom: Space, what: str | None = None) -> ArityError:
    from .syntax import shorten

    return ArityError(
        explain(
            f"{term.arity[0]} input wires cannot carry {len(dom)} arrays",
            term=shorten(term),
            expected=f"a space of {term.arity[0]} arrays",
            came=repr(dom),
            given_to=what,
            do="write one array a wire, as in term.at(Real(64), Index(below=10))",
        )
    )


# -- elaboration -----------------------------------------------------------------------------


@dataclass(slots=True)
class Cell:
    """A node of a typed graph: box, wires, spaces, name in the trees, ports, and the typed graph inside.

    `whole` says that the trees of the graph are the cell's own, with no level for its name.
    """

    box: Box
    ins: tuple[int, ...]
    outs: tuple[int, ...]
    dom: Space
    cod: Space
    index: int
    name: str = ""
    ports: tuple[Port, ...] = ()
    inner: Circuit | None = None
    keyed: bool = False
    shared: tuple[str, ...] = ()
    whole: bool = False


@dataclass(slots=True)
class Circuit:
    """A typed wiring graph: cells in order, and the trees of its parameters, states and tied parameters."""

    term: Term
    dom: Space
    cod: Space
    cells: list[Cell]
    outs: tuple[int, ...]
    params: Tree = field(default_factory=dict)
    states: Tree = field(default_factory=dict)
    tied: Tree = field(default_factory=dict)
    keyed: bool = False


def elaborate(term: Term, dom: Space, extra: Callable[[Box, Space], tuple[Port, ...]] | None = None) -> Circuit:
    """The typed graph of `term` at `dom`; `extra` adds a rule's own ports to a box."""
    term = term.term if isinstance(term, Typed) else term
    circuit = Circuit(term, dom, unit, [], term.graph.outs)
    known: dict[Any, tuple[tuple[Port, ...], Circuit | None, Tree, Tree, Tree]] = {}
    trees: list[tuple[Cell, Tree, Tree]] = []

    def visit(node: Node, at: Space, cod: Space) -> None:
        box = node.box
        key = (box.identity, box.axis_names, at, at.names)
        if key not in known:
            inside = box.inside(at) if isinstance(box, Combinator) else None
            inner = None if inside is None else elaborate(*inside, extra)
            ports = box.ports(at) + (extra(box, at) if extra else ())
            known[key] = (ports, inner, *_trees(box, ports, inner))
        ports, inner, params, states, tied = known[key]
        keyed = any(p.kind == "key" for p in ports) or (inner is not None and inner.keyed)
        cell = Cell(box, node.ins, node.outs, at, cod, len(circuit.cells), "", ports, inner, keyed, tuple(tied))
        circuit.cells.append(cell)
        circuit.keyed |= keyed
        _merge_tied(circuit.tied, tied, box)
        if params or states:
            trees.append((cell, params, states))

    circuit.cod = _spread(term, dom, visit)
    _name(circuit, trees)
    _lay_open(circuit)
    return circuit


def _name(circuit: Circuit, trees: Sequence[tuple[Cell, Tree, Tree]]) -> None:
    """Names the cells that have trees: a part by its label, other boxes by label and number, no name twice."""
    taken = set(circuit.tied)
    counts: dict[str, int] = {}
    for cell, params, states in trees:
        label = cell.box.label
        part = isinstance(cell.box, Combinator) and cell.box.named
        while not cell.name or cell.name in taken:
            number = counts.get(label, 0)
            counts[label] = number + 1
            cell.name = label if part and not number else f"{label}_{number}"
        taken.add(cell.name)
        if params:
            circuit.params[cell.name] = params
        if states:
            circuit.states[cell.name] = states


def _lay_open(circuit: Circuit) -> None:
    """Where the only box with parameters is transparent, its tree is the whole tree."""
    named = [cell for cell in circuit.cells if cell.name]
    if len(named) == 1 and isinstance(named[0].box, Combinator) and named[0].box.transparent:
        (cell,) = named
        circuit.params, circuit.states = circuit.params.get(cell.name, {}), circuit.states.get(cell.name, {})
        cell.name = ""
        cell.whole = True


class Combinator(Box):
    """A box with a term inside; see `lenses.combinators`.

    `named`: its label names a part and needs no number. `transparent`: alone in a term, it adds no
    level to the trees of parameters.
    """

    named = False
    transparent = False

    def inside(self, dom: Space) -> tuple[Term, Space] | None:
        """The term inside and its domain, at the box's own domain."""
        raise NotImplementedError(type(self).__name__)

    def stack(self, port: Port) -> Port:
        """How an array of the inner term's tree is kept in the box's tree."""
        return port

    def ties(self, inner: Circuit) -> tuple[Tree, Tree]:
        """The inner term's parameters: those kept under the box's name, and those shared by a name of their own."""
        return inner.params, inner.tied


def _trees(box: Box, ports: Sequence[Port], inner: Circuit | None) -> tuple[Tree, Tree, Tree]:
    params: Tree = {}
    states: Tree = {}
    tied: Tree = {}
    if inner is not None and isinstance(box, Combinator):
        here, tied = box.ties(inner)
        params = map_tree(box.stack, here)
        states = map_tree(box.stack, inner.states)
    for port in ports:
        if port.kind in ("param", "state"):
            tree = params if port.kind == "param" else states
            *path, last = port.name.split(".")
            for step in path:
                tree = tree.setdefault(step, {}) if isinstance(tree, dict) else tree
            if not isinstance(tree, dict) or last in tree:
                raise LensError(explain(f"two parameters of {_label(box)} are called {port.name!r}"))
            tree[last] = port
    return params, states, tied


def _paths_alone(tree: Tree) -> Tree:
    """A tree whose ports are told apart by their paths in it, whatever their boxes call them."""
    return map_tree(lambda port: replace(port, name="port"), tree)


def _merge_tied(into: Tree, tied: Tree, box: Box) -> None:
    for name, tree in tied.items():
        known = into.setdefault(name, tree)
        if known != tree and _paths_alone(known) != _paths_alone(tree):
            raise LensError(
                explain(
                    f"two uses of tied({name!r}, ...) have different parameters",
                    box=_label(box),
                    one=shapes(into[name]),
                    other=shapes(tree),
                    do="tie uses of the same term at the same space, or give one of them another name",
                )
            )
