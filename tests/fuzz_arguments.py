"""Constructors, each with one argument left open, and values that it cannot be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from fuzz_surroundings import Port

import lenses as L
from lenses import Index, Real, Space, Term, identity, relu

REDUCTIONS = ("reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "logsumexp", "argmax", "softmax", "log_softmax")


class Unprintable:
    """A value whose text cannot be had."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


UNPRINTABLE = (Unprintable(), 10**5000)
STRANGE: tuple[Any, ...] = (
    None,
    2.5,
    -0.5,
    math.nan,
    math.inf,
    "three",
    "",
    [3],
    {"n": 3},
    {3},
    1j,
    b"3",
    object,
    np.arange(3),
    np.float32(2.5),
    np.array(["SAME"]),
    jnp.ones(2),
    lambda x: x,
    relu,
    Real(3),
    ...,
    *UNPRINTABLE,
)
"""Values that are no whole numbers and no names."""

NO_SIZE = (*STRANGE, 0, -1, -7, True, False, "3", 10**30, -(10**30), 2**63, (3,))
NO_COUNT = (*STRANGE, -1, -7, True, "3", 10**30, (3,))
NO_NUMBER = (*(v for v in STRANGE if not isinstance(v, float | np.floating) or v != v), True, False, "2.5", (1.0,))
NO_TERM: tuple[Any, ...] = (*(v for v in STRANGE if v is not relu), 3, (relu, relu), [relu], int)
NO_SPACE = (*(v for v in STRANGE if not isinstance(v, Space)), 3, (3, 4), "Real(3)", [Real(3)])
NO_AXIS = (*(v for v in STRANGE if not isinstance(v, str)), True, False, ("time",), ["time"], 1.0)
NO_NAME = (*(v for v in STRANGE if not isinstance(v, str)), 3, "", "a.b", "a/b", "\n", True)
NO_FLAG = (*STRANGE, 0, 1, "True", "no")
NO_INIT = (*STRANGE, 3, "nothing", "normal:", "normal:x", "normal:1:2:3", "constant", "uniform:nan", "lecun_normal:a:b")
NO_INIT += ("zeros:1", "he_normal:1", "he_normal:0:-1", "orthogonal:9:9:9", "normal:inf")
NO_DTYPE = (*STRANGE, 3, "int32", "float31", "bool", "complex64", np.int32, "Float32")
NO_PADDING = (*STRANGE, "same", "FULL", 1, ("SAME", "VALID"))
NO_FUNCTION = (*(v for v in STRANGE if not callable(v)), 3, "sin")
NO_EINSUM = (*STRANGE, "i j", "i j -> k", "i -> i i", "i -> -> i", "i j -> i, j", "i + j -> i", "... i -> ... i")
NO_EINSUM += (
    "(i j) -> i j",
    "i1 2 -> i1",
    "->>",
    "i j - > i",
    "i j => i",
    " ".join(f"a{i}" for i in range(60)) + " ->",
)
NO_REARRANGE = (
    *STRANGE,
    "a b",
    "a b -> a",
    "a -> a b",
    "a a -> a a",
    "a -> b",
    "... a -> a ...",
    "(a b -> a b",
    "a) -> a",
)
NO_REARRANGE += (
    "a b) -> a b",
    "((a b)) -> a b",
    "a -> (a",
    "a 2 -> a 2",
    "a -> -> a",
    "a+b -> a+b",
    "a, b -> b, a",
    "() -",
)
NO_EPSILON = (*NO_NUMBER, -1.0, -1e-9, math.inf)
NO_FRACTION = (*NO_NUMBER, -0.1, 1.5, math.inf, 7)
NO_RATE = (*(v for v in NO_NUMBER if not callable(v)), -1.0, math.inf, "1e-3")


def less(values: Sequence[Any], *kinds: type) -> tuple[Any, ...]:
    """The values that are of none of these types."""
    return tuple(v for v in values if not isinstance(v, kinds))


NO_AXIS_NAME = (*less(NO_NAME, str, type(None)), 3)
MODEL = L.dense(2).at(Real(3))
SPARE = (Port("v", "param", Real(2)), Port("w", "param", Real(3, 2)))


PLAYERS = L.dense(3), L.dense(1)
"""A generator and a discriminator."""
SPACES = Real(2), Real(3)


def learner(model: Any = MODEL, **given: Any) -> Any:
    return L.learner(model, **{"loss": L.squared, "optimiser": L.sgd(0.1), **given})


def adversarial(
    generator: Any = PLAYERS[0],
    discriminator: Any = PLAYERS[1],
    noise: Any = SPACES[0],
    space: Any = SPACES[1],
    **given: Any,
) -> Any:
    plain = {"optimisers": (L.sgd(0.1), L.sgd(0.1)), **given}
    return L.adversarial(generator, discriminator, noise, space, **plain)


Call = Callable[[Any], Any]

CALLS: dict[str, list[tuple[Call, tuple[Any, ...]]]] = {
    "dense": [
        (lambda v: L.dense(v), NO_SIZE),
        (lambda v: L.dense(3, v), NO_SIZE),
        (lambda v: L.dense(head=v, d=2), NO_SIZE),
        (lambda v: L.dense(3, axes=v), NO_SIZE),
        (lambda v: L.dense(3, bias=v), NO_FLAG),
        (lambda v: L.dense(3, init=v), NO_INIT),
    ],
    "linear": [
        (lambda v: L.linear(v), NO_SIZE),
        (lambda v: L.linear(3, axes=v), NO_SIZE),
        (lambda v: L.linear(3, init=v), NO_INIT),
    ],
    "bias": [(lambda v: L.bias(v), NO_COUNT)],
    "scale": [(lambda v: L.scale(v), less(NO_NUMBER, float))],
    "shift": [(lambda v: L.shift(v), less(NO_NUMBER, float))],
    "power": [(lambda v: L.power(v), (*NO_NUMBER, math.inf, -math.inf))],
    "einsum": [(lambda v: L.einsum(v), NO_EINSUM)],
    "rearrange": [
        (lambda v: L.rearrange(v), NO_REARRANGE),
        (lambda v: L.rearrange("(a b) -> a b", a=v), NO_SIZE),
        (lambda v: L.rearrange("a b -> b a", a=v), NO_SIZE),
        (lambda v: L.rearrange("a b -> b a", **{v: 3}), ("c", "ab")),
    ],
    "concatenate": [(lambda v: L.concatenate(v), NO_AXIS), (lambda v: L.concatenate(-1, v), NO_SIZE)],
    "select": [(lambda v: L.select(v), (*STRANGE, True, "3", 10**30)), (lambda v: L.select(3, v), NO_AXIS)],
    "split": [
        (lambda v: L.split(v), NO_SIZE),
        (lambda v: L.split(3, v), NO_SIZE),
        (lambda v: L.split(3, axis=v), NO_AXIS),
    ],
    **{name: [(lambda v, name=name: getattr(L, name)(v), NO_AXIS)] for name in REDUCTIONS},
    "spread": [
        (lambda v: L.spread(v), NO_SIZE),
        (lambda v: L.spread(3, v), (*NO_AXIS, "time", 0, 3)),
        (lambda v: L.spread(3, -1, v), NO_AXIS_NAME),
    ],
    "conv": [
        (lambda v: L.conv(v), NO_SIZE),
        (lambda v: L.conv(3, v), (*less(NO_SIZE, list, tuple), (), (1, 2, 3, 4), (0, 1), (3, True), [2, None])),
        (lambda v: L.conv(3, (3, v)), NO_SIZE),
        (lambda v: L.conv(3, stride=v), (*NO_SIZE, (1, 2, 3), (0, 1), ())),
        (lambda v: L.conv(3, stride=(1, v)), NO_SIZE),
        (lambda v: L.conv(3, padding=v), NO_PADDING),
        (lambda v: L.conv(3, dilation=v), (*NO_SIZE, (1, 2, 3), (2, 0))),
        (lambda v: L.conv(4, groups=v), (*NO_SIZE, 3)),
        (lambda v: L.conv(4, transposed=v), NO_FLAG),
        (lambda v: L.conv(4, transposed=True, groups=v), (2, 4)),
        (lambda v: L.conv(4, bias=v), NO_FLAG),
        (lambda v: L.conv(3, init=v), NO_INIT),
    ],
    **{
        name: [
            (lambda v, name=name: getattr(L, name)(v), (*less(NO_SIZE, list, tuple), (), (1, 2, 3, 4), (0, 1))),
            (lambda v, name=name: getattr(L, name)((2, v)), NO_SIZE),
            (lambda v, name=name: getattr(L, name)(2, v), (*less(NO_SIZE, type(None)), (1, 2, 3), (0, 1), ())),
            (lambda v, name=name: getattr(L, name)(padding=v), NO_PADDING),
        ]
        for name in ("max_pool", "mean_pool")
    },
    "dropout": [(lambda v: L.dropout(v), (*NO_FRACTION, 1, 1.0))],
    "layer_norm": [(lambda v: L.layer_norm(v), NO_EPSILON)],
    "rms_norm": [(lambda v: L.rms_norm(v), NO_EPSILON)],
    "batch_norm": [
        (lambda v: L.batch_norm(v), NO_FRACTION),
        (lambda v: L.batch_norm(epsilon=v), NO_EPSILON),
        (lambda v: L.batch_norm(training=v), NO_FLAG),
    ],
    "causal_mask": [
        (lambda v: L.causal_mask(v), (*NO_AXIS, -1)),
        (lambda v: L.causal_mask("query", v), (*NO_AXIS, "query")),
        (lambda v: L.causal_mask(fill=v), less(NO_NUMBER, float)),
    ],
    "embedding": [
        (lambda v: L.embedding(v), NO_SIZE),
        (lambda v: L.embedding(d=v), NO_SIZE),
        (lambda v: L.embedding(3, v), (3, 4)),
        (lambda v: L.embedding(3, d=v), (3, 4)),
        (lambda v: L.embedding(3, dtype=v), NO_DTYPE),
        (lambda v: L.embedding(3, init=v), NO_INIT),
    ],
    "one_hot": [(lambda v: L.one_hot(v), NO_DTYPE)],
    "constant": [
        (
            lambda v: L.constant(v),
            ("three", None, {"n": 3}, object, relu, 1j, b"x", {3}, [[1], [1, 2]], [], [None], 10**5000),
        ),
        (
            lambda v: L.constant([1, 2], v),
            (Real(3), Real(2, 1), Real(2) @ Real(2), L.unit, *less(NO_SPACE, type(None))),
        ),
        (lambda v: L.constant(v, Index(1, below=3)), ([3], [-1], [0.5], [math.nan])),
    ],
    "zero": [(lambda v: L.zero(v), (*NO_SPACE, Index(below=3), Real(3) @ Index(below=2)))],
    "lift": [
        (lambda v: L.lift(v), NO_FUNCTION),
        (lambda v: L.lift(jnp.sin, v), NO_COUNT),
        (lambda v: L.lift(jnp.sin, 1, v), NO_COUNT),
        (lambda v: L.lift(jnp.sin, name=v), less((*STRANGE, 3), str, type(None))),
    ],
    "identity": [
        (lambda v: identity(v, *[2] * isinstance(v, list)), (-1, -9, True, 10**30, "three", None, {"n": 3}, object))
    ],
    "copy": [(lambda v: L.copy(v), (-1, 0, True, 10**30, "three", None, {"n": 3}, object, b"3"))],
    "add": [(lambda v: L.add(v), (-1, 0, True, False, 10**30)), (lambda v: L.add(2, v), (2, 3))],
    "swap": [
        (lambda v: L.swap(v, 2), (-1, True, 10**30)),
        (lambda v: L.swap(v), (1, 2, 3)),
        (lambda v: L.swap(1, 2, v), (1, 3)),
    ],
    "permute": [
        (lambda v: L.permute(v), (*STRANGE, 1, -1, True, "0", 0.0)),
        (lambda v: L.permute(0, v), (*STRANGE, 0, 2, -1, True, 1.0)),
    ],
    "repeat": [
        (lambda v: relu**v, NO_COUNT),
        (lambda v: L.repeat(relu, v), NO_COUNT),
        (lambda v: (relu >> L.tanh).at(Real(2)) ** v, NO_COUNT),
        (lambda v: L.repeat(v, 2), NO_TERM),
        (lambda v: L.repeat(v, 2), (L.copy, L.add, L.discard, L.copy @ L.add @ relu >> L.discard @ identity(3))),
    ],
    "scan": [
        (lambda v: L.scan(v), NO_TERM),
        (lambda v: L.scan(identity(2), v), NO_AXIS),
        (lambda v: L.scan(identity(2), "step", v), (*NO_COUNT, 2, 3)),
        (lambda v: L.scan(v), (relu, L.discard, L.copy, L.discard @ L.discard)),
    ],
    "over": [(lambda v: L.over(v, relu), NO_AXIS), (lambda v: L.over("time", v), NO_TERM)],
    "block": [(lambda v: L.block(v, relu), NO_NAME), (lambda v: L.block("b", v), NO_TERM)],
    "tied": [(lambda v: L.tied(v, relu), NO_NAME), (lambda v: L.tied("b", v), NO_TERM)],
    "coupling": [
        (lambda v: L.coupling(v, relu), NO_TERM),
        (lambda v: L.coupling(relu, v), NO_TERM),
        (lambda v: L.coupling(v, relu), (L.add, L.copy, L.discard, identity(2))),
        (lambda v: L.coupling(relu, v), (L.add, L.copy, L.discard, identity(2))),
    ],
    "expose": [
        (lambda v: L.expose(v), (*NO_TERM, relu, L.add, L.dense(3))),
        (lambda v: L.expose(relu, v), less(NO_SPACE, type(None))),
    ],
    "para": [
        (lambda v: L.para(v), NO_TERM),
        (
            lambda v: L.para(L.add, v),
            (*less(NO_TERM, type(None), tuple, str), SPARE[0], (*SPARE, *SPARE), [SPARE[0]] * 2, ["w"]),
        ),
        (lambda v: L.para(identity(3), [*SPARE, v]), (Port("v", "state", Real(2)), Port("v.w", "param", Real(2)))),
        (lambda v: L.para(L.add, [v]), (*NO_TERM, Port("k", "key", Real()))),
        (
            lambda v: L.para(identity(2), (), v),
            ("name", ("a", "a"), ("a", "b", "c"), ("a", "a.b"), (3,), ("",), 3, ("a..b",)),
        ),
    ],
    "reparametrise": [
        (lambda v: L.reparametrise(v, identity(2), SPARE), (*NO_TERM, relu, L.dense(2))),
        (lambda v: L.reparametrise(MODEL, v, SPARE), (*NO_TERM, relu, L.add, identity(3), L.swap >> L.add)),
        (
            lambda v: L.reparametrise(MODEL, identity(2), v),
            (3, None, "vw", ("v", "w")),
        ),
    ],
    "compile": [
        (lambda v: L.compile(v), (*NO_TERM, relu, L.add)),
        (lambda v: L.compile(relu, v), less(NO_SPACE, type(None))),
        (lambda v: L.compile(relu, Real(3), rule=v), (*STRANGE, 3, L.Rule, "backprop")),
        (lambda v: L.compile(relu, Real(3), scan=v), (*less(STRANGE, type(None)), 3, True, "yes")),
    ],
    "flops": [(lambda v: L.flops(v), (*NO_TERM, relu)), (lambda v: L.flops(relu, v), less(NO_SPACE, type(None)))],
    "reverse": [(lambda v: L.reverse(v), (*NO_TERM, relu)), (lambda v: L.reverse(relu, v), less(NO_SPACE, type(None)))],
    "tangent": [(lambda v: L.tangent(v), (*NO_TERM, relu)), (lambda v: L.tangent(relu, v), less(NO_SPACE, type(None)))],
    "inference": [(lambda v: L.inference(v), NO_TERM)],
    "at": [
        (lambda v: relu.at(v), NO_SPACE),
        (lambda v: L.add.at(Real(3), v), NO_SPACE),
        (lambda v: MODEL.at(v), NO_SPACE),
    ],
    "Typed": [
        (lambda v: L.Typed(v, Real(3)), NO_TERM),
        (lambda v: L.Typed(relu, v), NO_SPACE),
        (lambda v: L.Typed(relu, Real(3), v), (*less(NO_SPACE, type(None)), L.unit, Real(3) @ Real(3))),
    ],
    "Space": [(lambda v: Space(v), (3, None, "Real(3)", [3], [(3, 4)], [Real(3)], relu, 2.5, [Real(2)[0], 3]))],
    "Real": [
        (lambda v: Real(v), NO_SIZE),
        (lambda v: Real(3, v), NO_SIZE),
        (lambda v: Real(2, d=v), NO_SIZE),
        (lambda v: Real(2, dtype=v), NO_DTYPE),
    ],
    "Index": [
        (lambda v: Index(v, below=3), NO_SIZE),
        (lambda v: Index(token=v, below=3), NO_SIZE),
        (lambda v: Index(below=v), (*NO_SIZE, 2**31 + 1)),
    ],
    "parse_space": [
        (
            L.parse_space,
            (
                *less(STRANGE, Space),
                3,
                "Real(3",
                "Real(-1)",
                "Real(x)",
                "Real(3) + Real(3)",
                "relu",
                "Real(3, dtype='int8')",
                "Index(3)",
                "Real(**3)",
                "Real(*[3])",
                "__import__('os')",
                "Real(3)(4)",
                "3 @ 4",
                "\0",
                "Real(" * 300,
                "unit()",
                "Real(3, dtype=3)",
                "Real(None)",
                "Real('3')",
                "Real @ Real",
                "Real(**{3: 4})",
                "Index(below=None)",
            ),
        )
    ],
    "Port": [
        (lambda v: Port(v, "param", Real(3)), (*less(NO_NAME, str), "", "a..b", ".a", "a/b")),
        (lambda v: Port("w", v, Real(3)), (*STRANGE, "weight", 3)),
        (lambda v: Port("w", "param", v), (*NO_SPACE, L.unit, Real(3) @ Real(4))),
        (lambda v: Port("w", "param", Real(3), v), NO_INIT),
        (lambda v: Port("w", "param", Real(3), "zeros", v), (*NO_COUNT, 2)),
    ],
    "wired": [(lambda v: L.wired(v), (*NO_FUNCTION, relu, max, print))],
    "constant_rate": [(lambda v: L.constant_rate(v), less(NO_RATE, type(len)))],
    "scheduled_rate": [(lambda v: L.scheduled_rate(v), (*NO_FUNCTION, 0.1))],
    **{
        name: [(lambda v, name=name: getattr(L, name)(v), NO_RATE)]
        + [
            (lambda v, name=name, field=field: getattr(L, name)(0.1, **{field: v}), values)
            for field, values in fields.items()
        ]
        for name, fields in {
            "sgd": {},
            "momentum": {"gamma": NO_FRACTION},
            "nesterov": {"gamma": NO_FRACTION},
            "adagrad": {"initial": NO_EPSILON, "epsilon": NO_EPSILON},
            "rmsprop": {"decay": NO_FRACTION, "epsilon": NO_EPSILON},
            "adam": {"b1": NO_FRACTION, "b2": NO_FRACTION, "epsilon": NO_EPSILON},
            "adamw": {"decay": NO_EPSILON, "b1": NO_FRACTION, "b2": NO_FRACTION, "epsilon": NO_EPSILON},
        }.items()
    },
    "optax": [(lambda v: L.optax(v), (*less(STRANGE, Term), 3))],
    "learner": [
        (lambda v: learner(v), (*NO_TERM, relu)),
        (lambda v: learner(relu, space=v), less(NO_SPACE, type(None))),
        (lambda v: learner(loss=v), (*STRANGE, L.add, "squared")),
        (lambda v: learner(optimiser=v), (*STRANGE, "sgd", 0.1)),
        (lambda v: learner(rate=v), NO_RATE),
        (lambda v: learner(rule=v), (*STRANGE, L.Rule)),
        (lambda v: learner(v.at(Real(3))), (L.copy, L.discard)),
    ],
    "dream": [
        (lambda v: L.dream(v, params={}, loss=L.squared, optimiser=L.sgd(0.1)), (*NO_TERM, relu)),
        (lambda v: L.dream(relu, Real(3), params={}, loss=v, optimiser=L.sgd(0.1)), (*STRANGE, L.add)),
        (lambda v: L.dream(relu, Real(3), params={}, loss=L.squared, optimiser=v), STRANGE),
        (lambda v: L.dream(relu, Real(3), params={}, loss=L.squared, optimiser=L.sgd(0.1), rule=v), STRANGE),
    ],
    "scale_gradient": [(lambda v: L.scale_gradient(v), less(NO_NUMBER, float))],
    "ascending": [(lambda v: L.ascending(v), (*STRANGE, "sgd", 0.1))],
    "clipped": [(lambda v: L.clipped(v), (*STRANGE, 0.1)), (lambda v: L.clipped(L.sgd(0.1), v), NO_EPSILON)],
    "every": [(lambda v: L.every(v, L.sgd(0.1)), (*NO_COUNT, 0)), (lambda v: L.every(2, v), (*STRANGE, 0.1))],
    "game": [
        (lambda v: L.game(v, players={"dense_0": L.sgd(0.1)}), (*NO_TERM, relu)),
        (lambda v: L.game(L.dense(2), Real(3), players=v), (*STRANGE, {}, L.sgd(0.1))),
        (lambda v: L.game(L.dense(2), Real(3), players={"dense_0": v}), (*less(STRANGE, type(None)), 0.1)),
        (lambda v: L.game(L.dense(2), Real(3), players={"dense_0": L.sgd(0.1)}, noise={v: "normal:1"}), (1, -1, "a")),
        (lambda v: L.game(L.dense(2), Real(3), players={"dense_0": L.sgd(0.1)}, rule=v), (*STRANGE, L.Rule)),
    ],
    "adversarial": [
        (lambda v: adversarial(generator=v), (*NO_TERM, relu, L.dense(2) @ L.dense(2))),
        (lambda v: adversarial(discriminator=v), (*NO_TERM, L.copy, L.dense(2) @ L.dense(2))),
        (lambda v: adversarial(noise=v), less(NO_SPACE, type(None))),
        (lambda v: adversarial(space=v), (*less(NO_SPACE, type(None)), Real(2))),
        (lambda v: adversarial(loss=v), (*STRANGE, L.add, "squared")),
        (lambda v: adversarial(optimisers=v), (*STRANGE, L.sgd(0.1), (L.sgd(0.1),), (0.1, 0.1))),
        (lambda v: adversarial(labels=v), (*less(STRANGE, type(None)), (0.0,), (0.0, "1"), (0.0, 1.0, 2.0))),
        (lambda v: adversarial(saturating=v), NO_FLAG),
        (lambda v: adversarial(penalty=v), NO_EPSILON),
        (lambda v: adversarial(rate=v), NO_RATE),
        (lambda v: adversarial(rule=v), (*STRANGE, L.Rule)),
    ],
}
"""Constructors, each with one argument left open, and values that it cannot be."""

SPELLED = {"repeat": r"\*\*|repeat", "at": "space", "Typed": "", "Space": "space", "parse_space": "space", "swap": ""}
"""What messages call a construction whose own name they do not use."""


def shown(value: Any) -> str:
    """How a message shows the value, or something in it, as a regular expression."""
    parts = [value, *(value if isinstance(value, tuple | list) else [])]
    parts += [part.name for part in parts if isinstance(part, L.Port)]
    try:
        return "|".join(re.escape(" ".join(repr(part).split())[:18]) for part in parts)
    except Exception:
        return "cannot be printed"
