"""An interpreter of plans of functions, which knows nothing of how they are made, and what every such plan must be."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.extend.core import Literal

from diagrams.jaxpr import of_function
from diagrams.plan import Node, Plan
from lenses.laws.primitives import PRIMITIVES
from lenses.spaces import RealElement
from lenses.strands import Strand

KEY = jax.random.key(0)
QUICKLY = {"xla_backend_optimization_level": "0", "xla_llvm_disable_expensive_passes": "True"}


def real(*sizes: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *sizes]).normal(size=sizes).astype(np.float32)


def compiled(fn: Callable[..., Any], *examples: Any) -> list[Any]:
    """The arrays that a function returns, compiled with little work on making it fast."""
    return jax.tree.leaves(jax.jit(fn, compiler_options=QUICKLY)(*examples))


def equation(eqn: Any, values: Sequence[Any]) -> list[Any]:
    """What an equation computes; numbers that are not among the values are its literals."""
    rest = iter(values)
    numbers = len(values) < len(eqn.invars)
    folded = [numbers and isinstance(a, Literal) and not np.shape(a.val) for a in eqn.invars]
    full = [a.val if known else next(rest) for a, known in zip(eqn.invars, folded, strict=True)]
    assert next(rest, None) is None
    meaning = None if any(map(foreign, full)) else PRIMITIVES.get(eqn.primitive.name)
    if meaning:  # in NumPy nothing is compiled
        with np.errstate(all="ignore"):
            made = meaning(eqn.params, *full)
        return [np.asarray(x, v.aval.dtype) for x, v in zip(listed(eqn, made), eqn.outvars, strict=True)]
    bound = eqn.primitive.get_bind_params(eqn.params)  # with functions beside in some versions of JAX
    functions, params = bound if isinstance(bound, tuple) else ((), bound)
    made = eqn.primitive.bind(*functions, *full, **params)
    return [plain(x) for x in listed(eqn, made)]


def listed(eqn: Any, made: Any) -> Sequence[Any]:
    return made if eqn.primitive.multiple_results else [made]


def foreign(x: Any) -> bool:
    """Whether it is no array of NumPy: a random key, or what is traced."""
    return isinstance(x, Tracer) or jnp.issubdtype(jnp.result_type(x), jax.dtypes.prng_key)


def plain(x: Any) -> Any:
    """An array of NumPy, with which to check is faster, where there is one."""
    return x if foreign(x) else np.asarray(x)


def apply(node: Node, ins: list[Any], seen: Callable[[Node, list[Any], list[Any]], None]) -> list[Any]:
    eqn, inner = node.box, node.inner
    primitive = getattr(getattr(eqn, "primitive", None), "name", "")
    if node.glyph == "dot":
        return ins * len(node.outs)
    if node.glyph == "end":
        return []
    if node.text == "choose" and eqn is None:
        which, options, many = np.asarray(ins[0]), ins[1:], len(node.outs)
        if not which.ndim:
            return options[int(which) * many :][:many]
        pairs = zip(options[:many], options[many:], strict=True)
        return [np.where(np.expand_dims(which, tuple(range(which.ndim, a.ndim))), b, a) for a, b in pairs]
    if node.glyph == "constant" and not primitive:
        return [plain(jnp.asarray(eqn))]
    if inner is None and primitive:
        return equation(eqn, ins)
    if inner is None:  # a run of equations
        env = dict(zip(eqn.invars, ins, strict=True))
        for e in eqn.eqns:
            env |= zip(e.outvars, equation(e, [env[a] for a in e.invars if not isinstance(a, Literal)]), strict=True)
        return [env[v] for v in eqn.outvars]
    if primitive == "scan":
        p = eqn.params
        fixed, first = ins[: p["num_consts"]], p["num_consts"] + p["num_carry"]
        kept, made = ins[p["num_consts"] : first], []
        for t in reversed(range(p["length"])) if p["reverse"] else range(p["length"]):
            outs = run(inner, [*fixed, *kept, *(x[t] for x in ins[first:])], seen)
            kept = outs[: p["num_carry"]]
            made.append(outs[p["num_carry"] :])
        return [*kept, *(np.stack(x) for x in zip(*made[:: -1 if p["reverse"] else 1], strict=True))]
    if primitive == "while":
        going: list[bool] = []

        def watch(node: Node, ins: list[Any], outs: list[Any]) -> None:
            if node.address[:-1] == inner.address and node.text == "choose":
                going.append(bool(np.any(ins[0])))
            seen(node, ins, outs)

        fixed = ins[: len(ins) - len(node.outs)]
        while not going or going[-1]:
            ins = [*fixed, *run(inner, ins, watch)]
        return ins[len(fixed) :]
    return run(inner, ins, seen)


def run(plan: Plan, values: Sequence[Any], seen: Callable[[Node, list[Any], list[Any]], None]) -> list[Any]:
    """The results of a plan; every wire must be made once and used once, and have the sizes it is said to have."""
    wires = dict(enumerate(values))
    made = set(wires)
    assert [np.shape(v) for v in values] == [a.sizes for a in plan.dom]
    for node in plan.nodes:
        ins = [wires.pop(w) for w in node.ins]
        assert [np.shape(v) for v in ins] == [a.sizes for a in node.dom]
        outs = apply(node, ins, seen)
        assert [np.shape(v) for v in outs] == [a.sizes for a in node.cod] and not made & set(node.outs)
        assert [v.dtype for v in outs if jnp.issubdtype(v.dtype, jnp.inexact)] == [
            a.dtype for a in node.cod if isinstance(a.element, RealElement)
        ]
        wires |= zip(node.outs, outs, strict=True)
        made |= set(node.outs)
        seen(node, ins, outs)
    assert sorted(wires) == sorted(plan.outs)
    assert [np.shape(wires[w]) for w in plan.outs] == [a.sizes for a in plan.cod]
    return [wires[w] for w in plan.outs]


def take(values: Sequence[Any], places: Sequence[tuple[int, int]], which: Any) -> list[Any]:
    values = list(values)
    for i, axis in places:
        values[i] = values[i][(slice(None),) * axis + (which,)]
    return values


def close(a: Sequence[Any], b: Sequence[Any]) -> None:
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        np.testing.assert_allclose(np.asarray(x, complex), np.asarray(y, complex), rtol=2e-4, atol=2e-4)


def sound(strand: Strand, f: Callable[[list[Any]], list[Any]], ins: list[Any], outs: list[Any]) -> None:
    """Whether f does along a strand what the strand says; any map of slices to slices must commute with f."""
    side, (k, axis) = (ins, strand.ins[0]) if strand.ins else (outs, strand.outs[0])
    size = side[k].shape[axis]
    if strand.outs:
        which = np.random.default_rng(size).integers(0, size, size)
        close(f(take(ins, strand.ins, which)), take(outs, strand.outs, which))
        return
    parts = []
    for n in range(size):
        only = list(ins)
        for i, a in strand.ins:
            mask = np.arange(size) == n
            only[i] = only[i] * np.expand_dims(mask.astype(only[i].dtype), [d for d in range(only[i].ndim) if d != a])
        parts.append(f(only))
    close([functools.reduce(np.add, x) for x in zip(*parts, strict=True)], outs)


class Strands:
    """Checks the strands of nodes on the values that they meet, once for each primitive, its parameters and sizes."""

    def __init__(self) -> None:
        self.done: set[Any] = set()

    def __call__(self, node: Node, ins: list[Any], outs: list[Any]) -> None:
        what = (node.glyph, node.title, tuple(a.sizes for a in node.dom), node.strands)
        if what in self.done:
            return
        self.done.add(what)
        quiet = lambda *_: None  # noqa: E731
        for strand in node.strands:
            sound(strand, lambda values: apply(node, list(values), quiet), ins, outs)


# -- what every plan must be ------------------------------------------------------------------------


def every(plan: Plan) -> Iterator[tuple[Plan, Node]]:
    for node in plan.nodes:
        yield plan, node
        for inner in (*([node.inner] if node.inner else []), *dict(node.data).get("parts", ())):
            yield from every(inner)


def equations(value: Any) -> Iterator[Any]:
    """All equations of a program, and of the programs among their parameters."""
    if isinstance(value, tuple | list):
        for each in value:
            yield from equations(each)
    value = getattr(value, "jaxpr", value)
    for eqn in getattr(value, "eqns", ()):
        yield eqn
        yield from equations(tuple(eqn.params.values()))


def covered(plan: Plan) -> Iterator[Any]:
    """The equations of a plan: those of its nodes and of their parts, also of those that are closed."""
    for node in plan.nodes:
        inside = [node.inner] if node.inner else dict(node.data).get("parts", ())
        if hasattr(node.box, "primitive"):
            yield node.box
            yield from equations(() if inside else tuple(node.box.params.values()))
        elif not inside and hasattr(node.box, "eqns"):
            yield from equations(node.box)
        for plan in inside:
            yield from covered(plan)


def kind(eqn: Any) -> Any:
    shapes = [tuple(tuple(v.aval.shape) for v in side) for side in (eqn.invars, eqn.outvars)]
    return (eqn.primitive.name, *shapes)


def consistent(plan: Plan, address: tuple[int, ...] = ()) -> None:
    assert plan.address == address
    arrays = dict(enumerate(plan.dom))
    free = set(arrays)
    for number, node in enumerate(plan.nodes):
        assert node.address == (*address, number)
        assert free.issuperset(node.ins) and len(set(node.ins)) == len(node.ins), (
            "made before it is used, and used once"
        )
        free -= set(node.ins)
        assert not free & set(node.outs) and node.outs == tuple(range(len(arrays), len(arrays) + len(node.outs)))
        assert [arrays[w].names for w in node.ins] == [a.names for a in node.dom]
        assert [arrays[w] for w in node.ins] == list(node.dom)
        arrays |= zip(node.outs, node.cod, strict=True)
        free |= set(node.outs)
        for side, held in ((0, node.dom), (1, node.cod)):
            places = [p for strand in node.strands for p in strand[side]]
            assert len(set(places)) == len(places) and all(0 <= a < held[i].rank for i, a in places)
        for strand in node.strands:
            assert strand.ins or strand.outs
            sizes = {node.dom[i].sizes[a] for i, a in strand.ins} | {node.cod[o].sizes[a] for o, a in strand.outs}
            assert len(sizes) == 1
        eqn = node.box
        if getattr(eqn, "primitive", None):
            assert [a.sizes for a in node.cod] == [tuple(v.aval.shape) for v in eqn.outvars]
            read = [a for a in eqn.invars if not isinstance(a, Literal)]
            assert len(read) <= len(node.dom) <= len(eqn.invars)
            if len(node.dom) == len(eqn.invars):
                assert [a.sizes for a in node.dom] == [tuple(v.aval.shape) for v in eqn.invars]
        inner = node.inner
        if inner is not None:
            enters = node.enters or [range(a.rank) for a in node.dom]
            leaves = node.leaves or [range(a.rank) for a in node.cod]
            for outside, inside, axes in ((node.dom, inner.dom, enters), (node.cod, inner.cod, leaves)):
                want = [[a.sizes[k] for k in axis] for a, axis in zip(outside, axes, strict=True)]
                assert want == [list(a.sizes) for a in inside]
            consistent(inner, node.address)
    assert free == set(plan.outs) and [arrays[w] for w in plan.outs] == list(plan.cod)


def checked(fn: Callable[..., Any], *examples: Any, **options: Any) -> Plan:
    """The plan of a function, after all checks, with its small parts opened and closed."""
    program, flat = jax.make_jaxpr(fn)(*examples), [plain(jnp.asarray(x)) for x in jax.tree.leaves(examples)]
    kinds, results, seen = Counter(map(kind, equations(program))), compiled(fn, *examples), Strands()
    plans = [of_function(fn, *examples, small=small, **options) for small in (0, 20)]
    for plan in plans:
        consistent(plan)
        assert [a.sizes for a in plan.dom] == [tuple(v.aval.shape) for v in program.jaxpr.invars]
        assert len(plan.names) == len(plan.dom)
        assert Counter(map(kind, covered(plan))) == kinds
        close(run(plan, flat, seen), results)
    return plans[-1]


def glyphs(plan: Plan) -> list[str]:
    return [node.glyph for node in plan.nodes]
