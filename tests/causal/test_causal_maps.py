"""Causal maps: how they are built, composed, typed and refused, and when two of them are equal."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import close, normal, read_back, refused

from lenses import (
    ArityError,
    Bits,
    LensError,
    Real,
    Space,
    SpaceError,
    add,
    compile,
    constant,
    copy,
    dense,
    discard,
    identity,
    swap,
    tanh,
    wired,
    zero,
)
from lenses.causal import Causal, as_causal, bisimilar, delay, elman, exposed, lstm, trace
from lenses.circuits import conj, neg, xor

total = trace(add >> copy, Real())  # the running sum


def run(f: Causal, xs, length: int, **how):
    """The outputs of a map on a sequence of numbers."""
    return np.asarray(compile(f.along("t", **how), Real(t=length))({}, jnp.asarray(xs, "float32"))).tolist()


def test_running_sum_and_delay():
    assert run(total, [1, 2, 3, 4], 4) == [1, 3, 6, 10]
    assert run(delay(7.0), [1, 2, 3, 4], 4) == [7, 1, 2, 3]
    assert run(delay(7.0) >> total, [1, 2, 3, 4], 4) == [7, 8, 10, 13]
    assert run(copy >> total @ delay(Real()) >> add, [1, 2, 3, 4], 4) == [1, 4, 8, 13]


def test_states_stand_side_by_side_and_composition_is_strict():
    f, g, h = delay(1.0), total, lstm(2)
    assert (f >> g) >> h == f >> (g >> h)
    assert as_causal(identity) >> f == f == f >> as_causal(identity)
    assert (f @ g) @ h == f @ (g @ h)
    assert (f @ g).states == (2,) and (f @ h).states == (3,)
    assert f >> tanh == f >> as_causal(tanh) and tanh >> f == as_causal(tanh) >> f
    assert (tanh @ f).arity == (f @ tanh).arity == (2, 2)
    assert hash(f >> g) == hash(delay(1.0) >> trace(add >> copy, Real()))
    assert f != g and f != 3


def test_tensor_runs_both():
    both = (total @ delay(5.0)).along("t")
    x, y = jnp.arange(4.0), jnp.arange(4.0) ** 2
    one, two = compile(both, Real(t=4) @ Real(t=4))({}, x, y)
    assert one.tolist() == [0, 1, 3, 6] and two.tolist() == [5, 0, 1, 4]


def test_steps_that_differ():
    # The state is nothing at first, and then what came in: the delay of the paper, whose first step has no state.
    f = Causal(identity(0), swap, first=[constant(9.0) @ identity >> swap]).at(Real())
    assert f.states == (0, 1) and [len(s) for s, _ in f.spaces] == [0, 1]
    expected = [9.0, 1.0, 2.0, 3.0]
    assert run(f, [1, 2, 3, 4], 4, steps=4) == expected
    unrolled = compile(f.unroll(4), Real() @ Real() @ Real() @ Real())({}, *map(jnp.float32, [1, 2, 3, 4]))
    assert [float(y) for y in unrolled] == expected
    # Composed with others, whose steps do not differ, on either side.
    assert run((f >> total), [1, 2, 3, 4], 4, steps=4) == [9, 10, 12, 15]
    assert run((total.at(Real()) >> f), [1, 2, 3, 4], 4, steps=4) == [9, 1, 3, 6]
    refused(LensError, lambda: f.along("t"), "steps is None", "f.at")


def test_first_steps_have_parameters_of_their_own():
    f = Causal(zero(Real(2)), dense(2) @ identity >> add >> copy, [identity @ dense(2) >> add >> copy]).at(Real(2))
    net = compile(f.along("t", steps=5), Real(t=5, d=2))
    params = net.init(jax.random.key(0))
    assert sorted(params) == ["scan_0", "step_0"]
    x = normal(1, 5, 2)
    h = x[0] @ params["step_0"]["dense_0"]["weight"]
    want = [h]
    for i in range(1, 5):
        h = h @ params["scan_0"]["dense_0"]["weight"] + x[i]
        want.append(h)
    close(net(params, x), np.stack(want))
    unrolled = compile(f.unroll(3), Real(2) @ Real(2) @ Real(2))
    shared = {"step_0": params["step_0"], "step": params["scan_0"]}
    close(np.stack(unrolled(shared, *x[:3])), np.stack(want[:3]))


def test_maps_unrolled_in_one_model_share_where_they_have_one_name():
    f = elman(2).at(Real(2))
    apart, shared = f.unroll(2, "one") >> f.unroll(2, "two"), f.unroll(2) >> f.unroll(2)
    names = [sorted(compile(t, Real(2) @ Real(2)).init(jax.random.key(0))) for t in (apart, shared)]
    assert names == [["one", "two"], ["step"]]


def test_printed_causal_maps_read_back():
    for f in (total, delay(1.0), elman(3).at(Real(2)), Causal(zero(Real(2)), swap, [identity(2)])):
        assert read_back(f) == f


# -- what is refused -------------------------------------------------------------------------


def test_arities_that_do_not_fit():
    refused(ArityError, lambda: Causal(tanh, swap), "the initial state tanh takes 1 wires")
    refused(
        ArityError, lambda: Causal(zero(Real(2)), copy >> discard @ discard), "has the arity", "starts with 1 wires"
    )
    refused(ArityError, lambda: Causal(zero(Real(2)), add, [copy]), "the step add has the arity", "starts with 1 wires")
    refused(ArityError, lambda: total >> identity @ identity, "1 wires into 2", "takes 2")
    refused(ArityError, lambda: trace(discard, Real()), "feeds 1 wires", r"its arity is \(1, 0\)")
    refused(ArityError, lambda: trace(swap, tanh), "the initial state tanh takes 1 wires")
    refused(ArityError, lambda: total >> 3, "3 is no term")  # type: ignore[operator]
    refused(ArityError, lambda: 3 @ total, "3 is no term")  # type: ignore[operator]
    refused(LensError, lambda: delay(None), "initial=None", "a space")


def test_a_trace_whose_state_types_differ_is_refused():
    fed = trace(add >> dense(4) >> copy, Real(3))
    refused(SpaceError, lambda: fed.at(Real(3)), "feedback wire: 0", r"it carries: +Real\(3\)", r"came: +Real\(4\)")
    # Of a body that has its type it is refused when it is traced; of others when it is typed, as a scan too.
    body = (identity @ dense(4) >> swap).at(Real(3), Real(3))
    refused(SpaceError, lambda: trace(body, Real(3)), "feeds back another type", r"Real\(4\)")
    refused(SpaceError, lambda: trace(body, Real(5)), "takes another type", r"it carries: +Real\(5\)")
    refused(SpaceError, lambda: fed.along("t").at(Real(t=2, d=3)), "carried on to the next step")


def test_types_that_do_not_meet():
    cell = elman(3).at(Real(2))
    refused(SpaceError, lambda: cell >> cell, r"wire: +0: Real\(3\) into Real\(2\)")
    refused(SpaceError, lambda: exposed(elman(3)), "needs the type", "f.at")
    refused(ArityError, lambda: elman(3).at(Real(2), Real(2)), "one a wire")
    refused(LensError, lambda: elman(3).unroll(-1), "the number of steps is -1")


def test_a_map_without_inputs_has_no_axis():
    clock = trace(copy >> neg @ identity, BIT)
    assert clock.arity == (0, 1)
    refused(LensError, clock.along, "takes no input", "f.unroll")
    assert [int(b) for b in compile(clock.unroll(4))({})] == [0, 1, 0, 1]
    refused(LensError, as_causal(tanh).after, "with a state and inputs")


# -- equality --------------------------------------------------------------------------------

BIT = Bits()
parity = trace(xor >> copy, BIT).at(BIT)
once = delay(BIT).at(BIT)


@wired
def counting(a, b, c, x):  # type: ignore[no-untyped-def]
    """Three bits that count the ones that come in."""
    first = conj(a, x)
    return xor(a, x), xor(b, first), xor(c, conj(b, first)), conj(conj(a, b), conj(c, x))


counter = trace(counting, zero(BIT @ BIT @ BIT)).at(BIT)
"""It gives 1 at each eighth one that comes in."""
never = as_causal(discard @ constant(0, BIT)).at(BIT)


def by_brute_force(f: Causal, g: Causal, steps: int) -> bool:
    """Whether all sequences of bits of a length give the same."""
    words = np.array(list(itertools.product((0, 1), repeat=steps)))
    dom = Space([BIT[0]] * steps)
    found = [compile(h.unroll(steps), dom)({}, *words.T) for h in (f, g)]
    one, two = ([np.broadcast_to(v, len(words)) for v in ([y] if steps == 1 else y)] for y in found)
    return np.array_equal(one, two)


@pytest.mark.parametrize(
    ("f", "g", "steps"),
    [
        (parity, parity, None),
        # Another way to hold the parity: its negation.
        (parity, trace(neg @ identity >> xor >> copy >> neg @ identity, constant(1, BIT)).at(BIT), None),
        (parity, trace(xor >> copy, constant(1, BIT)).at(BIT), 1),
        (once >> once, trace(identity @ delay(BIT) >> swap, BIT).at(BIT), None),
        (once >> once >> once, once >> once, 3),
        (as_causal(copy >> conj).at(BIT), as_causal(identity).at(BIT), None),
        (counter, never, 8),
    ],
)
def test_equality_over_bits_is_decided(f, g, steps):
    found = bisimilar(f, g)
    assert bool(found) is (steps is None)
    if steps is None:
        assert found.inputs is None and by_brute_force(f, g, min(found.pairs, 6))
    else:
        assert found.inputs is not None and len(found.inputs) == steps and not by_brute_force(f, g, steps)
        assert steps == 1 or by_brute_force(f, g, steps - 1)  # no shorter sequence tells them apart
        inputs = [jnp.asarray([row[0] for row in found.inputs])]
        one, two = (compile(h.along(0), Bits(steps))({}, *inputs)[-1] for h in (f, g))
        assert (int(one), int(two)) == (found.left[0], found.right[0])


def test_all_states_of_a_counter_are_reached():
    assert bisimilar(counter, counter).pairs == 8


def test_equality_refuses_what_it_cannot_decide():
    refused(SpaceError, lambda: bisimilar(total.at(Real()), total.at(Real())), "finite", "Real")
    refused(SpaceError, lambda: bisimilar(parity, delay(Bits(2)).at(Bits(2))), "other types", "input")
    wide = delay(Bits(20)).at(Bits(20))
    refused(LensError, lambda: bisimilar(wide, wide), "1048576 inputs")
    four = delay(Bits(4)).at(Bits(4))
    refused(LensError, lambda: bisimilar(four >> four, four >> four, 100), "more than 100 pairs of states")
    assert bisimilar(four, four).pairs == 16
