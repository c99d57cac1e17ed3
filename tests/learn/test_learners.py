"""Learners: what they implement, update and request when composed, under jit and vmap, and what is refused."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import close, refused

from lenses import Bits, DataError, Index, LensError, Real, SpaceError, learn, unit
from lenses.learn import Learn, Table, compose, identity, swap, tensor
from lenses.learn.equality import bijection


def slope(rate: float, name: str) -> Learn:
    """R -> R: multiplies by its parameter, moves it, and requests something that shows the old parameter."""
    return Learn(
        Real(), Real(), Real(),
        lambda p, a: p * a,
        lambda p, a, b: p + rate * (b - p * a),
        lambda p, a, b: a + p * b,
        lambda key: jax.random.normal(key),
        name,
    )  # fmt: skip


f, g, h = slope(0.5, "f"), slope(0.25, "g"), slope(0.125, "h")


def test_composite_by_hand():
    """The request is made with the old q, and it is the label of the first learner."""
    p, q, a, c = 2.0, 3.0, 0.5, 1.0
    b = p * a
    wanted = b + q * c
    new, asked = (f >> g).put((p, q), a, c)
    assert (f >> g).implement((p, q), a) == q * b
    close(new, (p + 0.5 * (wanted - b), q + 0.25 * (c - q * b)), 1e-7)
    close(asked, a + p * wanted, 1e-7)
    with_new = b + (q + 0.25 * (c - q * b)) * c
    assert abs(asked - (a + p * with_new)) > 0.1


def test_long_chains_run_each_learner_once_forward_and_once_back():
    calls = {"get": 0, "put": 0}

    def get(p, a):
        calls["get"] += 1
        return a + p

    def put(p, a, b):
        calls["put"] += 1
        return p + b, b - p

    chain = compose(*[Learn.lens(Real(), Real(), Real(), get, put)] * 2000)
    new, asked = chain.put((1.0,) * 2000, 0.0, 5.0)
    assert calls == {"get": 1999, "put": 2000} and len(new) == 2000 and asked == 5.0 - 2000


def test_tensor_and_wiring():
    both = f @ g
    assert both.params == Real() @ Real() and both.dom == Real() @ Real()
    new, asked = both.put((2.0, 3.0), (0.5, 1.5), (1.0, -1.0))
    close(new, (f.update(2.0, 0.5, 1.0), g.update(3.0, 1.5, -1.0)))
    close(asked, (f.request(2.0, 0.5, 1.0), g.request(3.0, 1.5, -1.0)))
    crossed = both >> swap(Real(), Real())
    assert crossed.implement((2.0, 3.0), (0.5, 1.5)) == (4.5, 1.0)
    assert swap(Real(), Real(2)).request((), (0.0, jnp.ones(2)), (jnp.zeros(2), 7.0))[0] == 7.0
    assert identity(Real()).put((), 1.0, 2.0) == ((), 2.0) and tensor().dom == unit
    assert learn.copy(Real()).request((), 1.0, (5.0, 7.0)) == 11.0
    assert learn.add(Real()).request((), (1.0, 2.0), 10.0) == (8.0, 9.0)
    assert learn.discard(Real()).request((), 4.0, ()) == 4.0 and learn.zero(Real(2)).implement((), ()).tolist() == [
        0,
        0,
    ]
    assert int(learn.add(Bits()).request((), (jnp.int32(1), jnp.int32(1)), jnp.int32(1))[0]) == 0


def test_jit_vmap_and_learning():
    chain = f >> g >> h
    rng = np.random.default_rng(0)
    xs, ys = rng.normal(size=(2, 6)).astype("float32")
    p = chain.init(jax.random.key(0))
    assert len(p) == 3 and len({float(x) for x in p}) == 3
    by_one = [chain.request(p, x, y) for x, y in zip(xs, ys, strict=True)]
    close(jax.jit(jax.vmap(chain.request, (None, 0, 0)))(p, xs, ys), jnp.stack(by_one), 1e-5)
    q = p
    for x, y in zip(xs, ys, strict=True):
        q = chain.update(q, x, y)
    close(jax.jit(chain.learn)(p, xs, ys), q, 1e-5)


def test_names_and_chains():
    assert repr(f >> g) == "f >> g"
    assert repr((f @ g) >> (g @ h)) == "(f @ g) >> (g @ h)" and repr((f >> g) @ h) == "(f >> g) @ h"
    assert [repr(part) for part in ((f >> g) >> h).parts] == ["f", "g", "h"] and len((f @ (g @ h)).factors) == 3


def test_what_is_refused():
    refused(SpaceError, lambda: f >> identity(Real(2)), "cannot be followed by", "ends in Real()", "Real\\(2\\)")
    refused(LensError, lambda: compose(), "no learners", "identity")
    refused(LensError, lambda: f @ 3, "3 is no learner", "Learn")  # type: ignore[operator]
    refused(LensError, lambda: Learn(3, Real(), Real(), f.implement, f.update, f.request), "params is 3", "a space")  # type: ignore[arg-type]
    refused(
        LensError, lambda: Learn(Real(), Real(), Real(), f.implement, f.update, f.request).init(0), "start", "init="
    )
    refused(DataError, lambda: f.learn(1.0, np.ones(3), np.ones(4)), "cannot learn", "as many inputs as labels")
    refused(SpaceError, lambda: learn.copy(Index(below=3)), "wire: +0", "subtracted", "by hand")


# -- tables ----------------------------------------------------------------------------------


def drawn(seed: int, n: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tables of a learner from two bits to one with n parameters."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2, (n, 4)), rng.integers(0, n, (n, 4, 2)), rng.integers(0, 4, (n, 4, 2))


def test_tables_are_read_back():
    parts = drawn(0)
    made = learn.from_table(Bits(2), Bits(), *parts)
    back = learn.table(made)
    for came, want in zip((back.implement, back.update, back.request), parts, strict=True):
        np.testing.assert_array_equal(came, want)
    assert len(back) == 6 and back.steps.shape == (6, 8) and back.readouts.shape == (6, 12)
    on_bits = learn.table(back.learner(Bits() @ Index(below=3)))
    np.testing.assert_array_equal(on_bits.update, parts[1])
    a, b = jnp.array([1, 0], jnp.int32), jnp.int32(1)
    assert int(made.implement(jnp.int32(3), a)) == parts[0][3, 2]
    assert made.request(jnp.int32(3), a, b).tolist() == [parts[2][3, 2, 1] // 2, parts[2][3, 2, 1] % 2]


def test_tables_of_composites():
    """The composite of tables, looked up by hand."""
    i, u, r = drawn(1)
    rng = np.random.default_rng(3)
    j, v, s = rng.integers(0, 4, (3, 2)), rng.integers(0, 3, (3, 2, 4)), rng.integers(0, 2, (3, 2, 4))
    second = learn.from_table(Bits(), Bits(2), j, v, s)
    whole = learn.table(learn.from_table(Bits(2), Bits(), i, u, r) >> second)
    for p, q, a, c in np.ndindex(6, 3, 4, 4):
        b = i[p, a]
        wanted = s[q, b, c]
        at = 3 * p + q
        assert whole.implement[at, a] == j[q, b]
        assert whole.update[at, a, c] == 3 * u[p, a, wanted] + v[q, b, c]
        assert whole.request[at, a, c] == r[p, a, wanted]


def test_tables_that_cannot_be():
    refused(DataError, lambda: learn.from_table(Bits(2), Bits(), *[x[:, :1] for x in drawn(0)]), "shape \\(6, 4\\)")
    refused(
        DataError, lambda: learn.from_table(Bits(2), Bits(), drawn(0)[0] + 5, *drawn(0)[1:]), "implement", "below 2"
    )
    refused(LensError, lambda: learn.table(f), "too large", "infinitely many")
    large = learn.from_table(Bits(12), Bits(12), np.zeros((1, 4096), int), *[np.zeros((1, 4096, 4096), int)] * 2)
    refused(LensError, lambda: learn.table(large), "4096", "2\\^24 parameters with examples", "2\\^22 at most")
    wild = Learn(Bits(), Bits(), Bits(), lambda p, a: a + 2, lambda p, a, b: p, lambda p, a, b: a, name="wild")
    refused(DataError, lambda: learn.table(wild), "wild leaves its space", "wire: +0")
    refused(LensError, lambda: cycles(1).learner(Bits()), "1 points", "2 points")


# -- equality --------------------------------------------------------------------------------


def permuted(parts: tuple[np.ndarray, ...], there: np.ndarray) -> Learn:
    """The learner of tables with its parameters renamed."""
    back = np.argsort(there)
    i, u, r = parts
    return learn.from_table(Bits(2), Bits(), i[back], there[u[back]], r[back])


@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_a_bijection_is_found(n):
    parts = drawn(n, n)
    there = np.random.default_rng(n).permutation(n)
    found = learn.equal(learn.from_table(Bits(2), Bits(), *parts), permuted(parts, there))
    assert found and found.bijection is not None
    here, moved = np.array(found.bijection), learn.table(permuted(parts, there))
    np.testing.assert_array_equal(moved.implement[here], parts[0])
    np.testing.assert_array_equal(moved.update[here], here[parts[1]])
    np.testing.assert_array_equal(moved.request[here], parts[2])


def cycles(*lengths: int) -> Table:
    """Parameters that all look alike, and go round in cycles at every example."""
    n = sum(lengths)
    steps, at = np.zeros(n, int), 0
    for k in lengths:
        steps[at : at + k] = at + np.roll(np.arange(k), -1)
        at += k
    zeros = np.zeros((n, 2, 2), int)
    return Table(Bits(), Bits(), zeros[:, :, 0], zeros + steps[:, None, None], zeros)


def test_what_looks_alike_everywhere_is_told_apart_by_search():
    """Cycles of 3 and 3, and of 6, are alike to any refinement; only pairing tells them apart."""
    assert not bijection(cycles(3, 3), cycles(6)) and bijection(cycles(3, 3), cycles(3, 3))
    assert bijection(cycles(2, 3, 4), cycles(4, 2, 3)) and not bijection(cycles(2, 2, 4), cycles(4, 4))
    assert bijection(cycles(*[1] * 40), cycles(*[1] * 40))


@pytest.mark.parametrize("seed", range(4))
def test_against_all_bijections(seed):
    """Small learners with few readouts, so that many look alike, against going through all permutations."""
    rng = np.random.default_rng(seed)
    n = 5
    for _ in range(6):
        i, r = np.zeros((n, 2), int), np.zeros((n, 2, 2), int)
        one = np.tile(rng.integers(0, n, (n, 1, 1)), (1, 2, 2))
        two = np.tile(rng.integers(0, n, (n, 1, 1)), (1, 2, 2)) if rng.random() < 0.5 else one
        there = rng.permutation(n)
        two = there[two[np.argsort(there)]]
        truth = any((np.array(t)[one] == two[list(t)]).all() for t in itertools.permutations(range(n)))
        assert bool(bijection(Table(Bits(), Bits(), i, one, r), Table(Bits(), Bits(), i, two, r))) == truth


def test_equality_by_maps():
    doubled = learn.rename(f, Real(), lambda p: 2 * p, lambda q: q / 2)
    assert learn.equal(f, doubled, by=(lambda p: 2 * p, lambda q: q / 2))
    for by, said in (
        ((lambda p: 3 * p, lambda q: q / 3), "implement other maps"),
        ((lambda p: 2 * p, lambda q: q / 3), "there and then back"),
    ):
        found = learn.equal(f, doubled, by=by)
        assert not found and said in found.because
    assert "update otherwise" in learn.equal(f, g, by=(lambda p: p, lambda q: q)).because
    assert "other spaces" in learn.equal(f, identity(Real(2))).because
    refused(LensError, lambda: learn.equal(f, g), "too large", "by=\\(there, back\\)")
    parts = drawn(4, 12)
    there = np.random.default_rng(1).permutation(12)
    left, right = learn.from_table(Bits(2), Bits(), *parts), permuted(parts, there)
    forth, back = (jnp.asarray(t, jnp.int32) for t in (there, np.argsort(there)))
    assert learn.equal(left, right, by=(lambda p: forth[p], lambda p: back[p]))
    assert not learn.equal(left, right, by=(lambda p: back[p], lambda p: forth[p]))
    assert "there and then back" in learn.equal(left, right, by=(lambda p: forth[p], lambda p: p)).because
    assert learn.equal(learn.copy(Bits()), learn.copy(Bits()), by=(lambda p: p, lambda p: p)).bijection == (0,)
