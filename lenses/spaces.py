"""Spaces, the objects of the language: finite tuples of arrays, each with axes and an element type.

`@` concatenates spaces and `unit` is the empty one, both strictly. Axes may be named; names are
for people, for drawings and for boxes that pick an axis by name, and play no part in equality,
which is on sizes and element types alone and therefore an equivalence relation.

Each space knows its space of changes `A.change` (written A' in the papers): the reals have
themselves, indices and random keys have nothing.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import jax.numpy as jnp

from .arguments import dtype as check_dtype
from .arguments import whole
from .errors import LensError, SpaceError, explain, shown

F = TypeVar("F", bound=Callable[..., Any])


class Element:
    """The type of an array's elements. Subclasses are registered by `name`, for files.

    To add a base, subclass it: a dtype, the element type of changes (or None where nothing can
    change), and the call that users write, which `Array.__repr__` prints. Elements that change form a
    commutative rig, carried by numbers of which 0 is the zero and 1 the one: `plus`, `times`, `total`,
    or `reduce` alone, where sums and products are those of the numbers that carry them, reduced.
    """

    name: ClassVar[str]
    registry: ClassVar[dict[str, type[Element]]] = {}

    def __init_subclass__(cls) -> None:
        Element.registry[cls.name] = cls

    @property
    def dtype(self) -> Any:
        """The JAX dtype that carries these elements."""
        raise NotImplementedError(type(self).__name__)

    @property
    def change(self) -> Element | None:
        """The element type of changes, None where there are none."""
        return self

    @property
    def values(self) -> Any:
        """All elements, as a sequence, where there are finitely many; None otherwise."""
        return None

    @property
    def characteristic(self) -> int:
        """How many ones add up to zero, 0 where none do."""
        return 0

    def reduce(self, x: Any) -> Any:
        """A sum or product of carried numbers as an element again; what dtypes do by themselves is left to them."""
        return x

    def plus(self, x: Any, y: Any) -> Any:
        """The sum of two arrays of carried elements."""
        return self.reduce(x + y)

    def times(self, x: Any, y: Any) -> Any:
        """Their product."""
        return self.reduce(x * y)

    def total(self, x: Any, axes: Sequence[int]) -> Any:
        """The sum along axes."""
        return self.reduce(x.sum(tuple(axes), dtype=x.dtype))

    def contract(self, letters: str, xs: Sequence[Any]) -> Any:
        """The sum of products that `letters` spells in NumPy's einsum notation, batch axes as "..."."""
        return contract(self, letters, xs)

    def call(self, axes: list[str]) -> str:
        """The source text that makes an array of this element type with these printed axes."""
        raise NotImplementedError(type(self).__name__)


@dataclass(frozen=True)
class RealElement(Element):
    """Real numbers, carried by a float dtype; their changes are real numbers."""

    name: ClassVar[str] = "real"
    kind: str = "float32"

    @property
    def dtype(self) -> Any:
        return jnp.dtype(self.kind)

    def total(self, x: Any, axes: Sequence[int]) -> Any:
        return x.sum(tuple(axes))

    def contract(self, letters: str, xs: Sequence[Any]) -> Any:
        return jnp.einsum(letters, *xs)

    def call(self, axes: list[str]) -> str:
        tail = [] if self.kind == "float32" else [f"dtype={self.kind!r}"]
        return f"Real({', '.join(axes + tail)})"


@dataclass(frozen=True)
class IndexElement(Element):
    """Whole numbers from 0 to below - 1, carried by int32; they have no changes."""

    name: ClassVar[str] = "index"
    below: int = 2

    @property
    def dtype(self) -> Any:
        return jnp.dtype("int32")

    @property
    def change(self) -> None:
        return None

    @property
    def values(self) -> range:
        return range(self.below)

    def call(self, axes: list[str]) -> str:
        return f"Index({', '.join([*axes, f'below={self.below}'])})"


@dataclass(frozen=True)
class ResidueElement(Element):
    """Whole numbers modulo `modulo`, a finite commutative ring, carried by int32; their changes are such numbers."""

    name: ClassVar[str] = "residue"
    modulo: int = 2

    @property
    def dtype(self) -> Any:
        return jnp.dtype("int32")

    @property
    def values(self) -> range:
        return range(self.modulo)

    @property
    def characteristic(self) -> int:
        return self.modulo

    @property
    def _wraps(self) -> bool:
        """Whether numbers that overflow are still right modulo n."""
        return not self.modulo & (self.modulo - 1)

    def reduce(self, x: Any) -> Any:
        return x & (self.modulo - 1) if self._wraps else x % self.modulo

    def contract(self, letters: str, xs: Sequence[Any]) -> Any:
        left, right = letters.replace("...", "").split("->")
        pairs = [(n, i, x) for own, x in zip(left.split(","), xs, strict=True) for i, n in enumerate(own[::-1], 1)]
        terms = math.prod({n: x.shape[-i] for n, i, x in pairs if n not in right}.values())
        if self._wraps or terms * (self.modulo - 1) ** len(xs) < 2**31:
            return self.reduce(jnp.einsum(letters, *xs))
        return contract(self, letters, xs)

    def call(self, axes: list[str]) -> str:
        if self.modulo == 2:
            return f"Bits({', '.join(axes)})"
        return f"Residue({', '.join([*axes, f'modulo={self.modulo}'])})"


def contract(element: Element, letters: str, xs: Sequence[Any]) -> Any:
    """An einsum over any rig, written out: the operands side by side, their product, and its sum."""
    left, right = letters.replace("...", "").split("->")
    operands = left.split(",")
    order = right + "".join(sorted(set(left) - set(right) - {","}))
    wide = []
    for own, x in zip(operands, xs, strict=True):
        kept = "".join(n for n in order if n in own)
        x = jnp.einsum(f"...{own}->...{kept}", x)
        lead = x.ndim - len(kept)
        wide.append(jnp.expand_dims(x, [lead + i for i, n in enumerate(order) if n not in kept]))
    most = max(x.ndim for x in wide)
    product = None
    for x in wide:
        x = jnp.expand_dims(x, list(range(x.ndim - len(order), most - len(order))))
        product = x if product is None else element.times(product, x)
    return element.total(product, range(most - len(order) + len(right), most))


def element_of(dtype: Any) -> Element | None:
    """The element type that a dtype carries by itself: reals, or indices without a bound; None for others."""
    if jnp.issubdtype(dtype, jnp.floating):
        return RealElement(jnp.dtype(dtype).name)
    return IndexElement(2**31) if jnp.issubdtype(dtype, jnp.integer) else None


class Array:
    """One array of a space: sizes (a tuple of int), names (str or None for each axis), element."""

    __slots__ = ("_hash", "element", "names", "sizes")
    sizes: tuple[int, ...]
    names: tuple[str | None, ...]
    element: Element
    _hash: int

    def __init__(
        self, sizes: Iterable[int], names: Iterable[str | None] | None = None, element: Element = RealElement()
    ):
        sizes = tuple(sizes)
        given = tuple(names) if names is not None else (None,) * len(sizes)
        # Of two axes of one name the last keeps it: it is the one that the box which made it meant.
        unique = tuple(n if n not in given[i + 1 :] else None for i, n in enumerate(given))
        for name, value in (
            ("sizes", sizes),
            ("names", unique),
            ("element", element),
            ("_hash", hash((sizes, element))),
        ):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("an array of a space cannot be changed")

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.sizes)

    @property
    def dtype(self) -> Any:
        """The JAX dtype that carries the array."""
        return self.element.dtype

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.sizes)

    @property
    def real(self) -> bool:
        """Whether the elements are real numbers, of which there are limits, exponentials, and so on."""
        return isinstance(self.element, RealElement)

    @property
    def change(self) -> Array | None:
        """The array of changes, None where nothing can change."""
        element = self.element.change
        if element is None or element is self.element:
            return None if element is None else self
        return Array(self.sizes, self.names, element)

    def axis(self, which: int | str) -> int:
        """The axis `which`, a name or an integer, as a negative index. KeyError where there is none."""
        if isinstance(which, str):
            if which not in self.names:
                raise KeyError(which)
            return self.names.index(which) - self.rank
        if not -self.rank <= which < self.rank:
            raise KeyError(which)
        return which - self.rank if which >= 0 else which

    def replace(self, start: int, sizes: Iterable[int], names: Iterable[str | None] | None = None) -> Array:
        """The array whose axes from `start` (a negative index, or 0 for all of them) on are new."""
        sizes = tuple(sizes)
        names = tuple(names) if names is not None else (None,) * len(sizes)
        keep = self.rank + start if start < 0 else start
        return Array(self.sizes[:keep] + sizes, self.names[:keep] + names, self.element)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Array) and self.sizes == other.sizes and self.element == other.element

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        # Python wants positional arguments first: where an unnamed axis follows a named one,
        # it is printed with a name of one underscore and its place, which is read back as unnamed.
        # The two names that are arguments themselves are left out.
        named = False
        axes = []
        names = [None if name in ("dtype", "below", "modulo") else name for name in self.names]
        for place, (size, name) in enumerate(zip(self.sizes, names, strict=True)):
            named = named or name is not None
            name = name or f"_{place}"
            spelled = name.isidentifier() and not keyword.iskeyword(name)
            axes.append(str(size) if not named else f"{name}={size}" if spelled else f"**{{{name!r}: {size}}}")
        return self.element.call(axes)


class Space:
    """A finite tuple of arrays, an object of the category. `A @ B` concatenates, `unit` is empty."""

    __slots__ = ("arrays",)
    arrays: tuple[Array, ...]

    def __init__(self, arrays: Iterable[Array] = ()):
        try:
            held: tuple[Any, ...] = (arrays,) if isinstance(arrays, str) else tuple(arrays)
        except TypeError:
            held = (arrays,)
        for array in held:
            if not isinstance(array, Array):
                do = "write spaces as Real(64) or Index(below=10), and join them with @"
                raise SpaceError(explain(f"a space cannot hold {shown(array)}", expected="arrays of spaces", do=do))
        object.__setattr__(self, "arrays", held)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a space cannot be changed")

    @property
    def names(self) -> tuple[tuple[str | None, ...], ...]:
        """The names of the axes of each array, which equality leaves out."""
        return tuple([a.names for a in self.arrays])

    @property
    def change(self) -> Space:
        """A': the arrays of changes; arrays that cannot change are left out."""
        return Space(c for a in self.arrays if (c := a.change) is not None)

    def __matmul__(self, other: Space) -> Space:
        if not isinstance(other, Space):
            return NotImplemented
        return Space(self.arrays + other.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __iter__(self) -> Iterator[Array]:
        return iter(self.arrays)

    def __getitem__(self, i: int) -> Array:
        return self.arrays[i]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self.arrays == other.arrays

    def __hash__(self) -> int:
        return hash(self.arrays)

    def __repr__(self) -> str:
        return " @ ".join(map(repr, self.arrays)) or "unit"


unit = Space()
"""The empty space, the unit of `@`."""


def named_axes(
    call: str, sizes: tuple[int, ...], named: dict[str, int]
) -> tuple[tuple[int, ...], tuple[str | None, ...]]:
    """The sizes and names of axes as `Array` takes them, from the arguments of `call`, which makes a space."""
    pairs: list[tuple[str | None, int]] = [(None, n) for n in sizes]
    pairs += [(None if name == f"_{i}" else name, n) for i, (name, n) in enumerate(named.items(), len(sizes))]
    do = "leave batch axes out: they are the leading axes of the data, and need no mention"
    checked = [whole(call, f"the size of axis {name or '(unnamed)'}", n, do=do, kind=SpaceError) for name, n in pairs]
    return tuple(checked), tuple(name for name, _ in pairs)


MAKERS: dict[str, Any] = {}
"""The functions that make spaces, by the name under which `parse_space` reads them."""


def makes(function: F) -> F:
    """Decorator: registers a function that makes spaces of one array."""
    MAKERS[function.__name__] = function
    return function


@makes
def Real(*sizes: int, dtype: Any = "float32", **named: int) -> Space:
    """The space of one real array with these axes, the named ones last; `Real()` is a scalar.

    `dtype` is float32, bfloat16, float16 or float64 (which needs `jax_enable_x64`).
    Raises SpaceError for a size that is not a positive whole number or a dtype that is not a float.
    """
    element = RealElement(check_dtype("Real", dtype, SpaceError))
    return Space([Array(*named_axes("Real", sizes, named), element)])


@makes
def Index(*sizes: int, below: int, **named: int) -> Space:
    """The space of one array of whole numbers from 0 to `below` - 1: labels, tokens, positions."""
    element = IndexElement(whole("Index", "below", below, 1, 2**31, kind=SpaceError))
    return Space([Array(*named_axes("Index", sizes, named), element)])


@makes
def Residue(*sizes: int, modulo: int = 2, **named: int) -> Space:
    """The space of one array over the ring of whole numbers modulo `modulo`, Z2 by default.

    Sums, products and derivatives of polynomials over it are exact. Raises SpaceError for a size or
    a modulus that is out of range.
    """
    element = ResidueElement(whole("Residue", "modulo", modulo, 2, 2**15, kind=SpaceError))
    return Space([Array(*named_axes("Residue", sizes, named), element)])


@makes
def Bits(*sizes: int, **named: int) -> Space:
    """The space of one array of bits: the ring of two elements, where + is exclusive or and * is and."""
    return Space([Array(*named_axes("Bits", sizes, named), ResidueElement(2))])


def parse_space(text: str) -> Space:
    """The space that `text` spells, e.g. ``"Real(28, 28, 1) @ Index(below=10)"``; nothing is evaluated."""
    import ast

    def read(node: ast.expr) -> Space:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            return read(node.left) @ read(node.right)
        if isinstance(node, ast.Name) and node.id == "unit":
            return unit
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS:
            named: dict[str, Any] = {}
            for k in node.keywords:
                value = ast.literal_eval(k.value)
                named |= {k.arg: value} if k.arg else value
            return MAKERS[node.func.id](*(ast.literal_eval(a) for a in node.args), **named)
        raise ValueError(f"{ast.unparse(node)} is no space")

    try:
        return read(ast.parse(text, mode="eval").body)
    except (LensError, SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise SpaceError(
            explain(
                f"cannot read the space {shown(text)}",
                because=error,
                do="write it as in Real(28, 28, channel=1) @ Index(below=10)",
            )
        ) from None
