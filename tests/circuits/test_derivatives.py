"""The reverse derivative over bits, of loops, slices, sums and learned boxes: formal, and the same in every form."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from polynomials import polynomials, reversed_polynomials

import lenses
from lenses import (
    Bits,
    LensError,
    Port,
    Residue,
    Space,
    compile,
    copy,
    einsum,
    expose,
    identity,
    laws,
    multiply,
    over,
    para,
    reduce_sum,
    reverse,
    scan,
    tied,
)
from lenses.circuits import lookup, neg, to_netlist
from lenses.trees import leaves, pick

STEP = para(multiply, [Port("w", "param", Bits()[0])]) >> neg
TERMS = [
    (neg**3).at(Bits()),
    (STEP**3).at(Bits()),
    (tied("w", STEP) ** 3).at(Bits()),
    ((copy @ identity >> identity @ multiply) ** 2).at(Bits(), Bits()),
    ((tied("v", STEP) >> STEP) ** 2).at(Bits()),
    scan(multiply >> copy).at(Bits(), Bits(3)),
    scan(multiply >> copy, reversed=True).at(Bits(), Bits(3)),
    scan(STEP @ identity >> multiply >> copy).at(Bits(), Bits(2)),
    scan(multiply @ identity, axis="t").at(Bits(2), Bits(2, t=2), Bits(t=2)),
    scan(STEP, carry=0).at(Bits(2)),
    over(0, multiply).at(Bits(2, 1), Bits(2, 1)),
    over("a", multiply).at(Bits(1, a=2), Bits(1)),
    over(0, STEP).at(Bits(2)),
    lookup(1).at(Bits(1)),
    lookup(2).at(Bits(2, 2)),
    (lookup(1) >> reduce_sum()).at(Bits(2, 1)),
    einsum("i i -> i").at(Bits(2, 2)),
    einsum("i j -> j").at(Bits(2, 2)),
    einsum("i d, d -> i").at(Bits(2, 2, 2), Bits(2)),
]

every = pytest.mark.parametrize("term", TERMS, ids=[f"{i} {t!r}"[:40] for i, t in enumerate(TERMS)])


def plain(term):
    """P @ A -> B."""
    exposed = expose(term)
    return exposed.at(exposed.params @ term.dom) if len(exposed.params) else term


@every
def test_the_reverse_derivative_is_that_of_the_formal_polynomials(term):
    f = to_netlist(plain(term))
    assert polynomials(to_netlist(reverse(plain(term)))) == reversed_polynomials(polynomials(f), f.inputs)


@every
def test_the_lens_and_the_reverse_term_agree_with_the_polynomials_on_a_batch(term):
    """Changes of parameters are summed over the batch in the ring."""
    net, rng = compile(term), np.random.default_rng(3)
    params = jax.tree.map(lambda v: rng.integers(0, 2, v.shape).astype("int32"), net.init(jax.random.key(0)))
    xs, ds = ([rng.integers(0, 2, (5, *a.sizes)).astype("int32") for a in s] for s in (term.dom, term.cod))
    paths = [path for path, _ in leaves(net.params)]
    weights = [pick(params, path).ravel() for path in paths]
    rows = [[*weights, *(v[i].ravel() for v in (*xs, *ds))] for i in range(5)]
    out = to_netlist(reverse(plain(term))).evaluate(np.stack([np.concatenate(r) for r in rows], 1).astype(bool))
    count = sum(map(len, weights))
    dparams, dxs = net.vjp(params, *xs)[1](*ds)
    flat = np.concatenate([np.asarray(d).reshape(5, -1) for d in jax.tree.leaves(dxs)], 1)
    np.testing.assert_array_equal(flat.T, out[count:])
    changes = np.concatenate([np.zeros(0), *(np.asarray(pick(dparams, path)).ravel() for path in paths)])
    np.testing.assert_array_equal(changes, np.bitwise_xor.reduce(out[:count], 1))
    again = compile(reverse(term))(params, *xs, *ds)
    for got, expected in zip(jax.tree.leaves(again), jax.tree.leaves((dxs, dparams)), strict=True):
        np.testing.assert_array_equal(got, expected)


LAWS = [TERMS[i] for i in (2, 5, 12)]
DECIDING = ["RD.2", "RD.5", "RD.6", "vjp", "put of a composite", "batching"]


@pytest.mark.parametrize("term", LAWS, ids=[f"{i}" for i in range(len(LAWS))])
def test_laws_of_loops_over_bits_are_proved(term):
    report = laws.check(term, law=DECIDING, examples=1, progress=False)
    assert report.passed, report
    assert all(report[f"RD.{i}"].outcome == "proved" for i in (2, 5, 6))


def test_changes_of_tied_parameters_stay_in_the_ring():
    space = Residue(modulo=3)
    cube = tied("w", para(multiply, [Port("w", "param", space[0])])) ** 3
    w, x = np.array(2, "int32"), np.array([1, 2], "int32")
    dparams, dx = compile(cube.at(space)).vjp({"w": {"w": w}}, x)[1](np.array([1, 2], "int32"))
    assert int(dparams["w"]["w"]) == sum(3 * 2**2 * v * d for v, d in ((1, 1), (2, 2))) % 3
    np.testing.assert_array_equal(dx, [8 * 1 % 3, 8 * 2 % 3])


def test_a_box_without_a_reverse_derivative_is_named():
    class Odd(lenses.Box):
        arity = (1, 1)

        def type(self, dom: Space) -> Space:
            return dom

        def apply(self, cx, p, *xs):
            return xs[0]

    try:
        with pytest.raises(LensError, match=r"odd\(\) has no reverse derivative over Bits\(\)"):
            reverse(Odd().at(Bits()))
    finally:
        del lenses.Box.registry["Odd"]
