"""Schemas, architectures and models: values that read back, errors that name what is wrong, functors."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from helpers import NAMESPACE, close, normal, refused

import lenses.schemas
from lenses import (
    LensError,
    ParameterError,
    Real,
    SpaceError,
    absolute_error,
    argmax,
    batch_norm,
    compile,
    conv,
    coupling,
    dense,
    dropout,
    scale,
    squared,
    subtract,
    tanh,
    tied,
    wired,
)
from lenses.schemas import Architecture, Arrow, Losses, Path, PathEquation, Schema, supervised, violation

CYCLE = Schema(["A", "B"], {"f": ("A", "B"), "g": ("B", "A")}, ["f ; g = id", "g ; f = id"])
NET = dense(4) >> tanh >> dense(2)
F = Architecture(CYCLE, {"A": Real(2), "B": Real(2)}, {"f": NET, "g": NET})


def read_back(value):
    return eval(repr(value), {**NAMESPACE, **vars(lenses.schemas)})


def says(kind, call, *words):
    """Asserts that `call()` raises this kind of error with all words in its message."""
    return refused(kind, call, *map(re.escape, words))


def forward(p, x):
    return jnp.tanh(x @ p["dense_0"]["weight"] + p["dense_0"]["bias"]) @ p["dense_1"]["weight"] + p["dense_1"]["bias"]


# -- schemas ---------------------------------------------------------------------------------


def test_a_schema_is_a_value():
    assert read_back(CYCLE) == CYCLE and hash(read_back(CYCLE)) == hash(CYCLE)
    assert list(map(str, CYCLE.equations)) == ["f ; g = id(A)", "g ; f = id(B)"]
    assert Schema(["A", "B"], {"f": ("A", "B"), "g": ("B", "A")}) != CYCLE
    path = CYCLE.path("f;g ; f")
    assert path == Path("A", (Arrow("f", "A", "B"), Arrow("g", "B", "A"), Arrow("f", "A", "B")))
    assert (path.cod, len(path), str(path)) == ("B", 3, "f ; g ; f") and read_back(path) == path
    assert CYCLE.path("id(A)") == CYCLE.identity("A") == CYCLE.path("id", at="A") == Path("A")
    assert CYCLE.path("f") >> CYCLE.path("g ; f") == path and read_back(CYCLE.equations[0]) == CYCLE.equations[0]


def test_the_graph_is_that_of_networkx():
    graph = CYCLE.networkx()
    assert sorted(graph.edges(keys=True)) == [("A", "B", "f"), ("B", "A", "g")]
    powers = networkx.to_numpy_array(graph)
    count = sum(np.linalg.matrix_power(powers, n).sum() for n in range(5))
    assert len(CYCLE.paths(4)) == count == len({*CYCLE.paths(4)})
    fork = Schema(["A", "B", "C"], {"f": ("A", "B"), "g": ("A", "B"), "h": ("B", "C"), "e": ("B", "B")})
    powers = networkx.to_numpy_array(fork.networkx())
    assert len(fork.paths(3)) == sum(np.linalg.matrix_power(powers, n).sum() for n in range(4))


@pytest.mark.parametrize(
    ("equation", "words"),
    [
        ("f = g", ["f = g", "f: A -> B", "g: B -> A", "ends"]),
        ("f = id", ["f = id(A)", "f: A -> B", "id(A): A -> A"]),
        ("f ; h = id", ["'f ; h = id'", "no arrow 'h'", "f: A -> B, g: B -> A"]),
        ("f ; f = id", ["'f ; f = id'", "f ; f does not compose", "f ends in B and f starts in A"]),
        ("f ; g = id(C)", ["'f ; g = id(C)'", "no object 'C'", "A, B"]),
        ("f ; g", ["'f ; g' is no equation", "two paths"]),
        ("id = id", ["does not say at which object"]),
        (3, ["3 is no equation"]),
    ],
)
def test_what_is_no_equation(equation, words):
    says(LensError, lambda: Schema(["A", "B"], {"f": ("A", "B"), "g": ("B", "A")}, [equation]), *words)


def test_what_is_no_schema():
    says(
        LensError,
        lambda: Schema(["A", "B"], {"f": ("A", "C")}),
        "f: A -> C",
        "ends in an object that is not there",
        "A or B",
    )
    says(LensError, lambda: Schema(["A", "A"], {}), "two objects", "'A'")
    says(LensError, lambda: Schema(["A"], {"f;": ("A", "A")}), "'f;' names no arrow")
    says(LensError, lambda: Schema("AB", {}), "a list of names")
    says(LensError, lambda: Schema(["A", "B"], {"f": "AB"}), "the arrow 'f' goes 'AB'", "two objects")  # type: ignore[dict-item]
    says(LensError, lambda: Schema(["A"], {"f": ("A", "A")}, ["f = id", "f = id(A)"]), "stands there twice")
    says(LensError, lambda: CYCLE.path("f") >> CYCLE.path("f"), "f: A -> B, f: A -> B", "ends in B", "starts in A")
    says(LensError, lambda: CYCLE.path(Path("A", (Arrow("h", "A", "A"),))), "not one of this schema", "h: A -> A")
    says(LensError, lambda: Path("B", (Arrow("f", "A", "B"),)), "a first arrow out of B", "f: A -> B")
    says(LensError, lambda: PathEquation(CYCLE.path("f"), Path("A")), "f = id(A)", "f: A -> B")


# -- architectures ---------------------------------------------------------------------------


def test_an_architecture_is_a_value_and_a_functor():
    assert read_back(F) == F and hash(read_back(F)) == hash(F)
    assert repr(F("f ; g")) == f"(tied('f', {NET}) >> tied('g', {NET})).at(Real(2))"
    assert F("f") >> F("g") == F("f ; g") and repr(F("id(B)")) == "identity.at(Real(2))"
    params = F.init(jax.random.key(0))
    assert sorted(params) == ["f", "g"] and params["f"]["dense_0"]["weight"].shape == (2, 4)
    assert (params["f"]["dense_0"]["weight"] != params["g"]["dense_0"]["weight"]).all()
    model, x = F.model(params), normal(1, 5, 2)
    close(model("f ; g ; f")(x), forward(params["f"], forward(params["g"], forward(params["f"], x))))
    close(model("id(A)")(x), x)
    close(jax.vmap(model("f"))(x), model("f")(x))
    ours = jax.jit(jax.grad(lambda p: F.model(p)("f ; g")(x).sum()))(params)
    theirs = jax.grad(lambda p: forward(p["g"], forward(p["f"], x)).sum())(params)
    jax.tree.map(lambda a, b: close(a, b, 1e-5, 1e-6), ours, theirs)
    says(ParameterError, lambda: F.model({"f": params["f"]}), "g.dense_0.weight")


def test_the_gradient_of_a_tied_arrow_is_that_of_jax():
    params, x, d = F.init(jax.random.key(0)), normal(1, 5, 2), normal(2, 5, 2)
    net = compile(F("f ; g ; f"))
    ours, _ = net.vjp(params, x)[1](d)
    theirs = jax.grad(lambda p: (forward(p["f"], forward(p["g"], forward(p["f"], x))) * d).sum())(params)
    jax.tree.map(lambda a, b: close(a, b, 1e-5, 1e-6), ours, theirs)
    halves = jax.grad(lambda p, q: (forward(q, forward(params["g"], forward(p, x))) * d).sum(), (0, 1))
    both = halves(params["f"], params["f"])
    jax.tree.map(lambda a, b, c: close(a, b + c, 1e-5, 1e-6), ours["f"], *both)


def test_objects_of_several_arrays_and_of_none():
    schema = Schema(["P", "C", "1"], {"join": ("P", "C"), "part": ("C", "P"), "point": ("1", "C")})
    pair, one = Real(2) @ Real(2), wired(lambda: lenses.constant(np.ones(2, "float32"))())
    arch = Architecture(
        schema,
        {"P": pair, "C": Real(2), "1": lenses.unit},
        {"join": subtract, "part": lenses.copy >> dense(2) @ dense(2), "point": one},
    )
    model = arch.model(arch.init(jax.random.key(0)))
    x, y = normal(1, 5, 2), normal(2, 5, 2)
    close(model("join")(x, y), x - y)
    assert [z.shape for z in model("join ; part")(x, y)] == [(5, 2), (5, 2)]
    close(model("point")(), np.ones(2))
    assert arch("part ; join ; part").cod == pair


@pytest.mark.parametrize(
    ("spaces", "terms", "kind", "words"),
    [
        ({"B": Real(3)}, {}, SpaceError, ["f: A -> B", "Real(2) -> Real(3)", "Real(2) -> Real(2)"]),
        ({}, {"g": conv(3)}, SpaceError, ["g: B -> A", "Real(2) -> Real(2)", "conv(3, (3, 3)) cannot take Real(2)"]),
        ({}, {"g": NET @ NET}, SpaceError, ["g: B -> A", "2 input wires"]),
        ({}, {"f": NET.at(Real(3))}, SpaceError, ["f: A -> B", "Real(3)"]),
        ({}, {"f": batch_norm()}, SpaceError, ["f: A -> B", "states", "layer_norm"]),
        ({}, {"f": "net"}, LensError, ["f: A -> B", "'net'", "no term"]),
        ({}, {"h": NET}, LensError, ["no arrow 'h'", "f, g"]),
        ({"C": Real(2)}, {}, LensError, ["no object 'C'", "A, B"]),
        ({"A": 2}, {}, LensError, ["the object A is sent to 2", "a space"]),
    ],
)
def test_what_is_no_architecture(spaces, terms, kind, words):
    says(
        kind, lambda: Architecture(CYCLE, {"A": Real(2), "B": Real(2), **spaces}, {"f": NET, "g": NET, **terms}), *words
    )


def test_what_is_left_out():
    says(
        LensError,
        lambda: Architecture(CYCLE, {"A": Real(2), "B": Real(2)}, {"f": NET}),
        "the arrow g is sent nowhere",
        "f, g",
    )
    says(LensError, lambda: Architecture(CYCLE, None, {"f": NET}), "spaces=None", "a dict with A, B")  # type: ignore[arg-type]
    says(LensError, lambda: Architecture("cycle", {}, {}), "no schema")  # type: ignore[arg-type]


# -- equations -------------------------------------------------------------------------------

INNER = dense(2) >> tanh


@wired
def uncoupled(y, z):
    """The inverse of the coupling of u and v."""
    x = subtract(z, tied("v", INNER)(y))
    return subtract(y, tied("u", INNER)(x)), x


PAIR = Real(2) @ Real(2)
INVERSE = Architecture(
    CYCLE, {"A": PAIR, "B": PAIR}, {"f": coupling(tied("u", INNER), tied("v", INNER)), "g": uncoupled}
)
"""An architecture of which the equations hold by construction, whatever its parameters."""


def distances(arch, xs, distance=absolute_error):
    params = arch.init(jax.random.key(3))
    found = []
    for equation in arch.schema.equations:
        net = compile(violation(arch, equation, distance))
        found.append(net({name: params[name] for name in net.params}, *xs))
    return np.stack(found)


def test_the_loss_is_zero_where_equations_hold_by_construction_and_only_there():
    xs = normal(1, 6, 2), normal(2, 6, 2)
    assert sorted(INVERSE.init(jax.random.key(0))) == ["u", "v"]
    assert distances(INVERSE, xs).max() < 1e-5
    assert distances(F, xs[:1]).min() > 1e-3
    half = Architecture(CYCLE, F.spaces, {"f": scale(2.0), "g": scale(0.5)})
    assert (distances(half, xs[:1]) == 0).all() and (distances(half, xs[:1], squared) == 0).all()
    # relu twice is relu, and relu is the identity on data that are not negative: there alone the loss is 0.
    once = Schema(["A"], {"r": ("A", "A")}, ["r ; r = r", "r = id"])
    relus = Architecture(once, {"A": Real(2)}, {"r": lenses.relu})
    low = np.array([[1.0, 2.0], [1.0, -2.0], [-1.0, -0.5]], "float32")
    np.testing.assert_allclose(distances(relus, [low]), [[0, 0, 0], [0, 2, 1.5]])


def test_distances_by_hand():
    image = Real(2, 3)
    schema = Schema(["A"], {"f": ("A", "A")}, ["f = id"])
    arch = Architecture(schema, {"A": image @ Real()}, {"f": scale(3.0) @ scale(2.0)})
    x, y = normal(1, 4, 2, 3), normal(2, 4)
    close(distances(arch, [x, y])[0], 2 * np.abs(x).sum((1, 2)) + np.abs(y))
    close(distances(arch, [x, y], squared)[0], 2 * (np.asarray(x) ** 2).sum((1, 2)) + 0.5 * np.asarray(y) ** 2)


def test_equations_without_a_distance():
    schema = Schema(["A"], {"f": ("A", "A")}, ["f = id"])
    indices = lenses.Index(2, below=3)
    says(
        SpaceError,
        lambda: violation(Architecture(schema, {"A": indices}, {"f": lenses.identity}), "f = id"),
        "f = id(A)",
        "Index(2, below=3)",
        "embeddings",
    )
    says(
        SpaceError,
        lambda: violation(Architecture(schema, {"A": lenses.unit}, {"f": lenses.identity(0)}), "f = id"),
        "f = id(A)",
        "no arrays",
    )


def test_a_path_through_indices_has_tasks():
    schema = Schema(["A", "B"], {"f": ("A", "B")}, [])
    arch = Architecture(schema, {"A": Real(3), "B": lenses.Index(below=3)}, {"f": argmax()})
    assert arch("f").cod == lenses.Index(below=3)
    with pytest.raises(LensError, match="nothing to learn"):
        Losses(arch)


def test_dropout_is_left_out_of_models():
    arch = Architecture(CYCLE, F.spaces, {"f": dropout(0.5) >> NET, "g": NET})
    params = arch.init(jax.random.key(0))
    x = normal(1, 5, 2)
    close(arch.model(params)("f")(x), forward(params["f"], x))
    assert Losses(arch, [supervised(arch, "f", squared)]).term.circuit.keyed
