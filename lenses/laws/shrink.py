"""The smallest instance at which a law still fails.

A term is laid open as a net: boxes between numbered wires. A box is taken out by putting in the
place of its outputs wires that carry the same arrays (one of its inputs, a new input of the term, or
zero), so what is left is well-typed without being typed anew, and nothing after it is lost. Wires
between two variables of a law go from both at once, parts are opened, and sizes shrink everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..boxes.lookup import Constant
from ..boxes.structure import Check, Copy, Discard, Zero
from ..combinators import Block, Repeat, Tied
from ..errors import LensError, explain
from ..spaces import Array, Space
from ..terms import Box, Identity
from ..typed import Misfit, Typed
from ..wiring import Builder
from .instances import Instance
from .law import Law, Structure, Variable
from .rewrite import rewrite


class Knot(NamedTuple):
    """A box in a net, the wires it takes and the wires it gives."""

    box: Box
    ins: tuple[int, ...]
    outs: tuple[int, ...]


@dataclass(frozen=True)
class Net:
    """A term laid open: input wires, boxes in order, output wires, and the array on each wire.

    Copies and discards are left out: a wire may be used several times, or not at all.
    """

    inputs: tuple[int, ...]
    knots: tuple[Knot, ...]
    outs: tuple[int, ...]
    arrays: Mapping[int, Array]

    @classmethod
    def of(cls, term: Typed) -> Net:
        """The net of a typed term."""
        circuit = term.circuit
        arrays = dict(enumerate(term.dom))
        knots = []
        same: dict[int, int] = {}
        for cell in circuit.cells:
            arrays |= dict(zip(cell.outs, cell.cod, strict=True))
            ins = tuple(same.get(w, w) for w in cell.ins)
            if isinstance(cell.box, Copy):
                same |= dict.fromkeys(cell.outs, ins[0])
            elif not isinstance(cell.box, Discard):
                knots.append(Knot(cell.box, ins, cell.outs))
        outs = tuple(same.get(w, w) for w in circuit.outs)
        return cls(tuple(range(len(term.dom))), tuple(knots), outs, arrays)

    def term(self) -> Typed:
        """The typed term of the net."""
        builder = Builder(len(self.inputs))
        wires = dict(zip(self.inputs, builder.wires(), strict=True))
        for knot in self.knots:
            wires |= dict(zip(knot.outs, builder.apply(knot.box, [wires[w] for w in knot.ins]), strict=True))
        return Typed(builder.term([wires[w] for w in self.outs]), Space(self.arrays[w] for w in self.inputs))

    @property
    def next(self) -> int:
        """A number that no wire has."""
        return max(self.arrays, default=-1) + 1

    def rename(self, new: Mapping[int, int]) -> Net:
        """The net with wires put in the place of others."""
        knots = tuple(k._replace(ins=tuple(new.get(w, w) for w in k.ins)) for k in self.knots)
        return replace(self, knots=knots, outs=tuple(new.get(w, w) for w in self.outs))

    def without(self, places: set[int], free: bool, way: str) -> Net | None:
        """The net without the boxes at these places; `way` is what stands in for their outputs."""
        net = self
        for place in sorted(places, reverse=True):
            knot = net.knots[place]
            new: dict[int, int] = {}
            added: list[int] = []
            made: list[Knot] = []
            arrays = dict(net.arrays)
            for w in knot.outs:
                same = [i for i in knot.ins if arrays[i] == arrays[w]]
                if way == "earlier":
                    before = (*net.inputs, *(o for k in net.knots[:place] for o in k.outs))
                    same = [i for i in reversed(before) if arrays[i] == arrays[w]]
                if way in ("through", "earlier") and same:
                    new[w] = same[0]
                elif free and way != "zero":
                    fresh = max(arrays) + 1
                    arrays[fresh] = arrays[w]
                    new[w] = fresh
                    added.append(fresh)
                elif way == "zero" and arrays[w].change is not None and not isinstance(knot.box, Zero):
                    fresh = max(arrays) + 1
                    arrays[fresh] = arrays[w]
                    new[w] = fresh
                    made.append(Knot(Zero(Space([arrays[w]])), (), (fresh,)))
                else:
                    return None
            knots = (*net.knots[:place], *made, *net.knots[place + 1 :])
            net = replace(net, inputs=(*net.inputs, *added), knots=knots, arrays=arrays).rename(new)
        return net

    def pruned(self) -> Net:
        """The net without boxes whose outputs nothing uses."""
        needed, kept = set(self.outs), []
        for knot in reversed(self.knots):
            if any(w in needed for w in knot.outs):
                needed.update(knot.ins)
                kept.append(knot)
        return replace(self, knots=tuple(reversed(kept)))

    def used(self) -> set[int]:
        """The wires that something takes."""
        return {w for k in self.knots for w in k.ins} | set(self.outs)

    def opened(self, place: int) -> Net | None:
        """The net with the part at a place opened; of a repeat, one time is left."""
        knot = self.knots[place]
        if not isinstance(knot.box, Block | Tied | Repeat):
            return None
        inner = Net.of(Typed(knot.box.term, Space(self.arrays[w] for w in knot.ins)))
        arrays = dict(self.arrays)
        new = dict(zip(inner.inputs, knot.ins, strict=True))
        knots = []
        for k in inner.knots:
            for w in k.outs:
                new[w] = max(arrays) + 1
                arrays[new[w]] = inner.arrays[w]
            knots.append(Knot(k.box, tuple(new[w] for w in k.ins), tuple(new[w] for w in k.outs)))
        whole = replace(self, knots=(*self.knots[:place], *knots, *self.knots[place + 1 :]), arrays=arrays)
        return whole.rename({w: new[o] for w, o in zip(knot.outs, inner.outs, strict=True)})


def size(instance: Instance) -> tuple[int, int, int]:
    """What shrinking makes small: boxes (zeros aside), wires and zeros, elements."""
    boxes = wires = elements = zeros = 0
    for term in instance.terms.values():
        for cell in term.circuit.cells:
            empty = isinstance(cell.box, Zero | Constant | Check)
            zeros += empty
            boxes += 0 if empty else 1 + _inside(cell)
            elements += sum(a.size for a in cell.cod)
        wires += len(term.dom) + len(term.cod)
        elements += sum(a.size for a in term.dom)
    for space in instance.spaces.values():
        wires += len(space)
        elements += sum(a.size for a in space)
    return boxes, wires + zeros, elements


def _inside(cell: Any) -> int:
    return 0 if cell.inner is None else sum(not isinstance(c.box, Check) + _inside(c) for c in cell.inner.cells)


def shrink(instance: Instance, fails: Callable[[Instance], bool], tries: int = 600) -> Instance:
    """The smallest instance found at which `fails` is still true, after at most so many tries."""
    best, least = instance, size(instance)
    left = tries
    seen: set[Any] = set()
    progress = True
    while progress and left > 0:
        progress = False
        for candidate in _smaller(best):
            key = (tuple(candidate.terms.values()), tuple(candidate.spaces.values()))
            if key in seen:
                continue
            seen.add(key)
            now = size(candidate)
            if now >= least:
                continue
            left -= 1
            if fails(candidate):
                best, least, progress = candidate, now, True
                break
            if left <= 0:
                break
    return best


def smallest(term: Typed, fails: Callable[[Typed], bool], tries: int = 600) -> Typed:
    """The smallest typed term found, from `term` on, at which `fails` is still true.

    For tests of one's own: boxes are taken out, parts opened, wires dropped and sizes made small, each
    time to a well-typed term. Raises LensError where `fails` is not true of `term` itself.
    """
    if not fails(term):
        raise LensError(explain("smallest: the term given does not fail", term=repr(term)))
    claim = Law("own", "", "", Structure("own", ""), 0, fails, (Variable("f", "A", "B"),))
    found = shrink(Instance(claim, {"f": term}, {}), lambda instance: fails(instance.terms["f"]), tries)
    return found.terms["f"]


def _smaller(instance: Instance) -> Iterator[Instance]:
    """Smaller neighbours of an instance, the boldest first; those that do not type are left out."""
    for make in (
        _identities,
        _alone,
        _boxes,
        _letters,
        _threads,
        _parts,
        _insides,
        _outputs,
        _rewired,
        _spaces,
        _sizes,
    ):
        try:
            yield from make(instance)
        except (LensError, Misfit):
            continue


def _with(instance: Instance, **terms: Typed) -> Instance | None:
    """The instance with other terms, if the types of the law's variables still agree."""
    new = replace(instance, terms={**instance.terms, **terms})
    bound: dict[str, Space] = {}
    for v in instance.law.variables:
        term = new.terms[v.name]
        for letter, space in ((v.dom, term.dom), (v.cod, term.cod)):
            if bound.setdefault(letter, space) != space:
                return None
    return new


def _free(instance: Instance, letter: str, name: str) -> bool:
    """Whether a letter belongs to one variable alone, and to it once."""
    uses = [v.name for v in instance.law.variables for x in (v.dom, v.cod) if x == letter]
    return uses == [name] and not ("para" in instance.law.needs and letter in ("P", "O"))


def _identities(instance: Instance) -> Iterator[Instance]:
    for v in instance.law.variables:
        term = instance.terms[v.name]
        if not term.circuit.cells:
            continue
        for space, free in ((term.dom, _free(instance, v.cod, v.name)), (term.cod, _free(instance, v.dom, v.name))):
            if free or term.dom == term.cod:
                found = _with(instance, **{v.name: Typed(Identity(len(space)), space)})
                if found:
                    yield found


def _alone(instance: Instance) -> Iterator[Instance]:
    """One box of a variable alone in its place, where both its ends are free or the others become identities."""
    for v in instance.law.variables:
        for cell in instance.terms[v.name].circuit.cells:
            if len(instance.terms[v.name].circuit.cells) == 1:
                continue
            alone = Typed(cell.box, cell.dom)
            terms = {v.name: alone}
            ends = {v.dom: alone.dom, v.cod: alone.cod}
            for other in instance.law.variables:
                if other.name == v.name:
                    continue
                if (other.dom, other.cod) == (v.dom, v.cod):
                    terms[other.name] = alone
                elif other.dom in ends or other.cod in ends:
                    space = ends.get(other.dom, ends.get(other.cod))
                    assert space is not None
                    terms[other.name] = Typed(Identity(len(space)), space)
            try:
                found = _with(instance, **terms)
            except LensError:
                continue
            if found:
                yield found


def _boxes(instance: Instance) -> Iterator[Instance]:
    for v in instance.law.variables:
        net = Net.of(instance.terms[v.name])
        free = _free(instance, v.dom, v.name)
        count = len(net.knots)
        chunk = count
        while chunk:
            for start in range(0, count, chunk):
                places = set(range(start, min(start + chunk, count)))
                for way in ("through", "earlier", "input", "zero"):
                    smaller = net.without(places, free, way)
                    if smaller is None:
                        continue
                    for final in (smaller.pruned(), smaller):
                        yield from _settled(instance, v, final, free)
            chunk //= 2


def _settled(instance: Instance, v: Any, net: Net, free: bool) -> Iterator[Instance]:
    if free:
        used = net.used()
        net = replace(net, inputs=tuple(w for w in net.inputs if w in used))
    found = _with(instance, **{v.name: net.term()})
    if found:
        yield found


def _parts(instance: Instance) -> Iterator[Instance]:
    for v in instance.law.variables:
        net = Net.of(instance.terms[v.name])
        for place in range(len(net.knots)):
            opened = net.opened(place)
            if opened is not None:
                yield from _settled(instance, v, opened, False)


def _rewired(instance: Instance) -> Iterator[Instance]:
    """Lets a box take another wire that carries the same array."""
    for v in instance.law.variables:
        net = Net.of(instance.terms[v.name])
        before = list(net.inputs)
        for place, knot in enumerate(net.knots):
            for i, w in enumerate(knot.ins):
                for other in before:
                    if other != w and net.arrays[other] == net.arrays[w]:
                        changed = knot._replace(ins=(*knot.ins[:i], other, *knot.ins[i + 1 :]))
                        knots = (*net.knots[:place], changed, *net.knots[place + 1 :])
                        yield from _settled(
                            instance, v, replace(net, knots=knots).pruned(), _free(instance, v.dom, v.name)
                        )
            before += knot.outs


def _insides(instance: Instance) -> Iterator[Instance]:
    """Takes boxes out of parts that stay."""
    for v in instance.law.variables:
        net = Net.of(instance.terms[v.name])
        for place, knot in enumerate(net.knots):
            if not isinstance(knot.box, Block | Tied | Repeat):
                continue
            inner = Net.of(Typed(knot.box.term, Space(net.arrays[w] for w in knot.ins)))
            narrow = _narrowed(net, place, inner)
            if narrow is not None:
                yield from _settled(instance, v, narrow, _free(instance, v.dom, v.name))
            for at in range(len(inner.knots)):
                for way in ("through", "earlier", "zero"):
                    smaller = inner.without({at}, False, way)
                    if smaller is None:
                        continue
                    term = smaller.pruned().term().term
                    if isinstance(term, Identity):
                        continue
                    box = type(knot.box)(**{**knot.box.fields, "term": term})
                    knots = (*net.knots[:place], knot._replace(box=box), *net.knots[place + 1 :])
                    yield from _settled(instance, v, replace(net, knots=knots), False)


def _narrowed(net: Net, place: int, inner: Net) -> Net | None:
    """The net whose part at a place has only the wires that are used, inside of it or after it."""
    knot = net.knots[place]
    if not isinstance(knot.box, Block | Tied):
        return None
    used = net.used()
    outs = [i for i, w in enumerate(knot.outs) if w in used]
    smaller = replace(inner, outs=tuple(inner.outs[i] for i in outs)).pruned()
    taken = smaller.used()
    ins = [i for i, w in enumerate(inner.inputs) if w in taken]
    if len(outs) == len(knot.outs) and len(ins) == len(knot.ins):
        return None
    smaller = replace(smaller, inputs=tuple(inner.inputs[i] for i in ins))
    term = smaller.term().term
    if isinstance(term, Identity):
        return None
    box = type(knot.box)(**{**knot.box.fields, "term": term})
    narrow = Knot(box, tuple(knot.ins[i] for i in ins), tuple(knot.outs[i] for i in outs))
    return replace(net, knots=(*net.knots[:place], narrow, *net.knots[place + 1 :]))


def _outputs(instance: Instance) -> Iterator[Instance]:
    for v in instance.law.variables:
        net = Net.of(instance.terms[v.name])
        dom_free = _free(instance, v.dom, v.name)
        if _free(instance, v.cod, v.name):
            makers = {w: knot for knot in net.knots for w in knot.outs}
            for i, w in enumerate(net.outs):
                if w in makers:  # what the last box takes, in the place of what it gives
                    earlier = replace(net, outs=net.outs[:i] + makers[w].ins + net.outs[i + 1 :])
                    yield from _settled(instance, v, earlier.pruned(), dom_free)
            for i in range(len(net.outs)):
                fewer = replace(net, outs=net.outs[:i] + net.outs[i + 1 :])
                for final in (fewer.pruned(), fewer):
                    yield from _settled(instance, v, final, dom_free)
        if dom_free:
            used = net.used()
            for w in net.inputs:
                if w not in used:
                    yield from _settled(instance, v, replace(net, inputs=tuple(i for i in net.inputs if i != w)), False)
                else:  # one input in the place of another
                    for u in net.inputs:
                        if u != w and net.arrays[u] == net.arrays[w]:
                            yield from _settled(instance, v, net.rename({w: u}), True)


def _letters(instance: Instance) -> Iterator[Instance]:
    """Drops one wire of a letter from every variable that has it."""
    letters = dict.fromkeys(x for v in instance.law.variables for x in (v.dom, v.cod))
    for letter in letters:
        users = [v for v in instance.law.variables if letter in (v.dom, v.cod)]
        first = instance.terms[users[0].name]
        width = len(first.dom if users[0].dom == letter else first.cod)
        for wire in range(width):
            terms: dict[str, Typed] | None = {}
            for v in users:
                net = _dropped(Net.of(instance.terms[v.name]), wire, v.dom == letter, v.cod == letter)
                if net is None:
                    terms = None
                    break
                assert terms is not None
                terms[v.name] = net.pruned().term()
            if terms:
                found = _with(instance, **terms)
                if found:
                    yield found


def _threads(instance: Instance) -> Iterator[Instance]:
    """Drops the wire at one place from every letter at once: what runs through identities goes nowhere else."""
    nets = {v.name: Net.of(instance.terms[v.name]) for v in instance.law.variables}
    for wire in range(min((min(len(n.inputs), len(n.outs)) for n in nets.values()), default=0)):
        terms = {name: _dropped(net, wire, True, True) for name, net in nets.items()}
        found = [(name, net.pruned().term()) for name, net in terms.items() if net is not None]
        smaller = _with(instance, **dict(found)) if len(found) == len(nets) else None
        if smaller:
            yield smaller


def _dropped(net: Net, wire: int, start: bool, end: bool) -> Net | None:
    if end:
        net = replace(net, outs=net.outs[:wire] + net.outs[wire + 1 :])
    if start:
        gone = net.inputs[wire]
        rest = tuple(w for w in net.inputs if w != gone)
        if gone in net.used():
            same = [w for w in rest if net.arrays[w] == net.arrays[gone]]
            if same:
                return replace(net.rename({gone: same[0]}), inputs=rest)
            if net.arrays[gone].change is None:
                return None
            zero = Knot(Zero(Space([net.arrays[gone]])), (), (gone,))
            return replace(net, inputs=rest, knots=(zero, *net.knots))
        return replace(net, inputs=rest)
    return net


def _spaces(instance: Instance) -> Iterator[Instance]:
    for name, space in instance.spaces.items():
        for i in range(len(space)):
            if len(space) > 1:
                fewer = Space(space.arrays[:i] + space.arrays[i + 1 :])
                yield replace(instance, spaces={**instance.spaces, name: fewer})


# -- sizes -----------------------------------------------------------------------------------

SIZED = ("sizes", "size", "features")
"""Fields of boxes that hold sizes of axes."""


def _sizes(instance: Instance) -> Iterator[Instance]:
    found = {n for t in instance.terms.values() for a in (*t.dom, *t.cod) for n in a.sizes}
    found |= {n for s in instance.spaces.values() for a in s for n in a.sizes}
    for old in sorted(found, reverse=True):
        for new in [n for n in (1, 2, 3) if n < old]:
            try:
                terms = {name: resized(term, old, new) for name, term in instance.terms.items()}
                smaller = _with(replace(instance, terms=terms))
            except (LensError, Misfit, TypeError, ValueError):
                continue
            if smaller:
                spaces = {name: _space(space, old, new) for name, space in instance.spaces.items()}
                yield replace(smaller, spaces=spaces)


def resized(term: Typed, old: int, new: int) -> Typed:
    """The term with every axis of size `old` of size `new`, in its domain and in the data of its boxes."""

    def array(a: Array) -> Array:
        return Array([new if n == old else n for n in a.sizes], a.names, a.element)

    def field(name: str, value: Any) -> Any:
        return new if name in SIZED and value == old else value

    return rewrite(term, array, field)


def _space(space: Space, old: int, new: int) -> Space:
    return Space(Array([new if n == old else n for n in a.sizes], a.names, a.element) for a in space)
