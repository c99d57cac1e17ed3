"""Terms: the free symmetric monoidal category over boxes.

A term is an immutable value with an arity, (wires in, wires out), known when it is built:

- `Box`: a generator, one small class a kind; see its docstring for what a box says about itself.
- `f >> g`, `compose(f, g, ...)`: sequential composition, n-ary and flat.
- `f @ g`, `tensor(f, g, ...)`: parallel composition, n-ary and flat.
- `identity`, `swap`, `permute`: wiring, erased in the normal form.

``f == g`` is equality in the free symmetric monoidal category (associativity, units, interchange,
naturality of swap), decided on the canonical wiring graph. Parameters belong to boxes, so equal
terms have equal trees of parameters. Nothing here recurses: a chain may be 100 000 boxes long.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

from .arguments import is_whole
from .errors import ArityError, LensError, explain, shown
from .graph import Graph, Node, canonical
from .ports import Port
from .spaces import Array, Index, Real, Space
from .strands import Strand

if TYPE_CHECKING:
    from .typed import Typed


class Term:
    """A morphism of the free symmetric monoidal category over boxes; see the module."""

    arity: tuple[int, int]
    typed: ClassVar[bool] = False
    checks: bool = False  # whether a type that was given is kept in it, as a box that checks it
    __array_ufunc__ = None  # so that NumPy leaves ``array @ term`` to the term, which says what is wrong

    def compose_typed(self, terms: Sequence[Term]) -> Term:
        """The composite of terms of which some are typed, this one among them."""
        raise TypeError("only a typed term composes typed ones")

    def tensor_typed(self, terms: Sequence[Term]) -> Term:
        """The tensor of terms of which some are typed, this one among them."""
        raise TypeError("only a typed term composes typed ones")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a term cannot be changed, so its {name} cannot be set; build another one")

    def _set(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __rshift__(self, other: Term) -> Term:
        # What takes terms (a causal map) says itself what a term before it is.
        return NotImplemented if getattr(other, "takes_terms", False) else compose(self, other)

    def __rrshift__(self, other: Any) -> Term:
        return compose(other, self)

    def __matmul__(self, other: Term) -> Term:
        return NotImplemented if getattr(other, "takes_terms", False) else tensor(self, other)

    def __rmatmul__(self, other: Any) -> Term:
        return tensor(other, self)

    def __pow__(self, times: int) -> Term:
        """``f ** n``: f repeated n times, each with its own parameters, stacked; compiles to a scan."""
        from .combinators import repeat

        return repeat(self, times)

    def at(self, *spaces: Space) -> Typed:
        """The term typed at the domain `spaces[0] @ spaces[1] @ ...`; raises SpaceError where it does not fit."""
        from .typed import Typed

        return Typed(self, tensor_spaces(spaces))

    def __call__(self, *arguments: Any) -> Any:
        """Applies the term: to wires inside `wired`, giving wires; to arrays, giving arrays.

        On arrays the term must have no parameters (compile it otherwise), and each array is taken
        as a whole, without batch axes.
        """
        from .wiring import call

        return call(self, arguments)

    @property
    def parts(self) -> tuple[Term, ...]:
        """The term as a chain: the flat factors of `>>`; a term that is no composite is its only part."""
        return (self,)

    @cached_property
    def graph(self) -> Graph:
        """The canonical wiring graph, which two terms share exactly when they are equal."""
        return canonical(to_graph(self))

    @cached_property
    def axis_names(self) -> Any:
        """The names of axes that its boxes hold as data: equality leaves them out, but types depend on them."""
        return tuple([node.box.axis_names for node in self.graph.nodes])

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Term) or self.arity != other.arity:
            return False
        return _same_shape(self, other) or self._code == other._code

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _code(self) -> Any:
        return self.graph.code

    @cached_property
    def _hash(self) -> int:
        return hash(self._code)

    def __repr__(self) -> str:
        from .syntax import render

        return render(self).text

    def __getstate__(self) -> Any:
        raise LensError(
            explain("a term is not pickled", because="unpickling runs code", do="save it as data with lenses.save_term")
        )

    def __reduce__(self) -> Any:
        return self.__getstate__()


class Seq(Term):
    """f1 >> f2 >> ...: at least two factors, none of them a Seq or an identity. Built by `compose`."""

    _pieces: Sequence[Term] | None

    def __init__(self, pieces: Sequence[Term], arity: tuple[int, int]):
        self._set(_pieces=pieces, arity=arity, checks=any([t.checks for t in pieces]))

    @cached_property
    def parts(self) -> tuple[Term, ...]:
        assert self._pieces is not None
        parts = tuple(_flatten(self._pieces, Seq))
        self._set(_pieces=None)
        return parts


class Par(Term):
    """f1 @ f2 @ ...: at least two factors, none of them a Par. Built by `tensor`."""

    _pieces: Sequence[Term] | None

    def __init__(self, pieces: Sequence[Term], arity: tuple[int, int]):
        self._set(_pieces=pieces, arity=arity, checks=any([t.checks for t in pieces]))

    @cached_property
    def factors(self) -> tuple[Term, ...]:
        """The flat factors of `@`, neighbouring identities merged."""
        assert self._pieces is not None
        result: list[Term] = []
        for term in _flatten(self._pieces, Par):
            if result and isinstance(term, Identity) and isinstance(result[-1], Identity):
                result[-1] = Identity(result[-1].wires + term.wires)
            else:
                result.append(term)
        self._set(_pieces=None)
        return tuple(result)


def _flatten(pieces: Sequence[Term], kind: type[Seq] | type[Par]) -> Iterator[Term]:
    # Composites keep the terms they were built from until someone looks, so that a chain built
    # one factor at a time costs linear time, however it was bracketed.
    stack = list(reversed(pieces))
    while stack:
        term = stack.pop()
        if not isinstance(term, kind):
            yield term
        elif term._pieces is not None:
            stack.extend(reversed(term._pieces))
        else:
            yield from (term.parts if isinstance(term, Seq) else term.factors)


@dataclass_transform(frozen_default=True, eq_default=False)
class Box(Term):
    """A generator. One small class says everything about a kind of box, and anything else asks it.

    A subclass is made a frozen dataclass; its fields are plain data (numbers, strings, tuples,
    spaces, terms), so that a box can be printed, compared and saved. It says

    - `arity`, a class attribute or a property;
    - `type(dom)`: the codomain at a domain, raising through `self.fail` where there is none;
    - `ports(dom)`: the wires from the side (parameters, states, random keys) with initialisers;
    - `apply(cx, p, *xs)`: its meaning in `jax.numpy`, an array or a tuple of arrays. It acts on its
      own axes, the last ones, and broadcasts over all leading axes. `p["name"]` is a port's value,
      `cx.dom` the typed domain;
    - `forward` and `backward`: the lens with its residual, where the one that `jax.vjp` makes of
      `apply` can be beaten;
    - `reverse_term(dom)`: the reverse derivative as a term, where it has one;
    - `linear`, `elementwise`: what rules and pictures want to know; `glyph`: how it is drawn;
      `strands(dom)`: the axes that run past it, since it takes each slice along them by itself;
    - `levels`: whether inputs with fewer batch axes than others are broadcast before it sees them;
      `flops(dom)`: multiplications and additions for one application;
    - `examples()`: small typed terms of one such box, on which its laws are checked.
    """

    registry: ClassVar[dict[str, type[Box]]] = {}
    spelling: ClassVar[str] = ""
    glyph: ClassVar[str] = "box"
    linear: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False
    operator: ClassVar[bool] = False
    levels: ClassVar[bool] = True
    passes: ClassVar[bool] = False  # whether its meaning is a whole pass through a term
    derives: ClassVar[bool] = True  # whether its backward pass is its reverse derivative
    _names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        known = Box.registry.get(cls.__name__)
        if known is not None and known.__module__ != cls.__module__:
            raise LensError(
                explain(
                    f"there is already a box class {cls.__name__}, in {known.__module__}",
                    do="give your class another name: files refer to box classes by name",
                )
            )
        dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
        cls._names = tuple(f.name for f in dataclasses.fields(cls))  # type: ignore[arg-type]
        Box.registry[cls.__name__] = cls
        if "spelling" not in cls.__dict__:
            cls.spelling = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    # -- syntax ------------------------------------------------------------------------------
    @property
    def fields(self) -> dict[str, Any]:
        """The box's data by field name."""
        return {name: self.__dict__[name] for name in self._names}

    @cached_property
    def identity(self) -> Any:
        """What makes this generator this generator: its class and its data."""
        return (type(self), *[self.__dict__[name] for name in self._names])

    @cached_property
    def axis_names(self) -> Any:
        return tuple(
            [_axis_names(v) for v in map(self.__dict__.get, self._names) if isinstance(v, Space | Term | tuple)]
        )

    @property
    def label(self) -> str:
        """The name under which its parameters are kept."""
        return self.spelling

    def spell(self) -> str:
        """The source text of the box; the default is a call with the fields that are not at their default."""
        arguments, keyword = [], False
        for f in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            if f.default is not dataclasses.MISSING and value == f.default:
                keyword = True
            else:
                arguments.append(f"{f.name}={literal(value)}" if keyword else literal(value))
        return f"{self.spelling}({', '.join(arguments)})"

    def fail(self, wire: int | str, expected: object, came: object, do: str | None = None) -> Any:
        """Raises the SpaceError of this box: which wire, what was expected, what came, what to do."""
        from .typed import Misfit

        raise Misfit(self, wire, expected, came, do)

    # -- types -------------------------------------------------------------------------------
    def type(self, dom: Space) -> Space:
        """The codomain at the domain `dom`."""
        raise NotImplementedError(type(self).__name__)

    def ports(self, dom: Space) -> tuple[Port, ...]:
        """The wires from the side at the domain `dom`."""
        return ()

    def flops(self, dom: Space) -> int:
        """Multiplications and additions of one application; by default one an element of the codomain."""
        return sum(array.size for array in self.type(dom))

    # -- meaning -----------------------------------------------------------------------------
    def apply(self, cx: Any, p: Any, *xs: Any) -> Any:
        """The meaning in JAX: an array for one output wire, a tuple of arrays otherwise."""
        raise NotImplementedError(type(self).__name__)

    def run(self, cx: Any, p: Any, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        """The outputs and the new states; boxes with states define this in place of `apply`."""
        ys = self.apply(cx, p, *xs)
        return ys if isinstance(ys, tuple) else (ys,), {}

    def forward(self, cx: Any, p: Any, xs: Sequence[Any]) -> tuple[tuple[Any, ...], Any, Any]:
        """The forward pass of the lens: outputs, new states, and what is kept for `backward`."""
        from .opaque import forward

        return forward(self, cx, p, xs)

    def backward(self, cx: Any, p: Any, kept: Any, ds: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
        """The backward pass: changes of the parameters (a dict) and of the inputs."""
        from .opaque import backward

        return backward(self, cx, p, kept, ds)

    def reverse_term(self, dom: Space) -> Term | None:
        """R of the box with its parameters as plain wires, P @ A @ B' -> P' @ A'; None if it has no term."""
        return None

    def strands(self, dom: Space) -> Sequence[Strand]:
        """The axes that the box does not act along, and what becomes of them; by default it acts along all."""
        return ()

    # -- laws --------------------------------------------------------------------------------
    @classmethod
    def examples(cls) -> Sequence[Term]:
        """Small typed terms of one box of this class, on which its laws are checked; none by default."""
        return ()


_PLAIN = (int, float, str)


def _axis_names(value: Any) -> Any:
    """The names of axes in a field of a box."""
    if isinstance(value, tuple):
        return tuple([port.array.names for port in value if isinstance(port, Port)])
    return value.names if isinstance(value, Space) else value.axis_names if isinstance(value, Term) else ()


def literal(value: Any) -> str:
    """The value as source text that reads back; floats that are not finite too."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return repr(value)


# -- wiring ---------------------------------------------------------------------------------


def _plural(n: int) -> str:
    return f"{n} wire" if n == 1 else f"{n} wires"


class Identity(Box):
    """The identity on `wires` wires."""

    glyph: ClassVar[str] = "wire"
    linear: ClassVar[bool] = True
    wires: int = 1

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (self.wires, self.wires)

    def spell(self) -> str:
        return "identity" if self.wires == 1 else f"identity({self.wires})"

    def type(self, dom: Space) -> Space:
        return dom

    def strands(self, dom: Space) -> Sequence[Strand]:
        return [Strand(((i, a),), ((i, a),)) for i, x in enumerate(dom) for a in range(x.rank)]

    @classmethod
    def examples(cls) -> Sequence[Term]:
        return [identity.at(Real(2)), identity(2).at(Real(2, 3), Index(below=3)), identity(0).at()]

    def __call__(self, *arguments: Any) -> Any:
        return Identity(one_count("identity", arguments, 0)) if all_counts(arguments) else super().__call__(*arguments)


class Permute(Box):
    """A permutation of wires: output j is input `order[j]`. `swap` is ``permute(1, 0)``."""

    glyph: ClassVar[str] = "wire"
    linear: ClassVar[bool] = True
    order: tuple[int, ...] = (1, 0)

    @property
    def arity(self) -> tuple[int, int]:  # type: ignore[override]
        return (len(self.order), len(self.order))

    def spell(self) -> str:
        return "swap" if self.order == (1, 0) else f"permute({', '.join(map(str, self.order))})"

    def type(self, dom: Space) -> Space:
        return Space(dom[i] for i in self.order)

    def strands(self, dom: Space) -> Sequence[Strand]:
        return [Strand(((i, a),), ((o, a),)) for o, i in enumerate(self.order) for a in range(dom[i].rank)]

    @classmethod
    def examples(cls) -> Sequence[Term]:
        three, pairs = permute(2, 0, 1), (Real(2), Real(3))
        return [*(swap.at(Real(2), x) for x in pairs), *(three.at(Real(2), Index(3, below=2), x) for x in pairs)]

    def __call__(self, *arguments: Any) -> Any:
        if not all_counts(arguments):
            return super().__call__(*arguments)
        if len(arguments) != 2:
            raise ArityError(explain(f"swap{shown(arguments)}", expected="swap(m, n): how many wires cross how many"))
        m, n = (one_count("swap", (k,), 0) for k in arguments)
        return permute(*range(m, m + n), *range(m))


def all_counts(arguments: tuple[Any, ...]) -> bool:
    """Whether a box is being called with numbers of wires, as in ``copy(3)``, and not applied."""
    return bool(arguments) and all(isinstance(a, int) for a in arguments)


def one_count(name: str, arguments: tuple[Any, ...], least: int) -> int:
    """The one number of wires in the arguments; raises ArityError if it is none or too small."""
    if len(arguments) != 1 or not is_whole(arguments[0], least):
        raise ArityError(explain(f"{name}{shown(arguments)}", expected=f"one whole number, {least} or more"))
    return arguments[0]


identity = Identity()
"""The identity on one wire; ``identity(n)`` on n wires."""
swap = Permute()
"""Two wires crossed; ``swap(m, n)`` crosses m wires with n."""


def permute(*order: int) -> Term:
    """The permutation of wires whose output j is input ``order[j]``."""
    if not all(is_whole(i, 0) for i in order) or sorted(order) != list(range(len(order))):
        raise ArityError(explain(f"permute{shown(order)}", expected=f"each of 0 to {len(order) - 1} once"))
    return Identity(len(order)) if list(order) == sorted(order) else Permute(tuple(order))


# -- composition -----------------------------------------------------------------------------


def compose(*terms: Term) -> Term:
    """f1 >> f2 >> ...; associative and unital on the nose. Raises ArityError, and SpaceError if types are known."""
    if not terms:
        raise ArityError(explain("compose() of no terms", do="use identity(n), which says on how many wires"))
    check_terms("composed", terms)
    for left, right in pairwise(terms):
        if left.arity[1] != right.arity[0]:
            raise _mismatch(left, right)
    kept = [t for t in terms if not isinstance(t, Identity)] or [terms[0]]
    typed = next((t for t in kept if t.typed), None)
    if typed is not None:
        return typed.compose_typed(kept)
    return kept[0] if len(kept) == 1 else Seq(kept, (kept[0].arity[0], kept[-1].arity[1]))


def tensor(*terms: Term) -> Term:
    """f1 @ f2 @ ...; associative and unital on the nose, the unit being ``identity(0)``."""
    check_terms("put in parallel", terms)
    kept = [t for t in terms if not (isinstance(t, Identity) and t.wires == 0)]
    typed = next((t for t in kept if t.typed), None)
    if typed is not None:
        return typed.tensor_typed(kept)
    if all(isinstance(t, Identity) for t in kept):
        return Identity(sum(t.arity[0] for t in kept))
    if len(kept) == 1:
        return kept[0]
    return Par(kept, (sum(t.arity[0] for t in kept), sum(t.arity[1] for t in kept)))


def check_terms(how: str, terms: Sequence[Any]) -> None:
    """Raises ArityError, which is a TypeError, for the first of `terms` that is none; `how` says what is done."""
    for value in terms:
        if not isinstance(value, Term):
            from .syntax import shorten

            beside = next((shorten(t) for t in terms if isinstance(t, Term)), None)
            do = "make a JAX function a box with lift(fn); apply a term to wires and arrays by calling it, term(x)"
            raise ArityError(
                explain(f"{shown(value)} is no term, so it cannot be {how}", beside=beside, expected="a term", do=do)
            )


def _mismatch(left: Term, right: Term) -> ArityError:
    from .syntax import shorten

    def end(term: Term, side: int) -> str:
        wires = _plural(term.arity[side])
        if term.typed:
            wires += f", {term.cod if side else term.dom!r}"  # type: ignore[attr-defined]
        return wires

    out, into = left.arity[1], right.arity[0]
    last, first = shorten(left.parts[-1], 60), shorten(right.parts[0], 60)
    do = None
    if (out, into) == (2, 1):
        do = "join the two wires first, e.g. with add or concatenate(), or drop one with discard"
    elif (out, into) == (1, 2):
        do = "copy the wire first: ... >> copy >> ..."
    return ArityError(
        explain(
            f"{_plural(out)} into {into}: {last} cannot be followed by {first}",
            left=f"{shorten(left, 70)} ends in {end(left, 1)}",
            right=f"{shorten(right, 70)} starts with {end(right, 0)}",
            do=do,
        )
    )


def tensor_spaces(spaces: Iterable[Space]) -> Space:
    """The concatenation of spaces; raises LensError for anything that is no space."""
    arrays: list[Array] = []
    for space in spaces:
        if not isinstance(space, Space):
            raise LensError(
                explain(f"{shown(space)} is no space", do="write Real(64), Real(h=28, w=28) @ Index(below=10), ...")
            )
        arrays += space.arrays
    return Space(arrays)


def to_graph(term: Term) -> Graph:
    """The wiring graph of a term, nodes in the order of its text, in linear time."""
    nodes: list[Node] = []
    fresh = term.arity[0]
    leaf = 0
    # A frame is [kind, factors, position, wires, taken, collected]: for a tensor `wires` are its
    # inputs, of which the factors so far have `taken` some, and `collected` their outputs.
    frames: list[list[Any]] = []
    ins: tuple[int, ...] = tuple(range(fresh))
    current: Term | None = term
    outs: tuple[int, ...] = ()
    while True:
        if current is not None:
            if isinstance(current, Seq):
                frames.append([Seq, current.parts, 0, ins, 0, None])
                current = current.parts[0]
                continue
            if isinstance(current, Par):
                frames.append([Par, current.factors, 0, ins, 0, []])
                current = current.factors[0]
                ins = ins[: current.arity[0]]
                continue
            box: Any = current
            if isinstance(box, Identity):
                outs = ins
            elif isinstance(box, Permute):
                outs = tuple([ins[i] for i in box.order])
            else:
                outs = tuple(range(fresh, fresh + box.arity[1]))
                fresh += box.arity[1]
                nodes.append(Node(box, ins, outs, leaf))
            leaf += 1
        if not frames:
            return Graph(term.arity[0], tuple(nodes), outs)
        frame = frames[-1]
        kind, factors, position, wires, taken, collected = frame
        done = position + 1
        frame[2] = done
        if kind is Par:
            collected.extend(outs)
            frame[4] = taken = taken + factors[position].arity[0]
        if done == len(factors):
            outs = tuple(collected) if kind is Par else outs
            frames.pop()
            current = None
            continue
        current = factors[done]
        ins = wires[taken : taken + factors[done].arity[0]] if kind is Par else outs


def _same_shape(a: Term, b: Term) -> bool:
    """Whether two terms are written alike, factor by factor; sufficient for equality, and fast."""
    stack = [(a, b)]
    while stack:
        x, y = stack.pop()
        if x is y:
            continue
        if type(x) is not type(y):
            return False
        if isinstance(x, Box) and isinstance(y, Box):
            if x.identity != y.identity:
                return False
            continue
        left, right = (x.parts, y.parts) if isinstance(x, Seq) else (x.factors, y.factors)  # type: ignore[union-attr]
        if len(left) != len(right):
            return False
        stack.extend(zip(left, right, strict=True))
    return True
