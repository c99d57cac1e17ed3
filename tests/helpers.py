"""What several tests share: random well-typed terms, the namespace that terms read back in, and oracles."""

from __future__ import annotations

import cProfile
import importlib.util
import inspect
import pstats
import random
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from hypothesis import strategies as st

import lenses
from lenses import (
    Real,
    Space,
    Term,
    add,
    bias,
    compose,
    copy,
    dense,
    discard,
    identity,
    multiply,
    relu,
    scale,
    swap,
    tanh,
    tensor,
    zero,
)
from lenses.errors import LensError
from lenses.terms import to_graph

NAMESPACE: dict[str, Any] = {name: getattr(lenses, name) for name in dir(lenses) if not name.startswith("_")}
"""What `eval(repr(term))` may use: the public names of the library."""

SIZES = (2, 3)
"""The sizes of the vectors that random terms carry."""


def read_back(value: Any) -> Any:
    """`eval(repr(value))` with the public names of the library and Python's own."""
    return eval(repr(value), dict(NAMESPACE))


# -- random terms ----------------------------------------------------------------------------


def _candidates(stack: list[int]) -> list[tuple[Term, int, list[int], list[int]]]:
    """The boxes that apply somewhere in the row of wires `stack`: (box, place, sizes in, sizes out)."""
    found: list[tuple[Term, int, list[int], list[int]]] = []
    for i, n in enumerate(stack):
        for box in (relu, tanh, scale(0.5), bias()):
            found.append((box, i, [n], [n]))
        found += [(dense(m), i, [n], [m]) for m in SIZES]
        found.append((discard, i, [n], []))
        if len(stack) < 5:
            found.append((copy, i, [n], [n, n]))
            found.append((copy(3), i, [n], [n, n, n]))
        if i + 1 < len(stack):
            found.append((swap, i, [n, stack[i + 1]], [stack[i + 1], n]))
            if n == stack[i + 1]:
                found += [(box, i, [n, n], [n]) for box in (add, multiply)]
    if len(stack) < 4:
        found += [(zero(Real(n)), i, [], [n]) for n in SIZES for i in range(len(stack) + 1)]
    return found


def random_layers(
    draw: Any, start: list[int], length: int, stop: int | None = None
) -> tuple[list[tuple[int, Term, int]], list[int]]:
    """A run of the stack machine: layers (wires before, box, wires after) and the sizes it ends with."""
    stack, layers = list(start), []
    for _ in range(length):
        box, at, ins, outs = draw(_candidates(stack))
        layers.append((at, box, len(stack) - at - len(ins)))
        stack[at : at + len(ins)] = outs
    if stop is not None:
        while len(stack) > stop:
            layers.append((0, discard, len(stack) - 1))
            stack.pop(0)
        while len(stack) < stop:
            layers.append((len(stack), zero(Real(SIZES[0])), 0))
            stack.append(SIZES[0])
    return layers, stack


def term_of(layers: list[tuple[int, Term, int]], width: int) -> Term:
    """The composite of layers on `width` input wires."""
    return compose(identity(width), *(tensor(identity(a), box, identity(b)) for a, box, b in layers))


@st.composite
def terms(
    draw: Any, dom: tuple[int, ...] | None = None, longest: int = 8, stop: int | None = None
) -> tuple[Term, list[int], list[int]]:
    """A random term with the sizes of its input wires and of its output wires."""
    start = list(dom) if dom is not None else draw(st.lists(st.sampled_from(SIZES), max_size=3))
    length = draw(st.integers(0, longest))
    layers, end = random_layers(lambda options: draw(st.sampled_from(options)), start, length, stop)
    return term_of(layers, len(start)), start, end


def seeded_term(seed: int, length: int = 12, width: int = 3) -> tuple[list[tuple[int, Term, int]], list[int]]:
    """Layers from a seed, and the sizes of their input wires."""
    rng = random.Random(seed)
    start = [rng.choice(SIZES) for _ in range(width)]
    return random_layers(rng.choice, start, length)[0], start


def space_of(sizes: Any) -> Space:
    """One real vector for each size."""
    total = lenses.unit
    for n in sizes:
        total = total @ Real(n)
    return total


def interchange(
    layers: list[tuple[int, Term, int]], rng: random.Random, tries: int = 40
) -> list[tuple[int, Term, int]]:
    """The layers with independent neighbours exchanged at random: another spelling of the same term."""
    layers = list(layers)
    for _ in range(tries):
        if len(layers) < 2:
            break
        i = rng.randrange(len(layers) - 1)
        (a, f, b), (c, g, d) = layers[i], layers[i + 1]
        f_in, f_out = f.arity
        g_in, g_out = g.arity
        if c >= a + f_out and (g_in or f_out or c > a + f_out):  # g stands below f
            below = c - f_out + f_in
            layers[i : i + 2] = [(below, g, d), (a, f, b + g_out - g_in)]
        elif c + g_in <= a and (g_in or f_out or c < a):  # g stands above f
            layers[i : i + 2] = [(c, g, d - f_out + f_in), (a + g_out - g_in, f, b)]
    return layers


def labelled(term: Term) -> networkx.DiGraph:
    """The wiring of a term as a graph with a node for each port, read from the text and not from the canonical form."""
    graph = to_graph(term)
    result = networkx.DiGraph()
    source: dict[int, Any] = {}
    for w in range(graph.inputs):
        result.add_node(("in", w), label=("in", w))
        source[w] = ("in", w)
    for i, node in enumerate(graph.nodes):
        result.add_node(i, label=("box", node.box.identity))
        for port, w in enumerate(node.ins):
            result.add_node((i, "in", port), label=("ins", port))
            result.add_edge((i, "in", port), i)
            result.add_edge(source[w], (i, "in", port))
        for port, w in enumerate(node.outs):
            result.add_node((i, "out", port), label=("outs", port))
            result.add_edge(i, (i, "out", port))
            source[w] = (i, "out", port)
    for port, w in enumerate(graph.outs):
        result.add_node(("end", port), label=("end", port))
        result.add_edge(source[w], ("end", port))
    return result


def isomorphic(f: Term, g: Term) -> bool:
    """Whether two terms have isomorphic wiring, decided by networkx on graphs whose ports are labelled."""
    a, b = labelled(f), labelled(g)
    if a.number_of_nodes() != b.number_of_nodes() or a.number_of_edges() != b.number_of_edges():
        return False
    return networkx.is_isomorphic(a, b, node_match=lambda m, n: m["label"] == n["label"])


# -- oracles ---------------------------------------------------------------------------------


def normal(seed: int, *shape: int, dtype: Any = "float32") -> Any:
    """Normal numbers from a seed."""
    return jax.device_put(np.random.default_rng(seed).normal(size=shape).astype(dtype))


def sample(space: Space, seed: int = 0, batch: tuple[int, ...] = (), positive: bool = False) -> list[Any]:
    """One array for each wire of a space, with batch axes in front."""
    rng = np.random.default_rng(seed)
    out = []
    for array in space:
        element: Any = array.element
        shape = (*batch, *array.sizes)
        if array.change is None:
            out.append(jax.device_put(rng.integers(0, element.below, shape).astype("int32")))
        else:
            values = rng.normal(size=shape)
            out.append(jax.device_put((np.abs(values) + 0.5 if positive else values).astype(array.dtype)))
    return out


def randomise(tree: Any, seed: int = 7) -> Any:
    """The tree with every float array replaced by normal numbers, so that zeros and ones hide nothing."""
    leaves, structure = jax.tree.flatten(tree)
    rng = np.random.default_rng(seed)
    return jax.tree.unflatten(structure, [jax.device_put(rng.normal(size=x.shape).astype(x.dtype)) for x in leaves])


def close(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """Asserts that two trees have the same structure and nearly the same arrays."""
    assert jax.tree.structure(a) == jax.tree.structure(b), (jax.tree.structure(a), jax.tree.structure(b))
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert jnp.shape(x) == jnp.shape(y), (jnp.shape(x), jnp.shape(y))
        np.testing.assert_allclose(np.asarray(x, "float64"), np.asarray(y, "float64"), rtol=rtol, atol=atol)


def same(a: Any, b: Any) -> None:
    """Asserts that two trees are equal, bit for bit."""
    close(a, b, 0.0, 0.0)


def difference(f: Any, x: Any, direction: Any, step: float = 1e-3) -> Any:
    """The directional derivative of `f` at the tree `x` by central differences of order 4; for float64."""

    def at(h: float) -> Any:
        return f(jax.tree.map(lambda v, d: v + h * d, x, direction))

    near = jax.tree.map(lambda a, b: a - b, at(step), at(-step))
    far = jax.tree.map(lambda a, b: a - b, at(2 * step), at(-2 * step))
    return jax.tree.map(lambda n, f: (8 * n - f) / (12 * step), near, far)


def inner(a: Any, b: Any) -> Any:
    """The inner product of two trees."""
    return sum(np.vdot(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def primitives(jaxpr: Any) -> list[str]:
    """The names of all primitives of a jaxpr, those of its sub-programs once each."""
    found: list[str] = []
    for eqn in jaxpr.eqns:
        found.append(eqn.primitive.name)
        for value in eqn.params.values():
            for sub in value if isinstance(value, list | tuple) else [value]:
                if hasattr(sub, "jaxpr"):
                    found += primitives(sub.jaxpr)
                elif hasattr(sub, "eqns"):
                    found += primitives(sub)
    return found


def outputs(jaxpr: Any) -> list[tuple[str, tuple[int, ...]]]:
    """(primitive, shape) of every array that a jaxpr makes, sub-programs included."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for eqn in jaxpr.eqns:
        found += [(eqn.primitive.name, v.aval.shape) for v in eqn.outvars if hasattr(v.aval, "shape")]
        for value in eqn.params.values():
            for sub in value if isinstance(value, list | tuple) else [value]:
                if hasattr(sub, "jaxpr"):
                    found += outputs(sub.jaxpr)
                elif hasattr(sub, "eqns"):
                    found += outputs(sub)
    return found


def calls(function: Any, *args: Any) -> int:
    """How many function calls a call makes: work counted, where a clock would measure the machine."""
    profile = cProfile.Profile()
    profile.runcall(function, *args)
    return pstats.Stats(profile).total_calls  # type: ignore[attr-defined]


def refused(kind: type[LensError], call: Any, *patterns: str) -> str:
    """Asserts that `call()` raises exactly this kind of error with all patterns in its message, which is returned."""
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    for pattern in patterns:
        assert re.search(pattern, message), f"{pattern!r} is not in the message:\n{message}"
    assert caught.value.__cause__ is None or isinstance(caught.value.__cause__, LensError)
    return message


def public_defaults(function: Any) -> dict[str, Any]:
    """The defaults of a public function."""
    return {n: p.default for n, p in inspect.signature(function).parameters.items() if p.default is not p.empty}


EXAMPLES = Path(__file__).parent.parent / "examples"


def example(name: str) -> ModuleType:
    """An example, such as "iris" or "circuits/iris", as a module, without running it as a program."""
    spec = importlib.util.spec_from_file_location(f"example_{name.replace('/', '_')}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
