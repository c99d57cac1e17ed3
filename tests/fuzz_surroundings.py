"""Well-typed surroundings for terms, made without asking the library what fits."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import lenses as L
from lenses import Index, Real, Space, Term, compose, identity, tensor


class A(NamedTuple):
    """An array of a space, as data: sizes, names, the bound of its indices or None for reals, and the dtype."""

    sizes: tuple[int, ...]
    names: tuple[str | None, ...]
    below: int | None = None
    dtype: str = "float32"

    @property
    def space(self) -> Space:
        named = {name or f"_{i}": n for i, (n, name) in enumerate(zip(self.sizes, self.names, strict=True))}
        return Real(dtype=self.dtype, **named) if self.below is None else Index(below=self.below, **named)

    @property
    def rank(self) -> int:
        return len(self.sizes)

    def insert(self, at: int, size: int, name: str | None) -> A:
        sizes, names = list(self.sizes), list(self.names)
        sizes.insert(at, size)
        names.insert(at, name)
        return self._replace(sizes=tuple(sizes), names=tuple(names))

    def drop(self, at: int) -> A:
        keep = [i for i in range(self.rank) if i != at % self.rank]
        return self._replace(sizes=tuple(self.sizes[i] for i in keep), names=tuple(self.names[i] for i in keep))

    def resize(self, at: int, size: int) -> A:
        sizes = list(self.sizes)
        sizes[at] = size
        return self._replace(sizes=tuple(sizes))


Random = random.Random
Port: Any = L.Port
NAMES = ("time", "head", "query", "key", "d", "pixel")
SIZES = (1, 2, 3, 4, 5, 8)


def spaces(dom: Sequence[A]) -> list[Space]:
    return [a.space for a in dom]


def joined(dom: Sequence[A]) -> Space:
    return Space(array for a in dom for array in a.space)


def real(rng: Random, rank: int | None = None, least: int = 0) -> A:
    """A real array, some of its axes named."""
    rank = rng.randint(least, 3) if rank is None else rank
    names = rng.sample(NAMES, rank)
    return A(
        tuple(rng.choice(SIZES) for _ in range(rank)),
        tuple(n if rng.random() < 0.5 else None for n in names),
        None,
        rng.choice(["float32", "float32", "float32", "bfloat16", "float16"]),
    )


def index(rng: Random, rank: int | None = None, least: int = 0) -> A:
    return real(rng, rank, least)._replace(below=rng.randint(1, 9), dtype="float32")


def array(rng: Random) -> A:
    return real(rng) if rng.random() < 0.7 else index(rng)


def unlike(rng: Random, a: A) -> A:
    """An array that differs from `a` in sizes, rank or element type."""
    options = [a.insert(rng.randint(0, a.rank), rng.choice(SIZES), None)]
    options.append(a._replace(below=3) if a.below is None else a._replace(below=None))
    if a.rank:
        options.append(a.drop(rng.randrange(a.rank)))
        at = rng.randrange(a.rank)
        options.append(a.resize(at, a.sizes[at] + rng.randint(1, 3)))
    if a.below is None:
        options.append(a._replace(dtype="float16" if a.dtype != "float16" else "bfloat16"))
    else:
        options.append(a._replace(below=a.below + 1))
    return rng.choice(options)


# -- well-typed surroundings -----------------------------------------------------------------

PLAIN = ("relu", "tanh", "square", "sigmoid", "absolute", "softplus", "cos")
SAME = (*PLAIN, "scale", "shift", "dropout", "residual")
"""Boxes that take every real array to one like it."""


def same(rng: Random) -> Term:
    """A term that takes every real array to one like it, names included."""
    name = rng.choice(SAME)
    if name in PLAIN:
        return getattr(L, name)
    if name == "residual":
        return L.copy >> identity @ getattr(L, rng.choice(PLAIN)) >> L.add
    return getattr(L, name)(rng.choice([0.25, 0.5, 0.75]))


def before(rng: Random, a: A) -> tuple[Term, A]:
    """A term to the array `a`, and the array that it takes."""
    if a.below is not None:
        if a.rank and rng.random() < 0.3:
            return L.spread(a.sizes[-1], -1, a.names[-1]), a.drop(-1)
        options = a.insert(rng.randint(0, a.rank), a.below, None)
        at = next(i for i in range(options.rank) if options.drop(i) == a)
        return L.argmax(at - options.rank), options._replace(below=None)
    if not a.rank or rng.random() < 0.3:
        pick = rng.random()
        if pick < 0.2:
            return L.reduce_sum(-1), a.insert(a.rank, rng.choice(SIZES), None)
        return same(rng), a
    n, name = a.sizes[-1], a.names[-1]
    axes: dict[str, Any] = {name: n} if name else {}
    dense = L.dense(**axes) if name else L.dense(n)
    choices: list[tuple[Term, A]] = [
        (dense, a.resize(-1, rng.choice(SIZES))),
        (L.layer_norm(), a),
        (L.softmax(-1), a),
        (L.bias(), a),
        (L.spread(n, -1, name), a.drop(-1)),
        (L.reduce_max(0), a.insert(0, rng.choice(SIZES), None)),
        (L.split(n, axis=-1), a),
    ]
    if a.dtype == "float32" and name is None:
        choices += [
            (L.embedding(n), a.drop(-1)._replace(below=rng.randint(1, 9))),
            (L.one_hot(), a.drop(-1)._replace(below=n)),
        ]
    return rng.choice(choices)


def chain_to(rng: Random, a: A, steps: int) -> tuple[Term, A]:
    """A chain to the array `a`, and the array that it takes."""
    terms: list[Term] = []
    for _ in range(steps):
        term, a = before(rng, a)
        terms.append(term)
    return compose(identity, *reversed(terms)), a


def good(rng: Random) -> tuple[Term, list[A]]:
    """A well-typed term of one wire in and out, or of one wire in or out, and its domain."""
    a = array(rng)
    term, dom = chain_to(rng, a, rng.randrange(3))
    end = rng.random()
    if end < 0.2:
        return term >> L.discard, [dom]
    if end < 0.3:
        return term >> L.copy, [dom]
    if end < 0.4:
        return L.zero(real(rng).space), []
    return term, [dom]


def tail(rng: Random, wires: int) -> Term:
    """A term on so many wires, whatever they carry."""
    if wires == 0:
        return rng.choice([identity(0), L.zero(Real(2))])
    rows = [
        rng.choice([L.discard, L.copy, identity, L.spread(2), L.copy >> L.discard @ identity]) for _ in range(wires)
    ]
    return rng.choice([tensor(*rows), tensor(*[L.discard] * wires), L.permute(*rng.sample(range(wires), wires))])


def unreached(rng: Random, wires: int) -> Term:
    """Any term on so many wires: what follows a fault on all of them is never reached."""
    if wires == 0:
        return L.zero(Real(2))
    tails = [
        compose(L.add(wires), L.dense(3), L.softmax("nothing")),
        tensor(L.copy, identity(wires - 1)) >> tensor(L.conv(2), L.embedding(3), identity(wires - 1)),
    ]
    return rng.choice(tails)


def fresh(name: str, dom: Sequence[A]) -> str:
    """A name of an axis that no array has."""
    return next(n for i in range(99) if all((n := f"{name}{i}") not in a.names for a in dom))


# -- burying ---------------------------------------------------------------------------------


def feed(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    """The term with chains in front of some wires."""
    pairs = [chain_to(rng, a, rng.choice([0, 1, 1, 2, 4])) for a in dom]
    return compose(tensor(*[t for t, _ in pairs]), term), [a for _, a in pairs]


def far(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    """The term at the end, or near the end, of a long chain."""
    length = rng.randint(20, 200)
    links = [tensor(*[same(rng) if a.below is None else identity for a in dom]) for _ in range(5)]
    after = [tail(rng, term.arity[1])]
    after += [L.copy >> L.discard @ identity] * rng.randint(0, 100) if after[-1].arity[1] == 1 else []
    return compose(*[links[i % 5] for i in range(length)], term, *after), dom


def follow(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    return term >> tail(rng, term.arity[1]), dom


def beside(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    """The term in parallel with well-typed ones."""
    (left, a), (right, b) = (good(rng) if rng.random() < 0.6 else (identity(0), []) for _ in range(2))
    return tensor(left, term, right), a + dom + b


def crossed(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    """The term with its wires permuted on the way in."""
    order = list(range(len(dom)))
    rng.shuffle(order)
    return L.permute(*order) >> term, [dom[order.index(i)] for i in range(len(dom))]


def named(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    return L.block(rng.choice(["encoder", "head", "layer_1"]), term), dom


def shared(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    return L.tied(rng.choice(["cell", "table"]), term), dom


def sliced(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    """The term on every slice of a new axis, by name or by place."""
    if not dom:
        return term, dom
    n, name = rng.choice(SIZES), fresh("slice", dom)
    if rng.random() < 0.5:
        return L.over(name, term), [a.insert(rng.randint(0, a.rank), n, name) for a in dom]
    at = rng.choice([0, -1])
    return L.over(at, term), [a.insert(a.rank if at else 0, n, None) for a in dom]


def repeated(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    m, n = term.arity
    if m == n and m:
        return term ** rng.randint(2, 5), dom
    return term, dom


def stepped(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    """The term as the cell of a scan."""
    m, n = term.arity
    if m < 1:
        return term, dom
    carry = rng.randint(0, min(m - 1, n))
    size, name = rng.choice(SIZES), fresh("step", dom)
    stepping = [a.insert(rng.randint(0, a.rank), size, name) for a in dom[carry:]]
    return L.scan(term, name, carry), dom[:carry] + stepping


def coupled(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    if term.arity != (1, 1):
        return term, dom
    if dom[0].below is None and rng.random() < 0.5:
        return L.coupling(same(rng), term), [dom[0], dom[0]]
    return L.coupling(term, same(rng)), [real(rng), dom[0]]


def parametrised(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    """The term with its first wires from the side."""
    k = rng.randint(0, len(dom))
    kinds = ["param" if a.below is None else "state" for a in dom]
    ports = [Port(f"p{i}", kinds[i], dom[i].space[0]) for i in range(k)]
    return L.para(term, ports), dom[k:]


def traced(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    """The term inside a function of named wires."""
    if len(dom) == 1:
        return L.wired(lambda x: term(L.copy(x)[0])), dom
    if len(dom) == 2:
        return L.wired(lambda x, y: term(x, y)), dom
    if len(dom) == 3:
        return L.wired(lambda x, y, z: term(x, y, z)), dom
    return term, dom


def as_inference(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    """The term as it is once trained, unless that would change the box at fault."""
    changed = any(name in repr(term) for name in ("dropout", "batch_norm"))
    return term if changed else L.inference(term), dom


def checked(rng: Random, term: Term, dom: list[A]) -> tuple[Term, list[A]]:
    """The term after a type that is given, and right."""
    if not dom:
        return term, dom
    i = rng.randrange(len(dom))
    check = L.block("typed", identity.at(dom[i].space))
    return tensor(identity(i), check, identity(len(dom) - i - 1)) >> term, dom


SURROUNDINGS: tuple[Callable[[Random, Term, list[A]], tuple[Term, list[A]]], ...] = (
    feed,
    feed,
    follow,
    beside,
    crossed,
    named,
    shared,
    sliced,
    repeated,
    stepped,
    coupled,
    parametrised,
    traced,
    as_inference,
    checked,
)


def typing(rng: Random, term: Term, dom: list[A]) -> tuple[str, Callable[[], Any]]:
    """A construction that has to give the term the domain, and what it is called."""
    space = joined(dom)
    options: list[tuple[str, Callable[[], Any]]] = [
        ("at", lambda: term.at(*spaces(dom))),
        ("at", lambda: term.at(*spaces(dom))),
        ("at", lambda: term.at(*spaces(dom))),
        ("Typed", lambda: L.Typed(term, space)),
        ("compile", lambda: L.compile(term, space)),
        ("compile scan", lambda: L.compile(term, space, scan="auto")),
        ("expose", lambda: L.block("exposed", L.expose(term, space))),
        ("flops", lambda: L.flops(term, space)),
        ("reverse", lambda: L.reverse(term, space)),
        ("tangent", lambda: L.tangent(term, space)),
        ("typed identity >>", lambda: identity(len(dom)).at(space) >> term),
    ]
    if dom:
        chains = [chain_to(rng, a, 1) for a in dom]
        options.append(("typed >>", lambda: tensor(*[t.at(a.space) for t, a in chains]) >> identity(len(dom)) >> term))
    if dom and all(a.below is None for a in dom):
        options.append(("zero >>", lambda: (L.zero(space) >> term).at()))
        options.append(("typed zero >>", lambda: L.zero(space).at() >> term))
    return rng.choice(options)
