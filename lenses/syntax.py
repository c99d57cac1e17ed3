"""The concrete syntax of terms: as Python text that reads back, and as plain data for files."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .errors import FileError, LensError, explain
from .spaces import Array, Element, Space
from .terms import Box, Par, Port, Seq, Term, compose, tensor
from .typed import Typed


class Text(NamedTuple):
    """A term as text, and where the marked box stands in it."""

    text: str
    start: int
    end: int


def render(term: Term, mark: int | None = None) -> Text:
    """The term as Python text, ``>>`` and ``@`` with the fewest brackets, the box number `mark` located."""
    if isinstance(term, Typed):
        inner = render(term.term, mark)
        spelled = bracketed(term.term)
        shift = 1 if spelled != inner.text else 0
        return Text(f"{spelled}.at({term.dom!r})", inner.start + shift, inner.end + shift)
    pieces: list[str] = []
    length = leaf = start = end = 0
    stack: list[Term | str] = [term]
    while stack:
        item = stack.pop()
        if isinstance(item, Box):
            text = item.spell()
            if leaf == mark:
                start, end = length, length + len(text)
            leaf += 1
            pieces.append(text)
            length += len(text)
        elif isinstance(item, str):
            pieces.append(item)
            length += len(item)
        else:
            children, joint = (item.parts, " >> ") if isinstance(item, Seq) else (item.factors, " @ ")  # type: ignore[union-attr]
            todo: list[Term | str] = []
            for child in children:
                if todo:
                    todo.append(joint)
                todo += ["(", child, ")"] if isinstance(item, Par) and isinstance(child, Seq) else [child]
            stack.extend(reversed(todo))
    return Text("".join(pieces), start, end)


def bracketed(term: Term) -> str:
    """The term as text, in brackets unless it is a single box that needs none."""
    return repr(term) if isinstance(term, Box) and not term.operator else f"({term!r})"


def shorten(term: Term, width: int = 100) -> str:
    """The term as text, its middle left out where it is longer than `width`."""
    if isinstance(term, Seq) and len(term.parts) > 40:
        ends = compose(*term.parts[:10]), compose(*term.parts[-10:])
        text = f"{render(ends[0]).text} >> ... >> {render(ends[1]).text}"
    else:
        text = repr(term)
    half = (width - 5) // 2
    return text if len(text) <= width else f"{text[:half]} ... {text[-half:]}"


def marked(term: Term, leaf: int, around: int = 50) -> str:
    """The term as text with the box number `leaf` underlined, what is far from it left out."""
    text, start, end = render(term, leaf)
    low, high = max(0, start - around), min(len(text), end + around)
    head, tail = "... " if low else "", " ..." if high < len(text) else ""
    shown = head + text[low:high] + tail
    return f"{shown}\n{' ' * (start - low + len(head))}{'^' * max(1, end - start)}"


# -- data ------------------------------------------------------------------------------------


WORDS = ("bool", "uint8", "int32", "int64")
"""The dtypes of arrays that a box's field may hold."""


def to_data(term: Term, arrays: dict[str, Any] | None = None) -> dict[str, Any]:
    """The term as plain data (lists, numbers, strings), equal boxes stored once; linear in its size.

    Arrays in boxes are put into `arrays`, where it is given, and their names into the data.
    """
    table: list[Any] = []
    known: dict[Any, int] = {}
    done: dict[int, int] = {}

    def put(key: Any, entry: Callable[[], Any]) -> int:
        if key not in known:
            value = entry()
            known[key] = len(table)
            table.append(value)
        return known[key]

    def value(v: Any) -> Any:
        if v is None or isinstance(v, bool | int | float | str):
            return v
        if isinstance(v, tuple):
            return ["tuple", *map(value, v)]
        if isinstance(v, Space):
            return ["space", *([list(a.sizes), list(a.names), a.element.name, vars(a.element)] for a in v)]
        if isinstance(v, Term):
            return ["term", visit(v)]
        if hasattr(v, "to_data"):
            return [type(v).__name__, *map(value, v.to_data())]
        if isinstance(v, np.ndarray) and v.dtype.name in WORDS:
            if arrays is None:
                return ["array", v.dtype.name, v.tolist()]
            arrays[f"{len(arrays)}"] = v
            return ["array", f"{len(arrays) - 1}"]
        raise LensError(
            explain(
                f"{v!r} is not data, so a term that holds it cannot be saved",
                do="give lift a name, as in lift(fn, name='my_fn'), and define it again before loading",
            )
        )

    def children(t: Term) -> tuple[Term, ...]:
        return t.parts if isinstance(t, Seq) else t.factors if isinstance(t, Par) else ()

    def visit(root: Term) -> int:
        stack = [root]
        while stack:
            t = stack[-1]
            if id(t) in done:
                stack.pop()
                continue
            if isinstance(t, Typed):
                inner = visit(t.term)
                done[id(t)] = put(("at", inner, repr(t.dom)), lambda t=t, i=inner: ["at", i, value(t.dom)])
            elif isinstance(t, Box):
                # Names of axes are no part of equality, but they are part of what is written down.
                def entry(t: Box = t) -> Any:
                    return ["box", type(t).__name__, {k: value(v) for k, v in t.fields.items()}]

                done[id(t)] = put((t.identity, _spaces(t)), entry)
            else:
                missing = [c for c in children(t) if id(c) not in done]
                if missing:
                    stack.extend(missing)
                    continue
                ids = [done[id(c)] for c in children(t)]
                kind = "seq" if isinstance(t, Seq) else "par"
                done[id(t)] = put((kind, *ids), lambda k=kind, i=ids: [k, *i])
            stack.pop()
        return done[id(root)]

    root = visit(term)
    return {"language": 1, "terms": table, "root": root}


def _spaces(box: Box) -> tuple[str, ...]:
    return tuple(repr(v) for v in box.fields.values() if isinstance(v, Space))


def from_data(data: Any, arrays: Mapping[str, Any] | None = None) -> Term:
    """The term that `to_data` wrote down. Only box classes that are already defined are ever made.

    `arrays` are those that were put apart. Raises FileError where the data is not of this form or names
    a class that is not defined.
    """
    try:
        if data["language"] != 1:
            raise FileError(
                explain(f"a term of language version {data['language']!r}", expected=1, do="update the library")
            )
        made: list[Term] = []
        for entry in data["terms"]:
            made.append(_read(entry, made, arrays or {}))
        return made[data["root"]]
    except LensError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise FileError(explain("this is no term", because=f"{type(error).__name__}: {error}")) from None


def _read(entry: Any, made: list[Term], arrays: Mapping[str, Any]) -> Term:
    def value(v: Any) -> Any:
        if not isinstance(v, list):
            return v
        kind, *rest = v
        if kind == "tuple":
            return tuple(map(value, rest))
        if kind == "term":
            return made[rest[0]]
        if kind == "array":
            if len(rest) == 1:
                return arrays[rest[0]]
            return np.array(rest[1], rest[0] if rest[0] in WORDS else None)
        if kind == "space":
            return Space(Array(sizes, names, Element.registry[e](**data)) for sizes, names, e, data in rest)
        maker = Port if kind == "Port" else Readable.registry[kind]
        return maker.from_data(*map(value, rest))

    kind, *rest = entry
    if kind in ("seq", "par"):
        return (compose if kind == "seq" else tensor)(*(made[i] for i in rest))
    if kind == "at":
        return made[rest[0]].at(value(rest[1]))
    name, fields = rest
    if kind != "box" or name not in Box.registry:
        raise FileError(
            explain(
                f"the file uses the box class {name!r}, which is not defined here",
                do="import the module that defines it first; nothing is imported because a file says so",
            )
        )
    box = Box.registry[name](**{k: value(v) for k, v in fields.items()})
    for f in dataclasses.fields(box):  # type: ignore[arg-type]
        if not _fits(getattr(box, f.name), str(f.type)):
            raise FileError(explain(f"{name}: the field {f.name} is {getattr(box, f.name)!r}", expected=f.type))
    if any(not isinstance(n, int) or n < 0 for n in box.arity):
        raise FileError(explain(f"{name}: its arity is {box.arity}", expected="numbers of wires, 0 or more"))
    return box


def _fits(value: Any, annotation: str) -> bool:
    """Whether a field's value is of a class that its annotation names; what a tuple holds is left to the box."""
    flat = re.sub(r"\[[^\[\]]*(\[[^\[\]]*\][^\[\]]*)*\]", "", annotation)
    names = {part.strip().replace("None", "NoneType") for part in flat.split("|")}
    if isinstance(value, bool):
        return "bool" in names
    return any(base.__name__ in names for base in type(value).__mro__) or (type(value) is int and "float" in names)


class Readable:
    """Base of the values other than boxes that a box's field may hold in a file; registered by class name."""

    registry: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        Readable.registry[cls.__name__] = cls

    def to_data(self) -> tuple[Any, ...]:
        """The arguments of `from_data`, as plain data."""
        raise NotImplementedError(type(self).__name__)

    @classmethod
    def from_data(cls, *data: Any) -> Any:
        """The value again."""
        return cls(*data)
