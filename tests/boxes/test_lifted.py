"""`lift`: any JAX function as a box."""

from __future__ import annotations

from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from helpers import NAMESPACE, close, normal, refused

from lenses import Index, LensError, Real, SpaceError, compile, dense, lift, relu
from lenses.syntax import from_data, to_data


def soft_sort(x):
    """Not elementwise, and it would be wrong if it saw batch axes."""
    return jnp.sort(x) * x.shape[0]


def two(x, y):
    return x @ y, x.sum()


def test_meaning_and_derivative():
    net = compile(lift(soft_sort), Real(4))
    x = normal(0, 5, 2, 4)
    close(net({}, x), np.sort(np.asarray(x)) * 4)
    y, pullback = net.vjp({}, x)
    expected = jax.vjp(lambda x: jnp.sort(x) * 4, x)[1](y)[0]
    close(pullback(y)[1], expected)


def test_several_wires_and_mixed_types():
    net = compile(lift(two, 2, 2), Real(3, 4) @ Real(4))
    x, y = normal(0, 6, 3, 4), normal(1, 6, 4)
    a, b = net({}, x, y)
    close((a, b), (jnp.einsum("nij,nj->ni", x, y), x.sum((1, 2))))
    pick = compile(lift(lambda x, i: x[i], 2), Real(5) @ Index(below=5))
    x, i = normal(0, 7, 5), jnp.arange(7) % 5
    close(pick({}, x, i), x[jnp.arange(7), i])
    _, dxs = pick.vjp({}, x, i)[1](jnp.ones(7))
    close(dxs[0], np.eye(5)[np.asarray(i)])
    assert dxs[1] is None
    assert compile(lift(lambda: jnp.ones(3), 0))({}).shape == (3,)
    assert lift(jnp.argmax).at(Real(4)).cod[0].change is None


def test_equality_text_and_data():
    assert lift(soft_sort) == lift(soft_sort) and lift(soft_sort) != lift(jnp.sort)
    assert eval(repr(lift(two, 2, 2)), {**NAMESPACE, "two": two}) == lift(two, 2, 2)
    named = lift(soft_sort, name="tests.soft_sort")
    assert eval(repr(named), {**NAMESPACE, "soft_sort": soft_sort}) == named
    assert from_data(to_data(relu >> named)) == relu >> named
    refused(LensError, lambda: to_data(lift(soft_sort)), "name", "soft_sort")
    refused(
        LensError,
        lambda: from_data(
            {
                "language": 1,
                "root": 0,
                "terms": [["box", "Lifted", {"function": ["Function", "os.system"], "inputs": 1, "outputs": 1}]],
            }
        ),
        "os.system",
        "lift",
    )


def test_errors():
    refused(LensError, lambda: lift(cast(Any, 3)), "lift\\(3\\)", "a function")
    refused(SpaceError, lambda: lift(two, 2).at(Real(3, 4), Real(4)), "1 arrays", "2", "outputs=2")
    refused(SpaceError, lambda: lift(two, 2, 2).at(Real(3, 4), Real(5)), "two", "two raised TypeError")
    refused(SpaceError, lambda: lift(lambda x: x > 0).at(Real(3)), "floats or integers", "bool")
    refused(SpaceError, lambda: (dense(3) >> lift(lambda x: x.nope)).at(Real(3)), "AttributeError")
