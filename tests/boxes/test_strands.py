"""Strands: what a box says of an axis that it does not act along, against `jax.vmap` over that axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace

import jax
import jax.numpy as jnp
import pytest
from helpers import close, randomise, sample

import lenses
from lenses import Index, Real, Space, Term, Typed, compile, einsum, rearrange
from lenses.laws import registry
from lenses.spaces import Array
from lenses.strands import Place, Strand
from lenses.terms import Box
from lenses.typed import Combinator

BOXES = registry.boxes()

NONE = ("Circuit", "Constant", "Discard", "Lifted", "Rate", "Update")
"""Classes that act along all axes, or whose axes all end in them."""

COUNTED = ("Conv", "Einsum", "Pool", "Rearrange", "Spread", "Windows")
"""Classes whose data counts the axes they have: an axis is not left out of their spaces, but has size 1 there."""

MORE = [
    lenses.conv(2, (1, 3)).at(Real(2, 4, 5, 2)),
    lenses.conv(2, (1, 1), stride=(2, 1)).at(Real(3, 2, 2)),
    lenses.conv(1, (1, 2), stride=2, transposed=True).at(Real(3, 2, 2)),
    lenses.conv(1, (1, 2), stride=(1, 2), transposed=True).at(Real(3, 2, 2)),
    lenses.max_pool((1, 2), stride=(1, 2)).at(Real(2, 3, 4, 2)),
    lenses.mean_pool((1, 2), stride=1, padding="SAME").at(Real(3, 4, 2)),
    lenses.windows((1, 2), stride=(1, 2)).at(Real(2, 3, 4, 2)),
    einsum("i i j, j -> j i").at(Real(2, 3, 3, 2), Real(2)),
    einsum("i i i ->").at(Real(2, 2, 2)),
    einsum("i, j -> j").at(Real(2), Real(4, 3)),
    rearrange("a b 1 c -> c (1 a) b").at(Real(2, 3, 2, 1, 4)),
    lenses.spread(2, -2).at(Real(3, 4)),
    lenses.reduce_sum("b").at(Real(a=2, b=3, c=4)),
    lenses.log_softmax("key").at(Real(query=2, key=3, head=4)),
    lenses.concatenate("b", 3).at(*(Real(a=2, b=b, c=3) for b in (1, 2, 1))),
    lenses.permute(1, 2, 0).at(Real(2), Real(2, 3), Index(4, below=3)),
]
"""More terms of one box, with axes that the examples do not have or that have size 1 there."""


def said(term: Term) -> Sequence[Strand]:
    """The strands of a typed term of one box."""
    assert isinstance(term, Typed) and isinstance(term.term, Box)
    return term.term.strands(term.dom)


def by_wire(places: Iterable[Place], space: Space) -> list[tuple[int, ...]]:
    return [tuple(a for w, a in places if w == wire) for wire in range(len(space))]


def narrow(space: Space, places: Iterable[Place], counted: bool) -> Space:
    """The space without the axes at `places`, or where they are counted with size 1 for each."""
    arrays = []
    for x, axes in zip(space, by_wire(places, space), strict=True):
        kept = [a for a in range(x.rank) if counted or a not in axes]
        arrays.append(
            Array([1 if a in axes else x.sizes[a] for a in kept], [x.names[a] for a in kept], x.element),
        )
    return Space(arrays)


def narrow_box(box: Box, places: Iterable[Place]) -> Box:
    """The box with a space that it holds narrowed, as `Check` does: it is that of its domain."""
    held = {f.name: narrow(v, places, False) for f in fields(box) if isinstance(v := getattr(box, f.name), Space)}  # type: ignore[arg-type]
    return replace(box, **held) if held else box  # type: ignore[type-var]


def value(term: Term, params, states, xs):
    net = compile(term)
    ys = net(params, *xs, state=states)[0] if net.stateful else net(params, *xs)
    return ys if isinstance(ys, tuple) else (ys,)


def both(term: Typed, strand: Strand, params, states, xs):
    """What the box of the typed term gives, and what the strand says that it gives."""
    assert isinstance(term.term, Box)
    ys = value(term, params, states, xs)
    into, out = by_wire(strand.ins, term.dom), by_wire(strand.outs, term.cod)
    assert all(len(axes) <= 1 for axes in out)
    if not strand.ins:
        first = [y.take(jnp.arange(1), axes[0]) if axes else y for y, axes in zip(ys, out, strict=True)]
        return ys, tuple(jnp.broadcast_to(f, y.shape) for f, y in zip(first, ys, strict=True))

    counted = not strand.outs or type(term.term).__name__ in COUNTED
    small = narrow_box(term.term, strand.ins).at(narrow(term.dom, strand.ins, counted))
    assert small.cod == narrow(term.cod, strand.outs, counted)

    def one(i):
        """The outputs for slice i of the inputs; two axes of one array give its diagonal."""
        slices = []
        for x, axes in zip(xs, into, strict=True):
            x = x[tuple(i if a in axes else slice(None) for a in range(x.ndim))]
            slices.append(jnp.expand_dims(x, axes) if counted else x)
        ys = value(small, params, states, slices)
        return tuple(y.squeeze(axes) if counted else y for y, axes in zip(ys, out, strict=True))

    ((wire, axis), *_) = strand.ins
    places = tuple(axes[0] if axes else None for axes in out) if strand.outs else 0
    mapped = jax.vmap(one, out_axes=places)(jnp.arange(term.dom[wire].sizes[axis]))
    return ys, mapped if strand.outs else tuple(m.sum(0) for m in mapped)


def verify(term: Term, strands: Sequence[Strand]) -> None:
    """Asserts that the box of the typed term does with the axes of each strand what the strand says."""
    assert isinstance(term, Typed)
    net = compile(term)
    params = randomise(jax.eval_shape(net.init, jax.random.key(0)), 1)
    states = jax.tree.map(lambda v: abs(v) + 0.5, randomise(jax.eval_shape(net.init_state), 2))
    xs = sample(term.dom, 3, positive=True)
    # One program for all, since most of the time goes into compiling.
    for ours, theirs in jax.jit(lambda *args: [both(term, strand, *args) for strand in strands])(params, states, xs):
        close(ours, theirs, 1e-5, 1e-5)


def check_places(term: Typed) -> None:
    """Asserts that all places exist, that each is in one strand, and that the sizes in a strand agree."""
    strands = said(term)
    for side, space in ((0, term.dom), (1, term.cod)):
        places = [place for strand in strands for place in strand[side]]
        assert len({*places}) == len(places)
        assert {*places} <= {(w, a) for w, x in enumerate(space) for a in range(x.rank)}
    for ins, outs in strands:
        sizes = {term.dom[w].sizes[a] for w, a in ins} | {term.cod[w].sizes[a] for w, a in outs}
        assert len(sizes) == 1


@pytest.mark.parametrize("name", BOXES)
def test_strands_are_mapped_over(name):
    examples = BOXES[name].examples()
    for term in examples:
        assert isinstance(term, Typed)
        check_places(term)
        if said(term) and name != "Dropout":  # `vmap` draws once for all slices
            verify(term, said(term))
    if not issubclass(BOXES[name], Combinator):
        assert any(map(said, examples)) == (name not in NONE), "say which axes pass, or that none does"


@pytest.mark.parametrize("term", MORE, ids=repr)
def test_strands_of_larger_boxes_are_mapped_over(term):
    check_places(term)
    verify(term, said(term))


def test_names_are_known():
    assert {*NONE, *COUNTED} <= {*BOXES}


def passing(*axes: int) -> list[Strand]:
    """Axes of one array that have the same place in the result."""
    return [Strand(((0, a),), ((0, a),)) for a in axes]


@pytest.mark.parametrize(
    ("term", "strands"),
    [
        (lenses.dense(3).at(Real(5, 4)), passing(0)),
        (lenses.bias().at(Real(5, 4)), passing(0)),
        (lenses.dropout(0.5).at(Real(5, 4)), passing(0, 1)),
        (lenses.multiply.at(Real(5), Real(5)), [Strand(((0, 0), (1, 0)), ((0, 0),))]),
        (lenses.copy.at(Real(5)), [Strand(((0, 0),), ((0, 0), (1, 0)))]),
        (lenses.swap.at(Real(5), Real(4)), [Strand(((1, 0),), ((0, 0),)), Strand(((0, 0),), ((1, 0),))]),
        (lenses.zero(Real(5)).at(), [Strand((), ((0, 0),))]),
        (
            einsum("query d, key d -> query key").at(Real(5, 2), Real(4, 2)),
            [Strand(((0, 0),), ((0, 0),)), Strand(((0, 1), (1, 1)), ()), Strand(((1, 0),), ((0, 1),))],
        ),
        (
            einsum("query d, key d -> query key").at(Real(3, 5, 2), Real(3, 4, 2)),
            [
                Strand(((0, 0), (1, 0)), ((0, 0),)),
                Strand(((0, 1),), ((0, 1),)),
                Strand(((0, 2), (1, 2)), ()),
                Strand(((1, 1),), ((0, 2),)),
            ],
        ),
        (
            einsum("i i, d -> i").at(Real(2, 2), Real(3, 5)),
            [Strand(((0, 0), (0, 1)), ((0, 1),)), Strand(((1, 0),), ((0, 0),)), Strand(((1, 1),), ())],
        ),
        (lenses.softmax("key").at(Real(query=2, key=3, head=4)), passing(0, 2)),
        (lenses.reduce_mean("key").at(Real(query=2, key=3, head=4)), [*passing(0), Strand(((0, 2),), ((0, 1),))]),
        (lenses.reduce_sum().at(Real(2, 3)), [*passing(0), Strand(((0, 1),), ())]),
        (lenses.spread(2, -2).at(Real(3)), [Strand(((0, 0),), ((0, 1),)), Strand((), ((0, 0),))]),
        (rearrange("h w c -> c (w h)").at(Real(2, 3, 4)), [Strand(((0, 2),), ((0, 0),))]),
        (rearrange("h w -> w h").at(Real(5, 2, 3)), [*passing(0), *(Strand(((0, a),), ((0, 3 - a),)) for a in (1, 2))]),
        (lenses.split(1, 2).at(Real(2, 3)), [Strand(((0, 0),), ((0, 0), (1, 0)))]),
        (lenses.conv(2).at(Real(5, 6, 6, 1)), passing(0)),
        (lenses.conv(2, (1, 3)).at(Real(5, 6, 6, 1)), passing(0, 1)),
        (lenses.max_pool().at(Real(5, 6, 6, 1)), passing(0, 3)),
        (lenses.windows((1, 2)).at(Real(5, 6, 6, 1)), [*passing(0, 1), Strand(((0, 3),), ((0, 5),))]),
        (lenses.layer_norm().at(Real(5, 4)), passing(0)),
        (lenses.batch_norm().at(Real(5, 4)), []),
        (lenses.embedding(2).at(Index(5, below=3)), passing(0)),
        (lenses.softmax_cross_entropy.at(Real(5, 4), Index(5, below=4)), [Strand(((0, 0), (1, 0)), ((0, 0),))]),
    ],
    ids=lambda value: repr(value) if isinstance(value, Typed) else "",
)
def test_strands_by_hand(term, strands):
    assert list(said(term)) == strands


@pytest.mark.parametrize(
    ("term", "strand"),
    [
        (lenses.dense(4).at(Real(5, 4)), Strand(((0, 1),), ((0, 1),))),
        (lenses.bias().at(Real(5, 4)), Strand(((0, 1),), ((0, 1),))),
        (lenses.softmax().at(Real(3)), Strand(((0, 0),), ((0, 0),))),
        (lenses.relu.at(Real(3, 3)), Strand(((0, 0),), ((0, 1),))),
        (lenses.multiply.at(Real(3), Real(3)), Strand(((0, 0),), ((0, 0),))),
        (lenses.copy.at(Real(3)), Strand(((0, 0),), ((0, 0),))),
        (lenses.reduce_mean().at(Real(3)), Strand(((0, 0),), ())),
        (rearrange("a b -> b a").at(Real(3, 3)), Strand(((0, 0),), ((0, 0),))),
        (einsum("i i -> i").at(Real(3, 3)), Strand(((0, 0),), ((0, 0),))),
        (einsum("i j -> j").at(Real(3, 2)), Strand(((0, 1),), ())),
        (lenses.conv(1, (1, 1), stride=2).at(Real(3, 3, 1)), Strand(((0, 0),), ((0, 0),))),
        (lenses.constant([1.0, 2.0]).at(), Strand((), ((0, 0),))),
    ],
    ids=repr,
)
def test_wrong_strands_are_noticed(term, strand):
    with pytest.raises((AssertionError, ValueError, TypeError, lenses.LensError)):
        verify(term, [strand])
