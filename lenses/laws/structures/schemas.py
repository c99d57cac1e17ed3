"""Functors out of a schema: paths are a free category, an architecture sends it to Para, a model to functions.

An architecture F keeps identities and composites, and an arrow that a path goes along twice has one set of
parameters, so its gradient is the sum over both occurrences.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...combinators import block
from ...compile import compile
from ...errors import LensError
from ...schemas.architecture import Architecture
from ...schemas.schema import Arrow, Path, Schema
from ...spaces import IndexElement, Space
from ...terms import compose
from ...trees import map_tree, only, shapes
from ...typed import Misfit, Typed
from ..law import law, structure
from ..maps import Equation, Map, identity_on
from ..programs import Agree, Inspect
from ..rewrite import at_precision
from .parametrised import plain

SCHEMA = structure(
    "schema", "the paths of a graph are a free category, in which equations are stated", subject=lambda: Schema
)
ARCHITECTURE = structure(
    "architecture", "a functor from the paths of a schema to parametrised maps", subject=lambda: Architecture
)
SOURCE = "Gavranovic 2019, section 3"
BATCH, LONGEST, MOST = 3, 2, 12
"""The examples of a batch; the arrows of the paths that are composed; the pairs of paths that are tried."""
Generator = np.random.Generator
Tree = Any


# -- paths -----------------------------------------------------------------------------------


def composable(schema: Schema) -> list[tuple[Path, Path]]:
    """Pairs of short paths of which the second starts where the first ends, longer ones first."""
    paths = schema.paths(LONGEST)[::-1]
    return [(p, q) for p in paths for q in paths if p.cod == q.dom][:MOST]


@law(SCHEMA, "units", "id; p = p = p; id", SOURCE + ".1", 30, needs="schema")
def path_units(schema: Schema) -> Inspect:
    def finds(rng: Generator) -> str | None:
        for p in schema.paths(LONGEST):
            start, end = schema.identity(p.dom), schema.identity(p.cod)
            if not start >> p == p == p >> end:
                return f"{start} ; {p} is {start >> p}, {p} ; {end} is {p >> end}"
        return None

    return Inspect(finds)


@law(SCHEMA, "associativity", "(p; q); r = p; (q; r)", SOURCE + ".1", 30, needs="schema")
def path_associativity(schema: Schema) -> Inspect:
    def finds(rng: Generator) -> str | None:
        for p, q in composable(schema):
            for r in schema.paths(1):
                if q.cod == r.dom and (p >> q) >> r != p >> (q >> r):
                    return f"({p} ; {q}) ; {r} is {(p >> q) >> r}, not {p >> (q >> r)}"
        return None

    return Inspect(finds)


@law(SCHEMA, "reading", "what is written of a path or an equation is that path or equation", SOURCE + ".1", 30,
     needs="schema")  # fmt: skip
def reading(schema: Schema) -> Inspect:
    def finds(rng: Generator) -> str | None:
        wrong = next((p for p in schema.paths(LONGEST) if schema.path(str(p)) != p), None)
        other = next((e for e in schema.equations if schema.equation(str(e)) != e), None)
        return None if wrong is None and other is None else f"{wrong or other} is read as another"

    return Inspect(finds)


# -- architectures ---------------------------------------------------------------------------


def wide(F: Architecture) -> Architecture:
    """The architecture in double precision where it can be, as it is where not."""
    try:
        spaces = {name: at_precision(Typed(identity_on(s).term.term, s), "float64").dom for name, s in F.spaces.items()}
        terms = {name: at_precision(term, "float64") for name, term in F.terms.items()}
        return type(F)(F.schema, spaces, terms)
    except (LensError, Misfit, TypeError, ValueError):
        return F


def draw_params(F: Architecture, rng: Generator) -> Tree:
    """Random parameters of all arrows."""
    like = jax.eval_shape(F.init, jax.random.key(0))
    return jax.tree.map(lambda p: (rng.normal(size=p.shape) * 0.7).astype(p.dtype), like)


def draw_data(space: Space, rng: Generator) -> list[Any]:
    """A batch of points of a space."""
    return [
        rng.integers(0, a.element.below, (BATCH, *a.sizes)).astype(a.dtype)
        if isinstance(a.element, IndexElement)
        else rng.normal(size=(BATCH, *a.sizes)).astype(a.dtype)
        for a in space
    ]


def as_wires(ys: Any) -> tuple[Any, ...]:
    """The arrays of an output, one or several."""
    return tuple(ys) if isinstance(ys, tuple | list) else (ys,)


def along(F: Architecture, params: Tree, arrows: Iterable[Arrow], xs: Any) -> tuple[Any, ...]:
    """What becomes of arrays along arrows, one term after the other."""
    ys = as_wires(xs)
    for arrow in arrows:
        net = compile(F.terms[arrow.name])
        own = only(params.get(arrow.name, {}), net.circuit.params) | only(params, net.circuit.tied)
        ys = as_wires(net(own, *ys))
    return ys


@law(ARCHITECTURE, "types", "F(p) goes from F(dom p) to F(cod p)", SOURCE + ".3", 30, needs="architecture")
def types(F: Architecture) -> Inspect:
    def finds(rng: Generator) -> str | None:
        for p in F.schema.paths(LONGEST):
            image, expected = F(p), (F.spaces[p.dom], F.spaces[p.cod])
            if (image.dom, image.cod) != expected:
                return f"F({p}) is a map {image.dom!r} -> {image.cod!r}, not {expected[0]!r} -> {expected[1]!r}"
        return None

    return Inspect(finds)


@law(ARCHITECTURE, "arrows", "F(f) is the parametrised map that the arrow f is given", SOURCE + ".3", 30,
     needs="architecture")  # fmt: skip
def arrows(F: Architecture) -> list[Equation] | str:
    if not F.schema.arrows:
        return "the schema has no arrows"
    return [Equation(_plain(F(name)), _plain(term)) for name, term in F.terms.items()]


def _plain(term: Typed) -> Map:
    return plain(term, term.dom)


@law(ARCHITECTURE, "identity", "F(id) = id", SOURCE + ".3", 30, needs="architecture")
def keeps_identity(F: Architecture) -> list[Equation]:
    return [Equation(_plain(F(F.schema.identity(name))), identity_on(space)) for name, space in F.spaces.items()]


@law(ARCHITECTURE, "composition", "F(p; q) = F(p); F(q)", SOURCE + ".3", 30, needs="architecture")
def keeps_composition(F: Architecture) -> list[Equation]:
    pairs = composable(F.schema)
    return [
        Equation(_plain(F(p >> q)), _plain(Typed(compose(F(p).term, F(q).term), F.spaces[p.dom]))) for p, q in pairs
    ]


@law(ARCHITECTURE, "models are functors", "M(id)(a) = a and M(p; q)(a) = M(q)(M(p)(a)), for M = F at a point of all "
     "parameters", SOURCE + ".4", 30, needs="architecture")  # fmt: skip
def models(F: Architecture) -> list[Agree] | str:
    F = wide(F)
    if any(term.circuit.keyed for term in F.terms.values()):
        return "an arrow draws random numbers"
    pairs = [(p, q) for p, q in composable(F.schema) if not (p.arrows and q.arrows)][:4]
    pairs += [(p, q) for p, q in composable(F.schema) if p.arrows and q.arrows][:4]

    def claim(p: Path, q: Path) -> Agree:
        draw = lambda rng: (draw_params(F, rng), draw_data(F.spaces[p.dom], rng))  # noqa: E731

        def whole(params: Tree, xs: Any) -> Any:
            return as_wires(F.model(params)(p >> q)(*xs))

        return Agree(whole, lambda params, xs: along(F, params, (*p.arrows, *q.arrows), xs), draw)

    return [claim(p, q) for p, q in pairs]


@law(ARCHITECTURE, "parameters", "the parameters of F(p) are those of its arrows, once each", SOURCE + ".4", 32,
     needs="architecture")  # fmt: skip
def parameters(F: Architecture) -> Inspect:
    def kinds(tree: Tree) -> Any:
        return map_tree(lambda port: (port.array, port.init), tree)

    def finds(rng: Generator) -> str | None:
        for p in F.schema.paths(LONGEST + 1)[::-1][:MOST]:
            found, expected = compile(F(p)).params, {}
            for arrow in p.arrows:
                circuit = F.terms[arrow.name].circuit
                expected |= circuit.tied | ({arrow.name: circuit.params} if circuit.params else {})
            if kinds(found) != kinds(expected):
                return f"F({p}) has the parameters {shapes(found)}, its arrows {shapes(expected)}"
        return None

    return Inspect(finds)


# -- tied weights ----------------------------------------------------------------------------


def repeated(F: Architecture) -> Path | None:
    """A shortest path that goes along an arrow with parameters twice; None where there is none."""
    import networkx

    graph, found = F.schema.networkx(), []
    for arrow in F.schema.arrows:
        if arrow.name in F.params and networkx.has_path(graph, arrow.cod, arrow.dom):
            nodes = networkx.shortest_path(graph, arrow.cod, arrow.dom)
            back = [next(a for a in F.schema.arrows if (a.dom, a.cod) == ends) for ends in pairwise(nodes)]
            found.append(Path(arrow.dom, (arrow, *back, arrow)))
    return min(found, key=len, default=None)


class Copies:
    """A path in which an arrow occurs twice, tied and with a copy of its parameters for each occurrence."""

    def __init__(self, F: Architecture, path: Path):
        self.F, self.path, self.tied = F, path, compile(F(path))
        parts = [block(str(i), F.terms[arrow.name].term) for i, arrow in enumerate(path.arrows)]
        self.apart = compile(Typed(compose(*parts), F.spaces[path.dom]))
        self.name = path.arrows[0].name

    def draw(self, rng: Generator) -> tuple[Any, ...]:
        """Parameters, points, and a change of what comes out."""
        params = only(draw_params(self.F, rng), self.tied.params)
        return params, draw_data(self.tied.dom, rng), draw_data(self.tied.cod.change, rng)

    def copied(self, params: Tree) -> Tree:
        """Each occurrence with a copy of the parameters of its arrow."""
        tree = {str(i): params.get(arrow.name, {}) for i, arrow in enumerate(self.path.arrows)}
        return only(tree, self.apart.params)

    def gradients(self, params: Tree, xs: Any, ds: Any) -> list[Tree]:
        """The gradients of both copies of the arrow, by `jax.grad`."""

        def paired(tree: Tree) -> Any:
            ys = as_wires(self.apart(tree, *xs))
            real = [y for y, a in zip(ys, self.tied.cod, strict=True) if a.change is not None]
            return sum((y * d).sum() for y, d in zip(real, ds, strict=True))

        found = jax.grad(paired)(self.copied(params))
        return [found[str(i)] for i, arrow in enumerate(self.path.arrows) if arrow.name == self.name]


def copies(F: Architecture) -> Copies | str:
    """The copies of an architecture, or why there are none."""
    F = wide(F)
    path = repeated(F)
    if path is None:
        return "no path goes along an arrow with parameters twice"
    if any(term.circuit.keyed or term.circuit.tied for term in F.terms.values()):
        return "an arrow draws random numbers, or has tied weights already"
    if any(a.change is None for a in F.spaces[path.cod]):
        return f"what comes out of {path} cannot change"
    return Copies(F, path)


@law(ARCHITECTURE, "tied weights", "the gradient of an arrow that a path goes along twice, as f in f; g; f, is the "
     "sum of the gradients of both occurrences", "Gavranovic 2019; tying is reparametrisation along copy", 32,
     needs="architecture")  # fmt: skip
def tied_weights(F: Architecture) -> Agree | str:
    here = copies(F)
    if isinstance(here, str):
        return here

    def tied(params: Tree, xs: Any, ds: Any) -> Tree:
        return here.tied.vjp(params, *xs)[1](*ds)[0][here.name]

    def summed(params: Tree, xs: Any, ds: Any) -> Tree:
        return jax.tree.map(lambda *parts: sum(parts), *here.gradients(params, xs, ds))

    return Agree(tied, summed, here.draw)


@law(ARCHITECTURE, "untied copies", "copies of an arrow's parameters, one an occurrence, are after a step what "
     "the tied parameters are", "Gavranovic 2019; tying is what keeps them equal", 32, holds=False,
     needs="architecture")  # fmt: skip
def untied_copies(F: Architecture) -> Agree | str:
    here = copies(F)
    if isinstance(here, str):
        return here

    def apart(params: Tree, xs: Any, ds: Any) -> list[Tree]:
        return [jax.tree.map(jnp.subtract, params[here.name], d) for d in here.gradients(params, xs, ds)]

    def tied(params: Tree, xs: Any, ds: Any) -> list[Tree]:
        change = here.tied.vjp(params, *xs)[1](*ds)[0][here.name]
        return [jax.tree.map(jnp.subtract, params[here.name], change)] * 2

    return Agree(apart, tied, here.draw)
