"""A generator of ill-typed constructions, each known to be so from how it was made.

`wrong(rng)` gives one at random. A fault is made first: a box with a domain that it cannot take, two
terms that do not meet, a call with an argument that no box can have. It is then buried in random
surroundings that are well typed by construction. Nothing here asks the library what fits.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import jax.numpy as jnp
import numpy as np
from fuzz_arguments import CALLS, MODEL, NO_TERM, REDUCTIONS, SPARE, SPELLED, STRANGE, learner, less, shown
from fuzz_surroundings import (
    PLAIN,
    SIZES,
    SURROUNDINGS,
    A,
    Port,
    Random,
    array,
    chain_to,
    far,
    index,
    real,
    same,
    spaces,
    typing,
    unlike,
    unreached,
)

import lenses as L
from lenses import Real, Space, Term, compose, identity, relu, tensor


class Wrong(NamedTuple):
    """An ill-typed construction: `make` makes it, and its message has the text `box` and matches `where`."""

    text: str
    make: Callable[[], Any]
    kind: str
    box: str
    where: str


class Fault(NamedTuple):
    """A term that its domain does not fit: which box is at fault, and on which wire (a regular expression)."""

    term: Term
    dom: list[A]
    box: str
    where: str = "wire: +input"


def bury(rng: Random, fault: Fault, kind: str) -> Wrong:
    term, dom = fault.term, list(fault.dom)
    used: list[str] = []
    if repr(term) == fault.box and rng.random() < 0.3:
        term = term >> unreached(rng, term.arity[1])
    for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4, 6])):
        around = rng.choice(SURROUNDINGS)
        term, dom = around(rng, term, dom)
        used.append(around.__name__)
    if rng.random() < 0.02:
        term, dom = far(rng, term, dom)
        used.append("far")
    how, make = typing(rng, term, dom)
    return Wrong(f"{kind}: {fault.box} {' '.join(used)} {how}", make, kind, fault.box, fault.where)


# -- kinds -----------------------------------------------------------------------------------

KINDS: dict[str, Callable[[Random], Wrong]] = {}
"""Every kind of ill-typed construction, by name."""


def misfit(make: Callable[[Random], Fault]) -> Callable[[Random], Fault]:
    """Registers a kind of term that its domain does not fit."""
    kind = make.__name__.replace("_", " ")
    KINDS[kind] = lambda rng: bury(rng, make(rng), kind)
    return make


def direct(make: Callable[[Random], tuple[str, Callable[[], Any], str, str]]) -> Any:
    """Registers a kind of construction that is wrong as it stands: (text, call, box, where)."""
    kind = make.__name__.replace("_", " ")

    def wrong(rng: Random) -> Wrong:
        text, call, box, where = make(rng)
        return Wrong(f"{kind}: {text}", call, kind, box, where)

    KINDS[kind] = wrong
    return make


def fault(term: Term, dom: Sequence[A], wire: int | str) -> Fault:
    """The fault of a single box, on this wire."""
    return Fault(term, list(dom), repr(term), f"wire: +{f'input {wire}' if isinstance(wire, int) else wire}\n")


BINARY = ("multiply", "subtract", "divide", "maximum", "minimum")
LOSSES = (
    "squared",
    "quartic",
    "log_cosh",
    "absolute_error",
    "softmax_cross_entropy",
    "binary_cross_entropy",
    "dot_product",
    "hinge",
)


def image_box(rng: Random) -> Term:
    """A box on images, its kernel no larger than 2."""
    pick = rng.choice(["conv", "conv1", "conv3", "max", "mean"])
    return {
        "conv": L.conv(rng.choice(SIZES), (2, 2), padding=rng.choice(["SAME", "VALID"])),
        "conv1": L.conv(3, 2),
        "conv3": L.conv(2, (1, 2, 1)),
        "max": L.max_pool(),
        "mean": L.mean_pool(2, stride=1),
    }[pick]


def image_axes(box: Term) -> int:
    data = cast(Any, box)
    return len(data.kernel if hasattr(data, "kernel") else data.window)


@misfit
def indices_where_reals_are_needed(rng: Random) -> Fault:
    a = index(rng, 4) if rng.random() < 0.3 else index(rng, least=1)
    options: list[Term] = [getattr(L, n) for n in (*PLAIN, "exp", "gelu", "sign")]
    options += [getattr(L, n)(rng.choice([-1, 0])) for n in REDUCTIONS]
    options += [L.dense(4), L.linear(2), L.bias(), L.scale(2.0), L.shift(1.0), L.power(2.0), L.dropout(0.5)]
    options += [L.layer_norm(), L.rms_norm(), L.batch_norm(), L.constant_rate(1.0), L.causal_mask()]
    options += [L.einsum("i ->"), L.split(*a.sizes[-1:])]
    box = rng.choice(options)
    return fault(box, [a], 0)


@misfit
def images_of_indices(rng: Random) -> Fault:
    return fault(image_box(rng), [index(rng, 4)], 0)


@misfit
def indices_in_a_sum_or_product(rng: Random) -> Fault:
    n = rng.randint(1, 4)
    box = rng.choice([L.add(n), *[getattr(L, b) for b in BINARY]])
    return fault(box, [index(rng)._replace(sizes=(), names=())] * box.arity[0], 0)


@misfit
def an_index_beside_a_real(rng: Random) -> Fault:
    box = rng.choice([L.add, L.add(3), *[getattr(L, b) for b in BINARY]])
    a = real(rng)
    at = rng.randrange(1, box.arity[0])
    dom = [a] * box.arity[0]
    dom[at] = a._replace(below=3, dtype="float32")
    return fault(box, dom, at)


@misfit
def reals_where_indices_are_needed(rng: Random) -> Fault:
    return fault(rng.choice([L.embedding(4), L.embedding(d=3), L.one_hot()]), [real(rng)], 0)


@misfit
def too_few_axes(rng: Random) -> Fault:
    k = rng.randint(2, 4)
    low, scalar = real(rng, rng.randrange(k)), real(rng, 0)
    options = [
        (L.dense(3, axes=k), low),
        (L.bias(k), low),
        (L.einsum(f"{' '.join('abcd'[:k])} -> a"), low),
        (L.rearrange(f"{' '.join('abcd'[:k])} -> ({' '.join('abcd'[:k])})"), low),
        (L.spread(2, -k - 1), low),
        (L.flatten, real(rng, rng.randrange(3))),
        (L.causal_mask(), real(rng, rng.randrange(2))),
        *[(box, scalar) for box in (L.dense(2), L.bias(), L.layer_norm(), L.rms_norm(), L.batch_norm(), L.softmax())],
        *[(box, scalar) for box in (L.reduce_sum(), L.argmax(), L.split(1), L.logsumexp())],
    ]
    box, a = rng.choice(options)
    return fault(box, [a], 0)


@misfit
def images_of_too_few_axes(rng: Random) -> Fault:
    box = image_box(rng)
    return fault(box, [real(rng, rng.randint(0, image_axes(box)))], 0)


@misfit
def images_that_are_too_small(rng: Random) -> Fault:
    k = rng.randint(3, 5)
    box = rng.choice(
        [L.conv(2, (k, k), padding="VALID"), L.max_pool(k), L.mean_pool((k, 1)), L.conv(1, (2, 1), 1, "VALID", k)]
    )
    return fault(box, [real(rng, 3).resize(0, rng.randint(1, 2))], 0)


@misfit
def channels_that_groups_do_not_divide(rng: Random) -> Fault:
    groups = rng.randint(2, 4)
    a = real(rng, 3).resize(2, groups * rng.randint(1, 3) + rng.randint(1, groups - 1))
    return fault(L.conv(groups, (1, 1), groups=groups), [a], 0)


@misfit
def an_axis_that_is_not_there(rng: Random) -> Fault:
    a = real(rng)
    axis = rng.choice(["missing", "zz", "Time", a.rank, a.rank + 2, -a.rank - 1, -9])
    boxes = [getattr(L, n)(axis) for n in REDUCTIONS] + [L.split(1, 2, axis=axis)]
    if rng.random() < 0.2:
        return fault(L.concatenate(axis, 3), [a] * 3, 0)
    return fault(rng.choice(boxes), [a], 0)


@misfit
def an_axis_over_or_along_which_nothing_has(rng: Random) -> Fault:
    a = real(rng)
    axis = rng.choice(["missing", a.rank, -a.rank - 1])
    if rng.random() < 0.5:
        return fault(L.over(axis, same(rng)), [a], "any")
    return fault(L.scan(L.add >> L.copy, axis), [a, a], 1)


@misfit
def unequal_spaces_in_a_sum_or_product(rng: Random) -> Fault:
    n = rng.randint(2, 4)
    box = rng.choice([L.add(n), *[getattr(L, b) for b in BINARY]])
    a = real(rng)
    dom = [a] * box.arity[0]
    at = rng.randrange(1, len(dom))
    dom[at] = unlike(rng, a)
    return fault(box, dom, at)


@misfit
def products_whose_axes_differ(rng: Random) -> Fault:
    n = rng.choice(SIZES)
    m = n + rng.randint(1, 3)
    a, b = real(rng, 2).resize(1, n), real(rng, 2).resize(0, m)
    b = b._replace(dtype=a.dtype)
    if rng.random() < 0.3:
        return fault(L.einsum("i i -> i"), [a.resize(0, m)], 0)
    return fault(rng.choice([L.matmul, L.einsum("q d, d k -> q k"), L.einsum("a b, b c -> c")]), [a, b], 1)


@misfit
def products_whose_leading_axes_differ(rng: Random) -> Fault:
    a = real(rng, 2)
    b = rng.choice([a.resize(0, a.sizes[0] + 1), a.insert(0, 2, None)])
    return fault(L.einsum("i, i -> i"), [a, b], 1)


@misfit
def products_of_two_element_types(rng: Random) -> Fault:
    a = real(rng, 2)
    b = a._replace(dtype="float16" if a.dtype != "float16" else "float32")
    b = b if rng.random() < 0.5 else a._replace(below=4, dtype="float32")
    return fault(L.einsum("i j, i j -> i"), [a, b], 1)


@misfit
def joins_that_do_not_fit(rng: Random) -> Fault:
    n = rng.randint(2, 4)
    a = real(rng, rng.randint(2, 3))
    wrong = rng.choice([a.resize(0, a.sizes[0] + 1), a.insert(0, 2, None), a.drop(0), a._replace(below=3)])
    if a.dtype != "float16":
        wrong = rng.choice([wrong, a._replace(dtype="float16")])
    dom, at = [a] * n, rng.randrange(1, n)
    dom[at] = wrong
    return fault(L.concatenate(-1, n), dom, at)


@misfit
def cuts_that_do_not_add_up(rng: Random) -> Fault:
    sizes = [rng.randint(1, 4) for _ in range(rng.randint(1, 4))]
    a = real(rng, least=1)
    at = rng.randrange(a.rank)
    total = rng.choice([n for n in range(1, 20) if n != sum(sizes)])
    axis = a.names[at] or at - a.rank
    return fault(L.split(*sizes, axis=axis), [a.resize(at, total)], 0)


@misfit
def groups_of_axes_that_do_not_divide(rng: Random) -> Fault:
    k = rng.randint(2, 4)
    a = real(rng, 2).resize(0, k * rng.randint(1, 3) + rng.randint(1, k - 1))
    return fault(L.rearrange("(h two) w -> h (two w)", two=k), [a], 0)


@misfit
def groups_of_axes_of_no_known_size(rng: Random) -> Fault:
    return fault(rng.choice([L.rearrange("(a b) -> a b"), L.rearrange("(a b c) d -> a b c d", b=1)]), [real(rng, 2)], 0)


@misfit
def an_axis_of_one_that_is_longer(rng: Random) -> Fault:
    return fault(L.rearrange("a 1 -> a"), [real(rng, 2).resize(1, rng.randint(2, 5))], 0)


@misfit
def labels_of_the_wrong_type(rng: Random) -> Fault:
    loss = getattr(L, rng.choice(LOSSES))
    y = real(rng, least=1)
    options = [y.resize(-1, y.sizes[-1] + 1), y.drop(-1), y.insert(0, 2, None), y._replace(below=y.sizes[-1])]
    options.append(y.drop(-1)._replace(below=y.sizes[-1] + 1, dtype="float32"))
    if loss is not L.softmax_cross_entropy:
        options.append(y.drop(-1)._replace(below=y.sizes[-1], dtype="float32"))
    if y.dtype != "bfloat16":
        options.append(y._replace(dtype="bfloat16"))
    label = rng.choice(options)
    return fault(loss, [y, label], 1)


@misfit
def predictions_of_the_wrong_type(rng: Random) -> Fault:
    y = rng.choice([real(rng, 0), index(rng)])
    return fault(getattr(L, rng.choice(LOSSES)), [y, y], 0)


@misfit
def a_repeat_that_changes_the_space(rng: Random) -> Fault:
    a = real(rng, least=1)
    n = a.sizes[-1]
    options = [
        L.dense(n + 1),
        L.relu >> L.dense(n + 2) >> L.tanh,
        L.spread(2),
        L.reduce_sum(),
        L.block("inner", L.argmax()),
        L.conv(n + 1, (1, 1)) if a.rank >= 3 else L.split(n) >> L.spread(1),
    ]
    term = rng.choice(options) ** rng.randint(2, 4)
    return fault(term, [a], "all")


@misfit
def a_scan_whose_state_changes(rng: Random) -> Fault:
    h, x = real(rng, least=1), array(rng)
    change = rng.choice([L.dense(h.sizes[-1] + 1), L.reduce_sum(), L.argmax(), L.spread(3)])
    cell = change @ identity
    return fault(L.scan(cell, "step"), [h, x.insert(0, 3, "step")], 0)


@misfit
def a_scan_without_its_axis(rng: Random) -> Fault:
    h, x = array(rng), array(rng)
    return fault(L.scan(identity(2), rng.choice(["step", 5, -5])), [h, x], 1)


@misfit
def slices_of_unequal_number(rng: Random) -> Fault:
    n = rng.randint(1, 4)
    a = real(rng)
    one, two = a.insert(0, n, "step"), a.insert(0, n + rng.randint(1, 3), "step")
    if rng.random() < 0.5:
        return fault(L.over("step", L.add), [one, two], 1)
    return fault(L.scan(identity @ L.add, "step"), [array(rng), one, two], 2)


@misfit
def a_coupling_that_changes_the_space(rng: Random) -> Fault:
    a = real(rng, least=1)
    change = rng.choice([L.dense(a.sizes[-1] + 1), L.reduce_mean(), L.spread(2)])
    term = rng.choice([L.coupling(change, relu), L.coupling(relu, change), L.coupling(change, change)])
    return Fault(term, [a, a], "add", "wire: +input 1")


@misfit
def a_coupling_of_unequal_halves(rng: Random) -> Fault:
    a = real(rng)
    return Fault(L.coupling(same(rng), L.tanh), [a, unlike(rng, a)], "", "box: .*\n +wire: +input [01]")


@misfit
def a_given_type_that_is_not_met(rng: Random) -> Fault:
    a = array(rng)
    inner, dom = chain_to(rng, a, rng.randint(1, 3))
    typed = rng.choice([L.block, L.tied])("given", inner.at(dom.space))
    wrong = unlike(rng, dom)
    return Fault(typed, [wrong], "identity.at(", "wire: +input 0")


@misfit
def ports_that_do_not_fit(rng: Random) -> Fault:
    a = real(rng)
    port = Port("w", "param", unlike(rng, a)._replace(below=None).space[0])
    if port.array == a.space[0]:
        port = Port("w", "param", a.insert(0, 2, None).space[0])
    box = rng.choice(["add", *BINARY])
    return Fault(L.para(getattr(L, box), [port]), [a], box, "wire: +input 1")


@misfit
def exposed_parameters_of_the_wrong_type(rng: Random) -> Fault:
    n, m = rng.choice(SIZES), rng.choice(SIZES)
    box = L.expose(L.dense(m, bias=False), Real(n))
    dom = [A((n, m), (None, None)), A((n,), (None,))]
    at = rng.randrange(2)
    dom[at] = unlike(rng, dom[at])
    return fault(box, dom, at)


@misfit
def derivatives_at_the_wrong_type(rng: Random) -> Fault:
    a = A((rng.choice(SIZES),), (None,))
    box = rng.choice([L.gelu, L.elu])
    derivative = rng.choice([L.reverse, L.tangent])(box, a.space).term
    dom = [a, a]
    dom[rng.randrange(2)] = unlike(rng, a)
    return Fault(derivative, dom, "", "box: .*\n +wire: +input [01]")


def _raises(*xs: Any) -> Any:
    raise RuntimeError("as it should not")


def _deep(*xs: Any) -> Any:
    return _deep(*xs)


@misfit
def a_function_that_raises(rng: Random) -> Fault:
    functions: list[tuple[Any, int]] = [
        (_raises, 1),
        (_raises, 2),
        (lambda x: x @ x.T @ x[0, 0, 0, 0, 0, 0], 1),
        (lambda x: x.no_such_method(), 1),
        (lambda x: 1 if x > 0 else 0, 1),
        (lambda x: float(jnp.sum(x)), 1),
        (lambda x, y: x, 1),
        (lambda: 3.0, 1),
        (lambda x: jnp.reshape(x, (7919,)), 1),
        (lambda x, y: jnp.concatenate([x, y[None]]), 2),
        (lambda x: [][0], 1),
        (lambda x: {}["key"], 1),
    ]
    fn, inputs = rng.choice(functions) if rng.random() < 0.97 else (_deep, 1)
    a = real(rng)
    return Fault(L.lift(fn, inputs), [a] * inputs, "lift(", "wire: +all")


@misfit
def a_function_of_the_wrong_outputs(rng: Random) -> Fault:
    functions: list[tuple[Any, int]] = [
        (lambda x: (x, x), 1),
        (lambda x: x, 2),
        (lambda x: (), 1),
        (lambda x: (x, x, x), 2),
        (lambda x: None, 1),
        (lambda x: "text", 1),
        (lambda x: {"a": x}, 1),
        (lambda x: (x, None), 2),
        (lambda x: (x, (x, x)), 2),
        (lambda x: x > 0, 1),
        (lambda x: x + 1j, 1),
        (lambda x: [x, "text"], 2),
        (lambda x: object(), 1),
    ]
    fn, outputs = rng.choice(functions)
    return Fault(L.lift(fn, 1, outputs), [A((3,), (None,))], "lift(", "wire: +(output|all)")


# -- composition -----------------------------------------------------------------------------


def of_arity(rng: Random, m: int, n: int) -> Term:
    """An untyped term of this arity."""
    into = L.add(m) if m > 1 else relu if m else L.zero(Real(2))
    out = L.copy(n) if n > 1 else L.tanh if n else L.discard
    middle = [same(rng) for _ in range(rng.choice([0, 1, 3]))]
    term = compose(into, *middle, out)
    return rng.choice([term, L.block("part", term), L.tied("both", term)])


@direct
def wires_that_do_not_meet(rng: Random) -> Any:
    m, n = rng.sample(range(5), 2)
    left, right = of_arity(rng, rng.randrange(4), m), of_arity(rng, n, rng.randrange(4))
    front = (
        compose(*[same(rng)] * rng.choice([1, 2, 100]), of_arity(rng, 1, left.arity[0])) if rng.random() < 0.3 else None
    )
    start = left if front is None else front >> left
    box = repr(left.parts[-1])[:27]
    makes = [
        lambda: start >> right,
        lambda: compose(start, right),
        lambda: compose(identity(start.arity[0]), start, right),
    ]
    makes.append(lambda: L.block("outer", start >> right))
    makes.append(lambda: tensor(relu, start >> right, relu))
    return f"{left!r} >> {right!r}"[:200], rng.choice(makes), box, rf"{m} wires? into {n}"


@direct
def tensors_that_do_not_meet(rng: Random) -> Any:
    ins, outs = rng.sample(range(2, 7), 2)
    left, right = tensor(*[same(rng) for _ in range(outs)]), tensor(*[L.dense(2) for _ in range(ins)])
    return f"{outs} beside into {ins}", lambda: left >> right, "dense(2)", rf"{outs} wires into {ins}"


@direct
def typed_wires_that_do_not_meet(rng: Random) -> Any:
    m, n = rng.sample(range(1, 5), 2)
    a = real(rng)
    left = tensor(*[relu.at(a.space)] * m)
    right = tensor(*[L.tanh.at(a.space)] * n)
    return f"typed, {m} into {n}", lambda: left >> right, "tanh", rf"{m} wires? into {n}"


@direct
def typed_terms_that_do_not_meet(rng: Random) -> Any:
    a = array(rng)
    wrong = unlike(rng, a)
    left, start = chain_to(rng, a, rng.randint(1, 4))
    finish = rng.choice([identity, L.copy, L.discard, L.spread(2)])
    one, two = left.at(start.space), finish.at(wrong.space)
    makes = [
        lambda: one >> two,
        lambda: compose(one, two),
        lambda: compose(one, identity, two),
        lambda: L.block("outer", one >> two),
        lambda: compose(one.at(start.space), L.copy, L.discard @ identity, two),
        lambda: one @ relu.at(Real(2)) >> two @ L.tanh.at(Real(2)),
    ]
    return f"{one!r} >> {two!r}", rng.choice(makes), repr(finish), r"wire: +0"


@direct
def a_typed_term_and_one_that_does_not_fit(rng: Random) -> Any:
    a = index(rng)
    left, start = chain_to(rng, a, rng.randint(1, 3))
    typed = left.at(start.space)
    makes = [lambda: typed >> L.dense(5), lambda: compose(typed, identity, L.dense(5), relu)]
    makes.append(lambda: typed @ relu.at(Real(3)) >> L.dense(5) @ relu)
    return f"{typed!r} >> dense(5)", rng.choice(makes), "dense(5)", "wire: +input 0"


@direct
def a_typed_term_typed_anew(rng: Random) -> Any:
    a = array(rng)
    term, start = chain_to(rng, a, rng.randint(1, 3))
    wrong = unlike(rng, start)
    typed = term.at(start.space)
    call = rng.choice(
        [lambda: typed.at(wrong.space), lambda: L.compile(typed, wrong.space), lambda: L.Typed(typed, wrong.space)]
    )
    return f"{typed!r} at {wrong}", call, repr(term.parts[0])[:30], "wire: +(input )?0"


@direct
def a_codomain_that_is_not_so(rng: Random) -> Any:
    a = array(rng)
    term, start = chain_to(rng, a, rng.randint(1, 3))
    wrong = unlike(rng, a)
    return (
        f"{term!r} to {wrong}",
        lambda: L.Typed(term, start.space, wrong.space),
        repr(term.parts[-1])[:27],
        "output 0",
    )


@direct
def too_many_or_too_few_spaces(rng: Random) -> Any:
    m, n = rng.sample(range(4), 2)
    term = of_arity(rng, m, rng.randrange(3))
    space = spaces([array(rng) for _ in range(n)])
    how = [lambda: term.at(*space), lambda: L.compile(term, joined_of(space)), lambda: L.expose(term, joined_of(space))]
    how += [
        lambda: L.flops(term, joined_of(space)),
        lambda: identity(n).at(*space) >> L.block("b", identity(n)) >> term,
    ]
    return f"{term!r} at {n} arrays", rng.choice(how), repr(term.parts[0])[:20], rf"{m} (input )?wires?|into {m}"


def joined_of(given: Sequence[Space]) -> Space:
    return Space(a for s in given for a in s)


def within(rng: Random, call: Callable[[], Any]) -> Callable[[], Any]:
    """The call in random surroundings."""
    return rng.choice(
        [
            call,
            call,
            lambda: relu >> call(),
            lambda: call() >> relu,
            lambda: L.block("part", call()),
            lambda: tensor(relu, call(), L.tanh),
            lambda: compose(*[relu] * 100, call()),
            lambda: L.over("time", L.block("part", relu >> call())),
            lambda: L.wired(lambda x: call()(x)),
            lambda: (relu >> call() >> relu) ** 3,
            lambda: L.expose(relu >> call(), Real(3)),
        ]
    )


def _of_argument(name: str) -> Callable[[Random], Wrong]:
    def wrong(rng: Random) -> Wrong:
        call, values = rng.choice(CALLS[name])
        value = rng.choice(values)
        where = f"(?s)(?=.*(?:{SPELLED.get(name, name)})).*(?:{shown(value)})"
        return Wrong(f"{name}: {shown(value)}", within(rng, lambda: call(value)), f"arguments of {name}", "", where)

    return wrong


for _name in CALLS:
    KINDS[f"arguments of {_name}"] = _of_argument(_name)


@direct
def operators_with_what_is_no_term(rng: Random) -> Any:
    value = rng.choice(NO_TERM)
    term = rng.choice(
        [relu, L.dense(3), relu >> L.dense(3), L.dense(3).at(Real(2)), relu @ L.dense(3), L.dense(3) ** 2]
    )
    calls = [
        lambda: term >> value,
        lambda: value >> term,
        lambda: term @ value,
        lambda: value @ term,
        lambda: compose(term, value),
        lambda: compose(value, term),
        lambda: tensor(term, value),
        lambda: tensor(value, term, term),
    ]
    return f"{term!r} and {shown(value)}", rng.choice(calls), "dense(3)" if term is not relu else "relu", shown(value)


@direct
def compositions_of_what_is_no_term(rng: Random) -> Any:
    value = rng.choice(NO_TERM)
    calls = [lambda: compose(value), lambda: tensor(value), lambda: compose(value, value), lambda: tensor(value, value)]
    return shown(value), rng.choice(calls), "", shown(value)


@direct
def a_composite_of_nothing(rng: Random) -> Any:
    return "compose()", within(rng, lambda: compose()), "compose", "no terms"


# -- functions of wires ----------------------------------------------------------------------

NO_WIRE = (*less(STRANGE, type(None)), 3, [[relu]], True)


@direct
def functions_that_return_no_wires(rng: Random) -> Any:
    value = rng.choice(less(NO_WIRE, list))
    returns = [
        lambda x: value,
        lambda x: (x, value),
        lambda x: [relu(x), value, x],
        lambda x: (relu(x), (x, value)),
        lambda x: relu,
    ]
    at = rng.randrange(len(returns))
    return f"returns {shown(value)}", lambda: L.wired(returns[at]), "", rf"output: +{(0, 1, 1, 1, 0)[at]}"


@direct
def boxes_on_the_wrong_number_of_wires(rng: Random) -> Any:
    box = rng.choice([relu, L.add, L.add(3), L.matmul, L.dense(3), L.copy, L.dense(2) @ L.dense(3)])
    m = box.arity[0]
    n = rng.choice([k for k in range(5) if k != m])
    functions = [
        lambda x: box(*[x] * n),
        lambda x: relu(box(*L.copy(n)(x))) if n > 1 else box(*[x] * n),
        lambda x: L.block("b", box)(*[relu(x)] * n),
    ]
    return f"{box!r} on {n} wires", lambda: L.wired(rng.choice(functions)), repr(box), rf"{n} wires"


@direct
def boxes_on_what_is_no_wire(rng: Random) -> Any:
    value = rng.choice([*NO_WIRE, None, (), []])
    box = rng.choice([L.add, L.matmul, L.multiply])
    functions = [
        lambda x: box(x, value),
        lambda x: box(value, relu(x)),
        lambda x: box(x, (x, x)),
        lambda x: box([x], x),
    ]
    return f"{box!r} on {shown(value)}", lambda: L.wired(rng.choice(functions)), repr(box), "input [01]"


@direct
def tuples_of_wires_as_a_wire(rng: Random) -> Any:
    box = rng.choice([relu, L.dense(3), L.softmax()])
    functions = [lambda x: box(L.copy(x)), lambda x: box([x, x]), lambda x: box(L.discard(x)), lambda x: box((x,))]
    return f"{box!r}", lambda: L.wired(rng.choice(functions)), repr(box), "input 0"


@direct
def wires_of_another_function(rng: Random) -> Any:
    kept: list[Any] = []
    L.wired(lambda x: kept.append(x) or x)
    box = rng.choice([L.add, L.multiply])
    functions = [
        lambda x: box(x, kept[0]),
        lambda x: kept[0],
        lambda x: x + kept[0],
        lambda x: kept[0] * x,
        lambda x: L.wired(lambda y: L.add(x, y))(x),
    ]
    return f"{box!r}", lambda: L.wired(rng.choice(functions)), "", "input [01]|output: +0"


@direct
def wires_as_values(rng: Random) -> Any:
    value = rng.choice(less(STRANGE, float, np.floating, Term))
    zero: Any = rng.choice([0, 0.0, False])
    functions: list[Callable[[Any], Any]] = [
        lambda x: x if x else relu(x),
        lambda x: L.add(*x),
        lambda x: x + value,
        lambda x: value + x,
        lambda x: x * value,
        lambda x: value * x,
        lambda x: x - value,
        lambda x: value - x,
        lambda x: x / value,
        lambda x: value / x,
        lambda x: x / zero,
        lambda x: next(iter(x)),
        lambda x: relu(x) and x,
    ]
    return f"a wire with {shown(value)}", lambda: L.wired(rng.choice(functions)), "", "wire"


@direct
def functions_of_no_fixed_number_of_wires(rng: Random) -> Any:
    functions: list[Callable[..., Any]] = [
        lambda *xs: xs,
        lambda x, *xs: x,
        lambda x, **named: x,
        lambda x, *, y: x,
        lambda *, y=None: y,
    ]
    return "wired", lambda: L.wired(rng.choice(functions)), "wired", "parameters"


# -- the rest --------------------------------------------------------------------------------


@direct
def terms_on_arrays_that_do_not_fit(rng: Random) -> Any:
    n = rng.choice(SIZES)
    x: Any = np.ones((n,), "float32")
    integers: Any = np.zeros((n,), "int32")
    calls: list[tuple[Term, tuple[Any, ...]]] = [
        (L.add, (x, np.ones((n + 1,), "float32"))),
        (L.add, (x,)),
        (relu, (x, x)),
        (relu, (integers,)),
        (L.one_hot(), (x,)),
        (relu, (np.array(["a"]),)),
        (relu, (x > 0,)),
        (relu, (x + 1j,)),
        (relu, (None,)),
        (relu, ({"a": 1},)),
        (relu, ("text",)),
        (relu, (object(),)),
        (relu, ([[1.0], [1.0, 2.0]],)),
        (relu, (x[:0],)),
        (L.softmax("d"), (x,)),
        (L.matmul, (x, x)),
        (L.split(n, 1), (x,)),
        (L.dense(3), (x,)),
        (L.flatten, (jnp.asarray(x),)),
        (relu, (jnp.asarray(integers),)),
        (relu, (10**5000,)),
    ]
    box, xs = rng.choice(calls)
    call = (
        rng.choice([lambda: box(*xs), lambda: (L.tanh @ identity(len(xs) - 1) >> box)(*xs)])
        if box is L.add
        else lambda: box(*xs)
    )
    return f"{box!r}", call, repr(box), r"input \d|wire|arrays|parameters"


@direct
def two_uses_of_one_name_that_differ(rng: Random) -> Any:
    n, m = rng.sample(SIZES, 2)
    first, second = L.tied("same", L.dense(n)), L.tied("same", L.dense(m))
    if rng.random() < 0.5:
        second = L.tied("same", L.dense(n))
        term, space = first >> relu >> second, Real(n + 1)
    else:
        term, space = first >> L.block("in", relu >> second), Real(m)
    calls = [
        lambda: L.compile(term, space),
        lambda: L.expose(term, space),
        lambda: L.reverse(term, space),
        lambda: learner(term, space=space),
    ]
    return repr(term), rng.choice(calls), "tied('same'", "dense|Real"


@direct
def side_wires_that_clash(rng: Random) -> Any:
    inner = rng.choice([L.dense(2), L.block("dense_0", L.dense(2)), L.dense(3) >> L.dense(2)])
    term = identity @ inner
    name = rng.choice(["dense_0.weight", "dense_0", "dense_0.weight.x", "dense_0.bias"])
    if inner.arity and isinstance(inner, L.Box) and inner.label == "dense_0":
        name = "dense_0"
    boxed = L.para(term, [Port(name, "param", Real(2))])
    calls = [lambda: L.compile(boxed, Real(3)), lambda: L.expose(boxed, Real(3)), lambda: L.reverse(boxed, Real(3))]
    return f"{name} in {boxed!r}", rng.choice(calls), "para(", re.escape(name)


@misfit
def computed_parameters_of_the_wrong_type(rng: Random) -> Fault:
    box = L.reparametrise(MODEL, rng.choice([identity(2), relu @ L.tanh]), [Port("v", "param", Real(3)), SPARE[1]])
    if rng.random() < 0.5:
        box = L.reparametrise(MODEL, identity @ L.dense(5), SPARE)
    return Fault(box, [A((3,), (None,))], "expose(", "wire: +input [01]")


@direct
def models_that_cannot_learn(rng: Random) -> Any:
    n = rng.choice(SIZES)
    models: list[tuple[Any, str]] = [
        (lambda: learner(L.dense(n + 1) >> L.argmax(), space=Real(3)), "squared"),
        (lambda: learner(L.dense(n) >> L.reduce_sum(), space=Real(3)), "squared"),
        (lambda: learner(L.softmax("d"), space=Real(3)), "softmax('d')"),
        (lambda: learner(L.embedding(n), space=Real(3)), "embedding"),
        (lambda: learner(L.dense(n) >> L.dense(3, axes=2), space=Real(3)), "dense(3, axes=2)"),
    ]
    make, box = rng.choice(models)
    return box, make, box, "wire: +input 0"


def wrong(rng: Random) -> Wrong:
    """An ill-typed construction of a random kind."""
    return KINDS[rng.choice(_weighted())](rng)


def _weighted() -> list[str]:
    """Names of kinds; those that depend on spaces, of which there is no end, three times."""
    if not _names:
        for kind in KINDS:
            _names.extend([kind] * (1 if kind.startswith("arguments") else 3))
    return _names


_names: list[str] = []


def constructions(seed: int, count: int) -> Iterator[Wrong]:
    """So many ill-typed constructions, the same for one seed."""
    rng = random.Random(seed)
    for _ in range(count):
        yield wrong(rng)
